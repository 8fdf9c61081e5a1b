"""One proposal of the panel: what is proposed, its editor, and the ways to decide.

Everything but the controls follows from the record and from what is typed: the changes, the messages, which buttons
can be pressed. Every keystroke goes to the store as the proposal's draft, so a new card starts from it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from msgspec import UNSET

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import AlreadyDecided, HitlError, InvalidEdit, StaleDraft
from hitl_nb.kinds.questions import as_text, changes, check_edit, visible
from hitl_nb.ledger.decisions.reviewers import decider
from hitl_nb.notebook.panel.controls import Note, button, closed, growing, words
from hitl_nb.notebook.panel.editors import DoubtEditor, Editor, editor_for
from hitl_nb.notebook.panel.terms_view import TermsView
from hitl_nb.policies.terms.vote_counts import current_value
from hitl_nb.records import Action, Proposal, canonical
from hitl_nb.review.static_html import plain
from hitl_nb.review.vote_candidates import follow_candidate

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

ui: Any = import_module("ipywidgets")  # it has no types

Check = Callable[[Proposal, Any], Any]

LONG = 20_000
"""Values with more characters are compared when they are decided, not at every keystroke."""


class Card:
    """One proposal of a panel: what is proposed, its editor, and the ways to decide.

    Attributes:
        proposal: the record, as last read.
        widget: what to display.
    """

    def __init__(
        self, ledger: Ledger, proposal: Proposal, reviewer: str, decided: Callable[[], None], check: Check | None
    ) -> None:
        self.proposal = proposal
        self._ledger = ledger
        self._reviewer = reviewer
        self._decided = decided
        self._check = check
        self._document: Any = None
        self._title = words(proposal.title, "title")
        self._terms = TermsView(ledger, reviewer, self._take_back)
        self._place = ui.VBox([])
        self._wrong = Note("", "", "wrong")
        self._hidden = Note("", "Hidden characters", "exact")
        self._changes = Note("", "Changes", "exact")
        self._said = Note("", "", "wrong")
        self._outcome = Note()
        self._reason = _entry("Reason", "Why; kept with the decision")
        self._answer = _entry("Response", "A message to the agent", "5em")
        self._buttons: dict[Action, Any] = {
            "approve": button("Approve", "Go on with the value as it was proposed", self._approve),
            "edit": button("Approve with edits", "Go on with the value as you edited it", self._edit),
            "reject": button("Reject", "Do not do this; the agent is told the reason", self._reject),
            "respond": button("Respond", "Send the response to the agent", self._respond),
        }
        self._undo = button("Undo edits", "Take the agent's version again", self._start_over)
        self._editor = self._edit_from(self._draft())
        wrapped = {"flex_flow": "row wrap"}
        self._ways: list[Any] = [
            ui.HBox([self._reason, self._answer], layout=wrapped),
            ui.HBox([self._offered(reason) for reason in proposal.reasons], layout=wrapped),
            ui.HBox([*self._buttons.values(), self._undo], layout=wrapped),
        ]
        self._ways[-1].add_class("hitl-nb-buttons")
        self.widget: Any = ui.VBox(
            [
                self._title,
                self._terms.widget,
                *self._context(),
                *(Note(note, "", "quiet").widget for note in proposal.notes),
                self._place,
                self._wrong.widget,
                self._hidden.widget,
                self._changes.widget,
                *self._ways,
                self._said.widget,
                self._outcome.widget,
            ]
        )
        self.widget.add_class("hitl-nb-card")
        self._refresh()

    @property
    def open(self) -> bool:
        """Whether the proposal still waits, as far as this panel knows."""
        return self.proposal.status == "open"

    def edited(self) -> bool:
        """Whether the controls hold something else than what people decide on: what was proposed, or made of it."""
        return canonical(self._editor.draft()) != canonical(current_value(self.proposal))

    def reload(self) -> None:
        """Read the record again and show it."""
        before = self.proposal
        self.proposal = self._ledger.proposal(before.id)
        if self.proposal.fingerprint != before.fingerprint:
            self._editor = self._edit_from(self._draft())
        self._refresh()

    def close(self) -> None:
        """Take the controls away."""
        closed(self.widget)

    def _offered(self, reason: str) -> Any:
        """A reason that the author of the agent offers."""

        def chosen(_: Any) -> None:
            self._reason.value = reason

        return button(visible(reason), "Take this as the reason", chosen)

    def _context(self) -> list[Any]:
        context = self.proposal.context
        if context is None:
            return []
        if not isinstance(context, str):
            pairs = cast("dict[str, Any]", context).items()
            lines = [f"{key}: {item if isinstance(item, str) else as_text('json', item)}" for key, item in pairs]
            context = "\n".join(lines)
        return [Note(context, "Context", "quiet").widget]

    def _draft(self) -> Any:
        """What the draft says now. What is typed here is written as a change of that, not of what others made of it."""
        if not self.open or "edit" not in self.proposal.allow or self.proposal.doubt is not None:
            return self.proposal.value
        draft = Draft.of(self._ledger.store, self.proposal)
        self._document = draft.load().doc
        return draft.says(self._document)

    def _edit_from(self, value: Any) -> Editor:
        editor = editor_for(self.proposal, value)
        editor.watch(self._typed)
        closed(*self._place.children)
        self._place.children = (editor.widget,)
        return editor

    def _typed(self) -> None:
        if not self.open:
            return
        if self.proposal.doubt is not None:
            self._refresh()  # nobody is shown a choice that another person made
            return
        said = ""
        try:
            draft = Draft.of(self._ledger.store, self.proposal)
            draft.write(self._editor.draft(), self._reviewer, doc=self._document)
        except (HitlError, ValueError) as error:
            said = f"Your typing is not saved: {error}"
        self._said.show(said)
        self._refresh()

    def _refresh(self) -> None:
        """Make everything but the controls follow from the record and what is typed."""
        p = self.proposal
        self._title.value = visible(p.title) if self.open else plain([p])
        draft = self._editor.draft()
        edited = self.open and canonical(draft) != canonical(current_value(p))
        self._terms.show(p)
        self._differences(edited or p.candidate is not UNSET, draft)
        self._hidden.show(_hidden(p, draft))
        approve = "approve" in p.allow and not edited
        enabled = {"approve": approve, "edit": edited or "approve" not in p.allow, "reject": True, "respond": True}
        for action, way in self._buttons.items():
            way.disabled = not (self.open and enabled[action] and action in self._terms.actions)
            way.layout.display = None if action in p.allow else "none"
            way.button_style = "primary" if action in ("approve", "edit") and not way.disabled else ""
        if isinstance(self._editor, DoubtEditor):
            chosen = self._editor.chosen
            self._buttons["edit"].disabled = not self.open or chosen is None
            self._buttons["edit"].description = visible(chosen[1]) if chosen else "Continue"
            self._buttons["edit"].tooltip = (
                "Choose what happened first" if chosen is None else "No shortcut decides this"
            )
            self._buttons["edit"].button_style = "" if self._buttons["edit"].disabled else "primary"
            edited = False
        self._undo.disabled = not edited
        self._undo.layout.display = None if edited else "none"
        for row in self._ways:
            row.layout.display = None if self.open and row.children else "none"
        self._answer.layout.display = None if "respond" in p.allow else "none"
        for control in self._editor.controls:
            control.disabled = not self.open or "edit" not in p.allow
        self._answer.disabled = self._reason.disabled = not self.open
        who = ""
        if p.decision is not None:
            by = decider(p.decision, self._ledger.how_known(p))
            who = f"Decided by {by}, {p.decision.decided_at:%Y-%m-%d %H:%M} UTC."
            who += f" Reason: {p.decision.reason}" if p.decision.reason else ""
        self._outcome.show(who)

    def _differences(self, edited: bool, draft: Any) -> None:
        p = self.proposal
        said = shown = ""
        if p.decision is not None and p.decision.action == "edit":
            shown = changes(p, p.decision.value)
        if not edited:
            self._editor.say({})
        elif max(len(canonical(draft)), len(canonical(p.value))) > LONG:
            shown = f"too long to compare while you type (more than {LONG:,} characters): checked when you approve"
        else:
            try:
                checked = check_edit(p, self._editor.read())
                shown = "" if p.doubt is not None else changes(p, checked)
                self._editor.say({})
            except InvalidEdit as error:
                said = self._elsewhere(error)
        self._wrong.show(said)
        self._changes.show(shown)

    def _elsewhere(self, error: InvalidEdit) -> str:
        """Put messages at their fields; the text of those that have none."""
        left = self._editor.say(error.fields)
        return "\n".join(f"⚠ {path}: {text}" if path else f"⚠ {text}" for path, text in left.items())

    def _approve(self, _: Any) -> None:
        if self.open and self.edited():
            self._said.show("You edited this: use 'Approve with edits', or undo the edits first.")
            return
        self._decide("approve")

    def _edit(self, _: Any) -> None:
        if not self.edited() and "approve" in self.proposal.allow:
            self._said.show("Nothing is edited: use 'Approve'.")
            return
        try:
            value = check_edit(self.proposal, self._editor.read())
            if self._check is not None:
                self._check(self.proposal, value)
        except InvalidEdit as error:
            self._wrong.show(self._elsewhere(error))
            self._said.show("Not decided: the edit does not fit, see the message above.")
            return
        self._decide("edit", value)

    def _reject(self, _: Any) -> None:
        self._decide("reject")

    def _respond(self, _: Any) -> None:
        if not self._answer.value.strip():
            self._said.show("Write a response first.")
            return
        self._decide("respond", self._answer.value)

    def _start_over(self, _: Any) -> None:
        if self.open:
            self._editor = self._edit_from(self.proposal.value)
            self._typed()

    def _take_back(self, _: Any) -> None:
        try:
            self.proposal = self._ledger.undo(self.proposal.id, reviewer=self._reviewer).proposal
            self._said.show("")
        except HitlError as error:
            self._said.show(str(error))
            self.reload()
        self._refresh()

    def _decide(self, action: Action, value: Any = None) -> None:
        p = self.proposal
        if not self.open or action not in p.allow:
            return
        reason = self._reason.value.strip() or None
        bound: dict[str, Any] = {"fingerprint": p.fingerprint, "revision": p.revision}
        try:
            self.proposal = self._ledger.decide(
                p.id, action, value=value, reason=reason, reviewer=self._reviewer, by="person", **bound
            )
            follow_candidate(self._ledger, p, self.proposal)
            self._said.show("")
        except (AlreadyDecided, StaleDraft) as error:
            self._said.show(str(error))
            self.reload()
        except HitlError as error:
            self._said.show(f"Not decided: {error}")
            return
        self._refresh()
        self._decided()


def _hidden(p: Proposal, value: Any) -> str:
    """The lines of the proposal that have hidden characters, with those spelled out."""
    try:
        text = as_text(p, value) if not isinstance(value, str) else value
    except (TypeError, KeyError, ValueError):
        text = as_text("json", value)
    spelled = visible(text)
    if spelled == text:
        return ""
    return "\n".join(visible(line) for line in text.split("\n") if visible(line) != line) or spelled


def _entry(name: str, tooltip: str, label_width: str = "9em") -> Any:
    style = {"description_width": label_width}
    area = growing("", 1, width=24, description=name, tooltip=tooltip, placeholder=tooltip, style=style)
    area.layout.flex = "1 1 20em"
    return area
