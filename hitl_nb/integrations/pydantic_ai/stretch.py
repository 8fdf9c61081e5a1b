"""A stretch: one call of `agent.run`, from one pause to the next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypedDict

from pydantic import TypeAdapter
from pydantic_ai import DeferredToolRequests
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelMessagesTypeAdapter
from pydantic_ai.usage import RunUsage

import hitl_nb as hitl
from hitl_nb.extend import scope_calls
from hitl_nb.integrations.pydantic_ai.capability import ReviewCapability
from hitl_nb.integrations.pydantic_ai.requests import Answer, Asked, list_approved, list_asked, make_results
from hitl_nb.integrations.token_printer import TokenPrinter

OWN_OPTIONS = ("deferred_tool_results", "output_type", "user_prompt")
"""Arguments of `agent.run` that `reviewed` sets itself."""


class Progress(TypedDict):
    """How far an agent has come, as plain data.

    Attributes:
        number: Number of the stretch that has ended, from 0.
        messages: The messages so far, as Pydantic AI writes them as JSON.
        usage: The tokens and requests so far, likewise.
        asked: The calls that people decide before the next stretch. Empty: the agent has ended.
    """

    number: int
    messages: bytes
    usage: bytes
    asked: list[Asked]


FIRST_OPTIONS = ("conversation", "run_id")
"""Arguments of `agent.run` for the first stretch only: the messages of the others contain them."""
_usages = TypeAdapter(RunUsage)


def check_options(options: Mapping[str, Any]) -> None:
    """Check the further arguments of `agent.run`.

    Raises:
        TypeError: One of them is set by `reviewed` itself.
    """
    refused = [name for name in OWN_OPTIONS if name in options]
    if refused:
        raise TypeError(f"reviewed() sets {refused[0]} itself")


async def run_stretch(
    agent: Any,
    prompt: Any,
    before: Progress | None,
    answers: list[Answer],
    ask: Collection[str] | None,
    options: Mapping[str, Any],
    show: bool | None,
) -> tuple[Progress, Any]:
    """Run the agent until it ends, or until people have to decide calls.

    If the process dies in a stretch, this is called again with the same arguments. Requests to the model and calls of
    tools that have ended are then not made again.

    Args:
        agent: The agent.
        prompt: The prompt of the user, for the first stretch.
        before: The progress after the stretch before; None for the first stretch.
        answers: The decisions on the calls for which the agent waited.
        ask: Names of the tools that ask. None: all.
        options: Further arguments of `agent.run`.
        show: Whether the text of the model is shown. None: in a notebook.

    Returns:
        The progress after the stretch, and the output of the agent if no calls wait for decisions.
    """
    printer = TokenPrinter(show)
    review = ReviewCapability(ask, list_approved(answers), printer)
    given: dict[str, Any] = {**options, "capabilities": [*(options.get("capabilities") or ()), review]}
    if before is not None:
        given = {name: value for name, value in given.items() if name not in FIRST_OPTIONS}
        given["message_history"] = ModelMessagesTypeAdapter.validate_json(before["messages"])
        given["usage"] = _usages.validate_json(before["usage"])
        given["deferred_tool_results"] = make_results(answers)
    if not _may_defer(agent.output_type):
        given["output_type"] = [agent.output_type, DeferredToolRequests]
    number = 0 if before is None else before["number"] + 1
    part = (str(number), object())
    with scope_calls(lambda: part):
        result = await _run_agent(agent, prompt, given)
    printer.end_text()
    after: Progress = {
        "number": number,
        "messages": result.all_messages_json(),
        "usage": _usages.dump_json(result.usage),
        "asked": [],
    }
    if isinstance(result.output, DeferredToolRequests):
        return {**after, "asked": list_asked(result.output, review.tools)}, None
    return after, result.output


async def _run_agent(agent: Any, prompt: Any, given: dict[str, Any]) -> Any:
    try:
        return await agent.run(prompt, **given)
    except UserError as error:
        if "output_type" in given and "output_type" in error.message:
            raise hitl.HitlError(
                "reviewed() cannot add DeferredToolRequests to the outputs of this agent; add it yourself, for example "
                f"with Agent(..., output_type=[str, DeferredToolRequests]). Pydantic AI says: {error.message}"
            ) from error
        raise


def _may_defer(output_type: Any) -> bool:
    found: list[Any] = [*output_type] if isinstance(output_type, (list, tuple)) else [output_type]
    return any(one is DeferredToolRequests for one in found)
