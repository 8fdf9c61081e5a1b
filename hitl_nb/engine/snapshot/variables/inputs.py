"""Inputs of a run: the names that an agent cell reads and does not assign.

Inputs belong to the notebook. A run continues with the values that it began with, and the notebook keeps its current
values. Where the two differ, the reviewer is informed.
"""

from __future__ import annotations

import ast
import datetime as dt
import dis
import re
import reprlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from hitl_nb.engine.call_keys.fingerprints import Fingerprint, fingerprint_value, is_code
from hitl_nb.engine.compile import Unit
from hitl_nb.engine.refusals import type_of

_SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
_DAY_SECONDS = 86_400.0
_PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, type(None))

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = 4


@dataclass(frozen=True)
class Input:
    """The value of a name that an agent cell only reads, when the run began.

    Attributes:
        fingerprint: Digest of the value.
        shown: A short text of the value for people.
        volatile: True for the current time or a random id. Such a value differs in each run, which is not reported.
        saved: Digest of the value when the run was last saved: the cell may have changed the object.
    """

    fingerprint: Fingerprint
    shown: str
    volatile: bool
    saved: str = ""


Inputs = dict[str, Input]


def record_inputs(unit: Unit, ns: dict[str, Any], hidden: Callable[[str], bool]) -> Inputs:
    """Record the names that a cell only reads, with their current values. Call this before the cell runs.

    Args:
        unit: The cell.
        ns: Namespace of the notebook.
        hidden: Returns True for names of `ns` that belong to the environment.
    """
    code = unit.native
    state = _find_stored_names(code) | _find_partly_assigned_names(unit.source)
    reads, written = _follow_names(_find_loaded_names(code), ns)
    names = [n for n in reads if n in ns and n not in state | written and not hidden(n) and not is_code(ns[n])]
    return {name: _record_input(name, ns[name]) for name in sorted(names)}


def _record_input(name: str, value: Any) -> Input:
    return Input(fingerprint_value(value), _make_short_text(name, value), _is_volatile(value))


