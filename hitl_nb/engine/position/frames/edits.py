"""Finds the place of a saved frame in source that was edited since.

What led to the place must be the same syntax: the statements before it in each block around it, the headers of these
blocks, and the statement at the place. What comes later may be new, also in the body of a loop that has run before, and
in a function that was only defined before.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, cast

from hitl_nb.engine.compile.tree.nodes import FUNCTIONS, Slot, copy, is_engine_name
from hitl_nb.engine.compile.tree.scopes import InstrumentedFunction
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.frames.places import find_place


class PlaceChanged(Exception):
    """The source was changed where a frame has run already.

    Attributes:
        function: the name of the function.
        line: of what is different, as it was saved.
    """

    def __init__(self, function: str, line: int) -> None:
        super().__init__(f"{function} was changed where it already ran (line {line} as it ran)")
        self.function, self.line = function, line


def move_frame(saved: SavedFrame, old: Unit, new: Unit) -> None:
    """Make a frame of `old` one of `new`. Raises PlaceChanged."""
    function = old.functions[saved.function]
    twin = find_twin(function, old, new)
    place = find_place(old, saved.function, saved.place)
    if twin is None or (place is None and saved.how != "start"):
        raise PlaceChanged(function.name, _first_line(old, saved.function))

    def refuse(node: Any) -> PlaceChanged:
        return PlaceChanged(function.name, _line(old, node) or _first_line(old, saved.function))

    found: Any = new.tree().nodes[twin.number]
    if _parameters(old.tree().nodes[saved.function]) != _parameters(found):
        raise refuse(old.tree().nodes[saved.function])
    if place is None:  # nothing has run
        if function.cells != twin.cells:
            raise refuse(old.tree().nodes[saved.function])
        saved.unit, saved.function = new.key, twin.number
        return
    in_statement = False
    for node, slot in place.path:
        if type(node) is not type(found):
            raise refuse(node)
        if not in_statement:
            in_statement = _compare(node, found, slot, refuse)
        found = _child(found, slot)
        if found is None:
            raise refuse(node)
    if not in_statement and _dump(place.node) != _dump(found):
        raise refuse(place.node)
    saved.unit, saved.function, saved.place = new.key, twin.number, found.lineno


def move_end(saved: SavedFrame, old: Unit, new: Unit) -> None:
    """Make the frame of a cell that has ended one of `new`, behind the same statements. Raises PlaceChanged."""
    before, after = (ast.parse(unit.source).body for unit in (old, new))
    for i, statement in enumerate(before):
        if i >= len(after) or ast.dump(statement) != ast.dump(after[i]):
            raise PlaceChanged("<module>", statement.lineno)
    saved.unit, saved.place = new.key, place_behind(new, len(before))


def place_behind(cell: Unit, count: int | None = None) -> int:
    """Where a cell reports behind its first `count` statements, by default all."""
    tree = cell.tree()
    body: list[Any] = tree.nodes[0].body
    end = len(body) - len(tree.closing)
    if count is not None:
        path = str(_path_of(cell, count))
        end = next((i for i, statement in enumerate(body) if tree.paths.get(statement) == path), end)
    poll: Any = body[end - 1]
    return poll.body[0].value.lineno


def _path_of(cell: Unit, count: int) -> int:
    """The number that the statement behind the first `count` has in paths: future imports have none."""
    statements = ast.parse(cell.source).body[:count]
    return count - sum(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in statements)


def restart_statement(saved: SavedFrame, old: Unit, new: Unit) -> None:
    """Make a frame of `old` one of `new` that begins its statement again, which may be another one now.

    Raises PlaceChanged: also if a part of the statement was evaluated already.
    """
    function = old.functions[saved.function]
    twin = find_twin(function, old, new)
    place = find_place(old, saved.function, saved.place)
    if twin is None or place is None:
        raise PlaceChanged(function.name, _first_line(old, saved.function))

    def refuse(node: Any) -> PlaceChanged:
        return PlaceChanged(function.name, _line(old, node) or _first_line(old, saved.function))

    blocks = [i for i, (node, slot) in enumerate(place.path) if _is_block(node, slot)]
    binds = place.path[blocks[-1] + 1 :]
    is_binding = bool(binds) and binds[0][1][0] == "targets"
    if not is_binding and any(name.startswith(".t") and value is not None for name, value in saved.locals.items()):
        raise refuse(place.node)
    found: Any = new.tree().nodes[twin.number]
    for node, slot in place.path[: blocks[-1]]:
        _compare(node, found, slot, refuse)
        found = _child(found, slot)
        if found is None:
            raise refuse(node)
    node, (name, index) = place.path[blocks[-1]]
    statements: list[Any] = getattr(node, name)
    others: list[Any] = getattr(found, name)
    user_path = old.tree().paths.get(statements[index or 0])
    first = next(i for i, each in enumerate(statements) if old.tree().paths.get(each) == user_path)
    if len(others) <= first:
        raise refuse(statements[first])
    for before, after in zip(statements[:first], others, strict=False):
        if not isinstance(before, ast.Global):
            _same(before, after, before, refuse)
    number = others[first].lineno
    if is_binding:  # the value is there, whatever it is bound to now
        other = others[index or 0] if len(others) > (index or 0) else None
        if not isinstance(other, ast.Assign) or _dump(other.value) != _dump(statements[index or 0].value):
            raise refuse(place.node)
        number = other.targets[0].lineno
    saved.unit, saved.function, saved.place, saved.how = new.key, twin.number, number, "again"


def _is_block(node: Any, slot: Slot) -> bool:
    block = cast("list[Any]", getattr(node, slot[0], None) or [])
    return slot[1] is not None and bool(block) and isinstance(block[0], ast.stmt)


def find_twin(function: InstrumentedFunction, old: Unit, new: Unit) -> InstrumentedFunction | None:
    """The same function in another version of its source: that of the same qualified name, counted in order."""
    same = [f for f in old.functions if (f.kind, f.qualname) == (function.kind, function.qualname)]
    twins = [f for f in new.functions if (f.kind, f.qualname) == (function.kind, function.qualname)]
    index = same.index(function)
    return twins[index] if index < len(twins) else None


def _compare(node: Any, other: Any, slot: Slot, refuse: Callable[[Any], PlaceChanged]) -> bool:
    """Compare what of `node` led to `slot`. Returns whether the place is in an expression that is compared whole."""
    name, index = slot
    block = getattr(node, name, None)
    if not isinstance(block, list) or index is None or not block or not isinstance(block[0], ast.stmt):
        if name in ("handlers", "cases"):
            _same(node.body if name == "handlers" else node.subject, _body_of(other, name), node, refuse)
            return False
        if isinstance(node, ast.stmt):
            whole = not _has_blocks(node)
            _same(node if whole else _header(node), other if whole else _header(other), node, refuse)
        return True
    _same(_header(node), _header(other), node, refuse)
    if isinstance(node, ast.Try) and name in ("orelse", "finalbody"):
        _same(node.body, other.body, node, refuse)
    others: list[Any] = getattr(other, name)
    for before, after in zip(cast("list[Any]", block)[:index], others[:index], strict=False):
        if not isinstance(before, ast.Global):  # of a cell: all names that it binds, later ones too
            _same(before, after, before, refuse)
    if len(others) <= index:
        raise refuse(block[index])
    return False


def _same(before: Any, after: Any, node: Any, refuse: Callable[[Any], PlaceChanged]) -> None:
    if _dump(before) != _dump(after):
        raise refuse(node)


def _body_of(node: Any, name: str) -> Any:
    return node.body if name == "handlers" else node.subject


def _header(node: Any) -> list[Any]:
    """What of a compound statement is evaluated before its blocks; of a function nothing."""
    match node:
        case ast.If() | ast.While():
            return [node.test]
        case ast.For() | ast.AsyncFor():
            return [node.target, node.iter]
        case ast.ExceptHandler():
            return [node.type, node.name]
        case ast.match_case():
            return [node.pattern, node.guard]
        case _:
            return []


def _has_blocks(node: ast.stmt) -> bool:
    return isinstance(node, ast.If | ast.While | ast.For | ast.AsyncFor | ast.Try | ast.Match)


def _dump(value: Any) -> Any:
    if isinstance(value, list):
        return [_dump(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return ast.dump(_without_bodies(value)) if isinstance(value, ast.AST) else value


def _without_bodies(node: Any) -> Any:
    """A statement without what the functions that it defines will do when they are called."""
    if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
        return node
    made: Any = copy(node)
    if isinstance(node, FUNCTIONS) and not is_engine_name(node.name):
        made.body = []
        return made
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            setattr(made, name, [_without_bodies(part) for part in block])  # pyright: ignore[reportUnknownVariableType]
    return made


def _child(node: Any, slot: Slot) -> Any:
    name, index = slot
    holder = node.args if name.startswith("args.") else node
    value = getattr(holder, name.removeprefix("args."), None)
    if index is None or value is None:
        return value
    return value[index] if index < len(value) else None


def _parameters(node: Any) -> str:
    """Names of parameters; their defaults were evaluated when the function was defined."""
    args = getattr(node, "args", None)
    if not isinstance(args, ast.arguments):
        return ""
    groups = (args.posonlyargs, args.args, [args.vararg], args.kwonlyargs, [args.kwarg])
    return repr([[arg and arg.arg for arg in group] for group in groups])


def _line(unit: Unit, node: Any) -> int:
    for part in ast.walk(node):
        position = unit.tree().numbering.position_of(getattr(part, "lineno", 0))
        if position is not None:
            return position[0]
    return 0


def _first_line(unit: Unit, function: int) -> int:
    return _line(unit, unit.tree().nodes[function]) or 1
