"""Checks and calls of guardrails: functions that look at a proposed value before people are asked.

Guardrails are also called with the values of people's edits. All guardrails of a call run, in order. If one raises an
error, people are asked: an error neither passes nor blocks a value.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from hitl_nb.errors import CannotPause
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import GuardrailResult
from hitl_nb.review.guardrails import GuardrailFinding, NamedGuardrail, cut_message, passed


class RunningGuardrail:
    """The guardrail that is being called now.

    `refused_question` is the error of a question that the guardrail tried to ask (guardrails cannot ask). None: no
    question.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.refused_question: CannotPause | None = None


in_guardrail: ContextVar[RunningGuardrail | None] = ContextVar("hitl_nb_guardrail", default=None)
"""The guardrail that is being called now; None if there is none."""


def refuse_in_guardrail() -> None:
    """Raise an error if a guardrail is being called now, because a guardrail cannot ask a question.

    Otherwise do nothing.

    If the guardrail catches the error, `run_guards` raises it again.

    Raises:
        CannotPause: A guardrail is being called.
    """
    running = in_guardrail.get()
    if running is not None:
        running.refused_question = CannotPause(
            f"a checkpoint inside the guardrail {running.name}() cannot pause: a guardrail looks at what is about to "
            "be asked; return hitl.escalate(why) to ask people"
        )
        raise running.refused_question


@name_in_package
@dataclass(frozen=True)
class Guard:
    """A checked guardrail of one call.

    Attributes:
        function: The guardrail.
        name: Name of the guardrail in policies and records.
        version: Version of the guardrail; "" if it has none.
        arguments: Number of arguments that `function` takes: 1 (the value) or 2 (the value and a dictionary of facts).
    """

    function: Callable[..., Any]
    name: str
    version: str
    arguments: int


def make_guards(guardrails: Any) -> tuple[Guard, ...]:
    """Check the argument `guardrails` of a call, and return the guardrails with their names and versions.

    Raises:
        TypeError: The argument is not a sequence of functions with one or two arguments.
        ValueError: Two guardrails have the same name.
    """
    if callable(guardrails) or isinstance(guardrails, (str, bytes)) or not isinstance(guardrails, Sequence):
        raise TypeError(
            f"guardrails must be a sequence of functions, as in guardrails=(iban,), not {type(guardrails).__name__}"
        )
    found: list[Guard] = []
    for i, one in enumerate(cast("Sequence[Any]", guardrails)):
        if isinstance(one, type) or not callable(one):
            raise TypeError(f"guardrails[{i}] must be a function of the value, not {_describe_result(one)}")
        name, version = (one.name, one.version) if isinstance(one, NamedGuardrail) else (find_function_name(one), "")
        if any(other.name == name for other in found):
            raise ValueError(
                f"guardrails[{i}] has the name {name!r} of an earlier one, so policies could not tell them apart; "
                f"give it another name, with @hitl.guardrail(name=...) or name= of a built-in one"
            )
        function: Any = one
        found.append(Guard(function, name, version, count_arguments(function, f"guardrails[{i}]")))
    return tuple(found)


def run_guards(
    guards: Sequence[Guard], value: Any, facts: Mapping[str, Any], encode: Callable[[], Any]
) -> tuple[GuardrailResult, ...]:
    """Call the guardrails with a value, in order, and return their results.

    A guardrail that raises an error, returns something else than a finding, or changes the value gets the verdict
    "escalate".

    Args:
        guards: The guardrails.
        value: The proposed value.
        facts: Second argument for guardrails that take two. Each gets a copy with the verdicts of earlier guardrails.
        encode: Function that returns the current JSON of the value, to detect a guardrail that changes the value.

    Raises:
        CannotPause: A guardrail tried to ask a question.
    """
    results: list[GuardrailResult] = []
    before = encode() if guards else None
    for guard in guards:
        began = time.perf_counter()
        said = {one.name: one.verdict for one in results}
        finding = _run_guard(guard, value, {**facts, "guardrails": said})
        took = round((time.perf_counter() - began) * 1000, 3)
        if _try_to_encode(encode) != before:
            finding = GuardrailFinding(
                "escalate", "it changed the value that is proposed, and a guardrail may only look at it"
            )
        results.append(
            GuardrailResult(
                name=guard.name,
                version=guard.version,
                verdict=finding.verdict,
                message=finding.message,
                milliseconds=took,
            )
        )
    return tuple(results)


def explain_result(result: GuardrailResult) -> str:
    """Return why a guardrail did not pass a value, as a part of a sentence: "the guardrail iban says: ..."."""
    return f"the guardrail {result.name} says: {result.message}"


def _run_guard(guard: Guard, value: Any, facts: dict[str, Any]) -> GuardrailFinding:
    running = RunningGuardrail(guard.name)
    token = in_guardrail.set(running)
    try:
        found = guard.function(value, facts) if guard.arguments == 2 else guard.function(value)
    except CannotPause:
        raise
    except Exception as error:  # noqa: BLE001  # any error asks a person, with its type and message
        found = GuardrailFinding("escalate", cut_message(f"it failed with {_describe_error(error)}"))
    finally:
        in_guardrail.reset(token)
    if running.refused_question is not None:
        raise running.refused_question
    if found is None:
        return passed()
    if isinstance(found, GuardrailFinding):
        return found
    if inspect.iscoroutine(found):
        found.close()
    return GuardrailFinding(
        "escalate",
        f"it returned {_describe_result(found)}; it must return hitl.passed() or None, hitl.escalate(why) or "
        "hitl.block(why)",
    )


def _describe_error(error: Exception) -> str:
    """Return an error's type and message.

    If a user's own error class cannot be converted to text, only the type is returned.
    """
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  # any error of a guardrail asks a person
        return f"{type(error).__name__}"


def _try_to_encode(encode: Callable[[], Any]) -> Any:
    try:
        return encode()
    except (TypeError, ValueError):  # the changed value has no JSON form, so it could not be proposed
        return Ellipsis


def count_arguments(function: Any, what: str) -> int:
    """Return the number of arguments that a guardrail takes: 1 (the value) or 2 (the value and the facts).

    Args:
        function: The guardrail.
        what: Name of the guardrail in error messages.

    Raises:
        TypeError: The guardrail is async, or takes other arguments.
    """
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        raise TypeError(
            f"{what} must be an ordinary function, not an async one: guardrails run before the question is asked, "
            "and cannot wait. Await what the guardrail needs before the checkpoint, and check the result in it"
        )
    try:
        signature = inspect.signature(function)
    except ValueError:  # some builtins have no signature
        return 1
    for count in (2, 1):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            continue
        return count
    raise TypeError(f"{what} must take (value) or (value, facts), but it takes {signature}")


def find_function_name(function: Any) -> str:
    """Return the name of a function; for a `functools.partial`, of the function inside; "anonymous" for a lambda."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return "anonymous" if name == "<lambda>" else str(name)


def _describe_result(value: Any) -> str:
    return repr(value) if value is None or isinstance(value, (bool, int, float)) else f"a {type(value).__name__}"
