"""Which variables the rest of a saved frame may still read.

A variable that the rest binds before it reads it need not be saved. More names than needed only refuse a pause that
was possible; one name too few loses a value: what is not certain counts as read.

Code that reads variables which its source does not name (`eval`, `locals()`, magics, frames) makes every name live. A
frame's analysis is of its own code alone: what functions that it calls read of the namespace is found by following
these functions, as they are values of live names.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from hitl_nb.engine.compile.tree.nodes import FUNCTIONS, is_engine_name
from hitl_nb.engine.compile.tree.trees import SourceTree
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.frames import KEPT, SavedFrame
from hitl_nb.engine.position.frames.residuals import Residual
from hitl_nb.engine.position.liveness.flow import NO_EXITS, Flow, Nested, below
from hitl_nb.engine.position.liveness.name_sets import EVERY, NameSets


@dataclass(frozen=True, eq=False)
class LiveNames:
    """What the rest of a frame may read.

    Attributes:
        own: its local names, those of the engine and cells included; of a cell only those of the engine.
        namespace: names of the namespace, builtins included.
        has_every: whether it may read any variable, whatever its name.
        all: both together.
    """

    own: frozenset[str]
    namespace: frozenset[str]
    has_every: bool
    all: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "all", self.own | self.namespace)


def live_names(unit: Unit, saved: SavedFrame) -> frozenset[str]:
    """The variables that the rest of a saved frame may read before it binds them.

    Of a function's frame its locals and cells; of a cell the names of the namespace; in both the engine's names. A cell
    that functions may share which outlive their statement, or that is of a function around, is always live: who leaves
    out its value would part it from the others'.

    Raises:
        CannotSave: the rest cannot be built.
    """
    live = find_live(unit, saved)
    if unit.functions[saved.function].kind == "cell":
        return live.all.union(saved.namespace) if live.has_every else live.all
    if not live.has_every:
        return live.own
    return live.own.union(saved.cells, (name for name in saved.locals if not is_engine_name(name)))


def live_globals(unit: Unit, saved: SavedFrame) -> frozenset[str]:
    """The names of the namespace that the rest of a saved frame may read before it binds them. Raises CannotSave."""
    live = find_live(unit, saved)
    return live.namespace.union(saved.namespace) if live.has_every else live.namespace


def names_read(unit: Unit) -> frozenset[str]:
    """The names of the namespace that a unit reads anywhere, its functions included; builtins too.

    `EVERY` ("*") is among them if it may read names that its source does not say.
    """
    return _mentioned(unit)[0]


def names_mentioned(unit: Unit) -> frozenset[str]:
    """The names of the namespace that a unit reads or binds anywhere, its functions included."""
    return _mentioned(unit)[1]


def find_live(unit: Unit, saved: SavedFrame) -> LiveNames:
    """All that is known of the rest of a frame. Raises CannotSave."""
    flags = [(name, value) for name, value in saved.locals.items() if name[:2] == ".f"]
    flags.sort()
    key = (unit.key, saved.function, saved.place, saved.how, saved.again, tuple(flags))
    found = _live.get(key)
    if found is None:
        if len(_live) >= _MOST_KNOWN:
            _live.clear()
        found = _live[key] = _analysis(unit).live(unit, saved)
    return found


_live: dict[tuple[Any, ...], LiveNames] = {}
_read_and_mentioned: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
_MOST_KNOWN = 5000


class _Analysis:
    """What was found of one tree: it lives as long as the tree."""

    def __init__(self) -> None:
        self.names = NameSets()
        self.nested: dict[ast.AST, Nested] = {}
        self._frames: dict[int, Flow] = {}

    def live(self, unit: Unit, saved: SavedFrame) -> LiveNames:
        tree = unit.tree()
        function, node = tree.functions[saved.function], tree.nodes[saved.function]
        flow = self.flow(tree, saved.function)
        begun_reads = 0
        flags = {name for name in saved.locals if name.startswith(".f") or name == KEPT}  # the rest is built by them
        if saved.how == "start":
            is_lambda = function.kind == "lambda"
            live = flow.effect(node.body)[0] if is_lambda else flow.block(node.body, 0, NO_EXITS)
        else:
            residual = Residual(unit, saved)
            live = flow.block(residual.body(), 0, NO_EXITS)
            begun_reads = _begun(flow, residual)
            flags |= _awaited_names(residual)
        has_every = bool((live | begun_reads) & self.names.every)
        plain, spaced = self.names.split(live)
        if function.kind == "cell":
            own = {name for name in plain if is_engine_name(name)}
            return LiveNames(frozenset(own | flags), frozenset(plain - own | spaced), has_every)
        shared = self.names.split(flow.escaping)[0]
        kept = {name for name in function.cells if name not in function.locals or name in shared}
        own = {name for name in plain if is_engine_name(name) or name in function.locals or name in function.cells}
        return LiveNames(frozenset(own | kept | flags), frozenset(plain - own | spaced), has_every)

    def flow(self, tree: SourceTree, number: int) -> Flow:
        """The scope of a function, all of whose statements were looked at once."""
        flow = self._frames.get(number)
        if flow is None:
            function, node = tree.functions[number], tree.nodes[number]
            is_cell = function.kind == "cell"
            flow = Flow(self.names, self.nested, function.owner, function.globals, is_cell=is_cell)
            flow.super_reads = flow.bit(function.first_parameter) if function.first_parameter else 0
            if function.kind == "lambda":
                flow.effect(node.body)
            else:
                _add_aliases(flow, node)
                flow.remember(tree.paths)
                flow.block(node.body, 0, NO_EXITS)
            self._frames[number] = flow
        return flow


def _awaited_names(residual: Residual) -> set[str]:
    """What is filed of a call that is awaited and answered: while the answer is awaited, it may be awaited again."""
    if not isinstance(residual.node, ast.Await):
        return set()
    return {node.id for node in ast.walk(residual.node) if isinstance(node, ast.Name) and is_engine_name(node.id)}


def _add_aliases(flow: Flow, node: Any) -> None:
    """Functions of the engine's own: the rest may call one that was defined before the place."""
    todo = list(node.body)
    for statement in todo:  # grows
        if isinstance(statement, FUNCTIONS) and is_engine_name(statement.name):
            found = flow.find_nested(statement)
            flow.aliases[flow.bit(statement.name)] = found.reads if flow.is_cell else found.loads | found.binds
        todo += below(statement)


