"""Checks of calls with a `key=` argument: within one execution of a statement, a key must name one call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hitl_nb.engine.call_keys.call_keys import Key, inside_call
from hitl_nb.engine.call_keys.call_scopes import find_scope
from hitl_nb.engine.call_keys.fingerprints import Fingerprint
from hitl_nb.engine.call_keys.keys import Execution


class KeyedCalls:
    """The calls with a `key=` argument that one execution of a statement has made.

    Two such calls with the same key would be distinguished by their order only. If they were made again in another
    order, one call would get the recorded result of the other. So they are refused.
    """

    def __init__(self) -> None:
        self._execution: Execution | None = None
        self._tasks: dict[tuple[str, Key], asyncio.Task[Any]] = {}
        self._arguments: dict[tuple[str, Key], str] = {}

    def begin_execution(self, execution: Execution | None) -> None:
        """Set the execution of a statement in which the next calls are made.

        If it is another execution than before, the earlier calls are forgotten. None: the calls belong to no execution.
        """
        if self._execution is not execution:
            self._execution, self._tasks, self._arguments = execution, {}, {}

    def check_arguments(self, name: str, key: Key, arguments: Fingerprint, line: Callable[[], str]) -> None:
        """Check that no other call in this execution of the statement has the same key, but other arguments.

        Args:
            name: Name of the called function.
            key: Key of the call.
            arguments: Fingerprint (hash of the content) of the arguments. If it is not comparable, nothing is checked.
            line: Function that returns the current line of the run, for the message.

        Raises:
            ValueError: There is such a call.
        """
        if not arguments.comparable:
            return
        first = self._arguments.setdefault((f"{_scope_prefix()}{inside_call.get()}{name}", key), arguments.digest)
        if first != arguments.digest:
            raise ValueError(
                f"two calls of {name}() in the statement at {line()} have the same key {key!r} and other "
                "arguments: only their order could tell whose result is whose; give each a key of its own"
            )

    def check_alone(self, name: str, key: Key) -> None:
        """Check that no other asyncio task has an unfinished call with the same name and key, and record this call.

        Args:
            name: Name of the called function.
            key: Key of the call.

        Raises:
            ValueError: There is such a call.
        """
        task, scoped = _find_running_task(), _scope_prefix() + name
        other = self._tasks.get((scoped, key))
        if other is not None and other is not task and not other.done():
            what = name.partition(":")[2] or name
            raise ValueError(
                f"two calls of {what}() that run side by side have the same key {key!r}: a decision or a result "
                "could not be told which of them it belongs to; give each a key of its own"
            )
        if task is not None:
            self._tasks[scoped, key] = task


def _scope_prefix() -> str:
    scope = find_scope()
    return scope.prefix if scope is not None else ""


def _find_running_task() -> asyncio.Task[Any] | None:
    """Return the asyncio task in which the caller runs; None if the thread runs no task."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
