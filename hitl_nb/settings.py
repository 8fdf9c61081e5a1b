"""Every environment variable that hitl_nb reads or sets.

This is the only module that uses `os.environ`; Ruff refuses it in other modules (TID251). The page
`docs/reference/settings.md` is made from `VARIABLES` and `FOREIGN_VARIABLES`. Options of the Jupyter server are
traitlets, in `server/base/context.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

ValueType = Literal["text", "flag", "URL", "path", "paths", "time", "keys", "process", "command"]
"""Type of a variable's text.

A "flag" is on if its text is `1`. "paths" are separated as in `PATH`. A "process" is a process id and a name, separated
by a space.
"""
Owner = Literal["you", "server", "program"]


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    Attributes:
        name: Name of the variable.
        value_type: Type of the text.
        default: Behavior if the variable is not set, in words for people.
        owner: The party that sets the variable. "you": the user. "server": the Jupyter server, for its kernels.
            "program": another program, for the processes that it starts.
        meaning: Effect of the variable, in sentences for people.
    """

    name: str
    value_type: ValueType
    default: str
    owner: Owner
    meaning: str

    def read(self) -> str:
        """Return the text of the variable; "" if it is not set."""
        return os.environ.get(self.name, "")

    def is_set(self) -> bool:
        """Return True if the variable exists, even if it is empty."""
        return self.name in os.environ

    def is_on(self) -> bool:
        """Return True if the variable is a flag that is on (`1`)."""
        return os.environ.get(self.name) == "1"

    def write(self, value: str) -> None:
        """Set the variable in this process. Processes that it starts inherit the variable."""
        os.environ[self.name] = value

    def write_flag(self, on: bool) -> None:
        """Set the variable to `1` if `on` is True; otherwise remove it."""
        set_variable(self.name, "1" if on else None)


STORE = Variable(
    "HITL_NB_STORE",
    "URL",
    "the user's own store, `hitl_nb/store` in Jupyter's data directory",
    "you",
    "URL of the store, for example `diskcache:///srv/review/store`. A Jupyter server sets it for its kernels.",
)
POLICY = Variable(
    "HITL_NB_POLICY",
    "paths",
    "no policy of the organisation",
    "you",
    "Paths of the organisation's policy files, separated by `:` (Windows: `;`). `c.HitlNb.policy` sets it.",
)
SIGNED_ONLY = Variable(
    "HITL_NB_SIGNED_ONLY",
    "flag",
    "`0`",
    "you",
    "`1`: a run continues only with decisions that a Jupyter server signed. `c.HitlNb.signed_only` sets it.",
)
NOTEBOOK = Variable(
    "HITL_NB_NOTEBOOK",
    "path",
    "the path that Jupyter or VS Code gives to the kernel",
    "you",
    "Path of the notebook that the kernel runs, for executors that do not tell it.",
)
REVIEWER = Variable(
    "HITL_NB_REVIEWER",
    "text",
    "people decide",
    "you",
    "`script:FILE`: the decisions file FILE answers every proposal. The pytest plugin sets it.",
)
WIDGET = Variable(
    "HITL_NB_WIDGET",
    "flag",
    "`0`",
    "you",
    "`1`: a paused cell shows the ipywidgets panel also where the JupyterLab extension is installed.",
)
PUBLIC_URL = Variable(
    "HITL_NB_PUBLIC_URL",
    "URL",
    "messages contain no link",
    "you",
    "Address of the Jupyter server as reviewers reach it, for `hitl-nb watch`. The same as `--public-url`.",
)
ROOT = Variable(
    "HITL_NB_ROOT",
    "path",
    "the home directory is the limit",
    "server",
    "Root folder of the server: the search for `hitl-policy.toml` ends there.",
)
LABEXTENSION = Variable(
    "HITL_NB_EXTENSION",
    "flag",
    "`0`",
    "server",
    "`1`: the server draws proposals with the JupyterLab extension, so a paused cell shows no widget panel.",
)
SERVER_KEY = Variable(
    "HITL_NB_SERVER_KEY",
    "keys",
    "the public key beside the private key",
    "server",
    "Public keys that a kernel trusts for signed decisions: base64, separated by commas.",
)
SERVER_LOGINS = Variable(
    "HITL_NB_SERVER_LOGINS",
    "flag",
    "unknown",
    "server",
    "`0`: nobody can log in to the server, so no decision counts as made by somebody who did.",
)
EXECUTOR = Variable(
    "HITL_NB_TOLD_BY",
    "process",
    "not set",
    "program",
    "Process id and name of the program that set `HITL_NB_NOTEBOOK` for the kernels that it starts: it counts in those "
    "alone.",
)
CLOCK = Variable(
    "HITL_NB_CLOCK",
    "time",
    "the system's clock",
    "program",
    "A fixed time (RFC 3339) for policies and timelines, for tests.",
)

VARIABLES = (
    *(STORE, POLICY, SIGNED_ONLY, NOTEBOOK, REVIEWER, WIDGET, PUBLIC_URL),
    *(ROOT, LABEXTENSION, SERVER_KEY, SERVER_LOGINS),
    *(EXECUTOR, CLOCK),
)
"""Variables of hitl_nb. Older processes set them too, so their names and meanings must not change."""

