"""`hitl.load_workspace(..., server=...)`: a plain script writes through a real server, killed and run again, with
people."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hitl_nb_server import Server
from peer import Peer
from people import PEOPLE, Browser, start_server

import hitl_nb as hitl
from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import HitlError, NotInAgent, RunClaimed, ServerError, TextGone, WorkspaceClosed, WorkspaceInUse
from hitl_nb.records import SCRIPT, Proposal, Workspace
from hitl_nb.workspaces import http_client as calls
from hitl_nb.workspaces import remote

WITHIN = 60.0
HEAD = """
import json, os, sys
import hitl_nb as hitl
from hitl_nb.workspaces import remote, remote_stream
remote_stream.BATCH_SECONDS = 0  # what is brought is sent at once
remote._FIRST_LOOK = remote._LONGEST_LOOK = 0.1

def brought():
    "What the test brings, a token a line, up to an empty line."
    for line in sys.stdin:
        if line == "\\n":
            return
        yield json.loads(line)

def tell(**what):
    print(json.dumps(what), flush=True)

"""


class Script:
    """A script in a process of its own that knows a server's address and token, and has no store."""

    def __init__(self, server: Server, folder: Path, body: str, name: str = "nightly") -> None:
        path = folder / f"{name}.py"
        path.write_text(HEAD + body)
        env = {one: value for one, value in os.environ.items() if not one.startswith(("HITL_NB", "PYTEST"))}
        env |= {
            "JUPYTER_TOKEN": server.token,
            "SERVER": f"http://127.0.0.1:{server.port}",
            "JUPYTER_DATA_DIR": str(folder / "nothing"),
        }
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, str(path)], env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def bring(self, *tokens: str, end: bool = False) -> None:
        assert self.process.stdin is not None
        for token in tokens:
            self.process.stdin.write(json.dumps(token) + "\n")
        self.process.stdin.write("\n" if end else "")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=WITHIN)

    def read_messages(self) -> list[Any]:
        """What it told until it ended."""
        out, err = self.process.communicate(timeout=WITHIN)
        assert self.process.returncode == 0, err
        return [json.loads(line) for line in out.splitlines()]


def until(true: Callable[[], Any]) -> Any:
    """Wait for something that another process does."""
    deadline = time.monotonic() + WITHIN
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def find_workspace(server: Server, name: str = "nightly", title: str = "Report") -> Workspace | None:
    run = server.ledger.runs.find(agent=name, notebook=SCRIPT + name, key=title)
    found = server.ledger.workspaces.list_of_run(run.id) if run is not None else []
    return found[0] if found else None


def says(server: Server, name: str = "nightly", title: str = "Report") -> str:
    w = find_workspace(server, name, title)
    return "" if w is None else Draft.for_workspace(server.ledger.store, w).read_value()


def find_proposal(server: Server, name: str) -> Proposal | None:
    found = server.ledger.proposals.list_open(agent=name)
    return found[0] if found else None


def of(server: Server) -> dict[str, Any]:
    return {"server": f"http://127.0.0.1:{server.port}/lab?token={server.token}"}


def revive(server: Server) -> None:
    """Start the server that was killed again, at the same address."""
    folder = server.folder.parent
    env = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "HITL_NB_STORE": f"diskcache://{folder}/store",
    }
    command: Any = server.process.args
    server.process = subprocess.Popen(
        command, cwd=server.folder, env=env, stdout=server.log, stderr=server.log, start_new_session=True
    )


def die(server: Server) -> None:
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("team"), PEOPLE + "c.HitlNb.allow_token_decisions = False\n")


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = """
from jupyter_server.auth import Authorizer
class Readers(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return action == "read"
c.ServerApp.authorizer_class = Readers
"""
    yield from start_server(tmp_path_factory.mktemp("readers"), config)


# --- the whole story ------------------------------------------------------------------------------------------------

STORY = """
with hitl.workspace("Report", server=os.environ["SERVER"], template="# Report") as doc:
    doc.append(brought())
    doc.replace("draft", "report")
    for c in doc.comments(open=True):
        doc.reply(c, "done")
        doc.resolve(c)
    decision = doc.wait_until_done(context={"why": "quarter's end"})
    doc.append(f"Approved by {decision.reviewer}.")
tell(text=doc.text, action=decision.action, value=decision.value, changes=decision.changes(),
     said=[[c.text, c.state, [r.text for r in c.replies]] for c in decision.comments])
"""


