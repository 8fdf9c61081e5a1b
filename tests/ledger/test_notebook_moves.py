"""Kernels that know a notebook by its old path find it where it went, and no other notebook that took the old name."""

from __future__ import annotations

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import now
from hitl_nb.storage.memory import MemoryStore


def test_each_kernel_follows_the_renames_after_its_start() -> None:
    ledger = Ledger(MemoryStore())
    first = now()
    ledger.notebooks.rename("/a.ipynb", "/b.ipynb")
    second = now()  # another notebook is called a.ipynb now
    ledger.notebooks.rename("/b.ipynb", "/c.ipynb")
    ledger.notebooks.rename("/a.ipynb", "/d.ipynb")
    third = now()
    assert ledger.notebooks.find_current_path("/a.ipynb", first) == "/c.ipynb"
    assert ledger.notebooks.find_current_path("/a.ipynb", second) == "/d.ipynb"
    assert ledger.notebooks.find_current_path("/a.ipynb", third) == "/a.ipynb"
    assert ledger.notebooks.find_current_path("/e.ipynb", first) == "/e.ipynb"


def test_there_and_back_again() -> None:
    ledger = Ledger(MemoryStore())
    start = now()
    ledger.notebooks.rename("/a.ipynb", "/b.ipynb")
    ledger.notebooks.rename("/b.ipynb", "/a.ipynb")
    assert ledger.notebooks.find_current_path("/a.ipynb", start) == "/a.ipynb"


def test_the_notebooks_of_a_folder() -> None:
    ledger = Ledger(MemoryStore())
    for notebook in ("/x/a.ipynb", "/x/y/b.ipynb", "/xy/c.ipynb"):
        ledger.runs.open(agent="one", notebook=notebook)
    assert sorted(ledger.notebooks.list_in("/x")) == ["/x/a.ipynb", "/x/y/b.ipynb"]
