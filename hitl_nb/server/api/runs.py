"""API calls about runs (list, show, continue, cancel, move, remove) and about the audit log (read, export, verify)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hitl_nb.errors import HitlError, RunClaimed
from hitl_nb.records import SCRIPT
from hitl_nb.review.timeline import build_timeline as entries_of
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import EventQuery, RunQuery
from hitl_nb.server.messages.response_types.audit_log import EventInfo, EventPage, VerificationResponse
from hitl_nb.server.messages.response_types.proposals import RunDetail
from hitl_nb.server.messages.response_types.runs import (
    AdoptResponse,
    ForgetResponse,
    ResumeResponse,
    RunInfo,
    RunPage,
    RunResponse,
    TimelineEntry,
    TimelineResponse,
)
from hitl_nb.structs import prepare_structs

EXPORT_PAGE_SIZE = 1000
"""Number of events that an export reads at once."""


def list_runs(request: ApiRequest) -> RunPage:
    """Return a page of the runs that match the query, newest first."""
    wanted: RunQuery = request.query
    if wanted.orphaned:
        return _list_orphans(request, wanted)
    found = request.ledger.runs.list_newest(
        notebook=wanted.notebook,
        agent=wanted.agent,
        status=wanted.status,
        limit=wanted.limit,
        before=wanted.cursor,
    )
    return RunPage(
        runs=[answers.run_response(request.context, r) for r in found],
        next=found[-1].id if len(found) == wanted.limit else None,
    )


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
    return RunPage(
        runs=[RunInfo.of(r, path=request.context.contents_path(r.notebook), orphaned=True) for r in page],
        next=page[-1].id if len(chosen) > len(page) else None,
    )


def get_run(request: ApiRequest) -> RunDetail:
    """Return a run and the proposals of its last pause."""
    r = request.ledger.runs.load(request.id)
    found = request.ledger.proposals.list_of_run(r.id, r.pauses) if r.pauses else []
    audience = Audience.from_request(request)
    return RunDetail(
        run=answers.run_response(request.context, r),
        proposals=[answers.proposal_summary(request.context, request.ledger, proposal, audience) for proposal in found],
    )


def get_timeline(request: ApiRequest) -> TimelineResponse:
    """Return a run and its timeline: the moments and periods of the run, in order."""
    r = request.ledger.runs.load(request.id)
    return TimelineResponse(
        run=answers.run_response(request.context, r),
        entries=[TimelineEntry.of(one) for one in entries_of(request.ledger, r.id)],
    )


def grant_resume(request: ApiRequest) -> ResumeResponse:
    """Give a browser the right to execute a run's cell again, unless another browser has this right (a *grant*).

    A run whose process is gone still has the status "running"; it continues at the statement that did not finish. A
    logged-in user is recorded as a requester of the run.

    Raises:
        HitlError: The run belongs to a script, or it is waiting, finished or cancelled.
        RunClaimed: Another browser holds the grant for this pause, or a living process executes the run.
    """
    r = request.ledger.runs.load(request.id)
    if r.notebook.startswith(SCRIPT):
        raise HitlError(
            f"run {r.id} ({r.agent}) belongs to a script, which continues by itself; if the script has ended, run it "
            "again"
        )
    if r.status == "running":
        request.ledger.claims.check_free(request.ledger.store, r)
    elif r.status not in ("ready", "failed"):
        raise HitlError(f"run {r.id} ({r.agent}) is {r.status}; only a ready, failed or interrupted run can continue")
    holder = request.context.grants.grant(r.id, r.pauses, request.body.browser)
    if holder != request.body.browser:
        raise RunClaimed(f"another browser window is continuing run {r.id} ({r.agent})", owner=holder)
    if request.person.authn == "login":  # other names are made up by the server and identify nobody
        request.ledger.run_facts.add_requester(r.id, request.person.username)
    return ResumeResponse(granted=True, run=answers.run_response(request.context, r))


def run_headless(request: ApiRequest) -> ResumeResponse:
    """Start to execute the notebook of a decided run on the server, without a browser. Does not wait for the end.

    Raises:
        HitlError: The option `c.HitlNb.headless` is off, the run cannot continue, or the server is already executing
            the notebook.
        RunClaimed: Another browser holds the grant to continue the run.
    """
    r = request.ledger.runs.load(request.id)
    if not request.context.settings.headless and not r.notebook.startswith(SCRIPT):
        raise HitlError(
            "this server is not configured to run notebooks by itself (c.HitlNb.headless = True); open the notebook, "
            f"or run: hitl-nb run {r.notebook}"
        )
    granted = grant_resume(request)
    request.context.headless.start(r.id, r.notebook)
    return granted


def cancel_run(request: ApiRequest) -> RunResponse:
    """Cancel a run for good. Its open proposals can no longer be decided."""
    return RunResponse(
        run=answers.run_response(request.context, request.ledger.runs.cancel(request.id, actor=request.person.username))
    )


def adopt_run(request: ApiRequest) -> AdoptResponse:
    """Change the notebook to which a run belongs, for example after the file was moved.

    Raises:
        HitlError: There is no notebook at the path in the request's body.
        ValueError: The path is outside of the server's folder.
    """
    notebook = request.context.notebook_file(request.body.path)
    if not notebook.endswith(".ipynb") or not Path(notebook).is_file():
        raise HitlError(f"there is no notebook {request.body.path}")
    return AdoptResponse(
        run=answers.run_response(
            request.context, request.ledger.notebooks.adopt_run(request.id, notebook, actor=request.person.username)
        )
    )


def forget_runs(request: ApiRequest) -> ForgetResponse:
    """Remove a run, and all other runs of its notebook or script that have the same agent and key.

    Returns:
        The number of removed runs.
    """
    r = request.ledger.runs.load(request.id)
    actor = request.person.username
    return ForgetResponse(
        forgotten=request.ledger.runs.forget(agent=r.agent, notebook=r.notebook, key=r.key, actor=actor)
    )


def list_events(request: ApiRequest) -> EventPage:
    """Return a page of the audit log's events, oldest first."""
    wanted: EventQuery = request.query
    found = request.ledger.audit.read_events(after=wanted.after, limit=wanted.limit)
    return EventPage(
        events=[EventInfo.of(one) for one in found], next=found[-1].n if len(found) == wanted.limit else None
    )


def export_events(request: ApiRequest) -> tuple[bytes, int | None]:
    """Return one page of the audit log for the export.

    Returns:
        The events exactly as stored, one per line; and the number of the last event, after which the next page begins.
        The number is None for the last page.
    """
    after = request.query.after
    found = request.ledger.audit.read_raw_events(after=after, limit=EXPORT_PAGE_SIZE)
    lines = b"".join(raw + b"\n" for raw in found)
    return lines, _event_number(found[-1], after + EXPORT_PAGE_SIZE) if len(found) == EXPORT_PAGE_SIZE else None


class _EventNumber(msgspec.Struct):
    n: int


def _event_number(raw: bytes, default: int) -> int:
    """Return the number in an event, at least `default`.

    For a damaged event, which is exported unchanged, the result is `default`.
    """
    try:
        return max(msgspec.json.decode(raw, type=_EventNumber).n, default)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return default


def verify_log(request: ApiRequest) -> VerificationResponse:
    """Verify the hashes of the audit log, and compare the records of the store with the log."""
    return VerificationResponse.of(request.ledger.audit.verify())


prepare_structs(globals())
