"""The world that test programs live in: effects they have, decisions they get, and two ways to run them.

`native` runs a cell as Python does, with a `checkpoint` that answers at once. `engine` runs it, or goes on with it,
until its next pause. Both tell what happened as plain data, made to be compared.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import linecache
import os
import re
import sys
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import hitl_nb as hitl
from hitl_nb.agent_api.agents import Definition
from hitl_nb.engine.run import held_states as holding
from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, run_cell
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.engine.tracebacks import show_native_frames
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import now
from hitl_nb.review import decision
from hitl_nb.review.decision import Decision
from hitl_nb.storage import open_store

FILE = "<cell>"
MOST_PAUSES = 60
"""A program that pauses more often than this is not tried."""

journal: list[tuple[str, str]] = []
"""What the code did to the world, in order. It lies outside every snapshot.

What programs of earlier tests do is not in it: their generators, values and threads may end at any time.
"""


hitl.live(sys.modules[__name__])  # what is in this module is no state of a run


outside: dict[str, Any] = {}
"""What the code may ask about the world, beyond any snapshot."""


def effect(name: str, *values: Any) -> Any:
    """Something that must happen once. Returns its last argument."""
    _note(name, repr(values))
    return values[-1] if values else None


async def later(value: Any) -> Any:
    """Something to wait for."""
    await asyncio.sleep(0)
    _note("later", repr(value))
    return value


def _note(name: str, text: str) -> None:
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "__main__":
        frame = frame.f_back
    if frame is None or _OVER not in frame.f_globals:
        journal.append((name, text))


class _Out(io.TextIOBase):
    def write(self, text: str) -> int:
        _note("out", text)
        return len(text)


@dataclass
class Result:
    """How a program ended, or paused.

    Attributes:
        status: "finished", "waiting", "failed", or "refused" when it cannot pause.
        error: the exception as data.
        graph: the variables as data, with their aliases.
    """

    status: str
    journal: list[tuple[str, str]] = field(default_factory=list)
    error: Any = None
    graph: Any = None
    pauses: int = 0
    leftovers: list[str] = field(default_factory=list)


# -- decisions


def script(title: str, value: Any) -> tuple[str, Any]:
    """What the reviewer does with a proposal: the title's first word says it."""
    word = title.split()[0]
    if word == "edit":
        if isinstance(value, (bool, dict)) or value is None:
            return "approve", None
        if isinstance(value, int):
            return "edit", value + 1
        return "edit", value + ("!" if isinstance(value, str) else [7])
    if word == "respond":
        return "respond", f"about {title}"
    return ("reject", None) if word == "reject" else ("approve", None)


class Native:
    """What stands for the module `hitl_nb` in a native run."""

    def __init__(self) -> None:
        self.pauses = 0

    def checkpoint(self, value: Any, *, title: str) -> Decision:
        self.pauses += 1
        if self.pauses > MOST_PAUSES:
            raise TooLong
        action, answer = script(title, value)
        result = {"approve": value, "reject": None}.get(action, answer)
        reason = "no" if action == "reject" else None
        return Decision(action, result, value, reason, "ann", now(), "", "person", title)

    @staticmethod
    def agent(function: Any) -> Any:
        return function

    step = agent


class TooLong(BaseException):
    """The program asks too much."""


# -- running


