"""The state of a run as people see it, computed from its record, its claim, its steps and its notebook's file."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from hitl_nb.errors import RunClaimed
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import SCRIPT, Run, Step, now
from hitl_nb.server.base.context import ServerContext
from hitl_nb.server.lists.list_index import ListReader
from hitl_nb.server.lists.one_line import short_text
from hitl_nb.server.lists.run_figures import RunFigures
from hitl_nb.server.lists.saved_notebooks import Gone, find_gone_part
from hitl_nb.server.messages.response_types.runs import RunCounts, RunRow, RunState


class StateOfRun(NamedTuple):
    """The state of a run for people.

    Attributes:
        state: The state.
        gone: "notebook" or "cell" if that no longer exists, although the run has not ended; else None.
        where: The call at which an interrupted run continues, or after which it continues; "" if it is not known.
        stopped_at: For a run whose process is gone, the last time when that process was known to be alive; else None.
    """

    state: RunState
    gone: Gone | None = None
    where: str = ""
    stopped_at: datetime | None = None


def find_run_state(ledger: Ledger, run: Run, figures: RunFigures) -> StateOfRun:
    """Return the state of a run for people."""
    if run.superseded:
        return StateOfRun("superseded")
    if run.status == "finished":
        return StateOfRun("finished")
    if run.status == "cancelled":
        newest = rows.newest_run(ledger.store, run.notebook, run.agent, run.key)
        return StateOfRun("cancelled" if newest is None or newest.id == run.id else "superseded")
    gone = find_gone_part(run)
    match run.status:
        case "running":
            return _find_running_state(ledger, run, figures, gone)
        case "failed":
            return StateOfRun("failed", gone, _find_place(ledger.steps.list_of_run(run.id)))
        case "waiting" if figures.is_in_doubt:
            return StateOfRun("in_doubt", gone)
        case "ready" if run.held:
            return StateOfRun("working")  # its program is alive, and takes the decision
        case _:
            state: RunState = "waiting" if run.status == "waiting" else "ready"
            return StateOfRun("orphaned" if gone else state, gone)


def needs_attention(ledger: Ledger, run: Run, reader: ListReader) -> bool:
    """Return whether a run needs a person although nothing is asked: interrupted, failed, or an effect is in doubt.

    The result is that of `find_run_state`, but steps, events and the notebook are read only if it depends on them.
    """
    if run.superseded:
        return False
    match run.status:
        case "failed":
            return True
        case "waiting":
            return reader.read_run_figures(run).is_in_doubt
        case "running":
            return not _is_executed(ledger, run) and (
                find_gone_part(run) is None or _has_step_in_doubt(ledger.steps.list_of_run(run.id))
            )
        case _:
            return False


def _find_running_state(ledger: Ledger, run: Run, figures: RunFigures, gone: Gone | None) -> StateOfRun:
    if _is_executed(ledger, run):
        return StateOfRun("working")
    steps = ledger.steps.list_of_run(run.id)
    where = _find_place(steps)
    stopped_at = ledger.claims.last_sign_of_life(run.id) or figures.last_event_at
    if _has_step_in_doubt(steps):
        return StateOfRun("in_doubt", gone, where, stopped_at)
    return StateOfRun("orphaned" if gone else "interrupted", gone, where, stopped_at)


def _is_executed(ledger: Ledger, run: Run) -> bool:
    try:
        ledger.claims.check_free(ledger.store, run)
    except RunClaimed:
        return True
    return False


def _has_step_in_doubt(steps: list[Step]) -> bool:
    return any(one.status == "started" and not one.idempotent and one.pauses is None for one in steps)


def _find_place(steps: list[Step]) -> str:
    """Return the recorded call that had not ended, or "after" and the last one that had; "" if there is none."""
    under_way = [one for one in steps if one.status == "started"]
    if under_way:
        return short_text(under_way[-1].call or f"{under_way[-1].name}()", 120)
    done = [one for one in steps if one.finished_at is not None]
    return short_text(f"after {max(done, key=lambda one: one.finished_at or one.started_at).name}()") if done else ""


def can_start_over(ledger: Ledger, run: Run) -> bool:
    """Return whether a run can be started over: it is the newest one of an agent of a notebook, and not superseded."""
    if run.superseded or run.held or run.notebook.startswith(SCRIPT):
        return False
    newest = rows.newest_run(ledger.store, run.notebook, run.agent, run.key)
    return newest is not None and newest.id == run.id


def run_row(context: ServerContext, ledger: Ledger, reader: ListReader, run: Run) -> RunRow:
    """Build the response about a run for lists, with its state and its figures."""
    figures = reader.read_run_figures(run)
    found = find_run_state(ledger, run, figures)
    at = now()
    is_working = found.state == "working"
    return RunRow.of_state(
        run,
        path=context.contents_path(run.notebook),
        state=found.state,
        gone=found.gone,
        where=found.where,
        interrupted_at=found.stopped_at,
        waits_for=figures.waits_for,
        decided=RunCounts(
            asked=figures.asked,
            people=figures.people,
            policy=run.passed,
            deadline=figures.deadline,
            script=figures.script,
            changed=figures.changed,
        ),
        ended_at=run.updated_at if found.state in ("finished", "failed", "cancelled", "superseded") else None,
        worked_seconds=figures.worked
        + _seconds(figures.working_since, at if is_working else figures.last_event_at or run.updated_at),
        waited_seconds=figures.waited + _seconds(figures.waiting_since, at),
    )


def _seconds(since: datetime | None, until: datetime) -> float:
    return 0.0 if since is None else max(0.0, (until - since).total_seconds())
