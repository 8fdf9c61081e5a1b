"""Whether somebody with an open connection may still read: asked again every few seconds, also when nothing is said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from jupyter_core.utils import ensure_async
from tornado.log import app_log

RECHECK_SECONDS = 3.0
"""Seconds between two questions."""
FORBIDDEN_CODE = 4403
"""Close code for somebody who may not read any more."""


async def is_allowed(handler: Any, action: str) -> bool:
    """Whether the person behind an open connection is still logged in, and may do this with proposals."""
    user = handler.current_user
    if not handler.token_authenticated:
        found = await ensure_async(handler.identity_provider.get_user(handler))
        if found is None or found.username != user.username:
            return False
    return bool(await ensure_async(handler.authorizer.is_authorized(handler, user, action, "hitl:proposals")))


async def watch_permission(allowed: Callable[[], Awaitable[bool]], cut_off: Callable[[], None]) -> None:
    """Ask until the answer is no, then cut off."""
    while True:
        await asyncio.sleep(RECHECK_SECONDS)
        try:
            if await allowed():
                continue
        except Exception:  # noqa: BLE001  # any provider's or authorizer's: who cannot be asked about is not let in
            app_log.exception("hitl_nb could not ask whether somebody may still read")
        cut_off()
        return
