"""A workspace of an agent and one of a script do the same: one source text, the same results, the same errors."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hitl_nb as hitl
from hitl_nb.errors import AlreadySettled, TextGone, UnknownComment, WorkspaceClosed, WorkspaceInUse
from hitl_nb.records import Proposal
from hitl_nb.workspaces import remote
from hitl_nb.workspaces.interface import AgentWorkspace
from hitl_nb.workspaces.local import LocalWorkspace
from hitl_nb.workspaces.remote import RemoteWorkspace
from tests.server.hitl_nb_server import Server
from tests.workspaces.sides import AgentSide, People, ScriptSide, Side

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("server"))
    yield started
    started.close()


@pytest.fixture(params=["local", "local, in opaque code", "remote"])
def side(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Side:
    name = f"nightly-{next(numbers)}"
    if request.param == "remote":
        for constant in ("_FIRST_LOOK", "_LONGEST_LOOK"):
            monkeypatch.setattr(remote, constant, 0.1)
        return ScriptSide(request.getfixturevalue("server"), name)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    return AgentSide(tmp_path, name, opaque="opaque" in request.param)


def about(comment: Any) -> Any:
    """What a comment says, without ids and times."""
    replies = [about(one) for one in comment.replies]
    return comment.text, comment.quote, comment.suggestion, comment.state, comment.author_name, replies


# -- the interface


def test_neither_inherits_from_the_other_and_both_have_every_member() -> None:
    assert not issubclass(RemoteWorkspace, LocalWorkspace)
    assert not issubclass(LocalWorkspace, RemoteWorkspace)
    members = {name: one for name, one in vars(AgentWorkspace).items() if inspect.isfunction(one)}
    public = {name: one for name, one in members.items() if not name.startswith("_")}
    assert set(public) == {"comments", "append", "replace", "suggest", "reply", "resolve", "accept", "wait_until_done"}
    for implementation in (LocalWorkspace, RemoteWorkspace):
        for name, member in public.items():
            assert inspect.signature(getattr(implementation, name)) == inspect.signature(member), name
        assert all(isinstance(inspect.getattr_static(implementation, name), property) for name in ("title", "text"))


# -- the same results


EVERY_CALL = """
with hitl.workspace("Report", kind="text", template="one", **where) as doc:
    title, first, second, nothing = doc.title, doc.append("two"), doc.append(iter(["three ", "four"])), doc.append([])
    made = doc.suggest("two", "TWO", "louder")
    accepted = [doc.accept(made), doc.accept(made.id)]
    people.comment("?", quote="one")
    (asked,) = doc.comments(open=True)
    replaced = doc.replace(asked, "ONE")
    again = doc.suggest("ONE", "1")
    replied, resolved = doc.reply(asked, "so"), doc.resolve(asked.id)
    text, comments, left, settled = doc.text, doc.comments(), doc.comments(open=True), doc.comments(open=False)
"""


def test_every_call(side: Side) -> None:
    found = side.run(EVERY_CALL)
    done = hitl.Written.done
    assert (found["title"], found["first"], found["second"], found["nothing"]) == ("Report", done, done, done)
    assert found["accepted"] == [done, done]
    assert found["replaced"] is done
    assert found["text"] == "ONE\n\nTWO\n\nthree four"
    assert about(found["made"]) == ("louder", "two", "TWO", "open", side.name, [])
    assert about(found["again"]) == ("", "ONE", "1", "open", side.name, [])
    assert about(found["replied"]) == ("so", "", None, "open", side.name, [])
    answered = ("?", "one", None, "resolved", "", [about(found["replied"])])
    settled = [("louder", "two", "TWO", "accepted", side.name, []), answered]
    assert [about(one) for one in found["settled"]] == settled
    assert [about(one) for one in found["left"]] == [about(found["again"])]
    assert [about(one) for one in found["comments"]] == [*settled, about(found["again"])]
    assert (side.people.text(), side.people.document().status) == (found["text"], "closed")


STREAM = """
import asyncio

