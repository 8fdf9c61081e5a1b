"""Tracebacks without the frames of this package.

An exception that leaves a run has passed frames of this package. They are removed from the exception itself, so that
IPython, `traceback` and a debugger all show only the user's lines. Since Python 3.12 the frames of list, set and dict
comprehensions are removed too, because code that is not instrumented has no frame there.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any, cast

_INLINED_COMPREHENSIONS: frozenset[str] = frozenset(
    ("<listcomp>", "<setcomp>", "<dictcomp>") if sys.version_info >= (3, 12) else ()
)
"""Names of functions that only instrumented code has since Python 3.12: natively such code has no frame (PEP 709)."""
_PACKAGE_FOLDER = str(Path(__file__).resolve().parent.parent)


def trim_traceback(error: BaseException) -> BaseException:
    """Remove this package's frames from the traceback of `error`, and of its causes, contexts and sub-exceptions.

    Returns:
        `error` itself.
    """
    seen: set[int] = set()
    errors: list[BaseException | None] = [error]
    for part in errors:
        if part is not None and id(part) not in seen:
            seen.add(id(part))
            part.__traceback__ = _drop_package_frames(part.__traceback__)
            errors += (part.__context__, part.__cause__)
            if isinstance(part, BaseExceptionGroup):
                errors += cast("BaseExceptionGroup[BaseException]", part).exceptions
    return error


def _drop_package_frames(entry: TracebackType | None) -> TracebackType | None:
    first = entry
    kept: list[tuple[TracebackType, int]] = []
    is_whole = True
    while entry is not None:
        line = cast("int | None", entry.tb_lineno)  # None for an instruction that the engine has added
        if entry.tb_frame.f_code.co_filename.startswith(_PACKAGE_FOLDER):
            is_whole = False
        elif entry.tb_frame.f_code.co_name in _INLINED_COMPREHENSIONS and kept:
            is_whole = False
            if line is not None:
                kept[-1] = kept[-1][0], line  # natively the function around the comprehension is at this line
        else:
            is_whole = is_whole and line is not None
            kept.append((entry, -1 if line is None else line))
        entry = entry.tb_next
    if is_whole:
        return first
    following: TracebackType | None = None
    for entry, line in reversed(kept):
        following = TracebackType(following, entry.tb_frame, entry.tb_lasti, line)
    return following


def read_error_lines(error: BaseException) -> list[tuple[str, str, int]]:
    """Return the traceback of an error as data, without this package's frames: (file, function, line) of each entry.

    The frames are also removed from the traceback of the error itself.
    """
    return read_traceback_lines(trim_traceback(error).__traceback__)


def read_traceback_lines(entry: TracebackType | None) -> list[tuple[str, str, int]]:
    """Return a traceback as data, without this package's frames: (file, function, line) of each entry."""
    found: list[tuple[str, str, int]] = []
    while entry is not None:
        code = entry.tb_frame.f_code
        if not code.co_filename.startswith(_PACKAGE_FOLDER):
            found.append((code.co_filename, code.co_name, entry.tb_lineno))
        entry = entry.tb_next
    return found


def from_lines(lines: list[tuple[str, str, int]]) -> TracebackType | None:
    """Make a traceback for an exception that was raised in another process.

    Args:
        lines: (file, function, line) of each entry, outermost first.

    Returns:
        The traceback; None if `lines` is empty.
    """
    made: TracebackType | None = None
    for filename, name, line in reversed(lines):
        made = _make_entry(made, filename, name, line, {})
    return made


def _find_caller() -> Any:
    return sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython


def _make_entry(
    following: TracebackType | None, filename: str, name: str, line: int, ns: dict[str, Any], first: int = 1
) -> TracebackType:
    tree = ast.parse("def here(): return __here__()")
    call: Any = tree.body[0]
    ast.increment_lineno(tree, first - 1)
    ast.increment_lineno(call.body[0], line - first)
    code: Any = compile(tree, filename, "exec").co_consts[0]
    made = FunctionType(code.replace(co_name=name, co_qualname=name), {**ns, "__here__": _find_caller})()
    return TracebackType(following, made, made.f_lasti, line)
