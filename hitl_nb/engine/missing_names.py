"""Names that a pause did not keep: reading one says so.

A name that the rest of an agent does not read is left out if it cannot be saved. Code that reads it all the same, in
another process, gets Python's own NameError, with a note that says what happened.
"""

from __future__ import annotations

import re
from typing import Any

_QUOTED = re.compile(r"'([^']+)'")

_left_out: dict[int, dict[str, str]] = {}
"""By namespace (its id) and name: the sentence."""


def remember_left_out(ns: dict[str, Any], sentences: dict[str, str]) -> None:
    """Know what a snapshot that was loaded into `ns` does not have."""
    if sentences:
        _left_out.setdefault(id(ns), {}).update(sentences)


def list_left_out(ns: dict[str, Any]) -> dict[str, str]:
    """List the sentences about names that earlier pauses left out and that are still missing in `ns`."""
    return {name: sentence for name, sentence in _left_out.get(id(ns), {}).items() if name not in ns}


def explain_missing(error: BaseException, ns: dict[str, Any], function: str = "") -> None:
    """Add the note about omitted values to a NameError, an AttributeError, or the KeyError of `globals()[name]`.

    Args:
        error: The error that the code raised.
        ns: Namespace of the notebook.
        function: Name of the `@agent` function in whose frame it was raised; "": it was raised in the cell.
    """
    known = _left_out.get(id(ns))
    if not known:
        return
    name = next((one for one in _find_missing_attributes(error) if one in known), None) or _find_missing_name(error)
    if name is None:
        return
    local = isinstance(error, UnboundLocalError)
    sentence = known.get(f"{function}() {name}") if local else None if name in ns else known.get(name)
    if sentence is not None and sentence not in getattr(error, "__notes__", ()):
        error.add_note(sentence)


def _find_missing_attributes(error: BaseException) -> list[str]:
    """Find how an attribute that a class of the notebook lacks is written."""
    if not isinstance(error, AttributeError) or not error.name:
        return []
    owner: Any = error.obj
    classes: tuple[type, ...] = (owner if isinstance(owner, type) else owner.__class__).__mro__
    return [f"{cls.__qualname__}.{error.name}" for cls in classes]


def _find_missing_name(error: BaseException) -> str | None:
    if isinstance(error, NameError):
        if error.name:
            return error.name
        found = _QUOTED.search(str(error))
        return found[1] if found else None
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return error.args[0]
    return None


def describe_missing_import(error: Exception, what: str = "") -> str:
    """Describe a name in a saved state that this process does not find; by default, it is a module."""
    what = what or f"the module {getattr(error, 'name', None) or '?'}"
    return (
        f"the saved state needs {what}, which is not here ({error}); put the module back as it was (or install it) and "
        "run the agent again: it continues where it was. Or begin it again with --restart"
    )
