"""Which updates of a document may come in from outside: those that pycrdt applies completely and without harm.

pycrdt trusts what it is given. An update that refers to what is not there, or that puts one item into two lists, makes
it hang, die, or use memory that it has freed. So every update from a browser is read here first, as bytes, and held
against what the document has:

    Known       what is there: how far each client is, in which list every item stands, what the shared types are
    check       reads an update (Yjs, format 1), goes through it as pycrdt will, and refuses or remembers it

A list is a text, an array, or all that was ever written at one key of a map: the items that are linked to each other.
An accepted update joins only items of one list, so pycrdt frees a deleted type together with all that stands in it.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from hitl_nb.drafts.crdt.update_decoding import (
    ANY,
    DELETED,
    GC,
    MAX_STRUCTS,
    STRING,
    TYPE,
    Id,
    TypeForm,
    UpdateReader,
    UpdateStruct,
    read_extent,
    read_structs,
)

ROOTS = ("source", "value", "rows", "cells", "places", "gone", "typed", "state")
"""The shared types that a document has from its beginning. "source" is a text, the others are maps."""
MAX_NESTING = 256
"""How deep shared types may stand in each other; pycrdt deletes and reads them by recursion."""
MAX_STEPS = 100_000_000
"""How many steps pycrdt may need for one update, a quarter of a microsecond each."""

_COPIED_PER_STEP = 1000
_END = 1 << 33


class _SharedType(NamedTuple):
    form: TypeForm
    depth: int


class _ItemPlace(NamedTuple):
    """Where an item stands: in the list `key` of `parent`. What is not `is_live` came as deleted."""

    parent: str | Id
    key: str | None
    is_live: bool


class _ItemPlaces:
    """The places of a client's items, by clock: `places[i]` holds from `starts[i]` on. None: collected as garbage."""

    __slots__ = ("places", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.places: list[_ItemPlace | None] = []

    def place_at(self, clock: int) -> _ItemPlace | None:
        return self.places[bisect_right(self.starts, clock) - 1]

    def add(self, start: int, place: _ItemPlace | None) -> None:
        if not self.places or self.places[-1] != place:
            self.starts.append(start)
            self.places.append(place)

    def extend(self, more: _ItemPlaces) -> None:
        self.add(more.starts[0], more.places[0])
        self.starts += more.starts[1:]
        self.places += more.places[1:]


class DocumentIndex:
    """What a document has, as far as it decides which updates may come in.

    Attributes:
        state: the document's state vector: each client's next clock.
    """

    def __init__(self, roots: Iterable[str] = ROOTS) -> None:
        self.state: dict[int, int] = {}
        self.places: dict[int, _ItemPlaces] = {}
        self.types: dict[str | Id, _SharedType] = {
            name: _SharedType("text" if name == "source" else "map", 0) for name in roots
        }
        self.whole: dict[int, array[int]] = {}
        self.sizes: Counter[tuple[str | Id, str | None]] = Counter()
        self.rights: dict[int, Id | None] = {}

    @classmethod
    def from_update(cls, whole: bytes, roots: Iterable[str] = ROOTS) -> DocumentIndex:
        """What a document has whose `get_update()` this is. Raises ValueError for what is none."""
        known = cls(roots)
        known.add_update(whole)
        return known

    def add_update(self, update: bytes) -> None:
        """Remember an update from the document's log: checked as others are, but however large it is.

        Raises ValueError for what cannot be applied, as when two servers took in contradictory updates of one client.
        """
        _validate(update, self, len(update), sys.maxsize).commit()


def validate_update(update: bytes, known: DocumentIndex) -> None:
    """Refuse an update that pycrdt cannot apply completely and without harm; otherwise remember it in `known`.

    The caller applies it to the document at once. Updates that bring nothing new, or in part, are fine.

    Raises:
        ValueError: it is malformed, refers to what is not there, joins what does not belong together, or has what
            documents of ours do not have. `known` is as before.
    """
    _validate(update, known, MAX_STRUCTS, MAX_STEPS).commit()


def has_new_items(update: bytes, known: DocumentIndex) -> bool:
    """Whether an update has items that are not known; it may delete what is. Raises ValueError as `validate_update`
    does."""
    return _validate(update, known, MAX_STRUCTS, MAX_STEPS).state != known.state


def state_vector(data: bytes) -> dict[int, int]:
    """Each client's next clock, from the bytes of a state vector. Raises ValueError for what is none."""
    read = UpdateReader(data, MAX_STRUCTS)
    try:
        state = {read.read_client(): read.read_number() for _ in range(read.read_count())}
    except IndexError:
        raise ValueError("the state vector ends too early") from None
    if read.position != len(data):
        raise ValueError("something follows the end of the state vector")
    return state


def _validate(update: bytes, known: DocumentIndex, most: int, heaviest: int) -> _UpdateIntegration:
    read = UpdateReader(update, most)
    try:
        arrival = _UpdateIntegration(known, read_structs(read))
        arrival.integrate()
        arrival.check_deleted(read)
    except IndexError:
        raise ValueError("the update ends too early") from None
    if read.position != len(update):
        raise ValueError("something follows the end of the update")
    if arrival.total_steps() > heaviest:
        raise ValueError("the update would take too long: it has too many changes of a text or a list that is too long")
    return arrival


class _UpdateIntegration:
    """The structs of an update on their way into a document, in the order in which pycrdt takes them in."""

    def __init__(self, known: DocumentIndex, queues: dict[int, list[UpdateStruct]]) -> None:
        self.state = dict(known.state)
        self._known = known
        self._queues = queues
        self._next = dict.fromkeys(queues, 0)
        self._places: dict[int, _ItemPlaces] = {}
        self._types: dict[Id, _SharedType] = {}
        self._whole: dict[int, list[int]] = {}
        self._grown: Counter[tuple[str | Id, str | None]] = Counter()
        self._searched: Counter[tuple[str | Id, str | None]] = Counter()
        self._rights: dict[int, Id | None] = {}
        self._copied = 0

    def integrate(self) -> None:
        """Go through all structs. Raises ValueError at one that cannot be taken in, ever."""
        for first in self._queues:
            waiting = [(first, _END)]
            clients = {first}
            while waiting:
                client, until = waiting[-1]
                missing = self._advance(client, until)
                if missing is None:
                    waiting.pop()
                    clients.remove(client)
                elif missing[0] in clients or missing[0] not in self._queues:
                    raise ValueError(_missing_message(missing))
                else:
                    waiting.append((missing[0], missing[1] + 1))
                    clients.add(missing[0])

    def _advance(self, client: int, until: int) -> Id | None:
        """Take in a client's structs until its next clock is `until`; what of another client is to come first."""
        queue, i, state = self._queues[client], self._next[client], self.state
        at = state.get(client, 0)
        while i < len(queue) and at < until:
            struct = queue[i]
            if struct.clock > at:
                raise ValueError(_missing_message((client, at)))
            for id_ in (struct.origin, struct.right, struct.parent):
                if id_ is None or isinstance(id_, str):
                    continue
                if id_[0] == client:
                    if id_[1] >= struct.clock:
                        raise ValueError(f"item {client}:{struct.clock} refers to what comes after it")
                elif id_[1] >= state.get(id_[0], 0):
                    self._next[client] = i
                    return id_
            if struct.end > at:
                self._integrate_struct(client, at, struct)
                at = state[client] = struct.end
            i += 1
        self._next[client] = i
        if at < until < _END:
            raise ValueError(_missing_message((client, until - 1)))
        return None

    def _integrate_struct(self, client: int, at: int, struct: UpdateStruct) -> None:
        """Take in what is new of a struct: what follows `at`."""
        place = self._place_of(client, struct)
        if at > struct.clock:
            if not _are_in_one_list(self._place_at((client, at - 1)), place):
                raise ValueError(f"item {client}:{struct.clock} stands elsewhere than the part of it that is known")
            if at - struct.clock in struct.pairs:
                raise ValueError(f"item {client}:{struct.clock} is known up to the middle of a character")
        if place is not None:
            parent = self._type_of(place.parent)
            allowed = (DELETED, STRING) if parent.form == "text" else (DELETED, ANY, TYPE)
            if struct.kind not in allowed:
                raise ValueError(
                    f"item {client}:{struct.clock} is nothing that can stand in {_format_parent(place.parent)}"
                )
            if place.is_live == (struct.kind == DELETED):
                place = place._replace(is_live=not place.is_live)
            if struct.form is not None:
                if parent.depth >= MAX_NESTING:
                    raise ValueError(f"item {client}:{struct.clock} is nested more than {MAX_NESTING} deep")
                self._types[client, struct.clock] = _SharedType(struct.form, parent.depth + 1)
            self._count_steps(client, at, struct, place)
        self._rights[client] = struct.right
        if (places := self._places.get(client)) is None:
            places = self._places[client] = _ItemPlaces()
        places.add(at, place)
        if struct.pairs:
            self._forbid_cuts(client, (struct.clock + half for half in struct.pairs if struct.clock + half > at))
        elif place is not None and place.key is not None and struct.kind == ANY and struct.end > at + 1:
            self._forbid_cuts(client, range(at + 1, struct.end))  # all but one are deleted, and pycrdt relies on that

    def _forbid_cuts(self, client: int, clocks: Iterable[int]) -> None:
        """Let nothing be cut before these clocks."""
        self._whole.setdefault(client, []).extend(clocks)

    def _count_steps(self, client: int, at: int, struct: UpdateStruct, place: _ItemPlace) -> None:
        """Count an item that adds to its list, and one whose place pycrdt has to search."""
        first = client not in self._rights
        right = self._known.rights.get(client) if first else self._rights[client]
        follows = struct.origin == (client, at - 1) and struct.right == right
        if not (follows and struct.kind == STRING):  # what is typed on is joined to what it follows
            self._grown[place[:2]] += 1
        if first or not follows:
            self._searched[place[:2]] += 1

    def total_steps(self) -> int:
        """How many steps pycrdt may need: an item may have to pass its whole list, and cutting a text copies it."""
        sizes = self._known.sizes
        searched = sum(n * (sizes[place] + self._grown[place]) for place, n in self._searched.items())
        return searched + self._copied // _COPIED_PER_STEP

    def _place_of(self, client: int, struct: UpdateStruct) -> _ItemPlace | None:
        """Where pycrdt puts a struct; None if it makes garbage of it."""
        if struct.kind == GC:
            return None
        if struct.parent is not None:
            return self._first_place(client, struct, struct.parent)
        left = right = None
        if (id_ := struct.origin) is not None:
            left = self._place_at(id_)
            self._refuse_split_pair(id_[0], id_[1] + 1)
        if (id_ := struct.right) is not None:
            right = self._place_at(id_)
            self._refuse_split_pair(*id_)
        if left is not None and right is not None and not _are_in_one_list(left, right):
            raise ValueError(f"item {client}:{struct.clock} stands between items that are not in one list")
        return left or right

    def _first_place(self, client: int, struct: UpdateStruct, parent: str | Id) -> _ItemPlace | None:
        """The place of a struct that names its parent, as the first of its list does."""
        if isinstance(parent, str) or parent in self._types or parent in self._known.types:
            if (form := self._type_of(parent).form) != "map" and struct.key is not None:
                raise ValueError(f"item {client}:{struct.clock} has a key, and {_format_parent(parent)} is no map")
            if form == "map" and struct.key is None:
                raise ValueError(f"item {client}:{struct.clock} has no key, and {_format_parent(parent)} is a map")
            return _ItemPlace(parent, struct.key, True)
        if (place := self._place_at(parent)) is not None and place.is_live:
            raise ValueError(
                f"item {client}:{struct.clock} stands in {_format_parent(parent)}, which is no shared type"
            )
        return None

    def _type_of(self, parent: str | Id) -> _SharedType:
        if (found := self._known.types.get(parent)) is not None:
            return found
        if isinstance(parent, str):
            raise ValueError(f"documents have nothing of the name {parent[:40]!r}")
        return self._types[parent]

    def _place_at(self, id_: Id) -> _ItemPlace | None:
        """The place of an item that is there."""
        client, clock = id_
        if clock < self._known.state.get(client, 0):
            return self._known.places[client].place_at(clock)
        return self._places[client].place_at(clock)

    def _refuse_split_pair(self, client: int, clock: int) -> None:
        """Refuse to cut a character in two before this clock."""
        for whole in (self._known.whole, self._whole):
            if whole and (clocks := whole.get(client)):
                i = bisect_left(clocks, clock)
                if i < len(clocks) and clocks[i] == clock:
                    raise ValueError(f"the update cuts a character in two at {client}:{clock}")

    def check_deleted(self, read: UpdateReader) -> None:
        """Read what is deleted. Raises ValueError if it is not there, or not in order."""
        seen: set[int] = set()
        for _ in range(read.read_count()):
            client = read.read_client()
            if client in seen:
                raise ValueError(f"the update deletes from client {client} twice")
            seen.add(client)
            before, count, state = 0, read.read_count(), self.state.get(client, 0)
            self._copied += count * state
            for _ in range(count):
                start = read.read_number()
                end = start + read_extent(read)
                if start < before:
                    raise ValueError(f"the update deletes from client {client} in disorder")
                if end > state:
                    raise ValueError(_missing_message((client, end - 1)))
                self._refuse_split_pair(client, start)
                self._refuse_split_pair(client, end)
                before = end

    def commit(self) -> None:
        """Write down what came in."""
        known = self._known
        known.state = self.state
        known.types |= self._types
        known.sizes.update(self._grown)
        known.rights |= self._rights
        for client, places in self._places.items():
            known.places.setdefault(client, _ItemPlaces()).extend(places)
        for client, pairs in self._whole.items():
            known.whole.setdefault(client, array("I")).extend(pairs)


def _are_in_one_list(one: _ItemPlace | None, other: _ItemPlace | None) -> bool:
    """Whether two items are in one list, or both garbage."""
    return one is other or (one is not None and other is not None and one[:2] == other[:2])


def _missing_message(missing: Id) -> str:
    return f"the update needs what is not there: {missing[0]}:{missing[1]}"


def _format_parent(parent: str | Id) -> str:
    return parent if isinstance(parent, str) else f"{parent[0]}:{parent[1]}"
