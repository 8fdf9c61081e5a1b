"""Check every few seconds whether the user of an open WebSocket may still read proposals, even if nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from jupyter_core.utils import ensure_async
from tornado.log import app_log

RECHECK_SECONDS = 3.0
"""Seconds between two checks of a connection."""
FORBIDDEN_CODE = 4403
"""WebSocket close code for a user who may not read any more."""


async def is_allowed(handler: Any, action: str) -> bool:
    """Return whether the user of an open connection is still logged in and may still read or write proposals.

    Args:
        handler: The Jupyter handler of the connection.
        action: "read" or "write".
    """
    user = handler.current_user
    if not handler.token_authenticated:
        found = await ensure_async(handler.identity_provider.get_user(handler))
        if found is None or found.username != user.username:
            return False
    return bool(await ensure_async(handler.authorizer.is_authorized(handler, user, action, "hitl:proposals")))


async def watch_permission(allowed: Callable[[], Awaitable[bool]], cut_off: Callable[[], None]) -> None:
    """Check a permission every few seconds. If the permission is gone, end the connection and return.

    Args:
        allowed: Function that returns whether the user has the permission. An error counts as False.
        cut_off: Function that ends the connection; called once.
    """
    while True:
        await asyncio.sleep(RECHECK_SECONDS)
        try:
            if await allowed():
                continue
        except Exception:  # noqa: BLE001  # any provider's or authorizer's error: deny access that cannot be checked
            app_log.exception("hitl_nb could not check whether a user may still read; the connection is closed")
        cut_off()
        return
