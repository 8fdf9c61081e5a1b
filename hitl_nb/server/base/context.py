"""State shared by all request handlers of one Jupyter server: options, ledger, thread pools, and resume grants.

The ledger is the interface to the records in the store. Calls of the store block, so none of them runs on the event
loop. Reads run on a few threads of the server context; writes run on the store's own thread. The agent's code
determines how long a text is and how expensive a check is. So work that may take long has separate thread pools
(`Lane`).
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

from hitl_nb.errors import HitlError
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import new_id
from hitl_nb.review.notifications.channels import check_public_url
from hitl_nb.server.base.headless_runs import HeadlessRuns, StatusCallback
from hitl_nb.server.base.vote_attention import Attention
from hitl_nb.server.lists.list_index import ListIndex
from hitl_nb.storage import open_store
from hitl_nb.storage.backends import normalize_url, store_exists
from hitl_nb.storage.urls import default_url
from hitl_nb.values.checks.bounded_checks import WORKERS

T = TypeVar("T")

Lane = Literal[
    "records",
    "lists",
    "values",
    "drafts",
    "checks",
    "verification",
    "large",
    "large checks",
    "large lists",
    "large verification",
]
"""Name of the thread pool that runs a request. Requests of one lane wait only for each other.

"records" reads records of the store. "lists" needs the index in memory (`server/lists/list_index.py`), which may take
seconds shortly after the start of the server. "values" reads the value of a proposal, which may be long. "drafts"
writes drafts. "checks" validates an edited value with a schema, which may take as long as the time limit of checks.
"verification" verifies the audit log, which takes the longer, the longer the log is. The "large" lanes wait for a
worker process (see `server/api/large_requests.py`).
"""
_THREADS: dict[Lane, int] = {
    "records": 4,
    "lists": 2,
    "values": 2,
    "drafts": 2,
    "checks": WORKERS,
    "verification": 1,
    "large": 1,
    "large checks": 1,
    "large lists": 1,
    "large verification": 1,
}
GRANT_SECONDS = 30.0
"""Seconds that a browser has to execute the cell after it got a resume grant; then another browser can get one."""


class HitlNb(LoggingConfigurable):
    """Options of the server extension. People set them as `c.HitlNb.…` in `jupyter_server_config.py`."""

    store: Any = Unicode(
        "",
        config=True,
        help="URL of the store; the kernels that this server starts use it too. Empty: HITL_NB_STORE.",
    )
    reviewers: Any = ListOf(
        Unicode(), config=True, help="User names of those who may decide. Empty: every user of this server."
    )
    policy: Any = ListOf(
        Unicode(),
        config=True,
        help="Policy files of the organisation. They apply to all notebooks of this server; its kernels get them as "
        "HITL_NB_POLICY. Empty: leave HITL_NB_POLICY unchanged.",
    )
    headless: Any = Bool(
        False,
        config=True,
        help="Allow the server to run a notebook that is not open anywhere when its agent can continue. It writes the "
        "notebook's file.",
    )
    signed_only: Any = Bool(
        False,
        config=True,
        help="Let the kernels of this server accept only decisions that a server signed. Then `hitl-nb approve` and "
        "the ipywidgets panel cannot decide.",
    )
    allow_token_decisions: Any = Bool(
        None,
        allow_none=True,
        config=True,
        help="Allow decisions from requests authenticated only by the server token. None (default): allowed only if "
        "the server listens on localhost and is not run by JupyterHub.",
    )

    public_url: Any = Unicode(
        "",
        config=True,
        help="URL of this server for people, such as https://hub.example/user/ada/. Links in notifications begin with "
        "it.",
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
        help="Record with each vote for how many seconds the person had the proposal open. Only that person sees the "
        "resulting figures.",
    )


class ResumeGrants:
    """Resume grants: which of several browsers executes the cell of a decided run again.

    For each pause of a run, the first browser that asks gets the grant. It expires after GRANT_SECONDS, so that another
    browser can continue the run if the first one was closed. Grants only avoid useless attempts: only one process can
    get the run's claim, and so execute the run.

    Args:
        clock: Function that returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._granted: dict[str, tuple[int, str, float]] = {}

    def grant(self, run: str, pause: int, browser: str) -> str:
        """Grant a browser the right to continue a run, unless another browser holds it.

        Args:
            run: Id of the run.
            pause: Number of the run's pause; each pause needs a new grant.
            browser: Name of the browser, which it got in the feed's "hello" message.

        Returns:
            Name of the browser that holds the grant: `browser` if the grant was given, else the other browser.
        """
        with self._lock:
            last, holder, at = self._granted.get(run, (0, browser, 0.0))
            if last != pause or self._clock() - at > GRANT_SECONDS:
                holder, at = browser, self._clock()
            self._granted[run] = (pause, holder, at)
            return holder


