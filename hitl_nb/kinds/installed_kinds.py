"""Kinds of values that other packages add.

A package adds one with an entry point `name = "module:Class"` in the group `hitl_nb.kinds`. The class has the members
of `Kind`; it usually inherits from `JsonKind`. It is imported when a value of this kind is proposed or read.

An agent has to name such a kind (`checkpoint(value, kind="name")`): `detect` is not asked. So the question of an agent
stays the same when a package is installed. No package can replace a kind of hitl_nb.
"""

from __future__ import annotations

import functools
from importlib import import_module

from hitl_nb.errors import HitlError
from hitl_nb.kinds.interface import Kind

ENTRY_POINT_GROUP = "hitl_nb.kinds"

_MEMBERS = (*Kind.__annotations__, *(name for name in vars(Kind) if not name.startswith("_")))


class KindTable(dict[str, Kind]):
    """The kinds of hitl_nb by name. A look-up with `in` or `[]` also finds the kinds that other packages add."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in _list_registered()

    def __missing__(self, name: str) -> Kind:
        return _load_kind(name, _list_registered()[name])


@functools.cache
def _list_registered() -> dict[str, str]:
    """Return the kinds that installed packages register: name of the kind -> "module:Class".

    Raises:
        HitlError: Two packages register the same kind.
    """
    from importlib.metadata import entry_points

    found: dict[str, str] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if found.setdefault(point.name, point.value) != point.value:
            raise HitlError(
                f"two packages register the kind {point.name!r}, {found[point.name]} and {point.value}; "
                "uninstall one of them"
            )
    return found


@functools.cache
def _load_kind(name: str, named: str) -> Kind:
    """Import the class of another package's kind, and return an object of it.

    Args:
        name: Name of the kind.
        named: The class as "module:Class".

    Raises:
        HitlError: The class cannot be imported, lacks a member of `Kind`, or needs an editor that front ends do not
            have.
    """
    module, _, attribute = named.partition(":")
    try:
        kind: Kind = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise HitlError(f"the kind {name!r} of an installed package ({named}) cannot be loaded: {error}") from error
    missing = [member for member in _MEMBERS if not hasattr(kind, member)]
    if missing:
        raise HitlError(f"the kind {name!r} of an installed package ({named}) has no {', '.join(missing)}")
    required = {"name": name, "text_format": "json", "sharing_form": "parts", "takes_options": False}
    for member, value in required.items():
        if getattr(kind, member) != value:
            raise HitlError(
                f"the kind {name!r} of an installed package ({named}) has {member} = {getattr(kind, member)!r}; it "
                f"must be {value!r}, because front ends edit values of other packages' kinds as JSON"
            )
    return kind
