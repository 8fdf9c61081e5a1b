"""Who is in a room: each browser's awareness, with the person's name put in by the server.

A browser speaks for the client ids that it was the first to use; states of others, which browsers send on, are
dropped. Only a newer connection of the same person takes an id over: a browser that lost its network comes back with
the ids that it had, and may do so before its old connection is found dead.
"""

from __future__ import annotations

from typing import Any

States = list[tuple[int, int, "dict[str, Any] | None"]]

_KEPT = ("cursor", "focus", "typing", "visible")
"""What a browser says of itself; anything else is not passed on."""
_MOST = 4
"""Most client ids that one connection uses: a browser that connects again with a new document takes another."""


class Presence:
    """The awareness states of a room, by client id. Connections are told apart as objects."""

    def __init__(self) -> None:
        self._owners: dict[int, tuple[object, str]] = {}
        self._states: dict[int, tuple[int, dict[str, Any] | None]] = {}

    def hear(self, connection: object, user: dict[str, Any], states: States) -> States:
        """Take the states that a connection sent; those that the others are to be told, with `user` as who it is.

        Raises ValueError for a connection that claims to be many.
        """
        news: States = []
        me = (connection, str(user["username"]))
        for client, clock, state in states:
            if self._owners.get(client, me)[1] != me[1]:
                continue
            self._owners[client] = me
            if sum(owner is connection for owner, _ in self._owners.values()) > _MOST:
                raise ValueError(f"one connection uses at most {_MOST} client ids")
            before = self._states.get(client)
            if before is not None and (clock, state is None) <= (before[0], before[1] is None):
                continue
            if state is not None:
                state = {**{name: state[name] for name in _KEPT if name in state}, "user": user}
            self._states[client] = (clock, state)
            news.append((client, clock, state))
        return news

    def leave(self, connection: object) -> States:
        """Forget a connection; what the others are to be told."""
        gone = [client for client, (owner, _) in self._owners.items() if owner is connection]
        news: States = []
        for client in gone:
            del self._owners[client]
            clock, state = self._states.pop(client, (0, None))
            if state is not None:
                news.append((client, clock + 1, None))
        return news

    def all(self) -> States:
        """Everybody who is here."""
        return [(client, clock, state) for client, (clock, state) in self._states.items() if state is not None]
