"""What the calls of the REST API take: their bodies, checked before anything else looks at them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from hitl_nb.records import Action


class Value(msgspec.Struct, forbid_unknown_fields=True):
    """A value as people edited it."""

    value: Any


class Shown(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Names a proposal as it was shown."""

    id: str
    revision: int
    fingerprint: str


class Deciding(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A decision on the proposal as it was shown."""

    action: Action
    revision: int
    fingerprint: str
    value: Any = None
    reason: str | None = None


class DecidingMany(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One decision on several proposals: all, or none."""

    action: Action
    proposals: list[Shown]
    value: Any = None
    reason: str | None = None


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """A comment."""

    text: str


class Assigning(msgspec.Struct, forbid_unknown_fields=True):
    """Whose a proposal is to decide; null for nobody's."""

    assignee: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An empty object."""


class Resuming(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A browser that would execute a decided run's cell again; `browser` is what the feed called it."""

    browser: str
