"""Functions of instrumented code, and properties of the names in each function.

To *file* a value is to keep it in a local name of the engine, which begins with a dot. A *cell* (in `cells`) is
CPython's object for a variable that several functions share.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hitl_nb.engine.compile.tree.nodes import COMPREHENSIONS, SCOPES, collect_names

FunctionKind = Literal["cell", "def", "lambda", "class"]


@dataclass(eq=False)
class InstrumentedFunction:
    """One scope of instrumented code: a notebook cell or module, a function, a lambda, a comprehension or a class body.

    Attributes:
        number: Index of the function in its source text; 0 is the notebook cell or module itself.
        owner: Name of the class that private names (`__x`) are mangled with; empty outside classes.
        parent: The scope around it.
        globals: Names declared `global`.
        cells: Names that the function shares with other functions (closure variables).
        files_cells: True if the function keeps its closure cells in a local variable, so that a save can find them.
        is_agent: True for code of an agent, as far as the text tells. It lets the engine save the run after calls.
        first_parameter: Name of the first parameter.
        docstrings: Number of statements that must stay first: 1 if there is a docstring.
        locals: Local names of the compiled code, including those that are shared with other functions.
    """

    number: int
    kind: FunctionKind
    name: str
    qualname: str
    owner: str
    parent: InstrumentedFunction | None
    globals: frozenset[str] = frozenset()
    cells: tuple[str, ...] = ()
    files_cells: bool = False
    is_async: bool = False
    is_generator: bool = False
    is_agent: bool = False
    first_parameter: str | None = None
    docstrings: int = 0
    locals: frozenset[str] = frozenset()

    @property
    def is_inlined(self) -> bool:
        """Whether this is a comprehension that Python itself runs without a frame of its own (PEP 709, Python 3.12)."""
        return self.name in INLINED_COMPREHENSIONS

    @property
    def scope_of_names(self) -> InstrumentedFunction:
        """The function whose local names are visible in this scope.

        That is the scope itself. For a comprehension that Python runs without a frame of its own, it is the function
        around it.
        """
        return self.parent.scope_of_names if self.is_inlined and self.parent is not None else self


def build_qualified_name(name: str, outer: str, kind: str) -> str:
    """Return the `__qualname__` of a definition, for example `f.<locals>.g`.

    Args:
        name: Name of the definition.
        outer: Qualified name of the scope around it.
        kind: Kind of the scope around it.
    """
    if kind == "cell":
        return name
    while outer.endswith(INLINED_COMPREHENSIONS):
        outer = outer.rpartition(".")[0].removesuffix(".<locals>")
        kind = "def" if outer else "cell"
        if not outer:
            return name
    return f"{outer}.{name}" if kind == "class" or outer.endswith(_COMPREHENSIONS) else f"{outer}.<locals>.{name}"


EAGER_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
INLINED_COMPREHENSIONS: tuple[str, ...] = EAGER_COMPREHENSIONS if sys.version_info >= (3, 12) else ()
"""Names of the comprehensions for which this Python makes no scope (PEP 709). The engine makes functions of them."""
_COMPREHENSIONS = (*EAGER_COMPREHENSIONS, "<genexpr>")


@dataclass(eq=False)
class ScopeNames:
    """Properties of the names of a function, found from its source.

    They say which values need no extra local variable, because their name keeps them during the whole statement.

    Attributes:
        untouched: Parameters that no statement binds again.
        unshared: Local names that no nested scope uses.
        first_parameter: Name of the first parameter; None if there is none.
        loses_self: True if the first parameter, or `__class__`, is deleted or declared `global` or `nonlocal`.
        mentioned: All names that occur in the function's own code.
    """

    untouched: frozenset[str]
    unshared: frozenset[str]
    first_parameter: str | None
    loses_self: bool
    mentioned: frozenset[str] = frozenset()

    @classmethod
    def from_scope(cls, node: ast.AST, nodes: Sequence[ast.AST], *, kind: FunctionKind) -> ScopeNames:
        """Find the properties of the names of a function.

        Args:
            node: The function.
            nodes: Nodes of its body, without the nodes inside nested functions.
            kind: Kind of the scope. A cell and a class have no local names, so the sets are empty.
        """
        if kind in ("cell", "class"):  # such a scope has no local names
            return cls(frozenset(), frozenset(), None, loses_self=False)
        shared: set[str] = set()
        bound: set[str] = set()
        rebound: set[str] = set()
        deleted: set[str] = set()
        declared: set[str] = set()
        named: set[str] = set()
        for part in nodes:
            if isinstance(part, ast.Name):
                named.add(part.id)
                if isinstance(part.ctx, ast.Store):
                    bound.add(part.id)
                elif isinstance(part.ctx, ast.Del):
                    rebound.add(part.id)
                    deleted.add(part.id)
            if part.__class__ not in _NAMING_KINDS:
                continue
            match part:
                case ast.Global(names=names) | ast.Nonlocal(names=names):
                    declared.update(names)
                case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                    rebound.add(name)
                case ast.MatchMapping(rest=str(name)):
                    rebound.add(name)
                case ast.alias(name=name, asname=alias):
                    rebound.add(alias or name.partition(".")[0])
                case _:
                    if isinstance(part, (*SCOPES, *COMPREHENSIONS)):
                        shared |= collect_names(part)
                    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                        rebound.add(part.name)
        parameters = _list_parameters(node)
        plain = {*parameters} - shared - declared
        return cls(
            untouched=frozenset(plain - bound - rebound),
            unshared=frozenset((plain | bound) - declared - shared),
            first_parameter=parameters[0] if parameters else None,
            loses_self=bool({*parameters[:1], "__class__"} & (deleted | declared)),
            mentioned=frozenset({*parameters, *rebound, *named}),
        )


_NAMING_KINDS = frozenset(
    (
        *(ast.Global, ast.Nonlocal, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
        *(ast.alias, *SCOPES, *COMPREHENSIONS),
    )
)


def _list_parameters(node: ast.AST) -> list[str]:
    args = getattr(node, "args", None)
    if not isinstance(args, ast.arguments):
        return []
    rest = [arg for arg in (*args.kwonlyargs, args.vararg, args.kwarg) if arg is not None]
    return [arg.arg for arg in (*args.posonlyargs, *args.args, *rest)]


class FiledNames:
    """Maker of names for the extra local variables in which instrumented code keeps intermediate values.

    A name contains the path of its statement in the function, not a running number. So an edit of another statement
    does not change the name, and a saved frame can still be read.

    Attributes:
        path: Path of the current statement, for example `0b2`: statement 2 of the body of statement 0 (both 0-based).
        cleared_on_error: Names that an `except` sets to None, because Python itself has dropped their values by then.
    """

    def __init__(self) -> None:
        self.path = ""
        self.cleared_on_error: list[str] = []
        self._counts: Counter[str] = Counter()

    def new_name(self, kind: str) -> str:
        """Return a new name for a local variable that keeps an intermediate value of the current statement.

        Args:
            kind: First letter of the name, which says what the value is.
        """
        name = f".{kind}{self.path}.{self._counts[self.path]}"
        self._counts[self.path] += 1
        if kind in _VALUE_KINDS:
            self.cleared_on_error.append(name)
        return name


_VALUE_KINDS = frozenset(
    ("a", "x", "m", "v", "s")
)  # kinds of values that Python itself drops when an exception leaves the statement

__all__ = ["FiledNames", "FunctionKind", "InstrumentedFunction", "ScopeNames"]
