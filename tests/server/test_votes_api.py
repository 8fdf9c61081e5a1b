"""Votes through the REST API's routes, in this process: what is answered, and as what errors come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb import settings
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.ledger.rows import requesters
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, Authn, Proposal, Question, Snapshot, Terms, new_id
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.base.context import HitlNb, ServerContext
from hitl_nb.server.base.identity import Person
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.request import RawRequest
from hitl_nb.server.messages.response_types.errors import ERROR_SCHEMAS
from tests.policies.casework import T0, terms


@pytest.fixture(autouse=True)
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's user is ada; what is asked is asked at T0, and the clock stands still there."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(requesters, "_os_user", lambda uid: "ada")
    monkeypatch.setattr(judged, "now", lambda: T0)
    monkeypatch.setenv(settings.CLOCK.name, T0.isoformat())


class Api:
    """The routes of a server over a store of this process."""

    def __init__(self, folder: Path, *, alone: bool = True) -> None:
        self.desk = ServerContext(HitlNb(store=f"memory:{new_id()}"), folder, SigningKey.of_this_user(), alone=alone)
        self.ledger = self.desk.open_ledger()

    def call(self, user: str, method: str, path: str, body: Any = None, authn: Authn = "login") -> tuple[int, Any]:
        """Status and JSON, which is what the API's description says."""
        route, id_ = next((r, i) for r in ROUTES if r.method == method and (i := _id(r.path, path)) is not None)
        sent = RawRequest(
            Person(user, user.title(), authn), id_, {}, b"" if body is None else msgspec.json.encode(body)
        )
        try:
            made = msgspec.json.encode(route.handler(route.read_request(self.desk, self.ledger, sent)))
        except Exception as error:
            status = answers.status_code_of(error)
            if status is None:
                raise
            assert status in route.error_statuses
            said = msgspec.json.encode(answers.error_response(self.desk, self.ledger, error))
            msgspec.json.decode(said, type=ERROR_SCHEMAS[status][0])
            return status, msgspec.json.decode(said)
        msgspec.json.decode(made, type=route.response_type)
        return 200, msgspec.json.decode(made)

    def ask(self, made_under: Terms | None, n: int = 1) -> list[Proposal]:
        _, claim = self.ledger.runs.open(agent="refunds", notebook="/n.ipynb")
        questions = [Question(title=f"Refund {i}", kind="json", value=40, position=f"0/{i}") for i in range(n)]
        made = None if made_under is None else msgspec.structs.replace(made_under, policy="")
        plans = [Plan("ask", ("r",), (), made, ACTIONS) for _ in questions]
        return self.ledger.runs.pause(claim, Snapshot(envelope=b""), questions, plans=plans).proposals

    def decide(self, user: str, p: Proposal, action: str = "approve", **more: Any) -> tuple[int, Any]:
        authn = more.pop("authn", "login")
        body = {"action": action, "revision": p.revision, "fingerprint": p.fingerprint, **more}
        return self.call(user, "POST", f"proposals/{p.id}/decision", body, authn)


def _id(pattern: str, path: str) -> str | None:
    before, named, after = pattern.partition("{id}")
    if not named:
        return "" if path == pattern else None
    fits = path.startswith(before) and path.endswith(after) and len(path) > len(before) + len(after)
    found = path[len(before) : len(path) - len(after)]
    return found if fits and "/" not in found else None


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(tmp_path)
    yield made
    made.desk.close()


def test_a_vote_is_recorded_then_others_decide(api: Api) -> None:
    (p,) = api.ask(terms("2 of bo, cy"))
    status, said = api.decide("bo", p)
    assert (status, said["outcome"], said["run"]["status"]) == (200, "recorded", "waiting")
    assert [(one["reviewer"], one["known"], one["seat"]) for one in said["proposal"]["votes"]] == [
        ("bo", "login", "bo")
    ]
    status, said = api.decide("cy", p)
    assert (status, said["outcome"], said["run"]["status"]) == (200, "decided", "ready")
    assert said["proposal"]["decision"]["known"] == "login"


def test_without_terms_all_is_as_before(api: Api) -> None:
    (p,) = api.ask(None)
    status, said = api.decide("0f" * 16, p, authn="token")
    assert (status, said["outcome"]) == (200, "decided")
    assert said["proposal"]["decision"]["reviewer"] == "0f" * 16


@pytest.mark.parametrize(
    ("user", "action", "authn", "status", "error"),
    [
        ("zed", "approve", "login", 403, "NotAReviewer"),
        ("0f" * 16, "approve", "token", 403, "OwnRequest"),  # the token is ada's
        ("ada", "approve", "login", 403, "OwnRequest"),
    ],
)
def test_who_may_not_is_told_why(api: Api, user: str, action: str, authn: Any, status: int, error: str) -> None:
    (p,) = api.ask(terms("1 of ada, bo", four_eyes=True))
    found, said = api.decide(user, p, action, authn=authn)
    assert (found, said["error"]) == (status, error)
    assert api.ledger.proposals.load(p.id).votes == ()


