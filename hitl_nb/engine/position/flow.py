"""Which names statements may still read before they bind them: the analysis of live variables, backwards.

What a statement does to the live names is of the form `reads | (live & ~binds)`, and so is what any block does. Of such
a function the least fixed point is what it gives for no names at all: loops need no repetition.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

from hitl_nb.engine.compile.nodes import FUNCTIONS, is_engine_name, is_runtime, walk
from hitl_nb.engine.compile.trees import CELLS
from hitl_nb.engine.position.name_sets import NOTHING, Effect, NameSets
from hitl_nb.engine.position.reading import RESUMED
from hitl_nb.engine.position.reads import Reads


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


class Flow(Reads):
    """The statements of one scope. Beside each statement's effect, names are noted as `Reads` says.

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
        is_cell: bool = False,
    ) -> None:
        super().__init__(names, owner, declared, is_class=is_class)
        self.nested = nested
        self.is_cell = is_cell
        self._known: dict[tuple[Any, ...], int] | None = None
        self._own: dict[ast.AST, str] | None = None
        self._flows: dict[type[ast.AST], Callable[[Any, int, Exits], int]] = {
            ast.Return: lambda node, _, exits: _before(self._of_value(node.value), exits.returned) | exits.error,
            ast.Break: lambda node, _, exits: exits.broke,
            ast.Continue: lambda node, _, exits: exits.continued,
            ast.Raise: lambda node, _, exits: _before(self.in_turn(_parts(node.exc, node.cause)), exits.error),
            ast.Expr: self._expression,
            ast.If: self._if,
            ast.While: self._while,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.Try: self._try,
            ast.TryStar: self._try_star,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Match: self._match,
        }
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

    def remember(self, own: dict[ast.AST, str]) -> None:
        """Keep what is found of these statements: the scope is looked at again, from other places."""
        self._known, self._own = {}, own

    def store(self, name: str) -> int:
        found = super().store(name)
        if self.is_cell and not is_engine_name(name):  # the cell's names are the namespace's
            found |= self.names.global_bit(name)
        return found

    # -- blocks

    def block(self, statements: Sequence[ast.stmt], live: int, exits: Exits) -> int:
        """The names live before a block, `live` being those behind it."""
        i = len(statements) - 1
        while i >= 0:
            node = statements[i]
            i -= 1
            if i >= 0 and _is_resumed(statements[i]):
                live = self._resumed(node, live, exits)
                i -= 1
            else:
                live = self.before(node, live, exits)
        return live

    def before(self, node: ast.stmt, live: int, exits: Exits) -> int:
        """The names live before a statement."""
        if self._known is None or self._own is None or node not in self._own:
            return self._before_new(node, live, exits)
        key = node, live, exits
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._before_new(node, live, exits)
        return found

    def _before_new(self, node: ast.stmt, live: int, exits: Exits) -> int:
        flow = self._flows.get(type(node))
        if flow is not None:
            return flow(node, live, exits)
        return _before(self.simple(node), live) | exits.error

    def simple(self, node: ast.stmt) -> Effect:
        """The effect of a statement that has no blocks."""
        effect = self._effects.get(type(node))
        return self.effect(node) if effect is None else effect(node)

    def _of_value(self, node: ast.AST | None) -> Effect:
        return NOTHING if node is None else self.effect(node)

    # -- simple statements

    def _expression(self, node: ast.Expr, live: int, exits: Exits) -> int:
        if _is_call_of(node.value, "throw"):
            live = exits.error
        return _before(self.effect(node.value), live) | exits.error

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
        return (reads | (self._of_value(node.msg)[0] & ~binds), binds)

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
        annotations = _parts(*(arg.annotation for arg in _parameters(args)))
        defaults = [*args.defaults, *_parts(*args.kw_defaults)]
        reads, binds = self.in_turn([*node.decorator_list, *defaults, *annotations, *_parts(node.returns)])
        for part in getattr(node, "type_params", ()):
            reads |= self._of_value(getattr(part, "bound", None))[0]
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
        inner = Flow(self.names, self.nested, self.owner, spaced)
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
        inner = Flow(self.names, self.nested, node.name, spaced, is_class=True)
        live = inner.block(node.body, 0, NO_EXITS)
        outward = 0
        for name in (*spaced, *outer):
            outward |= inner.bit(name)
        own = (inner.stores & ~outward) | self.names.union(("__module__", "__qualname__"))
        hidden = self.names.bit("__class__")
        reads = live | self.names.as_globals(live & own) | (inner.beyond & ~hidden)
        loads = reads | (inner.loads & ~own) | (inner.beyond_loads & ~hidden)
        return Nested(reads, loads, (inner.stores & outward) | inner.binds_below, inner.escaping & ~hidden)

    # -- control

    def _if(self, node: ast.If, live: int, exits: Exits) -> int:
        test = node.test
        if isinstance(test, ast.Attribute) and is_runtime(test):  # whether to report
            return live | exits.error
        body = self.block(node.body, live, exits)
        orelse = self.block(node.orelse, live, exits)
        if isinstance(test, ast.Constant):
            return body if test.value else orelse
        if _is_unless_unwinding(test):  # what unwinds reads nothing
            orelse = 0
        return _before(self.effect(test), body | orelse) | exits.error

    def _while(self, node: ast.While, live: int, exits: Exits) -> int:
        behind = self._behind(node, live, exits)
        return self._turns(node.test, node.body, live, behind, exits)

    def _behind(self, node: Any, live: int, exits: Exits) -> int:
        """What is live where a loop has no further turn."""
        return self.block(node.orelse, live, exits)

    def _turns(self, test: ast.expr, body: Sequence[ast.stmt], live: int, behind: int, exits: Exits) -> int:
        """What is live before each test of a `while`."""
        turn = self.block(body, 0, exits._replace(broke=live, continued=0))
        return self._tested(test, turn, behind, exits)

    def _tested(self, test: ast.expr, turn: int, behind: int, exits: Exits) -> int:
        if isinstance(test, ast.Constant):
            return (turn if test.value else behind) | exits.error
        return _before(self.effect(test), turn | behind) | exits.error

    def _for(self, node: Any, live: int, exits: Exits) -> int:
        behind = self._behind(node, live, exits)
        turn = self.block(node.body, 0, exits._replace(broke=live, continued=0))
        turns = _before(self.effect(node.target), turn) | behind | exits.error
        return _before(self.effect(node.iter), turns) | exits.error

    def _resumed(self, node: Any, live: int, exits: Exits) -> int:
        """A loop in a residual: its first turn is what is left of one."""
        behind = self._behind(node, live, exits)
        first, body = _two_bodies(node)
        if isinstance(node, ast.While):
            test = cast("ast.IfExp", node.test)
            turns = self._turns(test.orelse, body, live, behind, exits)
            begun = self.block(first, turns, exits._replace(broke=live, continued=turns))
            return self._tested(test.body, begun, behind, exits)
        turn = self.block(body, 0, exits._replace(broke=live, continued=0))
        turns = _before(self.effect(node.target), turn) | behind | exits.error
        begun = self.block(first, turns, exits._replace(broke=live, continued=turns))
        begun = _before(self.effect(node.target), begun)
        return _before(self.effect(node.iter), begun) | exits.error

    def _protected(self, node: Any, live: int, exits: Exits) -> tuple[int, Exits]:
        """What is live behind a `try`, and where it may be left to: through its `finally`, if it has one."""
        if not node.finalbody:
            return live, exits
        known: dict[int, int] = {}

        def through(target: int) -> int:
            found = known.get(target)
            if found is None:
                found = known[target] = self.block(node.finalbody, target, exits)
            return found

        return through(live), Exits(*map(through, exits))

    def _try(self, node: ast.Try, live: int, exits: Exits) -> int:
        live, exits = self._protected(node, live, exits)
        caught = exits.error
        for handler in reversed(node.handlers):
            if isinstance(handler.type, ast.Attribute) and is_runtime(handler.type) and handler.type.attr == "Unwind":
                continue  # nothing of the user's sees it
            caught = self._handler(handler, live, caught, exits)
        orelse = self.block(node.orelse, live, exits)
        return self.block(node.body, orelse, exits._replace(error=caught))

    def _handler(self, handler: ast.ExceptHandler, live: int, next_one: int, exits: Exits) -> int:
        body = self.block(handler.body, live, exits)
        if handler.name:
            body &= ~self.store(handler.name)
        return _before(self._of_value(handler.type), body | next_one)

    def _try_star(self, node: ast.TryStar, live: int, exits: Exits) -> int:
        """Several handlers may run, one after the other, whether or not one raises."""
        live, exits = self._protected(node, live, exits)
        caught = exits.error | live
        for handler in reversed(node.handlers):
            caught |= self._handler(handler, caught, caught, exits._replace(error=caught))
        orelse = self.block(node.orelse, live, exits)
        return self.block(node.body, orelse, exits._replace(error=caught))

    def _with(self, node: Any, live: int, exits: Exits) -> int:
        """One that is left as it is: its `__exit__` may swallow what was raised."""
        behind = self.block(node.body, live, exits._replace(error=exits.error | live))
        parts = [part for item in node.items for part in _parts(item.context_expr, item.optional_vars)]
        return _before(self.in_turn(parts), behind | live) | exits.error

    def _match(self, node: ast.Match, live: int, exits: Exits) -> int:
        next_one = live
        for case in reversed(node.cases):
            body = self.block(case.body, live, exits)
            if case.guard is not None:
                body = _before(self.effect(case.guard), body | next_one)
            elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:
                next_one = 0  # it matches in any case
            reads, binds = self._pattern(case.pattern)
            next_one |= reads | (body & ~binds)
        return _before(self.effect(node.subject), next_one) | exits.error

    def _pattern(self, pattern: ast.pattern) -> Effect:
        reads = binds = 0
        for part in walk(pattern):
            name = getattr(part, "rest", None) if isinstance(part, ast.MatchMapping) else getattr(part, "name", None)
            if isinstance(name, str):
                binds |= self.store(name)
            elif isinstance(part, ast.Name):
                reads |= self.effect(part)[0]
        return (reads, binds)


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


def _before(effect: Effect, live: int) -> int:
    return effect[0] | (live & ~effect[1])


def _parameters(args: ast.arguments) -> list[ast.arg]:
    rest = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *rest]


def _parts(*parts: ast.AST | None) -> list[ast.AST]:
    return [part for part in parts if part is not None]


def _is_resumed(node: ast.stmt) -> bool:
    """Whether a statement says that the loop behind it is in its first turn."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant) or node.value.value is not True:
        return False
    target = node.targets[0]
    return isinstance(target, ast.Name) and target.id.startswith(RESUMED)


def _two_bodies(node: Any) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """What a loop of a residual does in its first turn, and in all others."""
    first = node.body[0]
    if isinstance(first, ast.If):
        return first.body, first.orelse
    return node.body[1:], node.body[1:]  # behind what says that the first turn has begun


def _is_unless_unwinding(test: ast.expr) -> bool:
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.Or):
        return False
    first = test.values[0]
    return isinstance(first, ast.Name) and first.id.startswith(".f")


def _is_call_of(node: ast.expr, name: str) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and is_runtime(function) and function.attr == name
