"""Prepare msgspec types before a second thread can use them.

msgspec (0.22) analyzes a type at its first use, and stores the result in several steps. If another thread decodes the
same type at that time, it reads incomplete data, and the process ends with a segmentation fault.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

prepared_structs: set[type] = set()
"""The types that were prepared, so that several threads can use them."""


def prepare_structs(names: Mapping[str, object]) -> None:
    """Make msgspec analyze the structs that a module defines.

    Args:
        names: The module's `globals()`. Call this function after the last class of the module: only one thread imports
            it.
    """
    for value in [*names.values()]:
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == names["__name__"]:
            msgspec.json.Decoder(value)
            prepared_structs.add(value)
