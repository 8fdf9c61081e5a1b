"""Responses about proposals, their drafts and their decisions."""

from __future__ import annotations

from typing import Any, Literal, Self

from msgspec import UNSET, UnsetType

from hitl_nb.records import Action, EvidenceBlock, Known, Proposal, ProposalStatus, Speaker
from hitl_nb.server.lists.list_index import RowExtras
from hitl_nb.server.messages.response_types.base import At, Count, Id, ResponseStruct, same_fields
from hitl_nb.server.messages.response_types.comments import CommentInfo
from hitl_nb.server.messages.response_types.decisions import DecisionDetail, DecisionSummary, DoubtInfo, OutcomeFlagInfo
from hitl_nb.server.messages.response_types.kind_names import KindName
from hitl_nb.server.messages.response_types.review_state import ReviewFields, review_fields
from hitl_nb.server.messages.response_types.runs import RunInfo, RunPermissions, RunRow
from hitl_nb.structs import prepare_structs


class ProposalHeader(ReviewFields, kw_only=True):
    """Fields that every response about a proposal has.

    `type_name` is the name of the proposed Python type, for people. `path` is the notebook's path below the server's
    root folder; null if the notebook is outside. `pause` is the number of the pause in the run, from 1; 0 if a policy
    decided and the run did not pause. `ordinal` is the index among the proposals of the same pause. `document` is the
    id of the document that people edit: the proposal's own id, or the id of the workspace that the proposal asks about.
    `position` identifies the call in the run. `revision` counts from 1. A decision must have the `revision` and the
    `fingerprint` that were shown. `allow` has the actions that the agent's code allows. `reasons` has reasons that the
    notebook's author offers. `doubt` is the step call of which the effect is unknown; null for any other question.
    `about` is "effect" if the question is about such a call; it is missing for any other question. `own_request` is
    true if the reader may not approve, because the reader started or continued the run and the policy forbids that.
    `flag` is the statement of a reviewer, after the decision, that the approval was wrong; null if there is none.
    `held` is true if the program that asked waits for the decision, so that nobody has to continue the run.
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
    about: Literal["effect"] | UnsetType = UNSET
    own_request: bool = False
    flag: OutcomeFlagInfo | None = None
    held: bool = False

    @classmethod
    def _read_record(
        cls,
        record: Proposal,
        progress: dict[str, Any],
        path: str | None,
        own_request: bool,
        flag_known: Speaker | None,
    ) -> dict[str, Any]:
        """Return the fields that all responses about a proposal have, by name.

        Args:
            record: The proposal.
            progress: Result of `review.progress.describe_progress`.
            path: The notebook's path below the server's folder; None if the notebook is outside.
            own_request: Whether the reader may not approve, because the reader started or continued the run.
            flag_known: How the identity of the person who set the flag is known. None: there is no flag.
        """
        found = same_fields(cls, record)
        found |= review_fields(progress)
        found["document"] = record.document or record.id
        if record.doubt is not None:
            found["doubt"], found["about"] = DoubtInfo.of(record.doubt), "effect"
        if record.flag is not None:
            found["flag"] = OutcomeFlagInfo.of(record.flag, flag_known or "unsigned")
        found["path"], found["own_request"] = path, own_request
        return found


class DraftChangeInfo(ResponseStruct):
    """One change of a draft, short enough for a list.

    `label` is the name of the changed part for people, such as "Amount", "Row 3, paid" or "Step 2"; "" for a text.
    `before` is the proposed part, or null if the part was added. `after` is the edited part, or null if the part was
    removed. The changes and their number are those that the card shows.
    """

    label: str
    before: str | None
    after: str | None


class OpenCommentsInfo(ResponseStruct):
    """Numbers of open comments and of open suggestions on a proposal's document. Answers are not counted."""

    comments: Count
    suggestions: Count


