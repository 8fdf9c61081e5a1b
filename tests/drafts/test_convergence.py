"""Browsers and Python write one document: whoever heard everything says the same, in both languages.

The browsers are the extension's own `drafts/shared-document.ts` on Yjs, in one Node.js process that is told what to do
line by line (`browser_peers.mjs`). Updates go from one to the other in the order of the log, as through a room, which
checks
each of them.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import Doc

from hitl_nb.drafts import document
from hitl_nb.drafts.crdt.update_validation import DocumentIndex, validate_update
from hitl_nb.drafts.draft import capture_updates
from hitl_nb.records import KindName

EXTENSION = Path(__file__).parents[2] / "extension"
BROWSERS, PYTHONS = 2, 2

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node"),
    pytest.mark.skipif(
        not (EXTENSION / "node_modules" / "@rspack").is_dir(), reason="the extension's packages are missing"
    ),
]


class Browsers:
    """A process with some browsers' documents."""

    def __init__(self, folder: Path) -> None:
        command = ["node", str(Path(__file__).with_name("browser_peers.mjs")), str(EXTENSION), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **what}).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the browsers' process ended with {self.process.wait()}"
        return json.loads(line)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    made = Browsers(tmp_path_factory.mktemp("bundle"))
    yield made
    made.close()


class Meeting:
    """Browsers (the first numbers) and Pythons (the others) with one document, and the log between them."""

    def __init__(self, browsers: Browsers, kind: KindName, proposed: Any) -> None:
        self.browsers, self.kind, self.proposed = browsers, kind, proposed
        browsers.ask("begin", kind=kind, value=proposed, count=BROWSERS + 1)
        self.docs: list[Doc[Any]] = [Doc() for _ in range(PYTHONS + 1)]
        self.heard = [0] * (BROWSERS + PYTHONS)
        first = document.initial_update(kind, proposed)
        self.log = [] if first is None else [first]
        self.known = DocumentIndex()
        for update in self.log:
            validate_update(update, self.known)
        for who in range(BROWSERS + PYTHONS):
            self.hear(who)

    def do(self, who: int, what: Any) -> None:
        """Let somebody write a value, or do what `what` is the name of."""
        match what:
            case "hear":
                self.hear(who)
            case "undo" | "redo":
                if who < BROWSERS:
                    self.keep(self.browsers.ask(what, who=who)["updates"])
            case (value,):
                self.write(who, value)
                assert document.are_equal(self.says(who), as_in_browsers(value) if who < BROWSERS else value)

    def write(self, who: int, value: Any) -> None:
        if who < BROWSERS:
            self.keep(self.browsers.ask("write", who=who, value=value)["updates"])
        else:
            doc = self.docs[who - BROWSERS]
            made = capture_updates(doc, lambda: document.write_value(doc, self.kind, self.proposed, value))
            self.keep([base64.b64encode(one).decode() for one in made])

    def keep(self, updates: list[str]) -> None:
        for update in map(base64.b64decode, updates):
            validate_update(update, self.known)
            self.log.append(update)

    def hear(self, who: int) -> None:
        news, self.heard[who] = self.log[self.heard[who] :], len(self.log)
        if who < BROWSERS:
            self.tell(who, *news)
        else:
            for update in news:
                self.docs[who - BROWSERS].apply_update(update)

    def tell(self, browser: int, *updates: bytes) -> None:
        told = [base64.b64encode(one).decode() for one in updates]
        self.browsers.ask("hear", who=browser, updates=told)

    def says(self, who: int) -> Any:
        if who < BROWSERS:
            return self.browsers.ask("read", who=who)["value"]
        return document.read_value(self.docs[who - BROWSERS], self.kind, self.proposed)

    def end(self) -> None:
        """Let all hear everything, and compare; and newcomers who got the document as a whole from the other side."""
        for who in range(BROWSERS + PYTHONS):
            self.hear(who)
        said = self.says(BROWSERS)
        for doc in self.docs[1:PYTHONS]:
            assert document.read_value(doc, self.kind, self.proposed) == said
        self.tell(BROWSERS, self.docs[0].get_update())
        for browser in range(BROWSERS + 1):
            found = self.browsers.ask("read", who=browser)
            assert as_in_browsers(found["value"]) == as_in_browsers(said)
            if browser == BROWSERS:  # who wrote a value last has it in the order in which it was written
                assert json.dumps(as_in_browsers(found["value"])) == json.dumps(as_in_browsers(said))
            fresh: Doc[Any] = Doc()
            fresh.apply_update(base64.b64decode(found["whole"]))
            assert document.read_value(fresh, self.kind, self.proposed) == said
            validate_update(base64.b64decode(found["whole"]), self.known)