def _begun(flow: Flow, residual: Residual) -> int:
    """What the expression around the place reads, the evaluated part included: `eval` may be filed already."""
    nodes = [*(node for node, _ in residual.path[1:]), residual.node]
    whole = next((node for node in nodes if isinstance(node, ast.expr)), None)
    return 0 if whole is None else flow.effect(whole)[0]


_analyses: WeakKeyDictionary[SourceTree, _Analysis] = WeakKeyDictionary()


def _analysis(unit: Unit) -> _Analysis:
    tree = unit.tree()
    found = _analyses.get(tree)
    if found is None:
        found = _analyses[tree] = _Analysis()
    return found


def _mentioned(unit: Unit) -> tuple[frozenset[str], frozenset[str]]:
    found = _read_and_mentioned.get(unit.key)
    if found is None:
        if len(_read_and_mentioned) >= _MOST_KNOWN:
            _read_and_mentioned.clear()
        found = _read_and_mentioned[unit.key] = _find_mentioned(unit)
    return found


def _find_mentioned(unit: Unit) -> tuple[frozenset[str], frozenset[str]]:
    analysis = _analysis(unit)
    flow = analysis.flow(unit.tree(), 0)

    def spelt(mask: int) -> frozenset[str]:
        plain, spaced = analysis.names.split(mask)
        return frozenset(name for name in plain | spaced if not is_engine_name(name))

    read = spelt(flow.loads)
    bound = spelt(flow.stores | flow.binds_below)
    every = frozenset((EVERY,)) if flow.loads & analysis.names.every else frozenset[str]()
    return read | every, read | bound | frozenset(unit.tops)


__all__ = ["EVERY", "LiveNames", "find_live", "live_globals", "live_names", "names_mentioned", "names_read"]
