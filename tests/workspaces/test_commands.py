"""Commands as data: the JSON that scripts send, and what happens to one that is executed again after a crash."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from hitl_nb.drafts.agent_coauthor import AgentCoauthor
from hitl_nb.drafts.document import source_text
from hitl_nb.drafts.draft import Draft, capture_updates
from hitl_nb.errors import StoreFull
from hitl_nb.ledger.documents.update_log import Update
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import new_id, now
from hitl_nb.server.messages.request_schemas import RemoteWriteRequest
from hitl_nb.storage import open_store
from hitl_nb.workspaces import commands
from hitl_nb.workspaces.commands import (
    Accept,
    Append,
    Command,
    Replace,
    Reply,
    Resolve,
    Suggest,
    decode_command,
    encode_command,
    execute,
    find_result,
    record_comment_command,
    write_patiently,
)

COMMENT = "aaaaaaaaaaaa"
SENT: list[tuple[Command, dict[str, Any]]] = [
    (Append("append/1", "Hello."), {"do": "append", "text": "Hello."}),
    (Append("append/1", "two", 4, last=False), {"do": "append", "text": "two", "at": 4, "last": False}),
    (Append("append/1", "", patient=True), {"do": "append", "patient": True}),
    (Replace("append/1", "new", old="old"), {"do": "replace", "text": "new", "old": "old"}),
    (Replace("append/1", "new", comment=COMMENT), {"do": "replace", "text": "new", "comment": COMMENT}),
    (Suggest("append/1", "new", "old", why="w"), {"do": "suggest", "text": "new", "old": "old", "why": "w"}),
    (Reply("append/1", COMMENT, "so"), {"do": "reply", "comment": COMMENT, "text": "so"}),
    (Resolve("append/1", COMMENT), {"do": "resolve", "comment": COMMENT}),
    (Accept("append/1", COMMENT, patient=True), {"do": "accept", "comment": COMMENT, "patient": True}),
]
"""Each command, and its JSON: fields that older servers and scripts know."""


@pytest.mark.parametrize(("command", "fields"), SENT)
def test_a_command_is_sent_with_the_fields_of_the_rest_api(command: Command, fields: dict[str, Any]) -> None:
    sent = {"key": "append/1", **fields}
    assert json.loads(json.dumps(encode_command(command))) == sent
    assert decode_command(sent) == command
    body = msgspec.convert({"session": "a-script-s-session", **sent}, RemoteWriteRequest)
    assert decode_command(msgspec.to_builtins(body)) == command


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"do": "replace", "text": "x"}, "replace needs either `old` or `comment`"),
        ({"do": "suggest", "text": "x", "old": "y", "comment": COMMENT}, "suggest needs either `old` or `comment`"),
        ({"do": "reply", "text": "x"}, "reply needs `comment`, the id of a comment"),
        ({"do": "resolve"}, "resolve needs `comment`"),
        ({"do": "accept", "comment": None}, "accept needs `comment`"),
        ({"do": "append", "text": 5}, "Expected `str`, got `int`"),
        ({"do": "erase"}, "Invalid value 'erase'"),
    ],
)
def test_what_is_no_command_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_command({"key": "k", **fields})


def test_a_text_of_an_untyped_agent_is_checked() -> None:
    with pytest.raises(TypeError, match="the text must be a str, not int"):
        Reply("k", COMMENT, 5)  # type: ignore[arg-type]


# -- executed again after a crash


@pytest.fixture
def coauthor() -> AgentCoauthor:
    ledger = Ledger(open_store(f"memory:{new_id()}"))
    _, claim = ledger.runs.open(agent="report", notebook="n")
    workspace = ledger.workspaces.open(claim, title="Report", kind="text", template="one two", position="1")
    Draft.for_workspace(ledger.store, workspace).write_initial()
    return AgentCoauthor(ledger, claim, "report", workspace.id)


def read(coauthor: AgentCoauthor) -> str:
    return coauthor.make_writer().draft.read_value()


def type_now(coauthor: AgentCoauthor, text: str) -> None:
    """A person types at the end."""
    draft = coauthor.make_writer().draft
    doc = draft.load().doc
    end = len(str(source_text(doc)).encode())
    for made in capture_updates(doc, lambda: source_text(doc).insert(end, text)):
        draft.log.append(Update(now(), "ann", "Ann", made)).result()


def test_a_suggestion_whose_result_was_not_recorded_is_found_even_if_its_text_is_gone(coauthor: AgentCoauthor) -> None:
    command = Suggest("suggest/1", "ONE", "one", why="louder")
    made = execute(command, coauthor)
    execute(Replace("replace/1", "1", "one"), coauthor)
    assert find_result(command, coauthor) is None
    assert execute(command, coauthor) == made
    record_comment_command(command, coauthor)
    assert find_result(command, coauthor) == made
    assert len(coauthor.ledger.comments.list_on_document(coauthor.document)) == 1


def test_a_replacement_that_became_a_suggestion_stays_one(
    coauthor: AgentCoauthor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ended when the suggestion was saved and its result was not; then the person stopped writing."""
    type_now(coauthor, " three")
    command = Replace("replace/1", "1", "one")
    with monkeypatch.context() as patched:
        patched.setattr("hitl_nb.drafts.agent_writer.AgentWriter.mark_suggested", fail)
        with pytest.raises(StoreFull):
            execute(command, coauthor)
    monkeypatch.setattr("hitl_nb.drafts.text_view.TextPage.is_being_edited", lambda page, parts: False)
    assert execute(command, coauthor).outcome == "suggested"
    assert read(coauthor) == "one two three"
    assert [one.suggestion for one in coauthor.ledger.comments.list_on_document(coauthor.document)] == ["1"]


