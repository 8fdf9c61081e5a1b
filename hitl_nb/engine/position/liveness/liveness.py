"""Finds the variables that the rest of a saved frame may still read (its *live* variables).

A variable that the rest binds before it reads it need not be saved. One name too many only refuses a pause that was
possible; one name too few loses a value. So uncertain names count as read.

Code that reads variables which its source does not name (`eval`, `locals()`, magics, frames) makes every name live. The
analysis of a frame covers only its own code. Functions that it calls can read the namespace, too. These functions are
values of live names, so their reads are found by following them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from hitl_nb.engine.compile.tree.nodes import FUNCTIONS, is_engine_name
from hitl_nb.engine.compile.tree.trees import SourceTree
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.frames import PAUSE_MARK, SavedFrame
from hitl_nb.engine.position.frames.residuals import Residual
from hitl_nb.engine.position.liveness.flow import NO_EXITS, FlowAnalysis, NestedDefinition, find_child_statements
from hitl_nb.engine.position.liveness.name_sets import EVERY_NAME, NameSets


@dataclass(frozen=True, eq=False)
class LiveNames:
    """The names that a saved frame may still read in the code that it has not executed yet.

    Attributes:
        own_names: names of the frame's locals and cells (closure variables), with the engine's names. For a cell of the
            notebook: the engine's names only.
        namespace: names of the namespace (globals), with builtins.
        has_every_name: whether it may read any variable, for example by `eval`.
        all_names: `own_names` and `namespace` together.
    """

    own_names: frozenset[str]
    namespace: frozenset[str]
    has_every_name: bool
    all_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "all_names", self.own_names | self.namespace)


def find_live_variables(unit: Unit, saved_frame: SavedFrame) -> frozenset[str]:
    """Find the variables that a saved frame may still read, in the code after its position, before it binds them.

    For a function's frame these are its locals and cells; for a notebook cell, names of the namespace. Both include the
    engine's names. A closure cell is always live if it belongs to an enclosing function, or if functions that outlive
    their statement may share it. Without its value, this frame would no longer share the cell with the others.

    Raises:
        CannotSave: The rest of the frame's code cannot be built.
    """
    live = find_live_names(unit, saved_frame)
    if unit.functions[saved_frame.function].kind == "cell":
        return live.all_names.union(saved_frame.namespace) if live.has_every_name else live.all_names
    if not live.has_every_name:
        return live.own_names
    return live.own_names.union(saved_frame.cells, (name for name in saved_frame.locals if not is_engine_name(name)))


def find_live_globals(unit: Unit, saved_frame: SavedFrame) -> frozenset[str]:
    """Find the globals (names of the namespace) that a saved frame may still read, before it binds them.

    Raises:
        CannotSave: The rest of the frame's code cannot be built.
    """
    live = find_live_names(unit, saved_frame)
    return live.namespace.union(saved_frame.namespace) if live.has_every_name else live.namespace


def find_names_read(unit: Unit) -> frozenset[str]:
    """Return the names of the namespace (globals, builtins) that a cell or module, with its functions, reads.

    `EVERY_NAME` ("*") is among them if the code may read names that its source does not contain.
    """
    return _find_mentions(unit)[0]


def find_names_mentioned(unit: Unit) -> frozenset[str]:
    """Return the names of the namespace (globals) that a cell or module, with its functions, reads or binds."""
    return _find_mentions(unit)[1]


def find_live_names(unit: Unit, saved_frame: SavedFrame) -> LiveNames:
    """Find the names that a saved frame may still read in the code that it has not executed yet.

    The results are kept, for all frames with the same position in the code.

    Raises:
        CannotSave: The rest of the frame's code cannot be built.
    """
    flags = [(name, value) for name, value in saved_frame.locals.items() if name[:2] == ".f"]
    flags.sort()
    key = (
        unit.key,
        saved_frame.function,
        saved_frame.place,
        saved_frame.mode,
        saved_frame.reevaluated_names,
        tuple(flags),
    )
    found = _live_cache.get(key)
    if found is None:
        if len(_live_cache) >= _MAX_CACHED:
            _live_cache.clear()
        found = _live_cache[key] = _find_analysis(unit).find_live_names(unit, saved_frame)
    return found


_live_cache: dict[tuple[Any, ...], LiveNames] = {}
_mention_cache: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
_MAX_CACHED = 5000


class _TreeAnalysis:
    """The results of the analysis for one source tree. They are kept as long as the tree."""

    def __init__(self) -> None:
        self.name_sets = NameSets()
        self.nested_definitions: dict[ast.AST, NestedDefinition] = {}
        self._flows: dict[int, FlowAnalysis] = {}

    def find_live_names(self, unit: Unit, saved_frame: SavedFrame) -> LiveNames:
        tree = unit.get_tree()
        function, node = tree.functions[saved_frame.function], tree.nodes[saved_frame.function]
        flow = self.find_flow(tree, saved_frame.function)
        begun_reads = 0
        flags = {
            name for name in saved_frame.locals if name.startswith(".f") or name == PAUSE_MARK
        }  # the rest of the frame depends on them
        if saved_frame.mode == "start":
            is_lambda = function.kind == "lambda"
            live = flow.effect_of(node.body)[0] if is_lambda else flow.live_before_block(node.body, 0, NO_EXITS)
        else:
            residual = Residual(unit, saved_frame)
            live = flow.live_before_block(residual.build_body(), 0, NO_EXITS)
            begun_reads = _find_started_reads(flow, residual)
            flags |= _find_awaited_names(residual)
        has_every = bool((live | begun_reads) & self.name_sets.every_bit)
        plain, spaced = self.name_sets.split_by_scope(live)
        if function.kind == "cell":
            own = {name for name in plain if is_engine_name(name)}
            return LiveNames(frozenset(own | flags), frozenset(plain - own | spaced), has_every)
        shared = self.name_sets.split_by_scope(flow.escaping_names)[0]
        kept = {name for name in function.cells if name not in function.locals or name in shared}
        own = {name for name in plain if is_engine_name(name) or name in function.locals or name in function.cells}
        return LiveNames(frozenset(own | kept | flags), frozenset(plain - own | spaced), has_every)

    def find_flow(self, tree: SourceTree, number: int) -> FlowAnalysis:
        """Return the analysis of a function, after all of its statements were analyzed once.

        Args:
            tree: the source tree.
            number: number of the function.
        """
        flow = self._flows.get(number)
        if flow is None:
            function, node = tree.functions[number], tree.nodes[number]
            is_cell = function.kind == "cell"
            flow = FlowAnalysis(
                self.name_sets, self.nested_definitions, function.owner, function.globals, is_cell=is_cell
            )
            flow.super_reads = flow.bit_of(function.first_parameter) if function.first_parameter else 0
            if function.kind == "lambda":
                flow.effect_of(node.body)
            else:
                _add_aliases(flow, node)
                flow.remember_statements(tree.paths)
                flow.live_before_block(node.body, 0, NO_EXITS)
            self._flows[number] = flow
        return flow


def _find_awaited_names(residual: Residual) -> set[str]:
    """Return the names of the local variables, added by hitl_nb, in which a frame keeps the operands of an `await`.

    They are needed while the frame waits, because it may be saved there again and then execute the awaited call again.
    """
    if not isinstance(residual.node, ast.Await):
        return set()
    return {node.id for node in ast.walk(residual.node) if isinstance(node, ast.Name) and is_engine_name(node.id)}


def _add_aliases(flow: FlowAnalysis, node: Any) -> None:
    """Record which names are read by functions that the engine made of the user's code, such as comprehensions.

    The rest of a saved frame may call such a function, although the function was defined before the frame's position.
    """
    todo = list(node.body)
    for statement in todo:  # the list grows during the loop
        if isinstance(statement, FUNCTIONS) and is_engine_name(statement.name):
            found = flow.find_nested_definition(statement)
            flow.aliases[flow.bit_of(statement.name)] = found.reads if flow.is_cell else found.loads | found.binds
        todo += find_child_statements(statement)


def _find_started_reads(flow: FlowAnalysis, residual: Residual) -> int:
    """Return the names that the expression at the position of a saved frame reads, as a mask (one bit per name).

    The part that was evaluated before is included, because its kept operands may have the function `eval`.
    """
    nodes = [*(node for node, _ in residual.path[1:]), residual.node]
    whole = next((node for node in nodes if isinstance(node, ast.expr)), None)
    return 0 if whole is None else flow.effect_of(whole)[0]


_analyses: WeakKeyDictionary[SourceTree, _TreeAnalysis] = WeakKeyDictionary()


def _find_analysis(unit: Unit) -> _TreeAnalysis:
    tree = unit.get_tree()
    found = _analyses.get(tree)
    if found is None:
        found = _analyses[tree] = _TreeAnalysis()
    return found


def _find_mentions(unit: Unit) -> tuple[frozenset[str], frozenset[str]]:
    found = _mention_cache.get(unit.key)
    if found is None:
        if len(_mention_cache) >= _MAX_CACHED:
            _mention_cache.clear()
        found = _mention_cache[unit.key] = _compute_mentions(unit)
    return found


def _compute_mentions(unit: Unit) -> tuple[frozenset[str], frozenset[str]]:
    analysis = _find_analysis(unit)
    flow = analysis.find_flow(unit.get_tree(), 0)

    def user_names_in(mask: int) -> frozenset[str]:
        plain, spaced = analysis.name_sets.split_by_scope(mask)
        return frozenset(name for name in plain | spaced if not is_engine_name(name))

    read = user_names_in(flow.loads)
    names_bound = user_names_in(flow.stores | flow.nested_binds)
    every = frozenset((EVERY_NAME,)) if flow.loads & analysis.name_sets.every_bit else frozenset[str]()
    return read | every, read | names_bound | frozenset(unit.top_names)


__all__ = [
    "EVERY_NAME",
    "LiveNames",
    "find_live_globals",
    "find_live_names",
    "find_live_variables",
    "find_names_mentioned",
    "find_names_read",
]
