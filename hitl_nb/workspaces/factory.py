"""`workspace()`: the workspace of a run, or of a plain script through a server."""

from __future__ import annotations

from hitl_nb.drafts.draft import Draft
from hitl_nb.engine.current_session import current_session
from hitl_nb.engine.live.steps_under_way import in_step
from hitl_nb.errors import HitlError, NotInAgent
from hitl_nb.kinds import questions as values
from hitl_nb.kinds.registry import text_kinds
from hitl_nb.records import KindName
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
) -> LocalWorkspace:
    """Open a document that the agent and people write together; use it as a context manager.

    A plain script, outside of any agent, writes through a Jupyter server: `server` and what follows are for it.
    `wait_until_done` blocks there. The same script run again, with the same `name` and title, goes on with the document
    as long as that is not closed. A call is known by its kind and which of that kind it is in the script: what was
    written is not written again, what was read reads the same, what was decided stays, up to where the script ended. So
    its calls must come in the same order every time, and it must not make two of them at once. Of several processes the
    one that opened it last goes on.

    Args:
        title: one line, not that of another open workspace of this run.
        kind: "markdown", "text" or "code".
        template: what it begins with.
        server: the address of a Jupyter server with hitl_nb, with or without `?token=`.
        token: its token; if left out, that of the address, else of the environment variable JUPYTER_TOKEN.
        name: the script's name, which people see as the author's; that of its file if left out.
        restart: begin anew, with an empty document: one that is open is closed.

    Raises:
        ValueError, TypeError: a bad argument.
        WorkspaceInUse: the run has an open workspace with this title.
        NotInAgent: there is no run whose workspace it could be, and no `server`.
        ServerError: the server does not answer, or refuses the token.
    """
    session = current_session()
    if server is None and session is None:
        raise NotInAgent(
            "workspace() was called outside an agent: put the code into a %%agent cell, or into a function marked "
            '@hitl.agent and started with .run(...); a plain script gives server="http://..." and token="..." of a '
            "Jupyter server, and writes through that"
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
        raise HitlError(f"workspace() was called inside the step {step}(): a step is recorded as a whole; move it out")
    session.check_not_paused()
    session.live.begin_call(None)
    ledger, position = session.ledger, session.live.name_call("workspace")
    record = ledger.open_workspace(session.claim, title=title, kind=kind, template=template, position=position)
    Draft.for_workspace(ledger.store, record).write_initial()
    session.opened(record)
    let_script_write(session, record.id)
    return LocalWorkspace(record.id)
