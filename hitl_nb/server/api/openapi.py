"""The API's description, OpenAPI 3.1, made from the table of routes, so that it cannot tell another story."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from hitl_nb.server.api.routes import ROUTES, Route
from hitl_nb.server.messages.request_schemas import Query
from hitl_nb.server.messages.response_schemas import ID_PATTERN
from hitl_nb.server.messages.responses import SHAPES

NDJSON = "application/x-ndjson"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": ID_PATTERN}}
_TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`token …`; browsers use the login's cookie instead, and send the _xsrf cookie as X-XSRFToken",
}


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    from hitl_nb import __version__

    named = [route.body for route in ROUTES if route.body is not None]
    named += [route.answer_type for route in ROUTES] + [shape for shape, _ in SHAPES.values()]
    _, components = msgspec.json.schema_components(named, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(f"/hitl_nb/api/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "hitl_nb", "version": __version__},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": _TOKEN}},
        "security": [{"token": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    failures = {str(status): _failure(status) for status in route.failures}
    made: dict[str, Any] = {
        "summary": route.summary,
        "description": f"Needs `{route.action}` on `{route.resource}`.",
        "parameters": [*([_ID] if "{id}" in route.path else []), *_parameters(route.query)],
        "responses": {"200": _done(route), **failures},
    }
    if route.body is not None:
        made["requestBody"] = {"required": True, "content": _json(route.body)}
    return made


def _done(route: Route) -> dict[str, Any]:
    if not route.lines:
        return {"description": "Done", "content": _json(route.answer_type)}
    told = f"Lines, each with one `{route.answer_type.__name__}` as JSON"
    return {"description": told, "content": {NDJSON: {"schema": {"type": "string", "description": told}}}}


def _failure(status: int) -> dict[str, Any]:
    shape, when = SHAPES[status]
    told: dict[str, Any] = {"description": when, "content": _json(shape)}
    if status == 503:
        told["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "string"}}}
    return told


def _json(shape: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}


def _parameters(query: type[Query]) -> list[dict[str, Any]]:
    _, components = msgspec.json.schema_components([query])
    described = components[query.__name__]
    return [
        {"name": name, "in": "query", "required": name in described["required"], "schema": _given(schema)}
        for name, schema in described["properties"].items()
    ]


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that is there: what it is when it is missing says nothing about that."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema
