"""Finds which names an expression reads before it binds them, and which it always binds, in Python's evaluation order.

Sets of names are masks: integers with one bit per name.
"""

from __future__ import annotations

import ast
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from hitl_nb.engine.compile.tree.node_slots import list_slots, read_slot
from hitl_nb.engine.compile.tree.nodes import COMPREHENSIONS, is_filed_value, is_runtime_attribute, list_children
from hitl_nb.engine.compile.tree.trees import CELLS_NAME
from hitl_nb.engine.position.liveness.name_sets import NO_EFFECT, NameEffect, NameSets

_NAMESPACE_READERS = frozenset(("locals", "vars", "dir", "eval", "exec", "globals"))
_ALL_NAME_READERS = _NAMESPACE_READERS | {"get_ipython", "breakpoint", "__main__", "__builtins__"}
"""Names of functions and modules by which code reads variables that its source does not name."""
_REFLECTING_ATTRIBUTES = frozenset(
    ("_getframe", "currentframe", "f_locals", "f_globals", "__globals__", "user_ns", "run_line_magic", "run_cell_magic")
)
"""Attributes through which code reads variables that its source does not name."""
_BINDING_CALLS = ("import_all", "begin_annotations")
"""Functions of the runtime that instrumented code calls with the namespace, only to bind names in it."""
_QUOTED_NAME = re.compile(r"@\s*(\w+)")  # `frame.query("price > @limit")` reads `limit`


