"""OpenAPI 3.1 document of the REST API. It is made from the table of routes, so the document is always correct."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import msgspec

from hitl_nb.evidence.picture_formats import MEDIA_TYPES
from hitl_nb.server.api.route import Route
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.messages.feed_messages import FEED_MESSAGES
from hitl_nb.server.messages.request_schemas import Query
from hitl_nb.server.messages.response_types.base import ID_PATTERN
from hitl_nb.server.messages.response_types.errors import ERROR_SCHEMAS

NDJSON = "application/x-ndjson"
CSV = "text/csv; charset=utf-8"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": ID_PATTERN}}
_SHA = {"name": "sha", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}
_TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`token …`. Browsers use the login cookie instead, and send the _xsrf cookie as X-XSRFToken.",
}


@cache
def build_document() -> dict[str, Any]:
    """Return the OpenAPI document of all routes as a dict. It is built once per process."""
    from hitl_nb import __version__

    named: list[type] = [route.body for route in ROUTES if route.body is not None]
    named += [route.response_type for route in ROUTES if not route.is_picture] + [
        shape for shape, _ in ERROR_SCHEMAS.values()
    ]
    named += FEED_MESSAGES
    _, components = msgspec.json.schema_components(named, ref_template="#/components/schemas/{name}")
    for schema in components.values():
        if "description" in schema:  # a docstring, whose indentation Python before 3.13 does not remove
            schema["description"] = inspect.cleandoc(schema["description"])
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(f"/hitl_nb/api/{route.path}", {})[route.method.lower()] = _build_operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "hitl_nb", "version": __version__},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": _TOKEN}},
        "security": [{"token": []}],
    }


def _build_operation(route: Route) -> dict[str, Any]:
    failures = {str(status): _failure_response(status) for status in route.error_statuses}
    made: dict[str, Any] = {
        "summary": route.summary,
        "description": f"Needs `{route.action}` on `{route.resource}`.",
        "parameters": [
            *([_ID] if "{id}" in route.path else []),
            *([_SHA] if "{sha}" in route.path else []),
            *_query_parameters(route.query),
        ],
        "responses": {"200": _success_response(route), **failures},
    }
    if route.body is not None:
        made["requestBody"] = {"required": True, "content": _json_content(route.body)}
    return made


def _success_response(route: Route) -> dict[str, Any]:
    if route.is_picture:
        picture = {"schema": {"type": "string", "format": "binary"}}
        return {"description": "The picture", "content": dict.fromkeys(MEDIA_TYPES, picture)}
    if not route.is_ndjson:
        return {"description": "Done", "content": _json_content(route.response_type)}
    told = f"Lines of JSON, each with one `{route.response_type.__name__}`"
    content = {NDJSON: {"schema": {"type": "string", "description": told}}}
    if "format" in route.query.__struct_fields__:
        content[CSV] = {"schema": {"type": "string", "description": "The same as CSV"}}
    return {"description": told, "content": content}


def _failure_response(status: int) -> dict[str, Any]:
    shape, when = ERROR_SCHEMAS[status]
    told: dict[str, Any] = {"description": when, "content": _json_content(shape)}
    if status == 503:
        told["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "string"}}}
    return told


def _json_content(shape: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}


def _query_parameters(query: type[Query]) -> list[dict[str, Any]]:
    _, components = msgspec.json.schema_components([query])
    described = components[query.__name__]
    return [
        {"name": name, "in": "query", "required": name in described["required"], "schema": _present_schema(schema)}
        for name, schema in described["properties"].items()
    ]


def _present_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a query parameter without null, because null only means that the parameter is missing."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema
