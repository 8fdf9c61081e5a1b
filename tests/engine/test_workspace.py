"""`hitl.workspace`: an agent writes with people, each write once, through pauses, crashes and replays."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import world
from desk import Desk
from forks import ChildDied, Forks

import hitl_nb as hitl
from hitl_nb.drafts import stream_writer as stream
from hitl_nb.drafts.document import source_text
from hitl_nb.drafts.draft import Draft, capture_updates
from hitl_nb.drafts.text_view import TextPage, TextRange
from hitl_nb.errors import HitlError, NotInAgent, RunClaimed, TextGone, WorkspaceClosed, WorkspaceInUse
from hitl_nb.ledger.documents.update_log import Update, UpdateLog
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Workspace, now
from hitl_nb.testing import ScriptedReviewer

LONG_AGO = timedelta(seconds=60)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def nth_workspace(desk: Desk, n: int = 1) -> Workspace:
    return desk.ledger.workspaces.list_of_run(desk.record().id)[n - 1]


def says(desk: Desk, n: int = 1) -> str:
    return Draft.for_workspace(desk.ledger.store, nth_workspace(desk, n)).read_value()


def types(desk: Desk, text: str, *, behind: str = "", at: int | None = None, ago: timedelta = timedelta()) -> None:
    """A person types: behind a text, or at a place, or at the end."""
    draft = Draft.for_workspace(desk.ledger.store, nth_workspace(desk))
    draft.write_initial()
    doc = draft.load().doc
    said = str(source_text(doc))
    place = said.index(behind) + len(behind) if behind else len(said) if at is None else at
    for made in capture_updates(doc, lambda: source_text(doc).insert(len(said[:place].encode()), text)):
        draft.log.append(Update(now() - ago, "ann", "Ann", made)).result()


def authors(desk: Desk) -> list[str]:
    return [one.author for _, one in Draft.for_workspace(desk.ledger.store, nth_workspace(desk)).updates_after()]


REPORT = """
def write(section, so_far):
    yield f"# {section}\\n"
    yield f"{len(so_far)} before"

with hitl.workspace("Report", template="Hello") as doc:
    for section in ["one", "two"]:
        doc.append(write(section, doc.text))
    decision = doc.wait_until_done()
    text = doc.text
"""


# -- a document through pauses


def test_what_the_agent_wrote_is_decided_like_a_checkpoint_and_read_back(desk: Desk) -> None:
    outcome = desk.run(REPORT)
    written = "Hello\n\n# one\n5 before\n\n# two\n21 before"
    assert (outcome.status, outcome.proposals[0].title, outcome.proposals[0].value) == ("waiting", "Report", written)
    assert outcome.proposals[0].document == nth_workspace(desk).id
    types(desk, " and more")
    desk.answer("edit", written + " and more")
    desk.new_kernel()
    assert desk.run(REPORT).status == "finished"
    assert desk.ns["text"] == desk.ns["decision"].value == says(desk) == written + " and more"
    assert desk.ledger.audit.verify().ok


def test_a_decided_document_is_done_until_the_agent_writes_and_closed_behind_the_block(desk: Desk) -> None:
    source = """
with hitl.workspace("Report") as doc:
    doc.append("First.")
    doc.wait_until_done(title="First part")
    hitl.checkpoint(1, title="Go on?")
    doc.append("Second.")
    doc.wait_until_done(title="Second part")
    text = doc.text
after = doc
"""
    desk.run(source)
    assert nth_workspace(desk).status == "open"
    desk.answer("approve")
    assert nth_workspace(desk).status == "done"
    desk.run(source)
    assert nth_workspace(desk).status == "done"
    desk.answer("approve")
    desk.new_kernel()
    desk.run(source)
    assert (nth_workspace(desk).status, says(desk)) == ("open", "First.\n\nSecond.")
    desk.answer("approve")
    desk.run(source)
    assert nth_workspace(desk).status == "closed"
    types_of = [e.type for e in desk.ledger.audit.read_events() if e.type.startswith("workspace.")]
    assert types_of == [f"workspace.{one}" for one in ("opened", "done", "reopened", "done", "closed")]


def test_the_decision_counts_and_not_what_else_stands_there(desk: Desk) -> None:
    source = """
