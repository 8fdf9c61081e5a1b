"""Types that msgspec decodes are studied before a second thread can use them.

msgspec (0.22) studies a type when it is first used, and fills what it found in piece by piece. Another thread that
decodes the same type meanwhile reads what is not there yet, and the process ends with a segmentation fault.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

prepared_structs: set[type] = set()
"""The types that are ready for use by several threads."""


def prepare_structs(names: Mapping[str, object]) -> None:
    """Have msgspec study the structs that a module defines.

    Args:
        names: the module's `globals()`, after its last class: a module is imported by one thread.
    """
    for value in [*names.values()]:
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == names["__name__"]:
            msgspec.json.Decoder(value)
            prepared_structs.add(value)
