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

import re
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

ROOTS = ("source", "value", "rows", "cells", "places", "gone", "typed", "state")
"""The shared types that a document has from its beginning. "source" is a text, the others are maps."""
DEEPEST = 256
"""How deep shared types may stand in each other; pycrdt deletes and reads them by recursion."""
MOST = 200_000
"""How many structs, values and deleted ranges one update may have."""
HEAVIEST = 100_000_000
"""How many steps pycrdt may need to find the places of an update's items: each may have to pass its whole list."""

_DEEPEST_VALUE = 32
_LARGEST = (1 << 32) - 1
_CLIENTS = (1 << 53) - 1
_CLOCKS = 1 << 31
_GC, _DELETED, _STRING, _TYPE, _ANY = 0, 1, 4, 7, 8
_ORIGIN, _RIGHT, _KEY = 0x80, 0x40, 0x20
_FORMS: dict[int, Form] = {0: "array", 1: "map", 2: "text"}
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

Id = tuple[int, int]
"""A client, and a clock of it."""
Form = Literal["array", "map", "text"]


class _Type(NamedTuple):
    form: Form
    depth: int


class _Place(NamedTuple):
    """Where an item stands: in the list `key` of `parent`. What is not `solid` came as deleted."""

    parent: str | Id
    key: str | None
    solid: bool


class _Struct(NamedTuple):
    """One struct of an update. `pairs`: where in a string the second halves of characters are, in UTF-16 units."""

    clock: int
    end: int
    kind: int
    origin: Id | None
    right: Id | None
    parent: str | Id | None
    key: str | None
    pairs: Sequence[int]
    form: Form | None


