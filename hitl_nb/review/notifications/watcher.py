"""Watching of a store while this process lives: the clock's actions on open proposals, and notifications of people."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from hitl_nb.errors import HitlError
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open.watchers import HEARTBEAT_INTERVAL
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.review.notifications.channels import ChannelsError
from hitl_nb.review.notifications.outbox import NoticeSender

MAX_WAIT = timedelta(seconds=30)
"""Maximum time between two checks of the store, even if nothing in it is due before."""
_MIN_WAIT = timedelta(seconds=0.05)


class DeadlineWatcher:
    """Watcher of one store: it applies deadlines to open proposals and sends notices when they are due.

    The caller calls `run_step` again after the number of seconds that it returns.

    Args:
        ledger: Function that returns the store's ledger; a new one after the store was closed.
        label: Role of this process, shown to people ("server", "watch").
        public_url: URL of the server with which links in messages begin; "" if it has none.
        say: Called with a sentence about each problem. The same problem is not reported twice in a row.
        always: Whether to record a heartbeat (a sign that a process watches the store) even if nothing needs watching.
        sender: Function that makes the sender of the notices. Default: `NoticeSender`.
    """

    def __init__(
        self,
        ledger: Callable[[], Ledger],
        *,
        label: str,
        public_url: str = "",
        say: Callable[[str], None],
        always: bool = True,
        sender: Callable[[Ledger, ProcessIdentity, Callable[[], bool]], NoticeSender] | None = None,
    ) -> None:
        self._ledger = ledger
        self._owner = ProcessIdentity.current(label)
        self._report_problem = say
        self._always = always
        self._last_heartbeat: float | None = None
        self._last_problem = ""

        def usual(ledger: Ledger, owner: ProcessIdentity, goes_on: Callable[[], bool]) -> NoticeSender:
            return NoticeSender(ledger, token=owner.token, actor=str(owner), public_url=public_url, goes_on=goes_on)

        self._sender = sender or usual

    def run_step(self, goes_on: Callable[[], bool] = lambda: True) -> float:
        """Apply all deadlines and send all notices that are due in the store.

        Errors of hitl_nb are reported to `say`, and the action is tried again in a later step.

        Args:
            goes_on: Called between two notices, and while a notice is sent. If it returns False, the step ends.

        Returns:
            Seconds until the next deadline or notice is due, at most `MAX_WAIT`.
        """
        try:
            ledger = self._ledger()
            problem = self._run_due(ledger, goes_on)
            wait = _find_next_wait(ledger)
        except HitlError as error:
            problem, wait = str(error), MAX_WAIT
        if problem and problem != self._last_problem:
            self._report_problem(problem)
        self._last_problem = problem
        return wait.total_seconds()

    def stop_watching(self) -> None:
        """Record in the store that this process no longer watches it.

        Nothing is recorded if it never recorded a heartbeat.

        Raises:
            StoreError: The store cannot be written.
        """
        if self._last_heartbeat is not None:
            self._ledger().watchers.remove_heartbeat(self._owner)

    def _run_due(self, ledger: Ledger, goes_on: Callable[[], bool]) -> str:
        """Apply deadlines and send notices until none is due.

        Args:
            ledger: The ledger of the store.
            goes_on: Called between two notices, and while a notice is sent. If it returns False, sending ends.

        Returns:
            A sentence about a problem with the channels of people. "" if there is none.
        """
        sender = self._sender(ledger, self._owner, goes_on)
        while True:
            self._record_heartbeat(ledger)
            ledger.timers.run_due_steps()
            try:
                more = sender.send_next(ledger.now())
            except ChannelsError as error:
                return str(error)
            if not more or not goes_on():
                return sender.problem

    def _record_heartbeat(self, ledger: Ledger) -> None:
        if (
            self._last_heartbeat is not None
            and time.monotonic() - self._last_heartbeat < HEARTBEAT_INTERVAL.total_seconds()
        ):
            return
        if self._always or ledger.timers.has_planned_steps() or ledger.notices.next_due() is not None:
            ledger.watchers.record_heartbeat(self._owner, ledger.now())
            self._last_heartbeat = time.monotonic()


def _find_next_wait(ledger: Ledger) -> timedelta:
    """Return the time until the next deadline or notice of the store is due, at most `MAX_WAIT`.

    Deadlines and notices that are already due are left out: something else must change before they can be handled.
    """
    now = ledger.now()
    times: list[datetime] = [
        at for at in (ledger.timers.next_due(), ledger.notices.next_due()) if at is not None and at > now
    ]
    return max(_MIN_WAIT, min([MAX_WAIT, *(at - now for at in times)]))
