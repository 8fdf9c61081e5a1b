"""Splitting a statement so that each call is an operation of its own.

`reply = checkpoint(llm(order))` becomes `t1 = llm(order)`, `t2 = checkpoint(t1)`, `reply = t2`: resuming
at the second repeats nothing of the first. The order of evaluation is Python's own (Language Reference 6.16,
"Evaluation order"): whatever Python reads before a call is read into a temporary before it here too.
`and`, `or`, chained comparisons and conditional expressions that contain calls become jumps.

Left whole, because Python evaluates their inside lazily or many times: the inside of `lambda`, of
comprehensions and of generator expressions.
"""

from __future__ import annotations

import ast
from typing import Any, Protocol

_READ_LOCALS = ("locals", "vars", "dir", "eval", "exec")
"""Calls that see every variable there is where they are made."""

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Emits(Protocol):
    """Where the parts go; `program.py` implements it."""

    def temp(self) -> str: ...
    def let(self, name: str, value: ast.expr, *, callee: str = "") -> None: ...
    def do(self, *statements: ast.stmt) -> None: ...
    def test(self, value: ast.expr, to: Any, *, when: bool) -> None: ...
    def emit(self, kind: str, nodes: Any = None, *, to: Any = None, name: str = "") -> Any: ...
    def mark(self) -> Any: ...
    def place(self, mark: Any) -> None: ...


def calls(node: ast.AST | None) -> bool:
    """Whether evaluating `node` makes a call or awaits, apart from what is evaluated lazily."""
    if node is None:
        return False
    if isinstance(node, ast.Lambda):
        return any(map(calls, _defaults(node)))
    if isinstance(node, (ast.Call, ast.Await)):
        return True
    if isinstance(node, ast.GeneratorExp):
        return calls(node.generators[0].iter)
    if isinstance(node, _COMPREHENSIONS):
        return any(isinstance(child, (ast.Call, ast.Await)) for child in ast.walk(node))
    return any(calls(child) for child in ast.iter_child_nodes(node))


def _defaults(node: ast.Lambda) -> list[ast.expr]:
    """What is evaluated where the `lambda` stands."""
    return [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]


