"""The OpenAPI file against the running server: what it describes is what is answered, whatever is sent."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hitl_nb_server import Server
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import hitl_nb as hitl
from hitl_nb.drafts.draft import Draft
from hitl_nb.evidence.context import convert_context
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.rows.requesters import os_user
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Snapshot, Terms
from hitl_nb.server.api.openapi import NDJSON, build_document
from hitl_nb.server.api.route import Route
from hitl_nb.server.api.routes import ROUTES
from tests.evidence.pictures import png

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


@pytest.fixture(scope="module")
def api(server: Any) -> Any:
    found = schemathesis.openapi.from_url(
        f"http://127.0.0.1:{server.port}/hitl_nb/api/openapi.json", headers={"Authorization": f"token {server.token}"}
    )
    found.validate()
    assert found.raw_schema == build_document()
    return found


@pytest.fixture(scope="module")
def known_records(server: Any) -> Any:
    """Proposals of every state, and their runs."""
    table = {"columns": [{"name": "sku", "type": "text"}], "rows": [["a"]]}
    made = server.pause_run("Dear Ann", {"amount": 1}, ["a", "b"], table, 3.5, None, agent="described", context="why")
    server.ledger.proposals.decide(made[0].id, "edit", value="Dear Ms Ann", reason="polite", reviewer="ann")
    server.ledger.comments.add(made[1].id, "hm", author="bob")
    Draft.for_proposal(server.ledger.store, made[1]).write_value({"amount": 2}, "ann")
    (old,) = server.pause_run("gone", agent="described")  # supersedes those above
    (last,) = server.pause_run("ready", agent="ready")
    server.ledger.proposals.decide(last.id, "approve", reviewer="ann")
    return [*server.pause_run("Dear Cy", {"amount": 1}, agent="fresh"), *made, old, last]


def send_case(server: Any, case: Any) -> Any:
    return case.call(headers={"Authorization": f"token {server.token}"})


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name.lower())
@every_route
def test_whatever_is_sent_the_answer_is_as_described(
    server: Any, api: Any, known_records: Any, route: Route, mode: schemathesis.GenerationMode
) -> None:
    operation = api[f"/hitl_nb/api/{route.path}"][route.method]
    if mode is schemathesis.GenerationMode.NEGATIVE and not (route.body or operation.query or "{id}" in route.path):
        pytest.skip("takes nothing that could be wrong")
    ids = st.sampled_from(
        [one for p in known_records for one in ((p.run,) if route.path.startswith("runs") else (p.id,))]
    )

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), there=st.none() | ids)
    def send(case: Any, there: str | None) -> None:
        if there is not None and "{id}" in route.path:
            case.path_parameters["id"] = there
        case.validate_response(send_case(server, case), checks=CHECKS)

    send()


def shown_version(p: Any) -> dict[str, Any]:
    return {"revision": p.revision, "fingerprint": p.fingerprint}


ANCHOR = {"start": {"tname": "source", "assoc": 0}, "end": {"item": {"client": 1, "clock": 2}, "assoc": -1}}
CELL = {"path": "letters.ipynb", "agent": "done", "pause": 1, "key": ""}
SESSION = "made-up-by-a-script"
BODIES: dict[str, Callable[[Any], Any]] = {
    "POST proposals/{id}/check": lambda p: {"value": "Dear"},
    "PUT proposals/{id}/draft": lambda p: {"value": "Dear"},
    "POST proposals/{id}/comments": lambda p: {"text": "hm"},
    "POST documents/{id}/comments": lambda p: {"text": "hm", "quote": "Ann", "anchor": ANCHOR, "suggestion": "Bo"},
    "PUT comments/{id}/state": lambda p: {"document": p.id, "state": "resolved"},
    "PUT proposals/{id}/assignee": lambda p: {"assignee": "bob"},
    "POST proposals/{id}/decision": lambda p: {
        "action": "edit",
        "value": "Dear",
        "reason": "short",
        **shown_version(p),
    },
    "POST proposals/{id}/undo": lambda p: {},
    "POST proposals/{id}/flag": lambda p: {"reason": "paid twice"},
    "PUT people/me/away": lambda p: {"until": "2999-01-01T00:00:00Z", "to": "bo"},
    "POST decisions": lambda p: {"action": "approve", "proposals": [{"id": p.id, **shown_version(p)}]},
    "POST workspaces": lambda p: {"name": "nightly", "title": "Other", "session": SESSION, "template": "Hello"},
    "POST workspaces/{id}/writes": lambda p: {"do": "append", "key": "append/1", "text": "More.", "session": SESSION},
    "POST workspaces/{id}/reads": lambda p: {"what": "comments", "key": "comments/1", "session": SESSION},
    "POST workspaces/{id}/wait": lambda p: {"key": "wait/1", "context": {"why": "now"}, "session": SESSION},
    "POST workspaces/{id}/close": lambda p: {"session": SESSION},
    "POST runs/{id}/resume": lambda p: {"browser": "one"},
    "POST runs/{id}/cancel": lambda p: {},
    "POST runs/{id}/restart": lambda p: {},
    "POST runs/{id}/adopt": lambda p: {"path": "adopting.ipynb"},
    "POST runs/{id}/forget": lambda p: {},
}


def make_settling(server: Any) -> Any:
    """A proposal that the server's user has approved, and may take back."""
    _, claim = server.ledger.runs.open(agent="settling", notebook=str(server.folder / "letters.ipynb"))
    plan = Plan("ask", (), (), Terms(undo=3600.0), ("approve", "reject"))
    (p,) = server.ledger.runs.pause(
        claim, Snapshot(envelope=b""), [build_question("Dear", title="Letter")], plans=[plan]
    ).proposals
    return server.ledger.proposals.decide(p.id, "approve", reviewer=os_user())


