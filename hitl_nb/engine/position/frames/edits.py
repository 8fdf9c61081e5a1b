"""Moves a saved frame to source that the user has edited since the frame was saved.

A frame can be moved only if the code that led to its position has the same syntax. This code is: the statements before
the position in each block around it, the headers of these blocks, and the statement at the position. Later code may be
new. Code that comes later in the body of a loop may be new, too, although the loop has run before. So may the body of a
function that was defined but not called.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, cast

from hitl_nb.engine.compile.tree.node_slots import Slot
from hitl_nb.engine.compile.tree.nodes import FUNCTIONS, copy_node, is_engine_name
from hitl_nb.engine.compile.tree.scopes import InstrumentedFunction
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.frames.places import find_place


class PlaceChangedError(Exception):
    """The edit changed source that a saved frame has run already, so the frame cannot be moved to the new source.

    Attributes:
        function: the name of the function.
        line: the line of the changed code in the source as it was saved.
    """

    def __init__(self, function: str, line: int) -> None:
        super().__init__(f"{function} was changed where it already ran (line {line} as it ran)")
        self.function, self.line = function, line


def move_frame(saved_frame: SavedFrame, old_unit: Unit, new_unit: Unit) -> None:
    """Change a saved frame of one version of a source into a frame of another version, at the same position.

    Args:
        saved_frame: the frame; its unit, function and place are replaced.
        old_unit: the source as it was when the frame was saved, compiled.
        new_unit: the edited source, compiled.

    Raises:
        PlaceChangedError: Code that led to the frame's position was changed.
    """
    function = old_unit.functions[saved_frame.function]
    twin = find_twin(function, old_unit, new_unit)
    place = find_place(old_unit, saved_frame.function, saved_frame.place)
    if twin is None or (place is None and saved_frame.mode != "start"):
        raise PlaceChangedError(function.name, _find_first_line(old_unit, saved_frame.function))

    def make_refusal(node: Any) -> PlaceChangedError:
        return PlaceChangedError(
            function.name, _find_line(old_unit, node) or _find_first_line(old_unit, saved_frame.function)
        )

    found: Any = new_unit.get_tree().nodes[twin.number]
    if _describe_parameters(old_unit.get_tree().nodes[saved_frame.function]) != _describe_parameters(found):
        raise make_refusal(old_unit.get_tree().nodes[saved_frame.function])
    if place is None:  # the frame has not begun
        if function.cells != twin.cells:
            raise make_refusal(old_unit.get_tree().nodes[saved_frame.function])
        saved_frame.unit, saved_frame.function = new_unit.key, twin.number
        return
    in_statement = False
    for node, slot in place.path:
        if type(node) is not type(found):
            raise make_refusal(node)
        if not in_statement:
            in_statement = _compare_step(node, found, slot, make_refusal)
        found = _find_child(found, slot)
        if found is None:
            raise make_refusal(node)
    if not in_statement and _dump_part(place.node) != _dump_part(found):
        raise make_refusal(place.node)
    saved_frame.unit, saved_frame.function, saved_frame.place = new_unit.key, twin.number, found.lineno


def move_end_frame(saved_frame: SavedFrame, old_unit: Unit, new_unit: Unit) -> None:
    """Change the saved frame of a cell that ended into a frame of the edited cell, after the same statements.

    So statements that were added at the end of the cell run next.

    Args:
        saved_frame: the frame; its unit and place are replaced.
        old_unit: the cell as it was when it ended, compiled.
        new_unit: the edited cell, compiled.

    Raises:
        PlaceChangedError: A statement that has run was changed or removed.
    """
    before, after = (ast.parse(unit.source).body for unit in (old_unit, new_unit))
    for i, statement in enumerate(before):
        if i >= len(after) or ast.dump(statement) != ast.dump(after[i]):
            raise PlaceChangedError("<module>", statement.lineno)
    saved_frame.unit, saved_frame.place = new_unit.key, find_poll_place(new_unit, len(before))


def find_poll_place(cell: Unit, count: int | None = None) -> int:
    """Return the number of the node of a poll in a cell.

    A poll is a check of the engine between two statements, where a run can be saved.

    Args:
        cell: the compiled cell.
        count: the poll after this many statements. None: the poll at the end of the cell.
    """
    tree = cell.get_tree()
    body: list[Any] = tree.nodes[0].body
    end = len(body) - len(tree.closing_statements)
    if count is not None:
        path = str(_count_numbered_statements(cell, count))
        end = next((i for i, statement in enumerate(body) if tree.paths.get(statement) == path), end)
    poll: Any = body[end - 1]
    return poll.body[0].value.lineno


def _count_numbered_statements(cell: Unit, count: int) -> int:
    """Return how many of the first `count` statements have a number in the paths of statements.

    `from __future__` imports have no number.
    """
    statements = ast.parse(cell.source).body[:count]
    return count - sum(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in statements)


def restart_statement(saved_frame: SavedFrame, old_unit: Unit, new_unit: Unit) -> None:
    """Change a saved frame into a frame of the edited source that begins its statement from the start.

    The statement itself may have been edited. If the frame is at the target of an assignment, the assigned value was
    computed already: it is kept, and only the target may have been edited.

    Args:
        saved_frame: the frame; its unit, function, place and mode are replaced.
        old_unit: the source as it was when the frame was saved, compiled.
        new_unit: the edited source, compiled.

    Raises:
        PlaceChangedError: Code before the statement was changed, or a part of the statement was evaluated already.
    """
    function = old_unit.functions[saved_frame.function]
    twin = find_twin(function, old_unit, new_unit)
    place = find_place(old_unit, saved_frame.function, saved_frame.place)
    if twin is None or place is None:
        raise PlaceChangedError(function.name, _find_first_line(old_unit, saved_frame.function))

    def make_refusal(node: Any) -> PlaceChangedError:
        return PlaceChangedError(
            function.name, _find_line(old_unit, node) or _find_first_line(old_unit, saved_frame.function)
        )

    blocks = [i for i, (node, slot) in enumerate(place.path) if _is_block_slot(node, slot)]
    binds = place.path[blocks[-1] + 1 :]
    is_binding = bool(binds) and binds[0][1][0] == "targets"
    if not is_binding and any(
        name.startswith(".t") and value is not None for name, value in saved_frame.locals.items()
    ):
        raise make_refusal(place.node)
    found: Any = new_unit.get_tree().nodes[twin.number]
    for node, slot in place.path[: blocks[-1]]:
        _compare_step(node, found, slot, make_refusal)
        found = _find_child(found, slot)
        if found is None:
            raise make_refusal(node)
    node, (name, index) = place.path[blocks[-1]]
    statements: list[Any] = getattr(node, name)
    others: list[Any] = getattr(found, name)
    user_path = old_unit.get_tree().paths.get(statements[index or 0])
    first = next(i for i, each in enumerate(statements) if old_unit.get_tree().paths.get(each) == user_path)
    if len(others) <= first:
        raise make_refusal(statements[first])
    for before, after in zip(statements[:first], others, strict=False):
        if not isinstance(before, ast.Global):
            _require_same(before, after, before, make_refusal)
    number = others[first].lineno
    if is_binding:  # the assigned value is kept, and may be assigned to another target now
        other = others[index or 0] if len(others) > (index or 0) else None
        if not isinstance(other, ast.Assign) or _dump_part(other.value) != _dump_part(statements[index or 0].value):
            raise make_refusal(place.node)
        number = other.targets[0].lineno
    saved_frame.unit, saved_frame.function, saved_frame.place, saved_frame.mode = (
        new_unit.key,
        twin.number,
        number,
        "again",
    )


def _is_block_slot(node: Any, slot: Slot) -> bool:
    block = cast("list[Any]", getattr(node, slot[0], None) or [])
    return slot[1] is not None and bool(block) and isinstance(block[0], ast.stmt)


def find_twin(function: InstrumentedFunction, old_unit: Unit, new_unit: Unit) -> InstrumentedFunction | None:
    """Find the function in another version of its source.

    It has the same kind and qualified name. If several functions share a name, it is the one with the same position
    among them.

    Args:
        function: the function in the old source.
        old_unit: the old source, compiled.
        new_unit: the other version, compiled.

    Returns:
        The function in the other version; None if it is not there.
    """
    same = [f for f in old_unit.functions if (f.kind, f.qualname) == (function.kind, function.qualname)]
    twins = [f for f in new_unit.functions if (f.kind, f.qualname) == (function.kind, function.qualname)]
    index = same.index(function)
    return twins[index] if index < len(twins) else None


def _compare_step(node: Any, other_node: Any, slot: Slot, make_refusal: Callable[[Any], PlaceChangedError]) -> bool:
    """Compare the parts of two nodes that are evaluated before `slot`, on the way to the position of a saved frame.

    Args:
        node: the node in the old source.
        other_node: the node in the edited source.
        slot: field and index of the part that contains the position.
        make_refusal: makes the error that is raised if the parts differ.

    Returns:
        Whether the position is in an expression. An expression is compared as a whole, so no further step is compared.
    """
    name, index = slot
    block = getattr(node, name, None)
    if not isinstance(block, list) or index is None or not block or not isinstance(block[0], ast.stmt):
        if name in ("handlers", "cases"):
            _require_same(
                node.body if name == "handlers" else node.subject,
                _select_compared_part(other_node, name),
                node,
                make_refusal,
            )
            return False
        if isinstance(node, ast.stmt):
            whole = not _has_blocks(node)
            _require_same(
                node if whole else _read_header(node),
                other_node if whole else _read_header(other_node),
                node,
                make_refusal,
            )
        return True
    _require_same(_read_header(node), _read_header(other_node), node, make_refusal)
    if isinstance(node, ast.Try) and name in ("orelse", "finalbody"):
        _require_same(node.body, other_node.body, node, make_refusal)
    others: list[Any] = getattr(other_node, name)
    for before, after in zip(cast("list[Any]", block)[:index], others[:index], strict=False):
        if not isinstance(before, ast.Global):  # in a cell it lists all names that the cell binds, also in later code
            _require_same(before, after, before, make_refusal)
    if len(others) <= index:
        raise make_refusal(block[index])
    return False


def _require_same(old_part: Any, new_part: Any, node: Any, make_refusal: Callable[[Any], PlaceChangedError]) -> None:
    if _dump_part(old_part) != _dump_part(new_part):
        raise make_refusal(node)


def _select_compared_part(node: Any, name: str) -> Any:
    return node.body if name == "handlers" else node.subject


def _read_header(node: Any) -> list[Any]:
    """Return the parts of a compound statement that are evaluated before its blocks; an empty list for a function."""
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


def _dump_part(value: Any) -> Any:
    if isinstance(value, list):
        return [_dump_part(item) for item in cast("list[Any]", value)]
    return ast.dump(_drop_bodies(value)) if isinstance(value, ast.AST) else value


def _drop_bodies(node: Any) -> Any:
    """Copy a statement without the bodies of the functions that it defines, since an edit may change these."""
    if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
        return node
    made: Any = copy_node(node)
    if isinstance(node, FUNCTIONS) and not is_engine_name(node.name):
        made.body = []
        return made
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            setattr(made, name, [_drop_bodies(part) for part in cast("list[Any]", block)])
    return made


def _find_child(node: Any, slot: Slot) -> Any:
    name, index = slot
    holder = node.args if name.startswith("args.") else node
    value = getattr(holder, name.removeprefix("args."), None)
    if index is None or value is None:
        return value
    return value[index] if index < len(value) else None


def _describe_parameters(node: Any) -> str:
    """Return the parameter names of a function as text. Defaults were evaluated at its definition, and are left out."""
    args = getattr(node, "args", None)
    if not isinstance(args, ast.arguments):
        return ""
    groups = (args.posonlyargs, args.args, [args.vararg], args.kwonlyargs, [args.kwarg])
    return repr([[arg and arg.arg for arg in group] for group in groups])


def _find_line(unit: Unit, node: Any) -> int:
    for part in ast.walk(node):
        position = unit.get_tree().node_numbers.find_position(getattr(part, "lineno", 0))
        if position is not None:
            return position[0]
    return 0


def _find_first_line(unit: Unit, function: int) -> int:
    return _find_line(unit, unit.get_tree().nodes[function]) or 1
