"""Continue a decided run whose notebook is not open in any browser, with `hitl-nb run` in a separate process.

For each notebook, at most one such process runs at a time. The server's owner must enable this (`c.HitlNb.headless`),
because the process writes the notebook's file.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Literal

from hitl_nb import settings
from hitl_nb.errors import HitlError

HeadlessState = Literal["started", "finished", "waiting", "failed"]
StatusCallback = Callable[[str, HeadlessState, str], None]
"""Function that gets the id of a run, the run's new state, and a sentence about it for people; called on any thread."""

_EXIT_WAITING = 75
"""Exit code of `hitl-nb run` if an agent of the notebook waits for a decision at the end."""


class HeadlessRuns:
    """The notebooks that this server executes itself, each in a process.

    Args:
        say: Function that is called when the state of a run changes.
    """

    def __init__(self, say: StatusCallback) -> None:
        self._report_status = say
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def start(self, run: str, notebook: str) -> None:
        """Start a process that executes a notebook, so that its agent continues. Does not wait for the process.

        Args:
            run: Id of the run, for status reports.
            notebook: Absolute path of the notebook's file.

        Raises:
            HitlError: This server is already executing the notebook.
        """
        with self._lock:
            if notebook in self._running:
                raise HitlError("the server is already running this notebook; wait until it has finished")
            self._running.add(notebook)
        threading.Thread(target=self._run, args=(run, notebook), name="hitl_nb headless", daemon=True).start()

    def _run(self, run: str, notebook: str) -> None:
        self._report_status(run, "started", "The server runs the notebook.")
        try:
            command = [sys.executable, "-m", "hitl_nb.cli", "run", notebook]
            # The notebook's kernel must not act as in a test, even if this server was started by one.
            env = settings.child_environment(without=[settings.PYTEST])
            ended = subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        except OSError as error:
            self._report_status(run, "failed", f"The server could not run the notebook: {error}.")
            return
        finally:
            with self._lock:
                self._running.discard(notebook)
        last = (ended.stderr.strip().splitlines() or [""])[-1]
        if ended.returncode == 0:
            self._report_status(run, "finished", "The server ran the notebook to its end.")
        elif ended.returncode == _EXIT_WAITING:
            self._report_status(run, "waiting", "The server ran the notebook; it waits for another decision.")
        else:
            self._report_status(run, "failed", f"The server ran the notebook, but it failed: {last}")
