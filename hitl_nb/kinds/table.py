"""The kind of tables: DataFrames, Series and Indexes of pandas and polars. `values/tables.py` describes their JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.changes.rows import table_changes
from hitl_nb.kinds.html import CELL_STYLE, cut_text, escape_html, table_html
from hitl_nb.kinds.interface import SharingForm, TextFormat
from hitl_nb.kinds.json import JsonKind
from hitl_nb.records import Question
from hitl_nb.values.dataframes import dataframe_library, frame_from_table, table_from_frame
from hitl_nb.values.models import build_model
from hitl_nb.values.schemas import row_schema_errors
from hitl_nb.values.tables import check_table, diff_csv, format_cell, format_csv, parse_csv, rows_as_objects
from hitl_nb.values.typed_values import TypeInfo, check_cells

MAX_ROWS = 100
"""Maximum number of rows of a table in the HTML. The HTML then gives the number of the remaining rows."""


class TableKind(JsonKind):
    """The kind of a table whose columns keep their names and types. A schema applies to each row as an object."""

    name: str = "table"
    text_format: TextFormat = "csv"
    file_suffix: str = ".csv"
    sharing_form: SharingForm = "table"

    def detect(self, value: Any, options: Any) -> bool:
        """Return True for a DataFrame, Series or Index of pandas or polars that is proposed without options."""
        return options is None and dataframe_library(value) is not None

    def encode(self, value: Any) -> tuple[str, Any, TypeInfo | None]:
        """Convert a DataFrame, Series or Index to the JSON of a table.

        Returns:
            "pandas" or "polars"; the table; and None, because a table describes the types of its columns itself.

        Raises:
            TypeError: The value is of another class, or a cell is not supported.
            ValueError: A column cannot be restored from JSON.
        """
        library = dataframe_library(value)
        if library is None:
            raise TypeError(
                f"value is a {type(value).__name__}; kind={self.name!r} takes a DataFrame, Series or Index of pandas "
                "or polars"
            )
        return library, table_from_frame(value, library), None

    def keep_types(self, question: Question, value: Any) -> Any:
        """Return an edited table unchanged. `check` compares its cells with the proposed types of the columns."""
        return value

    def check(self, question: Question, value: Any) -> Any:
        """Check all cells of an edited table by the types of their columns, and return the table in its normal form.

        Raises:
            InvalidEdit: The value is not a table with the proposed columns, or a cell does not fit. One message per
                cell.
        """
        table = check_table(question.value, value)
        wrong = check_cells(table["columns"], table["rows"])
        if wrong:
            raise InvalidEdit(wrong)
        return table

    def find_schema_errors(self, schema: Any, value: Any) -> dict[str, str]:
        """Check each row of a table, as an object (column name -> cell), against a JSON Schema.

        Returns:
            One message per path such as "rows/0/sku"; empty if all rows fit.
        """
        return row_schema_errors(schema, rows_as_objects(value))

    def build_model(self, schema: Any, value: Any) -> None:
        """Check that the agent's own model or type (`schema`) accepts each row as an object (column name -> cell).

        Raises:
            InvalidEdit: The model or type refuses a row.
        """
        build_model(list[schema], rows_as_objects(value))

    def restore(
        self,
        question: Question,
        value: Any,
        original: Any,
        options: Sequence[Any] | None,
        adapters: Mapping[str, Any],
    ) -> Any:
        """Make a new DataFrame, Series or Index from an edited table, with the dtypes of the proposed one (`original`).

        Raises:
            InvalidEdit: A cell does not fit the dtype of its column.
        """
        return frame_from_table(value, original, question.value, "pandas" if question.codec == "pandas" else "polars")

    def parse_text(self, question: Question, text: str, check: Callable[[Any], Any]) -> Any:
        """Parse an edited table that a person typed: CSV, or JSON if the text begins with "{".

        Returns:
            The result of `check`, which is called with the parsed table.

        Raises:
            InvalidEdit: The text is not valid CSV or JSON, or `check` refuses the table.
        """
        if text.lstrip("\ufeff \t\r\n").startswith("{"):
            return super().parse_text(question, text, check)
        return check(parse_csv(question.value, text))

    def format(self, value: Any) -> str:
        """Return a table as CSV text. A str (a draft that is not a valid table yet) is returned unchanged."""
        return value if isinstance(value, str) else format_csv(value)

    def diff(self, before: Any, after: Any) -> str:
        """Return the unified diff of two tables as CSV, one line per row. Hidden characters are made visible."""
        if isinstance(after, dict):
            return show_hidden_characters(diff_csv(before, cast("dict[str, Any]", after)))
        return super().diff(before, after)

    def list_changes(self, question: Question, value: Any) -> Changes:
        """Return the changed cells, and the rows that were added or removed."""
        return table_changes(question.value, value)

    def summarize(self, value: Any, length: int) -> str:
        """Return the first `length` characters of the table's CSV, which is made from at most five rows."""
        if not isinstance(value, dict):
            return super().summarize(value, length)
        table = cast("dict[str, Any]", value)
        return format_csv({**table, "rows": table["rows"][:5]})[:length]

    def to_html(self, question: Question) -> str:
        """Return escaped HTML with at most `MAX_ROWS` rows of the proposed table, and the number of further rows."""
        columns, rows = question.value["columns"], question.value["rows"]
        head = "".join(f'<th style="{CELL_STYLE}">{escape_html(column["name"])}</th>' for column in columns)
        lines = [f"<tr>{head}</tr>"]
        for row in rows[:MAX_ROWS]:
            cells = (
                '<span style="opacity: 0.6;">null</span>'
                if cell is None
                else escape_html(cut_text(format_cell(column, cell)))
                for column, cell in zip(columns, row, strict=True)
            )
            lines.append("<tr>" + "".join(f'<td style="{CELL_STYLE}">{cell}</td>' for cell in cells) + "</tr>")
        more = len(rows) - MAX_ROWS
        return table_html("".join(lines)) + (
            f"<div>… and {more:,} more rows, not shown here.</div>" if more > 0 else ""
        )
