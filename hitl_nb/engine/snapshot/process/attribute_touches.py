"""Attributes that the code of a function assigns or uses, found in its syntax tree."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Touch:
    """An attribute that code assigns or uses.

    Attributes:
        node: where.
        kind: "attribute" or "item" if it is assigned, "setattr" if that is called with it, else "use".
        names: the name and the attributes in front of it, itself included; of "setattr", what it is called with.
        key: what is between the brackets, or the name that `setattr` gets.
    """

    node: Any
    kind: str
    names: tuple[str, ...]
    key: ast.expr | None = None


@dataclass
class Touches:
    """The attributes that a function assigns or uses.

    Attributes:
        by_root: by the name that they begin with.
        imports: what each name was imported from, functions included: a module, and the name in it or "".
    """

    by_root: dict[str, list[Touch]] = field(default_factory=dict[str, list[Touch]])
    imports: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


_touches_by_function: weakref.WeakKeyDictionary[ast.AST, Touches] = weakref.WeakKeyDictionary()


def find_touches(function: ast.AST, used: Set[str]) -> Touches:
    """Find the attributes that a function or cell assigns, and its uses of the names `used`. Computed once."""
    found = _touches_by_function.get(function)
    if found is None:
        found = _touches_by_function[function] = Touches()
        nodes = list(ast.walk(function))
        for node in nodes:
            found.imports.update(_iterate_imports(node))
        used |= {name for name, (_, member) in found.imports.items() if member in used}
        for node in nodes:
            for touch in _iterate_touches(node, used):
                found.by_root.setdefault(touch.names[0], []).append(touch)
    return found


def _iterate_touches(node: ast.AST, used: Set[str]) -> Iterator[Touch]:
    """Iterate over the attributes that one node assigns or uses."""
    match node:
        case ast.Name(id=name, ctx=ast.Load()) if name in used:
            yield Touch(node, "use", (name,))
            return
        case ast.Attribute(attr=name, ctx=ctx) if isinstance(ctx, ast.Store) or name in used:
            kind, target, key = "attribute" if isinstance(ctx, ast.Store) else "use", node, None
        case ast.Subscript(value=target, ctx=ast.Store(), slice=key):
            kind = "item"
        case ast.Call(func=ast.Name(id="setattr"), args=[target, key, _]):
            kind = "setattr"
        case _:
            return
    if names := _read_dotted_names(target):
        yield Touch(node, kind, names, key)


def _read_dotted_names(node: ast.expr) -> tuple[str, ...]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def _iterate_imports(node: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            yield (alias.asname, (alias.name, "")) if alias.asname else (first, (first, ""))
    elif isinstance(node, ast.ImportFrom):
        yield from ((alias.asname or alias.name, (node.module or "", alias.name)) for alias in node.names)
