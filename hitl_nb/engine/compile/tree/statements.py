"""Statements: their shape stays the user's; what is filed is cleared behind them, and loops report when asked to."""

from __future__ import annotations

import ast
from typing import Any, ClassVar

from hitl_nb.engine.compile.tree.nodes import (
    BRANCH,
    FUNCTIONS,
    assign,
    call,
    clear,
    constant,
    expression,
    is_filed,
    lambdas_made_by,
    load,
    locate,
    own_nodes,
    runtime,
    store,
    when,
)
from hitl_nb.engine.compile.tree.protected_blocks import BROKE, CONTINUED, Protected


class Statements(Protected):
    """Instruments the statements of one function."""

    _statements: ClassVar[dict[type[ast.stmt], str]] = {
        ast.Import: "_as_it_is",
        ast.Pass: "_as_it_is",
        ast.Nonlocal: "_as_it_is",
        ast.TryStar: "_as_it_is",
        ast.Global: "_global",
        ast.ImportFrom: "_import_from",
        ast.Expr: "_expression",
        ast.Assign: "assigned",
        ast.AnnAssign: "_annotated",
        ast.AugAssign: "_augmented",
        ast.Delete: "_delete",
        ast.Assert: "_assert",
        ast.Raise: "_raise",
        ast.Return: "returning",
        ast.Break: "_break",
        ast.Continue: "_continue",
        ast.If: "_if",
        ast.While: "_while",
        ast.For: "_for",
        ast.AsyncFor: "_for",
        ast.Match: "_match",
        ast.Try: "try_statement",
        ast.With: "with_statement",
        ast.AsyncWith: "with_statement",
        ast.FunctionDef: "_function",
        ast.AsyncFunctionDef: "_function",
        ast.ClassDef: "_class",
    }
    """The methods for each kind."""

    def block(self, statements: list[ast.stmt], field: str) -> list[ast.stmt]:
        """Instrument the statements of a block; `field` names the block in the paths of its statements."""
        outer = self.names.path
        made: list[ast.stmt] = []
        for i, statement in enumerate(statements):
            self.names.path = f"{outer}{field}{i}"
            self.begin()
            is_slow = self._may_take_long(statement)
            made += self._record(self.statement(statement))
            if self.function.kind == "cell" and not outer:
                made += self._poll(statement)
            elif is_slow:
                made += self._record(self._poll(statement))
        self.names.path = outer
        self.begin()
        return made or [locate(ast.Pass(), None)]

    def branch(self, statements: list[ast.stmt], field: str) -> list[ast.stmt]:
        """Instrument a block that need not run. In an agent cell it notes that it does."""
        if self.function.kind != "cell" or not self.function.is_agent:
            return self.block(statements, field)
        path = f"{self.names.path}{field}"
        self.builder.tree.branches[path] = statements[0].lineno, statements[0].col_offset
        return [assign(f"{BRANCH}{path}", constant(True)), *self.block(statements, field)]

    def _record(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        for statement in statements:
            self.builder.tree.paths.setdefault(statement, self.names.path)
        return statements

    def _may_take_long(self, node: ast.stmt) -> bool:
        """Whether agent code reports behind a statement: a call may have taken long, and is not to be repeated."""
        is_simple = isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign)
        return is_simple and self.function.is_agent and self.finder.calls(node)

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        return getattr(self, self._statements.get(type(node), "_simple"))(node)

    def _as_it_is(self, node: ast.stmt) -> list[ast.stmt]:
        return [node]

    def _poll(self, node: ast.AST) -> list[ast.stmt]:
        return [when(runtime("due"), [expression(call("poll", at=node), node)])]

    # -- names

    def _global(self, node: ast.Global) -> list[ast.stmt]:
        return [] if self.function.kind == "cell" else [node]

    def _import_from(self, node: ast.ImportFrom) -> list[ast.stmt]:
        if node.names[0].name != "*" or self.function.kind != "cell":
            return [node]
        space = locate(ast.Call(runtime("globals", node), [], []), node)
        module = constant(node.module, node), constant(node.level, node)
        return [expression(call("import_all", *module, space, at=node), node)]

    def _expression(self, node: ast.Expr) -> list[ast.stmt]:
        is_top = self.function.kind == "cell" and self.names.path.isdigit()
        if not (self.builder.shows_last and is_top):
            return self._simple(node)
        # All of a cell have the same shape: one that is shown is not last any more when statements are added.
        value = self.visit(node.value)
        before, after = self.take()
        is_shown = node is self.builder.shown
        show = expression(call("show", load(".shown"), at=node) if is_shown else constant(None), node)
        return [*before, assign(".shown", value, node), show, *after, *clear([".shown"])]

    # -- control

    def _break(self, node: ast.Break) -> list[ast.stmt]:
        return self.leaving(node, BROKE)

    def _continue(self, node: ast.Continue) -> list[ast.stmt]:
        return self.leaving(node, CONTINUED)

    def _assert(self, node: ast.Assert) -> list[ast.stmt]:
        node.test = self.visit(node.test)
        node.msg = self.visit(node.msg) if node.msg is not None else None
        before, after = self.take()
        return [*before, node, *after]

    def _raise(self, node: ast.Raise) -> list[ast.stmt]:
        self.sequence(node)
        before, _ = self.take()
        return [*before, node]

    def _if(self, node: ast.If) -> list[ast.stmt]:
        node.test = self.visit(node.test)
        before, after = self.take()
        node.body = [*after, *self.branch(node.body, "b")]
        node.orelse = [*after, *(self.branch(node.orelse, "e") if node.orelse else [])]
        return [*before, node]

    def _while(self, node: ast.While) -> list[ast.stmt]:
        node.test = self.visit(node.test)
        before, after = self.take()
        self.loops += 1
        node.body = [*after, *self._poll(node), *self.branch(node.body, "b")]
        self.loops -= 1
        node.orelse = self.branch(node.orelse, "e") if node.orelse else []
        return [*before, node, *after]

    def _for(self, node: Any) -> list[ast.stmt]:
        iterator = self.names.new("it")
        is_inner = (
            isinstance(node.iter, ast.Name) and node.iter.id == ".0"
        )  # a comprehension's: it is an iterator already
        is_async = isinstance(node, ast.AsyncFor)
        calls = self.finder.calls(node.iter)
        value = self.visit(node.iter)
        if not is_inner:
            value = self.file(value) if calls else value  # its `__iter__` may ask
            value = call("iterate_async" if is_async else "iter", value, at=node.iter)
        before, after = self.take()
        opening = [*before, assign(iterator, value, node.iter), *after, *([] if is_async else _opened(iterator))]
        node.iter = load(iterator, node.iter)
        self.builder.tree.loops.append(node)
        head: list[ast.stmt] = []
        if not isinstance(node.target, ast.Name):  # binding can fail: a run that continues there has the item still
            item = self.names.new("x")
            head = [*self.bound(node.target, item), *clear([item])]
            node.target = store(item, node.target)
        self.loops += 1
        node.body = [*head, *self._poll(node), *self.branch(node.body, "b")]
        self.loops -= 1
        node.orelse = self.branch(node.orelse, "e") if node.orelse else []
        # Left by an exception or a `return`, a loop lets go of its iterator at once, as natively. Where an exception
        # leaves the frame, iterators that do not notice are kept under another name: a run that fails continues there.
        kept = self.names.new("l")
        self.names.cleared_on_error.append(kept)
        keep = assign(kept, call("keep_iterator", load(iterator)))
        left = locate(
            ast.ExceptHandler(runtime("BaseException"), None, [keep, locate(ast.Raise(None, None), None)]), None
        )
        return [*opening, locate(ast.Try([node], [left], [], clear([iterator])), None)]

    def _match(self, node: ast.Match) -> list[ast.stmt]:
        guarded = any(case.guard is not None and self.finder.calls(case.guard) for case in node.cases)
        node.subject = self.visit(node.subject)
        before, after = self.take()
        if not guarded:
            for i, case in enumerate(node.cases):
                case.body = [*after, *self.branch(case.body, f"c{i}b")]
            return [*before, node, *after]
        subject, chosen = self.names.new("s"), self.names.new("k")
        made = [*before, assign(subject, node.subject, node.subject), assign(chosen, constant(-1)), *after]
        for i, case in enumerate(node.cases):
            self.begin()
            pick: list[ast.stmt] = [assign(chosen, constant(i))]
            if case.guard is not None:
                test = self.visit(case.guard)
                prelude, cleared = self.take()
                pick = [*prelude, when(test, pick, at=case.guard), *cleared]
            attempt = locate(ast.Match(load(subject, node.subject), [ast.match_case(case.pattern, None, pick)]), node)
            made.append(when(_is_negative(chosen), [attempt]))
        for i, case in enumerate(node.cases):
            made.append(when(_equals(chosen, i), self.branch(case.body, f"c{i}b")))
        return [*made, *clear([subject])]

    # -- definitions

    def _function(self, node: Any) -> list[ast.stmt]:
        is_agent = any(map(_is_agent_mark, node.decorator_list))
        self._decorated(node)
        before, after = self.take()
        return [*before, *self.define(node, node.name, is_agent=is_agent), *after]

    def define(self, node: Any, name: str, *, is_agent: bool = False) -> list[ast.stmt]:
        function = self.builder.add_function(node, "def", name, self.function)
        function.is_agent = is_agent
        nodes = [part for statement in node.body for part in own_nodes(statement)]
        function.globals = frozenset(n for part in nodes if isinstance(part, ast.Global) for n in part.names)
        function.is_async = isinstance(node, ast.AsyncFunctionDef)
        function.is_generator = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in nodes)
        self.builder.tree.note_sharing(function, nodes)
        function.docstrings = 1 if not name.startswith("<") and ast.get_docstring(node, clean=False) is not None else 0
        inner = type(self)(self.builder, function, node.body)
        start = function.docstrings
        body = inner.block(node.body[start:], "b") if node.body[start:] else []
        node.body = [*node.body[:start], *body]
        return [node]

    def _decorated(self, node: Any) -> None:
        self.sequence(node)
        for decorator in node.decorator_list[:1]:
            if is_filed(decorator):  # its line is the first line of the function's code
                ast.copy_location(decorator, decorator.value)

    def _class(self, node: ast.ClassDef) -> list[ast.stmt]:
        self._decorated(node)
        before, after = self.take()
        self.define_class(node, self.function)
        return [*before, node, *after]

    def define_class(self, node: ast.ClassDef, parent: Any) -> None:
        """Instrument the methods and the lambdas of a class; its body stays as it is."""
        function = self.builder.add_function(node, "class", node.name, parent)
        self.builder.tree.note_sharing(function, [])
        nodes = [part for statement in node.body for part in own_nodes(statement)]
        function.globals = frozenset(n for part in nodes if isinstance(part, ast.Global) for n in part.names)
        inner = type(self)(self.builder, function, node.body)
        inner.define_methods(node.body)

    def define_methods(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            for part in lambdas_made_by(statement):
                self.lambda_body(part)  # what the body of the class evaluates is not filed
            if isinstance(statement, FUNCTIONS):
                is_agent = any(map(_is_agent_mark, statement.decorator_list))
                self.define(statement, statement.name, is_agent=is_agent)
            elif isinstance(statement, ast.ClassDef):
                self.define_class(statement, self.function)
            else:
                for field in ("body", "orelse", "finalbody"):
                    self.define_methods(getattr(statement, field, []))
                for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
                    self.define_methods(part.body)


def _is_agent_mark(decorator: ast.AST) -> bool:
    """Whether a decorator is `@hitl.agent`, as far as its name tells."""
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return name == "agent"


def _is_negative(name: str) -> ast.expr:
    return locate(ast.Compare(load(name), [ast.Lt()], [constant(0)]), None)


def _equals(name: str, value: int) -> ast.expr:
    return locate(ast.Compare(load(name), [ast.Eq()], [constant(value)]), None)


def _opened(iterator: str) -> list[ast.stmt]:
    """An iterator that does not tell how far it is is replaced; all others are left, without a call of Python's."""
    kind = locate(ast.Call(runtime("type"), [load(iterator)], []), None)
    test = locate(ast.Compare(kind, [ast.In()], [runtime("openers")]), None)
    return [when(test, [assign(iterator, call("open_iterator", load(iterator)))])]
