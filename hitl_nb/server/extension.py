"""Load the extension into a Jupyter server: add request handlers, and set environment variables for the kernels."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_path, jupyter_path
from tornado.ioloop import IOLoop

from hitl_nb import settings
from hitl_nb.errors import PolicyError
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.review.policy_files.policy_files import load_policy
from hitl_nb.server.api.handlers import api_handlers
from hitl_nb.server.base.context import HitlNb, ServerContext
from hitl_nb.server.base.identity import lets_log_in
from hitl_nb.server.base.timers import DeadlineTimers
from hitl_nb.server.live.jupyter_events import JupyterEvents
from hitl_nb.server.live.log_poller import LogPoller
from hitl_nb.server.standalone_page import page_handlers
from hitl_nb.storage.backends import normalize_url
from hitl_nb.storage.urls import default_url

LABEXTENSION = "hitl-nb"
CONTENTS_EVENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def load_extension(app: Any) -> None:
    """Add hitl_nb's request handlers, events and deadline timers to a Jupyter server, and configure its kernels.

    The kernels are configured by environment variables, which they inherit from this process.

    Args:
        app: A `jupyter_server.serverapp.ServerApp` whose web application exists.
    """
    options = HitlNb(parent=app)
    root = Path(os.path.realpath(Path(app.root_dir).expanduser()))
    key = SigningKey.of_this_user()
    desk = ServerContext(options, root, key, alone=app.ip in _LOOPBACK and not settings.HUB_TOKEN.is_set())
    # Kernels inherit this process' environment, so all of them use the same store as this server.
    settings.STORE.write(normalize_url(options.store or default_url()))
    problem = export_policy(options.policy, root)
    if problem:
        app.log.error("hitl_nb: agents stop until this policy is corrected: %s", problem)
    settings.SERVER_KEY.write(key.public)
    settings.SIGNED_ONLY.write_flag(options.signed_only)
    settings.SERVER_LOGINS.write(str(int(lets_log_in(app.identity_provider))))
    settings.LABEXTENSION.write_flag(is_labextension_enabled())
    base = app.web_app.settings["base_url"].rstrip("/")
    poller = LogPoller(desk)
    served = [*api_handlers(desk, poller), *page_handlers()]
    app.web_app.add_handlers(".*$", [(base + path, made, arguments) for path, made, arguments in served])
    app.event_logger.add_listener(schema_id=CONTENTS_EVENTS, listener=NotebookRenameListener(desk))
    poller.add_listener(JupyterEvents(app.event_logger, app.log).prepare)
    for start in (DeadlineTimers(desk, app.log).start, poller.start, desk.fill_lists):
        IOLoop.current().add_callback(start)  # pyright: ignore[reportUnknownMemberType]  # Tornado's own
    app.log.info("hitl_nb reviews proposals of %s", settings.STORE.read())


def export_policy(paths: Sequence[str], root: Path) -> str:
    """Set the environment variables with which this process and its kernels find policy files.

    Args:
        paths: Paths of the organisation's policy files. If it is empty, `HITL_NB_POLICY` is not changed.
        root: The server's root folder.

    Returns:
        A sentence that says why the policy of the root folder cannot be used; "" if it can be used.
    """
    settings.ROOT.write(str(root))
    if paths:
        settings.POLICY.write(os.pathsep.join(str(Path(path).expanduser().absolute()) for path in paths))
    try:
        load_policy(str(root))
    except PolicyError as error:
        return str(error)
    return ""


class NotebookRenameListener:
    """Listener for events of Jupyter's contents service.

    When a notebook or a folder is renamed through this server, the listener changes the notebook path of its runs.
    """

    def __init__(self, context: ServerContext) -> None:
        self._desk = context

    async def __call__(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        """Change the notebook path of the runs if the event is a rename.

        Args:
            logger: The event logger; not used.
            schema_id: Id of the event's schema; not used.
            data: The event, with "action", and with "source_path" and "path" for a rename.
        """
        if data.get("action") == "rename":
            old, new = (self._desk.notebook_file(data[name]) for name in ("source_path", "path"))
            await self._desk.run_in_lane(lambda ledger: _rename_runs(ledger, old, new))


def _rename_runs(ledger: Ledger, old: str, new: str) -> None:
    for notebook in ledger.notebooks.list_in(old):  # not empty if `old` was a folder
        ledger.notebooks.rename(notebook, new + notebook[len(old) :])
    ledger.notebooks.rename(old, new)


def is_labextension_enabled() -> bool:
    """Return whether hitl_nb's JupyterLab extension is installed in this environment and not disabled."""
    found = any(Path(place, "labextensions", LABEXTENSION, "package.json").exists() for place in jupyter_path())
    return found and not any(
        _is_disabled_by(Path(place, "labconfig", "page_config.json")) for place in jupyter_config_path()
    )


def _is_disabled_by(config: Path) -> bool:
    try:
        disabled = json.loads(config.read_text(encoding="utf-8")).get("disabledExtensions", {})
    except (OSError, ValueError, AttributeError):
        return False  # the file is missing, or JupyterLab cannot read it either
    return LABEXTENSION in disabled and (isinstance(disabled, list) or bool(disabled[LABEXTENSION]))
