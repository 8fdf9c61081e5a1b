"""One call of the REST API: its permissions, parameters and answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.base.context import Lane, ServerContext
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages.request import ApiRequest, RawRequest, read_body, read_query
from hitl_nb.server.messages.response_types.base import ResponseStruct

SMALL, LARGE = 1 << 20, 24 << 20
"""Maximum size of a body, in bytes: for most calls, and for those with a proposal's value."""

READ = ("hitl:proposals", "read")
WRITE = ("hitl:proposals", "write")
DECIDE = ("hitl:decisions", "write")
EXECUTE = ("kernels", "execute")
ADMIN = ("hitl:admin", "write")
AUDIT = ("hitl:audit", "read")
"""Resource and action for Jupyter's authorizer."""


@dataclass(frozen=True)
class Route:
    """One call of the REST API.

    Attributes:
        method: HTTP method.
        path: Path below `/hitl_nb/api/`; `{id}` is an id.
        resource: Resource that Jupyter's authorizer checks, such as "hitl:proposals".
        action: Action that Jupyter's authorizer checks, such as "read".
        handler: Function that returns the response. If `is_ndjson` is True, it returns one page as bytes, and the event
            number after which the next page begins (None for the last page). If `is_picture` is True, it returns the
            media type and the bytes of a picture.
        response_type: Type of the response; if `is_ndjson` is True, type of each of its lines.
        summary: Description in the OpenAPI document.
        body: Type of the body; None if there is none.
        query: Type of the query.
        limit: Maximum size of the body, in bytes.
        errors: HTTP status codes of errors, in addition to the codes that `error_statuses` adds for every call.
        lane: Name of the thread pool (see `context.Lane`), or a function that chooses the name for a request.
        is_ndjson: Whether the response is a stream of lines, each with one JSON value.
        is_picture: Whether the response is a picture; `response_type` is then not used.
        is_large: Function that returns whether a request is about a large value, so that a worker process must answer
            the request. None: never.
        asks_admin: Whether the function needs to know if the user is an administrator.
    """

    method: str
    path: str
    resource: str
    action: str
    handler: Callable[[ApiRequest], ResponseStruct | tuple[bytes, int | None] | tuple[str, bytes]]
    response_type: type[ResponseStruct]
    summary: str
    body: type | None = None
    query: type[bodies.Query] = bodies.Query
    limit: int = SMALL
    errors: tuple[int, ...] = ()
    lane: Lane | Callable[[RawRequest], Lane] = "records"
    is_ndjson: bool = False
    is_picture: bool = False
    is_large: Callable[[ApiRequest], bool] | None = None
    asks_admin: bool = False

    def read_request(self, context: ServerContext, ledger: Ledger, sent: RawRequest) -> ApiRequest:
        """Decode the body and the query of a request. This is slow for a long body.

        Args:
            context: State of the server.
            ledger: The ledger that the function of the route will use.
            sent: The request.

        Raises:
            ValueError: The body or the query is invalid; the message says why.
        """
        body, query = read_body(self.body, sent.body), read_query(self.query, sent.query)
        return ApiRequest(context, ledger, sent.person, sent.id, body, query, sent.sha)

    def lane_of(self, sent: RawRequest) -> Lane:
        """Return the name of the thread pool in which a request must run."""
        return self.lane(sent) if callable(self.lane) else self.lane

    @property
    def permissions(self) -> tuple[tuple[str, str], ...]:
        """Pairs of action and resource for which the user needs permission.

        Except for the audit log, reading proposals is always included, because errors can contain proposals.
        """
        own, reading = (self.action, self.resource), (READ[1], READ[0])
        return (own,) if own == reading or self.resource == AUDIT[0] else (own, reading)

    @property
    def error_statuses(self) -> list[int]:
        """HTTP status codes of all errors with which the call can be answered, sorted."""
        named = (404,) if "{id}" in self.path else ()
        sent = (413, 415) if self.body is not None else ()
        written = (507,) if self.action == "write" else ()
        return sorted({400, 403, 500, 503, *named, *sent, *written, *self.errors})
