"""API calls about runs (timeline, continue, cancel, move, remove) and about the audit log (read, export, verify)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hitl_nb.errors import HitlError, NotAllowed, RunClaimed
from hitl_nb.ledger.audit import format_export
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import SCRIPT, Run
from hitl_nb.review.timeline import build_timeline as entries_of
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import EventQuery, RunExportQuery
from hitl_nb.server.messages.response_types.audit_log import (
    EventInfo,
    EventPage,
    RecordDifferenceInfo,
    RunVerification,
    VerificationResponse,
)
from hitl_nb.server.messages.response_types.runs import (
    AdoptResponse,
    CellSourceResponse,
    ForgetResponse,
    ResumeResponse,
    RunResponse,
    TimelineEntry,
    TimelineResponse,
)
from hitl_nb.server.overviews.cell_source import read_cell_source
from hitl_nb.server.overviews.run_lists import may_end
from hitl_nb.structs import prepare_structs

EXPORT_PAGE_SIZE = 1000
"""Number of events that an export reads at once."""


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
        HitlError: The run belongs to a script or is a held question, or it is waiting, finished or cancelled.
        RunClaimed: Another browser holds the grant for this pause, or a living process executes the run.
    """
    r = request.ledger.runs.load(request.id)
    if r.held:
        raise HitlError(f"run {r.id} ({r.agent}) is a held question: the agent is waiting in another window")
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
    """Cancel a run for good. Its open proposals can no longer be decided.

    Raises:
        NotAllowed: The user is neither a requester of the run nor an administrator.
    """
    _require_right(request)
    cancelled = request.ledger.runs.cancel(request.id, actor=request.person.username)
    return RunResponse(run=answers.run_response(request.context, cancelled))


def restart_run(request: ApiRequest) -> RunResponse:
    """Start an agent over: the next execution of its cell begins a new run. Nothing is executed by this call.

    An unfinished run is cancelled.

    Raises:
        NotAllowed: The user is neither a requester of the run nor an administrator.
        HitlError: The run belongs to a script or is a held question, or is not the newest run of its agent.
    """
    run = _require_right(request)
    if run.held:
        raise HitlError(f"run {run.id} ({run.agent}) is a held question; only its program can ask again")
    if run.notebook.startswith(SCRIPT):
        raise HitlError(f"run {run.id} ({run.agent}) belongs to a script; start the script again with restart=True")
    marked = request.ledger.run_facts.start_over(request.id, actor=request.person.username)
    return RunResponse(run=answers.run_response(request.context, marked))


def _require_right(request: ApiRequest) -> Run:
    """Return the run. Raise NotAllowed if the user is neither a requester of the run nor an administrator."""
    run = request.ledger.runs.load(request.id)
    if not may_end(request, run):
        raise NotAllowed(
            f"only the people who started run {run.id} ({', '.join(run.requesters) or 'nobody is recorded'}) and "
            "administrators may cancel it or start it over"
        )
    return run


def get_cell_source(request: ApiRequest) -> CellSourceResponse:
    """Return the recorded source of the cell of a run's agent. It is only text; nothing is executed."""
    found = read_cell_source(request.ledger, request.ledger.runs.load(request.id))
    return CellSourceResponse(source=found.source, source_signed=found.is_signed, previous_cell=found.previous_cell)


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


def export_run(request: ApiRequest) -> tuple[bytes, int | None]:
    """Return one page of the export of a run: the same bytes as `hitl-nb audit --export FILE --run RUN`.

    Raises:
        UnknownRun: No run has this id.
    """
    wanted: RunExportQuery = request.query
    run = request.ledger.runs.load(request.id)
    found, following = request.ledger.audit.export(run.id, after=wanted.after, limit=EXPORT_PAGE_SIZE)
    return format_export(found, as_csv=wanted.format == "csv", is_first=wanted.after == 0), following


def verify_run(request: ApiRequest) -> RunVerification:
    """Verify the audit log, and the records of one run.

    Raises:
        UnknownRun: No run has this id.
    """
    ledger = request.ledger
    run = ledger.runs.load(request.id)
    result = ledger.audit.verify(run.id)
    return RunVerification(
        ok=result.ok,
        events=_count_events(ledger, run.id),
        problem=result.problem,
        differs=[RecordDifferenceInfo.of(one) for one in result.differs],
    )


def _count_events(ledger: Ledger, run_id: str) -> int:
    count, after = 0, 0
    while True:
        found, following = ledger.audit.export(run_id, after=after)
        count += len(found)
        if following is None:
            return count
        after = following


def verify_log(request: ApiRequest) -> VerificationResponse:
    """Verify the hashes of the audit log, and compare the records of the store with the log."""
    return VerificationResponse.of(request.ledger.audit.verify())


prepare_structs(globals())
