"""Limits of evidence blocks, and texts that are cut to them."""

from __future__ import annotations

from typing import Any

from hitl_nb import json_text as json

MAX_TEXT_CHARS = 200_000
"""Maximum number of characters of a text in a block. A longer text is cut."""
MAX_CELL_CHARS = 1_000
"""Maximum number of characters of a cell in a table. A longer text is cut."""


def clean_text(text: str) -> str:
    """Return a text in which half characters (lone surrogates) are replaced by "?", so that it can be stored."""
    return text.encode("utf-8", "replace").decode()


def cut_text(text: str, length: int = MAX_TEXT_CHARS) -> tuple[str, bool]:
    """Return at most `length` characters of a text, and whether the text was longer."""
    return clean_text(text[:length]), len(text) > length


def format_cell(value: Any) -> str | None:
    """Return a value as the text of a cell, at most `MAX_CELL_CHARS` long; None if the value is None.

    The value may be any object. An object that cannot be written as text is named by its class.
    """
    if value is None:
        return None
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception as error:  # noqa: BLE001 - a user's __str__ or __repr__ may raise anything; the cell says so
        text = f"({type(value).__name__}, which cannot be shown: {type(error).__name__})"
    shown, is_cut = cut_text(text, MAX_CELL_CHARS)
    return f"{shown}…" if is_cut else shown


def format_json(value: Any) -> str:
    """Return a text unchanged, and any other JSON as text on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
