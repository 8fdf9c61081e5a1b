"""`hitl-nb` commands in new processes, cheaply: a server that has everything imported forks one for each command.

The kernel of `hitl-nb run` is a fork, too. What a command knows of a run, it read from the store, as always. Two
servers take turns, so that commands in sequence hash strings differently, as those that people start do.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import IO, Any

import psutil

IMPORTED = (
    *(
        "hitl_nb.cli.app",
        "hitl_nb.headless.run_notebook",
        "hitl_nb.notebook.ipython.magics",
        "hitl_nb.storage.disk.store",
    ),
    *("hitl_nb.engine.run.cell_run", "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell"),
    *(
        "jupyter_client.provisioning.local_provisioner",
        "asyncio",
        "sqlite3",
        "pydantic.functional_validators",
        "ipykernel.debugger",
    ),
    "tornado.platform.asyncio",
)
FDS = 3
"""A command gets three files: its output, its errors, and where its process id and its end are noted."""


class Commands:
    """The near end: starts commands.

    Args:
        shared: the `addresses` of servers that another process started, and passed on to this one.
    """

    def __init__(self, shared: Sequence[int] = ()) -> None:
        self._servers = [_Server(fd) for fd in shared] or [_Server() for _ in range(2)]
        self._turns = cycle(self._servers)

    @property
    def addresses(self) -> list[int]:
        """File descriptors for a child that may start commands, too, while this process starts none."""
        return [server.address for server in self._servers]

    def start(self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Command:
        """Start `hitl-nb WORDS...`."""
        return next(self._turns).start(words, cwd, env)

    def run(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], seconds: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `hitl-nb WORDS...` to its end.

        Raises TimeoutExpired if it takes longer than `seconds`; the command is killed with the kernel it started.
        """
        command = self.start(words, cwd=cwd, env=env)
        try:
            out, err = command.communicate(seconds)
        except subprocess.TimeoutExpired:
            kill_with_children(command.pid)
            raise
        return subprocess.CompletedProcess(list(words), command.wait(), out, err)

    def close(self) -> None:
        """Stop the servers."""
        for server in self._servers:
            server.close()


class Command:
    """A command that was started; its methods are those of `subprocess.Popen`."""

    def __init__(self, words: Sequence[str], out: IO[str], err: IO[str], notes: IO[str]) -> None:
        self.args = list(words)
        self._out, self._err, self._notes = out, err, notes
        self.pid = int(notes.readline())
        self.returncode: int | None = None
        self._waiting = threading.Lock()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end: the exit code, negative for a signal. Raises TimeoutExpired."""
        if not self._waiting.acquire(timeout=-1 if timeout is None else timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        with contextlib.ExitStack() as stack:
            stack.callback(self._waiting.release)
            if self.returncode is None:
                if not select.select([self._notes], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                self.returncode = int(self._notes.readline())
                self._notes.close()
            return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for the end: what it wrote to its output, and to its errors."""
        self.wait(timeout)
        texts: list[str] = []
        for file in (self._out, self._err):
            with file:
                file.seek(0)
                texts.append(file.read())
        return texts[0], texts[1]


class _Server:
    def __init__(self, shared: int | None = None) -> None:
        self._process = None
        if shared is not None:
            self._socket = socket.socket(fileno=shared)
            return
        self._socket, far = socket.socketpair()
        code = f"import runpy; runpy.run_path({str(Path(__file__))!r})['serve']({far.fileno()})"
        self._process = subprocess.Popen(
            [sys.executable, "-X", "frozen_modules=off", "-c", code], pass_fds=[far.fileno()]
        )
        far.close()

    @property
    def address(self) -> int:
        return self._socket.fileno()

    def start(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Command:
        out, err = (tempfile.TemporaryFile("w+", encoding="utf-8") for _ in range(2))  # noqa: SIM115 - the command's
        near, far = os.pipe()
        request = json.dumps([list(words), str(cwd), dict(env)]).encode()
        socket.send_fds(self._socket, [len(request).to_bytes(4, "big")], [out.fileno(), err.fileno(), far])
        self._socket.sendall(request)
        os.close(far)
        return Command(words, out, err, os.fdopen(near, encoding="ascii"))

    def close(self) -> None:
        self._socket.close()
        if self._process is not None:
            self._process.wait()


def kill_with_children(pid: int) -> None:
    """Kernels have sessions of their own, and would survive."""
    for process in (*psutil.Process(pid).children(recursive=True), psutil.Process(pid)):
        process.kill()


# The far end


def serve(fd: int) -> None:
    """Fork a command for each request."""
    sys.path.remove("")
    for name in IMPORTED:
        importlib.import_module(name)
    import nbformat  # late: `run_notebook` has imported jsonschema without its slow part

    nbformat.validate(nbformat.v4.new_notebook())  # the first one compiles the schema
    gc.collect()
    gc.freeze()  # collections in the forks would copy every page
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has waited for a command needs nobody to wait for it
    near = socket.socket(fileno=fd)
    while True:
        head, fds, _, _ = socket.recv_fds(near, 4, FDS)
        if not head:
            os._exit(0)
        request = b""
        while len(request) < int.from_bytes(head, "big"):
            request += near.recv(1 << 20)
        if os.fork() == 0:
            near.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if _fork_command(*json.loads(request), *fds):
                return _main()
        for one in fds:
            os.close(one)


def _fork_command(words: list[str], cwd: str, env: dict[str, str], out: int, err: int, notes: int) -> bool:
    """Be the command in a new process, which returns True; its parent notes how it ends, and ends."""
    pid = os.fork()
    if pid:
        os.write(notes, b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        os.write(notes, b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.close(notes)
    os.setsid()
    for fd, standard in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(fd, standard)
        os.close(fd)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.argv = ["hitl-nb", *words]
    return True


def _main() -> None:
    if sys.argv[1] == "run":
        _fork_kernel()
    from hitl_nb.cli.app import main

    main()


def _fork_kernel() -> None:
    """Fork the process that becomes the kernel when jupyter_client launches one. Now: later there are threads."""
    from jupyter_client.provisioning import local_provisioner

    near, far = os.pipe()
    pid = os.fork()
    os.setpgid(pid, pid)
    if pid == 0:
        os.close(far)
        with os.fdopen(near, "rb") as pipe:
            order = pipe.read()
        if not order:
            os._exit(0)
        _be_kernel(**json.loads(order))
    os.close(near)

    def launch(cmd: list[str], *, env: dict[str, str], cwd: str, **_: Any) -> _Kernel:
        with os.fdopen(far, "wb") as pipe:
            pipe.write(json.dumps({"cmd": cmd, "env": env, "cwd": cwd}).encode())
        return _Kernel(pid)

    local_provisioner.launch_kernel = launch


def _be_kernel(cmd: list[str], env: dict[str, str], cwd: str) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    assert cmd[1:3] == ["-m", "ipykernel_launcher"], cmd
    sys.argv = [*cmd[2:], f"--IPKernelApp.parent_handle={os.getppid()}"]  # the default was read at the import
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
    sys.exit()


class _Kernel:
    """What jupyter_client holds of the kernel's process, with the methods of `subprocess.Popen` that it calls."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._wait(os.WNOHANG)

    def wait(self) -> int | None:
        return self._wait(0)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)
