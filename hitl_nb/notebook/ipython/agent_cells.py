"""Agent cells of one kernel: execute them, show their pauses, and continue them in the same cell after the decision."""

from __future__ import annotations

import ast
import asyncio
import contextvars
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from IPython.core.error import UsageError

from hitl_nb import settings
from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, get_ledger, run_cell
from hitl_nb.engine.run.resume import RunOutcome
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.errors import HitlError, Paused, UnknownRun
from hitl_nb.headless.agent_line import AgentLine, evaluate_key, parse_agent_line
from hitl_nb.headless.notebook_identity import KernelNotebook, find_executor, find_previous_cell, read_file_id
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.notebook.ipython.cell_outputs import OutputRecorder
from hitl_nb.notebook.ipython.inline_figures import close_shown_figures
from hitl_nb.notebook.ipython.interrupts import await_interruptible
from hitl_nb.notebook.ipython.tracebacks import keep_user_traceback, keeping_user_traceback
from hitl_nb.records import Proposal
from hitl_nb.review.decide_from_text import reviewer_name
from hitl_nb.review.static_html import proposals_bundle
from hitl_nb.scripted_review.reviewer import attending_reviewer, make_unanswered_error
from hitl_nb.storage import open_store

_HISTORY = re.compile(r"_(i*|\d+|i\d+|[ido]h)\Z")


@dataclass
class AgentCellContext:
    """An agent cell that was executed in this kernel, with the data to execute it again into the same output.

    Attributes:
        cell: The cell for the engine: notebook, agent, key and compiled code.
        line: The parsed `%%agent` line.
        number: Number of the cell, for `Out[number]`.
        is_quiet: True if the value of the last expression is hidden (the cell ends with `;`).
        ledger: The ledger of the run.
        context: Context variables when the cell was executed.
        parent: The message that requested the execution; the output belongs to it.
        loop: The event loop of the cell.
        cell_id: Id of the cell in the front end, or None.
        previous_cell: Id of the cell before it in the saved notebook. "": it is the first cell. None: not known.
        panel: The ipywidgets panel that is shown, or None.
        is_held: True while the cell itself waits for the decision (`--wait`).
        pictures: Figures to show while the run waits.
        task: The task that continues the cell, or None.
    """

    cell: AgentCell
    line: AgentLine
    number: int
    is_quiet: bool
    ledger: Ledger
    context: contextvars.Context
    parent: Any
    loop: asyncio.AbstractEventLoop
    cell_id: str | None
    previous_cell: str | None = None
    panel: Any = None
    is_held: bool = False
    pictures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    task: Any = field(default=None, repr=False)


