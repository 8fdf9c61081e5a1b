"""A request that passed all checks, as a route's function gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hitl_nb.server.desk import Desk
from hitl_nb.server.who import Person
from hitl_nb.store.ledger import Ledger


@dataclass(frozen=True)
class Asked:
    """One request, checked: who asks, the id in its path, and the body and query that its route names."""

    desk: Desk
    ledger: Ledger
    who: Person
    id: str = ""
    body: Any = None
    query: Any = None
