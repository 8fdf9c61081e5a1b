"""HTTP handlers of the REST API: check and decode a request, call its route, and encode the response or the error.

Authentication and authorization are checked in this module, for every route, before the function of the route is
called. Jupyter's decorators are not used, because one of them always checks the first resource with which it was
called. A Jupyter handler without a decorator is public, so each handler here checks the user itself.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from http.client import responses
from typing import Any, cast

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from hitl_nb.errors import HitlError, StoreCorrupt
from hitl_nb.evidence.picture_formats import MEDIA_TYPES
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.api.large_requests import LargeWork, answer_json, large_lane
from hitl_nb.server.api.openapi import CSV, NDJSON, build_document
from hitl_nb.server.api.route import Route
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.base.context import ServerContext
from hitl_nb.server.base.identity import decision_refusal, identify_user
from hitl_nb.server.live.feed import Feed, FeedHandler
from hitl_nb.server.live.log_poller import LogPoller
from hitl_nb.server.live.room_socket import RoomSocketHandler
from hitl_nb.server.live.rooms import Rooms
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.request import ApiRequest, RawRequest
from hitl_nb.server.messages.request_weights import LARGE_BYTES
from hitl_nb.server.messages.response_types.base import ID_PATTERN
from hitl_nb.server.messages.response_types.errors import ErrorResponse

_SHA = "(?P<sha>[0-9a-f]{64})"
_ID = f"(?P<id>{ID_PATTERN.strip('^$')})"


class RouteHandler(APIHandler):
    """Handles the requests to one path of the API, with any HTTP method."""

    def initialize(
        self, context: ServerContext, routes: dict[str, Route], feed: Feed, rooms: Rooms, large: LargeWork
    ) -> None:
        """Set the objects that all requests use.

        Args:
            context: State of the server.
            routes: The route of this path for each HTTP method, such as "GET".
            feed: The live feed, which polls the audit log at once after a change through this server.
            rooms: The drafts that are open in browsers.
            large: The worker processes for large values.
        """
        self.desk = context
        self.large = large
        self.feed = feed
        self.rooms = rooms
        self.routes = routes

    def set_default_headers(self) -> None:
        """Set the security headers, and forbid browsers to cache responses."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")

    async def get(self, **names: str) -> None:
        """Answer a GET request."""
        await self._handle("GET", names)

    async def post(self, **names: str) -> None:
        """Answer a POST request."""
        await self._handle("POST", names)

    async def put(self, **names: str) -> None:
        """Answer a PUT request."""
        await self._handle("PUT", names)

    async def delete(self, **names: str) -> None:
        """Answer a DELETE request."""
        await self._handle("DELETE", names)

    async def _handle(self, method: str, names: dict[str, str]) -> None:
        route = self.routes.get(method)
        user = self.current_user
        if user and route is None:
            self._send_error(405, "MethodNotAllowed", f"this path does not support {method}")
            return
        if route is None:
            self._send_error(403, "Forbidden", "log in first")
            return
        for action, resource in route.permissions:
            if not user or not await ensure_async(self.authorizer.is_authorized(self, user, action, resource)):
                self._send_error(403, "Forbidden", f"you may not {action} {resource}")
                return
        who = identify_user(self)
        if route.resource == "hitl:decisions" and (why := decision_refusal(self.desk, who)) is not None:
            self._send_error(403, "Forbidden", why)
            return
        if (wrong := self._body_error(route)) is not None:
            self._send_error(wrong[0], "BadRequest", wrong[1])
            return
        if route.asks_admin:
            who = replace(who, is_admin=await self._is_admin())
        given = {name: self.get_query_argument(name, strip=False) for name in self.request.query_arguments}
        sent = RawRequest(who, names.get("id", ""), given, self.request.body, names.get("sha", ""))
        try:
            await self._respond(route, sent)
        except Exception as error:  # errors without a status are raised again, and Tornado logs them
            status = answers.status_code_of(error)
            if status is None or self._headers_written:
                raise
            if status == 503:
                self.set_header("Retry-After", "1")
            self.set_status(status)
            self.finish(await self._error_json(error))

    async def _is_admin(self) -> bool:
        """Return whether the user may write the resource "hitl:admin"."""
        return bool(await ensure_async(self.authorizer.is_authorized(self, self.current_user, "write", "hitl:admin")))

    async def _is_large(self, route: Route, sent: RawRequest) -> bool:
        """Return whether a worker process must answer this request.

        Raises:
            ValueError: The query or the body is invalid.
            StoreError: The store cannot be read.
        """
        weigh = route.is_large
        if weigh is None or len(sent.body) > LARGE_BYTES:
            return weigh is not None
        return await self.desk.run_in_lane(lambda ledger: weigh(route.read_request(self.desk, ledger, sent)))

    async def _error_json(self, error: Exception) -> str:
        """Return the JSON of an error. If the error has a proposal, the JSON is encoded on a thread."""
        if getattr(error, "proposal", None) is None:
            return _encode_error(answers.error_response(self.desk, None, error))
        return await self.desk.run_in_lane(
            lambda ledger: _encode_error(answers.error_response(self.desk, ledger, error)), "values"
        )

    async def _respond(self, route: Route, sent: RawRequest) -> None:
        """Send the response to a request that passed all checks. Errors of the route's function are not handled."""
        lane = route.lane_of(sent)
        if await self._is_large(route, sent):
            said = await self.desk.run_in_lane(
                lambda ledger: self.large.answer(self.desk, ledger, route, sent), large_lane(lane)
            )
            self.set_status(said.status)
            if said.status == 503:
                self.set_header("Retry-After", "1")
            body = said.body
        else:
            body = await self.desk.run_in_lane(lambda ledger: answer_json(self.desk, ledger, route, sent), lane)
        if route.method != "GET":
            self.feed.poll_now(self.path_kwargs.get("id") if "/draft" in route.path else None)
            self.rooms.poll_now()
        self.finish(body)

    def _body_error(self, route: Route) -> tuple[int, str] | None:
        """Return HTTP status and message if the type or the length of the body is wrong; None if both are right."""
        if route.body is None:
            return None
        if self.request.headers.get("Content-Type", "").split(";")[0].strip().lower() != "application/json":
            return 415, "the body must have the content type application/json"
        if len(self.request.body) > route.limit:
            return 413, f"the body has {len(self.request.body)} bytes, at most {route.limit} are accepted"
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send an error that Jupyter, Tornado or an unexpected exception caused, in the API's error format."""
        error = kwargs.get("exc_info", (None, None))[1]
        said = error.log_message if isinstance(error, HTTPError) else None
        if error is not None and said is not None and error.args:
            said = said % error.args
        reason = responses.get(status_code, "Error")
        self.finish(_encode_error(ErrorResponse(error=reason.title().replace(" ", ""), message=said or reason)))

    def _send_error(self, status: int, error: str, message: str) -> None:
        self.set_status(status)
        self.finish(_encode_error(ErrorResponse(error=error, message=message)))


