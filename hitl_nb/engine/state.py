"""Position and variables to one signed snapshot, and back.

*State comes from the snapshot, code comes from the notebook.* Saved are the names that the cell bound or
changed and the names that the rest of it still reads, in one pickle with the position, so that two names of
one object are two names of one object again. A client or connection that cannot be pickled is made again by
the line that made it, if that was a plain `name = call(...)`.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import pickle
from collections.abc import Callable, Iterable, Set
from typing import Any

from ..errors import CannotPause
from ..records import Snapshot
from .bindings import binding_line, binds
from .loadcheck import StructureReader, prove, read_structure
from .loading import END, PROCESS
from .machine import Machine
from .pickling import Pickler, Unpickler, notebook_name, resolve
from .processstate import ProcessState, name_kind
from .program import FORMAT
from .seal import seal
from .stack import Frame
from .units import CellUnit

_NEVER_REBUILT = ("generator", "coroutine", "async_generator")


class Reentered:
    """Base of context managers whose state is in the store, under `id`: a pause in their with block does no harm."""

    id: str


class Saver:
    """Saves one run's machine, again and again.

    Args:
        ns: the namespace of the cell, or of the module of an `@agent` function.
        hidden: names of `ns` that belong to the environment, not to the user.
        binding: the source line `name = call(...)` of another cell that bound a name, if there is one.
        special: a persistent id for objects of the environment (the IPython shell), or None.
        find_special: the object that such an id names here.

    The globals of an imported module are code, not state: they are not saved.
    """

    def __init__(
        self,
        ns: dict[str, Any],
        *,
        hidden: Callable[[str], bool] = lambda name: name.startswith("__"),
        binding: Callable[[str], str | None] = lambda name: None,
        special: Callable[[Any], tuple[Any, ...] | None] = lambda obj: None,
        find_special: Callable[[tuple[Any, ...]], Any] = lambda pid: None,
    ) -> None:
        self.ns = ns
        self.find_special = find_special
        self.variables = ns.get("__name__") == "__main__"
        self.hidden = hidden
        self.binding = binding
        self.special = special
        self.saved_names: list[str] = []
        self.left_out: dict[str, int] = {}
        self.rebuilt: dict[str, tuple[Any, str]] = {}
        self.notes: list[str] = []
        self.process = ProcessState()

    def save(
        self, machine: Machine, place: str, *, source: str, outputs: list[Any], pending: Any = None, check: bool = False
    ) -> Snapshot:
        """The state of `machine` at its position.

        Raises:
            CannotPause: naming the line, the variable, its type, and the way out.
        """
        names = self._names(machine, pending)
        _check_with(machine)
        try:
            parts = self._dump(machine, names, pending, check)
        except Exception:  # noqa: BLE001 - whatever a user's __reduce__, __hash__ or __setstate__ raises
            self._sort_out(machine, names, pending)
            try:
                parts = self._dump(machine, names, pending, check)
            except Exception as error:  # whatever a user's __reduce__ raises, the run cannot be saved
                raise CannotPause(_sentence(machine, "the state", None, str(error))) from error
        definitions, pickler, stream = parts
        shown = json.dumps(outputs).encode()
        header = {
            "format": FORMAT,
            "tick": machine.done,
            "source": source,
            "buffers": pickler.buffers,
            "sizes": [len(shown), len(definitions)],
        }
        body = b"".join((shown, definitions, stream))
        blobs = dict(pickler.blobs)
        return Snapshot(envelope=seal(place, header, body), blobs=blobs)

    # -- what to save

    def _names(self, machine: Machine, pending: Any) -> dict[str, bool]:
        """Names of `ns` to save, in order of binding; True where the rest of the program reads them."""
        if not self.variables:
            return {}
        live, touched = set[str](), set[str]()
        for frame in machine.stack:
            program = frame.unit.program
            local = set[str]() if isinstance(frame.unit, CellUnit) else {*frame.unit.locals, *frame.unit.free}
            live |= frame.live(behind=_behind(machine, frame, pending)) - local
            if isinstance(frame.unit, CellUnit):
                for i in frame.ran:
                    if i < len(program.ops):
                        touched |= program.ops[i].reads() | program.ops[i].binds()
        return {
            name: name in live
            for name in self.ns
            if (name in live or name in touched) and not self.hidden(name) and not name.startswith(".")
        }

    def _dump(
        self, machine: Machine, names: dict[str, bool], pending: Any, check: bool
    ) -> tuple[bytes, Pickler, bytes]:
        file = io.BytesIO()
        pickler = Pickler(file, self.ns, special=self._special)
        inputs = {n for _, line in self.rebuilt.values() for n in _read(line)}
        names = {**{n: True for n in self.ns if n in inputs and not self.hidden(n)}, **names}
        kept = [n for n in names if self.left_out.get(n) != id(self.ns[n])]
        ordered = sorted(kept, key=lambda n: (n not in inputs, n in self.rebuilt))
        done: set[str] = set()
        pickler.dump((PROCESS, self.process.changes()))
        for name in ordered:
            pickler.dump((name, self.ns[name]))
            done.add(name)
        stack = [frame_entry(frame, behind=_behind(machine, frame, pending)) for frame in machine.stack]
        pickler.dump(("", (stack, pending, machine.result)))
        copies: dict[str, tuple[bytes, Pickler]] = {}
        while self.variables:
            todo = [n for n in sorted(pickler.wanted - done) if n in self.ns and not self.hidden(n)]
            roots = pickler.defined - copies.keys()
            if not todo and not roots:
                break
            for name in todo:
                done.add(name)
                if self.left_out.get(name) != id(self.ns[name]):
                    pickler.dump((name, self.ns[name]))
            for root in sorted(roots):
                copies[root] = self._copied({root}, pickler)
        definitions = self._definitions(copies, pickler)
        pickler.dump((END, None))
        self.saved_names = sorted(done)
        if check:
            self._check(pickler, file.getvalue())
        return pickle.dumps(definitions), pickler, file.getvalue()

    def _copied(self, roots: Set[str], main: Pickler) -> tuple[bytes, Pickler]:
        """A copy by value of what the notebook defines under these names."""
        file = io.BytesIO()
        pickler = Pickler(file, self.ns, special=self._special, by_value=roots)
        pickler.dump({root: self.ns[root] for root in sorted(roots)})
        main.wanted |= pickler.wanted
        main.defined |= pickler.defined
        main.blobs.update(pickler.blobs)
        return file.getvalue(), pickler

    def _definitions(
        self, copies: dict[str, tuple[bytes, Pickler]], main: Pickler
    ) -> dict[str, tuple[bytes, list[str]]]:
        """The copies by name; definitions that name each other are one copy."""
        names = {root: set(pickler.defined) for root, (_, pickler) in copies.items()}
        for middle, further in names.items():
            for reached in names.values():
                if middle in reached:
                    reached |= further
        found: dict[str, tuple[bytes, list[str]]] = {}
        for root, copy in copies.items():
            circle = {other for other in names[root] if root in names[other]} | {root}
            data, pickler = copy if len(circle) == 1 else self._copied(circle, main)
            found[root] = (data, pickler.buffers)
        return found

    def _special(self, obj: Any) -> tuple[Any, ...] | None:
        for name, (value, line) in self.rebuilt.items():
            if value is obj:
                return ("built", name, line, type(obj).__qualname__)
        return self.special(obj)

    def _check(self, pickler: Pickler, stream: bytes) -> None:
        """Read it back now: a state that cannot be loaded must not be discovered days later."""

        def find(pid: tuple[Any, ...]) -> Any:
            if pid[0] == "blob":
                data = bytes(pickler.blobs[pid[2]])
                return data.decode("utf-8", "surrogatepass") if pid[1] == "str" else data
            if pid[0] == "built":
                return self.rebuilt[pid[1]][0]
            return self.ns if pid[0] == "ns" else resolve(pid[1], self.ns) if pid[0] == "def" else None

        def named(pid: tuple[Any, ...]) -> Any:
            return resolve(pid[1], self.ns) if pid[0] == "def" else None

        def load() -> list[Any]:
            loading = Unpickler(stream, find, (pickler.blobs[h] for h in pickler.buffers))
            loaded = [loading.load()]
            while loaded[-1][0] != END:
                loaded.append(loading.load())
            return loaded

        unknown = read_structure(StructureReader(stream, named, (pickler.blobs[h] for h in pickler.buffers)), END)
        prove(load, unknown)

    # -- when something cannot be pickled

    def _sort_out(self, machine: Machine, names: dict[str, bool], pending: Any) -> None:
        """Decide for each name that fails: make it again, leave it out, or refuse to pause."""
        self.left_out, self.rebuilt, self.notes = {}, {}, []
        wanted = dict(names)
        bound = _bound_by(machine)
        for name in list(wanted):
            for read in self._reads_of(self.ns[name]):
                wanted.setdefault(read, True)
        for name, needed in wanted.items():
            value = self.ns[name]
            problem = self._fails(value)
            if problem is None:
                continue
            line = self._line(machine, name, value)
            if line is not None and (needed or name in bound):
                self.rebuilt[name] = (value, line)
                self.notes.append(f"{name} ({type(value).__name__}) cannot be saved; `{line}` is run again to make it")
            elif not needed:
                self.left_out[name] = id(value)
                self.notes.append(f"{name} ({type(value).__name__}) cannot be saved and is left out")
            else:
                raise CannotPause(_sentence(machine, name, value, problem))
        for frame in machine.stack:
            self._sort_out_frame(machine, frame, frame.live(behind=_behind(machine, frame, pending)))
        for kind, changed in self.process.saved.items():
            if problem := self._fails(changed):
                raise CannotPause(_sentence(machine, name_kind(kind), None, problem))
        problem = self._fails(pending)
        if problem is not None:
            raise CannotPause(_sentence(machine, "the proposed value", pending, problem))

    def _reads_of(self, value: Any) -> Iterable[str]:
        name = notebook_name(value, self.ns)
        if name is None:
            return ()
        pickler = Pickler(io.BytesIO(), self.ns, special=self._special, by_value=frozenset({name.split(".")[0]}))
        try:
            pickler.dump(value)
        except Exception:  # noqa: BLE001 - reported for the value itself
            return ()
        return [n for n in sorted(pickler.wanted) if n in self.ns and not self.hidden(n)]

    def _sort_out_frame(self, machine: Machine, frame: Frame, live: set[str]) -> None:
        for name, cell in list(frame.cells.items()):
            value = _contents(cell)
            problem = self._fails(value)
            if problem is not None and name in live:
                raise CannotPause(
                    _sentence(machine, name if name[0] != "." else "an intermediate value", value, problem)
                )
            if problem is not None:
                frame.cells.pop(name)
                self.notes.append(f"{name} ({type(value).__name__}) of {frame.unit.name}() is left out")
        for name in frame.temporaries():
            if isinstance(frame.unit, CellUnit) and name in live and (problem := self._fails(self.ns[name])):
                raise CannotPause(_sentence(machine, "an intermediate value", self.ns[name], problem))
        for block in frame.blocks:
            what = {"loop": "the loop's iterator", "with": "the with block's context manager"}.get(
                block.kind, "a value"
            )
            for value in (block.value, block.exc):
                if problem := self._fails(value):
                    raise CannotPause(_sentence(machine, what, value, problem))

    def _fails(self, value: Any) -> str | None:
        file = io.BytesIO()
        try:
            pickler = Pickler(file, self.ns, special=self._special)
            pickler.dump(("", value))
            pickler.dump((END, None))
            self._check(pickler, file.getvalue())
        except Exception as error:  # noqa: BLE001 - whatever a user's __reduce__ or __setstate__ raises
            return f"{type(error).__name__}: {error}"
        return None

    def _line(self, machine: Machine, name: str, value: Any) -> str | None:
        """The one plain `name = call(...)` that bound `name`."""
        if isinstance(value, (io.IOBase, *_iterator_types())) or type(value).__name__ in _NEVER_REBUILT:
            return None
        unit = machine.stack[0].unit
        if isinstance(unit, CellUnit):
            bound = [n for n in ast.walk(ast.parse(unit.program.source)) if name in binds([n], deep=False)]
            if bound:
                return binding_line(bound[-1], name) if len(bound) == 1 else None
        return self.binding(name)


def _check_with(machine: Machine) -> None:
    """A `with` block is resumed with its manager as pickled, `__enter__` not called again: right for managers
    whose state is their data, wrong for those that change the process (a directory, a lock, a warning filter)."""
    for frame in machine.stack:
        for block in frame.blocks:
            if block.kind in ("with", "awith"):
                manager: object = block.value
                cls = type(manager)
                own = cls.__module__ in (frame.ns.get("__name__"), "__main__")
                if not own and not issubclass(cls, (contextlib.suppress, contextlib.nullcontext, Reentered)):
                    raise CannotPause(
                        _sentence(machine, "the with block's context manager", manager, "it acts on the process")
                    )


def _bound_by(machine: Machine) -> set[str]:
    """Names that the cell itself has bound."""
    cell = machine.stack[0]
    ops = cell.unit.program.ops
    return {n for i in cell.ran if i < len(ops) for n in ops[i].binds()} if isinstance(cell.unit, CellUnit) else set()


def _behind(machine: Machine, frame: Frame, pending: Any) -> bool:
    """Whether the call at the frame's position goes on elsewhere: it is completed on resume, not made again."""
    return frame is not machine.stack[-1] or pending is not None


