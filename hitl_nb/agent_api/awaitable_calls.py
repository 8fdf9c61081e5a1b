"""Awaitable objects for calls of async gated tools, agents and steps that are not awaited yet.

Such an object is data until it is awaited. It is saved like other data, also inside a list or a variable, so that
`gather(*[send(i) for i in items])` is repeated with the same calls. For asyncio it is a coroutine, so it can be a task.
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any
from weakref import ref

from hitl_nb.engine.current_session import current_session, require_session

if TYPE_CHECKING:
    from hitl_nb.engine.run.session import Session


async def await_after_others(work: Callable[[], Awaitable[Any]]) -> Any:
    """Await work that was in progress when the run was saved, after other tasks of the event loop.

    First the event loop gets one turn. So tasks that are ready run before this work, as before the pause.

    Args:
        work: Returns the awaitable.

    Returns:
        The result of the awaitable.
    """
    from anyio.lowlevel import checkpoint

    await checkpoint()
    return await work()


class AwaitableCall(Coroutine[Any, Any, Any]):
    """One call of an async function, as an object that can be awaited and saved.

    The function starts when the object is awaited. In each process that executes the run, it can be awaited once. After
    a resume it can be awaited again, because the code around it may be executed again.

    Args:
        function: The user's function.
        what: Name of the call in messages.
    """

    __hitl_call__ = True

    def __init__(self, function: Callable[..., Any], what: str) -> None:
        self.__name__: str = function.__name__
        self.__qualname__: str = function.__qualname__
        self._function = function
        self._what = what
        session = current_session()
        self._made_in = None if session is None else ref(session)
        self._begun_in: ref[Session] | None = None
        self._work: Generator[Any, Any, Any] | None = None

    @property
    def cr_code(self) -> CodeType | None:
        """Code object of the user's function; None if it has none.

        asyncio and debuggers read a coroutine's name and line from it.
        """
        return getattr(inspect.unwrap(self._function), "__code__", None)

    @abstractmethod
    def begin(self, session: Session, *, as_task: bool) -> Generator[Any, Any, Any]:
        """Return a generator that executes the call when it is iterated, as `__await__` does.

        Args:
            session: The session, which executes the run in this process.
            as_task: True if asyncio drives the call as a task; False if other code awaits the call.
        """

    def is_older(self, session: Session) -> bool:
        """Return whether this object comes from the run's saved state, and was not made in this process.

        Args:
            session: The session, which executes the run in this process.
        """
        return self._made_in is None or self._made_in() is not session

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._run_in_session(as_task=False)

    def _run_in_session(self, *, as_task: bool) -> Generator[Any, Any, Any]:
        session = require_session(self._what)
        if self._begun_in is not None and self._begun_in() is session:
            raise RuntimeError(f"cannot reuse already awaited call of {self.__qualname__}()")
        self._begun_in = ref(session)
        return self.begin(session, as_task=as_task)

    def send(self, value: Any, /) -> Any:
        """Start or continue the call as a task, as `coroutine.send` does. Return the object that the call yields."""
        if self._work is None or self._begun_in is None or self._begun_in() is not require_session(self._what):
            self._work = self._run_in_session(as_task=True)
        return self._work.send(value)

    def throw(self, typ: Any, val: Any = None, tb: TracebackType | None = None, /) -> Any:
        """Raise an exception at the position where the call waits, as `coroutine.throw` does.

        If the call has not started, this method raises the exception, and the call can never start.
        """
        if self._work is not None:
            return self._work.throw(typ) if val is None and tb is None else self._work.throw(typ, val, tb)
        self._begun_in = ref(require_session(self._what))
        error = typ if isinstance(typ, BaseException) else (val if isinstance(val, BaseException) else typ())
        raise error.with_traceback(tb) if tb is not None else error

    def close(self) -> None:
        """End the call without a result, as `coroutine.close` does."""
        if self._work is not None:
            self._work.close()