def ask_with_picture(server: Any) -> Any:
    """A proposal with a picture as evidence."""
    _, claim = server.ledger.runs.open(agent="pictures", notebook=str(server.folder / "letters.ipynb"))
    shown = convert_context({"dot": hitl.image(png(), alt="A dot")})
    question = build_question("x", title="Letter", context=shown.context, evidence=shown.blocks)
    return server.ledger.runs.pause(claim, Snapshot(envelope=b""), [question], blobs=shown.blobs).proposals[0]


@every_route
def test_what_is_done_is_answered_as_described(server: Any, api: Any, route: Route) -> None:
    (p,) = server.pause_run("Dear Ann", agent="done")
    if route.path.endswith("/headless"):
        pytest.skip("needs a server that may; see test_headless.py")
    if route.path.endswith(("/resume", "/timeline", "/flag")):
        server.ledger.proposals.decide(p.id, "edit", value="Dear", reason="short", reviewer="ann")
    if route.path.endswith("/adopt"):
        (server.folder / "adopting.ipynb").write_text("{}")
    if route.path.endswith("/undo"):
        p = make_settling(server)
    if route.path.endswith("/evidence/{sha}"):
        p = ask_with_picture(server)
    opening = {"name": f"{route.method} {route.path}", "title": "Report", "session": SESSION}
    _, written = server.call("POST", "workspaces", opening)
    comment = server.ledger.comments.add(p.id, "hm", author="ann")
    named = {"runs": p.run, "comments": comment.id, "workspaces": written["id"]}
    parameters = {"id": named.get(route.path.split("/")[0], p.id), "sha": hashlib.sha256(png()).hexdigest()}
    parameters = {name: value for name, value in parameters.items() if f"{{{name}}}" in route.path}
    said = api[f"/hitl_nb/api/{route.path}"][route.method].Case(
        path_parameters=parameters,
        query={"pauses": CELL, "policy": {"path": "letters.ipynb"}}.get(route.path, {}),
        **({"body": BODIES[f"{route.method} {route.path}"](p), "media_type": "application/json"} if route.body else {}),
    )
    answer = send_case(server, said)
    assert answer.status_code == 200, answer.text
    said.validate_response(answer, checks=CHECKS)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("proposals/{id}/decision", {"action": "edit", "value": 7}, 422),
        ("proposals/{id}/check", {"value": 7}, 422),
        ("proposals/{id}/decision", {"action": "approve", "revision": 9}, 409),
        ("runs/{run}/resume", {"browser": "one"}, 409),
        ("runs/{run}/headless", {"browser": "one"}, 409),
        ("proposals/aaaaaaaaaaaa/comments", {"text": "hm"}, 404),
    ],
)
def test_what_is_refused_is_told_as_described(server: Any, api: Any, path: str, body: Any, status: int) -> None:
    (p,) = server.pause_run("Dear Ann", agent="refused")
    if "action" in body:
        body = {**shown_version(p), **body}
    named = "/".join("{id}" if i == 1 else part for i, part in enumerate(path.split("/")))
    case = api[f"/hitl_nb/api/{named}"]["POST"].Case(
        path_parameters={"id": path.split("/")[1].format(id=p.id, run=p.run)}, body=body, media_type="application/json"
    )
    answer = send_case(server, case)
    assert answer.status_code == status, answer.text
    case.validate_response(answer, checks=CHECKS)


