"""`reviewed()`: run an agent of Pydantic AI to its end, and let people decide its calls of tools.

Between two pauses the agent runs in one call (a *stretch*). It takes and returns plain data: the messages as JSON, and
the calls that people decide. So the saved state of the run has nothing of Pydantic AI in it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pydantic_ai

import hitl_nb as hitl
from hitl_nb.integrations.pydantic_ai.requests import answer_asked, propose_asked
from hitl_nb.integrations.pydantic_ai.stretch import Progress, check_options, run_stretch
from hitl_nb.integrations.tool_calls import select_asked


@hitl.agent
async def reviewed(
    agent: Any, prompt: Any = None, *, ask: Collection[str] | None = None, show: bool | None = None, **options: Any
) -> Any:
    """Run an agent to its end in an agent of hitl_nb, and let people decide the calls of its tools.

    All calls of one turn of the model that ask are one pause. The agent must be found by a name again: assign it to a
    variable of the notebook or of a module. A tool that the agent marks with `requires_approval=True` always asks.

    Args:
        agent: An agent of Pydantic AI.
        prompt: The prompt of the user, as for `agent.run`.
        ask: Names of the tools that ask. None: every call is proposed, and policies decide which of them people see.
        show: Whether the text of the model is written to standard output while it comes. None (default): in a notebook.
        **options: Further arguments of `agent.run`, such as `deps` or `usage_limits`. They are saved with the run.

    Returns:
        The output of the run, as `(await agent.run(...)).output`.

    Raises:
        TypeError: `ask` is a text, or an option is one that `reviewed` sets itself.
        ValueError: `ask` names a tool that the agent does not have.
        HitlError: The run was begun with another version of Pydantic AI. Nothing was done.
    """
    hitl.live(agent)
    select_asked((), ask)
    check_options(options)
    version = read_version()
    progress: Progress | None = None
    answers: list[Any] = []
    while True:
        check_version(version)
        progress, output = await run_stretch(agent, prompt, progress, answers, ask, options, show)
        asked = progress["asked"]
        if not asked:
            return output
        prompt = None
        decisions = hitl.checkpoint_all([propose_asked(one) for one in asked])
        answers = [answer_asked(one, decision) for one, decision in zip(asked, decisions, strict=True)]


@hitl.step(idempotent=True)
def read_version() -> str:
    """Return the version of Pydantic AI. The record of the step keeps that with which the run was begun."""
    return pydantic_ai.__version__


def check_version(begun: str) -> None:
    """Check that a run was begun with this version of Pydantic AI, which then wrote its messages.

    Args:
        begun: The version with which the run was begun.

    Raises:
        HitlError: It is another version.
    """
    if begun != pydantic_ai.__version__:
        raise hitl.HitlError(
            f"this run was begun with pydantic-ai {begun}, and pydantic-ai {pydantic_ai.__version__} is installed, "
            "which may read its messages in another way. Nothing was done. To continue it, install "
            f'"pydantic-ai-slim=={begun}". Or begin again: with --restart in a notebook, with another key elsewhere'
        )
