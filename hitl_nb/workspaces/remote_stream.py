"""Send a text that arrives in parts (a stream) from a script to a server, in batches."""

from __future__ import annotations

import time
from collections.abc import Callable

from hitl_nb.drafts.agent_writer import Written
from hitl_nb.workspaces.commands import LOOK_SECONDS, Append, Command, CommandResult, write_patiently

BATCH_SECONDS = 0.05
"""Minimum number of seconds between two batches. The parts that arrive meanwhile are sent together."""


class RemoteStream:
    """Sender of one stream to a server.

    Args:
        execute: Function that sends a command to the server and returns the result.
        key: Key of the stream. It is the same when the script is started again.
        patience: Maximum number of seconds to wait while a person is writing in the same paragraph.

    Attributes:
        recorded_outcome: The recorded result, if an earlier start of the script has completed this stream; then nothing
            must be sent. None if the stream has to be sent.
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
        """Add a part to the current batch. The batch is sent if the last one was sent `BATCH_SECONDS` ago or earlier.

        Raises:
            TypeError: The part is not a str.
        """
        if not isinstance(part, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # scripts may be untyped
            raise TypeError(f"a stream must yield str, not {type(part).__name__}")
        self._waits.append(part)
        if part and not self._held and time.monotonic() - self._sent_at >= BATCH_SECONDS:
            self._send_batch()

    def finish_stream(self) -> Written:
        """Send the rest of the text, and mark the stream as complete.

        Returns:
            Written.done, or Written.suggested if the text became a suggestion.
        """
        patience = 0 if self._held else self._patience
        rest = "".join(self._waits)
        return write_patiently(self._execute, Append(self._key, rest, self._at), patience)

    def _send_batch(self) -> None:
        """Send the current batch. If a person does not stop writing in the paragraph, keep it for the last batch."""
        text, until = "".join(self._waits), time.monotonic() + self._patience
        while self._execute(Append(self._key, text, self._at, last=False)).outcome == "busy":
            if time.monotonic() >= until:
                self._held = True
                return
            time.sleep(LOOK_SECONDS)
        self._at += len(text)
        self._waits = []
        self._sent_at = time.monotonic()
