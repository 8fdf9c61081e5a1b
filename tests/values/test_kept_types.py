"""An edit of plain JSON keeps the JSON type of each part that was proposed."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.questions import build_question, check_edit, parse_edit, restore_value
from hitl_nb.records import Question


@dataclasses.dataclass
class Note:
    text: Any
    seal: bytes = b"\xff"


def store_question(value: Any, **more: Any) -> Question:
    """The question as another process reads it."""
    return msgspec.json.decode(build_question(value, title="T", **{"kind": "json", **more}).json(), type=Question)


def wrong(question: Question, value: Any) -> dict[str, str]:
    with pytest.raises(InvalidEdit) as caught:
        check_edit(question, value)
    return caught.value.fields


WHOLE, NUMBER, FLAG, TEXT = "must be a whole number", "must be a number", "must be true or false", "must be text"


@pytest.mark.parametrize(
    ("value", "edit", "path", "says"),
    [
        ({"a": 2.5}, {"a": "3"}, "a", f'{NUMBER}, as was proposed, not "3"'),
        ({"a": True}, {"a": "true"}, "a", FLAG),
        ({"a": True}, {"a": 1}, "a", FLAG),
        ({"a": 1}, {"a": "4"}, "a", WHOLE),
        ({"a": 1}, {"a": True}, "a", WHOLE),
        ({"a": 1}, {"a": 3.5}, "a", WHOLE),
        ({"a": "a"}, {"a": 3}, "a", TEXT),
        ({"a": "a"}, {"a": None}, "a", TEXT),
        ({"a": "a"}, {"a": ["a"]}, "a", TEXT),
        ({"a": [1]}, {"a": {"0": 1}}, "a", "must be a list"),
        ({"a": {}}, {"a": []}, "a", "must be an object"),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 1}, {"c": "1"}]}}, "a/b/1/c", WHOLE),
        ([1], ["1"], "0", WHOLE),
        ([1, 2], [1, 2, "3"], "2", WHOLE),
        ([1, 2.5], [1, "2"], "1", NUMBER),
        ([1, None], [1, "2"], "1", f'{WHOLE} or null, as was proposed, not "2"'),
        ([1, "a"], ["1", "b"], "0", WHOLE),
        ([1, "a"], [2, "a", True], "2", "must be text or a whole number"),
        ([[1], ["a"]], [["1"], ["b"]], "0/0", WHOLE),
        ([{"v": 1}, {"v": "x"}], [{"v": "1"}, {"v": "y"}], "0/v", WHOLE),
        ({"a": 2.5}, {"a": (1 << 53) + 1}, "a", NUMBER),
        # the plain parts of what is typed
        ((1, "a"), ["1", "b"], "0", WHOLE),
        ((1, 2), [3, "4"], "1", WHOLE),
        ({1: 2.5}, {"1": "3"}, "1", NUMBER),
        ({1, 2}, [1, "2"], "1", WHOLE),
        ({"a": Decimal(1), "n": 1}, {"a": "1", "n": "2"}, "n", WHOLE),
        ([{"a": Decimal(1), "n": 1}], [{"a": "1", "n": 1}, {"a": "1", "n": "2"}], "1/n", WHOLE),
        ({"k": [(1, {"n": True})]}, {"k": [[1, {"n": "no"}]]}, "k/0/1/n", FLAG),
        (Note("a"), {"text": 5, "seal": {"base64": "/w=="}}, "text", TEXT),
    ],
)
def test_another_json_type_is_refused_with_its_place(value: Any, edit: Any, path: str, says: str) -> None:
    fields = wrong(store_question(value), edit)
    assert list(fields) == [path]
    assert fields[path].startswith(says)


@pytest.mark.parametrize(
    ("value", "edit", "expected"),
    [
        ({"a": 2.5}, {"a": 3}, {"a": 3.0}),
        ({"a": 2}, {"a": 3.0}, {"a": 3}),
        ({"a": None}, {"a": {"b": [1]}}, {"a": {"b": [1]}}),
        ({"a": 1}, {"b": "new"}, {"b": "new"}),
        ({"a": []}, {"a": [1, "x"]}, {"a": [1, "x"]}),
        ({"a": {}}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ([1, None], [None, 2, None], [None, 2, None]),
        ([1, 2.5], [1.5], [1.5]),
        ([1, "a"], ["a", 1], ["a", 1]),
        ([1, "a"], ["a"], ["a"]),
        ([1.5, "a"], [2, "b"], [2.0, "b"]),
        ([{"v": 1}, {"v": "x"}], [{"v": "x"}, {"v": 1}], [{"v": "x"}, {"v": 1}]),
        ([{"v": 1}, {"w": "x"}], [{"v": 2, "w": "y"}], [{"v": 2, "w": "y"}]),
        ((1, "a"), ["b"], ("b",)),
        (
            [{"a": Decimal(1), "n": 1}, {"a": Decimal(2), "n": "x"}],
            [{"a": "2", "n": "x"}],
            [{"a": Decimal(2), "n": "x"}],
        ),
    ],
)
def test_an_edit_of_the_same_types_is_taken(value: Any, edit: Any, expected: Any) -> None:
    question = store_question(value)
    given = check_edit(question, edit)
    assert repr(restore_value(question, given, value)) == repr(expected)
    assert json.dumps(check_edit(question, given)) == json.dumps(given), "the normal form is one"


def test_a_text_from_a_command_line_is_checked_too() -> None:
    with pytest.raises(InvalidEdit, match="lines/0/qty: must be a whole number"):
        parse_edit(store_question({"lines": [{"qty": 2}]}), '{"lines": [{"qty": "2"}]}')


def test_steps_of_a_plan_and_arguments_of_a_call_keep_theirs() -> None:
    plan = store_question(["look", {"do": "pay", "times": 1}], kind="plan")
    assert check_edit(plan, [{"do": "look"}, "pay"]) == [{"do": "look"}, "pay"]
    assert list(wrong(plan, ["look", {"do": "pay", "times": "1"}])) == ["1/times"]
    call = store_question({"name": "pay", "arguments": {"amount": 2.5, "to": ["ann"]}}, kind="tool_call")
    assert check_edit(call, {"name": "pay", "arguments": {"amount": 3}})["arguments"] == {"amount": 3.0}
    edit = {"name": "pay", "arguments": {"amount": "3", "to": [7]}}
    assert list(wrong(call, edit)) == ["arguments/amount", "arguments/to/0"]


class Amount(pydantic.BaseModel):
    value: int | str
    lines: list[Amount] = []
    more: Any = None


def test_a_schema_decides_on_the_types_that_it_names_and_on_no_other() -> None:
    given = {"value": 1, "lines": [{"value": 2}], "more": 1}
    question = store_question(given, schema=Amount)
    assert check_edit(question, {"value": "x", "lines": [{"value": "y"}], "more": 2})["lines"] == [{"value": "y"}]
    assert list(wrong(question, {"value": "x", "more": "2"})) == ["more"]
    assert list(wrong(question, {"value": [], "more": 2})) == ["value"]
    loose = store_question(
        {"amount": 1, "tags": ["a"], "of": {"k": 1}}, schema={"properties": {"amount": {"minimum": 0}}}
    )
    assert list(wrong(loose, {"amount": "1"})) == ["amount"]
    schema = {
        "properties": {"amount": {"type": ["number", "string"]}, "tags": {"items": {"enum": ["a", 1]}}},
        "patternProperties": {"^o": {"additionalProperties": {"type": "string"}}},
    }
    exact = store_question({"amount": 1, "tags": ["a"], "of": {"k": 1}}, schema=schema)
    edit = {"amount": 2.5, "tags": [1], "of": {"k": "x"}}
    assert check_edit(exact, edit) == edit


def test_a_schema_that_refers_to_itself_is_read_once() -> None:
    here = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "properties": {"a": {"$ref": "#"}}}
    value: Any = {"n": 1}
    edit: Any = {"n": "1"}
    for _ in range(60):
        value, edit = {"a": value}, {"a": edit}
    from hitl_nb.values.json_types import JsonKinds

    kinds = JsonKinds(value)
    kinds.release_to_schemas([here], here)
    found: dict[str, str] = {}
    kinds.fit_value(edit, value, "", found)
    assert list(found) == ["/".join([*"a" * 60, "n"])]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=12,
)


@given(values, st.randoms(use_true_random=False))
def test_what_was_proposed_fits_also_when_items_move_or_go(value: Any, random: Any) -> None:
    question = store_question(value)
    assert json.dumps(check_edit(question, value)) == json.dumps(value)
    if isinstance(value, list) and len({type(item) for item in value}) > 1:
        moved = random.sample(value, random.randint(0, len(value)))
        assert json.dumps(check_edit(question, moved)) == json.dumps(moved)
