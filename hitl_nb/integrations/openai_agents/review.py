"""`reviewed()`: run an agent of the SDK to its end, and let people decide the calls of its tools.

The SDK itself is opaque: between two pauses it runs in one call (a *stretch*), which returns plain data. So the saved
state of the run has nothing of the SDK in it, except the state that the SDK itself writes as JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from agents import Agent, RunConfig, Runner, RunState
from agents.exceptions import UserError
from agents.items import ToolApprovalItem

import hitl_nb as hitl
from hitl_nb.integrations.openai_agents.attended_agents import attend_agents, check_attended, check_names
from hitl_nb.integrations.openai_agents.model_requests import make_run_config
from hitl_nb.integrations.openai_agents.reviewed_tools import read_arguments
from hitl_nb.integrations.openai_agents.sdk_states import SdkState, load_state, save_state
from hitl_nb.integrations.openai_agents.stretches import Stretch, enter_stretch
from hitl_nb.integrations.tool_calls import ACTIONS, CallAnswer, ToolCall, answer_call, propose_call, select_asked

MAX_TURNS = 10
"""Most turns of a run, as in the SDK."""


@dataclass(frozen=True)
class Outcome:
    """The result of a stretch. It has nothing of the SDK in it while calls wait.

    Attributes:
        calls: The calls that wait for decisions.
        state: The state of the run; None if it has ended.
        output: The final output; None while calls wait.
    """

    calls: list[ToolCall]
    state: SdkState | None = None
    output: Any = None


@hitl.agent
async def reviewed(
    agent: Any,
    given: Any,
    *,
    ask: Collection[str] | None = None,
    context: Any = None,
    run_config: Any = None,
    max_turns: int = MAX_TURNS,
) -> Any:
    """Run an agent of the OpenAI Agents SDK to its end, and let people decide the calls of its tools.

    All calls of one turn of the model are one pause. The agent must be found by a name again: assign it to a variable
    of the notebook or of a module.

    Args:
        agent: The agent (`agents.Agent`), with its handoffs, and the agents that it uses as tools.
        given: The input: a text, or a list of input items of the SDK.
        ask: Names of the tools whose calls are proposed. None (default): every call is proposed, and policies decide
            which of them people see. Tools with `needs_approval` ask in any case.
        context: The context of the SDK, for tools and hooks. It is saved at a pause. None (default): no context.
        run_config: The configuration of the SDK (`agents.RunConfig`); it needs a name, as the agent does. None
            (default): that of the SDK.
        max_turns: Most turns of the agents before the SDK raises MaxTurnsExceeded.

    Returns:
        The final output, as `Runner.run(...).final_output` has it.

    Raises:
        TypeError: `ask` is a text.
        ValueError: `ask` names a tool that no agent has.
        HitlError: An agent cannot be reviewed, or another version of the SDK wrote the state.
        AgentsException: The SDK raised it, for example when a guardrail was tripped.
    """
    hitl.live(agent)
    if run_config is not None:
        hitl.live(run_config)
    select_asked([], ask)
    number, answers = 0, dict[str, CallAnswer]()
    options = (ask, context, run_config, max_turns)
    outcome = await run_stretch(agent, given, None, number, answers, options)
    while outcome.state is not None:
        decisions = hitl.checkpoint_all([_propose(call) for call in outcome.calls])
        answers = {**answers, **collect_answers(outcome.calls, decisions)}
        number += 1
        outcome = await run_stretch(agent, None, outcome.state, number, answers, options)
    return outcome.output


def collect_answers(calls: list[ToolCall], decisions: list[Any]) -> dict[str, CallAnswer]:
    """Return the answers to calls by their ids, from the decisions on their proposals."""
    return {call.id: answer_call(call, decision) for call, decision in zip(calls, decisions, strict=True)}


async def run_stretch(
    agent: Agent[Any],
    given: Any,
    saved: SdkState | None,
    number: int,
    answers: Mapping[str, CallAnswer],
    options: tuple[Collection[str] | None, Any, Any, int],
) -> Outcome:
    """Run the agent until it ends or waits.

    If the process dies in a stretch, this is called again with the same arguments. Recorded calls of tools and requests
    to models are then not made again.

    Args:
        agent: The agent.
        given: The input, for the first stretch.
        saved: The state of the run, for later ones.
        number: Number of the stretch, from 0.
        answers: The answers to all calls that were proposed so far.
        options: The arguments `ask`, `context`, `run_config` and `max_turns` of `reviewed`.
    """
    ask, context, run_config, max_turns = options
    check_names(ask, attend_agents(agent))
    stretch = Stretch(number, ask, answers)
    config = make_run_config(run_config or RunConfig(), stretch, check_attended)
    with enter_stretch(stretch):
        start: Any = given if saved is None else await _decide(agent, saved, context, answers)
        try:
            result = await Runner.run(agent, start, context=context, run_config=config, max_turns=max_turns)
        except UserError as error:
            if isinstance(error.__cause__, hitl.HitlError):
                raise error.__cause__ from None
            raise
        finally:
            if run_config is None:
                await config.model_provider.aclose()
    if stretch.refusal is not None:
        raise stretch.refusal
    if not result.interruptions:
        return Outcome([], output=result.final_output)
    calls = [_read_call(item, stretch) for item in result.interruptions]
    return Outcome(calls, save_state(result.to_state()))


async def _decide(
    agent: Agent[Any], saved: SdkState, context: Any, answers: Mapping[str, CallAnswer]
) -> RunState[Any, Any]:
    """Return the state of the run, in which the waiting calls are approved or rejected."""
    state = await load_state(agent, saved, context)
    for item in state.get_interruptions():
        answer = answers[_identify(item)]
        if answer.runs:
            state.approve(item)
        else:
            state.reject(item, rejection_message=answer.message)
    return state


def _identify(item: ToolApprovalItem) -> str:
    if not item.call_id:
        raise hitl.HitlError(f"the model gave no id for its call of {item.name}, and the call cannot be reviewed")
    return item.call_id


def _read_call(item: ToolApprovalItem, stretch: Stretch) -> ToolCall:
    """Return a call that waits, as plain data."""
    tool = stretch.found.get((id(item.agent), str(item.name)))
    name, arguments = str(item.qualified_name or item.name), read_arguments(item.arguments)
    if tool is None or arguments is None:
        return ToolCall(_identify(item), name, {"arguments": item.arguments} if arguments is None else arguments)
    return ToolCall(_identify(item), name, arguments, tool.description, tool.params_json_schema)


def _propose(call: ToolCall) -> Any:
    # Only the arguments of a function tool can be edited. Other calls have no schema.
    return propose_call(call, allow=ACTIONS if call.schema is not None else ("approve", "reject", "respond"))
