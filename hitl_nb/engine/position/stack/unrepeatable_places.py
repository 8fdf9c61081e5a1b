"""Checks of whether a syntax node can be evaluated again when a run continues.

It cannot if an item of an iterator would be lost, or if a call that has ended would run a second time.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import types
from typing import Any, cast

from hitl_nb.engine.compile.tree.node_slots import list_slots, read_slot
from hitl_nb.engine.compile.tree.nodes import is_engine_name, walk
from hitl_nb.engine.position.event_loop.origins import is_gated_call
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.links import is_loop, iterator_name, locate_instruction
from hitl_nb.engine.position.frames.lookup import FrameView, look_up, unwrap_wait_for
from hitl_nb.engine.position.frames.places import find_place
from hitl_nb.engine.position.frames.truth import find_repeated_call, is_truth_test


def refuse_half_used_iterator(view: FrameView, number: int) -> None:
    """Raise CannotSave if a second evaluation of a node would skip an item of an iterator.

    The iterator has given an item to code that cannot be saved; a second evaluation would read the next item. This
    concerns iterators that were made before the node is evaluated.

    Args:
        view: the frame.
        number: number of the node.
    """
    assert view.instrumented_code is not None
    place = find_place(view.instrumented_code.unit, view.instrumented_code.function.number, number)
    assert place is not None
    node = place.node
    if is_loop(node):
        asked = [view.locals.get(iterator_name(node))]
    else:
        asked = [value for slot in list_slots(node) for value in _find_named_iterators(read_slot(node, slot), view)]
        loops = [part for part in walk(node) if isinstance(part, ast.comprehension)]
        over = [look_up(loop.iter, view) for loop in loops if isinstance(loop.iter, ast.Name)]
        asked += [value for value in over if hasattr(cast("Any", type(value)), "__next__")]
    if asked:
        kind = type(asked[0]).__name__
        where = f"line {view.frame.f_lineno} of {view.instrumented_code.function.name}"
        why = "asks code that cannot be saved inside it, and its item would be lost"
        raise CannotSave(f"{where}: a `{kind}` {why}; take its items by list(...)")


def _find_named_iterators(node: Any, view: FrameView) -> list[Any]:
    """Return a list with the value of an operand, if the operand is a variable with an iterator that reading uses up.

    The list is empty for other operands.
    """
    match node:
        case ast.Starred(value=inner) | ast.keyword(value=inner) | ast.Attribute(value=inner):
            return _find_named_iterators(inner, view)
        case ast.NamedExpr(value=ast.Name() as inner):
            return _find_named_iterators(inner, view)
        case ast.Name() if not is_engine_name(node.id):
            value = look_up(node, view)
            return [value] if is_fleeting(value) else []
        case _:
            return []


def refuse_repeated_call(view: FrameView, number: int) -> None:
    """Raise CannotSave if a second evaluation of a node would execute a call that has ended.

    Args:
        view: the frame.
        number: number of the node.
    """
    assert view.instrumented_code is not None
    place = find_place(view.instrumented_code.unit, view.instrumented_code.function.number, number)
    is_tested = is_truth_test(locate_instruction(view.frame, view.instrumented_code, view.lasti)[2])
    call = None
    if place is not None:
        call = find_repeated_call(
            place.node, is_tested=is_tested, may_repeat=lambda call: _is_iterator_maker(call, view)
        )
    if call is not None:
        where = f"line {view.frame.f_lineno} of {view.instrumented_code.function.name}"
        raise CannotSave(
            f"{where}: a special method (such as __bool__ or __iter__) asks about the value of a call, and the call "
            "would be made again. Assign the value to a name first, in a statement of its own"
        )


def _is_iterator_maker(call: Any, view: FrameView) -> bool:
    """Return whether a call only makes an iterator, as `map(...)` and `generator(...)` do, and runs no other code."""
    function: Any = look_up(call.func, view) if isinstance(call, ast.Call) else None
    if isinstance(function, types.FunctionType):
        return bool(function.__code__.co_flags & inspect.CO_GENERATOR)
    return any(function is kind for kind in _ITERATOR_MAKERS)


_ITERATOR_MAKERS = (map, filter, zip, enumerate, reversed)


def is_fleeting(value: Any) -> bool:
    """Return whether an intermediate value, kept in a local variable, cannot be saved but can be made again.

    Such a value lives within one statement, for example `map(f, xs)` or a coroutine. The call that reads the value has
    changed it. So the expression that made the value is evaluated again, which has no effect of its own.
    """
    if value is not unwrap_wait_for(value) and is_gated_call(unwrap_wait_for(value)):
        return False  # the call is saved as data, with the `wait_for` around it
    kinds = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, *_ITERATOR_MAKERS)
    return isinstance(value, kinds) or asyncio.isfuture(value)
