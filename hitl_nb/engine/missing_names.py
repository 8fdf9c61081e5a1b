"""Explanations for names that a pause left out.

If the rest of an agent does not read a name, and its value cannot be saved, the snapshot leaves the name out. Code of
another process that reads the name all the same gets Python's own NameError. This module adds a note to that error,
which says why the name is missing.
"""

from __future__ import annotations

import re
from typing import Any

_QUOTED = re.compile(r"'([^']+)'")

_left_out: dict[int, dict[str, str]] = {}
"""`id` of a namespace -> {name: sentence that says why it is missing}."""


def remember_left_out(ns: dict[str, Any], sentences: dict[str, str]) -> None:
    """Record the variables that a snapshot does not contain. Called when it is loaded into the namespace `ns`.

    Args:
        ns: Namespace of the notebook.
        sentences: Name -> sentence that says why it is missing.
    """
    if sentences:
        _left_out.setdefault(id(ns), {}).update(sentences)


def list_left_out(ns: dict[str, Any]) -> dict[str, str]:
    """Return {name: sentence} for the variables that earlier pauses could not save and that `ns` still lacks."""
    return {name: sentence for name, sentence in _left_out.get(id(ns), {}).items() if name not in ns}


def explain_missing(error: BaseException, ns: dict[str, Any], function: str = "") -> None:
    """Add a note to an error if it is about a variable that an earlier pause could not save. Other errors get no note.

    Supported are NameError, AttributeError, and the KeyError of `globals()[name]`.

    Args:
        error: The error that the code raised.
        ns: Namespace of the notebook.
        function: Name of the `@agent` function in whose frame the error was raised; "": it was raised in the cell.
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
    """Return the possible source texts of a missing class attribute, such as `Model.cache`; empty for other errors."""
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
    """Return a message about an object that a saved state needs and this process does not have.

    Args:
        error: The error of the import.
        what: Description of the object; by default, the module that the error names.
    """
    what = what or f"the module {getattr(error, 'name', None) or '?'}"
    return (
        f"the saved state needs {what}, which is not here ({error}); put the module back as it was (or install it) and "
        "run the agent again: it continues where it was. Or begin it again with --restart"
    )
