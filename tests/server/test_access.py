"""Who may do what on servers with people: authorizers, reviewers, logins, and requests from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hitl_nb_server import Server
from jupyter_server.auth import passwd
from people import PASSWORD, PEOPLE, Browser, approval, start_server
from tornado.httpclient import HTTPClientError


class Tokenless(Server):
    """A server that nobody gets into with a token, so that it counts as started once it refuses."""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        status, said = super().call(method, path, body, **headers)
        return (200 if status == 403 and path == "status" else status), said


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("team"), PEOPLE + "c.HitlNb.allow_token_decisions = False\n")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("few"), PEOPLE + "c.HitlNb.reviewers = ['alice']\n")


@pytest.fixture(scope="module")
def password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    provider = "c.PasswordIdentityProvider"
    config = f"{provider}.hashed_password = {passwd(PASSWORD, 'sha256')!r}\n{provider}.token = ''\n"
    yield from start_server(
        tmp_path_factory.mktemp("password"), config + "c.HitlNb.allow_token_decisions = False\n", Tokenless
    )


# --- what an authorizer forbids -------------------------------------------------------------------------------------


def test_who_may_not_decide_may_read_and_comment(team: Server) -> None:
    p, q = team.pause_run("Dear Ann", "Dear Bo", agent="undecided")
    browser = Browser(team, "no-decisions")
    one = {"id": p.id, "revision": p.revision, "fingerprint": p.fingerprint}
    many = {"action": "approve", "proposals": [one]}
    for status, said in (browser.decide(p), browser.call("POST", "decisions", many)):
        assert (status, said["error"], said["message"]) == (403, "Forbidden", "you may not write hitl:decisions")
    assert {team.ledger.proposals.load(asked.id).status for asked in (p, q)} == {"open"}
    assert browser.call("GET", f"proposals/{p.id}")[0] == 200
    assert browser.call("POST", f"proposals/{p.id}/comments", {"text": "hm"})[0] == 200
    assert browser.call("GET", "events")[0] == 200


def test_who_may_not_read_the_audit_log_may_decide(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="unaudited")
    browser = Browser(team, "no-audit")
    for path in ("events", "events/verify", "events/export"):
        assert browser.call("GET", path)[0] == 403
    assert browser.decide(p)[0] == 200


def test_who_may_not_see_proposals_sees_none_and_hears_nothing(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="unseen")
    assert Browser(team, "alice").call("GET", "openapi.json")[0] == 200
    browser = Browser(team, "no-proposals")
    for path in ("proposals", f"proposals/{p.id}", "pauses", "runs", f"runs/{p.run}/timeline", "openapi.json"):
        assert browser.call("GET", path)[0] == 403
    with pytest.raises(HTTPClientError) as refused:
        team.listen(lambda: None, lambda message: True, Authorization="", Cookie=browser.cookies)
    assert refused.value.code == 403


def test_who_may_not_see_proposals_is_told_nothing_of_them_by_a_refusal(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann, the secret is 7", agent="secret")
    assert Browser(team, "alice").decide(p)[0] == 200
    browser = Browser(team, "no-proposals")
    one = {"id": p.id, "revision": p.revision, "fingerprint": p.fingerprint}
    for method, path, body in (
        ("POST", f"proposals/{p.id}/decision", approval(p)),
        ("POST", f"proposals/{p.id}/decision", {**approval(p), "action": "edit", "value": 3}),
        ("POST", "decisions", {"action": "approve", "proposals": [one]}),
        ("POST", f"proposals/{p.id}/check", {"value": 3}),
        ("PUT", f"proposals/{p.id}/draft", {"value": 3}),
        ("POST", f"runs/{p.run}/resume", {"browser": "b"}),
        ("POST", f"runs/{p.run}/cancel", {}),
    ):
        status, said = browser.call(method, path, body)
        assert (status, set(said), said["error"]) == (403, {"error", "message"}, "Forbidden")
        assert said["message"] in ("you may not read hitl:proposals", "you may not write hitl:proposals")


def test_who_may_not_stop_runs_may_do_the_rest(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="unstopped")
    browser = Browser(team, "no-admin")
    assert browser.call("POST", f"runs/{p.run}/cancel", {})[0] == 403
    assert browser.call("POST", f"runs/{p.run}/adopt", {"path": "letters.ipynb"})[0] == 403
    assert browser.call("POST", f"runs/{p.run}/forget", {})[0] == 403
    assert team.ledger.runs.load(p.run).status == "waiting"
    assert browser.decide(p)[0] == 200


# --- who decides ----------------------------------------------------------------------------------------------------


def test_somebody_who_logged_in_is_recorded_by_name(team: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    (p,) = team.pause_run("Dear Ann", agent="named")
    browser = Browser(team, "alice")
    said = browser.call("GET", "status")[1]
    assert (said["authn"], said["user"]["username"], said["may"]["decide"]) == ("login", "alice", True)
    assert browser.decide(p)[0] == 200
    monkeypatch.setenv("HITL_NB_SERVER_KEY", team.public_key())
    decision = team.ledger.proposals.list_of_run(p.run)[0].decision  # as a kernel reads it, which checks the signature
    assert decision is not None
    assert (decision.reviewer, decision.reviewer_name, decision.authn) == ("alice", "Alice", "login")
    assert decision.signature is not None


TOP = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
"""What browsers say of a page that they load into a window, and let no script say."""


def page_pass(browser: Browser, p: Any, **headers: str) -> str:
    """What the page of its own is handed, loaded with these headers."""
    answer = browser.session.get(f"{browser.url}/hitl_nb/review/{p.id}", headers=headers)
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    (given,) = re.findall('data-pass="([^"]*)"', answer.text)
    return given


@pytest.mark.parametrize(
    ("headers", "given"),
    [
        (TOP, True),
        ({}, False),
        ({"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}, False),
        ({**TOP, "Sec-Fetch-Dest": "iframe"}, False),
        ({**TOP, "Sec-Fetch-Dest": "object"}, False),
        ({**TOP, "Sec-Fetch-Mode": "no-cors"}, False),
    ],
    ids=str,
)
def test_only_a_page_that_fills_a_window_gets_a_pass(team: Server, headers: dict[str, str], given: bool) -> None:
    (p,) = team.pause_run("Dear Ann", agent="passes")
    assert bool(page_pass(Browser(team, "alice"), p, **headers)) is given


@pytest.mark.parametrize("whose", ["own", "another page's", "bob's", "changed", "cookie", "garbage", "none"])
def test_only_the_reviewers_own_pass_shows_that_the_page_decided(
    team: Server, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    (p,) = team.pause_run("Dear Ann", agent=f"pass-{whose}")
    alice = Browser(team, "alice")
    own = page_pass(alice, p, **TOP)
    given = {
        "own": own,
        "another page's": page_pass(alice, team.pause_run("Dear Bo", agent=f"other-{whose}")[0], **TOP),
        "bob's": page_pass(Browser(team, "bob"), p, **TOP),
        "changed": own[:-1] + ("0" if own[-1] != "0" else "1"),
        "cookie": next(c.value or "" for c in alice.session.cookies if c.name.startswith("username-")),
        "garbage": "2|1:0|%\xe9",
        "none": "",
    }
    assert alice.decide(p, **{"X-Hitl-Page": given[whose]})[0] == 200
    monkeypatch.setenv("HITL_NB_SERVER_KEY", team.public_key())
    decision = team.ledger.proposals.list_of_run(p.run)[0].decision
    assert decision is not None
    assert decision.surface == ("page" if whose == "own" else "shared")


def test_a_token_does_not_decide_where_it_may_not(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="token")
    status, said = team.call("GET", "status")
    assert (status, said["authn"], said["may"]["decide"]) == (200, "token", False)
    status, said = team.call("POST", f"proposals/{p.id}/decision", approval(p))
    assert (status, said["error"]) == (403, "Forbidden")
    assert "allow_token_decisions" in said["message"]
    assert team.call("POST", f"proposals/{p.id}/comments", {"text": "hm"})[0] == 200
    assert team.ledger.proposals.load(p.id).status == "open"


def test_a_token_typed_at_the_login_names_nobody_whatever_they_call_themselves(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="moon")
    browser = Browser(team, password=team.token)
    assert browser.call("GET", "status")[1]["authn"] == "anonymous"
    me = browser.session.patch(
        f"{browser.url}/api/me", json={"display_name": "Alice"}, headers={"X-XSRFToken": browser.xsrf}
    )
    assert me.status_code == 200, me.text
    said = browser.call("GET", "status")[1]
    assert (said["user"]["display_name"], said["authn"], said["may"]["decide"]) == ("Alice", "anonymous", False)
    assert browser.decide(p)[0] == 403
    assert team.ledger.proposals.load(p.id).status == "open"


def test_only_reviewers_decide(few: Server) -> None:
    p, q = few.pause_run("Dear Ann", "Dear Bo", agent="reviewers")
    bob = Browser(few, "bob")
    status, said = bob.decide(p)
    assert (status, said["message"]) == (403, "bob is not among the reviewers")
    assert bob.call("GET", "status")[1]["decide_refused"] == said["message"]
    assert bob.call("PUT", f"proposals/{p.id}/draft", {"value": "Dear"})[0] == 200
    assert few.call("POST", f"proposals/{p.id}/decision", approval(p))[0] == 403
    assert few.ledger.proposals.load(p.id).status == "open"
    assert Browser(few, "alice").decide(q)[0] == 200


def test_a_servers_own_password_is_a_login_whose_name_stays_that_of_the_browser(password: Server) -> None:
    (p,) = password.pause_run("Dear Ann", agent="password")
    browser = Browser(password)
    said = browser.call("GET", "status")[1]
    assert (said["authn"], said["may"]["decide"]) == ("login", True)
    assert browser.decide(p)[0] == 200
    decision = password.ledger.proposals.load(p.id).decision
    assert decision is not None
    assert (decision.reviewer, decision.authn) == (said["user"]["username"], "login")
    assert password.call("GET", "proposals")[0] == 403
    with pytest.raises(AssertionError):
        Browser(password, password="wrong")


# --- requests from elsewhere ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["", "wrong"])
def test_without_the_xsrf_token_nothing_is_written(team: Server, sent: str) -> None:
    (p,) = team.pause_run("Dear Ann", agent="xsrf")
    browser = Browser(team, "alice")
    headers = {"X-XSRFToken": sent}
    assert browser.decide(p, **headers)[0] == 403
    assert browser.call("PUT", f"proposals/{p.id}/draft", {"value": "x"}, **headers)[0] == 403
    status, said = browser.call("DELETE", f"proposals/{p.id}/draft", **headers)
    assert (status, set(said)) == (403, {"error", "message"})
    assert team.ledger.proposals.load(p.id).status == "open"
    assert browser.decide(p)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_origin_is_refused(team: Server, origin: str) -> None:
    (p,) = team.pause_run("Dear Ann", agent="origin")
    browser = Browser(team, "alice")
    assert browser.decide(p, Origin=origin)[0] in (403, 404)
    assert browser.call("GET", f"proposals/{p.id}", Origin=origin)[0] in (403, 404)
    assert team.ledger.proposals.load(p.id).status == "open"
    assert browser.decide(p, Origin=browser.url)[0] == 200


def test_a_server_reached_by_another_name_refuses(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="rebound")
    browser = Browser(team, "alice")
    for method, path, body in (
        ("GET", f"proposals/{p.id}", None),
        ("GET", "openapi.json", None),
        ("GET", "events/export", None),
        ("POST", f"proposals/{p.id}/decision", approval(p)),
    ):
        assert browser.call(method, path, body, Host=f"evil.example:{team.port}")[0] == 403
        assert team.call(method, path, body, Host=f"evil.example:{team.port}")[0] == 403
    assert team.ledger.proposals.load(p.id).status == "open"
