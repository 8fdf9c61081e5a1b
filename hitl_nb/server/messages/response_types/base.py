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
"""Regular expression for ids in paths of the API. A path with another id is answered with 404."""

Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
At = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class ResponseStruct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of all responses. A field that is UNSET is not sent; a field that is None is sent as null."""


def same_fields(response: type[ResponseStruct], record: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a record that a type of responses has, too, as a dict of names and values.

    Args:
        response: Type of the response. It must have at least two field names in common with the record.
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
