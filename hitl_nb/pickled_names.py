"""Names of hitl_nb's classes in pickles, which do not depend on the file that defines a class.

A snapshot and a step's result name the class of each object by its module. Classes whose objects an agent's variables
may hold, such as a decision, a comment or a guardrail, are named `hitl_nb.Decision` and so on. So their files can be
moved, and older pickles can still be loaded. Classes that only the engine saves are named by their file. To move such a
file, FORMAT (`signing.py`) must be raised.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

PACKAGE = "hitl_nb"

HOMES = {
    "Decision": "review.decision",
    "Vote": "review.decision",
    "LiveQuestion": "review.decision",
    "AgentComment": "review.comment_threads",
    "Review": "review.review_arguments",
    "NO_REVIEW": "review.review_arguments",
    "Guard": "review.guardrail_checks",
    "GuardrailFinding": "review.guardrails",
    "_BlocklistGuardrail": "review.guardrails",
    "_PatternGuardrail": "review.guardrails",
    "_SchemaGuardrail": "review.guardrails",
    "Policy": "review.policy_files.policy_files",
    "PolicyFile": "review.policy_files.policy_files",
    "Written": "drafts.agent_writer",
    **dict.fromkeys(("ShownMarkdown", "ShownImage", "ShownLink", "ShownDiff"), "evidence.shown_values"),
    "LocalWorkspace": "workspaces.local",
}
"""Name of a class -> module from which a process that loads a pickle imports it. Keep a name while pickles contain it.
"""

T = TypeVar("T")


def name_in_package(kind: type[T]) -> type[T]:
    """Make pickles name this class as `hitl_nb.<name>`, and return the class.

    A class decorator; put it above all others.
    """
    _resolve_annotations(kind)
    kind.__module__ = PACKAGE
    keep_in_package(kind.__name__, kind)
    return kind


def name_in_facade(names: Mapping[str, object]) -> None:
    """Make pickles name the classes of a package's files as classes of that package.

    So a class can move to another file of the package, and older pickles can still be loaded.

    Args:
        names: The `globals()` of the package's `__init__`, which imports the classes.
    """
    home = str(names["__name__"])
    for value in [*names.values()]:
        if isinstance(value, type) and value.__module__.startswith(f"{home}."):
            _use_resolved_annotations(value)
            value.__module__ = home


def keep_in_package(name: str, value: object) -> None:
    """Set `hitl_nb.<name>` to this object. Pickle checks that they are the same before it writes the name."""
    vars(sys.modules[PACKAGE])[name] = value


def _resolve_annotations(kind: type[Any]) -> None:
    """Replace the annotations of a dataclass that are text by their types, while its real module is known.

    Afterwards its `__module__` is `hitl_nb`, where the names in the text are not defined.
    """
    if not dataclasses.is_dataclass(kind):
        return
    try:
        types = _use_resolved_annotations(kind)
    except NameError:  # names that are imported for type checkers only
        return
    for field in dataclasses.fields(kind):
        field.type = types[field.name]


def _use_resolved_annotations(kind: type[Any]) -> dict[str, Any]:
    """Replace annotations that are text by types; return the types of all fields, with the inherited ones."""
    types = get_type_hints(kind, include_extras=True)
    kind.__annotations__ = {name: types[name] for name in vars(kind).get("__annotations__", {})}
    return types
