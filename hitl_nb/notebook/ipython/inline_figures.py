"""Figures in a notebook that shows them at the end of a cell (`%matplotlib inline`).

A pause ends the cell, but the code may draw more after it. Until the run continues, the current figure is shown above
the proposal. The finished cell shows the complete figure once.
"""

from __future__ import annotations

import sys
from typing import Any

from hitl_nb.engine.reopening.figures import read_open_figures

_BACKENDS = ("inline", "module://matplotlib_inline.backend_inline")


def shows_inline() -> bool:
    """Return whether open figures are shown at the end of each cell."""
    matplotlib: Any = sys.modules.get("matplotlib")
    if "matplotlib.pyplot" not in sys.modules or "matplotlib_inline.backend_inline" not in sys.modules:
        return False
    return matplotlib.is_interactive() and matplotlib.get_backend() in _BACKENDS


def draw_open_figures(shell: Any) -> list[dict[str, Any]]:
    """Return the figures that the end of the cell would show, as outputs that are replaced when the run continues."""
    drawn: list[dict[str, Any]] = []
    for _, figure in read_open_figures().numbered if shows_inline() else ():
        data, metadata = shell.display_formatter.format(figure)
        drawn.append({"output_type": "display_data", "data": data, "metadata": metadata, "transient": {}})
    return [{**output, "until_resumed": True} for output in drawn]


def close_shown_figures() -> bool:
    """Close the open figures, as the end of a cell does. Return False if this notebook keeps them open."""
    backend: Any = sys.modules["matplotlib_inline.backend_inline"]
    if not backend.InlineBackend.instance().close_figures:
        return False
    sys.modules["matplotlib.pyplot"].close("all")
    return True


def show_open_figures() -> None:
    """Show the open figures, as the end of the cell would."""
    if shows_inline():
        sys.modules["matplotlib_inline.backend_inline"].flush_figures()