def frame_entry(frame: Frame, *, behind: bool = False) -> tuple[Any, ...]:
    """A frame as data: kind, agent, source, position, and its temporaries or cells."""
    program = frame.unit.program
    live = frame.live(behind=behind)
    blocks = [(b.kind, b.at, b.value, b.exc, b.name) for b in frame.blocks]
    position = (frame.pc, blocks, frame.ran, frame.handled)
    temporaries = {n for n in frame.temporaries() if n in live}
    if isinstance(frame.unit, CellUnit):
        return ("cell", None, program.source, position, {n: frame.ns[n] for n in temporaries})
    cells = {n: c for n, c in frame.cells.items() if not n.startswith(".") or n in temporaries}
    return ("function", frame.unit.agent, program.source, position, cells)


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _read(line: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(line)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _iterator_types() -> tuple[type, ...]:
    return (type(iter([])), type(iter({})), zip, map, filter, enumerate, reversed)


def _sentence(machine: Machine, what: str, value: Any, problem: str) -> str:
    line = machine.op.line if machine.stack[-1].pc < len(machine.stack[-1].unit.program.ops) else 0
    kind = type(value).__name__
    where = (
        f"line {line} of {machine.stack[-1].unit.name}" if machine.stack[-1].unit.name != "<module>" else f"line {line}"
    )
    way = {
        "generator": "loop over list(...) of it",
        "_csv.reader": "loop over list(...) of it",
        "coroutine": "await it before the checkpoint",
    }.get(kind)
    if way is None and "iterator" in what:
        way = "loop over list(...) of it"
    if way is None and "with block" in what:
        way = "move the checkpoint out of the with block"
    way = (
        way
        or "bind it by a plain `name = call(...)` so that it can be made again, "
        "or make it where it is used (@hitl.step, @hitl.agent)"
    )
    named = f"{what} (a {kind})" if value is not None else what
    return f"cannot pause at {where}: {named} cannot be saved ({problem}); {way}"
