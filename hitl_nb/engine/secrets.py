"""Keys and passwords among the arguments of what is opened again: saved as the name of an environment variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..errors import HitlError

SHORTEST = 8
"""Letters that the value of a variable must have to be taken for a secret."""


@dataclass(frozen=True)
class FromEnvironment:
    """A text with the values of environment variables in it: `parts` are texts and, as 1-tuples, names."""

    parts: tuple[str | tuple[str], ...]

    def text(self) -> str:
        """The text, with the values as they are here. Raises HitlError if a variable is missing."""
        found: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                found.append(part)
                continue
            value = os.environ.get(part[0])
            if value is None:
                raise HitlError(
                    f"the environment variable {part[0]} is not set here: the agent was made with its value, which is "
                    "never saved; set it, and run the agent again: it continues where it was"
                )
            found.append(value)
        return "".join(found)


def without_secrets(value: Any, *, inside: bool = True) -> Any:
    """A copy of plain containers in which texts that come from the environment are FromEnvironment.

    Args:
        inside: look for them inside longer texts, too (a header, a URL); otherwise the whole text must be the value.
    """
    return _replaced(value, _values(), inside)


def with_secrets(value: Any) -> Any:
    """Undo `without_secrets`. Raises HitlError if a variable is missing."""
    if isinstance(value, FromEnvironment):
        return value.text()
    if type(value) is dict:
        return {with_secrets(k): with_secrets(v) for k, v in cast("dict[Any, Any]", value).items()}
    if type(value) in (list, tuple):
        return type(value)(with_secrets(v) for v in cast("list[Any]", value))
    return value


def _values() -> dict[str, str]:
    """Names by value, the longest first."""
    found = {value: name for name, value in os.environ.items() if len(value) >= SHORTEST and not _is_place(value)}
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def _is_place(value: str) -> bool:
    """Whether a variable holds a path, or a list of paths: no secret, and another one elsewhere."""
    return all(Path(part).exists() for part in value.split(os.pathsep) if part)


def _replaced(value: Any, known: Mapping[str, str], inside: bool) -> Any:
    if isinstance(value, str):
        return _replaced_text(value, known, inside)
    if type(value) is dict:
        return {k: _replaced(v, known, inside) for k, v in cast("dict[Any, Any]", value).items()}
    if type(value) in (list, tuple):
        return type(value)(_replaced(v, known, inside) for v in cast("list[Any]", value))
    return value


def _replaced_text(text: str, known: Mapping[str, str], inside: bool) -> Any:
    if not inside:
        return FromEnvironment(((known[text],),)) if text in known else text
    for secret, name in known.items():
        before, found, after = text.partition(secret)
        if found:
            pieces: list[str | tuple[str]] = [before, (name,)]
            rest = _replaced_text(after, known, inside)
            pieces += rest.parts if isinstance(rest, FromEnvironment) else [rest]
            return FromEnvironment(tuple(piece for piece in pieces if piece))
    return text
