"""Types of the REST API's answers. The OpenAPI document is made from them, and tests check the server's answers.

The server does not build these objects: a route returns JSON made from records. The types name every field that may
appear.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb.records import (
    Action,
    Anchor,
    Authn,
    By,
    CommentState,
    GuardrailVerdict,
    Known,
    PolicyVerdict,
    ProposalStatus,
    RunStatus,
    Speaker,
    Surface,
    TimelineAction,
    WorkspaceStatus,
)
from hitl_nb.server.messages.kind_names import KindName

ID_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
"""Pattern of ids in paths; other paths match no route."""

Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
At = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class ResponseStruct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of answers; fields that a type does not name are forbidden."""


# --- proposals ------------------------------------------------------------------------------------------------------


class DecisionSummary(ResponseStruct):
    """A decision as a list shows it: what was decided, by whom, and how the server knew the person."""

    action: Action
    reason: str | None
    reviewer: str
    reviewer_name: str
    decided_at: At
    by: By
    fingerprint: str
    event: Count
    authn: Authn | None
    assurance: str | None
    surface: Surface | None
    signature: str | None
    policy: str
    terms_sha256: str
    valid_until: At | None
    known: Known


class DecisionDetail(DecisionSummary):
    """A decision with its value: the edited value, or the response to the agent."""

    value: Any


class CommentInfo(ResponseStruct):
    """A comment on a document, or on the quoted range of it. `proposal` is the document's id."""

    id: Id
    proposal: Id
    author: str
    author_name: str
    text: str
    at: At
    run: str
    quote: str
    prefix: str
    suffix: str
    anchor: Anchor | None
    thread: str
    suggestion: str | None
    mentions: list[str]
    state: CommentState
    state_by: str
    state_by_name: str
    state_at: At | None
    authn: Authn | None
    assurance: str | None
    surface: Surface | None
    signature: str | None
    known: Speaker
    state_known: Speaker | None


class DoubtInfo(ResponseStruct):
    """A step call of which it is unknown whether it took effect. `died`: its process ended during the call."""

    call: str
    step: str
    arguments: dict[str, str]
    began: At
    noticed: At
    died: bool
    idempotency_key: str


class GuardrailResultInfo(ResponseStruct):
    """Result of a guardrail that checked the value before people were asked; `message` is "" for a pass."""

    name: str
    version: str
    verdict: GuardrailVerdict
    message: str
    milliseconds: float


class NeedInfo(ResponseStruct):
    """A number of people who must agree ("2 of @finance"), and how many do.

    `voted` lists people whose votes are counted. `waiting` lists people whose vote can still count; absent people are
    replaced by their substitutes. Both are empty while votes are hidden; `waiting` is also empty if anyone may vote.
    """

    text: str
    have: Count
    count: Count
    voted: list[str]
    waiting: list[str]


class VoteInfo(ResponseStruct):
    """The vote of one person on a proposal that several people decide.

    `seat` is the person for whom the vote counts: the voter, or the one whom they substitute. `own`: whether it is
    the reader's vote. `counts`: whether it is about the value that people vote on now. `known` is missing in lists.
    """

    own: bool
    reviewer: str
    reviewer_name: str
    action: Action
    reason: str | None
    at: At
    seat: str
    surface: Surface | None
    counts: bool
    known: Known | UnsetType = UNSET


class TimelineStepInfo(ResponseStruct):
    """A timed action of the policy; `people` may decide from then on, or are notified."""

    at: At
    does: TimelineAction
    people: list[str]


class TimerInfo(ResponseStruct):
    """The next timed action on an open proposal; "settle": an approval becomes the decision.

    `people` may decide from then on, or are notified. `steps` are all actions that are still to come in order, the
    next one included; none runs while an approval settles. `steps` is missing in lists.
    """

    at: At
    does: TimelineAction | Literal["settle"]
    people: list[str]
    steps: list[TimelineStepInfo] | UnsetType = UNSET


class MayDecide(ResponseStruct):
    """Permissions of the reader for a proposal: the actions that they may take, and why not all.

    `decide`: whether they may approve it or, if it cannot be approved, take another action. `undo`: whether the
    approval that can still be undone is theirs.
    """

    decide: bool
    why_not: str | None
    actions: list[Action]
    undo: bool


class _ReviewFields(ResponseStruct, kw_only=True):
    """State of a proposal's policy and of the people who decide.

    `why` has sentences, `rules` the ids of the rules that applied. `needs` is empty without a policy: then any one
    reviewer decides. `votes` has the newest vote of each person, oldest first; while votes are hidden (`blind`), only
    the reader's own. `on_deadline` is the action at `deadline`. `stuck` says why nobody may decide; else it is "".
    `untold` names people whom no notification reached. `batch` is the maximum number of proposals in one bulk decision.
    `may` is missing if there is no known reader.
    """

    tags: list[str]
    confidence: float | None
    guardrails: list[GuardrailResultInfo]
    why: list[str]
    rules: list[str]
    needs: list[NeedInfo]
    votes: list[VoteInfo]
    blind: bool
    timer: TimerInfo | None
    on_deadline: Literal["reject", "approve"] | None
    settles_at: At | None
    overdue: bool
    stuck: str
    untold: list[str]
    batch: Count | None
    may: MayDecide | UnsetType = UNSET


