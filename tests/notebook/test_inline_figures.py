"""A figure of `%matplotlib inline` over a pause: shown above the proposal as far as it is drawn, and finished once."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from hitl_nb.headless.run_notebook import run_notebook
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.review.decide_from_text import decide_from_text
from hitl_nb.storage import open_store

LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl\n%matplotlib inline\nimport matplotlib.pyplot as plt"
CHART = """%%agent chart
fig, ax = plt.subplots()
_ = plt.plot([1, 2, 3])
d = hitl.checkpoint("Sales", title="Title?")
_ = plt.title(d.value)
print(len(ax.lines), plt.gcf() is fig, plt.get_fignums())"""
PROPOSAL = "application/vnd.hitl-nb.proposal+json"
NOTE = "application/vnd.hitl-nb.note+json"


def kinds(path: Path) -> list[str]:
    """What the agent's cell shows, in order, without the note that it had finished before."""
    found: list[str] = []
    for output in nbformat.read(path, 4).cells[1].outputs:
        data = output.get("data", {})
        if NOTE in data:
            continue
        found.append(
            "proposal" if PROPOSAL in data else "picture" if "image/png" in data else output.get("text", "").strip()
        )
    return found


@pytest.mark.slow
def test_the_picture_so_far_is_shown_at_the_pause_and_the_figure_once_at_the_end(tmp_path: Path) -> None:
    path, url = tmp_path / "chart.ipynb", f"diskcache://{tmp_path}/store"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cells = [new_code_cell(source) for source in (LOAD, CHART)]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    [proposal] = run_notebook(path, store=url).open
    assert kinds(path) == ["picture", "proposal"]
    run_notebook(path, store=url)
    assert kinds(path) == ["picture", "proposal"]
    decide_from_text(Ledger(open_store(url)), proposal, "approve")
    for _ in range(2):
        assert run_notebook(path, store=url).status == "finished"
        assert kinds(path) == ["proposal", "1 True [1]", "picture"]