def test_an_answer_that_is_not_as_described_is_noticed(server: Any, api: Any) -> None:
    told = copy.deepcopy(build_document())
    told["components"]["schemas"]["StatusResponse"]["required"].append("missing")
    other = schemathesis.openapi.from_dict(told)
    other.config.update(base_url=f"http://127.0.0.1:{server.port}")
    case = other["/hitl_nb/api/status"]["GET"].Case()
    with pytest.raises(FailureGroup):
        case.validate_response(send_case(server, case), checks=CHECKS)


def test_the_lines_of_the_export_are_the_bytes_that_are_hashed(server: Any) -> None:
    server.pause_run("Dear Ann – ⚙", agent="exported")
    described = build_document()["paths"]["/hitl_nb/api/events/export"]["get"]["responses"]["200"]["content"]
    assert set(described) == {NDJSON}
    for after in (0, server.ledger.audit.newest_event_number() - 1, server.ledger.audit.newest_event_number()):
        answer = export_events(server, after)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, NDJSON)
        assert answer.content == b"".join(
            raw + b"\n" for raw in server.ledger.audit.read_raw_events(after=after, limit=10**6)
        )
    assert export_events(server, -1).json()["error"] == "BadRequest"


def test_a_long_log_is_exported_by_the_page(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="long")
    for _ in range(
        0 if server.ledger.audit.newest_event_number() > 2500 else 2500 - server.ledger.audit.newest_event_number()
    ):
        server.ledger.proposals.assign(p.id, "bob", actor="ann")
    lines = export_events(server, 0).content.splitlines()
    assert lines == server.ledger.audit.read_raw_events(limit=10**6)
    assert len(lines) >= 2500


def export_events(server: Any, after: int) -> Any:
    url = f"http://127.0.0.1:{server.port}/hitl_nb/api/events/export?after={after}"
    return requests.get(url, headers={"Authorization": f"token {server.token}"}, timeout=60)


def list_ids(server: Any, query: str) -> list[str]:
    status, said = server.call("GET", f"proposals?{query}")
    assert status == 200, said
    return [p["id"] for p in said["proposals"]]


def test_proposals_are_found_by_age(server: Any) -> None:
    (old,) = server.pause_run("old", agent="aged")
    server.ledger.proposals.decide(old.id, "approve", reviewer="ann")
    time.sleep(1.5)
    (new,) = server.pause_run("new", agent="young")
    (also,) = server.pause_run("old", agent="aged")
    age = (datetime.now(UTC) - new.created_at).total_seconds() + 0.7
    assert list_ids(server, f"agent=aged&status=closed&older_than={age}") == [old.id]
    assert list_ids(server, f"agent=aged&status=closed&newer_than={age}") == []
    assert list_ids(server, f"agent=aged&newer_than={age}") == [also.id]
    assert list_ids(server, f"agent=aged&older_than={age}") == []
    assert list_ids(server, "agent=young&older_than=0&newer_than=900") == [new.id]
    assert server.call("GET", "proposals?older_than=-1")[0] == 400
    assert server.call("GET", "proposals?newer_than=nan")[0] == 400


