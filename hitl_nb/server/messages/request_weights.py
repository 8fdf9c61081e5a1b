"""Which requests are about something large: worker processes answer them (see `largework`).

Reading and writing JSON of some MB is one call that lets no other thread run. Some such calls side by side cost all
others several seconds. Nothing is decoded here to find out.
"""

from __future__ import annotations

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import MOST, Cell, DecidingMany, Marking, WhichProposals
from hitl_nb.storage import chunked as large
from hitl_nb.storage.interface import MAX_VALUE, Reads

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


def is_on_large_document(asked: Asked) -> bool:
    """Whether a comment is on something large."""
    body: Marking = asked.body
    return _is_large(asked.ledger, body.document)


def is_large_run(asked: Asked) -> bool:
    """Whether one of the proposals of the run in a request's path is large."""
    return any(_is_large(asked.ledger, one) for one in rows.find_proposals(asked.ledger.store, asked.id))


def are_some_large(asked: Asked) -> bool:
    """Whether one of the proposals that are decided together is large."""
    body: DecidingMany = asked.body
    return any(_is_large(asked.ledger, one.id) for one in body.proposals)


def is_large_list(asked: Asked) -> bool:
    """Whether a proposal that a list may have to read is so large that it is kept in pieces."""
    wanted: WhichProposals = asked.query
    store = asked.ledger.store
    if not has_pieces(asked):
        return False
    named = store.scan(*large.span("open/" if wanted.status == "open" else "closed/"), limit=MOST, reverse=True)
    return any(_size(store, f"proposal/{rows.id_at(*entry)}") > MAX_VALUE for entry in named)


def has_pieces(asked: Asked) -> bool:
    """Whether anything in the store is so large that it is kept in pieces."""
    return bool(asked.ledger.store.scan(*large.span("chunk/"), limit=1))


def _is_large(ledger: Ledger, document_id: str) -> bool:
    store = ledger.store
    return _size(store, f"proposal/{document_id}") > LARGE or _size(store.drafts, f"folded/{document_id}") > LARGE


def _size(reads: Reads, key: str) -> int:
    value = reads.get(key)
    return 0 if value is None else large.size(key, value)
