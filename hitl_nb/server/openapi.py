"""The API's description, OpenAPI 3.1, made from the table of routes, so that it cannot tell another story."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from hitl_nb.server.routes import ROUTES, Route

_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
    "required": ["error", "message"],
}


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    from hitl_nb import __version__

    bodies = [route.body for route in ROUTES if route.body is not None]
    _, components = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(f"/hitl_nb/api/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "hitl_nb", "version": __version__},
        "paths": paths,
        "components": {"schemas": {**components, "Error": _ERROR}},
    }


def _operation(route: Route) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    parameters = [_parameter("id", "path")] if "{id}" in route.path else []
    made: dict[str, Any] = {
        "summary": route.summary,
        "description": f"Needs `{route.action}` on `{route.resource}`.",
        "parameters": [*parameters, *(_parameter(name, "query") for name in route.query)],
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}},
            "default": {"description": "Refused: which error, and a sentence", "content": error},
        },
    }
    if route.body is not None:
        schema = {"$ref": f"#/components/schemas/{route.body.__name__}"}
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return made


def _parameter(name: str, place: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}
