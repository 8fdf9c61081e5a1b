"""What the benchmarks of server and front end share: the servers and browsers of the tests, and proposals to look at.

They need more than the others: `hitl_nb[lab]`, psutil and playwright, and some of them Chromium. Where something is
missing they are skipped, and say what is.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Question, Snapshot

ROOT = Path(__file__).parent.parent
BUILT = ROOT / "hitl_nb" / "labextension"
LETTER = "Dear Ann, your refund is on its way. " * 8

_SERVER = ("jupyter_server", "psutil")
_BROWSER = ("jupyterlab", "nbformat", "playwright", *_SERVER)


def no_server() -> str | None:
    """Why no Jupyter server can be measured here, or None."""
    return _missing(_SERVER)


def no_browser() -> str | None:
    """Why nothing can be measured in a browser here, or None."""
    if why := _missing(_BROWSER) or not_built():
        return why
    if of_the_tests("ui", "lab").chromium() is None:
        return "no Chromium found; install it, or set CHROMIUM=/path/to/it"
    return None


def not_built() -> str | None:
    """Why the JupyterLab extension is not there, or None."""
    return None if (BUILT / "package.json").exists() else "the JupyterLab extension is not built (make check builds it)"


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Any]:
    """A Jupyter server with a store of its own (`Server` of the tests)."""
    started = of_the_tests("server", "hitl_nb_server").Server(folder)
    try:
        yield started
    finally:
        started.close()


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[tuple[Any, Callable[[], Any]]]:
    """A JupyterLab (`Lab` of the tests), and a function that opens it in a new window (`Page` of the tests)."""
    with jupyterlabs(folder, None) as (one,):
        yield one


@contextlib.contextmanager
def jupyterlabs(folder: Path, *pythons: str | None) -> Iterator[list[tuple[Any, Callable[[], Any]]]]:
    """The same, several in one browser: each with a Python of its own; None for the one that runs here.

    A window may be given a script that runs in it before any other.
    """
    from playwright.sync_api import sync_playwright

    lab = of_the_tests("ui", "lab")
    # A copy, found before any other: so nobody who builds meanwhile changes what is measured.
    shutil.copytree(BUILT, folder / "jupyter" / "labextensions" / "hitl-nb")
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    with sync_playwright() as playwright, contextlib.ExitStack() as stack:
        browser = lab.launch(playwright)
        made: list[tuple[Any, Callable[[], Any]]] = []
        for n, python in enumerate(pythons):
            notebooks, state = folder / f"notebooks-{n}", folder / f"state-{n}"
            notebooks.mkdir()
            state.mkdir()
            started = lab.Lab(notebooks, state, python=python or sys.executable)
            stack.enter_context(contextlib.closing(started))

            def window(script: str = "", started: Any = started) -> Any:
                page = browser.new_context(viewport={"width": 1300, "height": 1600}).new_page()
                page.add_init_script(script)
                return lab.Page(page, started)

            made.append((started, window))
        yield made
        browser.close()


def waiting(ledger: Ledger, notebook: Path, count: int) -> list[Proposal]:
    """So many proposals that wait, 50 in each run."""
    made: list[Proposal] = []
    for first in range(0, count, 50):
        _, claim = ledger.runs.open(agent="refunds", notebook=str(notebook), key=str(first))
        numbers = range(first, min(first + 50, count))
        questions = [Question(title=f"Refund order {n}", kind="text", value=LETTER) for n in numbers]
        made += ledger.runs.pause(claim, Snapshot(envelope=b""), questions).proposals
    return made


PAINTED = """
  const painted = then => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => then(performance.now());
    channel.port2.postMessage(0);
  });
"""
"""JavaScript: calls `then` with the time behind the next frame, when what is in the document now is on the screen."""


def _missing(modules: tuple[str, ...]) -> str | None:
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def of_the_tests(folder: str, name: str) -> Any:
    """A module of the tests."""
    place = str(ROOT / "tests" / folder)
    if place not in sys.path:
        sys.path.append(place)
    return importlib.import_module(name)
