"""F5: the disk is full, also in the middle of a pause: the error says so, nothing is half-saved, and room mends it."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel
from processes import output, start

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage.disk.store import DiskStore

FULL = """
    import resource
    from hitl_nb.errors import StoreFull
    store = open_store(url)
    store.transact(lambda tx: tx.put("before", b"1"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    entered, go = threading.Event(), threading.Event()
    held = store.submit(lambda tx: (entered.set(), go.wait()))
    entered.wait()
    small = store.submit(lambda tx: tx.put("small", b"1"))
    large = store.submit(lambda tx: [tx.put(f"z/large/{n}", bytes(1 << 16)) for n in range(20)])
    other = store.submit(lambda tx: tx.put("other", b"1"))
    go.set()
    def swallow(tx):
        try: [tx.put(f"z/large/{n}", bytes(1 << 20)) for n in range(40)]
        except StoreFull: pass
        try: tx.put("z/outside", b"1")
        except StoreFull: pass
    swallowed = store.submit(swallow)
    for future in (small, large, other, swallowed):
        error = future.exception(); print(type(error).__name__)
    print(store.get("before"), store.get("small"), store.get("other"), len(store.scan("z/", "z0")))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    store.transact(lambda tx: tx.put("after", bytes(1 << 20)))
    print(len(store.get("after")), os.listdir(root + "/journal").count("room.probe"))
"""
IN_PIECES = "import broken; broken.in_pieces()"


def test_what_fits_is_saved_and_what_does_not_is_refused_whole(tmp_path: Path) -> None:
    assert output(start(FULL, tmp_path / "store")).splitlines() == [
        "NoneType",
        "StoreFull",
        "NoneType",
        "StoreFull",
        "b'1' b'1' b'1' 0",
        f"{1 << 20} 0",
    ]


def test_control_without_transactions_a_part_is_left(tmp_path: Path) -> None:
    said = output(start(FULL, tmp_path / "store", breaks=IN_PIECES)).splitlines()
    assert not said[4].endswith(" 0")


# In a notebook

SETUP = """
%load_ext hitl_nb
import os, sys
import hitl_nb as hitl
BREAKS
@hitl.step
def send(text):
    with open("effects.txt", "a") as file:
        file.write(text + "\\n")
"""
AGENT = """%%agent letters
state = os.urandom(1_500_000).hex()
decision = hitl.checkpoint("Dear Ann", title="Letter to Ann")
send(decision.value)
"""


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """Whether `folder` is a small disk of its own now: for that we must be root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "none", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


class Kernel:
    """A kernel whose store has little room, when told so."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.folder = folder
        self.mounted = mounted
        hidden = ("CI", "PYTEST_CURRENT_TEST", "HITL_NB_NOTEBOOK")
        here = Path(__file__).parent
        env = {
            **{name: value for name, value in os.environ.items() if name not in hidden},
            "HITL_NB_STORE": f"diskcache://{folder}/disk/store",
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JPY_SESSION_NAME": str(folder / "full.ipynb"),
            "PYTHONPATH": f"{here}:{here.parent.parent}",
        }
        self.manager, self.client = start_new_kernel(env=env, cwd=str(folder))

    def run(self, code: str) -> dict[str, Any]:
        return dict(self.client.execute_interactive(code, timeout=120, output_hook=lambda message: None)["content"])

    def fill(self) -> None:
        """Leave room for a megabyte."""
        if self.mounted:
            room = os.statvfs(self.folder / "disk")
            (self.folder / "disk/ballast").write_bytes(bytes(room.f_bavail * room.f_frsize - (1 << 20)))
        else:
            self.limit(1 << 20)

    def free(self) -> None:
        if self.mounted:
            (self.folder / "disk/ballast").unlink()
        else:
            self.limit(resource.RLIM_INFINITY)

    def limit(self, size: int) -> None:
        pid = self.manager.provisioner.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))

    def records(self) -> list[str]:
        """The records of pauses and saved states."""
        store = DiskStore(self.folder / "disk/store")
        try:
            return [key for key, _ in store.scan("", "~") if not key.startswith(("event/", "meta/", "claim/"))]
        finally:
            store.close()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def paused_on_a_full_disk(folder: Path, breaks: str, then: Callable[[Kernel, dict[str, Any], list[str]], None]) -> None:
    """Let an agent cell pause on a full disk; `then` gets the kernel, its reply, and the records that it left."""
    with disk(folder / "disk") as mounted:
        kernel = Kernel(folder, mounted=mounted)
        try:
            assert kernel.run(SETUP.replace("BREAKS", breaks))["status"] == "ok"
            assert kernel.run("%hitl runs")["status"] == "ok"  # the store is there
            kernel.fill()
            reply = kernel.run(AGENT)
            left = kernel.records()
            kernel.free()
            then(kernel, reply, left)
        finally:
            kernel.close()


HALF = ("proposal/", "asked/", "open/", "chunk/", "blob/", "snapshot/")


def test_a_cell_that_pauses_on_a_full_disk(tmp_path: Path) -> None:
    def then(kernel: Kernel, reply: dict[str, Any], left: list[str]) -> None:
        assert (reply["ename"], "no room left" in reply["evalue"]) == ("StoreFull", True)
        assert [key for key in left if key.startswith(HALF)] == []
        assert kernel.run(AGENT)["ename"] == "Paused"
        store = DiskStore(tmp_path / "disk/store")
        ledger = Ledger(store)
        (asked,) = ledger.proposals.list_open()
        ledger.proposals.decide(asked.id, "approve", reviewer="ann")
        assert ledger.audit.verify().ok
        store.close()
        assert kernel.run(AGENT)["status"] == "ok"
        assert (tmp_path / "effects.txt").read_text() == "Dear Ann\n"

    paused_on_a_full_disk(tmp_path, "", then)


def test_control_without_transactions_a_part_of_the_pause_is_left(tmp_path: Path) -> None:
    def then(kernel: Kernel, reply: dict[str, Any], left: list[str]) -> None:
        assert [key for key in left if key.startswith(HALF)] != []

    paused_on_a_full_disk(tmp_path, IN_PIECES, then)
