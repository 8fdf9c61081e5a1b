"""Claims: one holder at a time, fenced writes, takeover of the dead and of nobody else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb.errors import RunClaimed, StoreCorrupt
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.ledger.runs import process as owner
from hitl_nb.ledger.runs.claims import HEARTBEAT_SECONDS, OWNER_TIMEOUT_SECONDS
from hitl_nb.records import Question, Snapshot, new_id
from hitl_nb.storage import open_store
from hitl_nb.storage.interface import Store, Transaction

NB = "/ann/refunds.ipynb"
STATE = Snapshot(envelope=b"state")
QUESTION = Question(title="Refund", kind="text", value="Dear Ada")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"memory:{new_id()}" if request.param == "memory" else f"diskcache://{tmp_path}/store"
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """What is claimed in `with elsewhere():` is owned by a process of another machine."""

    @contextlib.contextmanager
    def other_machine() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(owner, "_host_name", lambda: "another machine")
            yield

    return other_machine


def start(ledger: Ledger) -> Claim:
    return ledger.runs.open(agent="refunds", notebook=NB)[1]


def beat(store: Store, run_id: str) -> None:
    """A sign of life from the owner, as its own process would give it."""

    def work(tx: Transaction) -> None:
        record = msgspec.json.decode(tx.get(f"claim/{run_id}") or b"")
        record["beat"] += 1
        tx.put(f"claim/{run_id}", msgspec.json.encode(record))

    store.transact(work)


WRITES: dict[str, Callable[[Ledger, Claim], Any]] = {
    "save": lambda ledger, claim: ledger.runs.save_snapshot(claim, STATE),
    "pause": lambda ledger, claim: ledger.runs.pause(claim, STATE, [QUESTION]).proposals,
    "finish": lambda ledger, claim: ledger.runs.finish(claim, STATE),
    "fail": lambda ledger, claim: ledger.runs.fail(claim, STATE, "boom"),
    "start_step": lambda ledger, claim: ledger.steps.start(claim, "2", "pay", snapshot=STATE),
    "retry_step": lambda ledger, claim: ledger.steps.retry(claim, "1"),
    "finish_step": lambda ledger, claim: ledger.steps.finish(claim, "1", result=b"", status="done").result(),
}


@pytest.mark.parametrize("write", WRITES)
def test_who_lost_the_claim_writes_nothing_more(store: Store, write: str) -> None:
    ledger = Ledger(store)
    old = start(ledger)
    ledger.steps.start(old, "1", "pay")
    ledger.claims.release(old)
    _, new = ledger.runs.claim(old.run)
    rows = [row for row in store.scan("", "~") if not row[0].startswith("claim/")]
    with pytest.raises(RunClaimed, match="taken over by kernel") as told:
        WRITES[write](ledger, old)
    assert told.value.owner == new.owner
    assert [row for row in store.scan("", "~") if not row[0].startswith("claim/")] == rows
    ledger.claims.release(old)
    ledger.runs.save_snapshot(new, STATE)


@pytest.mark.parametrize("write", WRITES)
def test_a_claim_given_back_writes_nothing_more(store: Store, write: str) -> None:
    ledger = Ledger(store)
    claim = start(ledger)
    ledger.steps.start(claim, "1", "pay")
    ledger.claims.release(claim)
    ledger.claims.release(claim)
    with pytest.raises(RunClaimed, match="claim it again"):
        WRITES[write](ledger, claim)


def test_a_forgotten_run_is_not_written(store: Store) -> None:
    ledger = Ledger(store)
    claim = start(ledger)
    ledger.claims.release(claim)
    ledger.runs.forget(agent="refunds", notebook=NB)
    with pytest.raises(RunClaimed, match="forgotten"):
        ledger.runs.save_snapshot(claim, STATE)


def test_a_live_claim_is_respected_within_one_process(store: Store) -> None:
    claim = start(Ledger(store))
    with pytest.raises(RunClaimed, match=r"kernel \(pid \d+ on ") as told:
        Ledger(store).runs.claim(claim.run, wait=True)
    assert told.value.owner == claim.owner


def test_of_two_at_once_one_gets_the_claim(store: Store) -> None:
    first = start(Ledger(store))
    Ledger(store).claims.release(first)
    barrier = threading.Barrier(4)

    def try_to_claim(_: int) -> Claim | None:
        ledger = Ledger(store)
        barrier.wait(30)
        try:
            return ledger.runs.claim(first.run)[1]
        except RunClaimed:
            return None

    with ThreadPoolExecutor(4) as pool:
        claims = [claim for claim in pool.map(try_to_claim, range(4)) if claim]
    assert [claim.epoch for claim in claims] == [2]


@pytest.mark.parametrize("given_back", [True, False])
def test_a_claim_whose_caller_was_interrupted_is_free_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, given_back: bool
) -> None:
    ledger = Ledger(store)
    claim = start(ledger)
    ledger.claims.release(claim)
    transact = store.transact

    def transact_interrupted(work: Any) -> Any:
        transact(work)
        if not given_back:
            patch.setattr(store, "submit", lambda _: None)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "transact", transact_interrupted)
        with pytest.raises(KeyboardInterrupt):
            ledger.runs.claim(claim.run)
    store.transact(lambda _: None)
    assert msgspec.json.decode(store.get(f"claim/{claim.run}") or b"")["released"] is given_back
    assert Ledger(store).runs.claim(claim.run)[1].epoch == 3


class TestAnotherProcess:
    """On the same machine: asked about directly."""

    CHILD = """
