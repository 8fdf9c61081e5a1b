"""The text of a proposal in which people search, and the comparison of searched words with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.ledger.decisions.reviewers import POLICY_REVIEWER
from hitl_nb.records import Comment, Proposal

MAX_TEXT_CHARS = 20_000
"""Number of characters of one value, draft or context that are searched, from its beginning.

Of the comments on one document, so many are searched too, newest comment first.
"""
MAX_LIST_ITEMS = 1000
"""Number of list items of one value in which numbers are looked for."""


def split_words(searched: str) -> tuple[str, ...]:
    """Return the words of a search as they are compared. All of them must occur in a text."""
    return tuple(searched.casefold().split())


def has_words(text: str, words: Iterable[str]) -> bool:
    """Return whether all words occur in a text, at any place.

    Args:
        text: A text that `record_text` or another function of this module has returned.
        words: Result of `split_words`.
    """
    return all(word in text for word in words)


def record_text(proposal: Proposal) -> str:
    """Return what is searched in a proposal's record: title, agent, notebook, value, context, people and reasons."""
    parts = [
        proposal.title,
        proposal.agent,
        PurePath(proposal.notebook).name,
        proposal.kind,
        *proposal.tags,
        *proposal.why,
        *_iterate_people(proposal),
        *(() if proposal.terms is None else proposal.terms.rules),
        value_text(proposal.value),
        value_text(proposal.context),
    ]
    if proposal.doubt is not None:
        parts += [proposal.doubt.call, *proposal.doubt.arguments.values(), proposal.doubt.idempotency_key]
    if proposal.decision is not None:
        parts += [proposal.decision.reason or "", value_text(proposal.decision.value)]
    return "\n".join(parts).casefold()


def value_text(value: Any) -> str:
    """Return the texts and numbers in a JSON value, one a line. The names of fields are not included."""
    return "\n".join(_iterate_leaves(value)).casefold()


def comments_text(comments: Iterable[Comment]) -> str:
    """Return what is searched in comments: texts, suggestions, and names of their authors.

    Args:
        comments: The comments, oldest first.
    """
    newest_first = reversed(list(comments))
    return value_text(
        [part for one in newest_first for part in (one.author_name, one.author, one.text, one.suggestion or "")]
    )


def read_numbers(proposal: Proposal, most: int = 50, *, in_lists: bool = True) -> dict[str, float]:
    """Return the numbers in a proposal's value by path, for example "lines/0/amount". Decimal texts count as numbers.

    The arguments of a tool call also have the paths without "arguments/".

    Args:
        proposal: The proposal.
        most: Maximum number of numbers. Those in lists come last.
        in_lists: Whether the numbers in lists are included. Default: True.
    """
    found: dict[str, float] = {}
    left = MAX_LIST_ITEMS if in_lists else 0
    waiting: list[tuple[str, Any, int]] = [("", proposal.value, 0)]
    while waiting and len(found) < most:
        path, value, depth = waiting.pop()
        if isinstance(value, dict) and depth < 4:
            named = cast("dict[str, Any]", value).items()
            waiting += [(f"{path}/{name}", one, depth + 1) for name, one in reversed(named)]
        elif isinstance(value, list) and depth < 4:
            items = cast("list[Any]", value)[:left]
            left -= len(items)
            # Below everything else, so that a long list does not take the place of the other fields.
            waiting[:0] = [(f"{path}/{n}", one, depth + 1) for n, one in reversed(list(enumerate(items)))]
        elif (number := _parse_number(value)) is not None:
            found[path.lstrip("/")] = number
    # The arguments of a call are also found without their place in it.
    found |= {path.removeprefix("arguments/"): number for path, number in found.items()}
    return found


def _parse_number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not (0 < len(value) < 40 and value.strip("-").replace(".", "", 1).isdecimal()):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _iterate_people(proposal: Proposal) -> Iterator[str]:
    yield proposal.assignee or ""
    yield from proposal.widened
    yield from proposal.requesters
    for vote in proposal.votes:
        yield from (vote.reviewer, vote.reviewer_name, vote.reason or "")
    if proposal.terms is not None:
        for need in proposal.terms.needs:
            yield from (need.text, *need.people)
    if proposal.decision is not None:
        yield from (proposal.decision.reviewer.removeprefix(POLICY_REVIEWER), proposal.decision.reviewer_name)


def _iterate_leaves(value: Any) -> Iterator[str]:
    """Yield the texts and numbers of a JSON value in order, at most `MAX_TEXT_CHARS` characters."""
    left = MAX_TEXT_CHARS
    waiting: list[Any] = [iter((value,))]
    while waiting and left > 0:
        item: Any = next(waiting[-1], waiting)
        if item is waiting:
            waiting.pop()
        elif isinstance(item, dict):
            waiting.append(iter(cast("dict[str, Any]", item).values()))
        elif isinstance(item, list):
            waiting.append(iter(cast("list[Any]", item)))
        elif item is not None and not isinstance(item, bool):
            text = item[:left] if isinstance(item, str) else json.dumps(item)
            left -= len(text) + 1
            yield text
