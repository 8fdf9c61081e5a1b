"""F7: rows, settings and snapshots that somebody planted. Nothing of them is executed, read, or deleted."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import sqlite3
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diskcache
import pytest
from desk import Desk, effects

from hitl_nb.engine.snapshot import signing as seal
from hitl_nb.errors import StoreCorrupt, StoreError, Untrusted, WrongPython
from hitl_nb.ledger.documents import update_log as updates
from hitl_nb.ledger.rows.record_digests import digest_state
from hitl_nb.ledger.runs.snapshots import SavedState
from hitl_nb.storage import chunked_values
from hitl_nb.storage.disk.connection import BytesOnlyDisk, PinnedCache
from hitl_nb.storage.disk.store import DiskStore
from hitl_nb.storage.interface import Transaction


def put(key: str, value: bytes = b"") -> Callable[[Transaction], None]:
    return lambda tx: tx.put(key, value)


# Hostile rows


class Bomb:
    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.crater),)


HOSTILE = {
    "a pickle": {"mode": 4},
    "a text file": {"mode": 3, "filename": "VICTIM", "value": None},
    "a binary file": {"mode": 2, "filename": "VICTIM", "value": None},
    "a file beside plain bytes": {"filename": "VICTIM"},
    "a pickled file": {"mode": 4, "filename": "VICTIM", "value": None},
    "a pickled key": {"raw": 0},
    "text": {"value": "text"},
    "a number": {"value": 7},
    "nothing": {"value": None},
    "no mode": {"mode": 0},
}


@pytest.mark.parametrize("planted", HOSTILE.values(), ids=HOSTILE)
def test_planted_rows_are_refused(store: DiskStore, root: Path, tmp_path: Path, planted: dict[str, Any]) -> None:
    victim, crater = tmp_path / "victim", tmp_path / "crater"
    victim.write_bytes(pickle.dumps(Bomb(crater)))
    store.transact(put("a", b"good"))
    row = {"key": "b", "raw": 1, "mode": 1, "filename": None, "value": pickle.dumps(Bomb(crater)), "size": 0} | planted
    if row["filename"] == "VICTIM":
        row["filename"] = os.path.relpath(victim, root / "journal")
    with sqlite3.connect(root / "journal/cache.db") as con:
        con.execute(f"INSERT INTO Cache({','.join(row)}) VALUES ({','.join('?' * len(row))})", tuple(row.values()))
    con.close()

    for read in (
        lambda: store.get("b"),
        lambda: store.scan("a", "c"),
        lambda: store.transact(lambda tx: tx.get("b")),
        lambda: store.transact(lambda tx: tx.scan("a", "c", reverse=True)),
    ):
        with pytest.raises(StoreCorrupt, match="'b' was not written by hitl_nb"):
            read()
    store.transact(put("a", b"others still work"))
    store.transact(put("b", b"written over"))
    store.transact(lambda tx: tx.delete("b"))
    assert store.get("a") == b"others still work"
    assert victim.exists()
    assert not crater.exists()


def test_a_key_that_is_a_pickle_is_never_loaded(store: DiskStore, root: Path, tmp_path: Path) -> None:
    with sqlite3.connect(root / "journal/cache.db") as con:
        row = (pickle.dumps(Bomb(tmp_path / "crater")), b"value")
        con.execute("INSERT INTO Cache(key, raw, mode, value) VALUES (?, 0, 1, ?)", row)
    con.close()
    store.scan("", "\U0010ffff")
    assert not (tmp_path / "crater").exists()


def test_diskcaches_own_calls_are_as_strict(root: Path, tmp_path: Path) -> None:
    DiskStore(root).close()
    cache = PinnedCache(root / "journal", 2)
    cache.set("k", b"v")
    assert cache.get("k") == b"v"
    for key, value in ((1, b""), ("k", "text"), ("k", None), ("k", [1]), (("k",), b"")):
        with pytest.raises(TypeError):
            cache.set(key, value)
    victim = tmp_path / "victim"
    victim.touch()
    BytesOnlyDisk(str(root)).remove(os.path.relpath(victim, root))
    assert victim.exists()
    with pytest.raises(TypeError, match="files"):
        BytesOnlyDisk(str(root)).filename()
    cache.close()


@pytest.mark.parametrize("disk", [diskcache.Disk, diskcache.JSONDisk])
def test_control_diskcaches_own_disks_execute_what_was_planted(tmp_path: Path, disk: Any) -> None:
    cache = diskcache.Cache(str(tmp_path / "cache"), disk=disk)
    with sqlite3.connect(tmp_path / "cache/cache.db") as con:
        planted = pickle.dumps(Bomb(tmp_path / "crater"))
        con.execute(
            "INSERT INTO Cache(key, raw, store_time, access_time, mode, value) VALUES (?, 1, 0, 0, 4, ?)",
            (cache.disk.put("b")[0], planted),
        )
    con.close()
    with contextlib.suppress(TypeError):  # what it makes of the result is too late
        cache.get("b")
    cache.close()
    assert (tmp_path / "crater").exists()


# A stranger's store

MAILER = "CREATE TRIGGER mailer AFTER INSERT ON Cache BEGIN DELETE FROM Cache WHERE key < new.key; END"
REPLACED = "CREATE TRIGGER Settings_count_insert AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END"
FOREIGN = {
    "a trigger": (MAILER, "mailer"),
    "a trigger in place of ours": (f"DROP TRIGGER Settings_count_insert; {REPLACED}", "Settings_count_insert"),
    "a view": ("CREATE VIEW Decisions AS SELECT * FROM Cache", "Decisions"),
    "a view in place of our table": (
        "ALTER TABLE Cache RENAME TO Hidden; CREATE VIEW Cache AS SELECT * FROM Hidden",
        "Hidden|Cache",
    ),
    "a table": ("CREATE TABLE notes(x)", "notes"),
    "a column": ("ALTER TABLE Cache ADD COLUMN more", "Cache"),
    "an index over an expression": ("CREATE INDEX e ON Cache(lower(key))", "'e'"),
    "statistics": ("ANALYZE", "sqlite_stat1"),
    "a text that is another": (
        "PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = sql || ' ' WHERE name = 'Cache'",
        "Cache",
    ),
    "a mark": ("PRAGMA user_version = 7", "user_version"),
    "another mark": ("PRAGMA application_id = 7", "application_id"),
}


def alter(database: Path, script: str) -> None:
    con = sqlite3.connect(database, isolation_level=None)
    con.executescript(script)
    con.close()


@pytest.mark.parametrize("database", ["journal", "drafts"])
@pytest.mark.parametrize(("script", "named"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_not_ours_in_a_database_refuses_the_store(root: Path, script: str, named: str, database: str) -> None:
    store = DiskStore(root)
    store.transact(put("a", b"good"))
    store.drafts.transact(put("a", b"good"))
    store.close()
    file = root / database / "cache.db"
    alter(file, script)
    before = file.read_bytes()
    for _ in range(2):
        with pytest.raises(StoreCorrupt, match=named), contextlib.closing(DiskStore(root)) as store:
            store.drafts.get("a")
    assert file.read_bytes() == before


RUNS_AT_ONCE = {what: one for what, one in FOREIGN.items() if "PRAGMA" not in one[0]}
"""The others are not looked at by a connection that is open."""


@pytest.mark.parametrize(("script", "named"), RUNS_AT_ONCE.values(), ids=RUNS_AT_ONCE)
def test_what_is_added_while_the_store_is_open_stops_it(store: DiskStore, root: Path, script: str, named: str) -> None:
    store.transact(put("a", b"good"))
    alter(root / "journal/cache.db", script)
    with pytest.raises(StoreCorrupt, match=named):
        store.transact(put("b", b"never"))
    con = sqlite3.connect(root / "journal/cache.db")
    table = "Hidden" if "Hidden" in script else "Cache"
    assert con.execute(f"SELECT key FROM {table}").fetchall() == [("a",)]
    con.close()


def test_what_diskcache_itself_adds_with_other_settings_is_no_alarm(root: Path) -> None:
    DiskStore(root).close()
    for policy in ("least-recently-stored", "least-recently-used", "least-frequently-used"):
        diskcache.Cache(str(root / "journal"), tag_index=1, eviction_policy=policy).close()
    with contextlib.closing(DiskStore(root)) as store:
        store.transact(put("a", b"good"))


def test_a_row_that_is_far_too_large_is_not_loaded(store: DiskStore, root: Path) -> None:
    store.transact(put("a", b"good"))
    alter(root / "journal/cache.db", "INSERT INTO Cache(key, raw, mode, value) VALUES ('b', 1, 1, zeroblob(200000000))")
    tracemalloc.start()
    for read in (
        lambda: store.get("b"),
        lambda: store.scan("a", "c"),
        lambda: store.transact(lambda tx: tx.get("b")),
        lambda: store.transact(lambda tx: tx.scan("a", "c")),
    ):
        with pytest.raises(StoreCorrupt, match="larger than any"):
            read()
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()
    assert store.get("a") == b"good"
    store.transact(lambda tx: tx.delete("b"))


@pytest.mark.parametrize("size", [10**18, -1, 2**31, "1", None])
@pytest.mark.parametrize("token", ["aaaaaaaaaaaa", "../run", ""])
def test_sizes_that_a_record_claims_are_bounded(store: DiskStore, size: Any, token: str) -> None:
    planted = b"\x00hitl/large/v1\x00" + json.dumps({"token": token, "size": size}).encode()
    store.transact(put("run/a", planted))
    with pytest.raises(StoreCorrupt):
        chunked_values.get_whole(store, "run/a")
    with pytest.raises(StoreCorrupt):
        store.transact(lambda tx: chunked_values.delete_chunked(tx, "run/a"))


def test_an_update_that_unpacks_to_far_too_much_is_refused(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "MAX_DOCUMENT_BYTES", 1 << 20)
    log = updates.UpdateLog(store, "aaaaaaaaaaaa")
    log.compact(updates.CompactedDocument(1, bytes(1 << 20)))
    assert log.newest_compacted() == updates.CompactedDocument(1, bytes(1 << 20))
    log.compact(updates.CompactedDocument(2, bytes(2 << 20)))
    with pytest.raises(StoreCorrupt, match="more than"):
        log.newest_compacted()


@pytest.mark.parametrize(
    "name",
    ["journal", "drafts", "journal.lock", "journal.lock.turn", *(f"journal/cache.db{s}" for s in ("", "-wal", "-shm"))],
)
@pytest.mark.parametrize("whole", [False, True], ids=["dangling", "there"])
def test_no_file_is_made_where_a_link_points(root: Path, tmp_path: Path, name: str, whole: bool) -> None:
    with contextlib.closing(DiskStore(root)) as store:
        store.drafts.transact(put("a", b""))
    target, link = tmp_path / "elsewhere" / "target", root / name
    target.parent.mkdir()
    if link.is_dir():
        shutil.rmtree(link)
    else:
        link.unlink(missing_ok=True)
    if whole:
        target.mkdir() if "/" not in name and "." not in name else target.write_bytes(b"")
    link.symlink_to(target)
    with pytest.raises(StoreError), contextlib.closing(DiskStore(root)) as store:
        store.drafts.transact(put("a", b"x"))
    found = sorted(target.parent.rglob("*"))
    assert found == ([target] if whole else [])
    assert not whole or target.is_dir() or target.read_bytes() == b""


# Snapshots

SOURCE = "answer = hitl.checkpoint('Dear Ann', title='Letter').value\neffect('send', answer)\n"


def decided_desk() -> Desk:
    """A run that is ready to go on, in a new kernel."""
    desk = Desk()
    desk.run(SOURCE)
    desk.answer()
    desk.new_kernel()
    return desk


def plant(desk: Desk, envelope: bytes) -> None:
    """Put an envelope in place of the run's, with a note that a newer claim has saved it."""
    run, digest = desk.record(), digest_state(envelope, ())
    noted = SavedState(epoch=run.epoch + 1, pause=run.pauses, save=1, digest=digest)
    desk.ledger.store.transact(put(f"snapshot/{run.id}", envelope))
    desk.ledger.store.transact(put(f"saved/{run.id}", noted.json()))


