"""Links from a frame to the frame of the function that it has called (the next frame inward).

A link tells at which syntax node the outer frame waits. The link is *exact* if this node has called the inner frame
directly. The run can then continue in the inner frame. Otherwise the outer frame evaluates the node again.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import sys
import types
from collections.abc import Callable
from typing import Any, cast

from hitl_nb.engine.compile.runtime import runtime
from hitl_nb.engine.compile.tree.nodes import is_engine_name, walk
from hitl_nb.engine.compile.units import InstrumentedCode
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import INSTANCE, PENDING_CALL, ContinuationMode
from hitl_nb.engine.position.frames.lookup import (
    MISSING,
    FrameView,
    callee_of,
    find_called_function,
    frame_inside_wait_for,
    frame_of,
    look_up,
)
from hitl_nb.engine.position.frames.places import METHOD_COLUMN, NodePlace, find_place
from hitl_nb.engine.position.frames.repetition import widen_place
from hitl_nb.engine.position.frames.truth import find_tested_place, is_truth_test

_LIST_SORT: Any = vars(list)["sort"]
GENERATOR_MANAGER: Any = vars(contextlib)["_GeneratorContextManager"]
_DRIVING_METHODS = frozenset(("send", "throw", "__next__", "close"))
_CACHE_OPCODE = dis.opmap.get("CACHE", 0)


class FrameLink:
    """The link from a frame to the next frame inward (the frame of the function that it called).

    Args:
        number: number of the node at which the outer frame waits.
        mode: how the outer frame is continued at this node.
        is_exact: whether the run continues in the inner frame; False: the node is evaluated again.
        is_generator: whether the inner frame is of a generator or coroutine.
        continued_object: the instance that a call of a class constructs, or the object that is awaited. MISSING:
            neither.
        function: the function of the inner frame, if it is known.
    """

    def __init__(
        self,
        number: int,
        mode: ContinuationMode,
        *,
        is_exact: bool,
        is_generator: bool = False,
        continued_object: Any = MISSING,
        function: types.FunctionType | None = None,
    ) -> None:
        self.number = number
        self.mode: ContinuationMode = mode
        self.is_exact = is_exact
        self.is_generator = is_generator
        self.continued_object = continued_object
        self.function = function  # the function of the next frame inward


def link_frames(view: FrameView, inner: FrameView | None, is_answered: Callable[[Any], bool] | None) -> FrameLink:
    """Find the position of a frame in its code, and how the next frame inward was called from there.

    Args:
        view: the frame.
        inner: the next frame inward; None: `view` is the innermost frame.
        is_answered: takes the function that the innermost frame calls, and returns whether the call waits for a
            person's answer, as a checkpoint does. None: the innermost frame is continued at its position in any case.

    Raises:
        CannotSave: The frame cannot be continued at its position.
    """
    link, place = _find_link(view, inner, is_answered)
    if not link.is_exact:
        link.number = getattr(widen_place(place), "lineno", link.number)
    return link


def _explain_missing_place(instrumented_code: InstrumentedCode, number: int) -> str:
    tree: Any = instrumented_code.unit.get_tree().nodes[instrumented_code.function.number]
    stars = (node for node in walk(tree) if isinstance(node, ast.TryStar))
    if any(getattr(part, "lineno", None) == number for node in stars for part in walk(node)):
        return "it cannot be continued there; move the checkpoint out of the `try` with `except*`"
    return "it cannot be continued there; ask in a statement of its own"


def _find_link(
    view: FrameView, inner: FrameView | None, is_answered: Callable[[Any], bool] | None
) -> tuple[FrameLink, NodePlace]:
    known = view.instrumented_code
    if known is None:
        raise CannotSave(f"no instrumented code: {view.code.co_qualname} in {view.code.co_filename}")
    number, column, operation = locate_instruction(view.frame, known, view.lasti)
    place = find_place(known.unit, known.function.number, number)
    if place is None:
        where = f"line {view.frame.f_lineno} of {known.function.name}"
        raise CannotSave(f"{where}: {_explain_missing_place(known, number)}")
    if is_truth_test(operation):
        place = _find_tested_place(view, known, place)
        number = getattr(place.node, "lineno", number)
    node = place.node
    is_call = isinstance(node, ast.Call) and operation.startswith(("CALL", "PRECALL")) and column != METHOD_COLUMN
    if is_call and inner is not None and look_up(node.func, view) is _LIST_SORT:
        raise CannotSave("list.sort() keeps its list empty while it calls the key function; use sorted(...)")
    if inner is None:
        if is_answered is None:
            return FrameLink(number, "call", is_exact=True), place
        asked = look_up(node.func, view) if is_call else _look_up_awaited(node, view, operation)
        exact = asked is not MISSING and is_answered(callee_of(asked))
        return FrameLink(number, "call" if exact else "again", is_exact=exact), place
    if inner.instrumented_code is None:
        return FrameLink(number, "again", is_exact=False), place
    return _link_inward(view, inner, node, number, operation, is_call=is_call), place


def _look_up_awaited(node: Any, view: FrameView, operation: str) -> Any:
    """Find the object that a frame is about to await.

    The marker MISSING is returned if no `await` begins at the node, or if the object is unknown.
    """
    is_await = isinstance(node, ast.Await) and operation == "GET_AWAITABLE"
    return look_up(node.value, view) if is_await else MISSING


def _link_inward(
    view: FrameView, inner: FrameView, node: Any, number: int, operation: str, *, is_call: bool
) -> FrameLink:
    generator = _find_generator(view, inner, node, operation)
    if is_call and _is_pending_call(view, inner):
        made = view.locals.get(INSTANCE, MISSING)
        how: ContinuationMode = "call" if made is MISSING else "init"
        return FrameLink(number, how, is_exact=True, continued_object=made, function=view.locals[PENDING_CALL].__func__)
    if generator is None and operation == "FOR_ITER":
        return _link_item(view, inner, node, number)
    if operation == "SEND":
        link = _link_awaited(inner, node, number, generator)
        if link is not None:
            return link
    if generator is None:
        function, is_class = (
            find_called_function(_look_up_callee(node, view), inner.frame) if is_call else (None, False)
        )
        if is_class:
            return FrameLink(
                number, "init", is_exact=True, continued_object=_read_first_argument(inner), function=function
            )
        return FrameLink(
            number, "again" if function is None else "call", is_exact=function is not None, function=function
        )
    if isinstance(node, ast.Call):
        if look_up(node.func, view) is next or _find_generator_manager(view, inner) is not None:
            return FrameLink(number, "again", is_exact=True, is_generator=True)
        driven = isinstance(node.func, ast.Attribute) and node.func.attr in _DRIVING_METHODS
        return FrameLink(number, "drive" if driven else "again", is_exact=driven, is_generator=True)
    asks = isinstance(node, ast.YieldFrom) or operation in ("FOR_ITER", "SEND")
    return FrameLink(number, "again", is_exact=asks, is_generator=True)


def _link_awaited(inner: FrameView, node: Any, number: int, generator: Any) -> FrameLink | None:
    """Find the link of an `async for` that awaits its next item, or of an `await` inside an `__await__` of the user.

    Returns:
        The link, or None if the node is neither of the two, or no object owns the inner frame.
    """
    if not is_loop(node) and (generator is not None or not isinstance(node, ast.Await)):
        return None
    owner = _find_frame_owner(inner.frame) if generator is None else generator
    if owner is None:
        return None
    if is_loop(node):
        return FrameLink(number, "item", is_exact=True, is_generator=True, continued_object=owner)
    return FrameLink(number, "again", is_exact=True, is_generator=True, continued_object=runtime.ContinuedAwait(owner))


def _link_item(view: FrameView, inner: FrameView, node: Any, number: int) -> FrameLink:
    """Find the link of a `for` loop that waits for the `__next__` method of an instance."""
    if _is_pending_call(view, inner):
        return FrameLink(number, "item", is_exact=True, function=view.locals[PENDING_CALL].__func__)
    iterator = view.locals.get(iterator_name(node))
    function, _ = find_called_function(_next_method_of(iterator), inner.frame)
    return FrameLink(number, "again" if function is None else "item", is_exact=function is not None, function=function)


def is_loop(node: Any) -> bool:
    """Return whether a node requests the next item of a loop: a `for`, or the variable that has its iterator."""
    return isinstance(node, ast.For | ast.AsyncFor) or (isinstance(node, ast.Name) and is_engine_name(node.id))


def _find_frame_owner(frame: types.FrameType) -> Any:
    """Find the coroutine or generator of a running frame; None if there is none.

    Before Python 3.14 a frame has no reference to it, so all objects are searched.
    """
    import gc

    if sys.version_info >= (3, 14):
        return cast("Any", frame).f_generator
    for value in gc.get_objects():
        if type(value) in (types.CoroutineType, types.GeneratorType) and frame_of(value) is frame:
            return value
    return None


def _look_up_callee(node: ast.Call, view: FrameView) -> Any:
    """Find the function that a call runs; the marker MISSING if it is unknown.

    For `next(x)` it is the `__next__` of `x`.
    """
    value = look_up(node.func, view)
    if value is next and len(node.args) == 1 and not node.keywords:
        return _next_method_of(look_up(node.args[0], view))
    return value


def _next_method_of(iterator: Any) -> Any:
    return getattr(cast("Any", type(iterator)), "__next__", None)


def iterator_name(node: Any) -> str:
    """Return the name of the local variable in which instrumented code keeps a loop's iterator; "" if there is none."""
    return node.id if isinstance(node, ast.Name) else getattr(getattr(node, "iter", None), "id", "")


