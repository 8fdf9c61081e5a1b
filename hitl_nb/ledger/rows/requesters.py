"""Who started or continued a run: with four eyes, they do not decide on what it asks."""

from __future__ import annotations

import functools
import getpass
import os

import msgspec

from hitl_nb.records import Run
from hitl_nb.settings import HUB_USER

_replacement_names: tuple[str, ...] | None = None


def replace_requesters(names: tuple[str, ...] | None) -> None:
    """Let these be the people behind this process; None: those who are.

    A decisions file that answers in place of people must give the same no matter who runs it.
    """
    global _replacement_names
    _replacement_names = names


def os_user() -> str:
    """The operating system's name of the person who runs this process (not what the environment claims)."""
    return _os_user(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


@functools.cache
def _os_user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def current_requesters() -> tuple[str, ...]:
    """The people behind this process: the OS user, and whom JupyterHub started it for."""
    if _replacement_names is not None:
        return _replacement_names
    hub = HUB_USER.read()
    return (os_user(), hub) if hub else (os_user(),)


def with_requesters(run: Run, names: tuple[str, ...]) -> Run:
    """The run with these people among its requesters."""
    more = [name for name in names if name not in run.requesters]
    return msgspec.structs.replace(run, requesters=(*run.requesters, *more)) if more else run
