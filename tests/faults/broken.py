"""hitl_nb with one promise taken out each: what the fault tests must be able to tell from the real one.

Each function breaks the process that it is called in, for good; `child` breaks a child of `forks.Forks` only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import story

from hitl_nb.storage.disk import connection as safedisk
from hitl_nb.storage.disk import store as disk
from hitl_nb.storage.disk.database import Database, DiskTransaction, WriteBatch
from hitl_nb.storage.interruptible_future import InterruptibleFuture
from hitl_nb.storage.write_thread import Writer, WriteRequest


def in_pieces() -> None:
    """A store without transactions: each write is committed by itself."""
    put, delete = DiskTransaction.put, DiskTransaction.delete

    def commit(tx: DiskTransaction) -> None:
        batch = tx._batch
        batch.keep(tx._own, 0)
        batch.flush()
        for statement in ("COMMIT", "BEGIN IMMEDIATE"):
            batch._con.execute(statement)

    DiskTransaction.put = lambda self, key, value: (put(self, key, value), commit(self))[1]
    DiskTransaction.delete = lambda self, key: (delete(self, key), commit(self))[1]


def acknowledged_early() -> None:
    """A store that says "saved" and commits after."""
    went_on = threading.Event()
    work, enqueue, note = Database._run_request, Writer._enqueue, story.note
    set_result = InterruptibleFuture.set_result

    def do_work(self: Database, batch: WriteBatch, request: WriteRequest) -> None:
        work(self, batch, request)
        if request.error is None:
            went_on.clear()
            set_result(request.future, request.result)
            went_on.wait(1)  # until whoever was told has told others, or wants the next thing

    def enqueue_item(self: Writer, item: Any) -> None:
        went_on.set()
        enqueue(self, item)

    def note_then_wake(file: str, *what: Any) -> None:
        note(file, *what)
        went_on.set()

    def set_once(self: InterruptibleFuture[Any], result: Any) -> None:
        if not self.done():
            set_result(self, result)

    Writer._commit_on_this_thread = lambda self, request: False  # there nobody can be told before
    Database._run_request, Writer._enqueue, story.note = do_work, enqueue_item, note_then_wake
    InterruptibleFuture.set_result = set_once


def not_synced() -> None:
    """diskcache's own setting: a commit does not wait for the disk."""
    disk.FULL = safedisk.NORMAL


def child(breaks: str, work: Callable[..., Any], *args: Any) -> Any:
    """In a new process: `work(*args)` with what the function named `breaks` has broken ("" for nothing)."""
    if breaks:
        globals()[breaks]()
    return work(*args)
