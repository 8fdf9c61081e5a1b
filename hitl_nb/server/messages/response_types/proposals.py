"""Responses about proposals and what people decide about them."""

from __future__ import annotations

from typing import Any, Literal, Self

from msgspec import UNSET, UnsetType

from hitl_nb.records import Action, Known, Proposal, ProposalStatus
from hitl_nb.server.messages.response_types.base import At, Count, Id, ResponseStruct, same_fields
from hitl_nb.server.messages.response_types.comments import CommentInfo
from hitl_nb.server.messages.response_types.decisions import DecisionDetail, DecisionSummary, DoubtInfo
from hitl_nb.server.messages.response_types.kind_names import KindName
from hitl_nb.server.messages.response_types.review_state import ReviewFields, review_fields
from hitl_nb.server.messages.response_types.runs import RunInfo
from hitl_nb.structs import prepare_structs


class ProposalHeader(ReviewFields, kw_only=True):
    """Fields that every response about a proposal has.

    `type_name` is the proposed Python type, for people. `path` is the notebook's path below the server's folder; null
    if it is outside. `pause` is the number of the pause in its run, from 1; 0 if a policy decided and the run did not
    pause. `ordinal` is the place among the proposals of its pause. `document` is the id of the draft's document: the
    proposal's own, or the one of the workspace that it asks about. `revision` counts from 1; a decision names the
    revision and the `fingerprint` that were shown. `allow` has the actions that the agent's code allows, and `reasons`
    those that the notebook's author offers. `doubt` is null for a question that is about no call in doubt.
    """

    id: Id
    title: str
    kind: KindName
    type_name: str
    status: ProposalStatus
    agent: str
    notebook: str
    path: str | None
    run: Id
    pause: Count
    ordinal: Count
    document: Id
    position: str
    revision: Count
    fingerprint: str
    created_at: At
    deadline: At | None
    assignee: str | None
    allow: tuple[Action, ...]
    reasons: tuple[str, ...]
    doubt: DoubtInfo | None

    @classmethod
    def _read_record(cls, record: Proposal, progress: dict[str, Any], path: str | None) -> dict[str, Any]:
        """Return the fields of a response that are read from the record or are determined by its policy."""
        found = same_fields(cls, record)
        found |= review_fields(progress)
        found["document"] = record.document or record.id
        if record.doubt is not None:
            found["doubt"] = DoubtInfo.of(record.doubt)
        found["path"] = path
        return found


class ProposalSummary(ProposalHeader, kw_only=True):
    """A proposal in a list. `path` is the notebook's path below the server's folder; null if it is outside.

    `summary` is the beginning of the value, as one text. `alike` is equal for proposals that differ only in their
    values and in the numbers of their titles.
    """

    decision: DecisionSummary | None
    summary: str
    alike: str

    @classmethod
    def of(
        cls,
        record: Proposal,
        *,
        known: Known | None,
        progress: dict[str, Any],
        path: str | None,
        summary: str,
        alike: str,
    ) -> ProposalSummary:
        """Build the response from a proposal.

        Args:
            record: The proposal.
            known: How the identity of the decider is known. None: unsigned.
            progress: Result of `review.progress.describe_progress` for a list.
            path: The notebook's path below the server's folder; None if it is outside.
            summary: Beginning of the value.
            alike: Key of similar proposals.
        """
        found = cls._read_record(record, progress, path)
        found.pop("candidate", None)
        if record.decision is not None:
            found["decision"] = DecisionSummary.of(record.decision, known)
        found["summary"], found["alike"] = summary, alike
        return cls(**found)


class ProposalRecord(ProposalHeader, kw_only=True):
    """A proposal as it is recorded, with its value. `notes` are sentences of the engine for the reviewer.

    `candidate` is the edited value that people vote on; it is missing while they vote on `value`. `schema` is the JSON
    Schema that an edited value must satisfy; `options` are the values to choose from, for the kind "choice". `context`
    is Markdown or an object of facts for the reviewer, or null.
    """

    notes: tuple[str, ...]
    decision: DecisionDetail | None
    value: Any
    candidate: Any | UnsetType = UNSET
    schema: dict[str, Any] | None
    options: list[Any] | None
    context: dict[str, Any] | str | None

    @classmethod
    def of(
        cls, record: Proposal, *, known: Known | None, progress: dict[str, Any], path: str | None, **more: Any
    ) -> Self:
        """Build the response from a proposal.

        Args:
            record: The proposal.
            known: How the identity of the decider is known. None: unsigned.
            progress: Result of `review.progress.describe_progress`.
            path: The notebook's path below the server's folder; None if it is outside.
            **more: The fields that a subtype adds.
        """
        found = cls._read_record(record, progress, path)
        if record.decision is not None:
            found["decision"] = DecisionDetail.of(record.decision, known)
        return cls(**found, **more)


class ProposalDetail(ProposalRecord, kw_only=True):
    """A proposal with everything that its card shows: exact text, current draft, comments, and changes.

    `text` is the exact text of the value. `changes` is a unified diff from the agent's version to the decided value, or
    to the value that people vote on; "" if they are equal. `draft` is the value as people edit it; it is missing if
    there is no draft.
    """

    text: str
    changes: str
    comments: list[CommentInfo]
    has_draft: bool
    draft: Any | UnsetType = UNSET


class ProposalPage(ResponseStruct):
    """A page of proposals; `next` is the cursor of the next page, null at the end."""

    proposals: list[ProposalSummary]
    next: Id | None


class EditCheck(ResponseStruct):
    """A valid edit: the value as it would be stored, and its difference to the agent's version."""

    ok: bool
    value: Any
    changes: str


class DraftSaved(ResponseStruct):
    """The draft was saved or reset."""

    saved: bool


class DraftUpdate(ResponseStruct):
    """An update of a draft's document. `n` is its number in the document's log, from 1.

    `update` has Yjs' own encoding (version 1), in base64. `by`, `by_name` and `at` name its author and time. `by` is ""
    for the value that the agent proposed. They are not signed: any program of the server's user can write them.
    """

    n: Count
    at: str
    by: str
    by_name: str
    update: str


class DraftHistory(ResponseStruct):
    """A page of a draft's updates, oldest first; `next` is the value of `after` for the next page, null at the end."""

    entries: list[DraftUpdate]
    next: Count | None


class AssigneeResponse(ResponseStruct):
    """The proposal with its new assignee."""

    proposal: ProposalDetail


class PauseResponse(ResponseStruct):
    """The run and the proposals of a cell's pause."""

    run: RunInfo
    proposals: list[ProposalDetail]


class RunDetail(ResponseStruct):
    """A run, and the proposals of its last pause."""

    run: RunInfo
    proposals: list[ProposalSummary]


class DecisionResponse(ResponseStruct):
    """The proposal after a decision, its run, and the effect of the call.

    `outcome`: "recorded": the vote was stored, others are needed; "settling": an approval that can still be undone;
    "decided": the proposal is decided.
    """

    proposal: ProposalDetail
    run: RunInfo
    outcome: Literal["recorded", "settling", "decided"]


class BulkDecisionResponse(ResponseStruct):
    """All proposals that were decided together."""

    proposals: list[ProposalDetail]


prepare_structs(globals())
