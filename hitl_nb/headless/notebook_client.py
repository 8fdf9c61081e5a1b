"""nbclient's client, whose kernel knows its notebook.

nbclient gives a kernel the folder of the notebook and never its name; this one puts the path into its environment.
Kernels do not import this module: nbclient takes long to import.
"""

from __future__ import annotations

import os
from typing import Any

import nbclient

from hitl_nb.headless.executors import kernel_environment
from hitl_nb.settings import child_environment


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
        self._notebook_path = kernel_environment(path, "nbclient")

    async def async_start_new_kernel(self, **options: Any) -> None:
        """Start the kernel, with the notebook's path in its environment."""
        options["env"] = child_environment(self._notebook_path, base=options.get("env"))
        await super().async_start_new_kernel(**options)
