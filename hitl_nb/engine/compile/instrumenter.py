"""Hashes of the instrumenter's source files, and of the code that it produces.

The instrumenter is the code of the package `compile`: it turns source text into instrumented code, whose frames can be
saved. It gives each syntax node a number. A saved frame states its position in the code by such a number. So the number
must mean the same in the process that continues the run.

Another version of the instrumenter still gives the same numbers to most code. So a snapshot has two kinds of hashes.
The hash of the instrumenter's source files is compared first; if it is equal, no more is needed. If it differs, the
hash of each unit's code is compared. (A unit is the compiled source of one cell or module.)
"""

from __future__ import annotations

import functools
import hashlib
import types
from pathlib import Path
from typing import Any

from hitl_nb.engine.compile.units import Unit, find_code


@functools.cache
def hash_instrumenter() -> str:
    """Return a hash of the source files of the package `hitl_nb.engine.compile`: 16 hexadecimal digits."""
    found = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def hash_code(unit: Unit) -> str:
    """Return a hash of a unit's instrumented code and its node numbers: 16 hexadecimal digits.

    A saved frame names its position in the code by a node number. If two processes have the same hash for the unit (the
    source of one cell or module), such a number means the same in both.
    """
    if not unit.code_hash:
        found = hashlib.sha256()
        _hash_code_tree(found, unit.code)
        unit.code_hash = found.hexdigest()[:16]
    return unit.code_hash


def _hash_code_tree(found: Any, code: types.CodeType) -> None:
    known = find_code(code)
    if known is not None:
        found.update(known.places.as_bytes())
    names = (code.co_qualname, code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars)
    found.update(repr(names).encode("utf-8", "surrogatepass") + code.co_code)
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            _hash_code_tree(found, value)
