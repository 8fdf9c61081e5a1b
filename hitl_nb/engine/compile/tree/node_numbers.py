"""Numbers for the nodes of instrumented code.

Each node gets a number in place of its line. After compilation, the line of an instruction is the number of its node,
so the instruction names its node exactly. The user's positions are kept by number.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from hitl_nb.engine.compile.tree.line_table import SourcePosition
from hitl_nb.engine.compile.tree.nodes import SCOPES, is_runtime_attribute, list_children

FIRST_NUMBER = 2
_PLAIN_KINDS = frozenset((ast.Name, ast.Constant, ast.Attribute))
METHOD_COLUMN = 1  # column of the attribute in a method call `x.f()`; its number is that of the call


class NodeNumbers:
    """The numbers that identify the syntax nodes of one source text, with the positions of the nodes in the source.

    Attributes:
        nodes: Source position of each node; the index is the node's number. None for nodes that the engine has added.
        method_positions: For each method call `x.f()`: number of the call -> source position of the attribute `x.f`.
    """

    def __init__(self) -> None:
        self.nodes: list[SourcePosition | None] = [None] * FIRST_NUMBER
        self.method_positions: dict[int, SourcePosition | None] = {}

    def find_position(self, number: int, column: int = 0) -> SourcePosition | None:
        """Return the source position of a syntax node; None if it has none.

        Args:
            number: The node's number.
            column: 0, or `METHOD_COLUMN` for the attribute in a method call.
        """
        if column:
            return self.method_positions.get(number) if column == METHOD_COLUMN else None
        return self.nodes[number] if 0 < number < len(self.nodes) else None

    def number_nodes(self, node: ast.AST) -> None:
        """Give each syntax node from `node` downward a number in place of its line, and record its source position."""
        methods: list[ast.Call] = []
        self._number_below([node], methods, set())
        for part in methods:
            self._number_method_call(part)

    def _number_below(self, nodes: Iterable[Any], methods: list[ast.Call], numbered: set[ast.AST]) -> None:
        """Give numbers to `nodes` and all nodes below them.

        Args:
            nodes: The nodes.
            methods: The method calls that are found are appended here.
            numbered: Nodes that have a number already, because some nodes are in a tree more than once; extended in
                place.
        """
        positions = self.nodes
        for part in nodes:
            kind: type[ast.AST] = part.__class__
            fields: dict[str, Any] = part.__dict__
            line = fields.get("lineno")
            if line == -1:
                if kind in _PLAIN_KINDS or (kind is ast.Assign and fields["value"].__class__ in _PLAIN_KINDS):
                    continue  # this node and all nodes below it are the engine's own
                if kind in SCOPES and part not in numbered:
                    numbered.add(part)
                    fields["lineno"] = fields["end_lineno"] = len(positions)
                    fields["col_offset"] = fields["end_col_offset"] = 0
                    positions.append(None)
            elif line is not None:
                if part in numbered:
                    continue
                numbered.add(part)
                user = line, fields["end_lineno"], fields["col_offset"], fields["end_col_offset"]
                fields["lineno"] = fields["end_lineno"] = len(positions)
                fields["col_offset"] = fields["end_col_offset"] = 0
                positions.append(user)
                if kind is ast.Name or kind is ast.Constant:
                    continue
                if kind is ast.Call and fields["func"].__class__ is ast.Attribute:
                    methods.append(part)
            if kind is ast.NamedExpr and line == -1:  # its name is the engine's own
                below: Iterable[Any] = (fields["value"],)
            elif kind is ast.Call:
                below = [fields["func"], *fields["args"], *fields["keywords"]]
            else:
                below = list_children(part)
            self._number_below(below, methods, numbered)

    def number_new_function(self, node: ast.AST) -> None:
        """Give a node number to a function that the engine added to the tree after `number_nodes`.

        It has no source position.
        """
        _set_number(node, len(self.nodes), 0)
        self.nodes.append(None)

    def _number_method_call(self, node: ast.Call) -> None:
        """Correct the recorded positions of a method call.

        If the call has several lines, CPython moves its position to the line of the method name.
        """
        attribute = node.func
        assert isinstance(attribute, ast.Attribute)
        number = node.lineno
        name, whole = self.nodes[attribute.lineno], self.nodes[number]
        self.method_positions[number] = name
        if is_runtime_attribute(attribute):
            self.method_positions[number] = whole
        elif name and whole and whole[0] != name[1]:
            column = max(name[3] - len(attribute.attr.encode()), 0)
            self.nodes[number] = (name[1], whole[1], column, whole[3])
            self.method_positions[number] = (name[1], name[1], column, name[3])
        _set_number(attribute, number, METHOD_COLUMN)


def _set_number(node: Any, number: int, column: int) -> None:
    node.lineno = node.end_lineno = number
    node.col_offset = node.end_col_offset = column
