"""A request of the REST API before and after decoding, and the functions that decode its body and its query."""

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
    """A request that passed all checks, with decoded body and query. The function of a route gets this object.

    Attributes:
        context: State of the server.
        ledger: The ledger.
        person: The user who made the request.
        id: Id in the path; "" if the path has none.
        body: The decoded body, an object of the route's `body` type; None if the route takes no body.
        query: The decoded query, an object of the route's `query` type.
        sha: SHA-256 (hex) of a picture in the path; "" if the path has none.
    """

    context: ServerContext
    ledger: Ledger
    person: Person
    id: str = ""
    body: Any = None
    query: Any = None
    sha: str = ""


@dataclass(frozen=True)
class RawRequest:
    """A request before its body and query are decoded. The user is already authorized.

    Attributes:
        person: The user who made the request.
        id: Id in the path; "" if the path has none.
        query: Query parameters by name.
        body: The body as bytes; empty if there is none.
        sha: SHA-256 (hex) of a picture in the path; "" if the path has none.
    """

    person: Person
    id: str
    query: dict[str, str]
    body: bytes
    sha: str = ""


def read_body(kind: Any, raw: bytes) -> Any:
    """Decode the JSON body of a request. The result is None if the route takes no body.

    Args:
        kind: Type of the body; None if the route takes no body.
        raw: The body as bytes.

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
    """Decode the query parameters of a request. Unknown parameters are ignored, and empty parameters count as missing.

    Args:
        kind: Type of the query. The parameters in its `meaning_empty` do not count as missing if they are empty.
        given: The parameters by name.

    Raises:
        ValueError: The query is invalid; the message says why.
    """
    known = {name: given[name] for name in kind.__struct_encode_fields__ if name in given}
    known = {name: value for name, value in known.items() if value or name in kind.meaning_empty}
    try:
        return msgspec.convert(known, kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"the request's query is invalid: {wrong}") from None
