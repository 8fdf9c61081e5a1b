"""What a notice says: plain text for people, in which nothing that an agent wrote can pass for anything else.

A message goes to services that read parts of it as mentions, markup or links. So what agents and people wrote is cut,
its hidden characters are shown, and the characters that such services act on are replaced by others that look alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hitl_nb.kinds.questions import beginning_of, visible
from hitl_nb.ledger.decisions.notices import Notice, deciders
from hitl_nb.ledger.decisions.reviewers import decider
from hitl_nb.policies.terms.seats import People, tell_progress
from hitl_nb.policies.terms.timeline import remaining_steps
from hitl_nb.policies.terms.vote_counts import is_hidden, progress
from hitl_nb.records import Known, Proposal, TimelineStep, Vote
from hitl_nb.review.terms_sentences import DONE

LONGEST = 200
"""Most characters of a text that is not ours."""
MOST = 20
"""Most notices that one message tells of in full."""

_ALIKE = str.maketrans({"@": "＠", "<": "‹", "*": "∗", "_": "＿", "`": "ˋ", "~": "∼", "[": "［", "]": "］"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?=//)|\b(mailto|javascript|data|tel|sms):", re.IGNORECASE)
_DOMAIN = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_]{2,})")
_WILL = {"reject": "it is rejected", "approve": "it is approved", "remind": "people are reminded"}
_STATES = {
    "asked": "Waiting for a decision",
    "reminded": "Reminder, still waiting for a decision",
    "escalated": "Escalated, waiting for a decision",
    "overdue": "Overdue, still waiting for a decision",
    "stuck": "Stuck: nobody may decide this",
    "expired": "The decision expired before it was used",
}


def neutralised(text: str) -> str:
    """A text that is not ours, on one line: cut, hidden characters shown, no mention, markup or link left in it."""
    line = " ".join(text[: 4 * LONGEST].split())
    shown = visible(line if len(line) <= LONGEST else line[: LONGEST - 1] + "…")
    plain = _DOMAIN.sub("․", _SCHEME.sub(lambda found: f"{found[1] or found[2]}꞉", shown))
    return plain.replace("://", "꞉//").replace("//", "⁄⁄").translate(_ALIKE)


@dataclass(frozen=True)
class News:
    """A notice, its proposal, how things are with the proposal's people, and how it is known who decided or voted."""

    notice: Notice
    proposal: Proposal
    people: People = field(default_factory=People)
    known: Known | None = None
    vote_known: Callable[[Vote], Known] = lambda _: "unsigned"


def message(told: Sequence[News], public_url: str, now: datetime) -> tuple[str, str]:
    """Title and body of the message about these notices, oldest first."""
    if len(told) == 1:
        return _title(told[0]), "\n".join(_lines(told[0], public_url, now))
    parts = ["\n".join([_title(one), *_lines(one, public_url, now)]) for one in told[:MOST]]
    if len(told) > MOST:
        parts.append(f"... and {len(told) - MOST} more: see the inbox.")
    return f"{len(told)} notices about agents' proposals", "\n\n".join(parts)


def _title(news: News) -> str:
    return f"{_state(news)}: {neutralised(news.proposal.title)}"


def _state(news: News) -> str:
    kind, made = news.notice.kind, news.proposal.decision
    if kind != "decided" or made is None:
        return _STATES.get(kind, "Decided")
    return f"{DONE[made.action].capitalize()} by {neutralised(decider(made, news.known))}"


def _lines(news: News, public_url: str, now: datetime) -> Iterator[str]:
    notice, p = news.notice, news.proposal
    yield f"Agent: {neutralised(p.agent)}, in {neutralised(p.notebook.rsplit('/', 1)[-1])}"
    in_full = p.terms is not None and p.terms.show == "summary"
    if in_full:
        yield f"Proposed: {neutralised(beginning_of(p, p.value, 4 * LONGEST))}"
    if p.terms is not None and p.terms.rules:
        yield f"Rules: {neutralised(', '.join(p.terms.rules))}"
    if in_full and p.why:
        yield f"Why: {neutralised('; '.join(p.why))}"
    if notice.note:
        yield neutralised(notice.note)
    if p.stuck and p.status == "open":
        yield f"Stuck: {neutralised(p.stuck)}"
    if p.decision is not None and p.decision.reason and in_full:
        yield f"Reason: {neutralised(p.decision.reason)}"
    if p.status == "open":
        yield from _open(news, now)
    yield _link(p, public_url)


def _open(news: News, now: datetime) -> Iterator[str]:
    """Who may decide, who has voted, until when, and what happens then."""
    p = news.proposal
    needs = [tell_progress(one.text, one.have, one.count) for one in progress(p, news.people)]
    yield f"Needed: {neutralised('; '.join(needs))}"
    yield f"May decide: {neutralised(', '.join(deciders(p)))}"
    if p.votes and not is_hidden(p):
        votes = [f"{DONE[one.action]} by {decider(one, news.vote_known(one))}" for one in p.votes]
        yield f"Voted: {'; '.join(neutralised(one) for one in votes)}"
    if p.settles_at is not None:
        yield f"Approved; it can be taken back until {_time(p.settles_at)}."
        return
    for at, step in remaining_steps(p):
        yield f"At {_time(max(at, now))}: {_will(step)}."


def _will(step: TimelineStep) -> str:
    if step.does == "escalate":
        return f"{neutralised(', '.join(step.people)) or 'others'} may decide too"
    return _WILL.get(step.does, "it is overdue")


def _link(p: Proposal, public_url: str) -> str:
    if not public_url and p.status != "open":
        return f"See it with: hitl-nb show {p.id}"
    if not public_url:
        return f"Decide in JupyterLab's inbox, or see it with: hitl-nb show {p.id}"
    return f"{public_url.rstrip('/')}/hitl_nb/review/{p.id}"


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
