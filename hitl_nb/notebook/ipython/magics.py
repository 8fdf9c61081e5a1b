"""The IPython extension (`%load_ext hitl_nb`): registers the magics `%%agent` and `%hitl`, and handles `Paused`.

`%%agent` is a normal magic, with completion and `%%agent?`, but its value is a coroutine. An input transformer puts
`await` before its call. So an agent cell may use `await`, can be interrupted, and lets the event loop run, as any cell.
`Paused` ends the cell without a traceback: queued cells are not executed, and no error is shown.
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
            """Run the cell as an agent. It may pause at hitl.checkpoint(...) and continues there after the decision.

            %%agent NAME [--key EXPR] [--restart] [--as-recorded] [--wait SECONDS] [--store URL]

            NAME         a word, unique in the notebook
            --key        one run per value of EXPR, for example one run per order
            --restart    start again from the first statement; a run started like this continues until it has finished
            --as-recorded  continue with the code that ran, although the cell was edited
            --wait       hold the cell for at most this many seconds, in case somebody decides at once
            --store      URL of another store
            """
            return self.cells.run(line, cell)

        @no_var_expand
        def hitl(line: str) -> Any:
            """Show and decide proposals, and manage runs.

            %hitl [inbox]            the proposals that wait for a decision
            %hitl runs               the runs of this store
            %hitl show ID            one proposal in full
            %hitl approve ID [REASON], edit ID VALUE, reject ID REASON, respond ID MESSAGE
            %hitl widget NAME        the panel of a paused agent
            %hitl resume NAME        continue a decided agent, with its output here
            %hitl forget NAME        forget the runs of an agent of this notebook
            %hitl adopt RUN, cancel RUN  give a run to this notebook; stop a run for good
            %hitl notebook [PATH]    show or set the notebook's path, for a kernel that does not know it
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
        """Put `await` before calls of magics that return a coroutine. IPython calls this for the lines of each cell.

        Raises:
            UsageError: `%%agent` is below another cell magic, or the cell is an agent cell of a notebook that
                `%run` runs.
        """
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
            shell._last_traceback = []  # ipykernel sends it with the reply; otherwise an older error would be sent
            return []
        return self.before[1](etype, value, tb, tb_offset=tb_offset)

    def remove(self) -> None:
        """Remove the magics and restore the shell."""
        shell = self.shell
        shell.input_transformers_post.remove(self.await_magics_in_cell)
        shell.custom_exceptions, shell.CustomTB = self.before
        shell.magics_manager.magics["cell"].pop("agent", None)
        shell.magics_manager.magics["line"].pop("hitl", None)
        self.tracebacks.remove()
        outside.home_finders.pop()


_MAGIC_CALL = re.compile(r"""get_ipython\(\)\.run_cell_magic\('(?P<name>\w+)', .*?, ['"]\s*%%agent\b""")


def await_magics(lines: list[str]) -> list[str]:
    """Put `await` before calls of magics that return a coroutine.

    Args:
        lines: The lines of a cell, after IPython has replaced magics by calls.

    Returns:
        The changed lines.

    Raises:
        UsageError: `%%agent` is below another cell magic. Some magics would not execute it at all, without a message.
    """
    below = _MAGIC_CALL.match(lines[0]) if lines else None
    if below is not None:
        raise UsageError(
            f"%%agent must be the first line of its cell: below %%{below['name']} the cell cannot pause. Remove "
            f"%%{below['name']}; line magics, such as %time STATEMENT, work inside an agent cell"
        )
    starts = ("get_ipython().run_cell_magic('agent',", "get_ipython().run_line_magic('hitl', 'resume")
    return [f"await {line}" if line.startswith(starts) else line for line in lines]


def load_ipython_extension(shell: Any) -> None:
    """Load the extension: `%load_ext hitl_nb` calls this. A second call does nothing."""
    watch_certificates()
    if id(shell) not in _loaded:
        _loaded[id(shell)] = _LoadedExtension(shell)
        install(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Unload the extension: `%unload_ext hitl_nb` calls this."""
    extension = _loaded.pop(id(shell), None)
    if extension is not None:
        extension.remove()
        uninstall(shell)
