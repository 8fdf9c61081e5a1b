"""Write transactions of one process to a store, one at a time.

A thread that commits must hold the *turn* (a lock). A thread that needs a transaction while the turn is free commits
immediately, on itself. The requests of all other threads are queued. The next commit takes all of them together: on the
store's own thread, or on the thread that takes the turn first. The store's thread also runs work that no thread waits
for: lazy requests, repeated work, and *settling* (maintenance after a commit, such as checkpoints).

Python raises KeyboardInterrupt only in the main thread. In the main thread, it is deferred while a transaction is open
(`signal_guard.py`), so that an interrupt leaves no transaction half open.
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
"""Maximum number of requests in one commit."""

LAZY_SECONDS = 0.002
"""Seconds that a lazy request waits, so that it can be committed together with others."""

LINGER_SECONDS = 25
"""Number of unsuccessful polls, `LAZY_SECONDS` seconds apart, after which the store's thread stops polling for lazy
requests and has to be woken."""


class WriteRequest:
    """One requested transaction.

    Attributes:
        work: Function that reads and writes in the transaction.
        future: Future of the result; None for a request that its own thread commits.
        lazy_since: Monotonic time in seconds at which a lazy request was queued; None if it is not lazy.
        started: Whether the future can no longer be cancelled.
        saved: False if the backend failed to save.
        result: The result of `work`, set by the backend.
        error: The exception of `work`, set by the backend; or the backend's own.
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
        """Mark the request as running. Return False if its future was cancelled, so that the request must not run."""
        if not self.started:
            self.started = self.future is None or self.future.set_running_or_notify_cancel()
        return self.started


