"""`PermissionCards`: the permission questions of an agent become proposals, and the agent waits for the decision.

An agent asks its client with `session/request_permission`, and keeps the request open. The protocol has no way to
change the arguments of the call, and none to say why it was refused. So people can only approve or reject.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import hitl_nb as hitl
from hitl_nb.integrations.acp.tool_calls import PermissionToolCall, describe_call

ONCE = {"approve": "allow_once", "reject": "reject_once"}
"""Actions of people -> kind of the option that is chosen. An option for "always" is never chosen."""


class PermissionChoice(Protocol):
    """An option of a permission question, as the agent offers it (`acp.schema.PermissionOption`)."""

    @property
    def option_id(self) -> str:
        """Id of the option, for the answer."""
        ...

    @property
    def kind(self) -> str:
        """Kind of the option: "allow_once", "allow_always", "reject_once" or "reject_always"."""
        ...


class PermissionCards:
    """Base class for a client of the protocol: it answers permission questions by the decisions of people.

    Put it before the client's other base class: `class Client(PermissionCards, acp.Client)`. Call
    `withdraw_permissions` when the client sends `session/cancel`. Questions are also withdrawn when the connection to
    the agent is closed.

    Attributes:
        agent_name: Name of the agent, shown to people. None: the name of the program.
        store_url: URL of the store. None: this user's store.
    """

    agent_name: str | None = None
    store_url: str | None = None

    def name_agent(self, session_id: str) -> str | None:
        """Return the name of the agent of a session, shown to people. None: the name of the program."""
        return self.agent_name

    async def request_permission(
        self, options: Sequence[PermissionChoice], session_id: str, tool_call: PermissionToolCall, **kwargs: Any
    ) -> Any:
        """Ask people whether the agent may call a tool, and wait for the decision.

        Args:
            options: The options that the agent offers.
            session_id: Id of the session.
            tool_call: The call.
            **kwargs: Metadata of the request, which are not used.

        Returns:
            The response of the protocol: the option of the kind "allow_once" or "reject_once". "cancelled" if the
            question was withdrawn, or if the agent offers no such option.
        """
        choices = {option.kind: option.option_id for option in options}
        asking = asyncio.ensure_future(self._ask(choices, session_id, tool_call))
        open_ = self._open_questions.setdefault(session_id, set())
        open_.add(asking)
        try:
            await asyncio.wait([asking])
        finally:
            open_.discard(asking)
            if not asking.done():
                asking.cancel()  # the connection was closed
                await asyncio.wait([asking])
        return _make_response(None if asking.cancelled() else asking.result())

    def withdraw_permissions(self, session_id: str) -> None:
        """Withdraw the open questions of a session. The agent gets the answer "cancelled", as the protocol demands."""
        for asking in list(self._open_questions.get(session_id, ())):
            asking.cancel()

    @property
    def _open_questions(self) -> dict[str, set[asyncio.Future[str | None]]]:
        # There is no __init__: the other base class has its own arguments.
        return self.__dict__.setdefault("_hitl_open_questions", {})

    async def _ask(self, choices: dict[str, str], session_id: str, tool_call: PermissionToolCall) -> str | None:
        """Ask people. Return the id of the option that they chose; None if there is none, or if it was withdrawn."""
        allow: list[Any] = [action for action, kind in ONCE.items() if kind in choices]
        if not allow:
            return None
        store = None if self.store_url is None else await asyncio.to_thread(hitl.open_store, self.store_url)
        asked = describe_call(tool_call)
        async with hitl.held(
            asked.value,
            title=asked.title,
            context=asked.context,
            tags=asked.tags,
            allow=allow,
            agent=self.name_agent(session_id),
            store=store,
        ) as question:
            try:
                decision = await question
            except hitl.HitlError:
                if await _is_withdrawn(question.id, store):
                    return None
                raise
            return choices.get(ONCE[decision.action])


async def _is_withdrawn(proposal_id: str, store: Any) -> bool:
    try:
        return (await hitl.decided(proposal_id, timeout=0, store=store)).status == "superseded"
    except TimeoutError:
        return False


def _make_response(option_id: str | None) -> Any:
    schema = import_module("acp.schema")  # imported here, so that only a client of the protocol needs the package
    outcome = (
        schema.DeniedOutcome(outcome="cancelled")
        if option_id is None
        else schema.AllowedOutcome(outcome="selected", option_id=option_id)
    )
    return schema.RequestPermissionResponse(outcome=outcome)
