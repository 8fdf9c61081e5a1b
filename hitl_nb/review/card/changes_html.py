"""HTML of changes: escaped, with inline styles, readable on light and dark grounds.

Removed text is struck and added text underlined, so that the colors are never needed to tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable

from hitl_nb.kinds.changes.model import Changes, Part, Span, count_of
from hitl_nb.kinds.changes.words import shorten_spans
from hitl_nb.kinds.html import MAX_HTML_CHARS, escape_html

_MAX_PARTS = 200
"""Maximum number of parts in the HTML. The HTML then gives the number of the remaining parts."""
_BRIEF_CHARS = 40
"""Maximum length of a removed or added text in `brief_changes_html`."""
_REMOVED_COLOR = "rgba(211, 47, 47, 0.16)"
_ADDED_COLOR = "rgba(56, 142, 60, 0.18)"
_SPAN_STYLES = {
    "removed": (
        "del",
        f"background-color: {_REMOVED_COLOR}; text-decoration: line-through; color: inherit; padding: 0 2px;",
    ),
    "added": ("ins", f"background-color: {_ADDED_COLOR}; text-decoration: underline; color: inherit; padding: 0 2px;"),
}
_SIGN_COLORS = {"+": _ADDED_COLOR, "−": _REMOVED_COLOR}
_SIGN_WORDS = {"+": "added", "−": "removed", "~": "changed", "↑": "moved up", "↓": "moved down"}


def changes_html(changes: Changes) -> str:
    """Return the HTML of the changed parts, and below them a line on what is not listed. "" without changes."""
    if not changes.count:
        return ""
    shown = changes.parts[:_MAX_PARTS]
    more = len(changes.parts) - len(shown)
    rest = [changes.rest, f"{count_of(more, 'more part')} not shown here" if more else ""]
    lines = "".join(_part_html(part, changes.exact) for part in shown)
    return f"<div>{lines}</div>" + "".join(_quiet_html(f"{line}.") for line in rest if line)


def brief_changes_html(changes: Changes, most: int = 2) -> str:
    """Return HTML of the first changes on one line, and the number of the others: "Amount 1299 1199, 2 more changes".

    Args:
        changes: The changes.
        most: Maximum number of parts to show.
    """
    changed = [part for part in changes.parts if part.sign or any(span.mark != "same" for span in part.spans)]
    shown = [_brief_part_html(part, changes.exact) for part in changed[:most]]
    more = len(changed) - most
    return ", ".join([*shown, *([count_of(more, "more change")] if more > 0 else [])])


def _brief_part_html(part: Part, exact: bool) -> str:
    label = f"{escape_html(part.label)} " if part.label and not exact else ""
    spans = (Span(span.mark, _cut_line(span.text)) for span in shorten_spans(part.spans, 16))
    return f"{escape_html(part.sign)} {label}{spans_html(spans)}".strip()


def _cut_line(text: str) -> str:
    line = text.replace("\n", " ")
    return line if len(line) <= _BRIEF_CHARS else f"{line[:_BRIEF_CHARS]}…"


def spans_html(spans: Iterable[Span]) -> str:
    """Return the HTML of spans on one line: removed text struck, added text underlined."""
    return (
        " ".join(_span_html(span) for span in spans)
        if _are_whole(spans := tuple(spans))
        else "".join(map(_span_html, spans))
    )


def _are_whole(spans: tuple[Span, ...]) -> bool:
    """Return whether spans have no text without changes, so that a space must stand between old and new."""
    return len(spans) == 2 and all(span.mark != "same" for span in spans)


def _span_html(span: Span) -> str:
    cut = span.text[:MAX_HTML_CHARS]
    text = escape_html(cut) + (
        f"… ({len(span.text) - len(cut):,} more characters)" if len(cut) < len(span.text) else ""
    )
    if span.mark == "same":
        return text
    tag, style = _SPAN_STYLES[span.mark]
    return f'<{tag} style="{style}">{text}</{tag}>'


def _part_html(part: Part, exact: bool) -> str:
    sign = part.sign
    font = "font-family: monospace; " if exact else ""
    ground = f"background-color: {_SIGN_COLORS[sign]}; " if exact and sign in _SIGN_COLORS else ""
    style = f"{font}{ground}white-space: pre-wrap; overflow-wrap: anywhere; padding: 1px 4px;"
    # The sign is one character wide in all lines of code, so that the code is in one column.
    shown = f'<span title="{_SIGN_WORDS[sign]}">{sign}</span> ' if sign else "  " if exact else ""
    label = f'<span style="opacity: 0.75;">{escape_html(part.label)}</span>  ' if part.label else ""
    if exact:
        label = f'<span style="opacity: 0.75;">{escape_html(part.label.rjust(4))}</span> '
    return f'<div style="{style}">{label if exact else shown}{shown if exact else label}{spans_html(part.spans)}</div>'


def _quiet_html(line: str) -> str:
    return f'<div style="opacity: 0.75; padding: 1px 4px;">{escape_html(line)}</div>'
