"""Which requests are about something large: those take turns, since each of them holds up the whole process.

Reading and writing JSON of some MB is one call that lets no other thread run. One such call at a time costs the others
a fraction of a second; eight of them side by side, several seconds.
"""

from __future__ import annotations

from hitl_nb.server.asked import Asked
from hitl_nb.server.bodies import MOST, Cell
from hitl_nb.store import large, rows
from hitl_nb.store.base import Reads
from hitl_nb.store.ledger import Ledger

LARGE = 256 << 10
"""Bytes of a body, or of a stored record, from which on it is large."""


def is_about_something_large(asked: Asked) -> bool:
    """Whether the proposal or the document in a request's path is large. Decodes nothing."""
    return bool(asked.id) and _is_large(asked.ledger, asked.id)


def is_large_pause(asked: Asked) -> bool:
    """Whether one of the proposals that a cell's output names is large. Decodes none of them."""
    cell: Cell = asked.query
    for run in asked.ledger.runs(notebook=asked.desk.notebook(cell.path), agent=cell.agent, limit=MOST):
        found = rows.find_proposals(asked.ledger.store, run.id, cell.pause) if cell.key in (None, run.key) else []
        if found:
            return any(_is_large(asked.ledger, one) for one in found)
    return False


def _is_large(ledger: Ledger, document_id: str) -> bool:
    store = ledger.store
    return _size(store, f"proposal/{document_id}") > LARGE or _size(store.drafts, f"folded/{document_id}") > LARGE


def _size(reads: Reads, key: str) -> int:
    value = reads.get(key)
    return 0 if value is None else large.size(key, value)