with hitl.workspace("Report") as doc:
    doc.append("Draft.")
    doc.wait_until_done()
    decided = doc.text
    doc.append("More.")
    text = doc.text
"""
    desk.run(source)
    types(desk, " too late")
    desk.answer("edit", "Decided.")
    desk.run(source)
    assert (desk.ns["decided"], desk.ns["text"]) == ("Decided.", "Decided.\n\nMore.")
    assert authors(desk)[-2:] == ["ann", "agent:agent"]


def test_an_answer_leaves_what_people_wrote(desk: Desk) -> None:
    source = """
with hitl.workspace("Report") as doc:
    doc.append("Draft.")
    answer = doc.wait_until_done().value
    doc.append(answer)
    text = doc.text
"""
    desk.run(source)
    types(desk, " Mine.")
    desk.answer("respond", "please add a summary")
    desk.run(source)
    assert desk.ns["text"] == "Draft. Mine.\n\nplease add a summary"


def test_an_async_stream_is_awaited(desk: Desk) -> None:
    source = """
async def write():
    yield await later("one ")
    yield await later("two")
with hitl.workspace("Report", kind="text") as doc:
    how = await doc.append(write())
    text = doc.text
"""
    desk.run(source)
    assert (desk.ns["how"], desk.ns["text"]) == (hitl.Written.done, "one two")


def test_an_agent_function_writes_too(desk: Desk) -> None:
    desk.cell("@hitl.agent\ndef fill(doc):\n    doc.append('in')\n    return doc.wait_until_done().value\n")
    source = "with hitl.workspace('Report') as doc:\n    got = fill(doc)\n    doc.append('out')\n"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert (desk.ns["got"], says(desk)) == ("in", "in\n\nout")


# -- exactly once


KILLED = """
import world

def write():
    for token in world.outside["tokens"]:
        yield token
        world.outside["brought"](token)

with hitl.workspace("Report") as doc:
    doc.append("Before.")
    doc.append(write(), patience=0)
    doc.append("After.")
    text = doc.text
