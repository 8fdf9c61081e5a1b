"""Calls with a key given by the user: within one execution of a statement, a key names one call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hitl_nb.engine.call_keys.call_keys import Key, inside_call
from hitl_nb.engine.call_keys.fingerprints import Fingerprint
from hitl_nb.engine.call_keys.keys import Execution


class KeyedCalls:
    """The keyed calls of one execution of a statement.

    Calls with one key are distinguished by their order: made in another order, one would get the result of the other.
    """

    def __init__(self) -> None:
        self._execution: Execution | None = None
        self._tasks: dict[tuple[str, Key], asyncio.Task[Any]] = {}
        self._arguments: dict[tuple[str, Key], str] = {}

    def begin_execution(self, execution: Execution | None) -> None:
        """Note that the next calls are of this execution, and forget the calls of other executions."""
        if self._execution is not execution:
            self._execution, self._tasks, self._arguments = execution, {}, {}

    def check_arguments(self, name: str, key: Key, arguments: Fingerprint, line: Callable[[], str]) -> None:
        """Check that no other call has this key and other arguments, where these can be compared.

        Args:
            line: the place of the run, for the message.

        Raises:
            ValueError: There is such a call.
        """
        if not arguments.comparable:
            return
        first = self._arguments.setdefault((inside_call.get() + name, key), arguments.digest)
        if first != arguments.digest:
            raise ValueError(
                f"two calls of {name}() in the statement at {line()} have the same key {key!r} and other "
                "arguments: only their order could tell whose result is whose; give each a key of its own"
            )

    def check_alone(self, name: str, key: Key) -> None:
        """Check that no call of another task with this key is unfinished.

        Raises:
            ValueError: There is such a call.
        """
        task = _find_running_task()
        other = self._tasks.get((name, key))
        if other is not None and other is not task and not other.done():
            what = name.partition(":")[2] or name
            raise ValueError(
                f"two calls of {what}() that run side by side have the same key {key!r}: a decision or a result "
                "could not be told which of them it belongs to; give each a key of its own"
            )
        if task is not None:
            self._tasks[name, key] = task


def _find_running_task() -> asyncio.Task[Any] | None:
    """Find the asyncio task that the caller runs in; None: it runs in none, such as in a thread of its own."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
