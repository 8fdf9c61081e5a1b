"""The part of a card that shows the policy: its reasons, whose votes are needed, who has voted, and the deadlines.

It also has the button to withdraw an approval. The *terms* of a proposal are the conditions that the policy sets for
its decision.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hitl_nb.notebook.panel.controls import NoteLabel, make_button
from hitl_nb.records import Action, Proposal
from hitl_nb.review.progress import Viewer, describe_progress, load_current_people, voter_identities
from hitl_nb.review.terms_sentences import review_sections

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

ui: Any = import_module("ipywidgets")  # it has no types


class TermsView:
    """The part of a card about the policy. Nothing is shown if the proposal has no terms (conditions of a policy).

    Args:
        ledger: Ledger with the proposal.
        reviewer: User name of the person at this notebook.
        withdraw_vote: Withdraws an approval that is not the decision yet.

    Attributes:
        widget: The widget to display.
        actions: Actions that this person may take now, according to the terms.
    """

    def __init__(self, ledger: Ledger, reviewer: str, withdraw_vote: Callable[[Any], None]) -> None:
        self._ledger = ledger
        self._viewer = Viewer(reviewer)
        self._notes: dict[str, NoteLabel] = {}
        self._withdraw_button = make_button(
            "Take back approval", "The approval becomes the decision only later", withdraw_vote
        )
        self._withdraw_button.layout.display = "none"
        self.actions: tuple[Action, ...] = ()
        self.widget: Any = ui.VBox([])

    def show(self, proposal: Proposal) -> None:
        """Show the current terms of a proposal, and set `actions`."""
        self.actions = proposal.allow
        if proposal.terms is None and not proposal.guardrails:
            return
        told = describe_progress(
            proposal,
            load_current_people(self._ledger, proposal),
            self._viewer,
            voter_identities(self._ledger, proposal),
        )
        self.actions = tuple(told["may"]["actions"])
        shown = {heading: "\n".join(lines) for heading, lines in review_sections(proposal, told)}
        for heading in shown.keys() - self._notes.keys():
            self._notes[heading] = NoteLabel("", heading, "quiet")
        for heading, note in self._notes.items():
            note.show(shown.get(heading, ""))
        self._withdraw_button.layout.display = None if told["may"]["undo"] else "none"
        order = [*shown, *(heading for heading in self._notes if heading not in shown)]
        self.widget.children = (*(self._notes[heading].widget for heading in order), self._withdraw_button)