async def tokens():
    for token in ["alpha ", "beta 🎉 ", "gamma"]:
        yield token
        await asyncio.sleep(0)

with hitl.workspace("Report", **where) as doc:
    doc.append("Before.")
    how = await doc.append(tokens())
    text = doc.text
"""


def test_an_async_stream(tmp_path: Path, server: Server) -> None:
    for side in (AgentSide(tmp_path, "streams", opaque=False), ScriptSide(server, "streams")):
        found = side.run(STREAM)
        assert (found["how"], found["text"]) == (hitl.Written.done, "Before.\n\nalpha beta 🎉 gamma")


REVIEW = """
with hitl.workspace("Report", **where) as doc:
    doc.append("Draft.")
    read = doc.text
    decision = doc.wait_until_done(title="Is it done?", context={"why": "quarter"})
    decided = doc.text
    doc.append("Later.")
    text, comments = doc.text, doc.comments()
"""


@pytest.mark.parametrize(
    ("action", "given", "value", "text"),
    [
        ("approve", None, "Draft.", "Draft."),
        ("edit", "Decided.", "Decided.", "Decided."),
        ("respond", "add a summary", "add a summary", "Draft. Mine."),
        ("reject", None, None, "Draft. Mine."),
    ],
)
def test_a_decision(side: Side, action: Any, given: Any, value: Any, text: str) -> None:
    shown: list[Proposal] = []

    def decide(people: People, proposal: Proposal) -> None:
        shown.append(proposal)
        people.comment("which?", quote="Draft")
        if action != "approve":
            people.type(" Mine.")
        people.ledger.proposals.decide(proposal.id, action, value=given, reason="because", reviewer="ann")

    found = side.run(REVIEW, decide)
    decision = found["decision"]
    assert [(p.title, p.kind, p.value, p.context) for p in shown] == [
        ("Is it done?", "markdown", "Draft.", {"why": "quarter"})
    ]
    assert (decision.action, decision.value, decision.original) == (action, value, "Draft.")
    assert (decision.reason, decision.reviewer, decision.proposal_id) == ("because", "ann", shown[0].id)
    assert (decision.by, decision.title, decision.approved) == ("person", "Is it done?", action in ("approve", "edit"))
    assert decision.changes() == ("--- proposed\n+++ edited\n@@ -1 +1 @@\n-Draft.\n+Decided.\n" * (action == "edit"))
    said = [("which?", "Draft", None, "open", "", [])]
    assert [about(one) for one in decision.comments] == [about(one) for one in found["comments"]] == said
    assert (found["read"], found["decided"], found["text"]) == ("Draft.", text, f"{text}\n\nLater.")
    assert side.people.text() == found["text"]


BUSY = """
with hitl.workspace("Report", template="one two", **where) as doc:
    people.type(" three")
    first = doc.replace("one", "1", patience=0)
    (made,) = doc.comments(open=True)
    second = doc.accept(made, patience=0)
    still = doc.comments(open=True)
    third = doc.replace("one", "2", patience=30)
    text = doc.text
"""


def test_where_a_person_writes_the_agent_suggests(side: Side) -> None:
    found = side.run(BUSY)
    suggested, done = hitl.Written.suggested, hitl.Written.done
    assert (found["first"], found["second"], found["third"]) == (suggested, suggested, done)
    assert [about(one) for one in found["still"]] == [("", "one", "1", "open", side.name, [])]
    assert found["text"] == "2 two three"


CONTINUED = """
with hitl.workspace("Report", template="one", **where) as doc:
    doc.append("two")
    doc.append(iter(["three ", "four"]))
    made = doc.suggest("two", "TWO")
    doc.reply(made, "please")
    doc.replace("one", "ONE")
    doc.accept(made)
    people.fail_once()
    doc.append("five")
    text = doc.text
