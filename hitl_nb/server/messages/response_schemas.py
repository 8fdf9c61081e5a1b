"""What the calls of the REST API answer, as types: the OpenAPI file is made from them, and checked against the server.

Nothing is built of these: a route answers JSON made from the records. They name every field, and no other may appear.
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
"""What an id in a path looks like; the routes take nothing else."""

Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
At = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class ResponseStruct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of the answers: these fields, and no others."""


# --- proposals ------------------------------------------------------------------------------------------------------


class DecisionSummary(ResponseStruct):
    """A decision as a list shows it: who, what, and how the server knew them."""

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
    """A decision with what it left: the edited value, or the answer."""

    value: Any


class CommentInfo(ResponseStruct):
    """What somebody said about a document, whose id is `proposal`, or about the range of it that was the quote."""

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
    """A call of a step of which nobody knows whether it took effect; `died`: its process ended in the middle of it."""

    call: str
    step: str
    arguments: dict[str, str]
    began: At
    noticed: At
    died: bool
    idempotency_key: str


class GuardrailResultInfo(ResponseStruct):
    """What a guardrail said about a value before anybody was asked; `message` is "" for a pass."""

    name: str
    version: str
    verdict: GuardrailVerdict
    message: str
    milliseconds: float


class NeedInfo(ResponseStruct):
    """How many of which people must agree ("2 of @finance"), and how many do.

    `voted` are those whose votes are counted, `waiting` those whose vote can still count, as they are there now; both
    are empty while votes are hidden, and `waiting` where it may be anyone.
    """

    text: str
    have: Count
    count: Count
    voted: list[str]
    waiting: list[str]


class VoteInfo(ResponseStruct):
    """What one person said about a proposal that several decide; `seat` is for whom, they themselves or another.

    `own`: whether it is the reader's. `counts`: whether it is for the value that people vote on now. Lists do not tell
    how it is known who voted.
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
    """A step that the clock takes; `people` are those who may decide from then on, or are told."""

    at: At
    does: TimelineAction
    people: list[str]


class TimerInfo(ResponseStruct):
    """What the clock does to an open proposal next; "settle": an approval becomes the decision.

    `people` are those who may decide from then on, or are told. `steps` are all that are still to come, the next one
    too, in order; while an approval settles none is taken. Lists do not tell
    them.
    """

    at: At
    does: TimelineAction | Literal["settle"]
    people: list[str]
    steps: list[TimelineStepInfo] | UnsetType = UNSET


class MayDecide(ResponseStruct):
    """What the reader may do about a proposal: those of its actions that are left to them, and why not all.

    `decide`: whether they may approve it, or, if it cannot be approved, do anything else. `undo`: whether theirs is the
    approval that can still be taken back.
    """

    decide: bool
    why_not: str | None
    actions: list[Action]
    undo: bool


class _ReviewFields(ResponseStruct, kw_only=True):
    """What a policy, and the people whom it asks, say about a proposal.

    `why` has sentences, `rules` the ids of the rules that applied. `needs` is empty without a policy: then any reviewer
    decides alone. `votes` has the newest of each person, oldest first; only the reader's own while they are hidden
    (`blind`). `on_deadline` is what happens at `deadline`. `stuck` says why nobody may decide it, or is "". `untold`:
    whom no notification reached. `batch` is the most that may be decided in one go. `may` is left out where no
    reader is known.
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
    """What is told about a proposal wherever one is told about."""

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
    """A proposal as a list shows it; `path` is the notebook's below the server's folder, null outside of it.

    `alike` is the same for proposals that differ in their values, and in the numbers of their titles, alone.
    """

    decision: DecisionSummary | None
    summary: str
    alike: str


class ProposalRecord(_ProposalHeader, kw_only=True):
    """A proposal as it is recorded, value and all; `notes` are sentences of the engine for the reviewer.

    `candidate` is the edited value that people vote on; absent as long as they vote on `value`.
    """

    notes: list[str]
    decision: DecisionDetail | None
    value: Any
    candidate: Any | UnsetType = UNSET
    schema: dict[str, Any] | None
    options: list[Any] | None
    context: Any


