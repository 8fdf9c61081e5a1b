"""Breaks lines of comments and docstrings that a longer name made too long. Usage: wrap.py FILE..."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

LIMIT = 120


def wrap(text: str) -> str:
    lines = text.split("\n")
    documents: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documents |= set(range(node.value.lineno, (node.value.end_lineno or 0) + 1))
    comments = {
        token.start[0]: token.start[1]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
    }
    fresh: list[str] = []
    for number, line in enumerate(lines, 1):
        while len(line) > LIMIT and (number in documents or number in comments):
            indent = line[: len(line) - len(line.lstrip())]
            lead = indent + ("# " if number in comments else "")
            if number in documents and lines[number - 1].lstrip().startswith(("- ", "Raises: ")):
                lead = indent + "    "
            at = line.rfind(" ", len(lead) + 1, LIMIT + 1)
            tail = line[at + 1 :] if at > len(lead) else ""
            if not tail:
                break
            if tail.strip() in ('"""', "'''"):
                fresh.append(line[:at])
                line = indent + tail
                break
            fresh.append(line[:at])
            line = lead + tail
        fresh.append(line)
    return "\n".join(fresh)


def main(paths: list[str]) -> None:
    for one in paths:
        path = Path(one)
        text = path.read_text(encoding="utf-8")
        if any(len(line) > LIMIT for line in text.split("\n")):
            path.write_text(wrap(text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
