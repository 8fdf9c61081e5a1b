"""Runs a program one operation at a time, and knows its position.

The position is data: a stack of `Frame`s (the cell, then each `@agent` call), each with an index into its
program and a stack of `Block`s (loops with their iterators, `try`, `finally`, `with`, exceptions being
handled). Everything else is left to Python: operations are compiled by it, raise its exceptions, and read and
write the real namespace. Nothing here reads or writes the store; `session.py` does.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from inspect import CO_COROUTINE
from types import CodeType, MethodType
from typing import Any

from ..errors import Paused
from .callkeys import Key, inside_call, spelled
from .fingerprints import Fingerprint
from .harmlesscalls import only_starts_tasks
from .loops import ITER, place_in
from .missing import explain_missing
from .native import cannot_pause
from .program import Op
from .refusedquestions import RefusedQuestions
from .stack import Block, Frame, Position, jumps
from .tracebacks import called_from, trimmed

_END = object()
_METHODS = {"leave": "_leave_op"}


class Enter(BaseException):
    """Raised by a call of an `@agent` function in exact code: the machine makes a frame of it."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        super().__init__()


class _Stopped(Exception):
    """Carries a StopIteration, which Python does not let out of a coroutine."""

    def __init__(self, error: StopIteration) -> None:
        self.error = error
        super().__init__()


def _caller(depth: int) -> CodeType:
    """The code that called the caller's caller, `depth` calls up."""
    return sys._getframe(depth + 1).f_code  # pyright: ignore[reportPrivateUsage]  # documented, in CPython


