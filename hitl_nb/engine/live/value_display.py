"""Display of the value of a cell's last expression."""

from __future__ import annotations

import sys
from typing import Any

from hitl_nb.engine.position.runtime_hooks import current_driver


def show_last_value(value: Any) -> None:
    """Show the value of a cell's last expression.

    The run that executes the cell shows it. Outside of a run, `sys.displayhook` does.
    """
    driver = current_driver()
    run = getattr(driver, "run", None)
    display = getattr(run, "display", None)
    if display is not None:
        display(value)
    elif run is None:
        sys.displayhook(value)
