"""Runs of plain scripts: the one that opened a run last has its claim, in whatever process the calls are made."""

from __future__ import annotations

import pytest

from hitl_nb.errors import HitlError, RunClaimed, WorkspaceClosed
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.ledger.remote_clients import script_identity
from hitl_nb.ledger.runs.claims import OWNER_TIMEOUT_SECONDS
from hitl_nb.records import SCRIPT, Proposal, Question, Run, Snapshot
from hitl_nb.storage.memory import MemoryStore

CALLER = {"user": "moon", "authn": "token"}
ONE, TWO = "session-one-", "session-two-"


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MemoryStore())


def open_remote(ledger: Ledger, session: str = ONE, *, restart: bool = False) -> Run:
    process = script_identity("nightly", host="box", pid=7, token=session)
    return ledger.remote_clients.open_run(process, name="nightly", title="Report", caller=CALLER, restart=restart)


def claim(ledger: Ledger, run: Run, session: str = ONE) -> Claim:
    return ledger.remote_clients.claim(run.id, session, CALLER)


def ask_question(ledger: Ledger, run: Run, session: str = ONE) -> Proposal:
    question = Question(title="Report", kind="text", value="Hello")
    return ledger.runs.pause(claim(ledger, run, session), Snapshot(envelope=b""), [question]).proposals[0]


def test_opened_again_by_the_same_process_it_is_the_same_run(ledger: Ledger) -> None:
    run = open_remote(ledger)
    assert (run.notebook, run.agent, run.key, run.status) == (f"{SCRIPT}nightly", "nightly", "Report", "running")
    assert open_remote(ledger, restart=True) == run
    assert claim(ledger, run) == claim(ledger, run)


def test_another_process_goes_on_and_the_first_writes_no_more(ledger: Ledger) -> None:
    run = open_remote(ledger)
    old = claim(ledger, run)
    assert open_remote(ledger, TWO).id == run.id
    with pytest.raises(RunClaimed, match="opened again by script nightly"):
        claim(ledger, run)
    with pytest.raises(RunClaimed, match="taken over"):
        ledger.workspaces.open(old, title="Report", position="w")
    ledger.workspaces.open(claim(ledger, run, TWO), title="Report", position="w")


def test_its_claim_needs_no_process_that_holds_it(ledger: Ledger) -> None:
    run = open_remote(ledger)
    elsewhere = Ledger(ledger.store)  # another server over the store
    elsewhere.workspaces.open(claim(elsewhere, run), title="Report", position="w")
    assert elsewhere.remote_clients.is_current(run.id, ONE)


def test_one_that_waits_writes_nothing_new_and_goes_on_once_it_is_decided(ledger: Ledger) -> None:
    run = open_remote(ledger)
    p = ask_question(ledger, run)
    assert open_remote(ledger, TWO).status == "waiting"
    with pytest.raises(HitlError, match="waits for the answer"):
        claim(ledger, run, TWO)
    ledger.proposals.decide(p.id, "approve", reviewer="ann")
    with pytest.raises(RunClaimed):
        claim(ledger, run)
    assert claim(ledger, run, TWO).epoch > run.epoch
    assert ledger.runs.load(run.id).status == "running"
    told = {e.type: e.data for e in ledger.audit.read_run_events(run.id)}
    assert [told[one]["authn"] for one in ("run.opened", "run.resumed")] == ["token", "token"]


def test_what_has_ended_is_begun_anew(ledger: Ledger) -> None:
    run = open_remote(ledger)
    ledger.runs.finish(claim(ledger, run), Snapshot(envelope=b""))
    with pytest.raises(WorkspaceClosed):
        claim(ledger, run)
    second = open_remote(ledger, TWO)
    assert (second.generation, second.id == run.id) == (2, False)
    ledger.runs.cancel(second.id, actor="ann")
    with pytest.raises(HitlError, match="was cancelled"):
        claim(ledger, second, TWO)
    with pytest.raises(HitlError, match="restart=True starts a new run"):
        open_remote(ledger)
    assert open_remote(ledger, restart=True).generation == 3


def test_it_is_forgotten_like_one_of_a_machine_that_says_nothing() -> None:
    now = [0.0]
    ledger = Ledger(MemoryStore(), clock=lambda: now[0])
    open_remote(ledger)
    with pytest.raises(RunClaimed, match=r"script nightly \(pid 7 on box\)"):
        ledger.runs.forget(agent="nightly", notebook=f"{SCRIPT}nightly")
    now[0] = OWNER_TIMEOUT_SECONDS + 1
    assert ledger.runs.forget(agent="nightly", notebook=f"{SCRIPT}nightly") == 1


def test_a_notebook_s_run_is_no_script_s(ledger: Ledger) -> None:
    run, _ = ledger.runs.open(agent="nightly", notebook="/n.ipynb")
    with pytest.raises(HitlError, match="is no script's"):
        claim(ledger, run)
    assert not ledger.remote_clients.is_current(run.id, ONE)
