"""F6: bits flip, files are cut or lost. What was decided is never told wrongly: it is right, or it is an error."""

from __future__ import annotations

import contextlib
import random
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_nb.cli.doctor import examine_installation
from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import HitlError, StoreCorrupt
from hitl_nb.ledger.decisions import decision_verification as verification
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Question, Snapshot
from hitl_nb.storage.disk.store import DiskStore

AMOUNT = 1234567
QUESTION = Question(title="Refund order 5678", kind="json", value={"amount": 1}, position="1")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a store, as a process that was killed leaves them: a decided run, half of it only in the log."""
    root = tmp_path_factory.mktemp("image")
    store = DiskStore(root / "open")
    ledger = Ledger(store)
    for n in range(3):
        _, claim = ledger.runs.open(agent=f"other {n}", notebook="nb")
        ledger.runs.finish(claim, Snapshot(envelope=b"s" * 5000))
    store.close()
    store = DiskStore(root / "open")
    ledger = Ledger(store)
    _, claim = ledger.runs.open(agent="refunds", notebook="nb")
    (asked,) = ledger.runs.pause(claim, Snapshot(envelope=b"state" * 500), [QUESTION]).proposals
    ledger.proposals.decide(asked.id, "edit", value={"amount": AMOUNT}, reviewer="ann")
    shutil.copytree(root / "open", root / "killed")
    store.close()
    shutil.copytree(root / "open", root / "closed")
    return root


def judge_store(root: Path) -> str:
    """What a new process finds: "right", "not there" (an earlier state of the store), an error, or "WRONG"."""
    try:
        store = DiskStore(root)
    except HitlError as error:
        return type(error).__name__
    try:
        return _judge_ledger(Ledger(store))
    except HitlError as error:
        return type(error).__name__
    finally:
        store.close()


def _judge_ledger(ledger: Ledger) -> str:
    run = ledger.runs.find(agent="refunds", notebook="nb")
    if run is None or run.status != "ready":
        return "not there"
    found = ledger.proposals.list_of_run(run.id)
    if not found or found[0].decision is None:
        return "not there"  # and the run does not go on: `Session.completed` counts them
    p, decision = found[0], found[0].decision
    right = (decision.value, p.title, p.value) == ({"amount": AMOUNT}, QUESTION.title, {"amount": 1})
    return "right" if right else f"WRONG: {decision.value} on {p.title!r}"


def judge_changed(source: Path, folder: Path, name: str, change: Callable[[bytearray], None]) -> str:
    """What is told when one file of a store has changed."""
    root = Path(tempfile.mkdtemp(dir=folder)) / "store"  # never the same: SQLite removes the files of a store by name
    shutil.copytree(source, root)
    file = root / "journal" / name
    content = bytearray(file.read_bytes())
    change(content)
    file.write_bytes(content)
    try:
        return judge_store(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)  # a connection that closes takes its log away


def flip(at: int, bit: int) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        content[at] ^= 1 << bit

    return change


def cut_at(at: int) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        del content[at:]

    return change


DAMAGED = {"right", "not there", "StoreCorrupt", "StoreError", "StoreRefused", "UnknownRun"}


def size(source: Path, name: str) -> int:
    return (source / "journal" / name).stat().st_size


@pytest.mark.parametrize("flips", [60, pytest.param(500, marks=pytest.mark.faults_long)])
@pytest.mark.parametrize(
    ("state", "name"), [("closed", "cache.db"), ("killed", "cache.db"), ("killed", "cache.db-wal")]
)
def test_a_bit_that_flips_anywhere(image: Path, tmp_path: Path, state: str, name: str, flips: int) -> None:
    dice = random.Random(flips)
    for _ in range(flips):
        at, bit = dice.randrange(size(image / state, name)), dice.randrange(8)
        assert judge_changed(image / state, tmp_path, name, flip(at, bit)) in DAMAGED, (at, bit)


@pytest.mark.parametrize(
    ("state", "name"), [("closed", "cache.db"), ("killed", "cache.db"), ("killed", "cache.db-wal")]
)
def test_a_file_cut_short(image: Path, tmp_path: Path, state: str, name: str) -> None:
    length = size(image / state, name)
    for at in {0, 1, 32, 100, 4096, length // 2, length - 4096, length - 1}:
        assert judge_changed(image / state, tmp_path, name, cut_at(at)) in DAMAGED, at


def test_a_lost_log_is_an_earlier_state_and_a_lost_database_is_an_error_or_an_empty_store(
    image: Path, tmp_path: Path
) -> None:
    for name in ("cache.db", "cache.db-wal", "cache.db-shm"):
        root = tmp_path / name
        shutil.copytree(image / "killed", root)
        (root / "journal" / name).unlink()
        assert judge_store(root) in ({"right"} if name.endswith("shm") else {"not there", "StoreCorrupt", "StoreError"})


# The decision itself, digit by digit


def digits(source: Path) -> list[int]:
    """Where the database holds the decided amount."""
    content = (source / "journal" / "cache.db").read_bytes()
    return [found.start() + n for found in re.finditer(str(AMOUNT).encode(), content) for n in range(len(str(AMOUNT)))]


def another_digit(at: int) -> Callable[[bytearray], None]:
    return flip(at, 0)  # 0 and 1, 2 and 3 ... differ in the lowest bit


def test_another_digit_in_a_decision_is_noticed(image: Path, tmp_path: Path) -> None:
    places = digits(image / "closed")
    assert places
    found = [judge_changed(image / "closed", tmp_path, "cache.db", another_digit(at)) for at in places]
    assert set(found) <= {"right", "StoreCorrupt"}  # "right": an old copy in a page that is not used any more
    assert "StoreCorrupt" in found


def test_control_without_the_log_another_digit_is_believed(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "verify_decision", lambda *args: None)
    places = digits(image / "closed")
    found = [judge_changed(image / "closed", tmp_path, "cache.db", another_digit(at)) for at in places]
    assert any(one.startswith("WRONG: {'amount': ") for one in found)


def test_the_doctor_names_a_broken_log(image: Path, tmp_path: Path) -> None:
    shutil.copytree(image / "closed", tmp_path / "store")
    file = tmp_path / "store/journal/cache.db"
    file.write_bytes(file.read_bytes().replace(b'"pause":1', b'"pause":2'))
    found = {finding.subject: finding for finding in examine_installation(f"diskcache://{tmp_path}/store")}
    assert found["audit log"].state == "wrong"
    assert "event" in found["audit log"].found


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    DiskStore(tmp_path / "store").close()
    (tmp_path / "store/journal/cache.db").write_bytes(b"this is no database at all. " * 400)
    with pytest.raises(StoreCorrupt, match="damaged"):
        DiskStore(tmp_path / "store")


def test_text_that_is_not_utf_8_is_corruption(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store")
    ledger = Ledger(store)
    run, claim = ledger.runs.open(agent="refunds", notebook="nb")
    (asked,) = ledger.runs.pause(claim, Snapshot(envelope=b"state"), [QUESTION]).proposals
    draft = Draft.for_proposal(store, asked)
    draft.write_value({"typed": 1}, "ann")
    for key, raw in store.drafts.scan("", "~"):
        store.drafts.transact(lambda tx, key=key, raw=raw: tx.put(key, raw[:-3] + b"\xff" + raw[-2:]))
        with pytest.raises(StoreCorrupt, match=key):
            draft.read_value()
        store.drafts.transact(lambda tx, key=key, raw=raw: tx.put(key, raw))
    for key, _ in store.scan("", "~"):
        if key.startswith(("asked/", "open/", "made/", "name/", "run/", "proposal/", "event/")):
            kept = store.get(key) or b""
            store.transact(lambda tx, key=key, raw=kept: tx.put(key, raw[:4] + b"\xff" + raw[5:]))
            for read in (
                lambda: ledger.runs.find(agent="refunds", notebook="nb"),
                lambda: ledger.proposals.list_of_run(run.id),
                ledger.proposals.list_open,
                ledger.runs.list_newest,
                ledger.audit.verify,
            ):
                with contextlib.suppress(StoreCorrupt):
                    read()
            store.transact(lambda tx, key=key, raw=kept: tx.put(key, raw))
    store.close()
