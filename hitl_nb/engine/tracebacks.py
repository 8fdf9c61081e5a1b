"""Tracebacks without the frames of this package.

An exception that leaves a run has passed frames of this package. They are removed from the exception itself, so that
IPython, `traceback` and a debugger all show only the user's lines. Since Python 3.12 the frames of list, set and dict
comprehensions are removed too, because code that is not instrumented has no frame there.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any, cast

_INLINED_COMPREHENSIONS: frozenset[str] = frozenset(
    ("<listcomp>", "<setcomp>", "<dictcomp>") if sys.version_info >= (3, 12) else ()
)
"""Names of functions that only instrumented code has since Python 3.12: natively such code has no frame (PEP 709)."""
_PACKAGE_FOLDER = str(Path(__file__).resolve().parent.parent)
_INTEGRATIONS_FOLDER = str(Path(_PACKAGE_FOLDER, "integrations"))
"""Agents of integrations resume exactly, so an error must name their frames: a retry begins at the innermost one."""


def trim_traceback(error: BaseException) -> BaseException:
    """Remove this package's frames from the traceback of `error`, and of its causes, contexts and sub-exceptions.

    Frames of comprehensions stay: a run that has failed finds in them where it can continue.

    Returns:
        `error` itself.
    """
    for part in _list_errors(error):
        part.__traceback__ = _change_entries(part.__traceback__, _drop_package_frames)
    return error


def show_native_frames(error: BaseException) -> BaseException:
    """Do the same as `trim_traceback`, and remove frames of comprehensions, which natively have none since Python 3.12.

    For an error that has left the run: where the run can continue is no longer read from its traceback.

    Returns:
        `error` itself.
    """
    for part in _list_errors(error):
        part.__traceback__ = _change_entries(part.__traceback__, lambda all_: _join_frames(_drop_package_frames(all_)))
    return error


def _list_errors(error: BaseException) -> list[BaseException]:
    """Return an error, its causes and contexts, and the exceptions of groups, each once."""
    found: dict[int, BaseException] = {}
    errors: list[BaseException | None] = [error]
    for part in errors:
        if part is not None and id(part) not in found:
            found[id(part)] = part
            errors += (part.__context__, part.__cause__)
            if isinstance(part, BaseExceptionGroup):
                errors += cast("BaseExceptionGroup[BaseException]", part).exceptions
    return list(found.values())


_Entries = list[tuple[TracebackType, int]]  # entries of a traceback, each with the line to show


def _change_entries(entry: TracebackType | None, change: Callable[[_Entries], _Entries]) -> TracebackType | None:
    """Return a traceback with other entries; the same object if `change` keeps all of them."""
    first, entries = entry, _Entries()
    while entry is not None:
        line = cast("int | None", entry.tb_lineno)  # None for an instruction that the engine has added
        entries.append((entry, -1 if line is None else line))
        entry = entry.tb_next
    changed = change(entries)
    if changed == entries and all(line != -1 for _, line in entries):
        return first
    following: TracebackType | None = None
    for entry, line in reversed(changed):
        following = TracebackType(following, entry.tb_frame, entry.tb_lasti, line)
    return following


def _drop_package_frames(entries: _Entries) -> _Entries:
    return [(e, line) for e, line in entries if not _is_package_file(e.tb_frame.f_code.co_filename)]


def _is_package_file(file: str) -> bool:
    return file.startswith(_PACKAGE_FOLDER) and not file.startswith(_INTEGRATIONS_FOLDER)


def _join_frames(entries: _Entries) -> _Entries:
    """Remove the entries of comprehensions. The function around a comprehension gets its line, as natively."""
    joined = _Entries()
    for entry, line in entries:
        if joined and entry.tb_frame.f_code.co_name in _INLINED_COMPREHENSIONS:
            joined[-1] = joined[-1][0], line if line != -1 else joined[-1][1]
        else:
            joined.append((entry, line))
    return joined


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
        if not _is_package_file(code.co_filename):
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
