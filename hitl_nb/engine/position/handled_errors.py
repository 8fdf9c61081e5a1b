"""Checks whether an error may still be handled in a frame: by an `except`, or by a `with` that ends the error.

Some context managers end an error (`contextlib.suppress`). The check does not run code of the user.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import types
from typing import Any, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.tree.nodes import list_body_nodes
from hitl_nb.engine.compile.tree.protected_blocks import ASKED
from hitl_nb.engine.position.frames.links import generator_of, locate_instruction
from hitl_nb.engine.position.frames.lookup import MISSING, FrameView, frame_of
from hitl_nb.engine.position.frames.places import NodePlace, find_place
from hitl_nb.engine.position.managers.managers import find_effect, manager_name
from hitl_nb.engine.reopening.reopen_recipes import is_reopened

_GENERATOR_MANAGERS: Any = (
    vars(contextlib)["_GeneratorContextManager"],
    vars(contextlib)["_AsyncGeneratorContextManager"],
)
_EXIT_STACKS = (contextlib.ExitStack, contextlib.AsyncExitStack)
_TRANSPARENT_MANAGERS = frozenset(
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
"""Managers of Python, by module and class, that never end an error."""


def may_be_handled(view: FrameView, number: int, error: BaseException) -> bool:
    """Return whether an error may be handled in a frame: by an `except` of the user, or by a `with` that may end it.

    A `with` also counts if it is not known whether its context manager ends errors. No code of the user is run.

    Args:
        view: The frame, with its code and variables.
        number: Number of the syntax node that has raised the error.
        error: The error.
    """
    place = _find_frame_place(view, number)
    if place is None:
        return False
    withs = dict(find_with_blocks(view, place))
    for node, (field, _) in place.path:
        if not isinstance(node, ast.Try) or field != "body":
            continue
        if node in withs:
            if _can_manager_suppress(view.locals.get(manager_name(node), MISSING), error):
                return True
        elif node.handlers and not is_loop_guard(node) and not any(node in other.body for other in withs):
            return True
    return False


def find_with_blocks(view: FrameView, place: NodePlace) -> list[tuple[ast.Try, str]]:
    """Find the `with` blocks around a position in a frame.

    Args:
        view: The frame.
        place: The position, as a syntax node and the path to it.

    Returns:
        The blocks, outermost first. Each is (the `try` node into which hitl_nb has turned the `with`, name of the local
        variable that records how the block is left).
    """
    known = view.instrumented_code
    assert known is not None
    finals, found = known.unit.get_tree().final_flags, list[tuple[ast.Try, str]]()
    for node, (field, _) in place.path:
        names = finals.get(node)
        if isinstance(node, ast.Try) and field == "body" and names is not None and names[1] is None:
            found.append((node, names[0]))
    return found


def find_left_flag(view: FrameView, number: int, *, is_left_by_with: bool) -> str | None:
    """Find the `with` block by which an error is about to leave a frame, and return the name of its flag.

    A flag is a local variable, added by hitl_nb, that records how a block is left. Before the frame is saved, this flag
    must be set back, so that the block counts as not left.

    Args:
        view: The frame.
        number: Number of the syntax node that has raised the error.
        is_left_by_with: True if the error leaves a `with`, False if it leaves a `finally`.

    Returns:
        The name of the flag to set back. "": no flag has to be set back. None: the frame cannot be continued, because a
        `with` or `finally` further inside has run already.
    """
    place = _find_frame_place(view, number)
    assert place is not None
    assert view.instrumented_code is not None
    finals = view.instrumented_code.unit.get_tree().final_flags
    asked = [flag for _, flag in find_with_blocks(view, place) if view.locals.get(flag) == ASKED]
    if not is_left_by_with:
        return None if asked else ""
    blocks = [finals[node] for node, (field, _) in place.path if node in finals and field == "body"]
    return asked[0] if len(asked) == 1 and blocks[-1][0] == asked[0] else None


def is_loop_guard(node: Any) -> bool:
    """Return whether a syntax node is the `try` that instrumented code has around a `for` loop.

    It is the only `try` in instrumented code that has both handlers and a `finally`.
    """
    return isinstance(node, ast.Try) and bool(node.handlers) and bool(node.finalbody)


def _can_manager_suppress(manager: Any, error: BaseException) -> bool:
    kind = cast("Any", type(manager))
    if kind is contextlib.suppress:
        return isinstance(error, manager._exceptions)
    if kind in _EXIT_STACKS:
        return any(_can_callback_suppress(callback, error) for _, callback in manager._exit_callbacks)
    if (kind.__module__, kind.__qualname__) in _TRANSPARENT_MANAGERS or find_effect(manager) is not None:
        return False
    if kind in _GENERATOR_MANAGERS:
        return _can_generator_suppress(generator_of(manager), error)
    return _can_method_suppress(kind) and not is_reopened(manager)


def _can_callback_suppress(callback: Any, error: BaseException) -> bool:
    held = getattr(callback, "__self__", None)
    return not hasattr(callback, "__wrapped__") if held is None else _can_manager_suppress(held, error)


def _can_generator_suppress(generator: Any, error: BaseException) -> bool:
    """Return whether the generator of a `@contextmanager` may catch the error at the `yield` where it waits.

    True if the generator's code is not instrumented, so that it cannot be read.
    """
    frame = frame_of(generator)
    view = FrameView(frame) if frame is not None else None
    if view is None or view.instrumented_code is None:
        return True
    number, _, _ = locate_instruction(view.frame, view.instrumented_code)
    place = _find_frame_place(view, number)
    return place is None or not isinstance(place.node, ast.Yield) or may_be_handled(view, number, error)


def _can_method_suppress(kind: Any) -> bool:
    """Return whether the `__exit__` or `__aexit__` of a class may return a true value, which ends the error.

    Only methods that are defined in the notebook can be read. For other methods the result is True.
    """
    method = inspect.getattr_static(kind, "__exit__", inspect.getattr_static(kind, "__aexit__", None))
    known = find_code(method.__code__) if isinstance(method, types.FunctionType) else None
    if known is None:
        return True
    function: Any = known.unit.get_tree().nodes[known.function.number]
    nodes = list_body_nodes(function.body)
    returned = [node.value for node in nodes if isinstance(node, ast.Return)]
    return not all(value is None or (isinstance(value, ast.Constant) and not value.value) for value in returned)


def _find_frame_place(view: FrameView, number: int) -> NodePlace | None:
    assert view.instrumented_code is not None
    return find_place(view.instrumented_code.unit, view.instrumented_code.function.number, number)
