"""Deferred calls of Pydantic AI as proposals of hitl_nb, and the decisions as the results that the agent expects.

Calls and answers are plain data, because they are saved with the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import ToolDefinition

from hitl_nb.integrations.tool_calls import ACTIONS, Action, ToolCall, answer_call, propose_call

ANSWERED: tuple[Action, ...] = ("respond", "reject")
"""The actions for a call that the agent cannot make itself: an external tool, or a question."""

Asked = dict[str, Any]
"""A call that people decide: the fields of a `ToolCall`, and `allow`, the actions that people may select."""
Answer = dict[str, Any]
"""The decision on a call.

`id` names the call. `action` is "approve", "edit", "deny", "return" or "fail". `value` has the edited arguments, or the
result that a person gave. `message` is for the model.
"""


def list_asked(requests: DeferredToolRequests, tools: Mapping[str, ToolDefinition]) -> list[Asked]:
    """Return the calls that wait for decisions, in the order of the model.

    Args:
        requests: The calls that the agent has deferred.
        tools: The definitions of the agent's tools, by name.
    """
    return [
        *(_describe_call(call, requests, tools, ACTIONS) for call in requests.approvals),
        *(_describe_call(call, requests, tools, ANSWERED) for call in requests.calls),
    ]


def _describe_call(
    call: ToolCallPart, requests: DeferredToolRequests, tools: Mapping[str, ToolDefinition], allow: tuple[Action, ...]
) -> Asked:
    tool, metadata = tools.get(call.tool_name), requests.metadata.get(call.tool_call_id)
    lines = [tool.description] if tool is not None and tool.description else []
    if metadata:
        lines += [f"{name}: {json.dumps(value, ensure_ascii=False, default=str)}" for name, value in metadata.items()]
    return {
        "id": call.tool_call_id,
        "name": call.tool_name,
        "arguments": call.args_as_dict(),
        "description": "\n\n".join(lines) or None,
        "schema": tool.parameters_json_schema if tool is not None else None,
        "allow": [*allow],
    }


def propose_asked(asked: Asked) -> Any:
    """Return the proposal for a call, for `hitl.checkpoint_all`."""
    return propose_call(_make_call(asked), allow=asked["allow"])


def answer_asked(asked: Asked, decision: Any) -> Answer:
    """Return what the decision on a call means for the agent."""
    answer = answer_call(_make_call(asked), decision)
    if tuple(asked["allow"]) == ANSWERED and decision.action == "respond":
        return {"id": asked["id"], "action": "return", "value": decision.value, "message": None}
    if tuple(asked["allow"]) == ANSWERED:
        told = answer.message if not answer.runs else "The tool was not called: nobody gave a result."
        return {"id": asked["id"], "action": "fail", "value": None, "message": told}
    if not answer.runs:
        return {"id": asked["id"], "action": "deny", "value": None, "message": answer.message}
    action = "approve" if answer.message is None else "edit"
    return {"id": asked["id"], "action": action, "value": answer.arguments, "message": answer.message}


def make_results(answers: list[Answer]) -> DeferredToolResults:
    """Return the decisions as Pydantic AI expects them."""
    results = DeferredToolResults()
    for answer in answers:
        action, value, message = answer["action"], answer["value"], answer["message"]
        if action == "return":
            results.calls[answer["id"]] = value
        elif action == "fail":
            results.calls[answer["id"]] = ToolFailed(message)
        elif action == "deny":
            results.approvals[answer["id"]] = ToolDenied(message)
        else:
            results.approvals[answer["id"]] = ToolApproved(override_args=value if action == "edit" else None)
    return results


def list_approved(answers: list[Answer]) -> dict[str, str | None]:
    """Return the calls that were approved, by id: None, or a text for the model about edited arguments."""
    return {answer["id"]: answer["message"] for answer in answers if answer["action"] in ("approve", "edit")}


def _make_call(asked: Asked) -> ToolCall:
    return ToolCall(**{name: value for name, value in asked.items() if name != "allow"})
