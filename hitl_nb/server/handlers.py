"""From an HTTP request to a route and back: who asks, whether they may, what they sent; then the answer, or why not.

Everything is checked here, for every route, before its function runs: Jupyter's decorators are not used, since one of
them remembers the first resource it was asked about for ever, and an undecorated handler of Jupyter's is public.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado.web import HTTPError

from hitl_nb.server import answers
from hitl_nb.server.desk import Desk
from hitl_nb.server.feed import Feed, FeedHandler
from hitl_nb.server.openapi import document
from hitl_nb.server.routes import ROUTES, Asked, Route
from hitl_nb.server.who import person, refusal

_ID = "(?P<id>[A-Za-z0-9_-]{1,64})"


class RouteHandler(APIHandler):
    """Answers the calls of one path; `routes` has one for each method."""

    def initialize(self, desk: Desk, routes: dict[str, Route], feed: Feed) -> None:
        self.desk = desk
        self.feed = feed
        self.routes = routes

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")

    async def get(self, **names: str) -> None:
        await self._answer("GET", names)

    async def post(self, **names: str) -> None:
        await self._answer("POST", names)

    async def put(self, **names: str) -> None:
        await self._answer("PUT", names)

    async def delete(self, **names: str) -> None:
        await self._answer("DELETE", names)

    async def _answer(self, method: str, names: dict[str, str]) -> None:
        route = self.routes.get(method)
        user = self.current_user
        if user and route is None:
            self._refuse(405, "MethodNotAllowed", f"{method} is not a call of this path")
            return
        if route is None:
            self._refuse(403, "Forbidden", "log in first")
            return
        if not user or not await ensure_async(self.authorizer.is_authorized(self, user, route.action, route.resource)):
            self._refuse(403, "Forbidden", f"you may not {route.action} {route.resource}")
            return
        who = person(self)
        if route.resource == "hitl:decisions" and (why := refusal(self.desk, who)) is not None:
            self._refuse(403, "Forbidden", why)
            return
        try:
            body = self._body(route)
        except HTTPError as wrong:
            self._refuse(wrong.status_code, "BadRequest", wrong.log_message or "")
            return
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        given = {name: value for name, value in query.items() if name in route.query and value}
        try:
            said = await self.desk.call(
                lambda ledger: route.answer(Asked(self.desk, ledger, who, names.get("id", ""), body, given))
            )
        except Exception as error:  # those without a status go on to Tornado, which logs them
            status = answers.status_of(error)
            if status is None:
                raise
            if status == 503:
                self.set_header("Retry-After", "1")
            self.set_status(status)
            self.finish(json.dumps(answers.failure(self.desk, error)))
            return
        if method != "GET":
            self.feed.soon(names.get("id") if "/draft" in route.path else None)
        self.finish(json.dumps(said, ensure_ascii=False))

    def _body(self, route: Route) -> Any:
        """The request's body, as the route takes it. Raises HTTPError with a sentence."""
        if route.body is None:
            return None
        if self.request.headers.get("Content-Type", "").split(";")[0].strip().lower() != "application/json":
            raise HTTPError(415, "the body must be application/json")
        if len(self.request.body) > route.limit:
            raise HTTPError(413, f"the body has {len(self.request.body)} bytes, at most {route.limit} are accepted")
        try:
            kind: Any = route.body
            return msgspec.json.decode(self.request.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise HTTPError(400, f"the body is not as it must be: {str(wrong).replace('%', '%%')}") from None

    def _refuse(self, status: int, error: str, message: str) -> None:
        self.set_status(status)
        self.finish(json.dumps({"error": error, "message": message}))


class OpenApiHandler(RouteHandler):
    """Serves the description of the API, made from the table of routes."""

    async def _answer(self, method: str, names: dict[str, str]) -> None:
        user = self.current_user
        if not user or not await ensure_async(self.authorizer.is_authorized(self, user, "read", "hitl:proposals")):
            self._refuse(403, "Forbidden", "you may not read hitl:proposals")
            return
        self.finish(json.dumps(document()))


def handlers(desk: Desk) -> list[tuple[str, type[JupyterHandler], dict[str, Any]]]:
    """What Tornado is given: one handler a path, and the feed."""
    feed = Feed(desk)
    paths: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = route
    made: list[tuple[str, type[JupyterHandler], dict[str, Any]]] = [
        (f"/hitl_nb/api/{path.replace('{id}', _ID)}", RouteHandler, {"desk": desk, "routes": routes, "feed": feed})
        for path, routes in paths.items()
    ]
    described: dict[str, Any] = {"desk": desk, "routes": {}, "feed": feed}
    made.append(("/hitl_nb/api/openapi.json", OpenApiHandler, described))
    made.append(("/hitl_nb/api/feed", FeedHandler, {"feed": feed}))
    return made
