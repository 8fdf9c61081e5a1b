"""`@step`: a function whose result is recorded, so that a call is made only once in a run.

"started" is durable before the call, and the result after it. If the process dies in between, it is unknown whether,
for example, the email was sent. That is an *effect in doubt*: a person is asked, unless the step is idempotent.
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
from hitl_nb.agent_api.awaitable_calls import AwaitableCall, await_after_others
from hitl_nb.engine.call_keys.call_keys import Key, check_rule, make_call_key
from hitl_nb.engine.call_keys.keys import identify_call
from hitl_nb.engine.current_session import current_session
from hitl_nb.engine.live.steps_under_way import in_step, recorded_calls
from hitl_nb.engine.questions.doubts import describe_call
from hitl_nb.engine.refusals import format_reason
from hitl_nb.engine.reopening.resources import current_factory_call
from hitl_nb.engine.run.session import Session
from hitl_nb.engine.snapshot.pickles.defined_names import resolve_name
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.pickles.saved_code import describe_units, load_units
from hitl_nb.engine.snapshot.signing import seal, unseal
from hitl_nb.engine.snapshot.unpickler import Unpickler
from hitl_nb.errors import HitlError, NotInAgent
from hitl_nb.records import Step

F = TypeVar("F", bound=Callable[..., Any])
_PLAIN = (type(None), bool, int, float, str, bytes)
"""Types of results that standard pickle writes. Other results need the package's own pickler."""
_idempotency_key: ContextVar[str | None] = ContextVar("hitl_nb_idempotency_key", default=None)


def idempotency_key() -> str:
    """Return a key for the current call of a step. The key is the same on every try of this call.

    Pass it to a service that accepts idempotency keys.

    Raises:
        NotInAgent: The caller is not inside a step of a run.
    """
    key = _idempotency_key.get()
    if key is None:
        raise NotInAgent("idempotency_key() was called outside a @hitl.step of a running agent")
    return key


class StepFunction(Definition):
    """The object that `@step` returns. Called outside a run, it calls the function and records nothing.

    Attributes:
        key, idempotent, retries: The arguments of `step`.
    """

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
        """Call the function and record its result; or return the recorded result if this call was made before.

        Returns:
            The result; for an async function, an awaitable of it.
        """
        session = current_session()
        if session is None or in_step.get() is not None:
            return self.function(*args, **kwargs)
        exact = current_factory_call() is None and session.live.begin_call(self)
        made, own = current_factory_call(), self._make_key(args, kwargs)
        name = self.__qualname__
        key = made.make_step_key(name) if made else session.name_step_call(name, own, (args, kwargs))
        call = StepCall(self, session, key, args, kwargs)
        if inspect.iscoroutinefunction(self.function):
            return StepAwaitable(self, key, args, kwargs, exact=exact)
        return call.call_sync(exact)

    def _make_key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Key | None:
        if self.key is None:
            return None
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        return make_call_key(self.key, bound, f"the step {self.__qualname__}()")


