"""Which notebook this kernel runs.

A run belongs to a notebook, and a kernel never gets one of another notebook. So it must know its own: it is told
(by `%hitl notebook`, `HITL_NB_NOTEBOOK`, Jupyter's server, VS Code), or it looks for the one file whose code cells are
those that it has executed: among the notebooks on the command line of the program that executes it, and if there are
none, below its working directory. A kernel that finds none, or several, is refused with the ways out.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, cast

import psutil

from hitl_nb import json_text as json
from hitl_nb import settings
from hitl_nb.errors import UnknownNotebook
from hitl_nb.headless.executors import find_named_notebooks
from hitl_nb.ledger.ledger import Ledger

MAX_FILES = 2000
"""Most files and folders that are looked at below the working directory."""
MAX_NOTEBOOK_BYTES = 64 << 20
"""Longest notebook file that is read, in bytes."""


class KernelNotebook:
    """The notebook of one kernel.

    Attributes:
        told: the path that `%hitl notebook` gave.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.given_path: str | None = None
        self._found: str | None = None

    def set_path(self, path: str) -> str:
        """Say which notebook this is; the path is relative to the working directory, and the file need not exist."""
        self.given_path = str(Path(path).expanduser().resolve())
        return self.given_path

    def resolve_path(self, ledger: Ledger) -> str:
        """The path of the notebook now; its runs are taken there if it was moved.

        Raises UnknownNotebook, with the ways out.
        """
        path = ledger.find_notebook(self.read_path(), _process_start())
        if path.endswith(".ipynb"):
            follow_notebook(ledger, path, read_file_id(path))
        return path

    def read_path(self) -> str:
        """The path of the notebook as this kernel was told, or found out. Raises UnknownNotebook."""
        told = find_magic_notebook(self.shell.user_ns) or self.given_path or _find_told_notebook(self.shell.user_ns)
        if told is not None:
            return told
        if not hasattr(self.shell, "kernel"):
            return str(Path.cwd())  # IPython in a terminal: nothing else is known, and no file of a notebook is there
        if self._found is None:
            self._found = _find_by_cells(_list_executed_cells(self.shell))
        return self._found


def find_magic_notebook(namespace: dict[str, Any]) -> str | None:
    """The notebook whose cells `%run OTHER.ipynb` is running in this kernel: its agents are not this notebook's."""
    file = namespace.get("__file__")
    return str(Path(file).resolve()) if isinstance(file, str) and file.endswith(".ipynb") else None


def _find_told_notebook(namespace: dict[str, Any]) -> str | None:
    named = (
        _own_variable(settings.NOTEBOOK) or _own_variable(settings.SESSION_NAME) or namespace.get("__vsc_ipynb_file__")
    )
    return str(Path(named).resolve()) if isinstance(named, str) and named else None


def _own_variable(variable: settings.Variable) -> str | None:
    """An environment variable, unless a kernel around this one has the same: then it is that one's notebook.

    A notebook that executes another one hands its environment on.
    """
    value = variable.read()
    if not value:
        return None
    parents = {settings.PARENT_PID.read(), str(os.getppid())}
    by = settings.EXECUTOR.read().partition(" ")[0]
    if variable is settings.NOTEBOOK and by:
        return value if by in parents else None
    outer = _environment_of_parent()
    return None if settings.PARENT_PID.name in outer and outer.get(variable.name) == value else value


@functools.cache
def _environment_of_parent() -> dict[str, str]:
    """What the process that started this kernel began with; empty where that cannot be seen."""
    try:
        return psutil.Process(os.getppid()).environ()
    except (psutil.Error, OSError):
        return {}


@functools.cache
def _process_start() -> datetime:
    """When this process started."""
    return datetime.fromtimestamp(psutil.Process().create_time(), UTC)


def find_executor() -> str | None:
    """The program that executes this kernel's notebook, if it said so."""
    return (settings.EXECUTOR.read().partition(" ")[2] or "executor") if _own_variable(settings.NOTEBOOK) else None


# -- the id in a notebook's file


def read_file_id(path: str | Path) -> str:
    """The id in the metadata of a notebook's file; "" if it has none, or cannot be read."""
    file = Path(path)
    try:
        state = file.stat()
    except OSError:
        return ""
    return _read_file_id(str(file), state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=256)
def _read_file_id(path: str, changed: int, size: int) -> str:
    return read_id(_read_notebook_json(Path(path), having=b'"hitl_nb"').get("metadata"))


def read_id(metadata: Any) -> str:
    """The id in a notebook's metadata; "" if there is none."""
    ours = cast("dict[str, Any]", metadata).get("hitl_nb") if isinstance(metadata, dict) else None
    found = cast("dict[str, Any]", ours).get("id") if isinstance(ours, dict) else None
    return found if isinstance(found, str) else ""


