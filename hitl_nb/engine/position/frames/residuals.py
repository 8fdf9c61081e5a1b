"""The rest of a frame: what comes behind its place, inside the same loops, `try` blocks and branches.

It is built of the function's own instrumented nodes, so a place read in a residual is a place of the function: there is
never a residual of a residual. (Pettyjohn, Clements, Marshall, Krishnamurthi, Felleisen: Continuations from Generalized
Stack Inspection, ICFP 2005.)
"""

from __future__ import annotations

import ast
from typing import Any, cast

from hitl_nb.engine.compile.tree.nodes import (
    RUNTIME,
    Slot,
    assign,
    call,
    constant,
    copy,
    expression,
    is_file_name,
    is_filed,
    load,
    locate,
    read,
    runtime,
    slots,
    store,
    when,
    write,
)
from hitl_nb.engine.compile.tree.protected_blocks import ASKED, BROKE, CONTINUED, ENDED, OPEN, RETURNED
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import AWAITED, MADE, NEXT, RESUMED, SavedFrame
from hitl_nb.engine.position.frames.places import find_place


class Residual:
    """Builds the statements that are left to do in one saved frame."""

    def __init__(self, unit: Unit, saved: SavedFrame) -> None:
        self.unit, self.saved = unit, saved
        self.tree = unit.tree()
        self.function = self.tree.functions[saved.function]
        place = find_place(unit, saved.function, saved.place)
        if place is None:
            raise CannotSave(f"a place of {self.function.name} is not found in its source")
        self.path, self.node = place.path, place.node
        self.flags = 0

    def body(self) -> list[ast.stmt]:
        top, (field, index) = self.path[0]
        if self.function.kind == "lambda":
            value: Any = top
            return [ast.copy_location(ast.Return(self._rest(value.body, 1)), value.body)]
        return self._block(top, field, index, 1)

    # -- expressions

    def _pending(self, node: Any) -> Any:
        """What stands for the place itself."""
        how = self.saved.how
        if how in ("call", "init"):
            taken = _at(ast.NamedExpr(_at(ast.Name(NEXT, ast.Store()), node), _runtime_call("pending", [], node)), node)
            result = _at(ast.Call(taken, [], []), node)
            if isinstance(node, ast.Await):
                operand: Any = node.value
                if is_filed(operand):  # what is awaited may be saved again
                    result = _at(ast.NamedExpr(copy(operand.target), result), node)
                result = _at(ast.Await(result), node)
            return result if how == "call" else _runtime_call("constructed", [result, _name(MADE, node)], node)
        if how == "drive":
            rest = "finish_closing" if node.func.attr == "close" else "drive"
            return _runtime_call(rest, [self._done(node.func.value)], node)
        if how == "yield":
            return _at(ast.Yield(_at(ast.Constant(None), node)), node)
        if how == "yield_from":
            return _at(ast.YieldFrom(_runtime_call("hold", [self._done(node.value)], node)), node)
        made = copy(node)
        if isinstance(node, ast.Await) and AWAITED in self.saved.locals:
            made.value = _name(AWAITED, node.value)
        elif not isinstance(node, ast.BoolOp | ast.IfExp | ast.stmt | ast.Lambda):
            for slot in slots(node):
                write(made, slot, self._done(read(node, slot)))
        return made

    def _done(self, node: Any) -> Any:
        """What an operand that is evaluated already is read from."""
        match node:
            case ast.NamedExpr() if is_filed(node):
                if node.target.id in self.saved.again:
                    return node
                return _name(node.target.id, node.value)
            case ast.Attribute(value=value) if is_filed(value):
                made = copy(node)
                made.value = self._done(value)
                return made
            case ast.Starred() | ast.keyword() | ast.FormattedValue():
                made = copy(node)
                made.value = self._done(node.value)
                return made
            case ast.Slice():
                made = copy(node)
                for name in ("lower", "upper", "step"):
                    part = getattr(node, name)
                    setattr(made, name, None if part is None else self._done(part))
                return made
            case _:
                return node

    def _rest(self, node: Any, step: int) -> Any:
        """The expression `node`, with the place below it at `path[step:]`."""
        if step == len(self.path):
            return self._pending(node)
        slot: Slot = self.path[step][1]
        index = slot[1] or 0
        below = self._rest(read(node, slot), step + 1)
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
                    return ast.copy_location(ast.Compare(self._done(left), node.ops[index:], right), node)
            case _:
                made = copy(node)
                for other in slots(node) if not isinstance(node, ast.keyword) else [("value", None)]:
                    if other == slot:
                        break
                    write(made, other, self._done(read(node, other)))
                write(made, slot, below)
                return made
        made = copy(node)
        write(made, slot, below)
        return made

    # -- statements

    def _block(self, node: Any, field: str, index: int | None, step: int) -> list[ast.stmt]:
        """The block `field` of `node` from the statement with the place on."""
        statements = getattr(node, field)
        at = index or 0
        return [*self._statement(statements[at], step), *statements[at + 1 :]]

    def _statement(self, node: Any, step: int) -> list[ast.stmt]:
        if step == len(self.path):
            waits = self.saved.how == "item" and isinstance(node, ast.For | ast.AsyncFor)
            return [self._wait_for_item(node) if waits else node]
        field, index = self.path[step][1]
        match node:
            case ast.If():
                if field != "test":
                    return self._block(node, field, index, step + 1)
                made = copy(node)
                made.test = self._rest(node.test, step + 1)
                return [made]
            case ast.While():
                return self._while(node, field, index, step)
            case ast.For() | ast.AsyncFor():
                return self._for(node, field, index, step)
            case ast.Try():
                return self._try(node, field, index, step)
            case ast.Match():
                return self._match(node, field, index, step)
            case ast.Assign() if field == "targets":
                value = self._done(node.value)
                is_kept = is_file_name(value) or isinstance(value, ast.Constant)
                if not is_kept and self.saved.how != "again":
                    raise CannotSave("a call in the target of an assignment whose value is not kept")
                targets = [self._rest(node.targets[index or 0], step + 1), *node.targets[(index or 0) + 1 :]]
                return [ast.copy_location(ast.Assign(targets, value), node)]
            case ast.Assert():
                return [self._assert(node, field, step)]
            case _:
                return [self._rest_of_statement(node, step)]

    def _rest_of_statement(self, node: Any, step: int) -> Any:
        slot = self.path[step][1]
        made = copy(node)
        for other in slots(node):
            if other == slot:
                break
            operand = read(node, other)
            done = self._done(operand)
            if other[0] == "decorator_list":  # the code of what is defined is known by its first one's number
                ast.copy_location(done, operand)
            write(made, other, done)
        write(made, slot, self._rest(read(node, slot), step + 1))
        return made

    def _assert(self, node: ast.Assert, field: str, step: int) -> ast.stmt:
        if field == "test":
            made = copy(node)
            made.test = self._rest(node.test, step + 1)
            return made
        error = _at(ast.Attribute(_at(ast.Constant(RUNTIME), node), "AssertionError", ast.Load()), node)
        raised = _at(ast.Call(error, [self._rest(node.msg, step + 1)], []), node)
        return ast.copy_location(ast.Raise(raised, None), node)

    def _new_flag(self) -> str:
        self.flags += 1
        return f"{RESUMED}{self.flags}"

    def _while(self, node: ast.While, field: str, index: int | None, step: int) -> list[ast.stmt]:
        if field == "orelse":
            return self._block(node, field, index, step + 1)
        flag, made = self._new_flag(), copy(node)
        off = assign(flag, constant(False))
        is_test = field == "test"
        first = self._rest(node.test, step + 1) if is_test else constant(True)
        made.test = locate(ast.IfExp(load(flag), first, node.test), None)
        made.body = (
            [off, *node.body]
            if is_test
            else [when(load(flag), [off, *self._block(node, field, index, step + 1)], node.body)]
        )
        return [assign(flag, constant(True)), made]

    def _for(self, node: Any, field: str, index: int | None, step: int) -> list[ast.stmt]:
        if field == "iter":
            return [self._wait_for_item(node)] if self.saved.how == "item" else [node]
        if field == "target":
            raise CannotSave("a call in the target of a loop")
        if field == "orelse":
            return self._block(node, field, index, step + 1)
        flag, made = self._new_flag(), copy(node)
        item = f"{flag}.x"
        again = "resume_async_iterator" if isinstance(node, ast.AsyncFor) else "resume_iterator"
        made.iter = _runtime_call(again, [_name(cast("ast.Name", node.iter).id, node.iter)], node.iter)
        made.target = store(item)
        take = ast.copy_location(ast.Assign([node.target], load(item)), node.target)
        first = [assign(flag, constant(False)), *self._block(node, field, index, step + 1)]
        made.body = [when(load(flag), first, [take, assign(item, constant(None)), *node.body])]
        return [assign(flag, constant(True)), made]

    def _wait_for_item(self, node: Any) -> Any:
        made, at = copy(node), node.iter
        if isinstance(node, ast.AsyncFor):
            made.iter = _runtime_call("continue_async_iterator", [_name(AWAITED, at), node.iter], at)
            return made
        pending = _at(ast.NamedExpr(_at(ast.Name(NEXT, ast.Store()), at), _runtime_call("pending", [], at)), at)
        made.iter = _runtime_call("continue_iterator", [pending, node.iter], at)
        return made

    def _try(self, node: ast.Try, field: str, index: int | None, step: int) -> list[ast.stmt]:
        if field == "body":
            made = copy(node)
            made.body = self._block(node, field, index, step + 1)
            return [made]
        if field == "orelse":
            return self._block(node, field, index, step + 1)
        if field == "handlers":
            return self._handler(node, index or 0, step)
        rest = self._block(node, field, index, step + 1)
        names = self.tree.finals.get(node)
        if names is None:
            return rest
        flag, held = names
        how = self.saved.locals.get(flag, OPEN)
        if how in (ENDED, ASKED):
            return rest
        leave: dict[int, ast.stmt] = {
            RETURNED: locate(ast.Return(load(".rv")), None),
            BROKE: locate(ast.Break(), None),
            CONTINUED: locate(ast.Continue(), None),
        }
        if how == OPEN:
            assert held is not None
            leave[OPEN] = expression(call("throw", load(held)))
            rest = [expression(call("settle", load(held))), *rest]
        return [locate(ast.Try([leave[how]], [], [], rest), None)]

    def _handler(self, node: ast.Try, index: int, step: int) -> list[ast.stmt]:
        """The exception is handled again, really: traceback and context are put back."""
        handler = node.handlers[index]
        (field, at) = self.path[step + 1][1]
        assert handler.name is not None
        if field == "type":
            return self._choose_handler(node, index, step)
        body = [expression(call("settle", load(handler.name))), *self._block(handler, "body", at, step + 2)]
        made = locate(ast.ExceptHandler(runtime("BaseException"), handler.name, body), None)
        thrown = expression(call("throw", load(handler.name)))
        return [locate(ast.Try([thrown], [node.handlers[0], made], [], []), None)]

    def _choose_handler(self, node: ast.Try, index: int, step: int) -> list[ast.stmt]:
        """The expression of an `except` is at the place: it is completed while the exception is in flight again."""
        first: Any = copy(node.handlers[index])
        filed: Any = first.type.value.elts[0]
        settled = call("settle", load(filed.target.id))
        both = locate(ast.Tuple([settled, self._rest(first.type, step + 2)], ast.Load()), None)
        first.type = locate(ast.Subscript(both, constant(1), ast.Load()), None)
        thrown = expression(call("throw", load(filed.target.id)))
        return [locate(ast.Try([thrown], [node.handlers[0], first, *node.handlers[index + 1 :]], [], []), None)]

    def _match(self, node: ast.Match, field: str, index: int | None, step: int) -> list[ast.stmt]:
        if field == "subject":
            made = copy(node)
            made.subject = self._rest(node.subject, step + 1)
            return [made]
        inner_field, at = self.path[step + 1][1]
        if inner_field == "guard":
            return [node]
        return self._block(node.cases[index or 0], "body", at, step + 2)


def _at(node: Any, at: ast.AST) -> Any:
    return ast.copy_location(node, at)


def _name(name: str, at: ast.AST) -> ast.Name:
    return _at(ast.Name(name, ast.Load()), at)


def _runtime_call(name: str, args: list[Any], at: ast.AST) -> ast.Call:
    function = _at(ast.Attribute(_at(ast.Constant(RUNTIME), at), name, ast.Load()), at)
    return _at(ast.Call(function, args, []), at)
