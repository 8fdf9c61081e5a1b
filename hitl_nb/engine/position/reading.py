"""Reads the live stack: a frame's instruction names its place, its locals tell the rest. Nothing is run."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import dis
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from hitl_nb.engine.compile import find_code, runtime
from hitl_nb.engine.compile.nodes import is_engine_name, read, slots, walk
from hitl_nb.engine.compile.trees import CELLS
from hitl_nb.engine.compile.units import InstrumentedCode, is_awaitable
from hitl_nb.engine.position.endings import find_ending
from hitl_nb.engine.position.frames import How, SavedFrame, SavedStack
from hitl_nb.engine.position.lookup import (
    MISSING,
    WAIT_FOR,
    FrameView,
    asked_frame,
    callee_of,
    frame_of,
    function_run,
    look_up,
    passing_codes,
)
from hitl_nb.engine.position.places import METHOD_COLUMN, Place, find_place, name_place
from hitl_nb.engine.position.repeating import widen
from hitl_nb.engine.position.truth import find_tested, is_test, repeated_call

BOX, NEXT, MADE = ".box", ".next", ".made"
"""Locals of a restored frame: its saved values until it begins, its pending call, the instance that it constructs."""

AWAITED = ".awaited"
"""A local of a saved frame: the coroutine that an asynchronous loop waits for."""

_NOT_SAVED = frozenset((BOX, NEXT, CELLS, MADE, AWAITED))
_DRIVEN = frozenset(("send", "throw", "__next__", "close"))


class CannotSave(Exception):
    """The stack cannot be saved here; the message says what of it."""


def read_stack(
    innermost: types.FrameType,
    root: types.FrameType | None,
    is_answered: Callable[[Any], bool] | None,
    *,
    is_task: bool = False,
) -> SavedStack:
    """The frames between `root` (the engine's) and `innermost`, outermost first.

    Args:
        is_task: whether the outermost frame is of the coroutine of a task.
        is_answered: whether a callee gives the answer that is waited for (a checkpoint); None: `innermost` polls, or
            is being answered.

    Raises:
        CannotSave: the frames are not all on this stack, or a place cannot be continued.
    """
    views = [FrameView(frame) for frame in frames_between(innermost, root)]
    frames: list[SavedFrame] = []
    running: dict[int, SavedFrame] = {}
    order: list[SavedFrame] = []
    is_generator = is_task
    function: types.FunctionType | None = None
    for i, view in enumerate(views):
        inner = views[i + 1] if i + 1 < len(views) else None
        link = link_frames(view, inner, is_answered)
        if not link.is_exact:
            ending = find_ending(views[i + 1 :])
            if ending is not None:
                where = f"line {ending.frame.f_lineno} of {ending.code.co_name}"
                raise CannotSave(f"{where} runs because a value ends, and no pause can leave it")
            _refuse_half_used(view, link.number)
            _refuse_repeated_call(view, link.number)
        saved = read_linked(view, link, function)
        function = link.function
        order.append(saved)
        if is_generator:
            running[id(view.frame)] = saved
        else:
            frames.append(saved)
        if not link.is_exact:
            return SavedStack(frames, False, running, order)
        if inner is None:
            return SavedStack(frames, True, running, order)
        is_generator = link.is_generator
    raise AssertionError("a stack without frames")


@dataclass(frozen=True)
class Places:
    """Where a stack is.

    Attributes:
        names: of the places of all exact frames, outermost first.
        is_exact: whether the innermost call is exact itself; else it is made again.
        frame: the innermost exact frame.
    """

    names: tuple[str, ...]
    is_exact: bool
    frame: types.FrameType


def read_places(
    innermost: types.FrameType, root: types.FrameType | None, is_answered: Callable[[Any], bool] | None
) -> Places:
    """The places of all exact frames. Raises CannotSave as `read_stack`."""
    views = [FrameView(frame) for frame in frames_between(innermost, root)]
    names: list[str] = []
    for view, inner in zip(views, (*views[1:], None), strict=True):
        link = link_frames(view, inner, is_answered)
        assert view.known is not None
        names.append(name_place(view.known.unit, view.known.function.number, link.number))
        if not link.is_exact:
            return Places(tuple(names), False, view.frame)
    return Places(tuple(names), True, views[-1].frame)


def frames_between(innermost: types.FrameType, root: types.FrameType | None) -> list[types.FrameType]:
    found: list[types.FrameType] = []
    frame: types.FrameType | None = innermost
    while frame is not root:
        if frame is None:
            raise CannotSave("this is not the run's own stack: it is another thread's or another task's")
        is_passing = frame.f_code in _PASSING and bool(found) and find_code(found[-1].f_code) is not None
        is_passing = is_passing or frame.f_code in passing_codes
        if not is_passing and frame.f_code.co_filename != RUNTIME_FILE:  # the runtime's only pass on, too
            found.append(frame)
        frame = frame.f_back
    if not found:
        raise CannotSave("a task of the run that has no code of the notebook, such as a step, is at work")
    return found[::-1]


_LIST_SORT: Any = vars(list)["sort"]
RUNTIME_FILE = runtime.__file__
_MANAGER: Any = vars(contextlib)["_GeneratorContextManager"]
_PASSING = (_MANAGER.__enter__.__code__, _MANAGER.__exit__.__code__, WAIT_FOR)
"""What asks the generator of a `@contextmanager` function for `with`; and `wait_for`, which is called again."""


class _Link:
    """How a frame waits for the next one inward."""

    def __init__(
        self,
        number: int,
        how: How,
        *,
        is_exact: bool,
        is_generator: bool = False,
        made: Any = MISSING,
        function: types.FunctionType | None = None,
    ) -> None:
        self.number = number
        self.how: How = how
        self.is_exact = is_exact
        self.is_generator = is_generator
        self.made = made
        self.function = function  # the function of the next frame inward


def link_frames(view: FrameView, inner: FrameView | None, is_answered: Callable[[Any], bool] | None) -> _Link:
    link, place = _find_link(view, inner, is_answered)
    if not link.is_exact:
        link.number = getattr(widen(place), "lineno", link.number)
    return link


def _why_no_place(known: InstrumentedCode, number: int) -> str:
    tree: Any = known.unit.tree().nodes[known.function.number]
    stars = (node for node in walk(tree) if isinstance(node, ast.TryStar))
    if any(getattr(part, "lineno", None) == number for node in stars for part in walk(node)):
        return "it cannot be continued there; move the checkpoint out of the `try` with `except*`"
    return "it cannot be continued there; ask in a statement of its own"


def _find_link(
    view: FrameView, inner: FrameView | None, is_answered: Callable[[Any], bool] | None
) -> tuple[_Link, Place]:
    known = view.known
    if known is None:
        raise CannotSave(f"no instrumented code: {view.code.co_qualname} in {view.code.co_filename}")
    number, column, operation = place_of(view.frame, known, view.lasti)
    place = find_place(known.unit, known.function.number, number)
    if place is None:
        where = f"line {view.frame.f_lineno} of {known.function.name}"
        raise CannotSave(f"{where}: {_why_no_place(known, number)}")
    if is_test(operation):
        place = _find_tested(view, known, place)
        number = getattr(place.node, "lineno", number)
    node = place.node
    is_call = isinstance(node, ast.Call) and operation.startswith(("CALL", "PRECALL")) and column != METHOD_COLUMN
    if is_call and inner is not None and look_up(node.func, view) is _LIST_SORT:
        raise CannotSave("list.sort() keeps its list empty while it calls the key function; use sorted(...)")
    if inner is None:
        if is_answered is None:
            return _Link(number, "call", is_exact=True), place
        asked = look_up(node.func, view) if is_call else _awaited(node, view, operation)
        exact = asked is not MISSING and is_answered(callee_of(asked))
        return _Link(number, "call" if exact else "again", is_exact=exact), place
    if inner.known is None:
        return _Link(number, "again", is_exact=False), place
    return _link_inward(view, inner, node, number, operation, is_call=is_call), place


def _awaited(node: Any, view: FrameView, operation: str) -> Any:
    """What a frame is about to await."""
    is_await = isinstance(node, ast.Await) and operation == "GET_AWAITABLE"
    return look_up(node.value, view) if is_await else MISSING


def _link_inward(view: FrameView, inner: FrameView, node: Any, number: int, operation: str, *, is_call: bool) -> _Link:
    generator = _generator_at(view, inner, node, operation)
    if is_call and _is_pending(view, inner):
        made = view.locals.get(MADE, MISSING)
        how: How = "call" if made is MISSING else "init"
        return _Link(number, how, is_exact=True, made=made, function=view.locals[NEXT].func)
    if generator is None and operation == "FOR_ITER":
        return _link_item(view, inner, node, number)
    if operation == "SEND":
        link = _link_awaited(inner, node, number, generator)
        if link is not None:
            return link
    if generator is None:
        function, is_class = function_run(_called(node, view), inner.frame) if is_call else (None, False)
        if is_class:
            return _Link(number, "init", is_exact=True, made=_first_argument(inner), function=function)
        return _Link(number, "again" if function is None else "call", is_exact=function is not None, function=function)
    if isinstance(node, ast.Call):
        if look_up(node.func, view) is next or _manager_of(view, inner) is not None:
            return _Link(number, "again", is_exact=True, is_generator=True)
        driven = isinstance(node.func, ast.Attribute) and node.func.attr in _DRIVEN
        return _Link(number, "drive" if driven else "again", is_exact=driven, is_generator=True)
    asks = isinstance(node, ast.YieldFrom) or operation in ("FOR_ITER", "SEND")
    return _Link(number, "again", is_exact=asks, is_generator=True)


def _link_awaited(inner: FrameView, node: Any, number: int, generator: Any) -> _Link | None:
    """A loop that awaits its next item, or an `await` that is inside an `__await__` of the user's."""
    if not is_loop(node) and (generator is not None or not isinstance(node, ast.Await)):
        return None
    owner = _owner_of(inner.frame) if generator is None else generator
    if owner is None:
        return None
    if is_loop(node):
        return _Link(number, "item", is_exact=True, is_generator=True, made=owner)
    return _Link(number, "again", is_exact=True, is_generator=True, made=runtime.ContinuedAwait(owner))


def _link_item(view: FrameView, inner: FrameView, node: Any, number: int) -> _Link:
    """A loop that waits for the `__next__` of an instance."""
    if _is_pending(view, inner):
        return _Link(number, "item", is_exact=True, function=view.locals[NEXT].func)
    iterator = view.locals.get(_iterator_name(node))
    function, _ = function_run(_next_of(iterator), inner.frame)
    return _Link(number, "again" if function is None else "item", is_exact=function is not None, function=function)


def is_loop(node: Any) -> bool:
    """Whether a place is that of a loop as it asks for its next item."""
    return isinstance(node, ast.For | ast.AsyncFor) or (isinstance(node, ast.Name) and is_engine_name(node.id))


def _owner_of(frame: types.FrameType) -> Any:
    """The coroutine or generator of a running frame.

    Before Python 3.14 a frame does not know it: all objects are looked through.
    """
    import gc

    if sys.version_info >= (3, 14):
        return cast("Any", frame).f_generator
    for value in gc.get_objects():
        if type(value) in (types.CoroutineType, types.GeneratorType) and frame_of(value) is frame:
            return value
    return None


def _called(node: ast.Call, view: FrameView) -> Any:
    """What a call runs: for `next(x)` the method of `x`."""
    value = look_up(node.func, view)
    if value is next and len(node.args) == 1 and not node.keywords:
        return _next_of(look_up(node.args[0], view))
    return value


def _next_of(iterator: Any) -> Any:
    return getattr(cast("Any", type(iterator)), "__next__", None)


def _iterator_name(node: Any) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(getattr(node, "iter", None), "id", "")


def _is_pending(view: FrameView, inner: FrameView) -> bool:
    """Whether a restored frame waits for the frame that was restored inside it."""
    function = getattr(view.locals.get(NEXT), "func", None)
    return isinstance(function, types.FunctionType) and function.__code__ is inner.code


def _generator_at(view: FrameView, inner: FrameView, node: Any, operation: str) -> Any:
    """The generator or coroutine whose frame is `inner`, if this frame has it at hand."""
    for value in view.locals.values():
        if asked_frame(value) is inner.frame:
            return value
    manager = _manager_of(view, inner)
    if manager is not None:
        return generator_of(manager)
    if isinstance(node, ast.Call):
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        for part in (*receiver, *node.args[:1]):
            value = look_up(part, view)
            if frame_of(value) is inner.frame:
                return value
    if operation == "FOR_ITER":
        value = _asked_first(view.locals.get(_iterator_name(node)))
        return value if frame_of(value) is inner.frame else None
    return None


def _manager_of(view: FrameView, inner: FrameView) -> Any:
    """The manager, made of a generator, that asks the frame `inner` for the `with` of this frame."""
    for name, value in view.locals.items():
        if name.startswith(".m") and type(value) is _MANAGER and frame_of(generator_of(value)) is inner.frame:
            return value
    return None


def generator_of(manager: Any) -> Any:
    """The generator of a `@contextmanager` function's manager."""
    generator = manager.gen
    return generator.generator if type(generator) is runtime.ContinuedGenerator else generator


def _asked_first(iterator: Any) -> Any:
    """The iterator that an iterator of the builtins asks before it holds anything."""
    while type(iterator) in (enumerate, zip, map, filter):
        args = iterator.__reduce__()[1]
        iterator = args[0] if type(iterator) in (enumerate, zip) else args[1]
    return iterator


def _first_argument(inner: FrameView) -> Any:
    return inner.locals.get(inner.code.co_varnames[0], MISSING)


def place_of(frame: types.FrameType, known: InstrumentedCode, lasti: int | None = None) -> tuple[int, int, str]:
    """Number and column of the node that a frame's instruction belongs to, and the instruction's name."""
    code = frame.f_code.co_code
    unit = _instruction(code, frame.f_lasti if lasti is None else lasti)
    number, column = known.places[unit]
    return number, column, dis.opname[code[2 * unit]]


def _instruction(code: bytes, lasti: int) -> int:
    unit = lasti // 2
    while unit > 0 and code[2 * unit] == _CACHE:
        unit -= 1
    return unit


def _find_tested(view: FrameView, known: InstrumentedCode, place: Place) -> Place:
    code = view.frame.f_code.co_code
    at = _instruction(code, view.frame.f_lasti if view.lasti is None else view.lasti)
    numbers = [known.places[unit][0] for unit in range(at)]
    return find_tested(known.unit, known.function.number, code, at, numbers, place)


def _refuse_repeated_call(view: FrameView, number: int) -> None:
    """Raise CannotSave where evaluating a place again would make a call again that has ended."""
    assert view.known is not None
    place = find_place(view.known.unit, view.known.function.number, number)
    is_tested = is_test(place_of(view.frame, view.known, view.lasti)[2])
    call = None if place is None else repeated_call(place.node, is_tested=is_tested)
    if call is not None:
        where = f"line {view.frame.f_lineno} of {view.known.function.name}"
        raise CannotSave(
            f"{where}: a special method (such as __bool__ or __iter__) asks about the value of a call, and the call "
            "would be made again; assign the value to a name first, in a statement of its own"
        )


_CACHE = dis.opmap.get("CACHE", 0)


def read_linked(view: FrameView, link: _Link, function: types.FunctionType | None) -> SavedFrame:
    saved = read_frame(view, link.number, link.how, function)
    if link.made is not MISSING:
        saved.locals[MADE if link.how == "init" else AWAITED] = link.made
    if not link.is_exact:
        saved.again = tuple(n for n, value in saved.locals.items() if n.startswith(".t") and is_fleeting(value))
        for name in saved.again:
            del saved.locals[name]
    return saved


def read_frame(view: FrameView, number: int, how: How, function: types.FunctionType | None = None) -> SavedFrame:
    known = view.known
    assert known is not None
    cells = _cells_of(view, known, function)
    values = {
        name: value
        for name, value in view.locals.items()
        if name not in cells and name not in _NOT_SAVED and not (is_engine_name(name) and name.startswith(RESUMED))
    }
    saved = SavedFrame(known.unit.key, known.function.number, number, how, values, cells, view.globals)
    saved.is_awaitable = is_awaitable(view.code)
    return saved


RESUMED = ".r."
"""What names begin with that only a residual has: whether the loop's first turn is over."""


def _cells_of(
    view: FrameView, known: InstrumentedCode, function: types.FunctionType | None
) -> dict[str, types.CellType]:
    """The cells are filed where a function has its own; else they are those of the function that was called."""
    filed = view.locals.get(CELLS)
    if filed is None:
        if not known.function.cells:
            return {}
        if function is None or {*known.function.cells} - {*function.__code__.co_freevars}:
            raise CannotSave(f"{known.function.name} has not begun")
        filed = function
    assert filed.__closure__ is not None
    return dict(zip(filed.__code__.co_freevars, filed.__closure__, strict=True))


def is_fleeting(value: Any) -> bool:
    """Lives within one statement, is no longer as it was when the call began, and making it has no effect."""
    kinds = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, map, filter, zip, enumerate, reversed)
    return isinstance(value, kinds) or asyncio.isfuture(value)


