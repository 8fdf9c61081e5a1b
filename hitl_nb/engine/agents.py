"""`@agent`: a function whose body resumes exactly, like an agent cell.

Called from exact code (an agent cell, another agent) it becomes a frame of the same machine. Called from
anywhere else inside a run it is opaque: it runs natively. `agent.run(...)` starts a run of its own.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, cast

from .awaitablecalls import AWAITED_FROM, AwaitableCall
from .machine import Enter
from .session import Session, current
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
        if session is not None:
            exact = session.machine.is_exact(self)
            if asynchronous and (exact or session.machine.is_inside()):
                return AgentCall(self, args, kwargs, exact)
            if exact:
                raise Enter(self.frame(args, kwargs))
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


class AgentCall(AwaitableCall):
    """A call of an async agent that the code of an operation has made.

    Args:
        agent, args, kwargs: the call.
        exact: the operation makes it itself. In a comprehension it is code that is made again.
    """

    def __init__(self, agent: Agent, args: tuple[Any, ...], kwargs: dict[str, Any], exact: bool) -> None:
        super().__init__(agent.function, f"the agent {agent.__qualname__}()")
        self._made = agent, args, kwargs, exact
        self._frame: Frame | None = agent.frame(args, kwargs)  # arguments that do not fit are an error now

    def __reduce__(self) -> Any:
        return AgentCall, self._made

    def begin(self, session: Session, *, as_task: bool) -> Any:
        machine, (agent, args, kwargs, exact) = session.machine, self._made
        awaited_alone = not as_task and isinstance(machine.op.nodes, ast.Await) and machine.is_direct(AWAITED_FROM)
        if awaited_alone or machine.is_exact(agent, AWAITED_FROM):
            frame, self._frame = self._frame, None
            raise Enter(frame or agent.frame(args, kwargs))
        if as_task or exact:
            session.refuse(
                f"the async agent {agent.__qualname__}() runs in a task or under other code, and the run could not "
                "continue inside of it: await it in a statement of the agent that calls it, one call after the other, "
                "or ask all questions first, with hitl.checkpoint_all([hitl.proposal(...) for ...])"
            )
        return agent.function(*args, **kwargs).__await__()


def agent(function: Callable[..., Any]) -> Agent:
    """Mark a function whose body resumes exactly. It may be sync or async, a method, recursive; not a generator.

    Raises:
        TypeError, HitlError: not a function made with `def`, a generator, or its source is not available.
    """
    return Agent(function)