"""


def test_what_was_done_before_an_error_is_not_done_again(side: Side) -> None:
    with pytest.raises(ConnectionError):
        side.run(CONTINUED)
    side.people.comment("later")
    side.people.type(" Mine.")
    found = side.run(CONTINUED)
    assert found["text"] == "ONE\n\nTWO\n\nthree four Mine.\n\nfive"
    said = [(one.text, one.state, one.suggestion) for one in side.people.comments()]
    assert said == [("", "accepted", "TWO"), ("please", "open", None), ("later", "open", None)]


# -- the same errors


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("doc.replace('nine', '9')", TextGone, "the text 'nine' occurs 0 times in the document"),
        ("doc.replace('a', 'x')", TextGone, "the text 'a' occurs 2 times in the document"),
        ("doc.suggest('nine', '9')", TextGone, "the text 'nine' occurs 0 times in the document"),
        ("doc.append(b'bytes')", TypeError, "append takes a str, or an iterable of str, not bytes"),
        ("doc.append(5)", TypeError, "append takes a str, or an iterable of str, not int"),
        ("doc.append([1])", TypeError, "a stream must yield str, not int"),
        ("doc.replace('a', 5)", TypeError, "the text must be a str, not int"),
        ("doc.suggest('a', 'x', 5)", TypeError, "the reason must be a str, not int"),
        ("doc.reply(asked, None)", TypeError, "the text must be a str, not NoneType"),
        ("doc.reply('aaaaaaaaaaaa', 'x')", UnknownComment, "aaaaaaaaaaaa"),
        ("doc.resolve('aaaaaaaaaaaa')", UnknownComment, "aaaaaaaaaaaa"),
        ("doc.accept('aaaaaaaaaaaa')", UnknownComment, "there is no comment 'aaaaaaaaaaaa' on this document"),
        ("doc.reply(asked, ' ')", ValueError, "a comment has 1 to 10000 characters, not 0"),
        ("doc.accept(asked)", ValueError, "suggests nothing that could be accepted"),
        ("doc.accept(dismissed)", AlreadySettled, "dismissed"),
        ("doc.resolve(dismissed)", AlreadySettled, "dismissed"),
        ("doc.suggest('A', 'x' * 10**6)", ValueError, "has at most 100000 characters, not 1000000"),
        ("doc.wait_until_done(deadline=1)", TypeError, "deadline must be a timedelta or an aware datetime, not int"),
        ("doc.wait_until_done(title='two\\nlines')", ValueError, "title"),
        ("doc.wait_until_done(allow=['dance'])", ValueError, "dance"),
        ("hitl.workspace('Report', **where)", WorkspaceInUse, "choose another title|give this one another title"),
        ("hitl.workspace('Other', kind='json', **where)", ValueError, "kind must be one of"),
    ],
)
def test_what_cannot_be_done(side: Side, line: str, error: type[Exception], message: str) -> None:
    source = f"""
with hitl.workspace("Report", template="a A a", **where) as doc:
    asked, dismissed = people.comment("?"), people.comment("!", quote="A", suggestion="b")
    people.settle(dismissed, "dismissed")
    before = doc.text, len(doc.comments())
    try:
        {line}
    except Exception as caught:
        kind, message = type(caught).__name__, str(caught)
    after = doc.text, len(doc.comments())
"""
    found = side.run(source)
    assert found["kind"] == error.__name__
    assert message in found["message"] or any(one in found["message"] for one in message.split("|"))
    assert found["before"] == found["after"]


def test_behind_the_block_it_is_closed_for_good(side: Side) -> None:
    source = """
with hitl.workspace("Report", **where) as doc:
    doc.append("All.")
try:
    doc.append("More.")
except Exception as caught:
    kind, message = type(caught).__name__, str(caught)
text = doc.text
"""
    found = side.run(source)
    assert (found["kind"], found["text"]) == (WorkspaceClosed.__name__, "All.")
    assert "closed for good" in found["message"]
