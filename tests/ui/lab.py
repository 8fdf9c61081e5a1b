"""A real JupyterLab and a real Chromium, for tests that look at what a person sees."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import psutil

from tests.freeport import find_free_port
from tests.server_program import SERVER_PROGRAM

_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
PICTURES = Path(__file__).parents[2] / ".artefacts" / "ui"
"""Where pictures of what people see are kept: artefacts of a run, not part of the repository."""
_CLOSE_UNLISTED = """\
new MutationObserver(() => {
  for (const dialog of document.querySelectorAll('.jp-Dialog')) {
    if (dialog.textContent.includes('Directory not found')) dialog.querySelector('.jp-mod-accept')?.click();
  }
}).observe(document, { childList: true, subtree: true });
"""
"""JupyterLab says so where its listing of a folder failed, as it does while a file in it is renamed. It is a modal
dialog: while it is there nothing else gets the focus, and a notebook that is opened does not become the current one."""
_OPEN = """path => {
  const opening = (window.opening = { path, tries: 0 });
  opening.again = () => {
    opening.tries += 1;
    opening.failed = false;
    window.jupyterapp.commands.execute('docmanager:open', { path }).catch(error => {
      console.error(`docmanager:open of ${path}: ${error}`);
      opening.failed = true;
    });
  };
  opening.again();
}"""
_OPENED = """path => {
  const opening = window.opening;
  if (opening.failed && opening.tries < 3) opening.again();
  return window.jupyterapp.shell.currentWidget?.context?.path === path;
}"""
_ENVIRONMENT = dict(os.environ)
"""As it was when the tests were collected: what an earlier test of this process set, or left, is not for a server."""
_HIDDEN = ("CI", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", "HITL_NB_NOTEBOOK")

running: list[Lab] = []
"""The servers that are up."""
loaded: list[Page] = []
"""The windows that were opened, and may be closed by now."""


class Lab:
    """One JupyterLab server over a folder, with settings, data and a store of its own.

    Args:
        extension: whether hitl_nb's JupyterLab extension is enabled; without it there is the ipywidgets panel.
        python: the Python of the environment that JupyterLab is taken from.
    """

    def __init__(
        self, folder: Path, state: Path, *, app: str = "lab", extension: bool = True, python: str = sys.executable
    ) -> None:
        self.folder = folder
        self.token = secrets.token_hex(8)
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._sockets = TemporaryDirectory(prefix="hitl-")  # the path of a socket has at most 107 characters
        self.env = {k: v for k, v in _ENVIRONMENT.items() if k not in _HIDDEN} | {
            "JUPYTER_CONFIG_DIR": str(state / "config"),
            "JUPYTER_DATA_DIR": str(state / "data"),
            "JUPYTER_RUNTIME_DIR": self._sockets.name,
            "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
            "HITL_NB_STORE": f"diskcache://{state / 'store'}",
        }
        quiet = state / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        quiet.parent.mkdir(parents=True, exist_ok=True)
        quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
        if not extension:
            pages = state / "config" / "labconfig" / "page_config.json"
            pages.parent.mkdir(parents=True, exist_ok=True)
            pages.write_text('{"disabledExtensions": {"hitl-nb": true}}')
        # Not `-m jupyter lab`: that looks for a command on the PATH, which may be another environment's.
        self._command = [python, "-c", SERVER_PROGRAM, "jupyterlab" if app == "lab" else app]
        self.log = state / "lab.log"
        self._start()
        running.append(self)

    def _start(self) -> None:
        command = [
            *self._command,
            "--no-browser",
            "--allow-root",
            f"--port={self.port}",
            f"--IdentityProvider.token={self.token}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            "--ServerApp.port_retries=0",
            # By sockets in files: of TCP ports that the server has found free, another process may take one meanwhile.
            "--KernelManager.transport=ipc",
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        self._wait_until_up(self.log)

    def kill(self) -> None:
        """End the server and its kernels at once, as a crash of the machine does."""
        server = psutil.Process(self.process.pid)
        ended = [server, *server.children(recursive=True)]
        for process in ended:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        psutil.wait_procs(ended, timeout=30)

    def restart(self) -> None:
        """Kill the server, if it still runs, and start it again at the same address; open pages find it there."""
        if self.process.poll() is None:
            self.kill()
        self._start()

    def _wait_until_up(self, log: Path) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                self.get("api")
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(log.read_text()) from None
                time.sleep(0.2)
        raise RuntimeError("JupyterLab did not come up:\n" + log.read_text())

    def get(self, path: str, method: str = "GET") -> Any:
        """One call of Jupyter's REST API."""
        headers = {"Authorization": f"token {self.token}"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/{path}", None, headers, method=method)
        ) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def close(self) -> None:
        running.remove(self)
        with self._sockets:
            self._end()

    def _end(self) -> None:
        if self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Page:
    """A browser window with the application loaded once; notebooks are opened and closed in it.

    Args:
        at: the page of the application, e.g. "notebooks/NAME" in Notebook 7.
    """

    def __init__(self, page: Any, lab: Lab, at: str = "lab") -> None:
        self.page = page
        self.lab = lab
        self._at = at
        self.said: deque[str] = deque(maxlen=40)
        page.on("console", self._note_said)
        page.on("pageerror", self._note_error)
        page.on("crash", lambda: self.said.append("the page crashed"))
        page.on("requestfailed", self._note_unanswered)
        loaded.append(self)
        self.spoiled = False
        page.add_init_script(_CLOSE_UNLISTED)
        self.load()

    def _note_said(self, said: Any) -> None:
        self.said.append(f"{said.type}: {said.text}")

    def _note_error(self, error: Any) -> None:
        self.said.append(f"page error: {error}")

    def _note_unanswered(self, call: Any) -> None:
        self.said.append(f"no answer: {call.method} {call.url} {call.failure}")

    def load(self) -> None:
        """Load the application in this window, with nothing open in it.

        A plain reload opens again what was open, at a time of JupyterLab's own, even what was closed meanwhile.
        """
        self.spoiled = False
        self.page.goto(f"{self.lab.url}/{self._at}?token={self.lab.token}&reset")
        self.until_loaded()
        if self._at == "lab":  # its launcher comes late, and takes the focus from whoever has it
            until(self.page, "() => document.activeElement?.closest('.jp-Launcher')")

    def until_loaded(self) -> None:
        """Wait until the application has started."""
        page = self.page
        until(page, "() => window.jupyterapp?.restored && window.jupyterapp.started", seconds=90)
        page.evaluate("() => window.jupyterapp.restored")

    def open(self, name: str, *cells: str) -> Notebook:
        """Write a notebook into the lab's folder, open it, and wait for its kernel."""
        write_notebook(self.lab.folder / name, *cells)
        return self.show(name)

    def show(self, name: str) -> Notebook:
        """Open a notebook that is there, and wait for its kernel. A window that a failed test left is loaded first."""
        if self.spoiled:
            self.load()
        self.page.evaluate(_OPEN, name)
        until(self.page, _OPENED, name)
        return Notebook(self.page, self.lab, name)

    def theme(self, name: str) -> None:
        """Change the theme, e.g. to "JupyterLab Dark"."""
        self.page.evaluate("theme => { window.jupyterapp.commands.execute('apputils:change-theme', {theme}) }", name)
        until(self.page, "name => document.body.dataset.jpThemeName === name", name)
        self.page.wait_for_load_state("networkidle")


