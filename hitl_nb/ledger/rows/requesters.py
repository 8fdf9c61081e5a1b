"""Requesters: the people who started or continued a run.

Under a four-eyes rule, requesters may only reject the run's proposals; other people must approve.
"""

from __future__ import annotations

import functools
import getpass
import os

import msgspec

from hitl_nb.records import Run
from hitl_nb.settings import HUB_USER

_replacement_names: tuple[str, ...] | None = None


def replace_requesters(names: tuple[str, ...] | None) -> None:
    """Replace the people that `current_requesters` returns in this process.

    A decisions file that answers in place of people uses this, because it must give the same result for every user.

    Args:
        names: User names. None: use the real people again.
    """
    global _replacement_names
    _replacement_names = names


def os_user() -> str:
    """Return the user name of this process according to the operating system, not to environment variables."""
    return _os_user(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


@functools.cache
def _os_user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def current_requesters() -> tuple[str, ...]:
    """Return the user names of the people for whom this process runs.

    They are the user of the operating system and, if JupyterHub started the process, the JupyterHub user. If
    `replace_requesters` has set other names, these are returned.
    """
    if _replacement_names is not None:
        return _replacement_names
    hub = HUB_USER.read()
    return (os_user(), hub) if hub else (os_user(),)


def with_requesters(run: Run, names: tuple[str, ...]) -> Run:
    """Return a copy of the run with these user names added to its requesters. The store is not written."""
    more = [name for name in names if name not in run.requesters]
    return msgspec.structs.replace(run, requesters=(*run.requesters, *more)) if more else run
