"""Execution of an agent cell: start a new run, or continue the existing run of the cell.

The action depends on the state of the existing run:

no run yet, or --restart  a new run starts at the first statement
started over by a person  a new run starts at the first statement
--restart, which started the run before
                          the same run continues, if it has paused and has not finished: see `_is_continued`
waiting                   the same proposals are shown again
ready (all decided)       the run continues behind the checkpoint
failed, or its process died
                          the run continues at the statement that did not finish
finished                  its recorded outputs are shown and its variables restored; statements added below are run
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from hitl_nb.engine.compile import Unit, compile_unit
from hitl_nb.engine.run.held_states import load_state
from hitl_nb.engine.run.resume import (
    RunCode,
    RunDisplay,
    RunOutcome,
    continue_run,
    copy_stack,
    describe_changed_inputs,
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
    """A notebook cell with `%%agent`, compiled and ready to run.

    Attributes:
        notebook, agent, key: Name of the notebook, name of the agent, and `--key` of the cell. Together they identify
            its run.
        unit: The source of the cell with its compiled code.
        ns: Namespace of the notebook.
        label: Description of the process that runs the cell, for people ("kernel", "hitl-nb run").
        notebook_id: Id in the notebook's metadata; "" if it has none.
    """

    notebook: str
    agent: str
    key: str
    unit: Unit
    ns: dict[str, Any]
    label: str = "kernel"
    notebook_id: str = ""

    def make_code(self, source: str | None = None) -> RunCode:
        """Return the code that the run executes, with the namespace of the notebook.

        Args:
            source: Source text that a snapshot recorded. None: the cell as it is now.
        """
        unit = self.unit if source is None else compile_cell(source, self.unit.filename, self.unit.flags)
        self.ns.setdefault(
            "__builtins__", builtins
        )  # as `exec` does: C code imports through the namespace of its caller
        return RunCode(FunctionType(unit.code, self.ns, "<module>"), self.ns, unit.source, unit)

    def digest_code(self) -> str:
        """Return a SHA-256 hash of the code. Comments, blank lines and the `%%agent` line do not change it."""
        return hashlib.sha256(ast.dump(ast.parse(self.unit.source)).encode()).hexdigest()


def compile_cell(source: str, filename: str, flags: int = 0) -> Unit:
    """Compile the source of an agent cell, so that a run can pause between and inside its statements.

    Args:
        source: The source text.
        filename: File name of the cell, for tracebacks.
        flags: Compiler flags of `from __future__` imports of earlier cells.

    Raises:
        SyntaxError: The source is not valid.
    """
    return compile_unit(source, filename, shows_last=True, flags=flags)


_ledgers: dict[int, Ledger] = {}


def get_ledger(store: Store | None = None) -> Ledger:
    """Return the ledger (reads and writes the records) of a store. There is one ledger for each open store.

    Args:
        store: The store. None: the default store of this user.
    """
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
    """Run an agent cell from the point that its run has reached; start a run if there is none.

    Args:
        ledger: Reads and writes the records of the store.
        cell: The cell.
        saver: Saves and restores the state of the run.
        shown: Shows to people how the run continues.
        restart: True for `--restart`.
        as_recorded: True for `--as-recorded`: the code that the last snapshot recorded is run.

    Returns:
        The run with the status "finished", or "waiting" with the open proposals.

    Raises:
        CellChanged, RunClaimed, Untrusted, WrongPython, StoreError: Raised before any of its code runs.
        InputChanged: The cell finished with other inputs; raised before any of its code runs.
        BaseException: Any error that the cell's code raises.
    """
    names: dict[str, Any] = {"agent": cell.agent, "notebook": cell.notebook, "key": cell.key}
    run, restarted = ledger.runs.find(**names), cell.digest_code() if restart else ""
    if run is not None and (run.superseded or (restart and not _is_continued(run, restarted))):
        run = None
    if run is None:
        opened = ledger.runs.open(**names, label=cell.label, notebook_id=cell.notebook_id, restarted=restarted)
        return await start_run(ledger, opened, cell.make_code(), saver, shown)
    refuse_cancelled(run, "--restart runs it again from the start")
    if restart:
        shown.show_continued(run)
    elif run.restarted and run.status != "running":
        run = ledger.run_facts.forget_restart(run.id)
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
    """Return whether a cell with `--restart` continues `run` instead of starting a new run.

    It does if `--restart` started `run`, which has paused and has not finished. Reason: the flag stays in the file, and
    the cell runs again after a decision, in a new kernel and in `hitl-nb run`. To start again would repeat the code
    before the pause.

    If the cell is run once without the flag, `run` no longer counts as started by `--restart`. With the flag added
    again, the cell starts a new run. An edited cell starts a new run too, unless that would lose a decision: then it
    continues, or CellChanged says why it cannot.

    Args:
        run: The existing run.
        restarted: Hash of the code of the cell as it is now.
    """
    if not run.restarted or run.pauses == 0 or run.status in ("finished", "cancelled"):
        return False
    return run.restarted == restarted or run.status == "ready"


def _list_waiting_questions(ledger: Ledger, run: Run, saved: OpenedSnapshot | None, cell: AgentCell) -> list[Proposal]:
    """Return the open proposals of a waiting run.

    If inputs of the cell have other values now than when the run began, a note is added to the proposals.
    """
    changed = NotebookValues(cell.ns, saved.inputs).changed if saved is not None else {}
    return ledger.run_facts.note_changes(run.id, describe_changed_inputs(changed.values()) if changed else "")


def _refuse_other_inputs(cell: AgentCell, saved: OpenedSnapshot, own: NotebookValues) -> None:
    """Check that the inputs which a finished run has read have the same values now. Otherwise its result is not shown.

    Args:
        cell: The cell.
        saved: The snapshot of the finished run.
        own: The values of the notebook now.

    Raises:
        InputChanged: An input has another value.
    """
    unit = compile_cell(saved.source, cell.unit.filename, cell.unit.flags)
    read = find_reached_names(compile_run_code(unit, saved.branches), cell.ns)
    changed = {name: sentence for name, sentence in own.changed.items() if name in read}
    if changed:
        raise InputChanged(
            f"the agent {cell.agent!r} finished with other inputs: {'; '.join(changed.values())}. Its decisions are "
            "not used for the new inputs, and nothing was run. Add --restart to run the agent again from the start, or "
            "--key EXPR to have one run for each value; --as-recorded shows what it recorded. The cell's first line "
            f"is then `{make_first_line(cell.unit, '--restart')}` or `{make_first_line(cell.unit, '--as-recorded')}`",
            tuple(changed),
        )


def refuse_cancelled(run: Run, way: str) -> None:
    """Refuse to continue a run that was cancelled.

    Args:
        run: The run.
        way: Sentence that says what to do, for the message.

    Raises:
        HitlError: The run was cancelled.
    """
    if run.status == "cancelled":
        why = f" ({run.error})" if run.error else ""
        raise HitlError(f"the run of {run.agent!r} was cancelled{why}; {way}")
