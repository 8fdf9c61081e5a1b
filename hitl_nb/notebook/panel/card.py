"""One proposal in the panel: the proposed value, its editor, and the buttons to decide.

Everything except the controls is computed from the record and the typed text: the changes, the messages, and which
buttons are enabled. Every change is saved in the store as the proposal's draft, so that a new card starts from it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from msgspec import UNSET

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import AlreadyDecided, HitlError, InvalidEdit, StaleDraft
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import check_edit, diff_value, format_value
from hitl_nb.ledger.decisions.reviewers import format_decider
from hitl_nb.notebook.panel.controls import NoteLabel, autosize_textarea, close_widgets, make_button, text_label
from hitl_nb.notebook.panel.editors import DoubtEditor, make_editor
from hitl_nb.notebook.panel.terms_view import TermsView
from hitl_nb.notebook.panel.value_editor import ValueEditor
from hitl_nb.policies.terms.vote_counts import current_value
from hitl_nb.records import Action, Proposal, canonical_json
from hitl_nb.review.static_html import proposals_text
from hitl_nb.review.vote_candidates import follow_candidate

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

ui: Any = import_module("ipywidgets")  # it has no types

EditCheckFunction = Callable[[Proposal, Any], Any]

MAX_SHOWN_CHARS = 20_000
"""Maximum length of a value whose changes are shown at every keystroke. A longer value is checked only when it is
decided."""


class ProposalCard:
    """One proposal of a panel: the proposed value, its editor, and the buttons to decide.

    Args:
        ledger: Ledger with the proposal.
        proposal: The record.
        reviewer: User name of the person at this notebook.
        decided: Called after each decision that this card made.
        check: A further check of an edit; raises InvalidEdit. None for no check.

    Attributes:
        proposal: The record, as last read.
        widget: The widget to display.
    """

    def __init__(
        self,
        ledger: Ledger,
        proposal: Proposal,
        reviewer: str,
        decided: Callable[[], None],
        check: EditCheckFunction | None,
    ) -> None:
        self.proposal = proposal
        self._ledger = ledger
        self._reviewer = reviewer
        self._on_decided = decided
        self._check = check
        self._document: Any = None
        self._title = text_label(proposal.title, "title")
        self._terms = TermsView(ledger, reviewer, self._withdraw_vote)
        self._place = ui.VBox([])
        self._error_note = NoteLabel("", "", "wrong")
        self._hidden = NoteLabel("", "Hidden characters", "exact")
        self._changes = NoteLabel("", "Changes", "exact")
        self._comments_view = NoteLabel("", "", "wrong")
        self._outcome = NoteLabel()
        self._reason = _make_text_entry("Reason", "Why; kept with the decision")
        self._answer = _make_text_entry("Response", "A message to the agent", "5em")
        self._buttons: dict[Action, Any] = {
            "approve": make_button("Approve", "Continue with the value as it was proposed", self._approve),
            "edit": make_button("Approve with edits", "Continue with the value as you edited it", self._edit),
            "reject": make_button("Reject", "Do not do this; the agent is told the reason", self._reject),
            "respond": make_button("Respond", "Send the response to the agent", self._respond),
        }
        self._undo = make_button("Undo edits", "Go back to the agent's version", self._start_over)
        self._editor = self._make_editor(self._read_draft())
        wrapped = {"flex_flow": "row wrap"}
        self._decision_controls: list[Any] = [
            ui.HBox([self._reason, self._answer], layout=wrapped),
            ui.HBox([self._make_reason_button(reason) for reason in proposal.reasons], layout=wrapped),
            ui.HBox([*self._buttons.values(), self._undo], layout=wrapped),
        ]
        self._decision_controls[-1].add_class("hitl-nb-buttons")
        self.widget: Any = ui.VBox(
            [
                self._title,
                self._terms.widget,
                *self._make_context(),
                *(NoteLabel(note, "", "quiet").widget for note in proposal.notes),
                self._place,
                self._error_note.widget,
                self._hidden.widget,
                self._changes.widget,
                *self._decision_controls,
                self._comments_view.widget,
                self._outcome.widget,
            ]
        )
        self.widget.add_class("hitl-nb-card")
        self._refresh()

    @property
    def is_open(self) -> bool:
        """Whether the proposal is still open, as far as this panel knows."""
        return self.proposal.status == "open"

    def has_edits(self) -> bool:
        """Return True if the controls have another value than the value that people decide on."""
        return canonical_json(self._editor.read_draft()) != canonical_json(current_value(self.proposal))

    def reload(self) -> None:
        """Read the proposal's record from the store again, and update the card."""
        before = self.proposal
        self.proposal = self._ledger.proposals.load(before.id)
        if self.proposal.fingerprint != before.fingerprint:
            self._editor = self._make_editor(self._read_draft())
        self._refresh()

    def close(self) -> None:
        """Remove the card's widgets."""
        close_widgets(self.widget)

    def _make_reason_button(self, reason: str) -> Any:
        """Make a button that enters a reason which the agent's author offers."""

        def chosen(_: Any) -> None:
            self._reason.value = reason

        return make_button(show_hidden_characters(reason), "Use this as the reason", chosen)

    def _make_context(self) -> list[Any]:
        context = self.proposal.context
        if context is None:
            return []
        if not isinstance(context, str):
            pairs = cast("dict[str, Any]", context).items()
            lines = [f"{key}: {item if isinstance(item, str) else format_value('json', item)}" for key, item in pairs]
            context = "\n".join(lines)
        return [NoteLabel(context, "Context", "quiet").widget]

    def _read_draft(self) -> Any:
        """Read the current draft from the store, and return its value.

        Text that a person types in this card is written as changes of this draft. So changes that other people make are
        kept.
        """
        if not self.is_open or "edit" not in self.proposal.allow or self.proposal.doubt is not None:
            return self.proposal.value
        draft = Draft.for_proposal(self._ledger.store, self.proposal)
        self._document = draft.load().doc
        return draft.value_in(self._document)

    def _make_editor(self, value: Any) -> ValueEditor:
        editor = make_editor(self.proposal, value)
        editor.on_change(self._on_typed)
        close_widgets(*self._place.children)
        self._place.children = (editor.widget,)
        return editor

    def _on_typed(self) -> None:
        if not self.is_open:
            return
        if self.proposal.doubt is not None:
            self._refresh()  # a choice that another person made is not shown as this person's choice
            return
        said = ""
        try:
            draft = Draft.for_proposal(self._ledger.store, self.proposal)
            draft.write_value(self._editor.read_draft(), self._reviewer, doc=self._document)
        except (HitlError, ValueError) as error:
            said = f"Your typing is not saved: {error}"
        self._comments_view.show(said)
        self._refresh()

    def _refresh(self) -> None:
        """Update everything except the input controls, from the record and the typed text."""
        proposal = self.proposal
        self._title.value = show_hidden_characters(proposal.title) if self.is_open else proposals_text([proposal])
        draft = self._editor.read_draft()
        edited = self.is_open and canonical_json(draft) != canonical_json(current_value(proposal))
        self._terms.show(proposal)
        self._show_differences(edited or proposal.candidate is not UNSET, draft)
        self._hidden.show(_format_hidden_lines(proposal, draft))
        approve = "approve" in proposal.allow and not edited
        enabled = {
            "approve": approve,
            "edit": edited or "approve" not in proposal.allow,
            "reject": True,
            "respond": True,
        }
        for action, way in self._buttons.items():
            way.disabled = not (self.is_open and enabled[action] and action in self._terms.actions)
            way.layout.display = None if action in proposal.allow else "none"
            way.button_style = "primary" if action in ("approve", "edit") and not way.disabled else ""
        if isinstance(self._editor, DoubtEditor):
            chosen = self._editor.chosen
            self._buttons["edit"].disabled = not self.is_open or chosen is None
            self._buttons["edit"].description = show_hidden_characters(chosen[1]) if chosen else "Continue"
            self._buttons["edit"].tooltip = (
                "Choose what happened first" if chosen is None else "No shortcut decides this"
            )
            self._buttons["edit"].button_style = "" if self._buttons["edit"].disabled else "primary"
            edited = False
        self._undo.disabled = not edited
        self._undo.layout.display = None if edited else "none"
        for row in self._decision_controls:
            row.layout.display = None if self.is_open and row.children else "none"
        self._answer.layout.display = None if "respond" in proposal.allow else "none"
        for control in self._editor.controls:
            control.disabled = not self.is_open or "edit" not in proposal.allow
        self._answer.disabled = self._reason.disabled = not self.is_open
        who = ""
        if proposal.decision is not None:
            by = format_decider(proposal.decision, self._ledger.reviewers.identify(proposal))
            who = f"Decided by {by}, {proposal.decision.decided_at:%Y-%m-%d %H:%M} UTC."
            who += f" Reason: {proposal.decision.reason}" if proposal.decision.reason else ""
        self._outcome.show(who)

    def _show_differences(self, edited: bool, draft: Any) -> None:
        proposal = self.proposal
        said = shown = ""
        if proposal.decision is not None and proposal.decision.action == "edit":
            shown = diff_value(proposal, proposal.decision.value)
        if not edited:
            self._editor.show_errors({})
        elif max(len(canonical_json(draft)), len(canonical_json(proposal.value))) > MAX_SHOWN_CHARS:
            longest = f"{MAX_SHOWN_CHARS:,} characters"
            shown = f"too long to compare while you type (more than {longest}): checked when you approve"
        else:
            try:
                checked = check_edit(proposal, self._editor.read_value())
                shown = "" if proposal.doubt is not None else diff_value(proposal, checked)
                self._editor.show_errors({})
            except InvalidEdit as error:
                said = self._show_field_errors(error)
        self._error_note.show(said)
        self._changes.show(shown)

    def _show_field_errors(self, error: InvalidEdit) -> str:
        """Show error messages at their fields. Return the text of messages without a field."""
        left = self._editor.show_errors(error.fields)
        return "\n".join(f"⚠ {path}: {text}" if path else f"⚠ {text}" for path, text in left.items())

    def _approve(self, _: Any) -> None:
        if self.is_open and self.has_edits():
            self._comments_view.show("You edited this: use 'Approve with edits', or undo the edits first.")
            return
        self._decide("approve")

    def _edit(self, _: Any) -> None:
        if not self.has_edits() and "approve" in self.proposal.allow:
            self._comments_view.show("Nothing is edited: use 'Approve'.")
            return
        try:
            value = check_edit(self.proposal, self._editor.read_value())
            if self._check is not None:
                self._check(self.proposal, value)
        except InvalidEdit as error:
            self._error_note.show(self._show_field_errors(error))
            self._comments_view.show("Not decided: the edit does not fit, see the message above.")
            return
        self._decide("edit", value)

    def _reject(self, _: Any) -> None:
        self._decide("reject")

    def _respond(self, _: Any) -> None:
        if not self._answer.value.strip():
            self._comments_view.show("Write a response first.")
            return
        self._decide("respond", self._answer.value)

    def _start_over(self, _: Any) -> None:
        if self.is_open:
            self._editor = self._make_editor(self.proposal.value)
            self._on_typed()

    def _withdraw_vote(self, _: Any) -> None:
        try:
            self.proposal = self._ledger.proposals.undo_approval(self.proposal.id, reviewer=self._reviewer).proposal
            self._comments_view.show("")
        except HitlError as error:
            self._comments_view.show(str(error))
            self.reload()
        self._refresh()

    def _decide(self, action: Action, value: Any = None) -> None:
        proposal = self.proposal
        if not self.is_open or action not in proposal.allow:
            return
        reason = self._reason.value.strip() or None
        bound: dict[str, Any] = {"fingerprint": proposal.fingerprint, "revision": proposal.revision}
        try:
            self.proposal = self._ledger.proposals.decide(
                proposal.id, action, value=value, reason=reason, reviewer=self._reviewer, by="person", **bound
            )
            follow_candidate(self._ledger, proposal, self.proposal)
            self._comments_view.show("")
        except (AlreadyDecided, StaleDraft) as error:
            self._comments_view.show(str(error))
            self.reload()
        except HitlError as error:
            self._comments_view.show(f"Not decided: {error}")
            return
        self._refresh()
        self._on_decided()


def _format_hidden_lines(proposal: Proposal, value: Any) -> str:
    """Return the lines of the proposal that have hidden characters, with these characters made visible.

    Empty if none has.
    """
    try:
        text = format_value(proposal, value) if not isinstance(value, str) else value
    except (TypeError, KeyError, ValueError):
        text = format_value("json", value)
    spelled = show_hidden_characters(text)
    if spelled == text:
        return ""
    return (
        "\n".join(show_hidden_characters(line) for line in text.split("\n") if show_hidden_characters(line) != line)
        or spelled
    )


def _make_text_entry(name: str, tooltip: str, label_width: str = "9em") -> Any:
    style = {"description_width": label_width}
    area = autosize_textarea("", 1, width=24, description=name, tooltip=tooltip, placeholder=tooltip, style=style)
    area.layout.flex = "1 1 20em"
    return area
