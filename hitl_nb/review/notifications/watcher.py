"""Watching a store: the clock acts on open proposals, and people are told, as long as this process lives."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from hitl_nb.errors import HitlError
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open.watchers import BEAT
from hitl_nb.ledger.runs.process import Owner
from hitl_nb.review.notifications.channels import ChannelsError
from hitl_nb.review.notifications.outbox import Sender

LONGEST = timedelta(seconds=30)
"""Most that a watcher waits until it looks again, whatever the store says."""
_SHORTEST = timedelta(seconds=0.05)


class Watcher:
    """Does what is due in a store, a step at a time.

    Args:
        ledger: gives the store's ledger; it may be another one after the store was closed.
        label: what this process is, for people ("server", "watch").
        public_url: under which people reach the server; "" if it has none.
        say: hears what goes wrong, in a sentence; the same one not twice in a row.
        always: whether it says that it watches even if there is nothing to watch.
        sender: makes what sends the notices; `Sender` if left out.
    """

    def __init__(
        self,
        ledger: Callable[[], Ledger],
        *,
        label: str,
        public_url: str = "",
        say: Callable[[str], None],
        always: bool = True,
        sender: Callable[[Ledger, Owner, Callable[[], bool]], Sender] | None = None,
    ) -> None:
        self._ledger = ledger
        self._owner = Owner.here(label)
        self._say = say
        self._always = always
        self._beaten: float | None = None
        self._said = ""

        def usual(ledger: Ledger, owner: Owner, goes_on: Callable[[], bool]) -> Sender:
            return Sender(ledger, token=owner.token, actor=str(owner), public_url=public_url, goes_on=goes_on)

        self._sender = sender or usual

    def step(self, goes_on: Callable[[], bool] = lambda: True) -> float:
        """Do all that is due; how many seconds until there is more, at most `LONGEST`.

        `goes_on` is asked between two notices, and while one is sent. Raises nothing of hitl_nb: what is wrong now is
        looked at again later.
        """
        try:
            ledger = self._ledger()
            problem = self._do(ledger, goes_on)
            wait = _next_look(ledger)
        except HitlError as error:
            problem, wait = str(error), LONGEST
        if problem and problem != self._said:
            self._say(problem)
        self._said = problem
        return wait.total_seconds()

    def stop(self) -> None:
        """Say that this process watches no more, if it ever did. Raises StoreError."""
        if self._beaten is not None:
            self._ledger().stop_watching(self._owner)

    def _do(self, ledger: Ledger, goes_on: Callable[[], bool]) -> str:
        """Tick and send until nothing is due; what is wrong with the channels, or ""."""
        sender = self._sender(ledger, self._owner, goes_on)
        while True:
            self._beat(ledger)
            ledger.tick()
            try:
                more = sender.send_next(ledger.now())
            except ChannelsError as error:
                return str(error)
            if not more or not goes_on():
                return ""

    def _beat(self, ledger: Ledger) -> None:
        if self._beaten is not None and time.monotonic() - self._beaten < BEAT.total_seconds():
            return
        if self._always or ledger.has_timers() or ledger.next_notice() is not None:
            ledger.beat(self._owner, ledger.now())
            self._beaten = time.monotonic()


def _next_look(ledger: Ledger) -> timedelta:
    """How long until the clock or a notice is due; what is due already waits for something else to change."""
    now = ledger.now()
    times: list[datetime] = [at for at in (ledger.next_due(), ledger.next_notice()) if at is not None and at > now]
    return max(_SHORTEST, min([LONGEST, *(at - now for at in times)]))
