"""Text in Markdown."""

from __future__ import annotations

from typing import Any

from hitl_nb.kinds.text import TextKind


class MarkdownKind(TextKind):
    """A str with Markdown, which editors can show as it will look."""

    name: str = "markdown"
    file_suffix: str = ".md"
    keeps_last_line_end: bool = False

    def detect(self, value: Any, options: Any) -> bool:
        """See `Kind.detect`: no text says that it is Markdown."""
        return False
