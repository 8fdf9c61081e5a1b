"""A request that passed all checks, as a route's function gets it, and how its body and query are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.base.context import ServerContext
from hitl_nb.server.base.identity import Person
from hitl_nb.server.messages.request_schemas import Query


@dataclass(frozen=True)
class ApiRequest:
    """One request, checked: who asks, the id in its path, and the body and query that its route names."""

    context: ServerContext
    ledger: Ledger
    person: Person
    id: str = ""
    body: Any = None
    query: Any = None


@dataclass(frozen=True)
class RawRequest:
    """A request as it came, from somebody who may make it."""

    person: Person
    id: str
    query: dict[str, str]
    body: bytes


def read_body(kind: Any, raw: bytes) -> Any:
    """A request's body, as the route takes it; None if it takes none. Raises ValueError with a sentence."""
    if kind is None:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ValueError(f"the body is not as it must be: {wrong}") from None


def read_query(kind: type[Query], given: dict[str, str]) -> Query:
    """A request's query, as the route takes it. Raises ValueError with a sentence."""
    known = {name: given[name] for name in kind.__struct_fields__ if name in given}
    known = {name: value for name, value in known.items() if value or name in kind.meaning_empty}
    try:
        return msgspec.convert(known, kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"the query is not as it must be: {wrong}") from None
