"""Open proposals in the order they were asked: of the whole store, or of one notebook; and those that are closed.

The inbox's index is by age, so a page of all is a short range of it. A notebook's proposals lie scattered in it; they
are found through its runs, unless these are so many that the index is the shorter way.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from hitl_nb.errors import UnknownRun
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows.shared_terms import ProposalReader
from hitl_nb.records import Proposal
from hitl_nb.storage import chunked as large
from hitl_nb.storage.chunked import span
from hitl_nb.storage.interface import Reads

_PAGE = 200
_RUNS = 100
"""Most runs of a notebook that are looked at one by one."""


def waiting(
    reads: Reads, *, notebook: str | None, agent: str | None, after: Proposal | None, limit: int
) -> Iterator[Proposal]:
    """The open proposals that follow `after`, oldest first. `limit` is how many the caller is going to take."""
    start = "open/" if after is None else rows.open_key(after) + "\0"
    if notebook is not None:
        named = reads.scan(*span(rows.name_prefix(notebook, agent)), limit=_RUNS + 1)
        if len(named) <= _RUNS:
            found = (_of_run(reads, rows.id_at(*entry), start) for entry in named)
            return heapq.merge(*found, key=rows.open_key)
    everything = _listed(reads, start, "open0", limit if notebook is agent is None else max(limit, _PAGE))
    return (p for p in everything if notebook in (None, p.notebook) and agent in (None, p.agent))


def stuck(reads: Reads) -> Iterator[Proposal]:
    """The open proposals that nobody may decide, oldest first. All open ones are looked at, if any have terms."""
    if formats.has_terms(reads):
        yield from (p for p in _listed(reads, "open/", "open0", _PAGE) if p.stuck)


def _of_run(reads: Reads, run_id: str, after: str) -> Iterator[Proposal]:
    try:
        run = rows.load_run(reads, run_id)
    except UnknownRun:
        return  # forgotten between the index and here
    start, stop = span(rows.asked_prefix(run.id, run.pauses))
    if run.open:
        yield from (p for p in _listed(reads, start, stop, _PAGE) if rows.open_key(p) >= after)


def _listed(reads: Reads, start: str, stop: str, page: int) -> Iterator[Proposal]:
    """The open ones of the proposals that an index names, read by the page."""
    page, reader = min(page, _PAGE), ProposalReader()
    while pairs := reads.scan(start, stop, limit=page):
        ids = [rows.id_at(*entry) for entry in pairs]
        texts = [large.get(reads, f"proposal/{one}") for one in ids]
        for one, raw in zip(ids, texts, strict=True):
            p = None if raw is None else reader.read(raw, one)
            if p is not None and p.status == "open":
                yield p
        start = pairs[-1][0] + "\0"


def closed(reads: Reads, *, after: Proposal | None) -> Iterator[Proposal]:
    """The proposals that are decided or superseded, the newest first, that follow `after`."""
    stop = "closed0" if after is None else rows.closed_key(after)
    while pairs := reads.scan("closed/", stop, limit=_PAGE, reverse=True):
        for entry in pairs:
            p = rows.load_proposal(reads, rows.id_at(*entry))
            if p is not None and p.status != "open":
                yield p
        stop = pairs[-1][0]
