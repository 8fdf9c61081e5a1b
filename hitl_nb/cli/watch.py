"""`hitl-nb watch`: handle deadlines and send notifications where no server does.

This module also has the function with which `hitl-nb run` waits until approvals can no longer be withdrawn.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_nb.cli import output as out
from hitl_nb.cli.options import Store, open_ledger
from hitl_nb.settings import PUBLIC_URL

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

MAX_SETTLING_SECONDS = 60.0
"""Maximum time that `hitl-nb run` waits until an approval can no longer be withdrawn."""
_SLICE_SECONDS = 0.5
"""Seconds between two checks whether the command must end."""


def watch(
    once: Annotated[bool, typer.Option("--once", help="Do everything that is due now, and end.")] = False,
    public_url: Annotated[
        str,
        typer.Option(metavar="URL", envvar=PUBLIC_URL.name, help="Address of the server; links begin with it."),
    ] = "",
    store: Store = None,
) -> None:
    """Watch deadlines and send notifications, until interrupted.

    Jupyter servers with hitl_nb do this by themselves; any number of processes may. Exit code 1 with --once if there
    was an error.
    """
    from hitl_nb.review.notifications.channels import check_public_url
    from hitl_nb.review.notifications.watcher import DeadlineWatcher

    try:
        address = check_public_url(public_url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--public-url") from None
    ledger = open_ledger(store)
    stopping, wrong = threading.Event(), threading.Event()

    def say(text: str) -> None:
        wrong.set()
        out.print_note(f"hitl-nb: {text}")

    watcher = DeadlineWatcher(lambda: ledger, label="watch", public_url=address, say=say, always=not once)
    if once:
        watcher.run_step()
        watcher.stop_watching()
        raise typer.Exit(int(wrong.is_set()))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: stopping.set())
    out.print_note(f"watching {ledger.store.url}; Ctrl-C ends it")
    while not stopping.is_set():
        seen = ledger.store.version()
        end = time.monotonic() + watcher.run_step(lambda: not stopping.is_set())
        while not stopping.is_set() and (left := end - time.monotonic()) > 0:
            if ledger.store.wait(seen, min(left, _SLICE_SECONDS)) != seen:
                break
    watcher.stop_watching()
    out.print_note("stopped watching")


def wait_for_settling(ledger: Ledger, notebook: str, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Wait until a notebook's approvals can no longer be withdrawn. Then they are decisions.

    An approval that can be withdrawn for more than another minute is not waited for.

    Args:
        ledger: The ledger.
        notebook: Path of the notebook.
        sleep: Waits a number of seconds.

    Returns:
        True if an approval became a decision meanwhile.
    """
    from hitl_nb.ledger.rows.store_clock import frozen_time

    settled = False
    while frozen_time() is None:
        now = ledger.now()
        found = [
            proposal
            for proposal in ledger.proposals.list_open(notebook=notebook, limit=1000)
            if proposal.settles_at is not None
        ]
        times = [(proposal.settles_at - now).total_seconds() for proposal in found if proposal.settles_at is not None]
        soon = [left for left in times if left <= MAX_SETTLING_SECONDS]
        if not soon:
            break
        word = "approval" if len(soon) == 1 else "approvals"
        out.print_note(f"{len(soon)} {word} can be taken back for {max(soon):.0f} s; waiting for that")
        sleep(max(0.0, max(soon)))
        settled = ledger.timers.run_due_steps() > 0 or settled
    return settled
