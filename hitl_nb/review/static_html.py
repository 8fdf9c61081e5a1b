"""Static text and HTML of a paused cell's output, for viewers without a kernel, the extension or scripts.

`proposals_text` and `proposals_html` are pure functions of the proposals' records, as `ledger.proposals.list_of_run`
returns them with verified signatures. So the same decisions give the same output. The text keeps the words that saved
notebooks have; the HTML has the words of the extension's card. All text from agents and people is escaped, with hidden
characters made visible. The person who decided, how that person is known, and the time appear only inside
`<span class="hitl-who">`, which comparisons of outputs can mask. The output has no ids, no paths and no other times.
Colors are inherited from the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.html import LINE_STYLE, escape_html, labelled_html, text_html
from hitl_nb.kinds.questions import list_changes
from hitl_nb.kinds.registry import find_kind
from hitl_nb.ledger.decisions.reviewers import format_decider, identify_checked_reviewer
from hitl_nb.policies.terms.seats import format_need
from hitl_nb.records import FactBlock, Need, Proposal, Workspace
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.review import terms_sentences as sentences
from hitl_nb.review.card import words
from hitl_nb.review.card.changes_html import brief_changes_html, changes_html
from hitl_nb.review.card.evidence_html import PictureBudget, ReadPicture, evidence_html, facts_html
from hitl_nb.review.progress import describe_checked_votes

PROPOSAL_MIME = "application/vnd.hitl-nb.proposal+json"
WORKSPACE_MIME = "application/vnd.hitl-nb.workspace+json"
FINISHED_MIME = "application/vnd.hitl-nb.finished+json"
NOTE_MIME = "application/vnd.hitl-nb.note+json"
"""MIME type of outputs that say how a cell was run, such as that it continued. A cell's first run has no such output.
"""

_ROOT_CLASSES = "hitl-nb tex2jax_ignore mathjax_ignore"
_CARD_STYLE = f"{LINE_STYLE} border-radius: 4px; padding: 0.6em 0.9em; margin: 0.4em 0; max-width: 60em;"
_FAINT_STYLE = "opacity: 0.75; margin-top: 0.6em;"
_STATE_STYLE = f"{LINE_STYLE} border-radius: 1em; padding: 0 0.6em; font-size: 0.9em; white-space: nowrap;"
_EVIDENCE_STYLE = "background-color: rgba(128, 128, 128, 0.1); padding: 0.3em 0.6em; margin-top: 0.4em;"
_EDGE_COLORS = {
    "brand": "rgb(25, 118, 210)",
    "success": "rgb(56, 142, 60)",
    "error": "rgb(211, 47, 47)",
    "warn": "rgb(245, 124, 0)",
    "none": "rgba(128, 128, 128, 0.5)",
}
"""Colors of a card's edge by tone. The word of the outcome says the same."""


def proposals_bundle(
    agent: str, pause: int, proposals: Sequence[Proposal], key: str = "", read_picture: ReadPicture | None = None
) -> dict[str, Any]:
    """Make the MIME bundle (cell output) that shows the proposals of a pause.

    It has hitl_nb's own MIME type for the extension, and HTML and text for other viewers.

    Args:
        agent: Name of the agent.
        pause: Number of the pause in the run.
        proposals: The proposals of the pause.
        key: Value of the cell's `--key`, which distinguishes several runs of the agent; "" if it has none.
        read_picture: Reads a picture of the evidence, such as `ledger.proposals.read_picture`. None (default): pictures
            are replaced by their descriptions.
    """
    return {
        PROPOSAL_MIME: {"version": 1, "agent": agent, "pause": pause, **({"key": key} if key else {})},
        "text/html": proposals_html(proposals, read_picture),
        "text/plain": proposals_text(proposals),
    }


def workspace_bundle(agent: str, workspace: Workspace, key: str = "") -> dict[str, Any]:
    """Make the MIME bundle (cell output) that shows a workspace which a cell has opened.

    The output has only the workspace's title and initial text, so it does not change later.

    Args:
        agent: Name of the agent.
        workspace: The workspace.
        key: Value of the cell's `--key`; "" if it has none.
    """
    title = f"Workspace: {show_hidden_characters(workspace.title)}"
    way = "To write in it, open this notebook in JupyterLab."
    template = labelled_html("Begun with", text_html(workspace.template)) if workspace.template else ""
    card = f'<strong>{escape(title)}</strong>{template}<div style="{_FAINT_STYLE}">{way}</div>'
    return {
        WORKSPACE_MIME: {"version": 1, "agent": agent, "workspace": workspace.ordinal, **({"key": key} if key else {})},
        "text/html": f'<div class="{_ROOT_CLASSES}"><div style="{_CARD_STYLE}">{card}</div></div>',
        "text/plain": title,
    }


