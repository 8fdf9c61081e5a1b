"""Presence: which people have a draft open, where their cursors are, and whether they are typing.

A room is a draft that is open in browsers. Each browser sends an *awareness state* (as in Yjs) under its client id. The
server sends these states to all browsers in the room, after it has set the user's name in each state.

A client id belongs to the connection that uses it first. States for client ids of other connections, which browsers
forward, are dropped. Only a newer connection of the same user can take over a client id. This is needed after a network
failure. A browser then connects again with its old client id, perhaps before the server notices that the old connection
has ended.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.structs import prepare_structs

AwarenessStates = list[tuple[int, int, "dict[str, Any] | None"]]

_MAX_STATES = 4
"""Maximum number of client ids of one connection. A browser uses a new id when it begins with a new document."""


class _YjsId(msgspec.Struct, frozen=True):
    client: int
    clock: int


class _RelativePosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A position in a document that moves with the text around it: a relative position, in the JSON form of Yjs."""

    type: _YjsId | None = None
    tname: str | None = None
    item: _YjsId | None = None
    assoc: int = 0


class _AwarenessCursor(msgspec.Struct, frozen=True):
    anchor: _RelativePosition
    head: _RelativePosition


class _AwarenessState(msgspec.Struct, frozen=True):
    """The fields of a browser's awareness state that the server sends to other browsers; all others are dropped."""

    cursor: _AwarenessCursor | None = None
    focus: str | None = None
    typing: bool = False
    visible: bool = False


class Presence:
    """The awareness states of all browsers in a room, by client id. Connections are objects, compared by identity."""

    def __init__(self) -> None:
        self._owners: dict[int, tuple[object, str]] = {}
        self._states: dict[int, tuple[int, dict[str, Any] | None]] = {}

    def update_states(self, connection: object, user: dict[str, Any], states: AwarenessStates) -> AwarenessStates:
        """Store the awareness states that a connection sent. States that are not newer than stored states are dropped.

        Args:
            connection: The sender.
            user: JSON object that identifies the sender's user, with at least "username". It replaces the field "user"
                of the states.
            states: A tuple for each browser: client id, clock (a number that grows with each state), and state. The
                state is None if the browser has left.

        Returns:
            The states that were stored, in the same form. The caller sends them to all browsers in the room.

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
        """Remove the states of a connection that has ended.

        Returns:
            A tuple for each removed state: client id, clock and None. The caller sends them to the other browsers.
        """
        gone = [client for client, (owner, _) in self._owners.items() if owner is connection]
        news: AwarenessStates = []
        for client in gone:
            del self._owners[client]
            clock, state = self._states.pop(client, (0, None))
            if state is not None:
                news.append((client, clock + 1, None))
        return news

    def all_states(self) -> AwarenessStates:
        """Return a tuple for each browser that has not left: client id, clock and state."""
        return [(client, clock, state) for client, (clock, state) in self._states.items() if state is not None]


def _decode_state(state: dict[str, Any]) -> _AwarenessState:
    try:
        return msgspec.convert(state, _AwarenessState)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"an awareness state is malformed: {wrong}") from None


prepare_structs(globals())
