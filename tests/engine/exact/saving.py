"""A program on instrumented code, saved and continued: at each checkpoint, and at every n-th poll if asked for.

A `Piece` is what runs between two saves. It begins with an empty namespace and the bytes of the save before it, in this
process or in a new one. What the program asks is answered by the script of `world`, natively and here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import world
from exact import pickles
from forks import Forks
from world import Result, TooLong

from hitl_nb.engine.compile import Unit, compile_unit
from hitl_nb.engine.compile.runtime.runtime import RUNTIME, Unwind
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.position.stack.generators import end_generators_quietly
from hitl_nb.engine.tracebacks import show_native_frames
from hitl_nb.review.decision import Decision

MOST_SAVES = 400
IN_NEW_PROCESSES = 7
"""Pieces of one program that are each run in a process of their own; further ones share a process."""


@dataclass
class Position:
    """A saved position.

    Attributes:
        data: namespace, stack, what the innermost frame waits for, and answers for a call that is made again; pickled.
        pauses: how many checkpoints came before, this one included.
        journal: how much of the journal the piece had written.
        is_exact: whether no call is made again.
    """

    data: bytes
    pauses: int
    journal: int
    is_exact: bool


@dataclass
class Piece:
    """What a piece came to: a position, or the result."""

    position: Position | None
    result: Result


class Questions:
    """What stands for the module `hitl_nb`: it saves, or answers.

    Args:
        poll_every: save at each poll whose number this divides; 0: at none.
        goes_on: keep what would be saved in `positions`, and go on as if nothing had been asked.
    """

    def __init__(self, poll_every: int, *, goes_on: bool = False) -> None:
        self.poll_every, self.goes_on = poll_every, goes_on
        self.driver = Driver(self._poll if poll_every else None)
        self.namespace: dict[str, Any] = {}
        self.made_again: list[Decision] = []
        self.pauses = self.polls = 0
        self.positions: list[Position] = []
        self.refusal: str | None = None
        self.is_running = True
        self._saved_generators: list[Any] = []

    @staticmethod
    def agent(function: Any) -> Any:
        return function

    step = agent

    @property
    def named_objects(self) -> pickles.Named:
        return {"namespace": self.namespace, "hitl": self}

    def checkpoint(self, value: Any, *, title: str) -> Decision:
        if self.made_again:
            return self.made_again.pop(0)
        self.pauses += 1
        if self.pauses > world.MOST_PAUSES:
            raise TooLong
        action, answer = world.script(title, value)
        result = {"approve": value, "reject": None}.get(action, answer)
        reason = "no" if action == "reject" else None
        decision = Decision(action, result, value, reason, "ann", world.now(), "", "person", title)
        try:
            stack = self.driver.read_stack(_caller(), lambda function: function is Questions.checkpoint)
            self._save(stack, decision)
        except CannotSave as error:
            self.refusal = str(error)
            raise Unwind from None
        if not self.goes_on:
            self.is_running = False
            raise Unwind
        return decision

    def _poll(self, frame: types.FrameType) -> None:
        self.polls += 1
        if self.polls % self.poll_every or self.made_again or len(self.positions) > MOST_SAVES:
            return
        try:
            stack = self.driver.read_stack(frame, None)
            if not stack.waits_for_answer:  # inside a call that would be made again: it would never end
                return
            self._save(stack, None)
        except CannotSave:
            return
        if not self.goes_on:
            self.is_running = False
            raise Unwind

    def _save(self, stack: SavedStack, answer: Decision | None) -> None:
        again = [] if stack.waits_for_answer or answer is None else [answer]
        state = (
            dict(self.namespace),
            stack.frames,
            stack.waits_for_answer,
            answer if stack.waits_for_answer else None,
            again,
        )
        data, generators = pickles.dump(state, self.named_objects, stack.running_frames, world.FILE)
        if not self.goes_on:
            self._saved_generators = generators
        self.positions.append(Position(data, self.pauses, len(world.journal), is_exact=stack.waits_for_answer))

    def load(self, position: Position) -> tuple[SavedStack, Decision | None]:
        self.pauses = position.pauses
        values, frames, waits, answer, self.made_again = pickles.load(position.data, self.named_objects)
        self.namespace.clear()
        self.namespace.update(values)
        return SavedStack(frames, waits, {}), answer

    def end(self) -> None:
        end_generators_quietly(self._saved_generators)


def run_piece(source: str, position: Position | None, poll_every: int = 0) -> Piece:
    """Run to the next save, or to the end."""
    questions = Questions(poll_every)
    result = _attempt(source, position, questions)
    return Piece(questions.positions[-1] if result.status == "waiting" else None, result)


def _attempt(source: str, position: Position | None, questions: Questions) -> Result:
    result = Result("finished")
    questions.namespace = world._namespace(questions)
    if position is None or questions.goes_on:
        gc.collect()  # what the run before this one leaves is not closed in this one
    with world._watch_run(source), _poll_every(questions.poll_every):
        try:
            _run(source, position, questions)
        except Unwind:
            questions.end()
            result.status = "waiting"
        except CannotSave as error:
            result.status, result.error = "refused", str(error)
        except TooLong:
            result.status = "too long"
        except Exception as error:  # noqa: BLE001 - the result
            result.status, result.error = "failed", describe_error(error)
    if questions.refusal is not None:  # also where no exception can leave what asked
        result.status, result.error = "refused", questions.refusal
    result = world._with_journal(result, questions.namespace, questions.pauses)
    result.leftovers = []
    return result


def _run(source: str, position: Position | None, questions: Questions) -> None:
    unit = _unit_of(source)
    if position is None:
        made = questions.driver.start(types.FunctionType(unit.code, questions.namespace))
    else:
        stack, answer = questions.load(position)
        made = questions.driver.resume(stack, [answer].pop if stack.waits_for_answer else None)
    if inspect.iscoroutine(made):
        asyncio.run(made)


@functools.lru_cache(1)
def _unit_of(source: str) -> Unit:
    unit = compile_unit(source, world.FILE)
    pickles.remember_codes(unit)
    return unit


def describe_error(error: BaseException) -> Any:
    """As `world.describe_error`, behind what a run does with an error that leaves it: `show_native_frames`."""
    return without_engine(world.describe_error(show_native_frames(error)))


def without_engine(parts: Any) -> Any:
    if not isinstance(parts, tuple):
        return parts
    kind, args, lines, _, cause, context, is_suppressed = parts
    return kind, args, lines, [], without_engine(cause), without_engine(context), is_suppressed


@contextlib.contextmanager
def _poll_every(poll_every: int) -> Iterator[None]:
    """Report at each poll; and no collection of garbage at moments of its own."""
    RUNTIME.due = bool(poll_every)
    gc.disable()
    try:
        yield
    finally:
        RUNTIME.due = False
        gc.enable()


def continue_run(source: str, poll_every: int = 0, position: Position | None = None) -> Result:
    """Run to the end from a position, each piece in an empty namespace."""
    journal: list[tuple[str, str]] = []
    for _ in range(MOST_SAVES):
        piece = run_piece(source, position, poll_every)
        journal += piece.result.journal
        if piece.result.status != "waiting":
            break
        position = piece.position
    piece.result.journal = journal
    return piece.result


def continued_in_processes(forks: Forks, source: str, poll_every: int = 0) -> Result:
    """Run to the end, the first pieces in a process each, what is left after them in another."""
    journal: list[tuple[str, str]] = []
    position: Position | None = None
    for _ in range(IN_NEW_PROCESSES):
        piece: Piece = forks(run_piece, source, position, poll_every)
        journal += piece.result.journal
        if piece.result.status != "waiting":
            piece.result.journal = journal
            return piece.result
        position = piece.position
    rest: Result = forks(continue_run, source, poll_every, position)
    rest.journal = journal + rest.journal
    return rest


def run_straight(source: str, poll_every: int) -> tuple[Result, list[Position]]:
    """Read the stack at each checkpoint and each `poll_every`-th poll, and go on as if nothing was."""
    questions = Questions(poll_every, goes_on=True)
    return _attempt(source, None, questions), questions.positions


def run_rest(source: str, position: Position) -> Result:
    """The continuation of a position, without another save."""
    return _attempt(source, position, Questions(0, goes_on=True))


def _caller() -> types.FrameType:
    return sys._getframe(2)
