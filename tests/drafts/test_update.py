"""What may come into a document from outside: every honest update, and nothing that harms pycrdt."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pycrdt import Array, Doc, Map, Text

from hitl_nb.drafts.crdt.update_validation import MAX_NESTING, ROOTS, DocumentIndex, state_vector, validate_update

EXTENSION = Path(__file__).parents[2] / "extension"
MAPS = [name for name in ROOTS if name != "source"]
WORDS = ["a", "é", "😀", "xyz ", "x😀y", "中\n"]
SECONDS = 120


def number(n: int) -> bytes:
    parts: list[int] = []
    while n > 127:
        parts.append(n & 127 | 128)
        n >>= 7
    return bytes([*parts, n])


def text(s: str) -> bytes:
    return number(len(s.encode())) + s.encode()


def update(client: int, clock: int, *structs: bytes, deleted: bytes = b"\0") -> bytes:
    return b"\1" + number(len(structs)) + number(client) + number(clock) + b"".join(structs) + deleted


def make_item(root: str, content: bytes, kind: int = 4) -> bytes:
    """An item that is the first in a text of this name."""
    return bytes([kind, 1]) + text(root) + content


def put(root: str, key: str, content: bytes, kind: int = 8) -> bytes:
    """An item that is the first at a key of a map of this name."""
    return bytes([kind | 0x20, 1]) + text(root) + text(key) + content


def base() -> bytes:
    """Of client 1: the text "ab😀" (0 to 3), "value" with a map (4), in which "k" is a value (5); of client 2: text."""
    doc: Doc[Any] = Doc(client_id=1)
    doc.get("source", type=Text).insert(0, "ab😀")
    doc.get("value", type=Map)["v"] = Map({"k": "1"})
    doc.apply_update(update(2, 0, b"\x84\1\3" + text("xyz")))
    return doc.get_update()


DEEP = update(
    9,
    0,
    put("value", "deep", b"\1", 7),
    *(b"\x27\0" + number(9) + number(i) + text("v") + b"\1" for i in range(MAX_NESTING)),
)
SLOW = [
    update(9, 0, make_item("source", text("x" * 20_000))),
    update(8, 0, *(b"\x44\x09" + number(i) + text("y") for i in range(10_000))),
]
SLOW_DELETING = [
    update(9, 0, make_item("source", text("x" * 2_000_000))),
    b"\0\1\x09" + number(100_000) + b"".join(number(20 * i) + b"\1" for i in range(100_000)),
]

REFUSED = {
    "an origin that the client has yet to write": (
        update(9, 0, make_item("source", text("he")), b"\x84\x09\x0b" + text("llo")),
        "refers to an item after it",
    ),
    "an origin that is the item itself": (update(9, 0, b"\x84\x09\0" + text("a")), "refers to an item after it"),
    "two items that wait for each other": (
        b"\2" + b"\1\x08\0" + b"\x84\x09\0" + text("a") + b"\1\x09\0" + b"\x84\x08\0" + text("b") + b"\0",
        "needs an item that does not exist",
    ),
    "an origin that the other client never reaches": (
        b"\2" + b"\1\x08\0\0\1" + b"\1\x09\0" + b"\x84\x08" + number(2**31 + 5) + text("b") + b"\0",
        "does not exist: 8:2147483653",
    ),
    "an origin of a client that nobody knows": (update(9, 0, b"\x84\x07\0" + text("a")), "does not exist: 7:0"),
    "a clock that is not the next one": (update(1, 9, make_item("source", text("a"))), "does not exist: 1:6"),
    "a gap": (update(9, 0, b"\x0a\2", make_item("source", text("a"))), "content of a kind that documents do not have"),
    "a client with nothing": (b"\1\0\1\0\0", "has nothing of client 1"),
    "a client twice": (b"\2" + 2 * b"\1\x09\0\0\1" + b"\0", "has client 9 twice"),
    "an item without a length": (update(9, 0, make_item("source", text(""))), "empty item"),
    "garbage without a length": (update(9, 0, b"\0\0"), "empty item"),
    "a clock that is too large": (update(9, 0, b"\0" + number(2**32 - 1)), "too far ahead"),
    "a number with more than 32 bits": (update(9, 0, b"\0" + number(2**32)), "too large"),
    "a number that never ends": (update(9, 0, b"\0" + 12 * b"\x80" + b"\1"), "too long"),
    "more structs than there are bytes": (b"\1" + number(2**31) + b"\x09\0", "ends too early"),
    "a text that is longer than the update": (update(9, 0, make_item("source", b"\x7fabc")), "ends too early"),
    "bytes after the end": (update(9, 0, make_item("source", text("a"))) + b"\0", "has extra bytes at its end"),
    "nothing at all": (b"", "ends too early"),
    "a text that is no UTF-8": (update(9, 0, make_item("source", b"\2\xeb\x65")), "not UTF-8"),
    "half a character": (update(9, 0, make_item("source", b"\3\xed\xa0\x80")), "not UTF-8"),
    "JSON of old": (update(9, 0, put("value", "a", b"\1" + text("1"), 2)), "of a kind that documents do not have"),
    "bytes": (update(9, 0, put("value", "a", b"\1a", 3)), "of a kind that documents do not have"),
    "bytes in a value": (update(9, 0, put("value", "a", b"\1\x74\1a")), "of a kind that documents do not have"),
    "a format": (update(9, 0, make_item("source", text("b") + text("1"), 6)), "of a kind that documents do not have"),
    "a document in the document": (update(9, 0, put("value", "a", text("g") + b"\x76\0", 9)), "of a kind"),
    "XML": (update(9, 0, put("value", "a", b"\3" + text("p"), 7)), "of a kind that documents do not have"),
    "a value that is nested deep": (update(9, 0, put("value", "a", b"\1" + 40 * b"\x75\1" + b"\x7e")), "more than 32"),
    "types that are nested deep": (DEEP, f"more than {MAX_NESTING} deep"),
    "a name that documents do not have": (update(9, 0, put("other", "a", b"\1\x7e")), "no shared type named 'other'"),
    "a key of a text": (update(9, 0, put("source", "a", text("a"), 4)), "has a key, but source is not a map"),
    "text in a map": (update(9, 0, make_item("value", b"\1\x7e", 8)), "has no key, but value is a map"),
    "a value in a text": (update(9, 0, make_item("source", b"\1\x7e", 8)), "has content that is not allowed in source"),
    "an item in a text's item": (update(9, 0, b"\4\0\1\0" + text("a")), "1:0, which is not a shared type"),
    "an item between two lists": (update(9, 0, b"\xc4\1\1\1\5" + text("a")), "between items of different lists"),
    "a known item that goes on elsewhere": (
        update(2, 0, b"\x28\0\1\4" + text("z") + b"\4" + 4 * b"\x7e"),
        "is at another place than its known part",
    ),
    "an item in the middle of a character": (update(9, 0, b"\x84\1\2" + text("a")), "cuts a character in two at 1:3"),
    "deleting half a character": (b"\0\1\1\1\3\1", "cuts a character in two at 1:3"),
    "one value of several at a key": (
        update(9, 0, put("value", "a", b"\2\x7e\x7e"), deleted=b"\1\x09\1\0\1"),
        "cuts a character in two at 9:1",
    ),
    "deleting what is not there": (b"\0\1\1\1\5\2", "does not exist: 1:6"),
    "deleting of a client that nobody knows": (b"\0\1\x07\1\0\1", "does not exist: 7:0"),
    "deleting nothing": (b"\0\1\1\1\0\0", "empty item"),
    "deleting in disorder": (b"\0\1\1\2\1\1\0\1", "not in order"),
    "deleting from a client twice": (b"\0\2\1\1\0\1\1\1\1\1", "twice"),
    "parts without end": (update(9, 0, make_item("source", text("x" * 10**6)), *200_001 * [b"\0\1"]), "200,000 parts"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_harm_is_refused(name: str) -> None:
    data, message = REFUSED[name]
    known = DocumentIndex.from_update(base())
    state = dict(known.state)
    with pytest.raises(ValueError, match=message):
        validate_update(data, known)
    assert known.state == state
    validate_update(base(), known)


@pytest.mark.parametrize("slow", [SLOW, SLOW_DELETING])
def test_what_would_take_minutes_is_refused(slow: list[bytes]) -> None:
    known = DocumentIndex()
    validate_update(slow[0], known)
    with pytest.raises(ValueError, match="take too long"):
        validate_update(slow[1], known)
    known.add_update(slow[1])
    assert known.state == DocumentIndex.from_update(slow[0]).state | ({8: 10_000} if slow is SLOW else {})


def test_what_is_known_and_what_follows_it_is_fine() -> None:
    known = DocumentIndex.from_update(base())
    assert known.state == {1: 6, 2: 3}
    validate_update(base(), known)
    validate_update(b"\0\0", known)
    validate_update(update(2, 1, b"\x84\2\0" + text("yzuv")), known)
    assert known.state == {1: 6, 2: 5}


def test_state_vectors() -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(base())
    assert state_vector(doc.get_state()) == {1: 6, 2: 3} == DocumentIndex.from_update(base()).state
    for wrong in (b"", b"\1", b"\1\1\1\1", b"\xff" * 9):
        with pytest.raises(ValueError, match=r"ends too early|extra bytes at its end|too l"):
            state_vector(wrong)


class Session:
    """Several people who edit a document of pycrdt's through one server, which checks what it gets."""

    def __init__(self, seed: int, people: int = 3) -> None:
        self.random = random.Random(seed)
        self.server: Doc[Any] = Doc()
        self.known = DocumentIndex()
        self.sent: list[bytes] = []
        self.people: list[Doc[Any]] = [Doc(skip_gc=i == 0) for i in range(people)]

    def edit(self, doc: Doc[Any]) -> None:
        if self.random.random() < 0.5:
            source = doc.get("source", type=Text)
            cuts = [0]
            for c in str(source):
                cuts.append(cuts[-1] + len(c.encode()))
            if self.random.random() < 0.6 or len(cuts) < 3:
                source.insert(self.random.choice(cuts), self.random.choice(WORDS))
            else:
                at = self.random.randrange(len(cuts) - 1)
                del source[cuts[at] : cuts[min(len(cuts) - 1, at + 3)]]
        else:
            self.fill(doc.get(self.random.choice(MAPS), type=Map))

    def fill(self, into: Map[Any], depth: int = 0) -> None:
        key = self.random.choice("abc")
        there = into.get(key)
        what = self.random.randrange(8)
        if isinstance(there, Map) and what < 4 and depth < 5:
            self.fill(cast("Map[Any]", there), depth + 1)
        elif isinstance(there, Array) and what < 6:
            boxes = cast("Array[Any]", there)
            if len(boxes) and what < 3:
                del boxes[self.random.randrange(len(boxes))]
            else:
                boxes.insert(self.random.randint(0, len(boxes)), Map({"v": self.random.choice(WORDS)}))
        elif what == 7 and there is not None:
            del into[key]
        else:
            into[key] = self.random.choice(
                ["1", 2.5, True, None, Map({"a": "1"}), Array([Map({"v": "1"}), Map({"v": "2"})])]
            )

    def send(self, doc: Doc[Any]) -> None:
        """What the server does not have yet, or everything."""
        state = self.server.get_state() if self.random.random() < 0.8 else Doc[Any]().get_state()
        self.take(doc.get_update(state))

    def take(self, data: bytes) -> None:
        validate_update(data, self.known)
        self.sent.append(data)
        self.server.apply_update(data)
        assert state_vector(self.server.get_state()) == self.known.state

    def run(self, steps: int) -> None:
        for _ in range(steps):
            doc = self.random.choice(self.people)
            self.edit(doc)
            if self.random.random() < 0.6:
                self.send(doc)
            if self.random.random() < 0.3:
                doc.apply_update(self.server.get_update(doc.get_state()))


