"""A proposal that is not open any more: two lines, and a button that shows the whole card."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from hitl_nb.kinds.html import escape_html
from hitl_nb.kinds.questions import list_changes
from hitl_nb.notebook.panel.controls import html_view, make_button
from hitl_nb.records import Known, Proposal
from hitl_nb.review.card import words
from hitl_nb.review.card.changes_html import brief_changes_html

ui: Any = import_module("ipywidgets")  # it has no types


class DecidedView:
    """The outcome of a proposal, who decided it and when, the changes, and the reason.

    Args:
        show_all: Called with True to show the whole card, with False to hide it.

    Attributes:
        widget: The widget to display.
    """

    def __init__(self, show_all: Callable[[bool], None]) -> None:
        self._show_all = show_all
        self._unfolded = False
        self._lines = html_view("Decided")
        self._lines.layout.flex = "1 1 20em"
        self._toggle = make_button("Show", "Show the whole card", self._press)
        self.widget: Any = ui.HBox([self._lines, self._toggle], layout={"flex_flow": "row wrap"})
        self.widget.add_class("hitl-nb-decided")
        self.widget.layout.display = "none"

    def show(self, proposal: Proposal, known: Known | None) -> None:
        """Show a proposal that is not open.

        Args:
            proposal: The proposal.
            known: How the person who decided was identified.
        """
        self._lines.value = _format_lines(proposal, known)
        self.widget.layout.display = None
        self._show_all(self._unfolded)

    def _press(self, _: Any) -> None:
        self._unfolded = not self._unfolded
        self._toggle.description = "Hide" if self._unfolded else "Show"
        self._show_all(self._unfolded)


def _format_lines(proposal: Proposal, known: Known | None) -> str:
    sign, word = words.outcome_sign(proposal), words.outcome_word(proposal)
    first = f"<div>{sign} <strong>{escape_html(word)}</strong> {escape_html(proposal.title)}</div>"
    made = proposal.decision
    if made is None:
        return first
    second = [escape_html(words.short_decider(made, known)), f"{made.decided_at:%Y-%m-%d %H:%M} UTC"]
    if made.action == "edit" and proposal.doubt is None:
        second.append(brief_changes_html(list_changes(proposal, made.value)))
    said = str(made.value) if made.action == "respond" else made.reason
    if said:
        second.append(f"“{escape_html(words.shorten_line(said))}”")
    return f'{first}<div style="opacity: 0.8;">{" · ".join(second)}</div>'
