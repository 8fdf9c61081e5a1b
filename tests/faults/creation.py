"""A store that is made, with its first run, and the key: what `doctor` says of what a kill left of it."""

from __future__ import annotations

from pathlib import Path

import shim
import story

from hitl_nb.cli.doctor import examine_installation
from hitl_nb.engine.snapshot.signing import seal
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store


def create(folder: Path, how: int, at: int) -> str:
    """Make a store, begin a run, draft something, sign something; the write number `at` kills."""
    shim.arm(story.use(folder), how, at)
    store = open_store()
    Ledger(store).runs.open(agent="refunds", notebook="story")
    store.drafts.transact(lambda tx: tx.put("a", b"draft"))
    seal("place", {}, b"body")
    store.close()
    return "made"


def examine_store(folder: Path) -> list[str]:
    """What `doctor` finds wrong, twice; and what the next run meets."""
    story.use(folder)
    wrong = [
        f"{one.subject}: {one.found}" for _ in range(2) for one in examine_installation(None) if one.state == "wrong"
    ]
    seal("place", {}, b"body")
    Ledger(open_store()).runs.open(agent="refunds", notebook="story")
    open_store().drafts.transact(lambda tx: tx.put("a", b"draft"))
    return wrong
