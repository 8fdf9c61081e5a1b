"""Check values by an agent's schemas without blocking the requesting process.

A check that is certainly fast is made at once. Any other check is made in a worker process with a time limit, and the
process is killed after that time. There is no other way to stop a slow regular expression, or a schema whose
alternatives multiply. At most `WORKERS` workers run; further checks wait. An idle worker ends by itself.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextvars import ContextVar
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.errors import InvalidEdit
from hitl_nb.values.checks.patterns import count_states, is_linear
from hitl_nb.worker_process import WorkerProcess

FieldMessages = dict[str, str]
_deadline: ContextVar[float | None] = ContextVar("hitl_nb_check_until", default=None)

WORKERS = 2
"""Maximum number of worker processes per process."""
CHECK_SECONDS = 5.0
"""Time limit of a check in a worker."""
SECONDS_PER_MB = 5.0
"""Additional time for each MB of the value, because a large table takes long for a valid reason."""
_MAX_WAIT_SECONDS = 60.0
"""Maximum time that a check waits for a worker."""
_COSTLY_KEYWORDS = frozenset(
    {
        *("$ref", "$dynamicRef", "$recursiveRef", "$schema", "uniqueItems", "patternProperties"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
"""Keywords whose cost can exceed the number of subschemas times the number of parts of the value."""
_MOST_VISITS, _MOST_CHARACTERS = 5_000, 5_000_000
"""Limits of a fast check: parts of the value, and characters, each counted once per subschema that may check it."""
_MAX_STATES = 2_000
"""Maximum number of states in the automata of a fast check's patterns."""


def run_check(
    check: Callable[[dict[str, Any], list[Any]], list[FieldMessages]], schema: dict[str, Any], values: list[Any]
) -> list[FieldMessages]:
    """Check values against a schema: in this process if that is certainly fast, else in a worker process.

    Args:
        check: The function that checks, `schemas.find_schema_errors`.
        schema: The JSON Schema.
        values: Values as JSON.

    Returns:
        For each value, the error messages by path.

    Raises:
        InvalidEdit: The check takes too long, or fails.
    """
    if _is_cheap(schema, values):
        return check(schema, values)
    request = json.dumps([schema, values]).encode()
    until = _deadline.get()
    seconds = _check_seconds(len(request)) if until is None else until - time.monotonic()
    if seconds <= 0:
        raise InvalidEdit({"": "cannot be checked by the agent's schemas: together they take too long"})
    answer: dict[str, Any] = json.loads(_POOL.ask(request, seconds))
    if "failed" in answer:
        raise InvalidEdit({"": f"cannot be checked by the agent's schema: {answer['failed']}"})
    return cast("list[FieldMessages]", answer["found"])


@contextlib.contextmanager
def time_limit(size: int) -> Generator[None]:
    """Make all checks inside the `with` block share one time limit, which depends on the value's size.

    Args:
        size: Size of the value, in bytes.
    """
    token = _deadline.set(time.monotonic() + _check_seconds(size))
    try:
        yield
    finally:
        _deadline.reset(token)


def _check_seconds(size: int) -> float:
    return CHECK_SECONDS + SECONDS_PER_MB * size / (1 << 20)


def _is_cheap(schema: dict[str, Any], values: list[Any]) -> bool:
    """Return True if checking these values against this schema certainly takes at most a few milliseconds."""
    nodes = automata = 0
    patterns: list[str] = []
    for key, part in _iterate_parts({name: rule for name, rule in schema.items() if name != "$schema"}):
        nodes += 1
        if key == "pattern" and isinstance(part, str):
            patterns.append(part)
            automata += count_states(part)
        if key in _COSTLY_KEYWORDS or nodes > _MOST_VISITS or automata > _MAX_STATES:
            return False
    if not all(map(is_linear, patterns)):
        return False
    characters = 0
    for visits, (key, part) in enumerate(_iterate_parts(values), 1):
        characters += len(key) + (len(part) if isinstance(part, str) else 20)
        if visits * nodes > _MOST_VISITS or characters * (nodes + automata) > _MOST_CHARACTERS:
            return False
    return True


def _iterate_parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield all parts of a JSON value, each with its key in an object ("" in a list)."""
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        key, part = left.pop()
        yield key, part
        if isinstance(part, dict):
            left += cast("dict[str, Any]", part).items()
        elif isinstance(part, list):
            left += (("", item) for item in cast("list[Any]", part))


class _WorkerPool:
    """The workers of this process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop the workers. Called in a child process after a fork, because the workers belong to the parent."""
        self._slots = threading.BoundedSemaphore(WORKERS)
        self._idle: list[WorkerProcess] = []

    def ask(self, request: bytes, seconds: float) -> bytes:
        """Send a request to a worker, and return its answer.

        Args:
            request: The check, encoded.
            seconds: Time limit.

        Raises:
            InvalidEdit: No worker was free in time, the check takes too long, or the worker process ended.
        """
        if not self._slots.acquire(timeout=_MAX_WAIT_SECONDS):
            raise InvalidEdit({"": "was not checked: other checks take too long here; try again"})
        try:
            for _ in range(2):  # try again, as an idle worker may have ended at this moment
                worker = (
                    self._idle.pop()
                    if self._idle
                    else WorkerProcess("hitl_nb.values.schema_worker:serve", "checks by schemas")
                )
                try:
                    answer = worker.ask(request, seconds)
                except TimeoutError:
                    worker.kill()
                    raise InvalidEdit(
                        {"": f"cannot be checked by the agent's schema: that takes longer than {seconds:.0f} s"}
                    ) from None
                except BaseException:
                    worker.kill()
                    raise
                if answer is not None:
                    self._idle.append(worker)
                    return answer
                worker.kill()
        finally:
            self._slots.release()
        raise InvalidEdit({"": "cannot be checked by the agent's schema: the process that checked it ended"})

    def close(self) -> None:
        """End all workers."""
        while self._idle:
            self._idle.pop().kill()


_POOL = _WorkerPool()
atexit.register(_POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)
