"""Where a state cannot be saved: each value is saved alone, to find which one it is and whether it is needed."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hitl_nb.engine.compile import find_unit
from hitl_nb.engine.live.live import Position
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.liveness.liveness import live_names
from hitl_nb.engine.refusals import NotSaved, described, offender, path_to, place_of, reason, sentence
from hitl_nb.engine.snapshot.load_check import NotLoadable
from hitl_nb.engine.snapshot.loader import END
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.process.process_state import name_kind, way_back
from hitl_nb.engine.snapshot.read_back import find_unknown_code, read_back
from hitl_nb.engine.snapshot.variables.attribute_reads import is_plain_class, may_read_attribute
from hitl_nb.engine.snapshot.variables.definitions import Slot, slots_of
from hitl_nb.errors import CannotPause

if TYPE_CHECKING:
    from hitl_nb.engine.snapshot.saver import Saver


@dataclass
class Trial:
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


class Trials:
    """The trials of one save that failed, at `position`."""

    def __init__(self, saver: Saver, position: Position) -> None:
        self.saver = saver
        self.ns = saver.ns
        self.left_out = saver.left_out
        self.position = position

    def sort_out(self, names: dict[str, bool], pending: Any) -> None:
        """Find what fails: left out if the rest does not read it, else the reason why the run cannot pause.

        Args:
            names: the variables to save; True where the rest of the program reads them.

        Raises CannotPause.
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
                        raise self._refusal(name, self.ns[name], trial)
                    else:
                        self.left_out.add(name, self._why(name, self.ns[name], trial), place_of(self.position))

    def refusal_of_all(self, names: Iterable[str], error: Exception) -> CannotPause:
        """Why a state cannot be saved of which each value can be saved alone."""
        about = error.about if isinstance(error, NotSaved) else None
        path = path_to(about, dict(self.saver.name_values(self.position, names))) if about is not None else None
        if path is not None:
            return CannotPause(sentence(self.position, path, about, error))
        way, definitions = "", self.saver.definitions
        if isinstance(error, NotLoadable) and (own := sorted(definitions.own & set(definitions.saved))):
            way = (
                f"; it needs what {', '.join(own)} holds before that can be there: define it in a cell above the agent"
            )
        return CannotPause(
            f"cannot pause at {place_of(self.position)}: the state cannot be saved ({reason(error)}){way}"
        )

    def _refusal(self, what: str, value: Any, trial: Trial) -> CannotPause:
        path, culprit, problem = self._offender(what, value, trial)
        return CannotPause(sentence(self.position, path, culprit, problem))

    def _why(self, name: str, value: Any, trial: Trial) -> str:
        path, culprit, problem = self._offender(name, value, trial)
        return f"{described(path, culprit) if path != name else 'it'} cannot be saved ({reason(problem)})"

    def _offender(self, what: str, value: Any, trial: Trial) -> tuple[str, Any, Exception | None]:
        if trial.path:
            return trial.path, trial.culprit, trial.problem
        return offender(what, value, lambda v: self._try(v, definitions=False).problem)

    # -- what is on the stack

    def _sort_out_frames(self, pending: Any) -> set[str]:
        """Names that what is in the frames reads. Raises CannotPause."""
        wanted = set[str]()

        def try_(what: str, value: Any) -> None:
            trial = self._try(value)
            if trial.problem is not None:
                raise self._refusal(what, value, trial)
            wanted.update(n for n in trial.wanted if self.saver.is_readable(n))

        for frame in self.position.stack.order:
            unit = find_unit(frame.unit)
            assert unit is not None
            live = live_names(unit, frame)
            for name, value in frame.variables().items():
                if name in live:
                    try_(_described_name(name), value)
                elif frame in self.position.stack.frames:  # others are not saved in any case
                    self._sort_out_local(unit.functions[frame.function].name, name, value)
        for kind, changed in self.saver.process.saved.items():
            if (trial := self._try(changed)).problem is not None:
                raise CannotPause(sentence(self.position, name_kind(kind), changed, trial.problem, way_back(kind)))
        try_("the proposed value", pending)
        try_("the result", self.position.result)
        return wanted if self.saver.variables else set()

    def _sort_out_local(self, function: str, name: str, value: Any) -> None:
        """Leave out a local that the rest of its function does not read, if it cannot be saved."""
        trial = self._try(value)
        if trial.problem is not None:
            is_engines = name.startswith(".")  # of a call that is not made again, but by a retry
            self.left_out.add_local(function, name, value, None if is_engines else self._why(name, value, trial))

    # -- saving one value

    def _try(self, value: Any, *, definitions: bool = True) -> Trial:
        """Save one value alone, with what it reads of the notebook's definitions."""
        file, saver = io.BytesIO(), self.saver
        pickler = Pickler(file, self.ns, special=saver.special, running=self.position.stack.running)
        try:
            pickler.dump(("", value))
            pickler.dump((END, None))
            read_back(pickler, file.getvalue(), self.ns, find_unknown_code(pickler, file.getvalue(), self.ns))
        except Exception as error:  # noqa: BLE001 - whatever a user's __reduce__ or __setstate__ raises
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
        """Save the data that a definition holds."""
        found = Trial()
        for slot in slots_of(self.ns[root]).values():
            trial = self._try(slot.value, definitions=False)
            if trial.problem is not None and self._can_do_without(slot):
                written = f"{root}{slot.said}"
                self.left_out.add_slot(written, slot.value, self._why(written, slot.value, trial))
                continue
            if trial.problem is not None:
                trial.path, trial.culprit, trial.problem = self._offender(f"{root}{slot.said}", slot.value, trial)
                return trial
            found.wanted |= trial.wanted
            found.defined |= trial.defined
        return found

    def _can_do_without(self, slot: Slot) -> bool:
        """Whether nothing that can still run reads a class attribute."""
        rest: list[SavedFrame] = self.position.stack.order
        return is_plain_class(slot.holder) and not may_read_attribute(slot.key, rest, self.ns.values())


_ENGINE_NAMES = {".it": "the loop's iterator", ".m": "the with block's context manager"}


def _described_name(name: str) -> str:
    """What a local is for people: engine's names mean nothing to them."""
    if not name.startswith("."):
        return name
    return next((words for prefix, words in _ENGINE_NAMES.items() if name.startswith(prefix)), "an intermediate value")