class ProposalDetail(ProposalRecord, kw_only=True):
    """A proposal with all that its card shows: its exact text, what is being typed, and what was changed."""

    text: str
    changes: str
    comments: list[CommentInfo]
    has_draft: bool
    draft: Any | UnsetType = UNSET


class ProposalPage(ResponseStruct):
    """A page of proposals; `next` is the next page's cursor."""

    proposals: list[ProposalSummary]
    next: Id | None


class EditCheck(ResponseStruct):
    """An edit that fits: as it would be stored, and the difference to the agent's version."""

    ok: bool
    value: Any
    changes: str


class DraftSaved(ResponseStruct):
    """What is being typed was kept, or forgotten."""

    saved: bool


class CommentResponse(ResponseStruct):
    """The comment as it was kept."""

    comment: CommentInfo


class CommentStateResponse(ResponseStruct):
    """The comment as it is now; `changed` is whether this call made it so, and not an earlier one."""

    comment: CommentInfo
    changed: bool


class MentionableUser(ResponseStruct):
    """A person who may be mentioned, and how they are shown."""

    username: str
    name: str


class CommentList(ResponseStruct):
    """The comments on a document, oldest first, and who may be mentioned, as far as is known."""

    comments: list[CommentInfo]
    people: list[MentionableUser]


class AssigneeResponse(ResponseStruct):
    """The proposal with whose it is."""

    proposal: ProposalDetail


# --- workspaces -----------------------------------------------------------------------------------------------------


class _WorkspaceHeader(ResponseStruct):
    """What is told about a workspace wherever one is told about."""

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
    """A document that an agent and people write together; its id is the document's.

    `path` is the notebook's below the server's folder, null outside of it; `proposal` is the question that waits
    whether it is done. What it began with and what stands in it is told of the one of a cell alone.
    """

    template: str | UnsetType = UNSET
    text: str | UnsetType = UNSET


class WorkspaceDetail(_WorkspaceHeader):
    """A workspace with what it began with, and what stands in it."""

    template: str
    text: str


class WorkspacePage(ResponseStruct):
    """A page of workspaces; `next` is the next page's cursor."""

    workspaces: list[WorkspaceSummary]
    next: Id | None


class RemoteWriteResult(ResponseStruct):
    """What became of something that a script wrote or said; of one that is a comment, that.

    "going": more of the stream is to come; "busy": a person writes there, and nothing was done.
    """

    outcome: Literal["done", "suggested", "going", "busy"]
    comment: CommentInfo | None


class RemoteReadResult(ResponseStruct):
    """What a script reads: the same, whenever it asks under the same key."""

    text: str | UnsetType = UNSET
    comments: list[CommentInfo] | UnsetType = UNSET


class RemoteReviewResult(ResponseStruct):
    """What a script has asked, and what was decided, if anything was; with the comments as they were then."""

    proposal: ProposalDetail


class WorkspaceResponse(ResponseStruct):
    """The workspace, closed for good."""

    workspace: WorkspaceSummary


# --- runs -----------------------------------------------------------------------------------------------------------


class RunInfo(ResponseStruct):
    """One execution of an agent; `open` proposals of its last pause wait. `restarted`: `--restart` began it."""

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
    """A cell's pause."""

    run: RunInfo
    proposals: list[ProposalDetail]


class DecisionResponse(ResponseStruct):
    """The proposal, its run, and what became of what was said about it.

    `outcome`: "recorded": a vote, and others are needed; "settling": an approval that can still be taken back;
    "decided".
    """

    proposal: ProposalDetail
    run: RunInfo
    outcome: Literal["recorded", "settling", "decided"]


class BulkDecisionResponse(ResponseStruct):
    """All the decided proposals."""

    proposals: list[ProposalDetail]


class RunPage(ResponseStruct):
    """A page of runs; `next` is the next page's cursor."""

    runs: list[RunInfo]
    next: Id | None


class RunDetail(ResponseStruct):
    """A run, and what its last pause asked."""

    run: RunInfo
    proposals: list[ProposalSummary]