def test_a_script_writes_while_people_do_and_goes_on_with_their_decision(team: Server, tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(_story(team, tmp_path), 2 * WITHIN))


async def _story(team: Server, tmp_path: Path) -> None:
    script = Script(team, tmp_path, STORY)
    script.bring("This is ")
    await asyncio.to_thread(until, lambda: "This is " in says(team))
    w = find_workspace(team)
    assert w is not None
    ann = await Peer(team.port, team.token, w.id).join()
    await ann.type("Q3: ", at=0)
    await ann.safe()
    script.bring("a draft.")
    await ann.until(lambda: str(ann.text) == "Q3: # Report\n\nThis is a draft.")
    bob = await asyncio.to_thread(Browser, team, "bob")
    status, _ = await asyncio.to_thread(bob.call, "POST", f"documents/{w.id}/comments", {"text": "which?"})
    assert status == 200
    script.bring(end=True)
    p = await asyncio.to_thread(until, lambda: find_proposal(team, "nightly"))
    assert (p.title, p.value, p.context) == ("Report", "Q3: # Report\n\nThis is a report.", {"why": "quarter's end"})
    assert (p.notebook, p.document) == ("script:nightly", w.id)
    shown = {"revision": p.revision, "fingerprint": p.fingerprint}
    refused, _ = await asyncio.to_thread(
        team.call, "POST", f"proposals/{p.id}/decision", {"action": "approve", **shown}
    )
    assert refused == 403  # who has the bare token decides nothing here
    await ann.type(" Good.")
    await ann.safe()
    edited = str(ann.text)
    ann.cut_connection()
    body = {"action": "edit", "value": edited, "drafted": True, **shown}
    status, _ = await asyncio.to_thread(bob.call, "POST", f"proposals/{p.id}/decision", body)
    assert status == 200
    (told,) = await asyncio.to_thread(script.read_messages)
    assert (told["text"], told["value"]) == (f"{edited}\n\nApproved by bob.", edited)
    assert (told["action"], "+This is a report. Good." in told["changes"]) == ("edit", True)
    assert told["said"] == [["which?", "resolved", ["done"]]]
    done = team.ledger.workspaces.load(w.id)
    assert (done.status, team.ledger.runs.load(w.run).status) == ("closed", "finished")
    history = Draft.for_workspace(team.ledger.store, done).updates_after()
    assert {one.author for _, one in history} >= {"agent:nightly"}
    events = {e.type: e.data for e in team.ledger.audit.read_run_events(w.run)}
    assert (events["run.opened"]["authn"], events["run.resumed"]["authn"]) == ("token", "token")
    assert team.ledger.audit.verify().ok
    status, said = await asyncio.to_thread(team.call, "GET", "runs?agent=nightly")
    assert [(r["notebook"], r["path"], r["key"]) for r in said["runs"]] == [("script:nightly", None, "Report")]


# --- killed, and run again ------------------------------------------------------------------------------------------

STREAMED = """
with hitl.workspace("Report", server=os.environ["SERVER"], name={name!r}) as doc:
    doc.append("Before.")
    doc.append(brought(), patience=0)
    tell(read=doc.text)
    if {wait}:
        tell(action=doc.wait_until_done().action)
    doc.append("After.")
    tell(text=doc.text)
"""
TOKENS = ["alpha ", "beta 🎉 ", "gamma ", "delta"]


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_a_script_killed_in_a_stream_and_run_again_writes_all_once(server: Any, tmp_path: Path, kept: int) -> None:
    name = f"killed{kept}"
    body = STREAMED.format(name=name, wait=False)
    script = Script(server, tmp_path, body)
    script.bring(*TOKENS[:kept])
    until(lambda: says(server, name).endswith("".join(TOKENS[:kept])))
    script.kill()
    asyncio.run(type_text(server, name, "(Ann) ", at=0))
    again = Script(server, tmp_path, body)
    again.bring(*TOKENS, end=True)
    assert again.read_messages()[-1]["text"] == f"(Ann) Before.\n\n{''.join(TOKENS)}\n\nAfter."


async def type_text(server: Any, name: str, text: str, at: int | None = None) -> None:
    w = find_workspace(server, name)
    assert w is not None
    ann = await Peer(server.port, server.token, w.id).join()
    await ann.type(text, at=at)
    await ann.safe()
    ann.cut_connection()


