"""Find the attributes that the code of a function assigns or uses, in the function's syntax tree.

An assignment to an attribute (`a.b = 1`), to an item (`a.b[k] = 1`), a call of `setattr` and a use of selected names
are each called a *touch*.
"""

from __future__ import annotations

import ast
import weakref
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Touch:
    """An attribute or item that code assigns, or a name that code uses.

    Attributes:
        node: The syntax node of the assignment or use.
        kind: "attribute" for `a.b = ...`, "item" for `a.b[k] = ...`, "setattr" for `setattr(a.b, k, ...)`, "use"
            for a use of a name.
        names: The parts of the dotted name, for example `("a", "b")`. For "setattr", the parts of its first
            argument.
        key: The expression in the brackets of an item, or the second argument of `setattr`. None for other kinds.
    """

    node: Any
    kind: str
    names: tuple[str, ...]
    key: ast.expr | None = None


@dataclass
class Touches:
    """The attributes and items that a function assigns, and the names that it uses.

    Attributes:
        by_root: First part of the dotted name -> list of `Touch`.
        imports: Imported name -> (module, name in the module). The second is empty for `import module`. Imports inside
            nested functions are included.
    """

    by_root: dict[str, list[Touch]] = field(default_factory=dict[str, list[Touch]])
    imports: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


_touches_by_function: weakref.WeakKeyDictionary[ast.AST, Touches] = weakref.WeakKeyDictionary()


def find_touches(function: ast.AST, used: Set[str]) -> Touches:
    """Find the attributes and items that a function or cell assigns, and its uses of names in `used`.

    The result is cached by function.

    Args:
        function: The syntax tree of the function or cell.
        used: Names whose uses are of interest. Local names under which they are imported are added to this set.
    """
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
    """Yield a `Touch` for a syntax node that assigns an attribute or item, or that uses a name in `used`."""
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
