"""Replace locks that are free at the pause by new locks on resume. A lock that is held is refused."""

from __future__ import annotations

import threading
from typing import Any

from hitl_nb.engine.refusals import NotSavedError
from hitl_nb.engine.reopening.reopen_recipes import ReopenRecipe


def _describe(lock: Any) -> None:
    is_free = lock.acquire(blocking=False)
    if is_free:
        lock.release()
    if not is_free or _is_owned(lock):
        raise NotSavedError("somebody holds it", "release it before the checkpoint")


def _is_owned(lock: Any) -> bool:
    owned = getattr(lock, "_is_owned", None)  # an RLock, which the thread that holds it can always acquire again
    return bool(owned is not None and owned())


LOCK = ReopenRecipe(_describe, lambda _: threading.Lock(), is_announced=False)
RLOCK = ReopenRecipe(_describe, lambda _: threading.RLock(), is_announced=False)
