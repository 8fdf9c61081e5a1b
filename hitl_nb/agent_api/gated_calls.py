"""Execution of approved calls of gated tools (`@gate`). Each call is made once.

After such a call, *exact* code continues at the next instruction. Other code, such as `gather` or a helper of a
library, is executed again after the next decision, with all its calls. The result of an earlier call is then read from
the record, as for a step. If the process dies during the call, nobody knows whether its effect happened, and people are
asked, as for a step.

Unlike a step, the called function may ask questions itself. The function is then called again from its beginning.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import inspect
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from hitl_nb.agent_api.agents import Definition
from hitl_nb.agent_api.purity import Proof
from hitl_nb.agent_api.steps import StepCall, StepFunction
from hitl_nb.engine.call_keys.call_keys import inside_call, started_in
from hitl_nb.engine.call_keys.expected_calls import digest_call
from hitl_nb.engine.call_keys.keys import Execution
from hitl_nb.engine.live.steps_under_way import in_step
from hitl_nb.engine.run.session import Session
from hitl_nb.errors import HitlError
from hitl_nb.records import Question, Step, canonical_json
from hitl_nb.review.decision import Decision


@dataclass(frozen=True)
class ApprovedCall:
    """A call of a gated function that a reviewer approved.

    Attributes:
        function: The function.
        bound: The approved arguments.
        question: The question that was decided.
        decided: The decision.
    """

    function: Callable[..., Any]
    bound: inspect.BoundArguments
    question: Question
    decided: Decision

    def result(self, session: Session, *, exact: bool, is_older: bool = False) -> Any:
        """Make the call, or read its result from the record if it was made before.

        Args:
            session: The session, which executes the run in this process.
            exact: True if the code around the call is never executed again after the call has ended.
            is_older: True if the call was decided before the run's current position. Its record may then be older,
                too.

        Returns:
            The result of the call; for an async function, an awaitable of it.

        Raises:
            Paused: The called function asks a question.
            Exception: The called function raised it.
        """
        function, args, kwargs = self.function, self.bound.args, self.bound.kwargs
        if isinstance(function, StepFunction) or in_step.get() is not None:
            return function(*args, **kwargs)
        # If the same place asks another question, or gets another decision, that is a different call.
        told = canonical_json([self.question.title, self.question.value, self.decided.proposal_id])
        key = f"{self.question.position}/{hashlib.sha256(told).hexdigest()[:16]}"
        step = StepFunction(function, idempotent=calls_only_steps(function))
        call = _GatedCall(step, session, key, args, kwargs)
        call.is_made_again, call.is_older = not exact, is_older
        return call.call_async(False) if inspect.iscoroutinefunction(function) else call.call_sync(False)


class _GatedCall(StepCall):
    """A call of a function with `@gate` that people have approved; its result is recorded.

    Attributes:
        is_made_again: True if the code that makes the call is executed again after the next decision.
    """

    kind = "gated call"
    is_made_again = False

    @property
    def _pauses(self) -> int | None:
        return self.session.run_record.pauses

    @contextlib.contextmanager
    def enter_call(self) -> Generator[None]:
        """Number the questions and steps inside the gated function separately, inside the `with` block.

        So their names in the record do not depend on other calls that run at the same time.
        """
        name = inside_call.set(f"{self._own_execution.chain}:")
        start = started_in.set(self._own_execution)
        try:
            yield
        finally:
            started_in.reset(start)
            inside_call.reset(name)

    @functools.cached_property
    def _own_execution(self) -> Execution:
        number, place, *_ = self.key.split("/")
        return Execution(digest_call(self.key), int(number), place, 0, is_exact=False)

    def _record_result(self, result: Any) -> Any:
        if inspect.isawaitable(result):  # the function is not declared async, but returns an awaitable
            return self._await_result(result)
        try:
            return super()._record_result(result)
        except HitlError as problem:  # the call is in doubt until the position after it is saved
            if self.is_made_again:
                self.session.questions.forbid_pause(
                    f"{problem}, or call it in a statement of the notebook, and not by way of a library. "
                    "The library's call is repeated after the next decision, and this call must not be repeated"
                )
            return result

    async def _await_result(self, result: Awaitable[Any]) -> Any:
        try:
            with self.enter_call():
                value = await result
        except Exception as error:
            self._record_error(error)
            raise
        self._record_result(_AwaitableResult(value))
        return value

    def _load_result(self, step: Step) -> Any:
        found = super()._load_result(step)
        return found.result() if isinstance(found, _AwaitableResult) else found


@dataclass(frozen=True)
class _AwaitableResult:
    """The recorded result of a function that is not `async` but returned an awaitable.

    `result()` makes an awaitable again, because the caller awaits it, also when the result is read from the record.
    """

    value: Any

    async def result(self) -> Any:
        """Return the recorded value, as an async function: its caller awaits the value."""
        return self.value


def calls_only_steps(function: Callable[..., Any]) -> bool:
    """Return whether a function only computes, and calls steps and gated tools, so that it has no effect itself.

    Results of steps and gated tools are recorded. So such a function may be called again without asking people whether
    the first call happened. False if this cannot be proved.
    """
    return isinstance(function, FunctionType) and _RecordedProof(lambda name: None, set()).holds_for(function)


class _RecordedProof(Proof):
    """Proof that a function only computes, and calls steps and gated tools, so that it has no effect itself.

    The function may be async.
    """

    flags = Proof.flags & ~inspect.CO_COROUTINE
    kinds = (*Proof.kinds, ast.AsyncFunctionDef)

    def _node(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Await) or super()._node(node)

    def is_pure(self, value: Any) -> bool:
        """Return whether calling `value` has no effect, or is a recorded call of a step or a gated tool.

        False if this is unknown.
        """
        return (isinstance(value, Definition) and type(value).records_calls) or super().is_pure(value)
