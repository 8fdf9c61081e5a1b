"""Unified diffs of large texts: exact, and found in bounded time."""

from __future__ import annotations

import random

import pytest

from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import diff_value
from hitl_nb.records import Question
from hitl_nb.values import text_diff as differences


def apply_diff(before: list[str], diff: list[str]) -> list[str]:
    """What a diff makes of a text."""
    made: list[str] = []
    at = 0
    for line in diff[2:]:
        if line.startswith("@@"):
            start, _, count = line.split()[1][1:].partition(",")
            until = int(start) - (count != "0")
            made += before[at:until]
            at = until
            continue
        if line[0] != "+":
            assert before[at] == line[1:]
            at += 1
        if line[0] != "-":
            made.append(line[1:])
    return made + before[at:]


@pytest.mark.parametrize("seed", range(40))
def test_a_diff_of_parts_is_exact(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "_MAX_PAIRS", 100)
    chance = random.Random(seed)
    for _ in range(30):
        before = [str(chance.randrange(chance.choice([2, 9, 1000]))) for _ in range(chance.randrange(80))]
        after = list(before)
        for _ in range(chance.randrange(1, 12)):
            after.insert(chance.randint(0, len(after)), f"new {chance.randrange(5)}")
            del after[chance.randrange(len(after))]
        if before != after:
            assert apply_diff(before, list(differences.unified_diff(before, after, "a", "b"))) == after


def test_a_change_in_a_long_text_is_shown_alone() -> None:
    before = "\n".join(f"line {i}" for i in range(100_000))
    question = Question(title="t", kind="text", value=before)
    said = diff_value(question, before.replace("line 77\n", "new\n").replace("line 99990\n", ""))
    assert [line for line in said.split("\n")[2:] if line[:1] in "+-" and line] == ["-line 77", "+new", "-line 99990"]


def test_two_long_texts_with_nothing_in_common_but_common_lines_are_compared_soon() -> None:
    chance = random.Random(1)
    before, after = (["abc"[chance.randrange(3)] for _ in range(200_000)] for _ in range(2))
    diff = list(differences.unified_diff(before, after, "a", "b"))
    assert apply_diff(before, diff) == after


def test_a_long_text_of_hidden_characters_is_spelled_out() -> None:
    assert show_hidden_characters("é\u202e" * 200_000 + "\n\t") == "é⟨U+202E⟩" * 200_000 + "\n\t"
