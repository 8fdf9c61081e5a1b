"""Slots of a syntax node: the fields, with an index for lists, that have the parts which Python evaluates, in order."""

from __future__ import annotations

import ast
from typing import Any

Slot = tuple[str, int | None]  # (name of a field, index in the field if it is a list)


def list_slots(node: ast.AST) -> list[Slot]:
    """List the slots of a node that Python evaluates, in order: (field of the node, index in the field or None).

    Defaults have the fields `args.defaults` and `args.kw_defaults`. Parts that may be skipped are included.
    """
    match node:
        case ast.Call():
            return [("func", None), *_list_items(node, "args"), *_list_items(node, "keywords")]
        case ast.Dict():
            return [
                slot
                for i, key in enumerate(node.keys)
                for slot in ([("keys", i)] if key is not None else []) + [("values", i)]
            ]
        case ast.Assign():
            return [("value", None), *_list_items(node, "targets")]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [*_list_items(node, "decorator_list"), *_list_defaults(node.args)]
        case ast.Lambda():
            return _list_defaults(node.args)
        case ast.ClassDef():
            return [*_list_items(node, "decorator_list"), *_list_items(node, "bases"), *_list_items(node, "keywords")]
        case ast.AnnAssign() | ast.AugAssign():
            return [("value", None)] if node.value is not None else []
        case _:
            return _list_expression_slots(node)


def _list_expression_slots(node: ast.AST) -> list[Slot]:
    found: list[Slot] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.expr):
            found.append((name, None))
        elif isinstance(value, list) and value and isinstance(value[0], ast.expr | ast.keyword):
            found += _list_items(node, name)
    return found


def _list_items(node: ast.AST, name: str) -> list[Slot]:
    return [(name, i) for i, item in enumerate(getattr(node, name)) if item is not None]


def _list_defaults(args: ast.arguments) -> list[Slot]:
    keyword_only: list[Slot] = [("args.kw_defaults", i) for i, d in enumerate(args.kw_defaults) if d is not None]
    return [("args.defaults", i) for i in range(len(args.defaults))] + keyword_only


def list_parts(node: Any) -> list[tuple[Any, Any, Any]]:
    """List the parts of a node that Python evaluates, in order, each as (holder, key, part).

    `holder[key] = new` replaces a part. A keyword argument is listed as its `ast.keyword` node.
    """
    if node.__class__ is ast.Call:
        args, keywords = node.args, node.keywords
        found: list[tuple[Any, Any, Any]] = [(node.__dict__, "func", node.func)]
        found += [(args, i, part) for i, part in enumerate(args)]
        return found + [(keywords, i, part) for i, part in enumerate(keywords)] if keywords else found
    found = []
    for slot in list_slots(node):
        holder, name = _find_holder(node, slot)
        value = getattr(holder, name)
        found.append((holder.__dict__, name, value) if slot[1] is None else (value, slot[1], value[slot[1]]))
    return found


def read_slot(node: ast.AST, slot: Slot) -> ast.expr | ast.keyword:
    """Return the part of a syntax node in a slot: (field of the node, index in the field or None)."""
    holder, name = _find_holder(node, slot)
    value = getattr(holder, name)
    return value if slot[1] is None else value[slot[1]]


def write_slot(node: ast.AST, slot: Slot, value: ast.AST) -> None:
    """Replace the part of a syntax node in a slot: (field of the node, index in the field or None).

    The node must be a copy made by `copy_node`.
    """
    holder, name = _find_holder(node, slot)
    if slot[1] is None:
        setattr(holder, name, value)
    else:
        getattr(holder, name)[slot[1]] = value


def _find_holder(node: Any, slot: Slot) -> tuple[ast.AST, str]:
    name = slot[0]
    if name.startswith("args."):
        return node.args, name[5:]
    return node, name


def unwrap_keyword(part: ast.AST) -> ast.AST:
    """Return the value of an `ast.keyword` node; every other node is returned as it is."""
    return part.value if isinstance(part, ast.keyword) else part
