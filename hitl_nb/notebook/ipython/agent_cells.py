"""Agent cells of one kernel: run them, show their pauses, and go on in the same cell when people decide."""

from __future__ import annotations

import ast
import asyncio
import contextvars
import os
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from IPython.core.error import UsageError

from hitl_nb.engine.run.cell_run import Cell, cell_unit, ledger_of, run_cell
from hitl_nb.engine.run.resume import Outcome
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.errors import Paused, UnknownRun
from hitl_nb.headless.agent_line import Line, key_of, parse_line
from hitl_nb.headless.notebook_identity import KernelNotebook, file_id, told_by
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.notebook.ipython.cell_outputs import Recorder
from hitl_nb.notebook.ipython.inline_figures import close_shown_figures
from hitl_nb.notebook.ipython.interrupts import interruptible
from hitl_nb.notebook.ipython.tracebacks import noted, noting
from hitl_nb.records import Proposal
from hitl_nb.review.decide_from_text import reviewer_name
from hitl_nb.review.static_html import bundle
from hitl_nb.scripted_review.reviewer import attending_reviewer, unanswered_pause
from hitl_nb.storage import open_store

_HISTORY = re.compile(r"_(i*|\d+|i\d+|[ido]h)\Z")


@dataclass
class Place:
    """A cell that ran here: what it takes to run it again into the same output."""

    cell: Cell
    line: Line
    number: int
    quiet: bool
    ledger: Ledger
    context: contextvars.Context
    parent: Any
    loop: asyncio.AbstractEventLoop
    cell_id: str | None
    panel: Any = None
    held: bool = False
    pictures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    task: Any = field(default=None, repr=False)


