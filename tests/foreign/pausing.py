"""Tests that are paused between their statements: saved to bytes, left, and continued from the bytes alone.

Code reports behind each statement of each function, as the code of agents does behind calls. At the places that a round
takes, chosen by the seed, the stack is read and pickled; the frames are left, their generators are ended, and the test
is continued from what was pickled, in this process, with new objects. A place where the engine refuses to save is
counted with its reason, and the test goes on as if nothing had been asked.
"""

from __future__ import annotations

import ast
import gc
import sys
import threading
import types
import unittest
import unittest.case
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from saved_tests import Outside, SavedTest, save_test

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.runtime.runtime import RUNTIME, Unwind
from hitl_nb.engine.compile.tree.statements import Statements
from hitl_nb.engine.instrument import instrument_function
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.frames.links import locate_instruction
from hitl_nb.engine.position.managers import managers
from hitl_nb.engine.position.stack.generators import end_generators_quietly
from hitl_nb.engine.position.stack.stack_reader import CannotSave

case_module: Any = unittest.case
MADE_AGAIN = "made again"
"""The reason inside a call that is made again when a run continues: there no position between statements is kept."""

_VISITS = (1, 1, 1, 2, 3, 10)
"""At which visit of a place it is paused."""


def report_behind_statements() -> None:
    """Have the functions that are instrumented from now on report behind each simple statement."""
    simple = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Assert, ast.Import, ast.ImportFrom)
    patched: Any = Statements
    assert hasattr(patched, "_may_take_long")
    patched._may_take_long = lambda self, node: self.function.kind == "def" and isinstance(node, (*simple, ast.Pass))


@dataclass
class Paused:
    """How often one test was paused.

    Attributes:
        places: where it was continued, for those who look for a fault.
        refused: where it was refused, by the reason.
    """

    tried: int = 0
    continued: int = 0
    places: list[str] = field(default_factory=list[str])
    refused: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