class ServerContext:
    """State of the extension in one server.

    A contents path is the path of a file relative to the server's root folder, with "/" between its parts.

    Args:
        settings: The options of the extension.
        root: The server's root folder, absolute.
        key: Key of this user, which signs decisions.
        alone: Whether the server belongs to one user: it listens only on localhost and is not run by JupyterHub.
        id: Id of this server. Default: a new id.

    Attributes:
        settings: As the argument.
        key: As the argument.
        root: As the argument.
        id: Id of this server.
        is_single_user: The argument `alone`.
        grants: Which browser continues which run.
        lists: Data for lists of proposals, kept in memory.
        attention: When each user was shown each proposal.
        headless: The notebooks that the server executes itself.
        on_headless_status: Function that is called with the status of a notebook that the server executes; on any
            thread.
        watches_deadlines: Whether this server applies deadlines and sends notifications.
    """

    def __init__(self, settings: HitlNb, root: Path, key: SigningKey, *, alone: bool, id: str = "") -> None:  # noqa: A002  # the attribute's name
        self.settings = settings
        self.key = key
        self.root = root
        self.id = id or new_id()
        self.is_single_user = alone
        self.watches_deadlines = False
        self.grants = ResumeGrants()
        self.lists = ListIndex()
        self.attention = Attention(lambda: bool(settings.record_seconds))
        self.headless = HeadlessRuns(lambda run, state, message: self.on_headless_status(run, state, message))
        self.on_headless_status: StatusCallback = lambda run, state, message: None
        self._pools = {
            lane: ThreadPoolExecutor(n, thread_name_prefix=f"hitl_nb {lane}") for lane, n in _THREADS.items()
        }
        self._ledger: Ledger | None = None

    async def run_in_lane(self, work: Callable[[Ledger], T], lane: Lane = "records") -> T:
        """Call a function with the ledger on a thread of a thread pool, so that it does not block the event loop.

        Args:
            work: Function that gets the ledger. It may block.
            lane: Thread pool to use. Default: "records".

        Returns:
            The result of `work`. Errors of `work` are raised unchanged.

        Raises:
            StoreError: The store cannot be opened.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pools[lane], lambda: work(self.open_ledger()))

    async def fill_lists(self) -> None:
        """Read the data for lists in the background, so that the first list is as fast as later ones.

        If there is no store yet, nothing is read: the data of a new store is small.
        """
        if self.has_store():
            try:
                await self.run_in_lane(self.lists.fill, "lists")
            except HitlError as error:  # requests of browsers report the same error
                self.settings.log.debug("hitl_nb: %s", error)

    def open_ledger(self) -> Ledger:
        """Return the ledger of the server's store. Blocks.

        The first call opens the store, and creates it if it does not exist. If the store was closed, it is opened
        again.
        """
        ledger = self._ledger
        if ledger is None or ledger.store.closed:
            ledger = self._ledger = Ledger(open_store(self.settings.store or None))
        return ledger

    def has_store(self) -> bool:
        """Return whether the server's store exists. Unlike `open_ledger`, this method does not create a store."""
        if self._ledger is not None:
            return True
        return store_exists(normalize_url(self.settings.store or default_url()))

    def contents_path(self, notebook: str) -> str | None:
        """Return the contents path of a notebook; None if the notebook is outside of the server's root folder.

        Args:
            notebook: Absolute path of the notebook's file, as in the records of a run.
        """
        return _path_below(self.root, notebook)

    def notebook_file(self, path: str) -> str:
        """Return the absolute path of the file at a contents path, with symbolic links resolved, as runs record it.

        Args:
            path: Contents path; "" for the root folder.

        Raises:
            ValueError: The path is outside of the server's root folder.
        """
        found = Path(os.path.normpath(self.root / path.lstrip("/")))
        if not found.is_relative_to(self.root):
            raise ValueError(f"path {path!r} is outside of the server's folder")
        return str(found.resolve())

    def close(self) -> None:
        """Stop the thread pools, without waiting for running calls. Calls that have not begun are cancelled."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)


@lru_cache(maxsize=1024)
def _path_below(root: Path, notebook: str) -> str | None:
    try:
        return Path(notebook).relative_to(root).as_posix()
    except ValueError:
        return None
