"""Emit events through Jupyter's own event system (`jupyter_events`): a proposal was asked or decided, a run has ended.

The operator of a server can send these events elsewhere with `c.EventLogger.handlers`. Other server extensions can
listen to them, and browsers can subscribe at `api/events/subscribe`. The events contain ids and names, but no value,
title, reason or error.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hitl_nb.errors import StoreCorrupt, UnknownRun
from hitl_nb.ledger.decisions.reviewers import identify_reviewer
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Action, By, Event, Proposal
from hitl_nb.server.messages.request_weights import LARGE_BYTES, stored_size
from hitl_nb.structs import prepare_structs

PROPOSAL_EVENTS = "https://schema.jupyter.org/hitl_nb/proposal/v1"
RUN_EVENTS = "https://schema.jupyter.org/hitl_nb/run/v1"
SCHEMA_FILES = tuple(Path(__file__).parents[1] / "event_schemas" / name / "v1.yaml" for name in ("proposal", "run"))
"""The JSON schemas of the events."""
_RUN_ENDS = {"run.finished": "finished", "run.failed": "failed", "run.cancelled": "cancelled"}


class _AskedEntry(msgspec.Struct):
    id: str


class _PauseData(msgspec.Struct):
    proposals: list[_AskedEntry]


class _DecisionData(msgspec.Struct):
    action: Action
    by: By


class _CancellationData(msgspec.Struct):
    superseded: list[str]


class JupyterEvent(NamedTuple):
    """One event for `jupyter_events`.

    Attributes:
        schema: Id of the event's schema, `PROPOSAL_EVENTS` or `RUN_EVENTS`.
        at: Time of the event.
        data: Fields of the event, as the schema describes them.
    """

    schema: str
    at: datetime
    data: dict[str, Any]


class JupyterEvents:
    """Emits events of the audit log through the event logger of a Jupyter server.

    Checking one event against its schema takes about a millisecond. So the event loop does other work between two
    events.

    Args:
        event_logger: The server's `jupyter_events.EventLogger`. The schemas are registered with it.
        log: Log for problems.
    """

    def __init__(self, event_logger: Any, log: logging.Logger) -> None:
        self._event_logger = event_logger
        self._log = log
        self._waiting: deque[JupyterEvent] = deque()
        self._task: asyncio.Task[None] | None = None
        for file in SCHEMA_FILES:
            event_logger.register_event_schema(file)

    def prepare(self, ledger: Ledger, events: Sequence[Event]) -> Callable[[], None]:
        """Build the Jupyter events for new events of the audit log. Return a function that emits them.

        `LogPoller` calls this method on a thread, and the returned function on the event loop.

        Args:
            ledger: The ledger, from which the proposals and runs are read.
            events: New events of the audit log.
        """
        return partial(self._emit_soon, list(describe_events(ledger, events, self._log)))

    async def wait_until_emitted(self) -> None:
        """Wait until all Jupyter events that were built so far are emitted."""
        if self._task is not None:
            await self._task

    def _emit_soon(self, described: Sequence[JupyterEvent]) -> None:
        self._waiting.extend(described)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._emit_waiting())

    async def _emit_waiting(self) -> None:
        while self._waiting:
            one = self._waiting.popleft()
            try:
                self._event_logger.emit(schema_id=one.schema, data=one.data, timestamp_override=one.at)
            except Exception:  # noqa: BLE001 - a modifier of another extension failed; the feed must not stop
                self._log.exception("hitl_nb: the Jupyter event %s was not emitted", one.data["number"])
            await asyncio.sleep(0)


def describe_events(ledger: Ledger, events: Sequence[Event], log: logging.Logger) -> Iterator[JupyterEvent]:
    """Yield the Jupyter events for events of the audit log, in the same order.

    An event of the audit log can cause one Jupyter event, several (a pause with several proposals), or none.

    Args:
        ledger: The ledger with the records that the events are about. Fields from damaged records are left out.
        events: Events of the audit log. Events with unexpected data are left out.
        log: Log to which a warning about each event with unexpected data is written.

    Raises:
        StoreError: The store cannot be read.
    """
    agents: dict[str, dict[str, str]] = {}
    for event in events:
        if event.run is None or event.type not in (*_RUN_ENDS, "run.paused", "decision"):
            continue
        if event.run not in agents:
            agents[event.run] = _read_agent(ledger, event.run)
        said: dict[str, Any] = {"number": event.n, "run": event.run, **agents[event.run], "actor": event.actor}
        schema = RUN_EVENTS if event.type in _RUN_ENDS else PROPOSAL_EVENTS
        try:
            found = list(_describe_event(ledger, event))
        except msgspec.ValidationError as error:
            log.warning("hitl_nb: no Jupyter event for event %s of the audit log: %s", event.n, error)
            continue
        yield from (JupyterEvent(schema, event.at, {**said, **fields}) for fields in found)


def _describe_event(ledger: Ledger, event: Event) -> Iterator[dict[str, Any]]:
    """Yield the fields of each Jupyter event for one event of the audit log.

    The fields that all Jupyter events of hitl_nb have (number, run, agent and actor) are not included.

    Raises:
        ValidationError: The event of the audit log has unexpected data.
    """
    if event.type == "run.cancelled":
        yield {"action": "cancelled", "superseded": msgspec.convert(event.data, _CancellationData).superseded}
    elif event.type in _RUN_ENDS:
        yield {"action": _RUN_ENDS[event.type]}
    elif event.type == "run.paused":
        for entry in msgspec.convert(event.data, _PauseData).proposals:
            proposal = _read_proposal(ledger, entry.id)
            if proposal is None or proposal.decision is None or proposal.decision.by != "policy":
                yield {"action": "asked", "proposal": entry.id, **_kind_of(proposal)}  # a policy asks nobody
    elif event.proposal is not None:
        made, proposal = msgspec.convert(event.data, _DecisionData), _read_proposal(ledger, event.proposal)
        said = {"action": "decided", "proposal": event.proposal, "verdict": made.action, "by": made.by}
        known = None if proposal is None else identify_reviewer(ledger.store_id, proposal)
        yield {**said, **_kind_of(proposal), **({} if known is None else {"known": known})}


def _kind_of(proposal: Proposal | None) -> dict[str, str]:
    return {} if proposal is None else {"kind": proposal.kind}


def _read_proposal(ledger: Ledger, proposal_id: str) -> Proposal | None:
    """Return a proposal; None if it is damaged, or so large that reading it would delay other requests."""
    if not layout.is_id(proposal_id):
        return None
    try:
        if stored_size(ledger.store, f"proposal/{proposal_id}") > LARGE_BYTES:
            return None
        return rows.load_proposal(ledger.store, proposal_id)
    except StoreCorrupt:
        return None


def _read_agent(ledger: Ledger, run: str) -> dict[str, str]:
    try:
        return {"agent": rows.load_run(ledger.store, run).agent}
    except (UnknownRun, StoreCorrupt):
        return {}


prepare_structs(globals())
