"""Execute the notebooks of `examples/` with their decision files, and write them to `docs/examples/` as pages.

Each notebook runs in its own process, folder and store. The results are cached by a hash of everything that they depend
on: the examples and the package's source.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
PAGES = ROOT / "docs" / "examples"
KEPT = ROOT / "docs" / "_build" / "examples"
"""Executed notebooks by hash; not committed."""
SECONDS = 300


def execute_all() -> None:
    """Make the pages.

    Raises:
        RuntimeError: A notebook does not run to its end.
    """
    folder = KEPT / _fingerprint()
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(EXAMPLES.glob("*.ipynb")):
        kept = folder / source.name
        if not kept.exists():
            _execute(source, kept)
        page = PAGES / source.name
        if not page.exists() or page.read_bytes() != kept.read_bytes():
            shutil.copyfile(kept, page)
    for other in KEPT.iterdir():
        if other != folder:
            shutil.rmtree(other)


def _execute(source: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="hitl-nb-docs-") as temporary:
        stage = Path(temporary, "examples")
        shutil.copytree(EXAMPLES, stage, ignore=shutil.ignore_patterns("__pycache__", "*.jsonl", ".*"))
        (Path(temporary) / ".git").mkdir()  # the search for policy files ends here
        notebook = stage / source.name
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HITL_NB_")},
            "HITL_NB_STORE": f"diskcache://{temporary}/store",
            "HITL_NB_REVIEWER": f"script:{notebook.with_suffix('.decisions.json')}",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }
        done = subprocess.run(
            [sys.executable, "-m", "hitl_nb.cli", "run", str(notebook)],
            env=environment,
            cwd=stage,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{source.name} did not run to its end (exit code {done.returncode}): {done.stderr}")
        shutil.copyfile(notebook, target)


def _fingerprint() -> str:
    """Return a hash of the examples and of the package that runs them."""
    found = hashlib.sha256(sys.version.encode())
    for file in _sources():
        found.update(f"{file.relative_to(ROOT)}\0".encode())
        found.update(file.read_bytes())
    return found.hexdigest()[:24]


def _sources() -> Iterator[Path]:
    for file in sorted(EXAMPLES.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".jsonl":
            yield file
    yield from sorted((ROOT / "hitl_nb").rglob("*.py"))
