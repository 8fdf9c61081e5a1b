"""Which names an expression reads before it binds them, and which it surely binds, in Python's order of evaluation."""

from __future__ import annotations

import ast
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from hitl_nb.engine.compile.tree.nodes import COMPREHENSIONS, children, is_filed, is_runtime, read, slots
from hitl_nb.engine.compile.tree.trees import CELLS
from hitl_nb.engine.position.liveness.name_sets import NOTHING, Effect, NameSets

_VIEWS = frozenset(("locals", "vars", "dir", "eval", "exec", "globals"))
_READING_ALL = _VIEWS | {"get_ipython", "breakpoint", "__main__", "__builtins__"}
"""Names of what reads variables that the source does not name."""
_REFLECTING = frozenset(
    ("_getframe", "currentframe", "f_locals", "f_globals", "__globals__", "user_ns", "run_line_magic", "run_cell_magic")
)
"""Attributes by which code gets at variables."""
_BINDING = ("import_all", "begin_annotations")
"""What the engine calls with the namespace only to bind names in it."""
_QUOTED = re.compile(r"@\s*(\w+)")  # `frame.query("price > @limit")` reads `limit`


class Reads(ABC):
    """The expressions of one scope.

    Attributes:
        loads, stores: every name that was met so far, in whatever order.
        escaping: names that functions and classes share which were defined here and may outlive their statement.
        aliases: functions of the engine's own -> the names that they read: calling one later reads these.
        beyond, beyond_loads: in a class body: what its functions read, for which the names of the class do not count.
    """

    def __init__(self, names: NameSets, owner: str, declared: frozenset[str], *, is_class: bool = False) -> None:
        self.names = names
        self.owner = owner.lstrip("_")
        self.is_class = is_class
        self.loads: int = 0
        self.stores: int = 0
        self.escaping: int = 0
        self.binds_below: int = 0
        self.beyond: int = 0
        self.beyond_loads: int = 0
        self.aliases: dict[int, int] = {}
        self.super_reads = 0
        self._bits: dict[str, int] = {}
        self.declared = frozenset(self.mangle(name) for name in declared)
        self._visitors: dict[type[ast.AST], Callable[[Any], Effect]] = {
            ast.Name: self._name,
            ast.Constant: self._constant,
            ast.NamedExpr: self._walrus,
            ast.Call: self._call,
            ast.Attribute: self._attribute,
            ast.BoolOp: self._bool,
            ast.IfExp: self._conditional,
            ast.Compare: self._compare,
            ast.Lambda: self._lambda,
            ast.Dict: self._dict,
            **dict.fromkeys(COMPREHENSIONS, self._comprehension),
        }

    # -- names

    def mangle(self, name: str) -> str:
        """As the compiler writes private names of a class."""
        if self.owner and name.startswith("__") and not name.endswith("__") and "." not in name:
            return f"_{self.owner}{name}"
        return name

    def bit(self, name: str) -> int:
        found = self._bits.get(name)
        if found is None:
            mangled = self.mangle(name)
            made = self.names.global_bit if mangled in self.declared else self.names.bit
            found = self._bits[name] = made(mangled)
        return found

    def store(self, name: str) -> int:
        """What binding a name binds."""
        found = self.bit(name)
        self.stores |= found
        return found

    def loading(self, mask: int) -> int:
        self.loads |= mask
        return mask

    # -- in general

    def effect(self, node: ast.AST) -> Effect:
        visitor = self._visitors.get(type(node))
        return self.in_turn(children(node)) if visitor is None else visitor(node)

    def in_turn(self, parts: Iterable[ast.AST]) -> Effect:
        """Of parts that are all evaluated, one after the other."""
        reads = binds = 0
        for part in parts:
            more, bound = self.effect(part)
            reads |= more & ~binds
            binds |= bound
        return (reads, binds)

    # -- one kind of expression each

    def _name(self, node: ast.Name) -> Effect:
        name = node.id
        if isinstance(node.ctx, ast.Store):
            return (0, self.store(name))
        bit = self.bit(name)
        if isinstance(node.ctx, ast.Del):
            self.stores |= bit
            return (bit, bit)  # without a value it is an error
        if name in _READING_ALL:
            bit |= self.names.every
        elif name == "super":
            bit |= self.names.bit("__class__") | self.super_reads
        self.loads |= bit
        return (bit | self.aliases.get(bit, 0), 0)

    def _constant(self, node: ast.Constant) -> Effect:
        text = node.value
        if not isinstance(text, str):
            return NOTHING
        if text == "__main__":
            return (self.loading(self.names.every), 0)
        if "@" not in text:
            return NOTHING
        quoted = 0
        for name in _QUOTED.findall(text):
            quoted |= self.bit(name)
        return (self.loading(quoted), 0)

    def _walrus(self, node: ast.NamedExpr) -> Effect:
        bit = self.store(node.target.id)
        if node.target.id == CELLS:  # takes the cells, whatever is in them
            return (0, bit)
        reads, binds = self.effect(node.value)
        return (reads, binds | bit)

    def _call(self, node: ast.Call) -> Effect:
        function = node.func
        if isinstance(function, ast.Attribute) and is_runtime(function) and function.attr in _BINDING:
            return NOTHING
        callee: ast.AST = function.value if isinstance(function, ast.NamedExpr) and is_filed(function) else function
        of_object = isinstance(callee, ast.Name) and callee.id in ("vars", "dir")
        if of_object and node.args and not isinstance(node.args[0], ast.Starred):
            return self.in_turn(children(node)[1:])  # of that object, and not of this frame
        return self.in_turn(children(node))

    def _attribute(self, node: ast.Attribute) -> Effect:
        value = node.value
        if is_runtime(node):
            return (self.loading(self.names.every), 0) if node.attr == "globals" else NOTHING
        reads, binds = self.effect(value)
        is_view = node.attr in _VIEWS and isinstance(value, ast.Name) and value.id == "builtins"
        if is_view or node.attr in _REFLECTING:
            reads |= self.loading(self.names.every)
        return (reads, binds)

    def _bool(self, node: ast.BoolOp) -> Effect:
        return self._perhaps_all(node.values, 1)

    def _perhaps_all(self, parts: list[ast.expr], sure: int) -> Effect:
        """Of parts evaluated in turn, of which only the first `sure` ones are in any case."""
        reads = binds = bound_surely = 0
        for i, part in enumerate(parts):
            more, bound = self.effect(part)
            reads |= more & ~binds
            binds |= bound
            if i < sure:
                bound_surely = binds
        return (reads, bound_surely)

    def _compare(self, node: ast.Compare) -> Effect:
        parts = [node.left, *node.comparators]
        sure = [part for part in parts[:2] if not _is_main(part)]
        return self._perhaps_all([*sure, *(part for part in parts[2:] if not _is_main(part))], len(sure))

    def _conditional(self, node: ast.IfExp) -> Effect:
        test, bound = self.effect(node.test)
        body, orelse = self.effect(node.body), self.effect(node.orelse)
        reads = test | ((body[0] | orelse[0]) & ~bound)
        return (reads, bound | (body[1] & orelse[1]))

    def _dict(self, node: ast.Dict) -> Effect:
        return self.in_turn([read(node, slot) for slot in slots(node)])

    def _lambda(self, node: ast.Lambda) -> Effect:
        args = node.args
        reads, binds = self.in_turn([*args.defaults, *(d for d in args.kw_defaults if d is not None)])
        return (reads | (self.defined(node) & ~binds), binds)

    @abstractmethod
    def defined(self, node: Any) -> int:
        """What a function reads of the variables around it."""

    def _comprehension(self, node: Any) -> Effect:
        """Done in place, with targets of its own. Its first iterable is evaluated outside of it."""
        outer = self.effect(node.generators[0].iter)
        loads, stores = self.loads, self.stores
        self.loads, self.stores = 0, 0
        hidden = 0
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        live = self.in_turn(parts)[0]
        for i in range(len(node.generators) - 1, -1, -1):
            generator = node.generators[i]
            for test in reversed(generator.ifs):
                live = _before(self.effect(test), live)
            outside, self.stores = self.stores, 0
            live = _before(self.effect(generator.target), live)
            hidden |= self.stores
            self.stores = outside
            if i > 0:
                live = _before(self.effect(generator.iter), live)
        live &= ~hidden
        inside = self.loads & ~hidden
        if isinstance(node, ast.GeneratorExp):
            self.escaping |= inside | self.stores
        self.stores |= stores
        if self.is_class:
            self.loads = loads
            self.beyond |= live
            self.beyond_loads |= inside
            live = 0
        else:
            self.loads = loads | inside
        return (outer[0] | (live & ~outer[1]), outer[1])


def _before(effect: Effect, live: int) -> int:
    return effect[0] | (live & ~effect[1])


def _is_main(node: ast.AST) -> bool:
    """`"__main__"` that a name is only compared with."""
    return isinstance(node, ast.Constant) and node.value == "__main__"
