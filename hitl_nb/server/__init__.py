"""Jupyter server extension: a REST API and WebSockets with which people review proposals in a browser.

The extension needs no kernel, because it reads the store that the kernels use. Installing the package enables it.
`extension.py` loads the extension into a server. `server/api/routes.py` is the table of all calls of the API, and
`server/api/handlers.py` checks and answers requests. `server/base/identity.py` identifies the user of a request and
checks whether this user may decide. `server/live/feed.py` sends browsers the ids of changed records.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:  # pyright: ignore[reportUnusedFunction]  # Jupyter's
    return [{"module": "hitl_nb.server"}]


def _load_jupyter_server_extension(app: Any) -> None:  # pyright: ignore[reportUnusedFunction]  # Jupyter calls it
    from hitl_nb.server.extension import load_extension

    load_extension(app)
