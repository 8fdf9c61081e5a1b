"""Appearance of the panel: plain-text labels, and one stylesheet for the core controls of ipywidgets.

Text of agents and people is the text of a label or the value of a control, never markup. The stylesheet is a constant,
with the colors of the theme. If a front end ignores the stylesheet, the panel looks plainer and works the same.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from hitl_nb.hidden_characters import show_hidden_characters

ui: Any = import_module("ipywidgets")  # it has no types

WIDE_LAYOUT = {"width": "auto", "min_width": "0"}
"""Layout of a control that fills its row."""

NAMED_STYLE = {"description_width": "9em"}
"""Style of a control with its label in front."""

_NO_FORMULA_CLASSES = ("mathjax_ignore", "tex2jax_ignore")

_SHEET = """<style>
.hitl-nb-panel { max-width: 66.5em; line-height: 1.4; }
.hitl-nb-card {
  border: 1px solid var(--jp-border-color1, rgba(128, 128, 128, 0.5)); border-radius: 4px;
  border-left: 4px solid var(--jp-brand-color1, #1976d2); padding: 8px 12px; margin: 4px 0; overflow: visible;
}
.hitl-nb-card.hitl-nb-tone-success { border-left-color: var(--jp-success-color1, #388e3c); }
.hitl-nb-card.hitl-nb-tone-error { border-left-color: var(--jp-error-color1, #d32f2f); }
.hitl-nb-card.hitl-nb-tone-warn { border-left-color: var(--jp-warn-color1, #f57c00); }
.hitl-nb-card.hitl-nb-tone-none { border-left-color: var(--jp-border-color1, rgba(128, 128, 128, 0.5)); }
.hitl-nb-panel .widget-box, .hitl-nb-panel .widget-gridbox { margin: 0; overflow: visible; }
.hitl-nb-panel .widget-gridbox { overflow-x: auto; padding: 2px 0; }
.hitl-nb-panel .widget-label.hitl-nb-words {
  display: block; white-space: pre-wrap; overflow-wrap: anywhere; overflow: visible;
  height: auto; min-height: 0; line-height: 1.4;
  color: var(--jp-content-font-color1, inherit); user-select: text;
}
.hitl-nb-panel .widget-label.hitl-nb-title { font-weight: bold; font-size: 1.1em; margin-bottom: 4px; }
.hitl-nb-panel .widget-label.hitl-nb-heading { font-weight: 600; margin-top: 8px; }
.hitl-nb-panel .widget-label.hitl-nb-state {
  flex: 0 0 auto; align-self: flex-start; padding: 1px 8px; border-radius: 12px; font-weight: 600;
  border: 1px solid var(--jp-border-color1, rgba(128, 128, 128, 0.5));
}
.hitl-nb-panel .widget-label.hitl-nb-about-line { font-size: 0.9em; opacity: 0.8; }
.hitl-nb-panel .widget-label.hitl-nb-terms { margin-top: 4px; }
.hitl-nb-evidence {
  background: rgba(128, 128, 128, 0.1); margin: 8px -12px; padding: 0 12px 8px; width: auto;
}
.hitl-nb-panel .hitl-nb-html { line-height: 1.5; color: var(--jp-content-font-color1, inherit); overflow: visible; }
.hitl-nb-panel .hitl-nb-html .widget-html-content { line-height: 1.5; white-space: normal; overflow-wrap: anywhere; }
.hitl-nb-panel .hitl-nb-changes { max-height: 24em; overflow-y: auto; }
.hitl-nb-panel .hitl-nb-was { margin-left: calc(9em + 10px); align-items: center; }
.hitl-nb-panel .hitl-nb-changed { border-left: 3px solid var(--jp-success-color1, #388e3c); padding-left: 4px; }
.hitl-nb-panel .hitl-nb-link {
  background: none; text-decoration: underline; padding: 0 4px; color: var(--jp-content-link-color, inherit);
}
.hitl-nb-form {
  border: 1px solid var(--jp-border-color1, rgba(128, 128, 128, 0.5)); border-radius: 4px; margin: 6px 0;
  padding: 4px 12px 8px;
}
.hitl-nb-panel .widget-label.hitl-nb-name { flex: 0 0 9em; text-align: right; margin-right: 8px; }
.hitl-nb-panel .hitl-nb-name + .hitl-nb-words { flex: 1 1 14em; }
.hitl-nb-panel .widget-label.hitl-nb-quiet { max-height: 14em; overflow-y: auto; }
.hitl-nb-panel .widget-label.hitl-nb-exact {
  font-family: var(--jp-code-font-family, monospace); font-size: var(--jp-code-font-size, 13px);
  border-left: 3px solid var(--jp-border-color1, rgba(128, 128, 128, 0.5)); padding-left: 8px;
  max-height: 24em; overflow-y: auto;
}
.hitl-nb-panel .widget-label.hitl-nb-about { margin-left: calc(10em + 8px); font-size: 0.9em; opacity: 0.8; }
.hitl-nb-panel .widget-label.hitl-nb-wrong { font-weight: bold; color: var(--jp-error-color1, #d32f2f); }
.hitl-nb-field .widget-label.hitl-nb-wrong { margin-left: calc(9em + 10px); }
.hitl-nb-panel .widget-text, .hitl-nb-panel .widget-textarea, .hitl-nb-panel .widget-dropdown {
  --jp-widgets-disabled-opacity: 0.9;
}
.hitl-nb-panel .hitl-nb-buttons { margin-top: 6px; }
.hitl-nb-panel textarea { font-size: var(--jp-ui-font-size1, 13px); line-height: 1.4; }
.hitl-nb-panel .jupyter-button:focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px;
}
@media (max-width: 700px) {
  .hitl-nb-panel .widget-inline-hbox { flex-wrap: wrap; height: auto; }
  .hitl-nb-panel .widget-inline-hbox > .widget-label { width: 100% !important; text-align: left; }
  .hitl-nb-panel .widget-inline-hbox > :not(.widget-label) { flex: 1 1 100%; }
  .hitl-nb-panel .widget-label.hitl-nb-name { flex-basis: 100%; text-align: left; }
  .hitl-nb-panel .widget-label.hitl-nb-about, .hitl-nb-field .widget-label.hitl-nb-wrong,
  .hitl-nb-panel .hitl-nb-was { margin-left: 2px; }
}
</style>"""


def make_stylesheet() -> Any:
    """Make an invisible control that contains the stylesheet."""
    return ui.HTML(value=_SHEET, layout={"height": "0", "min_height": "0", "margin": "0"})


def text_label(text: str, *looks: str) -> Any:
    """Make a label for untrusted text: no markup, no formulas, with line breaks, hidden characters made visible.

    Args:
        text: The text.
        *looks: Styles; any of "title", "heading", "name", "state", "terms", "quiet", "exact", "about", "wrong".
    """
    made = ui.Label(value=show_hidden_characters(text), layout=WIDE_LAYOUT)
    made._dom_classes = (*_NO_FORMULA_CLASSES, "hitl-nb-words", *(f"hitl-nb-{look}" for look in looks))
    return made


def html_view(name: str) -> Any:
    """Make an empty view for HTML of `review/card/changes_html.py`, which escapes all texts of agents and people.

    Args:
        name: Its tooltip.
    """
    made = ui.HTML(value="", layout=WIDE_LAYOUT)
    made.tooltip = name
    made._dom_classes = (*_NO_FORMULA_CLASSES, "hitl-nb-html")
    return made


class NoteLabel:
    """A text that cannot be edited. It is hidden while the text is empty.

    Args:
        text: The text.
        name: Name that is shown in front of the text; empty for none.
        *looks: Styles: any of "title", "name", "quiet", "exact", "about", "wrong".

    Attributes:
        widget: The widget to display.
    """

    def __init__(self, text: str = "", name: str = "", *looks: str) -> None:
        self._words = text_label("", *looks)
        self._words.tooltip = name or None
        wrapped = {"flex_flow": "row wrap", "width": "auto"}
        self.widget: Any = ui.HBox([text_label(name, "name"), self._words], layout=wrapped) if name else self._words
        self.show(text)

    def show(self, text: str) -> None:
        """Replace the text. An empty text hides the label."""
        self._words.value = show_hidden_characters(text)
        for widget in {self._words, self.widget}:
            widget.layout.display = None if text else "none"


def autosize_textarea(text: str, fewest: int, *, width: int = 80, **traits: Any) -> Any:
    """Make a text area whose height follows its text.

    Args:
        text: The text.
        fewest: Minimum height, in rows. The maximum is 20 rows.
        width: Number of characters that fit on one row, approximately.
        **traits: Further traits of the widget.
    """
    area = ui.Textarea(value=text, continuous_update=True, layout=WIDE_LAYOUT, **traits)

    def grow(_: Any = None) -> None:
        lines = sum(1 + len(line) // width for line in area.value.split("\n", 20))
        area.rows = min(max(lines, fewest), 20)

    grow()
    area.observe(grow, "value")
    return area


def make_button(name: str, tooltip: str, pressed: Callable[[Any], None]) -> Any:
    """Make a button with the width of its label.

    Args:
        name: The label.
        tooltip: The tooltip.
        pressed: Called with the button when a person clicks it.
    """
    made = ui.Button(description=name, tooltip=tooltip, layout={"width": "auto", "align_self": "flex-start"})
    made.on_click(pressed)
    return made


def close_widgets(*widgets: Any) -> None:
    """Remove widgets and everything inside them, in the kernel and in the front end."""
    for widget in widgets:
        close_widgets(*getattr(widget, "children", ()))
        widget.close()
