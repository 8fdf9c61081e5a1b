"""Identification of the notebook that this kernel runs.

A run belongs to a notebook, and a kernel must never get a run of another notebook. So the kernel has to know its own
notebook. `%hitl notebook`, `HITL_NB_NOTEBOOK`, Jupyter's server or VS Code tell it.

Otherwise the kernel searches for the one file whose code cells are the cells that it has executed. It searches the
notebooks on the command line of the program that started it; if there are none, the files below its working directory.
If it finds none or several, it refuses to run agents, and the message says how to name the notebook.
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
"""Maximum number of files and folders that are searched below the working directory."""
MAX_NOTEBOOK_BYTES = 64 << 20
"""Maximum size, in bytes, of a notebook file that is read."""


class KernelNotebook:
    """Finds out which notebook a kernel runs.

    Attributes:
        shell: The IPython shell of the kernel.
        given_path: The path given by `%hitl notebook`; None if it was not used.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.given_path: str | None = None
        self._found: str | None = None

    def set_path(self, path: str) -> str:
        """Set the notebook's path. Returns the absolute path.

        Args:
            path: The path, relative to the working directory. The file need not exist.
        """
        self.given_path = str(Path(path).expanduser().resolve())
        return self.given_path

    def resolve_path(self, ledger: Ledger) -> str:
        """Return the current path of the notebook. If the notebook was moved, its runs are moved to this path.

        Raises:
            UnknownNotebook: The path is unknown. The message says how to name the notebook.
        """
        path = ledger.notebooks.find_current_path(self.read_path(), _process_start())
        if path.endswith(".ipynb"):
            follow_notebook(ledger, path, read_file_id(path))
        return path

    def read_path(self) -> str:
        """Return the path of the notebook that this kernel runs, as it was told to the kernel or found.

        If the notebook was moved since, this is the old path; `resolve_path` finds the new one. IPython in a terminal
        has no notebook file: the result is the working directory.

        Raises:
            UnknownNotebook: The path is unknown.
        """
        told = find_magic_notebook(self.shell.user_ns) or self.given_path or _find_told_notebook(self.shell.user_ns)
        if told is not None:
            return told
        if not hasattr(self.shell, "kernel"):
            return str(Path.cwd())  # IPython in a terminal has no notebook file
        if self._found is None:
            self._found = _find_by_cells(_list_executed_cells(self.shell))
        return self._found


def find_magic_notebook(namespace: dict[str, Any]) -> str | None:
    """Return the notebook whose cells `%run OTHER.ipynb` executes in this kernel; None if it executes none.

    Agents of that notebook are not agents of the kernel's own notebook.
    """
    file = namespace.get("__file__")
    return str(Path(file).resolve()) if isinstance(file, str) and file.endswith(".ipynb") else None


def _find_told_notebook(namespace: dict[str, Any]) -> str | None:
    named = (
        _own_variable(settings.NOTEBOOK) or _own_variable(settings.SESSION_NAME) or namespace.get("__vsc_ipynb_file__")
    )
    return str(Path(named).resolve()) if isinstance(named, str) and named else None


def _own_variable(variable: settings.Variable) -> str | None:
    """Return the value of an environment variable; None if it is not set, or is about another kernel's notebook.

    A notebook that executes another notebook passes its environment on. Then the parent process is a kernel with the
    same value, which names the outer notebook.
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
    """Return the initial environment of the process that started this kernel: name -> value.

    Empty if the environment cannot be read.
    """
    try:
        return psutil.Process(os.getppid()).environ()
    except (psutil.Error, OSError):
        return {}


@functools.cache
def _process_start() -> datetime:
    """Return the time at which this process started."""
    return datetime.fromtimestamp(psutil.Process().create_time(), UTC)


def find_executor() -> str | None:
    """Return the name of the program that executes this kernel's notebook; None if the program has not set its name."""
    return (settings.EXECUTOR.read().partition(" ")[2] or "executor") if _own_variable(settings.NOTEBOOK) else None


# -- the id in the metadata of a notebook's file


def read_file_id(path: str | Path) -> str:
    """Return the id in the metadata of a notebook's file; "" if there is none, or the file cannot be read."""
    file = Path(path)
    try:
        state = file.stat()
    except OSError:
        return ""
    return _read_file_id(str(file), state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=256)
