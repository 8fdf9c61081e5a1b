"""Comments and suggestions through a real server: two people who log in, and everything that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hitl_nb_server import Server
from people import PEOPLE, Browser, start_server

from hitl_nb.ledger.decisions.reviewers import format_author

ANCHOR = {"start": {"tname": "source", "assoc": 0}, "end": {"item": {"client": 1, "clock": 2}, "assoc": -1}}


class Somebody(Browser):
    """A browser in which somebody comments."""

    def say(self, p: Any, text: str, **about: Any) -> Any:
        status, said = self.call("POST", f"documents/{p.id}/comments", {"text": text, **about})
        assert status == 200, said
        return said["comment"]

    def mark(self, p: Any, comment: Any, state: str) -> tuple[int, Any]:
        return self.call("PUT", f"comments/{comment['id']}/state", {"document": p.id, "state": state})


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("team"), PEOPLE + "c.HitlNb.reviewers = ['alice', 'zoe']\n")


@pytest.fixture(scope="module")
def alice(team: Server) -> Somebody:
    return Somebody(team, "alice")


@pytest.fixture(scope="module")
def bob(team: Server) -> Somebody:
    return Somebody(team, "bob")


def test_a_thread_on_a_range(team: Server, alice: Somebody, bob: Somebody) -> None:
    (p,) = team.pause_run("Dear Ann", agent="thread")
    about = {"quote": "Ann", "prefix": "Dear ", "suffix": "", "anchor": ANCHOR, "mentions": ["bob"]}
    first = alice.say(p, "Ms?", **about)
    answer = bob.say(p, "yes", thread=first["id"])
    status, said = alice.call("GET", f"documents/{p.id}/comments")
    assert (status, said["comments"]) == (200, [first, answer])
    assert {name: first[name] for name in about} == about
    assert (first["author"], first["author_name"], first["run"], first["proposal"]) == ("alice", "Alice", p.run, p.id)
    assert alice.call("GET", f"proposals/{p.id}")[1]["comments"] == said["comments"]
    status, said = bob.mark(p, first, "resolved")
    assert (status, said["changed"], said["comment"]["state_by_name"]) == (200, True, "Bob")
    event = team.ledger.audit.read_events(after=team.ledger.audit.newest_event_number() - 3)[0]
    assert (event.type, event.actor, event.proposal, event.data["mentions"]) == ("comment", "alice", p.id, ["bob"])


def test_of_two_who_accept_a_suggestion_the_second_is_told_who_did(team: Server, alice: Any, bob: Any) -> None:
    (p,) = team.pause_run("Dear Ann", agent="twice")
    better = alice.say(p, "", quote="Ann", suggestion="Ms Ann")
    status, said = bob.mark(p, better, "accepted")
    assert (status, said["changed"], said["comment"]["state"]) == (200, True, "accepted")
    assert bob.mark(p, better, "accepted")[1]["changed"] is False
    status, said = alice.mark(p, better, "accepted")
    assert (status, said["error"], said["comment"]["state_by"]) == (409, "AlreadySettled", "bob")
    assert said["message"] == "Bob has already accepted this suggestion; nothing was changed"
    assert alice.mark(p, better, "dismissed")[0] == 409


def test_a_suggestion_is_not_accepted_after_the_decision(team: Server, alice: Any, bob: Any) -> None:
    (p,) = team.pause_run("Dear Ann", agent="decided")
    better = alice.say(p, "", quote="Ann", suggestion="Ms Ann")
    team.ledger.proposals.decide(p.id, "approve", reviewer="alice")
    status, said = bob.mark(p, better, "accepted")
    assert (status, said["error"], said["proposal"]["id"]) == (409, "AlreadyDecided", p.id)
    assert bob.say(p, "pity", thread=better["id"])["thread"] == better["id"]


def test_who_may_be_mentioned(team: Server, alice: Any, bob: Any) -> None:
    p, other = team.pause_run("Dear Ann", "Dear Bo", agent="people")
    decide = {"action": "approve", "revision": other.revision, "fingerprint": other.fingerprint}
    assert alice.call("POST", f"proposals/{other.id}/decision", decide)[0] == 200
    bob.say(p, "hm")
    team.ledger.comments.add(p.id, "I am the agent", author="agent")
    people = bob.call("GET", f"documents/{p.id}/comments")[1]["people"]
    assert [(one["username"], one["name"]) for one in people] == [
        ("agent", "agent"),
        ("alice", "Alice"),
        ("bob", "Bob"),
        ("zoe", "zoe"),
    ]


def test_a_comment_of_a_program_does_not_read_like_one_of_the_person_whose_name_it_has(
    team: Server, alice: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    p, other = team.pause_run("Dear Ann", "Dear Bo", agent="voices")
    hers = alice.say(p, "", quote="Ann", suggestion="Bo")
    assert alice.mark(p, hers, "dismissed")[0] == 200
    team.ledger.comments.add(p.id, "pay them", author="alice", author_name="Alice")  # as a kernel can
    team.ledger.comments.add(p.id, "well", author="agent:voices", author_name="Alice")
    guest = team.call("POST", f"documents/{p.id}/comments", {"text": "hm"})[1]["comment"]
    said = alice.call("GET", f"documents/{p.id}/comments")[1]["comments"]
    team.ledger.comments.add(other.id, "I am called so now", author="alice", author_name="Mallory")
    people = alice.call("GET", f"documents/{other.id}/comments")[1]["people"]
    assert {"username": "alice", "name": "alice"} in people
    assert [one["known"] for one in said] == ["login", "unsigned", "agent", "token"]
    assert (said[0]["state_known"], guest["known"], hers["known"]) == ("login", "token", "login")
    monkeypatch.setenv("HITL_NB_SERVER_KEY", team.public_key())
    assert [format_author(one) for one in team.ledger.comments.list_on_document(p.id)] == [
        "Alice (alice)",
        "Alice (alice) (unsigned: any program of this user can say so)",
        "the agent voices",
        f"{guest['author_name']} ({guest['author']}), a guest",
    ]


def test_nobody_speaks_or_accepts_in_another_s_name(team: Server, bob: Somebody) -> None:
    (p,) = team.pause_run("Dear Ann", agent="names")
    for more in ({"author": "alice"}, {"author_name": "Alice"}, {"state": "accepted"}, {"at": "2020-01-01T00:00:00Z"}):
        status, said = bob.call("POST", f"documents/{p.id}/comments", {"text": "hm", **more})
        assert (status, said["error"]) == (400, "BadRequest")
        assert next(iter(more)) in said["message"]
    better = bob.say(p, "", quote="Ann", suggestion="Bo")
    body = {"document": p.id, "state": "accepted", "state_by": "alice"}
    assert bob.call("PUT", f"comments/{better['id']}/state", body)[0] == 400
    assert [(c.author, c.state) for c in team.ledger.comments.list_on_document(p.id)] == [("bob", "open")]


def test_who_may_only_read_says_nothing(team: Server, bob: Somebody) -> None:
    (p,) = team.pause_run("Dear Ann", agent="readers")
    said = bob.say(p, "hm")
    reader = Somebody(team, "reader")
    assert reader.call("GET", f"documents/{p.id}/comments")[1]["comments"] == [said]
    for path in (f"documents/{p.id}/comments", f"proposals/{p.id}/comments"):
        assert reader.call("POST", path, {"text": "me too"})[0] == 403
    assert reader.mark(p, said, "resolved")[0] == 403
    assert team.ledger.comments.list_on_document(p.id)[0].state == "open"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "`text`"),
        ({"text": ""}, "a comment has 1 to 10000 characters, not 0"),
        ({"text": "  "}, "a comment has 1 to 10000 characters, not 0"),
        ({"text": "x" * 10_001}, "length <= 10000 - at `$.text`"),
        ({"text": "hm", "quote": "x" * 2_001}, "length <= 2000 - at `$.quote`"),
        ({"text": "hm", "prefix": "x" * 61}, "length <= 60 - at `$.prefix`"),
        ({"text": "hm", "suffix": 5}, "at `$.suffix`"),
        ({"text": "hm", "suggestion": "x"}, "a suggestion needs the quote that it replaces"),
        ({"text": "hm", "quote": "a", "suggestion": "x" * 100_001}, "length <= 100000 - at `$.suggestion`"),
        ({"text": "hm", "mentions": ["bob"] * 21}, "length <= 20 - at `$.mentions`"),
        ({"text": "hm", "mentions": [""]}, "length >= 1 - at `$.mentions[0]`"),
        ({"text": "hm", "mentions": "bob"}, "`$.mentions`"),
        ({"text": "hm", "anchor": [0, 3]}, "at `$.anchor`"),
        ({"text": "hm", "anchor": {"start": {}, "end": {}}}, "a position needs `item`, `tname` or `type`"),
        ({"text": "hm", "anchor": {**ANCHOR, "more": 1}}, "unknown field `more` - at `$.anchor`"),
        ({"text": "hm", "anchor": {**ANCHOR, "end": {"item": {"client": -1, "clock": 0}}}}, "$.anchor.end.item.client"),
        ({"text": "hm", "anchor": {**ANCHOR, "end": {"item": {"client": 0, "clock": 2**53}}}}, "$.anchor.end.item."),
        ({"text": "hm", "thread": "../x"}, "`$.thread`"),
    ],
)
def test_a_comment_that_is_not_as_it_must_be(team: Server, body: Any, sentence: str) -> None:
    (p,) = team.pause_run("Dear Ann", agent="bad")
    for path in (f"documents/{p.id}/comments", f"proposals/{p.id}/comments"):
        status, said = team.call("POST", path, body)
        assert (status, said["error"]) == (400, "BadRequest")
        assert sentence in said["message"]
    assert team.ledger.comments.list_on_document(p.id) == []


def test_what_is_not_there_is_named(team: Server, bob: Somebody) -> None:
    p, other = team.pause_run("Dear Ann", "Dear Bo", agent="nowhere")
    first = bob.say(p, "hm")
    answer = bob.say(p, "so", thread=first["id"])
    nowhere = "documents/aaaaaaaaaaaa/comments"
    for method, body in (("GET", None), ("POST", {"text": "hm"})):
        status, said = team.call(method, nowhere, body)
        assert (status, said["error"]) == (404, "UnknownProposal")
    for document, thread in ((p, "aaaaaaaaaaaa"), (other, first["id"])):
        status, said = bob.call("POST", f"documents/{document.id}/comments", {"text": "hm", "thread": thread})
        assert (status, said["error"]) == (404, "UnknownComment")
    assert bob.mark(other, first, "resolved")[1]["error"] == "UnknownComment"
    status, said = bob.call("POST", f"documents/{p.id}/comments", {"text": "hm", "thread": answer["id"]})
    assert (status, "answer the comment that it answers" in said["message"]) == (400, True)
    for comment, state in ((first, "accepted"), (answer, "resolved"), (first, "gone")):
        assert bob.mark(p, comment, state)[0] == 400


def test_the_feed_tells_of_comments_and_of_what_became_of_them(team: Server, bob: Somebody) -> None:
    (p,) = team.pause_run("Dear Ann", agent="feed")

    def names(message: Any) -> bool:
        return message["type"] == "changed" and p.id in message["proposals"]

    def check_message(during: Any) -> Any:
        last = team.listen(during, names)[-1]
        assert last["runs"] == [p.run]
        assert "secret" not in str(last)

    check_message(lambda: bob.say(p, "a secret", mentions=["alice"]))
    (said,) = bob.call("GET", f"documents/{p.id}/comments")[1]["comments"]
    check_message(lambda: bob.mark(p, said, "resolved"))
    check_message(lambda: team.ledger.comments.add(p.id, "of another process", author="ann"))
