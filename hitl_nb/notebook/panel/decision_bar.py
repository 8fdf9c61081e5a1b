"""The buttons that decide: one primary, whose label says what will happen, and "Reject…" and "Answer…" with forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.notebook.panel.controls import make_button
from hitl_nb.notebook.panel.text_form import TextForm
from hitl_nb.records import Action, Proposal
from hitl_nb.review.card import words

ui: Any = import_module("ipywidgets")  # it has no types

DecideFunction = Callable[[str], None]
"""Called with the reason or the answer; "" if none was given."""


@dataclass(frozen=True)
class Choices:
    """The ways in which a person can decide now.

    Attributes:
        primary: Label of the primary button.
        tooltip: Tooltip of the primary button.
        enabled: Whether the primary button can be pressed.
        actions: Actions that the person may take.
        changes: Number of changes in the person's draft; None: they are too long to count.
        undo: Whether the person can take back an approval.
        is_open: Whether the proposal is still open.
    """

    primary: str
    tooltip: str
    enabled: bool
    actions: tuple[Action, ...]
    changes: int | None
    undo: bool
    is_open: bool


class DecisionBar:
    """The buttons of a card. Only ways that the agent allows are drawn.

    Args:
        proposal: The proposal.
        approve: Called when a person approves, with or without edits.
        reject: Called when a person rejects.
        answer: Called when a person answers.
        take_back: Called when a person takes back an approval that is not the decision yet.
        drop_edits: Called when a person takes back all their changes.

    Attributes:
        widget: The widget to display.
    """

    def __init__(
        self,
        proposal: Proposal,
        *,
        approve: DecideFunction,
        reject: DecideFunction,
        answer: DecideFunction,
        take_back: Callable[[], None],
        drop_edits: Callable[[], None],
    ) -> None:
        self._allow = proposal.allow
        self._is_doubt = proposal.doubt is not None
        self._primary = make_button("Approve", "", lambda _: approve(""))
        self._forms = {
            "reason": TextForm(
                "Approve with a reason",
                "The agent gets the reason with the decision.",
                "Reason",
                "Approve with this reason",
                approve,
            ),
            "reject": TextForm(
                words.reject_heading(proposal.title),
                words.REJECT_LEAD,
                "Why",
                "Reject",
                reject,
                templates=proposal.reasons,
                style="danger",
            ),
            "answer": TextForm("Answer instead of deciding", words.ANSWER_LEAD, "Answer", "Send the answer", answer),
        }
        self._openers = {
            "reject": self._make_opener("reject", "Reject…", "Do not do this; say why"),
            "answer": self._make_opener("answer", "Answer…", "Write to the agent in place of a decision"),
            "reason": self._make_opener("reason", "Approve with a reason…", "The reason is kept with the decision"),
        }
        self._drop_edits = make_button("Take back all changes", "Go back to the proposed value", lambda _: drop_edits())
        self._undo = make_button("Take back", "The approval is not the decision yet", lambda _: take_back())
        row = ui.HBox(
            [self._primary, *self._openers.values(), self._drop_edits, self._undo], layout={"flex_flow": "row wrap"}
        )
        row.add_class("hitl-nb-buttons")
        self.widget: Any = ui.VBox([row, *(form.widget for form in self._forms.values())])

    def show(self, now: Choices) -> None:
        """Show what a person can do now, and close forms for what the person cannot do any more."""
        approves = now.is_open and any(action in self._allow for action in ("approve", "edit"))
        _set_shown(self._primary, approves and not now.undo)
        self._primary.description = show_hidden_characters(now.primary)
        self._primary.tooltip = now.tooltip
        self._primary.disabled = not now.enabled
        self._primary.button_style = "primary" if now.enabled else ""
        possible = {
            "reason": approves and now.enabled and not self._is_doubt,
            "reject": now.is_open and "reject" in now.actions,
            "answer": now.is_open and "respond" in now.actions,
        }
        kept = words.dropped_changes_note(now.changes)
        for name, opener in self._openers.items():
            _set_shown(opener, possible[name])
            opener.disabled = not possible[name]
            self._forms[name].show("" if name == "reason" else kept, enabled=possible[name])
            if not possible[name]:
                self._forms[name].close()
        _set_shown(self._drop_edits, now.is_open and now.changes != 0)
        _set_shown(self._undo, now.undo)
        _set_shown(self.widget, now.is_open)

    def close_forms(self) -> None:
        """Hide all forms. Their texts are kept."""
        for form in self._forms.values():
            form.close()

    def _make_opener(self, name: str, label: str, tooltip: str) -> Any:
        def toggle_form(_: Any) -> None:
            was_open = self._forms[name].is_open
            self.close_forms()
            if not was_open:
                self._forms[name].open()

        return make_button(label, tooltip, toggle_form)


def _set_shown(widget: Any, shown: bool) -> None:
    widget.layout.display = None if shown else "none"