class AgentCells:
    """The agent cells of one IPython shell, by the name of the agent."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.places: dict[str, AgentCellContext] = {}
        self.notebook = KernelNotebook(shell)

    # -- running a cell

    async def run(self, line: str, body: str) -> None:
        """Execute an agent cell. The `%%agent` magic calls this method.

        Args:
            line: Arguments of the magic.
            body: Code of the cell.

        Raises:
            Paused: The run waits for people.
        """
        await keeping_user_traceback(self._run_line(line, body))

    async def _run_line(self, line: str, body: str) -> None:
        parsed = parse_agent_line(line)
        place = self._make_place(parsed, line, body)
        outcome = await self._run_with_answers(place, restart=parsed.restart)
        deadline = time.monotonic() + parsed.wait
        while outcome.status == "waiting":
            self._show_outcome(place, outcome)
            if not await self._wait_for_decision(place, outcome, deadline):
                raise _make_pause(outcome)
            self._start_over(place)
            outcome = await self._run(place)

    def _make_place(self, parsed: AgentLine, line: str, body: str) -> AgentCellContext:
        shell = self.shell
        text = f"# %%agent {line}\n" + shell.transform_cell(body)  # the magic's own line is line 1
        number = shell.displayhook.prompt_count
        filename = shell.compile.cache(text, number, raw_code=f"%%agent {line}\n{body}")
        if shell.ast_transformers:
            text = ast.unparse(shell.transform_ast(ast.parse(text, filename)))
        ledger = get_ledger(open_store(parsed.store))
        notebook = self.notebook.resolve_path(ledger)
        key = evaluate_key(parsed.key, shell.user_ns)
        unit = compile_cell(text, filename, shell.compile.flags)
        parent: dict[str, Any] = shell.get_parent() if hasattr(shell, "get_parent") else {}
        cell_id: str | None = parent.get("metadata", {}).get("cellId")
        place = AgentCellContext(
            cell=AgentCell(notebook, parsed.name, key, unit, shell.user_ns, _process_label(), read_file_id(notebook)),
            line=parsed,
            number=number,
            is_quiet=bool(shell.displayhook.semicolon_at_end_of_expression(body)),
            ledger=ledger,
            context=contextvars.copy_context(),
            parent=parent,
            loop=asyncio.get_running_loop(),
            cell_id=cell_id,
            previous_cell=None if cell_id is None else find_previous_cell(notebook, cell_id),
        )
        self._require_unique(place)
        self._close_panel(self.places.get(parsed.name))
        self.places[parsed.name] = place
        return place

    def _require_unique(self, place: AgentCellContext) -> None:
        other = self.places.get(place.cell.agent)
        if other is None or None in (other.cell_id, place.cell_id) or other.cell_id == place.cell_id:
            return
        if ast.dump(ast.parse(other.cell.unit.source)) != ast.dump(ast.parse(place.cell.unit.source)):
            raise UsageError(
                f"%%agent: another cell of this notebook is the agent {place.cell.agent!r} already, and names must be "
                "unique; rename one of them (if you moved the cell, `%hitl forget NAME` first)"
            )

    async def _run_with_answers(self, place: AgentCellContext, *, restart: bool = False) -> RunOutcome:
        """Execute the cell, and return the outcome: finished, or waiting for people.

        If a decisions file answers instead of people, the run continues after each pause. The output of each
        continuation is added below the cell's output.

        Args:
            place: The cell with its context.
            restart: True: start the run again from its first statement.
        """
        reviewer = attending_reviewer(place.ledger, place.cell.notebook)
        outcome = await self._run(place, restart=restart)
        while reviewer is not None and outcome.status == "waiting":
            reviewer.answer_proposals(place.ledger, outcome.proposals)
            outcome = await self._run(place, shown=True)
        return outcome

    async def _run(self, place: AgentCellContext, *, restart: bool = False, shown: bool = False) -> RunOutcome:
        recorder = OutputRecorder(
            self.shell,
            place.cell.agent,
            place.number,
            key=place.cell.key,
            quiet=place.is_quiet,
            shown=shown,
            read_picture=place.ledger.proposals.read_picture,
        )
        with recorder:
            outcome = await await_interruptible(
                run_cell(
                    place.ledger,
                    place.cell,
                    self._make_saver(place.previous_cell),
                    recorder,
                    restart=restart,
                    as_recorded=place.line.as_recorded,
                )
            )
        place.pictures = recorder.pictures
        return outcome

    def _make_saver(self, previous_cell: str | None) -> Saver:
        shell = self.shell

        def list_hidden_names(name: str) -> bool:
            return name.startswith("__") or name in shell.user_ns_hidden or bool(_HISTORY.match(name))

        return Saver(
            shell.user_ns,
            hidden=list_hidden_names,
            special=lambda obj: ("shell",) if obj is shell else None,
            find_special=lambda pid: shell if pid == ("shell",) else None,
            previous_cell=previous_cell,
        )

    async def resume(self, name: str) -> None:
        """Continue an agent after its decision, from any cell. The output appears in the current cell.

        The code that was running when the agent paused is used, not the current code of its cell.

        Args:
            name: Name of the agent.

        Raises:
            Paused: The run waits for people.
            UnknownRun: No agent of this notebook has this name.
        """
        await keeping_user_traceback(self._resume(name))

    async def _resume(self, name: str) -> None:
        ns, ledger = self.shell.user_ns, get_ledger(open_store())
        unit = compile_cell("", "<agent>")
        parent: dict[str, Any] = self.shell.get_parent() if hasattr(self.shell, "get_parent") else {}
        place = AgentCellContext(
            cell=AgentCell(self.notebook.resolve_path(ledger), name, "", unit, ns, _process_label()),
            line=AgentLine(name, None, False, True, 0.0, None),
            number=self.shell.displayhook.prompt_count,
            is_quiet=False,
            ledger=ledger,
            context=contextvars.copy_context(),
            parent=parent,
            loop=asyncio.get_running_loop(),
            cell_id=None,
        )
        run = place.ledger.runs.find(agent=name, notebook=place.cell.notebook)
        if run is None:
            raise UnknownRun(f"no run of an agent {name!r} in this notebook; `%hitl runs` lists them")
        if run.superseded:
            raise HitlError(f"the agent {name!r} was started over; execute its cell, which begins a new run")
        outcome = await self._run_with_answers(place)
        if outcome.status == "waiting":
            self._show_outcome(place, outcome)
            raise _make_pause(outcome)

    # -- showing a pause

    def _show_outcome(self, place: AgentCellContext, outcome: RunOutcome) -> None:
        proposals = outcome.proposals
        if _is_unattended():
            raise make_unanswered_error(proposals[0])
        if place.pictures and close_shown_figures():
            for picture in place.pictures:
                self.shell.display_pub.publish(picture["data"], picture["metadata"])
        self.shell.display_pub.publish(
            proposals_bundle(
                place.cell.agent,
                outcome.run.pauses,
                proposals,
                place.cell.key,
                place.ledger.proposals.read_picture,
            ),
            {},
        )
        if _shows_widgets(self.shell):
            self.show_panel(place, proposals)

    def show_panel(self, place: AgentCellContext, proposals: list[Proposal]) -> None:
        """Display the ipywidgets panel below a paused agent cell, in which people decide the proposals."""
        from IPython.display import display  # pyright: ignore[reportUnknownVariableType]  # untyped

        from hitl_nb.notebook.panel.panel import ProposalPanel

        self._close_panel(place)
        place.panel = ProposalPanel(
            place.ledger, proposals, reviewer=reviewer_name(), on_decided=lambda: self._schedule_resume(place)
        )
        display(place.panel.widget)

    def _close_panel(self, place: AgentCellContext | None) -> None:
        if place is not None and place.panel is not None:
            place.panel.close()
            place.panel = None

    async def _wait_for_decision(self, place: AgentCellContext, outcome: RunOutcome, deadline: float) -> bool:
        place.is_held = True
        try:
            while time.monotonic() < deadline:
                if place.ledger.runs.load(outcome.run.id).status != "waiting":
                    return True
                await asyncio.sleep(0.1)
            return False
        finally:
            place.is_held = False

    # -- continuing in the same cell

    def _schedule_resume(self, place: AgentCellContext) -> None:
        """Start a task on the cell's own event loop that continues the agent.

        The panel may call this method on another thread (comm subshells).
        """
        if place.is_held:
            return  # with `--wait`, the cell itself continues the run
        place.loop.call_soon_threadsafe(self._start_resume, place)

    def _start_resume(self, place: AgentCellContext) -> None:
        if place.task is None or place.task.done():
            place.task = place.loop.create_task(self._rerun_cell(place), context=place.context.copy())

    async def _rerun_cell(self, place: AgentCellContext) -> None:
        """Execute the cell again after its decision. The output replaces the earlier output of the cell."""
        if hasattr(self.shell, "set_parent"):
            self.shell.set_parent(place.parent)
        self._publish_status(place, "busy")
        try:
            self._start_over(place)
            outcome = await self._run(place)
            if outcome.status == "waiting":
                self._show_outcome(place, outcome)
        except BaseException as error:  # noqa: BLE001  # shown as IPython shows the error of a cell
            keep_user_traceback(error)
            self.shell.showtraceback((type(error), error, error.__traceback__))
        finally:
            self._publish_status(place, "idle")

    def _publish_status(self, place: AgentCellContext, state: str) -> None:
        """Report to the front end that the kernel is "busy" or "idle" (`state`), as the cell of `place` starts or ends.

        ipykernel does not report this, because it does not know that a cell runs.
        """
        kernel = getattr(self.shell, "kernel", None)
        if kernel is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            content = {"execution_state": state}
            kernel.session.send(kernel.iopub_socket, "status", content, parent=place.parent, ident=b"status")

    def _start_over(self, place: AgentCellContext) -> None:
        self._close_panel(place)
        self.shell.display_pub.clear_output(wait=True)


def _make_pause(outcome: RunOutcome) -> Paused:
    return Paused(outcome.run.id, tuple(proposal.title for proposal in outcome.proposals))


def _process_label() -> str:
    return find_executor() or "kernel"


def _is_unattended() -> bool:
    """Return whether this kernel belongs to a test run (nbval, CI), where no person will ever decide."""
    tested = settings.PYTEST.read() or settings.CI.read()
    return bool(tested) and find_executor() is None


def _shows_widgets(shell: Any) -> bool:
    """Return whether the ipywidgets panel is shown at a pause.

    It is not shown where the JupyterLab extension shows the proposal, unless `HITL_NB_WIDGET` is on. It is also not
    shown without a kernel, or if a program executes the notebook.
    """
    if not hasattr(shell, "kernel") or find_executor() is not None:
        return False
    return settings.WIDGET.is_on() or not settings.LABEXTENSION.is_on()
