"""Open files that are open for reading again, by their path and at the same position."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitl_nb.engine.refusals import NotSavedError
from hitl_nb.engine.reopening.reopen_recipes import ReopenRecipe
from hitl_nb.errors import HitlError


@dataclass
class _File:
    path: Path
    mode: str
    position: int = 0
    size: int = 0
    encoding: str | None = None
    errors: str | None = None
    newline: str | None = None
    closed: bool = False


_WAY = "read what is needed before the checkpoint (list(file), file.read()), or open it after it"


def _describe_file(file: Any) -> _File:
    text = isinstance(file, io.TextIOWrapper)
    encoding, errors = (file.encoding, file.errors) if text else (None, None)
    mode = "r" if text else "rb"
    name: Any = getattr(file, "name", None)
    if not isinstance(name, (str, bytes)):
        raise NotSavedError("it is not a file with a path", _WAY)
    path = Path(os.fsdecode(name)).absolute()
    if file.closed:
        return _File(path, mode, encoding=encoding, errors=errors, closed=True)
    if file.writable():
        raise NotSavedError(
            "it is open for writing", "close it before the checkpoint, and open it with mode 'a' after it"
        )
    about = os.fstat(file.fileno())
    if not stat.S_ISREG(about.st_mode) or not path.exists():
        raise NotSavedError("it is not a regular file", _WAY)
    newline = _find_newline(file, path) if text else None
    position = _find_position(file) if text else file.tell()
    return _File(path, mode, position, about.st_size, encoding, errors, newline)


def _find_newline(file: Any, path: Path) -> str | None:
    """Return the argument `newline` with which a text file was opened: None translates line ends, "" keeps them.

    The argument has no attribute, so it is found by reading.
    """
    with path.open("rb") as raw:
        if not any(b"\r" in part for part in iter(lambda: raw.read(1 << 20), b"")):
            return None
    position = _find_position(file)
    file.seek(0)
    keeps = any("\r" in part for part in iter(lambda: file.read(1 << 20), ""))
    file.seek(position)
    return "" if keeps else None


def _find_position(file: Any) -> int:
    """Return the position in a text file.

    Inside a loop over the file, `tell` raises an error. Then the position is computed from the length of the unread
    rest.
    """
    try:
        return file.tell()
    except OSError:
        left = len(file.read())
        file.seek(0)
        length = len(file.read())
        file.seek(0)
        file.read(length - left)
        return file.tell()


def _open_file(what: _File) -> Any:
    if what.closed:
        known = what.path if what.path.is_file() else Path(os.devnull)
        with known.open(what.mode, encoding=what.encoding, errors=what.errors) as file:
            return file  # the `with` block closes it
    if not what.path.is_file() or what.path.stat().st_size < what.size:
        raise HitlError(
            f"{what.path} is gone or shorter than when the agent paused. The agent was reading it. Put the file back "
            "and run the agent again: it continues where it was"
        )
    opened = what.path.open(what.mode, encoding=what.encoding, errors=what.errors, newline=what.newline)
    opened.seek(what.position)
    return opened


TEXT = BINARY = ReopenRecipe(_describe_file, _open_file)
