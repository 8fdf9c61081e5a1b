"""The kind of source code."""

from __future__ import annotations

from typing import Any

from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.changes.words import code_changes
from hitl_nb.kinds.text import TextKind
from hitl_nb.records import Question


class CodeKind(TextKind):
    """The kind of a str with Python code."""

    name: str = "code"
    file_suffix: str = ".py"
    keeps_last_line_end: bool = False
    paragraph_gap: int = 1

    def detect(self, value: Any, options: Any) -> bool:
        """Return False: an agent must name this kind (`kind="code"`), because code looks like any other text."""
        return False

    def list_changes(self, question: Question, value: Any) -> Changes:
        """Return the changed lines of edited code, with the words in them marked."""
        return code_changes(question.value, value)