def as_in_browsers(value: Any) -> Any:
    """A value as JavaScript has it: all numbers are floats, and keys that look like an index come first."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: (0, int(name)) if index(name) else (1, 0))
        return {name: as_in_browsers(value[name]) for name in names}
    if isinstance(value, list):
        return [as_in_browsers(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) + 0.0  # and zero has no sign when it is written as JSON
    return value


def index(name: str) -> bool:
    return name.isascii() and name.isdigit() and str(int(name)) == name and int(name) < 2**32 - 1


KEYS = st.text("ab10é\uff21😀", max_size=2) | st.sampled_from(["__proto__", "constructor", "v", "length"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([1.0, 1.5, -0.0, 1e300, 2**70, 2**53 + 1, 10**18, 1e-7])
    | st.text("ab é😀\ud83d\n", max_size=3)
)
JSON = st.recursive(LEAVES, lambda part: st.lists(part, max_size=4) | st.dictionaries(KEYS, part, max_size=3))
COLUMNS = [{"name": "n", "type": "integer"}, {"name": "who", "type": "any"}]
ROWS = st.tuples(st.integers(0, 3) | st.sampled_from([1.0, 2**70]), st.none() | st.text("ab", max_size=1) | JSON)
TABLES = st.lists(ROWS.map(list), max_size=6).map(lambda rows: {"columns": COLUMNS, "rows": rows})
TEXTS = st.text("ab é😀\U0001f601\n", max_size=12)
CALLS = st.dictionaries(KEYS, JSON, max_size=3).map(lambda arguments: {"name": "pay", "arguments": arguments})
VALUES: dict[KindName, Any] = {
    "text": TEXTS,
    "code": TEXTS,
    "json": JSON,
    "tool_call": CALLS,
    "plan": st.lists(JSON, max_size=5),
    "table": TABLES,
    "choice": st.sampled_from(["pay", "deny", "ask"]),
}


@st.composite
def scripts(draw: st.DrawFn) -> tuple[KindName, Any, list[tuple[int, Any]]]:
    """A kind, what is proposed, and who does what."""
    kind = draw(st.sampled_from(list(VALUES)))
    value = VALUES[kind]
    written = value | st.just("{") if kind in ("json", "plan", "table") else value
    what = st.tuples(written) | st.sampled_from(["hear", "hear", "undo", "redo"])
    steps = st.lists(st.tuples(st.integers(0, BROWSERS + PYTHONS - 1), what), max_size=14)
    return kind, draw(value), draw(steps)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=scripts())
def test_all_who_heard_everything_say_the_same(
    browsers: Browsers, script: tuple[KindName, Any, list[tuple[int, Any]]]
) -> None:
    kind, proposed, steps = script
    meeting = Meeting(browsers, kind, proposed)
    for who, what in steps:
        meeting.do(who, what)
    meeting.end()


@pytest.mark.parametrize("name", ["__proto__", "constructor"])
def test_a_name_that_every_object_inherits_is_a_name_like_any_other(browsers: Browsers, name: str) -> None:
    meeting = Meeting(browsers, "plan", [{}])
    for who in range(BROWSERS + PYTHONS):
        for item in (None, {}, {"a": 1}):
            for value in ([{name: item}], [{}]):
                meeting.do(who, "hear")
                meeting.do(who, (value,))
                assert document.read_value(heard_by_python(meeting), "plan", [{}]) == value
    meeting.end()


def heard_by_python(meeting: Meeting) -> Doc[Any]:
    """The document of one who has heard everything that was said."""
    meeting.hear(BROWSERS + PYTHONS - 1)
    return meeting.docs[PYTHONS - 1]


def test_what_is_too_long_to_be_shared_in_parts(browsers: Browsers) -> None:
    proposed = {"a": "x" * (document.MAX_WHOLE_BYTES + 1), "b": 1}
    meeting = Meeting(browsers, "json", proposed)
    for who in range(BROWSERS + PYTHONS):
        meeting.do(who, ({**proposed, "b": who},))
        meeting.do(BROWSERS + PYTHONS - 1 - who, "hear")
    meeting.end()