"""
TOKENS = ["alpha ", "beta 🎉 ", "gamma ", "delta"]


def write_killed(url: str, tokens: list[str], until: str = "", typed: str = "", ago: float = 60) -> Any:
    """Run the agent, in a process that is killed when it has brought a certain token; the text, and what is said."""
    desk = Desk(url)

    def brought(token: str) -> None:
        if token == until:
            if typed:
                types(desk, typed, behind="alpha be", ago=timedelta(seconds=ago))
            os.kill(os.getpid(), signal.SIGKILL)

    world.outside.update(tokens=tokens, brought=brought)
    stream.BATCH_SECONDS = 0.0  # every token is a batch
    desk.run(KILLED)
    return desk.ns["text"], [
        (c.quote, c.suggestion) for c in desk.ledger.comments.list_on_document(nth_workspace(desk).id)
    ]


@pytest.mark.parametrize("at", TOKENS)
def test_a_stream_that_was_killed_goes_on_where_it_was(tmp_path: Path, forks: Forks, at: str) -> None:
    url = f"diskcache://{tmp_path}/store"
    with pytest.raises(ChildDied):
        forks(write_killed, url, TOKENS, at)
    assert forks(write_killed, url, TOKENS) == ("Before.\n\nalpha beta 🎉 gamma delta\n\nAfter.", [])


def test_a_stream_that_is_killed_again_and_again_is_written_once(tmp_path: Path, forks: Forks) -> None:
    url = f"diskcache://{tmp_path}/store"
    for at in TOKENS:
        with pytest.raises(ChildDied):
            forks(write_killed, url, TOKENS, at)
    with pytest.raises(ChildDied):
        forks(write_killed, url, ["alpha ", "other ", "words"], "other ")
    assert forks(write_killed, url, ["alpha ", "or ", "so"])[0] == "Before.\n\nalpha or so\n\nAfter."


@pytest.mark.parametrize("tokens", [["alpha ", "one ", "more"], ["all ", "new"], ["alpha "], ["alpha be"]])
def test_another_text_takes_the_place_of_the_agents_own_and_of_nobody_elses(
    tmp_path: Path, forks: Forks, tokens: list[str]
) -> None:
    url = f"diskcache://{tmp_path}/store"
    with pytest.raises(ChildDied):
        forks(write_killed, url, TOKENS, "gamma ", "[Ann]")
    expected = f"Before.\n\n{''.join(tokens)}[Ann]\n\nAfter."
    assert forks(write_killed, url, tokens) == (expected, [])


def test_another_text_where_somebody_writes_is_suggested(tmp_path: Path, forks: Forks) -> None:
    url = f"diskcache://{tmp_path}/store"
    with pytest.raises(ChildDied):
        forks(write_killed, url, TOKENS, "gamma ", "[Ann]", -600)
    text, said = forks(write_killed, url, ["alpha ", "one"])
    assert text == "Before.\n\nalpha be[Ann]ta 🎉 gamma \n\nAfter."
    assert said == [("be[Ann]ta 🎉 gamma ", "one")]


def killed_at_a_commit(url: str, n: int) -> None:
    """Run the agent in a process that is killed when its n-th transaction of the drafts is safe."""
    commits = iter(range(n))
    submit = UpdateLog.submit

    def commit_then_kill(log: UpdateLog, work: Any) -> Any:
        done = submit(log, work)
        done.result()
        if next(commits, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    UpdateLog.submit = commit_then_kill
    write_killed(url, TOKENS)


@pytest.mark.parametrize("n", range(8))
def test_wherever_between_two_commits_it_is_killed_all_is_there_once(tmp_path: Path, forks: Forks, n: int) -> None:
    url = f"diskcache://{tmp_path}/store"
    with pytest.raises(ChildDied):
        forks(killed_at_a_commit, url, n)
    assert forks(write_killed, url, TOKENS) == ("Before.\n\nalpha beta 🎉 gamma delta\n\nAfter.", [])


def test_opaque_code_that_is_made_again_writes_nothing_again_and_reads_what_it_read(desk: Desk) -> None:
    desk.cell(
        "import world\n"
        "def fill(doc):\n"
        "    doc.append('one')\n"
        "    read = doc.text\n"
        "    doc.append(t for t in ['two ', read])\n"
        "    said = [str(c) for c in doc.comments()]\n"
        "    doc.replace('two', 'TWO')\n"
        "    world.journal.append(('read', (read, said)))\n"
        "    first = doc.wait_until_done(title='First').value\n"
        "    world.journal.append(('decided', doc.text))\n"
        "    doc.append('three')\n"
        "    hitl.checkpoint(1, title='Between')\n"
        "    doc.append('four')\n"
        "    return doc.wait_until_done(title='Last').value\n"
    )
    source = "with hitl.workspace('Report') as doc:\n    got = [fill(d) for d in [doc]][0]\n"
    desk.run(source)
    desk.ledger.comments.add(nth_workspace(desk).id, "hm", author="ann")
    types(desk, " by Ann")
    read = [pair for pair in world.journal if pair[0] == "read"]
    desk.answer("edit", "agreed")
    for _ in range(2):
        desk.new_kernel()
        desk.run(source)
        assert [pair for pair in world.journal if pair[0] == "read"] == read
        assert ("decided", "agreed") in world.journal
        desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["got"] == says(desk) == "agreed\n\nthree\n\nfour"
    expected = [*["agent:agent"] * 4, "ann", "ann", "agent:agent", "agent:agent"]
    assert authors(desk) == expected  # one, two and its end, TWO; Ann, her decision; three, four


def test_what_was_said_is_said_once(desk: Desk) -> None:
    desk.cell(
        "def talk(doc):\n"
        "    for c in doc.comments(open=True):\n"
        "        doc.reply(c, 'yes'); doc.resolve(c)\n"
        "    doc.suggest('one', 'ONE', why='louder')\n"
        "    hitl.checkpoint(1, title='Between')\n"
    )
    source = (
        "with hitl.workspace('Report') as doc:\n"
        "    doc.append('one'); hitl.checkpoint(0, title='Talk')\n"
        "    [talk(d) for d in [doc]]\n"
        "    said = doc.comments(); left = doc.comments(open=True)\n"
    )
    desk.run(source)
    asked = desk.ledger.comments.add(nth_workspace(desk).id, "why?", author="ann")
    desk.answer()
    desk.run(source)
    desk.ledger.comments.change_state(nth_workspace(desk).id, asked.id, "open", actor="ann")
    desk.new_kernel()
    desk.answer()
    desk.run(source)
    first, second = desk.ns["said"]
    assert ([one.text for one in first.replies], first.state) == (["yes"], "open")
    assert (second.quote, second.suggestion, second.text, second.author) == ("one", "ONE", "louder", "agent:agent")
    assert [one.id for one in desk.ns["left"]] == [first.id, second.id]


def test_a_process_that_lost_its_run_writes_no_more(desk: Desk) -> None:
    source = """
