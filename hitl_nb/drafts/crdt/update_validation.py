"""Validate updates from outside: only updates are accepted that pycrdt applies completely and without harm.

pycrdt trusts its input. It hangs, crashes, or uses freed memory if an update refers to unknown items or puts one item
into two lists. So every update from a browser is first decoded, and compared with the document's content.

- `DocumentIndex` has the clock of each client, the list of each item, and the shared types of the document.
- `validate_update` decodes an update (Yjs, format 1), simulates pycrdt's integration, and refuses or indexes it.

A *list* is a text, an array, or all values ever written at one key of a map: items that are linked to each other. An
accepted update joins only items of one list, so pycrdt frees a deleted type together with all of its content.
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
"""Names of the shared types that every document has. "source" is a text, the others are maps."""
MAX_NESTING = 256
"""Maximum nesting of shared types, because pycrdt deletes and reads them recursively."""
MAX_STEPS = 100_000_000
"""Maximum number of steps that pycrdt may need for one update; a step takes a quarter of a microsecond."""

_COPIED_PER_STEP = 1000
_END = 1 << 33


class _SharedType(NamedTuple):
    form: TypeForm
    depth: int


class _ItemPlace(NamedTuple):
    """The list that an item belongs to: all values at `key` of the shared type `parent`.

    `key` is None in a text or an array. `is_live` is False if the item arrived as deleted.
    """

    parent: str | Id
    key: str | None
    is_live: bool


class _ItemPlaces:
    """The lists of the items of one client. `places[i]` is the list of the items from clock `starts[i]` on.

    None in `places`: the items were garbage collected, so they are in no list.
    """

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
    """The parts of a document's content that decide which updates are valid.

    A client's *clock* counts what the client has written. A *list* is a text, an array, or all values at one key of a
    map.

    Args:
        roots: Names of the shared types that the document has.

    Attributes:
        state: The document's state vector: client -> its next clock.
        places: Client -> the lists of its items.
        types: Name or id of a shared type -> its form and depth.
        whole: Client -> clocks before which an item must not be split.
        sizes: List (parent, key) -> number of its items.
        rights: Client -> right neighbor of its last item.
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
        """Return the index of the document whose `get_update()` is `whole`.

        Raises:
            ValueError: The data is not a valid update.
        """
        known = cls(roots)
        known.add_update(whole)
        return known

    def add_update(self, update: bytes) -> None:
        """Add an update from the document's log to the index. It is checked like other updates, but has no size limits.

        Raises:
            ValueError: The update cannot be applied, for example because two servers accepted contradictory updates of
                one client.
        """
        _validate(update, self, len(update), sys.maxsize).commit()


def validate_update(update: bytes, known: DocumentIndex) -> None:
    """Check that pycrdt can apply an update completely and without harm, and add the update to the index.

    The caller must apply it to the document immediately. Updates with partly or completely known content are valid.

    Args:
        update: The update, Yjs format 1.
        known: Index of the document; unchanged if an error is raised.

    Raises:
        ValueError: The update is malformed, refers to unknown items, joins items of different lists, or has content of
            types that hitl_nb's documents do not have.
    """
    _validate(update, known, MAX_STRUCTS, MAX_STEPS).commit()


def has_new_items(update: bytes, known: DocumentIndex) -> bool:
    """Return True if an update has items that the document does not have. Deletions do not count.

    Raises:
        ValueError: As for `validate_update`.
    """
    return _validate(update, known, MAX_STRUCTS, MAX_STEPS).state != known.state


def state_vector(data: bytes) -> dict[int, int]:
    """Decode a state vector: the next clock of each client.

    Raises:
        ValueError: The data is not a state vector.
    """
    read = UpdateReader(data, MAX_STRUCTS)
    try:
        state = {read.read_client(): read.read_number() for _ in range(read.read_count())}
    except IndexError:
        raise ValueError("the state vector ends too early") from None
    if read.position != len(data):
        raise ValueError("the state vector has extra bytes at its end")
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
        raise ValueError("the update has extra bytes at its end")
    if arrival.total_steps() > heaviest:
        raise ValueError("the update would take too long: it makes too many changes in a long text or list")
    return arrival


