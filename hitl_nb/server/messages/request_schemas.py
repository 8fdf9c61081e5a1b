"""Types of the bodies and queries of the REST API. Every request is decoded into these types before it is handled."""

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
from hitl_nb.records import Action, Anchor, CommentState, ProposalStatus, RunStatus
from hitl_nb.review.policy_files.script_policies import PolicyText
from hitl_nb.server.messages.response_types.base import At, Id
from hitl_nb.server.messages.response_types.kind_names import TextKindName
from hitl_nb.server.messages.response_types.runs import RunState
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
    """Id of a proposal, and the revision and fingerprint of the version that was shown to the reviewer."""

    id: Id
    revision: Revision
    fingerprint: str


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A decision on a proposal.

    `revision` and `fingerprint` are those of the version that was shown to the reviewer. If the proposal has changed
    since, nothing is decided. `value` is the edited value, or the message of a response to the agent. If `drafted` is
    true, the shared draft must also be equal to the value that the reviewer saw: `value` for an edit, the proposed
    value for an approval. If the draft differs, nothing is decided.
    """

    action: Action
    revision: Revision
    fingerprint: str
    value: Any = None
    reason: str | None = None
    drafted: bool = False


class DecisionAction(msgspec.Struct, kw_only=True):
    """The action of a decision. The server decodes it first, without the value, to recognize edits."""

    action: Action


class BulkDecisionRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One decision for several proposals. Either all of them are decided, or none.

    `proposals` has the versions that were shown to the reviewer. The action "edit" is not possible. If `drafted` is
    true, an approval must find each shared draft equal to the proposed value. If a draft has edits, nothing is decided.
    """

    action: Action
    proposals: Annotated[list[ProposalVersion], msgspec.Meta(min_length=1, max_length=MAX_PAGE_SIZE)]
    value: Any = None
    reason: str | None = None
    drafted: bool = False


class CommentRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new comment.

    `quote` is the commented text, `prefix` and `suffix` are the text before and after it, and `anchor` is its range in
    the document. `suggestion` is a text that should replace the quote; without a quote, it is inserted at `anchor`.
    `text` may be empty if `suggestion` is set. `thread` is the id of the comment that this comment answers, or "".
    `mentions` has the user names of mentioned people.
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
    """New state of a comment. `document` is the id of the proposal or workspace on which the comment was made."""

    document: Id
    state: CommentState


class AssigneeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """User name of the person who should decide a proposal; null for nobody."""

    assignee: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None


class FlagRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Says that an approval was wrong. `reason` describes the mistake."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_COMMENT_CHARS)]


class AbsenceRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Absence of the user, and the person who votes in the user's place.

    `from` is the start; null means now. `until` is the end; null means that the user is not away and plans no absence.
    `to` is the user name of the person who votes instead; null means nobody.
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
    """A browser asks for the right to execute a decided run's cell again.

    `browser` is the browser's name from the "hello" message of the live feed.
    """

    browser: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


Session = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{12,64}$")]
"""Random id that a script makes up when it opens a workspace. The script sends it with each later call."""
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
"""Identifies a call of a script. It is the same when the script is started again and makes the same call."""
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class RemoteWorkspaceRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A script opens a workspace, or continues with its own open workspace of the same title.

    `name` is the name of the script, and `template` the initial text of a new workspace. If `restart` is true, an open
    workspace of the same title is closed, and a new one begins. From now on only calls with this `session` may write.
    `host` and `pid` identify the script's process for people.
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
    """A call of a script. Calls with the same `key` take effect once. `session` is that of the opening call."""

    session: Session
    key: Key


class RemoteWriteRequest(RemoteCallRequest, forbid_unknown_fields=True, kw_only=True):
    """An edit or a comment by a script.

    "append" adds `text` at the end. A text that arrives in parts (a stream) is sent as several calls with the same key;
    `at` is the number of characters that were sent before, and `last` is true for the last part. "replace" replaces the
    text `old`, or the quoted text of the comment with the id `comment`, by `text`. "suggest" suggests the same
    replacement; `why` is the reason. "reply" answers the comment, "resolve" marks it as resolved, and "accept" makes
    the change that it suggests. `patient` matters if a person is writing in the same paragraph. If it is true, nothing
    is done (outcome "busy"). If it is false, the edit becomes a suggestion.
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
    """A script reads the text or the comments of its workspace."""

    what: Literal["text", "comments"]


class RemoteReviewRequest(RemoteCallRequest, forbid_unknown_fields=True, kw_only=True):
    """A script asks people to decide whether its document is done.

    `title` is the title of the question; null means the title of the workspace. `context` is Markdown or an object of
    facts for the reviewer. `allow` has the actions that the reviewer may take; null means all. `on_deadline` is the
    action at `deadline`, which is a time or a number of seconds from now. `policies` has the policy files of the
    script's folder.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE_CHARS)] | None = None
    context: dict[str, Any] | str | None = None
    allow: Annotated[list[Action], msgspec.Meta(min_length=1, max_length=4)] | None = None
    deadline: At | Seconds | None = None
    on_deadline: Literal["wait", "reject", "approve", "escalate"] = "wait"
    policies: Annotated[list[PolicyText], msgspec.Meta(max_length=100)] = []


class RemoteCloseRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A script closes its workspace for good."""

    session: Session


class Query(msgspec.Struct, kw_only=True):
    """Base of all queries. Unknown parameters, such as Jupyter's token, are ignored. Empty ones count as missing."""

    meaning_empty: ClassVar[frozenset[str]] = frozenset()
    """Names of parameters that do not count as missing if they are empty."""


