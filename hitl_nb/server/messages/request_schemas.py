"""Types of bodies and queries of the REST API. Requests are decoded into them before any other code uses them."""

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
from hitl_nb.server.messages.response_types.base import At, Id
from hitl_nb.server.messages.response_types.kind_names import TextKindName
from hitl_nb.structs import prepare_structs

MAX_PAGE_SIZE = 500
"""Maximum number of entries of a page, and of proposals that are decided together."""

Revision = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]
Number = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
QuoteContext = Annotated[str, msgspec.Meta(max_length=MAX_CONTEXT_CHARS)]
UserName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS)]


class DraftValueRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A value that a person edited."""

    value: Any


class ProposalVersion(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Names a proposal in the version that was shown."""

    id: Id
    revision: Revision
    fingerprint: str


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A decision on a proposal in the version that was shown.

    With `drafted`, the decision counts only if the shared draft still is what the reviewer saw: `value` for an edit,
    the proposed value for an approval. If it differs, nothing is decided.
    """

    action: Action
    revision: Revision
    fingerprint: str
    value: Any = None
    reason: str | None = None
    drafted: bool = False


class DecisionAction(msgspec.Struct, kw_only=True):
    """The action of a decision. Decoded without the value, which may be long, to recognize edits."""

    action: Action


class BulkDecisionRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One decision for several proposals: all of them are decided, or none."""

    action: Action
    proposals: Annotated[list[ProposalVersion], msgspec.Meta(min_length=1, max_length=MAX_PAGE_SIZE)]
    value: Any = None
    reason: str | None = None


class CommentRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new comment. `text` may be empty if `suggestion` is set; the suggestion replaces the quoted text.

    Without a quote, the suggestion is inserted at `anchor`. `thread` is the id of the comment that this one answers.
    `prefix` and `suffix` are the text before and after the quote.
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
    """New state of a comment on the document `document`."""

    document: Id
    state: CommentState


class AssigneeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """User name of the person who should decide a proposal; null for nobody."""

    assignee: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None


class AbsenceRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An absence and the person who votes instead. `until` null: the user is not away, and plans no absence.

    `from` null: from now on. `to` null: nobody votes instead.
    """

    start: At | None = msgspec.field(default=None, name="from")
    until: At | None
    to: UserName | None = None


class EmptyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """An empty JSON object."""


class AdoptRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Contents path of the notebook that the run will belong to."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class ResumeRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A browser that wants to execute a decided run's cell again; `browser` is its name from the feed's "hello"."""

    browser: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


Session = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{12,64}$")]
"""Made up by a script when it opens a workspace, and sent with each later call."""
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
"""Names a call of a script; the same when the script runs again."""
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class RemoteWorkspaceRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A script opens a workspace, or continues with its own of the same title; `restart` starts a new one.

    From then on only calls with this `session` may write. `host` and `pid` tell people which process that is.
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
    """A script's call; it takes effect once per key."""

    session: Session
    key: Key


class RemoteWriteRequest(RemoteCallRequest, forbid_unknown_fields=True, kw_only=True):
    """An edit or a comment by a script.

    `append` adds `text` at the end. For a stream, `at` is the number of characters that it sent before, and `last`
    marks its last piece. `replace` and `suggest` put `text` in place of `old`, or of the text that `comment` is about.
    `reply`, `resolve` and `accept` are about `comment`; `why` explains a suggestion. If a person is writing at this
    place, nothing is done with `patient` (outcome "busy"); without it, the edit becomes a suggestion.
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
    """A script reads its workspace: the text, or the comments."""

    what: Literal["text", "comments"]


class RemoteReviewRequest(RemoteCallRequest, forbid_unknown_fields=True, kw_only=True):
    """A script asks people whether the document is done.

    `on_deadline` is applied at `deadline`, which is a time or a number of seconds from now. `policies` are the policy
    files of the script's folder.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE_CHARS)] | None = None
    context: dict[str, Any] | str | None = None
    allow: Annotated[list[Action], msgspec.Meta(min_length=1, max_length=4)] | None = None
    deadline: At | Seconds | None = None
    on_deadline: Literal["wait", "reject", "approve", "escalate"] = "wait"
    policies: Annotated[list[PolicyText], msgspec.Meta(max_length=100)] = []


class RemoteCloseRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A script has finished with its workspace."""

    session: Session


class Query(msgspec.Struct, kw_only=True):
    """Base of queries. Unknown parameters, such as Jupyter's token, are ignored. Empty ones count as missing."""

    meaning_empty: ClassVar[frozenset[str]] = frozenset()
    """Parameters that have a meaning when they are empty."""


class ProposalQuery(Query):
    """Filter for proposals. `older_than` and `newer_than` are ages in seconds; `closed` selects all but open ones.

    `reviewer` is the assignee of an open proposal, or the person who decided a closed one. `mine`: only open proposals
    that the reader may decide; those that are assigned to them come first. `passed`: only closed proposals that a
    policy passed or blocked.
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
        """Whether open proposals are wanted."""
        return self.status == "open" and self.passed is None


class PauseQuery(Query):
    """Names a pause of a cell; without `key`, in the newest run that has it."""

    meaning_empty: ClassVar[frozenset[str]] = frozenset({"key"})

    path: str
    agent: str
    pause: Annotated[int, msgspec.Meta(ge=0, le=10**6)]
    key: str | None = None


class PolicyQuery(Query):
    """Contents path of a notebook or folder whose policy is wanted."""

    path: Annotated[str, msgspec.Meta(max_length=4096)]


class WorkspaceQuery(Query):
    """Filter for open workspaces; with `path`, `agent` and `workspace`, the one that a cell's output names.

    `workspace` is its number in the run, from 1; without `key`, in the newest run that has it.
    """

    meaning_empty: ClassVar[frozenset[str]] = frozenset({"key"})

    path: str | None = None
    agent: str | None = None
    workspace: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    key: str | None = None
    limit: Limit = 50
    cursor: Id | None = None


class RunQuery(Query):
    """Filter for runs; with `orphaned`, only those whose notebook no longer exists."""

    notebook: str | None = None
    agent: str | None = None
    status: RunStatus | None = None
    orphaned: Literal["1"] | None = None
    limit: Limit = 50
    cursor: Id | None = None


class EventQuery(Query):
    """Selects events whose number is greater than `after`."""

    after: Number = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class DraftHistoryQuery(Query):
    """Selects updates of a draft whose number is greater than `after`."""

    after: Number = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class ExportQuery(Query):
    """Selects events for export whose number is greater than `after`."""

    after: Number = 0


prepare_structs(globals())
