"""Changes of plans: steps that were added, removed, moved or changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hitl_nb.kinds.changes.model import Changes, Part, Sign, Span, count_of
from hitl_nb.kinds.changes.paths import format_json
from hitl_nb.kinds.changes.words import word_spans
from hitl_nb.records import canonical_json
from hitl_nb.values.text_diff import match_opcodes

_MIN_ALIKE = 0.4
"""Smallest share of equal characters with which a step counts as the same step, changed."""
_MAX_PAIRS = 2_000
"""Maximum number of pairs of steps whose words are compared."""


@dataclass
class _StepPairs:
    """Which step of the edited plan was which step of the proposed one.

    Attributes:
        origin: Index in the edited plan -> index in the proposed plan.
        moved: Indices in the edited plan of the steps that moved.
    """

    origin: dict[int, int] = field(default_factory=dict[int, int])
    moved: set[int] = field(default_factory=set[int])


def plan_changes(before: Sequence[Any], after: Sequence[Any]) -> Changes:
    """Compare two plans: all steps in the order of the edited plan, with "+", "−", "↑" or "↓".

    A removed step is listed after the step that it followed. Steps that are as proposed are listed without a sign,
    because a plan is read as a whole.
    """
    matches = _match_steps(before, after)
    kept = set(matches.origin.values())
    behind: dict[int, list[int]] = {}
    last = -1
    for i in range(len(before)):
        if i in kept:
            last = i
        else:
            behind.setdefault(last, []).append(i)
    parts = [_removed_part(before[i]) for i in behind.get(-1, [])]
    for j, step in enumerate(after):
        i = matches.origin.get(j)
        if i is None:
            parts.append(Part(f"{j + 1}.", (Span("added", format_json(step)),), "+"))
            continue
        sign: Sign = "" if j not in matches.moved else "↓" if i < j else "↑"
        parts.append(Part(f"{j + 1}.", word_spans(format_json(before[i]), format_json(step)), sign))
        parts += (_removed_part(before[n]) for n in behind.get(i, []))
    count = sum(bool(part.sign) or any(span.mark != "same" for span in part.spans) for part in parts)
    same = len(parts) - count
    return Changes(count, tuple(parts), f"{count_of(same, 'step is', 'steps are')} as proposed" if same else "")


def _removed_part(step: Any) -> Part:
    return Part("", (Span("removed", format_json(step)),), "−")


def _match_steps(before: Sequence[Any], after: Sequence[Any]) -> _StepPairs:
    old, new = ([canonical_json(step).decode() for step in steps] for steps in (before, after))
    matches = _StepPairs()
    left_old: list[int] = []
    left_new: list[int] = []
    for tag, i, i_end, j, j_end in match_opcodes(old, new):
        if tag == "equal":
            matches.origin.update((j + n, i + n) for n in range(i_end - i))
            continue
        mine, others = list(range(i, i_end)), list(range(j, j_end))
        _take_pairs(matches, mine, others, lambda a, b: old[a] != new[b] and _is_alike(before[a], after[b]))
        left_old += mine
        left_new += others
    taken = set(matches.origin)
    _take_pairs(matches, left_old, left_new, lambda a, b: old[a] == new[b])
    _take_pairs(matches, left_old, left_new, lambda a, b: _is_alike(before[a], after[b]))
    matches.moved = set(matches.origin) - taken
    return matches


def _take_pairs(matches: _StepPairs, old: list[int], new: list[int], fits: Callable[[int, int], bool]) -> None:
    """Record the pairs of steps that fit, and take them out of the two lists."""
    if len(old) * len(new) > _MAX_PAIRS:
        return
    for j in list(new):
        i = next((one for one in old if fits(one, j)), None)
        if i is not None:
            matches.origin[j] = i
            old.remove(i)
            new.remove(j)


def _is_alike(one: Any, other: Any) -> bool:
    """Return whether two steps are versions of one step: most of the longer one is in both."""
    if type(one) is not type(other):
        return False
    before, after = format_json(one), format_json(other)
    same = sum(len(span.text.strip()) for span in word_spans(before, after) if span.mark == "same")
    return same >= _MIN_ALIKE * max(len(before.strip()), len(after.strip()))
