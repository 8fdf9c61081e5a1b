"""Context managers that a run is inside of: those that can be kept, and what they changed in the process.

A manager of the notebook is an object like any other, or holds a generator of the notebook. Some of Python's and of
libraries change the process (where `print` writes, warnings, pandas' options): that is undone when the run is paused,
since its `with` blocks are not left, and done again before it is continued. The others are refused.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.compile.runtime.runtime import ContinuedGenerator
from hitl_nb.engine.position.event_loop.turns import turns
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedFrame, SavedStack
from hitl_nb.engine.position.frames.links import generator_of
from hitl_nb.engine.position.frames.lookup import frame_of
from hitl_nb.engine.position.frames.places import find_place
from hitl_nb.engine.position.iterators.library_sources import source_of_unit
from hitl_nb.engine.position.managers.effects import EFFECTS, Effect, make_plain
from hitl_nb.engine.position.stack.suspended_frames import read_generator
from hitl_nb.engine.reopening.reopening import is_reopened

_MANAGER: Any = vars(contextlib)["_GeneratorContextManager"]

_PLAIN = frozenset(
    (
        ("contextlib", "suppress"),
        ("contextlib", "nullcontext"),
        ("contextlib", "closing"),
        ("contextlib", "ExitStack"),
        ("contextlib", "AsyncExitStack"),
        ("contextlib", "aclosing"),
        ("asyncio.locks", "Lock"),
        ("asyncio.locks", "Semaphore"),
        ("asyncio.locks", "BoundedSemaphore"),
        ("asyncio.locks", "Condition"),
        ("asyncio.taskgroups", "TaskGroup"),
        ("asyncio.timeouts", "Timeout"),
        ("_io", "StringIO"),
        ("_io", "BytesIO"),
        ("_io", "TextIOWrapper"),  # whether it is only read is decided where files are saved
        ("_io", "BufferedReader"),
        ("posix", "ScandirIterator"),
        ("nt", "ScandirIterator"),
        ("hitl_nb.engine.position.iterators.directories", "Listing"),
        ("numpy", "nditer"),
        ("pandas.io.parsers.readers", "TextFileReader"),
        ("tqdm.std", "tqdm"),
        ("tqdm.asyncio", "tqdm_asyncio"),
        ("tqdm.auto", "tqdm"),
        ("tqdm.notebook", "tqdm_notebook"),
    )
)
"""Managers of libraries that change nothing but themselves."""

_STACKS = ("ExitStack", "AsyncExitStack")


@dataclass(frozen=True)
class Entered:
    """A manager that a run is inside of.

    Attributes:
        line: of its `with`; None: it is in an ExitStack.
        effect: what it does in the process, if that is known. A generator that has ended does not tell it any more.
    """

    manager: Any
    line: int | None
    effect: Effect | None


def entered(stack: SavedStack) -> list[Entered]:
    """The managers that a stack, just read, is inside of, outermost first; with those in ExitStacks and generators.

    It also prepares `reduce_manager`: call it before the stack is pickled.
    """
    per_frame = [list(_entered_in(frame)) for frame in stack.order]
    found = [each for part in per_frame for each in part]
    asks_in_task = stack.tasks is not None and turns.asking is not turns.main
    of_task = [each.manager for part in per_frame[1:] for each in part] if asks_in_task else []
    _last.has_tasks = stack.tasks is not None and bool(stack.tasks.unfinished)
    _last.of_task = {id(manager): manager for manager in of_task}
    _last.ranks = {id(each.manager): (each.manager, rank) for rank, each in enumerate(found)}
    return found


@dataclass
class _Managers:
    """Of the stack that was read last.

    Attributes:
        ranks: its managers by identity, with their order.
        of_task: those of them that a task entered which is not the run's own.
        has_tasks: whether other tasks of the run have not ended.
    """

    ranks: dict[int, tuple[Any, int]] = field(default_factory=dict[int, tuple[Any, int]])
    of_task: dict[int, Any] = field(default_factory=dict[int, Any])
    has_tasks: bool = False


_last = _Managers()


def check_managers(found: Iterable[Entered], is_users: Callable[[type], bool]) -> None:
    """Raise CannotSave for the first manager that is not known to be kept.

    Args:
        is_users: whether a class is defined in the notebook, or in a module of the user's.
    """
    line = 0
    for each in found:
        line = each.line or line
        manager, kind = each.manager, _kind_of(each.manager)
        name = (kind.__module__, kind.__qualname__)
        known = name in _PLAIN or each.effect is not None or is_users(kind) or is_reopened(manager)
        if not known and not (kind is _MANAGER and _is_notebooks(manager)):
            shown = _shown(manager)
            frame = frame_of(generator_of(manager)) if kind is _MANAGER else None
            is_mains = frame is not None and frame.f_globals.get("__name__") == "__main__"
            way = ", or write the manager as a class with __enter__ and __exit__" if is_mains else ""
            raise CannotSave(
                f"line {line}: the run is inside `with {shown}`, and what that did in this process cannot be done "
                f"again in another one; move the checkpoint out of the with block{way}"
            )


def undo(found: Iterable[Entered]) -> None:
    """Undo in this process what the managers of a paused run changed. No code of the user's is run."""
    for each in reversed(list(found)):
        if each.effect is not None:
            each.effect.undo(each.manager)


def enter_again() -> None:
    """Do again what the managers of the stack loaded last had changed, in the context in which it is continued."""
    loaded = sorted(_loaded, key=lambda each: each[1])
    _loaded.clear()
    for manager, _, inside, name in loaded:
        EFFECTS[name].enter(manager, inside)


def forget_loaded() -> None:
    """Before a stack is loaded: another one that was only looked at does not count."""
    _loaded.clear()


