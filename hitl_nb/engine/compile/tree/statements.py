"""Instrumentation of statements: they are rewritten so that a pause inside them can be saved and resumed.

Statements keep the user's shape. The local variables that keep values of a statement are set to None behind it. Loops
and slow statements *poll*: if `RUNTIME.due` is set, they call `RUNTIME.poll`, which may save the run.
"""

from __future__ import annotations

import ast
from typing import Any, ClassVar

from hitl_nb.engine.compile.tree.nodes import (
    BRANCH,
    FUNCTIONS,
    YIELDS,
    assign,
    clear_names,
    constant,
    expression,
    fill_positions,
    is_filed_value,
    list_lambdas,
    list_own_nodes,
    load,
    make_if,
    runtime_attribute,
    runtime_call,
    store,
)
from hitl_nb.engine.compile.tree.protected_blocks import BROKE, CONTINUED, ProtectedBlocks


class Statements(ProtectedBlocks):
    """Rewrites the statements of one function so that a pause inside them can be saved and resumed."""

    _instrumenters: ClassVar[dict[type[ast.stmt], str]] = {
        ast.Import: "_leave_unchanged",
        ast.Pass: "_leave_unchanged",
        ast.Nonlocal: "_leave_unchanged",
        ast.TryStar: "_leave_unchanged",
        ast.Global: "_instrument_global",
        ast.ImportFrom: "_instrument_import_from",
        ast.Expr: "_instrument_expression",
        ast.Assign: "instrument_assign",
        ast.AnnAssign: "_instrument_annotated_assign",
        ast.AugAssign: "_instrument_augmented_assign",
        ast.Delete: "_instrument_delete",
        ast.Assert: "_instrument_assert",
        ast.Raise: "_instrument_raise",
        ast.Return: "instrument_return",
        ast.Break: "_instrument_break",
        ast.Continue: "_instrument_continue",
        ast.If: "_instrument_if",
        ast.While: "_instrument_while",
        ast.For: "_instrument_for",
        ast.AsyncFor: "_instrument_for",
        ast.Match: "_instrument_match",
        ast.Try: "instrument_try",
        ast.With: "instrument_with",
        ast.AsyncWith: "instrument_with",
        ast.FunctionDef: "_instrument_function",
        ast.AsyncFunctionDef: "_instrument_function",
        ast.ClassDef: "_instrument_class",
    }
    """The method for each kind of statement."""

    def instrument_block(self, statements: list[ast.stmt], field: str) -> list[ast.stmt]:
        """Rewrite the statements of a block so that a pause inside them can be saved and resumed.

        Args:
            statements: The statements.
            field: Letters that name the block in the paths of its statements, for example "b" for a body.

        Returns:
            The statements to use instead; never an empty list.
        """
        outer = self.names.path
        made: list[ast.stmt] = []
        for i, statement in enumerate(statements):
            self.names.path = f"{outer}{field}{i}"
            self.begin_statement()
            is_slow = self._may_take_long(statement)
            made += self._record_paths(self.instrument_statement(statement))
            if self.function.kind == "cell" and not outer:
                made += self._make_poll(statement)
            elif is_slow:
                made += self._record_paths(self._make_poll(statement))
        self.names.path = outer
        self.begin_statement()
        return made or [fill_positions(ast.Pass(), None)]

    def instrument_branch(self, statements: list[ast.stmt], field: str) -> list[ast.stmt]:
        """Rewrite a block that may be skipped, such as the body of an `if`, so that a pause inside it can be saved.

        In an agent cell, a statement is added which records that the block has run.

        Args:
            statements: The statements of the block.
            field: Letters that name the block in the paths of its statements, for example "b" for a body.

        Returns:
            The statements to use instead.
        """
        if self.function.kind != "cell" or not self.function.is_agent:
            return self.instrument_block(statements, field)
        path = f"{self.names.path}{field}"
        self.builder.tree.branches[path] = statements[0].lineno, statements[0].col_offset
        return [assign(f"{BRANCH}{path}", constant(True)), *self.instrument_block(statements, field)]

    def _record_paths(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        for statement in statements:
            self.builder.tree.paths.setdefault(statement, self.names.path)
        return statements

    def _may_take_long(self, node: ast.stmt) -> bool:
        """Return whether the engine may save the run directly after this statement of an agent.

        That is so if the statement calls: the call may take long, and after a save it is not executed again.
        """
        is_simple = isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign)
        return is_simple and self.function.is_agent and self.call_finder.has_call(node)

    def instrument_statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Rewrite a statement so that a pause inside it can be saved and resumed.

        Returns the statements to use instead.
        """
        return getattr(self, self._instrumenters.get(type(node), "_instrument_simple"))(node)

    def _leave_unchanged(self, node: ast.stmt) -> list[ast.stmt]:
        return [node]

    def _make_poll(self, node: ast.AST) -> list[ast.stmt]:
        return [make_if(runtime_attribute("due"), [expression(runtime_call("poll", at=node), node)])]

    # -- names

    def _instrument_global(self, node: ast.Global) -> list[ast.stmt]:
        return [] if self.function.kind == "cell" else [node]

    def _instrument_import_from(self, node: ast.ImportFrom) -> list[ast.stmt]:
        if node.names[0].name != "*" or self.function.kind != "cell":
            return [node]
        space = fill_positions(ast.Call(runtime_attribute("globals", node), [], []), node)
        module = constant(node.module, node), constant(node.level, node)
        return [expression(runtime_call("import_all", *module, space, at=node), node)]

    def _instrument_expression(self, node: ast.Expr) -> list[ast.stmt]:
        is_top = self.function.kind == "cell" and self.names.path.isdigit()
        if not (self.builder.shows_last and is_top):
            return self._instrument_simple(node)
        # All expressions of a cell get the same shape, because an edit can add statements behind the one that is shown.
        value = self.visit(node.value)
        before, after = self.take_prelude()
        is_shown = node is self.builder.shown_statement
        show = expression(runtime_call("show", load(".shown"), at=node) if is_shown else constant(None), node)
        return [*before, assign(".shown", value, node), show, *after, *clear_names([".shown"])]

    # -- control

    def _instrument_break(self, node: ast.Break) -> list[ast.stmt]:
        return self.instrument_loop_exit(node, BROKE)

    def _instrument_continue(self, node: ast.Continue) -> list[ast.stmt]:
        return self.instrument_loop_exit(node, CONTINUED)

    def _instrument_assert(self, node: ast.Assert) -> list[ast.stmt]:
        node.test = self.visit(node.test)
        node.msg = self.visit(node.msg) if node.msg is not None else None
        before, after = self.take_prelude()
        return [*before, node, *after]

    def _instrument_raise(self, node: ast.Raise) -> list[ast.stmt]:
        self.instrument_parts(node)
        before, _ = self.take_prelude()
        return [*before, node]

    def _instrument_if(self, node: ast.If) -> list[ast.stmt]:
        node.test = self.visit(node.test)
        before, after = self.take_prelude()
        node.body = [*after, *self.instrument_branch(node.body, "b")]
        node.orelse = [*after, *(self.instrument_branch(node.orelse, "e") if node.orelse else [])]
        return [*before, node]

    def _instrument_while(self, node: ast.While) -> list[ast.stmt]:
        node.test = self.visit(node.test)
        before, after = self.take_prelude()
        self.loop_depth += 1
        node.body = [*after, *self._make_poll(node), *self.instrument_branch(node.body, "b")]
        self.loop_depth -= 1
        node.orelse = self.instrument_branch(node.orelse, "e") if node.orelse else []
        return [*before, node, *after]

    def _instrument_for(self, node: Any) -> list[ast.stmt]:
        iterator = self.names.new_name("it")
        is_inner = (
            isinstance(node.iter, ast.Name) and node.iter.id == ".0"
        )  # the loop of a comprehension: its argument is an iterator already
        is_async = isinstance(node, ast.AsyncFor)
        calls = self.call_finder.has_call(node.iter)
        value = self.visit(node.iter)
        if not is_inner:
            value = self.file_value(value) if calls else value  # `__iter__` of the value may pause
            value = runtime_call("iterate_async" if is_async else "iter", value, at=node.iter)
        before, after = self.take_prelude()
        opening = [
            *before,
            assign(iterator, value, node.iter),
            *after,
            *([] if is_async else _open_iterator_if_needed(iterator)),
        ]
        node.iter = load(iterator, node.iter)
        self.builder.tree.loops.append(node)
        head: list[ast.stmt] = []
        if not isinstance(node.target, ast.Name):  # binding can fail: a run that continues at the target needs the item
            item = self.names.new_name("x")
            head = [*self.bind_target(node.target, item), *clear_names([item])]
            node.target = store(item, node.target)
        self.loop_depth += 1
        node.body = [*head, *self._make_poll(node), *self.instrument_branch(node.body, "b")]
        self.loop_depth -= 1
        node.orelse = self.instrument_branch(node.orelse, "e") if node.orelse else []
        # A loop that is left by an exception or a `return` drops its iterator at once, as in Python. If an exception
        # leaves the frame, the iterator is kept in another name, so that a run that failed can continue the loop.
        # Generators of instrumented code are not kept, because they must end at once (see `keep_iterator`).
        kept = self.names.new_name("l")
        self.names.cleared_on_error.append(kept)
        keep = assign(kept, runtime_call("keep_iterator", load(iterator)))
        left = fill_positions(
            ast.ExceptHandler(
                runtime_attribute("BaseException"), None, [keep, fill_positions(ast.Raise(None, None), None)]
            ),
            None,
        )
        return [*opening, fill_positions(ast.Try([node], [left], [], clear_names([iterator])), None)]

    def _instrument_match(self, node: ast.Match) -> list[ast.stmt]:
        guarded = any(case.guard is not None and self.call_finder.has_call(case.guard) for case in node.cases)
        node.subject = self.visit(node.subject)
        before, after = self.take_prelude()
        if not guarded:
            for i, case in enumerate(node.cases):
                case.body = [*after, *self.instrument_branch(case.body, f"c{i}b")]
            return [*before, node, *after]
        subject, chosen = self.names.new_name("s"), self.names.new_name("k")
        made = [*before, assign(subject, node.subject, node.subject), assign(chosen, constant(-1)), *after]
        for i, case in enumerate(node.cases):
            self.begin_statement()
            pick: list[ast.stmt] = [assign(chosen, constant(i))]
            if case.guard is not None:
                test = self.visit(case.guard)
                prelude, cleared = self.take_prelude()
                pick = [*prelude, make_if(test, pick, at=case.guard), *cleared]
            attempt = fill_positions(
                ast.Match(load(subject, node.subject), [ast.match_case(case.pattern, None, pick)]), node
            )
            made.append(make_if(_make_negative_test(chosen), [attempt]))
        for i, case in enumerate(node.cases):
            made.append(make_if(_make_equality_test(chosen, i), self.instrument_branch(case.body, f"c{i}b")))
        return [*made, *clear_names([subject])]

    # -- definitions

    def _instrument_function(self, node: Any) -> list[ast.stmt]:
        is_agent = any(map(_is_agent_mark, node.decorator_list))
        self._instrument_decorators(node)
        before, after = self.take_prelude()
        return [*before, *self.instrument_definition(node, node.name, is_agent=is_agent), *after]

    def instrument_definition(self, node: Any, name: str, *, is_agent: bool = False) -> list[ast.stmt]:
        """Rewrite the body of a function definition so that a pause inside it can be saved and resumed.

        Args:
            node: The definition; it is changed.
            name: Name of the function for people, for example `<listcomp>`.
            is_agent: True if it has the decorator `@hitl.agent`.

        Returns:
            A list with the definition.
        """
        function = self.builder.add_function(node, "def", name, self.function)
        function.is_agent = is_agent
        nodes = list_own_nodes(node.body)
        function.globals = _list_globals(nodes)
        function.is_async = isinstance(node, ast.AsyncFunctionDef)
        function.is_generator = any(part.__class__ in YIELDS for part in nodes)
        self.builder.tree.remember_sharing(function, nodes)
        function.docstrings = 1 if not name.startswith("<") and ast.get_docstring(node, clean=False) is not None else 0
        inner = type(self)(self.builder, function, nodes)
        start = function.docstrings
        body = inner.instrument_block(node.body[start:], "b") if node.body[start:] else []
        node.body = [*node.body[:start], *body]
        return [node]

    def _instrument_decorators(self, node: Any) -> None:
        self.instrument_parts(node)
        for decorator in node.decorator_list[:1]:
            if is_filed_value(decorator):  # its line is the first line of the function's code
                ast.copy_location(decorator, decorator.value)

    def _instrument_class(self, node: ast.ClassDef) -> list[ast.stmt]:
        self._instrument_decorators(node)
        before, after = self.take_prelude()
        self.instrument_class_body(node, self.function)
        return [*before, node, *after]

    def instrument_class_body(self, node: ast.ClassDef, parent: Any) -> None:
        """Rewrite the methods and the lambdas of a class so that a pause inside them can be saved and resumed.

        Other statements of the class body are left unchanged.
        """
        function = self.builder.add_function(node, "class", node.name, parent)
        self.builder.tree.remember_sharing(function, [])
        function.globals = _list_globals(list_own_nodes(node.body))
        inner = type(self)(self.builder, function, ())
        inner.instrument_methods(node.body)

    def instrument_methods(self, statements: list[ast.stmt]) -> None:
        """Rewrite the functions that a class body defines, so that a pause inside them can be saved and resumed.

        Functions of nested classes are included.

        Args:
            statements: Statements of the class body.
        """
        for statement in statements:
            for part in list_lambdas(statement):
                self.instrument_lambda_body(part)  # values of the class body itself are not kept in local variables
            if isinstance(statement, FUNCTIONS):
                is_agent = any(map(_is_agent_mark, statement.decorator_list))
                self.instrument_definition(statement, statement.name, is_agent=is_agent)
            elif isinstance(statement, ast.ClassDef):
                self.instrument_class_body(statement, self.function)
            else:
                for field in ("body", "orelse", "finalbody"):
                    self.instrument_methods(getattr(statement, field, []))
                for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
                    self.instrument_methods(part.body)


def _list_globals(nodes: list[ast.AST]) -> frozenset[str]:
    return frozenset(name for part in nodes if isinstance(part, ast.Global) for name in part.names)


def _is_agent_mark(decorator: ast.AST) -> bool:
    """Return whether a decorator is `@hitl.agent`. Only its last name is compared."""
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return name == "agent"


def _make_negative_test(name: str) -> ast.expr:
    return fill_positions(ast.Compare(load(name), [ast.Lt()], [constant(0)]), None)


def _make_equality_test(name: str, value: int) -> ast.expr:
    return fill_positions(ast.Compare(load(name), [ast.Eq()], [constant(value)]), None)


def _open_iterator_if_needed(iterator: str) -> list[ast.stmt]:
    """Return a statement that replaces an iterator whose position cannot be saved, by an equal one that can be saved.

    All other iterators stay, and no Python code is called for them.

    Args:
        iterator: Name of the local variable that has the iterator.
    """
    kind = fill_positions(ast.Call(runtime_attribute("type"), [load(iterator)], []), None)
    test = fill_positions(ast.Compare(kind, [ast.In()], [runtime_attribute("openers")]), None)
    return [make_if(test, [assign(iterator, runtime_call("open_iterator", load(iterator)))])]