class Notebook:
    """The notebook in front, as a person sees and drives it."""

    def __init__(self, page: Any, lab: Lab, name: str) -> None:
        self.page = page
        self.lab = lab
        self.name = name
        self.closed = False
        self.until_kernel()

    @property
    def panel(self) -> Any:
        """The panel that is shown (a locator)."""
        return self.page.locator(".hitl-nb-panel:visible")

    def button(self, name: str, nth: int = 0) -> Any:
        """A button of the panel (a locator)."""
        return self.panel.get_by_role("button", name=name, exact=True).nth(nth)

    def field(self, name: str, nth: int = 0) -> Any:
        """A control of the panel by its label (a locator)."""
        return self.panel.get_by_label(name, exact=True).nth(nth)

    def until_kernel(self) -> None:
        """Wait until the kernel is connected and idle."""
        self._until(
            """() => {
              const kernel = window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
              return kernel && kernel.status === 'idle' && kernel.connectionStatus === 'connected';
            }"""
        )

    def command(self, name: str) -> None:
        """Run a command of JupyterLab, without waiting for its end."""
        self.page.evaluate("name => { window.jupyterapp.commands.execute(name) }", name)

    def run(self, cell: int) -> None:
        """Press Ctrl-Enter in a cell, so to speak."""
        self.page.evaluate(
            "i => { const n = window.jupyterapp.shell.currentWidget.content; n.deselectAll(); n.activeCellIndex = i; }",
            cell,
        )
        self.command("notebook:run-cell")

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def accept(self) -> None:
        """Say yes to the dialog that JupyterLab shows."""
        self.page.locator(".jp-Dialog .jp-mod-accept").click()

    def until_prompt(self, cell: int, text: str) -> None:
        """Wait until `text` stands beside a cell: "[1]:", "[*]:", "[ ]:"."""
        self.cell(cell).locator(".jp-InputPrompt").get_by_text(text, exact=True).wait_for()

    def text(self, cell: int) -> str:
        """The text of a cell's outputs, the panel left out."""
        script = """cell => [...cell.querySelectorAll('.jp-OutputArea-output')]
          .filter(one => !one.querySelector('.hitl-nb-panel')).map(one => one.innerText).join('\\n')"""
        return str(self.cell(cell).evaluate(script))

    def until(self, cell: int, text: str) -> None:
        """Wait until a cell's output has `text`."""
        self._until(
            f"""text => window.jupyterapp.shell.currentWidget.content.widgets[{cell}].node
              .querySelector('.jp-OutputArea')?.innerText.includes(text)""",
            text,
        )

    def until_ran(self, cell: int) -> None:
        """Wait until a cell has a number beside it again, and the kernel is idle."""
        model = f"window.jupyterapp.shell.currentWidget.content.widgets[{cell}].model"
        self._until(f"() => {model}.executionCount !== null")
        self.until_kernel()

    def reds(self) -> int:
        """How many outputs are errors or standard error."""
        kinds = ("application/vnd.jupyter.error", "application/vnd.jupyter.stderr")
        return sum(self._front().locator(f'[data-mime-type="{kind}"]').count() for kind in kinds)

    def kernel_pid(self) -> int:
        """The process id of this notebook's kernel."""
        kernel = self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id")
        for child in psutil.Process(self.lab.process.pid).children(recursive=True):
            if any(kernel in part for part in child.cmdline()):
                return child.pid
        raise AssertionError(f"no process of kernel {kernel}")

    def close(self) -> None:
        """Save the notebook, shut the kernel down and close the tab."""
        self.closed = True
        self.page.evaluate(
            """async () => {
              const widget = window.jupyterapp.shell.currentWidget;
              await widget.context.save();
              await widget.sessionContext.shutdown();
              widget.dispose();
            }"""
        )

    def _front(self) -> Any:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def cell(self, cell: int) -> Any:
        """A cell (a locator)."""
        return self._front().locator(".jp-Cell").nth(cell)

    def _until(self, condition: str, arg: Any = None) -> None:
        until(self.page, condition, arg)


def until(page: Any, condition: str, arg: Any = None, *, seconds: float = 60) -> None:
    """Wait until a function of JavaScript returns something true in a window.

    It is asked by a timer: as Playwright does it otherwise, once a frame, it is not asked while nothing is painted.
    """
    page.wait_for_function(condition, arg=arg, timeout=seconds * 1000, polling=50)


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook of code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebooks: Any = nbformat
    made = notebooks.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [notebooks.v4.new_code_cell(cell, id=f"cell-{i}") for i, cell in enumerate(cells)]
    notebooks.write(made, path)


def shot(what: Any, name: str) -> None:
    """Keep a picture of a page, or of what a locator finds, as `.artefacts/ui/NAME.png`."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    what.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


def chromium() -> str | None:
    """The browser: `CHROMIUM`, else the system's own."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def launch(playwright: Any) -> Any:
    """The system's Chromium under Playwright."""
    return playwright.chromium.launch(executable_path=chromium(), args=_ARGS)
