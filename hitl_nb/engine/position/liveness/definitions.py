"""What simple statements and definitions do with names. What is defined is looked through once, for what it reads."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from hitl_nb.engine.compile.tree.nodes import FUNCTIONS, is_engine_name
from hitl_nb.engine.compile.tree.trees import CELLS
from hitl_nb.engine.position.liveness.name_sets import NOTHING, Effect, NameSets
from hitl_nb.engine.position.liveness.reads import Reads


class Exits(NamedTuple):
    """The names that are live where a statement may be left to, other than at its end."""

    error: int = 0
    returned: int = 0
    broke: int = 0
    continued: int = 0


NO_EXITS = Exits()


class Nested(NamedTuple):
    """What a function, a lambda or a class body does with the names around it.

    Attributes:
        reads: names that it may read before it binds them.
        loads: names that it reads anywhere.
        binds: names that it may bind, as `global` or `nonlocal`.
        escaping: names that what it defines may share with it after it has ended.
    """

    reads: int
    loads: int
    binds: int
    escaping: int


class Definitions(Reads):
    """Adds simple statements and definitions to `Reads`; `Flow` adds all others.

    Args:
        nested: what was found of nested functions, by their nodes; shared by the scopes of a tree.
    """

    def __init__(
        self,
        names: NameSets,
        nested: dict[ast.AST, Nested],
        owner: str = "",
        declared: frozenset[str] = frozenset(),
        *,
        is_class: bool = False,
    ) -> None:
        super().__init__(names, owner, declared, is_class=is_class)
        self.nested = nested
        self._effects: dict[type[ast.AST], Callable[[Any], Effect]] = {
            ast.Assign: self._assign,
            ast.AugAssign: self._augmented,
            ast.AnnAssign: self._annotated,
            ast.Assert: self._assert,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Global: lambda _: NOTHING,
            ast.Nonlocal: lambda _: NOTHING,
        }

    @abstractmethod
    def block(self, statements: Sequence[ast.stmt], live: int, exits: Exits) -> int: ...

    def simple(self, node: ast.stmt) -> Effect:
        """The effect of a statement that has no blocks."""
        effect = self._effects.get(type(node))
        return self.effect(node) if effect is None else effect(node)

    def of_value(self, node: ast.AST | None) -> Effect:
        return NOTHING if node is None else self.effect(node)

    # -- simple statements

    def _assign(self, node: ast.Assign) -> Effect:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == CELLS:  # takes the cells, whatever is in them
            return (0, self.store(CELLS))
        return self.in_turn([node.value, *node.targets])

    def _augmented(self, node: ast.AugAssign) -> Effect:
        reads, binds = self.effect(node.value)
        target = node.target
        if not isinstance(target, ast.Name):
            more, bound = self.effect(target)
            return (more | (reads & ~bound), binds | bound)
        old = self.loading(self.bit(target.id))
        return (reads | old | self.aliases.get(old, 0), binds | self.store(target.id))

    def _annotated(self, node: ast.AnnAssign) -> Effect:
        if node.value is not None:
            return self.in_turn([node.value, node.target, node.annotation])
        reads, _ = self.in_turn([node.target, node.annotation])  # a name becomes a local, and is not bound
        return (reads, 0)

    def _assert(self, node: ast.Assert) -> Effect:
        reads, binds = self.effect(node.test)
        return (reads | (self.of_value(node.msg)[0] & ~binds), binds)

    def _import(self, node: ast.Import) -> Effect:
        binds = reads = 0
        for alias in node.names:
            if alias.name == "__main__":
                reads |= self.loading(self.names.every)
            binds |= self.store(alias.asname or alias.name.partition(".")[0])
        return (reads, binds)

    def _import_from(self, node: ast.ImportFrom) -> Effect:
        reads = self.loading(self.names.every) if node.module in ("__main__", "builtins") else 0
        binds = 0
        for alias in node.names:
            if alias.name != "*":
                binds |= self.store(alias.asname or alias.name)
        return (reads, binds)

    # -- definitions

    def _function(self, node: Any) -> Effect:
        args = node.args
        annotations = parts_of(*(arg.annotation for arg in _parameters(args)))
        defaults = [*args.defaults, *parts_of(*args.kw_defaults)]
        reads, binds = self.in_turn([*node.decorator_list, *defaults, *annotations, *parts_of(node.returns)])
        for part in getattr(node, "type_params", ()):
            reads |= self.of_value(getattr(part, "bound", None))[0]
        reads |= self.defined(node) & ~binds
        return (reads, binds | self.store(node.name))

    def _class(self, node: ast.ClassDef) -> Effect:
        reads, binds = self.in_turn([*node.decorator_list, *node.bases, *node.keywords])
        found = self.find_nested(node)
        reads |= self._note(found) & ~binds
        self.escaping |= self._seen(found.loads | found.binds)
        return (reads, binds | self.store(node.name))

    def defined(self, node: Any) -> int:
        found = self.find_nested(node)
        self.escaping |= self._seen(found.escaping if is_done_in_place(node) else found.loads | found.binds)
        return self._note(found)

    def _note(self, found: Nested) -> int:
        """Note the names of a nested function. Returns those that defining it reads."""
        self.binds_below |= self._seen(found.binds)
        reads, loads = self._seen(found.reads), self._seen(found.loads)
        if not self.is_class:
            self.loads |= loads
            return reads
        self.beyond |= reads
        self.beyond_loads |= loads
        return 0

    def _seen(self, mask: int) -> int:
        """Names of a nested function as they are seen here: those declared `global` are the namespace's for it, too."""
        if self.is_class:
            return mask
        for name in self.declared:
            bit = self.names.bit(name)
            if mask & bit:
                mask = (mask & ~bit) | self.names.global_bit(name)
        return mask

    def find_nested(self, node: Any) -> Nested:
        found = self.nested.get(node)
        if found is None:
            found = self.nested[node] = self._class_body(node) if isinstance(node, ast.ClassDef) else self._body(node)
        return found

    def _body(self, node: Any) -> Nested:
        is_lambda = isinstance(node, ast.Lambda)
        spaced, outer = (frozenset[str](), frozenset[str]()) if is_lambda else declarations(node.body)
        inner = type(self)(self.names, self.nested, self.owner, spaced)
        live = inner.effect(node.body)[0] if is_lambda else inner.block(node.body, 0, NO_EXITS)
        for arg in _parameters(node.args):
            inner.store(arg.arg)
        outward = 0
        for name in (*spaced, *outer):
            outward |= inner.bit(name)
        own = inner.stores & ~outward
        binds = (inner.stores & outward) | (inner.binds_below & ~own)
        return Nested(live & ~own, inner.loads & ~own, binds, inner.escaping & ~own)

    def _class_body(self, node: ast.ClassDef) -> Nested:
        """A class body is executed in place. Its functions do not see its names."""
        spaced, outer = declarations(node.body)
        inner = type(self)(self.names, self.nested, node.name, spaced, is_class=True)
        live = inner.block(node.body, 0, NO_EXITS)
        outward = 0
        for name in (*spaced, *outer):
            outward |= inner.bit(name)
        own = (inner.stores & ~outward) | self.names.union(("__module__", "__qualname__"))
        hidden = self.names.bit("__class__")
        reads = live | self.names.as_globals(live & own) | (inner.beyond & ~hidden)
        loads = reads | (inner.loads & ~own) | (inner.beyond_loads & ~hidden)
        return Nested(reads, loads, (inner.stores & outward) | inner.binds_below, inner.escaping & ~hidden)


def declarations(body: Iterable[ast.AST]) -> tuple[frozenset[str], frozenset[str]]:
    """The names that statements of a scope declare `global`, and `nonlocal`."""
    spaced: set[str] = set()
    outer: set[str] = set()
    todo = list(body)
    for node in todo:  # grows
        if isinstance(node, ast.Global):
            spaced.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            outer.update(node.names)
        else:
            todo += below(node)
    return frozenset(spaced), frozenset(outer)


def below(node: ast.AST) -> list[ast.AST]:
    """The statements, handlers and cases in the blocks of a statement, of its own scope."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.expr)):
        return []
    return [part for field in _BLOCKS for part in getattr(node, field, ())]


_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def is_done_in_place(node: Any) -> bool:
    """Whether a function is the engine's own for a list, set or dict comprehension: called where it is defined."""
    is_own = isinstance(node, FUNCTIONS) and is_engine_name(node.name)
    return is_own and node.name.startswith(".c") and isinstance(node.body[-1], ast.Return)


def _parameters(args: ast.arguments) -> list[ast.arg]:
    rest = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *rest]


def parts_of(*parts: ast.AST | None) -> list[ast.AST]:
    return [part for part in parts if part is not None]
