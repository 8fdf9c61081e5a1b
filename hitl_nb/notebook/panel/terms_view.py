"""The part of a card that shows the policy: its reasons, whose votes are needed, who has voted, and the deadlines.

The *terms* of a proposal are the conditions that the policy sets for its decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.notebook.panel.controls import text_label
from hitl_nb.records import Need, Proposal
from hitl_nb.review.progress import Viewer, describe_progress, load_current_people, voter_identities
from hitl_nb.review.terms_sentences import review_sections

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger


class TermsView:
    """The part of a card about the policy: one line for each thing to know. Hidden if there is none.

    Args:
        ledger: Ledger with the proposal.
        reviewer: User name of the person at this notebook.

    Attributes:
        widget: The widget to display.
        told: Description of the proposal for this person (see `describe_progress`).
    """

    def __init__(self, ledger: Ledger, reviewer: str) -> None:
        self._ledger = ledger
        self._viewer = Viewer(reviewer)
        self.told: dict[str, Any] = {}
        self.widget: Any = text_label("", "terms")

    def show(self, proposal: Proposal) -> None:
        """Show the current terms of a proposal, and set `told`."""
        self.told = describe_progress(
            proposal,
            load_current_people(self._ledger, proposal),
            self._viewer,
            voter_identities(self._ledger, proposal),
        )
        has_terms = proposal.terms is not None or bool(proposal.guardrails)
        self.widget.value = show_hidden_characters("\n".join(_list_lines(proposal, self.told))) if has_terms else ""
        self.widget.layout.display = None if self.widget.value else "none"


def _list_lines(proposal: Proposal, told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines about the terms: why asked, needs, four eyes, deadlines, and why this person may not decide."""
    sections = dict(review_sections(proposal, told))
    if proposal.why:
        yield f"Asked because {' and '.join(proposal.why)}"
    for heading, lines in sections.items():
        if heading == "Needed" and proposal.terms is not None and proposal.terms.needs == (Need(),):
            continue
        name = _LINE_NAMES.get(heading, "")
        yield from (f"{name}{line}" for line in lines if line not in proposal.why)
    if proposal.terms is not None and proposal.terms.four_eyes and proposal.status == "open":
        yield "Not by who asked (four eyes)"


_LINE_NAMES = {"Needed": "Votes: ", "Nobody can decide": "Nobody can decide: "}
"""Beginnings of lines that do not say by themselves what they are about."""
