"""Save and restore pyplot's open figures: their numbers, and which one is the current figure.

A figure is saved by matplotlib's own pickling, but without registering itself with pyplot when it is loaded. Instead,
`restore_figures` registers it, and only once.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple


class OpenFigures(NamedTuple):
    """pyplot's open figures.

    Attributes:
        numbered: pyplot's number and the figure, in the order in which they were made current.
        current: Number of the current figure, or None.
    """

    numbered: list[tuple[int, Any]]
    current: int | None


def read_open_figures() -> OpenFigures:
    """Return the figures that are open in pyplot now."""
    pyplot: Any = sys.modules["matplotlib.pyplot"]
    numbers = pyplot.get_fignums()
    if not numbers:
        return OpenFigures([], None)
    current = pyplot.gcf().number
    figures = [(n, pyplot.figure(n)) for n in numbers]
    pyplot.figure(current)
    return OpenFigures(figures, current)


class _FigureFactory:
    """Passed to pyplot in place of a figure class, so that pyplot registers an existing figure instead of a new one."""

    def __init__(self, figure: Any) -> None:
        self.figure = figure

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.figure


def restore_figures(saved: OpenFigures) -> None:
    """Open saved figures in pyplot again, under their numbers. Other figures with these numbers are closed."""
    pyplot: Any = sys.modules["matplotlib.pyplot"]
    now = dict(read_open_figures().numbered)
    for number, figure in saved.numbered:
        if now.get(number) is figure:
            continue
        if number in now:
            pyplot.close(number)
        pyplot.figure(number, FigureClass=_FigureFactory(figure))
    if saved.current is not None:
        pyplot.figure(saved.current)


def find_figure_types() -> tuple[type, ...]:
    """Return matplotlib's figure class in a tuple; an empty tuple if it is not imported."""
    module = sys.modules.get("matplotlib.figure")
    return (module.Figure,) if module is not None else ()


def reduce_figure(figure: Any) -> Any:
    """Return the reduction of a figure, changed so that it does not register itself with pyplot when it is loaded."""
    reduced: tuple[Any, ...] = figure.__reduce_ex__(2)
    reduced[2].pop("_restore_to_pylab", None)
    return reduced
