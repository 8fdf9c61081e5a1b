"""Programs that execute notebooks: search of their command lines for notebooks, and environment of kernels."""

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
"""Options that are followed by the name of a file to write."""


def find_named_notebooks() -> list[Path] | None:
    """Return the notebooks that this kernel may run, from the command line of the program that started it.

    Known programs (nbconvert, papermill and others) run only notebooks that their command line names. The same is
    assumed of other programs whose command line names notebooks. papermill names an input and an output. The output
    counts, because the same input with other parameters is another execution. Voila passes the address of its page in
    an environment variable of the kernel.

    Returns:
        Paths of the notebooks. An empty list: the program read the notebook from standard input or made it in
        memory. None: it is not a known program and names no notebooks.
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
    """Return the notebooks that a command line names.

    Args:
        words: The command line of the program that started this kernel.
        folder: Folder to which its paths are relative.

    Returns:
        Paths of the notebooks. An empty list: a known program (nbconvert, papermill and others) names no existing
        notebook. None: it is not a known program and names no notebooks.
    """
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
    """Return the environment variables that tell a kernel which notebook it runs: name -> value.

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
