"""The Sphinx extension of this documentation: generated reference parts, executed examples, links to public names."""

from __future__ import annotations

from typing import Any

from _extension import examples, names, reference


def setup(app: Any) -> dict[str, bool]:
    """Connect to the build."""
    app.connect("builder-inited", lambda app: examples.execute_all())
    app.connect("source-read", _fill)
    app.connect("missing-reference", names.resolve)
    return {"parallel_read_safe": False, "parallel_write_safe": True}


def _fill(app: Any, name: str, source: list[str]) -> None:
    source[0] = reference.fill(source[0])
