"""The records that are kept: runs, proposals, decisions, events. Frozen, JSON in and out.

Times are aware datetimes in UTC. Values of proposals are JSON here; `values.py` knows how Python objects
become JSON and come back.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from . import jsontext as json

FORMAT = 1
"""Version of the stored layout. A store with a newer one is refused."""

Action = Literal["approve", "edit", "reject", "respond"]
ACTIONS: tuple[Action, ...] = ("approve", "edit", "reject", "respond")

Kind = Literal["text", "markdown", "code", "json", "table", "tool_call", "plan", "choice"]
KINDS: tuple[Kind, ...] = ("text", "markdown", "code", "json", "table", "tool_call", "plan", "choice")
TEXT_KINDS: frozenset[str] = frozenset({"text", "markdown", "code"})

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
    return base64.b32encode(secrets.token_bytes(8))[:12].decode().lower()


def canonical(value: Any) -> bytes:
    """The one JSON spelling of `value` that is hashed: sorted keys, no spaces, UTF-8, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def fingerprint(run: str, position: str, kind: str, title: str, value: Any) -> str:
    """What a decision is bound to: SHA-256 (hex) over the question's canonical JSON."""
    return hashlib.sha256(canonical([run, position, kind, title, value])).hexdigest()


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


class Question(Record, frozen=True, kw_only=True):
    """What `checkpoint()` asks, before it has an id: the JSON side of a proposal.

    Attributes:
        value: the proposed value as JSON, fit for `kind`.
        kind: one of `KINDS`.
        type_name: the Python type proposed, for people ("Refund", "DataFrame"); never imported from here.
        codec: how `values.py` turns the JSON back: "json", "bytes", "model", "pandas", "polars".
        types: what is no plain JSON in the value, and how an edit of it is checked (see `typed.py`); None if all is.
        schema: JSON Schema that an edited value must satisfy, or None.
        options: for "choice", the values to choose from.
        context: markdown text or a JSON mapping for the reviewer.
        reasons: reasons that the author of the agent offers to the reviewer.
        notes: sentences of the engine for the reviewer: what is opened again, what was left out, what is made again.
        position: where in the run the question was asked (opaque).
        document: the workspace whose document is decided; "" for a proposal that has a document of its own.
        doubt: the effect of which it asks whether it happened; None for every other question. Such a question is
            answered by an edit (see `effect_happened`), by a person, one at a time.
    """

    title: str
    kind: Kind
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
        signature: the server's, over all of the decision (see `store/signatures.py`), base64; None without a server.
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


class Proposal(Question, frozen=True, kw_only=True):
    """A question with an identity, waiting or decided."""

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


Counted = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""A whole number that JavaScript can tell from the next."""


class PieceId(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a piece of a CRDT document: the peer that made it, and which of that peer's it is."""

    client: Counted
    clock: Counted


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


class Vouched(Record, frozen=True, kw_only=True):
    """Something that a server took from somebody whom it knew: the last fields of a `DecisionRecord`."""

    authn: Authn | None = None
    assurance: str | None = None
    surface: Surface | None = None
    signature: str | None = None


class Comment(Vouched, frozen=True, kw_only=True):
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
        kind: "text", "markdown" or "code".
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
    kind: Kind
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
    created_at: datetime
    updated_at: datetime


class Step(Record, frozen=True, kw_only=True):
    """A recorded call of a `@step` function, or an approved call of a `@gate` one.

    Attributes:
        key: the call's place in the run; unique in the run.
        name: the function's qualified name.
        result: sealed bytes (see `engine/state.py`), when done.
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
        records: what the store's records are from then on: by their keys, SHA-256 (see `store/digests.py`).
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
        envelope: signed header and state (see `engine/state.py`).
        blobs: large buffers by their SHA-256 (hex); stored once, however many snapshots name them.
        pause, save: what the envelope is signed for, beside the claim: how often the run has paused, and which of the
            saves under this claim it is (from 1); 0 for the one that ends the claim.
    """

    envelope: bytes
    blobs: dict[str, Any] = {}
    pause: int = 0
    save: int = 0


def public_proposal(p: Proposal, known: Known | None = None) -> dict[str, Any]:
    """The JSON document P of API.md. `known` is how it is known who decided (see `store/reviewers.py`)."""
    shown: dict[str, Any] = msgspec.to_builtins(p)
    if shown["decision"] is not None:
        shown["decision"]["known"] = known or "unsigned"
    shown.pop("codec")
    shown.pop("types")
    shown["document"] = p.document or p.id
    return shown


def public_run(r: Run) -> dict[str, Any]:
    """The JSON document R of API.md."""
    shown: dict[str, Any] = msgspec.to_builtins(r)
    shown.pop("epoch")
    return shown
