"""Responses about runs."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from hitl_nb.records import Run, RunStatus
from hitl_nb.review.timeline import TimelineItem
from hitl_nb.server.messages.response_types.base import At, Count, Id, ResponseStruct, same_fields
from hitl_nb.structs import prepare_structs


class RunInfo(ResponseStruct):
    """A run: one execution of an agent, from start to end.

    `notebook_id` is the id in the notebook's metadata; "" outside of notebooks. `path` is the notebook's path below the
    server's folder; null if it is outside. `key` is the value of `--key` as text, or "". `generation` counts the fresh
    starts of the same notebook, agent and key, from 1. `pauses` is how many times it has paused, and `open` the number
    of open proposals of its last pause. `restarted`: it was started by `--restart`.
    """

    id: Id
    agent: str
    notebook: str
    notebook_id: str
    path: str | None
    key: str
    generation: Count
    status: RunStatus
    pauses: Count
    open: Count
    error: str | None
    requesters: tuple[str, ...]
    labels: dict[str, str]
    passed: Count
    restarted: str
    created_at: At
    updated_at: At
    orphaned: bool | UnsetType = UNSET

    @classmethod
    def of(cls, record: Run, *, path: str | None, orphaned: bool | UnsetType = UNSET) -> RunInfo:
        """Build the response from a run.

        Args:
            record: The run.
            path: The notebook's path below the server's folder; None if it is outside.
            orphaned: True if the notebook no longer exists. UNSET where nobody asked.
        """
        return cls(**same_fields(cls, record), path=path, orphaned=orphaned)


class RunPage(ResponseStruct):
    """A page of runs; `next` is the cursor of the next page, null at the end."""

    runs: list[RunInfo]
    next: Id | None


EntryType = Literal[
    "opened",
    "working",
    "statement",
    "step",
    "waiting",
    "decision",
    "comment",
    "doubt",
    "resumed",
    "paused",
    "failed",
    "finished",
    "cancelled",
    "policy",
    "vote",
    "clock",
]
"""Types of the entries of a timeline, see `review.timeline.TimelineItem`."""


class TimelineEntry(ResponseStruct):
    """One entry of a timeline. `until` and `seconds` are null for an instant, and for what has not ended yet.

    `n` is the number of its event in the audit log; 0 if it is not from there. `what` is one line for people.
    """

    n: Count
    type: EntryType
    at: At
    until: At | None
    seconds: float | None
    what: str
    actor: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, item: TimelineItem) -> TimelineEntry:
        """Build the response from an entry of a timeline."""
        return cls(**same_fields(cls, item))


class TimelineResponse(ResponseStruct):
    """A run, and its timeline."""

    run: RunInfo
    entries: list[TimelineEntry]


class ResumeResponse(ResponseStruct):
    """The browser may continue the run."""

    granted: bool
    run: RunInfo


class AdoptResponse(ResponseStruct):
    """The run, which belongs to the new notebook now."""

    run: RunInfo


class ForgetResponse(ResponseStruct):
    """Number of runs that were removed."""

    forgotten: Count


class RunResponse(ResponseStruct):
    """The run, which is cancelled."""

    run: RunInfo


prepare_structs(globals())
