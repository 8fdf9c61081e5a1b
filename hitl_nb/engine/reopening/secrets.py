"""Replace keys and passwords in saved arguments by the name of the environment variable that has the value."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hitl_nb import settings
from hitl_nb.errors import HitlError

MIN_SECRET_CHARS = 8
"""Minimum length of a variable's value to count as a secret."""


@dataclass(frozen=True)
class FromEnvironment:
    """A text that contains values of environment variables.

    Attributes:
        parts: The pieces of the text: str for literal text, and `(name,)` for the value of a variable.
    """

    parts: tuple[str | tuple[str], ...]

    def text(self) -> str:
        """Return the text, with the values that the variables have in this process.

        Raises:
            HitlError: A variable is not set.
        """
        found: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                found.append(part)
                continue
            value = settings.read_variable(part[0])
            if value is None:
                raise HitlError(
                    f"the environment variable {part[0]} is not set here. The agent began with its value, which is "
                    "never saved. Set the variable and run the agent again: it continues where it was"
                )
            found.append(value)
        return "".join(found)


def replace_secrets(value: Any, *, inside: bool = True) -> Any:
    """Replace texts that come from environment variables by `FromEnvironment`.

    A container in which nothing is replaced is returned itself, not a copy.

    Args:
        value: A text, a container of texts, or any other value.
        inside: True (default): also replace values inside longer texts (a header, a URL), but only of variables whose
            name sounds like a secret. False: replace only texts that are the value of a variable as a whole.
    """
    known = _list_environment_values(only_secrets=inside)
    return _map_container(value, lambda one: _replace_values(one, known, inside) if isinstance(one, str) else one)


def restore_secrets(value: Any) -> Any:
    """Replace each `FromEnvironment` in a value by its text.

    Raises:
        HitlError: A variable is not set.
    """
    return _map_container(value, lambda one: one.text() if isinstance(one, FromEnvironment) else one)


def _map_container(value: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to all items of a plain container. The container itself is returned if no item changes."""
    if type(value) is dict:
        items = cast("dict[Any, Any]", value)
        changed = {k: _map_container(v, change) for k, v in items.items()}
        return changed if any(changed[k] is not v for k, v in items.items()) else items
    if type(value) in (list, tuple):
        old = cast("list[Any]", value)
        new = [_map_container(v, change) for v in old]
        return type(old)(new) if any(a is not b for a, b in zip(old, new, strict=True)) else old
    return change(value)


_SECRET = re.compile("KEY|TOKEN|SECRET|PASS|PWD|AUTH|CRED", re.IGNORECASE)


def names_secret(name: str) -> bool:
    """Return True if a name suggests that its value is a key or password."""
    return _SECRET.search(name) is not None


def _list_environment_values(*, only_secrets: bool) -> dict[str, str]:
    """Return value -> name of the environment variables, the longest value first.

    Args:
        only_secrets: True: only variables whose name suggests a key or password.
    """
    found = {
        value: name
        for name, value in settings.copy_environment().items()
        if len(value) >= MIN_SECRET_CHARS and not _is_path_list(value) and (not only_secrets or names_secret(name))
    }
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def _is_path_list(value: str) -> bool:
    """Return True if a value is a path or a list of paths. It is not a secret, and may differ on another machine."""
    return all(Path(part).exists() for part in value.split(os.pathsep) if part)


def _replace_values(text: str, known: Mapping[str, str], inside: bool) -> Any:
    if not inside:
        return FromEnvironment(((known[text],),)) if text in known else text
    for secret, name in known.items():
        before, found, after = text.partition(secret)
        if found:
            pieces: list[str | tuple[str]] = [before, (name,)]
            rest = _replace_values(after, known, inside)
            pieces += rest.parts if isinstance(rest, FromEnvironment) else [rest]
            return FromEnvironment(tuple(piece for piece in pieces if piece))
    return text
