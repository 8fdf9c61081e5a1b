"""Loading into a Jupyter server: the handlers, and what the kernels that it starts must know."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hitl_nb.server.desk import Desk, HitlNb
from hitl_nb.server.handlers import handlers
from hitl_nb.store.places import ENVIRONMENT, default_url, normalise

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def load(app: Any) -> None:
    """Add the review to a `ServerApp`."""
    settings = HitlNb(parent=app)
    root = Path(os.path.realpath(Path(app.root_dir).expanduser()))
    desk = Desk(settings, root, alone=app.ip in _LOOPBACK and "JUPYTERHUB_API_TOKEN" not in os.environ)
    # Kernels inherit this process' environment: so all of them, and this server, use one store.
    os.environ[ENVIRONMENT] = normalise(settings.store or default_url())
    base = app.web_app.settings["base_url"].rstrip("/")
    app.web_app.add_handlers(".*$", [(base + path, made, options) for path, made, options in handlers(desk)])
    app.log.info("hitl_nb reviews proposals of %s", os.environ[ENVIRONMENT])
