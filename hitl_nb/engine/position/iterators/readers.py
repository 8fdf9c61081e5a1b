"""Readers of `pandas.read_csv(..., chunksize=)` as data: the file is opened again, and read up to the same row."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.errors import HitlError

_ADVICE = "give read_csv a path, or make a list of the parts before the checkpoint"


def reduce_text_file_reader(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of a reader of pandas (as of `object.__reduce__`): path, options and row.

    Raises:
        CannotSave: The reader reads something other than a file that it opened itself, or the file does not exist now.
    """
    options, row = dict(value.orig_options), value._currow
    handles = value.handles
    if handles is None or handles.handle is None or getattr(handles.handle, "closed", False):
        return make_closed_reader, (value.engine, options, row)
    name = getattr(handles.handle, "name", None)
    if not handles.created_handles or not isinstance(name, str):
        raise CannotSave(f"a reader of pandas.read_csv over something other than a file with a path; {_ADVICE}")
    path = Path(name).absolute()
    if not path.is_file():
        raise CannotSave(f"a reader of pandas.read_csv over {path}, which is gone; {_ADVICE}")
    return make_text_file_reader, (str(path), path.stat().st_size, value.engine, options, row)


def make_text_file_reader(path: str, size: int, engine: str, options: dict[str, Any], row: int) -> Any:
    """Open a file again, and return a reader of pandas at the row that the saved reader had reached.

    Args:
        path: path of the file.
        size: size of the file in bytes when the reader was saved.
        engine: engine of `read_csv`.
        options: keyword arguments of the reader.
        row: number of rows that the saved reader had given.

    Raises:
        HitlError: The file does not exist, or is shorter than `size`.
    """
    if not Path(path).is_file() or Path(path).stat().st_size < size:
        raise HitlError(
            f"{path} is gone or shorter than when the agent paused. The agent was reading it. Put the file back and "
            "run the agent again: it continues where it was"
        )
    made = _make_reader(path, engine, options)
    while made._currow < row:  # these rows are parsed again, and dropped
        made.get_chunk(min(made.chunksize or 10_000, row - made._currow))
    return made


def make_closed_reader(engine: str, options: dict[str, Any], row: int) -> Any:
    """Make a closed reader of pandas that has given `row` rows."""
    import io

    made = _make_reader(io.StringIO("closed\n"), engine, {"chunksize": options.get("chunksize"), "delimiter": ","})
    made._currow = row
    made.close()
    return made


def _make_reader(source: Any, engine: str, options: dict[str, Any]) -> Any:
    readers: Any = importlib.import_module("pandas.io.parsers.readers")
    return readers.TextFileReader(source, engine, **options)
