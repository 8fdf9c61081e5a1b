"""Test agents that pause: decisions from a file or a list answer their checkpoints.

In pytest, the option `--nbval` is enough (see `plugin.py`). From Python, and for `@hitl.agent` functions:

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
    """Answers the checkpoints of agents inside its `with` block, in this process and in processes that it starts.

    A proposal without a matching entry raises `Unanswered`; the message has the entry to add.

    Args:
        decisions: Path of a `.decisions.json` file, or its entries: mappings with "action" and optionally "agent",
            "title", "value" and "reason". Each entry answers one proposal; matching entries are used in order. Instead
            of "action", an entry can have "votes" of named people, as a policy needs them. A vote is a mapping with
            "as", "action" and optionally "value" and "reason". The action "wait" moves the clock to the next step of
            the proposal's timeline.
        writing: Edits and comments of people in workspaces: mappings with "type" (and "behind" or "instead"), or with
            "comment" or "suggest" (and "quote"). Optional are "agent", "title", "person" and "after", the text that the
            document must have before. Each entry is used once.
        clock: Current time for policies: an aware datetime, or text such as "2026-01-05T09:00:00Z" (default). Only the
            action "wait" moves this clock.

    Raises:
        TypeError: `writing` or `clock` is given together with a file, which has its own.
        HitlError: An entry or the file is invalid.
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
        reviewer_from_environment()  # restores this process' own clock

    @property
    def unused(self) -> list[dict[str, Any]]:
        """The entries that have not answered a proposal in this process."""
        import msgspec

        return [msgspec.to_builtins(entry) for entry in self._script.unused_entries] if self._script else []
