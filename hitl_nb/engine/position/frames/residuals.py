"""Residuals: the code that is left to run in a saved frame, inside the same loops, `try` blocks and branches.

A residual is built of the function's own instrumented nodes. So a place that is read in a residual is a place of the
original function. A residual of a residual is never needed. (Pettyjohn, Clements, Marshall, Krishnamurthi, Felleisen:
Continuations from Generalized Stack Inspection, ICFP 2005.)
"""

from __future__ import annotations

import ast
from typing import Any, cast

from hitl_nb.engine.compile.tree.node_slots import Slot, list_slots, read_slot, write_slot
from hitl_nb.engine.compile.tree.nodes import (
    RUNTIME,
    assign,
    constant,
    copy_node,
    expression,
    fill_positions,
    is_filed_name,
    is_filed_value,
    load,
    make_if,
    runtime_attribute,
    runtime_call,
    store,
)
from hitl_nb.engine.compile.tree.protected_blocks import ASKED, BROKE, CONTINUED, ENDED, OPEN, RETURNED
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import AWAITED_VALUE, FIRST_TURN_PREFIX, INSTANCE, PENDING_CALL, SavedFrame
from hitl_nb.engine.position.frames.places import find_place


class Residual:
    """Builder of the statements that are left to run in one saved frame.

    Args:
        unit: the unit (compiled source of a cell or module) of the frame's function.
        saved_frame: the frame.

    Raises:
        CannotSave: The position of the frame is not in the function's source.
    """

    def __init__(self, unit: Unit, saved_frame: SavedFrame) -> None:
        self.unit, self.saved_frame = unit, saved_frame
        self.tree = unit.get_tree()
        self.function = self.tree.functions[saved_frame.function]
        place = find_place(unit, saved_frame.function, saved_frame.place)
        if place is None:
            raise CannotSave(f"a place of {self.function.name} is not found in its source")
        self.path, self.node = place.path, place.node
        self.flag_count = 0

    def build_body(self) -> list[ast.stmt]:
        """Return the statements that are left to run in the frame."""
        top, (field, index) = self.path[0]
        if self.function.kind == "lambda":
            value: Any = top
            return [ast.copy_location(ast.Return(self._build_expression(value.body, 1)), value.body)]
        return self._build_block(top, field, index, 1)

    # -- expressions

    def _build_place(self, node: Any) -> Any:
        """Build the node that replaces the node at the frame's position.

        An example is a call that continues the next frame inward.
        """
        how = self.saved_frame.mode
        if how in ("call", "init"):
            taken = _copy_location(
                ast.NamedExpr(
                    _copy_location(ast.Name(PENDING_CALL, ast.Store()), node), _make_runtime_call("pending", [], node)
                ),
                node,
            )
            result = _copy_location(ast.Call(taken, [], []), node)
            if isinstance(node, ast.Await):
                operand: Any = node.value
                if is_filed_value(operand):  # so that the awaited object can be saved again
                    result = _copy_location(ast.NamedExpr(copy_node(operand.target), result), node)
                result = _copy_location(ast.Await(result), node)
            return (
                result
                if how == "call"
                else _make_runtime_call("constructed", [result, _load_name(INSTANCE, node)], node)
            )
        if how == "drive":
            rest = "finish_closing" if node.func.attr == "close" else "drive"
            return _make_runtime_call(rest, [self._load_evaluated(node.func.value)], node)
        if how == "yield":
            return _copy_location(ast.Yield(_copy_location(ast.Constant(None), node)), node)
        if how == "yield_from":
            return _copy_location(
                ast.YieldFrom(_make_runtime_call("hold", [self._load_evaluated(node.value)], node)), node
            )
        made = copy_node(node)
        if isinstance(node, ast.Await) and AWAITED_VALUE in self.saved_frame.locals:
            made.value = _load_name(AWAITED_VALUE, node.value)
        elif not isinstance(node, ast.BoolOp | ast.IfExp | ast.stmt | ast.Lambda):
            for slot in list_slots(node):
                write_slot(made, slot, self._load_evaluated(read_slot(node, slot)))
        return made

    def _load_evaluated(self, node: Any) -> Any:
        """Build the expression that reads the value of an operand that was evaluated before the save.

        The value is in a local variable; the operand itself is not evaluated again.
        """
        match node:
            case ast.NamedExpr() if is_filed_value(node):
                if node.target.id in self.saved_frame.reevaluated_names:
                    return node
                return _load_name(node.target.id, node.value)
            case ast.Attribute(value=value) if is_filed_value(value):
                made = copy_node(node)
                made.value = self._load_evaluated(value)
                return made
            case ast.Starred() | ast.keyword() | ast.FormattedValue():
                made = copy_node(node)
                made.value = self._load_evaluated(node.value)
                return made
            case ast.Slice():
                made = copy_node(node)
                for name in ("lower", "upper", "step"):
                    part = getattr(node, name)
                    setattr(made, name, None if part is None else self._load_evaluated(part))
                return made
            case _:
                return node

    def _build_expression(self, node: Any, step: int) -> Any:
        """Build the rest of the expression `node`, which contains the position of the saved frame.

        Args:
            node: the expression at `path[:step]`.
            step: number of steps of the path to the position that lead to `node`.
        """
        if step == len(self.path):
            return self._build_place(node)
        slot: Slot = self.path[step][1]
        index = slot[1] or 0
        below = self._build_expression(read_slot(node, slot), step + 1)
        match node:
            case ast.BoolOp():
                rest = [below, *node.values[index + 1 :]]
                return below if len(rest) == 1 else ast.copy_location(ast.BoolOp(node.op, rest), node)
            case ast.IfExp():
                if slot[0] != "test":
                    return below
            case ast.Compare():
                if slot[0] != "left":
                    left = node.left if index == 0 else node.comparators[index - 1]
                    right = [below, *node.comparators[index + 1 :]]
                    return ast.copy_location(ast.Compare(self._load_evaluated(left), node.ops[index:], right), node)
            case _:
                made = copy_node(node)
                for other in list_slots(node) if not isinstance(node, ast.keyword) else [("value", None)]:
                    if other == slot:
                        break
                    write_slot(made, other, self._load_evaluated(read_slot(node, other)))
                write_slot(made, slot, below)
                return made
        made = copy_node(node)
        write_slot(made, slot, below)
        return made

    # -- statements

    def _build_block(self, node: Any, field: str, index: int | None, step: int) -> list[ast.stmt]:
        """Build the rest of the block `field` of `node`, which begins with the statement that contains the position."""
        statements = getattr(node, field)
        at = index or 0
        return [*self._build_statement(statements[at], step), *statements[at + 1 :]]

    def _build_statement(self, node: Any, step: int) -> list[ast.stmt]:
        if step == len(self.path):
            waits = self.saved_frame.mode == "item" and isinstance(node, ast.For | ast.AsyncFor)
            return [self._build_item_wait(node) if waits else node]
        field, index = self.path[step][1]
        match node:
            case ast.If():
                if field != "test":
                    return self._build_block(node, field, index, step + 1)
                made = copy_node(node)
                made.test = self._build_expression(node.test, step + 1)
                return [made]
            case ast.While():
                return self._build_while(node, field, index, step)
            case ast.For() | ast.AsyncFor():
                return self._build_for(node, field, index, step)
            case ast.Try():
                return self._build_try(node, field, index, step)
            case ast.Match():
                return self._build_match(node, field, index, step)
            case ast.Assign() if field == "targets":
                value = self._load_evaluated(node.value)
                is_kept = is_filed_name(value) or isinstance(value, ast.Constant)
                if not is_kept and self.saved_frame.mode != "again":
                    raise CannotSave("a call in the target of an assignment whose value is not kept")
                targets = [
                    self._build_expression(node.targets[index or 0], step + 1),
                    *node.targets[(index or 0) + 1 :],
                ]
                return [ast.copy_location(ast.Assign(targets, value), node)]
            case ast.Assert():
                return [self._build_assert(node, field, step)]
            case _:
                return [self._build_simple_statement(node, step)]

    def _build_simple_statement(self, node: Any, step: int) -> Any:
        slot = self.path[step][1]
        made = copy_node(node)
        for other in list_slots(node):
            if other == slot:
                break
            operand = read_slot(node, other)
            done = self._load_evaluated(operand)
            if other[0] == "decorator_list":  # the code of a definition is found by its first decorator's number
                ast.copy_location(done, operand)
            write_slot(made, other, done)
        write_slot(made, slot, self._build_expression(read_slot(node, slot), step + 1))
        return made

    def _build_assert(self, node: ast.Assert, field: str, step: int) -> ast.stmt:
        if field == "test":
            made = copy_node(node)
            made.test = self._build_expression(node.test, step + 1)
            return made
        error = _copy_location(
            ast.Attribute(_copy_location(ast.Constant(RUNTIME), node), "AssertionError", ast.Load()), node
        )
        raised = _copy_location(ast.Call(error, [self._build_expression(node.msg, step + 1)], []), node)
        return ast.copy_location(ast.Raise(raised, None), node)

    def _make_flag(self) -> str:
        self.flag_count += 1
        return f"{FIRST_TURN_PREFIX}{self.flag_count}"

    def _build_while(self, node: ast.While, field: str, index: int | None, step: int) -> list[ast.stmt]:
        if field == "orelse":
            return self._build_block(node, field, index, step + 1)
        flag, made = self._make_flag(), copy_node(node)
        off = assign(flag, constant(False))
        is_test = field == "test"
        first = self._build_expression(node.test, step + 1) if is_test else constant(True)
        made.test = fill_positions(ast.IfExp(load(flag), first, node.test), None)
        made.body = (
            [off, *node.body]
            if is_test
            else [make_if(load(flag), [off, *self._build_block(node, field, index, step + 1)], node.body)]
        )
        return [assign(flag, constant(True)), made]

    def _build_for(self, node: Any, field: str, index: int | None, step: int) -> list[ast.stmt]:
        if field == "iter":
            return [self._build_item_wait(node)] if self.saved_frame.mode == "item" else [node]
        if field == "target":
            raise CannotSave("a call in the target of a loop")
        if field == "orelse":
            return self._build_block(node, field, index, step + 1)
        flag, made = self._make_flag(), copy_node(node)
        item = f"{flag}.x"
        again = "resume_async_iterator" if isinstance(node, ast.AsyncFor) else "resume_iterator"
        made.iter = _make_runtime_call(again, [_load_name(cast("ast.Name", node.iter).id, node.iter)], node.iter)
        made.target = store(item)
        take = ast.copy_location(ast.Assign([node.target], load(item)), node.target)
        first = [assign(flag, constant(False)), *self._build_block(node, field, index, step + 1)]
        made.body = [make_if(load(flag), first, [take, assign(item, constant(None)), *node.body])]
        return [assign(flag, constant(True)), made]

    def _build_item_wait(self, node: Any) -> Any:
        made, at = copy_node(node), node.iter
        if isinstance(node, ast.AsyncFor):
            made.iter = _make_runtime_call("continue_async_iterator", [_load_name(AWAITED_VALUE, at), node.iter], at)
            return made
        pending = _copy_location(
            ast.NamedExpr(
                _copy_location(ast.Name(PENDING_CALL, ast.Store()), at), _make_runtime_call("pending", [], at)
            ),
            at,
        )
        made.iter = _make_runtime_call("continue_iterator", [pending, node.iter], at)
        return made

    def _build_try(self, node: ast.Try, field: str, index: int | None, step: int) -> list[ast.stmt]:
        if field == "body":
            made = copy_node(node)
            made.body = self._build_block(node, field, index, step + 1)
            return [made]
        if field == "orelse":
            return self._build_block(node, field, index, step + 1)
        if field == "handlers":
            return self._build_handler(node, index or 0, step)
        rest = self._build_block(node, field, index, step + 1)
        names = self.tree.final_flags.get(node)
        if names is None:
            return rest
        flag, held = names
        how = self.saved_frame.locals.get(flag, OPEN)
        if how in (ENDED, ASKED):
            return rest
        leave: dict[int, ast.stmt] = {
            RETURNED: fill_positions(ast.Return(load(".rv")), None),
            BROKE: fill_positions(ast.Break(), None),
            CONTINUED: fill_positions(ast.Continue(), None),
        }
        if how == OPEN:
            assert held is not None
            leave[OPEN] = expression(runtime_call("throw", load(held)))
            rest = [expression(runtime_call("settle", load(held))), *rest]
        return [fill_positions(ast.Try([leave[how]], [], [], rest), None)]

    def _build_handler(self, node: ast.Try, index: int, step: int) -> list[ast.stmt]:
        """Build code that handles the saved exception again, with its traceback and context."""
        handler = node.handlers[index]
        (field, at) = self.path[step + 1][1]
        assert handler.name is not None
        if field == "type":
            return self._build_handler_choice(node, index, step)
        body = [
            expression(runtime_call("settle", load(handler.name))),
            *self._build_block(handler, "body", at, step + 2),
        ]
        made = fill_positions(ast.ExceptHandler(runtime_attribute("BaseException"), handler.name, body), None)
        thrown = expression(runtime_call("throw", load(handler.name)))
        return [fill_positions(ast.Try([thrown], [node.handlers[0], made], [], []), None)]

    def _build_handler_choice(self, node: ast.Try, index: int, step: int) -> list[ast.stmt]:
        """Build a `try` for a frame whose position is in the expression after `except`, as in `except find_errors():`.

        The saved exception is raised again, and the rest of the expression is evaluated while the exception is in
        flight.
        """
        first: Any = copy_node(node.handlers[index])
        filed: Any = first.type.value.elts[0]
        settled = runtime_call("settle", load(filed.target.id))
        both = fill_positions(ast.Tuple([settled, self._build_expression(first.type, step + 2)], ast.Load()), None)
        first.type = fill_positions(ast.Subscript(both, constant(1), ast.Load()), None)
        thrown = expression(runtime_call("throw", load(filed.target.id)))
        return [fill_positions(ast.Try([thrown], [node.handlers[0], first, *node.handlers[index + 1 :]], [], []), None)]

    def _build_match(self, node: ast.Match, field: str, index: int | None, step: int) -> list[ast.stmt]:
        if field == "subject":
            made = copy_node(node)
            made.subject = self._build_expression(node.subject, step + 1)
            return [made]
        inner_field, at = self.path[step + 1][1]
        if inner_field == "guard":
            return [node]
        return self._build_block(node.cases[index or 0], "body", at, step + 2)


def _copy_location(node: Any, location_node: ast.AST) -> Any:
    return ast.copy_location(node, location_node)


def _load_name(name: str, location_node: ast.AST) -> ast.Name:
    return _copy_location(ast.Name(name, ast.Load()), location_node)


def _make_runtime_call(name: str, args: list[Any], location_node: ast.AST) -> ast.Call:
    function = _copy_location(
        ast.Attribute(_copy_location(ast.Constant(RUNTIME), location_node), name, ast.Load()), location_node
    )
    return _copy_location(ast.Call(function, args, []), location_node)
