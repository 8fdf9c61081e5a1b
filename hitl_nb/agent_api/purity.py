"""Proof that a function only computes, so that calling it again does no harm.

Every call in the function must reach a builtin, a function of `math` and similar modules, or a function of the user.
The builtin or module function must have no effect on the world; the user's function is proved in the same way.

The proof fails if a call cannot be resolved. Such calls are a method of an object of unknown type, a callable in a
container, or an attribute of a loop variable. Operators of objects in containers (`total += item`) are trusted.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
import types
from collections.abc import Callable, Set
from typing import Any

_PLAIN = (int, float, complex, bool, str, bytes, bytearray, list, dict, set, frozenset, tuple, range, type(None), slice)
"""Types whose methods do not call code of the user."""

_PURE_MODULES = {
    "math",
    "cmath",
    "operator",
    "_operator",
    "statistics",
    "string",
    "_heapq",
    "_bisect",
    "binascii",
    "zlib",
}

_PURE_BUILTINS = {
    *(
        "abs",
        "all",
        "any",
        "ascii",
        "bin",
        "bool",
        "bytearray",
        "bytes",
        "chr",
        "complex",
        "dict",
        "divmod",
        "enumerate",
    ),
    *("filter", "float", "format", "frozenset", "hash", "hex", "id", "int", "isinstance", "issubclass", "len", "list"),
    *("map", "max", "min", "oct", "ord", "pow", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str"),
    *("sum", "tuple", "zip"),
}
_CALL_BACK = {"map": 0, "filter": 0, "sorted": -1, "max": -1, "min": -1, "sort": -1}
"""Name of a builtin that calls a function argument -> position of that argument; -1 if it is only passed as `key=`."""

COMPUTES = (
    *(ast.For, ast.While, ast.If, ast.Break, ast.Continue, ast.Pass, ast.Expr, ast.Return),
    *(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Assert, ast.Raise, ast.Delete),
)
"""Statements that only compute if their expressions only compute."""

_MISSING = object()
Lookup = Callable[[str], Any]


class Proof:
    """Proof that code only computes: it has no effect on the world, so it may be executed again.

    Args:
        lookup: Returns the value of a name in the code's scope, or `_MISSING`.
        seen: Ids of the functions that are being proved, so that recursion ends; extended in place.

    Attributes:
        flags: Code flags of functions that are not analyzed and count as unproved: generators and coroutines.
        kinds: Kinds of definitions that are analyzed.
        bound: Names that the code binds, and parameters.
    """

    flags = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    kinds: tuple[type[ast.FunctionDef | ast.AsyncFunctionDef], ...] = (ast.FunctionDef,)

    def __init__(self, lookup: Lookup, seen: set[int]) -> None:
        self.lookup = lookup
        self.seen = seen
        self.bound: set[str] = set()

    def holds(self, roots: list[ast.AST], parameters: Set[str] = frozenset()) -> bool:
        """Return whether code only computes, without an effect on the world. False if that cannot be proved.

        Args:
            roots: Syntax nodes of the code.
            parameters: Names that may have any value.
        """
        nodes = [node for root in roots for node in ast.walk(root)]
        self.bound = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)} | parameters
        return all(map(self._node, nodes))

    def _node(self, node: ast.AST) -> bool:
        match node:
            case ast.Lambda() | ast.Await() | ast.Yield() | ast.YieldFrom():
                return False
            case ast.stmt():
                return isinstance(node, COMPUTES)
            case ast.Name(id=name, ctx=ast.Load()):
                return name.startswith(".") or self._name(name)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Call():
                return self._call(node)
            case _:
                return True

    def _name(self, name: str) -> bool:
        """Return whether code may read a name without running code of the user.

        That is so for modules, plain values such as numbers, pure functions, and names with unknown values.
        """
        value = self.lookup(name)
        if name in self.bound:
            return value is _MISSING or type(value) in _PLAIN
        return value is _MISSING or isinstance(value, types.ModuleType) or type(value) in _PLAIN or self.is_pure(value)

    def _attribute(self, node: ast.Attribute) -> bool:
        if isinstance(node.value, (ast.Constant, ast.JoinedStr)):
            return True
        if not isinstance(node.value, ast.Name) or node.value.id in self.bound:
            return False
        owner = self.lookup(node.value.id)
        if isinstance(owner, types.ModuleType):
            member = owner.__dict__.get(node.attr, _MISSING)
            return type(member) in _PLAIN or self.is_pure(member)
        return type(owner) in _PLAIN

    def _call(self, node: ast.Call) -> bool:
        if isinstance(node.func, ast.Name):
            name = node.func.id
            if name.startswith("."):
                return True
            if name in self.bound or not callable(self.lookup(name)):
                return False
        elif isinstance(node.func, ast.Attribute):
            name = node.func.attr
        else:
            return False
        if name not in _CALL_BACK:
            return True
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            return False
        called = [k.value for k in node.keywords if k.arg == "key"]
        if _CALL_BACK[name] == 0:
            called += node.args[:1]
        return all(self._callback(c) for c in called)

    def _callback(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return node.value is None
        return isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id not in self.bound)

    def is_pure(self, value: Any) -> bool:
        """Return whether a call of `value` only computes, without an effect on the world.

        False if that cannot be proved.
        """
        if id(value) in self.seen:
            return True
        if isinstance(value, types.FunctionType) and value.__module__ not in _PURE_MODULES:
            self.seen.add(id(value))
            return self.holds_for(value, decorated=False)
        module, name = getattr(value, "__module__", None), getattr(value, "__name__", "")
        if module == "builtins":
            own = name in _PURE_BUILTINS or (isinstance(value, type) and issubclass(value, BaseException))
            return own and getattr(builtins, name, None) is value
        return module in _PURE_MODULES and isinstance(value, (types.BuiltinFunctionType, types.FunctionType))

    def holds_for(self, function: types.FunctionType, *, decorated: bool = True) -> bool:
        """Return whether a function only computes, without an effect on the world.

        False if that cannot be proved, or if there is no source. Parameters and local variables may have any value.

        Args:
            function: The function.
            decorated: True: decorators in the source are ignored. False: a function with decorators is refused, because
                the decorators may have replaced it.
        """
        if function.__closure__ or function.__code__.co_flags & self.flags or hasattr(function, "__wrapped__"):
            return False
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        except (OSError, TypeError, SyntaxError):
            return False
        if not isinstance(tree, self.kinds) or (tree.decorator_list and not decorated):
            return False
        of_globals: dict[str, Any] = function.__globals__
        names = set(function.__code__.co_varnames)
        if any(isinstance(n, (ast.Global, ast.Nonlocal)) for n in ast.walk(tree)):
            return False

        def lookup(name: str) -> Any:
            return _MISSING if name in names else of_globals.get(name, getattr(builtins, name, _MISSING))

        return type(self)(lookup, self.seen).holds(list(tree.body), names)
