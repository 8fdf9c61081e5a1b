"""Types are studied by msgspec at import: two threads that do it at their first use crash the process."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import msgspec

import hitl_nb
from hitl_nb.structs import prepared_structs

OTHERS = ("hitl_nb.headless.papermill_engine",)
"""Needs papermill, and begins at its import."""


def subclasses(kind: type) -> Iterator[type]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def test_what_is_decoded_was_studied_when_its_module_was_imported() -> None:
    for module in pkgutil.walk_packages(hitl_nb.__path__, "hitl_nb."):
        if not module.name.endswith("__main__") and module.name not in OTHERS:
            importlib.import_module(module.name)
    ours = {kind for kind in subclasses(msgspec.Struct) if kind.__module__.startswith("hitl_nb.")}
    assert ours - prepared_structs == set()
    assert hitl_nb.records.Proposal in prepared_structs
