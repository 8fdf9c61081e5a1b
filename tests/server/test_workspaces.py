"""Workspaces through a real server: found, read, told about, and written in rooms as long as they are open."""

from __future__ import annotations

import asyncio
from typing import Any

from peer import Peer

from hitl_nb.drafts.agent_writer import AgentWriter
from hitl_nb.drafts.draft import Draft
from hitl_nb.drafts.stream_writer import StreamWriter
from hitl_nb.ledger.ledger import Claim
from hitl_nb.records import Proposal, Question, Snapshot, Workspace


def open_new_workspace(server: Any, agent: str, key: str = "", title: str = "Report") -> tuple[Claim, Workspace]:
    notebook = str(server.folder / "letters.ipynb")
    _, claim = server.ledger.runs.open(agent=agent, notebook=notebook, key=key)
    w = server.ledger.workspaces.open(claim, title=title, template="Hello", position="1")
    Draft.for_workspace(server.ledger.store, w).write_initial()
    return claim, w


def ask_question(server: Any, claim: Claim, w: Workspace, value: str = "Hello") -> Proposal:
    question = Question(title=w.title, kind=w.kind, value=value, document=w.id)
    return server.ledger.runs.pause(claim, Snapshot(envelope=b""), [question]).proposals[0]


def hand(server: Any, claim: Claim, w: Workspace) -> AgentWriter:
    store = server.ledger.store
    return AgentWriter(store, Draft.for_workspace(store, w), author="agent:a", name="a", epoch=claim.epoch)


def about(w: Workspace) -> Any:
    return lambda message: message["type"] == "changed" and w.id in message["workspaces"]


def test_a_cell_finds_its_workspace_by_its_number_and_its_run_s_key(server: Any) -> None:
    _, first = open_new_workspace(server, "found", "north")
    _, second = open_new_workspace(server, "found", "south")
    for query, w in (("", second), ("&key=north", first), ("&key=south", second)):
        status, said = server.call("GET", f"workspaces?path=letters.ipynb&agent=found&workspace=1{query}")
        assert (status, [one["id"] for one in said["workspaces"]]) == (200, [w.id])
        assert said["workspaces"][0]["text"] == "Hello"
    status, said = server.call("GET", "workspaces?path=letters.ipynb&agent=found&workspace=2")
    assert (status, said["error"]) == (404, "UnknownWorkspace")
    assert server.ledger.store.url in said["message"]
    assert server.call("GET", "workspaces?path=letters.ipynb&agent=found")[0] == 400


def test_those_that_are_open_come_by_the_page(server: Any) -> None:
    made = [open_new_workspace(server, f"page{n}") for n in range(3)]
    server.ledger.workspaces.close(*((made[1][0], made[1][1].id)))
    first = server.call("GET", "workspaces?limit=1")[1]
    second = server.call("GET", f"workspaces?limit=1&cursor={first['next']}")[1]
    assert [one["id"] for one in first["workspaces"] + second["workspaces"]] == [made[2][1].id, made[0][1].id]
    assert "text" not in first["workspaces"][0]
    assert server.call("GET", "workspaces?cursor=aaaaaaaaaaaa")[0] == 404


def test_one_is_told_with_what_stands_there_and_the_question_that_waits(server: Any) -> None:
    claim, w = open_new_workspace(server, "read")
    hand(server, claim, w).append("k", "More.")
    said = server.call("GET", f"workspaces/{w.id}")[1]
    assert (said["text"], said["proposal"], said["path"]) == ("Hello\n\nMore.", None, "letters.ipynb")
    p = ask_question(server, claim, w, "Hello\n\nMore.")
    said = server.call("GET", f"workspaces/{w.id}")[1]
    assert (said["status"], said["proposal"]) == ("open", p.id)
    full = server.call("GET", f"proposals/{p.id}")[1]
    assert (full["document"], full["has_draft"]) == (w.id, False)
    server.call("PUT", f"proposals/{p.id}/draft", {"value": "Typed."})
    assert server.call("GET", f"workspaces/{w.id}")[1]["text"] == "Typed."
    server.ledger.proposals.decide(p.id, "edit", value="Decided.", reviewer="ann")
    said = server.call("GET", f"workspaces/{w.id}")[1]
    assert (said["status"], said["proposal"], said["text"]) == ("done", None, "Decided.")


def test_what_becomes_of_one_and_what_is_said_there_is_told_by_id(server: Any) -> None:
    claim, w = open_new_workspace(server, "told")
    p: list[Proposal] = []
    for work in (
        lambda: server.ledger.comments.add(w.id, "hm", author="ann"),
        lambda: p.append(ask_question(server, claim, w)),
        lambda: server.ledger.proposals.decide(p[0].id, "approve", reviewer="ann"),
        lambda: server.ledger.runs.cancel(w.run, actor="ann"),
    ):
        heard = server.listen(work, about(w))
        assert "Hello" not in str(heard)


def test_comments_on_a_workspace_are_made_and_answered_through_the_api(server: Any) -> None:
    _, w = open_new_workspace(server, "commented")
    status, said = server.call("POST", f"documents/{w.id}/comments", {"text": "why?", "quote": "Hello"})
    assert (status, said["comment"]["proposal"]) == (200, w.id)
    state = {"document": w.id, "state": "resolved"}
    assert server.call("PUT", f"comments/{said['comment']['id']}/state", state)[1]["changed"] is True
    assert [one["state"] for one in server.call("GET", f"documents/{w.id}/comments")[1]["comments"]] == ["resolved"]


def test_people_write_with_the_agent_until_they_have_decided_and_again_when_it_writes_on(server: Any) -> None:
    asyncio.run(asyncio.wait_for(_write_together(server), 60))


async def _write_together(server: Any) -> None:
    claim, w = open_new_workspace(server, "together")
    ann = await Peer(server.port, server.token, w.id).join()
    stream = await asyncio.to_thread(StreamWriter, hand(server, claim, w), "k")
    stream.add("One")
    await ann.until(lambda: str(ann.text) == "Hello\n\nOne")
    await ann.type("Hi. ", at=0)
    await ann.safe()
    await ann.type(" (Ann)")
    await ann.safe()
    assert ann.closed is None
    stream.add(" two")
    stream.end()
    await ann.until(lambda: str(ann.text) == "Hi. Hello\n\nOne two (Ann)")
    p = await asyncio.to_thread(ask_question, server, claim, w)
    await asyncio.to_thread(lambda: server.ledger.proposals.decide(p.id, "approve", reviewer="ann"))
    await ann.until(lambda: ann.closed is not None)
    assert ann.closed is not None
    assert (ann.closed[0], "is decided" in ann.closed[1]) == (4409, True)
    late = await Peer(server.port, server.token, w.id).connect()
    await late.until(lambda: late.closed is not None)
    assert late.closed is not None
    assert late.closed[0] == 4409
    _, claim = await asyncio.to_thread(server.ledger.runs.claim, claim.run)
    await asyncio.to_thread(server.ledger.workspaces.begin_writing, claim, w.id)
    again = await Peer(server.port, server.token, w.id).join()
    assert (again.closed, str(again.text)) == (None, "Hi. Hello\n\nOne two (Ann)")
    other = await Peer(server.port, server.token, p.id).connect()
    await other.until(lambda: other.closed is not None)
    assert other.closed is not None
    assert other.closed[0] == 4404  # the question's document is the workspace's
    again.cut_connection()