def _is_pending_call(view: FrameView, inner: FrameView) -> bool:
    """Return whether a restored frame waits for a call of the function that runs in `inner`."""
    function = getattr(view.locals.get(PENDING_CALL), "__func__", None)
    return isinstance(function, types.FunctionType) and function.__code__ is inner.code


def _find_generator(view: FrameView, inner: FrameView, node: Any, operation: str) -> Any:
    """Find the generator or coroutine whose frame is `inner`, if the frame `view` refers to it; None otherwise."""
    for value in view.locals.values():
        if frame_inside_wait_for(value) is inner.frame:
            return value
    manager = _find_generator_manager(view, inner)
    if manager is not None:
        return generator_of(manager)
    if isinstance(node, ast.Call):
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        for part in (*receiver, *node.args[:1]):
            value = look_up(part, view)
            if frame_of(value) is inner.frame:
                return value
    if operation == "FOR_ITER":
        value = _unwrap_iterator(view.locals.get(iterator_name(node)))
        return value if frame_of(value) is inner.frame else None
    return None


def _find_generator_manager(view: FrameView, inner: FrameView) -> Any:
    """Find the `@contextmanager` object of a `with` in `view` whose generator runs in `inner`; None: there is none."""
    for name, value in view.locals.items():
        if name.startswith(".m") and type(value) is GENERATOR_MANAGER and frame_of(generator_of(value)) is inner.frame:
            return value
    return None


