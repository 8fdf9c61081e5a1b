"""Tools for tests of agents that pause: their proposals are decided by a file or a list, not by people.

For notebooks, pytest's option `--nbval` is enough (see `plugin.py`). In Python code, and for `@hitl.agent` functions:

    with ScriptedReviewer([{"title": "Refund *", "action": "approve"}]):
        run = await refund.run(order, key="5678")
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from hitl_nb import json_text as json
from hitl_nb import settings

__all__ = ["ScriptedReviewer"]


class ScriptedReviewer:
    """Decides the proposals of agents in tests, inside its `with` block.

    This works in the current process and in the processes that it starts. If no entry matches a proposal, the agent's
    call raises `Unanswered`; the message has the entry to add.

    Args:
        decisions: Path of a `.decisions.json` file, or a list of entries. An entry is a mapping with "action" and
            optionally "agent", "title", "value" and "reason". Each entry answers one proposal; if several entries
            match, the first one is used. Instead of "action", an entry can have "votes", if a policy requires the votes
            of named people. A vote is a mapping with "as" (the person's name), "action" and optionally "value" and
            "reason". The action "wait" moves the clock to the next timed action on the proposal (such as a deadline).
        writing: Edits and comments that people would make in workspaces. An edit is a mapping with "type" (the text to
            write) and optionally "behind" or "instead" (a text of the document). A comment is a mapping with "comment"
            or "suggest" and optionally "quote". Both can have "agent", "title", "person", and "after", which is a text
            that the document must have before. Each entry is used once.
        clock: Current time for policies: an aware datetime, or a text such as "2026-01-05T09:00:00Z", which is the
            default. Only the action "wait" moves this clock.

    Raises:
        TypeError: `writing` or `clock` is given together with the path of a file; they belong into the file.
        HitlError: The file or an entry is invalid.
    """

    def __init__(
        self,
        decisions: str | os.PathLike[str] | Sequence[Mapping[str, Any]] = (),
        *,
        writing: Sequence[Mapping[str, Any]] = (),
        clock: datetime | str | None = None,
    ) -> None:
        from hitl_nb.scripted_review.decision_file import VERSION, format_document, parse_document, read_file

        if isinstance(decisions, (str, os.PathLike)):
            if writing or clock is not None:
                raise TypeError("writing and clock belong into the decisions file; do not give them together with it")
            found = read_file(Path(decisions))
        else:
            at = clock.isoformat() if isinstance(clock, datetime) else clock
            document = {"version": VERSION, "clock": at, "decisions": list(decisions), "writing": list(writing)}
            found = parse_document(json.dumps(document).encode(), "ScriptedReviewer")
        self._text = format_document(found)

    def __enter__(self) -> ScriptedReviewer:
        from hitl_nb.scripted_review.reviewer import reviewer_from_environment

        handle, self._path = tempfile.mkstemp(prefix="scripted-", suffix=".decisions.json")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self._text)
        self._before = settings.read_variable(settings.REVIEWER.name)
        settings.REVIEWER.write(f"script:{self._path}")
        self._script = reviewer_from_environment()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from hitl_nb.scripted_review.reviewer import reviewer_from_environment

        settings.set_variable(settings.REVIEWER.name, self._before)
        Path(self._path).unlink(missing_ok=True)
        reviewer_from_environment()  # this also sets the clock of this process back to the real time

    @property
    def unused(self) -> list[dict[str, Any]]:
        """The entries for decisions that have not answered a proposal in this process, as dicts."""
        import msgspec

        return [msgspec.to_builtins(entry) for entry in self._script.unused_entries] if self._script else []