class ProposalQuery(Query):
    """Filter for proposals.

    The status "waiting" is the same as "open". "closed" selects all proposals that are not open. "passed" selects
    closed proposals that a policy decided without people. Closed proposals are sorted newest first.

    `q` has words that must all occur in the title, value, draft, context, comments or names of people. `sort` is the
    order of open proposals: "due", "oldest" (default), "newest", "agent", or "amount:" with the path of a number in the
    value, such as "amount:lines/0/price". In the order "due", late proposals come first, then those with the next
    deadline or escalation. In the order "amount", the largest number comes first. `mine` selects open proposals that
    the reader may decide; proposals that are assigned to the reader come first. `edited` selects open proposals whose
    draft differs from the value.

    `older_than` and `newer_than` are ages in seconds. `reviewer` is the assignee of an open proposal; for a closed
    proposal, its assignee or the person who decided it. `person` has a role in a proposal: the assignee, a voter, or
    the person who decided. `rule` is the id of a rule that asked for the proposal or decided it. `verdict` is the
    action of the decision, and `since` and `until` limit its time. `passed` "1" is the same as the status "passed";
    "0" selects closed proposals that a policy did not decide.

    `cursor` is the id of the last proposal of the page before, or `next` of that page. A page of closed proposals can
    be short, although there are more.
    """

    status: Literal["open", "waiting", "decided", "passed", "expired", "superseded", "closed"] = "open"
    search: Annotated[str, msgspec.Meta(max_length=200)] | None = msgspec.field(default=None, name="q")
    sort: Annotated[str, msgspec.Meta(pattern="^(due|oldest|newest|agent|amount:.{1,200})$")] | None = None
    notebook: str | None = None
    agent: str | None = None
    kind: str | None = None
    reviewer: str | None = None
    person: str | None = None
    rule: str | None = None
    verdict: Action | None = None
    since: At | None = None
    until: At | None = None
    older_than: Seconds | None = None
    newer_than: Seconds | None = None
    mine: Literal["1"] | None = None
    edited: Literal["1"] | None = None
    passed: Literal["0", "1"] | None = None
    limit: Limit = 50
    cursor: Id | None = None

    @property
    def is_open(self) -> bool:
        """Whether the query selects open proposals."""
        return self.status in ("open", "waiting") and self.passed is None

    @property
    def only_passed(self) -> bool | None:
        """Whether closed proposals must be decided by a policy (True) or not (False); None: all."""
        return True if self.status == "passed" else None if self.passed is None else self.passed == "1"

    @property
    def closed_status(self) -> ProposalStatus | None:
        """The status of the wanted closed proposals; None: any."""
        return self.status if self.status in ("decided", "expired", "superseded") else None

    @property
    def needs_index(self) -> bool:
        """Whether the query needs all open proposals at once, for a search or for an order other than the ledger's."""
        return self.search is not None or self.sort not in (None, "oldest") or self.edited is not None

    @property
    def is_picky(self) -> bool:
        """Whether the query has a filter that the ledger does not have, so that few of many proposals may match."""
        ledgers = self.reviewer is None or not self.is_open
        own = (self.older_than, self.newer_than, self.mine, self.kind, self.person, self.rule, self.verdict)
        more = (self.search, self.since, self.until, self.only_passed)
        return not ledgers or any(one is not None for one in (*own, *more))


class PauseQuery(Query):
    """Identifies a pause of a cell's run.

    `path` is the contents path of the notebook, and `pause` the number of the pause in its run. `key` is the key of the
    run; without it, the newest run that has a pause with this number is used.
    """

    meaning_empty: ClassVar[frozenset[str]] = frozenset({"key"})

    path: str
    agent: str
    pause: Annotated[int, msgspec.Meta(ge=0, le=10**6)]
    key: str | None = None


class PolicyQuery(Query):
    """Contents path of a notebook or folder whose policy is wanted."""

    path: Annotated[str, msgspec.Meta(max_length=4096)]


class WorkspaceQuery(Query):
    """Filter for open workspaces; or identifies the workspace of a cell by `path`, `agent` and `workspace`.

    `path` is the contents path of the notebook, and `workspace` the number of the workspace in its run, from 1. `key`
    is the key of the run; without it, the newest run that has a workspace with this number is used.
    """

    meaning_empty: ClassVar[frozenset[str]] = frozenset({"key"})

    path: str | None = None
    agent: str | None = None
    workspace: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    key: str | None = None
    limit: Limit = 50
    cursor: Id | None = None


class RunQuery(Query):
    """Filter for runs.

    `notebook` is the absolute path of a notebook as in records, and `path` its contents path. `key` is the key of the
    run. `orphaned` selects runs whose notebook no longer exists. `state` is the state for people. `q` has words that
    must all occur in the agent, notebook, key, labels, error or people. `since` selects runs that have changed since
    then.
    """

    meaning_empty: ClassVar[frozenset[str]] = frozenset({"key"})

    notebook: str | None = None
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    agent: str | None = None
    key: str | None = None
    status: RunStatus | None = None
    state: RunState | None = None
    search: Annotated[str, msgspec.Meta(max_length=200)] | None = msgspec.field(default=None, name="q")
    since: At | None = None
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


class RunExportQuery(Query):
    """Selects the form of a run's export: "jsonl" (the exact bytes that are hashed) or "csv" (for spreadsheets)."""

    format: Literal["jsonl", "csv"] = "jsonl"
    after: Number = 0


class CountQuery(Query):
    """Time from which closed proposals are counted; by default, 24 hours ago."""

    since: At | None = None


class ExportQuery(Query):
    """Selects events for export whose number is greater than `after`."""

    after: Number = 0


prepare_structs(globals())