def test_proposals_that_wait_are_found_by_whose_they_are_page_by_page(server: Any) -> None:
    made = server.pause_run(*(f"Dear {i}" for i in range(450)), agent="crowd")
    his = [p.id for p in made[::50]]
    for one in his:
        server.ledger.proposals.assign(one, "carl", actor="ann")
    first = server.call("GET", "proposals?agent=crowd&reviewer=carl&limit=5")[1]
    second = server.call("GET", f"proposals?agent=crowd&reviewer=carl&limit=5&cursor={first['next']}")[1]
    assert [p["id"] for p in first["proposals"]] == his[:5]
    assert [p["id"] for p in second["proposals"]] == his[5:]
    assert second["next"] is None


def test_a_cell_finds_its_pause_by_the_run_s_key(server: Any) -> None:
    notebook = str(server.folder / "letters.ipynb")
    asked: dict[str, str] = {}
    for key in ("", "north"):
        _, claim = server.ledger.runs.open(agent="keyed", notebook=notebook, key=key)
        (p,) = server.ledger.runs.pause(
            claim, Snapshot(envelope=b"state"), [build_question("Dear Ann", title="Letter")]
        ).proposals
        asked[key] = p.id
    for query, expected in (("", "north"), ("&key=north", "north"), ("&key=", "")):
        said = server.call("GET", f"pauses?path=letters.ipynb&agent=keyed&pause=1{query}")[1]
        assert [p["id"] for p in said["proposals"]] == [asked[expected]]
    assert server.call("GET", "pauses?path=letters.ipynb&agent=keyed&pause=1&key=south")[0] == 404
    assert server.call("GET", "pauses?path=letters.ipynb&agent=keyed")[0] == 400


@pytest.mark.parametrize("path", ["proposals/a%20b", "nothing", "proposals/x/y", "proposals/%ff", "runs/" + "a" * 65])
def test_a_path_that_is_no_call_is_answered_as_json(server: Any, path: str) -> None:
    status, said = server.call("GET", path)
    assert (status, said["error"]) == (404, "NotFound")
    assert server.call("GET", path, Authorization="")[0] == 403
    assert server.call("POST", "openapi.json", {})[1]["error"] == "MethodNotAllowed"


HUGE = b"1" * 5000


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 900 + b"]" * 900,
        b"[" * 990 + b"]" * 990,
        b"[" * 100_000,
        HUGE,
        b'"\\ud800"',
        b"1e999",
        b"-0.0",
        b'{"a": 1, "a": 2}',
        b"NaN",
    ],
)
def test_odd_json_never_breaks_the_server(server: Any, value: bytes) -> None:
    (p,) = server.pause_run(["Dear Ann"], agent="odd")
    revision = b'{"action": "edit", "fingerprint": "%b", "revision": %b, "value": %b}'
    for method, path, body in (
        ("POST", "check", b'{"value": %b}' % value),
        ("PUT", "draft", b'{"value": %b}' % value),
        ("POST", "decision", revision % (p.fingerprint.encode(), b"1", value)),
        ("POST", "decision", revision % (p.fingerprint.encode(), HUGE, value)),
        ("POST", "comments", b'{"text": %b}' % value),
    ):
        status, said = server.call(method, f"proposals/{p.id}/{path}", body)
        assert status in (200, 400, 409, 422), (path, said)
    assert server.call("GET", f"proposals/{p.id}")[0] == 200


def test_an_export_of_a_damaged_log_breaks_off_so_that_it_is_noticed(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        (p,) = server.pause_run("Dear Ann", agent="damaged")
        while server.ledger.audit.newest_event_number() < 1100:
            server.ledger.proposals.assign(p.id, "bob", actor="ann")
        server.ledger.store.transact(lambda tx: tx.put("event/000000001050", b"\x00hitl/large/v1\x00{}"))
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            export_events(server, 0)
        assert export_events(server, 1040).json()["error"] == "StoreCorrupt"
        assert server.call("GET", "status")[0] == 200
    finally:
        server.close()
