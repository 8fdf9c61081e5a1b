"""The state of a test as bytes: its frames and what they hold, and what the test object itself holds.

What lies outside of the test is not made again but found: modules, their functions and classes, what a module holds
under a name, and what runs the test. The pickler is the engine's own.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from hitl_nb.engine.position.event_loop import task_restorer as beginning
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.position.stack import generators
from hitl_nb.engine.reopening.reopen_recipes import ReopenedObjects
from hitl_nb.engine.snapshot.loader import forget_loaded_managers
from hitl_nb.engine.snapshot.pickles.defined_names import resolve_name
from hitl_nb.engine.snapshot.pickles.function_pickles import module_globals
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.unpickler import Unpickler

_ATOMS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented))
_STREAMS = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__", "modules", "path", "meta_path")
_STARTED = frozenset(("generator", "coroutine", "async_generator"))


class Outside:
    """What a test finds in place of having it made again, by the identity of the objects.

    Args:
        modules: names of those whose variables are found by name.
        others: further objects: what runs the test.
    """

    def __init__(self, modules: tuple[str, ...], others: tuple[Any, ...]) -> None:
        self.objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        for value in (*others, *(getattr(sys, name) for name in _STREAMS), *_variables(modules)):
            if not isinstance(value, _ATOMS) and type(value).__name__ not in _STARTED:
                self._numbers.setdefault(id(value), len(self.objects))
                self.objects.append(value)

    def number(self, value: Any) -> int | None:
        return self._numbers.get(id(value))


def _variables(modules: tuple[str, ...]) -> Iterator[Any]:
    """What modules, and the classes in them, hold under a name."""
    for name in modules:
        for value in list(vars(sys.modules[name]).values()) if name in sys.modules else ():
            if isinstance(value, type) and value.__module__ == name:
                yield from vars(value).values()
            if not isinstance(value, (ModuleType, FunctionType, BuiltinFunctionType, type)):
                yield value


class _Pickler(Pickler):
    def __init__(self, file: io.BytesIO, outside: Outside, ns: dict[str, Any], **options: Any) -> None:
        super().__init__(file, ns, inline=True, **options)
        self.outside = outside

    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        number = self.outside.number(obj)
        return super().persistent_id(obj) if number is None else ("outside", number)


@dataclass
class SavedTest:
    """A test that is saved.

    Attributes:
        data: frames and attributes.
        generators: those in it, which are ended when the test is left.
    """

    data: bytes
    outside: Outside
    ns: dict[str, Any]
    finder: Callable[[], Callable[[tuple[Any, ...]], Any]]
    generators: list[Any] = field(default_factory=list[Any])

    def load(self) -> tuple[SavedStack, dict[str, Any]]:
        """New frames and attributes, each time."""
        forget_loaded_managers()
        beginning.forget_loaded_objects()
        frames, waits, attributes = Unpickler(self.data, self.finder()).load()
        return SavedStack(frames, waits, {}), attributes

    def try_loading(self) -> None:
        """Load it once, and drop what was loaded: no `finally` of its generators runs."""
        made: list[Any] = []
        native = generators.make_generator

        def make_generator(*args: Any) -> Any:
            made.append(native(*args))
            return made[-1]

        try:
            vars(generators)["make_generator"] = make_generator  # pickle looks it up when it loads
            self.load()
        finally:
            vars(generators)["make_generator"] = native
            generators.end_generators_quietly(made)


def save_test(stack: SavedStack, attributes: dict[str, Any], outside: Outside, ns: dict[str, Any]) -> SavedTest:
    """Pickle a test as the engine does. Raises what pickling raises."""
    kept, shared, namespaces = frozenset[int](), frozenset[int](), dict[int, Any]()
    while True:  # until nothing more is found to be shared
        file = io.BytesIO()
        options: dict[str, Any] = {
            "kept": kept,
            "shared": shared,
            "namespaces": namespaces,
            "running": stack.running_frames,
        }
        pickler = _Pickler(file, outside, ns, **options)
        pickler.dump((stack.frames, stack.waits_for_answer, attributes))
        torn, held = pickler.views.find_torn_bases(), pickler.attributes.find_shared()
        own = pickler.shared_namespaces()
        if not (torn - kept or held - shared or own.keys() - namespaces.keys()):
            break
        kept, shared, namespaces = kept | torn, shared | held, namespaces | own

    def finder() -> Callable[[tuple[Any, ...]], Any]:
        opened = ReopenedObjects(ns)

        def find(pid: tuple[Any, ...]) -> Any:
            match pid:
                case ("outside", number):
                    return outside.objects[number]
                case ("opened" | "live", *_):
                    return opened.find_object(pid)
                case ("ns", *module):
                    return module_globals(*module) if module else ns
                case ("def", name):
                    return resolve_name(name, ns)
                case _:
                    raise LookupError(pid)

        return find

    return SavedTest(file.getvalue(), outside, ns, finder, pickler.generators)