def note_bundle(text: str, when: datetime | None = None, what: str = "Finished") -> dict[str, Any]:
    """Make the MIME bundle (cell output) of a sentence that says how a cell was run.

    Args:
        text: The sentence.
        when: Time to show after the sentence; the pytest plugin masks it. None: no time.
        what: Label of the time.
    """
    at = f' {what}: <span class="hitl-who">{when:%Y-%m-%d %H:%M:%S} UTC</span>' if when is not None else ""
    return {
        NOTE_MIME: {"version": 1},
        "text/html": f'<div class="{_ROOT_CLASSES}" style="{_FAINT_STYLE}">{escape_html(text)}{at}</div>',
        "text/plain": show_hidden_characters(text),
    }


def finished_bundle(agent: str, key: str, text: str, when: datetime) -> dict[str, Any]:
    """Make the MIME bundle (cell output) of the note that an agent had finished before its cell was executed.

    Args:
        agent: Name of the agent.
        key: Value of the cell's `--key`; "" if it has none.
        text: The note as a sentence, for viewers without the extension.
        when: Time when the agent had finished.
    """
    return {
        FINISHED_MIME: {"version": 1, "agent": agent, **({"key": key} if key else {})},
        **note_bundle(text, when),
    }


def proposals_text(proposals: Sequence[Proposal]) -> str:
    """Return one line of text per proposal: its outcome, title, and state, such as "(waiting for a decision)".

    The lines have no ids and no times.
    """
    return "\n".join(
        f"{describe_outcome(proposal)}: {show_hidden_characters(proposal.title)}{_explain_status(proposal)}"
        for proposal in proposals
    )


def verdict_bundle(proposal: Proposal) -> dict[str, Any]:
    """Make the MIME bundle (cell output) of a question that a policy decided without a pause: one line of text."""
    return _line_bundle(proposals_text([proposal]))


def more_passed_bundle(rule: str, count: int) -> dict[str, Any]:
    """Make the MIME bundle (cell output) of a line such as "... and 5 more passed by policy (RULE)".

    A cell can ask very many questions that a rule passes. This line replaces those that have no line of their own.

    Args:
        rule: Name of the rule.
        count: Number of questions that are not shown one by one.
    """
    return _line_bundle(show_hidden_characters(f"... and {count} more passed by policy ({rule})"))


def _line_bundle(line: str) -> dict[str, Any]:
    return {
        "text/html": f'<div class="{_ROOT_CLASSES}" style="{_FAINT_STYLE}">{escape(line)}</div>',
        "text/plain": line,
    }


def describe_rule(proposal: Proposal) -> str:
    """Return the names of the policy rules that decided a question or that ask people about it: "large-refund, vip".

    If no rule did so, the names of guardrails: "guardrail iban". If no guardrail did so either, "default".
    """
    if proposal.terms is not None and proposal.terms.rules:
        return ", ".join(proposal.terms.rules)
    worst = "block" if proposal.decision is not None else "escalate"
    guardrails = [f"guardrail {one.name}" for one in proposal.guardrails if one.verdict == worst]
    return ", ".join(guardrails) or "default"


def _explain_status(proposal: Proposal) -> str:
    """Return a text in brackets to put after a proposal's title.

    For an open proposal it names the people who are needed, for a policy's decision the rule. Otherwise "".
    """
    if proposal.decision is not None:
        return f" ({show_hidden_characters(describe_rule(proposal))})" if proposal.decision.by == "policy" else ""
    if proposal.status != "open":
        return ""
    if proposal.terms is None or (not proposal.terms.rules and proposal.terms.needs == (Need(),)):
        return " (waiting for a decision)"
    needed = " and ".join(map(format_need, proposal.terms.needs))
    rules = f": {', '.join(proposal.terms.rules)}" if proposal.terms.rules else ""
    return show_hidden_characters(f" (waiting for {needed}{rules})")


def describe_outcome(proposal: Proposal) -> str:
    """Return the outcome of a proposal in a few words, such as "Paused", "Approved" or "Passed by policy"."""
    if proposal.status == "open":
        return "Paused"
    if proposal.status == "decided" and proposal.doubt is not None:
        return doubts.describe_doubt_outcome(proposal)
    if proposal.status == "decided" and proposal.decision is not None:
        done = sentences.ACTION_WORDS[proposal.decision.action].capitalize()
        match proposal.decision.by:
            case "policy":
                return "Passed by policy" if proposal.decision.action == "approve" else "Blocked by policy"
            case "deadline":
                return f"{done} by deadline"
            case _:
                return done
    return proposal.status.capitalize()


def proposals_html(proposals: Sequence[Proposal], read_picture: ReadPicture | None = None) -> str:
    """Return self-contained HTML with one card per proposal. All texts from agents and people are escaped.

    Args:
        proposals: The proposals.
        read_picture: As in `proposals_bundle`.
    """
    budget = PictureBudget()
    cards = (_card_html(proposal, evidence_html(proposal, budget, read_picture)) for proposal in proposals)
    # The class stops MathJax from reading "$5 to $6" as a formula.
    return f'<div class="{_ROOT_CLASSES}">{"".join(cards)}</div>'


