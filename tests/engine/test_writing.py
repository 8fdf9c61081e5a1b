"""An agent's hand in a shared text: batches, places, and waiting for people, with a clock of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_nb.drafts.agent_writer import PATIENCE_SECONDS, AgentWriter, Suggestion, Written, locate_quote
from hitl_nb.drafts.document import source_text
from hitl_nb.drafts.draft import Draft, capture_updates
from hitl_nb.drafts.stream_writer import StreamWriter
from hitl_nb.drafts.text_view import TextPage, TextRange, count_utf16_units
from hitl_nb.errors import RunClaimed, TextGone
from hitl_nb.ledger.documents.update_log import Update
from hitl_nb.storage.memory import MemoryStore


class Desk:
    """One document, an agent, people, and the time."""

    def __init__(self, template: str = "", kind: Any = "markdown") -> None:
        self.store = MemoryStore()
        self.draft = Draft(self.store, "d", kind, template)
        self.draft.write_initial()
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.waited: list[float] = []
        self.each_wait: Any = lambda: None

    def hand(self, epoch: int = 1, check: Any = lambda: None) -> AgentWriter:
        return AgentWriter(
            *(self.store, self.draft),
            author="agent:a",
            name="a",
            epoch=epoch,
            check=check,
            clock=lambda: self.time,
            pause=self._pause,
        )

    def _pause(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.waited.append(seconds)
        self.each_wait()

    def types(self, text: str, at: int, gone: int = 0, by: str = "ann") -> None:
        doc = self.draft.load().doc
        said = source_text(doc)

        def work() -> None:
            start, end = len(str(said)[:at].encode()), len(str(said)[: at + gone].encode())
            if gone:
                del said[start:end]
            if text:
                said.insert(start, text)

        for made in capture_updates(doc, work):
            self.draft.log.append(Update(self.time, by, by.title(), made)).result()

    def says(self) -> str:
        return self.draft.read_value()


def test_a_fast_stream_is_written_in_batches() -> None:
    desk, ticks = Desk(), [0.0]
    stream = StreamWriter(desk.hand(), "k", ticks=lambda: ticks[0])
    before = desk.draft.log.last_number()
    for n in range(200):
        stream.add(f"{n} ")
        ticks[0] += 0.005
    assert stream.end() is Written.done
    assert desk.says() == "".join(f"{n} " for n in range(200))
    assert desk.draft.log.last_number() - before <= 34


def test_it_waits_until_nobody_has_written_there_for_three_seconds() -> None:
    desk = Desk("One.\n\nTwo.")
    desk.types("!", 4)
    assert desk.hand().replace("k", locate_quote("One"), "1") is Written.done
    assert 3 <= sum(desk.waited) < 3.5
    assert desk.says() == "1.!\n\nTwo."


def test_who_does_not_stop_gets_a_suggestion() -> None:
    desk = Desk("One.\n\nTwo.")
    desk.types("!", 4)
    desk.each_wait = lambda: desk.types("!", 4)
    made = desk.hand().replace("k", locate_quote("One"), "1")
    assert isinstance(made, Suggestion)
    assert (made.quote, made.text, made.suffix[:2]) == ("One", "1", ".!")
    assert sum(desk.waited) == pytest.approx(PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("at", "gone", "text", "busy"),
    [(4, 0, "x", True), (2, 1, "", True), (10, 0, "x", False), (8, 2, "", False), (0, 0, "é🎉", True)],
)
def test_only_people_in_the_same_paragraph_are_waited_for(at: int, gone: int, text: str, busy: bool) -> None:
    desk = Desk("Öne.\n\nTwo and three.")
    desk.types(text, at, gone)
    desk.types("agent", len(desk.says()), by="agent:a")
    desk.hand().replace("k", lambda page: TextRange(0, 1), "O", patience=10)
    assert bool(desk.waited) is busy


def test_what_people_touched_moves_with_the_text() -> None:
    desk = Desk("One.\n\nTwo.")
    desk.types("!", 10)
    desk.types("Zero.\n\n", 0, by="agent:a")
    desk.hand().replace("k", locate_quote("One"), "1")
    assert desk.waited == []
    desk.hand().replace("l", locate_quote("Two"), "2")
    assert desk.waited != []


def test_a_stream_goes_on_behind_what_is_left_of_it() -> None:
    desk = Desk("Top.")
    stream = StreamWriter(desk.hand(), "k", ticks=iter(range(100)).__next__)
    stream.add("alpha beta")
    desk.types(" [Ann]", len("Top.\n\nalpha"), gone=len(" beta"))
    desk.types("Above.\n\n", 0)
    stream.add(" gamma")
    desk.types("", len("Above.\n\nTop.\n\n"), gone=len("alpha gamma"))
    stream.add(" delta")
    stream.end()
    assert desk.says() == "Above.\n\nTop.\n\n delta [Ann]"


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("markdown", "", "x"),
        ("markdown", "a", "a\n\nx"),
        ("text", "a\n", "a\n\nx"),
        ("text", "a\n\n\n", "a\n\n\nx"),
        ("code", "a", "a\nx"),
    ],
)
def test_what_is_added_is_a_paragraph_of_its_own(kind: Any, before: str, after: str) -> None:
    desk = Desk(before, kind)
    desk.hand().append("k", "x")
    assert desk.says() == after
    desk.hand().append("l", "")
    assert desk.says() == after


def test_the_same_write_of_two_processes_is_made_once_and_the_older_one_stops() -> None:
    desk = Desk()
    old, new = desk.hand(1), desk.hand(2)
    streaming = StreamWriter(old, "s", ticks=iter(range(100)).__next__)
    streaming.add("from the old one")
    assert new.append("k", "new") is Written.done
    assert old.outcome_of("k") is Written.done
    for work in (lambda: old.append("l", "x"), lambda: streaming.add("x"), lambda: StreamWriter(old, "t")):
        with pytest.raises(RunClaimed):
            work()
    again = StreamWriter(new, "s", ticks=iter(range(100)).__next__)
    again.add("from the new one")
    again.end()
    assert desk.says() == "from the new one\n\nnew"


def test_a_write_that_another_process_makes_at_this_moment_is_made_once() -> None:
    desk = Desk()
    other = desk.hand()
    checks = iter([lambda: other.append("k", "theirs")])
    hand = desk.hand(check=lambda: next(checks, lambda: None)())
    assert hand.append("k", "ours") is Written.done
    assert desk.says() == "theirs"


def test_a_write_checks_the_claim_before_and_after() -> None:
    desk, asked = Desk(), list[str]()
    desk.hand(check=lambda: asked.append(desk.says())).append("k", "four")
    assert asked == ["", "four"]


def test_a_text_that_is_not_there_once_is_not_replaced() -> None:
    desk = Desk("a a")
    for quote in ("a", "b", ""):
        with pytest.raises(TextGone):
            desk.hand().replace("k", locate_quote(quote), "x")


def test_an_anchor_says_where_also_when_the_text_is_another_by_now() -> None:
    desk = Desk("old and old")
    anchor = TextPage(desk.draft).make_anchor(TextRange(8, 11))
    desk.types("ish", 10)
    desk.hand().replace("k", locate_quote("old", anchor, exactly=False), "new", patience=None)
    assert desk.says() == "old and new"
    with pytest.raises(TextGone):
        desk.hand().replace("l", locate_quote("gone", anchor, exactly=False), "x")


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.sampled_from(["", "x", "é", "🎉y", "\n\n"]))))
def test_places_are_where_the_characters_are(edits: list[tuple[int, int, str]]) -> None:
    desk = Desk("aé🎉 bc\n\ndef")
    stream = StreamWriter(desk.hand(), "k", ticks=iter(range(10_000)).__next__)
    stream.add("ABCÄ😀DEFG")
    write = desk.hand().writes.find_write("k")
    assert write is not None
    for at, gone, text in edits:
        said = desk.says()
        desk.types(text, min(at, len(said)), min(gone, max(0, len(said) - at)))
    stream.add("H")
    page = TextPage(desk.draft)
    first = count_utf16_units("\n\nAB")
    left = [
        page.said[part.start : part.end]
        for part in page.ranges_by(write.client, first, first + count_utf16_units("CÄ😀DEFGH"))
    ]
    assert "".join(left) == "".join(one for one in page.said if one in "CÄ😀DEFGH")
    assert left[-1][-1] == "H"
    for start in range(0, len(page.said), 3):
        part = TextRange(start, min(len(page.said), start + 2))
        assert page.resolve_anchor(page.make_anchor(part)) == part
