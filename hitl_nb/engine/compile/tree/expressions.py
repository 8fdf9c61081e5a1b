"""Expressions: what CPython would keep on its value stack across a call is also filed under a local name.

Order of evaluation stays Python's: a value is filed by a walrus where it is evaluated, and nothing is moved.
"""

from __future__ import annotations

import ast
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from hitl_nb.engine.compile.tree.call_finder import CallFinder
from hitl_nb.engine.compile.tree.nodes import (
    COMPREHENSIONS,
    Slot,
    call,
    clear,
    constant,
    copy,
    is_file_name,
    is_filed,
    is_plain,
    is_super,
    load,
    locate,
    own_nodes,
    place,
    read,
    runtime,
    slots,
    store,
    value_of,
    write,
)
from hitl_nb.engine.compile.tree.scopes import FileNames, InstrumentedFunction, ScopeNames

if TYPE_CHECKING:
    from hitl_nb.engine.compile.tree.trees import TreeBuilder

OPERATIONS = (ast.Call, ast.BinOp, ast.Compare, ast.UnaryOp, ast.Attribute, ast.Subscript, ast.FormattedValue)
VIEWS = frozenset(("locals", "vars", "dir", "eval", "exec"))


class Expressions(ABC):
    """Instruments the expressions of one function."""

    _visitors: ClassVar[dict[type[ast.AST], str]] = {
        ast.BoolOp: "_bool",
        ast.IfExp: "_conditional",
        ast.Compare: "_compare",
        ast.NamedExpr: "_walrus",
        ast.Await: "_await",
        ast.YieldFrom: "_yield_from",
        ast.Call: "_call",
        ast.Lambda: "_lambda",
        **dict.fromkeys(COMPREHENSIONS, "_comprehension"),
    }
    """The methods for those that are more than a sequence of parts."""

    def __init__(self, builder: TreeBuilder, function: InstrumentedFunction, body: list[ast.AST]) -> None:
        self.builder = builder
        self.finder: CallFinder = builder.finder
        self.function = function
        self.names = FileNames()
        self.scope = ScopeNames.of(builder.tree.nodes[function.number], body, kind=function.kind)
        function.first_parameter = self.scope.first_parameter
        self.filed: dict[str, None] = {}  # of the statement at hand, to be cleared behind it
        self.depth = 0  # how many values CPython's stack would hold for this statement here
        self.prelude: list[ast.stmt] = []  # statements before it: the functions that its comprehensions become
        self.can_define = function.kind != "lambda"

    # -- the statement at hand

    def begin(self) -> None:
        self.filed, self.prelude, self.depth = {}, [], 0

    def take(self) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """What comes before the statement at hand, and what clears its filed values."""
        taken = self.prelude, clear(self.filed)
        self.begin()
        return taken

    def new_name(self) -> str:
        """As on CPython's stack, a value's name is taken over by what comes at its depth next, which ends its life."""
        name = f".t{self.names.path}.{self.depth}"
        self.depth += 1
        if name not in self.filed:
            self.filed[name] = None
            self.names.cleared_on_error.append(name)
        return name

    # -- filing

    def file(self, node: Any) -> Any:
        """`node`, evaluated where it is and kept under a name until the statement ends."""
        match node:
            case ast.Constant():
                return node
            case ast.Name(id=name) if name in self.scope.untouched:
                return node
            case ast.Starred(value=value):
                if is_filed(value) or is_file_name(value):
                    return node
                items = ast.copy_location(ast.List([node], ast.Load()), node)  # taken apart here, once
                return ast.copy_location(ast.Starred(self.file(items), ast.Load()), node)
            case ast.FormattedValue():
                text = ast.copy_location(ast.JoinedStr([node]), node)
                return ast.copy_location(ast.FormattedValue(self.file(text), -1, None), node)
            case ast.keyword(arg=None, value=value):
                node.value = self.file(call("expand", value, at=node))
                return node
            case ast.keyword():
                node.value = self.file(node.value)
                return node
            case ast.Slice():
                for name in ("lower", "upper", "step"):
                    part = getattr(node, name)
                    if part is not None:
                        setattr(node, name, self.file(part))
                return node
            case _:
                if is_filed(node) or is_file_name(node):
                    return node
                return place(ast.NamedExpr(store(self.new_name()), node), None)

    def sequence(self, node: Any) -> Any:
        """Instrument a node all of whose parts are evaluated in turn."""
        if not self.finder.calls_below(node):
            return node
        parts = [(slot, read(node, slot)) for slot in slots(node)]
        is_binding = isinstance(node, (ast.Assign, ast.Delete))
        final = self.finder.last_of([value_of(part) for _, part in parts], are_targets=is_binding)
        operates = isinstance(node, OPERATIONS) and not any(is_super(part) for _, part in parts)
        base = self.depth
        for i, (slot, part) in enumerate(parts):
            keeps = i <= final if operates else i < final
            write(node, slot, self._part(node, slot, part, keeps=keeps, is_final=i == final))
        self.depth = base
        return node

    def _part(self, node: Any, slot: Slot, part: Any, *, keeps: bool, is_final: bool) -> Any:
        if isinstance(part, ast.keyword):
            part.value = self.visit(part.value)
            if keeps and is_final and part.arg is None:
                part.value = self.file(part.value)  # taken apart by the call itself: nothing comes between
                return part
            return self.file(part) if keeps else part
        if keeps and is_final and isinstance(part, ast.Starred):
            part.value = self.file(self.visit(part.value))
            return part
        made = self.visit(part)
        if isinstance(node, ast.Call) and slot[0] == "func":
            return self._callee(made, keeps=keeps and not is_final)
        if isinstance(node, ast.Dict) and slot[0] == "values" and slot[1] is not None and node.keys[slot[1]] is None:
            return self.file(ast.copy_location(ast.Dict([None], [made]), part)) if keeps else made
        return self.file(made) if keeps else made

    def _callee(self, function: ast.expr, *, keeps: bool) -> ast.expr:
        """What is called must be found again later: a plain name, or a filed value, or an attribute of one."""
        if not isinstance(function, ast.Attribute):
            return self.file(function) if keeps or not is_plain(function) else function
        receiver = function.value
        if is_filed(receiver):
            self.depth += 1  # it is in use until the call
        elif not is_super(receiver) and (keeps or not is_plain(receiver)):
            function.value = self.file(receiver)
        return function

    # -- one kind of expression each

    def visit(self, node: Any) -> Any:
        kind: type[ast.AST] = node.__class__
        if kind is ast.Name or kind is ast.Constant or not self.finder.calls_below(node):
            return node
        base = self.depth
        visitor = self._visitors.get(kind)
        made = self.sequence(node) if visitor is None else getattr(self, visitor)(node)
        self.depth = base
        return made

    def _bool(self, node: ast.BoolOp) -> ast.expr:
        node.values = [self.visit(value) for value in node.values]
        return node

    def _conditional(self, node: ast.IfExp) -> ast.expr:
        node.test, node.body, node.orelse = self.visit(node.test), self.visit(node.body), self.visit(node.orelse)
        return node

    def _compare(self, node: ast.Compare) -> ast.expr:
        """A chain becomes comparisons that `and` joins: it tests each result, which may be code of the user's."""
        if len(node.ops) == 1:
            return self.sequence(node)
        left = self.file(self.visit(node.left))
        values: list[ast.expr] = []
        for operation, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.file(self.visit(comparator))
            values.append(ast.copy_location(ast.Compare(left, [operation], [right]), node))
            left = load(right.target.id, comparator) if is_filed(right) else copy(right)
        return ast.copy_location(ast.BoolOp(ast.And(), values), node)

    def _walrus(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self.visit(node.value)
        return node

    def _await(self, node: ast.Await) -> ast.expr:
        node.value = self.file(self.visit(node.value))
        return node

    def _yield_from(self, node: ast.YieldFrom) -> ast.expr:
        at = node.value
        value = self.file(self.visit(at))
        name = value.target.id if is_filed(value) else value.id if is_file_name(value) else ""
        again: Any = load(name, at) if name else value  # a constant, or an untouched parameter
        kind = locate(ast.Call(runtime("type", at), [value], []), at)
        is_delegate = locate(ast.Compare(kind, [ast.In()], [runtime("delegates", at)]), at)
        opened = call("iter", again if name else copy(again), at=at)
        asked = locate(ast.IfExp(is_delegate, copy(again), opened), at)
        node.value = locate(ast.NamedExpr(store(name, at), asked), at) if name else self.file(asked)
        return node

    def _call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "super" and not node.args and not node.keywords and self.function.is_inlined:
            return self._super_inlined(node)
        if name == "super" and not node.args and not node.keywords and self._has_super():
            self.builder.tree.supers.setdefault(self.function.number, []).append(node)
            return node
        is_plain_call = not node.keywords and not any(isinstance(arg, ast.Starred) for arg in node.args)
        if name in VIEWS and is_plain_call and len(node.args) == (name in ("eval", "exec")):
            return self._namespace_view(node)
        return self.sequence(node)

    def _has_super(self) -> bool:
        """Whether `super()` can be spelt out, as a continued frame must do."""
        return bool(self.function.owner) and bool(self.function.first_parameter) and not self.scope.loses_self

    def _super_inlined(self, node: ast.Call) -> ast.expr:
        """Where comprehensions have no frame, `super()` in one is that of the method around it."""
        first = self.function.scope_of_names.first_parameter
        if self.function.owner and first:
            node.args = [load("__class__", node), load(first, node)]
        return node

    def _namespace_view(self, node: ast.Call) -> ast.expr:
        """`locals()` and the like: in a cell they are of the notebook's namespace, in a function without our names."""
        if self.function.kind == "cell":
            args = locate(ast.Tuple([self.visit(arg) for arg in node.args], ast.Load()), node)
            space = locate(ast.Call(runtime("globals", node), [], []), node)
            return call("namespace_view", self.file(node.func), args, space, at=node)
        if node.args:
            return self.sequence(node)
        function = copy(node.func)
        if self.function.is_inlined:
            sees_cell = self.function.scope_of_names.kind == "cell" and sys.version_info < (3, 13)
            space: ast.expr = locate(ast.Call(runtime("globals", node), [], []), node) if sees_cell else constant(None)
            return call("visible_inlined", function, node, space, at=node)
        return call("visible", function, node, at=node)

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        self.sequence(node)
        return self.lambda_body(node)

    def lambda_body(self, node: ast.Lambda) -> ast.expr:
        if self.finder.calls_below(node.body):
            function = self.builder.add_function(node, "lambda", "<lambda>", self.function)
            self.builder.tree.note_sharing(function, own_nodes(node.body))
            inner = type(self)(self.builder, function, [node.body])
            node.body = inner.visit(node.body)
            nodes = list(own_nodes(node.body))
            function.is_generator = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in nodes)
            self.builder.tree.paths[node.body] = "b0"
        return node

    @abstractmethod
    def _comprehension(self, node: Any) -> ast.expr: ...
