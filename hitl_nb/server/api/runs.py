"""Calls about runs and the audit log."""

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
    """List runs, newest first."""
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
    """List runs whose notebook no longer exists. All of them are read for every page."""
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
    """Return a run and its timeline."""
    r = request.ledger.runs.load(request.id)
    return TimelineResponse(
        run=answers.run_response(request.context, r),
        entries=[TimelineEntry.of(one) for one in entries_of(request.ledger, r.id)],
    )


def grant_resume(request: ApiRequest) -> ResumeResponse:
    """Grant one browser the right to continue a run.

    Raises:
        HitlError: The run belongs to a script, or is not ready or failed.
        RunClaimed: Another browser holds the grant.
    """
    r = request.ledger.runs.load(request.id)
    if r.notebook.startswith(SCRIPT):
        raise HitlError(
            f"run {r.id} ({r.agent}) belongs to a script, which continues by itself; if the script has ended, run it "
            "again"
        )
    if r.status not in ("ready", "failed"):
        raise HitlError(f"run {r.id} ({r.agent}) is {r.status}; only a ready or failed run can continue")
    holder = request.context.grants.grant(r.id, r.pauses, request.body.browser)
    if holder != request.body.browser:
        raise RunClaimed(f"another browser window is continuing run {r.id} ({r.agent})", owner=holder)
    if request.person.authn == "login":  # other names are made up by the server and identify nobody
        request.ledger.run_facts.add_requester(r.id, request.person.username)
    return ResumeResponse(granted=True, run=answers.run_response(request.context, r))


def run_headless(request: ApiRequest) -> ResumeResponse:
    """Run a decided agent's notebook on the server.

    Raises:
        HitlError: The server is not configured for this, or the run cannot continue.
        RunClaimed: A browser holds the grant.
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
    """Cancel a run for good."""
    return RunResponse(
        run=answers.run_response(request.context, request.ledger.runs.cancel(request.id, actor=request.person.username))
    )


def adopt_run(request: ApiRequest) -> AdoptResponse:
    """Move a run to the notebook at a contents path.

    Raises:
        HitlError: There is no notebook at this path.
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
    """Remove all runs with the same agent and key in the run's notebook or script."""
    r = request.ledger.runs.load(request.id)
    actor = request.person.username
    return ForgetResponse(
        forgotten=request.ledger.runs.forget(agent=r.agent, notebook=r.notebook, key=r.key, actor=actor)
    )


def list_events(request: ApiRequest) -> EventPage:
    """List events of the audit log, oldest first."""
    wanted: EventQuery = request.query
    found = request.ledger.audit.read_events(after=wanted.after, limit=wanted.limit)
    return EventPage(
        events=[EventInfo.of(one) for one in found], next=found[-1].n if len(found) == wanted.limit else None
    )


def export_events(request: ApiRequest) -> tuple[bytes, int | None]:
    """Read one page of the log for export.

    Returns:
        The exact bytes of the events, one per line; and the number after which the next page starts, None at the end.
    """
    after = request.query.after
    found = request.ledger.audit.read_raw_events(after=after, limit=EXPORT_PAGE_SIZE)
    lines = b"".join(raw + b"\n" for raw in found)
    return lines, _event_number(found[-1], after + EXPORT_PAGE_SIZE) if len(found) == EXPORT_PAGE_SIZE else None


class _EventNumber(msgspec.Struct):
    n: int


def _event_number(raw: bytes, default: int) -> int:
    """Return the number in an event; `default` for a damaged event, which is exported unchanged."""
    try:
        return max(msgspec.json.decode(raw, type=_EventNumber).n, default)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return default


def verify_log(request: ApiRequest) -> VerificationResponse:
    """Verify the audit log's hashes, and compare the records with it."""
    return VerificationResponse.of(request.ledger.audit.verify())


prepare_structs(globals())
