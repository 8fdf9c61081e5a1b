"""The one thread through which a process writes to a store.

A KeyboardInterrupt is only ever raised in the main thread, so a transaction on a thread of its own is never
left half open by one. What is queued while a commit runs is committed together by the next one.
"""

from __future__ import annotations

import atexit
import copy
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from hitl_nb.errors import StoreCorrupt, StoreError, StoreFull, StoreRefused
from hitl_nb.store.base import Transaction
from hitl_nb.store.outcome import Outcome

T = TypeVar("T")

BATCH = 256
"""Most requests of one commit."""

LAZY = 0.002
"""Seconds that lazy requests wait for company."""


class Request:
    """One transaction that was asked for. The engine sets `result`, or `error` if the work raised."""

    __slots__ = ("error", "future", "lazy", "result", "work")

    def __init__(self, work: Callable[[Transaction], Any], lazy: bool) -> None:
        self.work = work
        self.lazy = lazy
        self.future: Future[Any] = Outcome()
        self.result: Any = None
        self.error: BaseException | None = None


class Engine(Protocol):
    """What a writer drives. All calls come from the writer's thread."""

    def start(self) -> None:
        """Open. If it raises, nothing stays open."""
        ...

    def commit(self, batch: Sequence[Request]) -> None:
        """Run every request in order and make the writes durable; undo those of work that raises.

        Raises StoreError if nothing of the batch was saved.
        """
        ...

    def settle(self) -> float | None:
        """Do what may follow the acknowledgement; return in how many seconds to be called again, if at all."""
        ...

    def stop(self) -> None:
        """Let go of everything."""
        ...


class _Timer:
    __slots__ = ("active", "due", "seconds", "work")

    def __init__(self, seconds: float, work: Callable[[Transaction], None]) -> None:
        self.seconds = seconds
        self.work = work
        self.due = time.monotonic() + seconds
        self.active = True

    def cancel(self) -> None:
        self.active = False


class Writer:
    """Runs an engine on a daemon thread; flushed by `close()` and at interpreter exit."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.closed = False
        self._engine = engine
        self._name = name
        self._pid = os.getpid()
        self._queue: SimpleQueue[Request | _Timer | None] = SimpleQueue()
        self._order = threading.RLock()  # nothing is queued after the None of close()
        self._timers: list[_Timer] = []
        self._settle_at: float | None = None
        self._stopping = False
        self._inside = False
        started: Future[None] = Outcome()
        self._thread = threading.Thread(target=self._run, args=(started,), name=f"hitl_nb {name}", daemon=True)
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self._queue.put(None)
            raise
        atexit.register(self.close)

    def submit(self, work: Callable[[Transaction], T], lazy: bool) -> Future[T]:
        request = Request(work, lazy)
        self._enqueue(request)
        return request.future

    def every(self, seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
        if not seconds > 0:
            raise ValueError(f"seconds must be above 0, got {seconds!r}")
        timer = _Timer(seconds, work)
        self._enqueue(timer)
        return timer.cancel

    def close(self) -> None:
        if os.getpid() != self._pid:
            return
        with self._order:
            if not self.closed:
                self.closed = True
                self._queue.put(None)
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
        if self.closed:
            raise StoreError(f"{self._name} is closed; open_store() opens it again")
        if self._inside and threading.get_ident() == self._thread.ident:
            raise RuntimeError("inside a transaction use the transaction itself, not the store")

    def _enqueue(self, item: Request | _Timer) -> None:
        self.check()
        with self._order:
            if self.closed:
                raise StoreError(f"{self._name} is closed; open_store() opens it again")
            self._queue.put(item)

    def _run(self, started: Future[None]) -> None:
        try:
            self._engine.start()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that opens the store
            started.set_exception(error)
            return
        started.set_result(None)
        try:
            while not self._stopping:
                batch = self._gather()
                timers = self._due_timers()
                ticks = [Request(timer.work, False) for timer in timers]
                if batch or ticks:
                    self._commit(batch + ticks)
                for timer, tick in zip(timers, ticks, strict=True):
                    timer.active = timer.active and tick.error is None
                again = self._engine.settle()
                self._settle_at = None if again is None else time.monotonic() + again
        finally:
            self._abandon()
            self._engine.stop()

    def _gather(self) -> list[Request]:
        """The next requests to commit; none when a timer or the engine's own time comes first."""
        batch: list[Request] = []
        until = self._next_time()
        while len(batch) < BATCH:
            patience = None if until is None else until - time.monotonic()
            try:
                item = self._queue.get(patience is None or patience > 0, patience)
            except Empty:
                break
            if item is None:
                self._stopping = True
                break
            if isinstance(item, _Timer):
                self._timers.append(item)
                until = until if batch else self._next_time()
            elif item.future.set_running_or_notify_cancel():
                batch.append(item)
                if not item.lazy:
                    until = 0.0
                elif len(batch) == 1:
                    until = time.monotonic() + LAZY
        return batch

    def _next_time(self) -> float | None:
        self._timers = [timer for timer in self._timers if timer.active]
        times = [timer.due for timer in self._timers]
        if self._settle_at is not None:
            times.append(self._settle_at)
        return min(times, default=None)

    def _due_timers(self) -> list[_Timer]:
        if self._stopping or not self._timers:
            return []
        now = time.monotonic()
        due = [timer for timer in self._timers if timer.active and timer.due <= now]
        for timer in due:
            timer.due = now + timer.seconds
        return due

    def _commit(self, batch: list[Request]) -> None:
        self._inside = True
        failure: Exception | None = None
        try:
            self._engine.commit(batch)
        except Exception as error:  # noqa: BLE001 - everybody who waits for the batch gets it
            failure = error
        finally:
            self._inside = False
        if failure is None:
            for request in batch:
                if request.error is None:
                    request.future.set_result(request.result)
                else:
                    request.future.set_exception(request.error)
        elif len(batch) > 1 and isinstance(failure, StoreFull | StoreCorrupt):
            # One large write or one damaged page: the others need not fail with it.
            for request in batch:
                request.result = request.error = None
                self._commit([request])
        else:
            for request in batch:
                request.error = None
                mine = copy.copy(failure)  # several threads will raise it, each with its own traceback
                mine.__cause__ = failure.__cause__
                request.future.set_exception(mine)

    def _abandon(self) -> None:
        """Whatever ended the thread, nobody waits for ever."""
        with self._order:
            self.closed = True
        while not self._queue.empty():
            item = self._queue.get()
            if isinstance(item, Request) and item.future.set_running_or_notify_cancel():
                item.future.set_exception(StoreError(f"{self._name} stopped before this was saved"))


class WrittenByThread:
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
        return self._writer.submit(work, False).result()

    def every(self, seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
        """See `Store.every`. A store that is busy or full does not end the repetition, only `work` does."""
        return self._writer.every(seconds, work)
