"""The ipywidgets panel: decide the open proposals of a pause from any notebook front end.

The panel is a view. What a person types goes to the store as the proposal's draft, decisions go to the ledger, and a
new panel starts from what is there. It is one card a proposal (see `card.py`), and a button for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hitl_nb.errors import HitlError
from hitl_nb.notebook.panel.card import EditCheckFunction, ProposalCard
from hitl_nb.notebook.panel.controls import NoteLabel, close_widgets, make_button, make_stylesheet
from hitl_nb.records import Proposal

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

ui: Any = import_module("ipywidgets")  # it has no types


class ProposalPanel:
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
        check: EditCheckFunction | None = None,
    ) -> None:
        self._ledger = ledger
        self._reviewer = reviewer
        self._on_decided = on_decided
        self._waiting = any(proposal.status == "open" for proposal in proposals)
        self._cards = [ProposalCard(ledger, proposal, reviewer, self._on_card_decided, check) for proposal in proposals]
        self._all = make_button("Approve all", "Approve every open proposal as it was proposed", self._approve_all)
        self._message_note = NoteLabel("", "", "wrong")
        self.widget: Any = ui.VBox(
            [make_stylesheet(), *(card.widget for card in self._cards), self._all, self._message_note.widget]
        )
        self.widget.add_class("hitl-nb-panel")
        self._refresh()

    def close(self) -> None:
        """Take the panel away, here and in the front end. What was typed stays in the store."""
        close_widgets(self.widget)

    def _on_card_decided(self) -> None:
        self._refresh()
        if self._waiting and not any(card.is_open for card in self._cards):
            self._waiting = False
            self._on_decided()

    def _refresh(self) -> None:
        among = [card for card in self._cards if card.is_open]
        fit = len(among) > 1 and all("approve" in card.proposal.allow for card in among)
        self._all.layout.display = None if fit else "none"
        self._all.disabled = not fit

    def _approve_all(self, _: Any) -> None:
        among = [card for card in self._cards if card.is_open]
        if self._all.disabled or not among:
            return
        edited = [card.proposal.title for card in among if card.has_edits()]
        if edited:
            self._message_note.show(f"You edited {edited[0]!r}: decide it by itself, or undo the edits.")
            return
        self._message_note.show("")
        try:
            self._ledger.decide_many([card.proposal for card in among], "approve", reviewer=self._reviewer)
        except HitlError as error:
            self._message_note.show(f"None was decided: {error}")
        for card in among:
            card.reload()
        self._on_card_decided()
