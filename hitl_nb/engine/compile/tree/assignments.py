"""Assignments: a run that continues behind the call of a value, or inside a target, makes no call again."""

from __future__ import annotations

import ast
from typing import Any

from hitl_nb.engine.compile.tree.comprehensions import Comprehensions
from hitl_nb.engine.compile.tree.nodes import (
    COMPREHENSIONS,
    assign,
    call,
    clear,
    constant,
    copy,
    expression,
    is_file_name,
    load,
    locate,
    runtime,
    store,
    when,
)


class Assignments(Comprehensions):
    """Adds the statements that bind or delete targets."""

    def _simple(self, node: ast.stmt) -> list[ast.stmt]:
        self.sequence(node)
        before, after = self.take()
        return [*before, node, *after]

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


def _binding_can_fail(target: ast.expr, value: ast.expr) -> bool:
    match target, value:
        case ast.Name(), _:
            return False
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            parts = (*targets, *values)
            return any(isinstance(part, ast.Starred) for part in parts) or any(map(_binding_can_fail, targets, values))
        case _:
            return True
