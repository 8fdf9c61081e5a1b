"""Finding proposals by id, and lists of open and closed proposals.

The index of open proposals is sorted by age, so a page of the list of all open proposals is a short range of it. The
open proposals of one notebook are not together in this index. They are found through the runs of the notebook, if it
has at most `_MAX_RUNS` runs; with more runs, reading the whole index is faster.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from hitl_nb.errors import UnknownProposal, UnknownRun
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.shared_terms import ProposalReader
from hitl_nb.records import Proposal
from hitl_nb.storage import chunked_values
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import StoreReader

_PAGE_SIZE = 200
_MAX_RUNS = 100
"""Largest number of runs of a notebook that are read one by one."""


def find_proposal(reads: StoreReader, proposal_id: str) -> Proposal:
    """Return the proposal with this id, given in full or abbreviated.

    Args:
        reads: The store, or a transaction.
        proposal_id: The id, or its first 4 or more characters if no other id begins with them.

    Raises:
        UnknownProposal: No id begins with these characters, or several do, or fewer than 4 characters are given.
    """
    if not layout.is_id(proposal_id) or len(proposal_id) < 4:
        raise UnknownProposal(_unknown_proposal_message(proposal_id))
    exact = rows.load_proposal(reads, proposal_id)
    if exact is not None:
        return exact
    found = reads.scan(f"proposal/{proposal_id}", f"proposal/{proposal_id}~", limit=2)
    if not found:
        raise UnknownProposal(_unknown_proposal_message(proposal_id))
    if len(found) > 1:
        raise UnknownProposal(f"several proposals begin with {proposal_id!r}; give more characters of the id")
    key, raw = found[0]
    return rows.decode_record(chunked_values.join_chunks(reads, key, raw), Proposal, key)


def require_proposal(reads: StoreReader, proposal_id: str) -> Proposal:
    """Return the proposal with this full id.

    Raises:
        UnknownProposal: No proposal has this id.
    """
    proposal = rows.load_proposal(reads, proposal_id) if layout.is_id(proposal_id) else None
    if proposal is None:
        raise UnknownProposal(f"there is no proposal {proposal_id!r} in this store")
    return proposal


def iterate_open(
    reads: StoreReader, *, notebook: str | None, agent: str | None, after: Proposal | None, limit: int
) -> Iterator[Proposal]:
    """Iterate over open proposals, oldest first.

    Args:
        reads: The store, or a transaction.
        notebook: Path of a notebook; only its proposals are returned. None: all notebooks.
        agent: Name of an agent; only its proposals are returned. None: all agents.
        after: The last proposal of the previous page; None: begin with the oldest one.
        limit: Number of proposals that the caller expects to use; it sets the size of the reads.
    """
    start = "open/" if after is None else layout.open_key(after) + "\0"
    if notebook is not None:
        named = reads.scan(*prefix_range(layout.name_prefix(notebook, agent)), limit=_MAX_RUNS + 1)
        if len(named) <= _MAX_RUNS:
            found = (_iterate_open_of_run(reads, layout.decode_index_id(*entry), start) for entry in named)
            return heapq.merge(*found, key=layout.open_key)
    everything = _iterate_listed(reads, start, "open0", limit if notebook is agent is None else max(limit, _PAGE_SIZE))
    return (
        proposal for proposal in everything if notebook in (None, proposal.notebook) and agent in (None, proposal.agent)
    )


def iterate_stuck(reads: StoreReader) -> Iterator[Proposal]:
    """Iterate over the open proposals that no person may decide (`Proposal.stuck`), oldest first.

    All open proposals are read, unless no proposal of the store was ever asked under terms (review rules).
    """
    if formats.has_terms(reads):
        yield from (proposal for proposal in _iterate_listed(reads, "open/", "open0", _PAGE_SIZE) if proposal.stuck)


def _iterate_open_of_run(reads: StoreReader, run_id: str, after: str) -> Iterator[Proposal]:
    try:
        run = rows.load_run(reads, run_id)
    except UnknownRun:
        return  # the run was forgotten after the index was read
    start, stop = prefix_range(layout.asked_prefix(run.id, run.pauses))
    if run.open:
        yield from (
            proposal
            for proposal in _iterate_listed(reads, start, stop, _PAGE_SIZE)
            if layout.open_key(proposal) >= after
        )


def _iterate_listed(reads: StoreReader, start: str, stop: str, page: int) -> Iterator[Proposal]:
    """Iterate over the open proposals that an index names, in the order of its keys.

    Args:
        reads: The store, or a transaction.
        start: First key of the index.
        stop: End of the keys, not included.
        page: Number of index entries that are read together.
    """
    page, reader = min(page, _PAGE_SIZE), ProposalReader()
    while pairs := reads.scan(start, stop, limit=page):
        ids = [layout.decode_index_id(*entry) for entry in pairs]
        texts = [chunked_values.get_whole(reads, f"proposal/{one}") for one in ids]
        for one, raw in zip(ids, texts, strict=True):
            proposal = None if raw is None else reader.read_proposal(raw, one)
            if proposal is not None and proposal.status == "open":
                yield proposal
        start = pairs[-1][0] + "\0"


def iterate_closed(reads: StoreReader, *, after: Proposal | None) -> Iterator[Proposal]:
    """Iterate over the proposals that are no longer open, newest first.

    Args:
        reads: The store, or a transaction.
        after: The last proposal of the previous page; None: begin with the newest one.
    """
    stop = "closed0" if after is None else layout.closed_key(after)
    while pairs := reads.scan("closed/", stop, limit=_PAGE_SIZE, reverse=True):
        for entry in pairs:
            proposal = rows.load_proposal(reads, layout.decode_index_id(*entry))
            if proposal is not None and proposal.status != "open":
                yield proposal
        stop = pairs[-1][0]


def _unknown_proposal_message(proposal_id: str) -> str:
    return (
        f"there is no proposal {proposal_id!r} in this store; `hitl-nb inbox` lists those that wait "
        "(the first 4 or more characters of an id are enough)"
    )
