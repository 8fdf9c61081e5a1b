"""`@step`: a function whose result is recorded, so that it is not called again for the same run.

"started" is durable before the call, the result after it. If the process dies in between, nobody can know
whether the email went out: that is an *effect in doubt*, and a person is asked, unless the step is idempotent.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import pickle
import time
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any, Literal, TypeVar, overload

from hitl_nb.agent_api.agents import Definition
from hitl_nb.agent_api.awaitable_calls import AwaitableCall, after_others
from hitl_nb.engine.call_keys.call_keys import Key, check_rule, key_of_call
from hitl_nb.engine.call_keys.keys import identify
from hitl_nb.engine.current_session import current
from hitl_nb.engine.live.steps_under_way import in_step, recorded_calls
from hitl_nb.engine.questions.doubts import call_texts
from hitl_nb.engine.refusals import reason
from hitl_nb.engine.reopening.resources import opening
from hitl_nb.engine.run.session import Session
from hitl_nb.engine.snapshot.pickles.pickler import Pickler, Unpickler, resolve
from hitl_nb.engine.snapshot.pickles.saved_code import load_units, units_of
from hitl_nb.engine.snapshot.signing import seal, unseal
from hitl_nb.errors import HitlError, NotInAgent
from hitl_nb.records import Step

F = TypeVar("F", bound=Callable[..., Any])
_PLAIN = (type(None), bool, int, float, str, bytes)
"""Results that hold nothing that is pickled in a way of ours."""
_key: ContextVar[str | None] = ContextVar("hitl_nb_idempotency_key", default=None)


def idempotency_key() -> str:
    """Inside a step: a key that is the same on every try of this call, for a service that accepts one.

    Raises:
        NotInAgent: not inside a step of a run.
    """
    key = _key.get()
    if key is None:
        raise NotInAgent("idempotency_key() was called outside a @hitl.step of a running agent")
    return key


class StepFunction(Definition):
    """What `@step` returns. Outside a run it is just the function."""

    records_calls = True
    key: Key | Callable[..., Any] | None = None

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        idempotent: bool = False,
        retries: int = 0,
        key: Key | Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(function)
        check_rule(key, f"the step {self.__qualname__}()")
        self.key = key
        self.idempotent = idempotent
        self.retries = retries

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        session = current()
        if session is None or in_step.get() is not None:
            return self.function(*args, **kwargs)
        exact = opening() is None and session.live.begin_call(self)
        made, own = opening(), self._key_of(args, kwargs)
        name = self.__qualname__
        key = made.step_key(name) if made else session.position_of_step(name, own, (args, kwargs))
        call = StepCall(self, session, key, args, kwargs)
        if inspect.iscoroutinefunction(self.function):
            return StepAwaitable(self, key, args, kwargs, exact=exact)
        return call.made(exact)

    def _key_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Key | None:
        if self.key is None:
            return None
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        return key_of_call(self.key, bound, f"the step {self.__qualname__}()")


class StepAwaitable(AwaitableCall):
    """A call of an async step: its place in the record is that where it was made, whenever it is awaited.

    Args:
        exact: it was made where the run continues behind it; None: in another process.
    """

    def __init__(
        self, step: StepFunction, key: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, exact: bool | None = None
    ) -> None:
        super().__init__(step.function, f"the step {step.__qualname__}()")
        self.step = step
        self.key = key
        self.args, self.kwargs = args, kwargs
        self.exact = exact

    def __reduce__(self) -> Any:
        return StepAwaitable, (self.step, self.key, self.args, self.kwargs)

    def begin(self, session: Session, *, as_task: bool) -> Any:
        call = StepCall(self.step, session, self.key, self.args, self.kwargs)
        call.is_older = self.is_older(session)
        if call.is_older:
            session.live.keys.end_restored(self.key)
            return after_others(lambda: call.awaited(False)).__await__()
        return call.awaited(bool(self.exact) and not as_task).__await__()


class StepCall:
    """One call of a step in a run."""

    kind = "step"
    is_older = False
    """Whether the call was made before the position of the run: its record may be, too."""

    def __init__(
        self, step: StepFunction, session: Session, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.step = step
        self.session = session
        self.key = key
        self.args = args
        self.kwargs = kwargs

    def made(self, exact: bool) -> Any:
        done, value = self._recorded(exact)
        if done:
            return value
        try:
            result = self._run()
        finally:
            self.session.under_way.end(self.under_way)
        self.session.check_not_paused()
        return result

    async def awaited(self, exact: bool) -> Any:
        done, value = self._recorded(exact)
        if done:
            return value
        session = self.session
        result = await session.under_way.run(self.under_way, self._tried(), lambda: session.live.paused is not None)
        session.check_not_paused()
        return result

    async def _tried(self) -> Any:
        for attempt in range(self.step.retries + 1):
            try:
                with self._recording(), self.enter_call():
                    result = await self.step.function(*self.args, **self.kwargs)
            except Exception as error:
                if attempt == self.step.retries:
                    self._failed(error)
                    raise
            else:
                return self._finished(result)
            import anyio

            await anyio.sleep(_backoff(attempt))
        raise AssertionError

    def _run(self) -> Any:
        for attempt in range(self.step.retries + 1):
            try:
                with self._recording(), self.enter_call():
                    result = self.step.function(*self.args, **self.kwargs)
            except Exception as error:
                if attempt == self.step.retries:
                    self._failed(error)
                    raise
            else:
                return self._finished(result)
            time.sleep(_backoff(attempt))
        raise AssertionError

    def _recorded(self, exact: bool) -> tuple[bool, Any]:
        """Whether this call was made before, and what came of it."""
        session = self.session
        session.check_going()
        known = session.known.get(identify(self.key))
        if known is None and (self.is_older or opening()):
            known = self._recorded_before()
        if known is None:
            self._begin(exact)
            return False, None
        self.key = known.key
        if known.status == "done":
            return True, self._load(known)
        if known.status == "failed":
            raise self._load(known)
        if not self.step.idempotent and session.doubts.is_in_doubt(known):
            settled = session.doubts.settled_effect(known)
            if settled.happened:
                return True, settled.result
        self._begin(exact, again=True)
        return False, None

    def _begin(self, exact: bool, *, again: bool = False) -> None:
        """Record that the call is about to be made."""
        session = self.session
        self.under_way = session.begin_step(self._name)
        try:
            if again:
                self.record = session.ledger.retry_step(session.claim, self.key, pauses=self._pauses)
            else:
                call, arguments = call_texts(self.step.function, self.args, self.kwargs)
                self.record = session.ledger.start_step(
                    *(session.claim, self.key, self._name),
                    snapshot=session.saves.make_if_cheap() if exact else None,
                    call=call,
                    arguments=arguments,
                    module=self.step.__module__,
                    idempotent=self.step.idempotent,
                    pauses=self._pauses,
                )
        except BaseException:
            session.under_way.end(self.under_way)
            raise

    def _recorded_before(self) -> Step | None:
        """The record of a call that lies before the position."""
        if self.is_older:
            return self.session.earlier_steps.get(identify(self.key))
        ledger, run = self.session.ledger, self.session.run_record.id
        return next((s for s in ledger.steps(run, start=self.key) if s.key == self.key), None)

    @property
    def _name(self) -> str:
        return self.step.__qualname__

    @property
    def _pauses(self) -> int | None:
        """See `Step.pauses`: a step cannot ask."""
        return None

    def _place(self, step: Step) -> str:
        """What a result's signature is bound to: this call, and which try of it."""
        return f"step/{self.session.ledger.store_id}/{self.session.run_record.id}/{self.key}/{step.tries}"

    @contextlib.contextmanager
    def _recording(self) -> Generator[None]:
        """While the function is called. Raises the refusal of a question that it swallowed: that is no result."""
        token = recorded_calls.set((*recorded_calls.get(), self))
        try:
            yield
        finally:
            recorded_calls.reset(token)
        self.session.live.refused.check(self)

    @contextlib.contextmanager
    def enter_call(self) -> Generator[None]:
        """While the function is called."""
        key, inside = _key.set(self.record.idempotency_key), in_step.set(self._name)
        try:
            yield
        finally:
            _key.reset(key)
            in_step.reset(inside)

    def _finished(self, result: Any) -> Any:
        self._record_end(self._dump(result), "done")
        return result

    def _failed(self, error: Exception) -> None:
        try:
            result = self._dump(error)
        except HitlError:
            result = self._dump(RuntimeError(f"{type(error).__name__}: {error}"))
        self._record_end(result, "failed")

    def _record_end(self, result: bytes, status: Literal["done", "failed"]) -> None:
        session = self.session
        session.ledger.finish_step(session.claim, self.key, result=result, status=status, started=self.record)

    def _dump(self, value: Any) -> bytes:
        if type(value) in _PLAIN:
            return seal(self._place(self.record), {}, pickle.dumps(value, protocol=5))
        file = io.BytesIO()
        pickler = Pickler(file, self.session.saver.ns, inline=True)
        try:
            pickler.dump(value)  # pyright: ignore[reportUnknownMemberType]  # cloudpickle is untyped
        except Exception as error:  # whatever a user's __reduce__ raises
            raise HitlError(
                f"the result of the {self.kind} {self._name}() (a {type(value).__name__}) cannot be recorded "
                f"({reason(error)}); return plain data from it"
            ) from error
        units = units_of(pickler)
        return seal(self._place(self.record), {"units": units} if units else {}, file.getvalue())

    def _load(self, step: Step) -> Any:
        ns = self.session.saver.ns
        header, body = unseal(self._place(step), step.result or b"")
        load_units(header.get("units", ()))
        return Unpickler(body, lambda pid: ns if pid[0] == "ns" else resolve(pid[1], ns)).load()


