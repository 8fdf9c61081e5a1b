"""The records that are kept: runs, proposals, decisions, events. Frozen, JSON in and out.

Times are aware datetimes in UTC. Values of proposals are JSON here; `kinds/questions.py` knows how Python objects
become JSON and come back.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb import json_text as json
from hitl_nb.structs import prepare_structs

FORMAT = 2
"""Version of the stored layout that is known. A store with a newer one is refused."""

Action = Literal["approve", "edit", "reject", "respond"]
ACTIONS: tuple[Action, ...] = ("approve", "edit", "reject", "respond")

KindName = str
"""The name of a kind of value; `kinds/registry.py` has them all."""

SCRIPT = "script:"
"""What stands before its name in place of a notebook's path, for runs of plain scripts that write through a server."""

AGENT = "agent:"
"""Prefix of an agent's name where it is the author of a text or a comment."""

CHANGED_SINCE = "Changed since this agent began:"
"""What a note begins with that says which inputs of a waiting agent are others by now."""

Authn = Literal["login", "token", "anonymous"]
By = Literal["person", "policy", "deadline", "script"]
Known = Literal["login", "token", "anonymous", "unsigned", "policy", "deadline", "script"]
"""How it is known who decided: a server signed that they logged in, that it knew its token only, or that it knew
nobody; nobody signed it; or no person did it."""
Speaker = Literal["login", "token", "anonymous", "agent", "unsigned"]
"""How it is known who said something: as with `Known`, or a program said it as an agent."""
Surface = Literal["page", "shared"]
"""Where a decision was made: in the page of its own, which no other document can reach into; or where it may have been
made by script of another document of the server's origin, as by the HTML of a notebook in JupyterLab."""
PolicyVerdict = Literal["pass", "ask", "block"]
"""What a policy says about a question, the strictest last: nobody is asked, people are, or it is rejected."""
GuardrailVerdict = Literal["pass", "escalate", "block"]
TimelineAction = Literal["remind", "overdue", "escalate", "reject", "approve"]
"""What the clock does to an open proposal; at the same time the one that stands earlier here comes first, but
"reject" before "approve". "reject" and "approve" decide it and end the timeline."""
Identity = Literal["login", "local"]
"""Whose votes count where people are named: those whom a server knows by login, or also the OS user's."""
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
    """The current time, aware, UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """An opaque id: 12 characters of `a-z2-7`, 60 random bits."""
    bits = int.from_bytes(os.urandom(8), "big") >> 4  # as `secrets.randbits(60)`, without five calls
    return "".join([_PAIRS[bits >> at & 1023] for at in (0, 10, 20, 30, 40, 50)])


_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [one + two for one in _LETTERS for two in _LETTERS]


def canonical_json(value: Any) -> bytes:
    """The one JSON spelling of `value` that is hashed: sorted keys, no spaces, UTF-8, no NaN."""
    return _spell_canonical(value).encode("utf-8", "surrogatepass")


_spell_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""Made once: `json.dumps` makes an encoder for every call with settings."""


