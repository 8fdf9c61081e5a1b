"""Names under which pickles know classes of this package: the package's own, whatever file defines them.

A snapshot and a step's result name the class of each object by its module. Objects that an agent's variables may hold
(a decision, a comment, a guardrail) are named as `hitl_nb.Decision` and so on: their files can be moved, and what was
saved before is loaded after. What only the engine saves is named by its file: moving that raises FORMAT (`signing.py`).
"""

from __future__ import annotations

import dataclasses
import sys
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
    "LocalWorkspace": "workspaces.local",
}
"""Where each is defined: a process that loads a pickle imports it from there. A name stays while pickles hold it."""

T = TypeVar("T")


def name_in_package(kind: type[T]) -> type[T]:
    """Class decorator, on top of others: pickles name the class as one of the package itself."""
    _resolve_annotations(kind)
    kind.__module__ = PACKAGE
    keep_in_package(kind.__name__, kind)
    return kind


def keep_in_package(name: str, value: object) -> None:
    """Let `hitl_nb.<name>` be this object: pickle compares them before it writes the name."""
    vars(sys.modules[PACKAGE])[name] = value


def _resolve_annotations(kind: type[Any]) -> None:
    """Types that are written as text are looked up in the class's module, which from now on seems to be the package."""
    if not dataclasses.is_dataclass(kind):
        return
    try:
        types = get_type_hints(kind, include_extras=True)
    except NameError:  # names that only type checkers import
        return
    kind.__annotations__ = {name: types[name] for name in vars(kind).get("__annotations__", {})}
    for field in dataclasses.fields(kind):
        field.type = types[field.name]
