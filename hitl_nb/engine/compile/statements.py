"""Statements: their shape stays the user's; what is filed is cleared behind them, and loops report when asked to."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from hitl_nb.engine.compile.nodes import (
    COMPREHENSIONS,
    FUNCTIONS,
    assign,
    call,
    clear,
    constant,
    copy,
    expression,
    is_file_name,
    is_filed,
    lambdas_made_by,
    load,
    locate,
    own_nodes,
    runtime,
    store,
    when,
)
from hitl_nb.engine.compile.protected import BROKE, CONTINUED, Protected


class Statements(Protected):
    """Instruments the statements of one function."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._statements: dict[type[ast.stmt], Callable[[Any], list[ast.stmt]]] = {
            ast.Import: self._as_it_is,
            ast.Pass: self._as_it_is,
            ast.Nonlocal: self._as_it_is,
            ast.TryStar: self._as_it_is,
            ast.Global: self._global,
            ast.ImportFrom: self._import_from,
            ast.Expr: self._expression,
            ast.Assign: self.assigned,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented,
            ast.Delete: self._delete,
            ast.Assert: self._assert,
            ast.Raise: self._raise,
            ast.Return: self.returning,
            ast.Break: lambda node: self.leaving(node, BROKE),
            ast.Continue: lambda node: self.leaving(node, CONTINUED),
            ast.If: self._if,
            ast.While: self._while,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.Match: self._match,
            ast.Try: self.try_statement,
            ast.With: self.with_statement,
            ast.AsyncWith: self.with_statement,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
        }

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

    def _record(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        for statement in statements:
            self.builder.tree.paths.setdefault(statement, self.names.path)
        return statements

    def _may_take_long(self, node: ast.stmt) -> bool:
        """Whether agent code reports behind a statement: a call may have taken long, and is not to be repeated."""
        is_simple = isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign)
        return is_simple and self.function.is_agent and self.finder.calls(node)

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        visitor = self._statements.get(type(node), self._simple)
        return visitor(node)

    def _simple(self, node: ast.stmt) -> list[ast.stmt]:
        self.sequence(node)
        before, after = self.take()
        return [*before, node, *after]

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

    # -- assignments

    def assigned(self, node: ast.Assign) -> list[ast.stmt]:
        calling = [target for target in node.targets if self.finder.calls(target)]
        if not calling or (len(node.targets) == 1 and not isinstance(calling[0], ast.Tuple | ast.List)):
            return self._assigned_whole(node)
        name = self.names.new("u")
        made = self._simple(locate(ast.Assign([store(name, node)], node.value), node))
        for target in node.targets:
            made += self.bound(target, name)
        return [*made, *clear([name])]

    def _assigned_whole(self, node: ast.Assign) -> list[ast.stmt]:
        """Binding a target can fail: a run that continues there still has the value, and makes no call again for it."""
        value = node.value
        makes = self.finder.calls(value) or isinstance(value, COMPREHENSIONS) or len(node.targets) > 1
        can_fail = any(_binding_can_fail(target, value) for target in node.targets)
        self.sequence(node)
        if makes and can_fail:
            node.value = self.file(node.value)
        before, after = self.take()
        return [*before, node, *after]

    def bound(self, target: ast.expr, name: str) -> list[ast.stmt]:
        """Bind what is filed under `name` to a target that may call."""
        if not isinstance(target, ast.Tuple | ast.List) or not self.finder.calls(target):
            self.begin()
            return self.assigned(locate(ast.Assign([target], load(name, target)), target))
        parts: list[ast.expr] = []
        later: list[tuple[ast.expr, str]] = []
        for element in target.elts:
            part = self.names.new("u")
            if isinstance(element, ast.Starred):
                parts.append(locate(ast.Starred(store(part, element), ast.Store()), element))
                later.append((element.value, part))
            else:
                parts.append(store(part, element))
                later.append((element, part))
        taken = locate(ast.Tuple(parts, ast.Store()), target)
        made: list[ast.stmt] = [locate(ast.Assign([taken], load(name, target)), target)]
        for element, part in later:
            made += self.bound(element, part)
        return [*made, *clear(part for _, part in later)]

    def _annotated(self, node: ast.AnnAssign) -> list[ast.stmt]:
        is_cell, target = self.function.kind == "cell", node.target
        made: list[ast.stmt] = []
        if node.value is not None:
            made += self.assigned(locate(ast.Assign([node.target], node.value), node))
        elif not isinstance(target, ast.Name):
            made += self._evaluated(target, node)
        elif node.simple and not is_cell:  # natively a local by its annotation alone
            made.append(when(constant(0), [assign(target.id, constant(None))]))
        if is_cell:
            made += self._annotation(node)
        return made

    def _evaluated(self, target: Any, node: ast.AST) -> list[ast.stmt]:
        """An annotated target without a value: its parts are evaluated, as natively."""
        parts = [target.value] + ([target.slice] if isinstance(target, ast.Subscript) else [])
        parts = [part for part in parts if not isinstance(part, ast.Slice)]
        return [made for part in parts for made in self._simple(expression(part, node))]

    def _annotation(self, node: ast.AnnAssign) -> list[ast.stmt]:
        """A cell's annotations are kept in the namespace, if of a name; those of functions are not evaluated."""
        self.begin()
        if not node.simple:
            return [] if self.builder.has_future_annotations else self._simple(expression(node.annotation, node))
        assert isinstance(node.target, ast.Name)
        self.builder.is_annotated = True
        future = self.builder.has_future_annotations
        annotation = constant(ast.unparse(node.annotation), node.annotation) if future else node.annotation
        key = constant(node.target.id, node)
        place = locate(ast.Subscript(load("__annotations__", node), key, ast.Store()), node)
        # A cell that is continued in another process has none yet.
        there = expression(call("begin_annotations", locate(ast.Call(runtime("globals"), [], []), None)))
        return [there, *self._simple(locate(ast.Assign([place], annotation), node))]

    def _augmented(self, node: ast.AugAssign) -> list[ast.stmt]:
        target = node.target
        if not self.finder.calls(node.value) and not self.finder.calls(target):
            return self._simple(node)
        if isinstance(target, ast.Name) and (target.id in self.scope.unshared or is_file_name(target)):
            return self._simple(node)  # left whole: CPython extends a text in place only so
        before: list[ast.stmt] = []
        kept: list[str] = []
        if not isinstance(target, ast.Name):
            before, kept = self._filed_target(target, node)
        name = self.names.new("a")
        value = copy(target)
        value.ctx = ast.Load()
        before.append(assign(name, value, node))
        self.begin()
        made = locate(ast.AugAssign(store(name, target), node.op, self.visit(node.value)), node)
        prelude, after = self.take()
        put = locate(ast.Assign([target], load(name, node)), node)
        return [*before, *prelude, made, put, *after, *clear([name, *kept])]

    def _filed_target(self, target: ast.Attribute | ast.Subscript, node: ast.AST) -> tuple[list[ast.stmt], list[str]]:
        """File the object and the index of an augmented target, each by a statement before it."""
        made: list[ast.stmt] = []
        kept: list[str] = []

        def file(holder: Any, field: str) -> None:
            part = getattr(holder, field)
            if part is None or isinstance(part, ast.Constant):
                return
            if isinstance(part, ast.Slice):
                for name in ("lower", "upper", "step"):
                    file(part, name)
                return
            kept.append(self.names.new("a"))
            self.begin()
            made.extend(self.assigned(assign(kept[-1], part, node)))
            setattr(holder, field, load(kept[-1], node))

        file(target, "value")
        if isinstance(target, ast.Subscript):
            file(target, "slice")
        return made, kept

    def _delete(self, node: ast.Delete) -> list[ast.stmt]:
        if len(node.targets) == 1 or not self.finder.calls(node):
            return self._simple(node)
        made: list[ast.stmt] = []
        for target in node.targets:
            self.begin()
            made += self._simple(locate(ast.Delete([target]), node))
        return made

    # -- control

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
        node.body = [*after, *self.block(node.body, "b")]
        node.orelse = [*after, *(self.block(node.orelse, "e") if node.orelse else [])]
        return [*before, node]

    def _while(self, node: ast.While) -> list[ast.stmt]:
        node.test = self.visit(node.test)
        before, after = self.take()
        self.loops += 1
        node.body = [*after, *self._poll(node), *self.block(node.body, "b")]
        self.loops -= 1
        node.orelse = self.block(node.orelse, "e") if node.orelse else []
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
        node.body = [*head, *self._poll(node), *self.block(node.body, "b")]
        self.loops -= 1
        node.orelse = self.block(node.orelse, "e") if node.orelse else []
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
                case.body = [*after, *self.block(case.body, f"c{i}b")]
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
            made.append(when(_equals(chosen, i), self.block(case.body, f"c{i}b")))
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


def _binding_can_fail(target: ast.expr, value: ast.expr) -> bool:
    match target, value:
        case ast.Name(), _:
            return False
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            parts = (*targets, *values)
            return any(isinstance(part, ast.Starred) for part in parts) or any(map(_binding_can_fail, targets, values))
        case _:
            return True


def _is_negative(name: str) -> ast.expr:
    return locate(ast.Compare(load(name), [ast.Lt()], [constant(0)]), None)


def _equals(name: str, value: int) -> ast.expr:
    return locate(ast.Compare(load(name), [ast.Eq()], [constant(value)]), None)


def _opened(iterator: str) -> list[ast.stmt]:
    """An iterator that does not tell how far it is is replaced; all others are left, without a call of Python's."""
    kind = locate(ast.Call(runtime("type"), [load(iterator)], []), None)
    test = locate(ast.Compare(kind, [ast.In()], [runtime("openers")]), None)
    return [when(test, [assign(iterator, call("open_iterator", load(iterator)))])]
