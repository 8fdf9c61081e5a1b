"""F11: a process is forked while a store is open. The child is refused, and harms nobody."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from processes import LONG, output, start

from hitl_nb.errors import StoreBusy
from hitl_nb.storage.disk.store import DiskStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


FORKED = """
    from hitl_nb.errors import StoreRefused
    from hitl_nb.storage.disk.store import DiskStore
    store = open_store(url)
    store.transact(lambda tx: tx.put("k", b"1")); store.version(); drafts = store.drafts
    child = os.fork()
    if child == 0:
        refused = 0
        for use in (lambda: store.get("k"), store.version, lambda: DiskStore(root).close(), lambda: drafts.get("k"),
                    lambda: store.transact(lambda tx: tx.put("k", b"child")), lambda: store.drafts,
                    lambda: open_store(url)):
            try: use()
            except StoreRefused as error: refused += "spawn" in str(error)
        store.close()
        other = open_store(url + "-other"); other.transact(lambda tx: tx.put("k", b"1")); other.close()
        mine = open_store("memory:"); mine.transact(lambda tx: tx.put("k", b"1"))
        os._exit(refused)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    store.transact(lambda tx: tx.put("k", tx.get("k") + b"2"))
    print(store.get("k").decode())
    store.close()
    child = os.fork()
    if child == 0:
        again = open_store(url); print(again.get("k").decode(), flush=True); again.close(); os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
UNGUARDED = """
    from hitl_nb.storage.disk import store as disk; from hitl_nb.storage import write_thread as writer
    def forget():
        disk._inherited.clear()
        signal.alarm(2)  # what hangs in the child is ended
    writer.Writer.check = lambda self: None
    os.register_at_fork(after_in_child=forget)
"""


def test_a_forked_child_is_refused_and_harms_nobody(root: Path) -> None:
    assert output(start(FORKED, root)).split() == ["7", "12", "12"]


def test_control_an_unguarded_child_is_not_refused(root: Path) -> None:
    refused, *_ = output(start(FORKED, root, breaks=UNGUARDED)).split()
    assert int(refused) == 0


GATE_IN_CHILD = """
    store = open_store(url)
    entered, go = threading.Event(), threading.Event()
    store.submit(lambda tx: (entered.set(), go.wait()))
    entered.wait()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        os.close(1)
        signal.pause()
    os.kill(os.getpid(), 9)
"""
KEEPS_THE_GATE = """
    from hitl_nb.storage.disk.process_lock import ProcessLock
    ProcessLock.close = lambda self: None
"""


def opened_beside_a_child(root: Path, patience: float, breaks: str) -> None:
    """Open a store whose gate was held by a process that was killed, and had forked a child which lives."""
    process = start(GATE_IN_CHILD, root, breaks=breaks)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.wait()
    try:
        DiskStore(root, patience=patience).close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_child_of_a_fork_does_not_keep_the_gate(root: Path) -> None:
    opened_beside_a_child(root, LONG, "")


def test_control_a_child_that_keeps_the_gate_is_seen(root: Path) -> None:
    with pytest.raises(StoreBusy):
        opened_beside_a_child(root, 0.2, KEEPS_THE_GATE)
