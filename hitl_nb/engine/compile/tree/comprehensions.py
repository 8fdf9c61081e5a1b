"""Comprehensions and generator expressions become functions with loops, called in place."""

from __future__ import annotations

import ast
import sys
from abc import abstractmethod
from copy import deepcopy
from typing import Any

from hitl_nb.engine.compile.tree.expressions import VIEWS, Expressions
from hitl_nb.engine.compile.tree.nodes import (
    COMPREHENSIONS,
    SCOPES,
    assign,
    call,
    children,
    constant,
    copy,
    expression,
    is_filed,
    load,
    locate,
    own_nodes,
    own_nodes_of_comprehension,
    runtime,
    store,
    walk,
    when,
)
from hitl_nb.engine.compile.tree.scopes import INLINED

_NAMES = {"ListComp": "listcomp", "SetComp": "setcomp", "DictComp": "dictcomp", "GeneratorExp": "genexpr"}


class Comprehensions(Expressions):
    """Adds comprehensions to `Expressions`; `Statements` adds `define`."""

    @abstractmethod
    def define(self, node: Any, name: str) -> list[ast.stmt]:
        """Instrument a function definition."""

    def _comprehension(self, node: Any) -> ast.expr:
        awaits = _is_async(node)
        if not self.can_define or (awaits and isinstance(node, ast.GeneratorExp)):
            return node  # left as it is: a walrus may not be filed in the iterable of a comprehension
        if node in self.finder.perhaps:
            return self._either(node)
        return self._as_function(node, awaits=awaits)

    def _either(self, node: Any) -> ast.expr:
        """Without calls, but perhaps over a generator: as a function if it is one, else as it is."""
        plain, source = deepcopy(node), node.generators[0].iter
        given = self.file(source)
        again = load(given.target.id, source) if is_filed(given) else copy(given)
        node.generators[0].iter, plain.generators[0].iter = again, copy(again)
        kind = locate(ast.Call(runtime("type"), [given], []), None)
        is_delegate = locate(ast.Compare(kind, [ast.In()], [runtime("delegates")]), None)
        return locate(ast.IfExp(is_delegate, self._as_function(node, awaits=False), plain), node)

    def _as_function(self, node: Any, *, awaits: bool) -> ast.expr:
        first = node.generators[0]
        source, opening = first.iter, "iterate_async" if first.is_async else "iter"
        body, name = self._loops(node), self.names.new("c")
        arguments = ast.arguments([], [ast.arg(".0")], None, [], [], None, [])
        kind = ast.AsyncFunctionDef if awaits else ast.FunctionDef
        definition = locate(_without_type_parameters(kind(name, arguments, body, [], None)), node)
        self.prelude += self.define(definition, f"<{_NAMES[type(node).__name__]}>")
        made = locate(ast.Call(load(name, node), [call(opening, self.visit(source), at=source)], []), node)
        return locate(ast.Await(self.file(made)), node) if awaits else made

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        """A lambda with comprehensions becomes a function too, made in place by a function defined before."""
        parts = list(own_nodes(node.body))
        if not self.can_define or not any(isinstance(p, COMPREHENSIONS) and self.finder.calls_below(p) for p in parts):
            return super()._lambda(node)
        args, made = node.args, self.names.new("l")
        defaults = [*args.defaults, *(default for default in args.kw_defaults if default is not None)]
        names = iter([f".d{i}" for i in range(len(defaults))])
        maker_args = ast.arguments([], [ast.arg(f".d{i}") for i in range(len(defaults))], None, [], [], None, [])
        args.defaults = [load(next(names), default) for default in args.defaults]
        args.kw_defaults = [None if default is None else load(next(names), default) for default in args.kw_defaults]
        body: list[ast.stmt] = [locate(ast.Return(node.body), node.body)]
        inner = locate(_without_type_parameters(ast.FunctionDef(f"{made}.0", args, body, [], None)), node)
        given = locate(ast.Return(load(f"{made}.0", node)), node)
        maker_body = [*self.define(inner, "<lambda>"), given]
        maker = _without_type_parameters(ast.FunctionDef(made, maker_args, maker_body, [], None))
        self.prelude.append(locate(maker, node))
        return self.sequence(locate(ast.Call(load(made, node), defaults, []), node))

    def _loops(self, node: Any) -> list[ast.stmt]:
        body: list[ast.stmt]
        before, body = self._collecting(node)
        for i in range(len(node.generators) - 1, -1, -1):
            part = node.generators[i]
            for test in reversed(part.ifs):
                body = [when(test, body, at=test)]
            source = load(".0", part.iter if sys.version_info >= (3, 13) else None) if i == 0 else part.iter
            kind = ast.AsyncFor if part.is_async else ast.For
            at = part.iter if sys.version_info >= (3, 13) else node
            body = [locate(kind(part.target, source, body, []), at)]
        after: list[ast.stmt] = (
            [] if isinstance(node, ast.GeneratorExp) else [locate(ast.Return(load(".out", node)), node)]
        )
        return self._declared(node) + before + body + after

    def _collecting(self, node: Any) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """What makes the empty result, and what adds one item to it."""
        if isinstance(node, ast.GeneratorExp):
            return [], [expression(locate(ast.Yield(node.elt), node.elt), node)]
        if isinstance(node, ast.DictComp):
            empty: ast.expr = ast.Dict([], [])
            key, target = (
                load(".key", node),
                locate(ast.Subscript(load(".out", node), load(".key", node), ast.Store()), node),
            )
            del key  # the key comes first, then the value
            adding: list[ast.stmt] = [
                assign(".key", node.key, node.key),
                locate(ast.Assign([target], node.value), node),
            ]
            return [assign(".out", locate(empty, node), node)], adding
        is_list = isinstance(node, ast.ListComp)
        empty = ast.List([], ast.Load()) if is_list else call("set", at=node)
        method = locate(ast.Attribute(load(".out", node), "append" if is_list else "add", ast.Load()), node)
        adding = [expression(locate(ast.Call(method, [node.elt], []), node), node)]
        return [assign(".out", locate(empty, node), node)], adding

    def _declared(self, node: Any) -> list[ast.stmt]:
        """A walrus in a comprehension binds in the function around it."""
        walrus = sorted({n.target.id for n in own_nodes_of_comprehension(node) if isinstance(n, ast.NamedExpr)})
        is_cell = self.function.kind == "cell"
        shared = [name for name in walrus if is_cell or name in self.function.globals]
        outer = [name for name in walrus if name not in shared]
        found: list[ast.stmt] = []
        if shared:
            found.append(locate(ast.Global(shared), node))
        if outer:
            found.append(locate(ast.Nonlocal(outer), node))
            binding: list[ast.stmt] = [locate(ast.Assign([store(name)], constant(None)), None) for name in outer]
            self.prelude.append(when(constant(0), binding))
        return found + self._in_view(node)

    def _in_view(self, node: Any) -> list[ast.stmt]:
        """Where comprehensions have no scope, what looks at the local names in one sees those of the function too.

        A function has the names of the one around it among its own if its text names them, even where nothing runs it.
        """
        is_inlined = f"<{_NAMES[type(node).__name__]}>" in INLINED
        if not is_inlined or not any(map(_looks_at_locals, own_nodes_of_comprehension(node))):
            return []
        names: list[ast.expr] = [load(name) for name in sorted(self.scope.mentioned) if not name.startswith(".")]
        return [when(constant(0), [expression(locate(ast.Tuple(names, ast.Load()), None))])]


def _is_async(node: Any) -> bool:
    """Whether a comprehension awaits; its first iterable is evaluated outside of it."""
    parts: list[ast.AST] = [part.iter for part in node.generators[1:]]
    parts += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    parts += [test for part in node.generators for test in part.ifs]
    return any(part.is_async for part in node.generators) or any(map(_awaits, parts))


def _awaits(node: ast.AST) -> bool:
    if isinstance(node, ast.Await):
        return True
    if isinstance(node, COMPREHENSIONS):
        return _awaits(node.generators[0].iter) or (not isinstance(node, ast.GeneratorExp) and _is_async(node))
    return not isinstance(node, SCOPES) and any(map(_awaits, children(node)))


def _looks_at_locals(node: ast.AST) -> bool:
    """Whether a node is, by its name, what looks at all local names, or a query of pandas with a name as `@name`."""
    if isinstance(node, ast.Name):
        return node.id in VIEWS
    if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") not in ("query", "eval"):
        return False
    texts = [part.value for argument in node.args for part in walk(argument) if isinstance(part, ast.Constant)]
    return any(isinstance(text, str) and "@" in text for text in texts)


def _without_type_parameters(node: Any) -> Any:
    if "type_params" in node._fields:
        node.type_params = []
    return node
