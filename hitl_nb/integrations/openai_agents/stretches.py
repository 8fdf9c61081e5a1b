"""The current stretch: one run of the SDK from one pause to the next, with what its tools and requests need to know."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import hitl_nb as hitl
from hitl_nb.integrations.tool_calls import CallAnswer, ToolCall, select_asked


@dataclass
class Stretch:
    """A stretch that runs in this process.

    Attributes:
        number: Number of the stretch in its call of `reviewed`, from 0.
        ask: Names of the tools that ask. None: all.
        answers: The answers to all calls that were proposed so far, by the id of the call.
        tools: Tools as the SDK has them in this stretch, by id of the tool object of the agent. The second object keeps
            the first one alive.
        found: Tools by the id of their agent and their name, for proposals.
        requests: Number of requests to models so far, by the call of the tool in which they are made.
        calls: Ids of the calls in recorded responses.
        refusal: The error of a call that cannot be recorded. The SDK may have told a model of it instead of raising it.
    """

    number: int
    ask: Collection[str] | None
    answers: Mapping[str, CallAnswer]
    tools: dict[int, tuple[Any, Any]] = field(default_factory=dict[int, tuple[Any, Any]])
    found: dict[tuple[int, str], Any] = field(default_factory=dict[tuple[int, str], Any])
    requests: dict[str, int] = field(default_factory=dict[str, int])
    calls: set[str] = field(default_factory=set[str])
    refusal: hitl.HitlError | None = None

    def asks(self, tool: Any) -> bool:
        """Return whether `ask` names a tool, or is None."""
        names = (tool.name, tool.qualified_name)
        return bool(select_asked([ToolCall("", name, {}) for name in names], self.ask))

    def find_edited(self, call_id: str) -> dict[str, Any] | None:
        """Return the arguments that somebody gave a call in place of those of the model; None if nobody did."""
        answer = self.answers.get(call_id)
        return answer.arguments if answer is not None and answer.runs and answer.message else None

    def check_call(self, name: str, call_id: str) -> None:
        """Check that the response in which a model asked for a call is recorded, or that the call was proposed.

        Otherwise the model may ask again after a crash, with another id, and the tool would be called twice.

        Raises:
            HitlError: It is not.
        """
        if call_id in self.calls or call_id in self.answers:
            return
        self.refusal = hitl.HitlError(
            f"reviewed() cannot record the request to the model that asked for {name}: an agent is used as a tool with "
            "a run_config or on_stream of its own. Leave them out, or let the tool ask"
        )
        raise self.refusal

    def count_request(self, scope: str) -> str:
        """Count a request to a model, and return what identifies it in the stretch."""
        number = self.requests.get(scope, 0)
        self.requests[scope] = number + 1
        return f"{self.number}/{scope}/{number}"


current_stretch: ContextVar[Stretch | None] = ContextVar("hitl_nb_openai_stretch", default=None)
"""The stretch that runs now; None outside of `reviewed`. Tools and models then behave as without hitl_nb."""

inside_call: ContextVar[str] = ContextVar("hitl_nb_openai_inside_call", default="")
"""Ids of the calls of agents that are used as tools, in which the current code runs; "" outside of such calls."""


@contextmanager
def enter_stretch(stretch: Stretch) -> Generator[None]:
    """Make a stretch the current one inside the `with` block."""
    token = current_stretch.set(stretch)
    try:
        yield
    finally:
        current_stretch.reset(token)
