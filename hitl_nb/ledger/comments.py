"""What people say about a document before it is decided: comments and suggestions; and whose a proposal is to decide.

None of it changes what is asked, so a proposal's revision stays and nobody's decision becomes stale by it. Comments,
and what became of them, are only ever added, under the numbers of their events: so it can be told later what had been
said when somebody decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from hitl_nb.errors import AlreadySettled, StoreCorrupt, UnknownComment, UnknownProposal
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.reviewers import known_speaker
from hitl_nb.ledger.decisions.signatures import Attest
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.rows.record_digests import digest_record
from hitl_nb.ledger.runs.claims import Claim, Claims
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.records import (
    COMMENT_STATES,
    Anchor,
    Comment,
    CommentState,
    Proposal,
    Record,
    Vouched,
    Workspace,
    new_id,
    now,
)
from hitl_nb.storage import chunked as large
from hitl_nb.storage.interface import Reads, Store, Transaction
from hitl_nb.structs import prepare_structs

R = TypeVar("R", bound=Record)

LONGEST = 10_000
"""Longest comment, in characters."""
LONGEST_QUOTE = 2_000
LONGEST_AROUND = 60
"""Most characters that are kept of what stands before a quote, and after it."""
LONGEST_SUGGESTION = 100_000
LONGEST_NAME = 200
MOST_MENTIONS = 20


class About(NamedTuple):
    """What a document's id stands for: its run, its workspace, and the proposal that its events are told to be about.

    One of a workspace has no proposal as long as nobody was asked about it.
    """

    document: str
    run: str
    proposal: Proposal | None
    workspace: Workspace | None = None


class Mark(Vouched, frozen=True, kw_only=True):
    """What became of a comment, and who made it so."""

    comment: str
    state: CommentState
    by: str
    by_name: str = ""
    at: datetime


class Marked(NamedTuple):
    """A comment as it is now, and whether this call made it so."""

    comment: Comment
    changed: bool


class Discussion:
    """The comments on a store's documents, and who its proposals are assigned to."""

    store: Store
    store_id: str
    _claims: Claims

    def comment(
        self,
        document_id: str,
        text: str,
        *,
        author: str,
        author_name: str = "",
        quote: str = "",
        prefix: str = "",
        suffix: str = "",
        anchor: Anchor | Mapping[str, Any] | None = None,
        thread: str = "",
        suggestion: str | None = None,
        mentions: Sequence[str] = (),
        id: str = "",  # noqa: A002
        claim: Claim | None = None,
        attest: Attest | None = None,
    ) -> Comment:
        """Add a comment, durably.

        Args:
            document_id: a document's full id, or that of a proposal.
            id: what it is called; if a comment on the document is called so already, it is that one, made before.
            claim: that of the agent's run who says it; RunClaimed is raised if that was taken over.
            attest: how a server knew the author; it signs the comment.

        The others are those of `Comment`. Raises UnknownProposal, UnknownComment (the one that it answers), ValueError.
        """
        said = Comment(
            id=id or new_id(),
            proposal=document_id,
            author=author,
            author_name=author_name,
            text=text.strip(),
            at=now(),
            quote=quote,
            prefix=prefix,
            suffix=suffix,
            anchor=_anchor(anchor),
            thread=thread,
            suggestion=suggestion,
            mentions=tuple(dict.fromkeys(mentions)),
        )
        _check(said)

        def work(tx: Transaction) -> Comment:
            found = about(tx, document_id)
            before = [one for one in comments_on(tx, found.document) if one.id == id] if id else []
            if before:
                return before[0]
            if thread and _named(tx, found.document, thread).thread:
                raise ValueError(f"comment {thread} is an answer itself; answer the comment that it answers")
            made = msgspec.structs.replace(said, proposal=found.document, run=found.run)
            if attest is not None:
                made = signatures.sign_said(self.store_id, found.document, made, attest)
            _log(tx, "comment", found, author, _logged(made), made)
            return _as_known(self.store_id, made)

        return self.store.transact(work) if claim is None else self._claims.write(claim, work)

    def mark_comment(
        self,
        document_id: str,
        comment_id: str,
        state: CommentState,
        *,
        actor: str,
        actor_name: str = "",
        claim: Claim | None = None,
        attest: Attest | None = None,
    ) -> Marked:
        """Say what became of a comment, durably: again, changes nothing. The ids are full ids.

        `claim` is that of the agent's run who does so; RunClaimed is raised if that was taken over. `attest` is how a
        server knew who does; it signs that.

        A suggestion that is accepted or dismissed stays so, but for who did it: of several who accept it at once one
        alone is told that it changed, and who is told so puts it into the document.

        Raises:
            UnknownProposal, UnknownComment: there is none with this id.
            AlreadySettled: somebody else accepted or dismissed it.
            AlreadyDecided, WorkspaceClosed: accepted, and the document can no longer be changed.
            ValueError: accepted, and it suggests nothing; or it is an answer.
        """
        if state not in COMMENT_STATES:
            raise ValueError(f"state must be one of {', '.join(COMMENT_STATES)}, not {state!r}")
        mark = Mark(comment=comment_id, state=state, by=actor, by_name=actor_name, at=now())

        def work(tx: Transaction) -> Marked:
            found = about(tx, document_id)
            comment = _named(tx, found.document, comment_id, self.store_id)
            if not _changes(comment, mark):
                return Marked(comment, False)
            if state == "accepted" and found.workspace is not None:
                standing.refuse_unless_open(found.workspace)
            elif state == "accepted" and found.proposal is not None:
                refuse_closed(found.proposal)
            data = {"id": comment.id, "state": state, "was": comment.state}
            made = mark if attest is None else signatures.sign_said(self.store_id, found.document, mark, attest)
            _log(tx, "comment.state", found, actor, data, made)
            return Marked(_with(comment, made, self.store_id), True)

        return self.store.transact(work) if claim is None else self._claims.write(claim, work)

    def comments(self, document_id: str, *, before: int | None = None, as_logged: bool = False) -> list[Comment]:
        """A document's comments, oldest first; those said before event number `before`, as they were then.

        `document_id` is the full id of the document. Raises StoreCorrupt; `as_logged`, also for a comment that is not
        the one in the audit log: what an agent acts on must be what was said.
        """
        if not rows.is_id(document_id):
            return []
        return comments_on(self.store, document_id, before, as_logged=as_logged, store_id=self.store_id)

    def about(self, document_id: str) -> About:
        """What this document is. Raises UnknownProposal."""
        return about(self.store, document_id)

    def assign(self, proposal_id: str, assignee: str | None, *, actor: str) -> Proposal:
        """Say whose an open proposal is to decide, or nobody's (None). `proposal_id` is the full id.

        Raises UnknownProposal, AlreadyDecided.
        """

        def work(tx: Transaction) -> Proposal:
            p = _known(tx, proposal_id)
            refuse_closed(p)
            p = msgspec.structs.replace(p, assignee=assignee)
            records = rows.put_proposal(tx, p)
            data = {"assignee": assignee}
            chain.append(tx, "assigned", actor=actor, run=p.run, proposal=p.id, data=data, records=records)
            return p

        return self.store.transact(work)


