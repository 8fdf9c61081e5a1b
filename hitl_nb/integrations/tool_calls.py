"""Calls of tools that a model asked for: the proposal for each, and what the decision means for the model.

All adapters use this module, so a call looks the same for people whatever the framework, and the model is told the
same. A rejection is a result for the model, not an error; an edit is told to the model.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import hitl_nb as hitl

Action = Literal["approve", "edit", "reject", "respond"]
ACTIONS: tuple[Action, ...] = ("approve", "edit", "reject", "respond")
MAX_TITLE_CHARS = 100
"""Longest title that is made from the name of a tool or from a question of the agent."""
DECIDERS = {"person": "A person", "policy": "A policy", "deadline": "The deadline", "script": "A script"}
"""How the model is told who decided, by `Decision.by`."""


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool that a model asked for.

    Attributes:
        id: Id of the call, from the framework. It identifies the proposal.
        name: Name of the tool.
        arguments: Arguments by name, JSON values.
        description: Description of the tool for people. None: nothing is shown.
        schema: JSON Schema of the arguments, which an edit must satisfy. None: any arguments.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    description: str | None = None
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class CallAnswer:
    """The decision on a call, as the adapter of a framework needs it.

    Attributes:
        runs: Whether the tool is called.
        arguments: The arguments to call it with; those of the model unless somebody edited them.
        message: Text for the model: the result of a call that is not made, or a note about edited arguments. None: the
            call was approved as it was.
    """

    runs: bool
    arguments: dict[str, Any]
    message: str | None = None


def select_asked(calls: Sequence[ToolCall], ask: Collection[str] | None) -> list[ToolCall]:
    """Return the calls that are proposed for review.

    Args:
        calls: All calls of a turn of the model.
        ask: Names of the tools that ask. None: every call is proposed, and policies decide which of them people see.

    Raises:
        TypeError: `ask` is a text.
    """
    if isinstance(ask, str):
        raise TypeError(f'ask must be a list of names of tools, such as ["{ask}"], not a text')
    return [call for call in calls if ask is None or call.name in ask]


def propose_call(call: ToolCall, *, allow: Sequence[Action] = ACTIONS) -> Any:
    """Return the proposal for a call, for `hitl.checkpoint_all`.

    Args:
        call: The call.
        allow: The actions that people may select.
    """
    return hitl.proposal(
        {"name": call.name, "arguments": dict(call.arguments)},
        title=f"Call {call.name}"[:MAX_TITLE_CHARS],
        kind="tool_call",
        context=call.description or None,
        schema=_make_schema(call),
        allow=allow,
        key=call.id,
    )


def answer_call(call: ToolCall, decision: hitl.Decision) -> CallAnswer:
    """Return what the decision on a call means for the framework and the model.

    Args:
        call: The call.
        decision: The decision on its proposal.
    """
    arguments, who = dict(call.arguments), DECIDERS[decision.by]
    if decision.action == "approve":
        return CallAnswer(True, arguments)
    if decision.action == "edit":
        edited: dict[str, Any] = decision.value["arguments"]
        shown = json.dumps(edited, ensure_ascii=False, default=str)
        why = f" Reason: {decision.reason}" if decision.reason else ""
        return CallAnswer(True, edited, f"{who} changed the arguments of this call to {shown}.{why}")
    if decision.action == "respond":
        return CallAnswer(False, arguments, f"The tool was not called. {who} answered: {decision.value}")
    why = f" Reason: {decision.reason}" if decision.reason else ""
    return CallAnswer(False, arguments, f"The tool was not called. {who} rejected the call.{why}")


def _make_schema(call: ToolCall) -> dict[str, Any]:
    """Return the JSON Schema of the proposal's value."""
    # An edit must not select another tool, which may need no review.
    schema: dict[str, Any] = {"properties": {"name": {"const": call.name}}}
    if call.schema is not None:
        arguments = dict(call.schema)
        if "$defs" in arguments:  # references begin at the root of the whole schema
            schema["$defs"] = arguments.pop("$defs")
        schema["properties"]["arguments"] = arguments
    return schema
