"""Frames, Series and Index of every kind as tables, and back."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.questions import build_question, check_edit, format_value, parse_edit, restore_value
from hitl_nb.records import Question


class Size(enum.Enum):
    S = "small"
    L = "large"


def store_question(value: Any) -> Question:
    """The question as another process reads it; its text says the same."""
    question = msgspec.json.decode(build_question(value, title="T").json(), type=Question)
    assert question.kind == "table"
    assert parse_edit(question, format_value(question, question.value)) == question.value
    assert restore_value(question, question.value, value) is value
    return question


def swap_rows(question: Question) -> dict[str, Any]:
    """The same rows in another order: every column has to be decoded."""
    return {**question.value, "rows": [*question.value["rows"][1:], question.value["rows"][0]]}


COLUMNS = {
    "endless": pd.Series([1.0, float("inf"), float("-inf")]),
    "endless32": pd.Series([0.1, float("inf"), None], dtype="float32"),
    "period": pd.Series(pd.period_range("2026-01", periods=3, freq="M")),
    "interval": pd.Series(pd.interval_range(0.0, 3.0)),
    "sparse": pd.Series(pd.arrays.SparseArray([0, 0, 5])),
    "sparse_float": pd.Series(pd.arrays.SparseArray([1.5, np.nan, np.nan])),
    "bytes": pd.Series([b"a", b"\xff", None], dtype=object),
    "uuid": pd.Series([uuid.UUID(int=1), uuid.UUID(int=2), None], dtype=object),
    "path": pd.Series([Path("a"), Path("1"), None], dtype=object),
    "enum": pd.Series([Size.S, Size.L, None], dtype=object),
    "tuple": pd.Series([(1, Decimal(2)), (2, Decimal(3)), None], dtype=object),
    "set": pd.Series([{1}, {2, 3}, None], dtype=object),
    "complex": pd.Series([1 + 2j, 2j, 0]),
    "aware": pd.Series(
        [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None, dt.datetime(2026, 1, 2, tzinfo=dt.UTC)], dtype=object
    ),
    "delta": pd.Series([dt.timedelta(1), None, dt.timedelta(2)], dtype=object),
    "arrow_bytes": pd.Series([b"a", None, b"b"], dtype="binary[pyarrow]"),
    "arrow_decimal": pd.Series([Decimal("1.50"), None, Decimal("2.00")], dtype=pd.ArrowDtype(pa.decimal128(10, 2))),
    "arrow_date": pd.Series([dt.date(2026, 1, 1), None, dt.date(2026, 1, 2)], dtype="date32[pyarrow]"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_every_type_come_back(name: str) -> None:
    frame = pd.DataFrame({name: COLUMNS[name], "n": [1, 2, 3]})
    question = store_question(frame)
    back = restore_value(question, check_edit(question, swap_rows(question)), frame)
    expected = frame.iloc[[1, 2, 0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(back, expected, check_exact=True)
    kept = frame[name].notna().sum()
    assert [type(v) for v in back[name].dropna()] == [type(v) for v in expected[name].dropna()]
    assert kept == back[name].notna().sum()


def test_columns_of_one_name_get_numbers_that_no_other_column_has() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4, 5]], columns=["a (2)", "a", "a", "b", "a"])
    assert [column["name"] for column in store_question(frame).value["columns"]] == [
        "a (2)",
        "a",
        "a (3)",
        "b",
        "a (4)",
    ]


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        (pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")], names=["p", None]), ["a / x", "a / y"]),
        (["a", "a"], ["a", "a (2)"]),
        ([("a", 1), None], ["a / 1", "None"]),
        (pd.to_datetime(["2026-01-01", "2026-02-01"]), ["2026-01-01 00:00:00", "2026-02-01 00:00:00"]),
        ([1.5, True], ["1.5", "True"]),
    ],
)
def test_columns_of_any_name_come_back(columns: Any, labels: list[str]) -> None:
    frame = pd.DataFrame([[1, 2.5], [3, 4.5]], columns=columns)
    question = store_question(frame)
    assert [column["name"] for column in question.value["columns"]] == labels
    pd.testing.assert_frame_equal(
        restore_value(question, swap_rows(question), frame), frame.iloc[[1, 0]].reset_index(drop=True)
    )


SERIES = {
    "named": pd.Series([1, 2, 3], name="n", dtype="int8"),
    "unnamed": pd.Series([1.5, None, 2.5]),
    "indexed": pd.Series(["a", "b", "c"], index=pd.Index([5, 6, 7], name="id"), name="id"),
    "dates": pd.Series([1.0, 2.0, 3.0], index=pd.date_range("2026-01-01", periods=3), name=("a", 1)),
    "levels": pd.Series([1, 2, 3], index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("c", 3)])),
    "category": pd.Series(["a", "b", "a"], dtype="category"),
    "decimals": pd.Series([Decimal(1), Decimal(2), Decimal(3)]),
}


@pytest.mark.parametrize("name", SERIES)
def test_a_series_is_a_table_of_one_column(name: str) -> None:
    series = SERIES[name]
    question = store_question(series)
    assert question.type_name == "Series"
    back = restore_value(question, swap_rows(question), series)
    expected = series.iloc[[1, 2, 0]]
    if isinstance(series.index, pd.RangeIndex):
        expected = expected.reset_index(drop=True)
    pd.testing.assert_series_equal(back, expected, check_freq=False)
    with pytest.raises(InvalidEdit):
        check_edit(question, {**question.value, "columns": ["x"]})


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["a", "b", "c"], name="id"),
        pd.Index([1, 2, 3], dtype="int16"),
        pd.date_range("2026-01-01", periods=3, tz="Europe/Berlin"),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("c", 3)], names=["x", None]),
        pd.CategoricalIndex(["a", "b", "a"]),
        pd.interval_range(0, 3),
    ],
    ids=lambda index: type(index).__name__,
)
def test_an_index_is_a_table_of_its_levels(index: Any) -> None:
    question = store_question(index)
    pd.testing.assert_index_equal(restore_value(question, swap_rows(question), index), index[[1, 2, 0]])


def test_a_row_of_a_frame_is_an_object_with_fields() -> None:
    frame = pd.DataFrame({"id": [1], "who": ["ann"], "day": pd.to_datetime(["2026-05-01"]), "of": [Decimal(2)]})
    row = frame.iloc[0]
    question = msgspec.json.decode(build_question(row, title="T").json(), type=Question)
    assert question.kind == "json"
    assert question.value == {"id": 1, "who": "ann", "day": "2026-05-01T00:00:00", "of": "2"}
    back = restore_value(question, check_edit(question, {**question.value, "day": "2026-06-01", "of": "3"}), row)
    expected = row.copy()
    expected["day"], expected["of"] = pd.Timestamp("2026-06-01"), Decimal(3)
    pd.testing.assert_series_equal(back, expected)
    for record in (row.to_dict(), next(frame.itertuples())._asdict(), next(frame.itertuples())):
        shown = build_question(record, title="T").value
        assert shown["day"] == "2026-05-01T00:00:00"
        assert type(restore_value(build_question(record, title="T"), {**shown, "of": "3"}, record)) is type(record)


POLARS = {
    "endless": pl.Series([1.0, float("nan"), float("inf")]),
    "bytes": pl.Series([b"a", None, b"\xff"]),
    "dates": pl.Series([[dt.date(2026, 1, 1)], None, []]),
    "struct": pl.Series([{"a": Decimal("1.50"), "b": dt.date(2026, 1, 1)}, None, {"a": None, "b": None}]),
    "text": pl.Series("", ["a", None, "b"]),
}


@pytest.mark.parametrize("name", POLARS)
def test_polars_columns_and_series_come_back(name: str) -> None:
    series = POLARS[name]
    frame = pl.DataFrame({name: series, "n": [1, 2, 3]})
    question = store_question(frame)
    back = restore_value(question, check_edit(question, swap_rows(question)), frame)
    assert back.schema == frame.schema
    assert back.equals(pl.concat([frame[1:], frame[:1]]))
    question = store_question(series)
    alone = restore_value(question, swap_rows(question), series)
    assert alone.name == series.name
    assert alone.equals(pl.concat([series[1:], series[:1]]))


def test_cells_of_a_type_are_checked_by_it() -> None:
    frame = pd.DataFrame({"id": [uuid.UUID(int=1)], "size": [Size.S], "x": [float("inf")], "span": [(1, Decimal(2))]})
    question = store_question(frame)
    with pytest.raises(InvalidEdit) as caught:
        check_edit(question, {"rows": [["1", "huge", "much", [1, "two"]]]})
    assert caught.value.fields.keys() == {"rows/0/x"}
    with pytest.raises(InvalidEdit) as caught:
        check_edit(question, {"rows": [["1", "huge", "NaN", [1, "two"]]]})
    assert caught.value.fields.keys() == {"rows/0/id", "rows/0/size", "rows/0/span/1"}
    back = restore_value(question, check_edit(question, {"rows": [[str(uuid.UUID(int=2)), "L", 5, [3, "4"]]]}), frame)
    assert back.iloc[0].to_list() == [uuid.UUID(int=2), Size.L, 5.0, (3, Decimal(4))]


@pytest.mark.parametrize(
    ("column", "finer"),
    [
        (pd.Series(pd.to_datetime(["2024-05-01"])).astype("datetime64[us]"), "2024-05-01T00:00:00.000000001"),
        (pd.Series(pd.to_datetime(["2024-05-01"], utc=True)).dt.as_unit("s"), "2024-05-01T00:00:00.5Z"),
        (pd.Series(pd.to_timedelta(["1s"])).astype("timedelta64[ms]"), "PT0.0001S"),
    ],
)
def test_a_time_finer_than_its_column_is_refused(column: Any, finer: str) -> None:
    question = build_question(column, title="T")
    with pytest.raises(InvalidEdit, match="finer than its unit"):
        restore_value(question, {**question.value, "rows": [[finer]]}, column)
