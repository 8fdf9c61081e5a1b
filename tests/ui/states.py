"""A notebook with a card in each state: what the store must have for it, and what a person does in the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nbformat
import pandas as pd
from lab import Lab, until, write_notebook
from letters import of, ready

from hitl_nb.drafts.draft import Draft
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.runs import claim_records
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, Need, Proposal, Question, Snapshot, Terms, TimelineStep
from hitl_nb.review.static_html import proposals_bundle
from hitl_nb.storage import open_store
from tests.indoubt import in_doubt

NOTEBOOK = "states.ipynb"
STATE = Snapshot(envelope=b"state")
ORDER = {"properties": {"amount": {"title": "Amount", "type": "number", "minimum": 0}, "to": {"title": "To"}}}
CONTEXT = {"customer": "Ann", "orders": [{"order": 40215, "paid": 1299.0}, {"order": 39870, "paid": 24.9}]}
RULES = ("big-refund", "new-customer")
SPLIT = {"order": 40215, "amount": 1299.0}

SOCKETS = """(port) => {
  const Real = window.WebSocket;
  const open = new Set();
  const isOurs = url => String(url).includes('/hitl_nb/api/');
  window.WebSocket = class extends Real {
    constructor(url, protocols) {
      super(window.isCut && isOurs(url) ? `ws://127.0.0.1:${port}/` : url, protocols);
      if (isOurs(url)) {
        open.add(this);
        this.addEventListener('close', () => open.delete(this));
      }
    }
  };
  window.cut = () => {
    window.isCut = true;
    open.forEach(socket => socket.close());
  };
  window.mend = () => {
    window.isCut = false;
    window.dispatchEvent(new Event('online'));
  };
}"""
"""Lets a page lose and find hitl_nb's own connections, while all else goes on: `cut()` and `mend()`."""


