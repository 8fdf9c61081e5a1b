"""How a process writes to a store: one transaction at a time, by whoever has the turn.

A thread that wants a transaction and finds the turn free commits on the spot. Everybody else's requests are queued,
and what has queued while a commit runs is committed together by the next one: on the store's own thread, or by whoever
takes the turn first. That thread also does what nobody waits for: lazy requests, repetitions, checkpoints.

A KeyboardInterrupt is only ever raised in the main thread. There it is held back while a transaction is open
(`signal_guard.py`), so that none is left half open by one.
"""

from __future__ import annotations

import atexit
import copy
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from hitl_nb.errors import StoreCorrupt, StoreError, StoreFull, StoreRefused
from hitl_nb.storage.interface import Transaction
from hitl_nb.storage.interruptible_future import InterruptibleFuture
from hitl_nb.storage.signal_guard import DeferredInterrupts

T = TypeVar("T")

MAX_BATCH = 256
"""Most requests of one commit."""

LAZY_SECONDS = 0.002
"""Seconds that lazy requests wait for company."""

LINGER_SECONDS = 25
"""How often the store's thread looks for lazy requests, every `LAZY_SECONDS` seconds, before it has to be woken for
one."""


class WriteRequest:
    """One transaction that was asked for. The engine sets `result`, or `error` if the work raised.

    `future` is None for a request that its own thread commits; `saved` is False if the engine failed.
    """

    __slots__ = ("error", "future", "lazy_since", "result", "saved", "started", "work")

    def __init__(self, work: Callable[[Transaction], Any], future: Future[Any] | None = None) -> None:
        self.work = work
        self.future = future
        self.lazy_since: float | None = None
        self.started = False
        self.saved = True
        self.result: Any = None
        self.error: BaseException | None = None

    def start_future(self) -> bool:
        """Whether it is to be run: it may have been cancelled."""
        if not self.started:
            self.started = self.future is None or self.future.set_running_or_notify_cancel()
        return self.started


class WriteBackend(Protocol):
    """What a writer drives. All calls come from whoever has the turn."""

    def start(self) -> None:
        """Open. If it raises, nothing stays open."""
        ...

    def commit(self, batch: Sequence[WriteRequest], *, wait: bool) -> bool:
        """Run every request in order and make the writes durable; undo those of work that raises.

        Without `wait`: False, and nothing was done, if another process would have to be waited for.
        Raises StoreError if nothing of the batch was saved.
        """
        ...

    def needs_settling(self) -> bool:
        """Whether there is something for `settle` to do, now or later."""
        ...

    def settle(self) -> float | None:
        """Do what may follow the acknowledgement; return in how many seconds to be called again, if at all."""
        ...

    def stop(self) -> None:
        """Let go of everything."""
        ...


class _RepeatingWork:
    __slots__ = ("active", "due", "seconds", "work")

    def __init__(self, seconds: float, work: Callable[[Transaction], None]) -> None:
        self.seconds = seconds
        self.work = work
        self.due = time.monotonic() + seconds
        self.active = True

    def cancel(self) -> None:
        self.active = False


