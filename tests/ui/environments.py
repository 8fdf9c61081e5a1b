"""Other environments that the review must work in: each has a few packages of its own over those of the main one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from filelock import FileLock

REQUIREMENTS = {
    "rtc": ["jupyter-collaboration==5.0.4"],
    # It replaces jupyter-collaboration's server, and does not go together with it.
    "jsd": ["jupyter-server-documents==0.3.3"],
    # The oldest JupyterLab that the extension promises to run in, and the Notebook that belongs to it.
    "lab42": ["jupyterlab==4.2.0", "notebook==7.2.0"],
    # Protocols of agents, for tests/integrations.
    "agents": ["agent-client-protocol==0.12.1", "ag-ui-protocol==1.0.0"],
}
_SHARED = [
    "share/jupyter/lab",
    "share/jupyter/labextensions/hitl-nb",
    "etc/jupyter/jupyter_server_config.d/hitl_nb.json",
]
"""What Jupyter looks for below an environment's own prefix, and the main one has."""
_UNREACHABLE = "connection broken by"
"""How pip says that it could not ask an index."""
_ROOT = Path(__file__).parents[2]


def python_of(name: str) -> str:
    """The Python of `.venv-NAME`, which is made on first use, and anew when what belongs into it is another."""
    home = _ROOT / f".venv-{name}"
    python, ready = home / "bin" / "python", home / ".ready"
    wanted = hashlib.sha256(repr([REQUIREMENTS[name], sys.version, sys.prefix]).encode()).hexdigest()
    with FileLock(Path(sys.prefix) / f".{name}.lock"):
        if not ready.exists() or ready.read_text() != wanted:
            _make(home, python, REQUIREMENTS[name])
            ready.write_text(wanted)
    return str(python)


def _make(home: Path, python: Path, requirements: list[str]) -> None:
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, symlinks=True)
    # Behind its own packages come those of the main environment: pip is one, and installs only what is missing there.
    beside = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    own = sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)})
    Path(own, "beside.pth").write_text(beside)
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--retries=2", *requirements]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode != 0:
        what = " ".join(requirements)
        if _UNREACHABLE in done.stderr or "PIP_NO_INDEX" in os.environ:
            pytest.skip(f"no package index can be reached, so {what} cannot be installed into {home.name}")
        raise RuntimeError(f"pip could not install {what} into {home.name}:\n{done.stdout}{done.stderr}")
    for name in _SHARED:
        if not (home / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).symlink_to(Path(sys.prefix) / name)
