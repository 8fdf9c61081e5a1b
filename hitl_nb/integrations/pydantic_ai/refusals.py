"""Exceptions with which tools direct the agent: to try again, to stop, or to ask people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ModelRetry, ToolFailed


@dataclass(frozen=True)
class Refusal:
    """An exception with which a tool directs the agent. It is recorded as a result, and raised again after a crash.

    Attributes:
        kind: Which exception of Pydantic AI it was: `ModelRetry`, `ToolFailed`, `ApprovalRequired` or `CallDeferred`
            (an external call, or a question).
        message: The text for the model, for the first two.
        metadata: The data for people, for the others.
    """

    kind: Literal["retry", "failed", "approval", "external", "question"]
    message: str = ""
    metadata: dict[str, Any] | None = None

    def make_error(self, note: str | None) -> Exception:
        """Return the exception again.

        Args:
            note: A text that is added for the model; None: nothing.
        """
        text = self.message if note is None else f"{self.message}\n{note}"
        if self.kind == "retry":
            return ModelRetry(text)
        if self.kind == "failed":
            return ToolFailed(text)
        if self.kind == "approval":
            return ApprovalRequired(self.metadata)
        return CallDeferred(self.metadata, kind=self.kind)


async def catch_refusal(call: Callable[[], Awaitable[Any]]) -> Any:
    """Call a tool. If it directs the agent by an exception, return the exception as a `Refusal`."""
    try:
        return await call()
    except (ModelRetry, ToolFailed, ApprovalRequired, CallDeferred) as error:
        return _describe_refusal(error)


def _describe_refusal(error: Exception) -> Refusal:
    if isinstance(error, ModelRetry):
        return Refusal("retry", error.message)
    if isinstance(error, ToolFailed):
        return Refusal("failed", error.message)
    if isinstance(error, ApprovalRequired):
        return Refusal("approval", metadata=error.metadata)
    assert isinstance(error, CallDeferred)
    return Refusal(error.kind, metadata=error.metadata)