def native(source: str) -> Result:
    """Run a cell as Python does."""
    told = Native()
    ns = _namespace(told)
    result = Result("finished")
    with _watch_run(source):
        try:
            code = compile(source, FILE, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            made = eval(code, ns)
            if inspect.iscoroutine(made):
                asyncio.run(_all_of(made))
        except TooLong:
            return Result("too long")
        except Exception as error:  # noqa: BLE001 - the result
            result.status, result.error = "failed", describe_error(error)
    return _with_journal(result, ns, told.pauses)


async def _all_of(made: Any) -> None:
    await made


def engine(
    source: str, url: str, name: str, *, rounds: int = 1, keep: bool = False, options: dict[str, Any] | None = None
) -> Result:
    """Run a cell until its next pause; decide first what it waits for.

    Args:
        rounds: go on for so many pauses in this process, each time in an empty namespace.
        keep: go on in the same namespace, with the live objects.
    """
    ledger = Ledger(open_store(url))
    ns = _namespace(hitl) if ledger.runs.find(agent=name, notebook="nb") is None else _namespace(None)
    result = Result("failed")
    with _watch_run(source):
        for number in range(rounds):
            if number and not keep:
                holding.held_states.clear()
                ns = _namespace(None)
            result = _engine_once(ledger, source, name, ns, options or {})
            if result.status != "waiting":
                break
    run = ledger.runs.find(agent=name, notebook="nb")
    return _with_journal(result, ns, run.pauses if run else 0)


def _engine_once(ledger: Ledger, source: str, name: str, ns: dict[str, Any], options: dict[str, Any]) -> Result:
    decide(ledger, name)
    try:
        unit = compile_cell(source, FILE)
        outcome = asyncio.run(run_cell(ledger, AgentCell("nb", name, "", unit, ns), Saver(ns), RunDisplay(), **options))
    except hitl.CannotPause as error:
        return Result("refused", error=str(error))
    except Exception as error:  # noqa: BLE001 - the result
        return Result("failed", error=describe_error(show_native_frames(error)))
    return Result(outcome.status)


def decide(ledger: Ledger, name: str) -> None:
    """Decide whatever the run waits for, by the script."""
    run = ledger.runs.find(agent=name, notebook="nb")
    if run is None or run.status != "waiting":
        return
    for p in ledger.proposals.list_of_run(run.id, run.pauses):
        if p.status == "open":
            action, value = script(p.title, p.value)
            ledger.proposals.decide(
                p.id, action, value=value, reviewer="ann", reason="no" if action == "reject" else None
            )


def _namespace(told: Any) -> dict[str, Any]:
    """The namespace of a new kernel: that of the module `__main__`."""
    _end_earlier_tests()
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    _mains.append(main.__dict__)
    if told is not None:
        main.__dict__.update(hitl=told, effect=effect, later=later)
    return main.__dict__


_OVER = "__test_is_over__"
"""In the namespaces of earlier tests: what their code does to the world is not noted."""
_mains: list[dict[str, Any]] = []
"""The namespaces of one test."""
_owner = ""
"""That test."""


def _end_earlier_tests() -> None:
    global _owner
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]  # without "(setup)" and "(call)"
    if test != _owner:
        _owner = test
        for main in _mains:
            main[_OVER] = True
        _mains.clear()


@contextlib.contextmanager
def _watch_run(source: str) -> Iterator[None]:
    linecache.cache[FILE] = (len(source), None, source.splitlines(True), FILE)
    out, sys.stdout = sys.stdout, _Out()
    journal.clear()
    try:
        yield
    finally:
        sys.stdout = out


def _with_journal(result: Result, ns: dict[str, Any], pauses: int) -> Result:
    result.journal = list(journal)
    result.pauses = pauses
    result.leftovers = [name for name in ns if name.startswith(".")]
    if result.status in ("finished", "failed"):
        ours = {
            n: v
            for n, v in ns.items()
            if n not in ("hitl", "effect", "later", "annotations") and not n.startswith(("__", "."))
        }
        result.graph = Graph().of_all(ours)
    return result


def describe_error(error: BaseException, seen: tuple[int, ...] = ()) -> Any:
    """An exception as data: type, arguments, the user's lines, and what it came from."""
    if id(error) in seen:
        return "seen"
    seen = (*seen, id(error))
    lines = [
        (entry.name, entry.lineno) for entry in traceback.extract_tb(error.__traceback__) if entry.filename == FILE
    ]
    others = {
        entry.filename
        for entry in traceback.extract_tb(error.__traceback__)
        if re.search("/hitl_nb/(engine|agent_api|review|workspaces)/", entry.filename)
    }
    others.discard(decision.__file__)  # `require()` is called natively, too
    cause, context = error.__cause__, error.__context__
    return (
        *(type(error).__qualname__, str(error.args), lines, sorted(others)),
        describe_error(cause, seen) if cause is not None else None,
        describe_error(context, seen) if context is not None else None,
        error.__suppress_context__,
    )


