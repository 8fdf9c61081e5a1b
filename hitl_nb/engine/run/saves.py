"""When the state of a run is saved: between pauses, along with a step, at a pause, and at the end."""

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
from hitl_nb.records import Snapshot

if TYPE_CHECKING:
    from hitl_nb.engine.run.session import Session

SHARE = 40
"""A save between pauses is due when the time since the last is this many times what that one cost: 2.5 % of a run."""


def snapshot_place(ledger: Ledger, run_id: str, epoch: int, pause: int, save: int) -> str:
    """Name the place that a snapshot's signature is bound to: the claim it was saved under, and its number there."""
    return f"snapshot/{ledger.store_id}/{run_id}/{epoch}/{pause}/{save}"


class Saves:
    """The saves of one session.

    Attributes:
        place, envelope, pending, position: those of the last save.
        variables: the values that it has, by name.
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
        """Make the run's state at `position`: one of those `between` pauses, or the last one of this session.

        `asks`: people are asked. Raises CannotPause.
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
        # A name that a handler has bound is unbound when the pause leaves the handler.
        self.variables = {} if between else {n: saver.ns[n] for n in saver.saved_names if n in saver.ns}
        return msgspec.structs.replace(snapshot, pause=pause, save=save)

    def make_last(self) -> Snapshot:
        """Make the state at the end, which is kept without what cannot be saved: a run that is done does not fail."""
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
        """Code reports, at the end of the statement of `frame`: save if the last save is long ago."""
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
        # Only a checkpoint must be able to save; there the sentence is raised.
        with contextlib.suppress(CannotPause, CannotSave), session.turn:
            position = session.live.read_position(frame=frame)
            if position.stack.waits_for_answer:  # else what would be made again from here is saved already
                session.ledger.save_snapshot(session.claim, self.make_snapshot(position, between=True))
        self._saved_at = time.perf_counter()
        self._cost = max(self._saved_at - began, 0.0005)

    def save_position(self, position: RunPosition) -> None:
        """Save at a place that an error leaves, if that can be."""
        with contextlib.suppress(CannotPause):
            self.session.ledger.save_snapshot(self.session.claim, self.make_snapshot(position, between=True))

    def make_if_cheap(self) -> Snapshot | None:
        """Make the state to keep along with a step that starts: the first time, and then when it costs next to nothing.

        So a run continues at the step itself after a crash, unless steps follow one another faster than they are saved.
        """
        if self.session.live.refused.may_be_behind(None):
            return None
        began = time.perf_counter()
        if self._has_saved_with_step and (self._cost > 0.005 or began - self._saved_at < SHARE * self._cost):
            return None
        self._has_saved_with_step = True
        try:
            snapshot = self.make_snapshot(self.session.live.read_call_position(), between=True)
        except (CannotPause, CannotSave):
            self._cost = max(self._cost, time.perf_counter() - began)
            return None
        self._cost = max(time.perf_counter() - began, 0.0005)
        self._saved_at = time.perf_counter()
        return snapshot
