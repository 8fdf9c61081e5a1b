"""The guardrails of a call: checked, run before anybody is asked, and on what people edit.

All of them run, in order. What goes wrong in one asks a person: it neither lets a value pass nor blocks it.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from hitl_nb.errors import CannotPause
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import GuardrailResult
from hitl_nb.review.guardrails import GuardrailFinding, NamedGuardrail, cut_message, passed


class RunningGuardrail:
    """A guardrail that looks at a value now. `refused_question` is the question that it asked, which was refused."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.refused_question: CannotPause | None = None


in_guardrail: ContextVar[RunningGuardrail | None] = ContextVar("hitl_nb_guardrail", default=None)
"""The guardrail that runs, if one does."""


def refuse_in_guardrail() -> None:
    """Raises CannotPause for a question that a guardrail asks: to the guardrail, and behind it once more."""
    running = in_guardrail.get()
    if running is not None:
        running.refused_question = CannotPause(
            f"a checkpoint inside the guardrail {running.name}() cannot pause: a guardrail looks at what is about to "
            "be asked; return hitl.escalate(why) to have people asked"
        )
        raise running.refused_question


@name_in_package
@dataclass(frozen=True)
class Guard:
    """A guardrail of one call: the function, what it is called, and how many arguments it takes (1 or 2)."""

    function: Callable[..., Any]
    name: str
    version: str
    arguments: int


def make_guards(guardrails: Any) -> tuple[Guard, ...]:
    """The guardrails of one call, checked. Raises TypeError, ValueError."""
    if callable(guardrails) or isinstance(guardrails, (str, bytes)) or not isinstance(guardrails, Sequence):
        raise TypeError(
            f"guardrails must be a sequence of functions, as in guardrails=(iban,), not {type(guardrails).__name__}"
        )
    found: list[Guard] = []
    for i, one in enumerate(guardrails):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if isinstance(one, type) or not callable(one):  # pyright: ignore[reportUnknownArgumentType]
            raise TypeError(f"guardrails[{i}] must be a function of the value, not {_describe_result(one)}")
        name, version = (one.name, one.version) if isinstance(one, NamedGuardrail) else (find_function_name(one), "")
        if any(other.name == name for other in found):
            raise ValueError(
                f"guardrails[{i}] is called {name!r}, as one before it is: policies could not tell them apart; "
                f"give it a name of its own, with @hitl.guardrail(name=...) or name= of a built-in one"
            )
        function: Any = one
        found.append(Guard(function, name, version, count_arguments(function, f"guardrails[{i}]")))
    return tuple(found)


def run_guards(
    guards: Sequence[Guard], value: Any, facts: Mapping[str, Any], encode: Callable[[], Any]
) -> tuple[GuardrailResult, ...]:
    """What the guardrails say about a value, in order.

    Args:
        facts: what they get as their second argument; each gets a copy.
        encode: the value as JSON now, to find out whether a guardrail has changed it.

    Raises CannotPause if one asks.
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
    """Why a guardrail did not let a value pass, as a part of a sentence."""
    return f"the guardrail {result.name} says: {result.message}"


def _run_guard(guard: Guard, value: Any, facts: dict[str, Any]) -> GuardrailFinding:
    running = RunningGuardrail(guard.name)
    token = in_guardrail.set(running)
    try:
        found = guard.function(value, facts) if guard.arguments == 2 else guard.function(value)
    except CannotPause:
        raise
    except Exception as error:  # noqa: BLE001  # what a guardrail raises asks a person, with its type and message
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
    """The type of an error and its message, if it has one: errors of users' own may fail there, too."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  # what a guardrail raises asks a person, whatever it is
        return f"{type(error).__name__}"


def _try_to_encode(encode: Callable[[], Any]) -> Any:
    try:
        return encode()
    except (TypeError, ValueError):  # it can no longer be proposed at all
        return Ellipsis


def count_arguments(function: Any, what: str) -> int:
    """How many arguments a guardrail is called with: the value, or the value and the facts."""
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        raise TypeError(
            f"{what} must be an ordinary function, not an async one: guardrails run before the question is asked, "
            "with no loop to wait in; await what it needs before the checkpoint, and look at the result in it"
        )
    try:
        signature = inspect.signature(function)
    except ValueError:  # some builtins have none
        return 1
    for count in (2, 1):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            continue
        return count
    raise TypeError(f"{what} must take (value) or (value, facts), and it takes {signature}")


def find_function_name(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    name = getattr(function, "__name__", None) or type(function).__name__  # pyright: ignore[reportUnknownArgumentType]
    return "anonymous" if name == "<lambda>" else str(name)


def _describe_result(value: Any) -> str:
    return repr(value) if value is None or isinstance(value, (bool, int, float)) else f"a {type(value).__name__}"
