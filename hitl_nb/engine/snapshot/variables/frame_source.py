"""Source of a saved frame: find out which statements may have run, and which may still run.

The *place* of a frame is the number of the syntax node at which the frame waits.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator
from typing import Any, cast

from hitl_nb.engine.compile import Unit, find_unit
from hitl_nb.engine.position.frames.frames import SavedFrame

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHES: dict[Any, tuple[str, ...]] = {ast.If: ("body", "orelse"), ast.Try: ("handlers",), ast.Match: ("cases",)}


class FrameSource:
    """The user's source of a saved frame, to find out which of its statements may have run or may still run.

    Args:
        saved_frame: The frame.

    Attributes:
        function: The user's syntax tree of the function, or of the cell.
        line, last: The first and the last line of the node where the frame waits. If the frame waits after a statement
            has ended, the lines of the whole statement.
    """

    def __init__(self, saved_frame: SavedFrame) -> None:
        unit = find_unit(saved_frame.unit)
        assert unit is not None
        self.function = _find_function_node(unit, saved_frame.function)
        self._position = unit.get_tree().node_numbers.find_position(saved_frame.place) or (0, 0, 0, 0)
        self.line, self.last, *_ = self._position

    @functools.cached_property
    def _around(self) -> list[Any]:
        return [node for node in iterate_frame_nodes(self.function) if self._is_inside(node)]

    def may_have_run(self, node: Any) -> bool:
        """Return True if a statement or expression of the function may have run before the frame's current position."""
        return self._is_looped(node) or (node.lineno <= self.last and not self._is_in_other_branch(node))

    def may_run(self, node: Any) -> bool:
        """Return True if a statement or expression of the function may still run.

        This includes the node at which the frame waits.
        """
        return self._is_looped(node) or (node.end_lineno >= self.line and not self._is_in_other_branch(node))

    def _is_inside(self, node: Any) -> bool:
        if isinstance(node, _LOOPS):
            return node.lineno <= self.line <= (node.end_lineno or 0)
        return isinstance(node, tuple(_BRANCHES)) and self._is_in_part(node)

    def _is_in_part(self, node: Any) -> bool:
        """Return True if the frame waits inside a statement; False if it waits after the statement, or elsewhere."""
        whole = (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)
        return whole != tuple(self._position) and node.lineno <= self.line <= node.end_lineno

    def _is_looped(self, node: Any) -> bool:
        loops = (one for one in self._around if isinstance(one, _LOOPS))
        return any(one.lineno <= node.lineno <= (one.end_lineno or 0) for one in loops)

    def _is_in_other_branch(self, node: Any) -> bool:
        for one in self._around:
            parts: list[list[Any]] = []
            for name in _BRANCHES.get(type(one), ()):
                found = getattr(one, name)
                parts += [part.body for part in found] if name in ("handlers", "cases") else [found]
            mine = [part for part in parts if _covers(part, self.line)]
            its = [part for part in parts if _covers(part, node.lineno)]
            if mine and its and mine[0] is not its[0]:
                return True
        return False


def _covers(statements: list[Any], line: int) -> bool:
    return bool(statements) and statements[0].lineno <= line <= statements[-1].end_lineno


@functools.lru_cache(maxsize=256)
def _find_unmet_words(unit: Unit, function: int, place: int) -> frozenset[str]:
    source = FrameSource(SavedFrame(unit.key, function, place, "call", {}, {}, {}))
    met, others = set[str](), set[str]()
    for node in ast.walk(source.function):
        ran = not hasattr(node, "lineno") or source.may_have_run(node)
        for _, value in ast.iter_fields(node):
            for word in cast("list[Any]", value) if isinstance(value, list) else [value]:
                if isinstance(word, str):
                    (met if ran else others).add(word.partition(".")[0])
    return frozenset(others - met)


def find_unmet_names(saved_frame: SavedFrame) -> frozenset[str]:
    """Return the names that a frame's code mentions only in statements that have not run yet."""
    unit = find_unit(saved_frame.unit)
    assert unit is not None
    return _find_unmet_words(unit, saved_frame.function, saved_frame.place)


def find_star_imported_names(unit: Unit, ns: dict[str, Any]) -> set[str]:
    """Return the names of `ns` that a cell may have defined by `from module import *`."""
    found = set[str]()
    for module in _find_star_imports(unit):
        held = vars(sys.modules[module]) if module in sys.modules else {}
        public = held.get("__all__") or [name for name in held if name[0] != "_"]
        found |= ns.keys() & public
    return found


@functools.lru_cache(maxsize=32)
def _find_star_imports(unit: Unit) -> frozenset[str]:
    """Return the names of the modules in the unit's `from module import *` statements."""
    nodes = (node for node in ast.walk(_parse_module(unit)) if isinstance(node, ast.ImportFrom))
    return frozenset(node.module for node in nodes if node.module and node.names[0].name == "*")


@functools.lru_cache(maxsize=32)
def collect_text_words(unit: Unit) -> frozenset[str]:
    """Return all words in the string constants of a unit.

    Calls such as `eval`, and magics, may read variables whose names are in these texts.
    """
    texts = (node.value for node in ast.walk(_parse_module(unit)) if isinstance(node, ast.Constant))
    return frozenset(word for text in texts if isinstance(text, str) for word in re.findall(r"\w+", text))


@functools.lru_cache(maxsize=32)
def _parse_module(unit: Unit) -> ast.Module:
    return ast.parse(unit.source)


@functools.lru_cache(maxsize=512)
def _find_function_node(unit: Unit, number: int) -> Any:
    """Return the user's syntax node of a function of the unit. For a cell, it is the module node."""
    module, known = _parse_module(unit), unit.functions[number]
    if known.kind == "cell":
        return module
    position = unit.get_tree().node_numbers.find_position(unit.get_tree().nodes[number].lineno)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for node in ast.walk(module):
        if (
            position is not None
            and isinstance(node, kinds)
            and (node.lineno, node.col_offset)
            == (
                position[0],
                position[2],
            )
        ):
            return node
    return ast.Module([], [])  # the function of a comprehension: its nodes count as nodes of the function around it


def iterate_frame_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function that its own frame evaluates. Nodes inside nested functions are skipped."""
    todo = list(ast.iter_child_nodes(function))
    for node in todo:  # the loop appends to `todo`
        yield node
        if not isinstance(node, _LATER):
            todo += ast.iter_child_nodes(node)


_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.GeneratorExp)