class _Places:
    """The places of a client's items, by clock: `places[i]` holds from `starts[i]` on. None: collected as garbage."""

    __slots__ = ("places", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.places: list[_Place | None] = []

    def at(self, clock: int) -> _Place | None:
        return self.places[bisect_right(self.starts, clock) - 1]

    def add(self, start: int, place: _Place | None) -> None:
        if not self.places or self.places[-1] != place:
            self.starts.append(start)
            self.places.append(place)

    def extend(self, more: _Places) -> None:
        self.add(more.starts[0], more.places[0])
        self.starts += more.starts[1:]
        self.places += more.places[1:]


class Known:
    """What a document has, as far as it decides which updates may come in.

    Attributes:
        state: the document's state vector: each client's next clock.
    """

    def __init__(self, roots: Iterable[str] = ROOTS) -> None:
        self.state: dict[int, int] = {}
        self.places: dict[int, _Places] = {}
        self.types: dict[str | Id, _Type] = {name: _Type("text" if name == "source" else "map", 0) for name in roots}
        self.whole: dict[int, array[int]] = {}
        self.sizes: Counter[tuple[str | Id, str | None]] = Counter()
        self.rights: dict[int, Id | None] = {}

    @classmethod
    def of(cls, whole: bytes, roots: Iterable[str] = ROOTS) -> Known:
        """What a document has whose `get_update()` this is. Raises ValueError for what is none."""
        known = cls(roots)
        _check(whole, known, len(whole), sys.maxsize)
        return known


def check(update: bytes, known: Known) -> None:
    """Refuse an update that pycrdt cannot apply completely and without harm; otherwise remember it in `known`.

    The caller applies it to the document at once. Updates that bring nothing new, or in part, are fine.

    Raises:
        ValueError: it is malformed, refers to what is not there, joins what does not belong together, or has what
            documents of ours do not have. `known` is as before.
    """
    _check(update, known, MOST, HEAVIEST)


def state_vector(data: bytes) -> dict[int, int]:
    """Each client's next clock, from the bytes of a state vector. Raises ValueError for what is none."""
    read = _Reader(data, MOST)
    try:
        state = {read.client(): read.number() for _ in range(read.count())}
    except IndexError:
        raise ValueError("the state vector ends too early") from None
    if read.at != len(data):
        raise ValueError("something follows the end of the state vector")
    return state


def _check(update: bytes, known: Known, most: int, heaviest: int) -> None:
    read = _Reader(update, most)
    try:
        queues = _queues(read)
        arrival = _Arrival(known, queues)
        arrival.integrate()
        if arrival.steps() > heaviest:
            raise ValueError("the update would take too long: it has too many items in a list that is too long")
        arrival.check_deleted(read)
    except IndexError:
        raise ValueError("the update ends too early") from None
    if read.at != len(update):
        raise ValueError("something follows the end of the update")
    arrival.remember()


class _Reader:
    """Reads lib0's encoding from the front. Raises ValueError, and IndexError at the end of the data."""

    __slots__ = ("at", "data", "left")

    def __init__(self, data: bytes, most: int) -> None:
        self.data = data
        self.at = 0
        self.left = most

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self, largest: int = _LARGEST) -> int:
        """An unsigned integer."""
        data, at = self.data, self.at
        value = data[at]
        if value > 127:
            value &= 127
            for shift in range(7, 56, 7):
                at += 1
                byte = data[at]
                value |= (byte & 127) << shift
                if byte < 128:
                    break
            else:
                raise ValueError("a number in the update is too long")
            if value > largest:
                raise ValueError("a number in the update is too large")
        self.at = at + 1
        return value

    def client(self) -> int:
        return self.number(_CLIENTS)

    def id(self) -> Id:
        return self.number(_CLIENTS), self.number()

    def count(self) -> int:
        """How many of something follow."""
        count = self.number()
        self.left -= count
        if count > len(self.data) - self.at:
            raise IndexError
        if self.left < 0:
            raise ValueError(f"the update has more than {MOST:,} parts")
        return count

    def text(self) -> str:
        start = self.number()
        start, self.at = self.at, self.at + start
        if self.at > len(self.data):
            raise IndexError
        try:
            return self.data[start : self.at].decode()
        except UnicodeDecodeError:
            raise ValueError("a text in the update is not UTF-8") from None

    def skip_value(self, depth: int = 0) -> None:
        """Go past a value: JSON, undefined, or a big integer."""
        match self.byte():
            case 127 | 126 | 121 | 120:  # undefined, null, false, true
                pass
            case 125:
                self._skip_integer()
            case 124:
                self._skip(4)
            case 123 | 122:
                self._skip(8)
            case 119:
                self.text()
            case 118 | 117 as kind if depth < _DEEPEST_VALUE:
                for _ in range(self.count()):
                    if kind == 118:
                        self.text()
                    self.skip_value(depth + 1)
            case 118 | 117:
                raise ValueError(f"a value in the update is nested more than {_DEEPEST_VALUE} deep")
            case kind:
                raise ValueError(f"the update has a value of a kind that documents do not have ({kind})")

    def _skip_integer(self) -> None:
        for _ in range(8):
            if self.byte() < 128:
                return
        raise ValueError("an integer in the update is too long")

    def _skip(self, length: int) -> None:
        self.at += length
        if self.at > len(self.data):
            raise IndexError


def _queues(read: _Reader) -> dict[int, list[_Struct]]:
    """The structs of an update, by client."""
    queues: dict[int, list[_Struct]] = {}
    for _ in range(read.count()):
        count = read.count()
        client, clock = read.id()
        if client in queues:
            raise ValueError(f"the update has client {client} twice")
        if not count:
            raise ValueError(f"the update has nothing of client {client}")
        queue = queues[client] = []
        for _ in range(count):
            struct = _struct(read, clock)
            clock = struct.end
            if clock > _CLOCKS:
                raise ValueError(f"client {client} is too far ahead")
            queue.append(struct)
    return queues


def _struct(read: _Reader, clock: int) -> _Struct:
    info = read.byte()
    kind = info & 0x1F
    if info == _GC:
        return _Struct(clock, clock + _length(read), _GC, None, None, None, None, (), None)
    if kind not in (_DELETED, _STRING, _TYPE, _ANY):
        raise ValueError(f"the update has content of a kind that documents do not have ({kind})")
    origin = read.id() if info & _ORIGIN else None
    right = read.id() if info & _RIGHT else None
    parent = key = form = None
    pairs: Sequence[int] = ()
    if origin is None and right is None:
        match read.number():
            case 1:
                parent = read.text()
            case 0:
                parent = read.id()
            case other:
                raise ValueError(f"an item of the update has no parent ({other})")
        key = read.text() if info & _KEY else None
    if kind == _STRING:
        text = read.text()
        if not text.isascii():
            pairs = [match.start() + before + 1 for before, match in enumerate(_ASTRAL.finditer(text))]
        length = len(text) + len(pairs)
    elif kind == _DELETED:
        length = _length(read)
    elif kind == _ANY:
        length = read.count()
        for _ in range(length):
            read.skip_value()
    else:
        length, form = 1, _form(read)
    if not length:
        raise ValueError("the update has an empty item")
    return _Struct(clock, clock + length, kind, origin, right, parent, key, pairs, form)


