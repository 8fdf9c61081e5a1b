"""Names of the characters of a shared text, and where a named one stands.

A character's name is the peer that wrote it and the peer's clock, counted in UTF-16 units: what relative positions of
Yjs are made of. pycrdt's own (`StickyIndex`) are wrong as soon as a text is not ASCII or a character was deleted, and
end the process for a name that they do not know. So pycrdt is asked otherwise, on a copy of the document: deleting
characters by their names tells, in bytes, where they stood; deleting what stands somewhere tells its names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_nb.drafts.document import source_text
from hitl_nb.records import Anchor, PieceId, Position

if TYPE_CHECKING:
    from pycrdt import Doc

_PAIR_BYTES = 4
"""Bytes of a character that is two UTF-16 units."""


class ByteSpan(NamedTuple):
    """A part of a text, in bytes."""

    start: int
    end: int


class DeltaStep(NamedTuple):
    """A step of a change, which goes through the text: "retain", "insert" or "delete" so many bytes."""

    kind: str
    size: int


def iterate_steps(delta: list[dict[str, Any]]) -> Iterator[DeltaStep]:
    """The steps of an event's delta."""
    for one in delta:
        for kind, what in one.items():
            if kind in ("retain", "delete"):
                yield DeltaStep(kind, what)
            elif kind == "insert":
                yield DeltaStep(kind, len(what.encode()) if isinstance(what, str) else 1)


def find_spans(document: Doc[Any], client: int, clock: int, count: int) -> list[ByteSpan]:
    """Where those of a peer's characters stand that were not deleted: `count` units from `clock` on."""
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
    """Where a position is, in bytes; None if the character that it is at was deleted, or is not known."""
    behind = isinstance(position.assoc, int) and position.assoc < 0
    if not isinstance(position.item, PieceId):
        return None if position.tname != "source" else 0 if behind else len(source_text(document))
    client, clock = position.item.client, position.item.clock
    found = find_spans(document, client, clock, 1)
    if not found or not behind:
        return found[0].start if found else None
    before = find_spans(document, client, clock - 1, 1) if clock else []
    if before and before[0].end - before[0].start == _PAIR_BYTES:  # it is the second half of this character
        return before[0].end
    return found[0].end


def make_anchor(document: Doc[Any], first: ByteSpan, last: ByteSpan) -> Anchor:
    """An anchor for the text from one character to another."""
    start, end = _name_piece(document, first), _name_piece(document, last)
    if last.end - last.start == _PAIR_BYTES:
        end = PieceId(client=end.client, clock=end.clock + 1)
    return Anchor(start=Position(item=start, assoc=0), end=Position(item=end, assoc=-1))


def _name_piece(document: Doc[Any], character: ByteSpan) -> PieceId:
    """The name of the character there."""
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
    """A number as updates write it."""
    made = bytearray()
    while value > 0x7F:
        made.append(0x80 | value & 0x7F)
        value >>= 7
    return bytes([*made, value])


def _read_number(data: Iterator[int]) -> int:
    """The next number of an update."""
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value
