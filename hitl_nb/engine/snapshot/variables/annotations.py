"""Save and restore annotations of variables in an agent cell.

Python keeps them in `__annotations__` of the namespace.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from types import GenericAlias, UnionType
from typing import Any

from hitl_nb.engine.compile import find_unit
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.refusals import type_of

_NAME = "__annotations__"


def annotations_of(frames: Iterable[SavedFrame]) -> dict[str, Any]:
    """Return the annotations of the cell's variables until now: variable -> annotation, if it is a type or a text.

    Other annotations are not needed later. The result is empty if none of the frames is a cell.
    """
    for frame in frames:
        unit = find_unit(frame.unit)
        if unit is not None and unit.functions[frame.function].kind == "cell":
            held: dict[str, Any] = frame.namespace.get(_NAME, {})
            return {
                name: held[name] for name in sorted(_list_annotated_names(unit) & held.keys()) if _is_type(held[name])
            }
    return {}


def put_back_annotations(ns: dict[str, Any], saved: dict[str, Any]) -> None:
    """Add saved annotations to `ns['__annotations__']`. Annotations of other cells are kept."""
    if saved:
        ns.setdefault(_NAME, {}).update(saved)


@functools.lru_cache(maxsize=32)
def _list_annotated_names(unit: Unit) -> frozenset[str]:
    nodes = (node.target for node in ast.walk(ast.parse(unit.source)) if isinstance(node, ast.AnnAssign))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name))


def _is_type(value: object) -> bool:
    if value is None or isinstance(value, type | str | GenericAlias | UnionType):
        return True
    return type_of(value).__module__ == "typing" and not hasattr(value, "__metadata__")
