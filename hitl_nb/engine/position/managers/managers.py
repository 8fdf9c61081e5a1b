"""Context managers of the `with` blocks that had begun and not ended when a run was saved.

A manager of the notebook is saved like other objects, or with its generator. Some managers of Python and of libraries
change the process: the target of `print`, warnings, options of pandas. This change is the *effect* of the manager. A
pause does not leave the `with` blocks, so the effects are undone in the paused process. They are done again before the
run is continued. All other managers are refused.
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
from hitl_nb.engine.position.event_loop.turns import turn_order
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedFrame, SavedStack
from hitl_nb.engine.position.frames.links import generator_of
from hitl_nb.engine.position.frames.lookup import frame_of
from hitl_nb.engine.position.frames.places import find_place
from hitl_nb.engine.position.iterators.library_sources import source_of_unit
from hitl_nb.engine.position.managers.effects import EFFECTS, ManagerEffect, make_plain
from hitl_nb.engine.position.stack.suspended_frames import read_generator
from hitl_nb.engine.reopening.reopen_recipes import is_reopened

_GENERATOR_MANAGER: Any = vars(contextlib)["_GeneratorContextManager"]

_SELF_CONTAINED_MANAGERS = frozenset(
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
        ("_io", "TextIOWrapper"),  # the code that saves files refuses files that are written
        ("_io", "BufferedReader"),
        ("posix", "ScandirIterator"),
        ("nt", "ScandirIterator"),
        ("hitl_nb.engine.position.iterators.directories", "DirectoryListing"),
        ("numpy", "nditer"),
        ("pandas.io.parsers.readers", "TextFileReader"),
        ("tqdm.std", "tqdm"),
        ("tqdm.asyncio", "tqdm_asyncio"),
        ("tqdm.auto", "tqdm"),
        ("tqdm.notebook", "tqdm_notebook"),
    )
)
"""Managers of Python and of libraries that change no state outside of themselves, by module and class."""

_EXIT_STACK_NAMES = ("ExitStack", "AsyncExitStack")


@dataclass(frozen=True)
class EnteredManager:
    """The context manager of a `with` block that has begun and not ended.

    Attributes:
        manager: the manager.
        line: line of the `with`; None: the manager is in an ExitStack.
        effect: its effect on the process; None: it has no known effect. (The effect is looked up early: it cannot be
            read from a generator that has ended.)
    """

    manager: Any
    line: int | None
    effect: ManagerEffect | None


def find_entered_managers(stack: SavedStack) -> list[EnteredManager]:
    """Find the context managers of all `with` blocks that a saved stack is inside of, outermost first.

    Managers in ExitStacks and generators are included. The function also keeps data for `reduce_manager`. So call it
    for a stack that was just read, before the stack is pickled.
    """
    per_frame = [list(_iterate_entered_managers(frame)) for frame in stack.order]
    found = [each for part in per_frame for each in part]
    asks_in_task = stack.tasks is not None and turn_order.asking_task is not turn_order.main_task
    of_task = [each.manager for part in per_frame[1:] for each in part] if asks_in_task else []
    _last_stack_managers.has_unfinished_tasks = stack.tasks is not None and bool(stack.tasks.unfinished_tasks)
    _last_stack_managers.task_managers = {id(manager): manager for manager in of_task}
    _last_stack_managers.ranks = {id(each.manager): (each.manager, rank) for rank, each in enumerate(found)}
    return found


@dataclass
class _StackManagers:
    """The managers of the stack that was read last.

    Attributes:
        ranks: by `id`: each manager, and its position in the order of the `with` blocks.
        task_managers: by `id`: the managers that were entered by a task other than the run's own.
        has_unfinished_tasks: whether other tasks of the run have not ended.
    """

    ranks: dict[int, tuple[Any, int]] = field(default_factory=dict[int, tuple[Any, int]])
    task_managers: dict[int, Any] = field(default_factory=dict[int, Any])
    has_unfinished_tasks: bool = False


_last_stack_managers = _StackManagers()


def check_managers(entered_managers: Iterable[EnteredManager], is_user_class: Callable[[type], bool]) -> None:
    """Raise CannotSave for the first manager whose `with` block cannot be continued in another process.

    Args:
        entered_managers: the managers that the run is inside of.
        is_user_class: returns whether a class is defined in the notebook or in a module of the user.

    Raises:
        CannotSave: A manager belongs to a library and is not known to the engine.
    """
    line = 0
    for each in entered_managers:
        line = each.line or line
        manager, kind = each.manager, _kind_of(each.manager)
        name = (kind.__module__, kind.__qualname__)
        known = (
            name in _SELF_CONTAINED_MANAGERS or each.effect is not None or is_user_class(kind) or is_reopened(manager)
        )
        if not known and not (kind is _GENERATOR_MANAGER and _is_notebook_manager(manager)):
            shown = _describe_manager(manager)
            frame = frame_of(generator_of(manager)) if kind is _GENERATOR_MANAGER else None
            is_mains = frame is not None and frame.f_globals.get("__name__") == "__main__"
            way = ", or write the manager as a class with __enter__ and __exit__" if is_mains else ""
            raise CannotSave(
                f"line {line}: the run is inside `with {shown}`, and what that did in this process cannot be done "
                f"again in another one; move the checkpoint out of the with block{way}"
            )


def revert_effects(entered_managers: Iterable[EnteredManager]) -> None:
    """Undo in this process the effects of the managers of a paused run, for example redirected `print` output.

    No code of the user is run.
    """
    for each in reversed(list(entered_managers)):
        if each.effect is not None:
            each.effect.revert(each.manager)


def reenter_managers() -> None:
    """Repeat the effects of the context managers of the stack that was loaded last, for example redirect `print` again.

    Call this in the context in which the stack is continued.
    """
    loaded = sorted(_loaded_managers, key=lambda each: each[1])
    _loaded_managers.clear()
    for manager, _, inside, name in loaded:
        EFFECTS[name].reenter(manager, inside)


def forget_loaded_managers() -> None:
    """Forget the managers of a stack that was only inspected. Call this before a stack is loaded."""
    _loaded_managers.clear()


_loaded_managers: list[tuple[Any, int, Any, tuple[str, str]]] = []
"""Managers that were loaded and whose effects were not done again.

