"""A server's desk and its store in this process, without a server: people call the routes' functions by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, Proposal, Question, Snapshot, Terms
from hitl_nb.server.base.context import HitlNb, ServerContext
from hitl_nb.server.base.identity import Person
from hitl_nb.server.calls import proposals
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.response_types.proposals import ProposalDetail, ProposalPage, ProposalSummary
from hitl_nb.server.overviews.proposal_lists import list_proposals
from hitl_nb.storage.memory import MemoryStore

T = TypeVar("T")
STATE = Snapshot(envelope=b"state")
NOTEBOOK = "/n.ipynb"


class Office:
    """A server's desk and its store, in this process; people call it by their names."""

    def __init__(self) -> None:
        self.ledger = Ledger(MemoryStore())
        self.desk = ServerContext(HitlNb(), Path("/"), SigningKey.of_this_user(), alone=True)

    def ask(self, *made_under: Terms | None, agent: str = "refunds", verdict: Any = "ask") -> list[Proposal]:
        _, claim = self.ledger.runs.open(agent=agent, notebook=NOTEBOOK)
        questions = [
            Question(title=f"Refund {n}", kind="json", value={"amount": n}, position=f"0/{n}")
            for n in range(len(made_under))
        ]
        bare = [one and msgspec.structs.replace(one, policy="") for one in made_under]  # no policy's text is kept
        plans = [Plan(verdict, ("big",), ("amount is big",), one, ACTIONS) for one in bare]
        if verdict != "ask":
            return self.ledger.policies.record_verdicts(claim, questions, plans)
        return list(self.ledger.runs.pause(claim, STATE, questions, plans=plans).proposals)

    def propose(
        self, *values: Any, agent: str = "letters", title: str = "Letter", notebook: str = NOTEBOOK, **asked: Any
    ) -> list[Proposal]:
        """Proposals without a policy."""
        _, claim = self.ledger.runs.open(agent=agent, notebook=notebook)
        questions = [build_question(value, title=f"{title} {n}", **asked) for n, value in enumerate(values)]
        return list(self.ledger.runs.pause(claim, STATE, questions).proposals)

    def make_request(self, user: str, id: str = "", body: Any = None, query: Any = None) -> ApiRequest:  # noqa: A002
        return ApiRequest(self.desk, self.ledger, Person(user, user.title(), "login"), id, body, query)

    def show(self, user: str, p: Proposal) -> ProposalDetail:
        return as_described(proposals.get_proposal(self.make_request(user, p.id)), ProposalDetail)

    def list_of(self, user: str, **wanted: Any) -> list[ProposalSummary]:
        """All pages."""
        found: list[ProposalSummary] = []
        cursor = None
        while True:
            given: dict[str, Any] = {"limit": 2, **wanted}
            query = bodies.ProposalQuery(cursor=cursor, **given)
            page = as_described(list_proposals(self.make_request(user, query=query)), ProposalPage)
            found += page.proposals
            cursor = page.next
            if cursor is None:
                return found

    def decide(self, user: str, p: Proposal, action: Any = "approve", **more: Any) -> ProposalDetail:
        now = self.ledger.proposals.load(p.id)
        body = bodies.DecisionRequest(action=action, revision=now.revision, fingerprint=now.fingerprint, **more)
        return as_described(proposals.decide(self.make_request(user, p.id, body)).proposal, ProposalDetail)


def as_described(said: Any, shape: type[T]) -> T:
    """What is answered, which must be as the OpenAPI file describes it."""
    return msgspec.json.decode(msgspec.json.encode(said), type=shape)
