"""Attributes that the code of a program assigns or uses, found in its syntax tree."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from .program import Op, Program


@dataclass(frozen=True)
class Touch:
    """An attribute that the code of an operation assigns or uses.

    Attributes:
        at: index of the operation.
        kind: "attribute" or "item" if it is assigned, "setattr" if that is called with it, else "use".
        names: the name and the attributes in front of it, itself included; of "setattr", what it is called with.
        key: what is between the brackets, or the name that `setattr` gets.
    """

    at: int
    kind: str
    names: tuple[str, ...]
    key: ast.expr | None = None


@dataclass
class Touches:
    """What a program touches.

    Attributes:
        by_root: by the name that they begin with.
        imports: what each name was imported from, functions included: a module, and the name in it or "".
    """

    by_root: dict[str, list[Touch]] = field(default_factory=dict[str, list[Touch]])
    imports: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


_NAMED = (ast.Name, ast.Attribute)

_found: weakref.WeakKeyDictionary[Program, Touches] = weakref.WeakKeyDictionary()


def touches_of(program: Program, used: Set[str]) -> Touches:
    """What a program assigns of attributes, and where it uses one of the names `used`. Found once."""
    found = _found.get(program)
    if found is None:
        found = _found[program] = Touches()
        for op in program.ops:
            found.imports.update(_imports_of(op))
        used |= {name for name, (_, member) in found.imports.items() if member in used}
        kept = {op.name: op.nodes for op in program.ops if op.kind == "let" and isinstance(op.nodes, _NAMED)}
        for i, op in enumerate(program.ops):
            for touch in _touches_of(i, op, used, kept):
                found.by_root.setdefault(touch.names[0], []).append(touch)
    return found


def _touches_of(at: int, op: Op, used: Set[str], kept: Mapping[str, ast.expr]) -> Iterator[Touch]:
    """What one operation touches; `kept` are the names and attributes that temporaries hold."""
    yield from (Touch(at, "use", (name,)) for name in op.reads() & used)
    for node in op.touching():
        if type(node) is ast.Attribute and type(node.ctx) is ast.Load and node.attr not in used:
            continue  # most of them
        match node:
            case ast.Attribute(attr=name, ctx=ctx) if isinstance(ctx, ast.Store) or name in used:
                kind, target, key = "attribute" if isinstance(ctx, ast.Store) else "use", node, None
            case ast.Subscript(value=target, ctx=ast.Store(), slice=key):
                kind = "item"
            case ast.Call(func=function, args=[target, key, _]) if _is_setattr(function):
                kind = "setattr"
            case _:
                continue
        if names := _dotted(target, kept):
            yield Touch(at, kind, names, key)


def _is_setattr(function: ast.expr) -> bool:
    """Whether a call is one of `setattr`, or of a temporary, which may hold it."""
    called = function.value if isinstance(function, ast.NamedExpr) else function
    return isinstance(called, ast.Name) and (called.id == "setattr" or called.id.startswith("."))


def _dotted(node: ast.expr, kept: Mapping[str, ast.expr]) -> tuple[str, ...]:
    names: list[str] = []
    while True:
        if isinstance(node, ast.Name) and node.id in kept:
            node = kept[node.id]
        if not isinstance(node, ast.Attribute):
            break
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def _imports_of(op: Op) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in op.touching():
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, (alias.name, "")) if alias.asname else (first, (first, ""))
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, (node.module or "", alias.name)) for alias in node.names)
