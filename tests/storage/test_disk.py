"""What the store on disk promises beyond the contract: settings, places, processes, files. See `tests/faults`, too."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import diskcache
import pytest

from hitl_nb.errors import StoreBusy, StoreCorrupt, StoreError, StoreRefused
from hitl_nb.storage import open_store
from hitl_nb.storage import urls as places
from hitl_nb.storage.disk.process_lock import ProcessLock
from hitl_nb.storage.disk.store import DiskStore
from hitl_nb.storage.interface import Transaction

LONG = 60.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Iterator[DiskStore]:
    store = DiskStore(root)
    yield store
    store.close()


def put(key: str, value: bytes = b"") -> Callable[[Transaction], None]:
    return lambda tx: tx.put(key, value)


def start(script: str, root: Path, **options: Any) -> subprocess.Popen[str]:
    """A process that has `store` open on `root` and runs `script`."""
    head = (
        "import os, sys, threading\nfrom hitl_nb.storage import open_store\n"
        "url = 'diskcache://' + sys.argv[1]\nstore = open_store(url)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(script), str(root)], stdout=subprocess.PIPE, text=True, **options
    )


def output(process: subprocess.Popen[str]) -> str:
    found, _ = process.communicate(timeout=LONG)
    assert process.returncode == 0
    return found


# Foreign settings


def settings(root: Path) -> dict[str, Any]:
    con = sqlite3.connect(root / "journal/cache.db")
    try:
        return dict(con.execute("SELECT key, value FROM Settings").fetchall())
    finally:
        con.close()


def pragmas(store: DiskStore) -> dict[str, Any]:
    cache = store.database.cache
    assert cache is not None
    names = ("synchronous", "journal_mode", "mmap_size", "auto_vacuum", "wal_autocheckpoint")
    return {name: cache.current_connection().connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}


PINNED = {"synchronous": 2, "journal_mode": "wal", "mmap_size": 0, "auto_vacuum": 0, "wal_autocheckpoint": 0}
BAD = {"sqlite_synchronous": 0, "sqlite_mmap_size": 2**26, "size_limit": 1000, "cull_limit": 10,
       "eviction_policy": "least-recently-stored"}  # fmt: skip


def test_settings_are_pinned_on_every_connection(store: DiskStore) -> None:
    assert store.transact(lambda tx: pragmas(store)) == PINNED
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(pragmas, store).result() == PINNED
    drafts = store.drafts
    assert isinstance(drafts, DiskStore)
    assert drafts.transact(lambda tx: pragmas(drafts)) == PINNED | {"synchronous": 1}


def test_settings_changed_by_a_foreign_opener_are_restored(store: DiskStore, root: Path) -> None:
    before = settings(root)
    store.transact(put("k", b"v"))
    diskcache.Cache(str(root / "journal"), **BAD).close()
    assert settings(root)["cull_limit"] == 10
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(pragmas, store).result() == PINNED
    with pytest.raises(ZeroDivisionError):
        store.transact(lambda tx: 1 // 0)
    store.transact(put("k2", b"v"))
    assert {key: value for key, value in settings(root).items() if key != "count"} == {
        key: value for key, value in before.items() if key != "count"
    }
    with diskcache.Cache(str(root / "journal")) as foreign:
        for n in range(50):
            foreign[f"foreign/{n}"] = bytes(1000)
    assert (store.get("k"), store.get("k2")) == (b"v", b"v")


def test_settings_changed_while_closed_are_restored(root: Path) -> None:
    DiskStore(root).close()
    diskcache.Cache(str(root / "journal"), sqlite_journal_mode="delete", **BAD).close()
    store = DiskStore(root)
    assert store.transact(lambda tx: pragmas(store)) == PINNED
    assert settings(root)["sqlite_journal_mode"] == "wal"
    store.close()


def test_a_foreign_database_is_refused(root: Path) -> None:
    (root / "journal").mkdir(parents=True)
    diskcache.Cache(str(root / "journal")).close()
    with pytest.raises(StoreRefused, match="auto_vacuum"):
        DiskStore(root)


@pytest.mark.parametrize("name", ["sqlite_wal_checkpoint", "disk_path", "get"])
def test_planted_settings_are_refused(root: Path, name: str) -> None:
    DiskStore(root).close()
    with sqlite3.connect(root / "journal/cache.db") as con:
        con.execute("INSERT INTO Settings VALUES (?, 'x')", (name,))
    con.close()
    with pytest.raises(StoreCorrupt, match=name):
        DiskStore(root)


def test_diskcaches_counters_stay_right(store: DiskStore, root: Path) -> None:
    for n in range(5):
        store.transact(put(f"k/{n}", b"v"))
    store.transact(put("k/0", b"again"))
    store.transact(lambda tx: tx.delete("k/1"))
    store.transact(lambda tx: tx.delete("k/1"))
    store.close()
    with diskcache.Cache(str(root / "journal")) as foreign:
        assert len(foreign) == 4
        assert foreign.check() == []
        assert foreign["k/0"] == b"again"


# Places


def modes(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): stat.S_IMODE(path.lstat().st_mode) for path in [root, *root.rglob("*")]}


def test_nothing_is_readable_by_others(root: Path) -> None:
    mask = os.umask(0)
    try:
        store = DiskStore(root)
        store.transact(put("k"))
        store.drafts.transact(put("k"))
    finally:
        os.umask(mask)
    found = modes(root)
    assert {"journal/cache.db", "journal/cache.db-wal", "journal/cache.db-shm", "drafts/cache.db"} <= found.keys()
    assert {path: mode for path, mode in found.items() if mode != (0o700 if (root / path).is_dir() else 0o600)} == {}
    store.close()
    (root / "journal").chmod(0o755)
    (root / "journal/cache.db").chmod(0o644)
    DiskStore(root).close()
    assert modes(root)["journal"] == 0o700
    assert modes(root)["journal/cache.db"] == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_directory_that_others_may_write_is_refused(root: Path, mode: int) -> None:
    root.mkdir()
    root.chmod(mode)
    with pytest.raises(StoreRefused, match="chmod 700"):
        DiskStore(root)


def test_another_users_directory_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: root.stat().st_uid + 1)
    with pytest.raises(StoreRefused, match="belongs to user"):
        DiskStore(root)


@pytest.mark.parametrize("part", ["journal", "journal/cache.db"])
def test_links_inside_are_refused(root: Path, tmp_path: Path, part: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    DiskStore(elsewhere).close()
    DiskStore(root).close()
    inside = root / part
    shutil.rmtree(inside) if inside.is_dir() else inside.unlink()
    inside.symlink_to(elsewhere / part)
    with pytest.raises(StoreRefused, match=r"not a (directory|plain file) of its own"):
        DiskStore(root)


def test_a_file_in_the_way_is_named(root: Path) -> None:
    root.touch()
    with pytest.raises(StoreError, match="cannot be made"):
        DiskStore(root)


MOUNTS = """\
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
36 21 0:31 / {point} rw shared:1 - {kind} server:/export rw
40 21 0:40 / /unrelated rw - nfs4 server:/other rw
"""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "lustre", "ceph"])
def test_network_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    home = tmp_path / "home of ann"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(point=str(home).replace(" ", "\\040"), kind=kind))
    monkeypatch.setattr(places, "MOUNTINFO", mounts)
    with pytest.raises(StoreRefused, match=rf"network file system \({kind}\).*HITL_NB_STORE=diskcache:///local/path"):
        DiskStore(home / "store")
    assert not home.exists()
    DiskStore(tmp_path / "home of anna").close()
    mounts.write_text(
        mounts.read_text() + f"41 36 0:41 / {str(home).replace(' ', chr(92) + '040')} rw - ext4 /dev/vdb rw\n"
    )
    DiskStore(home / "store").close()


# Processes


def test_read_modify_write_of_processes_is_serialisable(root: Path) -> None:
    script = """
    for _ in range(60):
        print(store.transact(lambda tx: (n := int(tx.get("n") or b"0") + 1, tx.put("n", b"%d" % n))[0]))
    """
    processes = [start(script, root) for _ in range(4)]  # which also open it for the first time together
    seen = [int(line) for process in processes for line in output(process).split()]
    assert sorted(seen) == list(range(1, 241))


def test_other_processes_commits_are_noticed(store: DiskStore, root: Path) -> None:
    version = store.version()
    process = start("sys.stdin.read(1); store.transact(lambda tx: tx.put('k', b'1'))", root, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("x")
    process.stdin.close()
    process.stdin = None
    assert store.wait(version, LONG) != version or store.get("k") == b"1"
    output(process)
    assert store.get("k") == b"1"


def test_two_busy_processes_do_not_starve_each_other(root: Path) -> None:
    script = """
    print("open", flush=True); sys.stdin.read(1)
    def work(tx):
        log = int(tx.get("last") or b"0")
        tx.put("last", b"%d" % os.getpid())
        return log not in (0, os.getpid())
    futures = [store.submit(work) for _ in range(256 * 40)]
    print(sum(future.result() for future in futures))
    """
    processes = [start(script, root, stdin=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()
    handovers = [int(output(process)) for process in processes]
    assert min(handovers) >= 24  # of about 40 batches


def test_a_store_that_others_hold_is_busy_and_says_who(root: Path) -> None:
    store = DiskStore(root, patience=0.1)
    gate = ProcessLock(root / "journal.lock")
    with gate.acquire(LONG):
        with pytest.raises(StoreBusy, match=f"locked for 0.1 s by process {os.getpid()};"):
            store.transact(put("k"))
        with pytest.raises(StoreBusy):
            DiskStore(root, patience=0.1)
        assert store.get("k") is None
        store.drafts.transact(put("typing", b"goes on"))
    store.transact(put("k", b"later"))
    assert store.get("k") == b"later"
    gate.close()
    store.close()


def test_a_foreign_writer_makes_it_busy(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hitl_nb.storage.disk.connection.BUSY_SECONDS", 0.05)
    store = DiskStore(root, patience=0.1)
    with sqlite3.connect(root / "journal/cache.db", isolation_level=None) as con:
        con.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another program"):
            store.transact(put("k"))
        con.execute("ROLLBACK")
    con.close()
    store.transact(put("k"))
    store.close()


def test_being_busy_does_not_end_a_repetition(root: Path) -> None:
    store = DiskStore(root, patience=0.02)
    gate = ProcessLock(root / "journal.lock")
    ran = threading.Semaphore(0)
    with gate.acquire(LONG):
        store.repeat_every(0.001, lambda tx: ran.release())
        for _ in range(2):  # the second waits behind a repetition that finds the store busy
            with pytest.raises(StoreBusy):
                store.transact(put("k"))
    assert ran.acquire(timeout=LONG)
    assert ran.acquire(timeout=LONG)
    gate.close()
    store.close()


# Files


def test_the_log_does_not_grow_without_end(store: DiskStore, root: Path) -> None:
    for n in range(120):
        store.transact(put(f"k/{n % 3}", os.urandom(1 << 20)))
    assert (root / "journal/cache.db-wal").stat().st_size < 40 << 20
    store.close()
    assert not (root / "journal/cache.db-wal").exists()


def test_threads_that_have_ended_or_a_closed_store_leave_no_files_open(root: Path) -> None:
    def count() -> int:
        return len([1 for fd in Path("/proc/self/fd").iterdir() if str(root) in os.path.realpath(fd)])

    store = DiskStore(root)
    store.transact(put("k"))
    first = count()
    for _ in range(5):
        thread = threading.Thread(target=store.get, args=("k",))
        thread.start()
        thread.join()
    assert count() <= first + 1  # SQLite keeps one descriptor for the next connection
    store.get("k")
    store.version()
    store.drafts.get("k")
    store.close()
    assert count() == 0


# URLs


def test_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"diskcache://{tmp_path}/a b%20c")
    assert store.url == f"diskcache://{tmp_path.resolve()}/a b%20c"
    assert (tmp_path / "a b%20c/journal/cache.db").exists()
    (tmp_path / "link").symlink_to(tmp_path)
    assert open_store(f"diskcache:///{tmp_path}/link/a b%20c/") is store
    monkeypatch.setenv("HITL_NB_STORE", store.url)
    assert open_store() is store
    store.close()
    monkeypatch.delenv("HITL_NB_STORE")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    store = open_store(None)
    assert store.url == f"diskcache://{tmp_path.resolve()}/jupyter/hitl_nb/store"
    store.close()


@pytest.mark.parametrize(
    "url", ["", "x", "/tmp/x", "diskcache:", "diskcache://", "diskcache:///", "diskcache://relative/path",
            "diskcache:/x", "sqlite:///x", "memory", "memory://x", "memory:a b", "file:///x", "https://ann:secret@host/x"]
)  # fmt: skip
def test_urls_that_name_no_store(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"accepted are diskcache:///absolute/path, memory: and memory:NAME") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)
    if url:
        monkeypatch.setenv("HITL_NB_STORE", url)
        with pytest.raises(ValueError, match="accepted are"):
            open_store()


def test_what_is_no_url(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="url must be a str or None, not PosixPath"):
        open_store(tmp_path)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_postgresql_is_not_there_yet(scheme: str) -> None:
    with pytest.raises(StoreRefused, match="not part of this version") as caught:
        open_store(f"{scheme}://ann:secret@host/db")
    assert "secret" not in str(caught.value)


def test_memory_stores_are_shared_by_name() -> None:
    one, other = open_store("memory:test-disk-one"), open_store("memory:test-disk-other")
    one.transact(put("k", b"1"))
    assert open_store("memory:test-disk-one").get("k") == b"1"
    assert other.get("k") is None
    one.close()
    other.close()


def test_importing_the_store_is_light() -> None:
    script = (
        "import sys, hitl_nb.storage as s; s.open_store('memory:').close();"
        "heavy = {'diskcache', 'filelock', 'sqlite3', 'jupyter_core'} & sys.modules.keys(); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=LONG)


def test_the_range_scan_uses_the_index(store: DiskStore, root: Path) -> None:
    from hitl_nb.storage.disk import transaction

    con = sqlite3.connect(root / "journal/cache.db")
    for sql, values in (
        (transaction._ASCENDING, ("a", "b", 5)),
        (transaction._DESCENDING, ("a", "b", 5)),
        (transaction._SELECT + "key = ?", ("a",)),
    ):
        plan = str(con.execute("EXPLAIN QUERY PLAN " + sql, values).fetchall())
        assert "Cache_key_raw" in plan
        assert "TEMP B-TREE" not in plan
    con.close()
