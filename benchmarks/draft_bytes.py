"""What a keystroke costs in the store: bytes per keystroke after folding, beside the document's own update log.

A draft is edited 100,000 times by ten people, a letter at a time, through the draft's log, and folded as a room folds
it: each time that `COMPACT_AFTER_UPDATES` updates have been made. Its own update log are the bytes of those updates,
one after the other
as pycrdt makes them, without who made them and when.

database  bytes of the drafts' database that are in use (its pages less the free ones), less those before.
values    bytes of the values in it alone, for information.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from benchmarks import front
from benchmarks.measuring import Line, known, skipped
from hitl_nb.drafts.draft import COMPACT_AFTER_UPDATES, Draft
from hitl_nb.ledger.documents.update_log import new_update
from hitl_nb.records import new_id
from hitl_nb.storage.disk.store import DiskStore

EDITS = 100_000
MOST = 2.0


def used(file: Path) -> int:
    """Bytes in use of a database."""
    with sqlite3.connect(file) as con:
        pages, free, size = (
            con.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    con.close()
    return (pages - free) * size


def measure(folder: Path) -> list[Line]:
    if why := front.no_server():
        return [skipped("store bytes per keystroke", why)]
    store = DiskStore(folder / "store")
    file = folder / "store" / "drafts" / "cache.db"
    draft = Draft(store, new_id(), "text", "Dear Ann")
    draft.write_initial()
    before = used(file)
    made = list(front.of_the_tests("server", "longdraft").keystrokes(draft, EDITS))
    for start in range(0, EDITS, COMPACT_AFTER_UPDATES):
        some = [
            new_update(data, author, author.title()) for author, data in made[start : start + COMPACT_AFTER_UPDATES]
        ]
        draft.log.submit(lambda tx, some=some: [draft.log.add(tx, one) for one in some]).result()
        draft.compact_log()
    database = (used(file) - before) / EDITS
    values = sum(len(raw) for _, raw in store.drafts.scan("", "~")) / EDITS
    own = sum(len(data) for _, data in made) / EDITS
    assert len(draft.updates_after(limit=EDITS + 1)) == EDITS + 1
    store.close()
    return [
        Line(
            "store bytes per keystroke, folded",
            database,
            "the document's own update log",
            own,
            database / own,
            f"<= {MOST:g}x",
            database <= MOST * own,
            "B",
        ),
        known("of it: values", [values], "B"),
    ]
