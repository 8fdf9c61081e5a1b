"""Approved calls of gated tools that are made by code which is made again on resume: each is made once.

Exact code continues behind such a call. Other code, `gather` or a helper, makes all its calls again after the next
decision: then the result comes from the record, as that of a step does. Unlike a step, a gated call may ask.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Callable, Generator
from typing import Any

from ..errors import HitlError
from ..records import Question, canonical
from .callkeys import inside_call
from .decision import Decision
from .session import Session, in_step
from .steps import StepCall, StepFunction


def call_once(
    session: Session, function: Callable[..., Any], bound: inspect.BoundArguments, question: Question, decided: Decision
) -> Any:
    """The result of an approved call, or an awaitable of it; from the record if it was made before.

    Raises what the call raises, Paused if it asks.
    """
    if isinstance(function, StepFunction) or in_step.get() is not None:
        return function(*bound.args, **bound.kwargs)
    # The same place may ask another question, or have it decided in another way: that is another call.
    told = canonical([question.title, question.value, decided.proposal_id])
    key = f"{question.position}/{hashlib.sha256(told).hexdigest()[:16]}"
    call = _GatedCall(StepFunction(function, idempotent=True), session, key, bound.args, bound.kwargs)
    return call.awaited(False) if inspect.iscoroutinefunction(function) else call.made(False)


class _GatedCall(StepCall):
    @contextlib.contextmanager
    def enter_call(self) -> Generator[None]:
        """While the function is called: its questions and steps are counted apart from those around it."""
        token = inside_call.set(f"{hashlib.sha256(self.key.encode()).hexdigest()[:12]}:")
        try:
            yield
        finally:
            inside_call.reset(token)

    def _finished(self, result: Any) -> Any:
        with contextlib.suppress(HitlError):  # what cannot be recorded is made again, as without a record
            return super()._finished(result)
        return result