class Graph:
    """Values as nested plain data; an object met before is a reference to where it was first."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.kept: list[Any] = []

    def of_all(self, variables: dict[str, Any]) -> Any:
        return {name: self.of(variables[name]) for name in sorted(variables)}

    def of(self, value: Any) -> Any:
        if isinstance(value, (int, float, str, bytes, type(None), range, type(Ellipsis))):
            return repr(value)
        if isinstance(value, tuple):
            return ("tuple", *map(self.of, value))
        number = self.seen.get(id(value))
        if number is not None:
            return ("ref", number)
        self.seen[id(value)] = len(self.seen)
        self.kept.append(value)
        return self._new(value)

    def _new(self, value: Any) -> Any:
        if isinstance(value, Definition):
            value = value.function
        match value:
            case list():
                return ("list", *map(self.of, value))
            case dict():
                return ("dict", *((self.of(k), self.of(v)) for k, v in value.items()))
            case set() | frozenset():
                return ("set", sorted(map(repr, value)))
            case types.FunctionType():
                return self._function(value)
            case types.MethodType():
                return ("method", self.of(value.__func__), self.of(value.__self__))
            case types.ModuleType() | types.BuiltinFunctionType():
                return value.__name__
            case Decision():
                return (
                    "decision",
                    value.action,
                    self.of(value.value),
                    self.of(value.original),
                    value.reason,
                    value.title,
                )
            case BaseException():
                origin = (self.of(value.__cause__), self.of(value.__context__), value.__suppress_context__)
                return (type(value).__qualname__, self.of(value.args), self.of(value.__dict__), origin)
            case type():
                return self._class(value)
            case _:
                return self._other(value)

    def _function(self, value: types.FunctionType) -> Any:
        free = {}
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            try:
                free[name] = self._cell(cell)
            except ValueError:
                free[name] = "empty"
        defaults = (self.of(value.__defaults__), self.of(value.__kwdefaults__))
        return (
            "function",
            value.__module__,
            value.__qualname__,
            defaults,
            self.of(value.__dict__),
            free,
            value.__annotations__ and "annotated",
        )

    def _cell(self, cell: types.CellType) -> Any:
        if id(cell) in self.seen:
            return ("same cell", self.seen[id(cell)])
        contents = cell.cell_contents
        self.seen[id(cell)] = len(self.seen)
        self.kept.append(cell)
        return self.of(contents)

    def _class(self, value: type) -> Any:
        if value.__module__ != "__main__":
            return value.__qualname__
        members = {k: self.of(v) for k, v in sorted(vars(value).items()) if not self._is_inherited(value, k, v)}
        return ("class", value.__qualname__, [b.__qualname__ for b in value.__mro__], members)

    @staticmethod
    def _is_inherited(cls: type, name: str, value: Any) -> bool:
        """Python's own bookkeeping, or what a base has as well (cloudpickle leaves that to the base)."""
        return name in _OF_CLASSES or any(base.__dict__.get(name) is value for base in cls.__mro__[1:])

    def _other(self, value: Any) -> Any:
        if type(value).__module__ == "__main__":
            names = sorted(
                n for c in type(value).__mro__ for n, m in vars(c).items() if type(m) is types.MemberDescriptorType
            )
            slots = {n: self.of(getattr(value, n, "unset")) for n in names}
            return ("object", self.of(type(value)), self.of(getattr(value, "__dict__", None)), slots)
        if isinstance(value, (staticmethod, classmethod)):
            return (type(value).__name__, self.of(value.__func__))
        if isinstance(value, property):
            return ("property", self.of(value.fget))
        return ("other", type(value).__qualname__)


_OF_CLASSES = {
    "__dict__",
    "__weakref__",
    "__module__",
    "__doc__",
    "__slotnames__",
    "__firstlineno__",
    "__static_attributes__",
    "__classcell__",
}
