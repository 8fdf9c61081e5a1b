"""A text of a script that arrives in parts and is sent to a server as it arrives, in batches."""

from __future__ import annotations

import time
from collections.abc import Callable

from hitl_nb.drafts.agent_writer import Written
from hitl_nb.workspaces.commands import LOOK_SECONDS, Append, Command, CommandResult, write_patiently

BATCH_SECONDS = 0.05
"""Seconds of a stream that are sent together."""


class RemoteStream:
    """A stream that is being sent to a server.

    Args:
        execute: Sends a command to the server.
        key: Key of the stream.
        patience: Seconds to wait for people.

    Attributes:
        recorded_outcome: The stream's result if it was completed before; None if it was not.
    """

    def __init__(self, execute: Callable[[Command], CommandResult], key: str, patience: float) -> None:
        self._execute = execute
        self._key = key
        self._patience = patience
        self._at = 0
        self._waits: list[str] = []
        self._sent_at = 0.0
        self._held = False
        outcome = execute(Append(key, last=False)).outcome
        self.recorded_outcome = None if outcome in ("going", "busy") else Written(outcome)

    def send_part(self, part: str) -> None:
        """Send a part, or keep it for the next batch.

        Raises:
            TypeError: The part is not a str.
        """
        if not isinstance(part, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # scripts may be untyped
            raise TypeError(f"a stream must yield str, not {type(part).__name__}")
        self._waits.append(part)
        if part and not self._held and time.monotonic() - self._sent_at >= BATCH_SECONDS:
            self._send_batch()

    def finish_stream(self) -> Written:
        """Send the rest of the text. Return the result of the write."""
        patience = 0 if self._held else self._patience
        rest = "".join(self._waits)
        return write_patiently(self._execute, Append(self._key, rest, self._at), patience)

    def _send_batch(self) -> None:
        """Send the kept parts. If a person does not stop writing there, keep them until the end of the stream."""
        text, until = "".join(self._waits), time.monotonic() + self._patience
        while self._execute(Append(self._key, text, self._at, last=False)).outcome == "busy":
            if time.monotonic() >= until:
                self._held = True
                return
            time.sleep(LOOK_SECONDS)
        self._at += len(text)
        self._waits = []
        self._sent_at = time.monotonic()
