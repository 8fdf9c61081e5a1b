"""Requests about something large are answered by a process of their own, as the server itself would answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hitl_nb.errors import StoreBusy
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Snapshot
from hitl_nb.server.api import large_requests as largework
from hitl_nb.server.api.large_requests import LargeWork, answer_json, large_lane
from hitl_nb.server.api.route import Route
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.base.context import HitlNb, ServerContext
from hitl_nb.server.base.identity import Person
from hitl_nb.server.messages.request import RawRequest

ANN = Person("ann", "Ann", "login")
VALUE = {"rows": [{"n": i, "name": "x" * 20} for i in range(8_000)]}


@pytest.fixture(scope="module")
def work() -> Any:
    made = LargeWork()
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    made = ServerContext(HitlNb(store=f"diskcache://{tmp_path}/store"), tmp_path, SigningKey.of_this_user(), alone=True)
    yield made
    made.close()
    made.open_ledger().store.close()


def find_route(method: str, path: str) -> Route:
    return next(route for route in ROUTES if (route.method, route.path) == (method, path))


def pause_run(ledger: Ledger, value: Any = VALUE, **asked: Any) -> Any:
    _, claim = ledger.runs.open(agent="letters", notebook="letters.ipynb")
    return ledger.runs.pause(
        claim, Snapshot(envelope=b"state"), [build_question(value, title="Letters", **asked)]
    ).proposals[0]


def make_request(id_: str, body: Any = None) -> RawRequest:
    return RawRequest(ANN, id_, {}, b"" if body is None else json.dumps(body).encode())


def restart(work: LargeWork) -> None:
    work.close()  # another test's data directory has another key


def test_an_edit_in_a_worker_is_decided_signed_and_answered_as_in_the_server(
    desk: ServerContext, work: LargeWork
) -> None:
    restart(work)
    p = pause_run(desk.open_ledger())
    reading = find_route("GET", "proposals/{id}")
    assert work.answer(desk, desk.open_ledger(), reading, make_request(p.id)).body == answer_json(
        desk, desk.open_ledger(), reading, make_request(p.id)
    )
    edited = {"rows": [*VALUE["rows"][:-1], {"n": -1, "name": "last"}]}
    deciding = find_route("POST", "proposals/{id}/decision")
    body = {"action": "edit", "value": edited, "revision": p.revision, "fingerprint": p.fingerprint}
    wrong = work.answer(desk, desk.open_ledger(), deciding, make_request(p.id, {**body, "value": []}))
    assert (wrong.status, json.loads(wrong.body)["error"]) == (422, "InvalidEdit")
    in_page = replace(make_request(p.id, body), person=replace(ANN, page=p.id))
    assert work.answer(desk, desk.open_ledger(), deciding, in_page).status == 200
    decided = desk.open_ledger().proposals.list_of_run(p.run)[0]
    assert decided.decision is not None
    assert (decided.decision.value, decided.decision.surface) == (edited, "page")
    assert desk.open_ledger().reviewers.identify(decided) == "login"
    again = work.answer(desk, desk.open_ledger(), deciding, make_request(p.id, body))
    assert (again.status, json.loads(again.body)["proposal"]["decision"]["reviewer"]) == (409, "ann")


def test_what_is_not_as_the_route_takes_it_is_refused_by_a_worker_too(desk: ServerContext, work: LargeWork) -> None:
    restart(work)
    p = pause_run(desk.open_ledger())
    checking = find_route("POST", "proposals/{id}/check")
    for body in (b'{"value": ' + b"[" * 100_000, b'{"value": 1', b"\xff", b'{"value": "\\ud800"}'):
        said = work.answer(desk, desk.open_ledger(), checking, RawRequest(ANN, p.id, {}, body))
        assert said.status in (400, 422), (body[:20], said)
    assert work.answer(desk, desk.open_ledger(), checking, make_request("aaaaaaaaaaaa", {"value": 1})).status == 404


def test_a_worker_that_ends_or_hangs_is_reported_and_replaced(
    desk: ServerContext, work: LargeWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    restart(work)
    late = {"type": "object", "properties": {"name": {"type": "string", "pattern": "^(?=a)(a+)+$"}}}
    p = pause_run(desk.open_ledger(), {"name": "ann"}, schema=late)
    checking = find_route("POST", "proposals/{id}/check")
    assert work.answer(desk, desk.open_ledger(), checking, make_request(p.id, {"value": {"name": "aa"}})).status == 200
    monkeypatch.setattr(largework, "WORK_SECONDS", 0.5)
    with pytest.raises(StoreBusy, match="took longer"):
        work.answer(desk, desk.open_ledger(), checking, make_request(p.id, {"value": {"name": "a" * 40 + "!"}}))
    monkeypatch.setattr(largework, "WORK_SECONDS", 60)
    assert work.answer(desk, desk.open_ledger(), checking, make_request(p.id, {"value": {"name": "aa"}})).status == 200


def test_a_key_that_was_replaced_signs_nothing(desk: ServerContext, work: LargeWork, tmp_path: Path) -> None:
    restart(work)
    p = pause_run(desk.open_ledger())
    (tmp_path / "data" / "hitl_nb" / "server_key").unlink()
    body = {"action": "approve", "revision": p.revision, "fingerprint": p.fingerprint}
    with pytest.raises(RuntimeError, match="key was replaced"):
        work.answer(desk, desk.open_ledger(), find_route("POST", "proposals/{id}/decision"), make_request(p.id, body))
    assert desk.open_ledger().proposals.load(p.id).status == "open"


def test_only_an_edit_waits_for_checks() -> None:
    deciding = find_route("POST", "proposals/{id}/decision")
    lanes = [deciding.lane_of(make_request("a", {"value": [1], "action": action})) for action in ("edit", "approve")]
    assert [large_lane(lane) for lane in lanes] == ["large checks", "large lists"]
    assert deciding.lane_of(RawRequest(ANN, "a", {}, b"[" * 100_000)) == "records"


def test_only_a_list_that_needs_the_index_waits_for_it() -> None:
    listing = find_route("GET", "proposals")
    queries: list[dict[str, str]] = [
        {},
        {"mine": "1"},
        {"status": "decided", "q": "ann"},
        {"q": "ann"},
        {"sort": "due"},
    ]
    assert [listing.lane_of(RawRequest(ANN, "", query, b"")) for query in queries] == [
        *["records"] * 3,
        "lists",
        "lists",
    ]
    assert listing.lane_of(RawRequest(ANN, "", {"sort": "x" * 99}, b"")) == "records"


def test_no_other_call_waits_for_a_verification_of_the_log() -> None:
    request = RawRequest(ANN, "a", {}, b"{}")
    lanes = {(route.method, route.path): route.lane_of(request) for route in ROUTES}
    verifying = [("GET", "events/verify"), ("GET", "runs/{id}/verify")]
    assert {lanes.pop(one) for one in verifying} == {"verification"}
    assert "verification" not in lanes.values()
    assert large_lane("verification") not in {large_lane(lane) for lane in lanes.values()}
