"""Temporary: every name is live."""
from __future__ import annotations

from hitl_nb.engine.compile.trees import all_codes


def live_names(unit, saved):
    if unit.functions[saved.function].kind == "cell":
        return names_mentioned(unit)
    return frozenset((*saved.locals, *saved.cells))

def names_mentioned(unit):
    return frozenset((*unit.tops, *(n for c in all_codes(unit.native) for n in c.co_names)))

def names_read(unit, function=0):
    return frozenset(n for c in all_codes(unit.code_of(function)) for n in c.co_names)
