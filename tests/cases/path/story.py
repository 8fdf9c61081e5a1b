"""What the script cases share: write a notebook, call the command line, ask a server."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.commands import Commands

SERVERS = os.environ.get("COMMAND_SERVERS", "")
COMMANDS = Commands([int(fd) for fd in SERVERS.split()]) if SERVERS else None
"""What forks commands; None where each has to be started as people start it."""
LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"


def write(path: str, *cells: str) -> None:
    """Write a notebook of these cells, below one that loads the extension."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = new_notebook(cells=[new_code_cell(one) for one in (LOAD, *cells)], metadata={"kernelspec": kernel})
    if Path(path).exists():
        made.metadata.update({**nbformat.read(path, 4).metadata, "kernelspec": kernel})
    nbformat.write(made, path)


def cli(*args: str, **env: str) -> tuple[int, str]:
    """The exit code of a `hitl-nb` command, and all that it printed."""
    done = _run(args, {**os.environ, **env})
    return done.returncode, done.stdout + done.stderr


def _run(words: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    if COMMANDS is not None:
        return COMMANDS.run(words, cwd=Path.cwd(), env=env, seconds=120)
    return subprocess.run(["hitl-nb", *words], capture_output=True, text=True, env=env, timeout=120, check=False)


def inbox() -> list[dict[str, Any]]:
    """The open proposals."""
    done = _run(["inbox", "--json"], os.environ)
    done.check_returncode()
    return [one for one in json.loads(done.stdout)["proposals"] if one["status"] == "open"]


def approve_all() -> list[str]:
    """Approve what is open; the ids."""
    ids = [one["id"] for one in inbox()]
    for ident in ids:
        code, said = cli("approve", ident)
        assert code == 0, said
    return ids


def lines(path: str) -> list[str]:
    """The lines of a file; none if there is no such file."""
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def outputs(notebook: Any) -> list[Any]:
    """All outputs of a notebook's code cells."""
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def html(path: str) -> str:
    """All HTML outputs of a saved notebook."""
    shown = outputs(nbformat.read(path, 4))
    return "".join(one.data.get("text/html", "") for one in shown if "data" in one)


def execute_without_path(path: str) -> str:
    """Run a notebook as programs do that tell the kernel no path; what it printed."""
    notebook = nbformat.read(path, 4)
    with contextlib.suppress(nbclient.exceptions.CellExecutionError):
        nbclient.NotebookClient(notebook, timeout=120).execute()
    streams = [one for one in outputs(notebook) if one.output_type == "stream" and one.name == "stdout"]
    return "".join(one.text for one in streams)


@contextlib.contextmanager
def server() -> Iterator[Callable[..., bytes]]:
    """A Jupyter server with the extension; gives ask(method, path, body=None, timeout=10)."""
    port = random.SystemRandom().randrange(10_000, 32_000)  # outside of those that the system gives to kernels
    options = {
        "ServerApp.ip": "127.0.0.1",
        "IdentityProvider.token": "secret",
        "ServerApp.jpserver_extensions": '{"hitl_nb": True}',
        "ServerApp.root_dir": str(Path.cwd()),
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", f"--port={port}", *given]

    def ask(method: str, path: str, body: Any = None, timeout: float = 10) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "token secret", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{port}{path}"
        request = urllib.request.Request(url, method=method.upper(), data=data, headers=headers)
        return urllib.request.urlopen(request, timeout=timeout).read()

    with Path("server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(ask)
            yield ask
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                process.kill()


def _wait_for(ask: Callable[..., bytes]) -> None:
    for _ in range(240):
        with contextlib.suppress(OSError):
            ask("get", "/hitl_nb/api/status")
            return
        time.sleep(0.25)
    raise RuntimeError("the server did not start: " + Path("server.log").read_text(encoding="utf-8")[-300:])