class _ProposalHeader(_ReviewFields, kw_only=True):
    """Fields that every answer about a proposal has."""

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
    allow: list[Action]
    reasons: list[str]
    doubt: DoubtInfo | None


class ProposalSummary(_ProposalHeader, kw_only=True):
    """A proposal in a list. `path` is the notebook's path below the server's folder; null if it is outside.

    `alike` is equal for proposals that differ only in their values and in the numbers of their titles.
    """

    decision: DecisionSummary | None
    summary: str
    alike: str


class ProposalRecord(_ProposalHeader, kw_only=True):
    """A proposal as it is recorded, with its value. `notes` are sentences of the engine for the reviewer.

    `candidate` is the edited value that people vote on; it is missing while they vote on `value`.
    """

    notes: list[str]
    decision: DecisionDetail | None
    value: Any
    candidate: Any | UnsetType = UNSET
    schema: dict[str, Any] | None
    options: list[Any] | None
    context: Any


class ProposalDetail(ProposalRecord, kw_only=True):
    """A proposal with everything that its card shows: exact text, current draft, comments, and changes."""

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


class CommentResponse(ResponseStruct):
    """The comment as it was stored."""

    comment: CommentInfo


class CommentStateResponse(ResponseStruct):
    """The comment as it is now. `changed`: whether this call changed it, not an earlier one."""

    comment: CommentInfo
    changed: bool


class MentionableUser(ResponseStruct):
    """A person who may be mentioned, with the name to show."""

    username: str
    name: str


class CommentList(ResponseStruct):
    """Comments on a document, oldest first, and the known people who may be mentioned."""

    comments: list[CommentInfo]
    people: list[MentionableUser]


class AssigneeResponse(ResponseStruct):
    """The proposal with its new assignee."""

    proposal: ProposalDetail


# --- workspaces -----------------------------------------------------------------------------------------------------


class _WorkspaceHeader(ResponseStruct):
    """Fields that every answer about a workspace has."""

    id: Id
    title: str
    kind: KindName
    run: Id
    agent: str
    notebook: str
    path: str | None
    key: str
    ordinal: Count
    position: str
    status: WorkspaceStatus
    proposal: Id | None
    created_at: At
    updated_at: At


class WorkspaceSummary(_WorkspaceHeader):
    """A document that an agent and people write together; its id is also the document's id.

    `path` is the notebook's path below the server's folder; null if it is outside. `proposal` is the open question
    whether the document is done. `template` and `text` are set only for the workspace that a cell's output names.
    """

    template: str | UnsetType = UNSET
    text: str | UnsetType = UNSET


class WorkspaceDetail(_WorkspaceHeader):
    """A workspace with the template that it started from, and its current text."""

    template: str
    text: str


class WorkspacePage(ResponseStruct):
    """A page of workspaces; `next` is the cursor of the next page, null at the end."""

    workspaces: list[WorkspaceSummary]
    next: Id | None


class RemoteWriteResult(ResponseStruct):
    """Result of a script's edit or comment; `comment` is set if it is a comment.

    "going": the stream is not complete yet. "busy": a person is writing there, and nothing was done.
    """

    outcome: Literal["done", "suggested", "going", "busy"]
    comment: CommentInfo | None


class RemoteReadResult(ResponseStruct):
    """Text or comments for a script. A repeated call with the same key gets the same answer."""

    text: str | UnsetType = UNSET
    comments: list[CommentInfo] | UnsetType = UNSET


class RemoteReviewResult(ResponseStruct):
    """The question of a script with its decision, if there is one, and the comments as they were at that time."""

    proposal: ProposalDetail


class WorkspaceResponse(ResponseStruct):
    """The workspace, which is closed for good."""

    workspace: WorkspaceSummary


# --- runs -----------------------------------------------------------------------------------------------------------


class RunInfo(ResponseStruct):
    """A run. `open` is the number of open proposals of its last pause. `restarted`: it was started by `--restart`."""

    id: Id
    agent: str
    notebook: str
    notebook_id: str
    path: str | None
    key: str
    generation: Count
    status: RunStatus
    pauses: Count
    open: Count
    error: str | None
    requesters: list[str]
    labels: dict[str, str]
    passed: Count
    restarted: str
    created_at: At
    updated_at: At
    orphaned: bool | UnsetType = UNSET


class PauseResponse(ResponseStruct):
    """The run and the proposals of a cell's pause."""

    run: RunInfo
    proposals: list[ProposalDetail]


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