def is_gone(path: str, notebook_id: str) -> bool:
    """Whether the notebook with this id is no longer at `path`: nothing is there, or a notebook with another id."""
    return not Path(path).exists() or read_file_id(path) not in ("", notebook_id)


def _lacks_id(path: str) -> bool:
    """Whether a notebook that can be read is at `path`, and has no id."""
    document = _read_notebook_json(Path(path))
    return bool(document) and not read_id(document.get("metadata"))


def follow_notebook(ledger: Ledger, path: str, notebook_id: str) -> None:
    """Take the runs of a notebook to its path, if it was moved.

    Args:
        ledger: where its runs are.
        path: where the notebook is.
        notebook_id: the id in its metadata; "" if it has none.

    Raises UnknownNotebook if it may have taken the place of the notebook whose runs are kept for this path.
    """

    def has_left(old: str, known: str) -> bool:
        return is_gone(old, known) or (ledger.find_marked_id(old) == known and _lacks_id(old))

    ledger.recognize_notebook(path, notebook_id, has_left)
    marked = "" if notebook_id else ledger.find_marked_id(path)
    if not marked or not _lacks_id(path):
        return
    others = [str(one) for one in _list_notebooks_below(Path(path).parent) or () if read_file_id(one) == marked]
    if others:
        name, other = Path(path).name, others[0]
        raise UnknownNotebook(
            f"{name} has no id in its metadata, and {other} has the id of the notebook whose runs are kept for this "
            f"path: it may be that notebook, moved, and {name} another. Run {other}, and it continues those runs; "
            f"if they are those of {name}, remove `hitl_nb` from the metadata of {other}"
        )


def _read_notebook_json(file: Path, *, having: bytes = b"") -> dict[str, Any]:
    """A notebook's file as JSON; empty if it cannot be read, is half written or very long, or lacks `having`."""
    try:
        if file.stat().st_size > MAX_NOTEBOOK_BYTES:
            return {}
        raw = file.read_bytes()
        document: Any = json.loads(raw) if having in raw else None
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


# -- looking for the file whose cells were executed


def _find_by_cells(executed: list[str]) -> str:
    """The one notebook whose code cells begin with those that were executed. Raises UnknownNotebook."""
    named = find_named_notebooks()
    files = _list_notebooks_below(Path.cwd()) if named is None else named
    found = {path.resolve() for path in files or () if _begins_with(path, executed)}
    if len(found) == 1:
        return str(found.pop())
    where = "below its working directory" if named is None else "that the program which executes it names"
    if files is None:
        why = "too many files lie below its working directory to look for it there"
    elif found:
        shown = ", ".join(str(path) for path in sorted(found)[:3])
        why = f"{len(found)} notebooks {where} have these cells ({shown})"
    else:
        why = f"no notebook {where} has the cells that were executed"
    raise UnknownNotebook(
        f"hitl_nb cannot tell which notebook this kernel runs, so it cannot know whose run this is: {why}. "
        "Run it with `hitl-nb run` (or the papermill engine `hitl_nb`), set HITL_NB_NOTEBOOK to the notebook's path, "
        "or write `%hitl notebook PATH` into a cell above"
    )


def _list_executed_cells(shell: Any) -> list[str]:
    history: list[str] = shell.history_manager.input_hist_raw[1:]
    return _normalize_code(history)


def _begins_with(file: Path, executed: list[str]) -> bool:
    """Whether the notebook's code cells, one after the other, are those that were executed so far."""
    cells = _read_notebook_json(file).get("cells")
    if not executed or not isinstance(cells, list):
        return False
    sources = [_cell_source(cell) for cell in cast("list[Any]", cells) if _is_executed(cell)]
    return _normalize_code(sources)[: len(executed)] == executed


def _is_executed(cell: Any) -> bool:
    """Whether executors run this cell."""
    if not isinstance(cell, dict) or cast("dict[str, Any]", cell).get("cell_type") != "code":
        return False
    metadata = cast("dict[str, Any]", cell).get("metadata")
    tags: Any = cast("dict[str, Any]", metadata).get("tags") if isinstance(metadata, dict) else None
    return not (isinstance(tags, list) and "skip-execution" in tags)


def _cell_source(cell: dict[str, Any]) -> str:
    text: Any = cell.get("source")
    return "".join(map(str, cast("list[Any]", text))) if isinstance(text, list) else str(text)


def _normalize_code(sources: Iterable[str]) -> list[str]:
    return [source.strip() for source in sources if source.strip()]


def _list_notebooks_below(folder: Path) -> list[Path] | None:
    """The notebooks in a folder and below it; None if there is too much to look at."""
    looked = list(islice(_iterate_notebooks(folder), MAX_FILES + 1))
    return None if len(looked) > MAX_FILES else [path for path in looked if path.suffix == ".ipynb"]


def _iterate_notebooks(folder: Path) -> Iterator[Path]:
    for inside, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        for name in (*folders, *files):
            yield Path(inside, name)
