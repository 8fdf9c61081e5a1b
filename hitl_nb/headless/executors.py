"""Programs that execute notebooks: what their command lines name, and the environment of kernels that we start."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import psutil

from hitl_nb import settings

_PROGRAMS = (
    *("jupyter-nbconvert", "jupyter-execute", "jupyter", "papermill", "nbconvert", "nbclient", "voila"),
    *("jupyter-console", "jupyter-qtconsole", "qtconsole"),
)
_OUTPUT_OPTIONS = ("--output", "--NbConvertApp.output_base")
"""Options whose value, the next word, names a file to write."""


def find_named_notebooks() -> list[Path] | None:
    """Find the notebooks that the program which executes this kernel's notebook names. None: it names none.

    They are on its command line. A program that is known to take them from there, or that names some, runs no others.
    An unnamed notebook came from its standard input, or was made in its memory. papermill names an input and an output.
    The output counts: other parameters with another output are another execution. Voila puts the page's address into
    the environment of the page's kernel.
    """
    try:
        executor = psutil.Process(os.getppid())
        words, folder, outer = executor.cmdline(), Path(executor.cwd()), executor.environ()
    except (psutil.Error, OSError):
        return None
    page = settings.SCRIPT_NAME.read()
    if settings.SERVER_SOFTWARE.read().startswith("voila/") and page != outer.get(settings.SCRIPT_NAME.name):
        shown = Path.cwd() / PurePosixPath(unquote(page)).name
        if shown.suffix == ".ipynb":
            return [shown]
    return parse_named_notebooks(words, folder)


def parse_named_notebooks(words: list[str], folder: Path) -> list[Path] | None:
    """Find the notebooks that a command line names, as `find_named_notebooks`. Its paths are relative to `folder`."""
    at = next((i for i, word in enumerate(words) if Path(word).stem in _PROGRAMS), None)
    program = None if at is None else Path(words[at]).stem
    given = [word for before, word in zip(("", *words), words, strict=False) if before not in _OUTPUT_OPTIONS]
    found = [folder / word for word in given if word.endswith(".ipynb") and not word.startswith("-")]
    if program is None:
        return list(dict.fromkeys(found)) or None
    if program == "papermill":
        return found[1:2]
    if not found:  # `jupyter execute report` and `jupyter nbconvert --execute report` add the suffix
        found = [folder / f"{word}.ipynb" for word in given[1:] if not word.startswith("-")]
    return list(dict.fromkeys(path for path in found if path.exists()))


def kernel_environment(notebook: str | os.PathLike[str], name: str) -> dict[str, str]:
    """Return the environment variables by which a kernel knows its notebook.

    Args:
        notebook: Path of the notebook.
        name: Name of the executing program, for people.
    """
    path = str(Path(notebook).resolve())
    return {
        settings.NOTEBOOK.name: path,
        settings.SESSION_NAME.name: path,
        settings.EXECUTOR.name: f"{os.getpid()} {name}",
    }