class RunPage(ResponseStruct):
    """A page of runs; `next` is the cursor of the next page, null at the end."""

    runs: list[RunInfo]
    next: Id | None


class RunDetail(ResponseStruct):
    """A run, and the proposals of its last pause."""

    run: RunInfo
    proposals: list[ProposalSummary]


class TimelineEntry(ResponseStruct):
    """One entry of a timeline. `until` and `seconds` are null for an instant, and for what has not ended yet."""

    n: Count
    type: str
    at: At
    until: At | None
    seconds: float | None
    what: str
    actor: str
    detail: dict[str, Any]


class TimelineResponse(ResponseStruct):
    """A run, and its timeline."""

    run: RunInfo
    entries: list[TimelineEntry]


class ResumeResponse(ResponseStruct):
    """The browser may continue the run."""

    granted: bool
    run: RunInfo


class AdoptResponse(ResponseStruct):
    """The run, which belongs to the new notebook now."""

    run: RunInfo


class ForgetResponse(ResponseStruct):
    """Number of runs that were removed."""

    forgotten: Count


class RunResponse(ResponseStruct):
    """The run, which is cancelled."""

    run: RunInfo


# --- the audit log, and the server ----------------------------------------------------------------------------------


class EventInfo(ResponseStruct):
    """An entry of the audit log. `prev` is the hash of the previous entry; `records` has SHA-256 hashes of records."""

    n: Count
    at: At
    type: str
    run: str | None
    proposal: str | None
    actor: str
    data: Any
    prev: str
    records: dict[str, str]


class EventPage(ResponseStruct):
    """A page of the audit log; `next` is the value of `after` for the next page, null at the end."""

    events: list[EventInfo]
    next: Count | None


class DraftUpdate(ResponseStruct):
    """An update of a draft's document. `update` has Yjs' own encoding (version 1), in base64.

    `by`, `by_name` and `at` name its author and time. They are not signed: any program of the server's user can write
    them.
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


class RecordDifferenceInfo(ResponseStruct):
    """A record of the store that differs from the audit log; `event` is the number of the event that recorded it."""

    record: str
    problem: Literal["changed", "missing", "unknown", "unreadable"]
    text: str
    event: Count | None


class VerificationResponse(ResponseStruct):
    """Result of verifying the audit log and its records: the number of valid events, and the first problem."""

    ok: bool
    events: Count
    problem: str | None
    differs: list[RecordDifferenceInfo]


class PolicyFileInfo(ResponseStruct):
    """A policy file; `organisation`: whether it comes from the server's settings, not from a folder."""

    path: str
    organisation: bool


class PolicyRule(ResponseStruct):
    """A policy rule: scope by name ("tool", "agent" ...), condition ("": always), verdict, and who must agree."""

    id: str
    source: str
    scope: dict[str, str]
    when: str
    do: PolicyVerdict
    needs: list[str]
    four_eyes: bool
    timeline: list[str]


class AppliedPolicy(ResponseStruct):
    """The policy files that apply to a notebook, and their merged rules.

    `problem` says why they cannot be used; then the notebook's agents stop where they would ask. `sha256` and `default`
    are null if no policy applies. `ignored` lists parts without effect because the organisation's policy is exclusive.
    """

    files: list[PolicyFileInfo]
    problem: str | None
    sha256: str | None
    default: PolicyVerdict | None
    rules: list[PolicyRule]
    ignored: list[str]


class VotingFigures(ResponseStruct):
    """Figures of the reader's own votes of the last month; a figure is null if there are too few votes for it.

    `timed`: number of votes with a known duration. `fast`: share of those that took less time than reading the value.
    `chance`: how many approvals in a row chance explains, given how often the person approves.
    """

    votes: Count
    timed: Count
    median_seconds: float | None
    fast: float | None
    approvals_in_a_row: Count
    chance: Count | None
    last_hour: Count


class AbsenceInfo(ResponseStruct):
    """Start and end of an absence, and the person who votes instead; null: nobody."""

    start: At = msgspec.field(name="from")
    until: At
    to: str | None


class AbsenceResponse(ResponseStruct):
    """The reader's absence; null if it has ended or was never set."""

    away: AbsenceInfo | None


class UserInfo(ResponseStruct):
    """The user of the request. `username` is the identity; users may change their display names."""

    username: str
    display_name: str


class Permissions(ResponseStruct):
    """Permissions of the user."""

    decide: bool


class StatusResponse(ResponseStruct):
    """The server, its store, and whether the user may decide, or why not.

    `votes_as` is the name under which the user votes if a policy says who may. `watched`: whether a process acts when
    deadlines pass.
    """

    version: str
    api: int
    store: str
    server: str
    assurance: str
    authn: Authn
    user: UserInfo
    votes_as: str
    may: Permissions
    decide_refused: str | None
    headless: bool
    watched: bool
