"""Ids of the characters of a shared text, and their current positions.

A character's id has the CRDT client that wrote the character, and the client's clock, counted in UTF-16 units. Relative
positions of Yjs consist of such ids. The relative positions of pycrdt (`StickyIndex`) are wrong if the text is not
ASCII or a character was deleted. An unknown id aborts the process. So this module works on a copy of the document
instead. To find positions in bytes, it deletes characters of the copy by their ids. To find an id, it deletes a range
of bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_nb.drafts.document import source_text
from hitl_nb.records import Anchor, PieceId, Position

if TYPE_CHECKING:
    from pycrdt import Doc

_PAIR_BYTES = 4
"""Number of UTF-8 bytes of a character with two UTF-16 units."""


class ByteSpan(NamedTuple):
    """A range of a text, in bytes."""

    start: int
    end: int


class DeltaStep(NamedTuple):
    """A step of a change of a text.

    Attributes:
        kind: "retain", "insert" or "delete".
        size: Length in bytes.
    """

    kind: str
    size: int


def iterate_steps(delta: list[dict[str, Any]]) -> Iterator[DeltaStep]:
    """Yield the steps of the delta of a pycrdt event."""
    for one in delta:
        for kind, what in one.items():
            if kind in ("retain", "delete"):
                yield DeltaStep(kind, what)
            elif kind == "insert":
                yield DeltaStep(kind, len(what.encode()) if isinstance(what, str) else 1)


def find_spans(document: Doc[Any], client: int, clock: int, count: int) -> list[ByteSpan]:
    """Return the current byte ranges of characters that a client wrote and that were not deleted.

    Args:
        document: The document.
        client: The client.
        clock: Clock of the first character.
        count: Number of UTF-16 units from `clock` on.
    """
    if count <= 0:
        return []
    copy = _copy_document(document)
    deltas: list[list[dict[str, Any]]] = []
    text = source_text(copy)
    subscription = text.observe(lambda event: deltas.append(event.delta))
    copy.apply_update(b"\x00\x01" + _encode_number(client) + b"\x01" + _encode_number(clock) + _encode_number(count))
    text.unobserve(subscription)
    found: list[ByteSpan] = []
    at = 0
    for step in (step for delta in deltas for step in iterate_steps(delta)):
        if step.kind == "delete":
            found.append(ByteSpan(at, at + step.size))
        at += step.size
    return found


def find_position(document: Doc[Any], position: Position) -> int | None:
    """Return the byte offset of a relative position of Yjs. None if its character was deleted or is unknown."""
    behind = isinstance(position.assoc, int) and position.assoc < 0
    if not isinstance(position.item, PieceId):
        return None if position.tname != "source" else 0 if behind else len(source_text(document))
    client, clock = position.item.client, position.item.clock
    found = find_spans(document, client, clock, 1)
    if not found or not behind:
        return found[0].start if found else None
    before = find_spans(document, client, clock - 1, 1) if clock else []
    if before and before[0].end - before[0].start == _PAIR_BYTES:  # `clock` is the second half of this character
        return before[0].end
    return found[0].end


def make_anchor(document: Doc[Any], first: ByteSpan, last: ByteSpan) -> Anchor:
    """Return an anchor (a position that moves with the text) from one character to another, both included.

    Args:
        document: The document.
        first: Byte range of the first character.
        last: Byte range of the last character.
    """
    start, end = _name_piece(document, first), _name_piece(document, last)
    if last.end - last.start == _PAIR_BYTES:
        end = PieceId(client=end.client, clock=end.clock + 1)
    return Anchor(start=Position(item=start, assoc=0), end=Position(item=end, assoc=-1))


def _name_piece(document: Doc[Any], character: ByteSpan) -> PieceId:
    """Return the CRDT id (client and clock) of the character at a byte range of the document's text."""
    copy = _copy_document(document)
    made: list[bytes] = []
    subscription = copy.observe(lambda event: made.append(event.update))
    del source_text(copy)[character.start : character.end]
    copy.unobserve(subscription)
    data = iter(made[0])
    _items, _clients = _read_number(data), _read_number(data)
    client, _ranges, clock, _length = (_read_number(data) for _ in range(4))
    return PieceId(client=client, clock=clock)


def _copy_document(document: Doc[Any]) -> Doc[Any]:
    from pycrdt import Doc

    copy: Doc[Any] = Doc()
    source_text(copy)
    copy.apply_update(document.get_update())
    return copy


def _encode_number(value: int) -> bytes:
    """Encode a number as in Yjs updates (LEB128)."""
    made = bytearray()
    while value > 0x7F:
        made.append(0x80 | value & 0x7F)
        value >>= 7
    return bytes([*made, value])


def _read_number(data: Iterator[int]) -> int:
    """Read the next number of an update."""
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value
