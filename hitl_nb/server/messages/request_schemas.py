"""What the calls of the REST API take: their bodies and queries, checked before anything else looks at them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from hitl_nb.kinds.questions import MAX_TITLE_CHARS
from hitl_nb.ledger.comments import (
    MAX_COMMENT_CHARS,
    MAX_CONTEXT_CHARS,
    MAX_MENTIONS,
    MAX_NAME_CHARS,
    MAX_QUOTE_CHARS,
    MAX_SUGGESTION_CHARS,
)
from hitl_nb.records import Action, Anchor, CommentState, RunStatus
from hitl_nb.review.policy_files.script_policies import PolicyText
from hitl_nb.server.messages.kind_names import TextKindName
from hitl_nb.server.messages.response_schemas import At, Id
from hitl_nb.structs import prepare_structs

MAX_PAGE_SIZE = 500
"""Most entries of a page, and most proposals that are decided together."""

Revision = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]
Number = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
QuoteContext = Annotated[str, msgspec.Meta(max_length=MAX_CONTEXT_CHARS)]
UserName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS)]


class DraftValueRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A value as people edited it."""

    value: Any


class ProposalVersion(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Names a proposal as it was shown."""

    id: Id
    revision: Revision
    fingerprint: str


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A decision on the proposal as it was shown.

    `drafted`: what is decided on is what the shared draft said as it was shown: `value` for an edit, else the proposed
    value. If it says something else by now, nothing is decided.
    """

    action: Action
    revision: Revision
    fingerprint: str
    value: Any = None
    reason: str | None = None
    drafted: bool = False


class DecisionAction(msgspec.Struct, kw_only=True):
    """What tells an edit from another decision: read without its value, which may be long."""

    action: Action


class BulkDecisionRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One decision on several proposals: all, or none."""

    action: Action
    proposals: Annotated[list[ProposalVersion], msgspec.Meta(min_length=1, max_length=MAX_PAGE_SIZE)]
    value: Any = None
    reason: str | None = None


class CommentRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A comment; a suggestion (of what to put in place of the quote, or at the anchor) may do without a text.

    `thread` is the comment that it answers; `prefix` and `suffix` are what stands around the quote.
    """

    text: Annotated[str, msgspec.Meta(max_length=MAX_COMMENT_CHARS)]
    quote: Annotated[str, msgspec.Meta(max_length=MAX_QUOTE_CHARS)] = ""
    prefix: QuoteContext = ""
    suffix: QuoteContext = ""
    anchor: Anchor | None = None
    thread: Id | Literal[""] = ""
    suggestion: Annotated[str, msgspec.Meta(max_length=MAX_SUGGESTION_CHARS)] | None = None
    mentions: Annotated[list[UserName], msgspec.Meta(max_length=MAX_MENTIONS)] = []


class CommentStateRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What became of a comment on this document."""

    document: Id
    state: CommentState


class AssigneeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whose a proposal is to decide; null for nobody's."""

    assignee: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None


class AbsenceRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Until when somebody is away, and who votes in their place; `until` null: they are not, and will not be.

    `from` null: from now on. `to` null: nobody.
    """

    start: At | None = msgspec.field(default=None, name="from")
    until: At | None
    to: UserName | None = None


class EmptyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """An empty object."""


class AdoptRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The contents path of the notebook that a run is given to."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class ResumeRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A browser that would execute a decided run's cell again; `browser` is what the feed called it."""

    browser: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


Session = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{12,64}$")]
"""Made up by a script when it opens a workspace; what it does there names it."""
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
"""Names a call of a script: the same when the script is run again."""
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class RemoteWorkspaceRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A script that goes on with its workspace of this title, or opens one; `restart` begins anew.

    It is that of `session` alone from now on. `host` and `pid` tell people which process that is.
    """

    name: Line
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE_CHARS)]
    session: Session
    kind: TextKindName = "markdown"
    template: str = ""
    restart: bool = False
    host: Line = "an unknown machine"
    pid: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0


class RemoteCallRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A script's call, made once under its key."""

    session: Session
    key: Key


class RemoteWriteRequest(RemoteCallRequest, forbid_unknown_fields=True, kw_only=True):
    """Something that a script writes, or says.

    `append` adds `text`, the piece of a stream that follows its first `at` characters; `last` is its end. `replace` and
    `suggest` put `text` in place of `old`, or of what `comment` is about. `reply`, `resolve` and `accept` are about
    `comment`. With `patient` nothing is done where a person writes ("busy"); without, it becomes a suggestion.
    """

    do: Literal["append", "replace", "suggest", "reply", "resolve", "accept"]
    text: str = ""
    at: Number = 0
    last: bool = True
    old: str | None = None
    comment: Id | None = None
    why: Annotated[str, msgspec.Meta(max_length=MAX_COMMENT_CHARS)] = ""
    patient: bool = False


class RemoteReadRequest(RemoteCallRequest, forbid_unknown_fields=True, kw_only=True):
    """What a script reads: what stands there, or what was said about it."""

    what: Literal["text", "comments"]


class RemoteReviewRequest(RemoteCallRequest, forbid_unknown_fields=True, kw_only=True):
    """A script asks whether the document is done.

    `deadline` is when, or after how many seconds, `on_deadline` happens; `policies` are the files that apply to it.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE_CHARS)] | None = None
    context: dict[str, Any] | str | None = None
    allow: Annotated[list[Action], msgspec.Meta(min_length=1, max_length=4)] | None = None
    deadline: At | Seconds | None = None
    on_deadline: Literal["wait", "reject", "approve", "escalate"] = "wait"
    policies: Annotated[list[PolicyText], msgspec.Meta(max_length=100)] = []


class RemoteCloseRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A script has finished with the workspace."""

    session: Session


class Query(msgspec.Struct, kw_only=True):
    """Base of the queries. What else a URL has is for others, as the token; an empty parameter counts as none."""

    meaning_empty: ClassVar[frozenset[str]] = frozenset()
    """Parameters that say something when they are empty."""


class ProposalQuery(Query):
    """Which proposals: `older_than` and `newer_than` are ages in seconds, `closed` all that are not open.

    `reviewer` is whose it is to decide, or who decided. `mine`: of those that wait, what the reader may decide, first
    what is assigned to them. `passed`: of those that do not wait, what a policy passed or blocked.
    """

    status: Literal["open", "decided", "expired", "superseded", "closed"] = "open"
    notebook: str | None = None
    agent: str | None = None
    reviewer: str | None = None
    older_than: Seconds | None = None
    newer_than: Seconds | None = None
    mine: Literal["1"] | None = None
    passed: Literal["1"] | None = None
    limit: Limit = 50
    cursor: Id | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is about those that wait."""
        return self.status == "open" and self.passed is None


class PauseQuery(Query):
    """A cell's pause; without `key`, that of the newest run with any."""

    meaning_empty: ClassVar[frozenset[str]] = frozenset({"key"})

    path: str
    agent: str
    pause: Annotated[int, msgspec.Meta(ge=0, le=10**6)]
    key: str | None = None


class PolicyQuery(Query):
    """The policy of the notebook at a contents path, or of the folder there."""

    path: Annotated[str, msgspec.Meta(max_length=4096)]


class WorkspaceQuery(Query):
    """The workspaces that are not closed; with `path`, `agent` and `workspace`, the one that a cell's output names.

    `workspace` counts those of a run; without `key`, it is one of the newest run with any.
    """

    meaning_empty: ClassVar[frozenset[str]] = frozenset({"key"})

    path: str | None = None
    agent: str | None = None
    workspace: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    key: str | None = None
    limit: Limit = 50
    cursor: Id | None = None


class RunQuery(Query):
    """Which runs; with `orphaned`, those whose notebook is gone."""

    notebook: str | None = None
    agent: str | None = None
    status: RunStatus | None = None
    orphaned: Literal["1"] | None = None
    limit: Limit = 50
    cursor: Id | None = None


class EventQuery(Query):
    """Which events: those that follow number `after`."""

    after: Number = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class DraftHistoryQuery(Query):
    """Which updates of a draft: those that follow number `after`."""

    after: Number = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class ExportQuery(Query):
    """From where on the log is exported: what follows number `after`."""

    after: Number = 0


prepare_structs(globals())
