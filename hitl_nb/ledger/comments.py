"""Comments and suggestions on a document before it is decided.

They do not change the question. So a proposal's revision stays the same, and no decision becomes stale because of them.
`ledger/documents/comment_records.py` says how they are stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from hitl_nb.errors import AlreadySettled
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.documents.comment_records import (
    CommentStateChange,
    CommentTarget,
    append_logged,
    comment_event_data,
    load_comment_target,
    read_comments,
    require_comment,
    with_known_speakers,
    with_state_change,
)
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.records import COMMENT_STATES, Anchor, Comment, CommentState, new_id, now
from hitl_nb.storage.interface import Store, Transaction

MAX_COMMENT_CHARS = 10_000
"""Longest comment, in characters."""
MAX_QUOTE_CHARS = 2_000
MAX_CONTEXT_CHARS = 60
"""Most characters of the text before a quote, and of the text after it."""
MAX_SUGGESTION_CHARS = 100_000
MAX_NAME_CHARS = 200
MAX_MENTIONS = 20


class CommentStateResult(NamedTuple):
    """The current comment, and whether this call changed its state."""

    comment: Comment
    changed: bool


class Comments:
    """The comments on a store's documents.

    Args:
        store: The store of the comments.
        store_id: Id of the store, for signatures.
        claims: The claims of this ledger.
    """

    def __init__(self, store: Store, store_id: str, claims: Claims) -> None:
        self._store = store
        self._store_id = store_id
        self._claims = claims

    def add(
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
        id: str = "",  # noqa: A002  # the record's name for it
        claim: Claim | None = None,
        attestation: ReviewerAttestation | None = None,
    ) -> Comment:
        """Add a comment, durably.

        Args:
            document_id: Full id of a document, or of a proposal.
            text: See `Comment`.
            author: See `Comment`.
            author_name: See `Comment`.
            quote: See `Comment`.
            prefix: See `Comment`.
            suffix: See `Comment`.
            anchor: See `Comment`.
            thread: See `Comment`.
            suggestion: See `Comment`.
            mentions: See `Comment`.
            id: Id of the comment. If the document has a comment with this id already, that comment is returned.
                Default: a new id.
            claim: Claim of the agent's run, if an agent comments. None (default): no agent.
            attestation: How a server identified the author, with the key that signs the comment. None (default): no
                signature.

        Returns:
            The comment.

        Raises:
            UnknownProposal: No document has this id.
            UnknownComment: The answered comment (`thread`) does not exist.
            ValueError: The comment is too long or incomplete, or it answers an answer.
            RunClaimed: Another process has taken over the agent's run.
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
            anchor=_parse_anchor(anchor),
            thread=thread,
            suggestion=suggestion,
            mentions=tuple(dict.fromkeys(mentions)),
        )
        _check_comment(said)

        def work(transaction: Transaction) -> Comment:
            found = load_comment_target(transaction, document_id)
            before = [one for one in read_comments(transaction, found.document) if one.id == id] if id else []
            if before:
                return before[0]
            if thread and require_comment(transaction, found.document, thread).thread:
                raise ValueError(f"comment {thread} is an answer itself; answer the comment that it answers")
            made = msgspec.structs.replace(said, proposal=found.document, run=found.run)
            if attestation is not None:
                made = signatures.sign_statement(self._store_id, found.document, made, attestation)
            append_logged(transaction, "comment", found, author, comment_event_data(made), made)
            return with_known_speakers(self._store_id, made)

        return self._store.transact(work) if claim is None else self._claims.write(claim, work)

    def change_state(
        self,
        document_id: str,
        comment_id: str,
        state: CommentState,
        *,
        actor: str,
        actor_name: str = "",
        claim: Claim | None = None,
        attestation: ReviewerAttestation | None = None,
    ) -> CommentStateResult:
        """Change the state of a comment, durably. Repeating a call changes nothing.

        Only the person who accepted or dismissed a suggestion can change its state again. If several people accept a
        suggestion at the same time, only one call returns `changed`: its caller inserts the text into the document.

        Args:
            document_id: Full id of the document.
            comment_id: Full id of the comment.
            state: The new state.
            actor: User name of the person, or name of the agent, that makes the change.
            actor_name: Display name of `actor`. Default: "".
            claim: Claim of the agent's run, if an agent makes the change. None (default): no agent.
            attestation: How a server identified the actor, with the key that signs the change. None (default): no
                signature.

        Returns:
            The comment, and whether this call changed it.

        Raises:
            UnknownProposal, UnknownComment: The document or the comment does not exist.
            AlreadySettled: Another person has accepted or dismissed the suggestion.
            AlreadyDecided, WorkspaceClosed: The state is "accepted", and the document can no longer be changed.
            ValueError: The state is "accepted", and the comment has no suggestion; or the comment is an answer; or the
                state is unknown.
            RunClaimed: Another process has taken over the agent's run.
        """
        if state not in COMMENT_STATES:
            raise ValueError(f"state must be one of {', '.join(COMMENT_STATES)}, not {state!r}")
        mark = CommentStateChange(comment=comment_id, state=state, by=actor, by_name=actor_name, at=now())

        def work(transaction: Transaction) -> CommentStateResult:
            found = load_comment_target(transaction, document_id)
            comment = require_comment(transaction, found.document, comment_id, self._store_id)
            if not _changes_comment(comment, mark):
                return CommentStateResult(comment, False)
            if state == "accepted" and found.workspace is not None:
                standing.refuse_unless_open(found.workspace)
            elif state == "accepted" and found.proposal is not None:
                refuse_closed(found.proposal)
            data = {"id": comment.id, "state": state, "was": comment.state}
            made = (
                mark
                if attestation is None
                else signatures.sign_statement(self._store_id, found.document, mark, attestation)
            )
            append_logged(transaction, "comment.state", found, actor, data, made)
            return CommentStateResult(with_state_change(comment, made, self._store_id), True)

        return self._store.transact(work) if claim is None else self._claims.write(claim, work)

    def list_on_document(
        self, document_id: str, *, before: int | None = None, as_logged: bool = False
    ) -> list[Comment]:
        """Return a document's comments, oldest first.

        Args:
            document_id: Full id of the document.
            before: Number of an event: return the comments as they were before it. None (default): the current ones.
            as_logged: If True, check every comment against the audit log, because an agent acts on them. Default:
                False.

        Raises:
            StoreCorrupt: A record is damaged or, with `as_logged`, is not the one in the audit log.
        """
        if not layout.is_id(document_id):
            return []
        return read_comments(self._store, document_id, before, as_logged=as_logged, store_id=self._store_id)

    def find_target(self, document_id: str) -> CommentTarget:
        """Return the run, proposal and workspace of a document.

        Raises:
            UnknownProposal: No document has this id.
        """
        return load_comment_target(self.store, document_id)

    def assign(self, proposal_id: str, assignee: str | None, *, actor: str) -> Proposal:
        """Assign an open proposal to a person.

        Args:
            proposal_id: Full id of the proposal.
            assignee: User name; None: no person.
            actor: User or process that assigns it, for the event.

        Returns:
            The proposal afterwards.

        Raises:
            UnknownProposal: No proposal has this id.
            AlreadyDecided: The proposal is no longer open.
        """

        def work(transaction: Transaction) -> Proposal:
            proposal = _require_proposal(transaction, proposal_id)
            refuse_closed(proposal)
            proposal = msgspec.structs.replace(proposal, assignee=assignee)
            records = rows.put_proposal(transaction, proposal)
            data = {"assignee": assignee}
            chain.append_event(
                transaction, "assigned", actor=actor, run=proposal.run, proposal=proposal.id, data=data, records=records
            )
            return proposal

        return self.store.transact(work)


