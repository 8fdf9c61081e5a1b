"""Stored records: runs, proposals, decisions, events. Immutable, with a JSON form.

Times are aware datetimes in UTC. Values of proposals are JSON here; `kinds/questions.py` converts Python objects to
JSON and back.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb import json_text as json
from hitl_nb.structs import prepare_structs

FORMAT = 2
"""Newest version of the stored layout that this code knows. A store with a newer version is refused."""

Action = Literal["approve", "edit", "reject", "respond"]
ACTIONS: tuple[Action, ...] = ("approve", "edit", "reject", "respond")

KindName = str
"""Name of a kind of value. `kinds/registry.py` lists all kinds."""

SCRIPT = "script:"
"""Prefix of the script's name, in place of a notebook's path, for runs of scripts that write through a server."""

AGENT = "agent:"
"""Prefix of an agent's name as the author of a text or a comment."""

CHANGED_SINCE = "Changed since this agent began:"
"""Beginning of a note that names the inputs of a waiting agent that have changed."""

Authn = Literal["login", "token", "anonymous"]
By = Literal["person", "policy", "deadline", "script"]
Known = Literal["login", "token", "anonymous", "unsigned", "policy", "deadline", "script"]
"""How the identity of the decider is known.

"login", "token" and "anonymous": a server signed that they logged in, that they had only its token, or that it knew no
name. "unsigned": no server signed. The other values: no person decided.
"""
Speaker = Literal["login", "token", "anonymous", "agent", "unsigned"]
"""How the identity of an author is known: as in `Known`. "agent": a program wrote it as an agent."""
Surface = Literal["page", "shared"]
"""Where a decision was made.

"page": in its own page, which no other document can control. "shared": possibly by a script in another document of the
server's origin, such as the HTML of a notebook in JupyterLab.
"""
PolicyVerdict = Literal["pass", "ask", "block"]
"""Verdict of a policy on a question, the strictest last: nobody is asked, people are asked, or it is rejected."""
GuardrailVerdict = Literal["pass", "escalate", "block"]
TimelineAction = Literal["remind", "overdue", "escalate", "reject", "approve"]
"""Actions of the clock on an open proposal. "reject" and "approve" decide it and end the timeline.

Actions at the same time are taken in this order, but "reject" before "approve".
"""
Identity = Literal["login", "local"]
"""Whose votes count where people are named: "login" for users that a server knows by login, "local" also for the OS
user."""
ShownInNotices = Literal["title", "summary"]
RunStatus = Literal["running", "waiting", "ready", "failed", "finished", "cancelled"]
ProposalStatus = Literal["open", "decided", "expired", "superseded"]
CommentState = Literal["open", "resolved", "accepted", "dismissed"]
COMMENT_STATES: tuple[CommentState, ...] = ("open", "resolved", "accepted", "dismissed")
WorkspaceStatus = Literal["open", "done", "closed"]

RUN_TRANSITIONS: dict[str, frozenset[str]] = {
    "running": frozenset({"running", "waiting", "failed", "finished", "cancelled"}),
    "waiting": frozenset({"ready", "cancelled", "waiting"}),
    "ready": frozenset({"running", "cancelled"}),
    "failed": frozenset({"running", "cancelled"}),
    "finished": frozenset({"running"}),  # statements were added below
    "cancelled": frozenset(),
}
"""Allowed changes of a run's status."""


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Make an opaque id: 12 characters of `a-z2-7`, 60 random bits."""
    bits = secrets.randbits(60)
    return "".join([_PAIRS[bits >> at & 1023] for at in (0, 10, 20, 30, 40, 50)])


_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [one + two for one in _LETTERS for two in _LETTERS]


def canonical_json(value: Any) -> bytes:
    """Return the one JSON form of `value` that is hashed: sorted keys, no spaces, UTF-8, no NaN."""
    return _spell_canonical(value).encode("utf-8", "surrogatepass")


_spell_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""One encoder, made once: `json.dumps` makes a new encoder for every call with settings."""


