"""Runs a program such that each checkpoint pauses it: pickled, and continued in an empty namespace. Or natively."""

from __future__ import annotations

import ast
import asyncio
import contextvars
import functools
import importlib
import inspect
import io
import marshal
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import cloudpickle

from hitl_nb.engine.compile import compile_unit, find_code
from hitl_nb.engine.compile.runtime.runtime import RUNTIME, Unwind
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.event_loop import task_restorer as beginning
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.position.iterators import iterators
from hitl_nb.engine.position.managers import managers
from hitl_nb.engine.position.stack import generators, tasks
from hitl_nb.engine.reopening.reopen_recipes import OpeningIds, ReopenedObjects

FILE = "<cell>"
Change = Callable[[int], object]


class Paused:
    """One program: `said` is what it told, in order; `values` its variables at the end; `pauses` how often it asked."""

    def __init__(self, change: Change | None = None, variables: dict[str, Any] | None = None) -> None:
        self.said: list[str] = []
        self.pauses = 0
        self.made_again = 0
        self.change = change
        self.only_saves = False  # saved at each question, and continued as it is
        self.poll_every = 0  # saved at each n-th poll, too, and continued from there
        self.polls = 0
        self.names: list[tuple[str, ...]] = []  # of the places that asked
        self.variables = variables or {}
        self.values: dict[str, Any] = {}
        self._saved = b""
        self._waits = False
        self._value: Any = None
        self._entered: list[Any] = []
        self._answer: list[Any] = []
        self._kept: list[Any] = []

    # -- what the program calls

    def tell(self, *values: Any) -> None:
        self.said.append(" ".join(map(str, values)))

    def ask(self, value: Any = None) -> Any:
        """Pauses; when the program is continued there, returns its argument."""
        if self._answer:
            return self._answer.pop()
        self.pauses += 1
        assert self.pauses < 200, "asks too often"
        frame = sys._getframe(1)
        self.names.append(self._driver.read_places(frame, lambda function: function is Paused.ask).names)
        stack = self._driver.read_stack(frame, lambda function: function is Paused.ask)
        self._value = value
        self._save(stack)
        if self.only_saves:
            return value
        self._driver.end_paused_tasks()
        raise Unwind

    def _poll(self, frame: types.FrameType) -> None:
        self.polls += 1
        if self.polls % self.poll_every or self._answer:
            return
        try:
            stack = self._driver.read_stack(frame, None)
        except CannotSave:  # not here
            return
        if stack.waits_for_answer:
            self._value = None
            self._save(stack)
            self._driver.end_paused_tasks()
            raise Unwind

    def _save(self, stack: SavedStack) -> None:
        found = managers.find_entered_managers(stack)
        managers.check_managers(found, managers.is_defined_in_notebook)
        self.made_again += not stack.waits_for_answer
        pickler = _Pickler(self, stack)
        pickler.dump((dict(self._ns), stack.frames, stack.waits_for_answer, stack.tasks))
        self._saved = pickler.file.getvalue()
        self._waits = stack.waits_for_answer
        self._kept = pickler.generators
        self._entered = found

    # -- running

    def native(self, source: str) -> Paused:
        self.ask = lambda value=None: self._count(value)
        ns = self._namespace()
        code = compile(source, FILE, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        made = eval(code, ns)
        if inspect.iscoroutine(made):
            asyncio.run(made)
        self.values = ns
        return self

    def _count(self, value: Any) -> Any:
        self.pauses += 1
        if self.change is not None:
            self.change(self.pauses)
        return value

    def run(self, source: str) -> Paused:
        """Each pause is continued in this process, in an empty namespace."""
        is_over = self.start(source)
        while not is_over:
            if self.change is not None:
                self.change(self.pauses)
            is_over = self._leg(self._load)
        return self

    def start(self, source: str) -> bool:
        """Run until the first pause. Returns whether the program has ended."""
        unit = compile_unit(source, FILE)
        self._ns = self._namespace()
        self._driver = Driver(self._poll if self.poll_every else None)
        self._is_async = unit.is_async
        return self._leg(lambda: self._driver.start(types.FunctionType(unit.code, self._ns)))

    def _leg(self, work: Callable[[], Any]) -> bool:
        context = contextvars.copy_context()
        RUNTIME.due = bool(self.poll_every)
        try:
            context.run(asyncio.run, _await_work(work)) if self._is_async else context.run(work)
        except Unwind:
            context.run(managers.revert_effects, self._entered)
            generators.end_generators_quietly(self._kept)
            self._kept, self._entered = [], []
            return False
        finally:
            RUNTIME.due = False
        self.values = self._ns
        return True

    def run_in_one_loop(self, source: str) -> Paused:
        """As in a kernel: the loop and the task that awaits the program go on while it is paused."""
        unit = compile_unit(source, FILE)
        self._ns = self._namespace()
        self._driver = Driver()

        async def legs() -> None:
            work: Callable[[], Any] = functools.partial(self._driver.start, types.FunctionType(unit.code, self._ns))
            while True:
                try:
                    await work()
                except Unwind:
                    generators.end_generators_quietly(self._kept)
                    self._kept = []
                    await asyncio.sleep(0.01)
                    work = self._load
                else:
                    break
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
            assert asyncio.all_tasks() == {task}

        asyncio.run(legs())
        self.values = self._ns
        return self

    # -- in other processes

    def state(self) -> tuple[Any, ...]:
        return self._saved, self._waits, self._value, self.said, self.pauses, self.made_again

    def go_on(self, source: str, state: tuple[Any, ...]) -> bool:
        """Continue what another process began until the next pause."""
        self._saved, self._waits, self._value, self.said, self.pauses, self.made_again = state
        self._is_async = compile_unit(source, FILE).is_async
        return self._leg(self._load)

    def _load(self) -> Any:
        self._ns = self._namespace()
        self._ns.clear()
        managers.forget_loaded_managers()
        beginning.forget_loaded_objects()
        values, frames, waits, own_tasks = _Unpickler(self).load()
        self._ns.update(values)
        managers.reenter_managers()
        self._driver = Driver(self._poll if self.poll_every else None)
        if not waits:
            self._answer = [self._value]
        answer = [self._value].pop if waits else None
        return self._driver.resume(SavedStack(frames, waits, {}, tasks=own_tasks), answer)

    def _namespace(self) -> dict[str, Any]:
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        main.__dict__.update(ask=self.ask, tell=self.tell, **self.variables)
        return main.__dict__


async def _await_work(work: Callable[[], Any]) -> Any:
    return await work()


def same(source: str, change: Change | None = None, **variables: Any) -> Paused:
    """Runs a program both ways, and compares what it told."""
    native, paused = Paused(change, variables).native(source), Paused(change, variables).run(source)
    assert paused.said == native.said
    assert paused.pauses >= 1
    return paused


def run_polled(source: str, every: int = 1) -> Paused:
    """Runs a program that is saved at each n-th poll, too."""
    program = Paused()
    program.poll_every = every
    return program.run(source)


def begin(source: str) -> tuple[tuple[Any, ...], bool]:
    program = Paused()
    is_over = program.start(source)
    return program.state(), is_over


def go_on(source: str, state: tuple[Any, ...]) -> tuple[tuple[Any, ...], bool]:
    program = Paused()
    is_over = program.go_on(source, state)
    return program.state(), is_over


def _make_function(code: Any, ns: Any, closure: Any) -> Any:
    return types.FunctionType(code, ns, None, None, closure)


def _set_function(function: Any, state: Any) -> None:
    function.__defaults__, function.__kwdefaults__, attributes, function.__qualname__, function.__module__ = state
    function.__dict__.update(attributes)


def _make_exception(kind: Any, args: Any) -> Any:
    made = kind.__new__(kind, *args)
    made.args = args
    return made


_FILES = (io.TextIOWrapper, io.BufferedReader)


def _set_exception(error: Any, state: Any) -> None:
    attributes, error.__cause__, error.__context__, error.__suppress_context__ = state
    error.__dict__.update(attributes)


class _Pickler(cloudpickle.Pickler):
    def __init__(self, program: Paused, stack: SavedStack) -> None:
        self.file = io.BytesIO()
        super().__init__(self.file)
        self.program, self.running = program, stack.running_frames
        self.generators: list[Any] = []
        self.openings = OpeningIds({})

    def persistent_id(self, obj: Any) -> Any:
        if obj is self.program._ns:
            return ("ns",)
        if type(obj) is types.MethodType and obj.__self__ is self.program:
            return ("program", obj.__name__)
        if obj is RUNTIME:
            return ("runtime",)
        if isinstance(obj, types.ModuleType):
            return ("module", obj.__name__)
        if type(obj) is dict:
            name = obj.get("__name__")
            if type(name) is str and name in sys.modules and vars(sys.modules[name]) is obj:
                return ("globals", name)
            return None
        if isinstance(obj, types.CodeType):
            known = find_code(obj)
            return ("code", known.unit.key, known.function.number) if known is not None else None
        return self.openings.make_id(obj) if type(obj) in _FILES else None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, types.CodeType):
            return marshal.loads, (marshal.dumps(obj),)
        if isinstance(obj, types.CellType):
            return types.CellType, (), *_cell_state(obj)
        if isinstance(obj, types.MethodType):
            return types.MethodType, (obj.__func__, obj.__self__)
        if isinstance(obj, types.FunctionType) and obj.__globals__ is self.program._ns:
            state = (obj.__defaults__, obj.__kwdefaults__, obj.__dict__, obj.__qualname__, obj.__module__)
            return _make_function, (obj.__code__, obj.__globals__, obj.__closure__), state, None, None, _set_function
        if isinstance(obj, BaseException):
            state = (obj.__dict__, obj.__cause__, obj.__context__, obj.__suppress_context__)
            return _make_exception, (type(obj), obj.args), state, None, None, _set_exception
        if isinstance(obj, types.TracebackType):
            return type(None), ()
        reduced = iterators.reduce_iterator(obj, self.running)
        reduced = managers.reduce_manager(obj, self.running) if reduced is None else reduced
        reduced = tasks.reduce_asyncio(obj) if reduced is None else reduced
        if reduced is not None:
            return reduced
        if isinstance(obj, types.GeneratorType | types.CoroutineType):
            self.generators.append(obj)
            return generators.reduce_generator(obj, self.running)
        return super().reducer_override(obj)


def _cell_state(cell: Any) -> Any:
    try:
        return (cell.cell_contents,), None, None, _set_cell
    except ValueError:
        return ()


def _set_cell(cell: Any, state: Any) -> None:
    cell.cell_contents = state[0]


class _Unpickler(pickle.Unpickler):
    def __init__(self, program: Paused) -> None:
        super().__init__(io.BytesIO(program._saved))
        self.program = program
        self.opened = ReopenedObjects({})

    def persistent_load(self, pid: Any) -> Any:
        match pid:
            case ("ns",):
                return self.program._ns
            case ("program", name):
                return getattr(self.program, name)
            case ("runtime",):
                return RUNTIME
            case ("module", name):
                return importlib.import_module(name)
            case ("globals", name):
                return vars(importlib.import_module(name))
            case ("code", key, number):
                return _code_of(key, number)
            case _:
                return self.opened.find_object(pid)


def _code_of(key: str, number: int) -> Any:
    from hitl_nb.engine.compile import units

    return next(code for code, known in units._codes.values() if known is units._primary_codes[key, number])
