"""A worker process that answers requests one at a time, and that the requesting process can kill at any moment.

Requests and answers are bytes. Each is preceded by a line with its length. An idle worker ends by itself. A worker
whose request takes too long also ends by itself, in case the requesting process no longer exists.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from hitl_nb.errors import HitlError

T = TypeVar("T")

IDLE_SECONDS = 120
"""Seconds after which an idle worker ends."""
_START_SECONDS = 60.0
"""Maximum time that a worker may take to start."""
_READY = b"ready\n"
_MAX_MEMORY_BYTES = 4 << 30


class WorkerProcess:
    """One worker process, seen from the requesting process.

    Args:
        serve: Function that the worker runs, as "module:function". It calls `answer_requests`.
        what: Description of the worker's task, for messages: "checks by schemas".

    Raises:
        HitlError: The process cannot be started.
    """

    def __init__(self, serve: str, what: str) -> None:
        module, function = serve.split(":")
        code = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import {function}; {function}()"
        path = json.dumps([place for place in sys.path if place])
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", code, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # so that an interrupt of the kernel does not reach it
            )
        except OSError as error:
            raise HitlError(f"the process that {what} cannot be started: {error}") from error
        try:
            ready = self._run_within(_START_SECONDS, self._read_line) == _READY
        except TimeoutError:
            ready = False
        if not ready:
            self.kill()
            raise HitlError(f"the process that {what} did not start; is hitl_nb installed for this Python?")
        self._used = time.monotonic()

    def is_fresh(self) -> bool:
        """Return True if the process certainly waits for requests.

        It has not ended, and it was used so recently that it will not end soon.
        """
        return self.process.poll() is None and time.monotonic() - self._used < IDLE_SECONDS / 2

    def ask(self, request: bytes, seconds: float) -> bytes | None:
        """Send a request, and return the answer. None if the process ended without an answer.

        Args:
            request: The request.
            seconds: Time limit.

        Raises:
            TimeoutError: There was no answer in time. The process was killed.
        """
        pipe = self.process.stdin
        assert pipe is not None

        def exchange() -> bytes | None:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(b"%d %d\n" % (int(seconds) + 1, len(request)))
                pipe.write(request)
                pipe.flush()
            return self._read_answer()

        answer = self._run_within(seconds, exchange)
        self._used = time.monotonic()
        return answer

    def _run_within(self, seconds: float, work: Callable[[], T]) -> T:
        """Return the result of `work`. The worker is killed if this takes too long.

        Raises:
            TimeoutError: `work` took more than `seconds` seconds.
        """
        late = threading.Event()
        timer = threading.Timer(seconds, lambda: (late.set(), self.process.kill()))
        timer.daemon = True
        timer.start()
        try:
            done = work()
        finally:
            timer.cancel()
        if late.is_set():
            raise TimeoutError
        return done

    def _read_line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def _read_answer(self) -> bytes | None:
        assert self.process.stdout is not None
        line = self._read_line()
        if not line.endswith(b"\n"):
            return None
        answer = self.process.stdout.read(int(line))
        return answer if len(answer) == int(line) else None

    def kill(self) -> None:
        """Kill the process, also during a request."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process.wait()


def answer_requests(answer: Callable[[bytes], bytes]) -> None:
    """Answer requests in the worker process, until the requesting process closes the connection.

    Args:
        answer: Returns the answer to a request.
    """
    _limit_memory()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # output of libraries must not look like an answer
    answers.write(_READY)
    answers.flush()
    while True:
        _kill_after(IDLE_SECONDS)
        line = requests.readline()
        if not line:
            return
        seconds, size = line.split()
        request = requests.read(int(size))
        _kill_after(int(seconds) + 1)  # in case the requesting process no longer exists
        said = answer(request)
        answers.write(b"%d\n" % len(said))
        answers.write(said)
        answers.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows: only the time limit applies
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY or soft > _MAX_MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, hard))


def _kill_after(seconds: int) -> None:
    """Make the operating system end this process after a number of seconds, whatever the process does then."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
