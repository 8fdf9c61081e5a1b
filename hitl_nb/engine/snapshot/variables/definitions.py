"""Save and restore data that definitions of the notebook hold: class attributes, defaults, variables of closures.

A *definition* is a class or function of the notebook. It is saved as its name, and its code comes from the notebook.
Each place for data in a definition is a *slot*. The slots are saved with the variables, in the same pickle. A slot that
the run changed is restored. Another slot is restored only if the notebook still has the same value. So a constant that
was edited meanwhile keeps its edited value.

A `SlotPath` is the way from the definition to a slot, in steps `(kind, key)`. Kind "a" is a class attribute, "d" and
"k" are defaults, "x" is a function's attribute, and "v" is a closure's variable. Kind "c" is a cache, "r" the registry
of `singledispatch`, "f" a wrapped function, and "g" a global of a module.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import io
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, cast

from hitl_nb.engine.instrument.plain_code import describe_code
from hitl_nb.engine.refusals import type_of
from hitl_nb.engine.snapshot.pickles.defined_names import find_importable_name, find_notebook_name, is_definition
from hitl_nb.engine.snapshot.pickles.function_caches import can_be_refilled, is_cached, read_contents, refill_cache
from hitl_nb.engine.snapshot.pickles.function_pickles import is_dispatching
from hitl_nb.engine.snapshot.pickles.pickler import Pickler

SlotPath = tuple[tuple[str, Any], ...]
SlotEntry = tuple[SlotPath, Any, bool, str | None]
"""A saved slot: path, value, True if the run changed it, hash of the value when it was saved (None: it has no hash)."""
_GONE = "gone"
_ATOMS = (int, float, complex, bool, str, bytes, type(None))
_MAX_PARTS = 5000
"""Maximum number of items that are hashed to find out whether a value was changed. A larger value counts as changed."""


@dataclass
class DataSlot:
    """One place for data in a function or class of the notebook, for example a class attribute or a default.

    Attributes:
        holder: The class, function or closure cell that holds the value.
        key: The name or index of the value in the holder; "" for a closure cell.
        value: The current value.
        description: Text to add to the definition's name in messages, for example `.LIMIT` or ` (its default 1)`.
    """

    holder: Any
    key: Any
    value: Any
    description: str


def find_slots(definition: Any) -> dict[SlotPath, DataSlot]:
    """Return the places for data in a function or class (class attributes, defaults and so on): path -> slot."""
    found: dict[SlotPath, DataSlot] = {}
    _add_slots(definition, (), "", found, set())
    return found


def find_module_slots(module: ModuleType) -> dict[SlotPath, DataSlot]:
    """Return the places for data in a user's module: its globals, and data of its functions and classes.

    Returns:
        Path from the module -> slot.
    """
    found: dict[SlotPath, DataSlot] = {}
    seen, home = set[int](), module.__name__
    for name, value in list(vars(module).items()):
        if name[:2] == "__" or isinstance(value, ModuleType):
            continue
        if is_code(value) and getattr(value, "__module__", None) == home:
            _add_slots(value, (("g", name),), f".{name}", found, seen, home)
        elif not is_code(value) or find_importable_name(value) is None:
            found[("g", name),] = DataSlot(module, name, value, f".{name}")
    return found


def _add_slots(
    obj: Any, path: SlotPath, description: str, found: dict[SlotPath, DataSlot], seen: set[int], home: str = ""
) -> None:
    """Find the places for data (slots) in a definition and in the functions and classes inside it.

    Args:
        obj: The definition.
        path: Path of `obj` from the outermost definition.
        description: Text for messages, which is added to the outermost definition's name to name `obj`.
        found: Path -> slot; the function adds slots.
        seen: Ids of the objects that are already examined; extended in place.
        home: Name of the module whose definitions are examined; "" for the notebook. Others are skipped.
    """
    if id(obj) in seen or (find_importable_name(obj) is not None and getattr(obj, "__module__", None) != home):
        return
    seen.add(id(obj))
    for step, part in _list_code_parts(obj):
        _add_slots(
            part, (*path, step), f"{description}.{step[1]}" if step[0] == "a" else description, found, seen, home
        )
    if isinstance(obj, type):
        for name, value in _list_data_attributes(obj):
            found[*path, ("a", name)] = DataSlot(obj, name, value, f"{description}.{name}")
    elif isinstance(obj, FunctionType) and not is_dispatching(obj):
        for i, value in enumerate(obj.__defaults__ or ()):
            found[*path, ("d", i)] = DataSlot(obj, i, value, f"{description} (its default {i + 1})")
        for name, value in (obj.__kwdefaults__ or {}).items():
            found[*path, ("k", name)] = DataSlot(obj, name, value, f"{description} (its default {name})")
        for name, value in obj.__dict__.items():
            if not is_code(value) and name[:2] != "__":
                found[*path, ("x", name)] = DataSlot(obj, name, value, f"{description}.{name}")
        for name, cell in _list_filled_cells(obj):
            if not is_code(cell.cell_contents):
                found[*path, ("v", name)] = DataSlot(
                    cell, "", cell.cell_contents, f"{description} (its variable {name})"
                )
    elif is_cached(obj) and can_be_refilled(obj):
        found[*path, ("c", "")] = DataSlot(obj, "", read_contents(obj), f"{description} (its cache)")
    elif is_dispatching(obj):
        found[*path, ("r", "")] = DataSlot(obj, "", dict(vars(obj)["registry"]), f"{description}.registry")


def _list_code_parts(obj: Any) -> list[tuple[tuple[str, Any], Any]]:
    """List the functions and classes directly inside a definition, as pairs (step of the path, function or class)."""
    if isinstance(obj, type):
        return [(("a", name), value) for name, value in vars(obj).items() if _is_part(obj, value)]
    if isinstance(obj, (staticmethod, classmethod)):
        return [(("f", "__func__"), cast(Any, obj).__func__)]
    if isinstance(obj, property):
        return [(("f", name), part) for name in ("fget", "fset", "fdel") if (part := getattr(obj, name)) is not None]
    if isinstance(obj, functools.cached_property):
        return [(("f", "func"), cast(Any, obj).func)]
    if is_definition(obj):
        return [(("f", "function"), obj.function)]
    if isinstance(obj, FunctionType) and not is_dispatching(obj):
        parts = [(("v", name), cell.cell_contents) for name, cell in _list_filled_cells(obj)]
        return [(step, part) for step, part in parts if is_code(part) and not isinstance(part, type)]
    wrapped = getattr(obj, "__wrapped__", None)
    return [(("f", "__wrapped__"), wrapped)] if isinstance(wrapped, FunctionType) else []


def _is_part(cls: type, value: Any) -> bool:
    if isinstance(value, type):
        return value.__qualname__.startswith(f"{cls.__qualname__}.")
    kinds = (FunctionType, staticmethod, classmethod, property, functools.cached_property)
    return is_definition(value) or is_cached(value) or isinstance(value, kinds)


def is_code(value: Any) -> bool:
    """Return True if a value is a function or class, plain or decorated."""
    return isinstance(value, (FunctionType, type)) or is_definition(value) or is_cached(value)


def _list_data_attributes(cls: Any) -> list[tuple[str, Any]]:
    def is_data(name: str, value: Any) -> bool:
        kind = type_of(value)
        # A descriptor whose class the notebook defines holds data, too.
        is_descriptor = hasattr(kind, "__get__") and kind.__module__ != cls.__module__
        return name[:2] != "__" and name not in skipped and not is_descriptor

    if issubclass(cls, enum.Enum):
        return []
    skipped = {"_abc_impl", "_is_protocol", "_is_runtime_protocol", "_fields", "_field_defaults"}
    attributes: list[tuple[str, Any]] = list(cls.__dict__.items())
    return [(name, value) for name, value in attributes if is_data(name, value) and not _is_part(cls, value)]


def _list_filled_cells(function: FunctionType) -> list[tuple[str, CellType]]:
    def is_full(cell: CellType) -> bool:
        try:
            return cell.cell_contents is not cell
        except ValueError:
            return False

    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return [(name, cell) for name, cell in cells if name != "__class__" and is_full(cell)]


# -- changes of definitions


def is_atom(value: Any) -> bool:
    """Return True if a value is a number, text, bytes, bool or None, or a tuple of these: it cannot be changed."""
    return type(value) in _ATOMS or (type(value) is tuple and all(map(is_atom, cast("tuple[Any, ...]", value))))


class DefinitionState:
    """Changes of one run in data of the notebook's functions and classes.

    They are found by comparison with the state when this object was made. Make the object when this process begins to
    work on the run.

    Attributes:
        changed: Paths of the data that the run changed, in this or an earlier process, by name of the function or
            class.
        saved: Content of the last save, by name: the function or class, and its saved data.
        own: Names of functions and classes that the run itself defined, in this or an earlier process.
    """

    def __init__(self, ns: dict[str, Any]) -> None:
        self.ns = ns
        self._before: dict[str, dict[SlotPath, str | None]] = {}
        self.changed: dict[str, set[SlotPath]] = {}
        self.saved: dict[str, tuple[Any, list[SlotEntry]]] = {}
        self.own = set[str]()
        self._of_others: dict[str, Any] = {}
        for name, value in list(ns.items()):
            if find_notebook_name(value, ns) == name:
                self._of_others[name] = value
                self._before[name] = {path: self._hash_value(slot.value) for path, slot in find_slots(value).items()}

    def make_entries(self, root: str) -> list[SlotEntry]:
        """Return the data of a function or class to save, one entry for each slot.

        Also updates `own`, `changed` and `saved`.

        Args:
            root: Name of the function or class in the namespace.
        """
        if self.ns[root] is not self._of_others.get(root):
            self.own.add(root)
        before = self._before.get(root)
        changed = self.changed.setdefault(root, set())
        found: list[SlotEntry] = []
        slots = find_slots(self.ns[root])
        for path, slot in slots.items():
            now = self._hash_value(slot.value)
            if before is None or now is None or before.get(path, _GONE) != now:
                changed.add(path)
            found.append((path, slot.value, path in changed, now))
        gone = set(before or ()) - slots.keys()
        found += [(path, None, True, _GONE) for path in gone if path[-1][0] == "a"]
        self.saved[root] = (self.ns[root], found)
        return found

    def carry_over(self, saved: dict[str, tuple[Any, list[SlotEntry]]]) -> None:
        """Take over the saved data when a run continues in the process that saved it.

        If the cell of a function or class was executed again since the save, the new object gets the saved data.
        Functions and classes that the run itself defined are put into the namespace again.

        Args:
            saved: The value of `saved` after the save.
        """
        for root, (definition, entries) in saved.items():
            if root in self.own:
                self.ns[root] = definition
            now = self.ns.get(root)
            self._of_others[root] = None if root in self.own else now
            if now is not definition and find_notebook_name(now, self.ns) == root:
                self.restore_slots(root, now, entries, False)
            self.changed.setdefault(root, set()).update(path for path, _, is_changed, _ in entries if is_changed)

    def restore_slots(self, root: str, definition: Any, entries: list[SlotEntry], is_copy: bool) -> None:
        """Put saved data into a function or class.

        Restored are values that the run changed, and other values that are still the same as at the save. A copy from
        the snapshot gets all values, because it was saved without them.

        Args:
            root: Name of the function or class.
            definition: The function or class of the notebook, or the copy.
            entries: The saved values.
            is_copy: True if `definition` is a copy from the snapshot.
        """
        if root not in self.own:
            self._of_others[root] = definition
        now = find_slots(definition)
        for path, value, is_changed, was in entries:
            slot = now.get(path)
            if is_changed:
                self.changed.setdefault(root, set()).add(path)
            if is_copy or is_changed or (slot is not None and self._hash_value(slot.value) == was):
                put_slot(definition, path, value, is_gone=was == _GONE)

    def _hash_value(self, value: Any) -> str | None:
        """Return a hash of a value; None if the value is large or cannot be pickled."""
        try:
            left = [_MAX_PARTS]
            return hashlib.sha256(repr(self._describe_shape(value, left)).encode("utf-8", "replace")).hexdigest()
        except Exception:  # noqa: BLE001 - a user's __reduce__ or __repr__ may raise anything: the value counts as changed
            return None

    def _describe_shape(self, value: Any, left: list[int]) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("too large")
        kind = type_of(value)
        if kind in _ATOMS:
            return kind.__name__, value
        if kind in (list, tuple):
            return kind.__name__, [self._describe_shape(one, left) for one in value]
        if kind is dict:
            return "dict", [(self._describe_shape(k, left), self._describe_shape(v, left)) for k, v in value.items()]
        if kind in (set, frozenset):
            return kind.__name__, sorted(repr(self._describe_shape(one, left)) for one in value)
        file = io.BytesIO()
        pickler = _ShapePickler(file, self.ns)
        pickler.dump(value)
        return kind.__qualname__, hashlib.sha256(file.getvalue()).hexdigest(), sorted(pickler.blobs)


class _ShapePickler(Pickler):
    """A pickler for comparisons only. It saves a code object as a hash of its instructions.

    So an edit elsewhere in the cell does not change the result.
    """

    def name_code(self, code: CodeType) -> tuple[Any, ...]:
        return ("code", hashlib.sha256(repr(describe_code(code)).encode()).hexdigest())


def put_entries(definition: Any, entries: list[SlotEntry]) -> None:
    """Put all saved data (class attributes, defaults and so on) into a copy of a function or class.

    Args:
        definition: The copy.
        entries: The saved data.
    """
    for path, value, _, was in entries:
        put_slot(definition, path, value, is_gone=was == _GONE)


def put_slot(definition: Any, path: SlotPath, value: Any, *, is_gone: bool = False) -> None:
    """Set one piece of data in a function, class or module. Nothing is done if the code has no place for it any more.

    Args:
        definition: The function, class or module.
        path: Path of the data in `definition`.
        value: The value.
        is_gone: True: the run deleted this class attribute, so delete it.
    """
    holder = definition
    for kind, key in path[:-1]:
        holder = _find_part(holder, kind, key)
    kind, key = path[-1]
    if isinstance(holder, ModuleType):
        setattr(holder, key, value)
    elif isinstance(holder, type) and kind == "a":
        if not is_gone:
            type.__setattr__(holder, key, value)
        elif key in vars(holder):
            type.__delattr__(holder, key)
    elif is_cached(holder) and kind == "c":
        refill_cache(holder, value)
    elif is_dispatching(holder) and kind == "r":
        for cls, implementation in value.items():
            if vars(holder)["registry"].get(cls) is not implementation:
                vars(holder)["register"](cls, implementation)
    elif isinstance(holder, FunctionType):
        _put_into_function(holder, kind, key, value)


def _put_into_function(function: FunctionType, kind: str, key: Any, value: Any) -> None:
    if kind == "d" and key < len(function.__defaults__ or ()):
        defaults = list(function.__defaults__ or ())
        defaults[key] = value
        function.__defaults__ = tuple(defaults)
    elif kind == "k" and key in (function.__kwdefaults__ or {}):
        function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), key: value}
    elif kind == "x":
        function.__dict__[key] = value
    elif kind == "v" and key in function.__code__.co_freevars:
        cells = function.__closure__ or ()
        cells[function.__code__.co_freevars.index(key)].cell_contents = value


def _find_part(holder: Any, kind: str, key: str) -> Any:
    if kind == "g":
        return cast("dict[str, Any]", vars(holder)).get(key)
    if kind == "a":
        return vars(holder).get(key) if isinstance(holder, type) else None
    if kind == "v":
        return dict(_list_filled_cells(holder))[key].cell_contents if key in dict(_list_filled_cells(holder)) else None
    return getattr(holder, key, None)


def find_moved_slots(definition: Any) -> dict[int, set[Any]]:
    """Return the slots that a copy of a definition is saved without: `id(holder)` -> set of `(kind, key)`.

    The values of these slots are saved with the variables and are put into the copy when it is loaded.
    """
    moved: dict[int, set[Any]] = {}
    for path, slot in find_slots(definition).items():
        if not is_atom(slot.value) and path[-1][0] != "r":
            moved.setdefault(id(slot.holder), set()).add((path[-1][0], slot.key))
    return moved
