"""The ipywidgets panel: decide the open proposals of a pause from any notebook front end.

The panel is a view. What a person types goes to the store as the proposal's draft, decisions go to the ledger, and a
new panel starts from what is there. It is one card a proposal (see `card.py`), and a button for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hitl_nb.errors import HitlError
from hitl_nb.notebook.panel.card import Card, Check
from hitl_nb.notebook.panel.controls import Note, button, closed, sheet
from hitl_nb.records import Proposal

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

ui: Any = import_module("ipywidgets")  # it has no types


class Panel:
    """Controls for some proposals, those of one pause.

    Args:
        ledger: where they are decided.
        proposals: their records as read from the ledger; closed ones are shown as decided.
        reviewer: user name of the person at this notebook.
        on_decided: called once, when the last open one has been decided.
        check: a further check of an edit, e.g. by the agent's own type; raises InvalidEdit. Its result is not used.

    Attributes:
        widget: what to display.
    """

    def __init__(
        self,
        ledger: Ledger,
        proposals: list[Proposal],
        *,
        reviewer: str,
        on_decided: Callable[[], None],
        check: Check | None = None,
    ) -> None:
        self._ledger = ledger
        self._reviewer = reviewer
        self._on_decided = on_decided
        self._waiting = any(p.status == "open" for p in proposals)
        self._cards = [Card(ledger, p, reviewer, self._decided, check) for p in proposals]
        self._all = button("Approve all", "Approve every open proposal as it was proposed", self._approve_all)
        self._said = Note("", "", "wrong")
        self.widget: Any = ui.VBox([sheet(), *(card.widget for card in self._cards), self._all, self._said.widget])
        self.widget.add_class("hitl-nb-panel")
        self._refresh()

    def close(self) -> None:
        """Take the panel away, here and in the front end. What was typed stays in the store."""
        closed(self.widget)

    def _decided(self) -> None:
        self._refresh()
        if self._waiting and not any(card.open for card in self._cards):
            self._waiting = False
            self._on_decided()

    def _refresh(self) -> None:
        among = [card for card in self._cards if card.open]
        fit = len(among) > 1 and all("approve" in card.proposal.allow for card in among)
        self._all.layout.display = None if fit else "none"
        self._all.disabled = not fit

    def _approve_all(self, _: Any) -> None:
        among = [card for card in self._cards if card.open]
        if self._all.disabled or not among:
            return
        edited = [card.proposal.title for card in among if card.edited()]
        if edited:
            self._said.show(f"You edited {edited[0]!r}: decide it by itself, or undo the edits.")
            return
        self._said.show("")
        try:
            self._ledger.decide_many([card.proposal for card in among], "approve", reviewer=self._reviewer)
        except HitlError as error:
            self._said.show(f"None was decided: {error}")
        for card in among:
            card.reload()
        self._decided()