Each with its position in the order of the `with` blocks, the captured state, and the key of its effect.
"""


def reduce_manager(value: Any, running_frames: Any = ()) -> tuple[Any, ...] | None:
    """Return the pickle form of a context manager.

    Args:
        value: any object.
        running_frames: `id` of a live frame -> its saved frame, for the generators on the stack that is saved at the
            same time.

    Returns:
        A tuple as `object.__reduce__` returns it, with a state setter; None: the object needs no special form.

    Raises:
        CannotSave: The manager was entered in a task or generator, and its effect cannot be done again there.
    """
    effect = find_effect(value)
    if effect is not None:
        _refuse_concurrent_manager(value, effect)
    if effect is not None and effect.reduce is not None:
        function, args, (attributes, inside) = effect.reduce(value)
        return function, args, (attributes, _find_rank(value), inside, _effect_name(value)), None, None, _fill_manager
    if type(value) is not _GENERATOR_MANAGER:
        return None
    state: dict[str, Any] = dict(value.__dict__)
    generator = generator_of(value)
    if frame_of(generator) is not None and id(frame_of(generator)) in running_frames:
        state |= {"args": None, "kwds": None, "func": None}  # its method is called again, and deletes these
        generator = ContinuedGenerator(generator)
    state["gen"] = generator
    if effect is None:
        return make_plain, (_GENERATOR_MANAGER,), (state, None, None, None), None, None, _fill_manager
    inside = effect.capture_state(value)
    return (
        make_plain,
        (_GENERATOR_MANAGER,),
        (state, _find_rank(value), inside, _effect_name(value)),
        None,
        None,
        _fill_manager,
    )


def _refuse_concurrent_manager(manager: Any, effect: ManagerEffect) -> None:
    """Raise CannotSave for a manager that was entered in another task or in a generator, and that changes the process.

    A resume repeats such effects only in the context of the run itself.
    """
    is_of_task = effect.is_per_task and id(manager) in _last_stack_managers.task_managers
    is_beside = effect.is_entered(manager) or (effect.is_per_task and _last_stack_managers.has_unfinished_tasks)
    if is_of_task or (is_beside and _find_rank(manager) is None):
        raise CannotSave(
            f"a task or generator is inside `with {_describe_manager(manager)}`, and what that did in this process "
            "cannot be done "
            "again for it alone; leave the with block before the checkpoint"
        )


def _find_rank(manager: Any) -> int | None:
    found = _last_stack_managers.ranks.get(id(manager))
    return found[1] if found is not None and found[0] is manager else None


def _fill_manager(manager: Any, state: tuple[dict[str, Any], int | None, Any, Any]) -> None:
    attributes, rank, inside, name = state
    for attribute, value in attributes.items():
        setattr(manager, attribute, value)
    if rank is not None:
        _loaded_managers.append((manager, rank, inside, name))


def find_effect(manager: Any) -> ManagerEffect | None:
    """Find the effect of a manager on the process; None: it has no known effect."""
    return EFFECTS.get(_effect_name(manager))


def _effect_name(manager: Any) -> tuple[str, str]:
    """Return (module, name) of a manager's class, or of the generator function that made the manager."""
    kind = _kind_of(manager)
    if kind is not _GENERATOR_MANAGER:
        return kind.__module__, kind.__qualname__
    frame = frame_of(generator_of(manager))
    return (frame.f_globals.get("__name__", ""), frame.f_code.co_qualname) if frame is not None else ("", "")