import sys, time
from hitl_nb.storage import open_store
from hitl_nb.ledger.ledger import Ledger
run, claim = Ledger(open_store(sys.argv[1])).runs.open(agent="refunds", notebook="/ann/refunds.ipynb", label="child")
print(run.id, flush=True)
sys.stdin.read()
"""

    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[Store]:
        opened = open_store(f"diskcache://{tmp_path}/store")
        yield opened
        opened.close()

    @pytest.fixture
    def child(self, disk: Store) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-c", self.CHILD, disk.url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield process
            process.kill()

    def test_the_dead_are_taken_over_at_once_and_the_living_never(
        self, disk: Store, child: subprocess.Popen[str]
    ) -> None:
        assert child.stdout is not None
        run_id = child.stdout.readline().strip()
        clock = Clock()
        ledger = Ledger(disk, clock=clock)
        for _ in range(3):
            with pytest.raises(RunClaimed, match=rf"child \(pid {child.pid} on "):
                ledger.runs.claim(run_id)
            clock.now += 10 * OWNER_TIMEOUT_SECONDS
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but its parent has not yet noticed
        run, claim = ledger.runs.claim(run_id, wait=True)
        assert (run.status, claim.epoch) == ("running", 2)

    def test_a_stopped_process_lives(self, disk: Store, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        run_id = child.stdout.readline().strip()
        child.send_signal(signal.SIGSTOP)
        with pytest.raises(RunClaimed):
            Ledger(disk).runs.claim(run_id)
        child.send_signal(signal.SIGCONT)

    def test_a_process_id_used_again_is_not_the_owner(self, store: Store) -> None:
        claim = start(Ledger(store))
        record = msgspec.json.decode(store.get(f"claim/{claim.run}") or b"")
        record["owner"]["started"] = "1"
        store.transact(lambda tx: tx.put(f"claim/{claim.run}", msgspec.json.encode(record)))
        assert Ledger(store).runs.claim(claim.run)[1].epoch == 2

    def test_without_proc_the_system_is_asked_otherwise(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(owner, "_start_time", owner._psutil_start_time)
        claim = start(Ledger(store))
        with pytest.raises(RunClaimed):
            Ledger(store).runs.claim(claim.run)
        with subprocess.Popen([sys.executable, "-c", ""]) as gone:
            gone.wait()
        record = msgspec.json.decode(store.get(f"claim/{claim.run}") or b"")
        record["owner"]["pid"] = gone.pid
        store.transact(lambda tx: tx.put(f"claim/{claim.run}", msgspec.json.encode(record)))
        assert Ledger(store).runs.claim(claim.run)[1].epoch == 2


class TestAnotherMachine:
    """Only its heartbeat can be seen."""

    def test_a_silent_owner_is_taken_over_after_a_while(self, store: Store, elsewhere: Any) -> None:
        with elsewhere():
            claim = start(Ledger(store))
        clock = Clock()
        ledger = Ledger(store, clock=clock)
        with pytest.raises(RunClaimed, match="is being run by kernel"):
            ledger.runs.claim(claim.run)
        clock.now += OWNER_TIMEOUT_SECONDS - 0.1
        with pytest.raises(RunClaimed):
            ledger.runs.claim(claim.run)
        clock.now += 0.2
        assert ledger.runs.claim(claim.run)[1].epoch == 2

    def test_every_beat_starts_the_wait_anew(self, store: Store, elsewhere: Any) -> None:
        with elsewhere():
            claim = start(Ledger(store))
        clock = Clock()
        ledger = Ledger(store, clock=clock)
        for _ in range(5):
            with pytest.raises(RunClaimed):
                ledger.runs.claim(claim.run)
            clock.now += OWNER_TIMEOUT_SECONDS - 1
            beat(store, claim.run)
        with pytest.raises(RunClaimed):
            ledger.runs.claim(claim.run)

    def test_one_that_was_released_is_free(self, store: Store, elsewhere: Any) -> None:
        with elsewhere():
            ledger = Ledger(store)
            claim = start(ledger)
            ledger.claims.release(claim)
        assert Ledger(store).runs.claim(claim.run)[1].epoch == 2

    def test_waiting_ends_when_the_owner_counts_as_dead(
        self, store: Store, elsewhere: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with elsewhere():
            claim = start(Ledger(store))
        clock = Clock()
        waited: list[float] = []

        def wait(version: int, timeout: float) -> int:
            waited.append(timeout)
            clock.now += timeout
            return version

        monkeypatch.setattr(store, "wait", wait)
        assert Ledger(store, clock=clock).runs.claim(claim.run, wait=True)[1].epoch == 2
        assert sum(waited) == pytest.approx(OWNER_TIMEOUT_SECONDS)

    @pytest.mark.parametrize("again", ["claim", "open_run"])
    def test_waiting_ends_when_the_owner_shows_life(
        self, store: Store, elsewhere: Any, monkeypatch: pytest.MonkeyPatch, again: str
    ) -> None:
        with elsewhere():
            claim = start(Ledger(store))
        clock = Clock()

        def wait(version: int, timeout: float) -> int:
            clock.now += HEARTBEAT_SECONDS
            beat(store, claim.run)
            return version

        monkeypatch.setattr(store, "wait", wait)
        ledger = Ledger(store, clock=clock)
        take = {
            "claim": lambda: ledger.runs.claim(claim.run, wait=True),
            "open_run": lambda: ledger.runs.open(agent="refunds", notebook=NB, wait=True),
        }
        with pytest.raises(RunClaimed):
            take[again]()
        assert clock.now == 1000 + HEARTBEAT_SECONDS

    def test_open_run_waits_too(self, store: Store, elsewhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        with elsewhere():
            claim = start(Ledger(store))
        clock = Clock()

        def wait(version: int, timeout: float) -> int:
            clock.now += timeout
            return version

        monkeypatch.setattr(store, "wait", wait)
        ledger = Ledger(store, clock=clock)
        run, _ = ledger.runs.open(agent="refunds", notebook=NB, wait=True)
        assert run.generation == 2
        assert ledger.runs.load(claim.run).status == "cancelled"


class TestHeartbeat:
    """Driven by hand: the store's own timer is its conformance suite's business."""

    @pytest.fixture
    def timer(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[Transaction], None]]:
        running: list[Callable[[Transaction], None]] = []

        def every(seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
            assert seconds == HEARTBEAT_SECONDS
            running.append(work)
            return lambda: running.remove(work)

        monkeypatch.setattr(store, "repeat_every", every)
        return running

    def beats(self, store: Store, run_id: str) -> int:
        return msgspec.json.decode(store.get(f"claim/{run_id}") or b"")["beat"]

    def test_it_beats_while_a_claim_is_held(self, store: Store, timer: list[Callable[[Transaction], None]]) -> None:
        ledger = Ledger(store)
        assert timer == []
        one, _ = ledger.runs.open(agent="one", notebook=NB)
        two = ledger.runs.open(agent="two", notebook=NB)[1]
        assert len(timer) == 1
        store.transact(timer[0])
        store.transact(timer[0])
        assert (self.beats(store, one.id), self.beats(store, two.run)) == (2, 2)
        ledger.runs.finish(two, STATE)
        store.transact(timer[0])
        assert (self.beats(store, one.id), self.beats(store, two.run)) == (3, 2)

    def test_it_stops_at_the_first_beat_that_finds_no_claim(
        self, store: Store, timer: list[Callable[[Transaction], None]]
    ) -> None:
        ledger = Ledger(store)
        for end in ("pause", "finish", "fail", "release"):
            claim = ledger.runs.open(agent=end, notebook=NB)[1]
            assert len(timer) == 1
            ledger.claims.release(claim) if end == "release" else WRITES[end](ledger, claim)
            store.transact(timer[0])
            assert timer == []

    def test_a_claim_that_follows_in_time_keeps_the_beat(
        self, store: Store, timer: list[Callable[[Transaction], None]]
    ) -> None:
        ledger = Ledger(store)
        ledger.runs.finish(ledger.runs.open(agent="one", notebook=NB)[1], STATE)
        claim = ledger.runs.open(agent="two", notebook=NB)[1]
        assert len(timer) == 1
        store.transact(timer[0])
        assert self.beats(store, claim.run) == 1
        assert len(timer) == 1

    def test_a_claim_after_a_beat_that_failed_starts_another_beat(
        self, store: Store, timer: list[Callable[[Transaction], None]]
    ) -> None:
        ledger = Ledger(store)
        claim = ledger.runs.open(agent="one", notebook=NB)[1]
        store.transact(lambda tx: tx.put(f"claim/{claim.run}", b"damaged"))
        with pytest.raises(StoreCorrupt):
            store.transact(timer[0])
        ledger.runs.open(agent="two", notebook=NB)
        assert len(timer) == 2

    def test_it_does_not_revive_a_claim_that_was_lost(
        self, store: Store, timer: list[Callable[[Transaction], None]], elsewhere: Any
    ) -> None:
        clock = Clock()
        with elsewhere():
            slow = Ledger(store)
            old = start(slow)
        fast = Ledger(store, clock=clock)
        with pytest.raises(RunClaimed):
            fast.runs.claim(old.run)
        clock.now += OWNER_TIMEOUT_SECONDS
        fast.runs.claim(old.run)
        before = store.get(f"claim/{old.run}")
        store.transact(timer[0])
        assert store.get(f"claim/{old.run}") == before