def load_comment_target(reads: StoreReader, document_id: str) -> CommentTarget:
    """Return the document with this id, for comments.

    Raises:
        UnknownProposal: No document has this id.
    """
    workspace = rows.load_workspace(reads, document_id)
    proposal = _require_proposal(reads, document_id) if workspace is None else None
    if proposal is not None and proposal.document:
        workspace = rows.load_workspace(reads, proposal.document)
    if workspace is not None:
        return CommentTarget(
            workspace.id,
            workspace.run,
            proposal or (rows.load_proposal(reads, workspace.proposal) if workspace.proposal else None),
            workspace,
        )
    assert proposal is not None
    return CommentTarget(proposal.id, proposal.run, proposal)


def read_comments(
    reads: StoreReader, document_id: str, before: int | None = None, *, as_logged: bool = False, store_id: str = ""
) -> list[Comment]:
    """Read the comments on a document, oldest first.

    Args:
        reads: The store, or a transaction.
        document_id: Full id of the document.
        before: Number of an event: read the comments as they were before it. None (default): the current ones.
        as_logged: If True, check every comment and state change against its event. Default: False.
        store_id: Id of the store, for the check of signatures. Default: all comments count as unsigned.

    Raises:
        StoreCorrupt: A record is damaged or, with `as_logged`, differs from its event.
    """
    said = _read_entries(reads, f"comment/{document_id}/", before)
    marked = _read_entries(reads, f"marked/{document_id}/", before)
    if as_logged:
        _refuse_changed(reads, document_id, [*said, *marked])
    found = {one.id: _with_known_speakers(store_id, one) for one in _decode_entries(said, Comment)}
    for mark in _decode_entries(marked, CommentStateChange):
        if mark.comment in found:
            found[mark.comment] = _with_state_change(found[mark.comment], mark, store_id)
    return list(found.values())


