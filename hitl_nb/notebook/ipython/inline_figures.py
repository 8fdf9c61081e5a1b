"""Figures in a notebook that shows them at the end of a cell (`%matplotlib inline`).

A pause ends the cell, but the code may draw more after the pause. Until the run continues, the current figure is shown
above the proposal. The finished cell shows the complete figure once.
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
    """Return the open figures as outputs, which are replaced when the run continues.

    Empty if this notebook does not show open figures at the end of a cell.
    """
    drawn: list[dict[str, Any]] = []
    for _, figure in read_open_figures().numbered if shows_inline() else ():
        data, metadata = shell.display_formatter.format(figure)
        drawn.append({"output_type": "display_data", "data": data, "metadata": metadata, "transient": {}})
    return [{**output, "until_resumed": True} for output in drawn]


def close_shown_figures() -> bool:
    """Close all open figures, as IPython does at the end of a cell.

    Returns:
        False, with nothing closed, if this notebook keeps figures open.
    """
    backend: Any = sys.modules["matplotlib_inline.backend_inline"]
    if not backend.InlineBackend.instance().close_figures:
        return False
    sys.modules["matplotlib.pyplot"].close("all")
    return True


def show_open_figures() -> None:
    """Show the open figures, as the end of the cell would."""
    if shows_inline():
        sys.modules["matplotlib_inline.backend_inline"].flush_figures()
