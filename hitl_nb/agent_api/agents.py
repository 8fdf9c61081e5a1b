"""`@agent`: marks a function that can be resumed exactly where it paused, and that can be started as a run of its own.

Functions of a notebook resume exactly without the mark; functions of modules and scripts need it. `agent.run(...)`
starts a run.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, cast

from hitl_nb.engine.instrument import InstrumentationError, instrument_function
from hitl_nb.engine.position.frames.lookup import register_passthrough
from hitl_nb.errors import HitlError

if TYPE_CHECKING:
    from hitl_nb.agent_api.outside_runs import AgentRun


_LIKE_FUNCTIONS = ("__code__", "__defaults__", "__kwdefaults__")


class Definition:
    """Base class of the objects that decorators such as `@gate` and `@step` return for a function.

    An object that the notebook or a module defines is saved by its name, not by its content.

    Attributes:
        function: The decorated function.
    """

    __hitl_definition__ = True
    records_calls = False
    """Whether the results of calls are recorded. Code that is executed again then gets the recorded results."""
    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(cast(Any, self), function)
        self.function = function
        if inspect.iscoroutinefunction(function):
            mark_coroutine_function(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function. Subclasses override this method: they record the call, or let people review it first."""
        return self.function(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        # Before Python 3.12, `inspect` reads the code's flags to see if an object is a coroutine function.
        if name in _LIKE_FUNCTIONS:
            function = vars(self).get("function")
            if inspect.iscoroutinefunction(function):
                return getattr(inspect.unwrap(function), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.__qualname__}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        from hitl_nb.engine.snapshot.pickles.defined_names import find_importable_name

        return find_importable_name(self) or super().__reduce_ex__(protocol)


class Agent(Definition):
    """The object that `@agent` returns: it can be called like the function, and has the method `run()`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if not isinstance(function, FunctionType):
            raise TypeError(
                f"@hitl.agent must decorate a function made with def, not an object of type {type(function).__name__}"
            )
        if inspect.isgeneratorfunction(function):
            raise HitlError(f"@hitl.agent cannot run the generator {function.__qualname__}; return a list instead")
        try:
            function.__code__ = instrument_function(function)
        except InstrumentationError as problem:
            raise HitlError(f"@hitl.agent cannot resume here: {problem}") from None
        super().__init__(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function inside the current run. No new run is started; `run` does that."""
        return self.function(*args, **kwargs)

    async def run(self, *args: Any, key: str | None = None, **kwargs: Any) -> AgentRun:
        """Start a run of this agent, or continue the run that has this `key`.

        Args:
            *args: Positional arguments of the function.
            key: Name of the run, unique for this agent. None: a random key, found in the result.
            **kwargs: Keyword arguments of the function.

        Returns:
            State of the run. `.status` is "finished", with `.result`, or "waiting", with the open proposals in `.open`.

        Raises:
            RunClaimed: Another process executes this run.
            ValueError: `key` is empty or no str.
            Exception: The agent's code raised it.
        """
        from hitl_nb.agent_api.outside_runs import run_agent

        return await run_agent(self, args, kwargs, key)


register_passthrough(Agent, Agent.__call__.__code__, lambda called: called.function)


def mark_coroutine_function(called: Any) -> None:
    """Mark an object so that `inspect` and `asyncio` accept it as a coroutine function."""
    mark: Any = getattr(inspect, "markcoroutinefunction", None)  # since Python 3.12
    if mark is not None:
        mark(called)
    called._is_coroutine = cast("Any", asyncio.coroutines)._is_coroutine


def agent(function: Callable[..., Any]) -> Agent:
    """Make a function resume exactly at its last question, also in a module or script, and add `.run(...)`.

    Functions of a notebook resume exactly without this decorator.

    Args:
        function: A function made with `def` or `async def`. It may be a method, and may call itself. Generators are
            refused.

    Returns:
        The function, wrapped as an `Agent`.

    Raises:
        TypeError: `function` was not made with `def`.
        HitlError: It is a generator, or its source is not available.
    """
    return Agent(function)