def fingerprint(run: str, position: str, kind: str, title: str, value: Any) -> str:
    """Return the hash that a decision is bound to: SHA-256 (hex) of the question's canonical JSON.

    Args:
        run: Id of the run.
        position: Place of the question in the run.
        kind: Name of its kind; see `kinds/registry.py`.
        title: Title of the proposal.
        value: The proposed value as JSON.
    """
    return hashlib.sha256(canonical_json([run, position, kind, title, value])).hexdigest()


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base class of the stored records."""

    def json(self) -> bytes:
        """Return this record as JSON bytes."""
        return msgspec.json.encode(self)


class Doubt(Record, frozen=True, kw_only=True):
    """A call of a step that was started, and of which it is unknown whether it took effect.

    Attributes:
        call: The call in readable form: "pay(12.5)".
        step: The function's qualified name.
        arguments: The arguments by name, shortened.
        began: Start of the call.
        noticed: When it was found that the call had not ended.
        died: True if the process ended during the call, False if the run was interrupted.
        idempotency_key: Value of `idempotency_key()` inside the call.
    """

    call: str
    step: str
    arguments: dict[str, str]
    began: datetime
    noticed: datetime
    died: bool
    idempotency_key: str


class GuardrailResult(Record, frozen=True, kw_only=True):
    """Verdict of a guardrail on a value before a person was asked.

    Attributes:
        name, version: Name and version of the guardrail.
        verdict: "pass"; "escalate": a person must look; "block": the value is rejected.
        message: The reason, in a sentence; "" for a pass.
        milliseconds: Duration of the check.
    """

    name: str
    version: str = ""
    verdict: GuardrailVerdict
    message: str = ""
    milliseconds: float = 0.0


class Facts(Record, frozen=True, kw_only=True, gc=False):
    """Facts that were recorded with a question, so that a policy can be tried on it later.

    Attributes:
        now: The value of `now` in the policy's conditions.
        labels: Labels of the run (`hitl.labels`).
    """

    now: datetime
    labels: dict[str, str] = {}


class Need(Record, frozen=True, kw_only=True, gc=False):
    """A number of people who must agree.

    Attributes:
        count: Number of votes.
        people: User names, with groups resolved when the question was asked. Empty: anyone who may decide.
        text: The need as the policy writes it: "2 of @finance".
    """

    count: int = 1
    people: tuple[str, ...] = ()
    text: str = "1 of anyone"


class Office(Record, frozen=True, kw_only=True, gc=False):
    """Working hours.

    Attributes:
        days: Working days of the week; Monday is 0.
        opens, closes: Local times, "09:00".
        holidays: Days on which nobody works.
        timezone: IANA name of the time zone.
    """

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: str = "09:00"
    closes: str = "17:00"
    holidays: tuple[date, ...] = ()
    timezone: str = "UTC"


class TimelineStep(Record, frozen=True, kw_only=True, gc=False):
    """One step of the timeline: an action of the clock on an open proposal.

    Attributes:
        does: The action.
        seconds: Time after the question was asked; working hours only if `working`.
        working: Whether `seconds` counts working hours only.
        at: Time of the step, for a deadline that was given as a date. `seconds` is then 0, and delays do not shift it.
        people: User names of those who are asked too ("escalate") or told ("remind"). Empty: the timeline's own people.
        text: The step as the policy writes it: "4h escalate @leads".
    """

    does: TimelineAction
    seconds: float = 0.0
    working: bool = False
    at: datetime | None = None
    people: tuple[str, ...] = ()
    text: str = ""


class Terms(Record, frozen=True, kw_only=True, gc=False):
    """Terms of a question: what the policy, and the call itself, required when it was asked.

    Attributes:
        policy: SHA-256 (hex) of the merged policy, stored at `policy/<sha256>`. "" if only the call has requirements.
        rules: Ids of the rules that applied, sorted. Empty for the default.
        needs: All of these must be met. One vote counts in every need in which its person may vote.
        four_eyes: Whether requesters may only reject.
        blind: Whether votes are hidden until all are in.
        identity: Whose votes count where people are named.
        timeline: Steps, sorted by time.
        office: Working hours for the timeline.
        fallback: User names of those who are asked if nobody else may decide.
        fresh: Seconds for which a decision may wait for the run. None: no limit.
        undo: Seconds for which an approval can be taken back. None: it cannot.
        batch: Most proposals that may be decided together. None: no limit.
        assign: Whether the proposal is assigned to the person of the first need who has the fewest proposals.
        show: Content of notifications about it.
    """

    policy: str = ""
    rules: tuple[str, ...] = ()
    needs: tuple[Need, ...] = (Need(),)
    four_eyes: bool = False
    blind: bool = False
    identity: Identity = "login"
    timeline: tuple[TimelineStep, ...] = ()
    office: Office | None = None
    fallback: tuple[str, ...] = ()
    fresh: float | None = None
    undo: float | None = None
    batch: int | None = None
    assign: bool = False
    show: ShownInNotices = "title"


class VoteRecord(Record, frozen=True, kw_only=True):
    """Vote of one person on a proposal: the decision, or a part of it.

    Attributes:
        value: For "edit" the edited value as JSON, for "respond" the message.
        value_sha256: SHA-256 (hex) of the canonical JSON of the value that the vote is for. "" for a rejection.
        seat: The person whose right was used: the reviewer, or the person for whom the reviewer is the deputy.
        seats: All people in whose place the reviewer could vote then, including the reviewer.
        revision: Revision of the proposal that was shown.
        terms_sha256: Hash of the terms, as in `DecisionRecord`.
        batch: Number of proposals that were decided together.
        seconds: Server time from showing this revision to the person until the vote. None: unknown.
        event: Number of its entry in the audit log.
        by: "script" for a vote that a decisions file gives in a person's place.
        authn, assurance, surface, signature: As in `DecisionRecord`.
    """

    reviewer: str
    reviewer_name: str = ""
    by: Literal["person", "script"] = "person"
    action: Action
    value: Any = None
    value_sha256: str = ""
    reason: str | None = None
    at: datetime
    seat: str = ""
    seats: tuple[str, ...] = ()
    revision: int = 0
    terms_sha256: str = ""
    batch: int = 1
    seconds: float | None = None
    event: int = 0
    authn: Authn | None = None
    assurance: str | None = None
    surface: Surface | None = None
    signature: str | None = None


class Question(Record, frozen=True, kw_only=True):
    """Question of a `checkpoint()`, before it has an id: the JSON form of a proposal.

    Attributes:
        title: One line for people.
        kind: One of `KINDS`.
        value: The proposed value as JSON, valid for `kind`.
        type_name: The proposed Python type, for people ("Refund", "DataFrame"). It is never imported by this name.
        codec: How `kinds/questions.py` converts the JSON back: "json", "bytes", "model", "pandas", "polars".
        types: The parts of the value that are not plain JSON, and the check of edits (see `values/typed_values.py`).
            None if all parts are plain JSON.
        schema: JSON Schema that an edited value must satisfy, or None.
        options: For "choice", the values to choose from.
        context: Markdown text or a JSON mapping for the reviewer.
        allow: Actions that reviewers may take.
        reasons: Reasons that the agent's author offers to the reviewer.
        notes: Sentences of the engine for the reviewer: what will be opened again, was left out, or will be repeated.
        position: Place of the question in the run (opaque).
        document: Id of the workspace whose document is decided. "" if the proposal has a document of its own.
        doubt: The effect that the question is about: whether it happened. None for every other question. Such a
            question is answered by an edit (see `effect_happened`), by a person, and not together with others.
        tags, confidence, guardrails: Facts for policies: words, confidence of the agent (0 to 1), guardrail results.
    """

    title: str
    kind: KindName
    value: Any
    type_name: str = "str"
    codec: str = "json"
    types: dict[str, Any] | None = None
    schema: dict[str, Any] | None = None
    options: list[Any] | None = None
    context: Any = None
    allow: tuple[Action, ...] = ACTIONS
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    position: str = ""
    document: str = ""
    doubt: Doubt | None = None
    tags: tuple[str, ...] = ()
    confidence: float | None = None
    guardrails: tuple[GuardrailResult, ...] = ()

    @property
    def tool(self) -> str:
        """The name of the tool whose call is proposed; "" for other kinds."""
        call: Any = self.value
        if self.kind != "tool_call" or not isinstance(call, dict):
            return ""
        return str(cast("dict[str, Any]", call).get("name", ""))


def effect_happened(value: Any) -> bool | None:
    """Read the answer to a question about an effect.

    Args:
        value: JSON: `{"happened": true, "result": ...}`, `{"happened": false}` or `{"happened": "stop"}`.

    Returns:
        True if the effect happened, False if not, None to stop the run.

    Raises:
        ValueError: `value` has another form.
    """
    said: Any = cast("dict[str, Any]", value).get("happened") if isinstance(value, dict) else None
    if said is True or said is False:
        return said
    if said == "stop":
        return None
    raise ValueError(
        'say what happened: {"happened": true, "result": what it returned}, {"happened": false} to call it again, '
        'or {"happened": "stop"} to stop the run'
    )


class DecisionRecord(Record, frozen=True, kw_only=True):
    """A decision as stored. `value` is JSON: the edited value, or the message of a response.

    Attributes:
        fingerprint: Hash of the question, see `fingerprint()`.
        event: Number of its entry in the audit log.
        reviewer_name: Display name of the reviewer. People can change it, so it identifies nobody.
        authn: How a server knew the reviewer: "login", "token" or "anonymous". None: decided without a server.
        assurance: Strength of that evidence in this deployment ("A0": against accidents, not against code that runs as
            the same user).
        surface: Where in a browser it was made, as far as the server knows. None: decided without a server.
        signature: Signature of the server over the whole decision (see `ledger/decisions/signatures.py`), base64. None
            without a server.
        policy: SHA-256 (hex) of the policy that it was made under. "" if there was none.
        terms_sha256: SHA-256 (hex) of the canonical JSON of the terms that it was made under. "" without terms.
        valid_until: Time until which the run may use it. None: without limit.
    """

    action: Action
    value: Any = None
    reason: str | None = None
    reviewer: str
    decided_at: datetime
    by: By = "person"
    fingerprint: str
    event: int = 0
    reviewer_name: str = ""
    authn: Authn | None = None
    assurance: str | None = None
    surface: Surface | None = None
    signature: str | None = None
    policy: str = ""
    terms_sha256: str = ""
    valid_until: datetime | None = None


class Proposal(Question, frozen=True, kw_only=True, gc=False):
    """A question with an id, waiting or decided.

    Attributes:
        pause: Number of the run's pause that asked it. 0 if a policy decided it and the run did not pause.
        ordinal: Index of the question within its pause.
        deadline: When the last step of its timeline is due, if that step decides it.
        asked_at: Start of its timeline, by the clock of the decisions file that answers in place of people. None:
            `created_at`. If this is set, no other process's clock acts on the proposal.
        facts, why: Facts of the policy's verdict, and sentences that explain it.
        terms: Terms when it was asked. None: any reviewer decides alone, without a clock.
        votes: Votes on it, oldest first; only the newest vote of each person.
        widened: User names of those who may decide in addition since it was escalated.
        step: Number of timeline steps that were taken.
        shift: Delay of the remaining timeline, in seconds, because nobody could be told in time.
        settles_at: When an approval that can be taken back becomes the decision.
        overdue: Whether the clock marked it as overdue.
        stuck: Why nobody may decide it. "" if somebody may.
        untold: Addressees whom no notification reached after all tries.
        candidate: The edited value that people vote on. Unset while people vote on `value`.
        requesters: Requesters of the run at the time of the votes: with four eyes they do not decide.
    """

    id: str
    run: str
    agent: str
    notebook: str
    pause: int
    ordinal: int = 0
    status: ProposalStatus = "open"
    revision: int = 1
    fingerprint: str
    created_at: datetime
    deadline: datetime | None = None
    assignee: str | None = None
    decision: DecisionRecord | None = None
    facts: Facts | None = None
    why: tuple[str, ...] = ()
    votes: tuple[VoteRecord, ...] = ()
    widened: tuple[str, ...] = ()
    step: int = 0
    shift: float = 0.0
    settles_at: datetime | None = None
    overdue: bool = False
    stuck: str = ""
    untold: tuple[str, ...] = ()
    candidate: Any | UnsetType = UNSET
    requesters: tuple[str, ...] = ()
    asked_at: datetime | None = None
    terms: Terms | None = None  # must be the last field: see `ledger/rows/shared_terms.py`


NonNegativeInt = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""A whole number that JavaScript represents exactly."""


