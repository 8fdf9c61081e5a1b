"""Questions that could not be asked, and whose `CannotPause` the agent's code may swallow.

`except Exception: pass`, `suppress(Exception)` and `gather(..., return_exceptions=True)` are written for what can go
wrong in a call. If they took `CannotPause` as such, a run would finish without the question, as if nobody had wanted
one. So that error is raised again behind the operation that swallowed it, and handlers in exact code skip it. Only code
that names `CannotPause` or `HitlError` has decided to continue without the question.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Iterator
from types import FrameType, ModuleType, TracebackType
from typing import Any

from hitl_nb.errors import CannotPause, HitlError

_NOTE = (
    "The agent's code swallowed this error (an except clause for Exception, contextlib.suppress, "
    "gather(return_exceptions=True) or the like), so it is raised here: the question was not asked. "
    "Code that continues without it on purpose names hitl.CannotPause."
)
_MISSING = object()


class RefusedQuestions:
    """The refusals of one run in this process.

    Attributes:
        raised: the one that exact code is being unwound for, or None.
    """

    def __init__(self) -> None:
        self._made: list[CannotPause] = []
        self._unseen: list[tuple[CannotPause, tuple[object, ...]]] = []
        self.raised: BaseException | None = None

    def add(self, error: CannotPause, calls: tuple[object, ...]) -> None:
        """A question was refused, inside of the recorded `calls`."""
        if all(error is not one for one in self._made):
            self._made.append(error)
            self._unseen.append((error, calls))

    def check(self, call: object = None) -> None:
        """Raise the refusal that code has swallowed since the last check, if any: all code, or that of `call`."""
        if not self._unseen:
            return
        mine = [one for one, calls in self._unseen if call is None or any(call is each for each in calls)]
        swallowed = [one for one in mine if not is_caught_by_name(one)]
        if swallowed:
            _note(swallowed[0])
            raise swallowed[0]
        self._unseen = [entry for entry in self._unseen if all(entry[0] is not one for one in mine)]

    def in_place_of(self, error: BaseException) -> BaseException:
        """What an operation that raised `error` is unwound for: the refusal that led to it, if there is one."""
        unseen, self._unseen = [one for one, _ in self._unseen], []
        if any(error is one for one in self._made):
            self.raised = error
        else:
            swallowed = [one for one in unseen if not is_caught_by_name(one)]
            if not swallowed:
                return error
            self.raised = swallowed[0]
            _note(swallowed[0], f"Raised in place of {type(error).__name__}: {error}")
        return self.raised

    def handle(self, types: Any) -> bool:
        """Whether `except types` handles the refusal that is raised: if it names it."""
        if _names_refusal(types):
            self.raised = None
            return True
        return False


def _note(error: BaseException, text: str = _NOTE) -> None:
    if not getattr(error, "__notes__", None):
        error.add_note(text)


def _names_refusal(types: Any) -> bool:
    if isinstance(types, tuple):
        return any(map(_names_refusal, types))  # pyright: ignore[reportUnknownArgumentType]
    return isinstance(types, type) and issubclass(CannotPause, types) and issubclass(types, HitlError)


# -- who caught an error


def is_caught_by_name(error: BaseException) -> bool:
    """Whether the code that caught a refusal names it: in an except clause, or among the arguments of a with block.

    The first entry of a traceback is of the frame that caught the error. In doubt it does not.
    """
    entry = error.__traceback__
    if entry is None:
        return False
    for statement in _statements_around(entry):
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            if any(_is_named_in(item.context_expr, entry.tb_frame) for item in statement.items):
                return True
            continue
        for handler in statement.handlers:
            types = _value_of(handler.type, entry.tb_frame) if handler.type is not None else BaseException
            if _names_refusal(types):
                return not _raises_again(handler)
            if types is _MISSING or _catches(types, error):
                return False
    return False


def _catches(types: Any, error: BaseException) -> bool:
    try:
        return isinstance(error, types)
    except TypeError:  # no class, or a tuple with something else in it
        return True


def _is_named_in(manager: ast.expr, frame: FrameType) -> bool:
    return isinstance(manager, ast.Call) and any(_names_refusal(_value_of(arg, frame)) for arg in manager.args)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    again = (None, handler.name)
    return any(
        isinstance(node, ast.Raise) and (node.exc is None or (isinstance(node.exc, ast.Name) and node.exc.id in again))
        for node in ast.walk(handler)
    )


def _statements_around(entry: TracebackType) -> list[ast.Try | ast.TryStar | ast.With | ast.AsyncWith]:
    """The `try` and `with` statements in whose body a frame stood, the innermost first."""
    try:
        lines, first = inspect.getsourcelines(entry.tb_frame)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return []  # no source
    line = entry.tb_lineno - max(first, 1) + 1
    return list(_around(tree.body, line))[::-1]


def _around(body: list[ast.stmt], line: int) -> Iterator[Any]:
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
            yield from _around(parts, line)


def _value_of(node: ast.expr, frame: FrameType) -> Any:
    """What a name, an attribute of a module or class, or a tuple of these means in a frame; no code is run."""
    if isinstance(node, ast.Tuple):
        return tuple(_value_of(item, frame) for item in node.elts)
    if isinstance(node, ast.Name):
        spaces = (frame.f_locals, frame.f_globals, vars(builtins))
        return next((space[node.id] for space in spaces if node.id in space), _MISSING)
    if isinstance(node, ast.Attribute):
        owner = _value_of(node.value, frame)
        if isinstance(owner, (ModuleType, type)):
            return getattr(owner, node.attr, _MISSING)
    return _MISSING