JUPYTER_TOKEN = Variable(
    "JUPYTER_TOKEN", "text", "the token in `server=`", "you", "Token for `hitl.workspace(..., server=...)`."
)
VISUAL = Variable("VISUAL", "command", "`EDITOR`", "you", "Editor for `hitl-nb edit ID --editor`.")
EDITOR = Variable(
    "EDITOR", "command", "`--editor` is refused", "you", "Editor for `hitl-nb edit ID --editor` without `VISUAL`."
)
SESSION_NAME = Variable(
    "JPY_SESSION_NAME", "path", "see `HITL_NB_NOTEBOOK`", "program", "Path of the notebook; Jupyter sets it."
)
PARENT_PID = Variable(
    "JPY_PARENT_PID",
    "process",
    "the operating system's parent process",
    "program",
    "Process id of the program that started the kernel; Jupyter sets it.",
)
SERVER_SOFTWARE = Variable(
    "SERVER_SOFTWARE",
    "text",
    "the kernel runs a page of no web application",
    "program",
    "`voila/...` in kernels of Voila, which are recognised by it.",
)
SCRIPT_NAME = Variable("SCRIPT_NAME", "URL", "not set", "program", "Address of the page in kernels of Voila.")
HUB_USER = Variable(
    "JUPYTERHUB_USER",
    "text",
    "the operating system's user alone",
    "program",
    "For whom JupyterHub started the process: with four eyes, that person does not decide on what it asks.",
)
HUB_TOKEN = Variable(
    "JUPYTERHUB_API_TOKEN",
    "text",
    "the server belongs to one user if it listens on this machine alone",
    "program",
    "Set by JupyterHub: the server is one of several, so its token alone does not let anybody decide.",
)
CI = Variable(
    "CI", "text", "a pause waits", "program", "An open pause is an error in the kernel, because nobody decides."
)
PYTEST = Variable("PYTEST_CURRENT_TEST", "text", "a pause waits", "program", "The same under pytest.")

FOREIGN_VARIABLES = (
    *(JUPYTER_TOKEN, VISUAL, EDITOR),
    *(SESSION_NAME, PARENT_PID, SERVER_SOFTWARE, SCRIPT_NAME, HUB_USER, HUB_TOKEN, CI, PYTEST),
)
"""Variables of other programs that hitl_nb reads as well."""


def child_environment(
    changes: Mapping[str, str] | None = None,
    *,
    base: Mapping[str, str] | None = None,
    without: Iterable[Variable] = (),
) -> dict[str, str]:
    """Return the environment variables for a process that this process starts, by name.

    Args:
        changes: Variables to set in addition, by name. None (default): no others.
        base: Environment to begin with. If it is None or empty, the environment of this process is used.
        without: Variables that are removed from `base`.
    """
    left_out = {variable.name for variable in without}
    kept = {name: value for name, value in (base or os.environ).items() if name not in left_out}
    return {**kept, **(changes or {})}


@contextmanager
def change_environment(changes: Mapping[str, str], *, without: Iterable[Variable] = ()) -> Generator[None]:
    """Set and remove variables of this process inside the `with` block, and restore the whole environment at its end.

    Args:
        changes: Variables to set, by name.
        without: Variables to remove.
    """
    before = dict(os.environ)
    try:
        os.environ.update(changes)
        for variable in without:
            os.environ.pop(variable.name, None)
        yield
    finally:
        for name in [name for name in os.environ if name not in before]:
            del os.environ[name]
        os.environ.update(before)


# -- variables with any name, which the user's code may use

ENVIRONMENT_TYPE: type[Any] = type(os.environ)


def read_variable(name: str) -> str | None:
    """Return the text of a variable with any name; None if it is not set."""
    return os.environ.get(name)


def set_variable(name: str, value: str | None) -> None:
    """Set a variable with any name in this process; None removes it."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def copy_environment() -> dict[str, str]:
    """Return a copy of all variables of this process."""
    return dict(os.environ)


def copy_raw_environment() -> dict[Any, Any]:
    """Return a copy of all variables of this process in Python's internal form: mostly bytes for names and values.

    Decoding every variable to text would take a fifth of the time of a pause.
    """
    return dict(getattr(os.environ, "_data", os.environ))


def raw_reader(names: Iterable[str]) -> Callable[[], Iterator[str | bytes | None]]:
    """Return a function that reads the variables `names` in Python's internal form, without decoding them.

    Each call of the returned function returns an iterator over the current values in the order of `names`; None for a
    variable that is not set. Decoding the values would take longer than signing a small record.
    """
    listed = tuple(names)
    raw_names = [getattr(os.environ, "encodekey", str)(name) for name in listed]

    def read() -> Iterator[str | bytes | None]:
        raw = getattr(os.environ, "_data", None)
        return map(os.environ.get, listed) if raw is None else map(raw.get, raw_names)

    return read
