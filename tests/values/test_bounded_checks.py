"""Checks by agents' schemas end, whatever the schema; and they mean what JSON Schema means."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from hitl_nb.errors import InvalidEdit
from hitl_nb.values.checks import bounded_checks as checker
from hitl_nb.values.checks.patterns import find_pattern, is_linear
from hitl_nb.values.schemas import row_schema_errors, schema_errors

LATE = {"type": "string", "pattern": "^(?=a)(a+)+$"}
"""Nothing but `re` takes its look-ahead, and `re` takes for ever."""
MANY: dict[str, Any] = {
    "$ref": "#/$defs/n0",
    "$defs": {f"n{i}": {"anyOf": [{"$ref": f"#/$defs/n{i + 1}"}] * 4} for i in range(30)} | {"n30": {"type": "string"}},
}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "CHECK_SECONDS", 0.5)


@pytest.mark.parametrize(("pattern", "text", "found"), [
    ("^(a+)+$", "a" * 5000 + "!", False),
    ("^a$", "a\n", False),
    ("b", "abc", True),
    (r"^\d{4}-\d{2}$", "2026-01", True),
    (r"^[\w.-]+@[\w.-]+$", "ann@example.org", True),
    (r"^(?P<year>\d+)$", "12", True),
    (".", "\ud800", True),
])  # fmt: skip
def test_a_common_pattern_is_matched_in_linear_time(pattern: str, text: str, found: bool) -> None:
    assert (is_linear(pattern), find_pattern(pattern, text)) == (True, found)


@pytest.mark.parametrize(("pattern", "text", "found"), [
    (r"(a)\1", "aa", True),
    ("(?!b)a", "a", True),
    ("^a*+a", "aaa", False),
    ("[[]", "[", True),
    ("^[[:alpha:]]+$", "l]", True),
    ("^[a-z&&[^b]]", "b", False),
    ("^a{,3}$", "aaa", True),
    (r"a\Z", "a", True),
])  # fmt: skip
def test_what_python_reads_in_another_way_is_left_to_python(pattern: str, text: str, found: bool) -> None:
    assert (is_linear(pattern), find_pattern(pattern, text)) == (False, found)


def test_a_pattern_that_only_rust_takes_is_matched_by_it() -> None:
    assert find_pattern(r"^\p{L}+$", "é")
    with pytest.raises(ValueError, match="cannot be used"):
        find_pattern("(", "a")


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (LATE, "a" * 40 + "!", "longer than"),
        (MANY, 1, "longer than"),
        ({"propertyNames": LATE}, {"a" * 40 + "!": 1}, "longer than"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": LATE}, ["a" * 40 + "!"], "longer than"),
        ({"$ref": "#"}, 1, "refers to itself"),
        ({"pattern": "("}, "a", "cannot be used"),
    ],
    ids=["look-ahead", "alternatives", "names", "another draft", "endless reference", "no pattern"],
)
@pytest.mark.usefixtures("hasty")
def test_a_check_that_does_not_end_is_refused_with_a_sentence(schema: dict[str, Any], value: Any, said: str) -> None:
    with pytest.raises(InvalidEdit, match=said):
        schema_errors(schema, value)
    assert schema_errors({"$ref": "#/$defs/t", "$defs": {"t": {"type": "string"}}}, 1) == {"": "must be text, not 1"}


@pytest.mark.usefixtures("hasty")
def test_checks_from_several_threads_wait_for_each_other_and_each_gets_its_own_answer() -> None:
    schema = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "integer"}}}
    said: dict[int, Any] = {}

    def check(n: int) -> None:
        said[n] = schema_errors(schema, f"no {n}")

    threads = [threading.Thread(target=check, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {n: {"": f'must be a whole number, not "no {n}"'} for n in range(8)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_has_workers_of_its_own() -> None:
    schema = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "integer"}}}
    assert schema_errors(schema, 1) == {}
    if (child := os.fork()) == 0:
        os._exit(0 if schema_errors(schema, "x") else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert schema_errors(schema, "y") == {"": 'must be a whole number, not "y"'}


@pytest.mark.usefixtures("hasty")
def test_the_checks_of_one_edit_have_their_time_together() -> None:
    with checker.time_limit(100):
        for said in ("longer than", "together"):
            with pytest.raises(InvalidEdit, match=said):
                schema_errors(LATE, "a" * 40 + "!")


@pytest.mark.parametrize(("value", "twice"), [
    ([1, 1.0], True), ([1, True], False), ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], True), (["1", 1], False),
])  # fmt: skip
def test_items_that_are_equal_are_found(value: list[Any], twice: bool) -> None:
    assert bool(schema_errors({"uniqueItems": True}, value)) is twice


def test_unique_items_are_checked_in_linear_time() -> None:
    assert schema_errors({"uniqueItems": True}, [{"n": i} for i in range(50_000)]) == {}


def test_names_are_matched_as_values_are() -> None:
    schema = {"patternProperties": {"^(a+)+$": {"type": "string"}}, "additionalProperties": False}
    assert set(schema_errors(schema, {"aa": 1, "b": 2})) == {"aa", ""}
    assert schema_errors(schema, {"aa": "x"}) == {}
    assert set(schema_errors(schema, {"a" * 40 + "!": "x"})) == {""}


def test_the_rows_of_a_large_table_are_checked_together() -> None:
    schema = {"properties": {"n": {"minimum": 0}}}
    assert row_schema_errors(schema, [{"n": i} for i in range(20_000)] + [{"n": -1}]) == {
        "rows/20000/n": "-1 is less than the minimum of 0"
    }
