"""Drafts as documents: what they say, whose edits survive, what the log keeps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc

from hitl_nb.drafts import document
from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import StoreCorrupt
from hitl_nb.ledger.documents.update_log import CompactedDocument
from hitl_nb.records import KindName, new_id
from hitl_nb.storage.interface import Store
from hitl_nb.storage.memory import MemoryStore

TABLE = {"columns": [{"name": "n", "type": "integer"}, {"name": "who", "type": "string"}]}


@pytest.fixture
def store() -> Store:
    return MemoryStore("memory:")


def draft(store: Store, kind: KindName, proposed: Any) -> Draft:
    return Draft(store, new_id(), kind, proposed)


def table(*rows: list[Any]) -> dict[str, Any]:
    return {**TABLE, "rows": list(rows)}


@pytest.mark.parametrize(
    ("kind", "proposed", "written"),
    [
        ("text", "", "Dear Ann"),
        ("markdown", "é😀 abc", "é😀😀 äbc"),
        ("code", "a = 1\n", "a = 1\nb = 2\n"),
        ("json", {"a": 1.0, "b": [1, {"c": None}], "big": 2**70}, {"b": [{"c": True}], "d": {}, "big": 2**70}),
        ("json", None, {"a": [[], [[1]]]}),
        ("json", [1, 2, 3], "a text in place of a list"),
        ("tool_call", {"name": "refund", "arguments": {"order": "1"}}, {"name": "refund", "arguments": {"order": "2"}}),
        ("plan", ["one", "two", "three"], ["two", "three", "four"]),
        ("choice", "a", "b"),
        ("json", ["x" * (document.MAX_WHOLE_BYTES + 1)], ["y"]),
        ("text", "half of one: \ud83d", "whole"),
        ("table", table([1, "a"], [2, "b"]), table([2, "b"], [7, "new"], [1, "A"])),
        ("table", table(), table([1, None])),
    ],
)
def test_it_says_what_was_written_and_before_that_what_was_proposed(
    store: Store, kind: KindName, proposed: Any, written: Any
) -> None:
    this = draft(store, kind, proposed)
    assert this.read_value() == proposed
    assert not this.has_edits()
    this.write_value(written, "ann")
    assert this.read_value() == written
    assert this.has_edits()
    this.write_value(proposed, "bob")
    assert this.read_value() == proposed


def test_numbers_stay_as_they_were_spelled_and_keys_in_their_order(store: Store) -> None:
    this = draft(store, "json", {"z": 1.0, "a": 10**30, "m": 2})
    this.write_value({"z": 1, "a": 10**30, "m": 3, "b": 0}, "ann")
    assert repr(this.read_value()) == repr({"z": 1.0, "a": 10**30, "m": 3, "b": 0})


@pytest.mark.parametrize(
    ("kind", "proposed", "one", "other", "both"),
    [
        ("text", "Dear Ann", "Dear Ms Ann", "Dear Ann, hello", "Dear Ms Ann, hello"),
        ("json", {"a": 1, "b": [1, 2]}, {"a": 2, "b": [1, 2]}, {"a": 1, "b": [1, 3]}, {"a": 2, "b": [1, 3]}),
        ("plan", ["a", "b", "c"], ["A", "b", "c"], ["a", "b", "c", "d"], ["A", "b", "c", "d"]),
        (
            "table",
            table([1, "a"], [2, "b"], [3, "c"]),
            table([1, "A"], [2, "b"], [3, "c"]),
            table([3, "c"], [1, "a"]),
            table([3, "c"], [1, "A"]),
        ),
        ("table", table([1, "a"], [2, "b"]), table([2, "b"], [1, "a"]), table([2, "b"], [1, "a"]), None),
    ],
)
def test_two_who_change_different_parts_both_keep_theirs(
    store: Store, kind: KindName, proposed: Any, one: Any, other: Any, both: Any
) -> None:
    this = draft(store, kind, proposed)
    this.write_initial()
    seen = [this.load().doc, this.load().doc]
    this.write_value(one, "ann", doc=seen[0])
    this.write_value(other, "bob", doc=seen[1])
    assert this.read_value() == (one if both is None else both)


@pytest.mark.parametrize(
    ("kind", "proposed", "wrong", "said"),
    [
        ("text", "a", 5, "must be text, not int"),
        ("text", "a", "\ud83d", "half of a character"),
        ("table", table([1, "a"]), {"rows": [[1]]}, "2 cells, one per column"),
        ("table", table([1, "a"]), [1], "must be {"),
    ],
)
def test_what_a_kind_cannot_hold_is_refused_and_nothing_is_lost(
    store: Store, kind: KindName, proposed: Any, wrong: Any, said: str
) -> None:
    this = draft(store, kind, proposed)
    this.write_value(proposed, "ann")
    with pytest.raises(ValueError, match=said):
        this.write_value(wrong, "ann")
    assert this.read_value() == proposed


def test_what_is_typed_and_is_no_value_yet_is_kept_until_it_is_one(store: Store) -> None:
    this = draft(store, "json", {"a": 1})
    this.write_value('{"a": ', "ann")
    assert this.read_value() == '{"a": '
    this.write_value({"a": 2}, "ann")
    assert this.read_value() == {"a": 2}


def test_it_is_begun_with_the_same_bytes_by_whoever_is_first(store: Store) -> None:
    this = draft(store, "text", "Dear Ann")
    this.write_initial()
    this.write_initial()
    Draft(store, this.id, "text", "Dear Ann").write_initial()
    assert this.log.last_number() == 1
    assert document.initial_update("text", "Dear Ann") == document.initial_update("text", "Dear Ann")


def test_it_can_be_read_at_any_version_folded_or_not(store: Store) -> None:
    this = draft(store, "text", "")
    versions = [f"{'x' * n} {n}" for n in range(1, 30)]
    for said in versions:
        this.write_value(said, "ann")
    read = [this.value_in(this.load(upto=n + 1).doc) for n in range(len(versions))]
    assert read == versions
    this.compact_log()
    this.write_value("more", "bob")
    this.compact_log()
    assert [this.value_in(this.load(upto=n + 1).doc) for n in range(len(versions))] == versions
    assert this.read_value() == "more"
    assert [(n, one.author) for n, one in this.updates_after()] == [*((n, "ann") for n in range(1, 30)), (30, "bob")]
    assert [n for n, _ in this.updates_after(after=28, limit=1)] == [29]


def test_folding_while_others_write_loses_nothing(store: Store) -> None:
    this = draft(store, "text", "Dear Ann")
    this.write_value("Dear Ann!", "ann")
    loaded = this.load()
    this.write_value("Dear Ann!!", "bob")  # between the reading and the folding
    this.log.compact(CompactedDocument(loaded.last_update, loaded.doc.get_update()))
    this.log.compact(CompactedDocument(loaded.last_update, loaded.doc.get_update()))
    assert this.read_value() == "Dear Ann!!"
    assert len(this.updates_after()) == 3


def test_a_damaged_log_is_said_to_be_damaged(store: Store) -> None:
    this = draft(store, "text", "Dear Ann")
    this.write_value("Dear Ann!", "ann")
    this.compact_log()
    this.write_value("Dear Ann!!", "ann")
    for key, raw in store.drafts.scan("", "~"):
        for at in range(1, len(raw), 7):
            broken = raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :]
            store.drafts.transact(lambda tx, key=key, broken=broken: tx.put(key, broken))
            with pytest.raises(StoreCorrupt, match=key):
                this.updates_after() if "folded" not in key else this.read_value()
        store.drafts.transact(lambda tx, key=key, raw=raw: tx.put(key, raw))


LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([1.5, 1e300]) | st.text("aé😀", max_size=3)
JSON = st.recursive(
    LEAVES, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text("ab", max_size=2), part, max_size=3)
)
TABLES = st.lists(st.tuples(st.integers(0, 3), st.none() | st.text("ab", max_size=1)).map(list), max_size=6).map(
    lambda rows: {**TABLE, "rows": rows}
)
VALUES: dict[KindName, Any] = {
    "text": st.text("ab é😀\n", max_size=12),
    "json": JSON,
    "table": TABLES,
    "plan": st.lists(JSON),
}


@st.composite
def scripts(draw: st.DrawFn) -> tuple[KindName, Any, list[tuple[int, Any]]]:
    """A kind, what is proposed, and who of three writes what; None: this one hears of all that was written."""
    kind = draw(st.sampled_from(list(VALUES)))
    value = VALUES[kind].filter(lambda value: kind != "json" or not isinstance(value, str))
    proposed = draw(value)
    return kind, proposed, draw(st.lists(st.tuples(st.integers(0, 2), st.none() | value), max_size=12))


@settings(max_examples=300, deadline=None)
@given(scripts())
def test_all_who_heard_everything_say_the_same(script: tuple[KindName, Any, list[tuple[int, Any]]]) -> None:
    kind, proposed, edits = script
    this = Draft(MemoryStore("memory:"), "abcd", kind, proposed)
    this.write_initial()
    docs = [this.load().doc for _ in range(3)]
    heard = [this.log.last_number()] * 3

    def hear(who: int) -> None:
        for n, one in this.log.updates_after(heard[who]):
            docs[who].apply_update(one.data)
            heard[who] = n

    for who, value in edits:
        if value is None:
            hear(who)
        else:
            this.write_value(value, str(who), doc=docs[who])
            assert document.are_equal(this.value_in(docs[who]), value)
    for who in range(3):
        hear(who)
    said = [this.value_in(doc) for doc in docs]
    assert said[0] == said[1] == said[2] == this.read_value()
    fresh: Doc[Any] = Doc()
    fresh.apply_update(docs[0].get_update())
    assert this.value_in(fresh) == said[0]
    this.compact_log()
    assert this.read_value() == said[0]
