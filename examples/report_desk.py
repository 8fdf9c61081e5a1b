"""Helper functions of the report example: the numbers of the penguins, and the sections of a report about them.

The notebook `report.ipynb` imports this. This code computes all numbers; a model, if one is named, only puts them into
words. A comment that names an island, a species, a sex or a year is answered with the numbers of those birds.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pandas as pd
from model import write

OUTLINE = ["Where they live", "How large they are", "How heavy they are"]
PACE = 0.01
"""Seconds per word: the speed of a fast model."""
_WIDTH = 30


async def section(name: str, birds: pd.DataFrame, so_far: str, feedback: Iterable[Any]) -> AsyncIterator[str]:
    """Write a section word by word: first the answers to comments on earlier sections, then its own numbers."""
    asked = [(comment.author_name or comment.author, answer(comment.text, birds)) for comment in feedback]
    answers = "\n\n".join(f"*To {person}:* {said}" for person, said in asked if said)
    numbers = {"Where they live": homes, "How large they are": sizes, "How heavy they are": weights}[name](birds)
    text = await write(
        "You write one section of a short report for biologists, in markdown, without a heading: at most 80 words. Use "
        "only these numbers, keep charts as they are, and do not repeat what the report has already said.",
        f"Section: {name}\n\nAnswers that are due:\n{answers}\n\nNumbers:\n{numbers}\n\nThe report so far:\n{so_far}",
        f"{answers}\n\n{numbers}" if answers else numbers,
    )
    for word in re.findall(r"\S+\s*|\s+", f"## {name}\n\n{text}"):
        yield word
        await asyncio.sleep(PACE)


def homes(birds: pd.DataFrame) -> str:
    """Describe where the penguins live."""
    on = birds.groupby("island")["species"].agg(lambda found: " and ".join(sorted(set(found))))
    rows = [f"On {island} there are {species} penguins." for island, species in on.items()]
    return "\n".join([*rows, "", chart(birds["species"].value_counts().sort_index(), "birds")])


def sizes(birds: pd.DataFrame) -> str:
    """Describe how large they are."""
    mean = birds.groupby("species")[["bill_length_mm", "flipper_length_mm"]].mean()
    longest = mean["bill_length_mm"].idxmax()
    return (
        f"{longest} penguins have the longest bills ({mean['bill_length_mm'].max():.1f} mm on average), and "
        f"{mean['flipper_length_mm'].idxmax()} penguins the longest flippers "
        f"({mean['flipper_length_mm'].max():.0f} mm)."
    )


def weights(birds: pd.DataFrame) -> str:
    """Describe how heavy they are."""
    mean = birds.groupby("species")["body_mass_g"].mean().round().astype(int)
    return f"The heaviest are the {mean.idxmax()} penguins.\n\n{chart(mean, 'g on average')}"


def chart(values: pd.Series, unit: str) -> str:
    """Make bars of text, so that the chart can be edited and commented on like the words around it."""
    widest, name = values.max(), max(len(str(label)) for label in values.index)
    bars = [
        f"{label!s:{name}} {'█' * max(1, round(_WIDTH * value / widest))} {value} {unit}"
        for label, value in values.items()
    ]
    return "\n".join(["```", *bars, "```"])


def answer(question: str, birds: pd.DataFrame) -> str:
    """Return the numbers of the birds that a question names. "" if it names none."""
    words = {word.lower() for word in re.findall(r"\w+", question)}
    found, named = birds, []
    for column in ("island", "species", "sex", "year"):
        values = [value for value in birds[column].dropna().unique() if str(value).lower() in words]
        if values:
            found = found[found[column].isin(values)]
            named += [str(value) for value in sorted(values)]
    if not named:
        return ""
    mass = found["body_mass_g"].mean()
    return f"{len(found)} of the {len(birds)} birds are {', '.join(named)}; they weigh {mass:.0f} g on average."
