"""Editor of a small table: a grid of text boxes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.changes.model import Span
from hitl_nb.kinds.changes.rows import format_row, match_rows
from hitl_nb.notebook.panel.controls import WIDE_LAYOUT, close_widgets, html_view, make_button, text_label
from hitl_nb.notebook.panel.value_editor import ValueEditor
from hitl_nb.records import Proposal, canonical_json
from hitl_nb.review.card.changes_html import spans_html
from hitl_nb.values.tables import Column, format_cell, parse_cell

ui: Any = import_module("ipywidgets")  # it has no types

MAX_GRID_CELLS = 200
"""Maximum number of cells of a table that is edited as a grid. A larger table is edited as CSV."""


class GridEditor(ValueEditor):
    """Editor of a small table: one text box for each cell. Rows can be added and removed."""

    def __init__(self, proposal: Proposal, value: dict[str, Any]) -> None:
        super().__init__()
        self._columns: list[Column] = proposal.value["columns"]
        self._rows: list[list[tuple[Any, str, Any]]] = [self._make_row(row, r) for r, row in enumerate(value["rows"])]
        self._proposed: list[list[Any]] = proposal.value["rows"]
        self._removed = ui.VBox([])
        self._grid = ui.GridBox(layout={"grid_template_columns": " ".join([*self._column_widths(), "auto"])})
        self._add = make_button("Add row", "Add an empty row at the end", self._add_row)
        self._fill_grid()

    def _column_widths(self) -> list[str]:
        """Return the CSS widths of the columns, in proportion to their longest text, within limits."""
        shown = [[text for _, text, _ in column] for column in zip(*self._rows, strict=True)]
        longest = [max([6, *map(len, texts)]) for texts in shown] or [6 for _ in self._columns]
        return [f"minmax({0.75 * min(n, 12) + 1.8:.1f}em, {min(n, 40)}fr)" for n in longest]

    def read_value(self) -> Any:
        """Return the table.

        Raises:
            InvalidEdit: The text of a cell does not fit its column.
        """
        wrong: dict[str, str] = {}
        rows: list[list[Any]] = []
        for r, boxes in enumerate(self._rows):
            row: list[Any] = []
            for column, (box, shown, cell) in zip(self._columns, boxes, strict=True):
                try:
                    row.append(cell if box.value == shown else parse_cell(column, box.value))
                except ValueError as error:
                    wrong[f"rows/{r}/{column['name']}"] = str(error)
            rows.append(row)
        if wrong:
            raise InvalidEdit(wrong)
        return {"columns": self._columns, "rows": rows}

    def read_draft(self) -> Any:
        """Return the table. A cell whose text is not yet valid is returned as text."""
        rows: list[list[Any]] = []
        for boxes in self._rows:
            rows.append([])
            for column, (box, shown, cell) in zip(self._columns, boxes, strict=True):
                try:
                    rows[-1].append(cell if box.value == shown else parse_cell(column, box.value))
                except ValueError:
                    rows[-1].append(box.value)
        return {"columns": self._columns, "rows": rows}

    def _make_row(self, row: list[Any], row_number: int) -> list[tuple[Any, str, Any]]:
        boxes: list[tuple[Any, str, Any]] = []
        for column, cell in zip(self._columns, row, strict=True):
            shown = format_cell(column, cell)
            kind = ui.Textarea if "\n" in shown else ui.Text
            name = f"{show_hidden_characters(column['name'])}, row {row_number + 1}"
            box = kind(value=shown, placeholder="null", tooltip=name, layout=WIDE_LAYOUT, continuous_update=True)
            boxes.append((box, shown, cell))
        return boxes

    def _fill_grid(self) -> None:
        cells: list[Any] = [text_label(column["name"]) for column in self._columns] + [text_label("")]
        self.controls = [self._add]
        for r, boxes in enumerate(self._rows):
            remove = make_button("Remove", f"Remove row {r + 1}", partial(self._remove_row, boxes))
            mine = [*(box for box, _, _ in boxes), remove]
            cells += mine
            self.controls += mine
            for box, _, _ in boxes:
                box.observe(self._notify, "value")
        self._grid.children = tuple(cells)
        self.widget.children = (self._grid, self._removed, self._add)
        self.show_changes()

    def show_changes(self) -> None:
        """Mark the changed cells, and list the removed rows, each with a button to put it back."""
        now = self.read_draft()["rows"]
        removed: list[Any] = []
        at = 0
        for pair in match_rows(self._proposed, now):
            if pair.after is None and pair.before is not None:
                removed.append(self._make_removed_row(pair.before, at))
                continue
            before = None if pair.before is None else self._proposed[pair.before]
            self._mark_row(pair.after or 0, before, now[pair.after or 0])
            at = (pair.after or 0) + 1
        close_widgets(*self._removed.children)
        self._removed.children = tuple(removed)

    def _mark_row(self, row_number: int, before: list[Any] | None, now: list[Any]) -> None:
        for column, (box, _, _) in enumerate(self._rows[row_number]):
            same = before is not None and canonical_json(before[column]) == canonical_json(now[column])
            (box.remove_class if same else box.add_class)("hitl-nb-changed")

    def _make_removed_row(self, number: int, at: int) -> Any:
        """Make the line of a removed row: the row, struck, and a button to put it back.

        Args:
            number: Index of the row in the proposed table.
            at: Index at which it is put back.
        """
        row = self._proposed[number]
        line = html_view(f"Row {number + 1} is removed")
        line.value = f"− {number + 1} {spans_html([Span('removed', format_row(self._columns, row))])}"
        back = make_button(f"Put row {number + 1} back", "The row was removed", partial(self._put_back, row, at))
        back.disabled = self._add.disabled
        return ui.HBox([line, back], layout={"flex_flow": "row wrap"})

    def _put_back(self, row: list[Any], at: int, _: Any) -> None:
        if self._add.disabled:
            return
        self._rows.insert(at, self._make_row(row, at))
        self._fill_grid()
        self._notify()

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each change that a person makes, also in rows that are added later."""
        self._watcher = changed

    def _add_row(self, _: Any) -> None:
        self._rows.append(self._make_row([None] * len(self._columns), len(self._rows)))
        self._fill_grid()
        self._notify()

    def _remove_row(self, boxes: list[tuple[Any, str, Any]], _: Any) -> None:
        self._rows = [row for row in self._rows if row is not boxes]
        self._fill_grid()
        self._notify()


def is_grid(proposal: Proposal, value: Any) -> bool:
    """Return whether a value of a table is a valid table and small enough to be edited as a grid."""
    rows: Any = cast("dict[str, Any]", value).get("rows") if isinstance(value, dict) else None
    width = len(proposal.value["columns"])
    if not isinstance(rows, list):
        return False
    lines = cast("list[Any]", rows)
    return len(lines) * width <= MAX_GRID_CELLS and all(
        type(row) is list and len(cast("list[Any]", row)) == width for row in lines
    )
