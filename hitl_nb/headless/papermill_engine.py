"""Engine `hitl_nb` for papermill: `papermill IN OUT --engine hitl_nb`.

The runs of the agents belong to the notebook that papermill writes, OUT. The same command continues these runs; other
parameters with another OUT make other runs. OUT can also be opened, decided and continued in JupyterLab.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from hitl_nb.errors import UnknownNotebook
from hitl_nb.headless.executors import kernel_environment
from hitl_nb.settings import child_environment

_Base: Any = import_module("papermill.engines").NBClientEngine  # untyped, and not a dependency
_notebook_files: Any = import_module("papermill.iorw").papermill_io


class Engine(_Base):
    """papermill's own engine, with kernels that know which notebook they run."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Execute the notebook, and return the result of papermill's own engine.

        Args:
            nb_man: papermill's manager of the notebook.
            kernel_name: Name of the kernel.
            **options: Further options of papermill.

        Raises:
            UnknownNotebook: papermill does not write the notebook to a `.ipynb` file of this machine.
        """
        written = str(nb_man.nb.metadata.papermill.get("output_path") or "")
        if not written.endswith(".ipynb") or "://" in written:
            raise UnknownNotebook(
                f"papermill writes this notebook to {written or 'no file'!r}, which is no .ipynb file of this machine, "
                "so the runs of its agents could not be found again; name one as the output"
            )
        folder = getattr(_notebook_files.get_handler(written), "_cwd", None) or Path.cwd()
        told = kernel_environment(Path(folder, written), "papermill")

        class Manager(AsyncKernelManager):
            """The manager of a kernel that knows its notebook and its starter by environment variables."""

            async def start_kernel(self, **settings: Any) -> None:
                """Start the kernel with these variables added to its environment."""
                settings["env"] = child_environment(told, base=settings.get("env"))
                await super().start_kernel(**settings)  # pyright: ignore[reportUnknownMemberType]  # untyped

        engine: Any = super()
        return engine.execute_managed_notebook(nb_man, kernel_name, **{"kernel_manager_class": Manager, **options})
