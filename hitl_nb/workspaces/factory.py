"""The function `workspace()`, which opens a workspace for the run of an agent, or for a script through a server."""

from __future__ import annotations

from hitl_nb.drafts.draft import Draft
from hitl_nb.engine.current_session import current_session
from hitl_nb.engine.live.steps_under_way import in_step
from hitl_nb.errors import HitlError, NotInAgent
from hitl_nb.kinds import questions as values
from hitl_nb.kinds.registry import text_kinds
from hitl_nb.records import KindName
from hitl_nb.workspaces.interface import AgentWorkspace
from hitl_nb.workspaces.local import LocalWorkspace, let_script_write


def workspace(
    title: str,
    *,
    kind: KindName = "markdown",
    template: str = "",
    server: str | None = None,
    token: str | None = None,
    name: str | None = None,
    restart: bool = False,
) -> AgentWorkspace:
    """Open a document that the agent and people write together. Use the result as a context manager.

    In an agent, the document belongs to the run, and `server`, `token`, `name` and `restart` must be left out. A plain
    script (code outside of any agent) writes through a Jupyter server; its calls of `wait_until_done` block.

    A script that is started again with the same `name` and `title` continues with the same document, until the document
    is closed. Each call of a method is identified by the method and by the number of the call among the calls of this
    method. A call that an earlier start of the script has made already writes nothing, and returns the recorded text,
    comments or decision. So a script must make the same calls in the same order at each start, and never two calls at
    the same time. If several processes open the same document, only the process that opened it last may continue.

    Args:
        title: Title of the document, one line. No other open workspace of this run may have the same title.
        kind: "markdown" (default), "text" or "code".
        template: Initial text.
        server: Address of a Jupyter server with hitl_nb, with or without `?token=`. None (default): the document
            belongs to the run of the agent.
        token: Token of the server. None (default): the token in the address, else the environment variable
            JUPYTER_TOKEN.
        name: Name of the script, which people see as the author. None (default): the name of the script's file.
        restart: If True, close an open document of the same title, and begin with a new one. Default: False.

    Returns:
        The workspace, open for writing.

    Raises:
        ValueError: An argument has a wrong value.
        TypeError: An argument has a wrong type.
        WorkspaceInUse: The run, or this process, already has an open workspace with this title.
        NotInAgent: The call is outside of an agent, and no `server` is given.
        ServerError: The server does not answer, or refuses the token.
        HitlError: The call is inside a step; or the script's last run was cancelled, and `restart` is False.
    """
    session = current_session()
    if server is None and session is None:
        raise NotInAgent(
            "workspace() was called outside an agent. Put the code into a %%agent cell, or into a function marked "
            "@hitl.agent and started with .run(...). A plain script can write through a Jupyter server: give "
            'server="http://..." and token="..."'
        )
    if session is not None and not (server is token is name is None and not restart):
        raise ValueError("server, token, name and restart are for scripts outside of agents; leave them out here")
    if kind not in text_kinds():
        raise ValueError(f"kind must be one of {', '.join(text_kinds())}, not {kind!r}")
    if not isinstance(template, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise TypeError(f"template must be a str, not {type(template).__name__}")
    title = values.build_question("", title=title, kind="text").title
    if session is None:
        from hitl_nb.workspaces.remote import open_remote_workspace

        assert server is not None
        return open_remote_workspace(
            title, kind=kind, template=template, server=server, token=token, name=name, restart=restart
        )
    step = in_step.get()
    if step is not None:
        raise HitlError(
            f"workspace() was called inside the step {step}(): a step is recorded as a whole; move the call out of it"
        )
    session.check_not_paused()
    session.live.begin_call(None)
    ledger, position = session.ledger, session.live.name_call("workspace")
    record = ledger.workspaces.open(session.claim, title=title, kind=kind, template=template, position=position)
    Draft.for_workspace(ledger.store, record).write_initial()
    session.opened(record)
    let_script_write(session, record.id)
    return LocalWorkspace(record.id)
