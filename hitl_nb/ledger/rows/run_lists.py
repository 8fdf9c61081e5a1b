"""Lists of all runs, newest first."""

from __future__ import annotations

from collections.abc import Iterator

from hitl_nb.errors import UnknownRun
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Run
from hitl_nb.storage.interface import StoreReader


def iterate_newest(reads: StoreReader, *, before: Run | None, page: int) -> Iterator[Run]:
    """Iterate over runs, newest first.

    Args:
        reads: The store, or a transaction.
        before: Only runs that are older than this one; None: begin with the newest run.
        page: Number of index entries that are read together.
    """
    stop = "made0" if before is None else layout.run_age_key(before)
    while pairs := reads.scan("made/", stop, limit=page, reverse=True):
        for entry in pairs:
            try:
                run = rows.load_run(reads, layout.decode_index_id(*entry))
            except UnknownRun:
                continue  # the run was forgotten after the index was read
            yield run
        stop = pairs[-1][0]
