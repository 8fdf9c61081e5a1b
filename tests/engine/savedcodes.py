"""A notebook on instrumented code whose variables, or whose whole stack, the engine's own pickler saves.

`keep` works in one process, `go_on` in another one, which has run nothing, or only the cells that it is given.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import io
import sys
import types
from dataclasses import dataclass, field
from typing import Any

from hitl_nb.engine.compile import compile_unit
from hitl_nb.engine.compile.runtime.runtime import Unwind
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.position.managers import managers
from hitl_nb.engine.position.stack.generators import end_generators_quietly
from hitl_nb.engine.reopening.reopen_recipes import ReopenedObjects
from hitl_nb.engine.snapshot.pickles.defined_names import resolve_name
from hitl_nb.engine.snapshot.pickles.function_pickles import module_globals
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.pickles.saved_code import describe_units, load_units
from hitl_nb.engine.snapshot.unpickler import Unpickler

FILE = "<cell>"


@dataclass
class Kept:
    """What one process hands to another: plain data."""

    data: bytes = b""
    copies: bytes = b""
    units: list[Any] = field(default_factory=list[Any])
    said: list[str] = field(default_factory=list[str])


class Notebook:
    def __init__(self, said: list[str] | None = None) -> None:
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        self.ns: dict[str, Any] = main.__dict__
        self.ns.update(ask=self.ask, tell=self.tell)
        self.said: list[str] = said or []
        self.driver = Driver()
        self.kept: Kept | None = None
        self.pickler: Pickler | None = None
        self.copies: dict[str, Any] = {}

    def tell(self, *values: Any) -> None:
        self.said.append(" ".join(map(str, values)))

    def ask(self, value: Any = None) -> Any:
        frame = sys._getframe(1)
        stack = self.driver.read_stack(frame, lambda function: function is Notebook.ask)
        assert stack.waits_for_answer, "not exact"
        managers.find_entered_managers(stack)
        self.kept = self.keep(*self.variables(), stack=stack, value=value)
        raise Unwind

    def variables(self) -> list[str]:
        return [name for name in self.ns if name[:2] != "__" and name not in ("ask", "tell")]

    # -- running

    def run(self, source: str, file: str = FILE) -> bool:
        """Returns whether it came to its end."""
        unit = compile_unit(source, file)
        return self._drive(lambda: self.driver.start(types.FunctionType(unit.code, self.ns)))

    def _drive(self, work: Any) -> bool:
        try:
            made = work()
            if inspect.iscoroutine(made):
                asyncio.run(made)
        except Unwind:
            self.end()
            return False
        return True

    def end(self) -> None:
        assert self.pickler is not None
        end_generators_quietly(self.pickler.generators)

    # -- saving

    def keep(self, *names: str, stack: SavedStack | None = None, value: Any = None) -> Kept:
        file, running = io.BytesIO(), stack.running_frames if stack is not None else {}
        pickler = self.pickler = Pickler(file, self.ns, special=self._name, running=running, inline=True)
        pickler.dump(({name: self.ns[name] for name in names}, stack, value))
        roots = pickler.defined
        apart = io.BytesIO()
        copies = Pickler(apart, self.ns, special=self._name, by_value=roots, inline=True)
        copies.dump({name: self.ns[name] for name in sorted(roots)})
        return Kept(file.getvalue(), apart.getvalue(), describe_units(pickler, copies), self.said)

    def _name(self, obj: Any) -> tuple[Any, ...] | None:
        if isinstance(obj, types.MethodType) and obj.__self__ is self:
            return ("notebook", obj.__name__)
        return ("module", obj.__name__) if isinstance(obj, types.ModuleType) else None

    def load(self, kept: Kept) -> tuple[SavedStack | None, Any]:
        load_units(kept.units)

        opened = ReopenedObjects(self.ns)

        def find(pid: tuple[Any, ...]) -> Any:
            match pid:
                case ("opened", *_):
                    return opened.find_object(pid)
                case ("notebook", name):
                    return getattr(self, name)
                case ("module", name):
                    return importlib.import_module(name)
                case ("ns",):
                    return self.ns
                case ("ns", name):
                    return module_globals(name)
                case ("def", name):
                    found = resolve_name(name, self.ns)
                    return resolve_name(name, self.load_copies(kept, find)) if found is None else found
                case _:
                    raise AssertionError(pid)

        values, stack, value = Unpickler(kept.data, find).load()
        self.ns.update(values)
        return stack, value

    def load_copies(self, kept: Kept, find: Any) -> dict[str, Any]:
        if not self.copies:
            self.copies = Unpickler(kept.copies, find).load()
            self.ns.update({name: value for name, value in self.copies.items() if name not in self.ns})
        return self.copies

    def go_on(self, stack: SavedStack, value: Any) -> bool:
        self.driver = Driver()
        return self._drive(lambda: self.driver.resume(stack, [value].pop))


def _same(value: Any = None) -> Any:
    return value


def natively(*sources: str) -> list[str]:
    notebook = Notebook()
    notebook.ns["ask"] = _same
    for source in sources:
        code = compile(source, FILE, "exec", 0x2000, True)  # PyCF_ALLOW_TOP_LEVEL_AWAIT
        made = eval(code, notebook.ns)
        if inspect.iscoroutine(made):
            asyncio.run(made)
    return notebook.said


def keep(source: str, *names: str, cells: tuple[str, ...] = ()) -> Kept:
    """Run a cell to its end and save these variables (all, if none are given); or run it to where it asks."""
    notebook = Notebook()
    for number, cell in enumerate(cells):
        notebook.run(cell, f"<cell {number} before>")
    if notebook.run(source):
        kept = notebook.keep(*(names or notebook.variables()))
        notebook.end()
        return kept
    assert notebook.kept is not None
    return notebook.kept


def go_on(kept: Kept, then: str, cells: tuple[str, ...] = (), file: str = "<cell of now>") -> Kept | list[str]:
    """Load in a notebook in which only `cells` were run, continue, and run `then`. Returns what was told, or saved."""
    notebook = Notebook(list(kept.said))
    for cell in cells:
        notebook.run(cell, file)
    stack, value = notebook.load(kept)
    if stack is not None and not notebook.go_on(stack, value):
        assert notebook.kept is not None
        return notebook.kept
    if then:
        notebook.run(then, "<then>")
    return notebook.said


def keep_again(kept: Kept, cells: tuple[str, ...], file: str) -> Kept:
    """Load in a notebook in which `cells` were run, and save it again before anything continues."""
    notebook = Notebook(list(kept.said))
    for cell in cells:
        notebook.run(cell, file)
    stack, value = notebook.load(kept)
    return notebook.keep(*notebook.variables(), stack=stack, value=value)


def run_module(module: Any, text: str) -> None:
    """Run the text of a module, instrumented."""
    unit = compile_unit(text, module.__file__, is_cell=False)
    types.FunctionType(unit.code, vars(module))()


def go_on_with_path(path: str, kept: Kept, then: str) -> Kept | list[str]:
    """The same where modules in a directory can be imported."""
    sys.path.insert(0, path)
    return go_on(kept, then)