def test_too_late_is_a_conflict(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    (p,) = api.ask(terms("1 of bo", timeline=("8h reject",)))
    monkeypatch.setenv(settings.CLOCK.name, (T0 + timedelta(hours=8)).isoformat())
    status, said = api.decide("bo", p)
    assert (status, said["error"], said["proposal"]["decision"]["by"]) == (409, "AlreadyDecided", "deadline")
    assert said["proposal"]["votes"] == []


def test_an_approval_is_taken_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    (p,) = api.ask(terms("1 of bo, cy", undo=30.0))
    status, said = api.decide("bo", p)
    assert (status, said["outcome"], said["proposal"]["may"]["undo"]) == (200, "settling", True)
    assert api.decide("cy", p)[0] == 409
    status, said = api.call("cy", "POST", f"proposals/{p.id}/undo", {})
    assert (status, said["error"]) == (403, "NotAReviewer")
    status, said = api.call("bo", "POST", f"proposals/{p.id}/undo", {})
    assert (status, said["outcome"], said["proposal"]["votes"]) == (200, "recorded", [])
    [back] = [event.data for event in api.ledger.audit.read_events() if event.type == "vote.withdrawn"]
    assert back is not None
    assert back["signature"]
    api.decide("bo", p)
    monkeypatch.setenv(settings.CLOCK.name, (T0 + timedelta(seconds=30)).isoformat())
    status, said = api.call("bo", "POST", f"proposals/{p.id}/undo", {})
    assert (status, said["error"]) == (409, "TooLate")
    assert api.ledger.proposals.load(p.id).status == "decided"
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    assert api.ledger.audit.verify().ok
    assert len(api.ledger.proposals.list_of_run(p.run)) == 1


def test_ones_own_vote_is_taken_back_while_others_are_needed(api: Api) -> None:
    (p,) = api.ask(terms("2 of bo, cy, dan"))
    assert api.decide("bo", p)[1]["proposal"]["may"]["undo"] is True
    status, said = api.call("cy", "POST", f"proposals/{p.id}/undo", {})
    assert (status, said["error"], said["message"]) == (
        *(409, "TooLate"),
        "there is no vote of cy on 'Refund 0' that can be taken back",
    )
    status, said = api.call("bo", "POST", f"proposals/{p.id}/undo", {})
    proposal = said["proposal"]
    assert (status, said["outcome"], proposal["votes"], proposal["may"]["undo"]) == (200, "recorded", [], False)
    [back] = [event for event in api.ledger.audit.read_events() if event.type == "vote.withdrawn"]
    assert (back.actor, back.proposal) == ("bo", p.id)
    api.decide("cy", p)
    assert api.decide("dan", p)[1]["outcome"] == "decided"
    assert api.ledger.audit.verify().ok
    assert len(api.ledger.proposals.list_of_run(p.run)) == 1


def test_the_token_of_ones_own_server_is_ones_own_vote_where_that_is_enough(api: Api) -> None:
    (p,) = api.ask(terms("1 of ada", identity="local"))
    status, said = api.decide("0f" * 16, p, authn="token")
    assert (status, said["outcome"]) == (200, "decided")
    decision = said["proposal"]["decision"]
    assert (decision["reviewer"], decision["known"]) == ("ada", "token")


def test_the_password_of_ones_own_server_is_ones_own_login(api: Api) -> None:
    """Jupyter makes up another name in each browser: they are one person, and who started the run."""
    (p,) = api.ask(terms("1 of ada"))
    status, said = api.decide("0f" * 16, p)
    assert (status, said["outcome"]) == (200, "decided")
    assert (said["proposal"]["decision"]["reviewer"], said["proposal"]["decision"]["known"]) == ("ada", "login")
    (p,) = api.ask(terms("2 of anyone"))
    assert [api.decide(one * 32, p)[1]["outcome"] for one in "01"] == ["recorded"] * 2
    (p,) = api.ask(terms("1 of anyone", four_eyes=True))
    assert api.decide("0f" * 16, p)[1]["error"] == "OwnRequest"


def test_a_server_with_only_a_token_says_what_to_do(api: Api) -> None:
    (p,) = api.ask(terms("1 of ada"))
    status, said = api.decide("0f" * 16, p, authn="token")
    assert (status, api.call("0f" * 16, "GET", f"proposals/{p.id}", authn="token")[1]["may"]["why_not"]) == (
        403,
        said["message"],
    )
    for way in ("JupyterHub, or a password and no token", 'identity = "local" into hitl-policy.toml', "policy apply"):
        assert way in said["message"]


def test_the_token_of_a_server_of_many_names_nobody(tmp_path: Path) -> None:
    many = Api(tmp_path, alone=False)
    (p,) = many.ask(terms("1 of ada", identity="local"))
    assert many.decide("0f" * 16, p, authn="token")[0] == 403
    body = {"until": (T0 + timedelta(hours=1)).isoformat()}
    assert many.call("0f" * 16, "PUT", "people/me/away", body, "token")[0] == 403
    many.desk.close()


def test_more_than_a_batch_are_refused(api: Api) -> None:
    found = api.ask(terms("1 of bo", batch=2), n=3)
    shown = [{"id": p.id, "revision": p.revision, "fingerprint": p.fingerprint} for p in found]
    status, said = api.call("bo", "POST", "decisions", {"action": "approve", "proposals": shown})
    assert (status, "at most 1 others" in said["message"]) == (400, True)
    status, said = api.call("bo", "POST", "decisions", {"action": "approve", "proposals": shown[:2]})
    assert (status, [p["status"] for p in said["proposals"]]) == (200, ["decided"] * 2)


def test_somebody_is_away_and_somebody_else_votes(api: Api) -> None:
    until = (T0 + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert api.call("bo", "GET", "people/me/away") == (200, {"away": None})
    status, said = api.call("bo", "PUT", "people/me/away", {"until": until, "to": "dee"})
    assert (status, said["away"]["to"], said["away"]["until"]) == (200, "dee", until)
    (p,) = api.ask(terms("1 of bo"))
    assert api.call("dee", "GET", f"proposals/{p.id}")[1]["may"]["decide"] is True
    assert api.decide("dee", p)[1]["outcome"] == "decided"
    assert api.call("bo", "PUT", "people/me/away", {"until": None}) == (200, {"away": None})
    for wrong in ({"until": T0.isoformat()}, {"until": until, "to": "bo"}, {"until": "soon"}, {}):
        assert api.call("bo", "PUT", "people/me/away", wrong)[0] == 400