class WriteBackend(Protocol):
    """The interface of a database in which a `Writer` makes its transactions.

    Only the thread that holds the writer's turn (its lock for commits) calls these methods.
    """

    def start(self) -> None:
        """Open the database. If this raises an error, nothing stays open."""
        ...

    def commit(self, batch: Sequence[WriteRequest], *, wait: bool) -> bool:
        """Run every request in order and make the writes durable.

        If the work of a request raises, its writes are undone.

        Args:
            batch: Requests to run.
            wait: True: wait for other processes that write to the database. False: do nothing if that would be
                necessary.

        Returns:
            True if the batch was run; False (only without `wait`) if nothing was done.

        Raises:
            StoreError: No write of the batch was saved.
        """
        ...

    def needs_settling(self) -> bool:
        """Return whether `settle` has maintenance to do, now or later, for example a checkpoint of the log."""
        ...

    def settle(self) -> float | None:
        """Do maintenance that may run after a commit was acknowledged, for example copy the log into the database.

        Returns:
            Seconds after which to call the method again; None if that is not needed.
        """
        ...

    def stop(self) -> None:
        """Close the database."""
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
    """Runs write transactions, on the threads of the callers and on a daemon thread of its own.

    `close()` commits all queued requests. It is also called when the interpreter exits.

    Args:
        engine: The database, as a `WriteBackend`.
        name: Name of the store, for messages.
    """

    def __init__(self, engine: WriteBackend, name: str) -> None:
        self.closed = False
        self._engine = engine
        self._name = name
        self._pid = os.getpid()
        self._turn = threading.Lock()  # the thread that holds it calls the engine, and takes requests from the queue
        self._inside: int | None = None  # id of the thread that is in a transaction
        self._queue: deque[WriteRequest] = deque()
        self._order = threading.RLock()  # nothing is queued after close()
        self._timers: list[_RepeatingWork] = []
        self._settle_at: float | None = None
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._rung = False
        self._urgent = False
        self._lively = False  # the store's thread polls for lazy requests
        self._lazies = self._seen = 0
        self._looks = LINGER_SECONDS  # number of unsuccessful polls
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
        """Run `work` in a transaction and wait until its writes are durable.

        If no other thread commits, `work` runs on the calling thread; otherwise on the thread that commits next.

        Returns:
            The result of `work`.

        Raises:
            StoreError: The writes could not be saved, or the store is closed.
            RuntimeError: This thread is inside a transaction of the store.
            BaseException: Any exception that `work` raises; its writes are undone then.
        """
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
            del request  # otherwise the error and its traceback would keep each other alive

    def submit(self, work: Callable[[Transaction], T], lazy: bool) -> Future[T]:
        """Queue `work` for a transaction, without waiting for it.

        Args:
            work: Function that reads and writes in the transaction.
            lazy: True: the commit may wait a few milliseconds, so that it can be made together with others.

        Returns:
            A future that is done when the writes are durable; its result is the result of `work`.
        """
        request = WriteRequest(work, InterruptibleFuture())
        if lazy:
            request.lazy_since = time.monotonic()
        self._enqueue(request)
        assert request.future is not None
        return request.future

    def repeat_every(self, seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
        """Run `work` in a transaction every `seconds` seconds, on the store's own thread.

        An exception from `work` ends the repetition; a busy or full store does not.

        Returns:
            A function that ends the repetition.
        """
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
        """Commit all queued requests and stop the thread. A second call, or a call in a forked child, has no effect."""
        if os.getpid() != self._pid:
            return
        with self._order:
            self.closed = True
        self._ring_bell()
        if threading.get_ident() != self._thread.ident:
            self._thread.join()
            atexit.unregister(self.close)

    def check(self) -> None:
        """Check that this thread may use the store now.

        Raises:
            StoreRefused: This process was forked after the store was opened.
            StoreError: The store is closed.
            RuntimeError: This thread is inside a transaction of the store.
        """
        if os.getpid() != self._pid:
            raise StoreRefused(
                f"{self._name} was opened before this process was forked and cannot be used in the child."
                " Start workers with the 'spawn' or 'forkserver' method, or close the store before forking"
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
        """Make the store's thread commit all queued requests now, and do maintenance that is due."""
        self._urgent = True
        self._ring_bell()

    def _ring_bell(self) -> None:
        """Make the store's thread check for work again. Call this after the work was queued."""
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    # Functions that take the turn

    def _commit_on_this_thread(self, request: WriteRequest) -> bool:
        """Commit the request on this thread, after the queued requests.

        Returns:
            True if the request was committed. False, with nothing done, if another thread is committing or if another
            process holds the store's lock.
        """
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
        except BaseException as error:  # noqa: BLE001 - raised in every thread that waits for the batch
            failure = error
        finally:
            self._inside = None
        if len(batch) > 1 and isinstance(failure, StoreFull | StoreCorrupt):
            # One large write or one damaged page must not make the other requests fail: commit each one alone.
            for request in batch:
                request.result = request.error = None
                self._commit([request], wait=True)
        else:
            for request in batch:
                request.saved = False
                request.error = copy.copy(failure)  # each waiting thread raises its own copy, with its own traceback
                request.error.__cause__ = failure.__cause__
        return True

    # The store's own thread

    def _run(self, started: Future[None]) -> None:
        try:
            self._engine.start()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that opens the store
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
        """Sleep until the store's thread has work.

        Work is an urgent request, a lazy request or repeated work that is due, or maintenance after a commit.
        """
        while True:
            self._rung = False
            if self.closed or self._urgent:
                self._urgent = False
                return
            if self._lazies != self._seen:
                self._seen, self._looks = self._lazies, 0
            now, due = time.monotonic(), self._next_wake_time()
            with suppress(IndexError):  # the thread that has the turn may empty the queue
                since = self._queue[0].lazy_since
                due = min(due, now if since is None else since + LAZY_SECONDS)
            if due <= now:
                return
            self._lively = self._looks < LINGER_SECONDS
            if not self._lively and self._queue:
                self._looks = 0  # the thread that queued the request saw `_lively` and did not wake this thread
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
        """Close the writer. Requests that are still queued fail with StoreError, so that no thread waits forever."""
        with self._order:
            self.closed = True
        while self._queue:
            request = self._queue.popleft()
            if request.future is not None and request.start_future():
                request.future.set_exception(StoreError(f"{self._name} stopped before this was saved"))


_NEVER = float("inf")


def _notify_waiters(batch: Sequence[WriteRequest]) -> None:
    """Set the results or errors of the requests' futures, so that the threads that wait for them continue.

    Call this after the turn (the lock for commits) was released, because these threads may need it next.
    """
    for request in batch:
        if request.future is None:
            continue
        if request.error is None:
            request.future.set_result(request.result)
        else:
            request.future.set_exception(request.error)


class ThreadedStore:
    """Base class of stores with a `Writer`: the methods of `Store` that are the same for all of them."""

    _writer: Writer

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return self._writer.closed

    def submit(self, work: Callable[[Transaction], T], *, lazy: bool = False) -> Future[T]:
        """Run `work` in a transaction, without waiting for it.

        Args:
            work: Function that reads and writes in the transaction.
            lazy: True: the commit may wait a few milliseconds, so that it can be made together with others.

        Returns:
            A future that is done when the writes are durable; its result is the result of `work`.
        """
        return self._writer.submit(work, lazy)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction, wait until its writes are durable, and return the result of `work`.

        If `work` raises, its writes are undone, and the exception is raised here.
        """
        return self._writer.transact(work)

    def repeat_every(self, seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
        """Run `work` every `seconds` seconds in a transaction, on the store's own thread.

        An exception from `work` ends the repetition; a busy or full store does not.

        Returns:
            A function that ends the repetition.
        """
        return self._writer.repeat_every(seconds, work)
