"""Position and variables to one signed snapshot.

*State comes from the snapshot, code comes from the notebook.* Saved are the names that the cell bound or
changed and the names that the rest of it still reads, in one pickle with the position, so that two names of
one object are two names of one object again. Nothing is made again by running a line of the cell: what cannot be
saved is opened again if its type or `hitl.resource` allows that (`reopening.py`), left out if the rest of the program
does not read it, and else the reason why the run cannot pause here.
"""

from __future__ import annotations

import base64
import io
import pickle
import sys
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from types import CellType
from typing import Any

from .. import jsontext as json
from ..errors import CannotPause
from ..records import Snapshot
from . import resources
from .attributesread import is_plain_class, may_read_attribute
from .compile import find_unit
from .definitions import DefinitionState, Path, Slot, is_atom, moved_out, put_entries, slots_of
from .framesource import names_imported, names_not_met, words_in_texts
from .inputs import Inputs, header_of
from .libraries import check_made_modules
from .loadcheck import NotLoadable, StructureReader, prove, read_structure
from .loading import DEFINITION, END, FORMAT, MODULES, PROCESS
from .missing import left_out_before
from .pickling import Pickler, Unpickler, module_globals, resolve
from .position.frames import SavedFrame
from .position.generators import leaves_out
from .position.liveness import find_live, live_names, names_mentioned
from .position.managers import Entered, check_managers, entered
from .position.reading import CannotSave
from .processstate import ProcessState, name_kind, way_back
from .refusals import NotSaved, described, offender, path_to, place_of, reason, sentence, type_name, type_of
from .run.live import Position
from .savedcode import units_of
from .seal import seal
from .usermodules import ModuleState, is_users, say_lost

EMPTY: Mapping[str, Any] = {}


class Reentered:
    """Base of context managers whose state is in the store, under `id`: a pause in their with block does no harm."""

    id: str


