"""The base class of all responses, and the types of fields that several of them have.

A response is built from records and encoded as it is. Tests compare real responses with the OpenAPI document, which is
made from the same classes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Annotated, Any

import msgspec

from hitl_nb.structs import prepare_structs

ID_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
"""Pattern of ids in paths; other paths match no route."""

Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
At = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class ResponseStruct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of responses. A field without a value in this response is UNSET and is not sent; None is sent as null."""


def same_fields(response: type[ResponseStruct], record: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a record that a response has under the same name, at least two.

    Args:
        response: Type of the response.
        record: The record. Its values are not copied.
    """
    names, read_values = _find_same_fields(response, type(record))
    return dict(zip(names, read_values(record)))  # noqa: B905  # as many values as names; a list has many rows


@cache
def _find_same_fields(
    response: type[ResponseStruct], record: type[msgspec.Struct]
) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(name for name in response.__struct_fields__ if name in record.__struct_fields__)
    return names, attrgetter(*names)


prepare_structs(globals())