class ExpressionAnalysis(ABC):
    """The analysis of the expressions of one scope (a function, a class body or a cell).

    Sets of names are masks: integers with one bit per name.

    Args:
        name_sets: the bits of names.
        owner: name of the class around the scope, for the mangling of private names; "" if there is none.
        declared_names: names that the scope declares `global`.
        is_class: whether the scope is a class body.

    Attributes:
        loads: mask of all names that were read so far, in any order.
        stores: mask of all names that were bound so far.
        escaping_names: mask of names that functions and classes defined in the scope use, and that they may use after
            the statement with the definition.
        nested_binds: mask of names that functions defined in the scope bind, as `global` or `nonlocal`.
        aliases: for functions that the engine made of user code (comprehensions): the mask of names that a call reads.
            The key is the bit of the function's name.
        method_reads: in a class body: names that its functions read before they bind them. The names of the class do
            not count for these functions.
        method_loads: in a class body: all names that its functions read.
        super_reads: mask of the first parameter, which `super()` reads.
    """

    def __init__(
        self, name_sets: NameSets, owner: str, declared_names: frozenset[str], *, is_class: bool = False
    ) -> None:
        self.name_sets = name_sets
        self.owner = owner.lstrip("_")
        self.is_class = is_class
        self.loads: int = 0
        self.stores: int = 0
        self.escaping_names: int = 0
        self.nested_binds: int = 0
        self.method_reads: int = 0
        self.method_loads: int = 0
        self.aliases: dict[int, int] = {}
        self.super_reads = 0
        self._bits: dict[str, int] = {}
        self.declared_names = frozenset(self.mangle_name(name) for name in declared_names)
        self._expression_visitors: dict[type[ast.AST], Callable[[Any], NameEffect]] = {
            ast.Name: self._visit_name,
            ast.Constant: self._visit_constant,
            ast.NamedExpr: self._visit_walrus,
            ast.Call: self._visit_call,
            ast.Attribute: self._visit_attribute,
            ast.BoolOp: self._visit_bool,
            ast.IfExp: self._visit_conditional,
            ast.Compare: self._visit_compare,
            ast.Lambda: self._visit_lambda,
            ast.Dict: self._visit_dict,
            **dict.fromkeys(COMPREHENSIONS, self._visit_comprehension),
        }

    # -- names

    def mangle_name(self, name: str) -> str:
        """Return a name as the compiler mangles it: in the class `C`, `__x` becomes `_C__x`. Other names stay."""
        if self.owner and name.startswith("__") and not name.endswith("__") and "." not in name:
            return f"_{self.owner}{name}"
        return name

    def bit_of(self, name: str) -> int:
        """Return the bit of a name (an integer with one bit set).

        A private name is mangled as the compiler does it. A name that the scope declares `global` has the bit of a
        global.
        """
        found = self._bits.get(name)
        if found is None:
            mangled = self.mangle_name(name)
            made = self.name_sets.global_bit_of if mangled in self.declared_names else self.name_sets.bit_of
            found = self._bits[name] = made(mangled)
        return found

    def store_name(self, name: str) -> int:
        """Record that a name is bound in the scope, and return its bit (an integer with one bit set)."""
        found = self.bit_of(name)
        self.stores |= found
        return found

    def record_loads(self, mask: int) -> int:
        """Record that the scope reads some names.

        Args:
            mask: the names, as an integer with one bit per name. It is returned.
        """
        self.loads |= mask
        return mask

    # -- in general

    def effect_of(self, node: ast.AST) -> NameEffect:
        """Return the effect of an expression, as two masks (integers with one bit per name).

        The first has the names that it reads before it binds them, the second the names that it always binds.
        """
        visitor = self._expression_visitors.get(type(node))
        return self.effect_in_order(list_children(node)) if visitor is None else visitor(node)

    def effect_in_order(self, parts: Iterable[ast.AST]) -> NameEffect:
        """Return the effect (names read, names bound) of several nodes that are all evaluated, one after the other."""
        reads = binds = 0
        for part in parts:
            more, part_binds = self.effect_of(part)
            reads |= more & ~binds
            binds |= part_binds
        return (reads, binds)

    # -- one kind of expression each

    def _visit_name(self, node: ast.Name) -> NameEffect:
        name = node.id
        if isinstance(node.ctx, ast.Store):
            return (0, self.store_name(name))
        bit = self.bit_of(name)
        if isinstance(node.ctx, ast.Del):
            self.stores |= bit
            return (bit, bit)  # `del` of a name without a value is an error, so it reads the name
        if name in _ALL_NAME_READERS:
            bit |= self.name_sets.every_bit
        elif name == "super":
            bit |= self.name_sets.bit_of("__class__") | self.super_reads
        self.loads |= bit
        return (bit | self.aliases.get(bit, 0), 0)

    def _visit_constant(self, node: ast.Constant) -> NameEffect:
        text = node.value
        if not isinstance(text, str):
            return NO_EFFECT
        if text == "__main__":
            return (self.record_loads(self.name_sets.every_bit), 0)
        if "@" not in text:
            return NO_EFFECT
        quoted = 0
        for name in _QUOTED_NAME.findall(text):
            quoted |= self.bit_of(name)
        return (self.record_loads(quoted), 0)

    def _visit_walrus(self, node: ast.NamedExpr) -> NameEffect:
        bit = self.store_name(node.target.id)
        if node.target.id == CELLS_NAME:  # it takes the cells, and does not read their values
            return (0, bit)
        reads, binds = self.effect_of(node.value)
        return (reads, binds | bit)

    def _visit_call(self, node: ast.Call) -> NameEffect:
        function = node.func
        if isinstance(function, ast.Attribute) and is_runtime_attribute(function) and function.attr in _BINDING_CALLS:
            return NO_EFFECT
        callee: ast.AST = (
            function.value if isinstance(function, ast.NamedExpr) and is_filed_value(function) else function
        )
        of_object = isinstance(callee, ast.Name) and callee.id in ("vars", "dir")
        if of_object and node.args and not isinstance(node.args[0], ast.Starred):
            return self.effect_in_order(list_children(node)[1:])  # it reads that object, and not this frame
        return self.effect_in_order(list_children(node))

    def _visit_attribute(self, node: ast.Attribute) -> NameEffect:
        value = node.value
        if is_runtime_attribute(node):
            return (self.record_loads(self.name_sets.every_bit), 0) if node.attr == "globals" else NO_EFFECT
        reads, binds = self.effect_of(value)
        is_view = node.attr in _NAMESPACE_READERS and isinstance(value, ast.Name) and value.id == "builtins"
        if is_view or node.attr in _REFLECTING_ATTRIBUTES:
            reads |= self.record_loads(self.name_sets.every_bit)
        return (reads, binds)

    def _visit_bool(self, node: ast.BoolOp) -> NameEffect:
        return self._effect_with_optional(node.values, 1)

    def _effect_with_optional(self, parts: list[ast.expr], sure_count: int) -> NameEffect:
        """Return the effect (names read, names bound) of expressions that are evaluated one after the other.

        Args:
            parts: the expressions.
            sure_count: number of expressions, from the first, that are always evaluated. Later ones may not be
                evaluated.
        """
        reads = binds = sure_binds = 0
        for i, part in enumerate(parts):
            more, part_binds = self.effect_of(part)
            reads |= more & ~binds
            binds |= part_binds
            if i < sure_count:
                sure_binds = binds
        return (reads, sure_binds)

    def _visit_compare(self, node: ast.Compare) -> NameEffect:
        parts = [node.left, *node.comparators]
        sure = [part for part in parts[:2] if not _is_main_name(part)]
        return self._effect_with_optional([*sure, *(part for part in parts[2:] if not _is_main_name(part))], len(sure))

    def _visit_conditional(self, node: ast.IfExp) -> NameEffect:
        test, test_binds = self.effect_of(node.test)
        body, orelse = self.effect_of(node.body), self.effect_of(node.orelse)
        reads = test | ((body[0] | orelse[0]) & ~test_binds)
        return (reads, test_binds | (body[1] & orelse[1]))

    def _visit_dict(self, node: ast.Dict) -> NameEffect:
        return self.effect_in_order([read_slot(node, slot) for slot in list_slots(node)])

    def _visit_lambda(self, node: ast.Lambda) -> NameEffect:
        args = node.args
        reads, binds = self.effect_in_order([*args.defaults, *(d for d in args.kw_defaults if d is not None)])
        return (reads | (self.find_outer_reads(node) & ~binds), binds)

    @abstractmethod
    def find_outer_reads(self, node: Any) -> int:
        """Return the names of enclosing scopes that a function reads, as a mask (one bit per name).

        Args:
            node: the definition of the function, or a lambda.
        """

    def _visit_comprehension(self, node: Any) -> NameEffect:
        """Return the effect (names read, names bound) of a comprehension on the scope around it.

        It runs in place with its own targets. Only its first iterable is evaluated in the scope around it.
        """
        outer = self.effect_of(node.generators[0].iter)
        loads, stores = self.loads, self.stores
        self.loads, self.stores = 0, 0
        hidden = 0
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        live = self.effect_in_order(parts)[0]
        for i in range(len(node.generators) - 1, -1, -1):
            generator = node.generators[i]
            for test in reversed(generator.ifs):
                live = _live_before(self.effect_of(test), live)
            outside, self.stores = self.stores, 0
            live = _live_before(self.effect_of(generator.target), live)
            hidden |= self.stores
            self.stores = outside
            if i > 0:
                live = _live_before(self.effect_of(generator.iter), live)
        live &= ~hidden
        inside = self.loads & ~hidden
        if isinstance(node, ast.GeneratorExp):
            self.escaping_names |= inside | self.stores
        self.stores |= stores
        if self.is_class:
            self.loads = loads
            self.method_reads |= live
            self.method_loads |= inside
            live = 0
        else:
            self.loads = loads | inside
        return (outer[0] | (live & ~outer[1]), outer[1])


def _live_before(effect: NameEffect, live: int) -> int:
    return effect[0] | (live & ~effect[1])


def _is_main_name(node: ast.AST) -> bool:
    """Return whether a node is the constant `"__main__"`.

    Elsewhere this constant counts as a read of all variables. In a comparison, as `__name__ == "__main__"`, it does
    not.
    """
    return isinstance(node, ast.Constant) and node.value == "__main__"