@dataclass(frozen=True)
class Round:
    """Which places are taken.

    Attributes:
        number, of: which part of all places.
        seed: divides them into parts.
        most: pauses of one test.
    """

    number: int = 0
    of: int = 1
    seed: int = 0
    most: int = 100

    def takes(self, place: str, visit: int) -> bool:
        chance = zlib.crc32(f"{self.seed} {place}".encode())
        return chance % self.of == self.number and visit == _VISITS[chance // 97 % len(_VISITS)]


class Pauses:
    """Runs tests such that they pause.

    Args:
        modules: whose variables are found by name, not made again.
    """

    def __init__(self, part: Round, modules: tuple[str, ...]) -> None:
        self.part, self.modules = part, modules
        self.tests: dict[str, Paused] = {}
        self._is_running = False

    def install(self) -> None:
        """Have unittest run the methods of its tests so."""
        pauses = self

        def call_test_method(self: Any, method: Any) -> None:
            if type(self).__module__ == "doctest":  # its examples are paused, each by itself
                method()
                return
            others = (self, self._outcome, self._outcome.result)
            namespace = vars(sys.modules[type(self).__module__])
            pauses.run(self.id(), method, namespace, vars(self), others)

        case: Any = unittest.TestCase
        case._callTestMethod = call_test_method
        for function in (case.subTest.__wrapped__, case_module._Outcome.testPartExecutor.__wrapped__):
            function.__code__ = instrument_function(function)  # as `@hitl.agent` does it: tests pause inside `subTest`

    def run_example(self, code: types.CodeType, names: dict[str, Any]) -> None:
        """Run what a doctest types at the prompt."""
        function = types.FunctionType(code, names, "<module>")
        self.run(f"{names.get('__name__')} (doctests)", function, names, names, ())

    def run(
        self,
        name: str,
        code: Callable[[], Any],
        namespace: dict[str, Any],
        state: dict[str, Any],
        others: tuple[Any, ...],
    ) -> None:
        """Run the code of a test.

        Args:
            namespace: of the test's code.
            state: what belongs to the test beside its frames: it is saved with them, and put back.
            others: what is outside of the test.
        """
        if self._is_running:  # a test that runs tests
            code()
            return
        self._is_running = True
        RUNTIME.due = True
        try:
            _Test(self, self.tests.setdefault(name, Paused()), namespace, state, others).run(code)
        finally:
            RUNTIME.due = False
            self._is_running = False
            with warnings.catch_warnings():  # what the places left ends here, not in another test
                warnings.simplefilter("ignore")
                gc.collect(1)


class _Test:
    def __init__(
        self, pauses: Pauses, counts: Paused, namespace: dict[str, Any], state: dict[str, Any], others: tuple[Any, ...]
    ) -> None:
        self.pauses, self.counts = pauses, counts
        self.namespace, self.state, self.others = namespace, state, others
        self.visits: Counter[str] = Counter()
        self.is_busy = False
        self.saved: SavedTest | None = None
        self.entered: list[Any] = []
        self.thread = threading.get_ident()
        self.driver = Driver(self._report)

    def run(self, code: Callable[[], Any]) -> None:
        while True:
            try:
                self.driver.start(code) if self.saved is None else self._continue(self.saved)
                return
            except Unwind:
                assert self.saved is not None
            managers.revert_effects(self.entered)
            end_generators_quietly(self.saved.generators)
            self.saved.generators, self.entered = [], []

    def _continue(self, saved: SavedTest) -> None:
        self.is_busy = True
        stack, state = saved.load()
        self.state.clear()
        self.state.update(state)
        state.clear()
        managers.reenter_managers()
        self.driver = Driver(self._report)
        self.is_busy = False
        self.driver.resume(stack, None)

    def _report(self, frame: types.FrameType) -> None:
        if self.is_busy or threading.get_ident() != self.thread:
            return
        self.is_busy = True
        try:
            place = _name_place(frame)
            self.visits[place] += 1
            part = self.pauses.part
            if self.counts.continued >= part.most or not part.takes(place, self.visits[place]):
                return
            self.counts.tried += 1
            saved = self._save(frame, place)
        finally:
            self.is_busy = False
        if saved is not None:
            self.saved = saved
            self.counts.continued += 1
            self.counts.places.append(place)
            self.driver.end_paused_tasks()
            raise Unwind

    def _save(self, frame: types.FrameType, place: str) -> SavedTest | None:
        """What is saved, after it was loaded once; None: it is refused."""
        try:
            stack = self.driver.read_stack(frame, None)
            if not stack.waits_for_answer:
                return self._refuse(place, MADE_AGAIN)
            entered = managers.find_entered_managers(stack)
            managers.check_managers(entered, self._is_users)
            saved = save_test(stack, dict(self.state), Outside(self.pauses.modules, self.others), self.namespace)
        except CannotSave as error:
            return self._refuse(place, f"CannotSave: {error}")
        except Exception as error:  # noqa: BLE001 - what pickling says is what the engine makes a CannotPause of
            return self._refuse(place, f"{type(error).__name__}: {error}")
        try:
            with warnings.catch_warnings():  # what is loaded here is dropped again, coroutines too
                warnings.simplefilter("ignore")
                saved.try_loading()
        except Exception as error:  # noqa: BLE001 - as above: the engine loads what it saves before it pauses
            return self._refuse(place, f"not loaded: {type(error).__name__}: {error}")
        self.entered = entered
        return saved

    def _refuse(self, place: str, reason: str) -> None:
        self.counts.refused.setdefault(reason, []).append(place)

    def _is_users(self, kind: type) -> bool:
        if kind is case_module._AssertRaisesContext:  # it only keeps what it catches
            return True
        return kind.__module__ in self.pauses.modules or kind.__module__ not in sys.modules


def _name_place(frame: types.FrameType) -> str:
    """The same for a function and for its continuation."""
    known = find_code(frame.f_code)
    if known is None:
        return f"{frame.f_code.co_qualname}:{frame.f_lineno}"
    number = locate_instruction(frame, known)[0]
    return f"{known.function.qualname}:{frame.f_lineno}:{number}"
