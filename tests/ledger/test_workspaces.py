"""Workspaces in a store: opened once, decided with the question, opened again, closed, forgotten."""

from __future__ import annotations

import pytest

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import RunClaimed, UnknownWorkspace, WorkspaceClosed, WorkspaceInUse
from hitl_nb.ledger.documents.agent_writes import AgentWrite, AgentWrites, StreamPiece
from hitl_nb.ledger.documents.update_log import UpdateLog, new_update
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.records import Proposal, Question, Snapshot, Workspace
from hitl_nb.storage.memory import MemoryStore


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MemoryStore())


def run_of(ledger: Ledger, agent: str = "writes") -> Claim:
    return ledger.runs.open(agent=agent, notebook="/report.ipynb")[1]


def open_new_workspace(ledger: Ledger, claim: Claim, title: str = "Report", position: str = "1") -> Workspace:
    return ledger.workspaces.open(claim, title=title, template="Hello", position=position)


def ask_question(ledger: Ledger, claim: Claim, w: Workspace, value: str = "Hello") -> Proposal:
    question = Question(title=w.title, kind=w.kind, value=value, document=w.id)
    return ledger.runs.pause(claim, Snapshot(envelope=b""), [question]).proposals[0]


def test_one_place_in_a_run_opens_one_workspace(ledger: Ledger) -> None:
    claim = run_of(ledger)
    first = open_new_workspace(ledger, claim)
    assert open_new_workspace(ledger, claim) == first == ledger.workspaces.load(first.id)
    with pytest.raises(WorkspaceInUse, match="another title"):
        open_new_workspace(ledger, claim, position="2")
    second = open_new_workspace(ledger, claim, "Other", "2")
    ledger.workspaces.close(claim, first.id)
    third = open_new_workspace(ledger, claim, position="3")
    assert [w.ordinal for w in ledger.workspaces.list_of_run(claim.run)] == [1, 2, 3]
    assert [w.id for w in ledger.workspaces.list_open()] == [third.id, second.id]
    assert [e.data["title"] for e in ledger.audit.read_events() if e.type == "workspace.opened"] == [
        "Report",
        "Other",
        "Report",
    ]


def test_open_workspaces_come_by_the_page_newest_first(ledger: Ledger) -> None:
    made = [open_new_workspace(ledger, run_of(ledger, f"agent{n}")) for n in range(5)]
    first = ledger.workspaces.list_open(limit=3)
    rest = ledger.workspaces.list_open(limit=3, after=first[-1].id)
    assert [w.id for w in first + rest] == [w.id for w in reversed(made)]
    with pytest.raises(UnknownWorkspace):
        ledger.workspaces.list_open(after="aaaaaaaaaaaa")
    with pytest.raises(ValueError, match="limit"):
        ledger.workspaces.list_open(limit=0)


@pytest.mark.parametrize(
    ("action", "value", "agreed"),
    [("approve", None, "Hello"), ("edit", "Hi", "Hi"), ("reject", None, None), ("respond", "why?", None)],
)
def test_a_decision_makes_it_done_and_says_what_was_agreed(
    ledger: Ledger, action: str, value: str | None, agreed: str | None
) -> None:
    claim = run_of(ledger)
    w = open_new_workspace(ledger, claim)
    p = ask_question(ledger, claim, w)
    assert (ledger.workspaces.load(w.id).status, ledger.workspaces.find_decided_text(ledger.workspaces.load(w.id))) == (
        "open",
        None,
    )
    ledger.proposals.decide(p.id, action, value=value, reviewer="ann")
    done = ledger.workspaces.load(w.id)
    assert (done.status, done.proposal, ledger.workspaces.find_decided_text(done)) == ("done", p.id, agreed)
    _, claim = ledger.runs.claim(claim.run)
    written = ledger.workspaces.begin_writing(claim, w.id)
    assert (written.status, written.proposal, ledger.workspaces.find_decided_text(written)) == ("open", "", None)
    assert ledger.audit.verify().ok


def test_a_closed_one_is_written_only_by_a_run_that_stands_in_its_block(ledger: Ledger) -> None:
    claim = run_of(ledger)
    w = open_new_workspace(ledger, claim)
    ledger.workspaces.close(claim, w.id)
    with pytest.raises(WorkspaceClosed):
        ledger.workspaces.begin_writing(claim, w.id)
    with pytest.raises(WorkspaceClosed):
        ask_question(ledger, claim, w)
    assert ledger.workspaces.begin_writing(claim, w.id, inside=True).status == "open"


