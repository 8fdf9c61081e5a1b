"""Instrumentation of expressions: they are rewritten so that a pause inside them can be saved and resumed.

A value that CPython would keep on its value stack across a call is also *filed*: kept in a local variable that the
engine adds. An assignment expression (`:=`) files it at the place where it is evaluated, as in `f((.t0 := a()), b())`.
Nothing is moved, so the order of evaluation stays Python's.
"""

from __future__ import annotations

import ast
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hitl_nb.engine.compile.tree.call_finder import CallFinder
from hitl_nb.engine.compile.tree.node_slots import list_parts
from hitl_nb.engine.compile.tree.nodes import (
    COMPREHENSIONS,
    YIELDS,
    clear_names,
    constant,
    copy_node,
    fill_positions,
    is_filed_name,
    is_filed_value,
    is_leaf,
    is_plain,
    is_super,
    iterate_own_nodes,
    list_own_nodes,
    load,
    runtime_attribute,
    runtime_call,
    set_position,
    store,
)
from hitl_nb.engine.compile.tree.scopes import FiledNames, InstrumentedFunction, ScopeNames

if TYPE_CHECKING:
    from hitl_nb.engine.compile.tree.trees import TreeBuilder

OPERATIONS = frozenset(
    (ast.Call, ast.BinOp, ast.Compare, ast.UnaryOp, ast.Attribute, ast.Subscript, ast.FormattedValue)
)
_TAKEN_APART = frozenset((ast.Starred, ast.FormattedValue, ast.keyword, ast.Slice))
NAMESPACE_VIEWS = frozenset(("locals", "vars", "dir", "eval", "exec"))


