"""`@guardrail`: a function that checks a proposed value before a person is asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hitl_nb.agent_api.agents import Definition
from hitl_nb.review.guardrail_checks import count_arguments, find_function_name
from hitl_nb.review.guardrails import NamedGuardrail


class Guardrail(Definition, NamedGuardrail):
    """The object that `@guardrail` returns. It can be called like the function.

    Attributes:
        name: Its name in policies and records.
        version: Its version, for the records.
    """

    def __init__(self, function: Callable[..., Any], name: str, version: str) -> None:
        super().__init__(function)
        self.name = name
        self.version = version


def guardrail(function: Callable[..., Any] | None = None, /, *, name: str | None = None, version: str = "") -> Any:
    """Declare a function that checks a proposed value before a person is asked: a guardrail of `checkpoint`.

    The function receives the value. If it takes two arguments, the second is a mapping with these keys: `kind`,
    `title`, `tool`, `tags`, `confidence`, `context`, `labels`, `agent`, `notebook`, `now`, and `guardrails` with the
    verdicts of the guardrails before it. It returns `hitl.passed()` or None, `hitl.escalate(why)` or `hitl.block(why)`.
    Any other result, and an exception, counts as `hitl.escalate`. The function must not change the value, and cannot
    ask a question.

    Args:
        function: The function.
        name: Its name in policies (`guardrails.iban == "pass"`) and records. None: the function's name.
        version: Its version, for the records.

    Returns:
        The function, wrapped as a `Guardrail`.

    Raises:
        TypeError: The function is async or takes other arguments, or `version` is no str.
        ValueError: The name is no identifier.
    """
    if function is None:
        return functools.partial(guardrail, name=name, version=version)
    if not isinstance(version, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise TypeError(f"version must be a str, not {type(version).__name__}")
    own = find_function_name(function) if name is None else name
    if not isinstance(own, str) or not own.isidentifier():  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise ValueError(f"name of a guardrail must be an identifier, for policies to name it, not {own!r}")
    count_arguments(function, f"the guardrail {own}()")
    return Guardrail(function, own, version)
