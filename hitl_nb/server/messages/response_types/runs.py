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
    server's root folder; null if the notebook is outside. `key` is the value of `--key` as text, or "". `generation` is
    the number of the run among the runs of the same notebook, agent and key, from 1. `pauses` is how often the run has
    paused, and `open` the number of open proposals of its last pause. `requesters` has the people who started or
    continued the run. `passed` is the number of questions that a policy passed without people. `restarted` is "" unless
    the run was started by `--restart`. `superseded` is true if a person started the agent over: the next execution of
    its cell begins a new run. `orphaned` is true if the notebook no longer exists.
    `held` is true for a held question: its program waits for the decision, and nobody has to continue the run.
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
    superseded: bool
    held: bool
    created_at: At
    updated_at: At
    orphaned: bool | UnsetType = UNSET

    @classmethod
    def of(cls, record: Run, *, path: str | None, orphaned: bool | UnsetType = UNSET) -> RunInfo:
        """Build the response from a run.

        Args:
            record: The run.
            path: The notebook's path below the server's folder; None if the notebook is outside.
            orphaned: True if the notebook no longer exists. UNSET (default) if this was not checked.
        """
        return cls(**same_fields(cls, record), path=path, orphaned=orphaned)


RunState = Literal[
    "working",
    "waiting",
    "ready",
    "interrupted",
    "in_doubt",
    "failed",
    "orphaned",
    "finished",
    "cancelled",
    "superseded",
]
"""State of a run for people; see `RunRow`."""


class RunCounts(ResponseStruct):
    """Numbers of a run's questions.

    `asked` were asked of people. Of them, `people` were decided by people, `script` by a script or a decisions file in
    their place, and `deadline` by a deadline. `policy` were passed by a policy without people. `changed` is the
    number of values that people changed.
    """

    asked: Count
    people: Count
    policy: Count
    deadline: Count
    changed: Count
    script: Count = 0


class RunRow(RunInfo, kw_only=True):
    """A run with its state for people.

    `state` "working": a process executes the run. "waiting": people are asked. "ready": everything is decided, and no
    process has continued the run yet. "interrupted": the process ended during the run. "in_doubt": it is not known
    whether a call took effect. "orphaned": the run cannot continue, because its notebook or its cell no longer exists.
    "superseded": the agent was started over.

    `gone` is the part that no longer exists, for a run that has not ended; else null. `where` is the call at which an
    interrupted or failed run continues, or "after" and the last call; "" if it is not known. `waits_for` is the title
    of an open question, or "". `interrupted_at` is the last time when the process of a run was known to be alive, if it
    ended during the run; else null. `decided` has numbers of questions. `ended_at` is null if the run has not ended.
    `worked_seconds` and `waited_seconds` are the times in which processes worked, and in which the run waited for
    people.
    """

    state: RunState
    gone: Literal["notebook", "cell"] | None
    where: str
    waits_for: str
    interrupted_at: At | None = None
    decided: RunCounts
    ended_at: At | None
    worked_seconds: float
    waited_seconds: float

    @classmethod
    def of_state(cls, record: Run, *, path: str | None, **more: Any) -> RunRow:
        """Build the response from a run.

        Args:
            record: The run.
            path: The notebook's path below the server's folder; None if the notebook is outside.
            **more: The fields that `RunInfo` does not have.
        """
        return cls(**same_fields(RunInfo, record), path=path, **more)


class RunPermissions(ResponseStruct):
    """Permissions of the reader for a run: whether the reader may cancel it now, and may start its agent over now."""

    cancel: bool
    restart: bool


class CellSourceResponse(ResponseStruct):
    """The recorded source of an agent's cell.

    `source` begins with `%%agent`; null if no cell is recorded. `source_signed` is true if the key of the server's user
    has signed it. Otherwise another program may have written it, and a person must read it before it is executed.
    `previous_cell` is the id of the cell that was before it in the notebook: "" if it was the first cell, null if that
    is not known.
    """

    source: str | None
    source_signed: bool
    previous_cell: str | None = None


class RunPage(ResponseStruct):
    """A page of runs. `next` is the value of the parameter `cursor` for the next page; null at the end.

    A page can be short, although there are more.
    """

    runs: list[RunRow]
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
    "flag",
]
"""Types of the entries of a timeline. `review.timeline.TimelineItem` describes them."""


class TimelineEntry(ResponseStruct):
    """One entry of a run's timeline: a moment, such as a decision, or a period, such as the work of a process.

    `until` and `seconds` are the end and the duration of a period; they are null for a moment, and for a period that
    has not ended. `n` is the number of the event in the audit log; 0 if the entry is from another record. `what` is one
    line of text for people, and `titles` has the titles of the proposals that the entry is about.
    """

    n: Count
    type: EntryType
    at: At
    until: At | None
    seconds: float | None
    what: str
    actor: str
    titles: tuple[str, ...]
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
    """The run may be continued, by the browser or by the server."""

    granted: bool
    run: RunInfo


class AdoptResponse(ResponseStruct):
    """The run, which now belongs to the new notebook."""

    run: RunInfo


class ForgetResponse(ResponseStruct):
    """Number of runs that were removed."""

    forgotten: Count


class RunResponse(ResponseStruct):
    """The run, which is cancelled or started over."""

    run: RunInfo


prepare_structs(globals())
