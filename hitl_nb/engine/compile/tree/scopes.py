"""The functions of instrumented code, and the properties of the names in each."""

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
    """One scope of instrumented code: the cell itself, a function, a lambda, a comprehension or a class body."""

    number: int
    kind: FunctionKind
    name: str
    qualname: str
    owner: str  # the class whose methods' private names are mangled with it; "" outside classes
    parent: InstrumentedFunction | None
    globals: frozenset[str] = frozenset()  # names declared `global`
    cells: tuple[str, ...] = ()  # names shared with other functions, as the compiler found them
    files_cells: bool = False
    is_async: bool = False
    is_generator: bool = False
    is_agent: bool = False  # code of an agent, as far as its text tells: it reports behind calls
    first_parameter: str | None = None
    docstrings: int = 0  # statements at the start that must stay there
    locals: frozenset[str] = frozenset()  # local names of the compiled code, shared ones too

    @property
    def is_inlined(self) -> bool:
        """Whether it is a comprehension that this Python makes no function of."""
        return self.name in INLINED_COMPREHENSIONS

    @property
    def scope_of_names(self) -> InstrumentedFunction:
        """The function whose local names are seen here."""
        return self.parent.scope_of_names if self.is_inlined and self.parent is not None else self


def build_qualified_name(name: str, outer: str, kind: str) -> str:
    """Build the `__qualname__` of a definition in a scope of this qualified name and kind."""
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
"""Names of the functions that comprehensions become here, and that this Python makes no scope for (PEP 709)."""
_COMPREHENSIONS = (*EAGER_COMPREHENSIONS, "<genexpr>")


@dataclass(eq=False)
class ScopeNames:
    """Names of a function that need no filing, found from its source."""

    untouched: frozenset[str]  # parameters that nothing binds again
    unshared: frozenset[str]  # locals that no nested scope names
    first_parameter: str | None
    loses_self: bool  # whether the first parameter, or `__class__`, is deleted or declared
    mentioned: frozenset[str] = frozenset()  # all that its own code names

    @classmethod
    def from_scope(cls, node: ast.AST, nodes: Sequence[ast.AST], *, kind: FunctionKind) -> ScopeNames:
        """Args:
        node: the function.
        nodes: of its body, but for those of nested functions.
        """
        if kind in ("cell", "class"):  # no locals
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
    """Makes the names under which values are filed: of the statement's path, so that an edit elsewhere keeps them."""

    def __init__(self) -> None:
        self.path = ""
        self.cleared_on_error: list[str] = []
        self._counts: Counter[str] = Counter()

    def new_name(self, kind: str) -> str:
        """Make a name for a filed value of the current statement; `kind` is its first letter."""
        name = f".{kind}{self.path}.{self._counts[self.path]}"
        self._counts[self.path] += 1
        if kind in _VALUE_KINDS:
            self.cleared_on_error.append(name)
        return name


_VALUE_KINDS = frozenset(
    ("a", "x", "m", "v", "s")
)  # kinds whose value natively dies when an exception leaves the statement

__all__ = ["FiledNames", "FunctionKind", "InstrumentedFunction", "ScopeNames"]
