"""Editors for a proposal's value. Each is made from the value's JSON and returns the edited JSON.

`make_editor` selects the editor by the kind: a text area, a form with one control per field, a grid of cells, radio
buttons. A `ValueEditor` returns the edited JSON (`read_value`), keeps incomplete input (`read_draft`), and shows error
messages at the fields.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.errors import InvalidEdit
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import parse_edit
from hitl_nb.kinds.registry import DEFAULT_KIND, find_kind
from hitl_nb.notebook.panel.controls import WIDE_LAYOUT, NoteLabel, autosize_textarea
from hitl_nb.notebook.panel.fields import label_options
from hitl_nb.notebook.panel.form_editor import make_form, make_tool_form
from hitl_nb.notebook.panel.grid_editor import GridEditor, is_grid
from hitl_nb.notebook.panel.value_editor import ValueEditor
from hitl_nb.records import Doubt, Proposal
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.values.json_values import short_json

ui: Any = import_module("ipywidgets")  # it has no types


def make_editor(proposal: Proposal, value: Any) -> ValueEditor:
    """Make an editor of the proposal that starts from `value`: the proposed value or a draft."""
    if proposal.doubt is not None:
        return DoubtEditor(proposal, proposal.doubt)
    make = EDITORS.get(proposal.kind)
    editor = None if make is None else make(proposal, value)
    return TextEditor(proposal, value) if editor is None else editor


class TextEditor(ValueEditor):
    """One text area with the value's exact text."""

    def __init__(self, proposal: Proposal, value: Any) -> None:
        super().__init__()
        self._proposal = proposal
        text = _format_draft_text(proposal, value)
        self._area = autosize_textarea(text, 3, placeholder="Proposed value", tooltip="Proposed value")
        self.controls = [self._area]
        self.widget.children = (self._area,)

    def read_value(self) -> Any:
        """Return the value that the text describes.

        Raises:
            InvalidEdit: The text does not describe a valid value.
        """
        return parse_edit(self._proposal, self._area.value)

    def read_draft(self) -> Any:
        """Return the value that the text describes; the text itself if it describes no valid value."""
        try:
            return self.read_value()
        except InvalidEdit:
            is_json = find_kind(self._proposal.kind).text_format == "json"
            return _parse_json_or_text(self._area.value) if is_json else self._area.value


class PlanEditor(ValueEditor):
    """Editor of a plan. Each line is one step: plain text, or JSON if the step is an object or has several lines."""

    def __init__(self, steps: list[Any]) -> None:
        super().__init__()
        lines, name = "\n".join(_format_step(step) for step in steps), "Steps, one per line"
        self._area = autosize_textarea(lines, 3, placeholder=name, tooltip=name)
        self.controls = [self._area]
        self.widget.children = (self._area,)

    def read_value(self) -> Any:
        """Return the list of steps.

        Raises:
            InvalidEdit: A line begins with a brace and is not valid JSON.
        """
        wrong: dict[str, str] = {}
        steps = self.read_draft()
        for i, step in enumerate(steps):
            if isinstance(step, str) and step.startswith("{"):
                wrong[str(i)] = f"must be JSON, or a text that does not begin with a brace: {short_json(step)}"
        if wrong:
            raise InvalidEdit(wrong)
        return steps

    def read_draft(self) -> Any:
        """Return the list of steps. A step that is not yet valid JSON is returned as text."""
        lines = (line.strip() for line in self._area.value.split("\n"))
        return [_parse_json_or_text(line) if line[0] in '{"' else line for line in lines if line]


class ChoiceEditor(ValueEditor):
    """Editor of a choice: radio buttons, one for each option."""

    def __init__(self, proposal: Proposal, value: Any) -> None:
        super().__init__()
        self._options = proposal.options or []
        spelled = [json.dumps(option) for option in self._options]
        chosen = spelled.index(json.dumps(value)) if json.dumps(value) in spelled else None
        proposed = json.dumps(proposal.value)
        labels = [
            (f"{text} (the agent’s choice)" if spelled[i] == proposed else text, i)
            for text, i in label_options(self._options)
        ]
        self._radio = ui.RadioButtons(options=labels, index=chosen, layout=WIDE_LAYOUT)
        self.controls = [self._radio]
        self.widget.children = (self._radio,)

    def read_value(self) -> Any:
        """Return the chosen option.

        Raises:
            InvalidEdit: No option is chosen.
        """
        if self._radio.index is None:
            raise InvalidEdit({"": "choose one"})
        return self._options[self._radio.index]

    def read_draft(self) -> Any:
        """Return the chosen option; None if no option is chosen."""
        return None if self._radio.index is None else self._options[self._radio.index]


