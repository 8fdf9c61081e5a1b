"""Markdown text and tables for the generated parts of pages."""

from __future__ import annotations

import re


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Format a table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def escape(text: str) -> str:
    """Convert a docstring to Markdown in which nothing looks like an HTML tag."""
    return re.sub(r"<(?=[A-Za-z/!])", r"\\<", text)
