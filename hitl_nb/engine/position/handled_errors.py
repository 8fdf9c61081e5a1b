"""Whether an error that leaves a frame may be handled there: by an `except`, or by what `with` has entered."""

from __future__ import annotations

import ast
import contextlib
import inspect
import types
from typing import Any, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.tree.nodes import nodes_of_body
from hitl_nb.engine.compile.tree.protected_blocks import ASKED
from hitl_nb.engine.position.frames.links import generator_of, place_of
from hitl_nb.engine.position.frames.lookup import MISSING, FrameView, frame_of
from hitl_nb.engine.position.frames.places import Place, find_place
from hitl_nb.engine.position.managers.managers import find_effect, manager_name
from hitl_nb.engine.reopening.reopening import is_reopened

_GENERATORS: Any = (vars(contextlib)["_GeneratorContextManager"], vars(contextlib)["_AsyncGeneratorContextManager"])
_STACKS = (contextlib.ExitStack, contextlib.AsyncExitStack)
_PASSING = frozenset(
    (
        ("contextlib", "nullcontext"),
        ("contextlib", "closing"),
        ("contextlib", "aclosing"),
        ("asyncio.locks", "Lock"),
        ("asyncio.locks", "Semaphore"),
        ("asyncio.locks", "BoundedSemaphore"),
        ("asyncio.locks", "Condition"),
        ("asyncio.timeouts", "Timeout"),
        ("_io", "StringIO"),
        ("_io", "BytesIO"),
        ("_io", "TextIOWrapper"),
        ("_io", "BufferedReader"),
        ("posix", "ScandirIterator"),
        ("nt", "ScandirIterator"),
    )
)
"""Managers of libraries that let every error pass."""


def may_be_handled(view: FrameView, number: int, error: BaseException) -> bool:
    """Whether a place is inside a `try` with handlers of the user's, or a `with` that may end the error."""
    place = _place(view, number)
    if place is None:
        return False
    withs = dict(find_withs(view, place))
    for node, (field, _) in place.path:
        if not isinstance(node, ast.Try) or field != "body":
            continue
        if node in withs:
            if _may_end(view.locals.get(manager_name(node), MISSING), error):
                return True
        elif node.handlers and not is_loop_guard(node) and not any(node in other.body for other in withs):
            return True
    return False


def find_withs(view: FrameView, place: Place) -> list[tuple[ast.Try, str]]:
    """The `with` blocks around a place, outermost first, each with the name that says how it is left."""
    known = view.known
    assert known is not None
    finals, found = known.unit.tree().finals, list[tuple[ast.Try, str]]()
    for node, (field, _) in place.path:
        names = finals.get(node)
        if isinstance(node, ast.Try) and field == "body" and names is not None and names[1] is None:
            found.append((node, names[0]))
    return found


def find_left(view: FrameView, number: int, *, by_with: bool) -> str | None:
    """How to say that a frame which an error is about to leave is not left: the name of its `with`'s flag; "": none.

    None: a `with` or `finally` inside has run already.
    """
    place = _place(view, number)
    assert place is not None
    assert view.known is not None
    finals = view.known.unit.tree().finals
    asked = [flag for _, flag in find_withs(view, place) if view.locals.get(flag) == ASKED]
    if not by_with:
        return None if asked else ""
    blocks = [finals[node] for node, (field, _) in place.path if node in finals and field == "body"]
    return asked[0] if len(asked) == 1 and blocks[-1][0] == asked[0] else None


def is_loop_guard(node: Any) -> bool:
    """Whether a `try` is the one around a loop: no other of the engine's has handlers and a `finally`."""
    return isinstance(node, ast.Try) and bool(node.handlers) and bool(node.finalbody)


def _may_end(manager: Any, error: BaseException) -> bool:
    kind = cast("Any", type(manager))
    if kind is contextlib.suppress:
        return isinstance(error, manager._exceptions)
    if kind in _STACKS:
        return any(_may_callback_end(callback, error) for _, callback in manager._exit_callbacks)
    if (kind.__module__, kind.__qualname__) in _PASSING or find_effect(manager) is not None:
        return False
    if kind in _GENERATORS:
        return _may_generator_end(generator_of(manager), error)
    return _may_method_end(kind) and not is_reopened(manager)


def _may_callback_end(callback: Any, error: BaseException) -> bool:
    held = getattr(callback, "__self__", None)
    return not hasattr(callback, "__wrapped__") if held is None else _may_end(held, error)


def _may_generator_end(generator: Any, error: BaseException) -> bool:
    """Whether the `yield` of a manager's generator is where the error may be handled."""
    frame = frame_of(generator)
    view = FrameView(frame) if frame is not None else None
    if view is None or view.known is None:
        return True
    number, _, _ = place_of(view.frame, view.known)
    place = _place(view, number)
    return place is None or not isinstance(place.node, ast.Yield) or may_be_handled(view, number, error)


def _may_method_end(kind: Any) -> bool:
    """Whether the method that leaves a manager of the notebook may return something true."""
    method = inspect.getattr_static(kind, "__exit__", inspect.getattr_static(kind, "__aexit__", None))
    known = find_code(method.__code__) if isinstance(method, types.FunctionType) else None
    if known is None:
        return True
    function: Any = known.unit.tree().nodes[known.function.number]
    nodes = nodes_of_body(function.body)
    returned = [node.value for node in nodes if isinstance(node, ast.Return)]
    return not all(value is None or (isinstance(value, ast.Constant) and not value.value) for value in returned)


def _place(view: FrameView, number: int) -> Place | None:
    assert view.known is not None
    return find_place(view.known.unit, view.known.function.number, number)
