"""Values that a snapshot omits, because they cannot be saved and the rest of the run does not read them."""

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
    """The values that are left out of the snapshots of one run.

    A value is left out as long as its name or slot (place for data in a definition) holds the same object.

    Attributes:
        sentences: Name -> message for code that reads the name after the run continued in another process.
    """

    def __init__(self, ns: dict[str, Any]) -> None:
        self.ns = ns
        self.sentences: dict[str, str] = {}
        self._failed: dict[str, int] = {}
        self._failed_slots: dict[str, Any] = {}

    def clear(self) -> None:
        """Leave out no values from now on, so that the next save tries all of them again."""
        self.sentences, self._failed, self._failed_slots = {}, {}, {}

    def forget_changed(self) -> None:
        """Remove the sentences of names that hold another object now, because they are no longer true."""
        self.sentences = {name: said for name, said in self.sentences.items() if self.omits_name(name)}

    def omits_name(self, name: str) -> bool:
        """Return True if the current value of a name is left out.

        Args:
            name: A variable, or a slot (place for data) of a definition, such as `A.attribute`.
        """
        if name in self._failed_slots:
            root = self.ns.get(name.partition(".")[0])
            return any(slot.value is self._failed_slots[name] for slot in find_slots(root).values())
        return name in self._failed and self._failed[name] == id(self.ns.get(name))

    def omits_slot(self, root: str, path: SlotPath, value: Any) -> bool:
        """Return True if this value, which a function or class of the notebook holds, is left out.

        Args:
            root: Name of the function or class.
            path: Path of the value in it.
            value: The value.
        """
        written = ".".join((root, *(str(step[1]) for step in path)))
        return written in self._failed_slots and self._failed_slots[written] is value

    def omit_variable(self, name: str, why: str, place: str = "") -> None:
        """Leave out the current value of a variable.

        Args:
            name: The variable.
            why: The reason, for the message.
            place: Text of the position where the run paused; empty if it is not known.
        """
        value = self.ns[name]
        where = f" at {place}" if place else ""
        self._failed[name] = id(value)
        self.sentences[name] = (
            f"{describe_typed_name(name, value)} was not saved when the agent paused{where} and continued in another "
            "process: "
            f"{why}, and the rest of the agent did not read it. Make it again where you need it"
        )

    def omit_local(self, function: str, name: str, value: Any, why: str | None) -> None:
        """Leave out a local of a function on the stack.

        Args:
            function: Name of the function.
            name: The local.
            value: Its value.
            why: The reason, for the message; None if no code can read the local, so that no message is needed.
        """
        key = f"{function}() {name}"
        self._failed[key] = id(value)
        if why is not None:
            self.sentences[key] = (
                f"{describe_typed_name(name, value)} was not saved when the agent paused and continued in another "
                f"process: {why}, and the rest of {function}() did not read it"
            )

    def omit_slot(self, written: str, value: Any, why: str) -> None:
        """Leave out a value that a function or class of the notebook holds.

        Args:
            written: The value as code reads it, for example `A.attribute`.
            value: The value.
            why: The reason, for the message.
        """
        self._failed_slots[written] = value
        self.sentences[written] = (
            f"{describe_typed_name(written, value)} was not saved when the agent paused and continued in another "
            "process: "
            f"{why}, and the rest of the agent did not read it"
        )

    def drop_omitted_locals(self, frame: SavedFrame) -> SavedFrame:
        """Return a copy of a saved frame without the locals that are left out of the snapshot."""
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
        """Yield `(name, value)` for omitted variables and slots of `definitions` that are reported to reviewers."""
        yield from ((name, self.ns[name]) for name in self.sentences if name in self.ns)
        for name, value in self._failed_slots.items():
            if name in self.sentences and name.partition(".")[0] in definitions:
                yield name, value