with hitl.workspace("Report") as doc:
    doc.append("mine")
    effect("lose")
    take_over()
    doc.append("stale")
"""
    other = Ledger(desk.ledger.store)

    def take_over() -> None:
        run = desk.record()
        desk.ledger.claims.release(_claim(desk))
        other.runs.claim(run.id)

    desk.ns["take_over"] = take_over
    with pytest.raises(RunClaimed):
        desk.run(source)
    assert says(desk) == "mine"


def _claim(desk: Desk) -> Any:
    return next(iter(desk.ledger.claims._held))


def test_a_block_in_opaque_code_is_entered_again(desk: Desk) -> None:
    desk.cell(
        "def report():\n"
        "    with hitl.workspace('Report') as doc:\n"
        "        doc.append('one')\n"
        "        return doc.wait_until_done().value\n"
    )
    source = "got = [report() for _ in range(1)]\nhitl.checkpoint(1, title='Then')\n"
    desk.run(source)
    desk.answer("edit", "ONE")
    desk.new_kernel()
    desk.run(source)
    assert (nth_workspace(desk).status, says(desk)) == ("closed", "ONE")
    desk.answer()
    desk.run(source)
    assert desk.ns["got"] == ["ONE"]


def test_a_script_answers_whether_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/store")
    with ScriptedReviewer([{"title": "Report", "action": "edit", "value": "agreed"}]):
        done = asyncio.run(write_report.run(key="1"))
    assert (done.status, done.result) == ("finished", "agreed")


@hitl.agent
def write_report() -> str:
    with hitl.workspace("Report") as doc:
        doc.append("one")
        doc.wait_until_done()
        return doc.text


# -- never in people's way


def test_an_append_stands_behind_what_people_wrote_and_a_stream_stays_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BATCH_SECONDS", 0.0)
    source = """
def write():
    yield "One"
    person(" (Ann)")
    yield " two"
    person("Before. ", at=0)
    yield " three"
with hitl.workspace("Report") as doc:
    doc.append(write())
    doc.append("Last.")
    text = doc.text
"""
    desk.ns["person"] = lambda text, **how: types(desk, text, **how)
    desk.run(source)
    assert desk.ns["text"] == "Before. One two three (Ann)\n\nLast."


def test_a_paragraph_where_somebody_writes_gets_a_suggestion(desk: Desk) -> None:
    source = """
with hitl.workspace("Report", template="First here.\\n\\nSecond there.") as doc:
    person("!", behind="Second there")
    calm = doc.replace("First", "1st", patience=0)
    busy = doc.replace("Second", "2nd", patience=0)
    text = doc.text
    said = doc.comments()
"""
    desk.ns["person"] = lambda text, **how: types(desk, text, **how)
    desk.run(source)
    assert (desk.ns["calm"], desk.ns["busy"]) == (hitl.Written.done, hitl.Written.suggested)
    assert desk.ns["text"] == "1st here.\n\nSecond there!."
    (made,) = desk.ns["said"]
    assert (made.quote, made.suggestion, made.author, made.author_name) == ("Second", "2nd", "agent:agent", "agent")
    kept = desk.ledger.comments.list_on_document(nth_workspace(desk).id)[0]
    assert TextPage(Draft.for_workspace(desk.ledger.store, nth_workspace(desk))).resolve_anchor(kept.anchor) == (11, 17)


def test_a_paragraph_that_has_been_quiet_is_replaced(desk: Desk) -> None:
    desk.ns["person"] = lambda: types(desk, " Ann", behind="here", ago=LONG_AGO)
    source = (
        "with hitl.workspace('R', template='It is here.') as doc:\n    person()\n    how = doc.replace('It', 'He')\n"
    )
    desk.run(source)
    assert (desk.ns["how"], says(desk)) == (hitl.Written.done, "He is here Ann.")


def test_a_comment_says_where_and_its_suggestion_is_accepted_once(desk: Desk) -> None:
    source = """