class Writer:
    """Drives an engine, on the callers' threads and a daemon thread; flushed by `close()` and at interpreter exit."""

    def __init__(self, engine: WriteBackend, name: str) -> None:
        self.closed = False
        self._engine = engine
        self._name = name
        self._pid = os.getpid()
        self._turn = threading.Lock()  # whoever holds it drives the engine, and takes from the queue
        self._inside: int | None = None  # the thread that is in a transaction
        self._queue: deque[WriteRequest] = deque()
        self._order = threading.RLock()  # nothing is queued after close()
        self._timers: list[_RepeatingWork] = []
        self._settle_at: float | None = None
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._rung = False
        self._urgent = False
        self._lively = False  # the store's thread looks for lazy requests by itself
        self._lazies = self._seen = 0
        self._looks = LINGER_SECONDS  # in vain
        started: Future[None] = InterruptibleFuture()
        self._thread = threading.Thread(target=self._run, args=(started,), name=f"hitl_nb {name}", daemon=True)
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self.closed = True
            self._ring_bell()
            raise
        atexit.register(self.close)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        self.check()
        request = WriteRequest(work)
        with DeferredInterrupts() as sure:
            done = sure and self._commit_on_this_thread(request)
        if not done:
            return self.submit(work, False).result()
        try:
            if request.error is not None:
                raise request.error
            return request.result
        finally:
            del request  # or the error and its traceback would hold each other

    def submit(self, work: Callable[[Transaction], T], lazy: bool) -> Future[T]:
        request = WriteRequest(work, InterruptibleFuture())
        if lazy:
            request.lazy_since = time.monotonic()
        self._enqueue(request)
        assert request.future is not None
        return request.future

    def repeat_every(self, seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
        if not seconds > 0:
            raise ValueError(f"seconds must be above 0, got {seconds!r}")
        timer = _RepeatingWork(seconds, work)
        self.check()
        with self._order:
            self._refuse_if_closed()
            self._timers.append(timer)
        self._ring_bell()
        return timer.cancel

    def close(self) -> None:
        if os.getpid() != self._pid:
            return
        with self._order:
            self.closed = True
        self._ring_bell()
        if threading.get_ident() != self._thread.ident:
            self._thread.join()
            atexit.unregister(self.close)

    def check(self) -> None:
        """Raises StoreRefused in a forked child, StoreError when closed, RuntimeError inside a transaction."""
        if os.getpid() != self._pid:
            raise StoreRefused(
                f"{self._name} was opened before this process was forked and cannot be used in the child;"
                " start workers with the 'spawn' or 'forkserver' method, or close the store before forking"
            )
        self._refuse_if_closed()
        if self._inside is not None and self._inside == threading.get_ident():
            raise RuntimeError("inside a transaction use the transaction itself, not the store")

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise StoreError(f"{self._name} is closed; open_store() opens it again")

    def _enqueue(self, request: WriteRequest) -> None:
        self.check()
        with self._order:
            self._refuse_if_closed()
            self._queue.append(request)
        if request.lazy_since is None:
            self._wake()
        else:
            self._lazies += 1
            if not self._lively:
                self._ring_bell()

    def _wake(self) -> None:
        """Let the store's thread do at once what there is to do."""
        self._urgent = True
        self._ring_bell()

    def _ring_bell(self) -> None:
        """Let the store's thread look when it has something to do. What it shall see is set before."""
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    # With the turn

    def _commit_on_this_thread(self, request: WriteRequest) -> bool:
        """Commit it on this thread, behind what is queued. False, and nothing was done, if somebody is in the way."""
        if not self._turn.acquire(blocking=False):
            return False
        before: list[WriteRequest] = []
        try:
            self._refuse_if_closed()
            before = self._take_batch()
            if self._queue or not self._commit([*before, request], wait=False):
                self._queue.extendleft(reversed(before))
                before = []
                return False
        finally:
            self._turn.release()
            _notify_waiters(before)
        if self._settle_at is None and self._engine.needs_settling():
            self._wake()
        return True

    def _take_batch(self) -> list[WriteRequest]:
        batch: list[WriteRequest] = []
        while self._queue and len(batch) < MAX_BATCH:
            request = self._queue.popleft()
            if request.start_future():
                batch.append(request)
        return batch

    def _commit(self, batch: Sequence[WriteRequest], *, wait: bool) -> bool:
        self._inside = threading.get_ident()
        try:
            return self._engine.commit(batch, wait=wait)
        except BaseException as error:  # noqa: BLE001 - everybody who waits for the batch gets it
            failure = error
        finally:
            self._inside = None
        if len(batch) > 1 and isinstance(failure, StoreFull | StoreCorrupt):
            # One large write or one damaged page: the others need not fail with it.
            for request in batch:
                request.result = request.error = None
                self._commit([request], wait=True)
        else:
            for request in batch:
                request.saved = False
                request.error = copy.copy(failure)  # several threads will raise it, each with its own traceback
                request.error.__cause__ = failure.__cause__
        return True

    # The store's own thread

    def _run(self, started: Future[None]) -> None:
        try:
            self._engine.start()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that opens the store
            started.set_exception(error)
            return
        started.set_result(None)
        try:
            while not self.closed or self._queue:
                self._sleep()
                timers = self._due_timers()
                ticks = [WriteRequest(timer.work) for timer in timers]
                with self._turn:
                    batch = self._take_batch()
                    if batch or ticks:
                        self._commit([*batch, *ticks], wait=True)
                    again = self._engine.settle()
                self._settle_at = None if again is None else time.monotonic() + again
                _notify_waiters(batch)
                for timer, tick in zip(timers, ticks, strict=True):
                    timer.active = timer.active and (tick.error is None or not tick.saved)
        finally:
            with self._turn:
                self._abandon()
                self._engine.stop()

    def _sleep(self) -> None:
        """Until there is something to do: an urgent request, a lazy one that has waited, a repetition, settling."""
        while True:
            self._rung = False
            if self.closed or self._urgent:
                self._urgent = False
                return
            if self._lazies != self._seen:
                self._seen, self._looks = self._lazies, 0
            now, due = time.monotonic(), self._next_wake_time()
            with suppress(IndexError):  # whoever has the turn takes from the queue
                since = self._queue[0].lazy_since
                due = min(due, now if since is None else since + LAZY_SECONDS)
            if due <= now:
                return
            self._lively = self._looks < LINGER_SECONDS
            if not self._lively and self._queue:
                self._looks = 0  # one came that took us for awake
                continue
            until = min(due, now + LAZY_SECONDS) if self._lively else due
            try:
                self._bell.get(timeout=None if until == _NEVER else until - now)
            except Empty:
                self._looks += 1

    def _next_wake_time(self) -> float:
        with self._order:
            self._timers = [timer for timer in self._timers if timer.active]
            times = [timer.due for timer in self._timers]
        if self._settle_at is not None:
            times.append(self._settle_at)
        return min(times, default=_NEVER)

    def _due_timers(self) -> list[_RepeatingWork]:
        if self.closed:
            return []
        now = time.monotonic()
        with self._order:
            due = [timer for timer in self._timers if timer.active and timer.due <= now]
        for timer in due:
            timer.due = now + timer.seconds
        return due

    def _abandon(self) -> None:
        """Whatever ended the thread, nobody waits for ever."""
        with self._order:
            self.closed = True
        while self._queue:
            request = self._queue.popleft()
            if request.future is not None and request.start_future():
                request.future.set_exception(StoreError(f"{self._name} stopped before this was saved"))


_NEVER = float("inf")


def _notify_waiters(batch: Sequence[WriteRequest]) -> None:
    """Let those who wait go on. Without the turn: what they do next may need it."""
    for request in batch:
        if request.future is None:
            continue
        if request.error is None:
            request.future.set_result(request.result)
        else:
            request.future.set_exception(request.error)


class ThreadedStore:
    """The part of the `Store` contract that is the same wherever one `Writer` does the writing."""

    _writer: Writer

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return self._writer.closed

    def submit(self, work: Callable[[Transaction], T], *, lazy: bool = False) -> Future[T]:
        """See `Store.submit`."""
        return self._writer.submit(work, lazy)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """See `Store.transact`."""
        return self._writer.transact(work)

    def repeat_every(self, seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
        """See `Store.repeat_every`. A store that is busy or full does not end the repetition, only `work` does."""
        return self._writer.repeat_every(seconds, work)