def _card_html(proposal: Proposal, evidence: str) -> str:
    """Return the HTML of a card, in the order of the extension's: head, terms, evidence, proposal, decision.

    A card that is not open begins with two lines, and has the rest in a `details` element.
    """
    edge = f"border-left: 4px solid; border-left-color: {_EDGE_COLORS[words.outcome_tone(proposal)]};"
    style = f"{_CARD_STYLE} {edge}"
    if proposal.status == "open":
        way = "To decide, open this notebook in JupyterLab, or run <code>hitl-nb inbox</code> in a terminal."
        way_html = f'<div style="{_FAINT_STYLE}">{way}</div>'
        return f'<div style="{style}">{_head_html(proposal)}{_content_html(proposal, evidence)}{way_html}</div>'
    changes = _list_edit_changes(proposal)  # once: of a large table it takes a while
    summary = f'<summary style="cursor: pointer;">{_decided_lines_html(proposal, changes)}</summary>'
    rest = f"{_content_html(proposal, evidence)}{_decision_html(proposal, changes)}"
    return f'<details style="{style}">{summary}{rest}</details>'


def _list_edit_changes(proposal: Proposal) -> Changes | None:
    """Return what was edited in a proposal's value. None: it was not decided by an edit of the value."""
    made = proposal.decision
    is_edit = made is not None and made.action == "edit" and proposal.doubt is None
    return list_changes(proposal, made.value) if made is not None and is_edit else None


def _head_html(proposal: Proposal) -> str:
    state = f'<span style="{_STATE_STYLE}">{escape_html(words.waits_for(proposal))}</span>'
    about = escape_html(f"{words.subject(proposal)} · {proposal.agent}")
    return f'<strong>{escape_html(proposal.title)}</strong> {state}<div style="opacity: 0.75;">{about}</div>'


def _decided_lines_html(proposal: Proposal, changes: Changes | None) -> str:
    """Return the two lines of a card that is not open: its outcome and title; who, when, what was changed, and why."""
    outcome = f"{words.outcome_sign(proposal)} <strong>{escape_html(words.outcome_word(proposal))}</strong>"
    first = f"{outcome} {escape_html(proposal.title)}"
    made = proposal.decision
    if made is None:
        return first
    decider = format_decider(made, identify_checked_reviewer(made))
    who = f"{decider}, {made.decided_at:%Y-%m-%d %H:%M:%S} UTC"
    # Votes are inside the masked span, too: a decisions file may give one decision instead of the votes.
    who = "; ".join([who, *(sentences.format_vote(vote) for vote in describe_checked_votes(proposal))])
    second = [f'<span class="hitl-who">{escape_html(who)}</span>']
    if made.by == "policy":
        second.append(escape_html(describe_rule(proposal)))
    if changes is not None:
        second.append(brief_changes_html(changes))
    said = str(made.value) if made.action == "respond" else made.reason
    if said:
        second.append(f"“{escape_html(words.shorten_line(said))}”")
    return f'{first}<div style="opacity: 0.75;">{" · ".join(second)}</div>'


def _content_html(proposal: Proposal, evidence: str) -> str:
    """Return what stands between head and decision: why asked and needs, evidence, notes, the proposed value."""
    parts = [labelled_html(heading, _list_html(lines)) for heading, lines in sentences.lasting_sections(proposal)]
    if evidence:
        parts.append(f'<div style="{_EVIDENCE_STYLE}"><strong>Evidence</strong>{evidence}</div>')
    parts += [f'<div style="{_FAINT_STYLE}">{escape_html(note)}</div>' for note in proposal.notes]
    if proposal.doubt is None:
        parts.append(labelled_html("Proposal", find_kind(proposal.kind).to_html(proposal)))
        return "".join(parts)
    # The time at which the call began is left out, because it differs in each run.
    rows = [(name, text) for name, text in doubts.list_facts(proposal.doubt) if name != "began"]
    if proposal.status == "open":
        rows += [(says, then) for _, says, then, _ in doubts.list_choices(proposal.doubt)]
    parts.append(facts_html([FactBlock(name=name, value=text) for name, text in rows]))
    return "".join(parts)


def _decision_html(proposal: Proposal, changes: Changes | None) -> str:
    """Return the decision in full: the changes, the answer and the reason. The decider is in the two lines above."""
    made = proposal.decision
    if made is None:
        return ""
    parts: list[str] = []
    if changes is not None:
        parts.append(labelled_html("Changes", changes_html(changes) or "none"))
    elif made.action == "edit":
        parts.append(labelled_html("Answer", text_html(find_kind(proposal.kind).format(made.value))))
    if made.action == "respond":
        parts.append(labelled_html("Answer", text_html(str(made.value))))
    if made.reason:
        parts.append(labelled_html("Reason", text_html(made.reason)))
    return "".join(parts)


def _list_html(lines: Sequence[str]) -> str:
    return '<ul style="margin: 0.2em 0;">' + "".join(f"<li>{escape_html(line)}</li>" for line in lines) + "</ul>"