def row_fields(extras: RowExtras) -> dict[str, Any]:
    """Return the fields that lists show of a proposal in addition to its record, as a dict of names and values.

    Args:
        extras: The parts of a row that are not in the proposal's record.
    """
    draft, (comments, suggestions) = extras.draft, extras.comments
    return {
        "summary": extras.summary,
        "alike": extras.alike,
        "numbers": extras.numbers,
        "edits": draft.total,
        "draft_changes": [DraftChangeInfo(**one._asdict()) for one in draft.first],
        "edited_by": draft.people,
        "open_comments": OpenCommentsInfo(comments=comments, suggestions=suggestions),
        "gone": extras.gone,
    }


class ProposalSummary(ProposalHeader, kw_only=True):
    """A proposal in a list, without its value. `path` is as in all responses about a proposal.

    `summary` is the value in one line of at most 120 characters, with hidden characters shown. `alike` is equal for
    similar proposals, which differ only in their values and in the numbers of their titles. `numbers` has the first
    numbers of the value, at most 12, by their paths, such as "amount" or "customer/age". `edits` is the number of
    changes of an open proposal's draft, or of a decision's value. It is null for an edited value that is too long to
    compare.
    `draft_changes` has the first changes, at most 3, and `edited_by` the display names of the people who edited the
    draft, newest first. `open_comments` has the numbers of open comments. `gone` is the part of its notebook that an
    open proposal has lost: "notebook", or "cell" for the agent's cell. It is null if both are there, or not known.
    """

    decision: DecisionSummary | None
    summary: str
    alike: str
    numbers: dict[str, float]
    edits: Count | None
    draft_changes: list[DraftChangeInfo]
    edited_by: tuple[str, ...]
    open_comments: OpenCommentsInfo
    gone: Literal["notebook", "cell"] | None

    @classmethod
    def of(
        cls,
        record: Proposal,
        *,
        known: Known | None,
        progress: dict[str, Any],
        path: str | None,
        own_request: bool,
        flag_known: Speaker | None,
        extras: RowExtras,
    ) -> ProposalSummary:
        """Build the response from a proposal.

        Args:
            record: The proposal.
            known: How the identity of the person who decided is known. None: unsigned.
            progress: Result of `review.progress.describe_progress` for a list.
            path: The notebook's path below the server's folder; None if the notebook is outside.
            own_request: Whether the reader may not approve, because the reader started or continued the run.
            flag_known: How the identity of the person who set the flag is known. None: there is no flag.
            extras: The parts that are not in the record.
        """
        found = cls._read_record(record, progress, path, own_request, flag_known)
        found.pop("candidate", None)
        if record.decision is not None:
            found["decision"] = DecisionSummary.of(record.decision, known)
        return cls(**found, **row_fields(extras))