def _read_file_id(path: str, changed: int, size: int) -> str:
    return read_id(_read_notebook_json(Path(path), having=b'"hitl_nb"').get("metadata"))


def find_previous_cell(path: str, cell_id: str) -> str | None:
    """Return the id of the cell before a cell in a notebook's file.

    Args:
        path: Path of the file.
        cell_id: Id of the cell.

    Returns:
        "" if the cell is the first one. None if the file does not have the cell, or cannot be read.
    """
    try:
        state = Path(path).stat()
    except OSError:
        return None
    ids = _read_cell_ids(path, state.st_mtime_ns, state.st_size)
    return ("", *ids)[ids.index(cell_id)] if cell_id in ids else None


@functools.lru_cache(maxsize=4)
def _read_cell_ids(path: str, changed: int, size: int) -> tuple[str, ...]:
    cells = _read_notebook_json(Path(path)).get("cells")
    found = cast("list[Any]", cells) if isinstance(cells, list) else []
    return tuple(str(cast("dict[str, Any]", one).get("id", "")) if isinstance(one, dict) else "" for one in found)


def read_id(metadata: Any) -> str:
    """Return the id in a notebook's metadata; "" if there is none."""
    ours = cast("dict[str, Any]", metadata).get("hitl_nb") if isinstance(metadata, dict) else None
    found = cast("dict[str, Any]", ours).get("id") if isinstance(ours, dict) else None
    return found if isinstance(found, str) else ""


def is_gone(path: str, notebook_id: str) -> bool:
    """Return whether the notebook with this id is no longer at `path`.

    True if there is no file, or a notebook with another id.
    """
    return not Path(path).exists() or read_file_id(path) not in ("", notebook_id)


def _lacks_id(path: str) -> bool:
    """Return whether the file at `path` is a readable notebook without an id."""
    document = _read_notebook_json(Path(path))
    return bool(document) and not read_id(document.get("metadata"))


def follow_notebook(ledger: Ledger, path: str, notebook_id: str) -> None:
    """Move the runs of a notebook to its current path, if the notebook was moved.

    Args:
        ledger: Ledger with the runs.
        path: Current path of the notebook.
        notebook_id: The id in its metadata. "" if it has none.

    Raises:
        UnknownNotebook: The notebook may have replaced the notebook whose runs are kept for this path.
    """

    def has_left(old: str, known: str) -> bool:
        return is_gone(old, known) or (ledger.notebooks.find_marked_id(old) == known and _lacks_id(old))

    ledger.notebooks.recognize(path, notebook_id, has_left)
    marked = "" if notebook_id else ledger.notebooks.find_marked_id(path)
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
    """Return a notebook's file as a dictionary; empty if it cannot be read, is not JSON, or is too large.

    Args:
        file: The file.
        having: Bytes that the file must contain; otherwise the result is empty.
    """
    try:
        if file.stat().st_size > MAX_NOTEBOOK_BYTES:
            return {}
        raw = file.read_bytes()
        document: Any = json.loads(raw) if having in raw else None
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}

    # -- search for the file whose cells were executed


def _find_by_cells(executed: list[str]) -> str:
    """Return the path of the one notebook whose code cells begin with the executed cells.

    Raises:
        UnknownNotebook: No notebook has these cells, or several have.
    """
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
    """Return whether the first code cells of a notebook file are the executed cells, in the same order.

    False if the file cannot be read.
    """
    cells = _read_notebook_json(file).get("cells")
    if not executed or not isinstance(cells, list):
        return False
    sources = [_cell_source(cell) for cell in cast("list[Any]", cells) if _is_executed(cell)]
    return _normalize_code(sources)[: len(executed)] == executed


def _is_executed(cell: Any) -> bool:
    """Return whether a cell is a code cell that executors run. They skip cells with the tag `skip-execution`."""
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
    """Return the notebooks in and below a folder; None if there are more than `MAX_FILES` files and folders."""
    looked = list(islice(_iterate_notebooks(folder), MAX_FILES + 1))
    return None if len(looked) > MAX_FILES else [path for path in looked if path.suffix == ".ipynb"]


def _iterate_notebooks(folder: Path) -> Iterator[Path]:
    for inside, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        for name in (*folders, *files):
            yield Path(inside, name)
