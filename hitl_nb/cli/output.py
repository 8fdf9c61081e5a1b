"""Output of the command line: tables for people, plain lines for pipes, one JSON document for programs.

On a terminal a list is printed as a table. Elsewhere it is one line per record, with tabs between the fields and
without decoration, so that `cut` and `grep` work. Agents write the texts that are printed. So control characters, and
characters that could change the reading order, are made visible (`show_hidden_characters`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from textwrap import indent
from typing import Any, cast

from msgspec import UNSET

from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import diff_value, format_value
from hitl_nb.kinds.registry import DEFAULT_KIND
from hitl_nb.ledger.decisions.reviewers import POLICY_REVIEWER, format_author, format_decider, format_speaker
from hitl_nb.policies.terms.seats import format_need_progress
from hitl_nb.records import Comment, Doubt, Event, Known, Proposal, Run
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.review.terms_sentences import review_sections


def print_document(value: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def print_note(text: str) -> None:
    """Print a line for people on standard error."""
    print(show_hidden_characters(text), file=sys.stderr)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, named: bool = False) -> None:
    """Print rows: as a table on a terminal, elsewhere as lines with tabs between the fields.

    Args:
        columns: Names of the columns.
        rows: The fields of each row.
        named: If True, the first line has the names of the columns also outside a terminal, because the fields do not
            show their meaning.
    """
    texts = [["" if cell is None else show_hidden_characters(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(columns), *texts] if named else texts:
            print("\t".join(" ".join(cell.split()) for cell in row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        drawn.add_column(name, overflow="fold", no_wrap=name in ("id", "waiting since", "changed", "status"))
    for row in texts:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def format_time(moment: datetime) -> str:
    """Format a time for people: to the second, in UTC."""
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def print_proposals(found: Sequence[Proposal], told: Sequence[dict[str, Any]]) -> None:
    """Print a list of proposals.

    Args:
        found: The proposals.
        told: Result of `review.progress.describe_progress` for each proposal. Shown if a proposal has terms (conditions
            from a policy).
    """
    columns = ("id", "title", "kind", "agent", "notebook", "waiting since")
    rows = [
        (
            proposal.id,
            proposal.title,
            proposal.kind,
            proposal.agent,
            proposal.notebook,
            format_time(proposal.created_at),
        )
        for proposal in found
    ]
    if not any(proposal.terms is not None for proposal in found):
        print_table(columns, rows)
        return
    more = [(_format_needed(one), _format_next(proposal, one)) for proposal, one in zip(found, told, strict=True)]
    print_table((*columns, "needed", "until"), ((*row, *rest) for row, rest in zip(rows, more, strict=True)))


def _format_needed(told: dict[str, Any]) -> str:
    if told["stuck"]:
        return "nobody can decide"
    if told["settles_at"] is not None:
        return "approved; it can still be taken back"
    return " and ".join(_format_short_need(need) for need in told["needs"])


def _format_short_need(need: dict[str, Any]) -> str:
    return format_need_progress(need["text"], need["have"], need["count"])


def _format_next(proposal: Proposal, told: dict[str, Any]) -> str:
    late = "overdue" if told["overdue"] else ""
    if proposal.deadline is not None and told["on_deadline"]:
        return ", ".join(filter(None, [late, f"{format_time(proposal.deadline)} {told['on_deadline']}"]))
    timer = told["timer"]
    return ", ".join(filter(None, [late, f"{format_time(timer['at'])} {timer['does']}" if timer else ""]))


def print_passed(found: Sequence[Proposal]) -> None:
    """Print proposals that a policy has decided, with the verdict and the rule."""
    rows: list[tuple[object, ...]] = []
    for proposal in found:
        assert proposal.decision is not None
        rule = proposal.decision.reviewer.removeprefix(POLICY_REVIEWER)
        verdict, at = _VERDICT_WORDS.get(proposal.decision.action, ""), format_time(proposal.decision.decided_at)
        rows.append((proposal.id, proposal.title, verdict, rule, proposal.agent, proposal.notebook, at))
    print_table(("id", "title", "verdict", "rule", "agent", "notebook", "when"), rows)


_VERDICT_WORDS = {"approve": "passed", "reject": "blocked"}


def print_runs(found: Sequence[Run]) -> None:
    """Print a list of runs."""
    print_table(
        ("id", "agent", "key", "notebook", "status", "pauses", "open", "changed", "error"),
        (
            (
                r.id,
                r.agent,
                r.key,
                r.notebook,
                _format_status(r),
                r.pauses,
                r.open,
                format_time(r.updated_at),
                r.error,
            )
            for r in found
        ),
    )


def _format_status(run: Run) -> str:
    """Return the status of a run; "held" in front: its program waits, and nobody has to continue it."""
    return f"held, {run.status}" if run.held else run.status


def print_events(found: Sequence[Event], by: Callable[[Event], str]) -> None:
    """Print entries of the audit log.

    Args:
        found: The entries.
        by: Describes the actor of an event.
    """
    print_table(
        ("n", "at", "what", "by", "run", "proposal", "details"),
        ((e.n, format_time(e.at), e.type, by(e), e.run, e.proposal, _compact_json(e.data)) for e in found),
    )


def print_proposal(
    proposal: Proposal, draft: str | None, comments: Sequence[Comment], known: Known | None, told: dict[str, Any]
) -> None:
    """Print one proposal in full. The action is never shortened.

    Args:
        proposal: The proposal.
        draft: Text of the current draft, if it differs from the value.
        comments: Comments on the proposal.
        known: How the identity of the decider is known.
        told: Result of `review.progress.describe_progress`.
    """
    facts = [
        ("id", proposal.id),
        ("status", proposal.status),
        (
            "kind",
            proposal.kind
            if proposal.kind != DEFAULT_KIND.name or proposal.type_name in ("dict", "list")
            else f"{proposal.kind} ({proposal.type_name})",
        ),
        ("agent", proposal.agent),
        ("notebook", proposal.notebook),
        ("run", f"{proposal.run}, pause {proposal.pause}"),
        ("asked", format_time(proposal.created_at)),
    ]
    if proposal.status == "open":
        ways = ", ".join(f"hitl-nb {action}" for action in told["may"]["actions"])
        facts.append(("decide with", ways or "nothing: it is not for you"))
    if proposal.options is not None:
        facts.append(("choices", "; ".join(_compact_json(option) for option in proposal.options)))
    print(show_hidden_characters(proposal.title))
    print()
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        print(f"{name:<{width}}  {show_hidden_characters(text)}")
    for heading, lines in review_sections(proposal, told):
        _print_part(heading, "\n".join(lines))
    if proposal.context:
        _print_part(
            "Context", proposal.context if isinstance(proposal.context, str) else _format_lines(proposal.context)
        )
    if proposal.notes:
        _print_part("Notes", "\n".join(proposal.notes))
    if proposal.doubt is None:
        _print_part("Proposed", format_value(proposal, proposal.value))
    else:
        _print_doubt(proposal, proposal.doubt)
    if proposal.status == "open" and proposal.candidate is not UNSET:
        _print_part("Changed: this is what people vote on", diff_value(proposal, proposal.candidate))
    if draft is not None:
        _print_part("Draft", draft)
    if comments:
        _print_part("Comments", "\n\n".join(_iterate_thread_lines(comments)))
    if proposal.decision is not None:
        _print_decision(proposal, known)


def _print_doubt(proposal: Proposal, doubt: Doubt) -> None:
    """Print the known facts about a call whose effect is in doubt, and the commands that answer the question."""
    known = doubts.list_facts(doubt)
    width = max(len(name) for name, _ in known)
    _print_part("In doubt", "\n".join([doubt.call, *(f"{name:<{width}}  {text}" for name, text in known)]))
    if proposal.status == "open":
        ways = [
            f"hitl-nb edit {proposal.id} --happened {word}{' --result JSON' if word == 'yes' else ''}\n    {says}. "
            f"{then}"
            for word, says, then, _ in doubts.list_choices(doubt)
        ]
        _print_part("Say what happened", "\n".join(ways))


def _print_decision(proposal: Proposal, known: Known | None) -> None:
    made = proposal.decision
    assert made is not None
    what = made.action if made.by != "policy" else _VERDICT_WORDS.get(made.action, made.action)
    _print_part("Decision", f"{what} by {format_decider(made, known)}, {format_time(made.decided_at)}")
    if made.reason:
        print(f"reason: {show_hidden_characters(made.reason)}")
    if made.action == "respond":
        _print_part("Message", str(made.value))
    if made.action == "edit":
        _print_part("Changes", diff_value(proposal, made.value))


def _iterate_thread_lines(comments: Sequence[Comment]) -> Iterator[str]:
    from hitl_nb.ledger.documents.comment_records import group_threads

    for first, answers in group_threads(comments):
        yield "\n".join([_format_comment(first), *(indent(_format_comment(one), "  ") for one in answers)])


def _format_comment(comment: Comment) -> str:
    """Format a comment with its author and its subject: a quote as in an email, a suggestion as a diff.

    Each line of text that people wrote begins with a bar, so that the text cannot look like another person's comment.
    """
    head = f"{format_author(comment)}, {format_time(comment.at)}"
    if comment.state_at is not None:
        by = format_speaker(comment.state_by, comment.state_by_name, comment.state_known or "unsigned")
        head += f" [{comment.state} by {by}, {format_time(comment.state_at)}]"
    about = _prefix_lines("> " if comment.suggestion is None else "- ", comment.quote) + _prefix_lines(
        "+ ", comment.suggestion or ""
    )
    return "\n".join([head, *(f"| {line}" for line in [*about, *_prefix_lines("", comment.text)])])


def _prefix_lines(mark: str, text: str) -> list[str]:
    return [mark + line for line in text.split("\n")] if text else []


def _print_part(name: str, text: str) -> None:
    print(f"\n--- {name}")
    print(show_hidden_characters(text.rstrip("\n")))


def _format_lines(mapping: Any) -> str:
    if not isinstance(mapping, dict):
        return _compact_json(mapping)
    return "\n".join(f"{key}: {_compact_json(value)}" for key, value in cast("dict[str, Any]", mapping).items())


def _compact_json(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