class PieceId(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Id of a piece of a CRDT document: the peer that made it, and the peer's number for it."""

    client: NonNegativeInt
    clock: NonNegativeInt


class Position(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in a CRDT document that moves with the text around it: a relative position of Yjs, in its JSON form.

    At least one of `item`, `tname` and `type` must be set.
    """

    type: PieceId | UnsetType | None = UNSET
    tname: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | UnsetType | None = UNSET
    item: PieceId | UnsetType | None = UNSET
    assoc: Annotated[int, msgspec.Meta(ge=-1, le=1)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not (self.type or self.tname or self.item):
            raise ValueError("a position needs `item`, `tname` or `type`")


class Anchor(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The range of a document that a comment is about."""

    start: Position
    end: Position


class AttestedRecord(Record, frozen=True, kw_only=True):
    """A record that a server received from a person: the evidence fields of a `DecisionRecord`."""

    authn: Authn | None = None
    assurance: str | None = None
    surface: Surface | None = None
    signature: str | None = None


class Comment(AttestedRecord, frozen=True, kw_only=True):
    """A comment on a document, or on a range of it.

    Attributes:
        proposal: Id of the document: a proposal's or a workspace's.
        author: User name. `author_name` is its display name.
        text: Text of the comment. It may be empty for a suggestion.
        run: Id of the document's run. "" in old records.
        quote: The commented text of that time. `prefix` and `suffix` are the text around it.
        anchor: Range of the quote. None for a comment on the whole document.
        thread: Id of the comment that it replies to. "" if none.
        suggestion: For a suggestion, the text that replaces the quote.
        mentions: User names of mentioned people.
        state: State of the comment. `state_by`, `state_by_name` and `state_at` say who set it, and when.
        known, state_known: How the identities of `author` and `state_by` are known. Computed at each reading.
    """

    id: str
    proposal: str
    author: str
    author_name: str = ""
    text: str
    at: datetime
    run: str = ""
    quote: str = ""
    prefix: str = ""
    suffix: str = ""
    anchor: Anchor | None = None
    thread: str = ""
    suggestion: str | None = None
    mentions: tuple[str, ...] = ()
    state: CommentState = "open"
    state_by: str = ""
    state_by_name: str = ""
    state_at: datetime | None = None
    known: Speaker = "unsigned"
    state_known: Speaker | None = None


class Workspace(Record, frozen=True, kw_only=True):
    """A document that an agent and people write together. Its id is the document's id.

    Attributes:
        kind: Name of a kind whose values are texts.
        template: Initial content.
        run, agent, notebook, key: The run that owns it.
        ordinal: Number among the run's workspaces, from 1.
        position: Place in the run where it was opened (opaque).
        status: "open" while the agent or people write. "done" after people decided: nobody writes until the agent
            writes again, which opens it. "closed": for good.
        proposal: The last question whether it is done, unless the agent has written since. "" if there is none.
    """

    id: str
    title: str
    kind: KindName
    template: str = ""
    run: str
    agent: str
    notebook: str
    key: str = ""
    ordinal: int
    position: str
    status: WorkspaceStatus = "open"
    proposal: str = ""
    created_at: datetime
    updated_at: datetime


class Run(Record, frozen=True, kw_only=True):
    """One execution of an agent.

    Attributes:
        notebook: Path of the notebook, or the place that an agent outside notebooks belongs to.
        notebook_id: Id in the notebook's metadata. "" outside notebooks.
        key: Value of `--key` as text, or "".
        generation: Number of the fresh start of (notebook, agent, key), from 1.
        pauses: Number of pauses so far.
        open: Number of proposals of the current pause that wait for a decision.
        epoch: Fencing number of the newest claim.
        error: The error that the run failed with.
        requesters: User names of those who started or continued it. With four eyes they do not decide.
        labels: Facts about the run (`hitl.labels`), such as model and prompt.
        passed: Number of its questions that a policy passed.
        restarted: Digest of the code of the cell whose `--restart` started it. "" if it was started in another way.
    """

    id: str
    agent: str
    notebook: str
    notebook_id: str = ""
    key: str = ""
    generation: int = 1
    status: RunStatus = "running"
    pauses: int = 0
    open: int = 0
    epoch: int = 0
    error: str | None = None
    requesters: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    passed: int = 0
    restarted: str = ""
    created_at: datetime
    updated_at: datetime


class Step(Record, frozen=True, kw_only=True):
    """A recorded call of a `@step` function, or an approved call of a `@gate` function.

    Attributes:
        key: Place of the call in the run; unique in the run.
        name: The function's qualified name.
        result: Signed bytes (see `engine/snapshot/saver.py`), once done.
        idempotency_key: The same on every try of this call.
        tries: Number of starts.
        started_at, began_at: Time of the first and of the last start.
        call, arguments: The call in readable form, and its arguments by name, shortened. Empty once it has ended.
        module: Module that defines the function.
        idempotent: Whether it may be called again without asking.
        pauses: Number of the run's pauses at the last start of a gated call. None for a step. A gated call may ask. If
            the run has paused since, that pause has ended the call, and it is made again.
    """

    key: str
    name: str
    status: Literal["started", "done", "failed"]
    idempotency_key: str
    tries: int = 1
    call: str = ""
    arguments: dict[str, str] = {}
    module: str = ""
    idempotent: bool = False
    pauses: int | None = None
    result: bytes | None = None
    started_at: datetime
    began_at: datetime | None = None
    finished_at: datetime | None = None


class Statement(Record, frozen=True, kw_only=True):
    """A statement of an agent that took long: its line in the cell, its text, its start and its duration."""

    line: int
    text: str
    at: datetime
    seconds: float


class Event(Record, frozen=True, kw_only=True):
    """One entry of the audit log, as hashed. `prev` is the hash of the entry before it ("" for the first).

    Attributes:
        records: SHA-256 of the store's records from this event on, by their keys (see
            `ledger/rows/record_digests.py`).
    """

    n: int
    at: datetime
    type: str
    run: str | None = None
    proposal: str | None = None
    actor: str
    data: dict[str, Any] | None = None
    prev: str = ""
    records: dict[str, str] = {}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Saved state of a run, on its way to or from the store.

    Attributes:
        envelope: Signed header and state (see `engine/snapshot/saver.py`).
        blobs: Large buffers by their SHA-256 (hex). Each is stored once, for any number of snapshots.
        pause: Number of the run's pauses. The envelope is signed for it, for `save` and for the claim.
        save: Number of the save under this claim, from 1. 0 for the save that ends the claim.
    """

    envelope: bytes
    blobs: dict[str, Any] = {}
    pause: int = 0
    save: int = 0


_REVIEW_FIELDS = (
    *("tags", "confidence", "guardrails", "facts", "why", "terms", "votes", "widened", "step", "shift"),
    *("settles_at", "overdue", "stuck", "requesters", "asked_at", "untold"),
)
"""Fields of review policies that are not in the JSON of a proposal."""


def proposal_json(proposal: Proposal, known: Known | None = None) -> dict[str, Any]:
    """Return the JSON of a proposal, as `hitl-nb show --json`, notebooks' outputs and the REST API have it.

    Args:
        proposal: The proposal.
        known: How the identity of the decider is known (see `ledger/decisions/reviewers.py`). None: unsigned.
    """
    shown: dict[str, Any] = msgspec.to_builtins(proposal)
    if shown["decision"] is not None:
        shown["decision"]["known"] = known or "unsigned"
    for name in ("codec", "types", "candidate", *_REVIEW_FIELDS):
        shown.pop(name, None)
    shown["document"] = proposal.document or proposal.id
    return shown


def run_json(run: Run) -> dict[str, Any]:
    """Return the JSON of a run, as `hitl-nb runs --json` and the REST API have it."""
    shown: dict[str, Any] = msgspec.to_builtins(run)
    shown.pop("epoch")
    return shown


prepare_structs(globals())