class NdjsonHandler(RouteHandler):
    """Sends a response of many lines of JSON, page by page, so that the whole response is never in memory."""

    async def _respond(self, route: Route, sent: RawRequest) -> None:
        this = await self.desk.run_in_lane(lambda ledger: route.read_request(self.desk, ledger, sent))
        after: int | None = this.query.after
        is_csv = getattr(this.query, "format", "") == "csv"
        kind, name = (CSV if is_csv else NDJSON), f"hitl_nb-{f'run-{sent.id}' if sent.id else 'events'}"
        try:
            while after is not None:
                query = msgspec.structs.replace(this.query, after=after)
                lines, after = await self.desk.run_in_lane(partial(_ndjson_page, route, replace(this, query=query)))
                if not self._headers_written:  # only now, because the answer may have been an error
                    self.set_header("Content-Type", kind)
                    self.set_header(
                        "Content-Disposition", f'attachment; filename="{name}.{"csv" if is_csv else "ndjson"}"'
                    )
                self.write(lines)  # pyright: ignore[reportUnknownMemberType]  # Tornado's own
                await self.flush()
        except StreamClosedError:
            return  # the client has disconnected
        except HitlError:
            if self._headers_written:  # clients notice a broken connection, but not a short answer
                self.log.exception("the export of hitl_nb's audit log failed before its end")
                self.detach().close()
                return
            raise
        self.finish(set_content_type=kind)


