"""Agents whose tools ask, and whose requests are recorded, in a stretch.

Agents stay the objects that they are: the SDK finds agents of handoffs and agents that are used as tools by identity.
So the methods that the SDK calls are replaced on the objects themselves. Outside of a stretch they do what they did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from agents import Agent, FunctionTool, Handoff, Model, Tool

import hitl_nb as hitl
from hitl_nb.integrations.openai_agents.model_requests import record_requests
from hitl_nb.integrations.openai_agents.reviewed_tools import make_reviewed
from hitl_nb.integrations.openai_agents.stretches import current_stretch


def attend_agents(agent: Agent[Any]) -> list[Agent[Any]]:
    """Prepare an agent for stretches, and the agents that it hands over to or uses as tools.

    Returns:
        The agents. They are marked with `hitl.live`.
    """
    found, work = dict[int, Agent[Any]](), [agent]
    for one in work:
        if id(one) not in found:
            found[id(one)] = one
            _attend(one)
            work += _list_next(one)
    return list(found.values())


def check_attended(agent: Any) -> None:
    """Check that the calls of an agent are reviewed.

    Raises:
        HitlError: They are not, because a handoff made the agent or chose it itself.
    """
    if "get_all_tools" not in vars(agent):
        raise hitl.HitlError(
            f"reviewed() did not know the agent {agent.name!r}, to which a handoff led, and its tools would not ask. "
            "Put the agent into `handoffs`, or use handoff(agent)"
        )


def check_names(ask: Collection[str] | None, agents: Iterable[Agent[Any]]) -> None:
    """Check that each name in `ask` is that of a tool. Tools of MCP servers are not known beforehand.

    Raises:
        ValueError: There is no such tool.
    """
    if ask is None or any(agent.mcp_servers for agent in agents):
        return
    tools = [tool for agent in agents for tool in agent.tools if isinstance(tool, FunctionTool)]
    known = {name for tool in tools for name in (tool.name, tool.qualified_name)}
    for name in ask:
        if name not in known:
            raise ValueError(f"ask names {name!r}, and no agent has a function tool of this name: {sorted(known)}")


def _attend(agent: Agent[Any]) -> None:
    hitl.live(agent)
    if isinstance(agent.model, Model):
        hitl.live(agent.model)
        record_requests(agent.model)
    if "get_all_tools" in vars(agent):
        return
    list_tools = agent.get_all_tools

    async def get_all_tools(run_context: Any) -> list[Tool]:
        tools, stretch = await list_tools(run_context), current_stretch.get()
        if stretch is None:
            return tools
        reviewed = [make_reviewed(tool, stretch) for tool in tools]
        stretch.found.update({(id(agent), tool.name): tool for tool in reviewed if isinstance(tool, FunctionTool)})
        return reviewed

    vars(agent).update(get_all_tools=get_all_tools)


def _list_next(agent: Agent[Any]) -> list[Agent[Any]]:
    """Return the agents to which an agent hands over, and those that it uses as tools."""
    found: list[Any] = []
    for handoff in agent.handoffs:
        target: Any = handoff
        if isinstance(handoff, Handoff):
            target = handoff._agent_ref and handoff._agent_ref()  # pyright: ignore[reportPrivateUsage]
        found.append(target)
    found += [getattr(tool, "_agent_instance", None) for tool in agent.tools]
    return [one for one in found if isinstance(one, Agent)]
