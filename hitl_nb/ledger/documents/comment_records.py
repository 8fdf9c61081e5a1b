"""Stored comments on a document: reading them, grouping them into threads, and storing them with their events.

A comment, and each change of its state, is a record that is never changed. Its key ends with the number of its event in
the audit log. So the comments as they were at the time of a decision can be read later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from hitl_nb.errors import StoreCorrupt, UnknownComment
from hitl_nb.ledger.decisions.reviewers import identify_speaker
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.proposal_lists import require_proposal
from hitl_nb.ledger.rows.record_digests import digest_record
from hitl_nb.records import AttestedRecord, Comment, CommentState, Proposal, Record, Workspace
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

R = TypeVar("R", bound=Record)


class CommentTarget(NamedTuple):
    """A document that can have comments: the draft of a proposal, or a workspace.

    Attributes:
        document: Id of the document.
        run: Id of its run.
        proposal: The proposal about the document, which events about comments name. None: a workspace about which no
            question was asked yet.
        workspace: The workspace; None if the document is a proposal without one.
    """

    document: str
    run: str
    proposal: Proposal | None
    workspace: Workspace | None = None


class CommentStateChange(AttestedRecord, frozen=True, kw_only=True):
    """A change of a comment's state.

    Attributes:
        comment: Id of the comment.
        state: The new state.
        by: User name of the person, or name of the agent, that made the change.
        by_name: Display name of `by`.
        at: Time of the change.
    """

    comment: str
    state: CommentState
    by: str
    by_name: str = ""
    at: datetime


def load_comment_target(reads: StoreReader, document_id: str) -> CommentTarget:
    """Return the document with this id, with its run, proposal and workspace.

    Args:
        reads: The store, or a transaction.
        document_id: Full id of a proposal or workspace. For a proposal about a workspace, the workspace is the
            document.

    Raises:
        UnknownProposal: No document has this id.
    """
    workspace = rows.load_workspace(reads, document_id)
    proposal = require_proposal(reads, document_id) if workspace is None else None
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
    """Return the comments on a document with their current states, oldest first.

    Args:
        reads: The store, or a transaction.
        document_id: Full id of the document.
        before: Number of an event: read the comments as they were before it. None (default): the current ones.
        as_logged: If True, check every comment and state change against its event. Default: False.
        store_id: Id of the store, for the check of signatures. Default: "", so that all comments count as unsigned.

    Raises:
        StoreCorrupt: A record is damaged or, with `as_logged`, differs from its event.
    """
    said = _read_entries(reads, f"comment/{document_id}/", before)
    marked = _read_entries(reads, f"marked/{document_id}/", before)
    if as_logged:
        _refuse_changed(reads, document_id, [*said, *marked])
    found = {one.id: with_known_speakers(store_id, one) for one in _decode_entries(said, Comment)}
    for mark in _decode_entries(marked, CommentStateChange):
        if mark.comment in found:
            found[mark.comment] = with_state_change(found[mark.comment], mark, store_id)
    return list(found.values())


def group_threads(comments: Sequence[Comment]) -> list[tuple[Comment, list[Comment]]]:
    """Group comments into threads.

    Returns:
        A pair for each comment that does not answer another one of `comments`: the comment, and the list of its
        answers. All are in the given order.
    """
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


def with_known_speakers(store_id: str, comment: Comment) -> Comment:
    """Return a copy of the comment with `known` set: how its author was identified, after a check of the signature.

    `state_known` is set to None; `with_state_change` sets it.
    """
    known = identify_speaker(store_id, comment.proposal, comment, comment.author)
    return msgspec.structs.replace(comment, known=known, state_known=None)


def with_state_change(comment: Comment, mark: CommentStateChange, store_id: str) -> Comment:
    """Return a copy of the comment with a changed state.

    Its field `state_known` says how the person who changed the state was identified, after a check of the signature.

    Args:
        comment: The comment.
        mark: The change of the state.
        store_id: Id of the store, for the check of signatures.
    """
    known = identify_speaker(store_id, comment.proposal, mark, mark.by)
    made = {"state": mark.state, "state_by": mark.by, "state_by_name": mark.by_name, "state_at": mark.at}
    return msgspec.structs.replace(comment, **made, state_known=known)


def require_comment(reads: StoreReader, document_id: str, comment_id: str, store_id: str = "") -> Comment:
    """Return the comment on a document with this id.

    Raises:
        UnknownComment: The document has no comment with this id.
    """
    for one in read_comments(reads, document_id, store_id=store_id):
        if one.id == comment_id:
            return one
    raise UnknownComment(f"there is no comment {comment_id!r} on {document_id}; load its comments again")


def append_logged(
    transaction: Transaction,
    kind: str,
    found: CommentTarget,
    actor: str,
    data: dict[str, Any],
    said: Comment | CommentStateChange,
) -> None:
    """Store a comment, or a change of a comment's state, and append its event.

    The key of the stored record ends with the number of the event.

    Args:
        transaction: The transaction to write in.
        kind: Type of the event.
        found: The document.
        actor: User or agent for the event.
        data: Data of the event, as plain JSON data.
        said: The comment or the state change to store.
    """
    place = f"{'comment' if isinstance(said, Comment) else 'marked'}/{found.document}"
    records = rows.put_record(transaction, f"{place}/{chain.read_head(transaction).n + 1:012d}", said, new=True)
    if found.workspace is not None:
        data = {**data, "workspace": found.workspace.id}
    about = found.proposal.id if found.proposal else None
    chain.append_event(transaction, kind, actor=actor, run=found.run, proposal=about, data=data, records=records)


def comment_event_data(made: Comment) -> dict[str, Any]:
    """Return the data for the event of a new comment: id, text, quote, thread, mentioned people and suggestion."""
    told = {"quote": made.quote, "thread": made.thread, "mentions": made.mentions}
    suggested = {} if made.suggestion is None else {"suggestion": made.suggestion}
    return {"id": made.id, "text": made.text, **{name: one for name, one in told.items() if one}, **suggested}


prepare_structs(globals())
