"""Functions for the static HTML of values. All text of agents and people is escaped and shown exactly."""

from __future__ import annotations

from html import escape
from typing import Any

from hitl_nb import json_text as json
from hitl_nb.hidden_characters import show_hidden_characters

MAX_HTML_CHARS = 50_000
"""Maximum number of characters of one text in the HTML. The HTML then gives the number of the remaining characters."""

LINE_STYLE = "border: 1px solid; border-color: rgba(128, 128, 128, 0.5);"
CELL_STYLE = f"{LINE_STYLE} padding: 0.15em 0.5em; text-align: left; white-space: pre-wrap;"
_TEXT_STYLE = (
    f"{LINE_STYLE} border-width: 0 0 0 3px; white-space: pre-wrap; overflow-wrap: anywhere;"
    " word-break: normal; background: none; color: inherit; margin: 0.3em 0; padding: 0.1em 0.7em;"
)


def escape_html(text: str) -> str:
    """Escape a text for HTML, and make hidden characters visible."""
    return escape(show_hidden_characters(text))


def text_html(text: str) -> str:
    """Return the HTML of a text with its line breaks; at most `MAX_HTML_CHARS` characters are shown."""
    return f'<pre style="{_TEXT_STYLE}">{escape_html(cut_text(text))}</pre>'


def table_html(rows: str) -> str:
    """Return the HTML of a table.

    Args:
        rows: HTML of the rows.
    """
    return f'<table style="border-collapse: collapse; margin: 0.3em 0;">{rows}</table>'


def labelled_html(label: str, shown: str) -> str:
    """Return HTML with a label and, on the same line, another piece of HTML.

    Args:
        label: HTML of the label.
        shown: The other piece of HTML, which is inserted unchanged.
    """
    return f'<div style="margin-top: 0.4em;"><span style="opacity: 0.75;">{label}</span> {shown}</div>'


def cut_text(text: str) -> str:
    """Cut a text to `MAX_HTML_CHARS` characters, and append the number of the remaining characters.

    A text that is not longer is returned unchanged.
    """
    more = len(text) - MAX_HTML_CHARS
    return text if more <= 0 else f"{text[:MAX_HTML_CHARS]}\n… and {more:,} more characters, not shown here."


def format_inline(value: Any) -> str:
    """Return a text unchanged, and any other value as JSON on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
