"""A client of nbclient that tells its kernel which notebook it runs.

nbclient tells a kernel the folder of the notebook but never its name. This client puts the path into the kernel's
environment. Kernels do not import this module, because nbclient takes long to import.
"""

from __future__ import annotations

import os
from typing import Any

import nbclient

from hitl_nb.headless.executors import kernel_environment
from hitl_nb.settings import child_environment


class NotebookClient(nbclient.NotebookClient):
    """A client of nbclient for notebooks with agents. Its kernel knows which notebook it runs.

    A cell that pauses raises CellExecutionError with the `ename` "Paused". Execute the notebook again after the
    decision.

    Args:
        nb: The notebook.
        path: Its path. Runs of its agents belong to this path. The file need not exist.
        **options: Further arguments of `nbclient.NotebookClient`.
    """

    def __init__(self, nb: Any, path: str | os.PathLike[str], **options: Any) -> None:
        super().__init__(nb, **options)
        self._notebook_path = kernel_environment(path, "nbclient")

    async def async_start_new_kernel(self, **options: Any) -> None:
        """Start the kernel, with the notebook's path in its environment."""
        options["env"] = child_environment(self._notebook_path, base=options.get("env"))
        await super().async_start_new_kernel(**options)
