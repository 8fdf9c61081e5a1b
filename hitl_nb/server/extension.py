"""Loading into a Jupyter server: the handlers, and what the kernels that it starts must know."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_path, jupyter_path
from tornado.ioloop import IOLoop

from hitl_nb.errors import PolicyError
from hitl_nb.ledger.decisions.signatures import LOGINS, PINNED, SIGNED_ONLY, SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.review.policy_files.policy_files import ENVIRONMENT as POLICY
from hitl_nb.review.policy_files.policy_files import ROOT, load_policy
from hitl_nb.server.api.handlers import handlers
from hitl_nb.server.base.context import Desk, HitlNb
from hitl_nb.server.base.identity import lets_log_in
from hitl_nb.server.base.timers import Timers
from hitl_nb.server.standalone_page import pages
from hitl_nb.storage.urls import ENVIRONMENT, default_url, normalise

LABEXTENSION = "hitl-nb"
DRAWN = "HITL_NB_EXTENSION"
"""Tells kernels that JupyterLab draws proposals by itself, so that they leave the ipywidgets panel out."""
CONTENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def load(app: Any) -> None:
    """Add the review to a `ServerApp`."""
    settings = HitlNb(parent=app)
    root = Path(os.path.realpath(Path(app.root_dir).expanduser()))
    key = SigningKey.of_this_user()
    desk = Desk(settings, root, key, alone=app.ip in _LOOPBACK and "JUPYTERHUB_API_TOKEN" not in os.environ)
    # Kernels inherit this process' environment: so all of them, and this server, use one store.
    os.environ[ENVIRONMENT] = normalise(settings.store or default_url())
    problem = hand_policy(settings.policy, root)
    if problem:
        app.log.error("hitl_nb: agents stop until this policy is mended: %s", problem)
    os.environ[PINNED] = key.public
    _say(SIGNED_ONLY, settings.signed_only)
    os.environ[LOGINS] = str(int(lets_log_in(app.identity_provider)))
    _say(DRAWN, draws_proposals())
    base = app.web_app.settings["base_url"].rstrip("/")
    served = [*handlers(desk), *pages()]
    app.web_app.add_handlers(".*$", [(base + path, made, options) for path, made, options in served])
    app.event_logger.add_listener(schema_id=CONTENTS, listener=_Renames(desk))
    IOLoop.current().add_callback(Timers(desk, app.log).start)  # pyright: ignore[reportUnknownMemberType]  # Tornado's own
    app.log.info("hitl_nb reviews proposals of %s", os.environ[ENVIRONMENT])


def hand_policy(paths: Sequence[str], root: Path) -> str:
    """Let this process, and the kernels that it starts, find the policy files of the organisation and of the folder.

    Returns:
        Why the policy of the root folder cannot be used; "" if it can.
    """
    os.environ[ROOT] = str(root)
    if paths:
        os.environ[POLICY] = os.pathsep.join(str(Path(path).expanduser().absolute()) for path in paths)
    try:
        load_policy(str(root))
    except PolicyError as error:
        return str(error)
    return ""


class _Renames:
    """Lets the runs of a notebook follow it when it is renamed through this server."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        if data.get("action") == "rename":
            old, new = (self._desk.notebook(data[name]) for name in ("source_path", "path"))
            await self._desk.call(lambda ledger: _rename(ledger, old, new))


def _rename(ledger: Ledger, old: str, new: str) -> None:
    for notebook in ledger.notebooks_in(old):  # it was a folder
        ledger.rename(notebook, new + notebook[len(old) :])
    ledger.rename(old, new)


def _say(name: str, true: bool) -> None:
    if true:
        os.environ[name] = "1"
    else:
        os.environ.pop(name, None)


def draws_proposals() -> bool:
    """Whether hitl_nb's JupyterLab extension is installed here and not disabled."""
    found = any(Path(place, "labextensions", LABEXTENSION, "package.json").exists() for place in jupyter_path())
    return found and not any(_disables(Path(place, "labconfig", "page_config.json")) for place in jupyter_config_path())


def _disables(config: Path) -> bool:
    try:
        disabled = json.loads(config.read_text(encoding="utf-8")).get("disabledExtensions", {})
    except (OSError, ValueError, AttributeError):
        return False  # none, or one that JupyterLab cannot read either
    return LABEXTENSION in disabled and (isinstance(disabled, list) or bool(disabled[LABEXTENSION]))