def test_another_text_takes_the_place_of_what_a_killed_stream_had_brought(server: Any, tmp_path: Path) -> None:
    body = STREAMED.format(name="other", wait=False)
    script = Script(server, tmp_path, body)
    script.bring("alpha ", "beta ")
    until(lambda: says(server, "other").endswith("beta "))
    script.kill()
    again = Script(server, tmp_path, body)
    again.bring("alpha ", "gamma", end=True)
    assert again.read_messages()[-1]["text"] == "Before.\n\nalpha gamma\n\nAfter."


def test_a_person_who_writes_there_keeps_it_and_the_other_text_becomes_a_suggestion(
    server: Any, tmp_path: Path
) -> None:
    body = STREAMED.format(name="held", wait=False)
    script = Script(server, tmp_path, body)
    script.bring("alpha ", "beta ")
    until(lambda: says(server, "held").endswith("beta "))
    script.kill()
    asyncio.run(type_text(server, "held", "mine"))
    again = Script(server, tmp_path, body)
    again.bring("alpha ", "gamma ", "delta", end=True)
    assert again.read_messages()[-1]["text"] == "Before.\n\nalpha beta mine\n\nAfter."
    w = find_workspace(server, "held")
    assert w is not None
    (said,) = server.ledger.comments.list_on_document(w.id)
    assert (said.quote, said.suggestion, said.author) == ("beta ", "gamma delta", "agent:held")


def test_a_script_killed_while_it_waits_finds_the_decision_when_it_is_run_again(server: Any, tmp_path: Path) -> None:
    body = STREAMED.format(name="waits", wait=True)
    script = Script(server, tmp_path, body)
    script.bring("alpha", end=True)
    p = until(lambda: find_proposal(server, "waits"))
    script.kill()
    again = Script(server, tmp_path, body)
    again.bring("not even asked for")
    w = find_workspace(server, "waits")
    assert w is not None
    until(lambda: again.process.poll() is not None or server.ledger.runs.load(w.run).epoch > 1)
    server.ledger.proposals.decide(p.id, "approve", reviewer="ann")
    read, action, text = again.read_messages()
    assert (read["read"], action["action"], text["text"]) == (
        "Before.\n\nalpha",
        "approve",
        "Before.\n\nalpha\n\nAfter.",
    )
    assert len(server.ledger.proposals.list_of_run(w.run)) == 1


def test_what_was_read_reads_the_same_so_that_a_script_comes_to_where_it_was(server: Any) -> None:
    def run(until_: int) -> None:
        made = 0
        with hitl.workspace("Report", **of(server), name="rereads") as doc:
            for c in doc.comments(open=True):
                for work in (lambda c=c: doc.reply(c, "yes"), lambda c=c: doc.resolve(c)):
                    if made == until_:
                        raise KeyboardInterrupt
                    work()
                    made += 1
            if "Summary" not in doc.text:
                doc.append("Summary")
            if made == until_:
                raise KeyboardInterrupt
            doc.append("End")

    with pytest.raises(KeyboardInterrupt), hitl.workspace("Report", **of(server), name="rereads"):
        raise KeyboardInterrupt
    w = find_workspace(server, "rereads")
    assert w is not None
    for text in ("one", "two"):
        server.ledger.comments.add(w.id, text, author="ann")
    for end in (0, 1, 3, 4):
        with pytest.raises(KeyboardInterrupt):
            run(end)
    run(-1)
    assert says(server, "rereads") == "Summary\n\nEnd"
    said = [(c.text, c.state) for c in server.ledger.comments.list_on_document(w.id)]
    assert said == [("one", "resolved"), ("two", "resolved"), ("yes", "open"), ("yes", "open")]


