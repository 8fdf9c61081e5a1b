"""What the command line prints: tables for people, plain lines for pipes, one JSON document for programs.

On a terminal a list is a table; anywhere else it is one line a record with tabs between the fields, so that
`cut` and `grep` work and nothing of the decoration is left. Agents write the texts that are shown here, so
every control character, and every one that could fake the reading order, is spelled out (`values.visible`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from textwrap import indent
from typing import Any

from msgspec import UNSET

from hitl_nb.kinds.questions import as_text, changes, visible
from hitl_nb.ledger.decisions.reviewers import POLICY, author, decider, speaker
from hitl_nb.policies.terms.seats import tell_progress
from hitl_nb.records import Comment, Doubt, Event, Known, Proposal, Run
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.review.terms_sentences import parts


def document(value: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def note(text: str) -> None:
    """Print a line for people on standard error."""
    print(visible(text), file=sys.stderr)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, named: bool = False) -> None:
    """Print rows: a table on a terminal, lines of fields with tabs between them elsewhere.

    `named` is for columns whose meaning cannot be told from their fields: there, too, the first line names them.
    """
    texts = [["" if cell is None else visible(str(cell)) for cell in row] for row in rows]
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


def when(moment: datetime) -> str:
    """A time for people: to the second, UTC."""
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def proposals(found: Sequence[Proposal], told: Sequence[dict[str, Any]]) -> None:
    """The list of proposals. `told` is what `review.progress.describe` gave of each; shown where any has terms."""
    columns = ("id", "title", "kind", "agent", "notebook", "waiting since")
    rows = [(p.id, p.title, p.kind, p.agent, p.notebook, when(p.created_at)) for p in found]
    if not any(p.terms is not None for p in found):
        table(columns, rows)
        return
    more = [(_needed(one), _next(p, one)) for p, one in zip(found, told, strict=True)]
    table((*columns, "needed", "until"), ((*row, *rest) for row, rest in zip(rows, more, strict=True)))


def _needed(told: dict[str, Any]) -> str:
    if told["stuck"]:
        return "nobody can decide"
    if told["settles_at"] is not None:
        return "approved; it can still be taken back"
    return " and ".join(_short(need) for need in told["needs"])


def _short(need: dict[str, Any]) -> str:
    return tell_progress(need["text"], need["have"], need["count"])


def _next(p: Proposal, told: dict[str, Any]) -> str:
    late = "overdue" if told["overdue"] else ""
    if p.deadline is not None and told["on_deadline"]:
        return ", ".join(filter(None, [late, f"{when(p.deadline)} {told['on_deadline']}"]))
    timer = told["timer"]
    return ", ".join(filter(None, [late, f"{when(timer['at'])} {timer['does']}" if timer else ""]))


def passed(found: Sequence[Proposal]) -> None:
    """The list of what policies decided."""
    rows: list[tuple[object, ...]] = []
    for p in found:
        assert p.decision is not None
        rule = p.decision.reviewer.removeprefix(POLICY)
        verdict, at = _VERDICT.get(p.decision.action, ""), when(p.decision.decided_at)
        rows.append((p.id, p.title, verdict, rule, p.agent, p.notebook, at))
    table(("id", "title", "verdict", "rule", "agent", "notebook", "when"), rows)


_VERDICT = {"approve": "passed", "reject": "blocked"}


def runs(found: Sequence[Run]) -> None:
    """The list of runs."""
    table(
        ("id", "agent", "key", "notebook", "status", "pauses", "open", "changed", "error"),
        ((r.id, r.agent, r.key, r.notebook, r.status, r.pauses, r.open, when(r.updated_at), r.error) for r in found),
    )


def events(found: Sequence[Event], by: Callable[[Event], str]) -> None:
    """The audit log; `by` says who did it."""
    table(
        ("n", "at", "what", "by", "run", "proposal", "details"),
        ((e.n, when(e.at), e.type, by(e), e.run, e.proposal, _compact(e.data)) for e in found),
    )


def proposal(
    p: Proposal, draft: str | None, comments: Sequence[Comment], known: Known | None, told: dict[str, Any]
) -> None:
    """One proposal in full: nothing of what would be done is shortened.

    `known` is how it is known who decided, `told` what `review.progress.describe` gave.
    """
    facts = [
        ("id", p.id),
        ("status", p.status),
        ("kind", p.kind if p.kind != "json" or p.type_name in ("dict", "list") else f"{p.kind} ({p.type_name})"),
        ("agent", p.agent),
        ("notebook", p.notebook),
        ("run", f"{p.run}, pause {p.pause}"),
        ("asked", when(p.created_at)),
    ]
    if p.status == "open":
        ways = ", ".join(f"hitl-nb {action}" for action in told["may"]["actions"])
        facts.append(("decide with", ways or "nothing: it is not for you"))
    if p.options is not None:
        facts.append(("choices", "; ".join(_compact(option) for option in p.options)))
    print(visible(p.title))
    print()
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        print(f"{name:<{width}}  {visible(text)}")
    for heading, lines in parts(p, told):
        _part(heading, "\n".join(lines))
    if p.context:
        _part("Context", p.context if isinstance(p.context, str) else _lines(p.context))
    if p.notes:
        _part("Notes", "\n".join(p.notes))
    if p.doubt is None:
        _part("Proposed", as_text(p, p.value))
    else:
        _doubt(p, p.doubt)
    if p.status == "open" and p.candidate is not UNSET:
        _part("Changed: this is what people vote on", changes(p, p.candidate))
    if draft is not None:
        _part("Draft", draft)
    if comments:
        _part("Comments", "\n\n".join(_thread(comments)))
    if p.decision is not None:
        _decision(p, known)


def _doubt(p: Proposal, doubt: Doubt) -> None:
    """What is known of an effect in doubt, and how to say what came of it."""
    known = doubts.facts(doubt)
    width = max(len(name) for name, _ in known)
    _part("In doubt", "\n".join([doubt.call, *(f"{name:<{width}}  {text}" for name, text in known)]))
    if p.status == "open":
        ways = [
            f"hitl-nb edit {p.id} --happened {word}{' --result JSON' if word == 'yes' else ''}\n    {says}. {then}"
            for word, says, then, _ in doubts.choices(doubt)
        ]
        _part("Say what happened", "\n".join(ways))


def _decision(p: Proposal, known: Known | None) -> None:
    made = p.decision
    assert made is not None
    what = made.action if made.by != "policy" else _VERDICT.get(made.action, made.action)
    _part("Decision", f"{what} by {decider(made, known)}, {when(made.decided_at)}")
    if made.reason:
        print(f"reason: {visible(made.reason)}")
    if made.action == "respond":
        _part("Message", str(made.value))
    if made.action == "edit":
        _part("Changes", changes(p, made.value))


def _thread(comments: Sequence[Comment]) -> Iterator[str]:
    from hitl_nb.ledger.comments import threads

    for first, answers in threads(comments):
        yield "\n".join([_comment(first), *(indent(_comment(one), "  ") for one in answers)])


def _comment(c: Comment) -> str:
    """Who said what, and about what: a quote like one of a mail, or a suggestion like a diff.

    What people wrote stands behind a bar, so that no text can look like another person's comment.
    """
    head = f"{author(c)}, {when(c.at)}"
    if c.state_at is not None:
        by = speaker(c.state_by, c.state_by_name, c.state_known or "unsigned")
        head += f" [{c.state} by {by}, {when(c.state_at)}]"
    about = _marked("> " if c.suggestion is None else "- ", c.quote) + _marked("+ ", c.suggestion or "")
    return "\n".join([head, *(f"| {line}" for line in [*about, *_marked("", c.text)])])


def _marked(mark: str, text: str) -> list[str]:
    return [mark + line for line in text.split("\n")] if text else []


def _part(name: str, text: str) -> None:
    print(f"\n--- {name}")
    print(visible(text.rstrip("\n")))


def _lines(mapping: Any) -> str:
    if not isinstance(mapping, dict):
        return _compact(mapping)
    return "\n".join(f"{key}: {_compact(value)}" for key, value in mapping.items())  # pyright: ignore[reportUnknownVariableType]  # JSON


def _compact(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