def _refuse_half_used(view: FrameView, number: int) -> None:
    """Raise CannotSave where evaluating a place again would skip an item of an iterator made before."""
    assert view.known is not None
    place = find_place(view.known.unit, view.known.function.number, number)
    assert place is not None
    node = place.node
    if is_loop(node):
        asked = [view.locals.get(_iterator_name(node))]
    else:
        asked = [value for slot in slots(node) for value in _named_iterators(read(node, slot), view)]
        loops = [part for part in walk(node) if isinstance(part, ast.comprehension)]
        over = [look_up(loop.iter, view) for loop in loops if isinstance(loop.iter, ast.Name)]
        asked += [value for value in over if hasattr(cast("Any", type(value)), "__next__")]
    if asked:
        kind = type(asked[0]).__name__
        where = f"line {view.frame.f_lineno} of {view.known.function.name}"
        why = "asks code that cannot be saved inside it, and its item would be lost"
        raise CannotSave(f"{where}: a `{kind}` {why}; take its items by list(...)")


def _named_iterators(node: Any, view: FrameView) -> list[Any]:
    """The value of an operand that is a plain name, if it is one that ends with being asked."""
    match node:
        case ast.Starred(value=inner) | ast.keyword(value=inner) | ast.Attribute(value=inner):
            return _named_iterators(inner, view)
        case ast.NamedExpr(value=ast.Name() as inner):
            return _named_iterators(inner, view)
        case ast.Name() if not is_engine_name(node.id):
            value = look_up(node, view)
            return [value] if is_fleeting(value) else []
        case _:
            return []


__all__ = [
    "CannotSave",
    "Places",
    "generator_of",
    "is_fleeting",
    "is_loop",
    "place_of",
    "read_frame",
    "read_places",
    "read_stack",
]