def test_the_server_may_die_and_come_back_in_a_stream_and_while_the_script_waits(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server")
    try:
        script = Script(server, tmp_path, STREAMED.format(name="outlives", wait=True))
        script.bring(*TOKENS[:2])
        until(lambda: says(server, "outlives").endswith(TOKENS[1]))
        die(server)
        script.bring(*TOKENS[2:], end=True)
        revive(server)
        p = until(lambda: find_proposal(server, "outlives"))
        die(server)
        server.ledger.proposals.decide(p.id, "approve", reviewer="ann")
        revive(server)
        assert script.read_messages()[-1]["text"] == f"Before.\n\n{''.join(TOKENS)}\n\nAfter."
        assert server.ledger.audit.verify().ok
    finally:
        server.close()


def test_restart_begins_anew(server: Any) -> None:
    hitl.workspace("Report", **of(server), name="anew", template="a").append("old")  # and the script has ended
    first = find_workspace(server, "anew")
    with hitl.workspace("Report", **of(server), name="anew", template="b", restart=True) as doc:
        doc.append("new")
    second = find_workspace(server, "anew")
    assert first is not None
    assert second is not None
    assert (server.ledger.workspaces.load(first.id).status, says(server, "anew")) == ("closed", "b\n\nnew")
    with hitl.workspace("Report", **of(server), name="anew") as doc:  # what is closed is not gone on with
        assert doc.text == ""
    assert [r.generation for r in server.ledger.runs.list_newest(agent="anew")] == [3, 2, 1]


# --- the calls ------------------------------------------------------------------------------------------------------


def test_every_kind_of_call(server: Any) -> None:
    async def stream() -> AsyncIterator[str]:
        yield "three "
        await asyncio.sleep(0)
        yield "four"

    with hitl.workspace("Report", **of(server), name="calls", kind="text", template="one") as doc:
        assert (doc.title, doc.append("two"), asyncio.run(doc.append(stream()))) == ("Report", "done", "done")
        assert doc.append(iter(())) == hitl.Written.done
        made = doc.suggest("two", "TWO", "louder")
        assert (made.suggestion, made.text, made.author) == ("TWO", "louder", "agent:calls")
        assert doc.accept(made) == hitl.Written.done
        assert doc.text == "one\n\nTWO\n\nthree four"
        assert [(c.state, c.open) for c in doc.comments()] == [("accepted", False)]
        assert doc.comments(open=True) == []
        about = server.ledger.comments.add(find_workspace(server, "calls").id, "?", author="ann", quote="one")
        (asked_,) = doc.comments(open=True)
        assert doc.replace(asked_, "ONE") == hitl.Written.done
        assert doc.reply(asked_, "so").author_name == "calls"
        assert doc.resolve(about.id).state == "resolved"
        with pytest.raises(TextGone, match="occurs 0 times in the document"):
            doc.replace("nine", "9")
        with pytest.raises(TypeError, match="append takes a str"):
            doc.append(b"bytes")
        with pytest.raises(TypeError, match="a stream must yield str, not int"):
            doc.append([1])
        with pytest.raises(TypeError, match="deadline"):
            doc.wait_until_done(deadline=1)
    assert (doc.text, doc.comments(open=True)) == ("ONE\n\nTWO\n\nthree four", [])


def test_where_a_person_writes_the_script_suggests(server: Any) -> None:
    with hitl.workspace("Report", **of(server), name="careful", template="one two") as doc:
        asyncio.run(type_text(server, "careful", " three"))
        assert doc.replace("one", "1", patience=0) == hitl.Written.suggested
        (made,) = doc.comments(open=True)
        assert (made.quote, made.suggestion) == ("one", "1")
        assert doc.accept(made, patience=0) == hitl.Written.suggested
        assert doc.replace("one", "2", patience=30) == hitl.Written.done  # when they have stopped
    assert doc.text == "2 two three"


SESSION = "the-session-of-a-test"


def test_a_call_that_is_sent_twice_is_made_once(server: Any) -> None:
    opening = {"name": "twice", "title": "Report", "session": SESSION, "restart": True}
    first, second = (server.call("POST", "workspaces", opening)[1] for _ in range(2))
    assert (first["id"], first["run"]) == (second["id"], second["run"])
    place = f"workspaces/{first['id']}"
    bodies = [
        {"do": "append", "key": "append/1", "text": "Hello."},
        {"do": "append", "key": "append/2", "text": "one ", "last": False},
        {"do": "append", "key": "append/2", "text": "two", "at": 4},
        {"do": "suggest", "key": "suggest/1", "old": "Hello", "text": "Hi"},
    ]
    for body in bodies:
        answers = [server.call("POST", f"{place}/writes", {"session": SESSION, **body}) for _ in range(2)]
        assert answers[0] == answers[1], answers
        assert answers[0][0] == 200
    assert server.call("GET", place)[1]["text"] == "Hello.\n\none two"
    waits = [server.call("POST", f"{place}/wait", {"session": SESSION, "key": "wait/1"}) for _ in range(2)]
    assert waits[0][1]["proposal"]["id"] == waits[1][1]["proposal"]["id"]
    status, said = server.call(
        "POST", f"{place}/writes", {"session": SESSION, "do": "append", "key": "append/3", "text": "new"}
    )
    assert (status, "waits for the answer" in said["message"]) == (409, True)
    server.ledger.proposals.decide(waits[0][1]["proposal"]["id"], "edit", value="Decided.", reviewer="ann")
    for _ in range(2):
        status, said = server.call("POST", f"{place}/wait", {"session": SESSION, "key": "wait/1"})
        assert (status, said["proposal"]["decision"]["value"]) == (200, "Decided.")
    assert server.call("GET", place)[1]["text"] == "Decided."
    closed = [server.call("POST", f"{place}/close", {"session": SESSION}) for _ in range(2)]
    assert closed[0] == closed[1]
    assert closed[0][1]["workspace"]["status"] == "closed"


def test_a_call_that_makes_no_sense_is_refused_with_a_sentence(server: Any) -> None:
    opening = {"name": "wrong", "title": "Report", "session": SESSION}
    place = f"workspaces/{server.call('POST', 'workspaces', opening)[1]['id']}"
    for body, why in (
        ({"do": "append", "text": "x", "at": 7, "last": False}, "has brought 0 characters"),
        ({"do": "replace", "text": "x"}, "needs either `old` or `comment`"),
        ({"do": "reply", "text": "x"}, "needs `comment`"),
    ):
        status, said = server.call("POST", f"{place}/writes", {"session": SESSION, "key": "k", **body})
        assert (status, why in said["message"]) == (400, True), said
    for change in ({"name": "two\nlines"}, {"title": "two\nlines"}, {"host": "\x1b[2J"}, {"session": "short"}):
        assert server.call("POST", "workspaces", {**opening, **change})[0] == 400
    unknown = {"session": SESSION, "key": "k", "do": "resolve", "comment": "aaaaaaaaaaaa"}
    status, said = server.call("POST", f"{place}/writes", unknown)
    assert (status, said["error"]) == (404, "UnknownComment")


def test_a_script_has_no_business_in_a_notebook_s_workspace(server: Any) -> None:
    run, claim = server.ledger.runs.open(agent="letters", notebook=str(server.folder / "letters.ipynb"))
    w = server.ledger.workspaces.open(claim, title="Report", position="1")
    for call, body in (
        ("writes", {"do": "append", "key": "k", "text": "x"}),
        ("reads", {"what": "text", "key": "k"}),
        ("wait", {"key": "k"}),
        ("close", {}),
    ):
        status, said = server.call("POST", f"workspaces/{w.id}/{call}", {"session": SESSION, **body})
        assert (status, "is no script's" in said["message"]) == (409, True)
    assert server.ledger.runs.load(run.id).status == "running"


# --- who goes on, and who may not -----------------------------------------------------------------------------------


def test_of_two_scripts_of_one_name_the_later_goes_on(server: Any) -> None:
    doc = hitl.workspace("Report", **of(server), name="twins")
    doc.append("First.")
    other = {"name": "twins", "title": "Report", "session": SESSION, "host": "elsewhere", "pid": 7}
    w = server.call("POST", "workspaces", other)[1]
    with pytest.raises(RunClaimed, match=r"opened again by script twins \(pid 7 on elsewhere\)") as told, doc:
        doc.append("Second.")
    assert told.value.owner == "script twins (pid 7 on elsewhere)"
    body = {"session": SESSION, "do": "append", "key": "append/2", "text": "Mine."}
    assert server.call("POST", f"workspaces/{w['id']}/writes", body)[0] == 200
    assert says(server, "twins") == "First.\n\nMine."


def test_a_title_that_is_in_use_in_this_process(server: Any) -> None:
    with hitl.workspace("Report", **of(server), name="nested"):
        with pytest.raises(WorkspaceInUse, match="choose another title"):
            hitl.workspace("Report", **of(server), name="nested")
        with hitl.workspace("Appendix", **of(server), name="nested") as other:
            other.append("more")
    assert says(server, "nested", "Appendix") == "more"


def test_a_closed_one_is_written_no_more(server: Any) -> None:
    with hitl.workspace("Report", **of(server), name="closes") as doc:
        doc.append("All.")
    with pytest.raises(WorkspaceClosed, match="closed for good"):
        doc.append("More.")
    assert doc.text == "All."


def test_a_cancelled_one_says_so_until_it_begins_anew(server: Any) -> None:
    doc = hitl.workspace("Report", **of(server), name="stopped")
    w = find_workspace(server, "stopped")
    assert w is not None
    assert server.call("POST", f"runs/{w.run}/cancel", {})[0] == 200
    with pytest.raises(HitlError, match="was cancelled; restart=True starts a new run"), doc:
        doc.append("x")
    with pytest.raises(HitlError, match="was cancelled"):
        hitl.workspace("Report", **of(server), name="stopped")
    with hitl.workspace("Report", **of(server), name="stopped", restart=True) as doc:
        doc.append("y")
    assert says(server, "stopped") == "y"


def test_no_browser_goes_on_with_a_script_s_run(server: Any, tmp_path: Path) -> None:
    script = Script(server, tmp_path, STREAMED.format(name="alone", wait=True))
    script.bring(end=True)
    p = until(lambda: find_proposal(server, "alone"))
    script.kill()
    server.ledger.proposals.decide(p.id, "approve", reviewer="ann")
    for call in ("resume", "headless"):
        status, said = server.call("POST", f"runs/{p.run}/{call}", {"browser": "one"})
        assert (status, "belongs to a script" in said["message"]) == (409, True)


def test_a_token_that_is_wrong_or_may_not_write(server: Any, readers: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{server.port}"
    with pytest.raises(ServerError, match=f"{address} does not accept this token"):
        hitl.workspace("Report", server=address, token="wrong", name="refused")
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    with pytest.raises(ServerError, match="does not accept calls without a token"):
        hitl.workspace("Report", server=address, name="refused")
    with pytest.raises(ServerError, match="does not let this token do that: you may not write hitl:proposals"):
        hitl.workspace("Report", **of(readers), name="refused")
    assert readers.ledger.runs.list_newest() == []


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "FIRST", 0.0)
    with pytest.raises(ServerError, match=r"http://127.0.0.1:9 does not answer: .*refused; start it"):
        hitl.workspace("Report", server="http://127.0.0.1:9/?token=secret", name="nobody")
    for address in ("127.0.0.1:8888", "ftp://here", "http://"):
        with pytest.raises(ValueError, match="server must be an address"):
            hitl.workspace("Report", server=address, name="nobody")


@pytest.mark.parametrize(
    ("status", "said", "why"),
    [
        (404, b"<html>not here</html>", "has no hitl_nb that scripts can write through"),
        (405, b'{"error": "MethodNotAllowed", "message": "this path does not support POST"}', "has no hitl_nb"),
        (302, b"", "does not answer like a Jupyter server"),
        (200, b"<html>log in</html>", "does not answer like a Jupyter server"),
        (500, b"", "failed \\(HTTP 500\\)"),
        (507, b'{"error": "StoreFull", "message": "the disk is full"}', "the disk is full"),
    ],
)
def test_something_else_that_answers(status: int, said: bytes, why: str) -> None:
    with answer_always(status, said) as (address, asked_), pytest.raises(HitlError, match=why):
        hitl.workspace("Report", server=address, token="secret", name="other")
    assert asked_ == ["POST /hitl_nb/api/workspaces"]


@contextmanager
def answer_always(status: int, said: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything so."""
    found: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            found.append(self.requestline.rsplit(" ", 1)[0])
            self.send_response(status)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    http = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}", found
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def test_a_store_that_is_busy_is_asked_again_for_a_while() -> None:
    busy = b'{"error": "StoreBusy", "message": "the store was locked"}'
    with answer_always(503, busy) as (address, found):
        passed = [0.0]
        through = calls.ServerClient(
            address, "t", pause=lambda s: passed.append(passed[-1] + s), ticks=lambda: passed[-1]
        )
        with pytest.raises(hitl.StoreBusy, match="the store was locked"):
            through.request("POST", "workspaces", {})
    assert calls.FIRST <= passed[-1] < 2 * calls.FIRST + 5
    assert len(found) == len(passed)


def test_outside_of_agents_the_server_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotInAgent, match='give server="http://'):
        hitl.workspace("Report")
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    with pytest.raises(ValueError, match="name must be given"):
        remote.open_remote_workspace(
            "Report", kind="text", template="", server="http://127.0.0.1:9", token="t", name=None, restart=False
        )