class StepAwaitable(AwaitableCall):
    """A call of an async step, as an object that can be awaited and saved.

    The record names the position in the code where the step was called, not where this object is awaited.

    Args:
        step: The step.
        key: Name of the call in the record.
        args: Positional arguments.
        kwargs: Keyword arguments.
        exact: True if the code that makes the call is never executed again. None: the call was made in another
            process.
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
        """Execute the call, or return its recorded result.

        Args:
            session: The session, which executes the run in this process.
            as_task: True if asyncio drives the call as a task; False if other code awaits the call.

        Returns:
            The iterator that `await` uses. Its result is the result of the step.
        """
        call = StepCall(self.step, session, self.key, self.args, self.kwargs)
        call.is_older = self.is_older(session)
        if call.is_older:
            session.live.keys.end_restored_execution(self.key)
            return await_after_others(lambda: call.call_async(False)).__await__()
        return call.call_async(bool(self.exact) and not as_task).__await__()


class StepCall:
    """One call of a step in a run. It uses the recorded result, or calls the function and records its result.

    Args:
        step: The step.
        session: The session, which executes the run in this process.
        key: Name of the call in the record.
        args: Positional arguments.
        kwargs: Keyword arguments.
    """

    kind = "step"
    is_older = False
    """True if the call was made before the run's current position. Its record may then be older, too."""

    def __init__(
        self, step: StepFunction, session: Session, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.step = step
        self.session = session
        self.key = key
        self.args = args
        self.kwargs = kwargs

    def call_sync(self, exact: bool) -> Any:
        """Return the recorded result, or call the sync function and record its result.

        Args:
            exact: True if the code that makes the call is never executed again.

        Raises:
            Paused: The run has paused during the call.
            Exception: The function raised it, now or when its error was recorded.
        """
        done, value = self._use_record(exact)
        if done:
            return value
        try:
            result = self._run_sync()
        finally:
            self.session.under_way.end_step(self.under_way)
        self.session.check_not_paused()
        return result

    async def call_async(self, exact: bool) -> Any:
        """Return the recorded result, or await the async function and record its result.

        Args:
            exact: True if the code that makes the call is never executed again.

        Raises:
            Paused: The run has paused during the call.
            Exception: The function raised it, now or when its error was recorded.
        """
        done, value = self._use_record(exact)
        if done:
            return value
        session = self.session
        result = await session.under_way.run_step(
            self.under_way, self._run_async(), lambda: session.live.paused is not None
        )
        session.check_not_paused()
        return result

    async def _run_async(self) -> Any:
        for attempt in range(self.step.retries + 1):
            try:
                with self._track_recorded_call(), self.enter_call():
                    result = await self.step.function(*self.args, **self.kwargs)
            except Exception as error:
                if attempt == self.step.retries:
                    self._record_error(error)
                    raise
            else:
                return self._record_result(result)
            import anyio

            await anyio.sleep(_backoff_seconds(attempt))
        raise AssertionError

    def _run_sync(self) -> Any:
        for attempt in range(self.step.retries + 1):
            try:
                with self._track_recorded_call(), self.enter_call():
                    result = self.step.function(*self.args, **self.kwargs)
            except Exception as error:
                if attempt == self.step.retries:
                    self._record_error(error)
                    raise
            else:
                return self._record_result(result)
            time.sleep(_backoff_seconds(attempt))
        raise AssertionError

    def _use_record(self, exact: bool) -> tuple[bool, Any]:
        """Look for the record of this call. If the call must be made now, its start is recorded.

        Returns:
            (True, the result) if the call was made before; (False, None) if it must be made now.

        Raises:
            Exception: The recorded error of the call.
            Paused: Nobody knows whether an earlier try took effect, so people have to be asked.
        """
        session = self.session
        session.check_going()
        known = session.known_steps.get(identify_call(self.key))
        if known is None and (self.is_older or current_factory_call()):
            known = self._find_earlier_record()
        if known is None:
            self._record_start(exact)
            return False, None
        self.key = known.key
        if known.status == "done":
            return True, self._load_result(known)
        if known.status == "failed":
            raise self._load_result(known)
        if not self.step.idempotent and session.doubts.is_in_doubt(known):
            settled = session.doubts.find_effect_answer(known)
            if settled.took_effect:
                return True, settled.result
        self._record_start(exact, again=True)
        return False, None

    def _record_start(self, exact: bool, *, again: bool = False) -> None:
        """Record durably that the call is about to be made.

        Args:
            exact: True if the code that makes the call is never executed again. A snapshot may then be stored, too.
            again: True if this is another try of a recorded call.
        """
        session = self.session
        self.under_way = session.begin_step(self._name)
        try:
            if again:
                self.record = session.ledger.steps.retry(session.claim, self.key, pauses=self._pauses)
            else:
                call, arguments = describe_call(self.step.function, self.args, self.kwargs)
                self.record = session.ledger.steps.start(
                    *(session.claim, self.key, self._name),
                    snapshot=session.saves.make_if_cheap() if exact else None,
                    call=call,
                    arguments=arguments,
                    module=self.step.__module__,
                    idempotent=self.step.idempotent,
                    pauses=self._pauses,
                )
        except BaseException:
            session.under_way.end_step(self.under_way)
            raise

    def _find_earlier_record(self) -> Step | None:
        """Return the record of this call if the call was made before the run's saved position; otherwise None."""
        if self.is_older:
            return self.session.earlier_steps.get(identify_call(self.key))
        ledger, run = self.session.ledger, self.session.run_record.id
        return next((s for s in ledger.steps.list_of_run(run, start=self.key) if s.key == self.key), None)

    @property
    def _name(self) -> str:
        return self.step.__qualname__

    @property
    def _pauses(self) -> int | None:
        """Number of pauses of the run when the call starts, to be recorded. None for a step, which cannot pause."""
        return None

    def _make_place(self, step: Step) -> str:
        """Return the text for which a recorded result is signed, so that it is not valid for another call.

        The text names the store, the run, this call, and the number of the try.
        """
        return f"step/{self.session.ledger.store_id}/{self.session.run_record.id}/{self.key}/{step.tries}"

    @contextlib.contextmanager
    def _track_recorded_call(self) -> Generator[None]:
        """Add this call to the context variable `recorded_calls` inside the `with` block, while the function runs.

        Raises:
            CannotPause: The function asked a question, which was refused, and caught that error. Its result is not
                valid.
        """
        token = recorded_calls.set((*recorded_calls.get(), self))
        try:
            yield
        finally:
            recorded_calls.reset(token)
        self.session.live.refused.raise_swallowed(self)

    @contextlib.contextmanager
    def enter_call(self) -> Generator[None]:
        """Set the idempotency key and the name of the current step inside the `with` block, while the function runs."""
        key, inside = _idempotency_key.set(self.record.idempotency_key), in_step.set(self._name)
        try:
            yield
        finally:
            _idempotency_key.reset(key)
            in_step.reset(inside)

    def _record_result(self, result: Any) -> Any:
        self._record_end(self._seal_value(result), "done")
        return result

    def _record_error(self, error: Exception) -> None:
        try:
            result = self._seal_value(error)
        except HitlError:
            result = self._seal_value(RuntimeError(f"{type(error).__name__}: {error}"))
        self._record_end(result, "failed")

    def _record_end(self, result: bytes, status: Literal["done", "failed"]) -> None:
        session = self.session
        session.ledger.steps.finish(session.claim, self.key, result=result, status=status, started=self.record)

    def _seal_value(self, value: Any) -> bytes:
        if type(value) in _PLAIN:
            return seal(self._make_place(self.record), {}, pickle.dumps(value, protocol=5))
        file = io.BytesIO()
        pickler = Pickler(file, self.session.saver.ns, inline=True)
        try:
            pickler.dump(value)  # cloudpickle is untyped
        except Exception as error:  # a user's __reduce__ may raise any exception
            raise HitlError(
                f"the result of the {self.kind} {self._name}() (a {type(value).__name__}) cannot be recorded "
                f"({format_reason(error)}); return plain data from it"
            ) from error
        units = describe_units(pickler)
        return seal(self._make_place(self.record), {"units": units} if units else {}, file.getvalue())

    def _load_result(self, step: Step) -> Any:
        ns = self.session.saver.ns
        header, body = unseal(self._make_place(step), step.result or b"")
        load_units(header.get("units", ()))
        return Unpickler(body, lambda pid: ns if pid[0] == "ns" else resolve_name(pid[1], ns)).load()


def _backoff_seconds(attempt: int) -> float:
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
    """Record the result of a sync or async function, so that each call of it is made once per run.

    Args:
        function: The function.
        idempotent: Whether a repeated call does no harm, because it uses `idempotency_key()` or only reads. After a
            crash during the call, such a step is called again without asking.
        retries: How often to try again when the function raises an Exception. The waits between tries grow, up to 5 s.
        key: A str or int that identifies the call within its statement, or a function of the arguments that returns
            one. None: its number in the order of calls. Use a key for steps that run side by side. Two calls of one
            statement with the same key and different arguments raise ValueError.

    Returns:
        The function, wrapped as a `StepFunction`.

    Raises:
        ValueError: `retries` is no int >= 0.
        TypeError: `function` is not callable.
    """
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise ValueError(f"retries must be an int >= 0, not {retries!r}")
    if function is None:
        return functools.partial(StepFunction, idempotent=idempotent, retries=retries, key=key)
    if not callable(function):
        raise TypeError(f"@hitl.step must decorate a function, not an object of type {type(function).__name__}")
    return StepFunction(function, idempotent=idempotent, retries=retries, key=key)
