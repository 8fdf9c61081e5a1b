"""What one server reviews with: its settings, its ledger, the threads that wait for the store, and the live feed.

The store's calls block, so none of them runs on the event loop: reads run on a few threads of the desk's own, writes
on the store's. What may take long, since an agent decides how long a text or how hard a check is, has threads of its
own (`Lane`).
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from traitlets import Bool, TraitError, Unicode, validate
from traitlets import List as ListOf
from traitlets.config import LoggingConfigurable

from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import new_id
from hitl_nb.review.notifications.channels import check_public_url
from hitl_nb.server.base.headless_runs import HeadlessRuns, StatusCallback
from hitl_nb.server.base.vote_attention import Attention
from hitl_nb.storage import open_store
from hitl_nb.storage.backends import normalize_url, store_exists
from hitl_nb.storage.urls import default_url
from hitl_nb.values.checks.bounded_checks import WORKERS

T = TypeVar("T")

Lane = Literal["records", "values", "drafts", "checks", "large", "large checks", "large lists"]
"""What a request waits for: records of the store; a proposal's value, which may be long; a draft that is written; a
check by a schema, which may take its whole time limit; or a worker process, if it is about something large (see
`largework`). Those of one lane wait for each other only."""
_THREADS: dict[Lane, int] = {
    "records": 4,
    "values": 2,
    "drafts": 2,
    "checks": WORKERS,
    "large": 1,
    "large checks": 1,
    "large lists": 1,
}
GRANT_SECONDS = 30.0
"""Seconds that a browser has to begin."""


class HitlNb(LoggingConfigurable):
    """Options of the review, as `c.HitlNb.…` in `jupyter_server_config.py`."""

    store: Any = Unicode(
        "", config=True, help="URL of the store; the kernels that this server starts use it too. Empty: HITL_NB_STORE."
    )
    reviewers: Any = ListOf(
        Unicode(), config=True, help="User names of those who may decide. Empty: everybody whom the server lets in."
    )
    policy: Any = ListOf(
        Unicode(),
        config=True,
        help="Policy files of the organisation, which apply to all notebooks of this server; its kernels get them as "
        "HITL_NB_POLICY. Empty: HITL_NB_POLICY as it is.",
    )
    headless: Any = Bool(
        False,
        config=True,
        help="Whether the server may run a notebook that is open nowhere when its agent can go on; it writes the file.",
    )
    signed_only: Any = Bool(
        False,
        config=True,
        help="Whether the kernels of this server go on only with decisions that a server signed: then `hitl-nb "
        "approve` and the ipywidgets panel decide nothing.",
    )
    allow_token_decisions: Any = Bool(
        None,
        allow_none=True,
        config=True,
        help="Whether somebody known by the server's token alone may decide. None: only on a server of one user that "
        "listens on this machine alone.",
    )

    public_url: Any = Unicode(
        "",
        config=True,
        help="Where people reach this server, as https://hub.example/user/ada/; links in notifications begin with it.",
    )

    @validate("public_url")
    def _check_public_url(self, proposal: Any) -> str:
        try:
            return check_public_url(proposal["value"])
        except ValueError as error:
            raise TraitError(f"HitlNb.public_url: {error}") from None

    record_seconds: Any = Bool(
        True,
        config=True,
        help="Whether a vote records how long the person had what they voted on. They alone see what that amounts to.",
    )


class ResumeGrants:
    """Who of several browsers executes a decided run's cell again: the first that asks, once a pause.

    This keeps the others from trying in vain; what makes it safe is the run's claim, which only one process gets. A
    browser that does nothing with its grant, because it was closed say, loses it after a while.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._granted: dict[str, tuple[int, str, float]] = {}

    def grant(self, run: str, pause: int, browser: str) -> str:
        """The browser that may go on with the run: `browser`, unless another one was before it."""
        with self._lock:
            last, holder, at = self._granted.get(run, (0, browser, 0.0))
            if last != pause or self._clock() - at > GRANT_SECONDS:
                holder, at = browser, self._clock()
            self._granted[run] = (pause, holder, at)
            return holder


class ServerContext:
    """One server's review.

    Attributes:
        settings: the options.
        key: what decisions are signed with.
        root: the server's folder, which contents paths are relative to.
        id: names this server's process.
        alone: whether the server is one user's own, out of reach of other machines.
        grants: which browser goes on with which run.
        attention: when people were shown what.
        headless: the notebooks that the server runs itself.
        on_headless_status: hears what becomes of them, on any thread.
        watches_deadlines: whether this server acts when deadlines pass.
    """

    def __init__(self, settings: HitlNb, root: Path, key: SigningKey, *, alone: bool, id: str = "") -> None:  # noqa: A002
        self.settings = settings
        self.key = key
        self.root = root
        self.id = id or new_id()
        self.is_single_user = alone
        self.watches_deadlines = False
        self.grants = ResumeGrants()
        self.attention = Attention(lambda: bool(settings.record_seconds))
        self.headless = HeadlessRuns(lambda run, state, message: self.on_headless_status(run, state, message))
        self.on_headless_status: StatusCallback = lambda run, state, message: None
        self._pools = {
            lane: ThreadPoolExecutor(n, thread_name_prefix=f"hitl_nb {lane}") for lane, n in _THREADS.items()
        }
        self._ledger: Ledger | None = None

    async def run_in_lane(self, work: Callable[[Ledger], T], lane: Lane = "records") -> T:
        """Run `work` off the event loop. Raises what it raises, StoreError if the store cannot be opened."""
        return await asyncio.get_running_loop().run_in_executor(self._pools[lane], lambda: work(self.open_ledger()))

    def open_ledger(self) -> Ledger:
        """The ledger, opened when first asked for, and again if the store was closed. Blocks."""
        ledger = self._ledger
        if ledger is None or ledger.store.closed:
            ledger = self._ledger = Ledger(open_store(self.settings.store or None))
        return ledger

    def has_store(self) -> bool:
        """Whether there is a store already; `ledger` makes one."""
        if self._ledger is not None:
            return True
        return store_exists(normalize_url(self.settings.store or default_url()))

    def contents_path(self, notebook: str) -> str | None:
        """The contents path of a notebook's file, or None if it lies outside of the server's folder."""
        return _path_below(self.root, notebook)

    def notebook_file(self, path: str) -> str:
        """The file of a contents path, as kernels name it. Raises ValueError for one outside of the folder."""
        found = Path(os.path.normpath(self.root / path.lstrip("/")))
        if not found.is_relative_to(self.root):
            raise ValueError(f"path {path!r} is outside of the server's folder")
        return str(found.resolve())

    def close(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)


@lru_cache(maxsize=1024)
def _path_below(root: Path, notebook: str) -> str | None:
    try:
        return Path(notebook).relative_to(root).as_posix()
    except ValueError:
        return None
