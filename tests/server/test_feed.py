"""The live feed: what it tells connected browsers, whoever made the change."""

from __future__ import annotations

from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from hitl_nb.ledger.rows import audit_log as chain


def names(p: Any) -> Any:
    return lambda message: message["type"] == "changed" and p.id in message["proposals"]


def names_the_draft(p: Any) -> Any:
    return lambda message: message["type"] == "changed" and message["drafts"] == [p.id] and not message["proposals"]


def test_a_decision_of_another_process_is_told_by_id_and_nothing_else(server: Any) -> None:
    (p,) = server.pause_run("a secret", agent="told")
    hello, *_, last = server.listen(lambda: server.ledger.proposals.decide(p.id, "approve", reviewer="ann"), names(p))
    assert hello["type"] == "hello"
    assert hello["browser"]
    assert last["runs"] == [p.run]
    assert last["head"] > hello["head"]
    assert "secret" not in str(last)


def test_a_draft_and_a_comment_through_this_server_are_told(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="typed")

    def make_write(method: str, path: str, body: Any) -> Any:
        def write() -> None:
            assert server.call(method, f"proposals/{p.id}/{path}", body)[0] == 200

        return write

    server.listen(make_write("PUT", "draft", {"value": "Dear"}), names_the_draft(p))
    server.listen(make_write("POST", "comments", {"text": "hm"}), names(p))


def test_two_browsers_hear_the_same(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="both")
    heard: list[Any] = []

    def decide_while_another_listens() -> None:
        heard.extend(server.listen(lambda: server.ledger.proposals.decide(p.id, "approve", reviewer="ann"), names(p)))

    first = server.listen(decide_while_another_listens, names(p))
    assert first[-1]["proposals"] == heard[-1]["proposals"]


@pytest.mark.parametrize(
    "headers", [{"Authorization": ""}, {"Authorization": "token wrong"}, {"Origin": "http://evil"}]
)
def test_nobody_listens_without_credentials_or_from_another_origin(server: Any, headers: dict[str, str]) -> None:
    if "Origin" in headers:
        headers = {**headers, "Authorization": ""}
    with pytest.raises(HTTPClientError) as refused:
        server.listen(lambda: None, lambda message: True, **headers)
    assert refused.value.code == 403


def test_what_the_clock_did_is_told_by_kind_and_proposal(server: Any) -> None:
    (p,) = server.pause_run("a secret", agent="reminded")

    def remind() -> None:
        event = {"actor": "clock", "run": p.run, "proposal": p.id, "data": {"due": "2026-01-05T10:00:00Z"}}
        server.ledger.store.transact(lambda tx: chain.append_event(tx, "proposal.reminded", **event))

    *_, last = server.listen(remind, names(p))
    assert last["notices"] == [{"kind": "reminded", "proposal": p.id}]
