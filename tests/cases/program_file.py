"""Reads a case: a Python file that says how to run it, what people decide, and what must come out.

Comments at the top, then cells:

    # shows: TEXT             what the case is about
    # kind: WORD              the kind of fault
    # decisions: JSON         a list, in the order of the questions (those of one pause: by age, then by title):
                              "approve", {"edit": VALUE}, {"reject": REASON}, {"respond": MESSAGE}
    # after N: JSON           after run N and its decisions: {"cell": I, "source": TEXT} edits cell I, {"move": PATH}
                              moves the notebook; then it is run again
    # stdout:                 the lines `#| ...` below are the expected standard output of the finished notebook;
                              `# or stdout:` begins another accepted one
    # accept: finished [refused]   whether a `CannotPause` before the first question is accepted too
    # or error: REGEX         exit code 1 with an error that matches is accepted too
    # runs: script            run the file with Python (`path/story.py` can be imported), compare what it prints
    # needs: PACKAGE          what the case imports
    # %%                      a plain cell
    # %% agent LINE           a cell that begins with `%%agent LINE`
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_DIRECTIVE = re.compile(r"# ([a-z]+(?: [a-z]+)?)(?: (\d+))?: ?(.*)")


@dataclass
class Program:
    """One case.

    Attributes:
        cells: pairs of the agent line (None for a plain cell) and the source.
        decisions: what people decide, one entry per question: one action with its value.
        changes: by number of a run, what is done after it.
        outputs: the accepted texts on standard output.
        error: a regular expression that an accepted error matches, or None.
    """

    path: Path
    kind: str = ""
    cells: list[tuple[str | None, str]] = field(default_factory=list)
    decisions: list[tuple[str, Any]] = field(default_factory=list)
    changes: dict[int, dict[str, Any]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    error: str | None = None
    may_refuse: bool = False
    is_script: bool = False
    needs: str | None = None


def read_program(path: Path) -> Program:
    """Read one case. Raises ValueError for a directive that is not known."""
    head, *cells = re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    program = Program(path)
    for cell in cells:
        first, _, source = cell.partition("\n")
        agent = first.strip().removeprefix("agent ") if first.strip().startswith("agent ") else None
        program.cells.append((agent, source.strip("\n")))
    for line in head.splitlines():
        if line.startswith("#|"):
            program.outputs[-1] += line[3:] + "\n"
        elif line:
            _read_directive(program, line)
    return program


def _read_directive(program: Program, line: str) -> None:
    match = _DIRECTIVE.fullmatch(line)
    word, number, text = match.groups() if match else (line, None, "")
    if word == "kind":
        program.kind = text
    elif word == "decisions":
        entries = [{one: None} if isinstance(one, str) else one for one in json.loads(text)]
        program.decisions = [next(iter(entry.items())) for entry in entries]
    elif word == "after":
        program.changes[int(number or 0)] = json.loads(text)
    elif word in ("stdout", "or stdout"):
        program.outputs.append("")
    elif word == "or error":
        program.error = text
    elif word == "accept":
        program.may_refuse = "refused" in text.split()
    elif word == "runs":
        program.is_script = text == "script"
    elif word == "needs":
        program.needs = text
    elif word not in ("shows", "guard", "skip"):
        raise ValueError(f"{program.path.name}: unknown directive {line!r}")
