"""The part of a card with the proposal: its heading with the number of changes, the editor, and what it changes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hitl_nb.errors import InvalidEdit
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.questions import check_edit, format_value, list_changes
from hitl_nb.notebook.panel.controls import NoteLabel, close_widgets, html_view, text_label
from hitl_nb.notebook.panel.value_editor import ValueEditor
from hitl_nb.policies.terms.vote_counts import current_value
from hitl_nb.records import Proposal, canonical_json
from hitl_nb.review.card import words
from hitl_nb.review.card.changes_html import changes_html

ui: Any = import_module("ipywidgets")  # it has no types

MAX_SHOWN_CHARS = 20_000
"""Maximum length of a value whose changes are shown at every keystroke. A longer value is checked only when it is
decided."""


class ChangesView:
    """The heading "Proposal", the editor, messages about the edit, and the changes in the terms of the value.

    Attributes:
        widget: The widget to display.
        count: Number of changes to the proposed value; None if they are too long to count.
        wrong: Number of messages about the edit that must be mended before it can be approved.
    """

    def __init__(self) -> None:
        self._heading = text_label("Proposal", "heading")
        self._place = ui.VBox([])
        self._error_note = NoteLabel("", "", "wrong")
        self._hidden = NoteLabel("", "Hidden characters", "exact")
        self._changes = html_view("Changes")
        self._changes.add_class("hitl-nb-changes")
        self._too_long = NoteLabel("", "", "quiet")
        self.count: int | None = 0
        self.wrong = 0
        self.widget: Any = ui.VBox(
            [
                self._heading,
                self._place,
                self._error_note.widget,
                self._hidden.widget,
                self._changes,
                self._too_long.widget,
            ]
        )

    def place(self, editor: ValueEditor) -> None:
        """Put an editor in place of the one before."""
        close_widgets(*self._place.children)
        self._place.children = (editor.widget,)

    def show(self, proposal: Proposal, editor: ValueEditor) -> None:
        """Show what the editor's value, or the decided value, changes in the proposed one."""
        draft = editor.read_draft()
        self.wrong = 0
        self.count = 0
        self._too_long.show("")
        self._error_note.show("")
        self._hidden.show(_format_hidden_lines(proposal, draft))
        if proposal.decision is not None:
            decided = proposal.decision.value if proposal.decision.action == "edit" else proposal.value
            self._show_changes(list_changes(proposal, decided))
        elif proposal.doubt is not None:
            self._check(proposal, editor, draft)
            self._show_changes(None)
        elif max(len(canonical_json(draft)), len(canonical_json(proposal.value))) > MAX_SHOWN_CHARS:
            self._show_long(proposal, draft)
        else:
            self._check(proposal, editor, draft)
            self._show_changes(list_changes(proposal, draft), draw=not editor.shows_changes)
        editor.show_changes()

    def show_error(self, editor: ValueEditor, error: InvalidEdit) -> None:
        """Show why an edit does not fit: at its fields, and below the editor what has no field."""
        self.wrong = len(error.fields)
        left = editor.show_errors(error.fields)
        self._error_note.show("\n".join(f"⚠ {path}: {text}" if path else f"⚠ {text}" for path, text in left.items()))

    def _check(self, proposal: Proposal, editor: ValueEditor, draft: Any) -> None:
        editor.show_errors({})
        if canonical_json(draft) == canonical_json(current_value(proposal)):
            return
        try:
            check_edit(proposal, editor.read_value())
        except InvalidEdit as error:
            self.show_error(editor, error)

    def _show_long(self, proposal: Proposal, draft: Any) -> None:
        changed = canonical_json(draft) != canonical_json(proposal.value)
        self._show_changes(None)
        self.count = None if changed else 0
        if changed:
            self._heading.value = "Proposal · edited"
            longest = f"{MAX_SHOWN_CHARS:,} characters"
            self._too_long.show(f"too long to compare while you type (more than {longest}): checked when you approve")

    def _show_changes(self, changes: Changes | None, *, draw: bool = True) -> None:
        """Show the number of changes, and with `draw` the changes themselves. None: there is nothing to compare."""
        self.count = changes.count if changes is not None else 0
        self._changes.value = changes_html(changes) if changes is not None and draw else ""
        self._changes.layout.display = None if self._changes.value else "none"
        self._heading.value = f"Proposal · {words.format_count(self.count)}" if self.count else "Proposal"


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
