"""Instrumentation of assignments and `del`: they are rewritten so that a pause inside them can be saved and resumed.

A restored run can continue behind the call that gives the value, or inside a target such as `f().x`. In both cases no
call is executed again. To *file* a value is to keep it in a local variable that the engine adds.
"""

from __future__ import annotations

import ast
from typing import Any

from hitl_nb.engine.compile.tree.comprehensions import Comprehensions
from hitl_nb.engine.compile.tree.nodes import (
    COMPREHENSIONS,
    assign,
    clear_names,
    constant,
    copy_node,
    expression,
    fill_positions,
    is_filed_name,
    load,
    make_if,
    runtime_attribute,
    runtime_call,
    store,
)


class Assignments(Comprehensions):
    """Rewrites the statements that bind or delete targets, so that a pause inside them can be saved and resumed.

    Base class of `Statements`.
    """

    def _instrument_simple(self, node: ast.stmt) -> list[ast.stmt]:
        self.instrument_parts(node)
        before, after = self.take_prelude()
        return [*before, node, *after]

    def instrument_assign(self, node: ast.Assign) -> list[ast.stmt]:
        """Rewrite an assignment so that a pause inside it can be saved and resumed.

        Returns the statements to use instead.

        If a target calls, as in `f().x = value`, the value is first kept in a local variable. Then one statement for
        each target binds it.
        """
        calling = [target for target in node.targets if self.call_finder.has_call(target)]
        if not calling or (len(node.targets) == 1 and not isinstance(calling[0], ast.Tuple | ast.List)):
            return self._instrument_whole_assign(node)
        name = self.names.new_name("u")
        made = self._instrument_simple(fill_positions(ast.Assign([store(name, node)], node.value), node))
        for target in node.targets:
            made += self.bind_target(target, name)
        return [*made, *clear_names([name])]

    def _instrument_whole_assign(self, node: ast.Assign) -> list[ast.stmt]:
        """Rewrite an assignment, which stays one statement, so that a pause inside it can be saved and resumed.

        If binding a target can fail, the value is also kept in a local variable. A run that failed can then continue at
        the target, and the call that gave the value is not executed again.

        Returns:
            The statements to use instead.
        """
        value = node.value
        makes = self.call_finder.has_call(value) or isinstance(value, COMPREHENSIONS) or len(node.targets) > 1
        can_fail = any(_binding_can_fail(target, value) for target in node.targets)
        self.instrument_parts(node)
        if makes and can_fail:
            node.value = self.file_value(node.value)
        before, after = self.take_prelude()
        return [*before, node, *after]

    def bind_target(self, target: ast.expr, name: str) -> list[ast.stmt]:
        """Make statements that bind a value, which is in a local variable, to a target.

        Evaluating the target can call code of the user, as in `f().x = ...`. A tuple with such a target is first
        unpacked to local variables, then each element is bound.

        Args:
            target: The target.
            name: Name of the local variable that has the value.

        Returns:
            The instrumented statements.
        """
        if not isinstance(target, ast.Tuple | ast.List) or not self.call_finder.has_call(target):
            self.begin_statement()
            return self.instrument_assign(fill_positions(ast.Assign([target], load(name, target)), target))
        parts: list[ast.expr] = []
        later: list[tuple[ast.expr, str]] = []
        for element in target.elts:
            part = self.names.new_name("u")
            if isinstance(element, ast.Starred):
                parts.append(fill_positions(ast.Starred(store(part, element), ast.Store()), element))
                later.append((element.value, part))
            else:
                parts.append(store(part, element))
                later.append((element, part))
        taken = fill_positions(ast.Tuple(parts, ast.Store()), target)
        made: list[ast.stmt] = [fill_positions(ast.Assign([taken], load(name, target)), target)]
        for element, part in later:
            made += self.bind_target(element, part)
        return [*made, *clear_names(part for _, part in later)]

    def _instrument_annotated_assign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        is_cell, target = self.function.kind == "cell", node.target
        made: list[ast.stmt] = []
        if node.value is not None:
            made += self.instrument_assign(fill_positions(ast.Assign([node.target], node.value), node))
        elif not isinstance(target, ast.Name):
            made += self._evaluate_target_parts(target, node)
        elif node.simple and not is_cell:  # in Python, the annotation alone makes the name local
            made.append(make_if(constant(0), [assign(target.id, constant(None))]))
        if is_cell:
            made += self._file_annotation(node)
        return made

    def _evaluate_target_parts(self, target: Any, node: ast.AST) -> list[ast.stmt]:
        """Make statements for an annotation without a value, as in `f().x: int`.

        They evaluate the parts of the annotated target (here the call `f()`), as Python does.
        """
        parts = [target.value] + ([target.slice] if isinstance(target, ast.Subscript) else [])
        parts = [part for part in parts if not isinstance(part, ast.Slice)]
        return [made for part in parts for made in self._instrument_simple(expression(part, node))]

    def _file_annotation(self, node: ast.AnnAssign) -> list[ast.stmt]:
        """Make statements for the annotation of a variable at the top level of a cell, as in `x: int`.

        They store the annotation in `__annotations__` of the namespace. Annotations in functions are not evaluated.
        """
        self.begin_statement()
        if not node.simple:
            return (
                []
                if self.builder.has_future_annotations
                else self._instrument_simple(expression(node.annotation, node))
            )
        assert isinstance(node.target, ast.Name)
        self.builder.is_annotated = True
        future = self.builder.has_future_annotations
        annotation = constant(ast.unparse(node.annotation), node.annotation) if future else node.annotation
        key = constant(node.target.id, node)
        place = fill_positions(ast.Subscript(load("__annotations__", node), key, ast.Store()), node)
        # If the cell is continued in another process, the namespace has no `__annotations__` yet.
        there = expression(
            runtime_call("begin_annotations", fill_positions(ast.Call(runtime_attribute("globals"), [], []), None))
        )
        return [there, *self._instrument_simple(fill_positions(ast.Assign([place], annotation), node))]

    def _instrument_augmented_assign(self, node: ast.AugAssign) -> list[ast.stmt]:
        target = node.target
        if not self.call_finder.has_call(node.value) and not self.call_finder.has_call(target):
            return self._instrument_simple(node)
        if isinstance(target, ast.Name) and (target.id in self.scope.unshared or is_filed_name(target)):
            return self._instrument_simple(node)  # in this form alone CPython extends a string in place
        before: list[ast.stmt] = []
        kept: list[str] = []
        if not isinstance(target, ast.Name):
            before, kept = self._file_target_parts(target, node)
        name = self.names.new_name("a")
        value = copy_node(target)
        value.ctx = ast.Load()
        before.append(assign(name, value, node))
        self.begin_statement()
        made = fill_positions(ast.AugAssign(store(name, target), node.op, self.visit(node.value)), node)
        prelude, after = self.take_prelude()
        put = fill_positions(ast.Assign([target], load(name, node)), node)
        return [*before, *prelude, made, put, *after, *clear_names([name, *kept])]

    def _file_target_parts(
        self, target: ast.Attribute | ast.Subscript, node: ast.AST
    ) -> tuple[list[ast.stmt], list[str]]:
        """Make statements that keep the object and the index of an augmented target in local variables.

        An example is `f()[g()] += 1`: the results of `f()` and `g()` are kept, because the target is read and then
        written.

        Returns:
            The statements, and the names of the local variables. `target` is changed: it reads those names.
        """
        made: list[ast.stmt] = []
        kept: list[str] = []

        def file_part(holder: Any, field: str) -> None:
            part = getattr(holder, field)
            if part is None or isinstance(part, ast.Constant):
                return
            if isinstance(part, ast.Slice):
                for name in ("lower", "upper", "step"):
                    file_part(part, name)
                return
            kept.append(self.names.new_name("a"))
            self.begin_statement()
            made.extend(self.instrument_assign(assign(kept[-1], part, node)))
            setattr(holder, field, load(kept[-1], node))

        file_part(target, "value")
        if isinstance(target, ast.Subscript):
            file_part(target, "slice")
        return made, kept

    def _instrument_delete(self, node: ast.Delete) -> list[ast.stmt]:
        if len(node.targets) == 1 or not self.call_finder.has_call(node):
            return self._instrument_simple(node)
        made: list[ast.stmt] = []
        for target in node.targets:
            self.begin_statement()
            made += self._instrument_simple(fill_positions(ast.Delete([target]), node))
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