def fingerprint(run: str, position: str, kind: str, title: str, value: Any) -> str:
    """What a decision is bound to: SHA-256 (hex) over the question's canonical JSON."""
    return hashlib.sha256(canonical_json([run, position, kind, title, value])).hexdigest()


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of the stored records."""

    def json(self) -> bytes:
        """This record as JSON bytes."""
        return msgspec.json.encode(self)


class Doubt(Record, frozen=True, kw_only=True):
    """A call of a step that began and of which nobody knows whether it took effect.

    Attributes:
        call: the call as people read it: "pay(12.5)".
        step: the function's qualified name.
        arguments: the arguments by name, shortened.
        began: when it was called.
        noticed: when it was found that it had not ended.
        died: whether the process ended in the middle of it; False if the run was interrupted.
        idempotency_key: what `idempotency_key()` was inside the call.
    """

    call: str
    step: str
    arguments: dict[str, str]
    began: datetime
    noticed: datetime
    died: bool
    idempotency_key: str


class GuardrailResult(Record, frozen=True, kw_only=True):
    """What a guardrail said about a value before anybody was asked.

    Attributes:
        name, version: which guardrail.
        verdict: "pass"; "escalate": a person must look; "block": it is rejected.
        message: why, in a sentence; "" for a pass.
        milliseconds: how long it took.
    """

    name: str
    version: str = ""
    verdict: GuardrailVerdict
    message: str = ""
    milliseconds: float = 0.0


class Facts(Record, frozen=True, kw_only=True, gc=False):
    """What was recorded about a question beside the question itself, so that a policy can be tried on it later.

    Attributes:
        now: the time that `now` meant in the policy's conditions.
        labels: those of the run (`hitl.labels`).
    """

    now: datetime
    labels: dict[str, str] = {}


class Need(Record, frozen=True, kw_only=True, gc=False):
    """How many of which people must agree.

    Attributes:
        count: how many votes.
        people: user names, as the groups were when it was asked; empty: anyone who may decide.
        text: as the policy has it: "2 of @finance".
    """

    count: int = 1
    people: tuple[str, ...] = ()
    text: str = "1 of anyone"


class Office(Record, frozen=True, kw_only=True, gc=False):
    """Working hours.

    Attributes:
        days: working days of the week; Monday is 0.
        opens, closes: "09:00", in the time zone.
        holidays: days on which nobody works.
        timezone: its IANA name.
    """

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: str = "09:00"
    closes: str = "17:00"
    holidays: tuple[date, ...] = ()
    timezone: str = "UTC"


class TimelineStep(Record, frozen=True, kw_only=True, gc=False):
    """One step of what the clock does to an open proposal.

    Attributes:
        does: what it does.
        seconds: how long after it was asked; in working hours if `working`.
        at: the time itself, for a deadline that was given as a date; `seconds` is 0 then, and delays do not shift it.
        people: user names of those who are asked too ("escalate") or told ("remind"); empty: the timeline's own people.
        text: as the policy has it: "4h escalate @leads".
    """

    does: TimelineAction
    seconds: float = 0.0
    working: bool = False
    at: datetime | None = None
    people: tuple[str, ...] = ()
    text: str = ""


class Terms(Record, frozen=True, kw_only=True, gc=False):
    """What a policy, and the call itself, said about a question when it was asked.

    Attributes:
        policy: SHA-256 (hex) of the merged policy, kept at `policy/<sha256>`; "" if only the call said something.
        rules: ids of the rules that applied, sorted; empty if it was the default.
        needs: all of them must be met; one vote counts in every need where its person may vote.
        four_eyes: requesters may not approve, edit or respond.
        blind: votes are hidden until all are in.
        identity: whose votes count where people are named.
        timeline: by time.
        office: what working hours are, for the timeline.
        fallback: user names of those who are asked when nobody else may decide.
        fresh, undo: seconds that a decision may wait for the run, and that an approval may be taken back; None: none.
        batch: most that are decided in one go; None: no limit.
        assign: whether it is assigned to the person of the first need who has the fewest.
        show: what notifications tell of it.
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
    """What one person said about a proposal: the decision, or a part of it.

    Attributes:
        value: for "edit" the edited value as JSON, for "respond" the message.
        value_sha256: SHA-256 (hex) of the canonical JSON of the value that the vote is for; "" for a rejection.
        seat: the person whose right it was: the reviewer, or whom they stand in for.
        seats: all people in whose place the reviewer could vote then, themselves included.
        revision: that of the proposal as it was shown.
        terms_sha256: as of a `DecisionRecord`: the terms that it was given under.
        batch: how many proposals were decided in one go.
        seconds: server time from when the person was shown this revision to the vote; None if that is not known.
        event: the number of its entry in the audit log.
        by: "script" for the vote that a decisions file gives in a person's place.
        authn, assurance, surface, signature: as of a `DecisionRecord`.
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
    """What `checkpoint()` asks, before it has an id: the JSON side of a proposal.

    Attributes:
        value: the proposed value as JSON, fit for `kind`.
        kind: the name of its kind, see `kinds/registry.py`.
        type_name: the Python type proposed, for people ("Refund", "DataFrame"); never imported from here.
        codec: how `kinds/questions.py` turns the JSON back: "json", "bytes", "model", "pandas", "polars".
        types: what is no plain JSON in the value, and how an edit of it is checked (see `values/typed_values.py`); None
            if all is.
        schema: JSON Schema that an edited value must satisfy, or None.
        options: for "choice", the values to choose from.
        context: markdown text or a JSON mapping for the reviewer.
        reasons: reasons that the author of the agent offers to the reviewer.
        notes: sentences of the engine for the reviewer: what is opened again, what was left out, what is made again.
        position: where in the run the question was asked (opaque).
        document: the workspace whose document is decided; "" for a proposal that has a document of its own.
        doubt: the effect of which it asks whether it happened; None for every other question. Such a question is
            answered by an edit (see `effect_happened`), by a person, one at a time.
        tags, confidence, guardrails: facts for policies: words, how sure the agent is (0 to 1), what guardrails said.
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
        return str(call.get("name", "")) if self.kind == "tool_call" and isinstance(call, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def effect_happened(value: Any) -> bool | None:
    """What the answer to a question about an effect says: it happened, it did not, or (None) stop the run.

    The answer is JSON: `{"happened": true, "result": ...}`, `{"happened": false}` or `{"happened": "stop"}`.
    Raises ValueError for any other.
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
        event: the number of its entry in the audit log.
        reviewer_name: how the reviewer is shown; people may change it, so it identifies nobody.
        authn: how a server knew the reviewer: "login", "token" or "anonymous"; None for a decision made without one.
        assurance: what the deployment can promise about that ("A0": evidence against accidents, not against code that
            runs as the same user).
        surface: where in a browser it was made, as the server could tell; None for a decision made without one.
        signature: the server's, over all of the decision (see `ledger/decisions/signatures.py`), base64; None without a
            server.
        policy: SHA-256 of the policy that it was made under; "" if there was none.
        terms_sha256: SHA-256 (hex) of the canonical JSON of the terms that it was made under; "" without terms.
        valid_until: until when the run may use it; None: for good.
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
    """A question with an identity, waiting or decided.

    Attributes:
        pause: at which pause of the run it was asked; 0 if a policy decided it and the run did not pause.
        deadline: when the last step of its timeline is due, if that decides it.
        asked_at: from when its timeline counts, by the clock of the decisions file that answers in place of people;
            None: from `created_at`. The clock of no other process acts on a proposal that has this.
        facts, why: what the policy decided on, and why it is asked, passed or blocked, in sentences.
        terms: what the policy said when it was asked; None: any reviewer decides alone, without a clock.
        votes: what people said about it, oldest first; of each person the newest.
        widened: user names of those who may decide, too, since it was escalated.
        step: how many steps of the timeline were taken.
        shift: seconds by which the rest of the timeline is later, since nobody could be told in time.
        settles_at: when an approval that may be taken back becomes the decision.
        overdue: whether the clock said so.
        stuck: why nobody may decide it; "" if somebody may.
        untold: addressees whom no notification reached, however often it was tried.
        candidate: the edited value that people vote on; unset as long as it is `value`.
        requesters: the run's as they were when people voted: with four eyes they do not decide.
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
    terms: Terms | None = None  # the last field: see `ledger/rows/shared_terms.py`


NonNegativeInt = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""A whole number that JavaScript can tell from the next."""


class PieceId(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a piece of a CRDT document: the peer that made it, and which of that peer's it is."""

    client: NonNegativeInt
    clock: NonNegativeInt


class Position(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in a CRDT document that moves with what stands there: a relative position of Yjs, in its JSON.

    Raises ValueError for one that names no place.
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
    """Something that a server took from somebody whom it knew: the last fields of a `DecisionRecord`."""

    authn: Authn | None = None
    assurance: str | None = None
    surface: Surface | None = None
    signature: str | None = None


class Comment(AttestedRecord, frozen=True, kw_only=True):
    """What somebody said about a document, or about a range of it.

    Attributes:
        proposal: id of the document: a proposal's, or a workspace's.
        author: user name; `author_name` is what is shown for it.
        text: what was said; may be empty for a suggestion.
        run: the run that the document belongs to; "" in old records.
        quote: the text that it is about, as it was then; `prefix` and `suffix` are what stood around it.
        anchor: where that is; None for a comment on the whole.
        thread: id of the comment that it answers; "" if none.
        suggestion: text to put in place of the quote, if it is a suggestion.
        mentions: user names of whom it calls.
        state: what became of it; `state_by`, `state_by_name` and `state_at` say who made it so, and when.
        known, state_known: how it is known who said it, and who made it so: found out whenever it is read.
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
    """A document that an agent and people write together; its id is the document's.

    Attributes:
        kind: the name of a kind whose values are texts.
        template: what it begins with.
        run, agent, notebook, key: whose it is.
        ordinal: which of the run's workspaces, from 1.
        position: where in the run it was opened (opaque).
        status: "open" as long as the agent or people write; "done" when people have decided: nobody writes until the
            agent does, which opens it again; "closed" for good.
        proposal: the last question whether it is done, unless the agent has written since; "" if there is none.
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
        notebook: path of the notebook, or the place the agent belongs to outside one.
        notebook_id: the id in the notebook's metadata; "" outside of notebooks.
        key: the value of `--key`, as text, or "".
        generation: counts fresh starts of (notebook, agent, key), from 1.
        pauses: how many times it has paused so far.
        open: how many proposals of the current pause wait for a decision.
        epoch: fencing number of the newest claim.
        requesters: user names of those who started or continued it: with four eyes they do not decide.
        labels: facts of the run (`hitl.labels`): which model, which prompt.
        passed: how many of its questions a policy let pass.
        restarted: digest of the code of the cell whose `--restart` began it; "" if it was begun in another way.
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
    """A recorded call of a `@step` function, or an approved call of a `@gate` one.

    Attributes:
        key: the call's place in the run; unique in the run.
        name: the function's qualified name.
        result: sealed bytes (see `engine/snapshot/saver.py`), when done.
        idempotency_key: the same on every try of this call.
        tries: how often it was begun.
        started_at, began_at: when it was begun first, and last.
        call, arguments: the call as people read it, and its arguments by name, shortened; empty once it has ended.
        module: where the function is defined.
        idempotent: whether it may be called again without asking.
        pauses: how often the run had paused when a gated call was begun last; None for a step. A gated call may ask:
            if the run has paused since, that pause has ended it, and it is made again.
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
    """A statement of an agent that took long: its line in the cell, its text, when it began and how many seconds."""

    line: int
    text: str
    at: datetime
    seconds: float


class Event(Record, frozen=True, kw_only=True):
    """One entry of the audit log, as hashed. `prev` is the hash of the entry before it ("" for the first).

    Attributes:
        records: what the store's records are from then on: by their keys, SHA-256 (see
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
    """A run's saved state on its way to or from the store.

    Attributes:
        envelope: signed header and state (see `engine/snapshot/saver.py`).
        blobs: large buffers by their SHA-256 (hex); stored once, however many snapshots name them.
        pause, save: what the envelope is signed for, beside the claim: how often the run has paused, and which of the
            saves under this claim it is (from 1); 0 for the one that ends the claim.
    """

    envelope: bytes
    blobs: dict[str, Any] = {}
    pause: int = 0
    save: int = 0


_REVIEW_FIELDS = (
    *("tags", "confidence", "guardrails", "facts", "why", "terms", "votes", "widened", "step", "shift"),
    *("settles_at", "overdue", "stuck", "requesters", "asked_at", "untold"),
)
"""Fields of review policies that are no part of P."""


def proposal_json(proposal: Proposal, known: Known | None = None) -> dict[str, Any]:
    """The JSON document P of API.md. `known` is how it is known who decided (see `ledger/decisions/reviewers.py`)."""
    shown: dict[str, Any] = msgspec.to_builtins(proposal)
    if shown["decision"] is not None:
        shown["decision"]["known"] = known or "unsigned"
    for name in ("codec", "types", "candidate", *_REVIEW_FIELDS):
        shown.pop(name, None)
    shown["document"] = proposal.document or proposal.id
    return shown


def run_json(run: Run) -> dict[str, Any]:
    """The JSON document R of API.md."""
    shown: dict[str, Any] = msgspec.to_builtins(run)
    shown.pop("epoch")
    return shown


prepare_structs(globals())
