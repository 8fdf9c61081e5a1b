"""What a policy says, in the panel: read from the store, as text; and an approval that is taken back there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import requesters
from hitl_nb.notebook.ipython import hitl_command as commands
from hitl_nb.notebook.panel.card import ProposalCard
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, Proposal, Question, Snapshot, Terms
from hitl_nb.review import decide_from_text as deciding
from hitl_nb.storage.memory import MemoryStore
from tests.policies.casework import terms


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(requesters, "os_user", lambda: "bo")
    return Ledger(MemoryStore())


def ask(ledger: Ledger, made_under: Terms | None, identity: Any = "local") -> Proposal:
    _, claim = ledger.runs.open(agent="refunds", notebook="/n.ipynb")
    bare = made_under and msgspec.structs.replace(made_under, policy="", identity=identity)
    question = Question(title="Refund", kind="text", value="pay 400", position="0/0")
    plan = Plan("ask", ("big",), ("amount is <b>above</b> 100",), bare, ACTIONS)
    return ledger.runs.pause(claim, Snapshot(envelope=b"x"), [question], plans=[plan]).proposals[0]


def visible_words(widget: Any) -> list[str]:
    """The words that can be seen, and the buttons that can be pressed."""
    if widget.layout.display == "none":
        return []
    own = getattr(widget, "value", "") if type(widget).__name__ == "Label" else ""
    own = f"[{widget.description}]" if type(widget).__name__ == "Button" and not widget.disabled else own
    return [own, *(text for child in getattr(widget, "children", ()) for text in visible_words(child))]


def press(widget: Any, name: str) -> None:
    if type(widget).__name__ == "Button" and widget.description == name:
        widget.click()
    for child in getattr(widget, "children", ()):
        press(child, name)


def card(ledger: Ledger, p: Proposal) -> ProposalCard:
    return ProposalCard(ledger, p, "bo", lambda: None, None)


def test_the_card_says_why_who_and_what_is_left_to_me(ledger: Ledger) -> None:
    p = ask(ledger, terms("2 of ada, bo", timeline=("8h reject",)))
    one = card(ledger, p)
    text = "\n".join(visible_words(one.widget))
    for part in (
        "Asked because amount is <b>above</b> 100",
        "0 of 2 of ada, bo: waiting for ada or bo",
        "then it is rejected",
    ):
        assert part in text
    assert "[Approve, 1st of 2]" in text
    press(one.widget, "Approve, 1st of 2")
    text = "\n".join(visible_words(one.widget))
    assert one.is_open
    assert "You approved, 1 of 2" in text
    assert "1 of 2 of ada, bo: bo; waiting for ada" in text
    assert "Approved by bo (unsigned" in text


def test_who_has_no_seat_cannot_press_anything(ledger: Ledger) -> None:
    text = visible_words(card(ledger, ask(ledger, terms("1 of cy"))).widget)
    assert not {"[Approve]", "[Approve with edits]", "[Reject…]", "[Answer…]"} & set(text)
    assert any("This needs cy" in one for one in text)


def test_who_has_not_logged_in_is_told_what_to_do(ledger: Ledger) -> None:
    text = "\n".join(visible_words(card(ledger, ask(ledger, terms("1 of bo"), "login")).widget))
    assert 'write identity = "local" into hitl-policy.toml for your own votes here, then `hitl-nb policy apply`' in text
    assert "[Approve]" not in text


def test_an_approval_that_settles_is_taken_back(ledger: Ledger) -> None:
    p = ask(ledger, terms("1 of bo", undo=600.0))
    one = card(ledger, p)
    assert "[Take back]" not in visible_words(one.widget)
    press(one.widget, "Approve")
    assert "[Take back]" in visible_words(one.widget)
    assert "[Approve]" not in visible_words(one.widget)
    press(one.widget, "Take back")
    assert ledger.proposals.load(p.id).votes == ()
    assert "[Approve]" in visible_words(one.widget)


def test_the_magic_says_what_a_vote_waits_for(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "_open_ledger", lambda: ledger)
    monkeypatch.setattr(deciding, "os_user", lambda: "bo")

    def approve(made_under: Terms) -> tuple[str, str]:
        p = ask(ledger, made_under)
        commands._COMMANDS["approve"](None, p.id)
        return p.id, capsys.readouterr().out

    assert "1 of 2 of ada, bo: bo; waiting for ada" in approve(terms("2 of ada, bo"))[1]
    id_, said = approve(terms("1 of bo", undo=600.0))
    assert "it settles at " in said
    assert f"`hitl-nb undo {id_}` takes it back" in said


def test_without_terms_the_card_has_nothing_of_it(ledger: Ledger) -> None:
    text = visible_words(card(ledger, ask(ledger, None)).widget)
    assert not {"[Take back]"} & set(text)
    assert not [one for one in text if "Asked because" in one or "Votes" in one]
