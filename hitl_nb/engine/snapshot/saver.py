"""Save a run: write its position and its variables into one signed snapshot.

*State comes from the snapshot, code comes from the notebook.* The saver saves the names that the cell bound or changed,
and the names that the rest of the cell still reads. All are in one pickle with the position, so that two names of one
object are two names of one object again. No line of the cell is executed again to restore a value. A value that cannot
be pickled is opened again on resume, if its type or `hitl.resource` allows that (`engine/reopening/reopen_recipes.py`).
It is left out, if the rest of the program does not read it. Otherwise the run cannot pause here. A *definition* is a
function or class of the notebook; its *root* is the first part of its dotted name.
"""

from __future__ import annotations

import base64
import io
import pickle
from collections.abc import Callable, Iterable, Set
from typing import Any

from hitl_nb import json_text as json
from hitl_nb.engine.compile import find_unit
from hitl_nb.engine.compile.instrumenter import hash_instrumenter
from hitl_nb.engine.live.run_position import RunPosition
from hitl_nb.engine.missing_names import list_left_out
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.liveness.liveness import find_live_names, find_names_mentioned
from hitl_nb.engine.position.managers.managers import EnteredManager, check_managers, find_entered_managers
from hitl_nb.engine.position.stack.generators import omits_unread_variables
from hitl_nb.engine.refusals import describe_place, make_refusal_sentence
from hitl_nb.engine.reopening import resources
from hitl_nb.engine.snapshot.loader import ANNOTATIONS_ENTRY, DEFINITION_ENTRY, END_ENTRY, MODULES_ENTRY, PROCESS_ENTRY
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.pickles.saved_code import describe_units, hash_units
from hitl_nb.engine.snapshot.process.library_changes import check_made_modules
from hitl_nb.engine.snapshot.process.process_state import ProcessState
from hitl_nb.engine.snapshot.read_back import find_unknown_code, read_back
from hitl_nb.engine.snapshot.save_notes import make_notes
from hitl_nb.engine.snapshot.save_trials import TrialSaves
from hitl_nb.engine.snapshot.signing import seal
from hitl_nb.engine.snapshot.variables.annotations import annotations_of
from hitl_nb.engine.snapshot.variables.definitions import DefinitionState, find_moved_slots, is_atom
from hitl_nb.engine.snapshot.variables.executed_branches import read_run_branches
from hitl_nb.engine.snapshot.variables.frame_source import (
    collect_text_words,
    find_star_imported_names,
    find_unmet_names,
)
from hitl_nb.engine.snapshot.variables.inputs import Inputs, make_header
from hitl_nb.engine.snapshot.variables.omitted_values import OmittedValues
from hitl_nb.engine.snapshot.variables.user_modules import ModuleState, describe_lost, is_user_class
from hitl_nb.errors import CannotPause
from hitl_nb.records import Snapshot


class StoreBackedContext:
    """Base of context managers whose state is in the store, under `id`. A run may pause inside their `with` block."""

    id: str


