"""Programs whose saved positions have lost all variables that the rest is said not to read."""

from __future__ import annotations

import gc
import types
from typing import Any
from unittest import mock

from exact import checks, pickles, saving
from world import Result

from hitl_nb.engine.compile import find_unit
from hitl_nb.engine.compile.tree.trees import iterate_codes
from hitl_nb.engine.position.frames.frames import SavedFrame, SavedStack
from hitl_nb.engine.position.liveness.liveness import find_live_globals, find_live_variables
from hitl_nb.engine.position.stack.generators import reduce_generator
from hitl_nb.engine.position.stack.suspended_frames import read_generator
from hitl_nb.review.decision import Decision


class Losing(saving.Questions):
    """Saves only what is live."""

    lost = 0
    """How many values were left out, in all programs."""

    def _save(self, stack: SavedStack, answer: Decision | None) -> None:
        for frame in stack.order:
            Losing.lost += prune(frame)
        wanted = self._wanted_names(stack, answer)
        kept = {name: v for name, v in self.namespace.items() if name in wanted or name.startswith("__")}
        Losing.lost += len(self.namespace) - len(kept)
        whole, self.namespace = self.namespace, kept
        try:
            with mock.patch.object(saving.pickles, "dump", self._dump_in(whole)):
                super()._save(stack, answer)
        finally:
            self.namespace = whole

    def _dump_in(self, whole: dict[str, Any]) -> Any:
        dump = pickles.dump

        def dump_in(state: Any, named: Any, running: Any, file: str) -> Any:
            named = {**named, "namespace": whole}
            with mock.patch.object(pickles, "reduce_generator", reduce_pruned):
                return dump(state, named, running, file)

        return dump_in

    def _wanted_names(self, stack: SavedStack, answer: Decision | None) -> set[str]:
        """The names of the namespace that frames read, and functions that are reached from these."""
        wanted = {name for frame in stack.order for name in find_live_globals(unit_of(frame), frame)}
        todo: list[Any] = [answer, *(value for frame in stack.order for value in values_of(frame))]
        todo += [self.namespace[name] for name in wanted if name in self.namespace]
        seen: dict[int, Any] = {}
        running = stack.running_frames

        def want(names: Any) -> None:
            for name in names:
                if name not in wanted:
                    wanted.add(name)
                    if name in self.namespace:
                        todo.append(self.namespace[name])

        while todo:
            value = todo.pop()
            if id(value) in seen or value is self.namespace or isinstance(value, _LEAVES):
                continue
            seen[id(value)] = value
            match value:
                case types.FunctionType():
                    if value.__globals__ is self.namespace:
                        want(name for code in iterate_codes(value.__code__) for name in code.co_names)
                    todo += [value.__closure__, value.__defaults__, value.__kwdefaults__, value.__dict__]
                case types.GeneratorType() | types.CoroutineType():
                    found = read_generator(value, running)
                    if found is not None:
                        want(find_live_globals(unit_of(found[0]), found[0]))
                        todo += values_of(found[0])
                case type() if value.__module__ != "__main__":
                    pass
                case _:
                    todo += gc.get_referents(value)
        return wanted


_LEAVES = (types.ModuleType, types.CodeType, types.FrameType, str, bytes, int, float, type(None))


def unit_of(frame: SavedFrame) -> Any:
    unit = find_unit(frame.unit)
    assert unit is not None
    return unit


def values_of(frame: SavedFrame) -> list[Any]:
    return [*frame.locals.values(), *frame.cells.values()]


def prune(frame: SavedFrame) -> int:
    """Take out what is not live. Returns how much that was."""
    live = find_live_variables(unit_of(frame), frame)
    dead = [name for name in frame.locals if name not in live]
    for name in dead:
        del frame.locals[name]
    empty = [name for name in frame.cells if name not in live]
    for name in empty:
        frame.cells[name] = types.CellType()
    return sum(not name.startswith(".") for name in dead) + len(empty)


def reduce_pruned(value: Any, running: dict[int, SavedFrame]) -> Any:
    def read(value: Any, running: dict[int, SavedFrame]) -> Any:
        found = read_generator(value, running)
        if found is not None:
            Losing.lost += prune(found[0])
        return found

    with mock.patch("hitl_nb.engine.position.stack.generators.read_generator", read):
        return reduce_generator(value, running)


def check_pruned(source: str, poll_every: int = 0) -> int | None:
    """Save only what is live, and go on. Returns how many values were left out; None: the program cannot be tried."""
    before = Losing.lost
    expected = checks.native(source)
    if not checks._is_tried(expected):
        return None
    with mock.patch.object(saving, "Questions", Losing):
        got = saving.continue_run(source, poll_every)
    if not checks.is_same(_drop_graph(expected), _drop_graph(got), f"poll {poll_every}"):
        return None
    return Losing.lost - before


def _drop_graph(result: Result) -> Result:
    """Without the variables at the end: those that nothing read are gone."""
    result.graph = None
    return result
