"""Gives each node of instrumented code a number in place of its line, so that an instruction names its node exactly."""

from __future__ import annotations

import ast
from typing import Any

from hitl_nb.engine.compile.line_table import Position
from hitl_nb.engine.compile.nodes import SCOPES, children, is_runtime

FIRST_NUMBER = 2
METHOD = 1  # the column of a method's attribute, which has the number of its call


class Numbering:
    """The nodes of one unit: their numbers, and the user's positions."""

    def __init__(self) -> None:
        self.next = FIRST_NUMBER
        self.positions: dict[tuple[int, int], Position | None] = {}  # (number, column) -> the user's position

    def add(self, node: ast.AST) -> None:
        """Number `node` and all below it."""
        methods: list[ast.Call] = []
        numbered: set[ast.AST] = set()  # what clears filed values is in a tree more than once
        stack: list[Any] = [node]
        while stack:
            part = stack.pop()
            stack += children(part)[::-1]
            line = getattr(part, "lineno", None)
            if line is None or part in numbered:
                continue
            if line == -1 and not isinstance(part, SCOPES):
                continue
            numbered.add(part)
            user: Any = None if line == -1 else (line, part.end_lineno, part.col_offset, part.end_col_offset)
            self.positions[self.next, 0] = user
            part.lineno = part.end_lineno = self.next
            part.col_offset = part.end_col_offset = 0
            self.next += 1
            if type(part) is ast.Call and type(part.func) is ast.Attribute:
                methods.append(part)
        for part in methods:
            self._join_method(part)

    def add_new(self, node: ast.AST) -> None:
        """Number a function of the engine's own that was added since."""
        self.positions[self.next, 0] = None
        _set(node, self.next, 0)
        self.next += 1

    def _join_method(self, node: ast.Call) -> None:
        """A method's call over several lines: CPython moves its position to the line of the name."""
        attribute = node.func
        assert isinstance(attribute, ast.Attribute)
        number = node.lineno
        name, whole = self.positions[attribute.lineno, 0], self.positions[number, 0]
        self.positions[number, METHOD] = name
        if is_runtime(attribute):
            self.positions[number, METHOD] = whole
        elif name and whole and whole[0] != name[1]:
            column = max(name[3] - len(attribute.attr.encode()), 0)
            self.positions[number, 0] = (name[1], whole[1], column, whole[3])
            self.positions[number, METHOD] = (name[1], name[1], column, name[3])
        _set(attribute, number, METHOD)


def _set(node: Any, number: int, column: int) -> None:
    node.lineno = node.end_lineno = number
    node.col_offset = node.end_col_offset = column
