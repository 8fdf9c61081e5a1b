"""Effects of simple statements and of definitions on names: the names that they read, and the names that they bind.

Sets of names are masks: integers with one bit per name. The body of a definition is analyzed once.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from hitl_nb.engine.compile.tree.nodes import FUNCTIONS, is_engine_name
from hitl_nb.engine.compile.tree.trees import CELLS_NAME
from hitl_nb.engine.position.liveness.name_sets import NO_EFFECT, NameEffect, NameSets
from hitl_nb.engine.position.liveness.reads import ExpressionAnalysis


class Exits(NamedTuple):
    """The names that are live (may still be read) at each exit of a statement other than its end, as masks.

    A mask is an integer with one bit per name.

    Attributes:
        at_error: where an error of the statement continues.
        at_return: after a `return` in the statement.
        at_break: after a `break`.
        at_continue: after a `continue`.
    """

    at_error: int = 0
    at_return: int = 0
    at_break: int = 0
    at_continue: int = 0


NO_EXITS = Exits()


class NestedDefinition(NamedTuple):
    """The effects of a function, lambda or class body on the names of the scopes around it.

    The names are masks: integers with one bit per name.

    Attributes:
        reads: names that it may read before it binds them.
        loads: names that it reads anywhere.
        binds: names that it may bind, as `global` or `nonlocal`.
        escaping_names: names that the functions it defines may still use after it has ended.
    """

    reads: int
    loads: int
    binds: int
    escaping_names: int


class DefinitionAnalysis(ExpressionAnalysis):
    """The analysis of one scope's simple statements and definitions: which names they read and bind.

    `ExpressionAnalysis`, its base, analyzes expressions; `FlowAnalysis`, its subclass, adds all other statements.

    Args:
        name_sets: gives each name a bit, so that a set of names is an integer.
        nested_definitions: node of a definition -> its effects; shared by all scopes of a tree.
        owner: name of the class around the scope; "" if there is none.
        declared_names: names that the scope declares `global`.
        is_class: whether the scope is a class body.
    """

    def __init__(
        self,
        name_sets: NameSets,
        nested_definitions: dict[ast.AST, NestedDefinition],
        owner: str = "",
        declared_names: frozenset[str] = frozenset(),
        *,
        is_class: bool = False,
    ) -> None:
        super().__init__(name_sets, owner, declared_names, is_class=is_class)
        self.nested_definitions = nested_definitions
        self._statement_visitors: dict[type[ast.AST], Callable[[Any], NameEffect]] = {
            ast.Assign: self._visit_assign,
            ast.AugAssign: self._visit_augmented_assign,
            ast.AnnAssign: self._visit_annotated_assign,
            ast.Assert: self._visit_assert,
            ast.Import: self._visit_import,
            ast.ImportFrom: self._visit_import_from,
            ast.FunctionDef: self._visit_function,
            ast.AsyncFunctionDef: self._visit_function,
            ast.ClassDef: self._visit_class,
            ast.Global: lambda _: NO_EFFECT,
            ast.Nonlocal: lambda _: NO_EFFECT,
        }

    @abstractmethod
    def live_before_block(self, statements: Sequence[ast.stmt], live: int, exits: Exits) -> int:
        """Return the names that are live (may still be read) before a block, as a mask (one bit per name).

        Args:
            statements: the statements of the block.
            live: mask of the names that are live after the block.
            exits: masks of the names that are live at the other exits of the block.
        """

    def effect_of_simple(self, node: ast.stmt) -> NameEffect:
        """Return the effect (names read, names bound) of a statement that has no blocks."""
        effect = self._statement_visitors.get(type(node))
        return self.effect_of(node) if effect is None else effect(node)

    def effect_of_optional(self, node: ast.AST | None) -> NameEffect:
        """Return the effect (names read, names bound) of a node; `NO_EFFECT` for None."""
        return NO_EFFECT if node is None else self.effect_of(node)

    # -- simple statements

    def _visit_assign(self, node: ast.Assign) -> NameEffect:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == CELLS_NAME:  # it takes the cells, not their values
            return (0, self.store_name(CELLS_NAME))
        return self.effect_in_order([node.value, *node.targets])

    def _visit_augmented_assign(self, node: ast.AugAssign) -> NameEffect:
        reads, binds = self.effect_of(node.value)
        target = node.target
        if not isinstance(target, ast.Name):
            more, target_binds = self.effect_of(target)
            return (more | (reads & ~target_binds), binds | target_binds)
        old = self.record_loads(self.bit_of(target.id))
        return (reads | old | self.aliases.get(old, 0), binds | self.store_name(target.id))

    def _visit_annotated_assign(self, node: ast.AnnAssign) -> NameEffect:
        if node.value is not None:
            return self.effect_in_order([node.value, node.target, node.annotation])
        reads, _ = self.effect_in_order([node.target, node.annotation])  # without a value the name is not bound
        return (reads, 0)

    def _visit_assert(self, node: ast.Assert) -> NameEffect:
        reads, binds = self.effect_of(node.test)
        return (reads | (self.effect_of_optional(node.msg)[0] & ~binds), binds)

    def _visit_import(self, node: ast.Import) -> NameEffect:
        binds = reads = 0
        for alias in node.names:
            if alias.name == "__main__":
                reads |= self.record_loads(self.name_sets.every_bit)
            binds |= self.store_name(alias.asname or alias.name.partition(".")[0])
        return (reads, binds)

    def _visit_import_from(self, node: ast.ImportFrom) -> NameEffect:
        reads = self.record_loads(self.name_sets.every_bit) if node.module in ("__main__", "builtins") else 0
        binds = 0
        for alias in node.names:
            if alias.name != "*":
                binds |= self.store_name(alias.asname or alias.name)
        return (reads, binds)

    # -- definitions

    def _visit_function(self, node: Any) -> NameEffect:
        args = node.args
        annotations = drop_missing_parts(*(arg.annotation for arg in _list_parameters(args)))
        defaults = [*args.defaults, *drop_missing_parts(*args.kw_defaults)]
        reads, binds = self.effect_in_order(
            [*node.decorator_list, *defaults, *annotations, *drop_missing_parts(node.returns)]
        )
        for part in getattr(node, "type_params", ()):
            reads |= self.effect_of_optional(getattr(part, "bound", None))[0]
        reads |= self.find_outer_reads(node) & ~binds
        return (reads, binds | self.store_name(node.name))

    def _visit_class(self, node: ast.ClassDef) -> NameEffect:
        reads, binds = self.effect_in_order([*node.decorator_list, *node.bases, *node.keywords])
        found = self.find_nested_definition(node)
        reads |= self._record_nested(found) & ~binds
        self.escaping_names |= self._translate_globals(found.loads | found.binds)
        return (reads, binds | self.store_name(node.name))

    def find_outer_reads(self, node: Any) -> int:
        """Return the names of enclosing scopes that a function reads, as a mask (one bit per name).

        The names that the function may use after this statement are added to `escaping_names`.
        """
        found = self.find_nested_definition(node)
        self.escaping_names |= self._translate_globals(
            found.escaping_names if is_comprehension_function(node) else found.loads | found.binds
        )
        return self._record_nested(found)

    def _record_nested(self, nested_definition: NestedDefinition) -> int:
        """Add the names that a nested definition reads and binds to the masks of this scope.

        A mask is an integer with one bit per name.

        Returns:
            The mask of the names that are read when the definition is evaluated.
        """
        self.nested_binds |= self._translate_globals(nested_definition.binds)
        reads, loads = (
            self._translate_globals(nested_definition.reads),
            self._translate_globals(nested_definition.loads),
        )
        if not self.is_class:
            self.loads |= loads
            return reads
        self.method_reads |= reads
        self.method_loads |= loads
        return 0

    def _translate_globals(self, mask: int) -> int:
        """Translate a mask (one bit per name) from a nested function to this scope.

        A name that this scope declares `global` gets the bit of the global.
        """
        if self.is_class:
            return mask
        for name in self.declared_names:
            bit = self.name_sets.bit_of(name)
            if mask & bit:
                mask = (mask & ~bit) | self.name_sets.global_bit_of(name)
        return mask

    def find_nested_definition(self, node: Any) -> NestedDefinition:
        """Return the effects of a definition on the names around it. Each definition is analyzed once."""
        found = self.nested_definitions.get(node)
        if found is None:
            found = self.nested_definitions[node] = (
                self._analyze_class_body(node) if isinstance(node, ast.ClassDef) else self._analyze_function_body(node)
            )
        return found

    def _analyze_function_body(self, node: Any) -> NestedDefinition:
        is_lambda = isinstance(node, ast.Lambda)
        spaced, outer = (frozenset[str](), frozenset[str]()) if is_lambda else find_declarations(node.body)
        inner = type(self)(self.name_sets, self.nested_definitions, self.owner, spaced)
        live = inner.effect_of(node.body)[0] if is_lambda else inner.live_before_block(node.body, 0, NO_EXITS)
        for arg in _list_parameters(node.args):
            inner.store_name(arg.arg)
        outward = 0
        for name in (*spaced, *outer):
            outward |= inner.bit_of(name)
        own = inner.stores & ~outward
        binds = (inner.stores & outward) | (inner.nested_binds & ~own)
        return NestedDefinition(live & ~own, inner.loads & ~own, binds, inner.escaping_names & ~own)

    def _analyze_class_body(self, node: ast.ClassDef) -> NestedDefinition:
        """Analyze a class body. It runs where it is defined, and its functions do not see the names that it binds."""
        spaced, outer = find_declarations(node.body)
        inner = type(self)(self.name_sets, self.nested_definitions, node.name, spaced, is_class=True)
        live = inner.live_before_block(node.body, 0, NO_EXITS)
        outward = 0
        for name in (*spaced, *outer):
            outward |= inner.bit_of(name)
        own = (inner.stores & ~outward) | self.name_sets.mask_of(("__module__", "__qualname__"))
        hidden = self.name_sets.bit_of("__class__")
        reads = live | self.name_sets.to_globals(live & own) | (inner.method_reads & ~hidden)
        loads = reads | (inner.loads & ~own) | (inner.method_loads & ~hidden)
        return NestedDefinition(
            reads, loads, (inner.stores & outward) | inner.nested_binds, inner.escaping_names & ~hidden
        )


def find_declarations(body: Iterable[ast.AST]) -> tuple[frozenset[str], frozenset[str]]:
    """Find the names that the statements of one scope declare.

    Returns:
        The names declared `global`, and the names declared `nonlocal`.
    """
    spaced: set[str] = set()
    outer: set[str] = set()
    todo = list(body)
    for node in todo:  # the list grows during the loop
        if isinstance(node, ast.Global):
            spaced.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            outer.update(node.names)
        else:
            todo += find_child_statements(node)
    return frozenset(spaced), frozenset(outer)


def find_child_statements(node: ast.AST) -> list[ast.AST]:
    """List the statements, handlers and cases directly inside the blocks of a statement; none for definitions."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.expr)):
        return []
    return [part for field in _BLOCK_FIELDS for part in getattr(node, field, ())]


_BLOCK_FIELDS = ("body", "orelse", "finalbody", "handlers", "cases")


def is_comprehension_function(node: Any) -> bool:
    """Return whether a function was made by the engine for a list, set or dict comprehension, and is called at once."""
    is_own = isinstance(node, FUNCTIONS) and is_engine_name(node.name)
    return is_own and node.name.startswith(".c") and isinstance(node.body[-1], ast.Return)


def _list_parameters(args: ast.arguments) -> list[ast.arg]:
    rest = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *rest]


def drop_missing_parts(*parts: ast.AST | None) -> list[ast.AST]:
    """Return the nodes that are not None, as a list."""
    return [part for part in parts if part is not None]
