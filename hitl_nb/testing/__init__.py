"""Testing agents that pause: decisions written down beforehand answer their checkpoints.

In pytest, `--nbval` is enough (see `plugin.py`). From Python, and for `@hitl.agent` functions:

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
    """Answers the checkpoints of agents, while it is entered, in this process and in those it starts.

    Args:
        decisions: a `.decisions.json` file, or its entries: mappings with "action" and, as needed, "agent", "title",
            "value" and "reason". Each answers one proposal, in order among those that match. In place of "action",
            "votes" has those of named people, as a policy asks for them: mappings with "as", "action" and, as needed,
            "value" and "reason". The action "wait" lets the clock take the next step of the proposal's timeline.
        writing: what people type and say in workspaces meanwhile: mappings with "type" (and "behind" or "instead"),
            "comment" or "suggest" (and "quote"), and, as needed, "agent", "title", "person" and "after", the text that
            they wait for. Each is done once.
        clock: what time it is for policies: an aware datetime, or text like "2026-01-05T09:00:00Z", which is what it is
            if left out. It stands still, but for the waits.

    A proposal without an entry raises `Unanswered`, which prints the entry to add.

    Raises:
        HitlError: an entry, or the file, is not as it should be.
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
                raise TypeError("writing and clock are in the file, beside its decisions; give one or the other")
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
        reviewer_from_environment()  # so this process reads its own clock again

    @property
    def unused(self) -> list[dict[str, Any]]:
        """The entries that have answered nothing in this process so far."""
        import msgspec

        return [msgspec.to_builtins(entry) for entry in self._script.unused_entries] if self._script else []
