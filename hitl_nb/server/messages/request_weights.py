"""Find out which requests are about large values, so that worker processes can answer these requests.

Decoding or encoding JSON of some MB is a single call, during which no other thread of the process can run. A few such
calls at the same time would delay all other requests by several seconds (see `server/api/large_requests.py`). The
functions of this module read sizes in the store and decode no value.
"""

from __future__ import annotations

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import (
    MAX_PAGE_SIZE,
    BulkDecisionRequest,
    CommentStateRequest,
    PauseQuery,
    ProposalQuery,
)
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import MAX_VALUE_BYTES, StoreReader

LARGE_BYTES = 256 << 10
"""Size in bytes above which a body or a stored record is large."""


def is_about_something_large(request: ApiRequest) -> bool:
    """Return whether the proposal or workspace with the id in a request's path is large."""
    return bool(request.id) and _is_large(request.ledger, request.id)


def is_large_pause(request: ApiRequest) -> bool:
    """Return whether one of the proposals of a cell's pause is large. The request's query is a `PauseQuery`."""
    cell: PauseQuery = request.query
    for run in request.ledger.runs.list_newest(
        notebook=request.context.notebook_file(cell.path), agent=cell.agent, limit=MAX_PAGE_SIZE
    ):
        found = rows.find_proposals(request.ledger.store, run.id, cell.pause) if cell.key in (None, run.key) else []
        if found:
            return any(_is_large(request.ledger, one) for one in found)
    return False


def is_on_large_document(request: ApiRequest) -> bool:
    """Return whether the document in the body of a request is large. The body is a `CommentStateRequest`."""
    body: CommentStateRequest = request.body
    return _is_large(request.ledger, body.document)


def is_large_run(request: ApiRequest) -> bool:
    """Return whether a proposal of the run with the id in a request's path is large."""
    return any(_is_large(request.ledger, one) for one in rows.find_proposals(request.ledger.store, request.id))


def are_some_large(request: ApiRequest) -> bool:
    """Return whether one of the proposals that a request decides together is large."""
    body: BulkDecisionRequest = request.body
    return any(_is_large(request.ledger, one.id) for one in body.proposals)


def is_large_list(request: ApiRequest) -> bool:
    """Return whether a listed proposal is so large that it is stored in chunks.

    The newest proposals with the status in the request's query are checked, at most `MAX_PAGE_SIZE`.
    """
    wanted: ProposalQuery = request.query
    store = request.ledger.store
    if not has_pieces(request):
        return False
    named = store.scan(
        *chunked_values.prefix_range("open/" if wanted.is_open else "closed/"),
        limit=MAX_PAGE_SIZE,
        reverse=True,
    )
    return any(stored_size(store, f"proposal/{layout.decode_index_id(*entry)}") > MAX_VALUE_BYTES for entry in named)


def has_pieces(request: ApiRequest) -> bool:
    """Return whether any value in the store is so large that it is stored in chunks. This check is fast."""
    return bool(request.ledger.store.scan(*chunked_values.prefix_range("chunk/"), limit=1))


def _is_large(ledger: Ledger, document_id: str) -> bool:
    store = ledger.store
    return (
        stored_size(store, f"proposal/{document_id}") > LARGE_BYTES
        or stored_size(store.drafts, f"folded/{document_id}") > LARGE_BYTES
    )


def stored_size(reads: StoreReader, key: str) -> int:
    """Return the size of a stored value in bytes, without reading its chunks; 0 if the key does not exist."""
    value = reads.get(key)
    return 0 if value is None else chunked_values.whole_size(key, value)
