"""The calls about proposals: list, show, draft, comment, assign, decide.

A decision names the revision and the fingerprint of what was shown. On anything else nothing is decided, and the answer
says what is there now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from hitl_nb.drafts.document import same
from hitl_nb.drafts.draft import Draft, draft_text
from hitl_nb.errors import StaleDraft, UnknownRun
from hitl_nb.kinds.questions import changes, check_edit
from hitl_nb.ledger.decisions.decisions import Decided, Verdict
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.terms.vote_counts import current_value
from hitl_nb.records import Proposal, now
from hitl_nb.review.progress import may
from hitl_nb.review.vote_candidates import follow_candidate
from hitl_nb.server.base.identity import attest, voter
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import MOST, Cell, Deciding, DecidingMany, WhichProposals

_SCANNED = 200
"""Proposals that are read at once to find those that a filter lets through."""


def proposals(asked: Asked) -> dict[str, Any]:
    wanted: WhichProposals = asked.query
    audience = Audience.of(asked)
    found = _listed(asked.ledger, wanted, audience)
    shown = [answers.summary(asked.desk, asked.ledger, p, audience) for p in found]
    return {"proposals": shown, "next": found[-1].id if len(found) == wanted.limit else None}


def _listed(ledger: Ledger, wanted: WhichProposals, audience: Audience) -> list[Proposal]:
    """A page of proposals; of a person's own, those that are assigned to them come first."""
    if wanted.mine is None or not wanted.is_open:
        return _read(ledger, wanted, lambda p: True, wanted.cursor, wanted.limit)
    user = audience.viewer.user

    def has_seat(p: Proposal) -> bool:
        return may(p, audience.people(p), audience.viewer)["decide"]

    found: list[Proposal] = []
    cursor = wanted.cursor
    if cursor is None or ledger.proposal(cursor).assignee == user:
        found = _read(ledger, wanted, lambda p: p.assignee == user and has_seat(p), cursor, wanted.limit)
        cursor = None
    if len(found) < wanted.limit:
        left = wanted.limit - len(found)
        found += _read(ledger, wanted, lambda p: p.assignee != user and has_seat(p), cursor, left)
    return found


def _read(
    ledger: Ledger, wanted: WhichProposals, fits: Callable[[Proposal], bool], after: str | None, limit: int
) -> list[Proposal]:
    """A page of proposals, read from the ledger by larger pages as long as too few of them fit."""
    at = now()
    # The ledger knows who is to decide a closed one; how old one is, and whose, it does not.
    picky = wanted.older_than is not None or wanted.newer_than is not None or wanted.mine is not None
    picky = picky or wanted.passed is not None or (wanted.is_open and wanted.reviewer is not None)
    size = max(limit, _SCANNED) if picky else limit
    found: list[Proposal] = []
    while True:
        page = _page(ledger, wanted, size, after)
        for p in page:
            age = (at - p.created_at).total_seconds()
            if wanted.is_open and wanted.older_than is not None and age < wanted.older_than:
                return found  # oldest first: no later one is old enough
            if _fits(p, age, wanted) and fits(p):
                found.append(p)
            if len(found) == limit:
                return found
        if len(page) < size:
            return found
        after = page[-1].id


def _page(ledger: Ledger, wanted: WhichProposals, size: int, after: str | None) -> list[Proposal]:
    if wanted.is_open:
        return ledger.inbox(notebook=wanted.notebook, agent=wanted.agent, limit=size, after=after)
    return ledger.closed(
        status=None if wanted.status in ("open", "closed") else wanted.status,
        notebook=wanted.notebook,
        agent=wanted.agent,
        reviewer=wanted.reviewer,
        limit=size,
        after=after,
    )


def _fits(p: Proposal, age: float, wanted: WhichProposals) -> bool:
    old = wanted.older_than is None or age >= wanted.older_than
    young = wanted.newer_than is None or age < wanted.newer_than
    whose = not wanted.is_open or wanted.reviewer in (None, p.assignee)
    passed = wanted.passed is None or (p.decision is not None and p.decision.by == "policy")
    return old and young and whose and passed


def proposal(asked: Asked) -> dict[str, Any]:
    p = asked.ledger.proposal(asked.id)
    asked.desk.attention.show(asked.who.username, p)
    return answers.full(asked.desk, asked.ledger, p, audience=Audience.of(asked))


def pause(asked: Asked) -> dict[str, Any]:
    """The proposals that a cell's output names: those of one pause of the notebook's newest run of the agent."""
    cell: Cell = asked.query
    notebook = asked.desk.notebook(cell.path)
    for run in asked.ledger.runs(notebook=notebook, agent=cell.agent, limit=MOST):
        found = asked.ledger.proposals(run.id, cell.pause) if cell.key in (None, run.key) else []
        if found:
            audience = Audience.of(asked)
            for p in found:
                asked.desk.attention.show(asked.who.username, p)
            shown = [answers.full(asked.desk, asked.ledger, p, audience=audience) for p in found]
            return {"run": answers.run(asked.desk, run), "proposals": shown}
    raise UnknownRun(
        f"this server's store ({asked.ledger.store.url}) knows no pause {cell.pause} of the agent "
        f"{cell.agent!r} in {cell.path}; the kernel may use another store, or the notebook was moved"
    )