def running_task() -> asyncio.Task[Any] | None:
    """The asyncio task that the caller runs in, if any: a thread of its own has none."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _called(thunk: Callable[[], Any]) -> Any:
    try:
        return thunk()
    except StopIteration as error:
        raise _Stopped(error) from None


class Machine:
    """Runs a stack of frames to its end.

    Attributes:
        tick: operations begun so far in this run; with `position()` it names a place in the run's history.
        paused: set when the run was saved and must stop.
        unwinding: whether an `__exit__` runs for an exception or a jump, which no position can tell of.
        failed_at: the position where an error was raised that nobody handles.
        pending: set by resuming: completes the call that paused, in place of making it again.
    """

    def __init__(self, stack: list[Frame], *, display: Callable[[Any], None] | None = None) -> None:
        self.stack = stack
        self.tick = 0
        self.paused: Paused | None = None
        self.pending: Callable[[], Any] | None = None
        self.display = display
        self.after_op: Callable[[Frame, Op], None] = lambda frame, op: None
        self.failed_at: Position | None = None
        self.before_unwinding: Callable[[], None] = lambda: None
        self._exact: Any = None
        self.ordinals: dict[str, int] = {}
        self.keyed: dict[tuple[str, Key], asyncio.Task[Any]] = {}
        self.arguments: dict[tuple[str, Key], str] = {}
        self.in_op = False
        self.unwinding = False
        self.refused = RefusedQuestions()
        self.result: Any = None

    @property
    def done(self) -> int:
        """Operations completed: what `tick` counts on from when the one at the position is run again."""
        return self.tick - 1 if self.in_op else self.tick

    @property
    def op(self) -> Op:
        frame = self.stack[-1]
        return frame.unit.program.ops[frame.pc]

    def is_exact(self, callee: Any, depth: int = 1) -> bool:
        """Whether the caller of the function that asks, `callee`, is what the operation itself calls.

        That its code makes the call is not enough: in `sorted(orders, key=ask)` it does, and calls `sorted`.
        """
        if self._exact is None or _caller(depth + 1) is not self._exact:
            return False
        called = self.stack[-1].get(self.op.callee)
        return called is callee or (isinstance(called, MethodType) and called.__func__ is callee)

    def is_direct(self, depth: int = 1) -> bool:
        """Whether the operation's own code calls the function that asks: a property that it reads, say."""
        return self.in_op and self.op.compiled_to(_caller(depth + 1))

    def is_inside(self, depth: int = 1) -> bool:
        """Whether the function that asks is called by the operation's own code, comprehensions and lambdas included."""
        return self.in_op and self.op.contains(_caller(depth + 1))

    def position(self, name: str, key: Key | None = None) -> str:
        """A name for this call: equal when the same call is made again, different for every other.

        Calls of one statement are told apart by their order, among those with the same `name` and `key`. Those that a
        recorded call makes are apart from all others: they are not made again when it is not.

        Raises ValueError if another task that still runs has made a call with this key.
        """
        if key is not None:
            self._check_alone(name, key)
            name = f"{name}/{spelled(key)}"
        name = f"{inside_call.get()}{name}"
        number = self.ordinals.get(name, 0)
        self.ordinals[name] = number + 1
        path, part = self.op.label
        return f"{self.tick:09d}/{'.'.join(map(str, path))}.{part}/{name}/{number}"

    def check_same_call(self, name: str, key: Key, arguments: Fingerprint) -> None:
        """Raises ValueError if another call of this operation has this key and other arguments.

        Calls with one key are told apart by their order: made in another order, one would get the other's result.
        """
        if not arguments.comparable:
            return
        first = self.arguments.setdefault((inside_call.get() + name, key), arguments.digest)
        if first != arguments.digest:
            raise ValueError(
                f"two calls of {name}() in the statement at line {self.op.line} have the same key {key!r} and other "
                "arguments: only their order could tell whose result is whose; give each a key of its own"
            )

    def _check_alone(self, name: str, key: Key) -> None:
        """Two calls at once that have one key could only be told apart by their order."""
        task = running_task()
        other = self.keyed.get((name, key))
        if other is not None and other is not task and not other.done():
            what = name.partition(":")[2] or name
            raise ValueError(
                f"two calls of {what}() that run side by side have the same key {key!r}: a decision or a result "
                "could not be told which of them it belongs to; give each a key of its own"
            )
        if task is not None:
            self.keyed[name, key] = task

    async def run(self) -> Any:
        """Run to the end; the value of the outermost `return`, or None.

        Raises what the code raises, and Paused. Then `stack` is the position of the operation that did not finish.
        """
        stack = self.stack
        while True:
            frame = stack[-1]
            ops = frame.unit.program.ops
            if frame.pc >= len(ops):
                if len(stack) == 1:
                    self._check_stopped()
                    return self.result
                self._returned(None)
                continue
            op = ops[frame.pc]
            self.tick += 1
            self.in_op = True
            frame.ran.add(frame.pc)
            if self.ordinals:
                self.ordinals = {}
                self.keyed = {}
                self.arguments = {}
            try:
                await self._perform(frame, op)
            except Enter as enter:
                enter.frame.handled = frame.handling()
                stack.append(enter.frame)
            except Paused:
                raise
            except BaseException as error:
                self._check_paused()
                if self.failed_at is not None:
                    raise  # an operation raised it again, and nobody handles it
                error = self.refused.in_place_of(error.error if isinstance(error, _Stopped) else error)
                await self._raised(error)
            else:
                for name in op.drops:
                    frame.unset(name)
            self._check_paused()
            self.in_op = False
            self.after_op(frame, op)

    def _check_paused(self) -> None:
        if self.paused is not None:
            raise self.paused

    def _check_stopped(self) -> None:
        """Raise Paused, or the refusal of a question, where code has swallowed it: an operation must not end then."""
        self._check_paused()
        self.refused.check()

    # -- one operation

    async def _value(self, frame: Frame, op: Op) -> Any:
        """Let Python evaluate the operation's code."""
        pending, self.pending = self.pending, None
        if pending is not None:
            self._exact = None
            thunk, waits = pending, False
        else:
            code, unit = op.code(frame.unit.generate), frame.unit
            self._exact = code if op.callee else None
            thunk, waits = partial(unit.run, code, frame), bool(code.co_flags & CO_COROUTINE)
        handled = frame.handling() if frame.blocks or frame.handled else None
        if handled is None:
            value = _called(thunk)
            if waits or (pending and hasattr(value, "__await__")):
                value = await value
            self._check_stopped()
            return value
        kept = handled.__traceback__
        try:
            raise handled
        except BaseException:  # noqa: BLE001 - raised again from inside `raise handled`, as the user's own
            handled.__traceback__ = kept
            value = _called(thunk)
            if waits or (pending and hasattr(value, "__await__")):
                value = await value
            self._check_stopped()
            return value

    async def _perform(self, frame: Frame, op: Op) -> None:
        kind = op.kind
        if kind == "let":
            self.complete(await self._value(frame, op))
            return
        if kind == "do":
            await self._value(frame, op)
        elif kind == "native":
            if cannot_pause(op, frame):
                await self._whole(frame, op)
                return
            frame.ran.discard(frame.pc)
        elif kind == "if" or kind == "unless":
            if bool(await self._value(frame, op)) is (kind == "if"):
                frame.pc = op.target
                return
        elif kind == "jump":
            frame.pc = op.target
            return
        else:
            await getattr(self, _METHODS.get(kind, f"_{kind}"))(frame, op)
            return
        frame.pc += 1

    async def _whole(self, frame: Frame, op: Op) -> None:
        frame.set(ITER, iter)
        try:
            await self._value(frame, op)
            frame.pc = op.target
        except BaseException as error:
            place = place_in(frame.unit.program, op, error, frame.get)
            if place is not None:
                frame.ran = frame.ran - {frame.pc} | place.ran
                frame.blocks += [Block("loop", value=iterator) for iterator in place.iterators]
                frame.pc = place.pc
            raise
        finally:
            frame.unset(ITER)

    def complete(self, value: Any) -> None:
        """Finish the operation at the position, a call, with its value."""
        frame = self.stack[-1]
        frame.set(self.op.name, value)
        frame.pc += 1

    async def _group(self, frame: Frame, op: Op) -> None:
        """A group of tasks that starts them and does nothing else; any other is taken statement by statement."""
        if only_starts_tasks(op, frame):
            await self._value(frame, op)
            frame.pc = op.target
        else:
            frame.ran.discard(frame.pc)
            frame.pc += 1

    async def _show(self, frame: Frame, op: Op) -> None:
        value = await self._value(frame, op)
        if self.display is not None:
            self.display(value)
        frame.pc += 1

    async def _switch(self, frame: Frame, op: Op) -> None:
        chosen = await self._value(frame, op)
        frame.pc = op.targets[chosen] if chosen >= 0 else op.target

    # -- loops

    async def _loop(self, frame: Frame, op: Op) -> None:
        frame.blocks.append(Block("loop"))
        frame.pc += 1

    async def _iterate(self, frame: Frame, op: Op) -> None:
        iterator = iter(await self._value(frame, op))
        frame.blocks.append(Block("loop", value=iterator))
        frame.pc += 1

    async def _aiterate(self, frame: Frame, op: Op) -> None:
        iterator = aiter(await self._value(frame, op))
        frame.blocks.append(Block("loop", value=iterator))
        frame.pc += 1

    async def _next(self, frame: Frame, op: Op) -> None:
        item = next(frame.blocks[-1].value, _END)
        self._check_stopped()
        if item is _END:
            frame.unset(op.name)
            frame.pc = op.target
        else:
            self.complete(item)

    async def _anext(self, frame: Frame, op: Op) -> None:
        try:
            item = await anext(frame.blocks[-1].value)
        except StopAsyncIteration:
            frame.unset(op.name)
            frame.pc = op.target
        else:
            self.complete(item)

    async def _pop(self, frame: Frame, op: Op) -> None:
        frame.blocks.pop()
        frame.pc += 1

    async def _return(self, frame: Frame, op: Op) -> None:
        await self._leave(frame, 0, ("return", await self._value(frame, op)))

    async def _leave_op(self, frame: Frame, op: Op) -> None:
        await self._leave(frame, op.depth, ("jump", frame.pc))

    # -- exceptions

    async def _try(self, frame: Frame, op: Op) -> None:
        frame.blocks.append(Block("try", frame.pc))
        frame.pc += 1

    async def _finally(self, frame: Frame, op: Op) -> None:
        frame.blocks.append(Block("finally", frame.pc))
        frame.pc += 1

    async def _catch(self, frame: Frame, op: Op) -> None:
        error = frame.blocks[-1].exc
        types = await self._value(frame, op)
        matched = _matches(error, types)
        if error is not None and error is self.refused.raised:
            matched = matched and self.refused.handle(types)
            if not matched and _is_bare_handler(frame, op.target):
                await self._raised(error, frame.blocks[-1].origin)
                return
        frame.pc = frame.pc + 1 if matched else op.target

    async def _bind(self, frame: Frame, op: Op) -> None:
        block = frame.blocks[-1]
        block.name = op.name
        frame.set(op.name, block.exc)
        frame.pc += 1

    async def _end_handler(self, frame: Frame, op: Op) -> None:
        self._forget(frame, frame.blocks.pop())
        frame.pc += 1

    async def _reraise(self, frame: Frame, op: Op) -> None:
        block = frame.blocks[-1]
        assert block.exc is not None
        await self._raised(block.exc, block.origin)

    async def _begin_finally(self, frame: Frame, op: Op) -> None:
        frame.blocks[-1] = Block("pending")
        frame.pc += 1

    async def _end_finally(self, frame: Frame, op: Op) -> None:
        block = frame.blocks.pop()
        if block.exc is not None:
            await self._raised(block.exc, block.origin)
        elif block.value is None:
            frame.pc += 1
        else:
            depth = frame.unit.program.ops[int(block.value[1])].depth if jumps(block) else 0
            await self._leave(frame, depth, block.value)

    def _forget(self, frame: Frame, block: Block) -> None:
        if block.name:
            frame.unset(block.name)

    async def _raised(self, error: BaseException, origin: Position | None = None) -> None:
        """Find who handles `error`, frame by frame; raise it if nobody does."""
        stack = self.stack
        trimmed(error)
        explain_missing(error, stack[-1].ns, stack[-1].unit.name)
        if origin is None:
            origin = [(frame, frame.pc, list(frame.blocks)) for frame in stack]
            kinds = {block.kind for frame in stack for block in frame.blocks}
            if "try" not in kinds and kinds & {"finally", "with", "awith"}:
                self.before_unwinding()
        while True:
            frame = stack[-1]
            while frame.blocks:
                block = frame.blocks.pop()
                if block.exc is not None and block.exc is self.refused.raised:
                    error, origin = block.exc, block.origin  # another error must not take its place
                if block.kind == "try":
                    if error is self.refused.raised and _is_bare_handler(frame, frame.target(block)):
                        continue
                    frame.blocks.append(Block("handling", exc=error))
                    frame.blocks[-1].origin = origin
                    frame.pc = frame.target(block)
                    return
                if block.kind == "finally":
                    frame.blocks.append(Block("pending", exc=error))
                    frame.blocks[-1].origin = origin
                    frame.pc = frame.target(block)
                    return
                if block.kind in ("with", "awith"):
                    try:
                        if await self._unwound(block, error) and self._is_suppressed(block, error):
                            frame.pc = frame.target(block)
                            return
                    except BaseException as another:  # noqa: BLE001 - takes the place of the first, as in Python
                        another = self.refused.in_place_of(another)
                        error = error if error is self.refused.raised else trimmed(another)
                self._forget(frame, block)
            if len(stack) == 1:
                self.failed_at = origin
                raise error
            stack.pop()
            called_from(error, stack[-1], getattr(self.op.nodes, "lineno", self.op.line))

    # -- with

    async def _with(self, frame: Frame, op: Op) -> None:
        manager = await self._value(frame, op)
        enter, _ = _protocol(manager, "__enter__", "__exit__")
        entered = enter(manager)
        self._check_stopped()
        frame.blocks.append(Block("with", frame.pc, manager))
        self.complete(entered)

    async def _awith(self, frame: Frame, op: Op) -> None:
        manager = await self._value(frame, op)
        enter, _ = _protocol(manager, "__aenter__", "__aexit__")
        entered = await enter(manager)
        self._check_stopped()
        frame.blocks.append(Block("awith", frame.pc, manager))
        self.complete(entered)

    async def _end_with(self, frame: Frame, op: Op) -> None:
        try:
            await self._exit(frame.blocks[-1], None)
        except BaseException:
            if self.paused is None:
                frame.blocks.pop()
            raise
        frame.blocks.pop()
        frame.pc += 1

    _end_awith = _end_with

    async def _exit(self, block: Block, error: BaseException | None) -> bool:
        suppressed = await self._exited(block, error)
        self._check_stopped()
        return suppressed

    async def _exited(self, block: Block, error: BaseException | None) -> bool:
        manager, cls = block.value, _type_of(block.value)
        about = (type(error), error, error.__traceback__) if error is not None else (None, None, None)
        if block.kind == "awith":
            return bool(await cls.__aexit__(manager, *about))
        if error is None:
            return bool(cls.__exit__(manager, *about))
        kept = error.__traceback__
        try:
            raise error
        except BaseException:  # noqa: BLE001 - what `__exit__` is told
            error.__traceback__ = kept
            return bool(cls.__exit__(manager, *about))

    def _is_suppressed(self, block: Block, error: BaseException) -> bool:
        """Whether the with block that has suppressed an error may do so: a refusal, only if it names it."""
        if error is not self.refused.raised:
            return True
        manager: Any = block.value
        return isinstance(manager, suppress) and self.refused.handle(vars(manager)["_exceptions"])

    async def _unwound(self, block: Block, error: BaseException | None) -> bool:
        self.unwinding = True
        try:
            return await self._exit(block, error)
        finally:
            self.unwinding = False

    # -- leaving blocks

    async def _leave(self, frame: Frame, depth: int, action: tuple[Any, ...]) -> None:
        """Close blocks down to `depth`, running what must run, then jump or return."""
        while len(frame.blocks) > depth:
            block = frame.blocks.pop()
            if block.exc is not None and block.exc is self.refused.raised:
                await self._raised(block.exc, block.origin)  # `return` in a `finally` drops errors, not this one
                return
            if block.kind == "finally":
                frame.blocks.append(Block("pending", value=action))
                frame.pc = frame.target(block)
                return
            if block.kind in ("with", "awith"):
                await self._unwound(block, None)
            self._forget(frame, block)
        if action[0] == "jump":
            frame.pc = frame.unit.program.ops[int(action[1])].target
        elif len(self.stack) == 1:
            self.result = action[1]
            frame.pc = len(frame.unit.program.ops)
        else:
            self._returned(action[1])

    def _returned(self, value: Any) -> None:
        """The innermost call is over: its value completes the operation that made it."""
        self.stack.pop()
        self.complete(value)


