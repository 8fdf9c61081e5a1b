"""History of a proposal in the audit log: its question, its terms (review rules), its votes and its timeline.

Any program that can write to the store can change the record of a proposal, and the next vote writes the record again.
So a decision is used only if the record agrees with the history in the audit log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.policies.terms.timeline_course import find_wrong_time
from hitl_nb.policies.terms.vote_counts import hash_terms
from hitl_nb.records import Event, Proposal
from hitl_nb.storage.interface import StoreReader


class RunLog:
    """The events of a run, read from the newest one backwards as far as they are needed.

    The events are kept, so that each is read only once.

    Args:
        reads: The store, or a transaction.
        run: Id of the run.
    """

    def __init__(self, reads: StoreReader, run: str) -> None:
        self._events = chain.iterate_run_events(reads, run)
        self._asked: dict[str, dict[str, Any]] = {}
        self._about: defaultdict[str, list[Event]] = defaultdict(list)

    def find_question_data(self, proposal_id: str) -> dict[str, Any] | None:
        """Return the data about a proposal in the event of the pause that asked it.

        Returns:
            A dict with `id`, `title` and `fingerprint`, and with `terms` (hash) and `asked` (time) if the proposal had
            terms. None if no event of the run has the data.
        """
        while proposal_id not in self._asked:
            event = next(self._events, None)
            if event is None:
                return None
            if event.type == "run.paused":
                self._asked |= {told["id"]: told for told in (event.data or {}).get("proposals", ())}
            if event.proposal is not None:
                self._about[event.proposal].append(event)
        return self._asked[proposal_id]

    def events_about(self, proposal_id: str, until: int) -> list[Event]:
        """Return the events about a proposal after its question, oldest first. Call `find_question_data` for it first.

        Args:
            proposal_id: Id of the proposal.
            until: Number of an event; only earlier events are returned.
        """
        return [event for event in reversed(self._about[proposal_id]) if event.n < until]


def find_difference(log: RunLog, proposal: Proposal, made: dict[str, Any]) -> str | None:
    """Compare the record of a decided proposal with its history in the audit log.

    Args:
        log: Events of the run.
        proposal: The decided proposal.
        made: Data of the decision's event.

    Returns:
        The first difference, as the last part of a sentence for people; None if there is none. None also for a proposal
        that a policy has decided.
    """
    if proposal.decision is None or proposal.decision.by == "policy":
        return None
    asked = log.find_question_data(proposal.id)
    if asked is None:
        return "the log does not say that it was asked"
    events = log.events_about(proposal.id, proposal.decision.event)
    wrong = _find_other_terms(proposal, asked, events)
    if wrong is None:
        wrong = find_wrong_time(proposal, asked, [(e.type, e.data or {}) for e in events], made)
    return wrong


def _find_other_terms(proposal: Proposal, asked: dict[str, Any], events: Sequence[Event]) -> str | None:
    """Compare the terms and the votes of a proposal with the audit log.

    Args:
        proposal: The decided proposal.
        asked: Data about the question in the event of its pause.
        events: Events about the proposal after its question, oldest first.

    Returns:
        The first difference, as the last part of a sentence for people; None if there is none.
    """
    terms, widened, withdrawn = asked.get("terms", ""), set[str](), set[int]()
    newest, counts = dict[str, int](), dict[str, int]()
    for event in events:
        data: dict[str, Any] = event.data or {}
        match event.type:
            case "terms.changed":
                terms = data.get("to")
                counts = {who: n for who, n in counts.items() if who not in data.get("dropped", ())}
            case "proposal.escalated":
                widened.update(data.get("people", ()))
            case "vote":
                newest[event.actor] = counts[event.actor] = event.n
            case "vote.withdrawn":
                withdrawn.add(data.get("vote", 0))
                if counts.get(event.actor) != data.get("vote"):
                    return f"{event.actor} took back what is not their vote"
                counts = {who: n for who, n in counts.items() if n not in withdrawn}
            case _:
                pass
    if terms != hash_terms(proposal.terms):
        return "it was asked under other terms"
    if not widened.issuperset(proposal.widened):
        return f"nobody asked {', '.join(one for one in proposal.widened if one not in widened)} as well"
    for one in proposal.votes:
        if one.event in withdrawn:
            return f"the vote of {one.reviewer} was taken back"
        if newest.get(one.reviewer) != one.event:
            return f"the vote of {one.reviewer} is not their newest"
    missing = set(counts.values()) - {one.event for one in proposal.votes}
    if missing:
        return f"the vote of {next(who for who, n in counts.items() if n in missing)} is missing"
    return None
