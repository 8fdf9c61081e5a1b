"""Refused questions: questions that could not be asked, so that the agent's code got `CannotPause`.

`except Exception: pass`, `suppress(Exception)` and `gather(..., return_exceptions=True)` are written for errors of a
call. If they swallowed `CannotPause`, a run would finish without the question, as if nobody had wanted it. So the error
is raised again when code of the run next reports (between statements and in loops). No state is saved until then. If
the agent is run again, it does not get past the question either. Only code that names `CannotPause` or `HitlError` has
decided to continue without the question.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Iterator
from types import FrameType, ModuleType, TracebackType
from typing import Any, cast

from hitl_nb.errors import CannotPause, HitlError

_NOTE = (
    "The question was not asked, and the agent's code swallowed this error, so it is raised again here. "
    "An except clause for Exception, contextlib.suppress or gather(return_exceptions=True) can swallow it. "
    "To continue without the question on purpose, catch hitl.CannotPause by its name."
)
_MISSING = object()


class RefusalTracker:
    """The questions of one run that were refused with `CannotPause` in this process.

    It finds out whether the agent's code has swallowed the error, as `except Exception: pass` does.
    """

    def __init__(self) -> None:
        self._made: list[CannotPause] = []
        self._unseen: list[tuple[CannotPause, tuple[object, ...]]] = []
        self._is_raised = False

    def add_refusal(self, error: CannotPause, calls: tuple[object, ...]) -> None:
        """Record a refused question.

        Args:
            error: The error that the asking code got.
            calls: The recorded calls (steps, gated tools) inside which the question was asked.
        """
        if all(error is not one for one in self._made):
            self._made.append(error)
            self._unseen.append((error, calls))

    def raise_swallowed(self, call: object = None) -> None:
        """Raise the `CannotPause` of a refused question again, if code has swallowed it since the last check.

        Args:
            call: Check only questions that were asked inside this recorded call (step or gated tool). None: check all.

        Raises:
            CannotPause: The code has swallowed it.
        """
        if not self._unseen:
            return
        mine = [one for one, calls in self._unseen if call is None or any(call is each for each in calls)]
        mine = [one for one in mine if not _is_being_raised(one)]
        swallowed = [one for one in mine if not is_caught_by_name(one)]
        if swallowed:
            self._is_raised = self._is_raised or call is None
            _add_note(swallowed[0])
            raise swallowed[0]
        self._unseen = [entry for entry in self._unseen if all(entry[0] is not one for one in mine)]
        self._is_raised = self._is_raised and bool(self._unseen)

    def may_be_behind(self, error: BaseException | None) -> bool:
        """Return whether the code of the run may have continued behind a refused question.

        If so, the run must not be saved at its current position, or at the position where `error` was raised.

        Args:
            error: The error that the code has raised. If it is the refusal itself, or was raised because of it, the
                code has not continued behind that question. None: no error.
        """
        if self._is_raised:
            return True
        chain: list[BaseException] = []
        while error is not None and error not in chain:
            chain.append(error)
            error = error.__cause__ or error.__context__
        return any(all(one is not each for each in chain) for one, _ in self._unseen)


def _add_note(error: BaseException) -> None:
    if not getattr(error, "__notes__", None):
        error.add_note(_NOTE)


def _names_refusal(types: Any) -> bool:
    if isinstance(types, tuple):
        return any(map(_names_refusal, cast("tuple[object, ...]", types)))
    return isinstance(types, type) and issubclass(CannotPause, types) and issubclass(types, HitlError)


# -- the code that caught an error


def _is_being_raised(error: BaseException) -> bool:
    """Return whether this thread now runs a `finally` block or the end of a `with` block because of the error.

    If so, no handler has caught the error yet.
    """
    if error is not sys.exception() or error.__traceback__ is None:
        return False
    around = _list_enclosing_statements(error.__traceback__)
    return not any(isinstance(one, (ast.Try, ast.TryStar)) and one.handlers for one in around)


def is_caught_by_name(error: BaseException) -> bool:
    """Return whether the code that caught a `CannotPause` names this class, as `except CannotPause` does.

    Such code continues without the question on purpose. `HitlError` counts as such a name, too. An argument of a `with`
    block counts, too: `with suppress(CannotPause)`. False if the code cannot be read, or if the handler raises the
    error again.

    Args:
        error: The caught error. The first entry of its traceback is of the frame that caught it.
    """
    entry = error.__traceback__
    if entry is None:
        return False
    for statement in _list_enclosing_statements(entry):
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            if any(_is_named_in(item.context_expr, entry.tb_frame) for item in statement.items):
                return True
            continue
        for handler in statement.handlers:
            types = _evaluate_name(handler.type, entry.tb_frame) if handler.type is not None else BaseException
            if _names_refusal(types):
                return not _raises_again(handler)
            if types is _MISSING or _catches(types, error):
                return False
    return False


def _catches(types: Any, error: BaseException) -> bool:
    try:
        return isinstance(error, types)
    except TypeError:  # `types` is no class, and no tuple of classes
        return True


def _is_named_in(manager: ast.expr, frame: FrameType) -> bool:
    return isinstance(manager, ast.Call) and any(_names_refusal(_evaluate_name(arg, frame)) for arg in manager.args)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    again = (None, handler.name)
    return any(
        isinstance(node, ast.Raise) and (node.exc is None or (isinstance(node.exc, ast.Name) and node.exc.id in again))
        for node in ast.walk(handler)
    )


def _list_enclosing_statements(entry: TracebackType) -> list[ast.Try | ast.TryStar | ast.With | ast.AsyncWith]:
    """List the `try` and `with` statements around the line of a traceback entry, the innermost first.

    Only statements whose body has the line count. The list is empty if there is no source.
    """
    try:
        lines, first = inspect.getsourcelines(entry.tb_frame)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return []  # no source
    line = entry.tb_lineno - max(first, 1) + 1
    return list(_iterate_enclosing(tree.body, line))[::-1]


def _iterate_enclosing(body: list[ast.stmt], line: int) -> Iterator[Any]:
    for statement in body:
        if not statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            continue
        for name, field in ast.iter_fields(statement):
            parts: list[Any] = [*field] if isinstance(field, list) else []
            if name == "handlers" or name == "cases":
                parts = [one for part in parts for one in part.body]
            if not any(isinstance(p, ast.stmt) and p.lineno <= line <= (p.end_lineno or p.lineno) for p in parts):
                continue
            if name == "body" and isinstance(statement, (ast.Try, ast.TryStar, ast.With, ast.AsyncWith)):
                yield statement
            yield from _iterate_enclosing(parts, line)


def _evaluate_name(node: ast.expr, frame: FrameType) -> Any:
    """Return the value of an expression in a frame, without running code.

    Supported are a name, an attribute of a module or class, and a tuple of these. For other expressions, and for names
    that are not found, the result is `_MISSING`.
    """
    if isinstance(node, ast.Tuple):
        return tuple(_evaluate_name(item, frame) for item in node.elts)
    if isinstance(node, ast.Name):
        spaces = (frame.f_locals, frame.f_globals, vars(builtins))
        return next((space[node.id] for space in spaces if node.id in space), _MISSING)
    if isinstance(node, ast.Attribute):
        owner = _evaluate_name(node.value, frame)
        if isinstance(owner, (ModuleType, type)):
            return getattr(owner, node.attr, _MISSING)
    return _MISSING
