"""Records that were changed behind the log's back are found and named; what a store may hold is sound."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.verification import Verification
from hitl_nb.records import ImageBlock, Question, Snapshot
from hitl_nb.storage.interface import MAX_VALUE_BYTES, Transaction
from hitl_nb.storage.memory import MemoryStore

NB = "/report.ipynb"


def blobs(*contents: bytes) -> dict[str, bytes]:
    return {hashlib.sha256(content).hexdigest(): content for content in contents}


def open_new_run(ledger: Ledger, agent: str) -> Claim:
    return ledger.runs.open(agent=agent, notebook=NB)[1]


def question(title: str = "Letter", value: str = "Dear Ann", **more: Any) -> Question:
    return Question(title=title, kind="text", value=value, position="1", **more)


def identify(ledger: Ledger) -> None:
    """Notebooks that carry an id: saved with it, moved, replaced by another one, and forgotten."""
    for path, name in (("/a.ipynb", "a" * 12), ("/b.ipynb", "b" * 12), ("/c.ipynb", "")):
        _, claim = ledger.runs.open(agent="mail", notebook=path, notebook_id=name)
        ledger.runs.pause(claim, Snapshot(envelope=b"i"), [question()])
    ledger.notebooks.recognize("/c.ipynb", ledger.notebooks.find_id("/c.ipynb"), lambda path, _: False)
    ledger.notebooks.recognize("/b.ipynb", ledger.notebooks.find_id("/a.ipynb"), lambda path, _: path == "/a.ipynb")
    ledger.notebooks.rename("/b.ipynb", "/c.ipynb")
    ledger.runs.forget(agent="mail", notebook="/c.ipynb")
    ledger.notebooks.adopt_run(ledger.runs.find(agent="anew", notebook="/moved.ipynb").id, "/d.ipynb", actor="ann")


def fill(ledger: Ledger) -> None:
    """Everything that a store may hold, at every point of its life."""
    claim = open_new_run(ledger, "letters")
    ledger.steps.start(claim, "1", "draft", snapshot=Snapshot(envelope=b"before", pause=0, save=1))
    ledger.steps.finish(claim, "1", result=b"sealed", status="done").result()
    ledger.steps.start(claim, "2", "send")
    ledger.steps.finish(claim, "2", result=b"sealed error", status="failed").result()
    w = ledger.workspaces.open(claim, title="Report", template="Hello", position="1")
    said = ledger.comments.add(w.id, "who reads this?", author="ann", claim=claim)
    ledger.comments.change_state(w.id, said.id, "resolved", actor="bob")
    large = question("Large", "x" * (2 * MAX_VALUE_BYTES))
    about = Question(title="Report", kind="markdown", value="Hello", document=w.id)
    asked = ledger.runs.pause(
        claim, Snapshot(envelope=b"e" * 3 * MAX_VALUE_BYTES, blobs=blobs(b"buffer")), [large, about]
    ).proposals
    ledger.proposals.assign(asked[0].id, "ann", actor="bob")
    ledger.comments.add(asked[0].id, "too long", author="ann", quote="xx", suggestion="x")
    for p in asked:
        ledger.proposals.decide(p.id, "approve", reviewer="ann")
    _, claim = ledger.runs.claim(claim.run)
    ledger.runs.save_snapshot(claim, Snapshot(envelope=b"between", blobs=blobs(b"buffer", b"other"), pause=1, save=1))
    ledger.steps.start(claim, "2", "send")
    ledger.steps.finish(claim, "2", result=b"sealed", status="done").result()
    ledger.runs.finish(claim, Snapshot(envelope=b"the end", blobs=blobs(b"other"), pause=1))
    ledger.runs.pause(
        open_new_run(ledger, "waits"), Snapshot(envelope=b"w", blobs=blobs(b"big" * MAX_VALUE_BYTES)), [question()]
    )
    ledger.runs.cancel(
        ledger.runs.pause(open_new_run(ledger, "stopped"), Snapshot(envelope=b"s"), [question()]).proposals[0].run,
        actor="ann",
    )
    picture = b"a picture" * 2 * MAX_VALUE_BYTES
    block = ImageBlock(name="photo", sha256=hashlib.sha256(picture).hexdigest(), media_type="image/png", alt="", size=9)
    ledger.runs.pause(
        open_new_run(ledger, "shows"), Snapshot(envelope=b"p"), [question(evidence=(block,))], blobs=(picture,)
    )
    ledger.runs.fail(open_new_run(ledger, "fails"), None, "boom")
    claim = open_new_run(ledger, "fails after a save")
    ledger.runs.save_snapshot(claim, Snapshot(envelope=b"last", save=1))
    ledger.runs.fail(claim, None, "boom")
    claim = open_new_run(ledger, "fails and is handed back")
    ledger.runs.fail(claim, Snapshot(envelope=b"failed"), "boom")
    ledger.runs.restore_status(ledger.runs.claim(claim.run)[1], "failed")
    ledger.runs.pause(open_new_run(ledger, "forgotten"), Snapshot(envelope=b"f", blobs=blobs(b"buffer")), [question()])
    ledger.runs.forget(agent="forgotten", notebook=NB)
    ledger.runs.pause(open_new_run(ledger, "anew"), Snapshot(envelope=b"1"), [question()])
    ledger.runs.pause(open_new_run(ledger, "anew"), Snapshot(envelope=b"2"), [question()])
    ledger.notebooks.rename(NB, "/moved.ipynb")
    identify(ledger)
    claim = open_new_run(ledger, "in the middle")
    ledger.runs.save_snapshot(claim, Snapshot(envelope=b"m1", save=1))
    ledger.runs.save_snapshot(claim, Snapshot(envelope=b"m2", save=2, blobs=blobs(b"buffer")))
    ledger.steps.start(claim, "1", "draft")
    ledger.steps.start(claim, "2", "send")
    ledger.steps.finish(claim, "2", result=b"sealed error", status="failed").result()
    ledger.steps.start(claim, "2", "send")


@pytest.fixture(scope="module")
def full_store() -> Iterator[dict[str, bytes]]:
    """The records of a store that holds everything."""
    ledger = Ledger(MemoryStore())
    fill(ledger)
    yield dict(ledger.store.scan("", "~"))
    ledger.store.close()


@pytest.fixture
def ledger(full_store: dict[str, bytes]) -> Iterator[Ledger]:
    store = MemoryStore()
    store.transact(lambda tx: [tx.put(*pair) for pair in full_store.items()] and None)
    yield Ledger(store)
    store.close()


def keys(ledger: Ledger, kind: str) -> list[str]:
    return [key for key, _ in ledger.store.scan(f"{kind}/", f"{kind}0")]


def list_problems(found: Verification) -> set[tuple[str, str]]:
    return {(one.problem, one.record) for one in found.differs}


def test_a_store_that_holds_everything_is_sound(ledger: Ledger) -> None:
    assert ledger.audit.verify() == Verification(ok=True, events=ledger.audit.newest_event_number())


KINDS = ("run", "proposal", "workspace", "comment", "marked", "moved", "notebook", "step", "snapshot")
TOLD = re.compile(rb'"(title|text|agent|state|by|old|name|status|reason|path)":"(?!started)')


def of_kind(kind: str, ledger: Ledger) -> Iterator[tuple[str, bytes]]:
    """The records of a kind that the log tells of."""
    for key in keys(ledger, kind):
        raw = ledger.store.get(key)
        assert raw is not None
        if kind != "step" or b'"status":"started"' not in raw:
            yield key, raw


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_that_was_changed_is_named(ledger: Ledger, kind: str) -> None:
    found = list(of_kind(kind, ledger))
    assert found
    for key, raw in found:
        changed = TOLD.sub(rb'"\1":"X', raw, count=1) if kind != "snapshot" else raw + b"X"
        if raw.startswith(b"\0hitl"):  # a large one: its content is elsewhere
            continue
        assert changed != raw
        put(ledger, key, changed)
        checked = ledger.audit.verify()
        assert not checked.ok
        assert {record for _, record in list_problems(checked)} == {key}
        assert checked.problem == checked.differs[0].text
        put(ledger, key, raw)
    assert ledger.audit.verify().ok


def put(ledger: Ledger, key: str, raw: bytes) -> None:
    ledger.store.transact(lambda tx: tx.put(key, raw))


@pytest.mark.parametrize("kind", [*KINDS, "happened"])
def test_every_record_that_was_removed_is_named(ledger: Ledger, kind: str) -> None:
    found = list(of_kind(kind, ledger))
    for key, raw in found:
        ledger.store.transact(lambda tx, key=key: tx.delete(key))
        assert ("missing", key) in list_problems(ledger.audit.verify())
        put(ledger, key, raw)
    assert ledger.audit.verify().ok


@pytest.mark.parametrize("content", [b'{"id": ', b'{"value":' * 100_000], ids=["half", "deep"])
@pytest.mark.parametrize("kind", [*KINDS, "claim", "saved"])
def test_what_cannot_be_read_is_named(ledger: Ledger, kind: str, content: bytes) -> None:
    key = next(of_kind(kind, ledger))[0]
    put(ledger, key, content)
    wanted = {"snapshot": "changed"}.get(kind, "unreadable")
    assert (wanted, key) in list_problems(ledger.audit.verify())


@pytest.mark.parametrize("data", ["[]", '{"runs": [1]}', '{"runs": null}', '{"runs":' * 100_000])
def test_an_event_that_says_what_no_event_says_is_named(data: str) -> None:
    """Its hash is right: who can write the store can write a chain of their own."""
    ledger = Ledger(MemoryStore())
    event = '{"n":1,"at":"2026-01-01T00:00:00Z","type":"run.forgotten","actor":"x","data":' + data + "}"
    put(ledger, "event/000000000001", event.encode())
    put(ledger, "meta/events", chain.LogHead(n=1, h=chain.hash_event(event.encode())).json())
    found = ledger.audit.verify()
    assert not found.ok
    assert "event 1" in (found.problem or "") or "event/000000000001" in (found.problem or "")
    ledger.store.close()


@pytest.mark.parametrize("piece", ["chunk", "blob"])
@pytest.mark.parametrize("how", ["changed", "removed"])
def test_damaged_pieces_are_named(ledger: Ledger, piece: str, how: str) -> None:
    for key in keys(ledger, piece):
        raw = ledger.store.get(key) or b""
        ledger.store.transact(
            lambda tx, key=key, raw=raw: tx.put(key, b"Y" + raw[1:]) if how == "changed" else tx.delete(key)
        )
        first = ledger.audit.verify().differs[0].record
        assert first == (key.rsplit("/", 1)[0] if piece == "blob" else first)
        put(ledger, key, raw)


@pytest.mark.parametrize(
    "kind", ["run", "proposal", "workspace", "comment", "marked", "notebook", "step", "snapshot", "happened"]
)
def test_a_record_that_was_planted_is_named(ledger: Ledger, kind: str) -> None:
    key, raw = list(of_kind(kind, ledger))[-1]
    other = key[:-1] + ("3" if key[-1] != "3" else "4")
    put(ledger, other, raw)
    assert ("unknown", other) in list_problems(ledger.audit.verify())


@pytest.mark.parametrize("kind", ["made", "name", "asked", "open", "closed", "opened", "writing", "notebookat"])
def test_what_was_taken_off_a_list_is_named(ledger: Ledger, kind: str) -> None:
    for key in keys(ledger, kind):
        raw = ledger.store.get(key) or b""
        ledger.store.transact(lambda tx, key=key: tx.delete(key))
        assert ("missing", key) in list_problems(ledger.audit.verify())
        put(ledger, key, raw)


@pytest.mark.parametrize("kind", ["evidence", "evidenceof"])
def test_a_picture_that_is_missing_is_named(ledger: Ledger, kind: str) -> None:
    (key,) = keys(ledger, kind)
    raw = ledger.store.get(key) or b""
    ledger.store.transact(lambda tx: tx.delete(key))
    found = ledger.audit.verify()
    assert list_problems(found) == {("missing", key)}
    (run,) = {one.run for one in ledger.proposals.list_open() if one.evidence}
    assert list_problems(ledger.audit.verify(run)) == {("missing", key)}
    put(ledger, key, raw)
    assert ledger.audit.verify().ok


def test_a_call_in_doubt_that_was_made_of_one_that_is_done_is_named(ledger: Ledger) -> None:
    done = next(key for key, raw in of_kind("step", ledger) if b'"done"' in raw)
    step = msgspec.json.decode(ledger.store.get(done) or b"")
    again = {**step, "status": "started", "result": None, "finished_at": None, "tries": step["tries"] + 1}
    put(ledger, done, msgspec.json.encode(again))
    assert list_problems(ledger.audit.verify()) == {("changed", done)}


def test_a_call_that_was_never_begun_under_another_key_is_named(ledger: Ledger) -> None:
    begun = next(key for key in keys(ledger, "step") if b'"started"' in (ledger.store.get(key) or b""))
    raw = ledger.store.get(begun) or b""
    put(ledger, begun, raw.replace(b'"idempotency_key":"', b'"idempotency_key":"f'))
    assert {record for _, record in list_problems(ledger.audit.verify())} == {begun}


def test_an_earlier_version_of_a_record_that_was_put_back_is_named(ledger: Ledger) -> None:
    run = next(r for r in ledger.runs.list_newest() if r.agent == "waits")
    (asked,) = ledger.proposals.list_of_run(run.id)
    before = {key: ledger.store.get(key) or b"" for key in (f"run/{run.id}", f"proposal/{asked.id}")}
    ledger.proposals.decide(asked.id, "reject", reviewer="ann")
    for key, raw in before.items():
        put(ledger, key, raw)
    assert list_problems(ledger.audit.verify()) == {("changed", key) for key in before}


def find_own_keys(ledger: Ledger, run: str) -> dict[str, str]:
    """One key of each kind that belongs to a run, as an id in the key or in the value says."""
    ids = [run, *(p.id for p in ledger.proposals.list_of_run(run)), *(w.id for w in ledger.workspaces.list_of_run(run))]
    found: dict[str, str] = {}
    for key, raw in ledger.store.scan("", "~"):
        kind, _, rest = key.partition("/")
        if kind in ("blobref", "evidenceof"):
            found |= {kind: key} if rest.endswith(run) else {}
            shared = kind.removesuffix("ref").removesuffix("of")
            sha, _, user = rest.partition("/")
            if user == run and len(ledger.store.scan(f"{kind}/{sha}/", f"{kind}/{sha}0")) == 1:
                found[shared] = next(one for one in keys(ledger, shared) if sha in one)
        elif kind not in ("event", "claim", "saved", "blobs") and any(
            one in key or one == raw.decode("latin1") for one in ids
        ):
            found[kind] = key
    return found


@pytest.mark.parametrize(
    ("agent", "kinds"),
    [
        (
            "letters",
            "run made name asked closed proposal snapshot step happened workspace opened comment marked",
        ),
        ("waits", "run made name asked open proposal snapshot happened blob"),
        ("shows", "run made name asked open proposal snapshot happened evidence evidenceof"),
    ],
)
def test_the_check_of_one_run_finds_what_belongs_to_it_and_nothing_else(ledger: Ledger, agent: str, kinds: str) -> None:
    runs = {run.agent: run.id for run in ledger.runs.list_newest(limit=100)}
    other = runs["waits" if agent != "waits" else "shows"]
    own = find_own_keys(ledger, runs[agent])
    for kind in kinds.split():
        raw = ledger.store.get(own[kind]) or b""
        ledger.store.transact(lambda tx, key=own[kind]: tx.delete(key))
        assert not ledger.audit.verify(runs[agent]).ok, own[kind]
        assert ledger.audit.verify(other).ok, own[kind]
        put(ledger, own[kind], raw)
    assert ledger.audit.verify(runs[agent]).ok


def test_differences_of_other_runs_do_not_hide_those_of_one_run(ledger: Ledger) -> None:
    run = next(r for r in ledger.runs.list_newest() if r.agent == "waits")
    (asked,) = ledger.proposals.list_of_run(run.id)
    other = next(r for r in ledger.runs.list_newest() if r.agent == "shows")
    (beside,) = ledger.proposals.list_of_run(other.id)

    def work(tx: Transaction) -> None:
        for n in range(200):
            tx.put(f"comment/{beside.id}/{n:012d}", b"{}")
        tx.put(f"comment/{asked.id}/000000000001", b"{}")

    ledger.store.transact(work)
    assert list_problems(ledger.audit.verify(run.id)) == {("unreadable", f"comment/{asked.id}/000000000001")}
    assert len(ledger.audit.verify(other.id).differs) == 100


def test_many_differences_are_bounded(ledger: Ledger) -> None:
    def work(tx: Transaction) -> None:
        for n in range(200):
            tx.put(f"comment/aaaaaaaaaaaa/{n:012d}", b"{}")

    ledger.store.transact(work)
    assert len(ledger.audit.verify().differs) == 100


def test_a_store_that_is_written_meanwhile_raises_no_false_alarm() -> None:
    ledger = Ledger(MemoryStore())
    over = threading.Event()

    def write() -> None:
        n = 0
        while not over.is_set():
            n += 1
            claim = open_new_run(ledger, f"agent{n % 3}")
            ledger.runs.save_snapshot(claim, Snapshot(envelope=b"%d" % n, save=1))
            ledger.steps.start(claim, "1", "draft")
            ledger.steps.finish(claim, "1", result=b"%d" % n, status="done").result()
            (p,) = ledger.runs.pause(claim, Snapshot(envelope=b"p%d" % n, pause=1), [question()]).proposals
            ledger.comments.add(p.id, "hm", author="ann")
            ledger.proposals.decide(p.id, "approve", reviewer="ann")
            if n % 3 == 0:
                ledger.runs.forget(agent="agent1", notebook=NB)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while ledger.audit.newest_event_number() < 500:
            assert ledger.audit.verify().ok
    finally:
        over.set()
        writer.join()
    assert ledger.audit.verify().ok
    ledger.store.close()