def _is_temp(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id.startswith(".")


class Splitter:
    """Splits expressions and simple statements; what is left of each is an expression without calls."""

    def __init__(self, out: Emits) -> None:
        self.out = out
        self.at: ast.AST = ast.Constant(None, lineno=1, col_offset=0)

    # -- expressions

    def value(self, node: ast.expr) -> ast.expr:
        """Emit the calls of `node`, in order; return what remains to be evaluated right behind them."""
        if not calls(node):
            return node
        before, self.at = self.at, node
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        rest = method(node) if method is not None else self._children(node)
        self.at = before
        return rest

    def atom(self, node: ast.expr) -> ast.expr:
        """`node`, evaluated now: a constant, or the name of a temporary."""
        if isinstance(node, ast.Constant) or _is_temp(node):
            return node
        if isinstance(node, ast.Starred):
            unpacked = ast.copy_location(ast.List(elts=[node], ctx=ast.Load()), node)
            return ast.copy_location(ast.Starred(value=self.atom(unpacked), ctx=ast.Load()), node)
        if isinstance(node, ast.FormattedValue):
            text = ast.copy_location(ast.JoinedStr(values=[node]), node)
            return ast.copy_location(ast.FormattedValue(value=self.atom(text), conversion=-1), node)
        if isinstance(node, ast.Slice):
            return self._all(node, ("lower", "upper", "step"))
        rest = self.value(node)
        if _is_temp(rest):
            return rest
        name = self.out.temp()
        self.out.let(name, rest)
        return self.read(name, node)

    def read(self, name: str, at: ast.AST | None = None) -> ast.expr:
        return ast.copy_location(ast.Name(id=name, ctx=ast.Load()), at or self.at)

    def sequence(self, items: list[ast.expr]) -> list[ast.expr]:
        """Split expressions that Python evaluates one after the other."""
        last = max((i for i, item in enumerate(items) if calls(item)), default=-1)
        if last < 0:
            return items
        done = [self.atom(item) for item in items[:last]]
        return [*done, self.value(items[last]), *items[last + 1 :]]

    def _children(self, node: ast.expr) -> ast.expr:
        """Rebuild a node whose expression fields are evaluated in the order they are declared."""
        return self._rebuilt(node, [name for name in node._fields if name != "ctx"])

    def _rebuilt(self, node: Any, names: list[str]) -> Any:
        slots: list[tuple[str, int | None]] = []
        items: list[ast.expr] = []
        for name in names:
            field: Any = getattr(node, name)
            children: list[Any] = [*field] if isinstance(field, list) else [field]
            for i, child in enumerate(children):
                if isinstance(child, ast.expr):
                    slots.append((name, i if isinstance(field, list) else None))
                    items.append(child)
        copy = _copy(node)
        for (name, i), item in zip(slots, self.sequence(items), strict=True):
            if i is None:
                setattr(copy, name, item)
            else:
                getattr(copy, name)[i] = item
        return copy

    def _all(self, node: Any, names: tuple[str, ...]) -> Any:
        copy = _copy(node)
        for name in names:
            child = getattr(node, name)
            if child is not None:
                setattr(copy, name, self.atom(child))
        return copy

    def _call_parts(self, node: ast.Call) -> ast.Call:
        positional = len(node.args)
        wrapped = [_unpacked(kw) for kw in node.keywords]
        func, *rest = self.sequence([node.func, *node.args, *wrapped])
        keywords = [
            ast.copy_location(ast.keyword(arg=kw.arg, value=value), kw)
            for kw, value in zip(node.keywords, _repacked(node.keywords, rest[positional:]), strict=True)
        ]
        return ast.copy_location(ast.Call(func=func, args=rest[:positional], keywords=keywords), node)

    def _call(self, node: ast.Call) -> ast.expr:
        return self._called(node, self._call_parts(node))

    def _called(self, node: ast.expr, call: ast.Call) -> ast.expr:
        """`node`, which is `call` or awaits it, as an operation that keeps what it called: `(callee := f)(x)`."""
        callee = ""
        if not (isinstance(call.func, ast.Name) and call.func.id in _READ_LOCALS):
            callee = self.out.temp()
            kept = ast.copy_location(ast.Name(id=callee, ctx=ast.Store()), call.func)
            call.func = ast.copy_location(ast.NamedExpr(target=kept, value=call.func), call.func)
        return self._hoisted(
            call if isinstance(node, ast.Call) else ast.copy_location(ast.Await(value=call), node), callee
        )

    def _await(self, node: ast.Await) -> ast.expr:
        if isinstance(node.value, ast.Call):
            return self._called(node, self._call_parts(node.value))
        return self._hoisted(ast.copy_location(ast.Await(value=self.value(node.value)), node))

    def _hoisted(self, node: ast.expr, callee: str = "") -> ast.expr:
        name = self.out.temp()
        self.out.let(name, node, callee=callee)
        return self.read(name, node)

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        copy = _copy(node)
        copy.args = _copy(node.args)
        done = iter(self.sequence(_defaults(node)))
        copy.args.defaults = [next(done) for _ in node.args.defaults]
        copy.args.kw_defaults = [d and next(done) for d in node.args.kw_defaults]
        return copy

    def _dict(self, node: ast.Dict) -> ast.expr:
        if node.keys == [None]:
            return ast.copy_location(ast.Dict(keys=[None], values=[self.value(node.values[0])]), node)
        items: list[ast.expr] = []
        for key, value in zip(node.keys, node.values, strict=True):
            items += [key, value] if key is not None else [_mapping(value)]
        done = iter(self.sequence(items))
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        for key in node.keys:
            keys.append(next(done) if key is not None else None)
            values.append(next(done))
        return ast.copy_location(ast.Dict(keys=keys, values=values), node)

    def _namedexpr(self, node: ast.NamedExpr) -> ast.expr:
        value = self.atom(node.value)
        self.out.do(_assign(_stored(node.target), value, node))
        return value

    def _boolop(self, node: ast.BoolOp) -> ast.expr:
        name, end = self.out.temp(), self.out.mark()
        for i, operand in enumerate(node.values):
            self.out.let(name, self.value(operand))
            if i < len(node.values) - 1:
                self.out.test(self.read(name), end, when=isinstance(node.op, ast.Or))
        self.out.place(end)
        return self.read(name)

    def _ifexp(self, node: ast.IfExp) -> ast.expr:
        name, otherwise, end = self.out.temp(), self.out.mark(), self.out.mark()
        self.out.test(self.value(node.test), otherwise, when=False)
        self.out.let(name, self.value(node.body))
        self.out.emit("jump", to=end)
        self.out.place(otherwise)
        self.out.let(name, self.value(node.orelse))
        self.out.place(end)
        return self.read(name)

    def _compare(self, node: ast.Compare) -> ast.expr:
        if len(node.ops) == 1:
            left, right = self.sequence([node.left, node.comparators[0]])
            return ast.copy_location(ast.Compare(left=left, ops=node.ops, comparators=[right]), node)
        name, end = self.out.temp(), self.out.mark()
        left = self.atom(node.left)
        for i, (op, comparator) in enumerate(zip(node.ops, node.comparators, strict=True)):
            right = self.atom(comparator)
            self.out.let(name, ast.copy_location(ast.Compare(left=left, ops=[op], comparators=[right]), node))
            if i < len(node.ops) - 1:
                self.out.test(self.read(name), end, when=False)
            left = right
        self.out.place(end)
        return self.read(name)

    def _comprehension(self, node: Any) -> ast.expr:
        copy = _copy(node)
        first = _copy(node.generators[0])
        copy.generators[0] = first
        first.iter = self.value(first.iter)
        return copy if isinstance(node, ast.GeneratorExp) or not calls(copy) else self._hoisted(copy)

    _listcomp = _setcomp = _dictcomp = _generatorexp = _comprehension

    # -- simple statements

    def statement(self, node: ast.stmt) -> None:
        """Emit a simple statement; definitions and imports are left whole."""
        self.at = node
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None or isinstance(node, ast.ClassDef) or not calls(node):
            self.out.do(node)
        else:
            method(node)

    def store(self, target: ast.expr, name: str) -> None:
        """Assign the temporary `name` to a target."""
        self._into(target, self.read(name, target))

    def _expr(self, node: ast.Expr) -> None:
        rest = self.value(node.value)
        if not _is_temp(rest):
            self.out.do(ast.copy_location(ast.Expr(value=rest), node))

    def _assign(self, node: ast.Assign) -> None:
        if not any(calls(target) for target in node.targets):
            value = self.value(node.value)
            self.out.do(ast.copy_location(ast.Assign(targets=node.targets, value=value), node))
            return
        value = self.atom(node.value)
        for target in node.targets:
            self._into(target, value)

    def _into(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)) and calls(target):
            parts: list[ast.expr] = []
            names: list[tuple[ast.expr, str]] = []
            for i, element in enumerate(target.elts):
                name = f"{self.out.temp()}/{i}"
                stored: ast.expr = ast.copy_location(ast.Name(id=name, ctx=ast.Store()), element)
                if isinstance(element, ast.Starred):
                    stored = ast.copy_location(ast.Starred(value=stored, ctx=ast.Store()), element)
                    element = element.value
                parts.append(stored)
                names.append((element, name))
            self.out.do(_assign(ast.copy_location(ast.Tuple(elts=parts, ctx=ast.Store()), target), value, target))
            for element, name in names:
                self.store(element, name)
            return
        self.out.do(_assign(self._children(target) if calls(target) else target, value, target))

    def _annassign(self, node: ast.AnnAssign) -> None:
        copy = _copy(node)
        if node.value is not None:
            copy.value = self.value(node.value) if not calls(node.target) else self.atom(node.value)
        if calls(node.target):
            copy.target = self._children(node.target)
        self.out.do(copy)

    def _augassign(self, node: ast.AugAssign) -> None:
        target: Any = node.target
        if not isinstance(target, ast.Name):
            names = ("value", "slice") if isinstance(target, ast.Subscript) else ("value",)
            target = self._all(target, names)
        current = self.out.temp()
        self.out.let(current, _loaded(target))
        value = self.value(node.value)
        stored = ast.copy_location(ast.Name(id=current, ctx=ast.Store()), node)
        added = ast.copy_location(ast.AugAssign(target=stored, op=node.op, value=value), node)
        self.out.do(added, _assign(target, self.read(current, node), node))

    def _raise(self, node: ast.Raise) -> None:
        self.out.do(self._rebuilt(node, ["exc", "cause"]))

    def _assert(self, node: ast.Assert) -> None:
        self.out.do(ast.copy_location(ast.Assert(test=self.value(node.test), msg=node.msg), node))

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            rest = self._children(target) if calls(target) else target
            self.out.do(ast.copy_location(ast.Delete(targets=[rest]), node))