class PictureHandler(RouteHandler):
    """Sends a picture of evidence. A picture comes from an agent, so browsers must not execute or load anything of it.

    The bytes of a hash never change, so browsers may keep them; but only browsers, because reading needs permission.
    """

    async def _respond(self, route: Route, sent: RawRequest) -> None:
        media_type, data = cast(
            "tuple[str, bytes]",
            await self.desk.run_in_lane(
                lambda ledger: route.handler(route.read_request(self.desk, ledger, sent)), route.lane_of(sent)
            ),
        )
        if media_type not in MEDIA_TYPES:
            raise StoreCorrupt(f"a picture of proposal {sent.id} has the type {media_type[:40]!r}, which is not served")
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.set_header("Content-Disposition", "inline")
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.finish(data, set_content_type=media_type)


class NotFoundHandler(RouteHandler):
    """Answers requests to paths that the API does not have: status 404 with an error in the format of the API."""

    async def _handle(self, method: str, names: dict[str, str]) -> None:
        if self.current_user:
            self._send_error(404, "NotFound", "the API has no such path; openapi.json lists all paths")
        else:
            self._send_error(403, "Forbidden", "log in first")


class OpenApiHandler(RouteHandler):
    """Serves the OpenAPI document of the API to users who may read proposals."""

    async def _handle(self, method: str, names: dict[str, str]) -> None:
        user = self.current_user
        if not user or not await ensure_async(self.authorizer.is_authorized(self, user, "read", "hitl:proposals")):
            self._send_error(403, "Forbidden", "you may not read hitl:proposals")
        elif method != "GET":
            self._send_error(405, "MethodNotAllowed", f"this path does not support {method}")
        else:
            self.finish(json.dumps(build_document()))


def api_handlers(context: ServerContext, poller: LogPoller) -> list[tuple[str, type[JupyterHandler], dict[str, Any]]]:
    """Return the Tornado handlers of all paths of the API, of the live feed and of the rooms (drafts open in browsers).

    Args:
        context: State of the server, which all handlers share.
        poller: The server's reader of the audit log, from which the feed gets events.

    Returns:
        For each handler: path pattern, handler class, and arguments of `initialize` by name.
    """
    feed, rooms, large = Feed(context, poller), Rooms(context), LargeWork()
    paths: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = route
    made: list[tuple[str, type[JupyterHandler], dict[str, Any]]] = [
        (
            f"/hitl_nb/api/{path.replace('{id}', _ID).replace('{sha}', _SHA)}",
            _find_handler(routes),
            {"context": context, "routes": routes, "feed": feed, "rooms": rooms, "large": large},
        )
        for path, routes in paths.items()
    ]
    alone: dict[str, Any] = {"context": context, "routes": {}, "feed": feed, "rooms": rooms, "large": large}
    made.append(("/hitl_nb/api/openapi.json", OpenApiHandler, alone))
    made.append(("/hitl_nb/api/feed", FeedHandler, {"feed": feed}))
    made.append(("/hitl_nb/api/drafts/rooms", RoomSocketHandler, {"rooms": rooms}))
    made.append(("/hitl_nb/api/.*", NotFoundHandler, alone))
    return made


def _find_handler(routes: dict[str, Route]) -> type[RouteHandler]:
    """Return the class of handlers for the routes of one path."""
    if any(route.is_ndjson for route in routes.values()):
        return NdjsonHandler
    return PictureHandler if any(route.is_picture for route in routes.values()) else RouteHandler


def _ndjson_page(route: Route, request: ApiRequest, ledger: Ledger) -> tuple[bytes, int | None]:
    return cast("tuple[bytes, int | None]", route.handler(replace(request, ledger=ledger)))


def _encode_error(response: ErrorResponse) -> str:
    """Return an error as JSON. Python's encoder is used: it escapes quoted text that is not valid Unicode."""
    return json.dumps(msgspec.to_builtins(response))