class Unsaved:
    """Stands for the result of a run that could not be saved when it finished."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


@dataclass
class _Trial:
    """What saving one value alone came to.

    Attributes:
        problem: why it failed; `path` and `culprit` are the definition that cannot be copied, if that is why.
        wanted: names that the functions in it read.
        defined: names of the notebook's definitions in it.
    """

    problem: Exception | None = None
    path: str = ""
    culprit: Any = None
    wanted: set[str] = field(default_factory=set[str])
    defined: set[str] = field(default_factory=set[str])


class Saver:
    """Saves one run, again and again.

    Args:
        ns: the namespace of the cell, or of the module of an `@agent` function.
        hidden: names of `ns` that belong to the environment, not to the user.
        special: a persistent id for objects of the environment (the IPython shell), or None.
        find_special: the object that such an id names here.

    The globals of an imported module are code, not state: they are not saved.

    Attributes:
        notes: what the last save has to tell the people who are asked.
        left_out: sentences about the names that it did not save.
        entered: the context managers that the run was inside of at the last save.
        generators: the generators and coroutines that the last save has.
    """

    def __init__(
        self,
        ns: dict[str, Any],
        *,
        hidden: Callable[[str], bool] = lambda name: name.startswith("__"),
        special: Callable[[Any], tuple[Any, ...] | None] = lambda obj: None,
        find_special: Callable[[tuple[Any, ...]], Any] = lambda pid: None,
    ) -> None:
        self.ns = ns
        self.find_special = find_special
        self.variables = ns.get("__name__") == "__main__"
        self.hidden = hidden
        self.special = special
        self.saved_names: list[str] = []
        self.notes: list[str] = []
        self.process = ProcessState()
        self.definitions = DefinitionState(ns if self.variables else {})
        self._kept: frozenset[int] = frozenset()
        self._shared: frozenset[int] = frozenset()
        self._namespaces: dict[int, Any] = {}
        self._early: frozenset[str] = frozenset()
        self.modules = ModuleState(ns if self.variables else {})
        self.left_out: dict[str, str] = {}
        self._lost: list[str] = []
        self._is_proven_again = False
        self._failed: dict[str, int] = {}
        self._failed_slots: dict[str, Any] = {}
        self._rest: list[SavedFrame] = []
        self._running: dict[int, SavedFrame] = {}
        self.entered: list[Entered] = []
        self.generators: list[Any] = []
        self.inputs: Inputs = {}

    def save(
        self,
        position: Position,
        place: str,
        *,
        source: str,
        outputs: list[Any],
        pending: Any = None,
        check: bool = False,
    ) -> Snapshot:
        """The state of the run at `position`.

        Raises:
            CannotPause: naming the line, the variable, its type, and the way out.
        """
        try:
            names = self._names(position)
        except CannotSave as problem:
            raise CannotPause(f"cannot pause at {place_of(position)}: {problem}") from problem
        self._running = position.stack.running
        self.entered = entered(position.stack)
        try:
            check_managers(self.entered, _is_of_user)
        except CannotSave as problem:
            raise CannotPause(f"cannot pause at {problem}") from problem
        if made := check_made_modules(position.stack.order):
            raise CannotPause(sentence(position, *made))
        self.left_out = {n: s for n, s in self.left_out.items() if self._is_left_out(n)}
        self._namespaces = {}
        around = self.process.notice(_values(position, self.ns, names), position.stack.order) if check else []
        try:
            parts = self._dump(position, names, pending, check)
        except Exception:  # noqa: BLE001 - whatever a user's __reduce__, __hash__ or __setstate__ raises
            self._early = frozenset()
            token = leaves_out.set(True)
            try:
                self._sort_out(position, names, pending)
                self._is_proven_again = True
                try:
                    parts = self._dump(position, names, pending, check)
                except Exception as error:
                    raise self._refusal_of_all(position, names, error) from error
            finally:
                leaves_out.reset(token)
                self._is_proven_again = False
        definitions, pickler, stream = parts
        self.generators = pickler.generators
        self.notes = [*self._notes(pickler), *around, *say_lost(self._lost)]
        shown = json.dumps(outputs, default=_as_json).encode()
        header = {
            "format": FORMAT,
            "source": source,
            "left_out": {**left_out_before(self.ns), **self.left_out},
            "inputs": header_of(self.inputs, self.ns),
            "own": sorted(self.definitions.own),
            "buffers": pickler.buffers,
            "units": units_of(pickler),
            "sizes": [len(shown), len(definitions)],
        }
        body = b"".join((shown, definitions, stream))
        blobs = dict(pickler.blobs)
        return Snapshot(envelope=seal(place, header, body), blobs=blobs)

    # -- what to save

    def _names(self, position: Position) -> dict[str, bool]:
        """Names of `ns` to save, in order of binding; True where the rest of the program reads them."""
        if not self.variables:
            return {}
        live, touched = set[str](), set[str]()
        for frame in position.stack.order:
            unit = find_unit(frame.unit)
            assert unit is not None
            if frame.namespace is not self.ns:
                continue
            found = find_live(unit, frame)
            live |= found.namespace
            if unit.functions[frame.function].kind == "cell":
                touched |= (names_mentioned(unit) - names_not_met(frame)) | names_imported(unit, self.ns)
            if found.has_every:  # it may read any name: those are saved, as far as that can be, that a text of it has
                touched |= words_in_texts(unit)
        return {
            name: name in live
            for name in self.ns
            if (name in live or name in touched) and not self.hidden(name) and not name.startswith(".")
        }

    def _is_left_out(self, name: str) -> bool:
        if name in self._failed_slots:
            root = self.ns.get(name.partition(".")[0])
            return any(slot.value is self._failed_slots[name] for slot in slots_of(root).values())
        return name in self._failed and self._failed[name] == id(self.ns.get(name))

    def _dump(
        self, position: Position, names: dict[str, bool], pending: Any, check: bool
    ) -> tuple[bytes, Pickler, bytes]:
        file = io.BytesIO()
        pickler = Pickler(
            file,
            self.ns,
            special=self.special,
            kept=self._kept,
            shared=self._shared,
            namespaces=self._namespaces,
            running=self._running,
        )
        pickler.dump((PROCESS, self.process.changes()))
        copies: dict[str, tuple[bytes, Pickler]] = {}
        done: set[str] = set()
        for root in sorted(self._early):
            self._dump_definition(root, pickler, copies)
        pickler.defined -= copies.keys()  # to see below whether the variables need those
        needed = [name for name, is_needed in names.items() if is_needed]
        self._dump_names(pickler, needed, done, copies, needed=True)
        frames = [self._without_left_out(frame) for frame in position.stack.frames]
        pickler.dump(
            ("", (frames, position.stack.waits, position.counts, pending, position.result, position.stack.tasks))
        )
        self._dump_names(pickler, (), done, copies, needed=True)
        self._dump_names(pickler, [name for name in names if name not in done], done, copies, needed=False)
        torn, shared = pickler.views.torn(), pickler.attributes.shared()
        namespaces = pickler.shared_namespaces()
        if torn - self._kept or shared - self._shared or namespaces.keys() - self._namespaces.keys():
            self._kept |= torn
            self._shared |= shared
            self._namespaces |= namespaces
            return self._dump(position, names, pending, check)
        modules = self.modules.entries(pickler.memo.copy)
        pickler.dump((MODULES, modules.entries))
        self._dump_names(pickler, (), done, copies, needed=False)
        self._lost = modules.lost
        pickler.views.check_copies(pickler.memo.copy)
        definitions = self._definitions(copies, pickler)
        pickler.dump((END, None))
        self.saved_names = sorted(done)
        if check:
            unknown = self._unknown_code(pickler, file.getvalue())
            with_data = self._with_data(pickler, copies) if unknown else frozenset[str]()
            is_in_order, self._early = with_data <= self._early, with_data
            if not is_in_order:
                return self._dump(position, names, pending, check)
            self._check(pickler, file.getvalue(), unknown, definitions)
        return pickle.dumps(definitions), pickler, file.getvalue()

    def _dump_names(
        self,
        pickler: Pickler,
        names: Iterable[str],
        done: set[str],
        copies: dict[str, tuple[bytes, Pickler]],
        *,
        needed: bool,
    ) -> None:
        """Add variables, and everything that their functions read and define."""
        todo = list(names)
        while True:
            for name in todo:
                if name in done or (not needed and self._is_left_out(name)):
                    continue
                if not needed and resources.any_resources() and self._opens_more(name, pickler):
                    self._leave_out(name, "hitl.resource opens it again only where the rest of the agent reads it")
                    continue
                pickler.dump((name, self.ns[name]))
                done.add(name)
            roots = pickler.defined - copies.keys() if self.variables else set[str]()
            for root in sorted(roots):
                self._dump_definition(root, pickler, copies)
            todo = [n for n in sorted(pickler.wanted - done) if self._is_readable(n)] if self.variables else []
            if not needed:
                todo = [n for n in todo if not self._is_left_out(n)]
            if not todo and not roots:
                return

    def _dump_definition(self, root: str, pickler: Pickler, copies: dict[str, tuple[bytes, Pickler]]) -> None:
        """Add the data of a definition, slot by slot: what is loaded later may need what is there by then."""
        copies[root] = self._copied({root}, pickler)
        entries = [entry for entry in self.definitions.entries(root) if not self._is_slot_left_out(root, *entry[:2])]
        pickler.dump((DEFINITION, (root, [entry for entry in entries if is_atom(entry[1])])))
        for entry in entries:
            if not is_atom(entry[1]):
                pickler.dump((DEFINITION, (root, [entry])))

    def _is_slot_left_out(self, root: str, path: Path, value: Any) -> bool:
        written = ".".join((root, *(str(step[1]) for step in path)))
        return written in self._failed_slots and self._failed_slots[written] is value

    def _with_data(self, pickler: Pickler, copies: dict[str, tuple[bytes, Pickler]]) -> frozenset[str]:
        """The definitions with data, of those that the variables need: loading them may run code that reads it."""
        needed, todo = set[str](), set(pickler.defined)
        while todo:
            needed |= todo
            todo = {name for root in todo if root in copies for name in copies[root][1].defined} - needed
        return frozenset(root for root in needed if root in copies and self.definitions.saved[root][1])

    def _is_readable(self, name: str) -> bool:
        return name in self.ns and not self.hidden(name)

    def _opens_more(self, name: str, main: Pickler) -> bool:
        """Whether a value holds a resource that nothing else in the snapshot does."""
        pickler = Pickler(io.BytesIO(), self.ns, special=self.special, running=self._running)
        pickler.dump(self.ns[name])
        return any(made not in main.openings for made in pickler.openings.resources)

    def _copied(self, roots: Set[str], main: Pickler) -> tuple[bytes, Pickler]:
        """A copy by value of what the notebook defines under these names."""
        file = io.BytesIO()
        moved = {holder: keys for root in roots for holder, keys in moved_out(self.ns[root]).items()}
        pickler = Pickler(file, self.ns, special=self.special, by_value=roots, moved=moved, running=self._running)
        pickler.dump({root: self.ns[root] for root in sorted(roots)})
        main.wanted |= pickler.wanted
        main.defined |= pickler.defined
        main.blobs.update(pickler.blobs)
        main.units.update(pickler.units)
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

    def _notes(self, pickler: Pickler) -> list[str]:
        """What people are told: what is opened again, and what is not saved."""
        notes: list[str] = []
        finalized: dict[type, list[Any]] = {}
        for obj in filter(_has_own_finalizer, pickler.finalized):
            finalized.setdefault(type_of(obj), []).append(obj)
        saved = {name: self.ns[name] for name in self.saved_names} if pickler.openings.told or finalized else {}
        for first, *more in finalized.values():
            which = f"{path_to(first, saved) or 'an object'} ({type_name(first)})"
            which = f"{which} and {len(more)} more of its class have" if more else f"{which} has"
            notes.append(
                f"{which} a __del__ method: it runs when this process ends, and again where the agent continues"
            )
        for obj in pickler.openings.told:
            name = path_to(obj, saved) or "an object"
            remark = f"; {pickler.openings.remarks[id(obj)]}" if id(obj) in pickler.openings.remarks else ""
            notes.append(
                f"{name} ({type_name(obj)}) is opened again when the agent continues in another process{remark}"
            )
            if any(obj is one for one in pickler.openings.exposed):
                notes.append(
                    f"{name} ({type_name(obj)}) has a key or password that is saved as text with the agent's state; "
                    "one that comes from an environment variable is saved as that variable's name"
                )
            notes += [
                f"{name} ({type_name(obj)}) has cookies that are saved as text with the agent's state: "
                f"{', '.join(dict.fromkeys(cookies))[:200]}"
                for one, cookies in pickler.openings.cookies
                if one is obj
            ]
        notes += [
            f"{described(name, self.ns[name])} is not saved; the rest of the agent does not read it"
            for name in self.left_out
            if name in self.ns
        ]
        notes += [
            f"{described(name, value)} is not saved; the rest of the agent does not read it"
            for name, value in self._failed_slots.items()
            if name in self.left_out and name.partition(".")[0] in self.definitions.saved
        ]
        return notes

    def _unknown_code(self, pickler: Pickler, stream: bytes) -> list[Any]:
        """The classes and functions of the user's that run when the stream is loaded."""

        def named(pid: tuple[Any, ...]) -> Any:
            return resolve(pid[1], self.ns) if pid[0] == "def" else None

        return read_structure(StructureReader(stream, named, (pickler.blobs[h] for h in pickler.buffers)), END)

    def _check(
        self,
        pickler: Pickler,
        stream: bytes,
        unknown: list[Any],
        definitions: Mapping[str, tuple[bytes, list[str]]] = EMPTY,
    ) -> None:
        """Read it back now: a state that cannot be loaded must not be discovered days later.

        What the run itself defined is loaded as it will be: from its copy, which gets its data as they come.
        """
        own = {root: definitions[root] for root in self.definitions.own if root in definitions}
        copies: dict[str, Any] = {}

        def buffers(hashes: Iterable[str]) -> Iterable[Any]:
            return (pickler.blobs[h] for h in hashes)

        def find(pid: tuple[Any, ...]) -> Any:
            match pid:
                case ("blob", kind, digest):
                    data = bytes(pickler.blobs[digest])
                    return data.decode("utf-8", "surrogatepass") if kind == "str" else data
                case ("opened" | "live", *_):
                    return pickler.openings.find(pid)
                case ("ns", *module):
                    return module_globals(*module) if module else self.ns
                case ("def", name):
                    return definition(name)
                case _:
                    return None

        def definition(name: str) -> Any:
            root = name.split(".", maxsplit=1)[0]
            if root in own and root not in copies:
                copies.update(Unpickler(own[root][0], find, buffers(own[root][1])).load())
            return resolve(name, copies if root in copies else self.ns)

        def load() -> list[Any]:
            loading = Unpickler(stream, find, buffers(pickler.buffers))
            loaded = [loading.load()]
            while loaded[-1][0] != END:
                if loaded[-1][0] == DEFINITION and loaded[-1][1][0] in own:
                    root, entries = loaded[-1][1]
                    definition(root)
                    put_entries(copies[root], entries)
                loaded.append(loading.load())
            return loaded

        prove(load, unknown, again=self._is_proven_again)

    # -- when something cannot be pickled

    def _sort_out(self, position: Position, names: dict[str, bool], pending: Any) -> None:
        """Find what fails: left out if the rest does not read it, else the reason why the run cannot pause.

        Raises CannotPause.
        """
        self.left_out, self._failed, self._failed_slots = {}, {}, {}
        self._rest = position.stack.order
        needed = self._sort_out_frames(position, pending)
        needed |= {name for name, is_needed in names.items() if is_needed}
        optional = set(names)
        seen = set[str]()
        for wanted in (needed, optional):
            while todo := [n for n in (*names, *sorted(wanted)) if n in wanted and n not in seen]:
                for name in dict.fromkeys(todo):
                    seen.add(name)
                    trial = self._trial(self.ns[name])
                    if trial.problem is None:
                        wanted |= {n for n in trial.wanted if self._is_readable(n)}
                    elif wanted is needed:
                        raise self._refusal(position, name, self.ns[name], trial)
                    else:
                        self._leave_out(name, self._why(name, self.ns[name], trial), place_of(position))

    def _leave_out(self, name: str, why: str, place: str = "") -> None:
        value = self.ns[name]
        where = f" at {place}" if place else ""
        self._failed[name] = id(value)
        self.left_out[name] = (
            f"{described(name, value)} was not saved when the agent paused{where} and continued in another process: "
            f"{why}, and the rest of the agent did not read it. Make it again where you need it"
        )

    def _why(self, name: str, value: Any, trial: _Trial) -> str:
        path, culprit, problem = self._offender(name, value, trial)
        return f"{described(path, culprit) if path != name else 'it'} cannot be saved ({reason(problem)})"

    def _refusal(self, position: Position, what: str, value: Any, trial: _Trial) -> CannotPause:
        path, culprit, problem = self._offender(what, value, trial)
        return CannotPause(sentence(position, path, culprit, problem))

    def _refusal_of_all(self, position: Position, names: Iterable[str], error: Exception) -> CannotPause:
        """Why a state cannot be saved of which each value can be saved alone."""
        about = error.about if isinstance(error, NotSaved) else None
        path = path_to(about, dict(_values(position, self.ns, names))) if about is not None else None
        if path is not None:
            return CannotPause(sentence(position, path, about, error))
        way = ""
        if isinstance(error, NotLoadable) and (own := sorted(self.definitions.own & set(self.definitions.saved))):
            way = (
                f"; it needs what {', '.join(own)} holds before that can be there: define it in a cell above the agent"
            )
        return CannotPause(f"cannot pause at {place_of(position)}: the state cannot be saved ({reason(error)}){way}")

    def _offender(self, what: str, value: Any, trial: _Trial) -> tuple[str, Any, Exception | None]:
        if trial.path:
            return trial.path, trial.culprit, trial.problem
        return offender(what, value, lambda v: self._trial(v, definitions=False).problem)

    def _sort_out_frames(self, position: Position, pending: Any) -> set[str]:
        """Names that what is in the frames reads. Raises CannotPause."""
        wanted = set[str]()

        def try_(what: str, value: Any) -> None:
            trial = self._trial(value)
            if trial.problem is not None:
                raise self._refusal(position, what, value, trial)
            wanted.update(n for n in trial.wanted if self._is_readable(n))

        for frame in position.stack.order:
            unit = find_unit(frame.unit)
            assert unit is not None
            live, name_of = live_names(unit, frame), unit.functions[frame.function].name
            cells = {name: _contents(cell) for name, cell in frame.cells.items()}
            for name, value in {**frame.locals, **cells}.items():
                if name in live:
                    try_(_described_name(name), value)
                elif frame not in position.stack.frames:
                    continue  # not saved in any case
                elif name.startswith("."):  # of a call that is not made again, but by a retry
                    if self._trial(value).problem is not None:
                        self._failed[f"{name_of}() {name}"] = id(value)
                elif (trial := self._trial(value)).problem is not None:
                    key = f"{name_of}() {name}"
                    self._failed[key] = id(value)
                    self.left_out[key] = (
                        f"{described(name, value)} was not saved when the agent paused and continued in another "
                        f"process: {self._why(name, value, trial)}, and the rest of {name_of}() did not read it"
                    )
        for kind, changed in self.process.saved.items():
            if (trial := self._trial(changed)).problem is not None:
                raise CannotPause(sentence(position, name_kind(kind), changed, trial.problem, way_back(kind)))
        try_("the proposed value", pending)
        try_("the result", position.result)
        return wanted if self.variables else set()

    def _without_left_out(self, frame: SavedFrame) -> SavedFrame:
        """The frame, without locals that are left out."""
        if not self._failed:
            return frame
        unit = find_unit(frame.unit)
        assert unit is not None
        prefix = f"{unit.functions[frame.function].name}() "
        held = {**frame.locals, **{name: _contents(cell) for name, cell in frame.cells.items()}}
        out = {name for name, value in held.items() if self._failed.get(prefix + name) == id(value)}
        if not out:
            return frame
        cells = {name: CellType() if name in out else cell for name, cell in frame.cells.items()}
        return replace(frame, locals={n: v for n, v in frame.locals.items() if n not in out}, cells=cells)

    def _trial(self, value: Any, *, definitions: bool = True) -> _Trial:
        """Save one value alone, with what it reads of the notebook's definitions."""
        file = io.BytesIO()
        pickler = Pickler(file, self.ns, special=self.special, running=self._running)
        try:
            pickler.dump(("", value))
            pickler.dump((END, None))
            self._check(pickler, file.getvalue(), self._unknown_code(pickler, file.getvalue()))
        except Exception as error:  # noqa: BLE001 - whatever a user's __reduce__ or __setstate__ raises
            return _Trial(error)
        done = set[str]()
        while definitions and self.variables and (roots := pickler.defined - done):
            for root in sorted(roots):
                done.add(root)
                try:
                    self._copied({root}, pickler)
                except Exception as error:  # noqa: BLE001 - as above
                    return _Trial(error, f"the definition {root}", self.ns[root])
                trial = self._trial_of_slots(root)
                if trial.problem is not None:
                    return trial
                pickler.wanted |= trial.wanted
                pickler.defined |= trial.defined
        return _Trial(wanted=pickler.wanted, defined=pickler.defined)

    def _trial_of_slots(self, root: str) -> _Trial:
        """Save the data that a definition holds."""
        found = _Trial()
        for slot in slots_of(self.ns[root]).values():
            trial = self._trial(slot.value, definitions=False)
            if trial.problem is not None and self._can_do_without(slot):
                self._leave_out_slot(f"{root}{slot.said}", slot.value, trial)
                continue
            if trial.problem is not None:
                trial.path, trial.culprit, trial.problem = self._offender(f"{root}{slot.said}", slot.value, trial)
                return trial
            found.wanted |= trial.wanted
            found.defined |= trial.defined
        return found

    def _can_do_without(self, slot: Slot) -> bool:
        """Whether nothing that can still run reads a class attribute."""
        return is_plain_class(slot.holder) and not may_read_attribute(slot.key, self._rest, self.ns.values())

    def _leave_out_slot(self, written: str, value: Any, trial: _Trial) -> None:
        self._failed_slots[written] = value
        self.left_out[written] = (
            f"{described(written, value)} was not saved when the agent paused and continued in another process: "
            f"{self._why(written, value, trial)}, and the rest of the agent did not read it"
        )


