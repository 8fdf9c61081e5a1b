"""Check whether a run has used the decisions of its last pause: whether it has recorded anything since it continued.

A process that died may have executed more code than it has recorded. When the run continues from its last saved state,
it executes that code again. So only records count here. If the store has records that follow from a decision, the
question must not be asked again.
"""

from __future__ import annotations

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.runs import snapshots
from hitl_nb.records import Event, Run, Step
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import StoreReader

_HARMLESS = frozenset(
    {
        *("run.resumed", "run.handed_back", "run.requested", "run.noted", "run.moved", "decision.expired"),
        "run.restart_forgotten",
        *("notice.sent", "notice.failed", "comment", "comment.state", "assigned"),
    }
)
"""Types of events about a run that its code does not cause. They do not show that the run has used a decision."""
_PAGE, _PAGES = 1000, 20


def has_used_decisions(reads: StoreReader, run: Run) -> bool:
    """Return whether a run has used the decisions of its last pause, or may have used them.

    Args:
        reads: The store, or a transaction.
        run: The run. False is returned if no process has continued it since its last pause.
    """
    since: list[Event] = []
    for event in chain.iterate_run_events(reads, run.id):
        if event.type == "run.paused":
            break
        since.append(event)
    resumed = next((n for n in range(len(since) - 1, -1, -1) if since[n].type == "run.resumed"), None)
    if resumed is None:
        return False
    first = since[resumed]
    return (
        any(event.type not in _HARMLESS for event in since[:resumed])
        or _saved_since(reads, run, first)
        or any(one.status == "open" for one in rows.load_workspaces(reads, run.id))  # writing has no events
        or _has_begun_call(reads, run)
        or _has_recorded(reads, run, first.n)
    )


def _saved_since(reads: StoreReader, run: Run, resumed: Event) -> bool:
    saved = snapshots.last_saved_state(reads, run.id)
    return saved is not None and saved.epoch >= (resumed.data or {}).get("epoch", 0)


def _has_begun_call(reads: StoreReader, run: Run) -> bool:
    """Return whether the run has a recorded call that was started and has not ended.

    A call of a `@gate` function that itself asked a question does not count: the pause has ended that call.
    """
    found = reads.scan(*chunked_values.prefix_range(f"step/{run.id}/"))
    steps = (rows.decode_record(chunked_values.join_chunks(reads, key, raw), Step, key) for key, raw in found)
    return any(one.status == "started" and (one.pauses is None or one.pauses >= run.pauses) for one in steps)


def _has_recorded(reads: StoreReader, run: Run, after: int) -> bool:
    """Return whether the run has events after number `after` that its list of events leaves out.

    These are ends of steps, and decisions by policies. True is also returned if there are too many events to read.
    """
    for _ in range(_PAGES):
        page = chain.read_events(reads, after, _PAGE)
        for n, raw in page:
            event = rows.decode_record(raw, Event, f"event {n}")
            if event.run == run.id and event.type not in _HARMLESS:
                return True
        if len(page) < _PAGE:
            return False
        after = page[-1][0]
    return True  # too many events to read: assume that it has
