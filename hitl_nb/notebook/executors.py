"""Programs that execute notebooks: what their command lines tell, and what ours put into a kernel's environment."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import psutil

NOTEBOOK = "HITL_NB_NOTEBOOK"
SESSION = "JPY_SESSION_NAME"
TOLD_BY = "HITL_NB_TOLD_BY"
"""Process id and name of who set `HITL_NB_NOTEBOOK` for the kernels that it starts: it counts in those alone."""

_PROGRAMS = ("jupyter-nbconvert", "jupyter-execute", "jupyter", "papermill", "nbconvert", "nbclient", "voila")


def notebooks_named() -> list[Path]:
    """The notebooks that the program that executes this kernel's notebook names, if it is known.

    They are on its command line. Of papermill's two, the output: with other parameters it writes another one, and that
    is another execution. Voila puts the address of the page into the environment of the page's kernel.
    """
    try:
        executor = psutil.Process(os.getppid())
        words, folder, outer = executor.cmdline(), Path(executor.cwd()), executor.environ()
    except (psutil.Error, OSError):
        return []
    page = os.environ.get("SCRIPT_NAME", "")
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") and page != outer.get("SCRIPT_NAME"):
        shown = Path.cwd() / PurePosixPath(unquote(page)).name
        if shown.suffix == ".ipynb":
            return [shown]
    program = next((Path(word).stem for word in words if Path(word).stem in _PROGRAMS), None)
    if program is None:
        return []
    found = [folder / word for word in words if word.endswith(".ipynb") and not word.startswith("-")]
    return found[1:2] if program == "papermill" else list(dict.fromkeys(path for path in found if path.exists()))


def environment_for(notebook: str | os.PathLike[str], name: str) -> dict[str, str]:
    """What a kernel's environment needs so that it knows its notebook.

    Args:
        notebook: its path.
        name: what people know the executing program by.
    """
    path = str(Path(notebook).resolve())
    return {NOTEBOOK: path, SESSION: path, TOLD_BY: f"{os.getpid()} {name}"}
