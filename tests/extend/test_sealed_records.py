"""Records of extensions: signed for their place, of any size, readable by every Python; and leases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import hitl_nb as hitl
from hitl_nb.engine.snapshot import signing
from hitl_nb.extend import RecordTransaction, SealedRecords, hold_lease
from hitl_nb.storage import Store

BIG = bytes(range(256)) * 12_000  # three pieces in the store


@pytest.fixture(params=["memory", "diskcache"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    url = f"memory:{tmp_path.name}" if request.param == "memory" else f"diskcache://{tmp_path}/s"
    return hitl.open_store(url)


@pytest.fixture
def records(store: Store) -> SealedRecords:
    return SealedRecords("toy", store)


def put(records: SealedRecords, **values: bytes) -> None:
    records.transact(lambda tx: [tx.put(f"a/{key}", value) for key, value in values.items()])


def test_values_of_any_size_come_back_in_the_order_of_their_keys(records: SealedRecords) -> None:
    put(records, one=b"", two=BIG, three=b"3")
    assert records.get("a/two") == BIG
    assert records.get("a/four") is None
    assert records.scan("a/") == [("a/one", b""), ("a/three", b"3"), ("a/two", BIG)]
    assert records.scan("a/", after="a/one", limit=1) == [("a/three", b"3")]
    assert [key for key, _ in records.scan("a/", after="a/two", reverse=True)] == ["a/three", "a/one"]
    assert records.list_keys("a/") == ["a/one", "a/three", "a/two"]


def test_deleted_values_leave_no_pieces(records: SealedRecords) -> None:
    put(records, one=BIG, two=BIG)
    put(records, two=b"small")
    records.transact(lambda tx: tx.delete_all("a/"))
    assert records.scan("a/") == []
    assert records.store.scan("chunk/", "chunk0") == []


def test_work_that_fails_writes_nothing_and_sees_its_own_writes(records: SealedRecords) -> None:
    def fail(transaction: RecordTransaction) -> None:
        transaction.put("a/one", b"1")
        assert transaction.get("a/one") == b"1"
        raise KeyError

    with pytest.raises(KeyError):
        records.transact(fail)
    assert records.get("a/one") is None


@pytest.mark.parametrize("name", ["", "a/b", "Ab", "a" * 21, "é"])
def test_the_name_of_an_extension_cannot_reach_other_records(name: str, store: Store) -> None:
    with pytest.raises(ValueError, match="small letters"):
        SealedRecords(name, store)


def stored_key(key: str) -> str:
    return f"ext/toy/{key}"


def test_an_edited_value_is_refused(records: SealedRecords) -> None:
    put(records, one=b"pay ann")
    stored = records.store.get(stored_key("a/one")) or b""
    records.store.transact(lambda tx: tx.put(stored_key("a/one"), stored.replace(b"ann", b"eve")))
    with pytest.raises(hitl.Untrusted):
        records.get("a/one")
    with pytest.raises(hitl.Untrusted):
        records.scan("a/")


def test_a_value_that_was_moved_is_refused(records: SealedRecords, tmp_path: Path) -> None:
    put(records, one=b"pay ann")
    stored = records.store.get(stored_key("a/one")) or b""
    records.store.transact(lambda tx: tx.put(stored_key("a/two"), stored))
    with pytest.raises(hitl.Untrusted):
        records.get("a/two")
    other = SealedRecords("toy", hitl.open_store(f"memory:other{tmp_path.name}"))
    other.store.transact(lambda tx: tx.put(stored_key("a/one"), stored))
    with pytest.raises(hitl.Untrusted):
        other.get("a/one")


def test_another_python_reads_the_values_and_no_pickle_passes_as_one(
    records: SealedRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(records, one=b"data")
    monkeypatch.setattr(signing, "PYTHON", "cpython 3.99")
    assert records.get("a/one") == b"data"
    pickled, data = signing.seal("p", {}, b"x"), signing.seal("p", {"n": 1}, b"x", portable=True)
    assert signing.unseal("p", data, portable=True) == ({"n": 1, "portable": True, "format": 1}, b"x")
    for blob, portable in ((pickled, True), (data, False)):
        with pytest.raises(hitl.Untrusted):
            signing.unseal("p", blob, portable=portable)


def test_portable_data_of_another_format_is_refused(monkeypatch: pytest.MonkeyPatch, records: SealedRecords) -> None:
    put(records, one=b"data")
    monkeypatch.setattr(signing, "PORTABLE_FORMAT", 2)
    with pytest.raises(hitl.WrongPython):
        records.get("a/one")


def test_a_lease_is_held_once_and_names_its_owner(store: Store) -> None:
    with hold_lease("the thread 5678", label="kernel", store=store):
        with (
            pytest.raises(hitl.RunClaimed, match=r"the thread 5678 is in use by kernel"),
            hold_lease("the thread 5678", store=store),
        ):
            pass
        with hold_lease("the thread 9012", store=store):
            pass
    with hold_lease("the thread 5678", store=store):
        pass


HOLDER = """
import sys
import hitl_nb as hitl
from hitl_nb.extend import hold_lease
with hold_lease("it", store=hitl.open_store(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lease_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    url = f"diskcache://{tmp_path}/s"
    store = hitl.open_store(url)
    command = [sys.executable, "-c", HOLDER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(hitl.RunClaimed), hold_lease("it", store=store):
            pass
        process.kill()
    with hold_lease("it", store=store):
        pass