def fail(*given: Any) -> Any:
    raise StoreFull("the disk is full")


@pytest.mark.parametrize(
    "command",
    [Append("k", "three"), Replace("k", "1", "one"), Suggest("k", "1", "one")],
    ids=lambda c: type(c).__name__,
)
def test_a_command_that_is_executed_twice_takes_effect_once(coauthor: AgentCoauthor, command: Command) -> None:
    first = execute(command, coauthor)
    text = read(coauthor)
    assert execute(command, coauthor) == first
    assert read(coauthor) == text
    assert len(coauthor.ledger.comments.list_on_document(coauthor.document)) == isinstance(command, Suggest)


# -- people who write


def test_a_patient_command_does_nothing_while_a_person_writes(coauthor: AgentCoauthor) -> None:
    type_now(coauthor, " three")
    made = execute(Suggest("s", "ONE", "one"), coauthor).comment
    assert made is not None
    for command in (Replace("r", "1", "one", patient=True), Accept(f"accept/{made.id}", made.id, patient=True)):
        assert execute(command, coauthor).outcome == "busy"
    assert execute(Accept(f"accept/{made.id}", made.id), coauthor).outcome == "suggested"
    assert read(coauthor) == "one two three"
    (still,) = coauthor.ledger.comments.list_on_document(coauthor.document)
    assert still.state == "open"


def test_a_write_is_repeated_until_the_patience_ends(coauthor: AgentCoauthor, monkeypatch: pytest.MonkeyPatch) -> None:
    type_now(coauthor, " three")
    passed = [0.0]
    clock = SimpleNamespace(monotonic=lambda: passed[-1], sleep=lambda seconds: passed.append(passed[-1] + seconds))
    monkeypatch.setattr(commands, "time", clock)
    tried: list[Command] = []

    def attempt(command: Any) -> Any:
        tried.append(command)
        return execute(command, coauthor)

    assert write_patiently(attempt, Replace("r", "1", "one"), 1.0) == "suggested"
    assert [one.patient for one in tried] == [True] * 4 + [False]  # type: ignore[union-attr]
