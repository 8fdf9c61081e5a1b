"""The REST API of a real server: reviewing as a browser does, and everything that is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hitl_nb_server import Server
from pydantic import BaseModel, Field

from hitl_nb.errors import Untrusted
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.records import Question, Snapshot
from hitl_nb.server.api.route import LARGE
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.base.context import GRANT_SECONDS, HitlNb, ResumeGrants, ServerContext
from hitl_nb.storage import open_store
from tests.indoubt import in_doubt


class Refund(BaseModel):
    order: str
    amount: float = Field(ge=0, le=500)


def shown_version(p: Any) -> dict[str, Any]:
    return {"revision": p.revision, "fingerprint": p.fingerprint}


def test_the_status_says_whose_store_it_is_and_that_a_token_names_nobody(server: Any) -> None:
    status, said = server.call("GET", "status")
    assert status == 200
    assert said["store"] == server.ledger.store.url
    assert (said["authn"], said["may"], said["decide_refused"]) == ("token", {"decide": True}, None)


def test_what_waits_is_listed_by_the_page_and_shown_in_full(server: Any) -> None:
    made = server.pause_run("Dear Ann", "Dear Bo", "Dear Cy", agent="pages")
    _, first = server.call("GET", "proposals?agent=pages&limit=2")
    _, second = server.call("GET", f"proposals?agent=pages&limit=2&cursor={first['next']}")
    assert [p["id"] for p in first["proposals"] + second["proposals"]] == [p.id for p in made]
    assert second["next"] is None
    assert "value" not in first["proposals"][0]
    assert first["proposals"][0]["summary"] == "Dear Ann"
    status, said = server.call("GET", f"proposals/{made[1].id}")
    assert (status, said["value"], said["path"]) == (200, "Dear Bo", "letters.ipynb")


def test_a_cell_finds_the_proposals_of_its_pause(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="cell")
    status, said = server.call("GET", "pauses?path=letters.ipynb&agent=cell&pause=1")
    assert (status, [one["id"] for one in said["proposals"]], said["run"]["id"]) == (200, [p.id], p.run)
    status, said = server.call("GET", "pauses?path=letters.ipynb&agent=cell&pause=2")
    assert (status, said["error"]) == (404, "UnknownRun")
    assert server.ledger.store.url in said["message"]
    status, said = server.call("GET", "pauses?path=../secret.ipynb&agent=cell&pause=1")
    assert (status, said["error"]) == (400, "BadRequest")


def test_a_draft_is_kept_and_an_edit_decided(server: Any) -> None:
    (p,) = server.pause_run(Refund(order="5678", amount=120), agent="edits")
    assert server.call("PUT", f"proposals/{p.id}/draft", {"value": {"order": "5678", "amount": 9}})[0] == 200
    assert server.call("GET", f"proposals/{p.id}")[1]["draft"] == {"order": "5678", "amount": 9}
    edit = {"action": "edit", "value": {"order": "5678", "amount": 99.5}, "reason": "shipping", **shown_version(p)}
    status, said = server.call("POST", f"proposals/{p.id}/decision", edit)
    assert status == 200
    assert said["run"]["status"] == "ready"
    assert '+  "amount": 99.5' in said["proposal"]["changes"]
    decision = server.ledger.proposals.load(p.id).decision
    assert (decision.action, decision.value["amount"], decision.reason) == ("edit", 99.5, "shipping")
    assert (decision.authn, decision.assurance) == ("token", "A0")


def test_an_edit_that_does_not_fit_is_refused_field_by_field_and_nothing_is_decided(server: Any) -> None:
    (p,) = server.pause_run(Refund(order="5678", amount=120), agent="misfit")
    edit = {"action": "edit", "value": {"order": 1, "amount": 900}, **shown_version(p)}
    for path, body in ((f"proposals/{p.id}/decision", edit), (f"proposals/{p.id}/check", {"value": edit["value"]})):
        status, said = server.call("POST", path, body)
        assert (status, said["error"], set(said["fields"])) == (422, "InvalidEdit", {"order", "amount"})
    assert server.ledger.proposals.load(p.id).status == "open"


def test_the_second_reviewer_is_told_who_decided_what(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="twice")
    server.ledger.proposals.decide(p.id, "reject", reason="too early", reviewer="alice")
    status, said = server.call("POST", f"proposals/{p.id}/decision", {"action": "approve", **shown_version(p)})
    assert (status, said["error"], said["proposal"]["decision"]["reviewer"]) == (409, "AlreadyDecided", "alice")
    assert "too early" in said["message"]


@pytest.mark.parametrize("other", [{"revision": 7}, {"fingerprint": "0" * 64}])
def test_a_decision_on_something_else_than_what_is_asked_is_refused(server: Any, other: dict[str, Any]) -> None:
    (p,) = server.pause_run("Dear Ann", agent="stale")
    status, said = server.call("POST", f"proposals/{p.id}/decision", {"action": "approve", **shown_version(p), **other})
    assert (status, said["error"], said["proposal"]["id"]) == (409, "StaleDraft", p.id)
    (name, asked) = next(iter(other.items()))
    assert said["difference"] == {name: {"shown": asked, "now": getattr(p, name)}}
    many = {"action": "approve", "proposals": [{"id": p.id, **shown_version(p), **other}]}
    assert server.call("POST", "decisions", many)[0] == 409
    assert server.ledger.proposals.load(p.id).status == "open"


def test_several_are_decided_together_or_none(server: Any) -> None:
    made = server.pause_run("a", "b", "c", agent="many")
    server.ledger.proposals.decide(made[2].id, "reject", reviewer="alice")
    every = {"action": "approve", "proposals": [{"id": p.id, **shown_version(p)} for p in made]}
    assert server.call("POST", "decisions", every)[0] == 409
    assert server.ledger.proposals.load(made[0].id).status == "open"
    two = {**every, "proposals": every["proposals"][:2]}
    status, said = server.call("POST", "decisions", two)
    assert (status, [p["status"] for p in said["proposals"]]) == (200, ["decided", "decided"])


def test_several_are_not_approved_if_a_draft_was_edited(server: Any) -> None:
    found = server.pause_run("Dear Ann", "Dear Bo", agent="edited-batch")
    assert server.call("PUT", f"proposals/{found[1].id}/draft", {"value": "Dearest Bo"})[0] == 200
    shown = [{"id": p.id, **shown_version(p)} for p in found]
    status, said = server.call("POST", "decisions", {"action": "approve", "drafted": True, "proposals": shown})
    assert (status, said["error"], said["proposal"]["id"]) == (409, "StaleDraft", found[1].id)
    assert {server.ledger.proposals.load(p.id).status for p in found} == {"open"}
    body = {"action": "approve", "drafted": True, "proposals": shown[:1]}
    assert server.call("POST", "decisions", body)[0] == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b'{"action": "approve"}', {}, 400),
        (b'{"action": "shout", "revision": 1, "fingerprint": ""}', {}, 400),
        (b'{"action": "approve", "revision": 1, "fingerprint": "", "sudo": true}', {}, 400),
        (b"\xff", {}, 400),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b" " * (LARGE + 1), {}, 413),
    ],
)
def test_bad_bodies_are_refused_with_a_sentence(server: Any, body: bytes, headers: dict[str, str], status: int) -> None:
    (p,) = server.pause_run("Dear Ann", agent="bodies")
    found, said = server.call("POST", f"proposals/{p.id}/decision", body, **headers)
    assert (found, said["error"]) == (status, "BadRequest")
    assert said["message"]


def test_unknown_ids_and_bad_numbers(server: Any) -> None:
    assert server.call("GET", "proposals/aaaaaaaaaaaa")[1]["error"] == "UnknownProposal"
    assert server.call("GET", "runs/aaaaaaaaaaaa")[1]["error"] == "UnknownRun"
    assert server.call("GET", "proposals?limit=9999")[1]["error"] == "BadRequest"
    assert server.call("GET", "proposals/..%2f..%2fetc")[0] == 404


def test_runs_and_the_audit_log(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="log")
    assert server.call("GET", "runs?agent=log")[1]["runs"][0]["id"] == p.run
    assert server.call("GET", f"runs/{p.run}")[1]["proposals"][0]["id"] == p.id
    assert server.call("POST", f"runs/{p.run}/cancel", {})[1]["run"]["status"] == "cancelled"
    assert server.call("GET", "events?limit=1")[1] == {**server.call("GET", "events?limit=1")[1], "next": 1}
    assert server.call("GET", "events/verify")[1]["ok"] is True


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_nobody_gets_in_without_credentials(server: Any, route: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="walk")
    path = route.path.replace("{id}", p.id).replace("{sha}", "0" * 64)
    body = b"{}" if route.method != "GET" else None
    own = {"Cookie": "_xsrf=mine", "X-XSRFToken": "mine"}
    for headers in ({"Authorization": ""}, {"Authorization": "token wrong"}, {"Authorization": "", **own}):
        status, said = server.call(route.method, path, body, **headers)
        assert status == 403, said
    assert server.ledger.proposals.load(p.id).status == "open"


def test_the_api_describes_itself(server: Any) -> None:
    status, said = server.call("GET", "openapi.json")
    described = {(m.upper(), path) for path, calls in said["paths"].items() for m in calls}
    assert status == 200
    assert described == {(route.method, f"/hitl_nb/api/{route.path}") for route in ROUTES}
    assert server.call("GET", "openapi.json", Authorization="")[0] == 403


def test_a_decision_is_signed_by_the_server_and_kernels_pin_its_key(server: Any, monkeypatch: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="signed")
    assert server.call("POST", f"proposals/{p.id}/decision", {"action": "approve", **shown_version(p)})[0] == 200
    monkeypatch.setenv("HITL_NB_SIGNED_ONLY", "1")
    monkeypatch.setenv("HITL_NB_SERVER_KEY", server.public_key())
    assert server.ledger.proposals.list_of_run(p.run)[0].status == "decided"
    monkeypatch.setenv("HITL_NB_SERVER_KEY", "A" * 43 + "=")
    with pytest.raises(Untrusted):
        server.ledger.proposals.list_of_run(p.run)


def test_comments_and_whose_it_is(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="talk")
    status, said = server.call("POST", f"proposals/{p.id}/comments", {"text": " why? "})
    assert (status, said["comment"]["text"]) == (200, "why?")
    assert server.call("POST", f"proposals/{p.id}/comments", {"text": ""})[0] == 400
    assert server.call("PUT", f"proposals/{p.id}/assignee", {"assignee": "bob"})[1]["proposal"]["assignee"] == "bob"
    assert server.call("PUT", f"proposals/{p.id}/assignee", {"assignee": ""})[0] == 400
    found = server.call("GET", f"proposals/{p.id}")[1]
    assert [c["text"] for c in found["comments"]] == ["why?"]
    status, said = server.call("POST", f"proposals/{p.id}/decision", {"action": "approve", **shown_version(p)})
    assert (status, said["proposal"]["comments"]) == (200, found["comments"])


def test_a_draft_is_forgotten(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="dropped")
    server.call("PUT", f"proposals/{p.id}/draft", {"value": "Dear"})
    assert server.call("DELETE", f"proposals/{p.id}/draft")[0] == 200
    assert server.call("GET", f"proposals/{p.id}")[1]["has_draft"] is False


def test_what_was_decided_is_listed_newest_first(server: Any) -> None:
    made = server.pause_run("a", "b", agent="past")
    for p, who in zip(made, ("ann", "bob"), strict=True):
        server.ledger.proposals.decide(p.id, "approve", reviewer=who)
    past = server.call("GET", "proposals?agent=past&status=decided")[1]["proposals"]
    assert [p["id"] for p in past] == [made[1].id, made[0].id]
    only = server.call("GET", "proposals?agent=past&status=decided&reviewer=ann")[1]["proposals"]
    assert [p["id"] for p in only] == [made[0].id]
    assert server.call("GET", "proposals?status=lost")[0] == 400
    assert server.call("GET", "runs?status=lost")[0] == 400


def test_the_timeline_of_a_run(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="lanes")
    server.ledger.proposals.decide(p.id, "approve", reviewer="ann")
    entries = server.call("GET", f"runs/{p.run}/timeline")[1]["entries"]
    assert [e["type"] for e in entries] == ["opened", "working", "waiting", "paused", "decision"]
    assert all({"at", "until", "seconds", "what", "actor", "titles", "detail", "n"} <= set(e) for e in entries)
    assert [e["titles"] for e in entries if e["type"] in ("waiting", "decision")] == [[p.title], [p.title]]


def test_one_browser_goes_on(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="grants")
    assert server.call("POST", f"runs/{p.run}/resume", {"browser": "one"})[0] == 409
    server.ledger.proposals.decide(p.id, "approve", reviewer="ann")
    assert server.call("POST", f"runs/{p.run}/resume", {"browser": "one"})[1]["granted"] is True
    status, said = server.call("POST", f"runs/{p.run}/resume", {"browser": "two"})
    assert (status, said["error"], said["owner"]) == (409, "RunClaimed", "one")
    assert server.call("POST", f"runs/{p.run}/resume", {"browser": "one"})[0] == 200


LEAVE_A_RUN = """
import os, sys
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store
run, _ = Ledger(open_store(sys.argv[1])).runs.open(agent="cut", notebook=sys.argv[2])
print(run.id, flush=True)
sys.stdin.read()
os._exit(1)
"""


def test_a_run_can_be_continued_when_the_process_that_executed_it_is_gone(server: Any) -> None:
    command = [sys.executable, "-c", LEAVE_A_RUN, server.ledger.store.url, str(server.folder / "letters.ipynb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        run = process.stdout.readline().strip()
        status, said = server.call("POST", f"runs/{run}/resume", {"browser": "one"})
        assert (status, said["error"]) == (409, "RunClaimed")  # its process lives
        process.communicate("")
    assert server.ledger.runs.load(run).status == "running"
    assert server.call("POST", f"runs/{run}/resume", {"browser": "one"})[1]["granted"] is True
    server.ledger.runs.cancel(run, actor="test")


def test_a_browser_that_does_nothing_with_its_grant_loses_it() -> None:
    now = [0.0]
    grants = ResumeGrants(lambda: now[0])
    assert [grants.grant("run", 1, "one"), grants.grant("run", 1, "two")] == ["one", "one"]
    now[0] = GRANT_SECONDS + 1
    assert grants.grant("run", 1, "two") == "two"
    assert grants.grant("run", 2, "one") == "one"


def test_a_method_that_a_path_does_not_have(server: Any) -> None:
    assert server.call("PUT", "status", {})[0] == 405
    assert server.call("PUT", "status", {}, Authorization="")[0] == 403


def test_a_store_that_was_closed_is_opened_again(tmp_path: Path) -> None:
    key = SigningKey(Ed25519PrivateKey.generate())
    desk = ServerContext(HitlNb(store=f"diskcache://{tmp_path}/store"), tmp_path, key, alone=True)
    first = desk.open_ledger()
    assert desk.open_ledger() is first
    first.store.close()
    assert desk.open_ledger().proposals.list_open() == []
    desk.open_ledger().store.close()
    desk.close()


def test_runs_of_notebooks_that_are_gone(server: Any) -> None:
    run, claim = server.ledger.runs.open(agent="left", notebook=str(server.folder / "gone.ipynb"))
    server.ledger.runs.pause(
        claim, Snapshot(envelope=b"state"), [Question(title="Send?", kind="text", value="Dear Ann")]
    )
    (found,) = server.call("GET", "runs?orphaned=1&agent=left")[1]["runs"]
    assert (found["id"], found["orphaned"], found["notebook_id"]) == (run.id, True, run.notebook_id)
    assert server.call("POST", f"runs/{run.id}/adopt", {"path": "nowhere.ipynb"})[0] == 409
    assert server.call("POST", f"runs/{run.id}/adopt", {"path": "../out.ipynb"})[0] == 400
    (server.folder / "found.ipynb").write_text("{}")
    status, adopted = server.call("POST", f"runs/{run.id}/adopt", {"path": "found.ipynb"})
    assert (status, adopted["run"]["path"]) == (200, "found.ipynb")
    assert server.call("GET", "runs?orphaned=1&agent=left")[1] == {"runs": [], "next": None}
    assert server.call("POST", f"runs/{run.id}/forget", {}) == (200, {"forgotten": 1})
    assert server.call("GET", f"runs/{run.id}")[0] == 404


def test_a_store_of_a_newer_version_is_left_alone_and_the_server_says_so(tmp_path: Path) -> None:
    newer = open_store(f"diskcache://{tmp_path}/newer")
    newer.transact(lambda tx: tx.put("meta/format", b'{"format": 99, "store_id": "aaaaaaaaaaaa"}'))
    server = Server(tmp_path, f"--HitlNb.store=diskcache://{tmp_path}/newer", status=503)
    try:
        for method, path, body in (
            ("GET", "status", None),
            ("GET", "proposals", None),
            ("POST", "runs/aaaa/cancel", {}),
        ):
            status, said = server.call(method, path, body)
            assert (status, said["error"]) == (503, "StoreRefused")
            assert "has format 99" in said["message"]
            assert "update hitl_nb" in said["message"]
        assert newer.scan("", "~") == [("meta/format", b'{"format": 99, "store_id": "aaaaaaaaaaaa"}')]
    finally:
        server.close()
        newer.close()


def test_an_effect_in_doubt_is_never_approved_and_its_answer_is_checked(server: Any) -> None:
    _, claim = server.ledger.runs.open(agent="doubts", notebook=str(server.folder / "letters.ipynb"))
    p, other = server.ledger.runs.pause(
        claim, Snapshot(envelope=b"state"), [in_doubt("12.50"), in_doubt("3")]
    ).proposals
    _, listed = server.call("GET", "proposals?agent=doubts")
    assert [one["doubt"]["call"] for one in listed["proposals"]] == ["pay(12.50)", "pay(3)"]
    _, found = server.call("GET", f"proposals/{p.id}")
    assert (found["value"], found["allow"]) == ({"happened": None}, ["edit"])

    def decide(action: str, value: Any = None) -> int:
        body = {"action": action, "value": value, **shown_version(p)}
        return server.call("POST", f"proposals/{p.id}/decision", body)[0]

    many = {"action": "approve", "proposals": [{"id": one.id, **shown_version(one)} for one in (p, other)]}
    assert server.call("POST", "decisions", many)[0] == 400
    assert [decide("approve"), decide("reject"), decide("respond", "x")] == [400, 400, 400]
    for unfit in ({"happened": None}, {"happened": True}, {"happened": True, "result": 5}, {"happened": "x"}):
        assert decide("edit", unfit) == 422, unfit
    assert decide("edit", {"happened": "stop"}) == 200
    assert server.ledger.runs.load(p.run).status == "cancelled"
    assert server.ledger.proposals.load(other.id).status == "superseded"
