"""Table of all calls (*routes*) of the REST API, with permissions, parameters and response of each call.

The function of a route runs on a thread, not on the event loop. It gets the request as an `ApiRequest` and returns the
response. Ids are opaque. The only path that a request may contain is a notebook's path below the server's folder; a
request cannot choose the store.
"""

from __future__ import annotations

from hitl_nb.server.api.people_routes import PEOPLE_ROUTES
from hitl_nb.server.api.review_routes import REVIEW_ROUTES
from hitl_nb.server.api.route import Route
from hitl_nb.server.api.run_routes import RUN_ROUTES
from hitl_nb.server.api.workspace_routes import WORKSPACE_ROUTES

ROUTES: tuple[Route, ...] = (*REVIEW_ROUTES, *PEOPLE_ROUTES, *WORKSPACE_ROUTES, *RUN_ROUTES)
