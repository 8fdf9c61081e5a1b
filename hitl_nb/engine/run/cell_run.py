"""Running an agent cell: start a run, or continue the one that there is.

The state of the run decides:

no run yet, --restart     a new one, from the first statement
--restart, which began it before
                          the same one, if it has paused and has not finished: see `_is_continued`
waiting                   the same proposals, again
ready (all decided)       on behind the checkpoint
failed, or its process died
                          on from the statement that did not finish
finished                  what it recorded, its variables put back; on, if statements were added below
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from hitl_nb.engine.compile import Unit, compile_unit
from hitl_nb.engine.run.resume import (
    RunCode,
    RunDisplay,
    RunOutcome,
    continue_run,
    copy_stack,
    describe_changed_inputs,
    load_state,
    open_saved_state,
    start_run,
)
from hitl_nb.engine.run.stack_placement import is_at_end, make_first_line, move_to_current_code
from hitl_nb.engine.snapshot.loader import OpenedSnapshot
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.engine.snapshot.variables.executed_branches import compile_run_code
from hitl_nb.engine.snapshot.variables.inputs import NotebookValues, find_reached_names
from hitl_nb.errors import HitlError, InputChanged
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Run
from hitl_nb.storage import open_store
from hitl_nb.storage.interface import Store


@dataclass
class AgentCell:
    """An agent cell, ready to run.

    Attributes:
        notebook, agent, key: what identifies its run.
        label: who runs it, for people ("kernel", "hitl-nb run").
        notebook_id: the id in the notebook's metadata, if it has one.
    """

    notebook: str
    agent: str
    key: str
    unit: Unit
    ns: dict[str, Any]
    label: str = "kernel"
    notebook_id: str = ""

    def make_code(self, source: str | None = None) -> RunCode:
        """Make the code that the run executes: the cell as it is, or a `source` that a snapshot recorded."""
        unit = self.unit if source is None else compile_cell(source, self.unit.filename, self.unit.flags)
        self.ns.setdefault("__builtins__", builtins)  # as `exec` does: C code imports by the caller's namespace
        return RunCode(FunctionType(unit.code, self.ns, "<module>"), self.ns, unit.source, unit)

    def digest_code(self) -> str:
        """Compute the SHA-256 of the code, as syntax: comments, blank lines and the magic's own line do not count."""
        return hashlib.sha256(ast.dump(ast.parse(self.unit.source)).encode()).hexdigest()


def compile_cell(source: str, filename: str, flags: int = 0) -> Unit:
    """Compile the code of an agent cell.

    Raises:
        SyntaxError: The source is not valid.
    """
    return compile_unit(source, filename, shows_last=True, flags=flags)


_ledgers: dict[int, Ledger] = {}


def get_ledger(store: Store | None = None) -> Ledger:
    """Get the ledger over a store (by default the one of this user), one per open store."""
    store = store or open_store()
    ledger = _ledgers.get(id(store))
    if ledger is None or ledger.store is not store:
        _ledgers[id(store)] = ledger = Ledger(store)
    return ledger


async def run_cell(
    ledger: Ledger,
    cell: AgentCell,
    saver: Saver,
    shown: RunDisplay,
    *,
    restart: bool = False,
    as_recorded: bool = False,
) -> RunOutcome:
    """Run an agent cell from the place that its run has reached.

    Raises:
        CellChanged, RunClaimed, Untrusted, WrongPython, StoreError: Raised before any of its code runs.
        BaseException: Any error that the cell's code raises.
    """
    names: dict[str, Any] = {"agent": cell.agent, "notebook": cell.notebook, "key": cell.key}
    run, restarted = ledger.find_run(**names), cell.digest_code() if restart else ""
    if restart and run is not None and not _is_continued(run, restarted):
        run = None
    if run is None:
        opened = ledger.open_run(**names, label=cell.label, notebook_id=cell.notebook_id, restarted=restarted)
        return await start_run(ledger, opened, cell.make_code(), saver, shown)
    refuse_cancelled(run, "--restart runs it anew")
    if restart:
        shown.show_continued(run)
    elif run.restarted and run.status != "running":
        run = ledger.forget_restart(run.id)
    saved = open_saved_state(ledger, run) if as_recorded or run.status in ("waiting", "finished") else None
    if run.status == "waiting":
        shown.replay(saved.outputs if saved else [])
        return RunOutcome("waiting", run, _list_waiting_questions(ledger, run, saved, cell))
    code = cell.make_code(saved.source if as_recorded and saved else None)
    if run.status == "finished" and saved is not None:
        own = NotebookValues(cell.ns, saved.inputs)
        try:
            stack = copy_stack(load_state(run, saved, cell.ns, saver).stack)
            assert code.cell is not None
            move_to_current_code(stack, code.cell, cell.ns)
            own.remember_loaded()
            if not as_recorded:
                _refuse_other_inputs(cell, saved, own)
        finally:
            own.restore_values()
        if is_at_end(stack, code.cell):
            shown.replay(saved.outputs)
            shown.show_notes(saver.process.list_missing())
            shown.show_finished(run)
            return RunOutcome("finished", run)
    return await continue_run(ledger, run, code, saver, shown, cell.label)


def _is_continued(run: Run, restarted: str) -> bool:
    """Whether a cell with `--restart` continues `run`: `--restart` began it, it has paused, and it has not finished.

    The flag stays in the file, and the cell runs again after a decision, in a new kernel and in `hitl-nb run`. To begin
    again would repeat what ran before the pause. Run once without the flag, the run is one of that cell: with the flag
    put back, the cell begins again. An edited cell begins again, unless that would lose a decision: then
    it continues, or CellChanged says why it cannot.
    """
    if not run.restarted or run.pauses == 0 or run.status in ("finished", "cancelled"):
        return False
    return run.restarted == restarted or run.status == "ready"


def _list_waiting_questions(ledger: Ledger, run: Run, saved: OpenedSnapshot | None, cell: AgentCell) -> list[Proposal]:
    """List the questions that a run waits with, and note with them which inputs differ by now."""
    changed = NotebookValues(cell.ns, saved.inputs).changed if saved is not None else {}
    return ledger.note_changes(run.id, describe_changed_inputs(changed.values()) if changed else "")


def _refuse_other_inputs(cell: AgentCell, saved: OpenedSnapshot, own: NotebookValues) -> None:
    """Refuse a cell that has read inputs whose values differ now.

    Raises:
        InputChanged: There are such inputs.
    """
    unit = compile_cell(saved.source, cell.unit.filename, cell.unit.flags)
    read = find_reached_names(compile_run_code(unit, saved.branches), cell.ns)
    changed = {name: sentence for name, sentence in own.changed.items() if name in read}
    if changed:
        raise InputChanged(
            f"the agent {cell.agent!r} finished with other inputs: {'; '.join(changed.values())}. What was decided "
            "then is not used for them, and nothing was run. Add --restart to run it anew, or --key EXPR to have one "
            "run for each value; --as-recorded shows what it recorded. The cell's first line is then "
            f"`{make_first_line(cell.unit, '--restart')}` or `{make_first_line(cell.unit, '--as-recorded')}`",
            tuple(changed),
        )


def refuse_cancelled(run: Run, way: str) -> None:
    """Refuse a run that was cancelled; `way` says what to do.

    Raises:
        HitlError: The run was cancelled.
    """
    if run.status == "cancelled":
        why = f" ({run.error})" if run.error else ""
        raise HitlError(f"the run of {run.agent!r} was cancelled{why}; {way}")
