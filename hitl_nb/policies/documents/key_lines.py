"""Line numbers of the keys in the text of a policy file (TOML), so that error messages can name the line.

The text is searched for lines that look like keys and tables; it is not parsed.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[")
_RULE_HEADER = re.compile(r"\s*\[\[\s*rule\s*\]\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*[=.]")


def find_rule_lines(text: str) -> list[dict[str, int]]:
    """Find the line numbers of all keys of all rules in a policy file.

    Returns:
        One dictionary for each `[[rule]]` of the text, in order. It maps each key of the rule to its line number (from
        1). The key "" has the line of `[[rule]]` itself.
    """
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
    """Find the line numbers (from 1) of the top-level keys and of the tables, such as `[groups]`, in a policy file.

    Returns:
        The line number of each key and of each table's name.
    """
    found: dict[str, int] = {}
    is_top = True
    for number, line in enumerate(text.splitlines(), 1):
        if _HEADER.match(line):
            is_top = False
            found.setdefault(line.strip().partition("]")[0].strip("[ \t'\""), number)
        elif is_top and (key := _KEY.match(line)):
            found.setdefault(key[1], number)
    return found