def put_back(desk: Desk, envelope: bytes) -> None:
    run = desk.record()
    desk.ledger.store.transact(put(f"snapshot/{run.id}", envelope))
    desk.ledger.store.transact(lambda tx: tx.delete(f"saved/{run.id}"))


def envelope_of(desk: Desk) -> bytes:
    return desk.ledger.store.get(f"snapshot/{desk.record().id}") or b""


def with_a_bomb(envelope: bytes, crater: Path) -> bytes:
    """The same envelope, its definitions replaced by a pickle that makes a directory."""
    start = len(b"HITL1\n") + 32
    length = int.from_bytes(envelope[start : start + 4], "big")
    bomb = pickle.dumps(Bomb(crater))
    header = json.loads(envelope[start + 4 : start + 4 + length]) | {"sizes": [2, len(bomb)]}
    about = json.dumps(header).encode()
    return envelope[:start] + struct.pack(">I", len(about)) + about + b"[]" + bomb


def accept_all_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is signed by nobody is taken as if it were."""
    monkeypatch.setattr(seal.hmac, "compare_digest", lambda one, other: True)


def test_a_snapshot_with_one_byte_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = decided_desk()
    envelope = envelope_of(desk)
    for name in ("load", "loads"):
        monkeypatch.setattr(pickle, name, never)
    for at in range(0, len(envelope), 7):
        plant(desk, envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :])
        with pytest.raises(Untrusted):
            desk.run(SOURCE)
    assert desk.record().status == "ready"
    assert effects() == []
    monkeypatch.undo()


def never(*args: Any) -> Any:
    raise AssertionError("loaded")


def test_a_planted_snapshot_is_refused_and_not_executed(tmp_path: Path) -> None:
    desk = decided_desk()
    sound = envelope_of(desk)
    plant(desk, with_a_bomb(sound, tmp_path / "crater"))
    with pytest.raises(Untrusted):
        desk.run(SOURCE)
    assert not (tmp_path / "crater").exists()
    put_back(desk, sound)
    assert desk.run(SOURCE).status == "finished"
    assert effects() == ["send('Dear Ann',)"]


TWICE = """for n in (1, 2):
    hitl.checkpoint(n, title=f'Pay {n}?')
    effect('pay', n)
