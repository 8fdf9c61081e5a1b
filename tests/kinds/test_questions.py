"""Python values <-> the JSON of a proposal, edits, and their text."""

# ruff: noqa: DTZ001 - naive datetimes are what agents have, too

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import json
import subprocess
import sys
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pandas as pd
import polars as pl
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_nb.errors import InvalidEdit
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import build_question, check_edit, diff_value, format_value, parse_edit, restore_value
from hitl_nb.records import Question


class Refund(pydantic.BaseModel):
    order: str
    amount: Annotated[Decimal, pydantic.Field(ge=0)]
    due: dt.date = dt.date(2026, 1, 31)
    note: str | None = None

    @pydantic.field_validator("order")
    @classmethod
    def check_order(cls, order: str) -> str:
        if order == "void":
            raise ValueError("unknown order")
        return order


@dataclasses.dataclass(eq=False)
class Line:
    sku: str
    price: float
    at: dt.datetime | None = None


@dataclasses.dataclass
class Anything:
    price: Any


class Foreign:
    pass


def wrong(question: Question, value: Any) -> dict[str, str]:
    with pytest.raises(InvalidEdit) as caught:
        check_edit(question, value)
    return caught.value.fields


# --- ask ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "codec"),
    [
        ("hello", "text", "json"),
        (3, "json", "json"),
        (0.1, "json", "json"),
        (True, "json", "json"),
        (None, "json", "json"),
        ([1, {"a": None}], "json", "json"),
        (b"\x00\xff", "json", "bytes"),
        (Refund(order="5678", amount=Decimal("49.90")), "json", "model"),
        (Line("x", 1.5, dt.datetime(2026, 1, 1)), "json", "model"),
        (2**70 + 1, "json", "json"),
    ],
)
def test_a_value_is_asked_stored_and_given_back(value: Any, kind: str, codec: str) -> None:
    question = build_question(value, title="T")
    assert (question.kind, question.codec, question.type_name) == (kind, codec, type(value).__name__)
    stored = msgspec.json.decode(question.json(), type=Question)
    assert stored.value == question.value
    assert restore_value(stored, check_edit(stored, stored.value), value) is value
    assert parse_edit(stored, format_value(stored, stored.value)) == stored.value
    assert diff_value(stored, stored.value) == ""


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        ([Anything(Foreign())], TypeError, r"value\[0\]\.price is a Foreign"),
        ({1: 2, "1": 3}, ValueError, r"value has two keys that are written '1'"),
        ("\ud800", ValueError, "lone surrogate"),
        ("x" * (17 << 20), ValueError, "above the limit of 16,777,216"),
        pytest.param(10**5000, ValueError, "4000 digits", id="digits"),
        (Foreign(), TypeError, "value is a Foreign; propose its parts"),
        ([pd.Series([1])], TypeError, r"value\[0\] is a Series; a Series can only be the whole value"),
        (iter([1]), TypeError, "value is a list_iterator"),
    ],
)
def test_what_json_cannot_hold_is_named_with_its_place(value: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        build_question(value, title="T")


def test_cycles_are_refused() -> None:
    around: list[Any] = []
    around.append(around)
    with pytest.raises(ValueError, match="contains itself"):
        build_question(around, title="T")


def test_a_model_that_would_lose_something_is_refused() -> None:
    class Secret(pydantic.BaseModel):
        token: pydantic.SecretStr

    with pytest.raises(ValueError, match=r"value\.token is SecretStr"):
        build_question(Secret(token=pydantic.SecretStr("x")), title="T")


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"title": ""}, ValueError, "title is ''"),
        ({"title": "a\nb"}, ValueError, "one line"),
        ({"title": "a" * 201}, ValueError, "201 characters"),
        ({"title": 5}, TypeError, "title is a int"),
        ({"kind": "poem"}, ValueError, "kind is 'poem'; accepted are text"),
        ({"kind": "table"}, TypeError, "takes a DataFrame, Series or Index"),
        ({"kind": "tool_call"}, ValueError, "value does not fit kind='tool_call'"),
        ({"kind": "plan"}, ValueError, "list of steps"),
        ({"kind": "text", "options": ["v"]}, ValueError, "options are given with kind='text'"),
        ({"kind": "choice"}, TypeError, "non-empty list"),
        ({"options": ["a", "a"]}, ValueError, r"options\[1\] is \"a\" again"),
        ({"options": ["a", "b"]}, ValueError, "must be one of"),
        ({"allow": "approve"}, ValueError, "non-empty tuple"),
        ({"allow": ("aprove",)}, ValueError, "non-empty tuple"),
        ({"allow": ()}, ValueError, "non-empty tuple"),
        ({"context": 5}, TypeError, "markdown"),
        ({"context": {"a": Foreign()}}, TypeError, r"context\['a'\] is a Foreign"),
        ({"schema": {"type": "nonsense"}}, ValueError, "no valid JSON Schema"),
        ({"schema": {"$ref": "https://example.org/x"}}, ValueError, "not inside it"),
        ({"schema": {"pattern": "("}}, ValueError, "no valid JSON Schema"),
        ({"schema": "int"}, TypeError, "schema is a str"),
        ({"schema": Foreign}, TypeError, "schema is a Foreign"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(arguments: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        build_question("v", **{"title": "T", **arguments})


def test_importing_values_loads_no_heavy_library() -> None:
    code = (
        "import sys, hitl_nb.kinds.questions as v; v.build_question({'a': [1]}, title='T'); "
        "print([m for m in ('pandas','polars','pydantic','jsonschema') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


@pytest.mark.parametrize(
    "code", ["import hitl_nb.notebook.ipython.agent_cells", "import hitl_nb; hitl_nb.run_notebook"]
)
def test_kernels_and_notebook_runs_do_not_build_the_grammar_of_iris(code: str) -> None:
    """jsonschema imports it where it is installed, which takes longer than the start of a kernel."""
    code += "; import sys; print([m for m in sys.modules if m.startswith('rfc3987_syntax')])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


# --- edits ----------------------------------------------------------------------------------------------------------


def test_an_edited_model_comes_back_as_that_model() -> None:
    proposed = Refund(order="5678", amount=Decimal("49.90"))
    question = build_question(proposed, title="T")
    edited = restore_value(question, {**question.value, "amount": "20.00", "due": "2026-02-01"}, proposed)
    assert edited == Refund(order="5678", amount=Decimal("20.00"), due=dt.date(2026, 2, 1))
    assert wrong(question, {"amount": [], "due": "tomorrow"}).keys() == {"order", "amount", "due"}
    with pytest.raises(InvalidEdit) as caught:
        restore_value(question, {**question.value, "order": "void"}, proposed)
    assert caught.value.fields == {"order": "Value error, unknown order"}


def test_models_inside_lists_and_dicts_come_back() -> None:
    lines = [Line("a", 1.0), Line("b", 2.0)]
    question = build_question(lines, title="T")
    back = restore_value(question, [{"sku": "c", "price": 3, "at": "2026-01-01T10:00:00"}], lines)
    assert type(back[0]) is Line
    assert type(back[0].price) is float
    assert back[0].at == dt.datetime(2026, 1, 1, 10)
    call = {"name": "refund", "arguments": {"refund": Refund(order="1", amount=Decimal(1))}}
    question = build_question(call, title="T", kind="tool_call")
    edited = json.loads(json.dumps(question.value))
    edited["arguments"]["refund"]["amount"] = "2"
    assert restore_value(question, edited, call)["arguments"]["refund"] == Refund(order="1", amount=Decimal(2))
    edited["arguments"]["refund"]["order"] = "void"
    with pytest.raises(InvalidEdit) as caught:
        restore_value(question, edited, call)
    assert list(caught.value.fields) == ["arguments/refund/order"]


def test_objects_of_several_types_keep_their_places() -> None:
    mixed = [Line("a", 1.0), {"x": Line("b", 2.0)}]
    question = build_question(mixed, title="T")
    back = restore_value(question, [{"sku": "c", "price": 1.0}, {"x": {"sku": "d", "price": 2.0}, "y": 1}], mixed)
    assert (type(back[0]), back[1]["x"].sku, back[1]["y"]) == (Line, "d", 1)
    with pytest.raises(InvalidEdit, match="must keep its number of items"):
        restore_value(question, [{"sku": "c", "price": 1.0}], mixed)


def test_a_schema_argument_is_checked_field_by_field() -> None:
    schema = {
        "type": "object",
        "required": ["amount"],
        "properties": {
            "amount": {"type": "number", "minimum": 0},
            "lines": {
                "type": "array",
                "items": {"properties": {"sku": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
            },
        },
        "additionalProperties": False,
    }
    question = build_question({"amount": -1.0}, title="T", schema=schema)
    assert wrong(question, {"amount": -5}) == {"amount": "-5.0 is less than the minimum of 0"}
    assert wrong(question, {"lines": [{"sku": 5}]}) == {
        "amount": "is required",
        "lines/0/sku": "must be text or null, not 5",
    }
    assert "extra" in wrong(question, {"amount": 1, "extra": 2})[""]
    assert check_edit(question, {"amount": 2}) == {"amount": 2.0}


def test_a_model_as_schema_checks_a_dict_and_leaves_it_one() -> None:
    proposed = {"order": "1", "amount": "2"}
    question = build_question(proposed, title="T", schema=Refund)
    assert restore_value(question, {"order": "1", "amount": "3"}, proposed, Refund) == {"order": "1", "amount": "3"}
    with pytest.raises(InvalidEdit, match="order: Value error"):
        restore_value(question, {"order": "void", "amount": "3"}, proposed, Refund)


@pytest.mark.parametrize(
    ("proposed", "edit", "fits"),
    [
        (3, 4.0, True),
        (3, 2.5, False),
        (3, True, False),
        (1.5, 2, True),
        (True, 1, False),
        ([1], {}, False),
        (None, {}, True),
    ],
)
def test_an_edit_keeps_the_type_that_was_proposed(proposed: Any, edit: Any, fits: bool) -> None:
    question = build_question(proposed, title="T")
    if fits:
        back = restore_value(question, edit, proposed)
        assert back == edit
        assert proposed is None or type(back) is type(proposed)
    else:
        assert "" in wrong(question, edit)


def test_each_kind_has_its_rules() -> None:
    text = build_question("a", title="T", kind="markdown", schema={"maxLength": 3})
    assert parse_edit(text, '"b') == '"b'
    assert "" in wrong(text, "abcd")
    assert "" in wrong(text, 5)
    assert "" in wrong(text, "\ud800")
    call = build_question({"name": "pay", "arguments": {"n": 1}}, title="T", kind="tool_call")
    assert wrong(call, {"name": "", "arguments": {}}) == {"name": 'must be the name of a tool, not ""'}
    assert "arguments" in wrong(call, {"name": "pay", "arguments": []})
    plan = build_question(["a", {"do": "b"}], title="T", kind="plan")
    assert wrong(plan, ["a", 5]) == {"1": "must be a text or an object"}
    assert wrong(plan, ["a", " "]) == {"1": "must not be empty; write what to do, or remove the step"}
    unclear = build_question(["a", ""], title="T", kind="plan")
    assert check_edit(unclear, ["", "b"]) == ["", "b"]  # as the agent proposed
    choice = build_question("1", title="T", options=["1", 1, True, "two"])
    assert [parse_edit(choice, format_value(choice, o)) for o in choice.options or []] == choice.options
    assert parse_edit(choice, "two") == "two"
    assert "must be one of" in wrong(choice, 2)[""]
    for text in ("maybe", "{", "3", '"maybe"'):
        with pytest.raises(InvalidEdit, match=r'must be one of \["1", 1, true, "two"\], not '):
            parse_edit(choice, text)
    binary = build_question(b"abc", title="T")
    assert restore_value(binary, {"base64": "eHl6"}, b"abc") == b"xyz"
    assert wrong(binary, {"base64": "!"}) == {"": 'must hold base64 text, not "!"'}


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000])
def test_text_that_is_no_exact_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidEdit, match="must be JSON"):
        parse_edit(build_question({"a": 1}, title="T"), text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_any_json_survives_asking_storing_and_its_text(value: Any) -> None:
    question = msgspec.json.decode(build_question(value, title="T", kind="json").json(), type=Question)
    back = parse_edit(question, format_value(question, question.value))
    assert repr(back) == repr(value)
    assert json.dumps(restore_value(question, back, value)) == json.dumps(value)


# --- text -----------------------------------------------------------------------------------------------------------


def test_changes_show_what_was_edited_and_hidden_characters() -> None:
    question = build_question("Dear A\nbye", title="T")
    shown = diff_value(question, "Dear A\u202e\nbye\n")
    assert "-Dear A\n" in shown
    assert "+Dear A⟨U+202E⟩\n" in shown
    assert shown.startswith("--- proposed\n+++ edited\n")
    assert diff_value(question, "Dear A\nbye") == ""


rows = st.lists(st.tuples(st.sampled_from(["a", "b,c", 'q"', "", None]), st.sampled_from([1, 2.5, None])), max_size=12)


@given(rows, rows)
def test_the_changes_of_a_table_are_those_of_its_csv(before: list[Any], after: list[Any]) -> None:
    columns = [{"name": "order, no", "type": "string"}, {"name": "amount", "type": "number"}]
    tables = [{"columns": columns, "rows": [list(row) for row in some]} for some in (before, after)]
    question = Question(title="T", kind="table", value=tables[0])
    texts = [format_value(question, table).split("\n") for table in tables]
    wanted = list(difflib.unified_diff(*texts, "proposed", "edited", lineterm=""))
    assert diff_value(question, tables[1]) == "".join(f"{line}\n" for line in wanted)


def test_a_row_of_several_lines_is_marked_line_by_line() -> None:
    question = build_question(pd.DataFrame({"note": ["one\ntwo", "three"]}), title="T")
    edited = {"columns": question.value["columns"], "rows": [["three"]]}
    assert diff_value(question, edited).endswith('@@ -1,4 +1,3 @@\n note\n-"one\n-two"\n three\n \n')


def test_visible_reveals_what_cannot_be_seen() -> None:
    assert (
        show_hidden_characters("a\u200bb\u202e\x07\r\n\t\ufeff\u2066")
        == "a⟨U+200B⟩b⟨U+202E⟩⟨U+0007⟩⟨U+000D⟩\n\t⟨U+FEFF⟩⟨U+2066⟩"
    )
    assert show_hidden_characters("Grüße, 東京 ❤️ שלום") == "Grüße, 東京 ❤️ שלום"
    assert show_hidden_characters("\U000e0041\ufe01\u3164") == "⟨U+E0041⟩⟨U+FE01⟩⟨U+3164⟩"


# --- tables ---------------------------------------------------------------------------------------------------------

INSTANTS = ["2026-01-31T10:30:00.123456789", None, "2024-02-29T00:00:00"]
PANDAS = {
    "text": pd.Series(["a", None, ""]),
    "object": pd.Series(["a", None, 'q"u,o\nte '], dtype=object),
    "mixed": pd.Series([1, "x", None], dtype=object),
    "nested": pd.Series([[1, 2], {"a": None}, None], dtype=object),
    "day": pd.Series([dt.date(2026, 1, 1), None, dt.date(2026, 1, 2)], dtype=object),
    "money": pd.Series([Decimal("1.50"), None, Decimal(2)], dtype=object),
    "int8": pd.Series([1, -2, 3], dtype="int8"),
    "uint64": pd.Series([1, 2**64 - 1, 3], dtype="uint64"),
    "Int64": pd.Series([1, None, 2**60 + 1], dtype="Int64"),
    "float": pd.Series([0.1, None, -0.0]),
    "float32": pd.Series([0.1, 2.5, 3], dtype="float32"),
    "Float64": pd.Series([0.1, None, 3], dtype="Float64"),
    "bool": pd.Series([True, False, True]),
    "boolean": pd.Series([True, None, True], dtype="boolean"),
    "ns": pd.Series([pd.Timestamp(x) if x else pd.NaT for x in INSTANTS], dtype="datetime64[ns]"),
    "tz": pd.Series(pd.to_datetime(["2026-07-01T10:00", None, "2026-01-01T10:00"])).dt.tz_localize("Europe/Berlin"),
    "delta": pd.Series(pd.to_timedelta(["1 days 02:00:00.000000005", None, "-3s"])),
    "category": pd.Series(["low", None, "high"], dtype=pd.CategoricalDtype(["low", "mid", "high"], ordered=True)),
    "numbers": pd.Series([1, 2, 1], dtype="category"),
    "bins": pd.Series(pd.cut([1, 5, 9], [0, 4, 10])),
    "arrow": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
    "arrowtime": pd.Series([dt.datetime(2026, 1, 1), None, dt.datetime(2026, 1, 2)], dtype="timestamp[us][pyarrow]"),
}


def swap_rows(question: Question) -> dict[str, Any]:
    """The same rows in another order: every column has to be decoded."""
    return {**question.value, "rows": [*question.value["rows"][1:], question.value["rows"][0]]}


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_columns_come_back_with_their_dtype(name: str) -> None:
    frame = pd.DataFrame({name: PANDAS[name], "n": [1, 2, 3]})
    question = build_question(frame, title="T")
    assert (question.kind, question.codec) == ("table", "pandas")
    stored = msgspec.json.decode(question.json(), type=Question)
    assert parse_edit(stored, format_value(stored, stored.value)) == stored.value
    back = restore_value(stored, swap_rows(stored), frame)
    expected = frame.iloc[[1, 2, 0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(back, expected, check_exact=True)


def test_pandas_rows_can_be_changed_added_and_removed() -> None:
    frame = pd.DataFrame({"id": [7, 8], "score": [0.5, None]}).set_index("id")
    question = build_question(frame, title="T")
    assert question.value["columns"][0] == {"name": "id", "type": "integer", "required": True, "index": True}
    back = restore_value(question, parse_edit(question, "id,score\n7,1\n9,\n10,2.5\n"), frame)
    expected = pd.DataFrame({"id": [7, 9, 10], "score": [1.0, None, 2.5]}).set_index("id")
    pd.testing.assert_frame_equal(back, expected)
    empty = restore_value(question, {**question.value, "rows": []}, frame)
    assert len(empty) == 0
    assert empty.score.dtype == frame.score.dtype


def test_pandas_multiindex_and_integer_names_come_back() -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None])
    frame = pd.DataFrame([[1.5, "u"], [2.5, "v"]], index=index)
    question = build_question(frame, title="T")
    assert [c["name"] for c in question.value["columns"]] == ["x", "level_1", "0", "1"]
    pd.testing.assert_frame_equal(restore_value(question, swap_rows(question), frame), frame.iloc[[1, 0]])


POLARS = {
    "text": pl.Series(["a", None, ""]),
    "int8": pl.Series([1, None, -3], dtype=pl.Int8),
    "uint64": pl.Series([1, 2**64 - 1, 3], dtype=pl.UInt64),
    "float32": pl.Series([0.1, None, 3], dtype=pl.Float32),
    "bool": pl.Series([True, None, False]),
    "date": pl.Series([dt.date(2026, 1, 1), None, dt.date(1, 1, 1)]),
    "time": pl.Series([dt.time(10, 30), None, dt.time(0)]),
    "us": pl.Series([dt.datetime(2026, 1, 1, 0, 0, 0, 5), None, dt.datetime(1960, 1, 1)]),
    "ns": pl.Series([1_700_000_000_123_456_789, None, -5]).cast(pl.Datetime("ns")),
    "tz": pl.Series([1_700_000_000_123, None, 5]).cast(pl.Datetime("ms", "Europe/Berlin")),
    "delta": pl.Series([dt.timedelta(days=-1, seconds=5), None, dt.timedelta(microseconds=1)]),
    "money": pl.Series([Decimal("1.50"), None, Decimal("2.00")], dtype=pl.Decimal(10, 2)),
    "enum": pl.Series(["low", None, "high"], dtype=pl.Enum(["low", "high"])),
    "category": pl.Series(["low", None, "high"], dtype=pl.Categorical),
    "list": pl.Series([[1, 2], None, []], dtype=pl.List(pl.Int8)),
    "struct": pl.Series([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
    "null": pl.Series([None, None, None]),
}


@pytest.mark.parametrize("name", POLARS)
def test_polars_columns_come_back_with_their_dtype(name: str) -> None:
    frame = pl.DataFrame({name: POLARS[name], "n": [1, 2, 3]})
    question = build_question(frame, title="T")
    stored = msgspec.json.decode(question.json(), type=Question)
    assert parse_edit(stored, format_value(stored, stored.value)) == stored.value
    back = restore_value(stored, swap_rows(stored), frame)
    assert back.schema == frame.schema
    assert back.equals(pl.concat([frame[1:], frame[:1]]))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pd.DataFrame({"a": [Foreign()]}), r"value\['a'\]\[0\] is a Foreign"),
        (pd.DataFrame({"a": [Decimal(1), dt.date(2026, 1, 1)]}), r"value\['a'\] holds values of several types"),
        (pd.DataFrame(), "without columns"),
    ],
)
def test_a_frame_that_cannot_be_a_table_is_refused(frame: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        build_question(frame, title="T")


def test_cells_are_checked_by_column() -> None:
    frame = pd.DataFrame(
        {"n": pd.Series([1], dtype="int8"), "c": pd.Series(["a"], dtype="category"), "d": [dt.date(2026, 1, 1)]}
    )
    question = build_question(frame, title="T")
    rows = [[300, "b", "soon"], [None, None, None], [1]]
    assert wrong(question, {"rows": rows}) == {
        "rows/0/n": "must be between -128 and 127, not 300",
        "rows/0/c": 'must be one of ["a"], not "b"',
        "rows/0/d": 'must be a date such as "2026-01-31", not "soon"',
        "rows/1/n": "must not be empty",
        "rows/2": "must have 3 cells, one per column",
    }
    assert list(wrong(question, {"columns": ["n", "x", "d"], "rows": []})) == ["columns"]
    with pytest.raises(InvalidEdit, match="rows/0/n: must be a whole number"):
        parse_edit(question, "n,c,d\nx,a,2026-01-01\n")


def test_a_schema_for_a_table_is_about_its_rows() -> None:
    class Row(pydantic.BaseModel):
        sku: str
        n: Annotated[int, pydantic.Field(ge=0)]

    frame = pl.DataFrame({"sku": ["a"], "n": [1]})
    question = build_question(frame, title="T", schema=Row)
    assert wrong(question, {"rows": [["a", 1], ["b", -1]]}) == {"rows/1/n": "-1 is less than the minimum of 0"}
    assert restore_value(question, {"rows": [["b", 5]]}, frame, Row).to_dicts() == [{"sku": "b", "n": 5}]


cells = st.none() | st.text(alphabet=st.sampled_from('ab ,"\n\r\t{é\u2028'), max_size=5)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(cells, cells), max_size=5))
def test_any_text_cell_survives_csv(rows: list[tuple[str | None, str | None]]) -> None:
    for frame in (
        pl.DataFrame(rows, schema={"{x": pl.String, "y,": pl.String}, orient="row"),
        pl.DataFrame([r[:1] for r in rows], schema={"x": pl.String}, orient="row"),
    ):
        question = build_question(frame, title="T")
        assert parse_edit(question, format_value(question, question.value)) == question.value


def test_reasons_are_offered_and_checked() -> None:
    assert build_question("x", title="t", reasons=["too early ", "wrong person"]).reasons == (
        "too early",
        "wrong person",
    )
    for bad in ("too early", [""], [1], 7):
        with pytest.raises(TypeError, match="list of texts"):
            build_question("x", title="t", reasons=bad)
