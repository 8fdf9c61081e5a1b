"""Every environment variable that hitl_nb reads or sets, and the only module that touches this process's environment.

The page `docs/reference/settings.md` is made from `VARIABLES` and `FOREIGN_VARIABLES`. Ruff refuses `os.environ` in
other modules (TID251). Options of the Jupyter server are traitlets, in `server/base/context.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

ValueType = Literal["text", "flag", "URL", "path", "paths", "time", "keys", "process", "command"]
"""A flag is on if it is `1`. Paths are separated as in `PATH`. A process is its id and a name, with a space between."""
Owner = Literal["you", "server", "program"]


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    Attributes:
        name: its name.
        value_type: what its text is.
        default: the behavior if it is not set, for people.
        owner: who sets it: you; the Jupyter server, for its kernels; or another program, for a process that it starts.
        meaning: what it does, in sentences.
    """

    name: str
    value_type: ValueType
    default: str
    owner: Owner
    meaning: str

    def read(self) -> str:
        """The text of the variable; "" if it is not set, which counts as empty."""
        return os.environ.get(self.name, "")

    def is_set(self) -> bool:
        """Whether the variable exists, even if it is empty."""
        return self.name in os.environ

    def is_on(self) -> bool:
        """Whether a flag is on."""
        return os.environ.get(self.name) == "1"

    def write(self, value: str) -> None:
        """Set the variable in this process, and so in those that it starts."""
        os.environ[self.name] = value

    def write_flag(self, on: bool) -> None:
        """Set a flag to `1`, or remove it."""
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
"""Variables of hitl_nb. Older processes set them too, so names and meanings stay."""

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
    """The environment of a process that this one starts.

    Args:
        changes: variables that are set there, by name.
        base: what it begins with; this process's own environment if left out or empty.
        without: variables that are not handed on.
    """
    left_out = {variable.name for variable in without}
    kept = {name: value for name, value in (base or os.environ).items() if name not in left_out}
    return {**kept, **(changes or {})}


@contextmanager
def change_environment(changes: Mapping[str, str], *, without: Iterable[Variable] = ()) -> Generator[None]:
    """Set and remove variables of this process, and restore the whole environment at the end."""
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


# -- the environment of the user's code: names that are not known here

ENVIRONMENT_TYPE: type[Any] = type(os.environ)


def read_variable(name: str) -> str | None:
    """The text of any variable; None if it is not set."""
    return os.environ.get(name)


def set_variable(name: str, value: str | None) -> None:
    """Set any variable of this process, or remove it."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def copy_environment() -> dict[str, str]:
    """All variables of this process as they are now."""
    return dict(os.environ)


def copy_raw_environment() -> dict[Any, Any]:
    """All variables as Python keeps them, mostly bytes: to decode every variable takes a fifth of a pause."""
    return dict(getattr(os.environ, "_data", os.environ))


def raw_reader(names: Iterable[str]) -> Callable[[], Iterator[str | bytes | None]]:
    """A function that reads these variables as Python keeps them: to decode them takes longer than to sign."""
    listed = tuple(names)
    raw_names = [getattr(os.environ, "encodekey", str)(name) for name in listed]

    def read() -> Iterator[str | bytes | None]:
        raw = getattr(os.environ, "_data", None)
        return map(os.environ.get, listed) if raw is None else map(raw.get, raw_names)

    return read