def _as_json(value: Any) -> str:
    """What a display's data hold beside JSON, as a kernel sends it: bytes in base64, all else as text."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _values(position: Position, ns: dict[str, Any], names: Iterable[str]) -> list[tuple[str, Any]]:
    """What is saved, with the name of the variable that holds it."""
    held = [
        (name, value)
        for frame in position.stack.order
        for name, value in (*frame.locals.items(), *((n, _contents(cell)) for n, cell in frame.cells.items()))
    ]
    return [*((name, ns[name]) for name in names), *held]


def _is_of_user(cls: type) -> bool:
    """Whether a context manager keeps its own state: the notebook, a module of the user's, or the store has it."""
    return cls.__module__ == "__main__" or is_users(sys.modules.get(cls.__module__)) or issubclass(cls, Reentered)


_ENGINE_NAMES = {".it": "the loop's iterator", ".m": "the with block's context manager"}


def _described_name(name: str) -> str:
    """What a local is for people: engine's names mean nothing to them."""
    if not name.startswith("."):
        return name
    return next((words for prefix, words in _ENGINE_NAMES.items() if name.startswith(prefix)), "an intermediate value")


def _has_own_finalizer(obj: Any) -> bool:
    """Whether an object has a `__del__` that the notebook or a module of the user's defines."""
    owner = next(cls for cls in type_of(obj).__mro__ if "__del__" in vars(cls))
    return owner.__module__ == "__main__" or is_users(sys.modules.get(owner.__module__))


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
