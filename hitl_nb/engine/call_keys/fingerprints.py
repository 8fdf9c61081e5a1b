"""Fingerprints of values: hashes that are equal for equal content, in every process.

Plain data, arrays, data frames, dataclasses, models and objects of the notebook's own classes are compared by content.
The content of other objects is read as well, so that a change is noticed in this process. But two such objects are
never reported as different, because the content may be a cache, a lock or a clock.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import re
import sys
import uuid
from dataclasses import dataclass
from hashlib import blake2b
from types import FunctionType, MethodType, ModuleType
from typing import Any, cast

MAX_PARTS = 100_000
"""Maximum number of values that are read inside one value."""
MAX_BYTES = 32 << 20
"""Maximum number of bytes of arrays and texts that are read inside one value."""

_SPELLED = (
    *(decimal.Decimal, fractions.Fraction, dt.datetime, dt.date, dt.time, dt.timedelta, dt.tzinfo, uuid.UUID),
    *(pathlib.PurePath, re.Pattern, range, complex, slice),
)


@dataclass(frozen=True)
class Fingerprint:
    """A hash of the content of a value at one time.

    Attributes:
        digest: Hash; equal for equal content. Empty if the content cannot be read.
        comparable: True if a different digest of another value proves that the content is different.
    """

    digest: str
    comparable: bool


class _TooLarge(Exception):
    """Raised if a value has more than `MAX_PARTS` parts or `MAX_BYTES` bytes."""


def fingerprint_value(value: Any) -> Fingerprint:
    """Return the fingerprint of a value: a hash of its content.

    If the value is too large to read, the hash covers only its type, size and columns. In that case, and if reading it
    raises an error, the fingerprint is not comparable.
    """
    walk = _FingerprintWalk()
    try:
        found = walk.fingerprint_part(value)
    except (_TooLarge, RecursionError):
        return Fingerprint(_digest_bytes(_describe_outside(value)), False)
    except Exception:  # noqa: BLE001 - whatever a property, __iter__ or __eq__ of the user's raises
        return Fingerprint("", False)
    return Fingerprint(_digest_bytes(found), walk.comparable)


def _digest_bytes(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def is_code(value: Any) -> bool:
    """Return whether a value is code rather than data: a module, a class, a function or another callable object."""
    return isinstance(value, (ModuleType, type, FunctionType, MethodType)) or callable(value)


def _describe_outside(value: Any) -> bytes:
    size = getattr(value, "shape", None) or (len(value) if hasattr(value, "__len__") else None)
    columns = list(value.columns) if hasattr(value, "columns") else None
    return repr((type(value).__qualname__, size, columns)).encode("utf-8", "surrogatepass")


class _FingerprintWalk:
    def __init__(self) -> None:
        self.comparable = True
        self.parts = 0
        self.bytes = 0
        self.path: set[int] = set()

    def fingerprint_part(self, value: Any) -> bytes:
        """Return bytes that represent a value and the values inside it: text if that is short, otherwise a hash.

        Raises:
            _TooLarge: There are too many values or bytes.
        """
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise _TooLarge
        cls: type = type(value)  # pyright: ignore[reportUnknownVariableType]  # of every part: no call
        if value is None or cls in (bool, int, float):
            return b"a" + repr(value).encode()
        if cls is str:
            return self._digest_raw(b"s", value.encode("utf-8", "surrogatepass"))
        if cls in (bytes, bytearray, memoryview):
            return self._digest_raw(b"b", bytes(value))
        if id(value) in self.path:
            return b"cycle"
        self.path.add(id(value))
        try:
            return self._fingerprint_contents(value, cls)
        finally:
            self.path.discard(id(value))

    def _digest_raw(self, kind: bytes, data: bytes) -> bytes:
        self.bytes += len(data)
        if self.bytes > MAX_BYTES:
            raise _TooLarge
        return kind + (data if len(data) < 32 else blake2b(data, digest_size=16).digest())

    def _digest_parts(self, kind: str, parts: list[bytes]) -> bytes:
        whole = blake2b(kind.encode("utf-8", "surrogatepass"), digest_size=16)
        for part in parts:
            whole.update(len(part).to_bytes(4, "big"))
            whole.update(part)
        return whole.digest()

    def _fingerprint_contents(self, value: Any, cls: type) -> bytes:
        name = f"{cls.__module__}.{cls.__qualname__}"
        if isinstance(value, enum.Enum):
            return self._digest_parts(name, [value.name.encode()])
        if isinstance(value, _SPELLED):
            return self._digest_parts(name, [repr(cast("object", value)).encode("utf-8", "surrogatepass")])
        if isinstance(value, dict):
            items = cast("dict[Any, Any]", value).items()
            return self._digest_parts(
                name,
                sorted(self._digest_parts("", [self.fingerprint_part(k), self.fingerprint_part(v)]) for k, v in items),
            )
        if isinstance(value, (list, tuple)):
            return self._digest_parts(name, [self.fingerprint_part(one) for one in cast("list[Any]", value)])
        if isinstance(value, (set, frozenset)):
            return self._digest_parts(name, sorted(self.fingerprint_part(one) for one in cast("set[Any]", value)))
        if is_code(value):
            return self._digest_parts("code", [str(getattr(value, "__qualname__", name)).encode()])
        return self._fingerprint_array(value, name) or self._fingerprint_object(value, cls, name)

    def _fingerprint_array(self, value: Any, name: str) -> bytes | None:
        """Return the fingerprint of an object of numpy, pandas or polars; None for other objects."""
        root = name.partition(".")[0]
        library: Any = sys.modules.get(root)
        if root == "numpy" and isinstance(value, (library.ndarray, library.generic)):
            value = library.asarray(value)
            self.parts += value.size if value.dtype.hasobject else 0
            if value.nbytes > MAX_BYTES or self.parts > MAX_PARTS:
                raise _TooLarge
            body = (
                self.fingerprint_part(value.tolist())
                if value.dtype.hasobject
                else self._digest_raw(b"n", value.tobytes())
            )
            return self._digest_parts(name, [repr((value.dtype.str, value.shape)).encode(), body])
        if root == "pandas" and hasattr(value, "columns") and hasattr(value, "iloc"):
            columns = [self.fingerprint_part(value.iloc[:, i]) for i in range(len(value.columns))]
            return self._digest_parts(
                name, [self.fingerprint_part(value.index), self.fingerprint_part(list(value.columns)), *columns]
            )
        if root == "pandas" and hasattr(value, "to_numpy") and hasattr(value, "dtype"):
            index = self.fingerprint_part(value.index) if hasattr(value, "index") and hasattr(value, "iloc") else b""
            head = [str(value.dtype).encode(), self.fingerprint_part(getattr(value, "name", None)), index]
            return self._digest_parts(name, [*head, self.fingerprint_part(value.to_numpy())])
        if root == "pandas" and type(value).__name__ in ("NAType", "NaTType"):
            return b"NA"
        if root == "polars" and hasattr(value, "get_columns"):
            return self._digest_parts(name, [self.fingerprint_part(one) for one in value.get_columns()])
        if root == "polars" and hasattr(value, "to_list"):
            self._digest_raw(b"", b"")
            return self._digest_parts(
                name, [value.name.encode(), str(value.dtype).encode(), self.fingerprint_part(value.to_list())]
            )
        return None

    def _fingerprint_object(self, value: Any, cls: type, name: str) -> bytes:
        own = cls.__module__ == "__main__" or dataclasses.is_dataclass(value) or hasattr(cls, "model_fields")
        held: dict[str, Any] = dict(getattr(value, "__dict__", {}))
        for base in cls.__mro__:
            slots: Any = base.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                if not slot.startswith("__") and hasattr(value, slot):
                    held[slot] = getattr(value, slot)
        if not own or not held:
            self.comparable = False
        return self._digest_parts(name, [self.fingerprint_part(held)])