def group_threads(comments: Sequence[Comment]) -> list[tuple[Comment, list[Comment]]]:
    """Group comments into threads: each comment with its answers, in the given order."""
    answers: dict[str, list[Comment]] = {one.id: [] for one in comments}
    for one in comments:
        answers.get(one.thread, []).append(one)
    return [(one, answers[one.id]) for one in comments if one.thread not in answers]


def _refuse_changed(reads: StoreReader, document_id: str, entries: Sequence[tuple[str, bytes]]) -> None:
    for key, raw in entries:
        number = key.rsplit("/", 1)[1]
        event = chain.read_event(reads, int(number)) if number.isdecimal() else None
        if event is None or event.records.get(key) != digest_record(key, raw):
            raise StoreCorrupt(
                f"the comments on {document_id} are not the ones that people wrote: {key} was changed in the store "
                "and differs from the audit log. The comments were not given to the agent. `hitl-nb audit --verify` "
                "lists every such record. Restore the store from a backup, or run the agent again with --restart"
            )


def _decode_entries(entries: Sequence[tuple[str, bytes]], kind: type[R]) -> list[R]:
    return [rows.decode_record(raw, kind, key) for key, raw in entries]


def _read_entries(reads: StoreReader, prefix: str, before: int | None) -> list[tuple[str, bytes]]:
    start, stop = chunked_values.prefix_range(prefix)
    found = reads.scan(start, stop if before is None else f"{prefix}{before:012d}")
    return [(key, chunked_values.join_chunks(reads, key, raw)) for key, raw in found]


def _with_known_speakers(store_id: str, comment: Comment) -> Comment:
    known = identify_speaker(store_id, comment.proposal, comment, comment.author)
    return msgspec.structs.replace(comment, known=known, state_known=None)


def _with_state_change(comment: Comment, mark: CommentStateChange, store_id: str) -> Comment:
    known = identify_speaker(store_id, comment.proposal, mark, mark.by)
    made = {"state": mark.state, "state_by": mark.by, "state_by_name": mark.by_name, "state_at": mark.at}
    return msgspec.structs.replace(comment, **made, state_known=known)


def _require_comment(reads: StoreReader, document_id: str, comment_id: str, store_id: str = "") -> Comment:
    for one in read_comments(reads, document_id, store_id=store_id):
        if one.id == comment_id:
            return one
    raise UnknownComment(f"there is no comment {comment_id!r} on {document_id}; load its comments again")


def _changes_comment(comment: Comment, mark: CommentStateChange) -> bool:
    """Return whether a state change has an effect; refuse one that is not allowed."""
    if comment.state in ("accepted", "dismissed") and comment.state_by != mark.by:
        by = comment.state_by_name or comment.state_by
        raise AlreadySettled(f"{by} has already {comment.state} this suggestion; nothing was changed", comment)
    if comment.suggestion is None and mark.state == "accepted":
        raise ValueError(f"comment {comment.id} suggests nothing that could be accepted; resolve it")
    if comment.suggestion is None and comment.thread:
        raise ValueError(f"comment {comment.id} is an answer; resolve the comment that it answers, {comment.thread}")
    return comment.state != mark.state


def _parse_anchor(given: Anchor | Mapping[str, Any] | None) -> Anchor | None:
    """Convert an anchor; refuse a value of another form."""
    if given is None:
        return None
    try:
        return msgspec.convert(msgspec.to_builtins(given), Anchor)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"the anchor is not a start and an end as Yjs writes relative positions: {wrong}") from None


def _check_comment(said: Comment) -> None:
    """Refuse a comment that is too long, has no text, or suggests a change without a place for it."""
    least = 1 if said.suggestion is None else 0
    if not least <= len(said.text) <= MAX_COMMENT_CHARS:
        raise ValueError(f"a comment has {least} to {MAX_COMMENT_CHARS} characters, not {len(said.text)}")
    longest = {
        "quote": MAX_QUOTE_CHARS,
        "prefix": MAX_CONTEXT_CHARS,
        "suffix": MAX_CONTEXT_CHARS,
        "suggestion": MAX_SUGGESTION_CHARS,
    }
    for name, most in longest.items():
        if (size := len(getattr(said, name) or "")) > most:
            raise ValueError(f"the {name} of a comment has at most {most} characters, not {size}")
    if said.suggestion is not None and not said.quote and (said.anchor is None or not said.suggestion):
        raise ValueError("a suggestion needs the quote that it replaces, or the anchor of where it is inserted")
    if len(said.mentions) > MAX_MENTIONS:
        raise ValueError(f"a comment mentions at most {MAX_MENTIONS} people, not {len(said.mentions)}")
    if not all(1 <= len(one) <= MAX_NAME_CHARS for one in said.mentions):
        raise ValueError(f"a mention is a user name of 1 to {MAX_NAME_CHARS} characters")