_loaded: list[tuple[Any, int, Any, tuple[str, str]]] = []
"""Managers that were loaded and not entered again: their order, what is needed for that, and their kind."""


def reduce_manager(value: Any, running: Any = ()) -> tuple[Any, ...] | None:
    """How pickle makes a manager again; None: it is none that needs help.

    Args:
        running: generators on the stack that is saved with it, by the identity of their frame.
    """
    effect = find_effect(value)
    if effect is not None:
        _refuse_beside(value, effect)
    if effect is not None and effect.reduce is not None:
        function, args, (attributes, inside) = effect.reduce(value)
        return function, args, (attributes, _rank(value), inside, _effect_name(value)), None, None, _fill_manager
    if type(value) is not _MANAGER:
        return None
    state: dict[str, Any] = dict(value.__dict__)
    generator = generator_of(value)
    if frame_of(generator) is not None and id(frame_of(generator)) in running:
        state |= {"args": None, "kwds": None, "func": None}  # its method, called again, deletes them
        generator = ContinuedGenerator(generator)
    state["gen"] = generator
    if effect is None:
        return make_plain, (_MANAGER,), (state, None, None, None), None, None, _fill_manager
    inside = effect.inside(value)
    return make_plain, (_MANAGER,), (state, _rank(value), inside, _effect_name(value)), None, None, _fill_manager


def _refuse_beside(manager: Any, effect: Effect) -> None:
    """Raise CannotSave for a manager that was entered beside the code that asks: it cannot be entered again there."""
    is_of_task = effect.of_task and id(manager) in _last.of_task
    is_beside = effect.is_entered(manager) or (effect.of_task and _last.has_tasks)
    if is_of_task or (is_beside and _rank(manager) is None):
        raise CannotSave(
            f"a task or generator is inside `with {_shown(manager)}`, and what that did in this process cannot be done "
            "again for it alone; leave the with block before the checkpoint"
        )


def _rank(manager: Any) -> int | None:
    found = _last.ranks.get(id(manager))
    return found[1] if found is not None and found[0] is manager else None


def _fill_manager(manager: Any, state: tuple[dict[str, Any], int | None, Any, Any]) -> None:
    attributes, rank, inside, name = state
    for attribute, value in attributes.items():
        setattr(manager, attribute, value)
    if rank is not None:
        _loaded.append((manager, rank, inside, name))


def find_effect(manager: Any) -> Effect | None:
    """What a manager does in the process; None: nothing that is known."""
    return EFFECTS.get(_effect_name(manager))


def _effect_name(manager: Any) -> tuple[str, str]:
    """Module and name of a manager's class, or of the generator function that made it."""
    kind = _kind_of(manager)
    if kind is not _MANAGER:
        return kind.__module__, kind.__qualname__
    frame = frame_of(generator_of(manager))
    return (frame.f_globals.get("__name__", ""), frame.f_code.co_qualname) if frame is not None else ("", "")


def _kind_of(value: Any) -> Any:
    return cast("Any", type(value))


def _is_notebooks(manager: Any) -> bool:
    frame = frame_of(generator_of(manager))
    known = find_code(frame.f_code) if frame is not None else None
    return frame is None or (known is not None and source_of_unit(known.unit.key) is None)


def _shown(manager: Any) -> str:
    kind = _kind_of(manager)
    frame = frame_of(generator_of(manager)) if kind is _MANAGER else None
    if frame is not None:
        return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}(...)"
    return f"{kind.__module__.lstrip('_')}.{kind.__qualname__}(...)"


# -- the managers of frames


def _entered_in(frame: SavedFrame) -> Iterator[Entered]:
    unit = find_unit(frame.unit)
    if unit is None or frame.how == "start":
        return
    tree, place = unit.tree(), find_place(unit, frame.function, frame.place)
    path = place.path if place is not None else ()
    for i, (node, (part, _)) in enumerate(path):
        finals = tree.finals.get(node)
        if finals is None or finals[1] is not None or part != "body":
            continue
        inner = path[i + 1][1][0] if i + 1 < len(path) else "body"
        name = manager_name(node)
        if inner == "body" and name in frame.locals:  # else it is being left
            position = tree.numbering.position_of(_leave(node).lineno)
            yield from _opened(frame.locals[name], position[0] if position else None)


def manager_name(node: Any) -> str:
    """The name under which the manager of an instrumented `with` is filed."""
    return cast("ast.Name", _leave(node).args[0]).id


def _leave(node: Any) -> Any:
    """The call of `__exit__` at the end of an instrumented `with`."""
    call = node.finalbody[0].body[0].value
    if isinstance(call, ast.Await):
        checked: Any = cast("ast.NamedExpr", call.value).value
        call = checked.args[0]
    return call


def _opened(manager: Any, line: int | None) -> Iterator[Entered]:
    """A manager, and before it those inside it that were entered first."""
    kind = _kind_of(manager)
    if kind.__module__ == "contextlib" and kind.__qualname__ in _STACKS:
        yield Entered(manager, line, None)
        for _, callback in manager._exit_callbacks:
            held = getattr(callback, "__self__", None)
            if held is not None:
                yield from _opened(held, None)
        return
    if kind is _MANAGER and _is_notebooks(manager) and frame_of(generator_of(manager)) is not None:
        try:
            found = read_generator(generator_of(manager), {})
        except CannotSave:
            found = None  # it is running: on the stack itself
        if found is not None:
            yield from _entered_in(found[0])
    yield Entered(manager, line, find_effect(manager))


def defined_in_notebook(kind: type) -> bool:
    """Whether a class is the notebook's own."""
    return kind.__module__ == "__main__" or kind.__module__ not in sys.modules
