"""Interrupts of LangGraph as proposals of hitl_nb, and the decisions as the answers that the graph expects.

An interrupt of LangChain's `HumanInTheLoopMiddleware` is one proposal for each call of a tool. Any other interrupt is
one proposal with the value of the interrupt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import hitl_nb as hitl
from hitl_nb.integrations.tool_calls import ACTIONS, MAX_TITLE_CHARS, ToolCall, propose_call

DEFAULT_DESCRIPTION = "Tool execution requires approval"
"""The text of `HumanInTheLoopMiddleware` about every call if it is given no `description_prefix`."""


def make_proposals(interrupt_id: str, value: Any) -> list[Any]:
    """Return the proposals of one interrupt, for `hitl.checkpoint_all`.

    Args:
        interrupt_id: Id of the interrupt; the proposals are identified by it.
        value: Value of the interrupt.
    """
    if is_batch(value):
        configs = {config["action_name"]: config for config in value["review_configs"]}
        return [
            _propose_call(f"{interrupt_id}/{n}", call, configs.get(call["name"], {}))
            for n, call in enumerate(value["action_requests"])
        ]
    if is_call(value):
        return [_propose_call(f"{interrupt_id}/{value['tool_call_id']}", value, {})]
    return [hitl.proposal(value, title=_make_title(value), key=f"{interrupt_id}/value")]


def make_answer(value: Any, decisions: Sequence[Any]) -> Any:
    """Return the value with which the graph resumes.

    Args:
        value: Value of the interrupt.
        decisions: The decisions on its proposals, in their order.
    """
    if is_batch(value):
        return {"decisions": [_answer_call(one) for one in decisions]}
    if is_call(value):
        return _answer_call(decisions[0])
    (decision,) = decisions
    return {"type": decision.action, "value": decision.value, "message": _message(decision)}


def is_batch(value: Any) -> bool:
    """Return whether an interrupt's value asks about all calls of a model's turn together."""
    return isinstance(value, dict) and {"action_requests", "review_configs"} <= set(value)  # pyright: ignore[reportUnknownArgumentType]


def is_call(value: Any) -> bool:
    """Return whether an interrupt's value asks about one call of a tool."""
    return isinstance(value, dict) and {"type", "tool_call_id"} <= set(value) and value["type"] == "tool_approval"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _propose_call(key: str, call: Any, config: Mapping[str, Any]) -> Any:
    shown = ToolCall(key, call["name"], call["args"], _read_description(call), config.get("args_schema"))
    return propose_call(shown, allow=tuple(config.get("allowed_decisions", ACTIONS)))


def _read_description(call: Any) -> str | None:
    """Return the description of a call, without what LangChain writes by default: the card shows name and arguments."""
    text = (call.get("description") or "").removesuffix(f"\n\nTool: {call['name']}\nArgs: {call['args']}")
    return None if text == DEFAULT_DESCRIPTION else text or None


def _answer_call(decision: Any) -> dict[str, Any]:
    if decision.action == "edit":
        action = {"name": decision.value["name"], "args": decision.value["arguments"]}
        return {"type": "edit", "edited_action": action}
    if decision.action == "respond":
        return {"type": "respond", "message": decision.value}
    if decision.action == "reject" and decision.reason:
        return {"type": "reject", "message": decision.reason}
    return {"type": decision.action}


def _message(decision: Any) -> str | None:
    return decision.value if decision.action == "respond" else decision.reason


def _make_title(value: Any) -> str:
    lines = value.strip().splitlines() if isinstance(value, str) else []
    return lines[0].strip()[:MAX_TITLE_CHARS] if lines and lines[0].strip() else "Question of the graph"