class _UpdateIntegration:
    """A simulation of how pycrdt integrates an update's structs into a document, in the same order."""

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
        """Integrate all structs of the update into the simulated document.

        Raises:
            ValueError: A struct can never be integrated.
        """
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
        """Integrate a client's structs (ranges of content) until clock `until`.

        Returns:
            None if this is done. Otherwise the id of an item of another client that must be integrated first.

        Raises:
            ValueError: A struct refers to an item that does not exist, or to a later item of the same client.
        """
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
                        raise ValueError(f"item {client}:{struct.clock} refers to an item after it")
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
        """Integrate the part of a struct that the document does not have yet.

        Args:
            client: The client that wrote the struct.
            at: Clock at which this part starts.
            struct: The struct (a range of the client's content).

        Raises:
            ValueError: The struct is not valid at its place.
        """
        place = self._place_of(client, struct)
        if at > struct.clock:
            if not _are_in_one_list(self._place_at((client, at - 1)), place):
                raise ValueError(f"item {client}:{struct.clock} is at another place than its known part")
            if at - struct.clock in struct.pairs:
                raise ValueError(f"the known part of item {client}:{struct.clock} ends in the middle of a character")
        if place is not None:
            parent = self._type_of(place.parent)
            allowed = (DELETED, STRING) if parent.form == "text" else (DELETED, ANY, TYPE)
            if struct.kind not in allowed:
                raise ValueError(
                    f"item {client}:{struct.clock} has content that is not allowed in {_format_parent(place.parent)}"
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
            self._forbid_cuts(client, range(at + 1, struct.end))  # pycrdt relies on all but one being deleted

    def _forbid_cuts(self, client: int, clocks: Iterable[int]) -> None:
        """Record that items of a client must not be split before these clocks."""
        self._whole.setdefault(client, []).extend(clocks)

    def _count_steps(self, client: int, at: int, struct: UpdateStruct, place: _ItemPlace) -> None:
        """Count the work that an item makes for pycrdt, for `total_steps`.

        Its list becomes longer, except for typed text, which is merged with the item before it. And its position is
        searched if it does not follow the last item.
        """
        first = client not in self._rights
        right = self._known.rights.get(client) if first else self._rights[client]
        follows = struct.origin == (client, at - 1) and struct.right == right
        if not (follows and struct.kind == STRING):  # typed text is merged with the item before it
            self._grown[place[:2]] += 1
        if first or not follows:
            self._searched[place[:2]] += 1

    def total_steps(self) -> int:
        """Return an upper limit for the steps that pycrdt needs to apply the update.

        To find the position of an item, pycrdt may pass all items of its list. To split a text, pycrdt copies it.
        """
        sizes = self._known.sizes
        searched = sum(n * (sizes[place] + self._grown[place]) for place, n in self._searched.items())
        return searched + self._copied // _COPIED_PER_STEP

    def _place_of(self, client: int, struct: UpdateStruct) -> _ItemPlace | None:
        """Return the list into which pycrdt puts a struct; None if its parent is deleted, so that it is garbage.

        Raises:
            ValueError: The struct is between items of different lists, or its parent cannot contain it.
        """
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
            raise ValueError(f"item {client}:{struct.clock} is between items of different lists")
        return left or right

    def _first_place(self, client: int, struct: UpdateStruct, parent: str | Id) -> _ItemPlace | None:
        """Return the list of a struct that names its parent. Only the first item of a list does that.

        Args:
            client: The client that wrote the struct.
            struct: The struct.
            parent: Name or id of the shared type that contains it.

        Returns:
            The list; None if the parent is deleted.

        Raises:
            ValueError: The parent is not a shared type, or does not fit the struct's key.
        """
        if isinstance(parent, str) or parent in self._types or parent in self._known.types:
            if (form := self._type_of(parent).form) != "map" and struct.key is not None:
                raise ValueError(f"item {client}:{struct.clock} has a key, but {_format_parent(parent)} is not a map")
            if form == "map" and struct.key is None:
                raise ValueError(f"item {client}:{struct.clock} has no key, but {_format_parent(parent)} is a map")
            return _ItemPlace(parent, struct.key, True)
        if (place := self._place_at(parent)) is not None and place.is_live:
            raise ValueError(f"item {client}:{struct.clock} is in {_format_parent(parent)}, which is not a shared type")
        return None

    def _type_of(self, parent: str | Id) -> _SharedType:
        if (found := self._known.types.get(parent)) is not None:
            return found
        if isinstance(parent, str):
            raise ValueError(f"documents have no shared type named {parent[:40]!r}")
        return self._types[parent]

    def _place_at(self, id_: Id) -> _ItemPlace | None:
        """Return the list of an item that is already integrated; None if the item was garbage collected."""
        client, clock = id_
        if clock < self._known.state.get(client, 0):
            return self._known.places[client].place_at(clock)
        return self._places[client].place_at(clock)

    def _refuse_split_pair(self, client: int, clock: int) -> None:
        """Raise ValueError if a split before this clock would cut a character in two."""
        for whole in (self._known.whole, self._whole):
            if whole and (clocks := whole.get(client)):
                i = bisect_left(clocks, clock)
                if i < len(clocks) and clocks[i] == clock:
                    raise ValueError(f"the update cuts a character in two at {client}:{clock}")

    def check_deleted(self, read: UpdateReader) -> None:
        """Read the ranges that the update deletes, and check them.

        Raises:
            ValueError: A range does not exist, or the ranges are not in order.
        """
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
                    raise ValueError(f"the update deletes ranges of client {client} that are not in order")
                if end > state:
                    raise ValueError(_missing_message((client, end - 1)))
                self._refuse_split_pair(client, start)
                self._refuse_split_pair(client, end)
                before = end

    def commit(self) -> None:
        """Add the integrated structs to the index."""
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
    """Return True if two items are in the same list, or if both are in no list because they are garbage."""
    return one is other or (one is not None and other is not None and one[:2] == other[:2])


def _missing_message(missing: Id) -> str:
    return f"the update needs an item that does not exist: {missing[0]}:{missing[1]}"


def _format_parent(parent: str | Id) -> str:
    return parent if isinstance(parent, str) else f"{parent[0]}:{parent[1]}"