def generator_of(manager: Any) -> Any:
    """Return the generator of an object that a `@contextmanager` function has returned."""
    generator = manager.gen
    return generator.generator if type(generator) is runtime.ContinuedGenerator else generator


def _unwrap_iterator(iterator: Any) -> Any:
    """Return the first iterator that an `enumerate`, `zip`, `map` or `filter` reads; return other iterators unchanged.

    While the first iterator is asked for its item, the object has read no other iterator, so no value is lost.
    """
    while type(iterator) in (enumerate, zip, map, filter):
        args = iterator.__reduce__()[1]
        iterator = args[0] if type(iterator) in (enumerate, zip) else args[1]
    return iterator


def _read_first_argument(inner: FrameView) -> Any:
    return inner.locals.get(inner.code.co_varnames[0], MISSING)


def locate_instruction(
    frame: types.FrameType, instrumented_code: InstrumentedCode, lasti: int | None = None
) -> tuple[int, int, str]:
    """Find the node that a frame's current instruction belongs to.

    Args:
        frame: the frame.
        instrumented_code: the data about the frame's code.
        lasti: index of the instruction; None: the frame's current one.

    Returns:
        Number and column of the node, and the name of the instruction.
    """
    code = frame.f_code.co_code
    unit = _find_instruction_index(code, frame.f_lasti if lasti is None else lasti)
    number, column = instrumented_code.places[unit]
    return number, column, dis.opname[code[2 * unit]]


def _find_instruction_index(code: bytes, lasti: int) -> int:
    unit = lasti // 2
    while unit > 0 and code[2 * unit] == _CACHE_OPCODE:
        unit -= 1
    return unit


def _find_tested_place(view: FrameView, instrumented_code: InstrumentedCode, place: NodePlace) -> NodePlace:
    code = view.frame.f_code.co_code
    at = _find_instruction_index(code, view.frame.f_lasti if view.lasti is None else view.lasti)
    numbers = [instrumented_code.places[unit][0] for unit in range(at)]
    return find_tested_place(instrumented_code.unit, instrumented_code.function.number, code, at, numbers, place)
