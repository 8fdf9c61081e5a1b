"""A draft that was edited very often: ten people, one after the other, who type and correct themselves all over it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from pycrdt import Doc, Text

from hitl_nb.drafts.draft import Draft, capture_updates
from hitl_nb.ledger.documents.update_log import new_update

PEOPLE = 10
A_RUN = (5, 60)
"""Keystrokes in a row."""
CORRECTED = 0.1
"""The share of keystrokes that take back a letter."""
LETTERS = "abcdefgh " * 6 + "\n"
TOGETHER = 2000
"""Updates that are committed at once."""


def keystrokes(draft: Draft, count: int) -> Iterator[tuple[str, bytes]]:
    """Whose each keystroke is, and the update that it makes."""
    chance = random.Random(count)
    whole = draft.load().doc.get_update()
    for person in range(PEOPLE):
        doc = draft.load(client=chance.randrange(1 << 31, 1 << 32)).doc
        doc.apply_update(whole)
        left = count * (person + 1) // PEOPLE - count * person // PEOPLE
        while left:
            length = min(left, chance.randint(*A_RUN))
            left -= length
            for made in run(doc, chance, length):
                yield f"person {person}", made
        whole = doc.get_update()


def run(doc: Doc[Any], chance: random.Random, length: int) -> Iterator[bytes]:
    """Keystrokes in a row, somewhere in the text."""
    text = doc.get("source", type=Text)
    at = chance.randrange(len(text) + 1)
    for _ in range(length):
        if at > 0 and chance.random() < CORRECTED:
            at -= 1
            yield from capture_updates(doc, lambda at=at: text.__delitem__(slice(at, at + 1)))
        else:
            yield from capture_updates(doc, lambda at=at: text.insert(at, chance.choice(LETTERS)))
            at += 1


def edit_many_times(draft: Draft, count: int) -> None:
    """Edit a draft, whose text is ASCII, so many times."""
    draft.write_initial()
    waiting = [new_update(made, author) for author, made in keystrokes(draft, count)]
    for start in range(0, count, TOGETHER):
        some = waiting[start : start + TOGETHER]
        draft.log.submit(lambda tx, some=some: [draft.log.add(tx, one) for one in some]).result()