class DoubtEditor(ValueEditor):
    """Editor for the question whether an effect happened: three answers and a field for the result.

    No answer is chosen at first.
    """

    def __init__(self, proposal: Proposal, doubt: Doubt) -> None:
        super().__init__()
        self._proposal = proposal
        self._choices = doubts.list_choices(doubt)
        shown = [(show_hidden_characters(f"{says}. {then}"), word) for word, says, then, _ in self._choices]
        self._radio = ui.RadioButtons(options=shown, value=None, layout=WIDE_LAYOUT, tooltip="Did it happen?")
        self._result = ui.Text(
            value="", continuous_update=True, placeholder=doubts.RESULT_LABEL, tooltip=doubts.RESULT_LABEL
        )
        self._result.layout = WIDE_LAYOUT
        self.controls = [self._radio, self._result]
        known = "\n".join(f"{name}: {text}" for name, text in doubts.list_facts(doubt))
        advice = NoteLabel(doubts.LOOK_ADVICE, "", "quiet")
        self.widget.children = (NoteLabel(known, "", "quiet").widget, advice.widget, self._radio, self._result)
        self._radio.observe(self._show_result, "value")
        self._show_result()

    @property
    def chosen(self) -> tuple[str, str] | None:
        """The chosen answer ("yes", "no" or "stop") and the label of the button to decide; None if none is chosen."""
        return next(((word, says) for word, _, _, says in self._choices if word == self._radio.value), None)

    def read_value(self) -> Any:
        """Return the answer to the question whether an effect happened, as JSON.

        Raises:
            InvalidEdit: No answer is chosen, or the result is missing.
        """
        if self.chosen is None:
            raise InvalidEdit({"": "choose what happened first"})
        word = self.chosen[0]
        return doubts.make_answer(word, (self._result.value.strip() or None) if word == "yes" else None, self._proposal)

    def read_draft(self) -> Any:
        """Return the answer, as far as it is complete. Without an answer, the proposed value is returned."""
        if self.chosen is None:
            return self._proposal.value
        try:
            return self.read_value()
        except InvalidEdit:  # the result is not typed yet; the decision will report what is missing
            return {"happened": True}

    def _show_result(self, _: Any = None) -> None:
        self._result.layout.display = None if self._radio.value == "yes" else "none"


def _format_step(step: Any) -> str:
    simple = isinstance(step, str) and step == step.strip() and step[:1] not in ("", "{", '"') and "\n" not in step
    return step if simple else json.dumps(step, ensure_ascii=False)


def _parse_json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _format_draft_text(proposal: Proposal, value: Any) -> str:
    """Return the text of a value. A draft that is not yet a valid value is already text, and is returned unchanged."""
    kind = find_kind(proposal.kind)
    if isinstance(value, str) and (kind.text_format != "json" or not isinstance(proposal.value, (str, type(None)))):
        return value
    return (DEFAULT_KIND if kind.text_format == "plain" else kind).format(value)


# These functions return None for a value that has no editor of its own; it is edited as text.


def _make_grid(proposal: Proposal, value: Any) -> ValueEditor | None:
    return GridEditor(proposal, value) if is_grid(proposal, value) else None


def _make_steps(proposal: Proposal, value: Any) -> ValueEditor | None:
    return PlanEditor(cast("list[Any]", value)) if isinstance(value, list) else None


EDITORS: dict[str, Callable[[Proposal, Any], ValueEditor | None]] = {
    "text": TextEditor,
    "markdown": TextEditor,
    "code": TextEditor,
    "json": make_form,
    "table": _make_grid,
    "tool_call": make_tool_form,
    "plan": _make_steps,
    "choice": ChoiceEditor,
}
"""Name of a kind -> function that makes the editor. If it returns None, or if there is no entry, a text area is used.
"""