def _backoff(attempt: int) -> float:
    return min(0.1 * 2**attempt, 5.0)


@overload
def step(function: F, /) -> F: ...
@overload
def step(
    *, idempotent: bool = False, retries: int = 0, key: Key | Callable[..., Any] | None = None
) -> Callable[[F], F]: ...
def step(
    function: Any = None,
    /,
    *,
    idempotent: bool = False,
    retries: int = 0,
    key: Key | Callable[..., Any] | None = None,
) -> Any:
    """Record the result of a function, sync or async: for one run, each call of it is made once.

    Args:
        idempotent: calling it again does no harm (it uses `idempotency_key()`, or only reads), so after a crash in
            the middle it is called again without asking.
        retries: how often to try again when it raises an Exception, with growing pauses.
        key: a str or int, or a function of the call's arguments that returns one, that a call is known by in a
            statement of the agent, in place of its number in the order of calls: for steps that run side by side. Two
            calls of one statement with the same key and other arguments raise ValueError.
    """
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"retries must be an int >= 0, not {retries!r}")
    if function is None:
        return functools.partial(StepFunction, idempotent=idempotent, retries=retries, key=key)
    if not callable(function):
        raise TypeError(f"@hitl.step goes on a function, not on {type(function).__name__}")
    return StepFunction(function, idempotent=idempotent, retries=retries, key=key)