def about(reads: Reads, document_id: str) -> About:
    """What may be commented on under this id. Raises UnknownProposal."""
    w = rows.load_workspace(reads, document_id)
    p = _known(reads, document_id) if w is None else None
    if p is not None and p.document:
        w = rows.load_workspace(reads, p.document)
    if w is not None:
        return About(w.id, w.run, p or (rows.load_proposal(reads, w.proposal) if w.proposal else None), w)
    assert p is not None
    return About(p.id, p.run, p)


def comments_on(
    reads: Reads, document_id: str, before: int | None = None, *, as_logged: bool = False, store_id: str = ""
) -> list[Comment]:
    """The comments on a document, oldest first; those said before event number `before`, as they were then.

    `as_logged`: raises StoreCorrupt for a comment, or what became of one, that is not what its event says. Without the
    store's id, all of them count as unsigned.
    """
    said = _entries(reads, f"comment/{document_id}/", before)
    marked = _entries(reads, f"marked/{document_id}/", before)
    if as_logged:
        _refuse_changed(reads, document_id, [*said, *marked])
    found = {one.id: _as_known(store_id, one) for one in _decoded(said, Comment)}
    for mark in _decoded(marked, Mark):
        if mark.comment in found:
            found[mark.comment] = _with(found[mark.comment], mark, store_id)
    return list(found.values())


def threads(comments: Sequence[Comment]) -> list[tuple[Comment, list[Comment]]]:
    """Comments with the answers to each, all in the order given."""
    answers: dict[str, list[Comment]] = {one.id: [] for one in comments}
    for one in comments:
        answers.get(one.thread, []).append(one)
    return [(one, answers[one.id]) for one in comments if one.thread not in answers]


def _refuse_changed(reads: Reads, document_id: str, entries: Sequence[tuple[str, bytes]]) -> None:
    for key, raw in entries:
        number = key.rsplit("/", 1)[1]
        event = chain.at(reads, int(number)) if number.isdecimal() else None
        if event is None or event.records.get(key) != digest_record(key, raw):
            raise StoreCorrupt(
                f"the comments on {document_id} are not what was said: {key} was changed in the store, and the "
                "audit log has it differently; they were not given to the agent. `hitl-nb audit --verify` names "
                "every such record; restore the store from a backup, or run the agent anew with --restart"
            )


def _decoded(entries: Sequence[tuple[str, bytes]], kind: type[R]) -> list[R]:
    return [rows.decode(raw, kind, key) for key, raw in entries]