def _kind_of(value: Any) -> Any:
    return cast("Any", type(value))


def _is_notebook_manager(manager: Any) -> bool:
    frame = frame_of(generator_of(manager))
    known = find_code(frame.f_code) if frame is not None else None
    return frame is None or (known is not None and source_of_unit(known.unit.key) is None)


def _describe_manager(manager: Any) -> str:
    kind = _kind_of(manager)
    frame = frame_of(generator_of(manager)) if kind is _GENERATOR_MANAGER else None
    if frame is not None:
        return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}(...)"
    return f"{kind.__module__.lstrip('_')}.{kind.__qualname__}(...)"


# -- the managers of frames


def _iterate_entered_managers(frame: SavedFrame) -> Iterator[EnteredManager]:
    unit = find_unit(frame.unit)
    if unit is None or frame.mode == "start":
        return
    tree, place = unit.get_tree(), find_place(unit, frame.function, frame.place)
    path = place.path if place is not None else ()
    for i, (node, (part, _)) in enumerate(path):
        finals = tree.final_flags.get(node)
        if finals is None or finals[1] is not None or part != "body":
            continue
        inner = path[i + 1][1][0] if i + 1 < len(path) else "body"
        name = manager_name(node)
        if inner == "body" and name in frame.locals:  # else the `with` is being left
            position = tree.node_numbers.find_position(_find_exit_call(node).lineno)
            yield from _iterate_nested_managers(frame.locals[name], position[0] if position else None)


def manager_name(node: Any) -> str:
    """Return the name of the local variable in which an instrumented `with` keeps its manager.

    Args:
        node: the `try` that instrumented code has in place of the `with`.
    """
    return cast("ast.Name", _find_exit_call(node).args[0]).id


def _find_exit_call(node: Any) -> Any:
    """Find the node of the call of `__exit__` at the end of an instrumented `with`."""
    call = node.finalbody[0].body[0].value
    if isinstance(call, ast.Await):
        checked: Any = cast("ast.NamedExpr", call.value).value
        call = checked.args[0]
    return call


def _iterate_nested_managers(manager: Any, line: int | None) -> Iterator[EnteredManager]:
    """Yield a manager and the managers inside it, in the order in which they were entered."""
    kind = _kind_of(manager)
    if kind.__module__ == "contextlib" and kind.__qualname__ in _EXIT_STACK_NAMES:
        yield EnteredManager(manager, line, None)
        for _, callback in manager._exit_callbacks:
            held = getattr(callback, "__self__", None)
            if held is not None:
                yield from _iterate_nested_managers(held, None)
        return
    if kind is _GENERATOR_MANAGER and _is_notebook_manager(manager) and frame_of(generator_of(manager)) is not None:
        try:
            found = read_generator(generator_of(manager), {})
        except CannotSave:
            found = None  # the generator is running: it is on the stack itself
        if found is not None:
            yield from _iterate_entered_managers(found[0])
    yield EnteredManager(manager, line, find_effect(manager))


def is_defined_in_notebook(kind: type) -> bool:
    """Return whether a class is defined in the notebook itself."""
    return kind.__module__ == "__main__" or kind.__module__ not in sys.modules
