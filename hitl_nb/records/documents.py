"""Comments and workspaces, and positions in their documents.

A *document* is a text that people edit together: the draft of a proposal, or a workspace.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb.records.base import Record
from hitl_nb.records.vocabulary import Authn, CommentState, KindName, Speaker, Surface, WorkspaceStatus

NonNegativeInt = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""An integer from 0 to 2**53 - 1, which JavaScript represents exactly."""


class PieceId(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Id of a piece of text in a CRDT document (a document that several programs edit at the same time).

    Attributes:
        client: Number of the program (peer) that inserted the piece.
        clock: Number that this peer gave to the piece.
    """

    client: NonNegativeInt
    clock: NonNegativeInt


class Position(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A position in a CRDT document that stays at the same text when other text is inserted or deleted.

    The fields are those of a relative position of Yjs in its JSON form. At least one of `item`, `tname` and `type` must
    be set.

    Raises:
        ValueError: None of the three fields is set.
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
    """Base class of records that a server may have received from a person.

    The fields say how the server identified the person. They have the same meaning as in `DecisionRecord`, and all are
    None if no server received the record.
    """

    authn: Authn | None = None
    assurance: str | None = None
    surface: Surface | None = None
    signature: str | None = None


class Comment(AttestedRecord, frozen=True, kw_only=True):
    """A comment on a document, or on a range of it.

    Attributes:
        proposal: Id of the document: a proposal's or a workspace's.
        author: User name of the author. `author_name` is the display name.
        text: Text of the comment. It may be empty for a suggestion.
        run: Id of the document's run. "" in old records.
        quote: The commented text as it was when the comment was made. `prefix` and `suffix` are the text before and
            after it.
        anchor: Range of the document that `quote` was taken from. None for a comment on the whole document.
        thread: Id of the comment that this comment answers. "" if it answers none.
        suggestion: Text that should replace `quote`. None for a comment that suggests no change.
        mentions: User names of the people whom the comment mentions.
        state: State of the comment. `state_by`, `state_by_name` and `state_at` are the user name and display name of
            the person who set the state, and the time.
        known, state_known: How the identities of `author` and `state_by` are known. Not stored: computed from the
            signatures each time the comment is read.
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
    """A document that an agent and people write together. The id of the workspace is also the id of its document.

    Attributes:
        kind: Name of a kind whose values are texts, such as "markdown".
        template: Initial text of the document.
        run, agent, notebook, key: The run that opened the workspace: its id, agent, notebook and key.
        ordinal: Number of the workspace among the workspaces of the run, from 1.
        position: Position in the run's code at which the workspace was opened. Opaque text.
        status: "open": the agent and people write. "done": people have decided on the text, and people cannot write;
            the workspace becomes "open" again when the agent writes. "closed": nobody can write any more.
        proposal: Id of the last proposal that asks whether the text is done. "" if there was none, or if the agent has
            written since.
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