def test_who_lost_the_run_opens_writes_and_closes_nothing(ledger: Ledger) -> None:
    claim = run_of(ledger)
    w = open_new_workspace(ledger, claim)
    ledger.claims.release(claim)
    ledger.runs.claim(claim.run)
    for work in (
        lambda: open_new_workspace(ledger, claim, "Other", "2"),
        lambda: ledger.workspaces.begin_writing(claim, w.id),
        lambda: ledger.workspaces.close(claim, w.id),
        lambda: ledger.comments.add(w.id, "hm", author="agent:writes", claim=claim),
        lambda: ledger.claims.check(claim),
    ):
        with pytest.raises(RunClaimed):
            work()
    assert ledger.comments.list_on_document(w.id) == []


def test_it_ends_with_its_run_and_follows_its_notebook(ledger: Ledger) -> None:
    claim = run_of(ledger)
    w = open_new_workspace(ledger, claim)
    ledger.claims.release(claim)
    ledger.notebooks.rename("/report.ipynb", "/moved.ipynb")
    assert ledger.workspaces.load(w.id).notebook == "/moved.ipynb"
    _, claim = ledger.runs.claim(claim.run)
    ledger.runs.finish(claim, Snapshot(envelope=b""))
    assert ledger.workspaces.load(w.id).status == "closed"
    ledger.runs.forget(agent="writes", notebook="/moved.ipynb")
    assert ledger.workspaces.find(w.id) is None
    assert ledger.workspaces.list_of_run(claim.run) == []
    with pytest.raises(UnknownWorkspace):
        ledger.workspaces.load(w.id)


def test_comments_are_on_the_document_and_those_with_a_name_are_made_once(ledger: Ledger) -> None:
    claim = run_of(ledger)
    w = open_new_workspace(ledger, claim)
    first = ledger.comments.add(w.id, "hm", author="ann", id="aaaaaaaaaaaa")
    assert ledger.comments.add(w.id, "again", author="bob", id="aaaaaaaaaaaa") == first
    p = ask_question(ledger, claim, w)
    ledger.comments.add(p.id, "on the question", author="ann", quote="Hello", suggestion="Hi")
    assert [one.proposal for one in ledger.comments.list_on_document(w.id)] == [w.id, w.id]
    assert [e.data["workspace"] for e in ledger.audit.read_events() if e.type == "comment"] == [w.id, w.id]
    ledger.proposals.decide(p.id, "approve", reviewer="ann")
    with pytest.raises(WorkspaceClosed):
        ledger.comments.change_state(w.id, ledger.comments.list_on_document(w.id)[1].id, "accepted", actor="bob")


def test_the_draft_of_a_question_is_the_workspace_s_document(ledger: Ledger) -> None:
    claim = run_of(ledger)
    w = open_new_workspace(ledger, claim)
    p = ask_question(ledger, claim, w, value="Hello, all")
    Draft.for_workspace(ledger.store, w).write_value("Hello, you", "ann")
    assert (Draft.for_proposal(ledger.store, p).id, Draft.for_proposal(ledger.store, p).read_value()) == (
        w.id,
        "Hello, you",
    )


def test_writes_are_fenced_by_the_newest_claim_that_wrote() -> None:
    store = MemoryStore()
    old, new = AgentWrites(store, "d", 1), AgentWrites(store, "d", 2)
    log = UpdateLog(store, "d")
    log.submit(old.require_newest_epoch).result()
    log.submit(new.require_newest_epoch).result()
    with pytest.raises(RunClaimed, match="taken over"):
        log.submit(lambda tx: (old.require_newest_epoch(tx), log.add(tx, new_update(b"x", "agent:a")))).result()
    log.submit(new.require_newest_epoch).result()
    assert log.last_number() == 0


def test_the_pieces_of_a_stream_go_when_it_has_ended() -> None:
    store = MemoryStore()
    writes, log = AgentWrites(store, "d", 1), UpdateLog(store, "d")
    log.submit(lambda tx: writes.put_write(tx, "k", AgentWrite("begun", 7))).result()
    for n, text in enumerate(("a", "b", "c")):
        log.submit(lambda tx, n=n, text=text: writes.add_piece(tx, "k", n, StreamPiece(n, text))).result()
    assert (writes.find_write("k"), [one.text for one in writes.list_pieces("k")]) == (
        AgentWrite("begun", 7),
        ["a", "b", "c"],
    )
    log.submit(lambda tx: writes.delete_pieces_from(tx, "k", 1)).result()
    assert [one.text for one in writes.list_pieces("k")] == ["a"]
    log.submit(lambda tx: writes.put_write(tx, "k", AgentWrite("done"))).result()
    assert writes.list_pieces("k") == []
