"""Line numbers of the keys in the text of a policy file, for messages."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[")
_RULE_HEADER = re.compile(r"\s*\[\[\s*rule\s*\]\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*[=.]")


def find_rule_lines(text: str) -> list[dict[str, int]]:
    """Return, for each `[[rule]]`, the line numbers of its keys. The key "" has the line of the rule itself."""
    found: list[dict[str, int]] = []
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if _HEADER.match(line):
            inside = _RULE_HEADER.match(line) is not None
            if inside:
                found.append({"": number})
        elif inside and (key := _KEY.match(line)):
            found[-1].setdefault(key[1], number)
    return found


def find_top_lines(text: str) -> dict[str, int]:
    """Return the line numbers of the document's own keys and tables."""
    found: dict[str, int] = {}
    is_top = True
    for number, line in enumerate(text.splitlines(), 1):
        if _HEADER.match(line):
            is_top = False
            found.setdefault(line.strip().partition("]")[0].strip("[ \t'\""), number)
        elif is_top and (key := _KEY.match(line)):
            found.setdefault(key[1], number)
    return found
