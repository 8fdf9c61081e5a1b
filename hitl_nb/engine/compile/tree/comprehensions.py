"""Instrumentation of comprehensions and generator expressions: they become functions with loops, called in place.

A frame can be saved inside such a loop. Comprehensions that cannot pause are left as they are.
"""

from __future__ import annotations

import ast
import sys
from abc import abstractmethod
from copy import deepcopy
from typing import Any

from hitl_nb.engine.compile.tree.expressions import NAMESPACE_VIEWS, Expressions
from hitl_nb.engine.compile.tree.nodes import (
    COMPREHENSIONS,
    SCOPES,
    assign,
    constant,
    copy_node,
    expression,
    fill_positions,
    is_filed_value,
    iterate_comprehension_nodes,
    iterate_own_nodes,
    list_children,
    load,
    make_if,
    runtime_attribute,
    runtime_call,
    store,
    walk,
)
from hitl_nb.engine.compile.tree.scopes import INLINED_COMPREHENSIONS

_CODE_NAMES = {"ListComp": "listcomp", "SetComp": "setcomp", "DictComp": "dictcomp", "GeneratorExp": "genexpr"}


class Comprehensions(Expressions):
    """Rewrites comprehensions, generator expressions, and lambdas that contain them. Base class of `Statements`.

    They become functions with loops, in which a pause can be saved and resumed.
    """

    @abstractmethod
    def instrument_definition(self, node: Any, name: str) -> list[ast.stmt]:
        """Rewrite the body of a function definition so that a pause inside it can be saved and resumed.

        Args:
            node: The definition.
            name: Name of the function for people, for example `<listcomp>`.

        Returns:
            The statements to use instead.
        """

    def _instrument_comprehension(self, node: Any) -> ast.expr:
        awaits = _is_async_comprehension(node)
        if not self.can_define or (awaits and isinstance(node, ast.GeneratorExp)):
            return node  # left as it is: Python forbids a walrus in the iterable of a comprehension
        if node in self.call_finder.possible_generators:
            return self._choose_by_source(node)
        return self._make_function(node, awaits=awaits)

    def _choose_by_source(self, node: Any) -> ast.expr:
        """Rewrite a comprehension without calls, so that its iterable decides at run time how it is executed.

        If the iterable is a generator or coroutine, which may pause, the comprehension runs as a function in which a
        pause can be saved. Otherwise it runs as Python's own comprehension, which is faster.
        """
        plain, source = deepcopy(node), node.generators[0].iter
        given = self.file_value(source)
        again = load(given.target.id, source) if is_filed_value(given) else copy_node(given)
        node.generators[0].iter, plain.generators[0].iter = again, copy_node(again)
        kind = fill_positions(ast.Call(runtime_attribute("type"), [given], []), None)
        is_delegate = fill_positions(ast.Compare(kind, [ast.In()], [runtime_attribute("delegates")]), None)
        return fill_positions(ast.IfExp(is_delegate, self._make_function(node, awaits=False), plain), node)

    def _make_function(self, node: Any, *, awaits: bool) -> ast.expr:
        first = node.generators[0]
        source, opening = first.iter, "iterate_async" if first.is_async else "iter"
        body, name = self._make_loops(node), self.names.new_name("c")
        arguments = ast.arguments([], [ast.arg(".0")], None, [], [], None, [])
        kind = ast.AsyncFunctionDef if awaits else ast.FunctionDef
        definition = fill_positions(_add_empty_type_parameters(kind(name, arguments, body, [], None)), node)
        self.prelude += self.instrument_definition(definition, f"<{_CODE_NAMES[type(node).__name__]}>")
        made = fill_positions(
            ast.Call(load(name, node), [runtime_call(opening, self.visit(source), at=source)], []), node
        )
        return fill_positions(ast.Await(self.file_value(made)), node) if awaits else made

    def _instrument_lambda(self, node: ast.Lambda) -> ast.expr:
        """Replace a lambda that contains comprehensions in which functions are called.

        The new expression calls a function that is defined before the statement. That function gets the lambda's
        defaults as arguments, and returns an instrumented function with the behavior of the lambda.
        """
        parts = list(iterate_own_nodes(node.body))
        if not self.can_define or not any(
            isinstance(p, COMPREHENSIONS) and self.call_finder.has_call_below(p) for p in parts
        ):
            return super()._instrument_lambda(node)
        args, made = node.args, self.names.new_name("l")
        defaults = [*args.defaults, *(default for default in args.kw_defaults if default is not None)]
        names = iter([f".d{i}" for i in range(len(defaults))])
        maker_args = ast.arguments([], [ast.arg(f".d{i}") for i in range(len(defaults))], None, [], [], None, [])
        args.defaults = [load(next(names), default) for default in args.defaults]
        args.kw_defaults = [None if default is None else load(next(names), default) for default in args.kw_defaults]
        body: list[ast.stmt] = [fill_positions(ast.Return(node.body), node.body)]
        inner = fill_positions(_add_empty_type_parameters(ast.FunctionDef(f"{made}.0", args, body, [], None)), node)
        given = fill_positions(ast.Return(load(f"{made}.0", node)), node)
        maker_body = [*self.instrument_definition(inner, "<lambda>"), given]
        maker = _add_empty_type_parameters(ast.FunctionDef(made, maker_args, maker_body, [], None))
        self.prelude.append(fill_positions(maker, node))
        return self.instrument_parts(fill_positions(ast.Call(load(made, node), defaults, []), node))

    def _make_loops(self, node: Any) -> list[ast.stmt]:
        body: list[ast.stmt]
        before, body = self._make_collection(node)
        for i in range(len(node.generators) - 1, -1, -1):
            part = node.generators[i]
            for test in reversed(part.ifs):
                body = [make_if(test, body, at=test)]
            source = load(".0", part.iter if sys.version_info >= (3, 13) else None) if i == 0 else part.iter
            kind = ast.AsyncFor if part.is_async else ast.For
            at = part.iter if sys.version_info >= (3, 13) else node
            body = [fill_positions(kind(part.target, source, body, []), at)]
        after: list[ast.stmt] = (
            [] if isinstance(node, ast.GeneratorExp) else [fill_positions(ast.Return(load(".out", node)), node)]
        )
        return self._declare_walruses(node) + before + body + after

    def _make_collection(self, node: Any) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Make the statements of a comprehension's function that create the result and fill it.

        Returns:
            (statements that create the empty list, set or dict, statements that add one item). For a generator
            expression, there is nothing to create, and the item is yielded.
        """
        if isinstance(node, ast.GeneratorExp):
            return [], [expression(fill_positions(ast.Yield(node.elt), node.elt), node)]
        if isinstance(node, ast.DictComp):
            empty: ast.expr = ast.Dict([], [])
            key, target = (
                load(".key", node),
                fill_positions(ast.Subscript(load(".out", node), load(".key", node), ast.Store()), node),
            )
            del key  # the key comes first, then the value
            adding: list[ast.stmt] = [
                assign(".key", node.key, node.key),
                fill_positions(ast.Assign([target], node.value), node),
            ]
            return [assign(".out", fill_positions(empty, node), node)], adding
        is_list = isinstance(node, ast.ListComp)
        empty = ast.List([], ast.Load()) if is_list else runtime_call("set", at=node)
        method = fill_positions(ast.Attribute(load(".out", node), "append" if is_list else "add", ast.Load()), node)
        adding = [expression(fill_positions(ast.Call(method, [node.elt], []), node), node)]
        return [assign(".out", fill_positions(empty, node), node)], adding

    def _declare_walruses(self, node: Any) -> list[ast.stmt]:
        """Make declarations for the names that `:=` in a comprehension binds in the function around it.

        The comprehension becomes a function, so it needs `global` or `nonlocal` statements for these names.
        """
        walrus = sorted({n.target.id for n in iterate_comprehension_nodes(node) if isinstance(n, ast.NamedExpr)})
        is_cell = self.function.kind == "cell"
        shared = [name for name in walrus if is_cell or name in self.function.globals]
        outer = [name for name in walrus if name not in shared]
        found: list[ast.stmt] = []
        if shared:
            found.append(fill_positions(ast.Global(shared), node))
        if outer:
            found.append(fill_positions(ast.Nonlocal(outer), node))
            binding: list[ast.stmt] = [
                fill_positions(ast.Assign([store(name)], constant(None)), None) for name in outer
            ]
            self.prelude.append(make_if(constant(0), binding))
        return found + self._name_visible_variables(node)

    def _name_visible_variables(self, node: Any) -> list[ast.stmt]:
        """Make a statement that mentions the variables around a comprehension in which `locals()` is called.

        The statement never runs. Since Python 3.12, `locals()` in a comprehension also shows the variables of the
        function around it (PEP 709). The engine makes a function of the comprehension. A function has outer variables
        among its own only if its text mentions them.

        Returns:
            A list with the statement; empty if it is not needed.
        """
        is_inlined = f"<{_CODE_NAMES[type(node).__name__]}>" in INLINED_COMPREHENSIONS
        if not is_inlined or not any(map(_looks_at_locals, iterate_comprehension_nodes(node))):
            return []
        names: list[ast.expr] = [load(name) for name in sorted(self.scope.mentioned) if not name.startswith(".")]
        return [make_if(constant(0), [expression(fill_positions(ast.Tuple(names, ast.Load()), None))])]


def _is_async_comprehension(node: Any) -> bool:
    """Return whether a comprehension awaits.

    Its first iterable does not count, because it is evaluated before the comprehension's own frame.
    """
    parts: list[ast.AST] = [part.iter for part in node.generators[1:]]
    parts += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    parts += [test for part in node.generators for test in part.ifs]
    return any(part.is_async for part in node.generators) or any(map(_has_await, parts))


def _has_await(node: ast.AST) -> bool:
    if isinstance(node, ast.Await):
        return True
    if isinstance(node, COMPREHENSIONS):
        return _has_await(node.generators[0].iter) or (
            not isinstance(node, ast.GeneratorExp) and _is_async_comprehension(node)
        )
    return not isinstance(node, SCOPES) and any(map(_has_await, list_children(node)))


def _looks_at_locals(node: ast.AST) -> bool:
    """Return whether a node reads all local variables: `locals` and similar names, or a pandas query with `@name`."""
    if isinstance(node, ast.Name):
        return node.id in NAMESPACE_VIEWS
    if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") not in ("query", "eval"):
        return False
    texts = [part.value for argument in node.args for part in walk(argument) if isinstance(part, ast.Constant)]
    return any(isinstance(text, str) and "@" in text for text in texts)


def _add_empty_type_parameters(node: Any) -> Any:
    if "type_params" in node._fields:
        node.type_params = []
    return node
