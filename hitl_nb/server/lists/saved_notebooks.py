"""Whether a saved notebook still has the cell of an agent, from the notebook's file."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec

from hitl_nb.headless.notebook_identity import MAX_NOTEBOOK_BYTES
from hitl_nb.records import Proposal, Run
from hitl_nb.structs import prepare_structs

Gone = Literal["notebook", "cell"]
_AGENT_LINE = re.compile(r"^[ \t]*%%agent(?:[ \t]+(.*))?$", re.MULTILINE)
_FUNCTION = re.compile(r"^\s*(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_MAX_FILES = 4096


class _Cell(msgspec.Struct):
    cell_type: str = ""
    source: str | list[str] = ""


class _NotebookCells(msgspec.Struct):
    cells: list[_Cell] = []


def find_gone_part(run: Run) -> Gone | None:
    """Return "notebook" if a run's notebook no longer exists, "cell" if the saved notebook has no cell of its agent.

    None if both are there, or if it is not known. It is not known for scripts, held questions and unreadable files. Nor
    is it known for notebooks that were last saved before the run began, or that have an invalid `%%agent` line.
    """
    return None if run.held else _find_gone_part(run.notebook, run.agent, run.created_at)


def find_gone_part_of_question(proposal: Proposal) -> Gone | None:
    """Return what of its notebook an open proposal has lost, as `find_gone_part` does; None for all other proposals.

    The run is not read, because lists have many proposals. So it is not known either for notebooks that were last saved
    before the proposal was asked.
    """
    if proposal.status != "open" or proposal.held:
        return None
    return _find_gone_part(proposal.notebook, proposal.agent, proposal.created_at)


def _find_gone_part(notebook: str, agent: str, since: datetime) -> Gone | None:
    if not notebook.endswith(".ipynb"):
        return None
    file = Path(notebook)
    try:
        state = file.stat()
    except FileNotFoundError:
        return "notebook"
    except OSError:
        return None
    if state.st_size > MAX_NOTEBOOK_BYTES or datetime.fromtimestamp(state.st_mtime, UTC) < since:
        return None
    names = _read_agent_names(notebook, state.st_mtime_ns, state.st_size)
    return "cell" if names is not None and names.isdisjoint((agent, agent.rsplit(".", 1)[-1])) else None


@lru_cache(maxsize=_MAX_FILES)
def _read_agent_names(path: str, changed: int, size: int) -> frozenset[str] | None:
    """Return the names of agents and functions in the code cells of a notebook's file; None if they are not known.

    Args:
        path: Path of the file.
        changed: Time of its last change; with `size`, it says whether the cached result is still right.
        size: Size of the file in bytes.
    """
    try:
        document = msgspec.json.decode(Path(path).read_bytes(), type=_NotebookCells)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    code = (one.source for one in document.cells if one.cell_type == "code")
    text = "\n".join(source if isinstance(source, str) else "".join(source) for source in code)
    agents = _parse_agent_lines(_AGENT_LINE.findall(text))
    return None if agents is None else agents.union(_FUNCTION.findall(text))


def _parse_agent_lines(lines: list[str]) -> frozenset[str] | None:
    """Return the names of agents, each from the rest of a line after `%%agent`; None if a line is not valid."""
    from IPython.core.error import UsageError

    from hitl_nb.headless.agent_line import parse_agent_line

    try:
        return frozenset(parse_agent_line(line).name for line in lines)
    except UsageError:
        return None


prepare_structs(globals())