class ProposalRecord(ProposalHeader, kw_only=True):
    """A proposal with its recorded fields and its value.

    `notes` has sentences for the reviewer, for example that a file will be opened again. `candidate` is the edited
    value that people vote on; it is missing while people vote on `value`. `schema` is the JSON Schema that an edited
    value must satisfy, or null. `options` are the values to choose from, for the kind "choice". `context` is Markdown
    or an object of facts for the reviewer, or null.
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
        cls,
        record: Proposal,
        *,
        known: Known | None,
        progress: dict[str, Any],
        path: str | None,
        own_request: bool,
        flag_known: Speaker | None,
        **more: Any,
    ) -> Self:
        """Build the response from a proposal.

        Args:
            record: The proposal.
            known: How the identity of the decider is known. None: unsigned.
            progress: Result of `review.progress.describe_progress`.
            path: The notebook's path below the server's folder; None if it is outside.
            own_request: Whether the reader may not approve, because the reader started or continued the run.
            flag_known: How the identity of the person who set the flag is known. None: there is no flag.
            **more: The fields that a subtype adds.
        """
        found = cls._read_record(record, progress, path, own_request, flag_known)
        if record.decision is not None:
            found["decision"] = DecisionDetail.of(record.decision, known)
        return cls(**(found | more))


class ProposalDetail(ProposalRecord, kw_only=True):
    """A proposal in full: with the exact text of its value, its draft, the comments, and the changes by people.

    `text` is the exact text of the value. `changes` is a unified diff from the agent's value to the decided value or,
    for an open proposal, to the value that people vote on; "" if the values are equal. `draft` is the value that people
    are editing; it is missing if it is equal to `value` (`has_draft` is false). `summary` to `gone` are as in lists.
    `evidence` has the parts of `context` as they are shown, in their order; `context` has texts in place of
    pictures and tables.
    """

    summary: str
    alike: str
    numbers: dict[str, float]
    edits: Count | None
    draft_changes: list[DraftChangeInfo]
    edited_by: tuple[str, ...]
    open_comments: OpenCommentsInfo
    gone: Literal["notebook", "cell"] | None
    evidence: tuple[EvidenceBlock, ...]
    text: str
    changes: str
    comments: list[CommentInfo]
    has_draft: bool
    draft: Any | UnsetType = UNSET


class ProposalPage(ResponseStruct):
    """A page of proposals. `next` is the value of the parameter `cursor` for the next page; null at the end.

    `total` is the number of all proposals that match; null if it is not known, because only one page was read. It is
    known for open proposals if the query has `q`, `sort` or `edited`.
    """

    proposals: list[ProposalSummary]
    next: Id | None
    total: Count | None = None


class ProposalCounts(ResponseStruct):
    """Numbers for the views of the inbox.

    `waiting` is the number of open proposals. Of them, the reader may decide `mine` and may not decide `others`, and
    `late` are overdue. Since the time in the query, a policy decided `passed` proposals, and the reader decided
    `decided_by_me`; at most 1000 closed proposals are read for both. `runs` is the number of runs that are interrupted,
    failed or in doubt.
    """

    mine: Count
    waiting: Count
    others: Count
    late: Count
    passed: Count
    decided_by_me: Count
    runs: Count


class EditCheck(ResponseStruct):
    """An edited value is valid. `value` is its stored form; `changes` is a unified diff from the agent's value."""

    ok: bool
    value: Any
    changes: str


class DraftSaved(ResponseStruct):
    """The draft was saved or reset."""

    saved: bool


class DraftUpdate(ResponseStruct):
    """One change of a draft (an update of its CRDT document). `n` is its number in the draft's log, from 1.

    `update` is in the encoding of Yjs (version 1), in base64. `at`, `by` and `by_name` are the time, and the user name
    and display name of the author. `by` is "" for the value that the agent proposed. Updates are not signed: any
    program of the server's user can write them.
    """

    n: Count
    at: str
    by: str
    by_name: str
    update: str


class DraftHistory(ResponseStruct):
    """A page of a draft's updates, oldest first.

    `next` is the value of the parameter `after` for the next page; null at the end.
    """

    entries: list[DraftUpdate]
    next: Count | None


class FlagResponse(ResponseStruct):
    """The proposal with the statement that its approval was wrong."""

    proposal: ProposalDetail


class AssigneeResponse(ResponseStruct):
    """The proposal with its new assignee."""

    proposal: ProposalDetail


class PauseResponse(ResponseStruct):
    """A run of a cell, and the proposals of one of its pauses."""

    run: RunInfo
    proposals: list[ProposalDetail]


class RunDetail(ResponseStruct):
    """A run, the proposals of its last pause, and the permissions of the reader."""

    run: RunRow
    proposals: list[ProposalSummary]
    may: RunPermissions


class DecisionResponse(ResponseStruct):
    """The proposal after a decision, its run, and the effect of the call.

    `outcome` "recorded": the vote was stored, and votes of other people are needed. "settling": the proposal is
    approved, and the approval can still be undone for some time. "decided": the proposal is decided.
    """

    proposal: ProposalDetail
    run: RunInfo
    outcome: Literal["recorded", "settling", "decided"]


class BulkDecisionResponse(ResponseStruct):
    """The proposals that were decided together."""

    proposals: list[ProposalDetail]


prepare_structs(globals())