"""


def at_the_second_pause() -> tuple[Desk, list[tuple[str, bytes]]]:
    """A run that waits for the second time, and what the store had of it at the first pause."""
    desk = Desk()
    desk.run(TWICE)
    desk.answer()
    before = desk.ledger.store.scan("", "~")
    desk.new_kernel()
    desk.run(TWICE)
    desk.answer()
    desk.new_kernel()
    return desk, before


@pytest.mark.parametrize("kinds", [("snapshot",), ("snapshot", "run"), ("snapshot", "run", "saved", "claim")], ids=str)
def test_the_snapshot_of_an_earlier_pause_is_refused(kinds: tuple[str, ...]) -> None:
    desk, before = at_the_second_pause()
    effects().clear()
    run = desk.record()
    desk.ledger.store.transact(
        lambda tx: [tx.put(key, raw) for key, raw in before if key in {f"{kind}/{run.id}" for kind in kinds}] and None
    )
    with pytest.raises(Untrusted, match="put back"):
        desk.run(TWICE)
    assert effects() == []
    assert desk.record().status == "ready"


PAY = "@hitl.step\ndef pay():\n    return 'paid'\n\ndef pay_and_fail():\n    return pay() + str(1 // 0)\n"
PAY_AND_FAIL = "paid = pay_and_fail()\n"


@pytest.mark.parametrize("change", [b'"tries":2', b'"tries":0'])
def test_the_result_of_a_call_is_that_of_its_try(change: bytes) -> None:
    desk = Desk()
    desk.cell(PAY)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            desk.run(PAY_AND_FAIL)
    ((key, raw),) = desk.ledger.store.scan("step/", "step0")
    desk.ledger.store.transact(put(key, raw.replace(b'"tries":1', change)))
    desk.new_kernel()
    desk.cell(PAY)
    with pytest.raises(Untrusted, match="step/"):
        desk.run(PAY_AND_FAIL)


def test_the_snapshot_of_an_earlier_pause_is_refused_by_its_seal_too() -> None:
    """Whoever can write a note of the save, too, cannot sign for its place."""
    desk, before = at_the_second_pause()
    effects().clear()
    plant(desk, dict(before)[f"snapshot/{desk.record().id}"])
    with pytest.raises(Untrusted, match="not signed by your key"):
        desk.run(TWICE)
    assert effects() == []


def test_control_without_the_seal_it_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accept_all_seals(monkeypatch)
    desk = decided_desk()
    plant(desk, with_a_bomb(envelope_of(desk), tmp_path / "crater"))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever comes of it
        desk.run(SOURCE)
    assert not isinstance(caught.value, Untrusted)
    assert (tmp_path / "crater").exists()


def test_a_snapshot_of_another_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = of_another_python(monkeypatch)
    with pytest.raises(WrongPython, match=r"cpython 3\.99"):
        desk.run(SOURCE)
    assert desk.record().status == "ready"
    assert effects() == []


def test_control_without_a_look_at_the_version_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Anything(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            return True

        def __ne__(self, other: object) -> bool:
            return False

    desk = of_another_python(monkeypatch)
    monkeypatch.setattr(seal, "PYTHON", Anything(seal.PYTHON))
    assert desk.run(SOURCE).status == "finished"


def of_another_python(monkeypatch: pytest.MonkeyPatch) -> Desk:
    with monkeypatch.context() as patch:
        patch.setattr(seal, "PYTHON", "cpython 3.99")
        return decided_desk()
