"""New processes, cheaply: a server that has everything imported and forks a fresh child for each call.

A child has never opened a store and has no live objects of another: what it knows of a run, it read from the store.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


class Forks:
    """The near end. `forks(function, ...)` calls a module's function in a new process and returns what it returned."""

    def __init__(self, data: Path, *modules: str, folder: Path | None = None) -> None:
        """Args:
        data: where keys are kept.
        modules: what the server imports once, beside what it always does.
        folder: where they are. None: beside this file.
        """
        here = Path(__file__).parent
        path = os.pathsep.join(str(one) for one in (here, here.parent.parent, folder) if one)
        env = {**os.environ, "JUPYTER_DATA_DIR": str(data), "PYTHONPATH": path}
        self.server = subprocess.Popen(
            [sys.executable, "-c", f"import forks; forks.serve({modules!r})"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
        )

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Raises what the function raised; ChildDied if its process was killed."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        _write(self.server.stdin, (function.__module__, function.__qualname__, args, kwargs))
        ok, value = _read(self.server.stdout)
        if not ok:
            raise value
        return value

    def close(self) -> None:
        assert self.server.stdin is not None
        self.server.stdin.close()
        self.server.wait()


class ChildDied(Exception):
    """The process ended without an answer; `args[0]` is its wait status."""


def serve(modules: tuple[str, ...] = ()) -> None:
    """The far end."""
    for name in (
        *modules,
        "world",
        "asyncio",
        "diskcache",
        "filelock",
        "jupyter_core.paths",
        "hitl_nb.agent_api.checkpoint",
        "hitl_nb.storage.disk.store",
        "hitl_nb.storage.memory",
    ):
        importlib.import_module(name)  # once, not in each child
    gc.freeze()  # a collection in a child would copy every page of it

    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            request = _read(requests)
        except EOFError:
            return
        near, far = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(near)
            _answer(far, request)
        os.close(far)
        with os.fdopen(near, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(child, 0)
        answers.write(data or _pack_value((False, ChildDied(status))))
        answers.flush()


def _answer(far: int, request: Any) -> None:
    module, name, args, kwargs = request
    try:
        answer = (True, getattr(importlib.import_module(module), name)(*args, **kwargs))
        data = _pack_value(answer)
    except BaseException as error:  # noqa: BLE001 - goes to the caller
        import traceback

        try:
            error.add_note(traceback.format_exc())
            data = _pack_value((False, error))
            pickle.loads(data[4:])
        except Exception:  # noqa: BLE001 - an error that does not pickle is told as text
            data = _pack_value((False, RuntimeError(traceback.format_exc())))
    with os.fdopen(far, "wb") as pipe:
        pipe.write(data)
    os.kill(os.getpid(), signal.SIGKILL)  # no goodbyes: what is not in the store is gone


def _pack_value(value: Any) -> bytes:
    data = pickle.dumps(value)
    return struct.pack(">I", len(data)) + data


def _write(file: IO[bytes], value: Any) -> None:
    file.write(_pack_value(value))
    file.flush()


def _read(file: IO[bytes]) -> Any:
    head = file.read(4)
    if len(head) < 4:
        raise EOFError
    return pickle.loads(file.read(struct.unpack(">I", head)[0]))
