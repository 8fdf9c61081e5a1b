"""The proposal for a call of a tool that an ACP agent asks permission for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import hitl_nb as hitl

MAX_TITLE_CHARS = 100
"""Longest title of a proposal; the context has the whole title."""


class PermissionToolCall(Protocol):
    """The call that an agent asks permission for (`acp.schema.ToolCallUpdate`)."""

    @property
    def title(self) -> str | None:
        """Description of the call, in words of the agent."""
        ...

    @property
    def kind(self) -> str | None:
        """Kind of the tool, such as "edit" or "execute"."""
        ...

    @property
    def raw_input(self) -> Any:
        """Arguments of the call, as JSON."""
        ...

    @property
    def content(self) -> Sequence[Any] | None:
        """Content of the call: texts and differences of files."""
        ...

    @property
    def locations(self) -> Sequence[Any] | None:
        """Files that the call reads or changes."""
        ...


@dataclass(frozen=True)
class AskedCall:
    """A call in the form of a proposal: its arguments for `hitl.held`."""

    value: Any
    title: str
    context: dict[str, Any]
    tags: tuple[str, ...]


def describe_call(call: PermissionToolCall) -> AskedCall:
    """Return the proposal for a call. Everything in it comes from the agent.

    Args:
        call: The call.
    """
    words = " ".join((call.title or "").split()) or "Call of a tool"
    title = words if len(words) <= MAX_TITLE_CHARS else f"{words[: MAX_TITLE_CHARS - 1]}…"
    context: dict[str, Any] = {} if title == words else {"title": words}
    if call.kind:
        context["tool"] = call.kind
    files = [one.path for one in call.locations or ()]
    if files:
        context["files"] = files
    for number, part in enumerate(call.content or (), 1):
        shown = _show_part(part)
        if shown is not None:
            context[f"content {number}"] = shown
    tags = ("acp", f"acp:{call.kind}") if call.kind else ("acp",)
    return AskedCall(words if call.raw_input is None else call.raw_input, title, context, tags)


def _show_part(part: Any) -> Any:
    """Return a part of a call's content as evidence; None if it has no text."""
    match getattr(part, "type", ""):
        case "diff":
            return hitl.diff(part.old_text or "", part.new_text)
        case "content" if getattr(part.content, "type", "") == "text":
            return part.content.text
        case _:
            return None
