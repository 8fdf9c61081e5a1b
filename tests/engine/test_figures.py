"""pyplot's open figures over a pause: the same numbers, the same objects, drawn on and not doubled."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from desk import Desk

from hitl_nb.errors import CannotPause

mpl: Any = importlib.import_module("matplotlib")
plt: Any = importlib.import_module("matplotlib.pyplot")
ASK = 'd = hitl.checkpoint("go", title="Go?")\n'
IMPORT = "import matplotlib.pyplot as plt\n"


@pytest.fixture(autouse=True)
def no_figures() -> Iterator[None]:
    before = plt.get_backend()
    plt.switch_backend("agg")
    plt.close("all")
    yield
    plt.close("all")
    plt.switch_backend(before)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def run_over_a_pause(desk: Desk, source: str, *, new_kernel: bool = True) -> None:
    assert desk.run(source).status == "waiting"
    desk.answer()
    if new_kernel:
        desk.new_kernel()
    plt.close("all")
    assert desk.run(source).status == "finished"


@pytest.mark.parametrize("new_kernel", [True, False])
def test_the_figure_in_a_variable_is_the_one_that_pyplot_has(desk: Desk, new_kernel: bool) -> None:
    source = f"{IMPORT}fig, axes = plt.subplots(2)\nplt.sca(axes[0])\nplt.plot([1, 2])\n{ASK}"
    source += "plt.title('T')\nsame = plt.gcf() is fig, plt.gca() is axes[0]"
    run_over_a_pause(desk, source, new_kernel=new_kernel)
    assert desk.ns["same"] == (True, True)
    assert desk.ns["axes"][0].get_title() == "T"
    assert plt.get_fignums() == [1]


def test_numbers_labels_and_which_is_current_come_back(desk: Desk) -> None:
    source = f"{IMPORT}a = plt.figure(7)\nb = plt.figure('sales')\nplt.figure(7)\n{ASK}c = plt.gcf()"
    run_over_a_pause(desk, source)
    assert plt.get_fignums() == [7, 8]
    assert plt.figure("sales") is desk.ns["b"]
    assert desk.ns["c"] is desk.ns["a"]


def test_a_figure_that_was_closed_stays_closed(desk: Desk) -> None:
    run_over_a_pause(
        desk, f"{IMPORT}a = plt.figure()\nb = plt.figure()\nplt.close(a)\n{ASK}n = plt.get_fignums()\na.suptitle('x')"
    )
    assert desk.ns["n"] == [2]


def test_another_figure_under_the_same_number_gives_way(desk: Desk) -> None:
    source = f"{IMPORT}f = plt.figure()\n{ASK}same = plt.figure(1) is f"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    plt.close("all")
    plt.figure()
    desk.run(source)
    assert desk.ns["same"]
    assert plt.get_fignums() == [1]


def test_a_figure_of_an_earlier_cell_that_the_agent_draws_into(desk: Desk) -> None:
    desk.cell(f"{IMPORT}plt.figure()")
    run_over_a_pause(desk, f"{IMPORT}plt.plot([1, 2])\n{ASK}n = len(plt.gca().lines)")
    assert desk.ns["n"] == 1


def test_pausing_does_not_register_a_figure_again(desk: Desk) -> None:
    assert desk.run(f"{IMPORT}f = plt.figure()\n{ASK}").status == "waiting"
    assert plt.get_fignums() == [1]


def test_parameters_come_back(desk: Desk) -> None:
    with mpl.rc_context():
        source = (
            f"import matplotlib as mpl\nmpl.rcParams['lines.linewidth'] = 5\n{ASK}w = mpl.rcParams['lines.linewidth']"
        )
        desk.run(source)
        desk.answer()
        desk.new_kernel()
        mpl.rcdefaults()
        desk.run(source)
        assert desk.ns["w"] == 5


def test_a_figure_that_cannot_be_saved_refuses_a_pause_and_not_the_end_of_a_cell(desk: Desk) -> None:
    source = f"{IMPORT}import sqlite3\nf = plt.figure()\nf.rows = sqlite3.connect(':memory:').cursor()\n"
    with pytest.raises(CannotPause, match=r"pyplot's open figures .*close the figures before the checkpoint"):
        desk.run(f"{source}{ASK}")
    assert desk.run(f"{source}y = 1", name="ends").status == "finished"
    assert desk.run(f"{source}plt.close('all')\ndel f\n{ASK}", name="closes").status == "waiting"
