"""Jupyter server extension: review proposals over HTTP. It needs no kernel; it reads the store that the kernels use.

Installing the package enables it. `extension.py` loads it. `server/api/routes.py` is the table of all calls, and
`server/api/handlers.py` checks and answers requests. `server/base/identity.py` identifies the user and checks what
they may do. `server/live/feed.py` tells browsers which records changed.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:  # pyright: ignore[reportUnusedFunction]  # Jupyter's
    return [{"module": "hitl_nb.server"}]


def _load_jupyter_server_extension(app: Any) -> None:  # pyright: ignore[reportUnusedFunction]  # Jupyter calls it
    from hitl_nb.server.extension import load_extension

    load_extension(app)
