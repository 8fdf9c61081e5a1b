"""What the server sends is made of the types that OpenAPI and the extension's types are made from."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import msgspec
import pytest

from hitl_nb.server.api.openapi import build_document
from hitl_nb.server.api.route import Route
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.live.feed import NOTICES
from hitl_nb.server.messages.feed_messages import FEED_MESSAGES, ChangedMessage, NoticeInfo
from hitl_nb.server.messages.response_types.base import ResponseStruct, same_fields

ROOT = Path(__file__).parents[2]


def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_openapi", ROOT / "tools" / "write_openapi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_from_which_the_extension_s_types_are_made_is_current() -> None:
    made = writer()
    assert made.FILE.read_text(encoding="utf-8") == made.format_document(), "not current; run: make types"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_s_function_returns_the_type_that_the_route_names(route: Route) -> None:
    returned = get_type_hints(route.handler)["return"]
    special = tuple[str, bytes] if route.is_picture else tuple[bytes, int | None]
    assert returned == (special if route.is_picture or route.is_ndjson else route.response_type)


def test_messages_of_the_feed_are_described_with_the_field_that_tells_them_apart() -> None:
    schemas = build_document()["components"]["schemas"]
    for message in FEED_MESSAGES:
        described = schemas[message.__name__]
        assert described["properties"]["type"] == {"enum": [message.__struct_config__.tag]}
        assert "type" in described["required"]
    assert sorted(set(NOTICES.values())) == schemas["NoticeInfo"]["properties"]["kind"]["enum"]


def test_notices_are_left_out_of_a_message_without_any() -> None:
    changed = ChangedMessage(proposals=["p"], runs=[], drafts=[], head=7, workspaces=[])
    told = {"type": "changed", "proposals": ["p"], "runs": [], "drafts": [], "head": 7, "workspaces": []}
    assert msgspec.to_builtins(changed) == told
    changed.notices = [NoticeInfo(kind="stuck", proposal="p")]
    assert msgspec.to_builtins(changed) == {**told, "notices": [{"kind": "stuck", "proposal": "p"}]}


def test_descriptions_do_not_depend_on_how_a_docstring_is_indented() -> None:
    for schema in build_document()["components"]["schemas"].values():
        described = schema.get("description", "")
        assert described == inspect.cleandoc(described)


def test_a_response_takes_from_a_record_the_fields_that_both_have() -> None:
    class Stored(msgspec.Struct):
        a: int
        b: str
        hidden: bytes

    class Sent(ResponseStruct):
        b: str
        a: int
        more: int = 0

    assert same_fields(Sent, Stored(1, "x", b"")) == {"b": "x", "a": 1}
