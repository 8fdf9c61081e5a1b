"""The calls that list runs and show one run: with the states and figures that people see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Run
from hitl_nb.server.base.identity import voting_name
from hitl_nb.server.lists.list_index import ListReader
from hitl_nb.server.lists.searchable_text import has_words, split_words
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import RunQuery
from hitl_nb.server.messages.response_types.proposals import RunDetail
from hitl_nb.server.messages.response_types.runs import RunPage, RunPermissions, RunRow
from hitl_nb.server.overviews.run_states import can_start_over, run_row

_SCAN_PAGE_SIZE = 200
_MAX_SCANNED = 1000
"""Maximum number of runs that one request reads. Then the page ends, though it is not full."""


def list_runs(request: ApiRequest) -> RunPage:
    """Return a page of the runs that match the query, newest first.

    Raises:
        ValueError: The notebook's path is outside of the server's folder.
    """
    wanted: RunQuery = request.query
    if wanted.path is not None:
        wanted = msgspec.structs.replace(wanted, notebook=request.context.notebook_file(wanted.path))
    if wanted.orphaned:
        return _list_orphans(request, wanted)
    reader = request.context.lists.look(request.ledger)
    found, following = _scan_runs(request.ledger, wanted, lambda run: _build_row(request, reader, wanted, run))
    return RunPage(runs=found, next=following)


def _scan_runs(
    ledger: Ledger, wanted: RunQuery, build: Callable[[Run], RunRow | None]
) -> tuple[list[RunRow], str | None]:
    """Return the rows of a page, and the cursor of the next page.

    Args:
        ledger: The ledger to read.
        wanted: The query.
        build: Function that returns the row of a run; None if the run does not match the query.
    """
    found: list[RunRow] = []
    picky = any(one is not None for one in (wanted.state, wanted.search, wanted.since, wanted.key))
    size = _SCAN_PAGE_SIZE if picky else wanted.limit
    cursor, scanned = wanted.cursor, 0
    while True:
        page = ledger.runs.list_newest(
            notebook=wanted.notebook, agent=wanted.agent, status=wanted.status, limit=size, before=cursor
        )
        for run in page:
            cursor = run.id
            row = build(run)
            if row is not None:
                found.append(row)
            if len(found) == wanted.limit:
                return found, cursor
        scanned += len(page)
        if len(page) < size:
            return found, None
        if scanned >= _MAX_SCANNED:
            return found, cursor


def _build_row(request: ApiRequest, reader: ListReader, wanted: RunQuery, run: Run) -> RunRow | None:
    if (wanted.since is not None and run.updated_at < wanted.since) or wanted.key not in (None, run.key):
        return None
    words = split_words(wanted.search or "")
    if words and not has_words(_searched_text(run), words):
        return None
    row = run_row(request.context, request.ledger, reader, run)
    return row if wanted.state in (None, row.state) else None


def _searched_text(run: Run) -> str:
    labels = (part for label in run.labels.items() for part in label)
    parts = [run.agent, Path(run.notebook).name, run.key, run.error or "", *run.requesters, *labels]
    return "\n".join(parts).casefold()


def _list_orphans(request: ApiRequest, wanted: RunQuery) -> RunPage:
    """Return a page of the runs whose notebook no longer exists. For each page, all such runs are read."""
    found = request.ledger.notebooks.list_orphans(lambda path: Path(path).exists())
    after = next((i + 1 for i, r in enumerate(found) if r.id == wanted.cursor), 0)
    chosen = [
        r
        for r in found[after:]
        if wanted.notebook in (None, r.notebook)
        and wanted.agent in (None, r.agent)
        and wanted.status in (None, r.status)
    ]
    page = chosen[: wanted.limit]
    reader = request.context.lists.look(request.ledger)
    rows = [run_row(request.context, request.ledger, reader, run) for run in page]
    for row in rows:
        row.orphaned = True
    return RunPage(runs=rows, next=page[-1].id if len(chosen) > len(page) else None)


def get_run(request: ApiRequest) -> RunDetail:
    """Return a run with its state, the proposals of its last pause, and the permissions of the user for the run."""
    run = request.ledger.runs.load(request.id)
    found = request.ledger.proposals.list_of_run(run.id, run.pauses) if run.pauses else []
    audience = Audience.from_request(request)
    return RunDetail(
        run=run_row(request.context, request.ledger, audience.rows, run),
        proposals=[answers.proposal_summary(request.context, request.ledger, proposal, audience) for proposal in found],
        may=RunPermissions(
            cancel=may_end(request, run) and run.status not in ("finished", "cancelled"),
            restart=may_end(request, run) and can_start_over(request.ledger, run),
        ),
    )


def may_end(request: ApiRequest, run: Run) -> bool:
    """Return whether the user may cancel a run and start it over: a requester of the run, or an administrator."""
    return request.person.is_admin or voting_name(request.context, request.person) in run.requesters
