"""Notes for reviewers about a saved state: objects that will be opened again, and values that are not saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hitl_nb.engine.refusals import describe_typed_name, find_path, qualified_type_name, type_of
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.variables.omitted_values import OmittedValues
from hitl_nb.engine.snapshot.variables.user_modules import is_user_class


def make_notes(
    pickler: Pickler, ns: dict[str, Any], names: list[str], left_out: OmittedValues, definitions: Mapping[str, Any]
) -> list[str]:
    """Return sentences for the reviewer about one save, for example about values that were not saved.

    Args:
        pickler: The pickler of the variables.
        ns: Namespace of the notebook.
        names: The variables that were saved.
        left_out: The values that were not saved.
        definitions: The definitions that were saved: name -> function or class.
    """
    notes: list[str] = []
    finalized: dict[type, list[Any]] = {}
    for obj in filter(_has_own_finalizer, pickler.finalized):
        finalized.setdefault(type_of(obj), []).append(obj)
    saved = {name: ns[name] for name in names} if pickler.openings.announced or finalized else {}
    for first, *more in finalized.values():
        which = f"{find_path(first, saved) or 'an object'} ({qualified_type_name(first)})"
        which = f"{which} and {len(more)} more of its class have" if more else f"{which} has"
        notes.append(f"{which} a __del__ method: it runs when this process ends, and again where the agent continues")
    for obj in pickler.openings.announced:
        notes += _make_reopening_notes(pickler, obj, saved)
    notes += [
        f"{describe_typed_name(name, value)} is not saved; the rest of the agent does not read it"
        for name, value in left_out.iterate_named_values(definitions)
    ]
    return notes


def _make_reopening_notes(pickler: Pickler, obj: Any, saved: dict[str, Any]) -> list[str]:
    openings = pickler.openings
    named = f"{find_path(obj, saved) or 'an object'} ({qualified_type_name(obj)})"
    remark = f"; {openings.remarks[id(obj)]}" if id(obj) in openings.remarks else ""
    notes = [f"{named} is opened again when the agent continues in another process{remark}"]
    if any(obj is one for one in openings.exposed):
        notes.append(
            f"{named} has a key or password that is saved as text with the agent's state. "
            "A secret that comes from an environment variable is saved as that variable's name instead"
        )
    notes += [
        f"{named} has cookies that are saved as text with the agent's state: {', '.join(dict.fromkeys(cookies))[:200]}"
        for one, cookies in openings.cookies
        if one is obj
    ]
    return notes


def _has_own_finalizer(obj: Any) -> bool:
    """Return True if the notebook or a module of the user defines the `__del__` method of an object's class."""
    return is_user_class(next(cls for cls in type_of(obj).__mro__ if "__del__" in vars(cls)))
