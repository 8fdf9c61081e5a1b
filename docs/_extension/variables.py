"""The environment variables that hitl_nb reads, until the package itself has this table.

A test compares the names with those that the source spells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Owner = Literal["you", "server", "program"]


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    Attributes:
        name: its name.
        owner: who sets it: you; the Jupyter server, for its kernels; or another program of hitl_nb, for a process that
            it starts.
        default: the behaviour if it is not set.
        meaning: what it does, in sentences.
    """

    name: str
    owner: Owner
    default: str
    meaning: str


VARIABLES = (
    Variable(
        "HITL_NB_STORE",
        "you",
        "the user's own store, `hitl_nb/store` in Jupyter's data directory",
        "URL of the store, for example `diskcache:///srv/review/store`. A Jupyter server sets it for its kernels.",
    ),
    Variable(
        "HITL_NB_POLICY",
        "you",
        "no policy of the organisation",
        "Paths of the organisation's policy files, separated by `:` (Windows: `;`). `c.HitlNb.policy` sets it.",
    ),
    Variable(
        "HITL_NB_SIGNED_ONLY",
        "you",
        "`0`",
        "`1`: a run continues only with decisions that a Jupyter server signed. `c.HitlNb.signed_only` sets it.",
    ),
    Variable(
        "HITL_NB_NOTEBOOK",
        "you",
        "the path that Jupyter or VS Code gives to the kernel",
        "Path of the notebook that the kernel runs, for executors that do not tell it.",
    ),
    Variable(
        "HITL_NB_REVIEWER",
        "you",
        "people decide",
        "`script:FILE`: the decisions file FILE answers every proposal. The pytest plugin sets it.",
    ),
    Variable(
        "HITL_NB_WIDGET",
        "you",
        "`0`",
        "`1`: a paused cell shows the ipywidgets panel also where the JupyterLab extension is installed.",
    ),
    Variable(
        "HITL_NB_PUBLIC_URL",
        "you",
        "messages contain no link",
        "Address of the Jupyter server as reviewers reach it, for `hitl-nb watch`. The same as `--public-url`.",
    ),
    Variable(
        "HITL_NB_ROOT",
        "server",
        "the home directory is the limit",
        "Root folder of the server: the search for `hitl-policy.toml` ends there.",
    ),
    Variable(
        "HITL_NB_EXTENSION",
        "server",
        "`0`",
        "`1`: the server draws proposals with the JupyterLab extension, so a paused cell shows no widget panel.",
    ),
    Variable(
        "HITL_NB_SERVER_KEY",
        "server",
        "the public key beside the private key",
        "Public keys that a kernel trusts for signed decisions: base64, separated by commas.",
    ),
    Variable(
        "HITL_NB_SERVER_LOGINS",
        "server",
        "unknown",
        "`0`: nobody can log in to the server, so no decision counts as made by somebody who did.",
    ),
    Variable(
        "HITL_NB_TOLD_BY",
        "program",
        "not set",
        "Process id and name of the program that set `HITL_NB_NOTEBOOK` for a kernel.",
    ),
    Variable(
        "HITL_NB_CLOCK",
        "program",
        "the system's clock",
        "A fixed time (RFC 3339) for policies and timelines, for tests.",
    ),
)

FOREIGN = (
    Variable("JUPYTER_TOKEN", "you", "the token in `server=`", "Token for `hitl.workspace(..., server=...)`."),
    Variable("VISUAL", "you", "`EDITOR`", "Editor for `hitl-nb edit ID --editor`."),
    Variable("EDITOR", "you", "`--editor` is refused", "Editor for `hitl-nb edit ID --editor` without `VISUAL`."),
    Variable("JPY_SESSION_NAME", "program", "see `HITL_NB_NOTEBOOK`", "Path of the notebook; Jupyter sets it."),
    Variable("CI", "program", "a pause waits", "An open pause is an error in the kernel, because nobody decides."),
    Variable("PYTEST_CURRENT_TEST", "program", "a pause waits", "The same under pytest."),
)
"""Variables of other programs that hitl_nb reads as well."""