def check(asked: Asked) -> dict[str, Any]:
    p = asked.ledger.proposal(asked.id)
    value = check_edit(p, asked.body.value)
    return {"ok": True, "value": value, "changes": changes(p, value)}


def assign(asked: Asked) -> dict[str, Any]:
    p = asked.ledger.assign(asked.id, asked.body.assignee, actor=asked.who.username)
    return {"proposal": answers.full(asked.desk, asked.ledger, p, audience=Audience.of(asked))}


def decide(asked: Asked) -> dict[str, Any]:
    body: Deciding = _as_drafted(asked, asked.body) if asked.body.drafted else asked.body
    before = asked.ledger.proposal(asked.id)
    user = _reviewer(asked, [before])
    verdict = Verdict(
        action=body.action,
        value=_checked(asked, body) if body.action == "edit" else body.value,
        reason=_reason(body.reason),
        reviewer=user,
        attest=attest(asked.desk, asked.ledger, asked.who, asked.id),
    )
    seconds = asked.desk.attention.seconds(asked.who.username, asked.id, body.revision)
    shown: dict[str, Any] = {"fingerprint": body.fingerprint, "revision": body.revision, "seconds": seconds}
    try:
        done = asked.ledger.settle(asked.id, verdict, **shown)
    except StaleDraft:
        _same(asked.ledger.proposal(asked.id), body.revision, body.fingerprint)
        raise
    follow_candidate(asked.ledger, before, done.proposal)
    return _done(asked, done)


def undo(asked: Asked) -> dict[str, Any]:
    """Take an approval back, as long as it settles."""
    reviewer = _reviewer(asked, [asked.ledger.proposal(asked.id)])
    signer = attest(asked.desk, asked.ledger, asked.who, asked.id)
    return _done(asked, asked.ledger.undo(asked.id, reviewer=reviewer, attest=signer))


def _done(asked: Asked, done: Decided) -> dict[str, Any]:
    p = answers.full(asked.desk, asked.ledger, done.proposal, done.comments, audience=Audience.of(asked))
    return {"proposal": p, "run": answers.run(asked.desk, done.run), "outcome": done.outcome}


def _reviewer(asked: Asked, found: list[Proposal]) -> str:
    """Under which name the person decides; where a policy says who may, a made-up one would have no seat."""
    under_terms = any(p.terms is not None for p in found)
    return voter(asked.desk, asked.who) if under_terms else asked.who.username


def decide_many(asked: Asked) -> dict[str, Any]:
    body: DecidingMany = asked.body
    if body.action == "edit":
        raise ValueError("action 'edit' is for one proposal at a time")
    seen = [(asked.ledger.proposal(one.id), one) for one in body.proposals]
    for p, one in seen:
        _same(p, one.revision, one.fingerprint)
    proposals, attention = [p for p, _ in seen], asked.desk.attention
    decided = asked.ledger.decide_many(
        proposals,
        body.action,
        value=body.value,
        reason=_reason(body.reason),
        reviewer=_reviewer(asked, proposals),
        attest=attest(asked.desk, asked.ledger, asked.who, *(one.id for one in body.proposals)),
        seconds={p.id: attention.seconds(asked.who.username, p.id, p.revision) for p in proposals},
    )
    audience = Audience.of(asked)
    return {"proposals": [answers.full(asked.desk, asked.ledger, p, audience=audience) for p in decided]}


class Changed(StaleDraft):
    """A decision named another proposal than the one that waits; `proposal` is that, `difference` what was named."""

    def __init__(self, proposal: Proposal, difference: dict[str, dict[str, Any]]) -> None:
        self.proposal = proposal
        self.difference = difference
        super().__init__(
            f"proposal {proposal.id} ({proposal.title}) is not as it was shown ({', '.join(difference)} differ); "
            "nothing was decided: look at it again, then decide"
        )


def _same(p: Proposal, revision: int, fingerprint: str) -> None:
    """Raises Changed unless an open proposal is the one that was shown."""
    is_now = {"revision": (revision, p.revision), "fingerprint": (fingerprint, p.fingerprint)}
    different = {name: {"shown": shown, "now": is_} for name, (shown, is_) in is_now.items() if shown != is_}
    if p.status == "open" and different:
        raise Changed(p, different)


def _as_drafted(asked: Asked, body: Deciding) -> Deciding:
    """The decision with the draft's own value: numbers as they are spelled there, which browsers round.

    Raises Changed if somebody wrote into the draft what the reviewer has not seen.
    """
    p = asked.ledger.proposal(asked.id)
    if p.status != "open" or body.action not in ("approve", "edit"):
        return body
    seen = body.value if body.action == "edit" else current_value(p)
    now = Draft.of(asked.ledger.store, p).value()
    if not same(seen, now, rounded=True):
        raise Changed(p, {"draft": {"shown": draft_text(p, seen), "now": draft_text(p, now)}})
    return msgspec.structs.replace(body, value=now) if body.action == "edit" else body


def _checked(asked: Asked, body: Deciding) -> Any:
    """An edit, checked against what was shown, as long as somebody was not first. Raises InvalidEdit, Changed."""
    p = asked.ledger.proposal(asked.id)
    _same(p, body.revision, body.fingerprint)
    return check_edit(p, body.value) if p.status == "open" else body.value


def _reason(reason: str | None) -> str | None:
    return (reason or "").strip() or None
