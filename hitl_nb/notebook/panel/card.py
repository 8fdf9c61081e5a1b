"""One proposal in the panel: the proposed value, its editor, and the buttons to decide.

Everything except the controls is computed from the record and the typed text: the changes, the messages, and which
buttons are enabled. Every change is saved in the store as the proposal's draft, so that a new card starts from it.
The card has the order of the extension's card: what happens, why people are asked, evidence, proposal, decision.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import AlreadyDecided, HitlError, InvalidEdit, StaleDraft
from hitl_nb.kinds.changes.model import count_of
from hitl_nb.kinds.questions import check_edit
from hitl_nb.notebook.evidence.evidence_views import make_evidence_views
from hitl_nb.notebook.panel.changes_view import ChangesView
from hitl_nb.notebook.panel.controls import NoteLabel, close_widgets, html_view, text_label
from hitl_nb.notebook.panel.decided_view import DecidedView
from hitl_nb.notebook.panel.decision_bar import Choices, DecisionBar
from hitl_nb.notebook.panel.editors import DoubtEditor, make_editor
from hitl_nb.notebook.panel.terms_view import TermsView
from hitl_nb.notebook.panel.value_editor import ValueEditor
from hitl_nb.policies.terms.vote_counts import current_value
from hitl_nb.records import Action, Proposal, canonical_json
from hitl_nb.review.card import words
from hitl_nb.review.vote_candidates import follow_candidate

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

ui: Any = import_module("ipywidgets")  # it has no types

EditCheckFunction = Callable[[Proposal, Any], Any]


class ProposalCard:
    """One proposal of a panel: what is proposed and why, its editor, and the buttons to decide.

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
        self._state = text_label("", "state")
        self._terms = TermsView(ledger, reviewer)
        self._changes = ChangesView()
        self._notice = NoteLabel("", "", "wrong")
        self._decided = DecidedView(self._show_body)
        self._bar = DecisionBar(
            proposal,
            approve=self._approve,
            reject=lambda reason: self._decide("reject", reason=reason),
            answer=self._answer,
            take_back=self._withdraw_vote,
            drop_edits=self._start_over,
        )
        self._editor = self._make_editor(self._read_draft())
        self._head = self._make_head()
        self._body = ui.VBox([self._terms.widget, *self._make_evidence(), self._changes.widget])
        self.widget: Any = ui.VBox(
            [self._head, self._decided.widget, self._body, self._notice.widget, self._bar.widget]
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

    def _make_head(self) -> Any:
        """Make the title with the state, and the line that says of what, by which agent, where and since when."""
        proposal = self.proposal
        notebook = proposal.notebook.rpartition("/")[2]
        about = [words.subject(proposal), proposal.agent, notebook, f"asked {proposal.created_at:%Y-%m-%d %H:%M} UTC"]
        wrapped = {"flex_flow": "row wrap", "justify_content": "space-between"}
        return ui.VBox(
            [
                ui.HBox([text_label(proposal.title, "title"), self._state], layout=wrapped),
                text_label(" · ".join(part for part in about if part), "about-line"),
            ]
        )

    def _make_evidence(self) -> list[Any]:
        """Make the evidence: the agent's context, and notes about what happens after the pause."""
        made = [NoteLabel(note, "", "quiet").widget for note in self.proposal.notes]
        views = make_evidence_views(self._ledger, self.proposal, html_view)
        if not views:
            return made
        evidence = ui.VBox([text_label("Evidence", "heading"), *views])
        evidence.add_class("hitl-nb-evidence")
        return [evidence, *made]

    def _show_body(self, shown: bool) -> None:
        """Show or hide what stands between the head and the buttons. A closed card begins with two lines instead."""
        self._body.layout.display = None if shown else "none"
        self._head.layout.display = None if self.is_open else "none"

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
        self._changes.place(editor)
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
        self._notice.show(said)
        self._refresh()

    def _refresh(self) -> None:
        """Update everything except the input controls, from the record and the typed text."""
        proposal = self.proposal
        self._terms.show(proposal)
        self._changes.show(proposal, self._editor)
        for control in self._editor.controls:
            control.disabled = not self.is_open or "edit" not in proposal.allow
        self._bar.show(self._list_choices())
        if self.is_open:
            edited, wrong = self.has_edits(), self._changes.wrong > 0
            self._state.value = words.open_state(proposal, self._terms.told, edited=edited, wrong=wrong)
        else:
            self.widget.add_class(f"hitl-nb-tone-{words.outcome_tone(proposal)}")
            self._decided.show(proposal, self._ledger.reviewers.identify(proposal))

    def _list_choices(self) -> Choices:
        told = self._terms.told
        actions: tuple[Action, ...] = tuple(told["may"]["actions"])
        edited = self.has_edits() or "approve" not in self.proposal.allow
        label, tooltip = words.primary_label(told, edited=edited), "The agent continues with the value above"
        enabled = self.is_open and ("edit" if edited else "approve") in actions
        if isinstance(self._editor, DoubtEditor):
            chosen = self._editor.chosen
            label = chosen[1] if chosen else "Continue"
            tooltip = "No shortcut decides this" if chosen else "Choose what happened first"
            enabled = self.is_open and "edit" in actions and chosen is not None
        elif self._changes.wrong:
            tooltip = f"{count_of(self._changes.wrong, 'value')} must be fixed first"
            enabled = False
        return Choices(
            primary=label,
            tooltip=tooltip,
            enabled=enabled,
            actions=actions,
            changes=self._changes.count if self.is_open else 0,
            undo=self.is_open and bool(told["may"]["undo"]),
            is_open=self.is_open,
        )

    def _approve(self, reason: str) -> None:
        """Approve the value in the editor: as it was proposed, or as an edit if it differs."""
        if not self.has_edits() and "approve" in self.proposal.allow:
            self._decide("approve", reason=reason)
            return
        try:
            value = check_edit(self.proposal, self._editor.read_value())
            if self._check is not None:
                self._check(self.proposal, value)
        except InvalidEdit as error:
            self._changes.show_error(self._editor, error)
            self._notice.show("Not decided: the edit does not fit, see the message above.")
            return
        self._decide("edit", value, reason=reason)

    def _answer(self, text: str) -> None:
        if not text:
            self._notice.show("Write the answer first.")
            return
        self._decide("respond", text)

    def _start_over(self) -> None:
        if self.is_open:
            self._editor = self._make_editor(self.proposal.value)
            self._on_typed()

    def _withdraw_vote(self) -> None:
        try:
            self.proposal = self._ledger.proposals.undo_approval(self.proposal.id, reviewer=self._reviewer).proposal
            self._notice.show("")
        except HitlError as error:
            self._notice.show(str(error))
            self.reload()
        self._refresh()

    def _decide(self, action: Action, value: Any = None, *, reason: str = "") -> None:
        proposal = self.proposal
        if not self.is_open or action not in proposal.allow:
            return
        bound: dict[str, Any] = {"fingerprint": proposal.fingerprint, "revision": proposal.revision}
        try:
            self.proposal = self._ledger.proposals.decide(
                proposal.id, action, value=value, reason=reason or None, reviewer=self._reviewer, by="person", **bound
            )
            follow_candidate(self._ledger, proposal, self.proposal)
            self._notice.show("")
        except (AlreadyDecided, StaleDraft) as error:
            self._notice.show(str(error))
            self.reload()
        except HitlError as error:
            self._notice.show(f"Not decided: {error}")
            return
        self._bar.close_forms()
        self._refresh()
        self._on_decided()
