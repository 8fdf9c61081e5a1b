"""Find out which value makes a save fail, by saving each value alone (a *trial*).

A value that fails is left out of the snapshot if the rest of the program does not read it. Otherwise the run cannot
pause.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hitl_nb.engine.compile import find_unit
from hitl_nb.engine.live.run_position import RunPosition
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.liveness.liveness import find_live_variables
from hitl_nb.engine.refusals import (
    NotSavedError,
    describe_place,
    describe_typed_name,
    find_offender,
    find_path,
    format_reason,
    make_refusal_sentence,
)
from hitl_nb.engine.snapshot.load_check import NotLoadableError
from hitl_nb.engine.snapshot.loader import END_ENTRY
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.process.process_state import describe_kind, describe_way_back
from hitl_nb.engine.snapshot.read_back import find_unknown_code, read_back
from hitl_nb.engine.snapshot.variables.attribute_reads import is_plain_class, may_read_attribute
from hitl_nb.engine.snapshot.variables.definitions import DataSlot, find_slots
from hitl_nb.errors import CannotPause

if TYPE_CHECKING:
    from hitl_nb.engine.snapshot.saver import Saver


@dataclass
class Trial:
    """Result of saving one value alone.

    Attributes:
        problem: The error, or None if the value can be saved.
        path: Text for a message about a definition of the notebook in the value that cannot be copied, such as "the
            definition Model". Otherwise empty.
        culprit: If `path` is set: the object that cannot be saved (the definition, or a value in it).
        wanted: Names that the functions in the value read.
        defined: Names of the notebook's definitions in the value.
    """

    problem: Exception | None = None
    path: str = ""
    culprit: Any = None
    wanted: set[str] = field(default_factory=set[str])
    defined: set[str] = field(default_factory=set[str])


class TrialSaves:
    """Trial saves of the single values of a run, made after the save of the whole state at `position` failed."""

    def __init__(self, saver: Saver, position: RunPosition) -> None:
        self.saver = saver
        self.ns = saver.ns
        self.left_out = saver.left_out
        self.position = position

    def sort_out(self, names: dict[str, bool], pending: Any) -> None:
        """Try to save each value alone. Leave out values that fail and that the rest of the program does not read.

        The values to leave out are recorded in `self.left_out`, which the next save uses.

        Args:
            names: The variables to save; True where the rest of the program reads them.
            pending: The call that requests a decision, or None.

        Raises:
            CannotPause: The rest of the program reads a value that cannot be saved.
        """
        self.left_out.clear()
        needed = self._sort_out_frames(pending)
        needed |= {name for name, is_needed in names.items() if is_needed}
        optional = set(names)
        seen = set[str]()
        for wanted in (needed, optional):
            while todo := [n for n in (*names, *sorted(wanted)) if n in wanted and n not in seen]:
                for name in dict.fromkeys(todo):
                    seen.add(name)
                    trial = self._try(self.ns[name])
                    if trial.problem is None:
                        wanted |= {n for n in trial.wanted if self.saver.is_readable(n)}
                    elif wanted is needed:
                        raise self._make_refusal(name, self.ns[name], trial)
                    else:
                        self.left_out.omit_variable(
                            name, self._explain_failure(name, self.ns[name], trial), describe_place(self.position)
                        )

    def make_joint_refusal(self, names: Iterable[str], error: Exception) -> CannotPause:
        """Return an error for a state that cannot be saved although each of its values can be saved alone.

        Args:
            names: The variables to save.
            error: The error of saving the whole state.
        """
        about = error.about if isinstance(error, NotSavedError) else None
        path = find_path(about, dict(self.saver.name_values(self.position, names))) if about is not None else None
        if path is not None:
            return CannotPause(make_refusal_sentence(self.position, path, about, error))
        way, definitions = "", self.saver.definitions
        if isinstance(error, NotLoadableError) and (own := sorted(definitions.own & set(definitions.saved))):
            way = (
                f"; it needs what {', '.join(own)} holds before that can be there: define it in a cell above the agent"
            )
        return CannotPause(
            f"cannot pause at {describe_place(self.position)}: the state cannot be saved ({format_reason(error)}){way}"
        )

    def _make_refusal(self, what: str, value: Any, trial: Trial) -> CannotPause:
        path, culprit, problem = self._find_offender(what, value, trial)
        return CannotPause(make_refusal_sentence(self.position, path, culprit, problem))

    def _explain_failure(self, name: str, value: Any, trial: Trial) -> str:
        path, culprit, problem = self._find_offender(name, value, trial)
        return (
            f"{describe_typed_name(path, culprit) if path != name else 'it'} cannot be saved ({format_reason(problem)})"
        )

    def _find_offender(self, what: str, value: Any, trial: Trial) -> tuple[str, Any, Exception | None]:
        if trial.path:
            return trial.path, trial.culprit, trial.problem
        return find_offender(what, value, lambda v: self._try(v, definitions=False).problem)

    # -- values on the stack

    def _sort_out_frames(self, pending: Any) -> set[str]:
        """Try to save each value outside the namespace: locals of frames, process state, the question and the result.

        A local that fails is left out if the rest of its function does not read it.

        Args:
            pending: The call that requests a decision, or None.

        Returns:
            The names of the namespace that these values read.

        Raises:
            CannotPause: A value that cannot be saved is read by the rest of the program.
        """
        wanted = set[str]()

        def try_value(what: str, value: Any) -> None:
            trial = self._try(value)
            if trial.problem is not None:
                raise self._make_refusal(what, value, trial)
            wanted.update(n for n in trial.wanted if self.saver.is_readable(n))

        for frame in self.position.stack.order:
            unit = find_unit(frame.unit)
            assert unit is not None
            live = find_live_variables(unit, frame)
            for name, value in frame.variables().items():
                if name in live:
                    try_value(_describe_local(name), value)
                elif frame in self.position.stack.frames:  # variables of other frames are not saved in any case
                    self._sort_out_local(unit.functions[frame.function].name, name, value)
        for kind, changed in self.saver.process.saved.items():
            if (trial := self._try(changed)).problem is not None:
                raise CannotPause(
                    make_refusal_sentence(
                        self.position, describe_kind(kind), changed, trial.problem, describe_way_back(kind)
                    )
                )
        try_value("the proposed value", pending)
        try_value("the result", self.position.result)
        return wanted if self.saver.variables else set()

    def _sort_out_local(self, function: str, name: str, value: Any) -> None:
        """Leave out a local variable that the rest of its function does not read, if its value cannot be saved.

        Args:
            function: Name of the function.
            name: Name of the variable; the engine's own variables begin with ".".
            value: Its value.
        """
        trial = self._try(value)
        if trial.problem is not None:
            is_engines = name.startswith(".")  # belongs to a call that only a retry executes again
            self.left_out.omit_local(
                function, name, value, None if is_engines else self._explain_failure(name, value, trial)
            )

    # -- saving one value

    def _try(self, value: Any, *, definitions: bool = True) -> Trial:
        """Try to save one value alone, with the functions and classes of the notebook that the value needs.

        Args:
            value: The value.
            definitions: True: also copy these functions and classes, and their data.

        Returns:
            The result: the error, if there was one, and the names that the value needs.
        """
        file, saver = io.BytesIO(), self.saver
        pickler = Pickler(file, self.ns, special=saver.special, running=self.position.stack.running_frames)
        try:
            pickler.dump(("", value))
            pickler.dump((END_ENTRY, None))
            read_back(pickler, file.getvalue(), self.ns, find_unknown_code(pickler, file.getvalue(), self.ns))
        except Exception as error:  # noqa: BLE001 - a user's __reduce__ or __setstate__ may raise any error
            return Trial(error)
        done = set[str]()
        while definitions and saver.variables and (roots := pickler.defined - done):
            for root in sorted(roots):
                done.add(root)
                try:
                    saver.copy_definitions({root}, pickler)
                except Exception as error:  # noqa: BLE001 - as above
                    return Trial(error, f"the definition {root}", self.ns[root])
                trial = self._try_slots(root)
                if trial.problem is not None:
                    return trial
                pickler.wanted |= trial.wanted
                pickler.defined |= trial.defined
        return Trial(wanted=pickler.wanted, defined=pickler.defined)

    def _try_slots(self, root: str) -> Trial:
        """Try to save each piece of data of a function or class of the notebook, for example each class attribute.

        A value that fails is left out if no code that can still run reads it. Otherwise the result has the error.
        """
        found = Trial()
        for slot in find_slots(self.ns[root]).values():
            trial = self._try(slot.value, definitions=False)
            if trial.problem is not None and self._can_do_without(slot):
                written = f"{root}{slot.description}"
                self.left_out.omit_slot(written, slot.value, self._explain_failure(written, slot.value, trial))
                continue
            if trial.problem is not None:
                trial.path, trial.culprit, trial.problem = self._find_offender(
                    f"{root}{slot.description}", slot.value, trial
                )
                return trial
            found.wanted |= trial.wanted
            found.defined |= trial.defined
        return found

    def _can_do_without(self, slot: DataSlot) -> bool:
        """Return True if no code that can still run reads this attribute of a class."""
        rest: list[SavedFrame] = self.position.stack.order
        return is_plain_class(slot.holder) and not may_read_attribute(slot.key, rest, self.ns.values())


_ENGINE_NAMES = {".it": "the loop's iterator", ".m": "the with block's context manager"}


def _describe_local(name: str) -> str:
    """Return a name for a local variable in messages.

    Names that begin with "." are the engine's own, and are described.
    """
    if not name.startswith("."):
        return name
    return next((words for prefix, words in _ENGINE_NAMES.items() if name.startswith(prefix)), "an intermediate value")
