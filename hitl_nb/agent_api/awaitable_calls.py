"""Calls of async gated tools and agents that are made and not awaited yet.

Such a call is data until it is awaited, so it is saved like other data, in a list or a variable too: `gather(*[send(i)
for i in items])` is made again from those very calls. For asyncio it is a coroutine: it may be a task.
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
    """Await what was under way when the run was saved: as then, what has its turn meanwhile takes it first."""
    from anyio.lowlevel import checkpoint

    await checkpoint()
    return await work()


class AwaitableCall(Coroutine[Any, Any, Any]):
    """One call. It begins when it is awaited, once in each try of its run: the code around it may be made again.

    Args:
        function: the user's function.
        what: names the call in messages.
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
        """The user's code, as a coroutine has it: who started a task, and its name in messages, are read from it."""
        return getattr(inspect.unwrap(self._function), "__code__", None)

    @abstractmethod
    def begin(self, session: Session, *, as_task: bool) -> Generator[Any, Any, Any]:
        """What runs the call: as a task, or for the code that awaits it."""

    def is_older(self, session: Session) -> bool:
        """Whether the call was made before the position at which this session began."""
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
        if self._work is None or self._begun_in is None or self._begun_in() is not require_session(self._what):
            self._work = self._run_in_session(as_task=True)
        return self._work.send(value)

    def throw(self, typ: Any, val: Any = None, tb: TracebackType | None = None, /) -> Any:
        if self._work is not None:
            return self._work.throw(typ) if val is None and tb is None else self._work.throw(typ, val, tb)
        self._begun_in = ref(require_session(self._what))
        error = typ if isinstance(typ, BaseException) else (val if isinstance(val, BaseException) else typ())
        raise error.with_traceback(tb) if tb is not None else error

    def close(self) -> None:
        if self._work is not None:
            self._work.close()
