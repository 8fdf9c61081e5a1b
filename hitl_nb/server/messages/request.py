"""A checked request, as a route's function gets it, and functions to decode its body and query."""

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
    """A request that passed all checks.

    Attributes:
        context: State of the server.
        ledger: The ledger.
        person: The user who made the request.
        id: Id in the path; "" if the path has none.
        body: The decoded body, of the route's `body` type; None if the route takes none.
        query: The decoded query, of the route's `query` type.
    """

    context: ServerContext
    ledger: Ledger
    person: Person
    id: str = ""
    body: Any = None
    query: Any = None


@dataclass(frozen=True)
class RawRequest:
    """A request before its body and query are decoded; its user is authorized already."""

    person: Person
    id: str
    query: dict[str, str]
    body: bytes


def read_body(kind: Any, raw: bytes) -> Any:
    """Decode a request's body.

    Args:
        kind: Type of the body; None if the route takes none.
        raw: JSON.

    Raises:
        ValueError: The body is invalid; the message says why.
    """
    if kind is None:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ValueError(f"the request's body is invalid: {wrong}") from None


def read_query(kind: type[Query], given: dict[str, str]) -> Query:
    """Decode a request's query. Unknown parameters are ignored; an empty one counts as missing.

    Args:
        kind: Type of the query; its `meaning_empty` names parameters that may be empty.
        given: Parameters by name.

    Raises:
        ValueError: The query is invalid; the message says why.
    """
    known = {name: given[name] for name in kind.__struct_fields__ if name in given}
    known = {name: value for name, value in known.items() if value or name in kind.meaning_empty}
    try:
        return msgspec.convert(known, kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"the request's query is invalid: {wrong}") from None
