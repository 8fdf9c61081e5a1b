"""Saves of a run's state: regularly while code runs, together with a step, at a pause, and at the end."""

from __future__ import annotations

import contextlib
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.engine.live.run_position import RunPosition
from hitl_nb.engine.live.steps_under_way import in_step, recorded_calls
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.engine.snapshot.saver import UnsavedResult
from hitl_nb.errors import CannotPause
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.runs.snapshots import SavedState, state_place
from hitl_nb.records import Snapshot

if TYPE_CHECKING:
    from hitl_nb.engine.run.session import Session

SHARE = 40
"""A save between pauses is due if the time since the last save is this many times the duration of that save.

So saves take at most 2.5 % of the time of a run.
"""


def snapshot_place(ledger: Ledger, run_id: str, epoch: int, pause: int, save: int) -> str:
    """Return the name under which the store keeps a snapshot. The snapshot's signature is bound to this name.

    Args:
        ledger: Gives the id of the store.
        run_id: Id of the run.
        epoch: Number of the claim (the right of one process to write to the run) under which the snapshot is saved.
        pause: Number of the pause.
        save: Number of the save between pauses under this claim; 0 at a pause.
    """
    return state_place(ledger.store_id, run_id, SavedState(epoch=epoch, pause=pause, save=save))


class Saves:
    """Saves the state of one run in this process, and remembers the last save.

    Args:
        session: The work of this process on the run.

    Attributes:
        place: Name under which the store keeps the last snapshot; its signature is bound to this name.
        envelope: Signed header of the last snapshot.
        pending: Call that waited for decisions at the last save; None if there was none.
        position: Position of the run at the last save.
        variables: Name -> value of the variables in the last save; empty after a save between pauses.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.place = ""
        self.envelope = b""
        self.pending: PendingCall | None = None
        self.position: RunPosition | None = None
        self.variables: dict[str, Any] = {}
        self._count = 0
        self._cost = 0.005
        self._saved_at = time.perf_counter()
        self._has_saved_with_step = False

    def make_snapshot(
        self, position: RunPosition, pending: PendingCall | None = None, *, between: bool = False, asks: bool = False
    ) -> Snapshot:
        """Return a snapshot of the run's state. It is not stored yet.

        Args:
            position: The position of the run.
            pending: Call that waits for decisions at the position. None: the call whose decisions are being used now,
                if there is such a call.
            between: True: a save between pauses. False: the last save of this session.
            asks: True if people are asked, so that the snapshot belongs to a new pause.

        Raises:
            CannotPause: The state cannot be saved.
        """
        session, saver = self.session, self.session.saver
        pending = pending or session.questions.find_decided_call()
        if between:
            self._count += 1
        save, pause = self._count if between else 0, session.run_record.pauses + asks
        where = snapshot_place(session.ledger, session.run_record.id, session.claim.epoch, pause, save)
        snapshot = saver.save(
            position,
            where,
            source=session.source,
            outputs=[*session.outputs(), *session.drawn()] if asks else session.outputs(),
            pending=pending,
            check=asks,
        )
        self.place, self.envelope, self.pending, self.position = where, snapshot.envelope, pending, position
        # A name bound by an `except ... as` is unbound when the pause leaves the handler.
        self.variables = {} if between else {n: saver.ns[n] for n in saver.saved_names if n in saver.ns}
        return msgspec.structs.replace(snapshot, pause=pause, save=save)

    def make_last(self) -> Snapshot:
        """Return a snapshot of the state at the end of the run. It is not stored yet.

        A result or variables that cannot be saved are left out, so that a finished run does not fail.
        """
        position = self.session.live.read_end_position()
        try:
            return self.make_snapshot(position)
        except CannotPause as problem:
            position.result = UnsavedResult(str(problem))
            try:
                return self.make_snapshot(position)
            except CannotPause:
                self.session.saver.process.keep_nothing()
                return self.make_snapshot(position)

    def save_if_due(self, frame: FrameType) -> None:
        """Save the run if the last save is long enough ago, and log the statement if it was slow.

        Called between statements and at each turn of a loop.

        Args:
            frame: Frame of the code that runs.
        """
        now = time.perf_counter()
        self.session.worklog.record_statement(frame, now)
        if now - self._saved_at < SHARE * self._cost or self.session.live.refused.may_be_behind(None):
            return
        if not recorded_calls.get() and in_step.get() is None:
            self._save(frame)
            self.session.worklog.begin_statement()

    def _save(self, frame: FrameType) -> None:
        session = self.session
        began = time.perf_counter()
        # If the state cannot be saved, the run just continues. Only a checkpoint must save, and it raises the message.
        with contextlib.suppress(CannotPause, CannotSave), session.turn:
            position = session.live.positions.read_position(frame=frame)
            if position.stack.waits_for_answer:  # otherwise the code that would be executed again is saved already
                session.ledger.runs.save_snapshot(session.claim, self.make_snapshot(position, between=True))
        self._saved_at = time.perf_counter()
        self._cost = max(self._saved_at - began, 0.0005)

    def save_position(self, position: RunPosition) -> None:
        """Save the run at the position of an error, before the error changes the state.

        Nothing is saved if the state cannot be saved.

        Args:
            position: The position of the statement that raised the error.
        """
        with contextlib.suppress(CannotPause):
            self.session.ledger.runs.save_snapshot(self.session.claim, self.make_snapshot(position, between=True))

    def make_if_cheap(self) -> Snapshot | None:
        """Return a snapshot to store together with a step that starts; None if it would take too long or is impossible.

        The first step of a session always gets a snapshot if the state can be saved. A later step gets a snapshot only
        if saving takes very little time. So after a crash a run continues at the step itself, unless steps follow each
        other faster than they are saved.
        """
        if self.session.live.refused.may_be_behind(None):
            return None
        began = time.perf_counter()
        if self._has_saved_with_step and (self._cost > 0.005 or began - self._saved_at < SHARE * self._cost):
            return None
        self._has_saved_with_step = True
        try:
            snapshot = self.make_snapshot(self.session.live.positions.read_call_position(), between=True)
        except (CannotPause, CannotSave):
            self._cost = max(self._cost, time.perf_counter() - began)
            return None
        self._cost = max(time.perf_counter() - began, 0.0005)
        self._saved_at = time.perf_counter()
        return snapshot
