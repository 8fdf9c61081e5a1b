"""Identity of the process that has a claim (the exclusive right to execute a run), and a check whether it is alive.

A process on this machine can be checked directly: its process id and its start time together identify it. A process on
another machine cannot be checked. Only its heartbeats in the store can be observed; `claims.py` does that.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import uuid
from pathlib import Path

from hitl_nb.records import Record, new_id
from hitl_nb.structs import prepare_structs

LIVE_TOKENS: set[str] = set()
"""Tokens of the claims that this process holds now.

If a stored claim names this process, but its token is not here, the function that claimed the run was interrupted. No
code has this claim, so it counts as free.
"""


class ProcessIdentity(Record, frozen=True):
    """The process that has a claim.

    Attributes:
        host: Hash of the machine's current boot and its process namespace. Processes with the same `host` can see each
            other.
        name: Host name, for people.
        pid: Process id.
        started: Start time of the process, in the format of the operating system.
        label: Role of the process, for people ("kernel", "server").
        token: Random text, new for each claim, that distinguishes the claims of one process.
    """

    host: str
    name: str
    pid: int
    started: str
    label: str
    token: str

    @classmethod
    def current(cls, label: str) -> ProcessIdentity:
        """Return the identity of this process, with a new token for a new claim.

        Args:
            label: Role of the process, shown to people ("kernel", "server").
        """
        pid = os.getpid()
        return cls(
            host=_host_name(), name=platform.node(), pid=pid, started=_own_start_time(pid), label=label, token=new_id()
        )

    def __str__(self) -> str:
        return f"{self.label} (pid {self.pid} on {self.name})"

    def is_alive(self) -> bool | None:
        """Return whether the process still has its claim and is alive.

        Returns:
            True or False; None if this process cannot check it, because the process is on another machine or is hidden.
        """
        if self.host != _host_name():
            return None
        if self.pid == os.getpid() and self.started == _own_start_time(self.pid):
            return self.token in LIVE_TOKENS
        started = _start_time(self.pid)
        if started == "":
            return None
        return started == self.started


@functools.cache
def _host_name() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        place = f"{boot.strip()} {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        place = f"{platform.node()} {uuid.getnode()}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]


@functools.cache
def _own_start_time(pid: int) -> str:
    """Return the start time of this process in the format of the operating system; "" if it is unknown.

    The result is cached by `pid`, because a forked child has another process id and start time.
    """
    return _start_time(pid) or ""


def _start_time(pid: int) -> str | None:
    """Return the start time of a process on this machine, in the format of the operating system.

    None if there is no such process, or only a zombie (an ended process that is still listed). "" if this process may
    not see the other one.
    """
    if not Path("/proc/self/stat").exists():
        return _psutil_start_time(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return _hidden_start_time(pid)
    state, *rest = stat[stat.rindex(b")") + 2 :].split()
    return None if state in (b"Z", b"X") else rest[18].decode()


def _hidden_start_time(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # the process is alive; /proc can be configured to hide other users' processes
    return ""


def _psutil_start_time(pid: int) -> str | None:
    """Return the start time on systems without /proc, as `_start_time` does. psutil is installed with ipykernel."""
    try:
        import psutil
    except ImportError:
        return ""
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return ""


prepare_structs(globals())
