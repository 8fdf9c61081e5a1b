"""Helper functions of the duplicates example: reading the contacts, and comparing two of them field by field.

The notebook `duplicates.ipynb` imports this. The notebook itself decides which pairs are compared, asks people, and
merges.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from difflib import SequenceMatcher
from pathlib import Path

Row = dict[str, str]


def read_contacts(path: str | Path) -> dict[str, Row]:
    """Read the rows of the CSV file by number: "C-01", "C-02" ..."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return {f"C-{number:02}": row for number, row in enumerate(csv.DictReader(file), 1)}


def plain(text: str) -> str:
    """Return the text in small letters without accents, with sorted words, and "Straße" abbreviated."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("strasse", "str"))
    words = re.findall(r"\w+", "".join(letter for letter in letters if not unicodedata.combining(letter)))
    return " ".join(sorted(words))


def digits(phone: str) -> str:
    """Return the digits of a phone number."""
    return re.sub(r"\D", "", phone)


def likeness(one: Row, other: Row) -> tuple[float, str]:
    """Return how similar two contacts are, from 0 to 1, in the fields that both have; and the same in words."""
    alike = {field: _alike(field, one[field], other[field]) for field in one if one[field] and other[field]}
    said = [
        f"same {field}" if degree == 1 else f"{one[field]!r} and {other[field]!r}" for field, degree in alike.items()
    ]
    return round(sum(alike.values()) / len(alike), 2), ", ".join(said)


def _alike(field: str, one: str, other: str) -> float:
    if field in ("email", "phone"):
        return float(one.casefold() == other.casefold() if field == "email" else digits(one) == digits(other))
    return SequenceMatcher(None, plain(one), plain(other)).ratio()
