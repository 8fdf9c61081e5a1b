"""Comments and suggestions on a document before it is decided.

A comment does not change the question. So the revision of a proposal stays the same, and no decision is refused because
of a new comment. `ledger/documents/comment_records.py` says how comments are stored.
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
    """The result of `Comments.change_state`.

    Attributes:
        comment: The comment as it is now.
        changed: Whether this call changed the state.
    """

    comment: Comment
    changed: bool


class Comments:
    """The comments on a store's documents.

    Args:
        store: The store of the comments.
        store_id: Id of the store, for signatures.
        claims: Rights of this process to execute runs (claims). Writes of agents are checked against them.
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
            document_id: Full id of a proposal or workspace.
            text: Text of the comment. It may be empty for a suggestion.
            author: User name of the author.
            author_name: Display name of the author.
            quote: The text that the comment is about.
            prefix: The text before the quote.
            suffix: The text after the quote.
            anchor: Range of the quote in the document. None (default): the whole document.
            thread: Id of the comment that this comment answers. "" (default): it answers none.
            suggestion: Text that should replace the quote. None (default): no suggestion.
            mentions: User names of the people whom the comment mentions.
            id: Id of the comment. If the document has a comment with this id already, that comment is returned.
                Default: a new id.
            claim: Claim of the agent's run, if an agent writes the comment. None (default): a person writes it.
            attestation: How a server identified the author, and its key that signs the comment. None (default): not
                signed.

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
        suggestion at the same time, only one call returns `changed` as True. The caller of that call inserts the text
        into the document.

        Args:
            document_id: Full id of the document.
            comment_id: Full id of the comment.
            state: The new state.
            actor: User name of the person, or name of the agent, that makes the change.
            actor_name: Display name of `actor`. Default: "".
            claim: Claim of the agent's run, if an agent makes the change. None (default): a person makes it.
            attestation: How a server identified the actor, and its key that signs the change. None (default): not
                signed.

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
        """Return the run, the proposal and the workspace that a document belongs to.

        Raises:
            UnknownProposal: No document has this id.
        """
        return load_comment_target(self._store, document_id)


def _changes_comment(comment: Comment, mark: CommentStateChange) -> bool:
    """Return whether a state change has an effect: False if the comment has this state already.

    Raises:
        AlreadySettled: Another person has accepted or dismissed the suggestion.
        ValueError: The comment has no suggestion that could be accepted, or is an answer to another comment.
    """
    if comment.state in ("accepted", "dismissed") and comment.state_by != mark.by:
        by = comment.state_by_name or comment.state_by
        raise AlreadySettled(f"{by} has already {comment.state} this suggestion; nothing was changed", comment)
    if comment.suggestion is None and mark.state == "accepted":
        raise ValueError(f"comment {comment.id} suggests nothing that could be accepted; resolve it")
    if comment.suggestion is None and comment.thread:
        raise ValueError(f"comment {comment.id} is an answer; resolve the comment that it answers, {comment.thread}")
    return comment.state != mark.state


def _parse_anchor(given: Anchor | Mapping[str, Any] | None) -> Anchor | None:
    """Return the anchor as an `Anchor`; None for None. Raise ValueError if the value has another form."""
    if given is None:
        return None
    try:
        return msgspec.convert(msgspec.to_builtins(given), Anchor)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"the anchor is not a start and an end as Yjs writes relative positions: {wrong}") from None


def _check_comment(said: Comment) -> None:
    """Raise ValueError if a comment is too long, has no text, or suggests a change without a place for it."""
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
