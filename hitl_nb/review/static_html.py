"""What a paused cell shows where nothing runs: no kernel, no extension, no scripts.

`plain` and `html` are pure functions of the proposals' records, as `Ledger.proposals` gives them with their signatures
checked, so the same decisions give the same output. Everything that an agent or a person wrote is escaped, with hidden
characters made visible. Who decided, how that is known and when stand only inside `<span class="hitl-who">`; there are
no ids, no paths and no other times. Colours are the page's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.kinds.questions import as_text, changes, visible
from hitl_nb.ledger.decisions.reviewers import decider, known_if_checked
from hitl_nb.policies.terms.seats import tell_need
from hitl_nb.records import Need, Proposal, Workspace
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.review import terms_sentences as sentences
from hitl_nb.review.progress import told_votes
from hitl_nb.values.tables import cell_text

MIME = "application/vnd.hitl-nb.proposal+json"
WORKSPACE = "application/vnd.hitl-nb.workspace+json"
NOTE = "application/vnd.hitl-nb.note+json"
"""Marks what is said about how a cell was run: a cell that is run for the first time has none."""

MAX_ROWS = 100
"""Rows of a table in the HTML; the rest is counted there."""

MAX_CHARACTERS = 50_000
"""Length of one text in the HTML; the rest is counted there."""

_LINE = "border: 1px solid; border-color: rgba(128, 128, 128, 0.5);"
_CARD = f"{_LINE} border-radius: 4px; padding: 0.6em 0.9em; margin: 0.4em 0; max-width: 60em;"
_TEXT = (
    f"{_LINE} border-width: 0 0 0 3px; white-space: pre-wrap; overflow-wrap: anywhere;"
    " word-break: normal; background: none; color: inherit; margin: 0.3em 0; padding: 0.1em 0.7em;"
)
_CELL = f"{_LINE} padding: 0.15em 0.5em; text-align: left; white-space: pre-wrap;"
_FAINT = "opacity: 0.75; margin-top: 0.6em;"


def bundle(agent: str, pause: int, proposals: Sequence[Proposal], key: str = "") -> dict[str, Any]:
    """The MIME bundle of a paused or finished pause: our type for the extension, HTML and text for the rest.

    `key` is the value of the cell's `--key`: of several runs of the agent, it says whose pause this is.
    """
    return {
        MIME: {"version": 1, "agent": agent, "pause": pause, **({"key": key} if key else {})},
        "text/html": html(proposals),
        "text/plain": plain(proposals),
    }


def workspace_bundle(agent: str, w: Workspace, key: str = "") -> dict[str, Any]:
    """The MIME bundle of a workspace that a cell has opened: the same from its opening on."""
    title = f"Workspace: {visible(w.title)}"
    way = "To write in it, open this notebook in JupyterLab."
    template = _labelled("Begun with", _text(w.template)) if w.template else ""
    card = f'<strong>{escape(title)}</strong>{template}<div style="{_FAINT}">{way}</div>'
    return {
        WORKSPACE: {"version": 1, "agent": agent, "workspace": w.ordinal, **({"key": key} if key else {})},
        "text/html": f'<div class="hitl-nb tex2jax_ignore mathjax_ignore"><div style="{_CARD}">{card}</div></div>',
        "text/plain": title,
    }


def note_bundle(text: str, when: datetime | None = None, what: str = "Finished") -> dict[str, Any]:
    """The MIME bundle of a sentence about how a cell was run; the pytest plugin masks `when`, the time of `what`."""
    at = f' {what}: <span class="hitl-who">{when:%Y-%m-%d %H:%M:%S} UTC</span>' if when is not None else ""
    return {
        NOTE: {"version": 1},
        "text/html": f'<div class="hitl-nb tex2jax_ignore mathjax_ignore" style="{_FAINT}">{_safe(text)}{at}</div>',
        "text/plain": visible(text),
    }


def plain(proposals: Sequence[Proposal]) -> str:
    """One line a proposal: what became of it, and its title. The same from run to run."""
    return "\n".join(f"{outcome(p)}: {visible(p.title)}{_because(p)}" for p in proposals)


def verdict_bundle(p: Proposal) -> dict[str, Any]:
    """The MIME bundle of a question that a policy decided and nobody paused for: its line."""
    return _line_bundle(plain([p]))


def more_passed_bundle(rule: str, count: int) -> dict[str, Any]:
    """The MIME bundle that says how many more questions a rule let pass than are shown one by one."""
    return _line_bundle(visible(f"... and {count} more passed by policy ({rule})"))


def _line_bundle(line: str) -> dict[str, Any]:
    return {
        "text/html": f'<div class="hitl-nb tex2jax_ignore mathjax_ignore" style="{_FAINT}">{escape(line)}</div>',
        "text/plain": line,
    }


def rule_of(p: Proposal) -> str:
    """What decided a question, or why people are asked, in a word or few: the rules, the guardrail, the default."""
    if p.terms is not None and p.terms.rules:
        return ", ".join(p.terms.rules)
    worst = "block" if p.decision is not None else "escalate"
    guardrails = [f"guardrail {one.name}" for one in p.guardrails if one.verdict == worst]
    return ", ".join(guardrails) or "default"


def _because(p: Proposal) -> str:
    """Behind the title of an open question whom it waits for, and behind one that a policy decided, which rule did."""
    if p.decision is not None:
        return f" ({visible(rule_of(p))})" if p.decision.by == "policy" else ""
    if p.status != "open":
        return ""
    if p.terms is None or (not p.terms.rules and p.terms.needs == (Need(),)):
        return " (waiting for a decision)"
    needed = " and ".join(map(tell_need, p.terms.needs))
    rules = f": {', '.join(p.terms.rules)}" if p.terms.rules else ""
    return visible(f" (waiting for {needed}{rules})")


def outcome(p: Proposal) -> str:
    """What became of a proposal, in a word or three."""
    if p.status == "open":
        return "Paused"
    if p.status == "decided" and p.doubt is not None:
        return doubts.outcome(p)
    if p.status == "decided" and p.decision is not None:
        done = sentences.DONE[p.decision.action].capitalize()
        match p.decision.by:
            case "policy":
                return "Passed by policy" if p.decision.action == "approve" else "Blocked by policy"
            case "deadline":
                return f"{done} by deadline"
            case _:
                return done
    return p.status.capitalize()


def html(proposals: Sequence[Proposal]) -> str:
    """The proposals as self-contained, escaped HTML."""
    # MathJax would take "$5 to $6" for a formula.
    return '<div class="hitl-nb tex2jax_ignore mathjax_ignore">' + "".join(_card(p) for p in proposals) + "</div>"


def _card(p: Proposal) -> str:
    parts = [f"<strong>{_safe(plain([p]))}</strong>"]
    parts += [_labelled(heading, _list(lines)) for heading, lines in sentences.lasting_parts(p)]
    if p.context is not None:
        parts.append(_context(p.context))
    parts += [f'<div style="{_FAINT}">{_safe(note)}</div>' for note in p.notes]
    if p.doubt is None:
        parts.append(_labelled("Proposed", _value(p)))
    else:
        rows = [(name, text) for name, text in doubts.facts(p.doubt) if name != "began"]  # times differ in each run
        rows += [(says, then) for _, says, then, _ in doubts.choices(p.doubt)] if p.status == "open" else []
        parts.append(_context(dict(rows)))
    if p.status == "open":
        way = "To decide, open this notebook in JupyterLab, or run <code>hitl-nb inbox</code> in a terminal."
        parts.append(f'<div style="{_FAINT}">{way}</div>')
    if p.decision is not None:
        parts.append(_decision(p))
    return f'<div style="{_CARD}">{"".join(parts)}</div>'


def _context(context: Any) -> str:
    if isinstance(context, str):
        return _text(context)
    rows = [
        f'<tr><th style="{_CELL}">{_safe(key)}</th><td style="{_CELL}">{_safe(_spelled(item))}</td></tr>'
        for key, item in cast("dict[str, Any]", context).items()
    ]
    return _table("".join(rows))


def _value(p: Proposal) -> str:
    value = p.value
    if p.kind == "table":
        return _frame(value)
    if p.kind == "plan":
        return "<ol>" + "".join(f"<li>{_text(_spelled(step))}</li>" for step in value) + "</ol>"
    if p.kind == "tool_call":
        arguments = json.dumps(value["arguments"], indent=2, ensure_ascii=False)
        return f"<code>{_safe(value['name'])}</code>{_text(arguments)}"
    if p.kind == "choice":
        others = ", ".join(_spelled(option) for option in p.options or [] if option != value)
        return _text(_spelled(value)) + _labelled("Other options", _text(others))
    return _text(as_text(p, value))


def _frame(table: dict[str, Any]) -> str:
    columns, rows = table["columns"], table["rows"]
    head = "".join(f'<th style="{_CELL}">{_safe(column["name"])}</th>' for column in columns)
    lines = [f"<tr>{head}</tr>"]
    for row in rows[:MAX_ROWS]:
        cells = (
            '<span style="opacity: 0.6;">null</span>' if cell is None else _safe(_cut(cell_text(column, cell)))
            for column, cell in zip(columns, row, strict=True)
        )
        lines.append("<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>")
    more = len(rows) - MAX_ROWS
    return _table("".join(lines)) + (f"<div>… and {more:,} more rows, not shown here.</div>" if more > 0 else "")


def _decision(p: Proposal) -> str:
    assert p.decision is not None
    parts: list[str] = []
    if p.decision.action == "edit":
        parts.append(_labelled("Changes", _text(changes(p, p.decision.value) or "none")))
    if p.decision.action == "respond":
        parts.append(_labelled("Answer", _text(str(p.decision.value))))
    if p.decision.reason:
        parts.append(_labelled("Reason", _text(p.decision.reason)))
    who = f"{decider(p.decision, known_if_checked(p.decision))}, {p.decision.decided_at:%Y-%m-%d %H:%M:%S} UTC"
    # With the votes, which a script that decides in people's place need not give.
    who = "; ".join([who, *(sentences.vote_line(vote) for vote in told_votes(p))])
    parts.append(f'<div style="{_FAINT}">Decided by <span class="hitl-who">{_safe(who)}</span></div>')
    return "".join(parts)


def _labelled(label: str, shown: str) -> str:
    return f'<div style="margin-top: 0.4em;"><span style="opacity: 0.75;">{label}</span> {shown}</div>'


def _list(lines: Sequence[str]) -> str:
    return '<ul style="margin: 0.2em 0;">' + "".join(f"<li>{_safe(line)}</li>" for line in lines) + "</ul>"


def _table(rows: str) -> str:
    return f'<table style="border-collapse: collapse; margin: 0.3em 0;">{rows}</table>'


def _text(text: str) -> str:
    return f'<pre style="{_TEXT}">{_safe(_cut(text))}</pre>'


def _cut(text: str) -> str:
    more = len(text) - MAX_CHARACTERS
    return text if more <= 0 else f"{text[:MAX_CHARACTERS]}\n… and {more:,} more characters, not shown here."


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _safe(text: str) -> str:
    return escape(visible(text))
