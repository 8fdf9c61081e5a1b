"""A request that passed all checks, as a route's function gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hitl_nb.server.desk import Desk
from hitl_nb.server.who import Person
from hitl_nb.store.ledger import Ledger

MOST = 500
"""Most entries of a page."""


@dataclass(frozen=True)
class Asked:
    """One request, checked: who asks, the id in its path, its body, and its query."""

    desk: Desk
    ledger: Ledger
    who: Person
    id: str = ""
    body: Any = None
    query: dict[str, str] = field(default_factory=dict[str, str])

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query. Raises ValueError."""
        text = self.query.get(name, str(default))
        if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= most:
            raise ValueError(f"{name} must be a whole number from 0 to {most}, not {text[:20]!r}")
        return int(text)
