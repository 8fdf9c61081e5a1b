"""Comments and workspaces, and places in their documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb.records.base import Record
from hitl_nb.records.vocabulary import Authn, CommentState, KindName, Speaker, Surface, WorkspaceStatus

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
