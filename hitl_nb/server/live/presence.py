"""Who is in a room: each browser's awareness, with the person's name put in by the server.

A browser speaks for the client ids that it was the first to use; states of others, which browsers send on, are
dropped. Only a newer connection of the same person takes an id over: a browser that lost its network comes back with
the ids that it had, and may do so before its old connection is found dead.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.structs import prepare_structs

AwarenessStates = list[tuple[int, int, "dict[str, Any] | None"]]

_MAX_STATES = 4
"""Most client ids that one connection uses: a browser that connects again with a new document takes another."""


class _YjsId(msgspec.Struct, frozen=True):
    client: int
    clock: int


class _RelativePosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A relative position, as Yjs writes it."""

    type: _YjsId | None = None
    tname: str | None = None
    item: _YjsId | None = None
    assoc: int = 0


class _AwarenessCursor(msgspec.Struct, frozen=True):
    anchor: _RelativePosition
    head: _RelativePosition


class _AwarenessState(msgspec.Struct, frozen=True):
    """What a browser says of itself; anything else is not passed on."""

    cursor: _AwarenessCursor | None = None
    focus: str | None = None
    typing: bool = False
    visible: bool = False


class Presence:
    """The awareness states of a room, by client id. Connections are told apart as objects."""

    def __init__(self) -> None:
        self._owners: dict[int, tuple[object, str]] = {}
        self._states: dict[int, tuple[int, dict[str, Any] | None]] = {}

    def update_states(self, connection: object, user: dict[str, Any], states: AwarenessStates) -> AwarenessStates:
        """Take the states that a connection sent; those that the others are to be told, with `user` as who it is.

        Raises ValueError for a connection that claims to be many, and for states that are none.
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
        """Forget a connection; what the others are to be told."""
        gone = [client for client, (owner, _) in self._owners.items() if owner is connection]
        news: AwarenessStates = []
        for client in gone:
            del self._owners[client]
            clock, state = self._states.pop(client, (0, None))
            if state is not None:
                news.append((client, clock + 1, None))
        return news

    def all_states(self) -> AwarenessStates:
        """Everybody who is here."""
        return [(client, clock, state) for client, (clock, state) in self._states.items() if state is not None]


def _decode_state(state: dict[str, Any]) -> _AwarenessState:
    try:
        return msgspec.convert(state, _AwarenessState)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"an awareness state is wrong: {wrong}") from None


prepare_structs(globals())
