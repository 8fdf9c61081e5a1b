"""Verification of a store: first its audit log, then every record against the newest event about it.

The audit log is a chain of events, each with the hash of the previous one. Each event has the digests of the records
that it changed. While the log is read, a temporary database collects these digests, so that memory stays bounded for
any size of the store. Other processes may write meanwhile. So a record that seems wrong is checked again in a
transaction, after the events that were written since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

from hitl_nb.errors import StoreCorrupt, Untrusted
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.absences import Away
from hitl_nb.ledger.decisions.decision_verification import verify_logged_decision
from hitl_nb.ledger.decisions.proposal_history import RunLog
from hitl_nb.ledger.decisions.vote_withdrawals import check_withdrawals
from hitl_nb.ledger.documents.comment_records import CommentStateChange
from hitl_nb.ledger.logged_records import LoggedRecord, LoggedRecords
from hitl_nb.ledger.open.evidence_blobs import EVIDENCE_PREFIX, list_pictures, read_picture
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import digest_record
from hitl_nb.ledger.runs import notebook_ids as notebooks
from hitl_nb.ledger.runs import snapshots
from hitl_nb.ledger.runs.claim_records import ClaimRecord
from hitl_nb.ledger.runs.notebook_renames import NotebookRename
from hitl_nb.records import Comment, Proposal, Record, Run, Step, Workspace
from hitl_nb.storage import chunked_values
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import Store, StoreReader
from hitl_nb.structs import prepare_structs

MAX_DIFFERENCES = 100
"""Largest number of differing records that one verification reports."""
_PAGE_SIZE = 20
"""Number of records that are read together; each may have 1 MiB and more."""

_KINDS: dict[str, type[Record]] = {
    "run": Run,
    "proposal": Proposal,
    "workspace": Workspace,
    "comment": Comment,
    "marked": CommentStateChange,
    "moved": NotebookRename,
    "notebook": notebooks.KnownNotebook,
    "away": Away,
    "step": Step,
    "claim": ClaimRecord,
    "saved": snapshots.SavedState,
}
_LIST_PAGE_SIZE = 1000
_USES = {"blob": "blobref/{sha}/{run}", "evidence": "evidenceof/{sha}/{run}", "policy": "policyof/{run}/{sha}"}
"""Records that are stored once for all runs that use them, and the key that exists for each of these runs."""
_UNLOGGED_KINDS = ("claim", "saved")
"""Kinds of records that change without an event. The check is only that they can be read."""


class RecordDifference(Record, frozen=True, kw_only=True):
    """A record that differs from the audit log.

    Attributes:
        record: Key of the record in the store.
        problem: "changed": the record differs from its newest event. "missing": the log has the record, the store does
            not. "unknown": the store has the record, the log does not. "unreadable": the record is damaged.
        text: The problem as a sentence.
        event: Number of the newest event about the record; None if there is none.
    """

    record: str
    problem: Literal["changed", "missing", "unknown", "unreadable"]
    text: str
    event: int | None = None


class StepEnd(Record, frozen=True):
    """The data of the event "step.done": whether the call returned ("done") or raised an error ("failed")."""

    status: Literal["done", "failed"]


class Verification(Record, frozen=True):
    """The result of a verification.

    Attributes:
        ok: True if no problem was found.
        events: Number of valid events.
        problem: The first problem as a sentence; None if there is none.
        differs: Records that differ from the log, at most `MAX_DIFFERENCES`. Empty if the log itself is not valid.
    """

    ok: bool
    events: int
    problem: str | None = None
    differs: tuple[RecordDifference, ...] = ()


def verify_log(store: Store, run: str | None = None) -> Verification:
    """Check the audit log of a store, and every record against it.

    If the log itself is not valid, the records are not checked.

    Args:
        store: The store.
        run: Id of the run whose records are checked. None (default): all records. The whole log is always checked.
    """
    with LoggedRecords() as told:
        walk = chain.LogWalk()
        try:
            for event in walk.check_events(store):
                told.add_event(event)
        except StoreCorrupt as damage:
            return Verification(ok=False, events=walk.number, problem=str(damage))
        if walk.problem is not None:
            return Verification(ok=False, events=walk.number, problem=walk.problem)
        found: list[RecordDifference] = []
        for one in _RecordComparison(store, walk, told, run).differences():
            found.append(one)
            if len(found) == MAX_DIFFERENCES:
                break
        if walk.problem is not None:
            return Verification(ok=False, events=walk.number, problem=walk.problem, differs=tuple(found))
        more = f" ({len(found) - 1} more records differ)" if len(found) > 1 else ""
        problem = found[0].text + more if found else None
        return Verification(ok=not found, events=walk.number, problem=problem, differs=tuple(found))


class _RecordComparison:
    """A comparison of the records of a store with its audit log.

    Args:
        store: The store.
        walk: Reader of the audit log, which has read all events so far.
        told: The records that these events describe.
        run: Id of the run whose records are compared; None: all records.
    """

    def __init__(self, store: Store, walk: chain.LogWalk, told: LoggedRecords, run: str | None) -> None:
        self._store = store
        self._run = run
        self._walk = walk
        self._told = told
        self._store_id = formats.store_id(store)
        self._log: tuple[str, RunLog] | None = None

    def differences(self) -> Iterator[RecordDifference]:
        for kind in (*_KINDS, "snapshot", "happened"):
            yield from self._compare_kind(kind)
        yield from self._compare_blobs()
        yield from self._compare_policies()
        yield from self._compare_pictures()
        for key in self._told.list_unseen():
            yield from self._compare_record(key)

    def _is_wanted(self, key: str) -> bool:
        """Return whether the record at `key` is compared: every record, or the records of one run."""
        kind, _, rest = key.partition("/")
        owner, run = rest.partition("/")[0], self._run
        if run is None or owner == run:
            return True
        if kind in _USES:  # several runs may use it
            return self._store.get(_USES[kind].format(sha=owner, run=run)) is not None
        told = self._told.find(key)
        if told is not None:
            return told.run == run
        documents = (self._told.find(f"proposal/{owner}"), self._told.find(f"workspace/{owner}"))
        if any(one is not None and one.run == run for one in documents):  # comments
            return True
        raw = self._store.get(key)
        return raw is not None and run.encode() in raw  # the log does not have it, but it says that it is of this run

    def _compare_kind(self, kind: str) -> Iterator[RecordDifference]:
        start, stop = prefix_range(f"{kind}/")
        limit = _PAGE_SIZE if kind in _KINDS or kind == "snapshot" else _LIST_PAGE_SIZE
        while True:
            try:
                page = self._store.scan(start, stop, limit=limit)
            except StoreCorrupt as damage:
                yield RecordDifference(record=f"{kind}/", problem="unreadable", text=str(damage))
                return
            for key, _ in page:
                self._told.mark_seen(key)
                yield from self._compare_record(key)
            if len(page) < limit:
                return
            start = page[-1][0] + "\0"

    def _compare_record(self, key: str) -> list[RecordDifference]:
        """Return the difference between the record at `key` and the log, as a list of one item; empty if there is none.

        A difference is checked again in a transaction first, because another process may have written the record
        meanwhile.
        """
        if not self._is_wanted(key) or self._find_problem(self._store, key) is None:
            return []

        def compare_again(reads: StoreReader) -> RecordDifference | None:
            for event in self._walk.check_events(reads):
                self._told.add_event(event)
            return self._find_problem(reads, key)

        found = self._store.transact(compare_again)
        return [] if found is None else [found]

    def _find_problem(self, reads: StoreReader, key: str) -> RecordDifference | None:
        kind, told = key.partition("/")[0], self._told.find(key)
        try:
            raw = chunked_values.get_whole(reads, key)
            if raw is None:
                return None if told is None else _make_difference(key, "missing", told)
            if kind == "snapshot":
                return _find_state_problem(reads, key)
            record = rows.decode_record(raw, _KINDS[kind], key) if kind in _KINDS else None
            if kind in _UNLOGGED_KINDS:
                state = f"snapshot/{key.partition('/')[2]}"
                gone = kind == "saved" and reads.get(state) is None
                return _make_difference(state, "missing", None) if gone else None
            if isinstance(record, Step) and _is_under_way(record, reads, key, told):
                return None
            if told is None:
                return _make_difference(key, "unknown", told)
            if digest_record(key, raw) != told.digest:
                return _make_difference(key, "changed", told)
            found = _find_index_problem(reads, record)
            if found is None and isinstance(record, Proposal):
                return _find_picture_problem(reads, record) or self._find_decision_problem(reads, record, key, told)
            return found
        except StoreCorrupt as damage:
            return RecordDifference(
                record=key, problem="unreadable", text=str(damage), event=told.event if told else None
            )

    def _find_decision_problem(
        self, reads: StoreReader, proposal: Proposal, key: str, told: LoggedRecord
    ) -> RecordDifference | None:
        """Compare the decision of a proposal with the events of its question, votes and timeline; None if they agree.

        A program may have changed the record in the store before a regular write, such as a vote. That write then
        logged the digest of the changed record, so only this comparison finds the change.
        """
        if proposal.decision is None or proposal.decision.by == "policy":
            return None
        try:
            log = self._load_log(reads, proposal.run)
            verify_logged_decision(reads, proposal, log)
            if signatures.is_signed_only():
                check_withdrawals(reads, self._store_id, log, proposal)
        except (StoreCorrupt, Untrusted) as wrong:
            return RecordDifference(record=key, problem="changed", text=str(wrong), event=told.event)
        return None

    def _load_log(self, reads: StoreReader, run: str) -> RunLog:
        """Return the events of a run.

        The events of the last run are kept in memory, because proposals of one run often follow each other.
        """
        if reads is not self._store:
            return RunLog(reads, run)  # the log as this transaction reads it
        if self._log is None or self._log[0] != run:
            self._log = (run, RunLog(reads, run))
        return self._log[1]

    def _compare_blobs(self) -> Iterator[RecordDifference]:
        """Find blobs (large buffers of saved states) whose content does not have the hash in their key."""
        start, stop = prefix_range("blob/")
        sha, content = "", hashlib.sha256()
        while True:
            page = self._store.scan(start, stop, limit=_PAGE_SIZE)
            for key, piece in page:
                if key.split("/")[1] != sha:
                    yield from self._find_blob_problem(sha, content.hexdigest())
                    sha, content = key.split("/")[1], hashlib.sha256()
                content.update(piece)
            if len(page) < _PAGE_SIZE:
                yield from self._find_blob_problem(sha, content.hexdigest())
                return
            start = page[-1][0] + "\0"

    def _compare_policies(self) -> Iterator[RecordDifference]:
        """Find texts of policies that do not have the hash in their key."""
        start, stop = prefix_range(policytexts.POLICY_PREFIX)
        for key, _ in self._store.scan(start, stop):
            if not self._is_wanted(key):
                continue
            try:
                policytexts.read_policy_text(self._store, key.removeprefix(policytexts.POLICY_PREFIX))
            except StoreCorrupt as damage:
                yield RecordDifference(record=key, problem="changed", text=str(damage))

    def _compare_pictures(self) -> Iterator[RecordDifference]:
        """Find pictures of evidence that do not have the hash in their key."""
        start, stop = prefix_range(EVIDENCE_PREFIX)
        while True:
            page = self._store.scan(start, stop, limit=_PAGE_SIZE)
            for key, _ in page:
                if not self._is_wanted(key):
                    continue
                try:
                    read_picture(self._store, key.removeprefix(EVIDENCE_PREFIX))
                except StoreCorrupt as damage:
                    yield RecordDifference(record=key, problem="changed", text=str(damage))
            if len(page) < _PAGE_SIZE:
                return
            start = page[-1][0] + "\0"

    def _find_blob_problem(self, sha: str, found: str) -> Iterator[RecordDifference]:
        if sha in ("", found) or not self._is_wanted(f"blob/{sha}"):
            return
        if not self._store.scan(*prefix_range(f"blob/{sha}/"), limit=1):  # removed meanwhile
            return
        text = f"the buffer {sha[:12]} of a saved state is damaged: its content has another hash"
        yield RecordDifference(record=f"blob/{sha}", problem="changed", text=text)


def _find_state_problem(reads: StoreReader, key: str) -> RecordDifference | None:
    """Compare the saved state of a run with the digest that was recorded when it was saved.

    The result is None if they agree and no blob (large buffer) of the state is missing. The digest is in the newest
    event about the state or, for a state that was saved between two pauses, in `saved/<run>`.
    """
    run = key.partition("/")[2]
    envelope, saved, digest = snapshots.newest_envelope(reads, run)
    if envelope is None or saved is None:
        return _make_difference(key, "unknown", None)
    event = chain.newest_state_event(reads, run)
    if digest != saved.digest:
        return _make_difference(
            key, "changed", LoggedRecord(saved.digest, event.n, event.type) if event is not None else None
        )
    for sha in snapshots.referenced_blobs(reads, run):
        if reads.get(f"blobref/{sha}/{run}") is None or reads.get(f"blob/{sha}/000000") is None:
            text = f"the buffer {sha[:12]} of the saved state of run {run} is missing"
            return RecordDifference(record=f"blob/{sha}", problem="missing", text=text)
    return None


def _is_under_way(step: Step, reads: StoreReader, key: str, told: LoggedRecord | None) -> bool:
    """Return whether a step is a call that was started and has not ended. The log has no event about such a start.

    A call that is done is never made again. So after an event that the call is done, the step cannot be under way.

    Args:
        step: The stored step.
        reads: The store, or a transaction.
        key: Key of the record.
        told: The newest event about the step; None: there is none.
    """
    run = key.split("/")[1]
    if (
        step.status != "started"
        or step.result is not None
        or layout.step_key(run, step.key) != key
        or step.idempotency_key != layout.step_idempotency_key(run, step.key)
        or reads.get(f"run/{run}") is None
    ):
        return False
    if told is None:
        return True
    ended = chain.read_event(reads, told.event)
    return ended is not None and rows.convert_record(ended.data, StepEnd, f"event {told.event}").status == "failed"


def _find_index_problem(reads: StoreReader, record: Record | None) -> RecordDifference | None:
    """Return a difference if an index of the store lacks the entry for a record; None if all entries are there.

    A record without its index entry would not be listed, and nobody could decide or continue it.
    """
    entries: list[tuple[str, str]] = []
    if isinstance(record, Run):
        entries = [(layout.run_age_key(record), record.id), (layout.name_key(record), record.id)]
    elif isinstance(record, Proposal):
        place = layout.open_key(record) if record.status == "open" else layout.closed_key(record)
        due = layout.due_key(record)
        entries = [(layout.list_key(record), record.id), (place, record.id)]
        entries += [] if due is None else [(due, record.id)]
    elif isinstance(record, Workspace):
        entries = [(f"{layout.workspace_prefix(record.run)}{record.ordinal:06d}", record.id)]
        entries += [] if record.status == "closed" else [(layout.writing_key(record), record.id)]
    elif isinstance(record, notebooks.KnownNotebook):
        entries = [(notebooks.path_key(record.path), record.id)]
    for key, id_ in entries:
        if reads.get(key) != id_.encode():
            text = f"the list entry {key}, which names {id_}, is missing or was changed"
            return RecordDifference(record=key, problem="missing", text=text)
    return None


def _find_picture_problem(reads: StoreReader, proposal: Proposal) -> RecordDifference | None:
    """Return a difference if a picture that a proposal shows is missing, or the entry that keeps it; else None."""
    for sha in list_pictures(proposal):
        for key in (f"{EVIDENCE_PREFIX}{sha}", _USES["evidence"].format(sha=sha, run=proposal.run)):
            if reads.get(key) is None:
                text = f"{key}, which a picture of proposal {proposal.id} needs, is missing"
                return RecordDifference(record=key, problem="missing", text=text)
    return None


_SENTENCES = {
    "changed": "is not what the audit log says: it was changed in the store",
    "missing": "is missing, and the audit log says that it is there",
    "unknown": "is in the store, and the audit log never says so",
}


def _make_difference(
    key: str, problem: Literal["changed", "missing", "unknown"], told: LoggedRecord | None
) -> RecordDifference:
    kind, _, rest = key.partition("/")
    what = {
        "snapshot": "the saved state of run",
        "marked": "the state of a comment on",
        "happened": "the list entry",
        "notebook": "the path of notebook",
    }.get(kind, kind)
    told_by = f" (event {told.event}, {told.type})" if told is not None else ""
    text = f"{what} {rest} {_SENTENCES[problem]}{told_by}"
    return RecordDifference(record=key, problem=problem, text=text, event=told.event if told else None)


prepare_structs(globals())
