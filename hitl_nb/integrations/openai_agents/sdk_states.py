"""The state of a run of the SDK as text, with the version of the SDK that wrote it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from agents import Agent, RunContextWrapper, RunState
from agents.exceptions import UserError
from agents.version import __version__

import hitl_nb as hitl

CONTEXT_FIELDS = {"usage", "approvals", "context", "context_meta"}
"""Names of the fields by which a context is recognized in the JSON of the SDK."""


@dataclass(frozen=True)
class SdkState:
    """The state of a run that waits for decisions. It has nothing of the SDK in it.

    Attributes:
        version: The version of openai-agents that wrote it.
        text: `RunState.to_json`, as text. The context of the user is not in it.
    """

    version: str
    text: str


def save_state(state: RunState[Any, Any]) -> SdkState:
    """Return a state of the SDK as text."""
    return SdkState(__version__, json.dumps(_remove_contexts(state.to_json(context_serializer=lambda _: {}))))


async def load_state(agent: Agent[Any], saved: SdkState, context: Any) -> RunState[Any, Any]:
    """Return the state of the SDK that `save_state` saved.

    Args:
        agent: The agent that was run first.
        saved: The saved state.
        context: The context of the user.

    Raises:
        HitlError: Another version of the SDK wrote it, or the agent was changed in a way that does not fit it.
    """
    check_version(saved.version, "the state of this run")
    try:
        return await RunState.from_json(agent, json.loads(saved.text), context_override=RunContextWrapper(context))
    except UserError as error:
        raise hitl.HitlError(
            f"openai-agents {__version__} cannot continue the state of this run, which openai-agents {saved.version} "
            f"wrote: {error}. If the agents were changed since then, change them back, or start the run again"
        ) from error


def _remove_contexts(data: Any) -> Any:
    """Return data of `RunState.to_json` without the context of the user: `reviewed` keeps it as an object.

    The states of agents that are used as tools are inside the state. They get the context when they continue.
    """
    if isinstance(data, list):
        return [_remove_contexts(one) for one in cast("list[Any]", data)]
    if not isinstance(data, dict):
        return data
    fields = cast("dict[str, Any]", data)
    if fields.keys() >= CONTEXT_FIELDS:
        return {**fields, "context": None, "context_meta": None}
    return {key: _remove_contexts(value) for key, value in fields.items()}


def check_version(version: str, what: str) -> None:
    """Check that a version of the SDK can read what another one wrote: the first two numbers must be equal.

    Args:
        version: The version that wrote it.
        what: The name of the data, for the message.

    Raises:
        HitlError: It cannot. The message says what to do.
    """
    if version.split(".")[:2] != __version__.split(".")[:2]:
        raise hitl.HitlError(
            f"openai-agents {version} wrote {what}, and this is openai-agents {__version__}. Nothing was lost: install "
            f"openai-agents=={version} to continue, or start the run again"
        )