class TimelineEntry(ResponseStruct):
    """One entry of a timeline; `until` and `seconds` are null for a moment, and for what still goes on."""

    n: Count
    type: str
    at: At
    until: At | None
    seconds: float | None
    what: str
    actor: str
    detail: dict[str, Any]


class TimelineResponse(ResponseStruct):
    """A run, and what happened in it."""

    run: RunInfo
    entries: list[TimelineEntry]


class ResumeResponse(ResponseStruct):
    """The run may be gone on with."""

    granted: bool
    run: RunInfo


class AdoptResponse(ResponseStruct):
    """The run, which belongs to the notebook now."""

    run: RunInfo


class ForgetResponse(ResponseStruct):
    """How many runs were removed."""

    forgotten: Count


class RunResponse(ResponseStruct):
    """The run, stopped for good."""

    run: RunInfo


# --- the audit log, and the server ----------------------------------------------------------------------------------


class EventInfo(ResponseStruct):
    """One entry of the audit log; `prev` is the hash of the one before it, `records` has the records' SHA-256."""

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
    """A page of the audit log; `next` is what the next page comes after."""

    events: list[EventInfo]
    next: Count | None


class DraftUpdate(ResponseStruct):
    """An update of a draft's document; `update` is Yjs' own encoding (version 1), in base64.

    `by`, `by_name` and `at` say who made it and when, unsigned: any program of the server's user can write them.
    """

    n: Count
    at: str
    by: str
    by_name: str
    update: str


class DraftHistory(ResponseStruct):
    """A page of a draft's updates from the first on; `next` is what the next page comes after."""

    entries: list[DraftUpdate]
    next: Count | None


class RecordDifferenceInfo(ResponseStruct):
    """A record of the store that is not what the audit log says; `event` is the number of the event that says it."""

    record: str
    problem: Literal["changed", "missing", "unknown", "unreadable"]
    text: str
    event: Count | None


class VerificationResponse(ResponseStruct):
    """What checking the log, and the records against it, found: how many events are sound, and the first problem."""

    ok: bool
    events: Count
    problem: str | None
    differs: list[RecordDifferenceInfo]


class PolicyFileInfo(ResponseStruct):
    """A policy file; of the `organisation`, if the server's settings name it."""

    path: str
    organisation: bool


class PolicyRule(ResponseStruct):
    """A rule: its scope by name ("tool", "agent" ...), its condition ("": always), its verdict, who must agree."""

    id: str
    source: str
    scope: dict[str, str]
    when: str
    do: PolicyVerdict
    needs: list[str]
    four_eyes: bool
    timeline: list[str]


class AppliedPolicy(ResponseStruct):
    """The policy files that apply to a notebook, and what they say together.

    `problem` says why they cannot be used; then the notebook's agents stop where they would ask. `sha256` and `default`
    are null where no policy applies. `ignored` says what does not count because the organisation's policy is exclusive.
    """

    files: list[PolicyFileInfo]
    problem: str | None
    sha256: str | None
    default: PolicyVerdict | None
    rules: list[PolicyRule]
    ignored: list[str]


class VotingFigures(ResponseStruct):
    """How a person's own votes of the last month look, for themselves; null where there are too few to say.

    `timed`: of how many it is known how long they took; `fast`: the part of those that took less time than reading the
    value does. `chance`: how many approvals in a row chance explains, given how often they approve.
    """

    votes: Count
    timed: Count
    median_seconds: float | None
    fast: float | None
    approvals_in_a_row: Count
    chance: Count | None
    last_hour: Count


class AbsenceInfo(ResponseStruct):
    """From when to when somebody is away, and who votes in their place; null: nobody."""

    start: At = msgspec.field(name="from")
    until: At
    to: str | None


class AbsenceResponse(ResponseStruct):
    """For when the reader has said last that they are away; null if that is over, or never was."""

    away: AbsenceInfo | None


class UserInfo(ResponseStruct):
    """Who asks: `username` is the identity, people may change their display names."""

    username: str
    display_name: str


class Permissions(ResponseStruct):
    """What the user may do."""

    decide: bool


class StatusResponse(ResponseStruct):
    """The server, its store, and what you may do, or why not.

    `votes_as` is the user name that you vote under where a policy says who may. `watched`: some process acts when
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
