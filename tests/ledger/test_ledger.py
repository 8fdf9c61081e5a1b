"""The ledger over each store: runs, snapshots, steps, proposals, decisions, drafts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import (
    AlreadyDecided,
    HitlError,
    RunClaimed,
    StaleDraft,
    StoreCorrupt,
    StoreFull,
    StoreRefused,
    UnknownProposal,
    UnknownRun,
    Untrusted,
)
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.ledger.runs.snapshots import RunState
from hitl_nb.records import FORMAT, DecisionRecord, Proposal, Question, Run, Snapshot, new_id
from hitl_nb.storage import open_store
from hitl_nb.storage.interface import MAX_VALUE_BYTES, Store

NB = "/ann/refunds.ipynb"
STATE = Snapshot(envelope=b"state")


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"memory:{new_id()}" if request.param == "memory" else f"diskcache://{tmp_path}/store"
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store)


def ask(title: str = "Refund order 5678", value: Any = "Dear Ada", **more: Any) -> Question:
    return Question(title=title, kind="text", value=value, position="3/1", **more)


def start(ledger: Ledger, agent: str = "refunds", notebook: str = NB, key: str = "") -> tuple[Run, Claim]:
    return ledger.runs.open(agent=agent, notebook=notebook, key=key)


def pause_new_run(ledger: Ledger, *questions: Question, **name: str) -> tuple[Run, list[Proposal]]:
    run, claim = start(ledger, **name)
    asked = ledger.runs.pause(claim, STATE, questions or [ask()]).proposals
    return ledger.runs.load(run.id), asked


def keys(store: Store, start: str = "", stop: str = "~") -> list[str]:
    return [key for key, _ in store.scan(start, stop)]


def load_state(ledger: Ledger, run: Run | Claim) -> RunState:
    found = ledger.runs.load_snapshot(run.id if isinstance(run, Run) else run.run)
    assert found is not None
    return found


def decision(ledger: Ledger, p: Proposal) -> DecisionRecord:
    made = ledger.proposals.load(p.id).decision
    assert made is not None
    return made


def blob(data: bytes) -> tuple[str, bytes]:
    return hashlib.sha256(data).hexdigest(), data


class TestFormat:
    def test_a_store_keeps_its_id(self, store: Store) -> None:
        first = Ledger(store)
        assert first.store_id
        assert Ledger(store).store_id == first.store_id

    def test_a_newer_format_is_refused(self, store: Store) -> None:
        mark = b'{"format":%d,"store_id":"x"}' % (FORMAT + 1)
        store.transact(lambda tx: tx.put("meta/format", mark))
        with pytest.raises(StoreRefused, match="update hitl_nb"):
            Ledger(store)

    def test_a_damaged_mark_is_corruption(self, store: Store) -> None:
        store.transact(lambda tx: tx.put("meta/format", b"?"))
        with pytest.raises(StoreCorrupt, match="meta/format"):
            Ledger(store)


class TestRuns:
    def test_a_new_run_is_running_and_claimed(self, ledger: Ledger) -> None:
        run, claim = start(ledger, key="5678")
        assert (run.status, run.generation, run.epoch, run.key, run.pauses) == ("running", 1, 1, "5678", 0)
        assert (claim.run, claim.epoch) == (run.id, 1)
        assert ledger.runs.load(run.id) == run
        assert ledger.runs.find(agent="refunds", notebook=NB, key="5678") == run
        assert ledger.runs.find(agent="refunds", notebook=NB) is None

    def test_an_unknown_run_is_named(self, ledger: Ledger) -> None:
        for call in (
            ledger.runs.load,
            ledger.proposals.list_of_run,
            ledger.runs.claim,
            lambda r: ledger.runs.cancel(r, actor="ada"),
        ):
            with pytest.raises(UnknownRun, match="nothere"):
                call("nothere")
            with pytest.raises(UnknownRun):
                call("no id/\n")
        with pytest.raises(UnknownRun):
            ledger.runs.list_newest(before="nothere")

    def test_a_fresh_start_supersedes_the_generation_before(self, ledger: Ledger) -> None:
        old, (asked, *_) = pause_new_run(ledger)
        new, _ = start(ledger)
        assert new.generation == 2
        assert (ledger.runs.load(old.id).status, ledger.runs.load(old.id).open) == ("cancelled", 0)
        assert ledger.proposals.load(asked.id).status == "superseded"
        assert ledger.proposals.list_open() == []
        assert ledger.runs.find(agent="refunds", notebook=NB) == new
        with pytest.raises(AlreadyDecided, match="superseded"):
            ledger.proposals.decide(asked.id, "approve", reviewer="ada")

    def test_a_fresh_start_leaves_a_finished_generation_finished(self, ledger: Ledger) -> None:
        old, claim = start(ledger)
        ledger.runs.finish(claim, STATE)
        assert start(ledger)[0].generation == 2
        assert ledger.runs.load(old.id).status == "finished"

    def test_a_running_agent_is_not_started_anew(self, ledger: Ledger) -> None:
        start(ledger)
        with pytest.raises(RunClaimed):
            start(ledger)

    def test_runs_are_listed_newest_first_in_pages(self, ledger: Ledger) -> None:
        made = [start(ledger, agent=f"a{n}", notebook=f"/{n % 2}.ipynb")[0] for n in range(7)]
        newest_first = [run.id for run in reversed(made)]
        assert [r.id for r in ledger.runs.list_newest()] == newest_first
        page = ledger.runs.list_newest(limit=3)
        assert [r.id for r in page + ledger.runs.list_newest(limit=30, before=page[-1].id)] == newest_first
        assert [r.agent for r in ledger.runs.list_newest(notebook="/1.ipynb", limit=2)] == ["a5", "a3"]
        assert [r.agent for r in ledger.runs.list_newest(agent="a4")] == ["a4"]
        assert ledger.runs.list_newest(status="failed") == []
        with pytest.raises(ValueError, match="limit"):
            ledger.runs.list_newest(limit=0)

    def test_cancel_is_for_good(self, ledger: Ledger) -> None:
        run, (asked, *_) = pause_new_run(ledger)
        assert ledger.runs.cancel(run.id, actor="ada").status == "cancelled"
        assert ledger.runs.cancel(run.id, actor="ada").status == "cancelled"
        assert ledger.proposals.load(asked.id).status == "superseded"
        with pytest.raises(HitlError, match="cancelled"):
            ledger.runs.claim(run.id)

    def test_a_cancelled_run_writes_nothing_more(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        ledger.runs.cancel(run.id, actor="ada")
        with pytest.raises(RunClaimed, match="cancelled"):
            ledger.runs.save_snapshot(claim, STATE)

    def test_a_finished_run_is_not_cancelled(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        ledger.runs.finish(claim, STATE)
        with pytest.raises(HitlError, match="finished"):
            ledger.runs.cancel(run.id, actor="ada")

    @pytest.mark.parametrize("end", ["ready", "failed", "finished"])
    def test_a_run_at_rest_can_be_resumed(self, ledger: Ledger, end: str) -> None:
        run, claim = start(ledger)
        if end == "ready":
            (asked,) = ledger.runs.pause(claim, STATE, [ask()]).proposals
            ledger.proposals.decide(asked.id, "approve", reviewer="ada")
        elif end == "failed":
            assert ledger.runs.fail(claim, STATE, "boom").error == "boom"
        else:
            ledger.runs.finish(claim, STATE)
        assert ledger.runs.load(run.id).status == end
        again, claim = ledger.runs.claim(run.id)
        assert (again.status, again.epoch, again.error, claim.epoch) == ("running", 2, None, 2)

    def test_a_waiting_run_is_not_resumed(self, ledger: Ledger) -> None:
        run, _ = pause_new_run(ledger, ask("one"), ask("two"))
        with pytest.raises(HitlError, match="waits for 2 decisions"):
            ledger.runs.claim(run.id)

    def test_forget_removes_all_but_the_events(self, ledger: Ledger, store: Store) -> None:
        start(ledger, agent="other")
        before = keys(store)
        run, claim = start(ledger, key="1")
        ledger.steps.start(claim, "1", "pay")
        big = Snapshot(envelope=b"s" * (MAX_VALUE_BYTES + 1), blobs=dict([blob(b"x" * 10)]))
        (asked, _) = ledger.runs.pause(claim, big, [ask(value="v" * (MAX_VALUE_BYTES + 1)), ask()]).proposals
        Draft.for_proposal(store, asked).write_value("typing", "ann")
        ledger.runs.cancel(start(ledger, key="1")[0].id, actor="ada")
        ledger.claims.release(start(ledger, key="2")[1])
        assert ledger.runs.forget(agent="refunds", notebook=NB, key="2") == 1
        assert ledger.runs.forget(agent="refunds", notebook=NB) == 2
        assert ledger.runs.forget(agent="refunds", notebook=NB) == 0
        assert [k for k in keys(store) if not k.startswith("event/")] == [k for k in before if k[:6] != "event/"]
        assert keys(store.drafts) == []
        assert ledger.audit.read_events()[-1].type == "run.forgotten"
        assert run.id in ledger.audit.read_events()[-1].data["runs"]
        assert ledger.audit.verify().ok

    def test_a_running_agent_is_not_forgotten(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        with pytest.raises(RunClaimed):
            ledger.runs.forget(agent="refunds", notebook=NB)
        ledger.claims.release(claim)
        assert ledger.runs.forget(agent="refunds", notebook=NB) == 1
        with pytest.raises(UnknownRun):
            ledger.runs.load(run.id)

    def test_runs_and_open_proposals_follow_a_renamed_notebook(self, ledger: Ledger) -> None:
        start(ledger, agent="other", notebook="/else.ipynb")
        first, _ = pause_new_run(ledger)
        second, (asked, *_) = pause_new_run(ledger)
        assert ledger.notebooks.rename(NB, "/moved.ipynb") == 2
        moved = ledger.runs.find(agent="refunds", notebook="/moved.ipynb")
        assert moved is not None
        assert (moved.id, moved.generation, moved.notebook) == (second.id, 2, "/moved.ipynb")
        assert ledger.runs.find(agent="refunds", notebook=NB) is None
        assert ledger.runs.load(first.id).notebook == "/moved.ipynb"
        assert [p.id for p in ledger.proposals.list_open(notebook="/moved.ipynb")] == [asked.id]
        ledger.proposals.decide(
            asked.id, "approve", reviewer="ada", fingerprint=asked.fingerprint, revision=asked.revision
        )
        assert ledger.notebooks.rename("/moved.ipynb", "/moved.ipynb") == 0

    def test_a_notebook_renamed_over_another_takes_its_place(self, ledger: Ledger) -> None:
        there, (stale, *_) = pause_new_run(ledger, notebook="/there.ipynb")
        here, _ = pause_new_run(ledger)
        ledger.notebooks.rename(NB, "/there.ipynb")
        newest = ledger.runs.find(agent="refunds", notebook="/there.ipynb")
        assert newest is not None
        assert (newest.id, newest.generation, newest.status) == (here.id, 2, "waiting")
        assert ledger.runs.load(there.id).status == "cancelled"
        assert ledger.proposals.load(stale.id).status == "superseded"

    def test_a_running_run_follows_too(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        ledger.notebooks.rename(NB, "/moved.ipynb")
        (asked,) = ledger.runs.pause(claim, STATE, [ask()]).proposals
        assert asked.notebook == ledger.runs.load(run.id).notebook == "/moved.ipynb"


class TestSnapshots:
    def test_the_last_saved_state_is_read_back(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        assert ledger.runs.load_snapshot(run.id) is None
        sha, data = blob(bytes(range(256)) * (2 * MAX_VALUE_BYTES // 256) + b"end")
        for envelope in (
            b"small",
            b"large" * MAX_VALUE_BYTES,
            b"larger" * MAX_VALUE_BYTES,
            b"",
            b"\x00hitl/large/v1\x00",
        ):
            ledger.runs.save_snapshot(claim, Snapshot(envelope=envelope, blobs={sha: memoryview(data)}))
            found = ledger.runs.load_snapshot(run.id)
            assert found is not None
            assert found.envelope == envelope
            assert found.blob(sha) == data

    def test_failing_without_a_snapshot_keeps_the_last(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        ledger.runs.save_snapshot(claim, STATE)
        ledger.runs.fail(claim, None, "boom")
        assert load_state(ledger, run).envelope == b"state"

    def test_an_earlier_save_that_was_put_back_is_not_returned(self, ledger: Ledger, store: Store) -> None:
        run, claim = start(ledger)
        ledger.runs.save_snapshot(claim, Snapshot(envelope=b"first", save=1))
        first = store.get(f"snapshot/{run.id}") or b""
        ledger.runs.save_snapshot(claim, Snapshot(envelope=b"second", save=2))
        assert load_state(ledger, run).saved.save == 2
        store.transact(lambda tx: tx.put(f"snapshot/{run.id}", first))
        with pytest.raises(Untrusted, match="put back"):
            ledger.runs.load_snapshot(run.id)
        (asked,) = ledger.runs.pause(claim, Snapshot(envelope=b"paused", pause=1), [ask()]).proposals
        paused = store.get(f"snapshot/{run.id}") or b""
        ledger.proposals.decide(asked.id, "approve", reviewer="ada")
        _, claim = ledger.runs.claim(run.id)
        ledger.runs.save_snapshot(claim, Snapshot(envelope=b"third", pause=1, save=1))
        store.transact(lambda tx: tx.put(f"snapshot/{run.id}", paused))
        with pytest.raises(Untrusted, match="put back"):
            ledger.runs.load_snapshot(run.id)
        store.transact(lambda tx: tx.delete(f"snapshot/{run.id}"))
        with pytest.raises(Untrusted, match="missing"):
            ledger.runs.load_snapshot(run.id)

    def test_a_run_whose_state_or_decision_was_changed_is_not_claimed(self, ledger: Ledger, store: Store) -> None:
        run, [p] = pause_new_run(ledger, ask())
        ledger.proposals.decide(p.id, "approve", reviewer="ann")
        state, decided = store.get(f"snapshot/{run.id}") or b"", store.get(f"proposal/{p.id}") or b""
        for key, value, error in (
            (f"snapshot/{run.id}", b"another state", Untrusted),
            (f"proposal/{p.id}", decided.replace(b'"ann"', b'"bob"'), StoreCorrupt),
        ):
            store.transact(lambda tx, key=key, value=value: tx.put(key, value))
            before = ledger.audit.read_events()
            with pytest.raises(error):
                ledger.runs.claim_saved(run.id)
            assert ledger.runs.load(run.id).status == "ready"
            assert ledger.audit.read_events() == before
            store.transact(lambda tx: (tx.put(f"snapshot/{run.id}", state), tx.put(f"proposal/{p.id}", decided)))
        claimed = ledger.runs.claim_saved(run.id)
        assert claimed.run.status == "running"
        assert claimed.state is not None
        assert claimed.state.envelope == state
        assert [one.decision and one.decision.reviewer for one in claimed.asked] == ["ann"]

    def test_a_blob_is_written_once_and_lives_as_long_as_somebody_names_it(self, ledger: Ledger, store: Store) -> None:
        one, one_claim = start(ledger, agent="one")
        _, two_claim = start(ledger, agent="two")
        shared, own = blob(b"shared" * MAX_VALUE_BYTES), blob(b"own")
        pieces = -(-len(shared[1]) // MAX_VALUE_BYTES)
        ledger.runs.save_snapshot(one_claim, Snapshot(envelope=b"1", blobs=dict([shared, own])))
        ledger.runs.save_snapshot(two_claim, Snapshot(envelope=b"2", blobs={shared[0]: b"not written again"}))
        assert len(keys(store, "blob/", "blob0")) == pieces + 1
        ledger.runs.save_snapshot(one_claim, Snapshot(envelope=b"3"))
        assert len(keys(store, "blob/", "blob0")) == pieces
        assert load_state(ledger, two_claim).blob(shared[0]) == shared[1]
        ledger.claims.release(two_claim)
        ledger.runs.forget(agent="two", notebook=NB)
        assert keys(store, "blob/", "blobref0") == keys(store, "chunk/", "chunk0") == []
        assert ledger.runs.load_snapshot(one.id) is not None

    @pytest.mark.parametrize("damage", [b"x", None])
    def test_a_damaged_blob_is_not_returned(self, ledger: Ledger, store: Store, damage: bytes | None) -> None:
        run, claim = start(ledger)
        sha, data = blob(b"payload")
        ledger.runs.save_snapshot(claim, Snapshot(envelope=b"1", blobs={sha: data}))
        (key,) = keys(store, "blob/", "blob0")
        store.transact(lambda tx: tx.put(key, damage) if damage else tx.delete(key))
        with pytest.raises(StoreCorrupt, match="blob"):
            load_state(ledger, run).blob(sha)

    def test_a_large_value_with_a_piece_missing_is_not_returned(self, ledger: Ledger, store: Store) -> None:
        run, claim = start(ledger)
        ledger.runs.save_snapshot(claim, Snapshot(envelope=b"e" * 3 * MAX_VALUE_BYTES))
        piece = keys(store, "chunk/", "chunk0")[1]
        store.transact(lambda tx: tx.delete(piece))
        with pytest.raises(StoreCorrupt, match="damaged"):
            ledger.runs.load_snapshot(run.id)


class TestSteps:
    def test_a_step_is_recorded_started_then_done(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        key = "cell/3:1 ~ä"
        assert ledger.steps.find(run.id, key) is None
        started = ledger.steps.start(claim, key, "pay", snapshot=STATE)
        assert (started.status, started.result, started.key) == ("started", None, key)
        assert load_state(ledger, run).envelope == b"state"
        ledger.steps.finish(claim, key, result=b"\x00" * (MAX_VALUE_BYTES + 1), status="done").result()
        done = ledger.steps.find(run.id, key)
        assert done is not None
        assert (done.status, len(done.result or b"")) == ("done", MAX_VALUE_BYTES + 1)
        assert done.idempotency_key == started.idempotency_key
        assert done.finished_at is not None
        assert ledger.steps.start(claim, key, "pay") == done
        assert ledger.audit.read_events()[-1].type == "step.done"

    def test_a_step_key_may_be_long(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        keys = ["ä" * 5000 + end for end in "ab"]
        for key in keys:
            ledger.steps.start(claim, key, "pay")
        assert [step.key for step in ledger.steps.list_of_run(run.id)] == keys
        assert ledger.steps.find(run.id, keys[1]) == ledger.steps.list_of_run(run.id)[1]

    def test_a_retry_keeps_the_idempotency_key(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        first = ledger.steps.start(claim, "1", "pay")
        ledger.steps.finish(claim, "1", result=None, status="failed")
        again = ledger.steps.retry(claim, "1")
        assert (again.status, again.idempotency_key) == ("started", first.idempotency_key)
        assert ledger.steps.find(run.id, "1") == again
        other = ledger.steps.start(claim, "2", "pay")
        assert other.idempotency_key != first.idempotency_key
        assert [s.key for s in ledger.steps.list_of_run(run.id)] == ["1", "2"]

    def test_an_error_nobody_waited_for_stops_the_next_write(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        assert isinstance(
            ledger.steps.finish(claim, "never started", result=None, status="done").exception(), HitlError
        )
        with pytest.raises(HitlError, match="never started"):
            ledger.runs.pause(claim, STATE, [ask()])
        assert ledger.runs.load(run.id).status == "running"
        ledger.runs.pause(claim, STATE, [ask()])

    def test_a_full_disk_at_a_lazy_write_surfaces(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        _, claim = start(ledger)
        ledger.steps.start(claim, "1", "pay")
        failed: Future[None] = Future()
        failed.set_exception(StoreFull("no room left"))
        with monkeypatch.context() as patch:
            patch.setattr(ledger.store, "submit", lambda *_, **__: failed)
            ledger.steps.finish(claim, "1", result=None, status="done")
        with pytest.raises(StoreFull):
            ledger.steps.start(claim, "2", "pay")


class TestProposals:
    def test_a_pause_asks_in_order_and_lets_go(self, ledger: Ledger) -> None:
        run, asked = pause_new_run(ledger, ask("one"), ask("two", value={"a": [1, 2.5, None]}), ask("three"))
        assert (run.status, run.pauses, run.open) == ("waiting", 1, 3)
        assert [(p.title, p.ordinal, p.pause, p.status, p.revision) for p in asked] == [
            ("one", 0, 1, "open", 1),
            ("two", 1, 1, "open", 1),
            ("three", 2, 1, "open", 1),
        ]
        assert (
            ledger.proposals.list_of_run(run.id)
            == ledger.proposals.list_of_run(run.id, 1)
            == asked
            == ledger.proposals.list_open()
        )
        assert ledger.proposals.list_of_run(run.id, 2) == []
        assert load_state(ledger, run).envelope == b"state"

    def test_the_claim_ends_with_the_pause(self, ledger: Ledger) -> None:
        _, claim = start(ledger)
        ledger.runs.pause(claim, STATE, [ask()])
        with pytest.raises(RunClaimed, match="paused"):
            ledger.runs.save_snapshot(claim, STATE)
        ledger.claims.release(claim)

    def test_nothing_is_stored_for_what_cannot_be_asked(self, ledger: Ledger, store: Store) -> None:
        run, claim = start(ledger)
        before = store.scan("", "~")
        with pytest.raises(ValueError, match="at least one"):
            ledger.runs.pause(claim, STATE, [])
        with pytest.raises(ValueError, match="JSON"):
            ledger.runs.pause(claim, STATE, [ask(), ask(value=float("nan"))])
        with pytest.raises(ValueError, match="surrogates"):
            ledger.runs.pause(claim, STATE, [ask(), ask(value="\ud800")])
        assert [row for row in store.scan("", "~") if not row[0].startswith("claim/")] == [
            row for row in before if not row[0].startswith("claim/")
        ]
        assert ledger.runs.pause(claim, STATE, [ask()]).proposals[0].run == run.id

    def test_the_last_decision_makes_the_run_ready(self, ledger: Ledger) -> None:
        run, (one, two) = pause_new_run(ledger, ask("one"), ask("two"))
        ledger.proposals.decide(one.id, "approve", reviewer="ada")
        assert (ledger.runs.load(run.id).status, ledger.runs.load(run.id).open) == ("waiting", 1)
        assert [p.id for p in ledger.proposals.list_open()] == [two.id]
        ledger.proposals.decide(two.id, "reject", reason="too much", reviewer="ada")
        assert (ledger.runs.load(run.id).status, ledger.runs.load(run.id).open) == ("ready", 0)
        _, claim = ledger.runs.claim(run.id)
        (three,) = ledger.runs.pause(claim, STATE, [ask("three")]).proposals
        assert three.pause == 2
        assert [p.title for p in ledger.proposals.list_of_run(run.id)] == ["one", "two", "three"]

    @pytest.mark.parametrize(
        ("action", "value", "stored"),
        [("approve", None, None), ("edit", {"a": 1}, {"a": 1}), ("reject", None, None), ("respond", "Why?", "Why?")],
    )
    def test_a_decision_is_kept(self, ledger: Ledger, action: Any, value: Any, stored: Any) -> None:
        _, (asked, *_) = pause_new_run(ledger)
        decided = ledger.proposals.decide(asked.id, action, value=value, reason="so", reviewer="ada", by="script")
        assert ledger.proposals.load(asked.id) == decided
        assert (decided.status, decided.revision) == ("decided", 2)
        made = decided.decision
        assert made is not None
        assert (made.action, made.value, made.reason, made.reviewer, made.by, made.fingerprint) == (
            action,
            stored,
            "so",
            "ada",
            "script",
            asked.fingerprint,
        )

    def test_the_second_is_told_who_decided_what(self, ledger: Ledger) -> None:
        _, (asked, *_) = pause_new_run(ledger)
        ledger.proposals.decide(asked.id, "reject", reason="too much", reviewer="ada")
        with pytest.raises(AlreadyDecided, match=r"ada \(unsigned\) rejected it \(too much\)") as told:
            ledger.proposals.decide(asked.id, "approve", reviewer="bob")
        assert told.value.proposal == ledger.proposals.load(asked.id)

    def test_of_two_at_once_one_wins(self, ledger: Ledger, store: Store) -> None:
        run, asked = pause_new_run(ledger, *(ask(str(n)) for n in range(20)))
        barrier = threading.Barrier(2)

        def decide(reviewer: str) -> list[str]:
            mine, lost, view = [], 0, Ledger(store)
            for p in asked:
                barrier.wait(30)
                try:
                    mine.append(view.proposals.decide(p.id, "approve", reviewer=reviewer).id)
                except AlreadyDecided:
                    lost += 1
            assert len(mine) + lost == len(asked)
            return mine

        with ThreadPoolExecutor(2) as pool:
            ada, bob = pool.map(decide, ["ada", "bob"])
        assert sorted(ada + bob) == sorted(p.id for p in asked)
        assert {decision(ledger, p).reviewer for p in asked if p.id in ada} <= {"ada"}
        assert sum(e.type == "decision" for e in ledger.audit.read_events()) == len(asked)
        assert ledger.runs.load(run.id).status == "ready"

    def test_another_question_than_the_one_seen_is_not_answered(self, ledger: Ledger) -> None:
        _, (asked, *_) = pause_new_run(ledger)
        with pytest.raises(StaleDraft):
            ledger.proposals.decide(asked.id, "approve", reviewer="ada", fingerprint="another")
        with pytest.raises(StaleDraft):
            ledger.proposals.decide(asked.id, "approve", reviewer="ada", revision=2)
        ledger.proposals.decide(asked.id, "approve", reviewer="ada", fingerprint=asked.fingerprint, revision=1)

    @pytest.mark.parametrize(
        "change", [{"value": "Pay 9999"}, {"title": "Nothing"}, {"position": "1"}, {"kind": "code"}]
    )
    def test_a_proposal_changed_in_the_store_is_not_decided(
        self, ledger: Ledger, store: Store, change: dict[str, Any]
    ) -> None:
        run, (asked, *_) = pause_new_run(ledger)
        planted = msgspec.structs.replace(asked, **change).json()
        store.transact(lambda tx: tx.put(f"proposal/{asked.id}", planted))
        with pytest.raises(StoreCorrupt, match="not what the agent asked"):
            ledger.proposals.decide(asked.id, "approve", reviewer="ada")
        assert ledger.runs.load(run.id).status == "waiting"

    @pytest.mark.parametrize(
        "change",
        [
            {"action": "reject"},
            {"value": "Pay 9999"},
            {"reviewer": "bob"},
            {"reason": "none"},
            {"by": "policy"},
            {"event": 1},
            {"event": 0},
        ],
    )
    def test_a_decision_that_nobody_made_is_not_returned(
        self, ledger: Ledger, store: Store, change: dict[str, Any]
    ) -> None:
        run, (asked, *_) = pause_new_run(ledger)
        decided = ledger.proposals.decide(asked.id, "edit", value="Dear Bob", reason="name", reviewer="ada")
        assert ledger.proposals.list_of_run(run.id) == [decided]
        forged = msgspec.structs.replace(decided, decision=msgspec.structs.replace(decided.decision, **change))
        store.transact(lambda tx: tx.put(f"proposal/{asked.id}", forged.json()))
        with pytest.raises(StoreCorrupt, match="audit log"):
            ledger.proposals.list_of_run(run.id)

    def test_a_record_of_another_proposal_is_corruption(self, ledger: Ledger, store: Store) -> None:
        _, (one, two) = pause_new_run(ledger, ask("one"), ask("two"))
        store.transact(lambda tx: tx.put(f"proposal/{one.id}", two.json()))
        with pytest.raises(StoreCorrupt, match="another proposal"):
            ledger.proposals.load(one.id)
        store.transact(lambda tx: tx.put(f"proposal/{one.id}", b"{"))
        with pytest.raises(StoreCorrupt, match="damaged"):
            ledger.proposals.load(one.id)

    @pytest.mark.parametrize(
        ("action", "more", "error"),
        [
            ("maybe", {}, ValueError),
            ("respond", {"value": "hm"}, ValueError),
            ("respond", {"value": 1}, TypeError),
            ("approve", {"value": "sneaked in"}, ValueError),
            ("edit", {"value": float("nan")}, ValueError),
            ("edit", {"value": object()}, TypeError),
            ("approve", {"reviewer": ""}, ValueError),
            ("approve", {"reason": 3}, TypeError),
        ],
    )
    def test_bad_decisions_change_nothing(self, ledger: Ledger, action: Any, more: Any, error: type[Exception]) -> None:
        _, (asked, *_) = pause_new_run(ledger, ask(allow=("approve", "edit")))
        with pytest.raises(error):
            ledger.proposals.decide(asked.id, action, **{"reviewer": "ada", **more})
        assert ledger.proposals.load(asked.id) == asked

    def test_many_are_decided_together_or_not_at_all(self, ledger: Ledger) -> None:
        run, asked = pause_new_run(ledger, ask("one"), ask("two"), ask("three"))
        ids = [p.id for p in asked]
        ledger.proposals.decide(ids[2], "reject", reviewer="bob")
        events = len(ledger.audit.read_events())
        with pytest.raises(AlreadyDecided, match="bob"):
            ledger.proposals.decide_many(asked, "approve", reviewer="ada")
        assert [p.id for p in ledger.proposals.list_open()] == ids[:2]
        assert len(ledger.audit.read_events()) == events
        with pytest.raises(StaleDraft, match="has changed"):
            ledger.proposals.decide_many(
                [asked[0], msgspec.structs.replace(asked[1], revision=9)], "approve", reviewer="ada"
            )
        assert [p.id for p in ledger.proposals.list_open()] == ids[:2]
        done = ledger.proposals.decide_many([asked[0], asked[1], asked[0]], "approve", reviewer="ada")
        assert [p.id for p in done] == ids[:2]
        assert ledger.runs.load(run.id).status == "ready"

    def test_the_beginning_of_an_id_is_enough(self, ledger: Ledger, store: Store) -> None:
        _, (asked, *_) = pause_new_run(ledger)
        assert ledger.proposals.load(asked.id[:4]) == asked
        for bad in (asked.id[:3], "", "zzzzzzzzzzzz", "../etc", asked.id + "a"):
            with pytest.raises(UnknownProposal):
                ledger.proposals.load(bad)
        twin = msgspec.structs.replace(asked, id=asked.id[:8] + ("aaaa" if asked.id[8:] != "aaaa" else "bbbb"))
        store.transact(lambda tx: tx.put(f"proposal/{twin.id}", twin.json()))
        with pytest.raises(UnknownProposal, match="several"):
            ledger.proposals.decide(asked.id[:4], "approve", reviewer="ada")
        assert ledger.proposals.load(asked.id).status == "open"

    def test_a_proposal_of_any_size(self, ledger: Ledger, store: Store) -> None:
        text = "é" * (2 * MAX_VALUE_BYTES)
        _, (asked, small) = pause_new_run(ledger, ask(value=text, context={"log": text}), ask())
        assert ledger.proposals.load(asked.id[:5]).value == text
        assert [p.id for p in ledger.proposals.list_open()] == [asked.id, small.id]
        ledger.proposals.decide(asked.id, "edit", value="short", reason="r" * (MAX_VALUE_BYTES + 1), reviewer="ada")
        assert decision(ledger, asked).value == "short"
        assert len(ledger.audit.read_events()[-1].data["reason"]) == MAX_VALUE_BYTES + 1
        assert ledger.audit.verify().ok


class TestInbox:
    def test_pages_follow_each_other_with_ties_in_time(self, ledger: Ledger) -> None:
        ids = [
            p.id for n in range(5) for p in pause_new_run(ledger, *(ask(str(i)) for i in range(4)), agent=f"a{n}")[1]
        ]
        for size in (1, 3, 7, 50):
            seen: list[str] = []
            while page := ledger.proposals.list_open(limit=size, after=seen[-1] if seen else None):
                assert len(page) <= size
                seen += [p.id for p in page]
            assert seen == ids
        with pytest.raises(ValueError, match="limit"):
            ledger.proposals.list_open(limit=0)
        with pytest.raises(UnknownProposal):
            ledger.proposals.list_open(after="zzzzzzzzzzzz")

    def test_a_page_goes_on_after_a_proposal_decided_meanwhile(self, ledger: Ledger) -> None:
        _, asked = pause_new_run(ledger, *(ask(str(n)) for n in range(4)))
        ledger.proposals.decide(asked[1].id, "approve", reviewer="ada")
        assert [p.title for p in ledger.proposals.list_open(after=asked[1].id)] == ["2", "3"]

    def test_filters(self, ledger: Ledger) -> None:
        for n in range(6):
            pause_new_run(ledger, ask(str(n)), agent=f"a{n % 2}", notebook=f"/{n // 2}.ipynb")
        assert [p.title for p in ledger.proposals.list_open(agent="a1")] == ["1", "3", "5"]
        assert [p.title for p in ledger.proposals.list_open(notebook="/1.ipynb")] == ["2", "3"]
        assert [p.title for p in ledger.proposals.list_open(agent="a0", limit=2)] == ["0", "2"]
        assert ledger.proposals.list_open(agent="a1", notebook="/9.ipynb") == []

    def test_a_page_reads_a_range_and_not_the_store(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        pause_new_run(ledger, *(ask(str(n)) for n in range(300)))
        rows = 0
        scan = ledger.store.scan

        def count_rows(*args: Any, **more: Any) -> list[tuple[str, bytes]]:
            nonlocal rows
            found = scan(*args, **more)
            rows += len(found)
            return found

        monkeypatch.setattr(ledger.store, "scan", count_rows)
        page = ledger.proposals.list_open(limit=50)
        assert len(ledger.proposals.list_open(limit=50, after=page[-1].id)) == 50
        assert rows == 100
