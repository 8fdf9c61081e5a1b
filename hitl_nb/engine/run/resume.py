"""Start and continuation of a run: claim the run in the store, restore its state, and execute its code.

A *claim* is the right of one process to write to a run. The process that paused a run continues it with its own live
objects. Any other process loads the objects from the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hitl_nb.engine.call_keys.expected_calls import CallRecord, ExpectedCalls
from hitl_nb.engine.call_keys.keys import identify_call
from hitl_nb.engine.compile import Unit
from hitl_nb.engine.live.live import LiveRun
from hitl_nb.engine.position.frames.continuations import find_saved_unit
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.engine.run.held_states import held_states, hold_state, load_state
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.run.saves import snapshot_place
from hitl_nb.engine.run.session import Session, enter_loading
from hitl_nb.engine.run.stack_placement import move_to_current_code, read_cell_end
from hitl_nb.engine.snapshot.loader import OpenedSnapshot, open_snapshot
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.engine.snapshot.variables.inputs import NotebookValues, record_inputs
from hitl_nb.errors import CellChanged, Paused, Untrusted
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.ledger.runs.snapshots import RunState
from hitl_nb.records import CHANGED_SINCE, Proposal, Run, Step
from hitl_nb.review.decision_expiry import explain_expiry
from hitl_nb.review.policy_files.policy_files import load_policy


@dataclass
class RunCode:
    """The code that a run executes, as the notebook or module defines it now.

    Attributes:
        begin: Function without arguments that starts the code from its beginning.
        ns: Globals of the code.
        source: Source text, shown to people and used by `--as-recorded`.
        cell, function: Compiled code of the agent cell, or the `@hitl.agent` function. The other one is None.
    """

    begin: Callable[[], Any]
    ns: dict[str, Any]
    source: str
    cell: Unit | None = None
    function: Any = None

    def read_end(self) -> SavedStack:
        """Return the stack to save after the last statement of the code has run. For a function it has no frames."""
        return read_cell_end(self.cell, self.ns) if self.cell is not None else SavedStack([], False, {})


@dataclass
class RunOutcome:
    """State of a run after this process has executed it to its end or to a pause.

    Attributes:
        status: "finished" or "waiting".
        run: The record of the run.
        proposals: The open proposals, if the run waits.
        result: Return value of the code, if the run finished.
    """

    status: str
    run: Run
    proposals: list[Proposal] = field(default_factory=list[Proposal])
    result: Any = None


async def start_run(
    ledger: Ledger, opened: tuple[Run, Claim], code: RunCode, saver: Saver, shown: RunDisplay
) -> RunOutcome:
    """Execute the code of a new run to its end or first pause.

    Args:
        ledger: Reads and writes the records of the store.
        opened: (record of the run, claim: the right of this process to write to it).
        code: The code of the run.
        saver: Saves the state of the run.
        shown: Shows the progress to people.

    Raises:
        BaseException: Any error that the code raises.
    """
    run, claim = opened
    if code.cell is not None and saver.variables:
        saver.inputs, saver.branches = record_inputs(code.cell, code.ns, saver.hidden), set()
    live = LiveRun(code.begin, end=code.read_end, display=shown.display)
    session = Session(ledger, run, claim, live, saver, source=code.source, **_make_callbacks(shown))
    return await _work_on_run(session)


async def continue_run(
    ledger: Ledger, before: Run, code: RunCode, saver: Saver, shown: RunDisplay, label: str
) -> RunOutcome:
    """Claim a run that no process executes, and continue it from its saved position to its end or next pause.

    If an error is raised before code of the run is executed, the run gets its status back and can be continued later.

    Args:
        ledger: Reads and writes the records of the store.
        before: The record of the run, as it was read before the claim.
        code: The code of the run, as it is defined now.
        saver: Saves and restores the state of the run.
        shown: Shows to people how the run continues.
        label: Description of this process, for people.

    Raises:
        RunClaimed, CellChanged, Untrusted, WrongPython, StoreError, PolicyError: Raised before code of the run is
            executed.
        BaseException: Any error that its code raises.
    """
    policy = load_policy(before.notebook)
    run, claim, state, asked = ledger.runs.claim_saved(before.id, label=label, policy=policy)
    own: NotebookValues | None = None
    try:
        saved = _open_run_snapshot(ledger, run, state, claimed=True)
        saver.inputs = saved.inputs if saved is not None else {}
        if saved is None or saved.source == code.source:
            saver.branches = set() if saved is None else saved.branches
        own = NotebookValues(code.ns, saver.inputs)
        with enter_loading(ledger, run, claim, saver):
            live, pending = _make_live_run(run, before.status, saved, code, saver, shown)
        own.remember_loaded()
        known = _read_known_steps(ledger, run, live, before.status)
        session = Session(
            *(ledger, run, claim, live, saver),
            source=code.source,
            **_make_callbacks(shown),
            known=known,
            died=before.status == "running",
        )
        session.questions.resumed = pending
        _remember_answers(session, asked)
        if saved is not None:
            shown.replay([output for output in saved.outputs if not output.get("until_resumed")])
            shown.show_notes(saver.process.list_missing())
        if own.changed:
            shown.show_changed_inputs(describe_changed_inputs(own.changed.values()))
        if before.status == "ready" or (pending is not None and not pending.shown):
            shown.show_decisions(asked)
        if pending is not None:
            proposals = (
                asked if pending.pause in (0, run.pauses) else ledger.proposals.list_of_run(run.id, pending.pause)
            )
            live.answer = session.questions.prepare_completion(pending, proposals)
    except BaseException as error:
        if own is not None:
            own.restore_values()
        ledger.runs.restore_status(claim, before.status)
        if isinstance(error, CellChanged) and _has_no_record(ledger, before):
            error.args = (f"Nothing was asked or recorded in this run yet, so --restart loses nothing. {error}",)
        raise
    try:
        return await _work_on_run(session)
    finally:
        own.restore_values()


def describe_changed_inputs(sentences: Iterable[str]) -> str:
    """Return a message that inputs of the run have other values in the notebook now.

    Args:
        sentences: One sentence for each input.
    """
    return (
        f"{CHANGED_SINCE} {'; '.join(sentences)}. It continues with the values that it began with. "
        "Add --restart to run it again with the present values, or --key EXPR to have one run for each value."
    )


def _make_callbacks(shown: RunDisplay) -> dict[str, Any]:
    return {
        "outputs": shown.outputs,
        "opened": shown.show_workspace,
        "drawn": shown.list_open_figures,
        "finishing": shown.show_open_figures,
        "judged": shown.show_verdicts,
        "noted": shown.show_notes,
        "objected": shown.show_objection,
        "summarize": shown.show_passed_counts,
    }


def open_saved_state(ledger: Ledger, run: Run) -> OpenedSnapshot | None:
    """Open the newest snapshot of a run after a check of its signature; None if there is no snapshot.

    Raises:
        Untrusted: The signature is not valid.
        WrongPython: Another version of Python or hitl_nb saved the snapshot.
    """
    return _open_run_snapshot(ledger, run, ledger.runs.load_snapshot(run.id), claimed=False)


def _open_run_snapshot(ledger: Ledger, run: Run, found: RunState | None, *, claimed: bool) -> OpenedSnapshot | None:
    """Check the signature of a run's snapshot, and open the snapshot.

    Args:
        ledger: Reads the records of the store.
        run: The record of the run.
        found: The stored snapshot; None: there is none.
        claimed: True if this process has the claim, so that no other process can have changed the run.

    Returns:
        The snapshot; None if `found` is None.

    Raises:
        Untrusted: The signature is not valid, or the snapshot is older than the run's last pause.
        WrongPython: Another version of Python or hitl_nb saved the snapshot.
    """
    if found is None:
        return None
    at = found.saved
    if claimed and at.pause != run.pauses:
        raise Untrusted(
            f"run {run.id} ({run.agent}) is recorded to have paused {run.pauses} times, and its newest saved state is "
            f"of pause {at.pause}: an older record was put back in the store. Nothing was executed. Restore the store "
            "from a backup; if you do not need this run, run the agent again with --restart"
        )
    where, live = snapshot_place(ledger, run.id, at.epoch, at.pause, at.save), held_states.get(run.id)
    sealed_here = live is not None and (live.place, live.envelope) == (where, found.envelope)
    return open_snapshot(where, found.envelope, found.blob, sealed_here=sealed_here)


async def _work_on_run(session: Session) -> RunOutcome:
    try:
        result = await session.run()
    except Paused:
        hold_state(session, "waiting")
        return RunOutcome("waiting", session.run_record, session.proposals)
    except BaseException:
        hold_state(session, "failed")
        raise
    hold_state(session, "finished")
    return RunOutcome("finished", session.run_record, result=result)


def _make_live_run(
    run: Run, status: str, saved: OpenedSnapshot | None, code: RunCode, saver: Saver, shown: RunDisplay
) -> tuple[LiveRun, PendingCall | None]:
    """Prepare the code of a run at its saved position.

    Args:
        run: The record of the run.
        status: Status of the run before it was claimed.
        saved: The run's snapshot; None: there is none, so the code starts at its beginning.
        code: The code as it is defined now. The saved frames are moved to it.
        saver: Restores the state.
        shown: Shows the value of the last expression.

    Returns:
        (the code, ready to run; the call that waits for people's decisions at the saved position, or None).
    """
    if saved is None:
        return LiveRun(code.begin, end=code.read_end, display=shown.display), None
    loaded = load_state(run, saved, code.ns, saver)
    stack = copy_stack(loaded.stack)
    for frame in stack.frames:
        find_saved_unit(frame)
    mended = move_to_current_code(stack, code.cell, code.ns, code.function, retry=status == "failed")
    live = LiveRun(None, stack=stack, counts=loaded.counts, end=code.read_end, display=shown.display)
    live.result = loaded.result
    return live, None if mended else loaded.pending  # an edited statement may ask another question


def copy_stack(stack: SavedStack) -> SavedStack:
    """Return a copy of a saved stack, with new frames and new dictionaries of variables. The values are not copied.

    When a run continues, it changes the frames. So each continuation needs its own copy.
    """
    frames = [replace(frame, locals=dict(frame.locals), cells=dict(frame.cells)) for frame in stack.frames]
    return SavedStack(frames, stack.waits_for_answer, {}, frames, stack.tasks)


def _has_no_record(ledger: Ledger, run: Run) -> bool:
    """Return whether a failed run has asked nothing and called no step, so that its code alone has run."""
    return run.status == "failed" and not (run.pauses or run.passed or ledger.steps.list_of_run(run.id))


def _read_known_steps(ledger: Ledger, run: Run, live: LiveRun, status: str) -> list[Step]:
    """Return the records of the steps that the run may call after its saved position.

    If a statement failed, its failed steps are left out, so that they are called again.

    Args:
        ledger: Reads the records of the store.
        run: The record of the run.
        live: The code of the run.
        status: Status of the run before it was claimed.
    """
    here = f"{live.keys.lowest_number:09d}"
    return [
        step
        for step in ledger.steps.list_of_run(run.id, start=_find_floor(live))
        if not (status == "failed" and step.status == "failed" and step.key.startswith(here))
    ]


def _remember_answers(session: Session, asked: list[Proposal]) -> None:
    """Give a session the decisions that the code may need again after the saved position, but not the whole history.

    Args:
        session: The work of this process on the run.
        asked: The proposals of the run's last pause.
    """
    run, floor = session.run_record, _find_floor(session.live)
    if any(p.status == "expired" for p in asked):
        session.judge.expired = explain_expiry(session.ledger, run)
    decided: list[Proposal] = []
    for pause in range(min(session.live.keys.first_pause or run.pauses, run.pauses), run.pauses):
        decided += [p for p in session.ledger.proposals.list_of_run(run.id, pause) if p.status == "decided"]
    decided += [p for p in asked if p.status in ("decided", "expired")]
    passed = session.ledger.policies.list_passed(run.id, floor)
    if passed:
        decided = sorted([*decided, *passed], key=lambda p: p.decision.event if p.decision is not None else 0)
    for p in decided:
        session.questions.answers_by_place.setdefault(identify_call(p.position), []).append(p)
    session.live.keys.expected_calls = ExpectedCalls(
        [*_list_recorded_calls(session), *_list_recorded_decisions(session, decided)]
    )


def _list_recorded_calls(session: Session) -> list[CallRecord]:
    return [CallRecord(step.key, is_open=step.status == "started") for step in session.known_steps.values()]


def _list_recorded_decisions(session: Session, decided: list[Proposal]) -> list[CallRecord]:
    ended = {step.key for step in session.known_steps.values() if step.status != "started"}
    doubts = [p.position.partition("/doubt:") for p in decided]
    return [
        CallRecord(p.position, p.pause or None, is_open=bool(is_doubt) and call not in ended)
        for p, (call, is_doubt, _) in zip(decided, doubts, strict=True)
    ]


def _find_floor(live: LiveRun) -> str:
    """Return the lowest running number, as nine digits, in the names of the recorded calls that the run may still need.

    The names of these calls (steps and questions) begin with such a number.
    """
    return f"{live.keys.floor:09d}"
