"""What is signed about where a decision was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Question, Snapshot
from hitl_nb.server.base.context import HitlNb, ServerContext
from hitl_nb.server.base.identity import Person, attest_reviewer
from hitl_nb.storage.memory import MemoryStore


def test_a_page_vouches_for_what_it_shows_and_for_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    desk = ServerContext(HitlNb(), tmp_path, SigningKey.of_this_user(), alone=True)
    ledger = Ledger(MemoryStore())
    _, claim = ledger.runs.open(agent="letters", notebook="letters.ipynb")
    w = ledger.workspaces.open(claim, title="Report", position="1")
    about = Question(title="Is it done?", kind="markdown", value="", document=w.id)
    letter = Question(title="Letter", kind="text", value="Dear Ann")
    done, one, other = ledger.runs.pause(claim, Snapshot(envelope=b"state"), [about, letter, letter]).proposals

    def surface(page: str, *decided: str) -> str:
        return attest_reviewer(desk, ledger, Person("ann", "Ann", "login", page), *decided).surface

    assert surface(one.id, one.id) == surface(w.id, done.id) == surface(done.id, w.id) == "page"
    elsewhere = [
        surface("", one.id),
        surface(other.id, one.id),
        surface(one.id, one.id, other.id),
        surface("x", one.id),
    ]
    assert elsewhere == ["shared"] * 4
    ledger.store.close()
    desk.close()
