"""The parts of AG-UI's `RunAgentInput` that are used. The package itself is needed only to make events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

MAX_ID_CHARS = 200
"""Longest id of a thread or of a run that is accepted. The client chooses them."""


class RefusedRequest(ValueError):
    """A request that cannot be answered. The client is told why."""


class ResumeEntry(Protocol):
    """The answer to one interrupt (`ag_ui.core.ResumeEntry`)."""

    @property
    def interrupt_id(self) -> str:
        """Id of the interrupt."""
        ...

    @property
    def status(self) -> Literal["resolved", "cancelled"]:
        """Whether the question was answered ("resolved") or left without an answer ("cancelled")."""
        ...

    @property
    def payload(self) -> Any:
        """The answer, as JSON."""
        ...


class RunRequest(Protocol):
    """The request to run an agent (`ag_ui.core.RunAgentInput`)."""

    @property
    def thread_id(self) -> str:
        """Id of the conversation."""
        ...

    @property
    def run_id(self) -> str:
        """Id of this request."""
        ...

    @property
    def resume(self) -> Sequence[ResumeEntry] | None:
        """Answers to the interrupts of the thread."""
        ...

    def model_dump(self, *, mode: str, by_alias: bool, exclude: set[str]) -> dict[str, Any]:
        """Return the request as JSON data."""
        ...


def check_ids(request: RunRequest) -> None:
    """Refuse ids that are empty or too long.

    Raises:
        RefusedRequest: An id is empty or too long.
    """
    for name, given in (("threadId", request.thread_id), ("runId", request.run_id)):
        if not 0 < len(given) <= MAX_ID_CHARS:
            raise RefusedRequest(f"{name} must have 1 to {MAX_ID_CHARS} characters, not {len(given)}")
