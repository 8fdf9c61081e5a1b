"""Which process owns a claim, and whether it still lives.

A process on this machine is asked about directly: its id and the time it started name it for good. Of a process
elsewhere only its heartbeat can be seen; `claims.py` watches that.
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
"""Tokens of the claims that this process holds now. A claim of this process without one was never handed out,
because its caller was interrupted."""


class ProcessIdentity(Record, frozen=True):
    """The process behind a claim.

    Attributes:
        host: names this machine, since its start, and the process namespace.
        name: host name, for people.
        started: when the process started, in the system's own spelling.
        label: what the process is, for people ("kernel", "server").
        token: tells apart the claims of one process.
    """

    host: str
    name: str
    pid: int
    started: str
    label: str
    token: str

    @classmethod
    def current(cls, label: str) -> ProcessIdentity:
        """This process, about to claim a run."""
        pid = os.getpid()
        return cls(
            host=_host_name(), name=platform.node(), pid=pid, started=_own_start_time(pid), label=label, token=new_id()
        )

    def __str__(self) -> str:
        return f"{self.label} (pid {self.pid} on {self.name})"

    def is_alive(self) -> bool | None:
        """Whether the claim's owner lives; None if that cannot be seen from here."""
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
    """When this process, `pid`, started; a forked child has another `pid`."""
    return _start_time(pid) or ""


def _start_time(pid: int) -> str | None:
    """When a process of this machine started; None if there is none (or only its remains), "" if hidden from us."""
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
        pass  # it lives; /proc may be set to hide other users' processes
    return ""


def _psutil_start_time(pid: int) -> str | None:
    """The same where there is no /proc; psutil comes with ipykernel."""
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
