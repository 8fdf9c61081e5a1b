"""`%load_ext hitl_nb`: registers `%%agent` and `%hitl`, and how a paused cell ends.

`%%agent` is a real magic (completion, `%%agent?`) whose value is a coroutine; an input transformer puts `await`
before its call, so that an agent cell may `await`, be interrupted, and let the event loop run, as any cell.
`Paused` ends the cell without a traceback: queued cells stop, and nothing red is shown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

from hitl_nb.agent_api import outside_runs as outside
from hitl_nb.engine.instrument import install, uninstall
from hitl_nb.engine.reopening.client_certificates import watch_certificates
from hitl_nb.errors import HitlError, Paused
from hitl_nb.headless.notebook_identity import find_magic_notebook
from hitl_nb.notebook.ipython.agent_cells import AgentCells
from hitl_nb.notebook.ipython.hitl_command import hitl_command
from hitl_nb.notebook.ipython.tracebacks import ShownTracebacks, keep_user_traceback

_loaded: dict[int, _LoadedExtension] = {}


class _LoadedExtension:
    def __init__(self, shell: Any) -> None:
        from IPython.core.magic import no_var_expand

        self.shell = shell
        self.cells = AgentCells(shell)
        self.before = (shell.custom_exceptions, shell.CustomTB)
        self.tracebacks = ShownTracebacks(shell)
        outside.home_finders.append(self.cells.notebook.resolve_path)

        @no_var_expand
        def agent(line: str, cell: str) -> Any:
            """Run the cell as an agent: it may pause at hitl.checkpoint(...) and goes on there when people decided.

            %%agent NAME [--key EXPR] [--restart] [--as-recorded] [--wait SECONDS] [--store URL]

            NAME         a word, unique in the notebook
            --key        one run per value of EXPR (one run per order, say)
            --restart    start it again, from the first statement; a run that it began continues until it has finished
            --as-recorded  go on with the code as it ran, although the cell was edited
            --wait       hold the cell for at most so many seconds, in case somebody decides at once
            --store      URL of another store
            """
            return self.cells.run(line, cell)

        @no_var_expand
        def hitl(line: str) -> Any:
            """Proposals and runs.

            %hitl [inbox]            what waits for a decision
            %hitl runs               the runs of this store
            %hitl show ID            one proposal in full
            %hitl approve ID [REASON], edit ID VALUE, reject ID REASON, respond ID MESSAGE
            %hitl widget NAME        the panel of a paused agent
            %hitl resume NAME        go on with a decided agent, its output here
            %hitl forget NAME        forget the runs of an agent of this notebook
            %hitl adopt RUN, cancel RUN  give a run to this notebook; stop a run for good
            %hitl notebook [PATH]    which notebook this is, for a kernel that is not told
            """
            try:
                return hitl_command(self.cells, line)
            except HitlError as error:
                raise keep_user_traceback(error) from error.__cause__

        shell.register_magic_function(agent, "cell", "agent")
        shell.register_magic_function(hitl, "line", "hitl")
        shell.input_transformers_post.append(self.await_magics_in_cell)
        shell.set_custom_exc((*self.before[0], Paused), self._on_pause)

    def await_magics_in_cell(self, lines: list[str]) -> list[str]:
        """As `await_magics`. Raises UsageError, too, for an agent cell of a notebook that `%run` runs in this
        kernel."""
        changed = await_magics(lines)
        file = find_magic_notebook(self.shell.user_ns)
        if file is not None and changed != lines:
            name = Path(file).name
            raise UsageError(
                f"%run cannot run the agents of {name}: they belong to that notebook. Run it by itself, with "
                f"`hitl-nb run {name}`, or put what both notebooks need into a module and import it"
            )
        return changed

    def _on_pause(
        self, shell: Any, etype: type[BaseException], value: Any, tb: Any, tb_offset: int | None = None
    ) -> Any:
        if issubclass(etype, Paused):
            shell._last_traceback = []  # ipykernel sends it with the reply; the one there is of an older error
            return []
        return self.before[1](etype, value, tb, tb_offset=tb_offset)

    def remove(self) -> None:
        shell = self.shell
        shell.input_transformers_post.remove(self.await_magics_in_cell)
        shell.custom_exceptions, shell.CustomTB = self.before
        shell.magics_manager.magics["cell"].pop("agent", None)
        shell.magics_manager.magics["line"].pop("hitl", None)
        self.tracebacks.remove()
        outside.home_finders.pop()


_MAGIC_CALL = re.compile(r"""get_ipython\(\)\.run_cell_magic\('(?P<name>\w+)', .*?, ['"]\s*%%agent\b""")


def await_magics(lines: list[str]) -> list[str]:
    """Put `await` before the magics that return a coroutine.

    Raises UsageError for `%%agent` below another cell magic: some would not run it at all, and say nothing.
    """
    below = _MAGIC_CALL.match(lines[0]) if lines else None
    if below is not None:
        raise UsageError(
            f"%%agent must be the first line of its cell: below %%{below['name']} the cell cannot pause. Take "
            f"%%{below['name']} away; line magics, such as %time STATEMENT, work inside an agent cell"
        )
    starts = ("get_ipython().run_cell_magic('agent',", "get_ipython().run_line_magic('hitl', 'resume")
    return [f"await {line}" if line.startswith(starts) else line for line in lines]


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext hitl_nb` calls. Loading it twice does nothing."""
    watch_certificates()
    if id(shell) not in _loaded:
        _loaded[id(shell)] = _LoadedExtension(shell)
        install(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext hitl_nb` calls."""
    extension = _loaded.pop(id(shell), None)
    if extension is not None:
        extension.remove()
        uninstall(shell)
