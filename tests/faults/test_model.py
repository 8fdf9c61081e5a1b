"""F14: the ledger against a model of a few lines, with two handles and crashes at any moment.

A crash is a copy of the store's files, made while both handles are open, and two new handles on that copy: what two
processes that start after a `kill -9` find. What is claimed through one handle, the other may not take.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import AlreadyDecided, HitlError, RunClaimed
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.ledger.open import decision_submission as submission
from hitl_nb.ledger.runs import claim_records
from hitl_nb.ledger.runs.process import LIVE_TOKENS
from hitl_nb.records import Question, Snapshot
from hitl_nb.storage.disk.store import DiskStore

AGENTS = st.sampled_from(["a", "b"])
HANDLES = st.sampled_from([0, 1])
VALUES = st.integers(0, 99)
WHICH = st.integers(0, 1)
ENDS = ["finish", "fail"]


class Modelled:
    """What the model knows of one run."""

    def __init__(self, run: str, claim: Claim) -> None:
        self.run = run
        self.status = "running"
        self.claim: Claim | None = claim
        self.old: list[Claim] = []
        self.state = b""
        self.steps: dict[str, tuple[str, bytes | None]] = {}
        self.asked: list[str] = []
        self.open: list[str] = []

    def let_go(self, status: str) -> None:
        assert self.claim is not None
        self.old.append(self.claim)
        self.claim, self.status = None, status


class LedgerMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        memory = "/dev/shm"  # a crash of the process needs no disk
        self.folder = Path(tempfile.mkdtemp(prefix="hitl-model-", dir=memory if os.access(memory, os.W_OK) else None))
        self.images = 0
        self.runs: dict[str, Modelled] = {}
        self.decisions: dict[str, int] = {}
        self.drafts: dict[str, int] = {}
        self.events: list[str] = []
        self.open(self.folder / "0")

    def open(self, root: Path) -> None:
        self.root = root
        self.stores = [DiskStore(root) for _ in range(2)]
        self.ledgers = [Ledger(store) for store in self.stores]

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def some(self, fits: Callable[[Modelled], bool]) -> bool:
        return any(map(fits, self.runs.values()))

    def pick(self, which: int, fits: Callable[[Modelled], bool]) -> Modelled:
        found = list(filter(fits, self.runs.values()))
        return found[which % len(found)]

    # What may happen

    @rule(agent=AGENTS, handle=HANDLES)
    def open_run(self, agent: str, handle: int) -> None:
        last = self.runs.get(agent)
        if last is not None and last.claim is not None:
            with pytest.raises(RunClaimed):
                self.ledgers[handle].runs.open(agent=agent, notebook="nb")
            return
        run, claim = self.ledgers[handle].runs.open(agent=agent, notebook="nb")
        if last is not None and last.status != "finished":
            self.events.append("run.cancelled")
        self.events.append("run.opened")
        self.runs[agent] = Modelled(run.id, claim)

    @rule(agent=AGENTS, handle=HANDLES)
    def claim(self, agent: str, handle: int) -> None:
        one = self.runs.get(agent)
        if one is None:
            assert self.ledgers[handle].runs.find(agent=agent, notebook="nb") is None
        elif one.claim is not None or one.status == "waiting":
            with pytest.raises(RunClaimed if one.claim is not None else HitlError):
                self.ledgers[handle].runs.claim(one.run)
        else:
            _, one.claim = self.ledgers[handle].runs.claim(one.run)
            one.status = "running"
            self.events.append("run.resumed")

    @precondition(lambda self: self.some(lambda one: one.claim is not None))
    @rule(which=WHICH, handle=HANDLES)
    def release(self, which: int, handle: int) -> None:
        one = self.pick(which, lambda one: one.claim is not None)
        assert one.claim is not None
        self.ledgers[handle].claims.release(one.claim)
        one.let_go("running")

    @precondition(lambda self: self.some(lambda one: one.claim is not None))
    @rule(which=WHICH, handle=HANDLES, value=VALUES, how=st.sampled_from(["pause", "save", "pause", "step", *ENDS]))
    def write(self, which: int, handle: int, value: int, how: str) -> None:
        one = self.pick(which, lambda one: one.claim is not None)
        assert one.claim is not None
        self.wrote(one, how, value, self.do(self.ledgers[handle], one.claim, how, value))

    @precondition(lambda self: self.some(lambda one: bool(one.old)))
    @rule(which=WHICH, handle=HANDLES, how=st.sampled_from(["save", "pause", "step", *ENDS]))
    def write_late(self, which: int, handle: int, how: str) -> None:
        for stale in self.pick(which, lambda one: bool(one.old)).old:
            with pytest.raises(RunClaimed):
                self.do(self.ledgers[handle], stale, how, 100)

    def do(self, ledger: Ledger, claim: Claim, how: str, value: int) -> Any:
        state = Snapshot(envelope=b"%d" % value)
        match how:
            case "save":
                return ledger.runs.save_snapshot(claim, state)
            case "pause":
                asked = [
                    Question(title=f"t{n}", kind="json", value=value, position=str(n)) for n in range(1 + value % 2)
                ]
                return ledger.runs.pause(claim, state, asked).proposals
            case "finish":
                return ledger.runs.finish(claim, state)
            case "fail":
                return ledger.runs.fail(claim, None, "boom")
            case _:
                ledger.steps.start(claim, f"s{value % 3}", "pay")
                return ledger.steps.finish(claim, f"s{value % 3}", result=b"%d" % value, status="done").result()

    def wrote(self, one: Modelled, how: str, value: int, made: Any) -> None:
        one.state = one.state if how in ("fail", "step") else b"%d" % value
        if how == "pause":
            one.asked = one.open = [p.id for p in made]
            one.let_go("waiting")
            self.events.append("run.paused")
        elif how in ("finish", "fail"):
            one.let_go({"finish": "finished", "fail": "failed"}[how])
            self.events.append(f"run.{one.status}")
        elif how == "step":
            one.steps[f"s{value % 3}"] = ("done", b"%d" % value)
            self.events.append("step.done")

    @precondition(lambda self: self.some(lambda one: bool(one.asked)))
    @rule(which=WHICH, handle=HANDLES, value=VALUES)
    def decide(self, which: int, handle: int, value: int) -> None:
        one = self.pick(which, lambda one: bool(one.asked))
        asked = one.asked[which % len(one.asked)]
        if asked not in one.open:
            with pytest.raises(AlreadyDecided):
                self.ledgers[handle].proposals.decide(asked, "edit", value=100, reviewer="bob")
            return
        self.ledgers[handle].proposals.decide(asked, "edit", value=value, reviewer="ann")
        self.decisions[asked] = value
        self.events.append("decision")
        one.open = [other for other in one.open if other != asked]
        one.status = "waiting" if one.open else "ready"

    @precondition(lambda self: self.some(lambda one: bool(one.open)))
    @rule(which=WHICH, handle=HANDLES, value=VALUES)
    def type(self, which: int, handle: int, value: int) -> None:
        asked = self.pick(which, lambda one: bool(one.open)).open[0]
        ledger = self.ledgers[handle]
        Draft.for_proposal(ledger.store, ledger.proposals.load(asked)).write_value(value, "ann")
        self.drafts[asked] = value

    @precondition(lambda self: self.images < 4)
    @rule()
    def crash(self) -> None:
        self.images += 1
        image = self.folder / str(self.images)
        shutil.copytree(self.root, image)
        for store in self.stores:
            store.close()
        for one in self.runs.values():
            if one.claim is not None:
                one.claim = None  # its process is gone: nobody can write under it, and somebody may take over
        LIVE_TOKENS.clear()
        self.open(image)

    # What must hold

    @invariant()
    def equals_the_model(self) -> None:
        if not hasattr(self, "ledgers"):
            return
        for ledger in self.ledgers:
            assert [event.type for event in ledger.audit.read_events()] == self.events
            assert ledger.audit.verify().ok
            assert {p.id for p in ledger.proposals.list_open()} == {p for one in self.runs.values() for p in one.open}
            for agent, one in self.runs.items():
                self.equals(ledger, agent, one)

    def equals(self, ledger: Ledger, agent: str, one: Modelled) -> None:
        run = ledger.runs.find(agent=agent, notebook="nb")
        assert run is not None
        assert (run.id, run.status, run.open) == (one.run, one.status, len(one.open))
        saved = ledger.runs.load_snapshot(run.id)
        assert (saved[0] if saved else b"") == one.state
        assert {step.key: (step.status, step.result) for step in ledger.steps.list_of_run(run.id)} == one.steps
        for p in ledger.proposals.list_of_run(run.id):
            assert (p.decision.value if p.decision else None) == self.decisions.get(p.id)
            assert Draft.for_proposal(ledger.store, p).read_value() == self.drafts.get(p.id, p.value)


def play(examples: int, *, shrink: bool = True) -> None:
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    checked = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        database=None,
        derandomize=not shrink,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(LedgerMachine, settings=checked)


@pytest.mark.parametrize("examples", [30, pytest.param(600, marks=pytest.mark.faults_long)])
def test_the_ledger_equals_its_model(examples: int) -> None:
    play(examples)


# Controls


def first_look_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever decides last wins."""
    real = submission.record_decision

    def decide(tx: Any, p: Any, *args: Any) -> Any:
        import msgspec

        return real(tx, msgspec.structs.replace(p, status="open", revision=1, decision=None), *args)

    monkeypatch.setattr(submission, "record_decision", decide)


def fence_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow predecessor's writes are taken."""
    monkeypatch.setattr(claim_records, "check_fence", lambda reads, claim: None)


def acknowledged_before_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft is "saved", and written later."""
    later: list[Any] = []

    def write(self: Draft, value: Any, author: str) -> None:
        later.append((self.id, value, author))

    monkeypatch.setattr(Draft, "write_value", write)


@pytest.mark.parametrize("breaks", [first_look_left_out, fence_left_out, acknowledged_before_the_commit])
def test_control_a_broken_ledger_differs(monkeypatch: pytest.MonkeyPatch, breaks: Any) -> None:
    breaks(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, HitlError, ExceptionGroup)):
        play(200, shrink=False)
