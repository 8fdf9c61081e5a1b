"""Access to notebook files: reading with a clear message for an invalid file, and atomic writing."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import nbformat
from nbformat.validator import NotebookValidationError, ValidationError, normalize, validate

from hitl_nb import json_text as json
from hitl_nb.errors import HitlError


def read_notebook(path: Path) -> Any:
    """Read the notebook at `path`.

    Raises:
        HitlError: There is no valid notebook. The message is one sentence that says why.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise HitlError(f"there is no notebook {path}") from None
    except IsADirectoryError:
        raise HitlError(f"{path} is a folder, not a notebook") from None
    except UnicodeDecodeError:
        raise HitlError(f"{path} is not a notebook: it is not UTF-8 text") from None
    except OSError as e:
        raise HitlError(f"cannot read {path}: {e.strerror}") from None
    try:
        raw: Any = json.loads(text)
    except ValueError:
        raise HitlError(f"{path} is not a notebook: it is not JSON") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):  # pyright: ignore[reportUnknownMemberType]  # JSON
        raise HitlError(f"{path} is not a notebook: it names no notebook format")
    if raw["nbformat"] != 4:
        raise HitlError(
            f"{path} has notebook format {raw['nbformat']}, and only format 4 can be run; "
            "open and save it in JupyterLab, or run `jupyter nbconvert --to notebook` on it"
        )
    try:
        _, repaired = normalize(raw)  # adds missing ids of cells, as JupyterLab does
        validate(repaired)
    except (NotebookValidationError, ValidationError, AttributeError, KeyError, TypeError) as e:
        raise HitlError(f"{path} is not a notebook: {read_first_line(str(e)) or type(e).__name__}") from None
    return nbformat.reads(json.dumps(repaired), as_version=nbformat.NO_CONVERT)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # untyped


def write_notebook(notebook: Any, path: Path) -> None:
    """Replace the file at `path` by `notebook` atomically: at any moment the file is the old or the new notebook.

    Raises:
        HitlError: `path` is a link to a file that does not exist.
        OSError: The file cannot be written; the old file is unchanged.
    """
    text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)  # pyright: ignore[reportUnknownMemberType]  # untyped
    final = Path(os.path.realpath(path))  # a link to a notebook remains a link
    if path.is_symlink() and not final.exists():
        raise HitlError(f"{path} is a link to {final}, which is not there; remove the link or name another file")
    draft = final.with_name(f".{final.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text if text.endswith("\n") else text + "\n")
            file.flush()
            if final.exists():
                draft.chmod(stat.S_IMODE(final.stat().st_mode))
            os.fsync(file.fileno())
        draft.replace(final)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def join_streams(outputs: list[Any]) -> list[Any]:
    """Return outputs in which consecutive pieces of one stream are joined.

    So the result does not depend on how the kernel divided the text. The outputs themselves are changed.
    """
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def read_first_line(text: str) -> str:
    """Return the first line of a text that is not empty; "" if there is none."""
    return text.strip().split("\n", 1)[0]