@pytest.mark.parametrize("seed", range(8))
def test_everything_honest_from_pycrdt_is_accepted(seed: int) -> None:
    session = Session(seed)
    session.run(120)
    for doc in session.people:
        session.send(doc)
    assert DocumentIndex.from_update(session.server.get_update()).state == session.known.state


YJS = """
import * as Y from "yjs";
let s = Number(process.argv[1]);
const below = n => { s = (Math.imul(s, 1664525) + 1013904223) >>> 0; return Math.floor(s / 4294967296 * n); };
const any = list => list[below(list.length)];
const maps = ["value", "rows", "typed", "state"], words = ["a", "é", "😀", "x😀y", "中"], messages = [];
const server = new Y.Doc();
const take = u => { messages.push(Buffer.from(u).toString("base64")); Y.applyUpdate(server, u); };
class Person {
  constructor(gc) {
    this.doc = new Y.Doc({ gc });
    const scope = [this.doc.getText("source"), ...maps.map(name => this.doc.getMap(name))];
    this.undo = new Y.UndoManager(scope, { captureTimeout: 0 });
    this.doc.on("update", (u, origin) => { if (origin !== server && this.online) take(u); });
    server.on("update", u => { if (this.online) Y.applyUpdate(this.doc, u, server); });
    this.join();
  }
  join() {
    this.online = true;
    Y.applyUpdate(this.doc, Y.encodeStateAsUpdate(server, Y.encodeStateVector(this.doc)), server);
    take(Y.encodeStateAsUpdate(this.doc, below(3) ? Y.encodeStateVector(server) : undefined));
  }
}
const box = () => { const m = new Y.Map(); m.set("v", any(words)); return m; };
const fill = (map, depth) => {
  const key = any(["a", "b"]), there = map.get(key), what = below(9);
  if (there instanceof Y.Map && what < 5) fill(there, depth + 1);
  else if (there instanceof Y.Array && what < 7) {
    if (there.length && what < 4) there.delete(below(there.length), 1);
    else there.insert(below(there.length + 1), [box()]);
  } else if (what < 3) map.set(key, any(["1", 2.5, true, null, -7, 1e300, { a: [1, "é"] }]));
  else if (what < 5 && depth < 4) map.set(key, box());
  else if (what < 7 && depth < 4) map.set(key, Y.Array.from([box(), box()]));
  else map.delete(key);
};
const edit = doc => {
  if (below(2)) return fill(doc.getMap(any(maps)), 0);
  const text = doc.getText("source"), cuts = [0];
  for (const c of text.toString()) cuts.push(cuts.at(-1) + c.length);
  if (below(3) || cuts.length < 3) text.insert(any(cuts), any(words));
  else { const i = below(cuts.length - 1); text.delete(cuts[i], cuts[Math.min(cuts.length - 1, i + 3)] - cuts[i]); }
};
const people = [new Person(true), new Person(false), new Person(true)];
for (let i = 0; i < 150; i++) {
  const p = any(people), what = below(30);
  if (what === 0) p.online = false;
  else if (what === 1) p.join();
  else if (what < 5) p.undo.undo();
  else if (what < 7) p.undo.redo();
  else if (what < 9) p.doc.transact(() => { edit(p.doc); edit(p.doc); edit(p.doc); });
  else if (what === 9 && p.online) {
    const made = [], keep = u => made.push(u);
    p.online = false; p.doc.on("update", keep); edit(p.doc); edit(p.doc); p.doc.off("update", keep); p.online = true;
    if (made.length) take(Y.mergeUpdates(made));
  } else edit(p.doc);
}
people.forEach(p => p.join());
console.log(JSON.stringify({
  messages, text: server.getText("source").toString(),
  values: Object.fromEntries(maps.map(name => [name, server.getMap(name).toJSON()])),
  whole: Buffer.from(Y.encodeStateAsUpdate(server)).toString("base64"),
}));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
@pytest.mark.skipif(not (EXTENSION / "node_modules" / "yjs").is_dir(), reason="the extension's packages are missing")
@pytest.mark.parametrize("seed", range(1, 7))
def test_everything_honest_from_browsers_is_accepted(seed: int) -> None:
    command = ["node", "--input-type=module", "-e", YJS, "--", str(seed)]
    ran = subprocess.run(command, cwd=EXTENSION, capture_output=True, check=True, timeout=SECONDS)
    told = json.loads(ran.stdout)
    doc: Doc[Any] = Doc()
    known = DocumentIndex()
    for message in told["messages"]:
        validate_update(base64.b64decode(message), known)
        doc.apply_update(base64.b64decode(message))
        assert state_vector(doc.get_state()) == known.state
    assert str(doc.get("source", type=Text)) == told["text"]
    assert {name: doc.get(name, type=Map).to_py() for name in told["values"]} == told["values"]
    assert DocumentIndex.from_update(base64.b64decode(told["whole"])).state == known.state


def spoil_update(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """An update with some bytes changed, or cut, or joined to another."""
    made = bytearray(data)
    other = chance.choice(others)
    at = chance.randrange(len(made))
    match chance.randrange(8):
        case 0:
            del made[at:]
        case 1:
            made[at:] = other[chance.randrange(len(other)) :]
        case 2:
            del made[at : at + chance.randint(1, 8)]
        case _:
            for _ in range(chance.choice([1, 1, 2, 3])):
                at = chance.randrange(len(made))
                made[at] = chance.choice([chance.randrange(256), made[at] ^ 1, (made[at] + 1) % 256, made[0]])
    return bytes(made)


def fuzz(seed: int, rounds: int, progress: Callable[[bytes], object]) -> int:
    """Apply spoiled updates that are accepted, and use the document; how many there were."""
    chance = random.Random(seed)
    accepted = 0
    for _ in range(rounds // 50):
        honest = Session(chance.randrange(10**6))
        honest.run(20)
        if not honest.sent:
            continue
        whole = honest.server.get_update()
        doc: Doc[Any] = Doc()
        doc.apply_update(whole)
        known = DocumentIndex.from_update(whole)
        for _ in range(50):
            data = spoil_update(chance.choice([*honest.sent, whole]), honest.sent, chance)
            try:
                validate_update(data, known)
            except ValueError:
                continue
            progress(data)
            accepted += 1
            doc.apply_update(data)
            assert state_vector(doc.get_state()) == known.state
            use(doc)
        assert DocumentIndex.from_update(doc.get_update()).state == known.state
        empty(doc)
        use(doc)
    return accepted


def use(doc: Doc[Any]) -> None:
    str(doc.get("source", type=Text))
    for name in MAPS:
        doc.get(name, type=Map).to_py()
    again: Doc[Any] = Doc()
    again.apply_update(doc.get_update())
    assert state_vector(again.get_state()) == state_vector(doc.get_state())


def empty(doc: Doc[Any]) -> None:
    del doc.get("source", type=Text)[:]
    for name in MAPS:
        entries = doc.get(name, type=Map)
        for key in list(entries.keys()):
            del entries[key]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_accepted_does_no_harm(seed: int, tmp_path: Path) -> None:
    last = tmp_path / "last"
    command = [sys.executable, __file__, str(seed), "4000", str(last)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert ran.returncode == 0, f"{ran.stderr[-2000:]} {last.read_bytes().hex()}"
    assert int(ran.stdout) > 100


if __name__ == "__main__":
    print(fuzz(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).write_bytes))
