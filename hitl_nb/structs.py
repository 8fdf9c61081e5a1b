"""Preparation of msgspec types before a second thread can use them.

msgspec (0.22) analyzes a type at its first use, and fills in the result in several steps. Another thread that decodes
the same type at that time reads incomplete data, and the process ends with a segmentation fault.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

prepared_structs: set[type] = set()
"""The types that several threads can use."""


def prepare_structs(names: Mapping[str, object]) -> None:
    """Let msgspec analyze the structs that a module defines.

    Args:
        names: The module's `globals()`. Call this after the last class: one thread imports a module.
    """
    for value in [*names.values()]:
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == names["__name__"]:
            msgspec.json.Decoder(value)
            prepared_structs.add(value)
