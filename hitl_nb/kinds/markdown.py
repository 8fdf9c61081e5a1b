"""The kind of text in Markdown."""

from __future__ import annotations

from typing import Any

from hitl_nb.kinds.text import TextKind


class MarkdownKind(TextKind):
    """The kind of a str with Markdown, which editors can show with its formatting."""

    name: str = "markdown"
    file_suffix: str = ".md"
    keeps_last_line_end: bool = False

    def detect(self, value: Any, options: Any) -> bool:
        """Return False: an agent must name this kind (`kind="markdown"`). Markdown looks like any other text."""
        return False
