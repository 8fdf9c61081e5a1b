"""Open arrays in files (`numpy.memmap`) again by their path. At a pause, changes are first written to the file."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path
from typing import Any

from hitl_nb.engine.refusals import NotSavedError
from hitl_nb.engine.reopening.reopen_recipes import ReopenRecipe
from hitl_nb.errors import HitlError

_WAY = "copy it with numpy.array(...) before the checkpoint, or map a file that stays where it is"


def is_mapped_array(array: Any) -> bool:
    """Return True if an array was made by `numpy.memmap` and is not a view of such an array."""
    return isinstance(getattr(array, "base", None), mmap.mmap) and type(array).__name__ == "memmap"


def lies_in_mapping(array: Any) -> bool:
    """Return True if the memory of an array is mapped from a file, or shared with other processes."""
    base = array
    while base is not None:
        if isinstance(base, mmap.mmap):
            return True
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return False


def _describe(array: Any) -> dict[str, Any]:
    if not isinstance(array.filename, (str, Path)) or not Path(array.filename).is_file():
        raise NotSavedError("it is an array in a file without a path, or one that was removed", _WAY)
    array.flush()
    about = {
        "path": Path(array.filename).absolute(),
        "dtype": array.dtype,
        "mode": {"w+": "r+"}.get(array.mode, array.mode),
        "offset": array.offset,
        "shape": array.shape,
        "order": "C" if array.flags.c_contiguous else "F",
    }
    if about["mode"] == "c" and _open(about).tobytes() != array.tobytes():
        raise NotSavedError("it was changed in memory only (mode 'c')", _WAY)
    return about


def _open(about: dict[str, Any]) -> Any:
    numpy: Any = sys.modules.get("numpy") or __import__("numpy")
    path, dtype, count = about["path"], about["dtype"], 1
    for length in about["shape"]:
        count *= length
    if not path.is_file() or path.stat().st_size < about["offset"] + count * dtype.itemsize:
        raise HitlError(
            f"{path} is gone or shorter than when the agent paused. An array of the agent is in it. Put the file back "
            "and run the agent again: it continues where it was"
        )
    return numpy.memmap(path, **{name: about[name] for name in ("dtype", "mode", "offset", "shape", "order")})


MEMMAP = ReopenRecipe(_describe, _open, applies=is_mapped_array)
