"""Programs that execute notebooks: what their command lines tell, and an nbclient and a papermill engine of ours.

nbclient hands a kernel the folder of the notebook and never its name. `NotebookClient` and the papermill engine
`hitl_nb` put the path into the kernel's environment.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import nbclient
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


class NotebookClient(nbclient.NotebookClient):
    """nbclient's client for agents: its kernel knows which notebook it runs.

    Args:
        nb: the notebook.
        path: its path; runs of its agents belong to that. The file need not exist.

    Further arguments are those of `nbclient.NotebookClient`. The cell that pauses raises CellExecutionError with the
    `ename` "Paused"; execute the notebook again when people have decided.
    """

    def __init__(self, nb: Any, path: str | os.PathLike[str], **options: Any) -> None:
        super().__init__(nb, **options)
        self._told = environment_for(path, "nbclient")

    async def async_start_new_kernel(self, **options: Any) -> None:
        """Start the kernel, with the notebook's path in its environment."""
        options["env"] = {**(options.get("env") or os.environ), **self._told}
        await super().async_start_new_kernel(**options)
