"""The proposals of a store: find, list, decide.

The inbox is an index of the open proposals by age, so a page of it is a short range however many are waiting.
A decision is one transaction (`ledger/decisions/decisions.py`): the first wins, and whoever comes later is told who
decided what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

from hitl_nb.errors import TooLate, UnknownProposal
from hitl_nb.ledger.comments import comments_on
from hitl_nb.ledger.decisions.decisions import Decided, Verdict, check_made, settled
from hitl_nb.ledger.decisions.proposal_history import RunLog
from hitl_nb.ledger.decisions.reviewers import how_known, vote_known
from hitl_nb.ledger.decisions.signatures import Attest
from hitl_nb.ledger.open.due_actions import Due, after_clock
from hitl_nb.ledger.open.votes import (
    Late,
    Seen,
    cast_vote,
    catch_up,
    is_vote,
    outcome_of,
    refuse_blocked_edit,
    take_back,
)
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.proposal_lists import closed, waiting
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import CHANGED_SINCE, Action, By, Known, Proposal, ProposalStatus, Run, Vote
from hitl_nb.storage import chunked as large
from hitl_nb.storage.interface import Reads, Transaction

T = TypeVar("T")


class Inbox(Due):
    """The proposals of a store."""

    store_id: str

    @after_clock
    def proposal(self, proposal_id: str) -> Proposal:
        """The proposal with this id, or whose id alone begins so (4 characters or more).

        Raises UnknownProposal, also when several begin so.
        """
        return _find(self.store, proposal_id)

    @after_clock
    def note_since(self, run_id: str, text: str) -> list[Proposal]:
        """Note with the open questions of a run what changed since it began; its last pause's proposals, in order.

        `text` begins with `CHANGED_SINCE` and takes the place of an earlier one; "" if nothing differs any more. What
        is asked, and so the fingerprint, stays. Raises UnknownRun.
        """

        def noted(reads: Reads) -> tuple[list[Proposal], list[Proposal]]:
            asked = rows.load_proposals(reads, run_id, rows.load_run(reads, run_id).pauses)
            return asked, [p for p in asked if p.status == "open" and _with_note(p, text) != p]

        def work(tx: Transaction) -> list[Proposal]:
            asked, stale = noted(tx)
            records: Digests = {}
            for p in stale:
                records |= rows.put_proposal(tx, _with_note(p, text))
            if stale:
                data = {"proposals": [p.id for p in stale], "note": text}
                chain.append(tx, "run.noted", actor="kernel", run=run_id, data=data, records=records)
            return [_with_note(p, text) if p in stale else p for p in asked]

        asked, stale = noted(self.store)
        return self.store.transact(work) if stale else asked

    @after_clock
    def proposals(self, run_id: str, pause: int | None = None) -> list[Proposal]:
        """A run's proposals in the order asked; those of one pause (from 1), if given.

        This is what a run resumes with, so every decision is checked against the audit log, and its signature if it has
        one. Raises UnknownRun, StoreCorrupt for a decision that was never made like this, Untrusted for a signature
        that is not a known server's.
        """
        return self.proposals_within(self.store, run_id, pause)

    def proposals_within(self, reads: Reads, run_id: str, pause: int | None = None) -> list[Proposal]:
        """The same, read in a transaction."""
        found = rows.load_proposals(reads, run_id, pause)
        if not found:
            rows.load_run(reads, run_id)
        log = RunLog(reads, run_id)
        for p in found:
            check_made(reads, self.store_id, p, log)
        return found

    def vote_known(self, p: Proposal, vote: Vote) -> Known:
        """How it is known who gave a vote on `p`, its signature checked."""
        return vote_known(self.store_id, p, vote)

    def how_known(self, p: Proposal) -> Known | None:
        """How it is known who decided `p`, its signature checked; None if nobody has."""
        return how_known(self.store_id, p)

    @after_clock
    def inbox(
        self, *, notebook: str | None = None, agent: str | None = None, limit: int = 50, after: str | None = None
    ) -> list[Proposal]:
        """At most `limit` open proposals, oldest first, that follow the proposal `after`. Raises UnknownProposal."""
        check_limit(limit)
        last = None if after is None else _find(self.store, after)
        return list(islice(waiting(self.store, notebook=notebook, agent=agent, after=last, limit=limit), limit))

    @after_clock
    def closed(
        self,
        *,
        status: ProposalStatus | None = None,
        notebook: str | None = None,
        agent: str | None = None,
        reviewer: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> list[Proposal]:
        """At most `limit` proposals that are no longer open, newest decision first, that follow the proposal `after`.

        `reviewer` is who decided, or whose it was to decide. Raises UnknownProposal.
        """
        check_limit(limit)
        last = None if after is None else _find(self.store, after)
        found = (
            p
            for p in closed(self.store, after=last)
            if status in (None, p.status) and notebook in (None, p.notebook) and agent in (None, p.agent)
            if reviewer is None or reviewer in (p.assignee, p.decision.reviewer if p.decision else None)
        )
        return list(islice(found, limit))

    def decide(
        self,
        proposal_id: str,
        action: Action,
        *,
        value: Any = None,
        reason: str | None = None,
        reviewer: str,
        by: By = "person",
        fingerprint: str | None = None,
        revision: int | None = None,
        attest: Attest | None = None,
        as_vote: bool = False,
    ) -> Proposal:
        """Decide a proposal, for good; if it has terms, vote on it.

        Args:
            proposal_id: its id, or the beginning of it.
            action: one of those that the proposal allows.
            value: for "edit" the edited value as JSON (already checked), for "respond" the message.
            reviewer: user name of who decides.
            fingerprint, revision: those of the proposal that the reviewer saw.
            attest: how a server knew the reviewer; it signs the decision.
            as_vote: for a script that says what the reviewer votes.

        Raises AlreadyDecided (who and what), StaleDraft (the proposal is not the one seen), UnknownProposal,
        StoreCorrupt (the stored proposal was tampered with), ValueError or TypeError for bad arguments; under terms
        also NotAReviewer, OwnRequest, InvalidEdit (the policy blocks the value).
        """
        verdict = Verdict(
            action=action, value=value, reason=reason, reviewer=reviewer, by=by, attest=attest, as_vote=as_vote
        )
        return self.settle(proposal_id, verdict, fingerprint=fingerprint, revision=revision).proposal

    @after_clock
    def settle(
        self,
        proposal_id: str,
        verdict: Verdict,
        *,
        fingerprint: str | None = None,
        revision: int | None = None,
        seconds: float | None = None,
    ) -> Decided:
        """`decide`, and what became of the run, read in the same transaction.

        `seconds` is how long the reviewer had what they decide on, if that is known; it is kept with a vote.
        """

        def work(tx: Transaction) -> Decided | Late:
            p = catch_up(tx, _find(tx, proposal_id))
            late = None if p.terms is None else Late.find(p)
            if late is not None:
                return late
            shown = Seen(fingerprint, revision, seconds)
            p, run = self._decide_within(tx, p, verdict, shown)
            return Decided(p, run, comments_on(tx, p.document or p.id, store_id=self.store_id), outcome_of(p))

        return _unless_late(self.store.transact(work))

    def _decide_within(self, tx: Transaction, p: Proposal, verdict: Verdict, seen: Seen) -> tuple[Proposal, Run]:
        if is_vote(p, verdict):
            return cast_vote(tx, p, self.store_id, verdict, seen)
        refuse_blocked_edit(tx, p, verdict)
        return settled(tx, p, self.store_id, verdict, seen.fingerprint, seen.revision)

    def undo(self, proposal_id: str, *, reviewer: str, attest: Attest | None = None) -> Decided:
        """Take the approval back that completed the votes, as long as the terms allow that.

        `attest` is how a server knew the reviewer; it signs that, as it did the vote.

        Raises TooLate; NotAReviewer for somebody else than who approved last, and without a server where only signed
        decisions count; UnknownProposal.
        """

        def work(tx: Transaction) -> Decided | Late:
            p = _find(tx, proposal_id)
            was_open, p = p.status == "open", catch_up(tx, p)
            if was_open and p.status != "open":
                return Late(TooLate(f"{p.title!r} is decided; what was approved can no longer be taken back"))
            p, run = take_back(tx, p, self.store_id, reviewer, attest)
            return Decided(p, run, comments_on(tx, p.document or p.id, store_id=self.store_id), outcome_of(p))

        return _unless_late(self.store.transact(work))

    @after_clock
    def decide_many(
        self,
        seen: Sequence[Proposal],
        action: Action,
        *,
        value: Any = None,
        reason: str | None = None,
        reviewer: str,
        by: By = "person",
        attest: Attest | None = None,
        seconds: Mapping[str, float | None] | None = None,
    ) -> list[Proposal]:
        """Decide all of them the same way, or, if one of them cannot be, none.

        Args:
            seen: the proposals as the reviewer saw them; each is decided only if it is still that one.
            seconds: by the ids of proposals, how long the reviewer had them.

        The other arguments and the errors are those of `decide`.
        """
        verdict = Verdict(action=action, value=value, reason=reason, reviewer=reviewer, by=by, attest=attest)
        shown = list({p.id: p for p in seen}.values())
        doubtful = next((p for p in shown if p.doubt is not None), None)
        if doubtful is not None:
            raise ValueError(f"{doubtful.title!r} is decided by itself: look up what happened, then answer it")

        def seen_as(was: Proposal) -> Seen:
            return Seen(was.fingerprint, was.revision, (seconds or {}).get(was.id), len(shown))

        def work(tx: Transaction) -> list[Proposal] | Late:
            found = [(catch_up(tx, _find(tx, p.id)), p) for p in shown]
            for p, _ in found:
                late = None if p.terms is None else Late.find(p)
                if late is not None:
                    return late
            return [self._decide_within(tx, p, verdict, seen_as(was))[0] for p, was in found]

        return _unless_late(self.store.transact(work))


def _unless_late(done: T | Late) -> T:
    """What was done, unless somebody or the clock was first."""
    if isinstance(done, Late):
        raise done.error
    return done


def check_limit(limit: int) -> None:
    if limit < 1:
        raise ValueError(f"limit must be 1 or more, not {limit}")


def _with_note(p: Proposal, text: str) -> Proposal:
    notes = [note for note in p.notes if not note.startswith(CHANGED_SINCE)]
    return msgspec.structs.replace(p, notes=(*notes, text) if text else tuple(notes))


def _find(reads: Reads, proposal_id: str) -> Proposal:
    if not rows.is_id(proposal_id) or len(proposal_id) < 4:
        raise UnknownProposal(_unknown(proposal_id))
    exact = rows.load_proposal(reads, proposal_id)
    if exact is not None:
        return exact
    found = reads.scan(f"proposal/{proposal_id}", f"proposal/{proposal_id}~", limit=2)
    if not found:
        raise UnknownProposal(_unknown(proposal_id))
    if len(found) > 1:
        raise UnknownProposal(f"several proposals begin with {proposal_id!r}; give more characters of the id")
    key, raw = found[0]
    return rows.decode(large.whole(reads, key, raw), Proposal, key)


def _unknown(proposal_id: str) -> str:
    return (
        f"there is no proposal {proposal_id!r} in this store; `hitl-nb inbox` lists those that wait "
        "(the first 4 or more characters of an id are enough)"
    )