class AgentCells:
    """The agent cells of one shell, by name."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.places: dict[str, Place] = {}
        self.notebook = KernelNotebook(shell)

    # -- running a cell

    async def run(self, line: str, body: str) -> None:
        """What `%%agent` does. Raises Paused when it waits for people."""
        await noting(self._run_line(line, body))

    async def _run_line(self, line: str, body: str) -> None:
        parsed = parse_line(line)
        place = self._place(parsed, line, body)
        outcome = await self._answered(place, restart=parsed.restart)
        deadline = time.monotonic() + parsed.wait
        while outcome.status == "waiting":
            self._show(place, outcome)
            if not await self._decided(place, outcome, deadline):
                raise _pause(outcome)
            self._start_over(place)
            outcome = await self._run(place)

    def _place(self, parsed: Line, line: str, body: str) -> Place:
        shell = self.shell
        text = f"# %%agent {line}\n" + shell.transform_cell(body)  # lines count from the magic's own
        number = shell.displayhook.prompt_count
        filename = shell.compile.cache(text, number, raw_code=f"%%agent {line}\n{body}")
        if shell.ast_transformers:
            text = ast.unparse(shell.transform_ast(ast.parse(text, filename)))
        ledger = ledger_of(open_store(parsed.store))
        notebook = self.notebook.current(ledger)
        key = key_of(parsed.key, shell.user_ns)
        unit = cell_unit(text, filename, shell.compile.flags)
        parent: dict[str, Any] = shell.get_parent() if hasattr(shell, "get_parent") else {}
        place = Place(
            cell=Cell(notebook, parsed.name, key, unit, shell.user_ns, _label(), file_id(notebook)),
            line=parsed,
            number=number,
            quiet=bool(shell.displayhook.semicolon_at_end_of_expression(body)),
            ledger=ledger,
            context=contextvars.copy_context(),
            parent=parent,
            loop=asyncio.get_running_loop(),
            cell_id=parent.get("metadata", {}).get("cellId"),
        )
        self._unique(place)
        self._close(self.places.get(parsed.name))
        self.places[parsed.name] = place
        return place

    def _unique(self, place: Place) -> None:
        other = self.places.get(place.cell.agent)
        if other is None or None in (other.cell_id, place.cell_id) or other.cell_id == place.cell_id:
            return
        if ast.dump(ast.parse(other.cell.unit.source)) != ast.dump(ast.parse(place.cell.unit.source)):
            raise UsageError(
                f"%%agent: another cell of this notebook is the agent {place.cell.agent!r} already, and names must be "
                "unique; rename one of them (if you moved the cell, `%hitl forget NAME` first)"
            )

    async def _answered(self, place: Place, *, restart: bool = False) -> Outcome:
        """Run it; where a script answers instead of people, on behind each pause, below what the cell has shown."""
        reviewer = attending_reviewer(place.ledger, place.cell.notebook)
        outcome = await self._run(place, restart=restart)
        while reviewer is not None and outcome.status == "waiting":
            reviewer.answer(place.ledger, outcome.proposals)
            outcome = await self._run(place, shown=True)
        return outcome

    async def _run(self, place: Place, *, restart: bool = False, shown: bool = False) -> Outcome:
        recorder = Recorder(
            self.shell, place.cell.agent, place.number, key=place.cell.key, quiet=place.quiet, shown=shown
        )
        with recorder:
            outcome = await interruptible(
                run_cell(
                    place.ledger,
                    place.cell,
                    self._saver(),
                    recorder,
                    restart=restart,
                    as_recorded=place.line.as_recorded,
                )
            )
        place.pictures = recorder.pictures
        return outcome

    def _saver(self) -> Saver:
        shell = self.shell

        def hidden(name: str) -> bool:
            return name.startswith("__") or name in shell.user_ns_hidden or bool(_HISTORY.match(name))

        return Saver(
            shell.user_ns,
            hidden=hidden,
            special=lambda obj: ("shell",) if obj is shell else None,
            find_special=lambda pid: shell if pid == ("shell",) else None,
        )

    async def resume(self, name: str) -> None:
        """Go on with a decided agent from anywhere in the notebook, with the code as it ran; its output comes here.

        Raises Paused when it waits for people, and UnknownRun.
        """
        await noting(self._resume(name))

    async def _resume(self, name: str) -> None:
        ns, ledger = self.shell.user_ns, ledger_of(open_store())
        unit = cell_unit("", "<agent>")
        parent: dict[str, Any] = self.shell.get_parent() if hasattr(self.shell, "get_parent") else {}
        place = Place(
            cell=Cell(self.notebook.current(ledger), name, "", unit, ns, _label()),
            line=Line(name, None, False, True, 0.0, None),
            number=self.shell.displayhook.prompt_count,
            quiet=False,
            ledger=ledger,
            context=contextvars.copy_context(),
            parent=parent,
            loop=asyncio.get_running_loop(),
            cell_id=None,
        )
        if place.ledger.find_run(agent=name, notebook=place.cell.notebook) is None:
            raise UnknownRun(f"no run of an agent {name!r} in this notebook; `%hitl runs` lists them")
        outcome = await self._answered(place)
        if outcome.status == "waiting":
            self._show(place, outcome)
            raise _pause(outcome)

    # -- showing a pause

    def _show(self, place: Place, outcome: Outcome) -> None:
        proposals = outcome.proposals
        if _nobody_answers():
            raise unanswered_pause(proposals[0])
        if place.pictures and close_shown_figures():
            for picture in place.pictures:
                self.shell.display_pub.publish(picture["data"], picture["metadata"])
        self.shell.display_pub.publish(bundle(place.cell.agent, outcome.run.pauses, proposals, place.cell.key), {})
        if _shows_widgets(self.shell):
            self.show_panel(place, proposals)

    def show_panel(self, place: Place, proposals: list[Proposal]) -> None:
        """Display the ipywidgets panel of a paused agent."""
        from IPython.display import display  # pyright: ignore[reportUnknownVariableType]  # untyped

        from hitl_nb.notebook.panel.panel import Panel

        self._close(place)
        place.panel = Panel(
            place.ledger, proposals, reviewer=reviewer_name(), on_decided=lambda: self._go_on_later(place)
        )
        display(place.panel.widget)

    def _close(self, place: Place | None) -> None:
        if place is not None and place.panel is not None:
            place.panel.close()
            place.panel = None

    async def _decided(self, place: Place, outcome: Outcome, deadline: float) -> bool:
        place.held = True
        try:
            while time.monotonic() < deadline:
                if place.ledger.run(outcome.run.id).status != "waiting":
                    return True
                await asyncio.sleep(0.1)
            return False
        finally:
            place.held = False

    # -- going on in the same cell

    def _go_on_later(self, place: Place) -> None:
        """Called by the panel, perhaps on another thread (comm subshells): go on on the cell's own loop."""
        if place.held:
            return  # `--wait`: the cell itself goes on
        place.loop.call_soon_threadsafe(self._start, place)

    def _start(self, place: Place) -> None:
        if place.task is None or place.task.done():
            place.task = place.loop.create_task(self._go_on(place), context=place.context.copy())

    async def _go_on(self, place: Place) -> None:
        """Run the cell again, its output going where it went before."""
        if hasattr(self.shell, "set_parent"):
            self.shell.set_parent(place.parent)
        self._status(place, "busy")
        try:
            self._start_over(place)
            outcome = await self._run(place)
            if outcome.status == "waiting":
                self._show(place, outcome)
        except BaseException as error:  # noqa: BLE001  # shown, as IPython shows what a cell raises
            noted(error)
            self.shell.showtraceback((type(error), error, error.__traceback__))
        finally:
            self._status(place, "idle")

    def _status(self, place: Place, state: str) -> None:
        """Tell the front end that the kernel works, although no cell runs as far as ipykernel knows."""
        kernel = getattr(self.shell, "kernel", None)
        if kernel is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            content = {"execution_state": state}
            kernel.session.send(kernel.iopub_socket, "status", content, parent=place.parent, ident=b"status")

    def _start_over(self, place: Place) -> None:
        self._close(place)
        self.shell.display_pub.clear_output(wait=True)


def _pause(outcome: Outcome) -> Paused:
    return Paused(outcome.run.id, tuple(p.title for p in outcome.proposals))


def _label() -> str:
    return told_by() or "kernel"


def _nobody_answers() -> bool:
    """Whether this kernel belongs to a test run (nbval, CI) where no person will ever decide."""
    tested = os.environ.get("PYTEST_CURRENT_TEST") or os.environ.get("CI")
    return bool(tested) and told_by() is None


def _shows_widgets(shell: Any) -> bool:
    """Whether a pause is followed by the ipywidgets panel: not where the JupyterLab extension draws the proposal."""
    if not hasattr(shell, "kernel") or told_by() is not None:
        return False
    return os.environ.get("HITL_NB_WIDGET") == "1" or os.environ.get("HITL_NB_EXTENSION") != "1"
