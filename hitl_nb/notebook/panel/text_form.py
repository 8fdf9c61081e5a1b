"""A form that a button with "…" opens: a text for the agent, templates for it, and a button that sends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.notebook.panel.controls import NoteLabel, autosize_textarea, make_button, text_label

ui: Any = import_module("ipywidgets")  # it has no types


class TextForm:
    """A text with a heading, and the buttons to send it and to close the form. Closed at first.

    Args:
        heading: Purpose of the form.
        lead: Sentence about the use of the text.
        field: Name of the text field.
        send: Label of the button that sends the text.
        on_send: Called with the text, without spaces around it, when a person sends it.
        templates: Texts that a person can choose with a click.
        style: Style of the button that sends the text, as ipywidgets names it.

    Attributes:
        widget: The widget to display.
    """

    def __init__(
        self,
        heading: str,
        lead: str,
        field: str,
        send: str,
        on_send: Callable[[str], None],
        *,
        templates: Sequence[str] = (),
        style: str = "primary",
    ) -> None:
        label = {"description_width": "5em"}
        self._area = autosize_textarea("", 2, width=70, description=field, tooltip=field, style=label)
        self._note = NoteLabel("", "", "quiet")
        self._send = make_button(send, lead, lambda _: on_send(self._area.value.strip()))
        self._send.button_style = style
        cancel = make_button("Cancel", "Close this; what you wrote is kept", lambda _: self.close())
        wrapped = {"flex_flow": "row wrap"}
        self.widget: Any = ui.VBox(
            [
                text_label(heading, "heading"),
                text_label(lead),
                self._area,
                *([ui.HBox([self._make_template(text) for text in templates], layout=wrapped)] if templates else []),
                self._note.widget,
                ui.HBox([self._send, cancel], layout=wrapped),
            ]
        )
        self.widget.add_class("hitl-nb-form")
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the form is shown."""
        return self.widget.layout.display != "none"

    def open(self) -> None:
        """Show the form, with the text that was typed in it before."""
        self.widget.layout.display = None

    def close(self) -> None:
        """Hide the form. The text stays in it."""
        self.widget.layout.display = "none"

    def show(self, note: str, *, enabled: bool) -> None:
        """Show a note below the text, and enable or disable the button that sends it."""
        self._note.show(note)
        self._send.disabled = self._area.disabled = not enabled

    def _make_template(self, text: str) -> Any:
        def chosen(_: Any) -> None:
            self._area.value = text

        return make_button(show_hidden_characters(text), "Use this text", chosen)
