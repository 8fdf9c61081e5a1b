"""`@agent`: a function whose body resumes exactly, like an agent cell.

Called from exact code (an agent cell, another agent) it becomes a frame of the same machine. Called from
anywhere else inside a run it is opaque: it runs natively. `agent.run(...)` starts a run of its own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, cast

from .machine import Enter
from .session import current
from .stack import Frame
from .units import FunctionUnit, source_of

if TYPE_CHECKING:
    from .outside import AgentRun


class Definition:
    """Base of what decorators make of a function: pickled by name where the notebook or a module defines it."""

    __hitl_definition__ = True
    records_calls = False
    """Whether calls are recorded, so that code which makes them again does them no harm."""
    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(cast(Any, self), function)
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, recorded or reviewed as the decorator says."""
        return self.function(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.__qualname__}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        from .pickling import importable

        return importable(self) or super().__reduce_ex__(protocol)


class Agent(Definition):
    """What `@agent` returns."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if not isinstance(function, FunctionType):
            raise TypeError(f"@hitl.agent goes on a function made with def, not on {type(function).__name__}")
        super().__init__(function)
        self.source = source_of(function)
        self.unit = FunctionUnit(function, self, self.source)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "unit"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.unit = FunctionUnit(self.function, self, self.source)  # type: ignore[arg-type]  # checked when it was made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        session = current()
        asynchronous = inspect.iscoroutinefunction(self.function)
        if session is not None and session.machine.is_exact(self):
            frame = self.frame(args, kwargs)
            if not asynchronous:
                raise Enter(frame)
            return _Awaited(frame, session)
        return self.function(*args, **kwargs)

    def frame(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Frame:
        """A new activation. Raises TypeError for arguments that do not fit."""
        return Frame(self.unit, self.function.__globals__, self.unit.bind(args, kwargs))

    async def run(self, *args: Any, key: str | None = None, **kwargs: Any) -> AgentRun:
        """Start a run of this agent, or go on with the one that has this `key`.

        Returns its state: `.status` "finished" with `.result`, or "waiting" with the proposals it waits for in `.open`.
        Raises what the agent raises, and RunClaimed if another process runs it.
        """
        from .outside import run_agent

        return await run_agent(self, args, kwargs, key)


class _Awaited:
    """A call of an async agent that exact code is about to await."""

    def __init__(self, frame: Frame, session: Any) -> None:
        self.frame = frame
        self.session = session

    def __await__(self) -> Any:
        unit = self.frame.unit
        assert isinstance(unit, FunctionUnit)
        if self.session.machine.is_exact(unit.agent):
            raise Enter(self.frame)
        raise RuntimeError(f"the async agent {unit.name}() must be awaited in the statement that calls it")


def agent(function: Callable[..., Any]) -> Agent:
    """Mark a function whose body resumes exactly. It may be sync or async, a method, recursive; not a generator.

    Raises:
        TypeError, HitlError: not a function made with `def`, a generator, or its source is not available.
    """
    return Agent(function)