def make_header(inputs: Inputs, ns: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the recorded inputs (the names that a cell only reads) as JSON data for the header of a snapshot.

    Args:
        inputs: The inputs.
        ns: Namespace of the notebook, for a digest of each current value.

    Returns:
        Name -> the fields of `Input`, in order, as a list.
    """
    return {
        name: [
            one.fingerprint.digest,
            one.fingerprint.comparable,
            one.shown,
            one.volatile,
            _digest_current_value(name, ns),
        ]
        for name, one in inputs.items()
    }


def _digest_current_value(name: str, ns: dict[str, Any]) -> str:
    return fingerprint_value(ns[name]).digest if name in ns else ""


def read_header(header: dict[str, Any]) -> Inputs:
    """Read the recorded inputs from a snapshot's header, as `make_header` wrote them."""
    found: dict[str, list[Any]] = header.get("inputs", {})
    return {n: Input(Fingerprint(one[0], one[1]), *one[2:]) for n, one in found.items()}


class NotebookValues:
    """The notebook's own values of the names that a run only reads (its inputs), kept while the run continues.

    Meanwhile, the namespace has the run's values of these names.

    Attributes:
        own: The notebook's values, by name.
        changed: Name -> sentence for reviewers, for each value that differs from the recorded one.
    """

    def __init__(self, ns: dict[str, Any], inputs: Inputs) -> None:
        self.ns = ns
        self.inputs = inputs
        self.own = {name: ns[name] for name in inputs if name in ns and not is_code(ns[name])}
        self._prints = {name: fingerprint_value(value) for name, value in self.own.items()}
        self._recorded: dict[str, Any] = {}
        self.changed = {n: s for n in self.own if (s := self._describe_difference(n)) is not None}

    def remember_loaded(self) -> None:
        """Remember the run's values of its inputs, directly after they were loaded into the namespace.

        `restore_values` compares with them.
        """
        self._recorded = {n: self.ns[n] for n in self.own if n in self.ns and self.ns[n] is not self.own[n]}

    def restore_values(self) -> None:
        """Put the notebook's own values of the run's inputs into the namespace again.

        An input that the cell has changed keeps the changed value.
        """
        for name, recorded in self._recorded.items():
            began, own = self.inputs[name].fingerprint, self._prints[name]
            untouched = self.ns.get(name) is recorded and fingerprint_value(recorded).digest == began.digest
            same = began.comparable and own.digest == began.digest
            if untouched and not same:
                self.ns[name] = self.own[name]

    def _describe_difference(self, name: str) -> str | None:
        began, now, value = self.inputs[name], self._prints[name], self.own[name]
        comparable = began.fingerprint.comparable and now.comparable
        if not comparable or now.digest in (began.fingerprint.digest, began.saved):
            return None
        if began.volatile and _is_volatile(value):
            return None
        shown = _make_short_text(name, value)
        if began.shown == shown:
            return f"{name} ({shown}) has other content now"
        return f"{name} was {began.shown} and is {shown} now"


def find_reached_names(code: CodeType, ns: dict[str, Any]) -> set[str]:
    """Return the names that a cell's code reads, itself or in functions of the notebook that it uses.

    Args:
        code: The code of the cell.
        ns: Namespace of the notebook.
    """
    return _follow_names(_find_loaded_names(code), ns)[0]


# -- names that code reads and assigns


def _iterate_instructions(code: CodeType) -> Iterator[tuple[str, Any, bool]]:
    """Yield `(operation, name, is_nested)` for each instruction. `is_nested` is True inside a nested scope."""
    for one in dis.get_instructions(code):
        yield one.opname, one.argval, False
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from ((operation, name, True) for operation, name, _ in _iterate_instructions(inner))


def _find_loaded_names(code: CodeType) -> set[str]:
    wanted = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_CLASSDEREF")
    return {str(name) for operation, name, _ in _iterate_instructions(code) if operation in wanted}


def _find_stored_names(code: CodeType) -> set[str]:
    found = set[str]()
    for operation, name, inside in _iterate_instructions(code):
        if operation in ("STORE_GLOBAL", "DELETE_GLOBAL") or (
            not inside and operation in ("STORE_NAME", "DELETE_NAME")
        ):
            found.add(str(name))
    return found


def _find_partly_assigned_names(source: str) -> set[str]:
    """Return the names whose objects code changes by assignment or deletion of a part: `orders[0] = x`, `del a.b`."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            inner: ast.expr = node
            while isinstance(inner, (ast.Subscript, ast.Attribute)):
                inner = inner.value
            if isinstance(inner, ast.Name):
                found.add(inner.id)
    return found


def _follow_names(names: set[str], ns: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Find the names that code reads, directly or in functions and classes of the notebook.

    Args:
        names: The names that the code itself reads.
        ns: Namespace of the notebook.

    Returns:
        The names that are read, and the names that these functions and classes assign.
    """
    reads, written = set[str](), set[str]()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in reads:
            continue
        reads.add(name)
        for function in _list_functions(ns.get(name), ns):
            written |= _find_stored_names(function.__code__) - set(function.__code__.co_varnames)
            todo += [n for n in _find_loaded_names(function.__code__) if n in ns]
    return reads, written


def _list_functions(value: Any, ns: dict[str, Any]) -> list[FunctionType]:
    if isinstance(value, FunctionType):
        return [value] if value.__globals__ is ns else []
    if getattr(type_of(value), "__hitl_definition__", False):
        return _list_functions(getattr(value, "function", None), ns)
    cls: Any = value if isinstance(value, type) else type_of(value)
    if cls.__module__ != ns.get("__name__"):
        return []
    held: dict[str, Any] = {**cls.__dict__}
    return [f for f in held.values() if isinstance(f, FunctionType) and f.__globals__ is ns]


# -- texts for people


def _make_short_text(name: str, value: Any) -> str:
    if _SECRET.search(name):
        return "(not shown)"
    if type(value) in _PLAIN or isinstance(value, (dt.date, dt.time, dt.timedelta, uuid.UUID)):
        return _short.repr(value)
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return f"a {kind} of shape {shape}" if isinstance(shape, tuple) else f"a {kind}"


def _is_volatile(value: Any) -> bool:
    """Return True if the value is about the current time or date, or is a random id."""
    if isinstance(value, uuid.UUID):
        return value.version in (1, 4, 6, 7)
    if isinstance(value, dt.datetime):
        return abs(value.timestamp() - time.time()) < _DAY_SECONDS
    if isinstance(value, dt.date):
        return abs(value.toordinal() - dt.date.today().toordinal()) <= 1  # noqa: DTZ011 - the date in the user's time zone
    return isinstance(value, float) and abs(value - time.time()) < _DAY_SECONDS