def _copy(node: Any) -> Any:
    """A node of its own, so that the tree that the source gave stays as it was."""
    fields: dict[str, Any] = dict(ast.iter_fields(node))
    for name, field in fields.items():
        if isinstance(field, list):
            fields[name] = [*field]
    return ast.copy_location(type(node)(**fields), node)


def _assign(target: ast.expr, value: ast.expr, at: ast.AST) -> ast.stmt:
    return ast.copy_location(ast.Assign(targets=[target], value=value), at)


def _stored(node: ast.expr) -> ast.expr:
    copy = _copy(node)
    copy.ctx = ast.Store()
    return copy


def _loaded(node: ast.expr) -> ast.expr:
    copy = _copy(node)
    copy.ctx = ast.Load()
    return copy


def _mapping(node: ast.expr) -> ast.expr:
    """`**node` as an expression of its own."""
    return ast.copy_location(ast.Dict(keys=[None], values=[node]), node)


def _unpacked(keyword: ast.keyword) -> ast.expr:
    return keyword.value if keyword.arg is not None else _mapping(keyword.value)


def _repacked(keywords: list[ast.keyword], values: list[ast.expr]) -> list[ast.expr]:
    """Undo `_unpacked` where it was left in place, so that Python's own check for mappings applies."""
    kept: list[ast.expr] = []
    for keyword, value in zip(keywords, values, strict=True):
        plain = keyword.arg is None and isinstance(value, ast.Dict) and value.keys == [None]
        kept.append(value.values[0] if plain and isinstance(value, ast.Dict) else value)
    return kept