def _is_bare_handler(frame: Frame, index: int) -> bool:
    """Whether an operation that an error leads to is in the body of a bare `except:`, and looks at no type."""
    op = frame.unit.program.ops[index]
    return op.kind != "reraise" and op.label[0][-2] != "handlers"


def _matches(error: BaseException | None, types: Any) -> bool:
    """Whether `except types` catches `error`, by Python's own rule (Language Reference 8.4)."""
    if isinstance(types, tuple):
        return any(_matches(error, t) for t in types)  # pyright: ignore[reportUnknownVariableType]
    if not (isinstance(types, type) and issubclass(types, BaseException)):
        problem = TypeError("catching classes that do not inherit from BaseException is not allowed")
        problem.__context__ = error
        raise problem
    return types in type(error).__mro__


def _type_of(value: object) -> Any:
    """The type of a value of the user's; what it has is known when it runs."""
    return type(value)


def _protocol(manager: Any, enter: str, exit_: str) -> tuple[Any, Any]:
    """The two methods, looked up as `with` does, before either is called."""
    cls = _type_of(manager)
    if not hasattr(cls, enter) or not hasattr(cls, exit_):
        kind = "an asynchronous" if enter == "__aenter__" else "the"
        missing = f" (missed {exit_} method)" if hasattr(cls, enter) else ""
        protocol = f"{kind} context manager protocol"
        raise TypeError(f"'{cls.__name__}' object does not support {protocol}{missing}")
    return getattr(cls, enter), getattr(cls, exit_)
