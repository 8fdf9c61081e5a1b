"""The inbox of one notebook: the same page, whether it is found through the notebook's runs or by age."""

from __future__ import annotations

import random

import pytest

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import proposal_lists as waiting
from hitl_nb.records import Proposal, Question, Snapshot
from hitl_nb.storage import open_store

STATE = Snapshot(envelope=b"state")


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    """Four notebooks with several keyed runs each, asked in turns; some decided, some started anew."""
    ledger = Ledger(open_store(f"memory:{tmp_path.name}"))
    draw = random.Random(7)
    for n in range(60):
        notebook, agent, key = f"/{n % 4}.ipynb", f"a{n % 3}", str(draw.randrange(4))
        _, claim = ledger.runs.open(agent=agent, notebook=notebook, key=key)
        count = draw.randrange(1, 4)
        asked = ledger.runs.pause(
            claim, STATE, [Question(title=f"{n}.{i}", kind="text", value="x") for i in range(count)]
        ).proposals
        if draw.random() < 0.3:
            ledger.proposals.decide(asked[0].id, "approve", reviewer="ann")
    ledger.notebooks.rename("/3.ipynb", "/moved.ipynb")
    return ledger


def pages(ledger: Ledger, limit: int, **filters: str) -> list[Proposal]:
    found: list[Proposal] = []
    while page := ledger.proposals.list_open(limit=limit, after=found[-1].id if found else None, **filters):
        assert len(page) <= limit
        found += page
    return found


@pytest.mark.parametrize("filters", [{"notebook": "/1.ipynb"}, {"notebook": "/moved.ipynb", "agent": "a2"}])
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_a_notebooks_pages_are_the_inbox_filtered(
    ledger: Ledger, limit: int, filters: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [
        p
        for p in ledger.proposals.list_open(limit=1000)
        if all(getattr(p, name) == value for name, value in filters.items())
    ]
    assert len(expected) > 3
    assert pages(ledger, limit, **filters) == expected
    monkeypatch.setattr(waiting, "_MAX_RUNS", 2)
    assert pages(ledger, limit, **filters) == expected


def test_a_notebook_without_runs_has_an_empty_inbox(ledger: Ledger) -> None:
    assert ledger.proposals.list_open(notebook="/9.ipynb") == []