def _form(read: _Reader) -> Form:
    if (form := _FORMS.get(number := read.byte())) is None:
        raise ValueError(f"the update has a shared type of a kind that documents do not have ({number})")
    return form


def _length(read: _Reader) -> int:
    length = read.number()
    if not length:
        raise ValueError("the update has an empty item")
    return length


class _Arrival:
    """The structs of an update on their way into a document, in the order in which pycrdt takes them in."""

    def __init__(self, known: Known, queues: dict[int, list[_Struct]]) -> None:
        self.state = dict(known.state)
        self._known = known
        self._queues = queues
        self._next = dict.fromkeys(queues, 0)
        self._places: dict[int, _Places] = {}
        self._types: dict[Id, _Type] = {}
        self._whole: dict[int, list[int]] = {}
        self._grown: Counter[tuple[str | Id, str | None]] = Counter()
        self._searched: Counter[tuple[str | Id, str | None]] = Counter()
        self._rights: dict[int, Id | None] = {}

    def integrate(self) -> None:
        """Go through all structs. Raises ValueError at one that cannot be taken in, ever."""
        for first in self._queues:
            waiting = [(first, _CLOCKS + 1)]
            clients = {first}
            while waiting:
                client, until = waiting[-1]
                missing = self._advance(client, until)
                if missing is None:
                    waiting.pop()
                    clients.remove(client)
                elif missing[0] in clients or missing[0] not in self._queues:
                    raise ValueError(_absent(missing))
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
                raise ValueError(_absent((client, at)))
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
                self._take(client, at, struct)
                at = state[client] = struct.end
            i += 1
        self._next[client] = i
        if at < until <= _CLOCKS:
            raise ValueError(_absent((client, until - 1)))
        return None

    def _take(self, client: int, at: int, struct: _Struct) -> None:
        """Take in what is new of a struct: what follows `at`."""
        place = self._place(client, struct)
        if at > struct.clock:
            if not _together(self._at((client, at - 1)), place):
                raise ValueError(f"item {client}:{struct.clock} stands elsewhere than the part of it that is known")
            if at - struct.clock in struct.pairs:
                raise ValueError(f"item {client}:{struct.clock} is known up to the middle of a character")
        if place is not None:
            parent = self._type(place.parent)
            allowed = (_DELETED, _STRING) if parent.form == "text" else (_DELETED, _ANY, _TYPE)
            if struct.kind not in allowed:
                raise ValueError(f"item {client}:{struct.clock} is nothing that can stand in {_shown(place.parent)}")
            if place.solid == (struct.kind == _DELETED):
                place = place._replace(solid=not place.solid)
            if struct.form is not None:
                if parent.depth >= DEEPEST:
                    raise ValueError(f"item {client}:{struct.clock} is nested more than {DEEPEST} deep")
                self._types[client, struct.clock] = _Type(struct.form, parent.depth + 1)
            self._weigh(client, at, struct, place)
        self._rights[client] = struct.right
        if (places := self._places.get(client)) is None:
            places = self._places[client] = _Places()
        places.add(at, place)
        whole = [struct.clock + half for half in struct.pairs if struct.clock + half > at]
        if place is not None and place.key is not None and struct.kind == _ANY:
            whole += range(at + 1, struct.end)  # all but one are deleted, and pycrdt takes that for granted
        if whole:
            self._whole.setdefault(client, []).extend(whole)

    def _weigh(self, client: int, at: int, struct: _Struct, place: _Place) -> None:
        """Count an item that adds to its list, and one whose place pycrdt has to search."""
        first = client not in self._rights
        right = self._known.rights.get(client) if first else self._rights[client]
        follows = struct.origin == (client, at - 1) and struct.right == right
        if not (follows and struct.kind == _STRING):  # what is typed on is joined to what it follows
            self._grown[place[:2]] += 1
        if first or not follows:
            self._searched[place[:2]] += 1

    def steps(self) -> int:
        """How many steps pycrdt may need to find the places of all items."""
        sizes = self._known.sizes
        return sum(searched * (sizes[place] + self._grown[place]) for place, searched in self._searched.items())

    def _place(self, client: int, struct: _Struct) -> _Place | None:
        """Where pycrdt puts a struct; None if it makes garbage of it."""
        if struct.kind == _GC:
            return None
        if struct.parent is not None:
            return self._child(client, struct, struct.parent)
        left = right = None
        if (id_ := struct.origin) is not None:
            left = self._at(id_)
            self._cut(id_[0], id_[1] + 1)
        if (id_ := struct.right) is not None:
            right = self._at(id_)
            self._cut(*id_)
        if left is not None and right is not None and not _together(left, right):
            raise ValueError(f"item {client}:{struct.clock} stands between items that are not in one list")
        return left or right

    def _child(self, client: int, struct: _Struct, parent: str | Id) -> _Place | None:
        """The place of a struct that names its parent, as the first of its list does."""
        if isinstance(parent, str) or parent in self._types or parent in self._known.types:
            if (form := self._type(parent).form) != "map" and struct.key is not None:
                raise ValueError(f"item {client}:{struct.clock} has a key, and {_shown(parent)} is no map")
            if form == "map" and struct.key is None:
                raise ValueError(f"item {client}:{struct.clock} has no key, and {_shown(parent)} is a map")
            return _Place(parent, struct.key, True)
        if (place := self._at(parent)) is not None and place.solid:
            raise ValueError(f"item {client}:{struct.clock} stands in {_shown(parent)}, which is no shared type")
        return None

    def _type(self, parent: str | Id) -> _Type:
        if (found := self._known.types.get(parent)) is not None:
            return found
        if isinstance(parent, str):
            raise ValueError(f"documents have nothing of the name {parent[:40]!r}")
        return self._types[parent]

    def _at(self, id_: Id) -> _Place | None:
        """The place of an item that is there."""
        client, clock = id_
        if clock < self._known.state.get(client, 0):
            return self._known.places[client].at(clock)
        return self._places[client].at(clock)

    def _cut(self, client: int, clock: int) -> None:
        """Refuse to cut a character in two before this clock."""
        for pairs in (self._known.whole.get(client), self._whole.get(client)):
            if pairs and (i := bisect_left(pairs, clock)) < len(pairs) and pairs[i] == clock:
                raise ValueError(f"the update cuts a character in two at {client}:{clock}")

    def check_deleted(self, read: _Reader) -> None:
        """Read what is deleted. Raises ValueError if it is not there, or not in order."""
        seen: set[int] = set()
        for _ in range(read.count()):
            client = read.client()
            if client in seen:
                raise ValueError(f"the update deletes from client {client} twice")
            seen.add(client)
            before = 0
            for _ in range(read.count()):
                start = read.number()
                end = start + _length(read)
                if start < before:
                    raise ValueError(f"the update deletes from client {client} in disorder")
                if end > self.state.get(client, 0):
                    raise ValueError(_absent((client, end - 1)))
                self._cut(client, start)
                self._cut(client, end)
                before = end

    def remember(self) -> None:
        """Write down what came in."""
        known = self._known
        known.state = self.state
        known.types |= self._types
        known.sizes.update(self._grown)
        known.rights |= self._rights
        for client, places in self._places.items():
            known.places.setdefault(client, _Places()).extend(places)
        for client, pairs in self._whole.items():
            known.whole.setdefault(client, array("I")).extend(pairs)


def _together(one: _Place | None, other: _Place | None) -> bool:
    """Whether two items are in one list, or both garbage."""
    return one is other or (one is not None and other is not None and one[:2] == other[:2])


def _absent(missing: Id) -> str:
    return f"the update needs what is not there: {missing[0]}:{missing[1]}"


def _shown(parent: str | Id) -> str:
    return parent if isinstance(parent, str) else f"{parent[0]}:{parent[1]}"
