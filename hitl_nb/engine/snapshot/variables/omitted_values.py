"""Values that a snapshot omits: they cannot be saved, and the rest of the run does not read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import CellType
from typing import Any

from hitl_nb.engine.compile import find_unit
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.refusals import describe_typed_name
from hitl_nb.engine.snapshot.variables.definitions import SlotPath, find_slots


class OmittedValues:
    """The values that the saves of one run leave out, as long as they are the same objects.

    Attributes:
        sentences: by name: what is said to code that reads it all the same, in another process.
    """

    def __init__(self, ns: dict[str, Any]) -> None:
        self.ns = ns
        self.sentences: dict[str, str] = {}
        self._failed: dict[str, int] = {}
        self._failed_slots: dict[str, Any] = {}

    def clear(self) -> None:
        """Nothing is left out: all is tried again."""
        self.sentences, self._failed, self._failed_slots = {}, {}, {}

    def forget_changed(self) -> None:
        """Say nothing more about names that have another value by now."""
        self.sentences = {name: said for name, said in self.sentences.items() if self.omits_name(name)}

    def omits_name(self, name: str) -> bool:
        """Tell whether the present value of a variable, or of what a definition holds, is left out."""
        if name in self._failed_slots:
            root = self.ns.get(name.partition(".")[0])
            return any(slot.value is self._failed_slots[name] for slot in find_slots(root).values())
        return name in self._failed and self._failed[name] == id(self.ns.get(name))

    def omits_slot(self, root: str, path: SlotPath, value: Any) -> bool:
        """Tell whether this value, which a definition holds there, is left out."""
        written = ".".join((root, *(str(step[1]) for step in path)))
        return written in self._failed_slots and self._failed_slots[written] is value

    def omit_variable(self, name: str, why: str, place: str = "") -> None:
        """Leave out the value of a variable; `place`: where the run was."""
        value = self.ns[name]
        where = f" at {place}" if place else ""
        self._failed[name] = id(value)
        self.sentences[name] = (
            f"{describe_typed_name(name, value)} was not saved when the agent paused{where} and continued in another "
            "process: "
            f"{why}, and the rest of the agent did not read it. Make it again where you need it"
        )

    def omit_local(self, function: str, name: str, value: Any, why: str | None) -> None:
        """Leave out a local of a function on the stack; `why` is None where no code can read it."""
        key = f"{function}() {name}"
        self._failed[key] = id(value)
        if why is not None:
            self.sentences[key] = (
                f"{describe_typed_name(name, value)} was not saved when the agent paused and continued in another "
                f"process: {why}, and the rest of {function}() did not read it"
            )

    def omit_slot(self, written: str, value: Any, why: str) -> None:
        """Leave out what a definition holds: `written` is how code reads it."""
        self._failed_slots[written] = value
        self.sentences[written] = (
            f"{describe_typed_name(written, value)} was not saved when the agent paused and continued in another "
            "process: "
            f"{why}, and the rest of the agent did not read it"
        )

    def drop_omitted_locals(self, frame: SavedFrame) -> SavedFrame:
        """Copy the frame without the locals that are left out."""
        if not self._failed:
            return frame
        unit = find_unit(frame.unit)
        assert unit is not None
        prefix = f"{unit.functions[frame.function].name}() "
        out = {name for name, value in frame.variables().items() if self._failed.get(prefix + name) == id(value)}
        if not out:
            return frame
        cells = {name: CellType() if name in out else cell for name, cell in frame.cells.items()}
        return replace(frame, locals={n: v for n, v in frame.locals.items() if n not in out}, cells=cells)

    def iterate_named_values(self, definitions: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Iterate over the omitted values that people are told about: variables and parts of `definitions`."""
        yield from ((name, self.ns[name]) for name in self.sentences if name in self.ns)
        for name, value in self._failed_slots.items():
            if name in self.sentences and name.partition(".")[0] in definitions:
                yield name, value
