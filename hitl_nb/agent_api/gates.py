"""`@gate`: each call of a tool is proposed for review, and then made with the arguments that the reviewer approved."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import Parameter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from hitl_nb.agent_api.agents import Definition
from hitl_nb.agent_api.awaitable_calls import AwaitableCall, await_after_others
from hitl_nb.agent_api.gated_calls import ApprovedCall
from hitl_nb.agent_api.tool_owners import with_owner
from hitl_nb.engine.call_keys.call_keys import Key, call_with_arguments, check_rule, make_call_key
from hitl_nb.engine.current_session import require_session
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.engine.run.session import Session
from hitl_nb.evidence.context import convert_context
from hitl_nb.kinds import questions as values
from hitl_nb.records import Action, Question
from hitl_nb.review.decision import Decision, LiveQuestion
from hitl_nb.review.review_arguments import OnDeadline, check_review, check_rules
from hitl_nb.values.models import find_fitting_adapter

if TYPE_CHECKING:
    from hitl_nb.review.policy_files.policy_files import Policy

_ALLOWED: tuple[Action, ...] = ("approve", "edit", "reject")


@dataclass
class _LiveCallQuestion(LiveQuestion):
    """The question whether a call of a gated function may be made. People may edit the call's arguments.

    The annotations of the function say to which types edited arguments are converted.

    Attributes:
        gate: The gate of the called function.
        owner: For a method, {"self": the object}, with the name of its first parameter. Empty for a function.
    """

    gate: Any = None
    owner: Any = None

    def restore_edited(self, question: Question, value: Any, original: Any) -> Any:
        shown = question.value["arguments"]
        adapters = {
            f"arguments/{name}": find_fitting_adapter(parameter.annotation, shown[name])
            for name, parameter in _list_parameters(self.gate.function).items()
            if name in shown and parameter.annotation is not Parameter.empty
        }
        known = {path: made for path, made in adapters.items() if made is not None}
        return values.restore_value(question, value, original, self.gate.schema, adapters=known)

    def ask_edited(self, value: Any) -> LiveQuestion:
        """Return the question for the same call with edited arguments.

        The title, tags, reviewers and other settings may be functions of the arguments, so they are computed again.

        Args:
            value: The edited call, `{"name": ..., "arguments": {...}}`.
        """
        bound = inspect.signature(self.gate.function).bind_partial()
        bound.arguments.update((self.owner or {}) | value["arguments"])
        made: LiveQuestion = self.gate.propose_bound_call(bound).asked[0]
        made.question = msgspec.structs.replace(made.question, position=self.question.position)
        return made


class _PendingGateCall(PendingCall):
    exact = True
    is_over = False
    """True if the call was awaited in exact code and has ended, so that it cannot be awaited again."""

    def __init__(self, asked: list[LiveQuestion], gate: Gate, owner: dict[str, Any]) -> None:
        super().__init__(asked)
        self.gate = gate
        self.owner = owner

    def complete(self, decisions: list[Decision]) -> Any:
        arguments = decisions[0].require()["arguments"]
        bound = inspect.signature(self.gate.function).bind_partial()
        bound.arguments.update(self.owner | arguments)
        session = require_session(f"the gated function {self.gate.__qualname__}()")
        call = ApprovedCall(self.gate.function, bound, self.asked[0].question, decisions[0])
        if inspect.iscoroutinefunction(self.gate.function):
            return _DecidedCall(self, call)
        return call.result(session, exact=self.exact)


class Gate(Definition):
    """The object that `@gate` returns. It can be called only inside an agent.

    Attributes:
        title, context, schema, allow, reasons, key: The arguments of `gate`.
    """

    records_calls = True
    reasons: Sequence[str] = ()
    key: Key | Callable[..., Any] | None = None
    review: Mapping[str, Any] = {}
    """The review arguments, such as `tags`, by name. Each is a value, or a function of a call's arguments."""

    def __init__(
        self,
        function: Callable[..., Any],
        title: str | Callable[..., str] | None,
        context: Mapping[str, Any] | str | None,
        schema: Any,
        allow: Sequence[Action],
        reasons: Sequence[str],
        key: Key | Callable[..., Any] | None,
        review: Mapping[str, Any],
    ) -> None:
        super().__init__(function)
        check_rules(review, allow)
        check_rule(key, f"the gate {self.__qualname__}()")
        self.key = key
        self.title = title
        self.context = context
        self.schema = schema
        self.allow = allow
        self.reasons = reasons
        self.review = review

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Propose the call for review. After the approval, call the function.

        Returns:
            The result of the function; for an async function, an awaitable that proposes the call when it is awaited.
        """
        session = require_session(f"the gated function {self.function.__name__}()")
        exact = session.live.begin_call(self)
        pending = self._propose_call(args, kwargs)
        if inspect.iscoroutinefunction(self.function):
            return GateCall(pending)
        pending.exact = exact
        return session.questions.ask(pending, exact=exact, name=f"gate:{self.function.__qualname__}")

    def _propose_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _PendingGateCall:
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        return self.propose_bound_call(bound)

    def propose_bound_call(self, bound: inspect.BoundArguments) -> _PendingGateCall:
        """Make the question whether a call with these arguments may be made. People are not asked yet.

        Args:
            bound: The arguments of the call.

        Returns:
            The call, as an object that waits for the decision.
        """
        parameters = _list_parameters(self.function)
        owner = {name: value for name, value in bound.arguments.items() if name not in parameters}
        arguments = {name: value for name, value in bound.arguments.items() if name in parameters}
        call: dict[str, Any] = {"name": self.function.__name__, "arguments": arguments}
        title = self.title(**bound.arguments) if callable(self.title) else self.title
        if title is None:
            title = f"Call {self.function.__name__}"
        elif isinstance(self.title, str):
            title = self.title.format(**bound.arguments)
        shown = convert_context(with_owner(self.context, owner) if owner else self.context)
        question = values.build_question(
            call,
            title=title,
            kind="tool_call",
            context=shown.context,
            evidence=shown.blocks,
            schema=self.schema,
            allow=self.allow,
            reasons=self.reasons,
            arguments=parameters,
        )
        key = make_call_key(self.key, bound, f"the gate {self.__qualname__}()")
        rules = self.review.items()
        said = {name: call_with_arguments(rule, bound) if callable(rule) else rule for name, rule in rules}
        review = check_review(**said, allow=question.allow)
        question = msgspec.structs.replace(question, tags=review.tags, confidence=review.confidence)
        return _PendingGateCall(
            [_LiveCallQuestion(question, call, key=key, review=review, blobs=shown.blobs, gate=self, owner=owner)],
            self,
            owner,
        )


def _list_parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    """Return the parameters that a reviewer sees, without `self`: name -> parameter.

    Annotations that are texts are replaced by the types that they name.
    """
    parameters = dict(inspect.signature(function).parameters)
    of = getattr(function, "__qualname__", "").rpartition(".")[0]
    first = next(iter(parameters), "")
    if of and not of.endswith("<locals>") and first in ("self", "cls"):
        del parameters[first]
    space = getattr(inspect.unwrap(function), "__globals__", {})
    return {name: one.replace(annotation=_read_annotation(one, space)) for name, one in parameters.items()}


def _read_annotation(parameter: Parameter, space: dict[str, Any]) -> Any:
    """Return the type that a parameter's annotation names.

    For `*args` it is a tuple of that type, for `**kwargs` a dict.

    Args:
        parameter: The parameter.
        space: Globals of the function, in which names are looked up.

    Returns:
        The type; `Parameter.empty` if there is no annotation or it cannot be evaluated.
    """
    annotation: Any = parameter.annotation
    if isinstance(annotation, str):
        holder: Any = SimpleNamespace(__annotations__={"it": annotation})
        try:
            annotation = get_type_hints(holder, globalns=space, include_extras=True)["it"]
        except (NameError, SyntaxError, TypeError, AttributeError):
            return Parameter.empty  # the type is defined inside a function, or imported only for type checkers
    if annotation is Parameter.empty:
        return annotation
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return tuple.__class_getitem__((annotation, ...))
    return dict.__class_getitem__((str, annotation)) if parameter.kind is Parameter.VAR_KEYWORD else annotation


class GateCall(AwaitableCall):
    """A call of an async gated function. It is proposed for review when it is awaited."""

    def __init__(self, pending: _PendingGateCall) -> None:
        super().__init__(pending.gate.function, f"the gated function {pending.gate.__qualname__}()")
        self.pending = pending

    def __reduce__(self) -> Any:
        return GateCall, (self.pending,)

    def begin(self, session: Session, *, as_task: bool) -> Any:
        """Propose the call for review; after the approval, execute it.

        Args:
            session: The session, which executes the run in this process.
            as_task: True if asyncio drives the call as a task; False if other code awaits the call.

        Returns:
            The iterator that `await` uses. Its result is the result of the function.
        """
        if self.pending.is_over:
            raise RuntimeError(f"cannot reuse already awaited call of {self.__qualname__}()")
        gate = self.pending.gate
        exact = self.pending.exact = session.live.begin_call(self)
        answered = session.questions.ask(self.pending, exact=exact, name=f"gate:{gate.function.__qualname__}")
        return session.live.await_call(answered).__await__()


class _DecidedCall(AwaitableCall):
    """An approved call of an async gated function, as an object that can be awaited and saved.

    If the code awaits the call again after a resume, the result is read from the record.
    """

    def __init__(self, pending: _PendingGateCall, call: ApprovedCall) -> None:
        super().__init__(pending.gate.function, f"the gated function {pending.gate.__qualname__}()")
        self.pending = pending
        self.call = call

    def __reduce__(self) -> Any:
        return _DecidedCall, (self.pending, self.call)

    def begin(self, session: Session, *, as_task: bool) -> Any:
        """Execute the approved call, or read its result from the record.

        Args:
            session: The session, which executes the run in this process.
            as_task: True if asyncio drives the call as a task; False if other code awaits the call.

        Returns:
            The iterator that `await` uses. Its result is the result of the function.
        """
        if self.is_older(session):
            session.live.keys.end_restored_execution(self.call.question.position)
            return await_after_others(lambda: self._make_call(session)).__await__()
        return session.live.await_call(self._make_call(session)).__await__()

    async def _make_call(self, session: Session) -> Any:
        try:
            return await self.call.result(session, exact=self.pending.exact, is_older=self.is_older(session))
        finally:
            if session.live.paused is None:
                self.pending.is_over = self.pending.exact


def gate(
    function: Callable[..., Any] | None = None,
    /,
    *,
    title: str | Callable[..., str] | None = None,
    context: Mapping[str, Any] | str | None = None,
    schema: Any = None,
    allow: Sequence[Action] = _ALLOWED,
    reasons: Sequence[str] = (),
    key: Key | Callable[..., Any] | None = None,
    tags: Sequence[str] | Callable[..., Any] = (),
    confidence: float | Callable[..., Any] | None = None,
    guardrails: Sequence[Callable[..., Any]] | Callable[..., Any] = (),
    reviewers: Sequence[str] | Callable[..., Any] | None = None,
    quorum: int | Callable[..., Any] = 1,
    deadline: timedelta | datetime | Callable[..., Any] | None = None,
    on_deadline: OnDeadline | Callable[..., Any] = "wait",
    policy: Policy | Callable[..., Any] | None = None,
) -> Any:
    """Review each call of a tool: its arguments are the proposal, and the reviewer may change them.

    An approved call is made once. If the process dies during the call, people are asked whether it happened, as for a
    step. A function with `@gate` above `@step(idempotent=True)` is called again without that question.

    Each of the arguments from `tags` on may also be a function of the call's arguments that returns the value.

    Args:
        function: The tool, a sync or async function.
        title: Title of the proposal, one line. It may name arguments (`"Email {to}"`) or be a function of them.
        context: Information that the reviewer needs: markdown or a mapping, as for `checkpoint`.
        schema: JSON Schema that `{"name": ..., "arguments": {...}}` must satisfy after an edit, in addition to the
            function's signature.
        allow: Actions that a reviewer may take; not "respond".
        reasons: Reasons that a reviewer may choose instead of writing one.
        key: A str or int that identifies the call within its statement, or a function of the arguments that returns
            one. None: its number in the order of calls. Use a key for tools that run side by side in any order.
            Calls with the same key that follow each other are distinguished by their arguments, then by their
            order.
        tags: Words that policies can test.
        confidence: How sure the agent is, from 0 to 1. None: unknown.
        guardrails: Functions marked with `@guardrail` that check `{"name": ..., "arguments": {...}}` first.
        reviewers: Names of people or groups ("@finance") who may decide. None: anyone who may decide in this store.
        quorum: Number of people who must approve.
        deadline: When the clock acts: a time after the question is asked, or an aware datetime. None: never.
        on_deadline: Action of the clock at the deadline. "wait": keep waiting.
        policy: Rules for this call, in addition to the store's policy.

    Returns:
        The function, wrapped as a `Gate`. A call of it raises Rejected if the reviewer rejects the proposal.

    Raises:
        TypeError: `function` is not callable.
        ValueError: `allow` contains "respond".
    """
    review = {
        "tags": tags,
        "confidence": confidence,
        "guardrails": guardrails,
        "reviewers": reviewers,
        "quorum": quorum,
        "deadline": deadline,
        "on_deadline": on_deadline,
        "policy": policy,
    }
    if function is None:
        said = {"title": title, "context": context, "schema": schema, "allow": allow, "reasons": reasons, "key": key}
        return functools.partial(gate, **said, **review)
    if not callable(function):
        raise TypeError(f"@hitl.gate must decorate a function, not an object of type {type(function).__name__}")
    if "respond" in allow:
        raise ValueError('allow must not hold "respond": a gated call either runs or is rejected')
    return Gate(function, title, context, schema, allow, reasons, key, review)
