"""Presence in a room: the awareness states of all browsers, with the user's name set by the server.

A connection may send states only for the client ids that it was the first to use. States of other ids, which browsers
forward, are dropped. Only a newer connection of the same user can take over an id. A browser that lost its network
needs this: it reconnects with its old ids, possibly before its old connection is known to be dead.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.structs import prepare_structs

AwarenessStates = list[tuple[int, int, "dict[str, Any] | None"]]

_MAX_STATES = 4
"""Maximum client ids of one connection: a browser that reconnects with a new document uses another one."""


class _YjsId(msgspec.Struct, frozen=True):
    client: int
    clock: int


class _RelativePosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A relative position, in the form that Yjs uses."""

    type: _YjsId | None = None
    tname: str | None = None
    item: _YjsId | None = None
    assoc: int = 0


class _AwarenessCursor(msgspec.Struct, frozen=True):
    anchor: _RelativePosition
    head: _RelativePosition


class _AwarenessState(msgspec.Struct, frozen=True):
    """Fields of a browser's state that are forwarded; all others are dropped."""

    cursor: _AwarenessCursor | None = None
    focus: str | None = None
    typing: bool = False
    visible: bool = False


class Presence:
    """The awareness states of a room, by client id. A connection is any object, compared by identity."""

    def __init__(self) -> None:
        self._owners: dict[int, tuple[object, str]] = {}
        self._states: dict[int, tuple[int, dict[str, Any] | None]] = {}

    def update_states(self, connection: object, user: dict[str, Any], states: AwarenessStates) -> AwarenessStates:
        """Store the states that a connection sent.

        Args:
            connection: The sender.
            user: Identity of the sender's user; it replaces any identity in the states.
            states: Client id, clock and state of each browser; the state is None for one that has left.

        Returns:
            The states that changed, to send to all members.

        Raises:
            ValueError: The connection uses too many client ids, or a state is malformed.
        """
        news: AwarenessStates = []
        me = (connection, str(user["username"]))
        for client, clock, state in states:
            if self._owners.get(client, me)[1] != me[1]:
                continue
            self._owners[client] = me
            if sum(owner is connection for owner, _ in self._owners.values()) > _MAX_STATES:
                raise ValueError(f"one connection uses at most {_MAX_STATES} client ids")
            before = self._states.get(client)
            if before is not None and (clock, state is None) <= (before[0], before[1] is None):
                continue
            if state is not None:
                state = {**msgspec.to_builtins(_decode_state(state)), "user": user}
            self._states[client] = (clock, state)
            news.append((client, clock, state))
        return news

    def remove_connection(self, connection: object) -> AwarenessStates:
        """Remove a connection's states. Return the changes to send to the others."""
        gone = [client for client, (owner, _) in self._owners.items() if owner is connection]
        news: AwarenessStates = []
        for client in gone:
            del self._owners[client]
            clock, state = self._states.pop(client, (0, None))
            if state is not None:
                news.append((client, clock + 1, None))
        return news

    def all_states(self) -> AwarenessStates:
        """Return the states of all browsers that have not left."""
        return [(client, clock, state) for client, (clock, state) in self._states.items() if state is not None]


def _decode_state(state: dict[str, Any]) -> _AwarenessState:
    try:
        return msgspec.convert(state, _AwarenessState)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"an awareness state is malformed: {wrong}") from None


prepare_structs(globals())
