"""Gives each node of instrumented code a number in place of its line, so that an instruction names its node exactly."""

from __future__ import annotations

import ast
from typing import Any

from hitl_nb.engine.compile.tree.line_table import Position
from hitl_nb.engine.compile.tree.nodes import SCOPES, children, is_runtime

FIRST_NUMBER = 2
_PLAIN = frozenset((ast.Name, ast.Constant, ast.Attribute))
METHOD = 1  # the column of a method's attribute, which has the number of its call


class Numbering:
    """The nodes of one unit.

    Attributes:
        nodes: of each, by its number, the user's position; None: it has none, or is the engine's own.
    """

    def __init__(self) -> None:
        self.nodes: list[Position | None] = [None] * FIRST_NUMBER
        self._methods: dict[int, Position | None] = {}  # by the number of the call

    def position_of(self, number: int, column: int = 0) -> Position | None:
        """The user's position of what has this number and column."""
        if column:
            return self._methods.get(number) if column == METHOD else None
        return self.nodes[number] if 0 < number < len(self.nodes) else None

    def add(self, node: ast.AST) -> None:
        """Number `node` and all below it."""
        methods: list[ast.Call] = []
        numbered: set[ast.AST] = set()  # what clears filed values is in a tree more than once
        positions = self.nodes
        stack: list[Any] = [node]
        while stack:
            part = stack.pop()
            kind: type[ast.AST] = part.__class__
            fields: dict[str, Any] = part.__dict__
            line = fields.get("lineno")
            if line == -1 and (kind in _PLAIN or (kind is ast.Assign and type(part.value) in _PLAIN)):
                continue  # the engine's own, and all below it
            if kind is not ast.Name and kind is not ast.Constant:
                below = children(part)
                below.reverse()
                stack += below
            if line is None or part in numbered:
                continue
            if line == -1:
                if kind not in SCOPES:
                    continue
                user = None
            else:
                user = line, fields["end_lineno"], fields["col_offset"], fields["end_col_offset"]
            numbered.add(part)
            fields["lineno"] = fields["end_lineno"] = len(positions)
            fields["col_offset"] = fields["end_col_offset"] = 0
            positions.append(user)
            if kind is ast.Call and type(part.func) is ast.Attribute:
                methods.append(part)
        for part in methods:
            self._join_method(part)

    def add_new(self, node: ast.AST) -> None:
        """Number a function of the engine's own that was added since."""
        _set(node, len(self.nodes), 0)
        self.nodes.append(None)

    def _join_method(self, node: ast.Call) -> None:
        """A method's call over several lines: CPython moves its position to the line of the name."""
        attribute = node.func
        assert isinstance(attribute, ast.Attribute)
        number = node.lineno
        name, whole = self.nodes[attribute.lineno], self.nodes[number]
        self._methods[number] = name
        if is_runtime(attribute):
            self._methods[number] = whole
        elif name and whole and whole[0] != name[1]:
            column = max(name[3] - len(attribute.attr.encode()), 0)
            self.nodes[number] = (name[1], whole[1], column, whole[3])
            self._methods[number] = (name[1], name[1], column, name[3])
        _set(attribute, number, METHOD)


def _set(node: Any, number: int, column: int) -> None:
    node.lineno = node.end_lineno = number
    node.col_offset = node.end_col_offset = column