class States:
    """The proposals of a notebook, by the name of their state, and the store that has them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ledger = Ledger(open_store(lab.env["HITL_NB_STORE"]))
        self.of: dict[str, Proposal] = {}
        self._outputs: list[tuple[str, list[Proposal]]] = []
        self._ask_open()
        self._ask_under_terms()
        self._decide()
        self._write_notebook()

    @property
    def cards(self) -> dict[str, Proposal]:
        """Those of the notebook: a cell that is gone has no card in it."""
        return {name: p for name, p in self.of.items() if name != "orphaned"}

    def close(self) -> None:
        """End the claim of the agent that continues, and close the store."""
        self.ledger.claims.release(self._working)
        self.ledger.store.close()

    def reach(self, window: Any) -> None:
        """Do in the page what only a person can do: approve, and vote."""
        for name, primary, chip in [
            ("voted", "Approve, 1st of 2", "You approved, 1 of 2"),
            ("settling", "Approve", "Approved"),
        ]:
            card = card_of(window, self.of[name])
            ready(card, primary).click()
            until_state(card, chip)

    def decide_while_typing(self, window: Any) -> None:
        """Type without a connection; meanwhile somebody else decides."""
        p = self.of["conflict"]
        card = card_of(window, p)
        card.locator(".cm-content").first.click()
        window.keyboard.press("Control+End")
        window.keyboard.type(" and goodbye")
        self.ledger.proposals.decide(p.id, "approve", reviewer="bo")
        window.evaluate("() => window.mend()")
        window.locator(f'article[data-proposal="{p.id}"]').get_by_text("while you were typing").wait_for()

    def _ask(self, agent: str, *questions: Question, terms: Terms | None = None) -> list[Proposal]:
        _, claim = self.ledger.runs.open(agent=agent, notebook=of(self.lab, NOTEBOOK))
        plans = None
        if terms is not None:
            plans = [Plan("ask", RULES, ("amount is above 1 000",), terms, ACTIONS) for _ in questions]
        asked = list(self.ledger.runs.pause(claim, STATE, list(questions), plans=plans).proposals)
        self._outputs.append((agent, asked))
        return asked

    def _ask_open(self) -> None:
        letter = "Dear Ann,\n\nwe are sorry for the delay.\n\nThe shop"
        # In one pause, so that the run never continues: one of them stays open.
        texts = self._ask(
            "letters",
            build_question(letter, title="Letter to Ann", context=CONTEXT),
            build_question(letter, title="Letter with a suggestion"),
            build_question(letter, title="Letter that Bo decides"),
        )
        self.of |= dict(zip(["open", "suggestion", "conflict"], texts, strict=True))
        self.ledger.comments.add(texts[1].id, "", author="bo", author_name="Bo", quote="sorry", suggestion="very sorry")
        forms = self._ask(
            "forms",
            build_question({"amount": 310.0, "to": "Ann"}, title="Refund with an edit", schema=ORDER),
            build_question({"amount": 310.0, "to": "Bo"}, title="Refund that is not valid", schema=ORDER),
            build_question(pd.DataFrame({"order": [1, 2], "amount": [3.5, 4.5]}), title="Rows that are not valid"),
        )
        self.of |= dict(zip(["edited", "invalid", "invalid-table"], forms, strict=True))
        self._draft("edited", {"amount": 301.0, "to": "Ann"})
        self._draft("invalid", {"amount": -1, "to": "Bo"})
        self._draft("invalid-table", {**forms[2].value, "rows": [[1, "much"], [2, 4.5]]})
        (self.of["doubt"],) = self._ask("doubt", in_doubt())
        (self.of["orphaned"],) = self._ask("orphaned", build_question("Dear Bo", title="Letter without a cell"))

    def _ask_under_terms(self) -> None:
        day = 24 * 3600.0
        reject = (TimelineStep(does="reject", seconds=day, text="1d reject"),)
        finance = Need(count=2, people=("ann", "bo", "cy"), text="2 of @finance")
        two = Need(count=2, text="2 of anyone")
        for name, terms in {
            "vote": Terms(needs=(two,), identity="local", timeline=reject),
            "voted": Terms(needs=(two,), identity="local"),
            "settling": Terms(undo=day),
            "blocked": Terms(needs=(finance,), timeline=reject),
            "stuck": Terms(needs=(Need(count=2, people=("bo",), text="2 of bo"),)),
        }.items():
            question = build_question(SPLIT, title=f"Refund order 40215, {name}")
            (self.of[name],) = self._ask(name, question, terms=terms)

    def _decide(self) -> None:
        decide = self.ledger.proposals.decide
        for name, action, more in [
            ("approved", "approve", {}),
            ("answered", "respond", {"value": "Ask Cy first, she knows the customer."}),
            ("rejected", "reject", {"reason": "The customer has the money already."}),
            ("decided-with-edits", "edit", {"value": {"order": 40215, "amount": 1199.0}}),
        ]:
            (p,) = self._ask(name, build_question(SPLIT, title=f"Refund order 40215, {name}"))
            given: dict[str, Any] = more
            decide(p.id, action, reviewer="bo", **given)  # pyright: ignore[reportArgumentType]  # the names of the table
            _, claim = self.ledger.runs.claim(p.run)
            self.ledger.runs.finish(claim, STATE)
            self.of[name] = p
        for name in ("interrupted", "continues"):
            (p,) = self._ask(name, build_question(SPLIT, title=f"Refund order 40215, {name}"))
            decide(p.id, "approve", reviewer="bo")
            _, self._working = self.ledger.runs.claim(p.run)
            self.of[name] = p
            if name == "interrupted":
                self._kill(p)
        (p,) = self._ask("expired", build_question(SPLIT, title="Refund, expired"), terms=Terms(fresh=0.0))
        decide(p.id, "approve", reviewer="bo")
        _, claim, *_ = self.ledger.runs.claim_saved(p.run)
        self.ledger.claims.release(claim)
        (q,) = self._ask("withdrawn", build_question(SPLIT, title="Refund, withdrawn"))
        self.ledger.runs.cancel(q.run, actor="bo")
        self.of |= {"expired": p, "superseded": q}

    def _draft(self, name: str, value: Any) -> None:
        Draft.for_proposal(self.ledger.store, self.of[name]).write_value(value, "bo", "Bo")

    def _kill(self, p: Proposal) -> None:
        """The process that runs the agent is gone."""
        held = claim_records.newest_claim(self.ledger.store, p.run)
        assert held is not None
        owner = held.owner
        gone = ProcessIdentity(owner.host, owner.name, owner.pid, "another start", "kernel", "other")
        record = claim_records.ClaimRecord(owner=gone, epoch=held.epoch)
        self.ledger.store.transact(lambda tx: claim_records.write_claim_record(tx, p.run, record))

    def _write_notebook(self) -> None:
        shown: Sequence[tuple[str, list[Proposal]]] = [one for one in self._outputs if one[0] != "orphaned"]
        path = self.lab.folder / NOTEBOOK
        write_notebook(path, *(f"%%agent {agent}" for agent, _ in shown))
        notebooks: Any = nbformat
        made = notebooks.read(path, 4)
        for cell, (agent, asked) in zip(made.cells, shown, strict=True):
            data = proposals_bundle(agent, 1, [self.ledger.proposals.load(p.id) for p in asked])
            cell.outputs = [notebooks.v4.new_output("display_data", data=data)]
        notebooks.write(made, path)


def card_of(window: Any, p: Proposal) -> Any:
    """The card of a proposal in the notebook in front (a locator)."""
    return window.locator(f'.jp-NotebookPanel:not(.lm-mod-hidden) article[data-proposal="{p.id}"]')


def until_state(card: Any, word: str) -> None:
    """Wait until the chip of a card says this."""
    card.locator(".jp-hitl-state").get_by_text(word, exact=True).wait_for()


def until_drawn(window: Any, states: States) -> None:
    """Wait until all cards are drawn, with their drafts and what the server says about their runs."""
    for name, p in states.cards.items():
        card_of(window, p).wait_for()
        if name == "interrupted":
            card_of(window, p).get_by_text("The run was interrupted").wait_for()
    until(window, "() => document.querySelector('.jp-hitl-value[aria-busy=\"true\"]') === null")
    card_of(window, states.of["invalid"]).get_by_text("1 field must be fixed first.").first.wait_for()
    card_of(window, states.of["invalid-table"]).get_by_text("1 cell must be fixed first.").first.wait_for()
