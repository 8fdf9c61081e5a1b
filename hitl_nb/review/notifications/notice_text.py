"""Text of notices (notifications about a proposal): plain text, in which an agent's text cannot imitate other parts.

Services read parts of a message as mentions, markup or links. So texts from agents and people are cut, and their hidden
characters are made visible. Characters that have a meaning for such services are replaced by lookalikes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import format_beginning
from hitl_nb.ledger.decisions.notices import Notice, list_deciders
from hitl_nb.ledger.decisions.reviewers import format_decider
from hitl_nb.policies.terms.seats import People, format_need_progress
from hitl_nb.policies.terms.timeline import remaining_steps
from hitl_nb.policies.terms.vote_counts import is_hidden, need_progress
from hitl_nb.records import Known, Proposal, TimelineStep, VoteRecord
from hitl_nb.review.terms_sentences import ACTION_WORDS

MAX_TEXT_CHARS = 200
"""Maximum length of a text from agents or people in a message, in characters."""
MAX_NOTICES = 20
"""Maximum number of notices that one message describes. A message about more notices only says how many are left out.
"""

_LOOKALIKES = str.maketrans({"@": "＠", "<": "‹", "*": "∗", "_": "＿", "`": "ˋ", "~": "∼", "[": "［", "]": "］"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?=//)|\b(mailto|javascript|data|tel|sms):", re.IGNORECASE)
_DOMAIN = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_]{2,})")
_STEP_SENTENCES = {"reject": "it is rejected", "approve": "it is approved", "remind": "people are reminded"}
_STATES = {
    "asked": "Waiting for a decision",
    "reminded": "Reminder, still waiting for a decision",
    "escalated": "Escalated, waiting for a decision",
    "overdue": "Overdue, still waiting for a decision",
    "stuck": "Stuck: nobody may decide this",
    "expired": "The decision expired before it was used",
}


def neutralize_text(text: str) -> str:
    """Make a text from an agent or a person safe for a message: one line, at most `MAX_TEXT_CHARS` characters.

    Hidden characters become visible. Characters that a service reads as mention, markup or link become lookalikes.
    """
    line = " ".join(text[: 4 * MAX_TEXT_CHARS].split())
    shown = show_hidden_characters(line if len(line) <= MAX_TEXT_CHARS else line[: MAX_TEXT_CHARS - 1] + "…")
    plain = _DOMAIN.sub("․", _SCHEME.sub(lambda found: f"{found[1] or found[2]}꞉", shown))
    return plain.replace("://", "꞉//").replace("//", "⁄⁄").translate(_LOOKALIKES)


@dataclass(frozen=True)
class NoticeContext:
    """A notice (notification about a proposal) with the data that its text needs.

    Attributes:
        notice: The notice.
        proposal: The proposal that the notice is about.
        people: Current state of the people whom the proposal names: requesters, and people who are away.
        known: How the identity of the person who decided is known; None if it is not decided.
        vote_known: Function that returns how a voter is known.
    """

    notice: Notice
    proposal: Proposal
    people: People = field(default_factory=People)
    known: Known | None = None
    vote_known: Callable[[VoteRecord], Known] = lambda _: "unsigned"


def format_message(told: Sequence[NoticeContext], public_url: str, now: datetime) -> tuple[str, str]:
    """Return the title and the body of one message about some notices.

    Args:
        told: The notices, oldest first.
        public_url: URL of the server with which links begin; "" if it has none.
        now: The current time.
    """
    if len(told) == 1:
        return _format_title(told[0]), "\n".join(_iterate_lines(told[0], public_url, now))
    parts = ["\n".join([_format_title(one), *_iterate_lines(one, public_url, now)]) for one in told[:MAX_NOTICES]]
    if len(told) > MAX_NOTICES:
        parts.append(f"... and {len(told) - MAX_NOTICES} more: see the inbox.")
    return f"{len(told)} notices about agents' proposals", "\n\n".join(parts)


def _format_title(news: NoticeContext) -> str:
    return f"{_format_state(news)}: {neutralize_text(news.proposal.title)}"


def _format_state(news: NoticeContext) -> str:
    kind, made = news.notice.kind, news.proposal.decision
    if kind != "decided" or made is None:
        return _STATES.get(kind, "Decided")
    return f"{ACTION_WORDS[made.action].capitalize()} by {neutralize_text(format_decider(made, news.known))}"


def _iterate_lines(news: NoticeContext, public_url: str, now: datetime) -> Iterator[str]:
    notice, proposal = news.notice, news.proposal
    yield f"Agent: {neutralize_text(proposal.agent)}, in {neutralize_text(proposal.notebook.rsplit('/', 1)[-1])}"
    in_full = proposal.terms is not None and proposal.terms.show == "summary"
    if in_full:
        yield f"Proposed: {neutralize_text(format_beginning(proposal, proposal.value, 4 * MAX_TEXT_CHARS))}"
    if proposal.terms is not None and proposal.terms.rules:
        yield f"Rules: {neutralize_text(', '.join(proposal.terms.rules))}"
    if in_full and proposal.why:
        yield f"Why: {neutralize_text('; '.join(proposal.why))}"
    if notice.note:
        yield neutralize_text(notice.note)
    if proposal.stuck and proposal.status == "open":
        yield f"Stuck: {neutralize_text(proposal.stuck)}"
    if proposal.decision is not None and proposal.decision.reason and in_full:
        yield f"Reason: {neutralize_text(proposal.decision.reason)}"
    if proposal.status == "open":
        yield from _iterate_open_lines(news, now)
    yield _format_link(proposal, public_url)


def _iterate_open_lines(news: NoticeContext, now: datetime) -> Iterator[str]:
    """Yield lines about an open proposal: the people who may decide, the votes, and the remaining timed actions."""
    proposal = news.proposal
    needs = [format_need_progress(one.text, one.have, one.count) for one in need_progress(proposal, news.people)]
    yield f"Needed: {neutralize_text('; '.join(needs))}"
    yield f"May decide: {neutralize_text(', '.join(list_deciders(proposal)))}"
    if proposal.votes and not is_hidden(proposal):
        votes = [f"{ACTION_WORDS[one.action]} by {format_decider(one, news.vote_known(one))}" for one in proposal.votes]
        yield f"Voted: {'; '.join(neutralize_text(one) for one in votes)}"
    if proposal.settles_at is not None:
        yield f"Approved; it can be taken back until {_format_time(proposal.settles_at)}."
        return
    for at, step in remaining_steps(proposal):
        yield f"At {_format_time(max(at, now))}: {_describe_step(step)}."


def _describe_step(step: TimelineStep) -> str:
    if step.does == "escalate":
        return f"{neutralize_text(', '.join(step.people)) or 'others'} may decide too"
    return _STEP_SENTENCES.get(step.does, "it is overdue")


def _format_link(proposal: Proposal, public_url: str) -> str:
    if not public_url and proposal.status != "open":
        return f"See it with: hitl-nb show {proposal.id}"
    if not public_url:
        return f"Decide in JupyterLab's inbox, or see it with: hitl-nb show {proposal.id}"
    return f"{public_url.rstrip('/')}/hitl_nb/review/{proposal.id}"


def _format_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
