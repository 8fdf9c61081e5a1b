"""The ipywidgets panel: decide the open proposals of a pause from any notebook front end.

The panel has no state of its own. Typed text is saved in the store as the proposal's draft, decisions are recorded in
the ledger, and a new panel starts from both. It has one card per proposal (see `card.py`), and a button to approve all.
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
    """Controls for the proposals of one pause.

    Args:
        ledger: Ledger in which the proposals are decided.
        proposals: Records as read from the ledger. Closed proposals are shown with their decision.
        reviewer: User name of the person at this notebook.
        on_decided: Called once, when the last open proposal is decided.
        check: A further check of an edit, for example by the agent's own type. It raises InvalidEdit; its result is not
            used.

    Attributes:
        widget: The widget to display.
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
        """Remove the panel, in the kernel and in the front end. Typed text stays in the store."""
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
        self._all.description = f"Approve all {len(among)}"

    def _approve_all(self, _: Any) -> None:
        among = [card for card in self._cards if card.is_open]
        if self._all.disabled or not among:
            return
        edited = [card.proposal.title for card in among if card.has_edits()]
        if edited:
            self._message_note.show(f"You edited {edited[0]!r}. Decide it by itself, or take back the changes.")
            return
        self._message_note.show("")
        try:
            self._ledger.proposals.decide_many([card.proposal for card in among], "approve", reviewer=self._reviewer)
        except HitlError as error:
            self._message_note.show(f"None was decided: {error}")
        for card in among:
            card.reload()
        self._on_card_decided()