with hitl.workspace("Report", template="one and one and one") as doc:
    hitl.checkpoint(0, title="Comment")
    about, suggested = doc.comments()
    doc.replace(about, "1")
    first, again = doc.accept(suggested), doc.accept(suggested)
    text = doc.text
    said = doc.comments()
"""
    desk.run(source)
    page = TextPage(Draft.for_workspace(desk.ledger.store, nth_workspace(desk)))
    for text, start, end, new in (("hm", 8, 11, None), ("", 4, 7, "or")):
        anchor = page.make_anchor(TextRange(start, end))
        desk.ledger.comments.add(
            nth_workspace(desk).id, text, author="ann", quote=page.said[start:end], anchor=anchor, suggestion=new
        )
    desk.answer()
    desk.run(source)
    assert desk.ns["text"] == "one or 1 and one"
    assert (desk.ns["first"], desk.ns["again"]) == (hitl.Written.done, hitl.Written.done)
    assert [one.state for one in desk.ns["said"]] == ["open", "accepted"]


# -- what is refused


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("hitl.workspace('R')", WorkspaceInUse, "open workspace 'R' already"),
        ("hitl.workspace('S', kind='json')", ValueError, "kind must be one of"),
        ("doc.wait_until_done(deadline=3)", TypeError, "deadline must be a timedelta or an aware datetime, not int"),
        ("doc.replace('nothing', 'x')", TextGone, "0 times"),
        ("doc.replace('a', 'x')", TextGone, "2 times"),
        ("doc.append(b'bytes')", TypeError, "not bytes"),
        ("doc.append([1])", TypeError, "not int"),
        ("in_step(doc)", HitlError, "inside the step"),
    ],
)
def test_what_cannot_be_done_is_said(desk: Desk, line: str, error: type[Exception], said: str) -> None:
    desk.cell("@hitl.step\ndef in_step(doc):\n    doc.append('x')\n")
    with pytest.raises(error, match=said):
        desk.run(f"with hitl.workspace('R', template='a a') as doc:\n    {line}\n")
    assert nth_workspace(desk).status == "open"


def test_behind_the_block_nothing_is_written(desk: Desk) -> None:
    with pytest.raises(WorkspaceClosed, match="closed for good"):
        desk.run("with hitl.workspace('R') as doc:\n    doc.append('x')\ndoc.append('y')\n")


def test_outside_of_an_agent_there_is_none() -> None:
    with pytest.raises(NotInAgent):
        hitl.workspace("Report")


def test_a_run_that_failed_goes_on_inside_of_the_block(desk: Desk) -> None:
    source = "with hitl.workspace('R') as doc:\n    doc.append('x')\n    BROKEN\n    doc.append('y')\n"
    with pytest.raises(NameError):
        desk.run(source)
    assert nth_workspace(desk).status == "open"
    desk.run(source.replace("BROKEN", "pass"))
    assert (says(desk), nth_workspace(desk).status) == ("x\n\ny", "closed")


def test_a_cancelled_run_closes_its_workspaces_and_a_forgotten_one_takes_them_along(desk: Desk) -> None:
    source = "doc = hitl.workspace('R')\ndoc.append('x')\nhitl.checkpoint(1, title='T')\n"
    desk.run(source)
    w = nth_workspace(desk)
    desk.ledger.comments.add(w.id, "hm", author="ann")
    desk.ledger.runs.cancel(w.run, actor="ann")
    assert nth_workspace(desk).status == "closed"
    assert desk.ledger.workspaces.list_open() == []
    desk.ledger.runs.forget(agent="agent", notebook="nb")
    left = [key for key, _ in desk.ledger.store.drafts.scan("", "~")] + desk.keys()
    assert [key for key in left if w.id in key] == []