class Expressions(ABC):
    """Rewrites the expressions of one function so that a pause inside them can be saved and resumed.

    CPython keeps the intermediate values of an expression on a stack that cannot be read. The rewritten expression also
    keeps them in local variables, as in `f((.t0 := a()), b())`.

    Attributes:
        filed: Names of these local variables in the current statement. They are set to None behind it.
        depth: Number of values that CPython's stack would hold at this point of the statement.
        prelude: Statements to put before the current one: the functions that its comprehensions become.
        can_define: False in a lambda, which cannot contain the definition of a function.
    """

    _visitors: ClassVar[dict[type[ast.AST], str]] = {
        ast.BoolOp: "_instrument_bool",
        ast.IfExp: "_instrument_conditional",
        ast.Compare: "_instrument_comparison",
        ast.NamedExpr: "_instrument_walrus",
        ast.Await: "_instrument_await",
        ast.YieldFrom: "_instrument_yield_from",
        ast.Call: "_instrument_call",
        ast.Lambda: "_instrument_lambda",
        **dict.fromkeys(COMPREHENSIONS, "_instrument_comprehension"),
    }
    """The method for each kind of expression that is more than a sequence of parts."""

    def __init__(self, builder: TreeBuilder, function: InstrumentedFunction, nodes: Sequence[ast.AST]) -> None:
        """Prepare the rewriting of a function.

        Args:
            builder: Builder of the whole tree.
            function: The function.
            nodes: Nodes of its body, without those of nested functions, before they are changed.
        """
        self.builder = builder
        self.call_finder: CallFinder = builder.call_finder
        self.function = function
        self.names = FiledNames()
        self.scope = ScopeNames.from_scope(builder.tree.nodes[function.number], nodes, kind=function.kind)
        function.first_parameter = self.scope.first_parameter
        self.filed: dict[str, None] = {}
        self.depth = 0
        self.prelude: list[ast.stmt] = []
        self.can_define = function.kind != "lambda"

    # -- the current statement

    def begin_statement(self) -> None:
        """Start a new statement: forget the local variables and the added statements of the statement before."""
        self.filed, self.prelude, self.depth = {}, [], 0

    def take_prelude(self) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Return the statements that are added before and behind the current statement.

        The statements before it define the functions that its comprehensions become. The statements behind it set the
        local variables with its intermediate values to None. Afterwards both lists are empty.
        """
        taken = self.prelude, clear_names(self.filed)
        self.begin_statement()
        return taken

    def new_name(self) -> str:
        """Return the name of the local variable for an intermediate value, and increase the depth of the stack.

        The name depends on the depth. As on CPython's stack, the next value at the same depth replaces this value.
        """
        name = f".t{self.names.path}.{self.depth}"
        self.depth += 1
        if name not in self.filed:
            self.filed[name] = None
            self.names.cleared_on_error.append(name)
        return name

    # -- filing

    def file_value(self, node: Any) -> Any:
        """Return an expression that evaluates `node` and keeps the value in a local variable until the statement ends.

        The result has the form `(.t0 := node)`. Constants, and parameters that are never bound again, are returned as
        they are.
        """
        if is_leaf(node) and (isinstance(node, ast.Constant) or node.id in self.scope.untouched):
            return node
        match node if node.__class__ in _TAKEN_APART else None:
            case ast.Starred(value=value):
                if is_filed_value(value) or is_filed_name(value):
                    return node
                items = ast.copy_location(ast.List([node], ast.Load()), node)  # unpacked at this point, once
                return ast.copy_location(ast.Starred(self.file_value(items), ast.Load()), node)
            case ast.FormattedValue():
                text = ast.copy_location(ast.JoinedStr([node]), node)
                return ast.copy_location(ast.FormattedValue(self.file_value(text), -1, None), node)
            case ast.keyword(arg=None, value=value):
                node.value = self.file_value(runtime_call("expand", value, at=node))
                return node
            case ast.keyword():
                node.value = self.file_value(node.value)
                return node
            case ast.Slice():
                for name in ("lower", "upper", "step"):
                    part = getattr(node, name)
                    if part is not None:
                        setattr(node, name, self.file_value(part))
                return node
            case _:
                if is_filed_value(node) or is_filed_name(node):
                    return node
                return set_position(ast.NamedExpr(store(self.new_name()), node), None)

    def instrument_parts(self, node: Any) -> Any:
        """Rewrite the parts of a node so that a pause inside them can be saved and resumed. Returns the node.

        All parts must be evaluated, one after another. Values of parts before a call are kept in local variables.
        """
        return self._instrument_calling_parts(node) if self.call_finder.has_call_below(node) else node

    def _instrument_calling_parts(self, node: Any) -> Any:
        parts = list_parts(node)
        is_binding = isinstance(node, (ast.Assign, ast.Delete))
        operands = [part.value if part.__class__ is ast.keyword else part for _, _, part in parts]
        final = self.call_finder.find_last_operand(operands, are_targets=is_binding)
        operates = node.__class__ in OPERATIONS and not any(is_super(part) for _, _, part in parts)
        base = self.depth
        for i, (holder, key, part) in enumerate(parts):
            keeps = i <= final if operates else i < final
            if keeps or not is_leaf(part):
                is_unpacked = isinstance(node, ast.Dict) and holder is node.values and node.keys[key] is None
                kind = "called" if key == "func" else "unpacked" if is_unpacked else ""
                holder[key] = self._instrument_part(part, kind, keeps=keeps, is_final=i == final)
        self.depth = base
        return node

    def _instrument_part(self, part: Any, kind: str, *, keeps: bool, is_final: bool) -> Any:
        if isinstance(part, ast.keyword):
            part.value = self.visit(part.value)
            if keeps and is_final and part.arg is None:
                part.value = self.file_value(part.value)  # the call itself unpacks it, and runs nothing before that
                return part
            return self.file_value(part) if keeps else part
        if keeps and is_final and isinstance(part, ast.Starred):
            part.value = self.file_value(self.visit(part.value))
            return part
        made = self.visit(part)
        if kind == "called":
            return self._instrument_callee(made, keeps=keeps and not is_final)
        if kind == "unpacked":
            return self.file_value(ast.copy_location(ast.Dict([None], [made]), part)) if keeps else made
        return self.file_value(made) if keeps else made

    def _instrument_callee(self, function: ast.expr, *, keeps: bool) -> ast.expr:
        """Change the callee of a call so that a save can find the called function again without running code.

        The result is a plain name, a value that is kept in a local variable, or an attribute of one of these.

        Args:
            function: The callee.
            keeps: If True, the value must be kept in a local variable even if it is a plain name.
        """
        if not isinstance(function, ast.Attribute):
            return self.file_value(function) if keeps or not is_plain(function) else function
        receiver = function.value
        if is_filed_value(receiver):
            self.depth += 1  # the receiver is in use until the call
        elif not is_super(receiver) and (keeps or not is_plain(receiver)):
            function.value = self.file_value(receiver)
        return function

    # -- one kind of expression each

    def visit(self, node: Any) -> Any:
        """Rewrite an expression so that a pause inside it can be saved and resumed.

        Returns the node to use instead of it.
        """
        kind: type[ast.AST] = node.__class__
        if is_leaf(node) or not self.call_finder.has_call_below(node):
            return node
        base = self.depth
        visitor = self._visitors.get(kind)
        made = self._instrument_calling_parts(node) if visitor is None else getattr(self, visitor)(node)
        self.depth = base
        return made

    def _instrument_bool(self, node: ast.BoolOp) -> ast.expr:
        node.values = [self.visit(value) for value in node.values]
        return node

    def _instrument_conditional(self, node: ast.IfExp) -> ast.expr:
        node.test, node.body, node.orelse = self.visit(node.test), self.visit(node.body), self.visit(node.orelse)
        return node

    def _instrument_comparison(self, node: ast.Compare) -> ast.expr:
        """Split a chain `a < b < c` into comparisons joined by `and`.

        A chain tests the result of each comparison, and that test may run code of the user.
        """
        if len(node.ops) == 1:
            return self.instrument_parts(node)
        left = self.file_value(self.visit(node.left))
        values: list[ast.expr] = []
        for operation, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.file_value(self.visit(comparator))
            values.append(ast.copy_location(ast.Compare(left, [operation], [right]), node))
            left = load(right.target.id, comparator) if is_filed_value(right) else copy_node(right)
        return ast.copy_location(ast.BoolOp(ast.And(), values), node)

    def _instrument_walrus(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self.visit(node.value)
        return node

    def _instrument_await(self, node: ast.Await) -> ast.expr:
        node.value = self.file_value(self.visit(node.value))
        return node

    def _instrument_yield_from(self, node: ast.YieldFrom) -> ast.expr:
        at = node.value
        value = self.file_value(self.visit(at))
        name = value.target.id if is_filed_value(value) else value.id if is_filed_name(value) else ""
        again: Any = load(name, at) if name else value  # a constant, or an untouched parameter
        kind = fill_positions(ast.Call(runtime_attribute("type", at), [value], []), at)
        is_delegate = fill_positions(ast.Compare(kind, [ast.In()], [runtime_attribute("delegates", at)]), at)
        opened = runtime_call("iter", again if name else copy_node(again), at=at)
        asked = fill_positions(ast.IfExp(is_delegate, copy_node(again), opened), at)
        node.value = fill_positions(ast.NamedExpr(store(name, at), asked), at) if name else self.file_value(asked)
        return node

    def _instrument_call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "super" and not node.args and not node.keywords and self.function.is_inlined:
            return self._spell_inlined_super(node)
        if name == "super" and not node.args and not node.keywords and self._can_spell_super():
            self.builder.tree.supers.setdefault(self.function.number, []).append(node)
            return node
        is_plain_call = not node.keywords and not any(isinstance(arg, ast.Starred) for arg in node.args)
        if name in NAMESPACE_VIEWS and is_plain_call and len(node.args) == (name in ("eval", "exec")):
            return self._view_namespace(node)
        return self._instrument_calling_parts(node)

    def _can_spell_super(self) -> bool:
        """Return whether `super()` can be written with arguments, which a frame that a resume has rebuilt needs."""
        return bool(self.function.owner) and bool(self.function.first_parameter) and not self.scope.loses_self

    def _spell_inlined_super(self, node: ast.Call) -> ast.expr:
        """Add the arguments to a `super()` in a comprehension to which Python gives no frame of its own.

        The arguments are the class and the first parameter of the method around the comprehension.
        """
        first = self.function.scope_of_names.first_parameter
        if self.function.owner and first:
            node.args = [load("__class__", node), load(first, node)]
        return node

    def _view_namespace(self, node: ast.Call) -> ast.expr:
        """Replace a call of `locals`, `vars`, `dir`, `eval` or `exec`. Returns the new call.

        At the top level of a cell, the new call reads the namespace of the notebook. In a function, it hides the local
        variables that the engine has added.
        """
        if self.function.kind == "cell":
            args = fill_positions(ast.Tuple([self.visit(arg) for arg in node.args], ast.Load()), node)
            space = fill_positions(ast.Call(runtime_attribute("globals", node), [], []), node)
            return runtime_call("namespace_view", self.file_value(node.func), args, space, at=node)
        if node.args:
            return self.instrument_parts(node)
        function = copy_node(node.func)
        if self.function.is_inlined:
            sees_cell = self.function.scope_of_names.kind == "cell" and sys.version_info < (3, 13)
            space: ast.expr = (
                fill_positions(ast.Call(runtime_attribute("globals", node), [], []), node)
                if sees_cell
                else constant(None)
            )
            return runtime_call("visible_inlined", function, node, space, at=node)
        return runtime_call("visible", function, node, at=node)

    def _instrument_lambda(self, node: ast.Lambda) -> ast.expr:
        self.instrument_parts(node)
        return self.instrument_lambda_body(node)

    def instrument_lambda_body(self, node: ast.Lambda) -> ast.expr:
        """Rewrite the body of a lambda so that a pause inside it can be saved and resumed. Returns the lambda."""
        if self.call_finder.has_call_below(node.body):
            function = self.builder.add_function(node, "lambda", "<lambda>", self.function)
            nodes = list_own_nodes([node.body])
            self.builder.tree.remember_sharing(function, nodes)
            inner = type(self)(self.builder, function, nodes)
            node.body = inner.visit(node.body)
            function.is_generator = any(part.__class__ in YIELDS for part in iterate_own_nodes(node.body))
            self.builder.tree.paths[node.body] = "b0"
        return node

    @abstractmethod
    def _instrument_comprehension(self, node: Any) -> ast.expr: ...