def _entries(reads: Reads, prefix: str, before: int | None) -> list[tuple[str, bytes]]:
    start, stop = large.span(prefix)
    found = reads.scan(start, stop if before is None else f"{prefix}{before:012d}")
    return [(key, large.whole(reads, key, raw)) for key, raw in found]


def _as_known(store_id: str, comment: Comment) -> Comment:
    known = known_speaker(store_id, comment.proposal, comment, comment.author)
    return msgspec.structs.replace(comment, known=known, state_known=None)


def _with(comment: Comment, mark: Mark, store_id: str) -> Comment:
    known = known_speaker(store_id, comment.proposal, mark, mark.by)
    made = {"state": mark.state, "state_by": mark.by, "state_by_name": mark.by_name, "state_at": mark.at}
    return msgspec.structs.replace(comment, **made, state_known=known)


def _named(reads: Reads, document_id: str, comment_id: str, store_id: str = "") -> Comment:
    for one in comments_on(reads, document_id, store_id=store_id):
        if one.id == comment_id:
            return one
    raise UnknownComment(f"there is no comment {comment_id!r} on {document_id}; load its comments again")


def _changes(comment: Comment, mark: Mark) -> bool:
    """Whether the mark changes the comment. Raises AlreadySettled, ValueError."""
    if comment.state in ("accepted", "dismissed") and comment.state_by != mark.by:
        by = comment.state_by_name or comment.state_by
        raise AlreadySettled(f"{by} has already {comment.state} this suggestion; nothing was changed", comment)
    if comment.suggestion is None and mark.state == "accepted":
        raise ValueError(f"comment {comment.id} suggests nothing that could be accepted; resolve it")
    if comment.suggestion is None and comment.thread:
        raise ValueError(f"comment {comment.id} is an answer; resolve the comment that it answers, {comment.thread}")
    return comment.state != mark.state


def _anchor(given: Anchor | Mapping[str, Any] | None) -> Anchor | None:
    """An anchor, as it was given. Raises ValueError for another shape."""
    if given is None:
        return None
    try:
        return msgspec.convert(msgspec.to_builtins(given), Anchor)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"the anchor is not a start and an end as Yjs writes relative positions: {wrong}") from None


def _check(said: Comment) -> None:
    """Raises ValueError, with a sentence, for a comment that is too long, too empty, or about nothing."""
    least = 1 if said.suggestion is None else 0
    if not least <= len(said.text) <= LONGEST:
        raise ValueError(f"a comment has {least} to {LONGEST} characters, not {len(said.text)}")
    longest = {
        "quote": LONGEST_QUOTE,
        "prefix": LONGEST_AROUND,
        "suffix": LONGEST_AROUND,
        "suggestion": LONGEST_SUGGESTION,
    }
    for name, most in longest.items():
        if (size := len(getattr(said, name) or "")) > most:
            raise ValueError(f"the {name} of a comment has at most {most} characters, not {size}")
    if said.suggestion is not None and not said.quote and (said.anchor is None or not said.suggestion):
        raise ValueError("a suggestion needs the quote that it replaces, or the anchor of where it is inserted")
    if len(said.mentions) > MOST_MENTIONS:
        raise ValueError(f"a comment mentions at most {MOST_MENTIONS} people, not {len(said.mentions)}")
    if not all(1 <= len(one) <= LONGEST_NAME for one in said.mentions):
        raise ValueError(f"a mention is a user name of 1 to {LONGEST_NAME} characters")


def _log(tx: Transaction, kind: str, found: About, actor: str, data: dict[str, Any], said: Comment | Mark) -> None:
    """Append an event about a document, and store, under its number, what was said there."""
    place = f"{'comment' if isinstance(said, Comment) else 'marked'}/{found.document}"
    records = rows.put_record(tx, f"{place}/{chain.head(tx).n + 1:012d}", said, new=True)
    if found.workspace is not None:
        data = {**data, "workspace": found.workspace.id}
    about = found.proposal.id if found.proposal else None
    chain.append(tx, kind, actor=actor, run=found.run, proposal=about, data=data, records=records)


def _logged(made: Comment) -> dict[str, Any]:
    """What the audit log keeps of a comment: what was said, about what, and to whom."""
    told = {"quote": made.quote, "thread": made.thread, "mentions": made.mentions}
    suggested = {} if made.suggestion is None else {"suggestion": made.suggestion}
    return {"id": made.id, "text": made.text, **{name: one for name, one in told.items() if one}, **suggested}


def _known(reads: Reads, proposal_id: str) -> Proposal:
    p = rows.load_proposal(reads, proposal_id) if rows.is_id(proposal_id) else None
    if p is None:
        raise UnknownProposal(f"there is no proposal {proposal_id!r} in this store")
    return p


prepare_structs(globals())
