"""The places of a function: a *place* is a syntax node, with the path from the function's body down to the node.

A place is known by the number of its node. The engine stores this number in the node's `lineno`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hitl_nb.engine.compile.tree.node_slots import Slot, list_slots, read_slot
from hitl_nb.engine.compile.tree.nodes import COMPREHENSIONS, is_filed_value, list_children, walk
from hitl_nb.engine.compile.units import Unit


@dataclass(frozen=True, eq=False)
class NodePlace:
    """A node of a function's syntax tree, and the path to it.

    The path has each node on the way, with the slot (field and index) that leads to the next node.
    """

    path: tuple[tuple[ast.AST, Slot], ...]
    node: Any


METHOD_COLUMN = 1
"""Value of `col_offset` that marks the attribute node of a method call. Such a node has no place of its own."""


def find_place(unit: Unit, function: int, number: int) -> NodePlace | None:
    """Find the place (node and path) of the node with a given number in a function.

    All places of the function are found at the first call and cached.

    Args:
        unit: the unit (compiled source of a cell or module) of the function.
        function: number of the function in the unit.
        number: number of the node.

    Returns:
        The place, or None if no node has this number.
    """
    tree = unit.get_tree()
    places: dict[int, NodePlace] | None = tree.places.get(function)
    if places is None:
        places = tree.places[function] = _find_all_places(
            tree.nodes[function], is_lambda=unit.functions[function].kind == "lambda"
        )
    return places.get(number)


def _find_all_places(function_node: Any, *, is_lambda: bool) -> dict[int, NodePlace]:
    places: dict[int, NodePlace] = {}

    def visit_node(node: ast.AST, path: tuple[tuple[ast.AST, Slot], ...]) -> None:
        number = getattr(node, "lineno", None)
        is_method = isinstance(node, ast.Attribute) and node.col_offset == METHOD_COLUMN
        if number is not None and not is_method:
            places.setdefault(number, NodePlace(path, node))
        below = list(_iterate_children(node))
        for slot, child in below:
            visit_node(child, (*path, (node, slot)))
        add_inner_nodes(node, path, {id(child) for _, child in below})

    def add_inner_nodes(node: Any, path: tuple[tuple[ast.AST, Slot], ...], visited_ids: set[int]) -> None:
        """Register the nodes inside a pattern or comprehension as places, each with the path of the node around them.

        These nodes are evaluated in this frame, but they are not operands.
        """
        holder: Any = path[-1][0] if isinstance(node, ast.match_case) else node
        if isinstance(node, ast.match_case):
            path = path[:-1]
        elif not isinstance(node, COMPREHENSIONS):
            return
        for child in list_children(node):
            for part in () if id(child) in visited_ids else walk(child):
                number = getattr(part, "lineno", None)
                if number is not None:
                    places.setdefault(number, NodePlace(path, holder))

    if is_lambda:
        visit_node(function_node.body, ((function_node, ("body", None)),))
    else:
        for i, statement in enumerate(function_node.body):
            visit_node(statement, ((function_node, ("body", i)),))
    return places


def _iterate_children(node: Any) -> Iterator[tuple[Slot, Any]]:
    """Yield the slots and nodes directly below `node` that belong to the same frame and can contain a place."""
    match node:
        case ast.If() | ast.While():
            yield ("test", None), node.test
            yield from _iterate_blocks(node, "body", "orelse")
        case ast.For() | ast.AsyncFor():
            yield ("iter", None), node.iter
            yield ("target", None), node.target
            yield from _iterate_blocks(node, "body", "orelse")
        case ast.Try():
            yield from _iterate_blocks(node, "body", "orelse", "finalbody")
            yield from ((("handlers", i), handler) for i, handler in enumerate(node.handlers))
        case ast.TryStar():
            return
        case ast.ExceptHandler():
            if node.type is not None:
                yield ("type", None), node.type
            yield from _iterate_blocks(node, "body")
        case ast.Match():
            yield ("subject", None), node.subject
            yield from ((("cases", i), case) for i, case in enumerate(node.cases))
        case ast.match_case():
            if node.guard is not None:
                yield ("guard", None), node.guard
            yield from _iterate_blocks(node, "body")
        case ast.keyword():
            yield ("value", None), node.value
        case _:
            if not isinstance(node, COMPREHENSIONS):
                yield from ((slot, read_slot(node, slot)) for slot in list_slots(node))


def _iterate_blocks(node: Any, *names: str) -> Iterator[tuple[Slot, Any]]:
    for name in names:
        yield from (((name, i), statement) for i, statement in enumerate(getattr(node, name)))


def find_repeated_place(unit: Unit, function: int, number: int) -> int:
    """Return the number of the `await` whose operand is the call at a position; the position itself if there is none.

    It is for code that a resume executes again. Its frame is first at the call, and then at the `await` of what the
    call returned. Both are one execution of the code, so they need one name.

    Args:
        unit: the unit (compiled source of a cell or module) of the function.
        function: number of the function in the unit.
        number: number of the node at the position.
    """
    place = find_place(unit, function, number)
    if place is None or not isinstance(place.node, ast.Call):
        return number
    parents = [node for node, _ in place.path][::-1]
    parent = next((node for node in parents if not is_filed_value(node)), None)
    return parent.lineno if isinstance(parent, ast.Await) else number


def name_place(unit: Unit, function: int, number: int) -> str:
    """Return a name for a position in the code, made of the function, the path of the statement and a number in it.

    The names of recorded calls contain this name. An edit of another statement does not change it.

    Args:
        unit: the unit (compiled source of a cell or module) of the function.
        function: number of the function in the unit.
        number: number of the node at the position.
    """
    tree = unit.get_tree()
    names: dict[int, str] | None = tree.place_names.get(function)
    if names is None:
        find_place(unit, function, number)
        names = tree.place_names[function] = _name_all_places(tree.places[function], tree.paths)
    return f"{unit.functions[function].qualname}:{names.get(number, '?')}"


def _name_all_places(places: dict[int, NodePlace], paths: dict[ast.AST, str]) -> dict[int, str]:
    names: dict[int, str] = {}
    counts: Counter[str] = Counter()
    for number in sorted(places):
        place = places[number]
        nodes = (place.node, *(node for node, _ in reversed(place.path)))
        path = next((paths[node] for node in nodes if node in paths), "")
        names[number] = f"{path}.{counts[path]}"
        counts[path] += 1
    return names