class UnsavedResult:
    """A placeholder for the result of a finished run, if the result could not be saved. `sentence` has the reason."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


class Saver:
    """Saves the state of one run, at each of its pauses. Globals of imported modules are code and are not saved.

    Args:
        ns: The namespace of the cell, or of the module of an `@agent` function.
        hidden: Returns True for names of `ns` that belong to the environment, not to the user.
        special: Returns a persistent id for an object of the environment (the IPython shell); None for other objects.
        find_special: Returns the object of such a persistent id in this process.
        previous_cell: As for `OpenedSnapshot`. None (default): not known, so that of the last snapshot is kept.

    Attributes:
        notes: Sentences of the last save for the reviewer.
        left_out: The values that the last save did not save.
        entered: The context managers whose `with` blocks the run was inside of at the last save.
        inputs: The names that the cell only reads, with their values when the run began.
        branches: The branches of the cell that were executed. None: not known, because the cell was edited since.
        generators: The generators and coroutines that the last save contains.
    """

    def __init__(
        self,
        ns: dict[str, Any],
        *,
        hidden: Callable[[str], bool] = lambda name: name.startswith("__"),
        special: Callable[[Any], tuple[Any, ...] | None] = lambda obj: None,
        find_special: Callable[[tuple[Any, ...]], Any] = lambda pid: None,
        previous_cell: str | None = None,
    ) -> None:
        self.ns, self.previous_cell = ns, previous_cell
        self.find_special = find_special
        self.variables = ns.get("__name__") == "__main__"
        self.hidden, self.special = hidden, special
        self.saved_names: list[str] = []
        self.notes: list[str] = []
        self.process = ProcessState()
        self.definitions = DefinitionState(ns if self.variables else {})
        self._kept = self._shared = frozenset[int]()
        self._namespaces: dict[int, Any] = {}
        self._early: frozenset[str] = frozenset()
        self.modules = ModuleState(ns if self.variables else {})
        self.left_out = OmittedValues(ns)
        self._lost: list[str] = []
        self._is_proven_again = False
        self._running: dict[int, SavedFrame] = {}
        self.entered: list[EnteredManager] = []
        self.generators: list[Any] = []
        self.inputs: Inputs = {}
        self.branches: set[str] | None = None

    def save(
        self,
        position: RunPosition,
        place: str,
        *,
        source: str,
        outputs: list[Any],
        pending: Any = None,
        check: bool = False,
    ) -> Snapshot:
        """Save the state of the run at `position`.

        Args:
            position: The frames of the run, its counters and its result.
            place: Store, run and role of the snapshot; they become part of the signed data.
            source: Source of the cell, or of the `@agent` function.
            outputs: The outputs until now, as the driver recorded them.
            pending: The call that requests a decision, or None.
            check: True: test that the snapshot can be loaded, and note changes of the process that are not saved.

        Raises:
            CannotPause: A value that is needed cannot be saved. The message names line, variable, type and a solution.
        """
        try:
            names = self._select_names(position)
        except CannotSave as problem:
            raise CannotPause(f"cannot pause at {describe_place(position)}: {problem}") from problem
        if self.branches is not None:
            self.branches |= read_run_branches(position.stack)
        self._running = position.stack.running_frames
        self.entered = find_entered_managers(position.stack)
        try:
            check_managers(self.entered, _keeps_own_state)
        except CannotSave as problem:
            raise CannotPause(f"cannot pause at {problem}") from problem
        if made := check_made_modules(position.stack.order):
            raise CannotPause(make_refusal_sentence(position, *made))
        self.left_out.forget_changed()
        self._namespaces = {}
        around = (
            self.process.record_unsaved_changes(self.name_values(position, names), position.stack.order)
            if check
            else []
        )
        try:
            parts = self._dump(position, names, pending, check)
        except Exception:  # noqa: BLE001 - a user's __reduce__, __hash__ or __setstate__ may raise any error
            self._early = frozenset()
            token = omits_unread_variables.set(True)
            try:
                trials = TrialSaves(self, position)
                trials.sort_out(names, pending)
                self._is_proven_again = True
                try:
                    parts = self._dump(position, names, pending, check)
                except Exception as error:
                    raise trials.make_joint_refusal(names, error) from error
            finally:
                omits_unread_variables.reset(token)
                self._is_proven_again = False
        definitions, pickler, stream = parts
        self.generators = pickler.generators
        notes = make_notes(pickler, self.ns, self.saved_names, self.left_out, self.definitions.saved)
        self.notes = [*notes, *around, *describe_lost(self._lost)]
        shown = json.dumps(outputs, default=_encode_display_data).encode()
        header = {
            "source": source,
            "previous_cell": self.previous_cell,
            "left_out": {**list_left_out(self.ns), **self.left_out.sentences},
            "inputs": make_header(self.inputs, self.ns),
            "branches": None if self.branches is None else sorted(self.branches),
            "own": sorted(self.definitions.own),
            "buffers": pickler.buffers,
            "units": describe_units(pickler),
            "instrumenter": hash_instrumenter(),
            "code_hashes": hash_units(pickler),
            "sizes": [len(shown), len(definitions)],
        }
        body = b"".join((shown, definitions, stream))
        blobs = dict(pickler.blobs)
        return Snapshot(envelope=seal(place, header, body), blobs=blobs)

    # -- selection of names, and pickling

    def _select_names(self, position: RunPosition) -> dict[str, bool]:
        """Select the names of `ns` to save, in order of binding: name -> True if the rest of the program reads it."""
        if not self.variables:
            return {}
        live, touched = set[str](), set[str]()
        for frame in position.stack.order:
            unit = find_unit(frame.unit)
            assert unit is not None
            if frame.namespace is not self.ns:
                continue
            found = find_live_names(unit, frame)
            live |= found.namespace
            if unit.functions[frame.function].kind == "cell":
                touched |= (find_names_mentioned(unit) - find_unmet_names(frame)) | find_star_imported_names(
                    unit, self.ns
                )
            # The code may read any name, for example with `eval`: save the names that occur as words in its texts.
            if found.has_every_name:
                touched |= collect_text_words(unit)
        return {
            name: name in live
            for name in self.ns
            if (name in live or name in touched) and not self.hidden(name) and not name.startswith(".")
        }

    def _dump(
        self, position: RunPosition, names: dict[str, bool], pending: Any, check: bool
    ) -> tuple[bytes, Pickler, bytes]:
        """Pickle the whole state: return (pickle of the definitions, pickler, stream of entries).

        It is pickled again if arrays turn out to share memory, or if loading needs definitions at an earlier place.
        """
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
        pickler.dump((PROCESS_ENTRY, self.process.find_changes()))
        copies: dict[str, tuple[bytes, Pickler]] = {}
        done: set[str] = set()
        for root in sorted(self._early):
            self._dump_definition(root, pickler, copies)
        pickler.defined -= copies.keys()  # so that `defined` shows below which definitions the variables need
        needed = [name for name, is_needed in names.items() if is_needed]
        self._dump_names(pickler, needed, done, copies, needed=True)
        frames = [self.left_out.drop_omitted_locals(frame) for frame in position.stack.frames]
        pickler.dump(
            (
                "",
                (
                    frames,
                    position.stack.waits_for_answer,
                    position.counts,
                    pending,
                    position.result,
                    position.stack.tasks,
                ),
            )
        )
        self._dump_names(pickler, (), done, copies, needed=True)
        self._dump_names(pickler, [name for name in names if name not in done], done, copies, needed=False)
        torn, shared = pickler.views.find_torn_bases(), pickler.attributes.find_shared()
        namespaces = pickler.shared_namespaces()
        if torn - self._kept or shared - self._shared or namespaces.keys() - self._namespaces.keys():
            self._kept |= torn
            self._shared |= shared
            self._namespaces |= namespaces
            return self._dump(position, names, pending, check)
        pickler.dump((ANNOTATIONS_ENTRY, annotations_of(position.stack.order) if self.variables else {}))
        modules = self.modules.make_entries(pickler.memo.copy)
        pickler.dump((MODULES_ENTRY, modules.entries))
        self._dump_names(pickler, (), done, copies, needed=False)
        self._lost = modules.lost
        pickler.views.check_copies(pickler.memo.copy)
        definitions = self._join_copies(copies, pickler)
        pickler.dump((END_ENTRY, None))
        self.saved_names = sorted(done)
        if check:
            unknown = find_unknown_code(pickler, file.getvalue(), self.ns)
            with_data = self._find_definitions_with_data(pickler, copies) if unknown else frozenset[str]()
            is_in_order, self._early = with_data <= self._early, with_data
            if not is_in_order:
                return self._dump(position, names, pending, check)
            own = {root: copy for root, copy in definitions.items() if root in self.definitions.own}
            read_back(pickler, file.getvalue(), self.ns, unknown, own, again=self._is_proven_again)
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
        """Add variables, and all variables, functions and classes that they need, to the stream and to `done`.

        If not `needed`, the rest of the program does not read these variables: those that cannot be saved are skipped.
        """
        todo = list(names)
        while True:
            for name in todo:
                if name in done or (not needed and self.left_out.omits_name(name)):
                    continue
                if not needed and resources.has_resources() and self._opens_more(name, pickler):
                    self.left_out.omit_variable(
                        name, "hitl.resource opens it again only where the rest of the agent reads it"
                    )
                    continue
                pickler.dump((name, self.ns[name]))
                done.add(name)
            roots = pickler.defined - copies.keys() if self.variables else set[str]()
            for root in sorted(roots):
                self._dump_definition(root, pickler, copies)
            todo = [n for n in sorted(pickler.wanted - done) if self.is_readable(n)] if self.variables else []
            if not needed:
                todo = [n for n in todo if not self.left_out.omits_name(n)]
            if not todo and not roots:
                return

    def _dump_definition(self, root: str, pickler: Pickler, copies: dict[str, tuple[bytes, Pickler]]) -> None:
        """Add the data of function or class `root`, numbers and texts first: code in later entries may read them."""
        copies[root] = self.copy_definitions({root}, pickler)
        entries = [
            entry for entry in self.definitions.make_entries(root) if not self.left_out.omits_slot(root, *entry[:2])
        ]
        pickler.dump((DEFINITION_ENTRY, (root, [entry for entry in entries if is_atom(entry[1])])))
        for entry in entries:
            if not is_atom(entry[1]):
                pickler.dump((DEFINITION_ENTRY, (root, [entry])))

    def name_values(self, position: RunPosition, names: Iterable[str]) -> list[tuple[str, Any]]:
        """List the saved values as pairs (name of the variable, value)."""
        held = [item for frame in position.stack.order for item in frame.variables().items()]
        return [*((name, self.ns[name]) for name in names), *held]

    def _find_definitions_with_data(self, pickler: Pickler, copies: dict[str, tuple[bytes, Pickler]]) -> frozenset[str]:
        """Return the names of functions and classes (of `copies`) with data that loading the variables may read."""
        needed, todo = set[str](), set(pickler.defined)
        while todo:
            needed |= todo
            todo = {name for root in todo if root in copies for name in copies[root][1].defined} - needed
        return frozenset(root for root in needed if root in copies and self.definitions.saved[root][1])

    def is_readable(self, name: str) -> bool:
        """Return True if a name exists in the namespace and code of the user can read it."""
        return name in self.ns and not self.hidden(name)

    def _opens_more(self, name: str, main: Pickler) -> bool:
        """Return True if variable `name` holds a resource (`hitl.resource`) that the pickler `main` has not met yet."""
        pickler = Pickler(io.BytesIO(), self.ns, special=self.special, running=self._running)
        pickler.dump(self.ns[name])
        return any(made not in main.openings for made in pickler.openings.resources)

    def copy_definitions(self, roots: Set[str], main: Pickler) -> tuple[bytes, Pickler]:
        """Pickle the functions and classes with the names `roots` by value; return the pickle and its pickler.

        Names, definitions and large values that the copy needs are added to `main`, the pickler of the stream.
        """
        file = io.BytesIO()
        moved = {holder: keys for root in roots for holder, keys in find_moved_slots(self.ns[root]).items()}
        pickler = Pickler(file, self.ns, special=self.special, by_value=roots, moved=moved, running=self._running)
        pickler.dump({root: self.ns[root] for root in sorted(roots)})
        main.wanted |= pickler.wanted
        main.defined |= pickler.defined
        main.blobs.update(pickler.blobs)
        main.units.update(pickler.units)
        return file.getvalue(), pickler

    def _join_copies(
        self, copies: dict[str, tuple[bytes, Pickler]], main: Pickler
    ) -> dict[str, tuple[bytes, list[str]]]:
        """Return name -> (pickle, buffer hashes). Definitions in `copies` that refer to each other share a pickle."""
        names = {root: set(pickler.defined) for root, (_, pickler) in copies.items()}
        for middle, further in names.items():
            for reached in names.values():
                if middle in reached:
                    reached |= further
        found: dict[str, tuple[bytes, list[str]]] = {}
        for root, copy in copies.items():
            circle = {other for other in names[root] if root in names[other]} | {root}
            data, pickler = copy if len(circle) == 1 else self.copy_definitions(circle, main)
            found[root] = (data, pickler.buffers)
        return found


def _encode_display_data(value: Any) -> str:
    """Encode display data that JSON cannot hold, as a kernel sends it: bytes as base64, everything else as text."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _keeps_own_state(cls: type) -> bool:
    """Return True if the notebook, a user's module or the store saves the state of managers of this class."""
    return is_user_class(cls) or issubclass(cls, StoreBackedContext)
