"""Checking a store: the log against itself, then every record against the newest event about it.

What the log says of the records is kept in a temporary database while the log is read, so that memory stays bounded
however large the store is. Others may write meanwhile: what looks wrong is looked at again in a transaction, together
with the events that were written since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

from hitl_nb.errors import StoreCorrupt, Untrusted
from hitl_nb.ledger.comments import Mark
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.absences import Away
from hitl_nb.ledger.decisions.decisions import check_logged
from hitl_nb.ledger.decisions.proposal_history import RunLog
from hitl_nb.ledger.decisions.vote_withdrawals import check_withdrawals
from hitl_nb.ledger.logged_records import Told, ToldRecords
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows.record_digests import digest_record
from hitl_nb.ledger.runs import notebook_ids as notebooks
from hitl_nb.ledger.runs import snapshots
from hitl_nb.ledger.runs.claims import ClaimRecord
from hitl_nb.ledger.runs.notebook_renames import Move
from hitl_nb.records import Comment, Proposal, Record, Run, Step, Workspace
from hitl_nb.storage import chunked as large
from hitl_nb.storage.chunked import span
from hitl_nb.storage.interface import Reads, Store
from hitl_nb.structs import prepare_structs

MOST = 100
"""Most differences that are named."""
_PAGE = 20
"""Records that are read at once; each may have 1 MiB and more."""

_KINDS: dict[str, type[Record]] = {
    "run": Run,
    "proposal": Proposal,
    "workspace": Workspace,
    "comment": Comment,
    "marked": Mark,
    "moved": Move,
    "notebook": notebooks.Known,
    "away": Away,
    "step": Step,
    "claim": ClaimRecord,
    "saved": snapshots.Saved,
}
_LIST_PAGE = 1000
_UNTOLD = ("claim", "saved")
"""Kinds that change without an event; they must be readable."""


class Difference(Record, frozen=True, kw_only=True):
    """A record that is not what the log says.

    Attributes:
        record: its key in the store.
        problem: "changed"; "missing", though the log says that it is there; "unknown": there, though the log never
            says so; "unreadable".
        text: the same as a sentence.
        event: number of the event that says otherwise, if there is one.
    """

    record: str
    problem: Literal["changed", "missing", "unknown", "unreadable"]
    text: str
    event: int | None = None


class StepEnd(Record, frozen=True):
    """What the event of a call's end says."""

    status: Literal["done", "failed"]


class Verification(Record, frozen=True):
    """What checking found.

    Attributes:
        events: how many events are sound.
        problem: the first problem in plain words.
        differs: records that are not what the log says, at most `MOST`; not looked for if the log is not sound.
    """

    ok: bool
    events: int
    problem: str | None = None
    differs: tuple[Difference, ...] = ()


def verify(store: Store) -> Verification:
    """Check the log, and the records against it."""
    with ToldRecords() as told:
        walk = chain.Walk()
        try:
            for event in walk.events(store):
                told.take(event)
        except StoreCorrupt as damage:
            return Verification(ok=False, events=walk.n, problem=str(damage))
        if walk.problem is not None:
            return Verification(ok=False, events=walk.n, problem=walk.problem)
        found: list[Difference] = []
        for one in _Comparison(store, walk, told).differences():
            found.append(one)
            if len(found) == MOST:
                break
        if walk.problem is not None:
            return Verification(ok=False, events=walk.n, problem=walk.problem, differs=tuple(found))
        more = f" ({len(found) - 1} more records differ)" if len(found) > 1 else ""
        problem = found[0].text + more if found else None
        return Verification(ok=not found, events=walk.n, problem=problem, differs=tuple(found))


class _Comparison:
    """The records of a store, compared with what the log told of them."""

    def __init__(self, store: Store, walk: chain.Walk, told: ToldRecords) -> None:
        self._store = store
        self._walk = walk
        self._told = told
        self._store_id = formats.store_id(store)
        self._log: tuple[str, RunLog] | None = None

    def differences(self) -> Iterator[Difference]:
        for kind in (*_KINDS, "snapshot", "happened"):
            yield from self._of_kind(kind)
        yield from self._blobs()
        yield from self._policies()
        for key in self._told.unseen():
            yield from self._checked(key)

    def _of_kind(self, kind: str) -> Iterator[Difference]:
        start, stop = span(f"{kind}/")
        limit = _PAGE if kind in _KINDS or kind == "snapshot" else _LIST_PAGE
        while True:
            try:
                page = self._store.scan(start, stop, limit=limit)
            except StoreCorrupt as damage:
                yield Difference(record=f"{kind}/", problem="unreadable", text=str(damage))
                return
            for key, _ in page:
                self._told.see(key)
                yield from self._checked(key)
            if len(page) < limit:
                return
            start = page[-1][0] + "\0"

    def _checked(self, key: str) -> list[Difference]:
        """What is wrong with one record, if anything."""
        if self._problem(self._store, key) is None:
            return []

        def again(reads: Reads) -> Difference | None:
            for event in self._walk.events(reads):
                self._told.take(event)
            return self._problem(reads, key)

        found = self._store.transact(again)
        return [] if found is None else [found]

    def _problem(self, reads: Reads, key: str) -> Difference | None:
        kind, told = key.partition("/")[0], self._told.find(key)
        try:
            raw = large.get(reads, key)
            if raw is None:
                return None if told is None else _differs(key, "missing", told)
            if kind == "snapshot":
                return _state_problem(reads, key)
            record = rows.decode(raw, _KINDS[kind], key) if kind in _KINDS else None
            if kind in _UNTOLD:
                state = f"snapshot/{key.partition('/')[2]}"
                gone = kind == "saved" and reads.get(state) is None
                return _differs(state, "missing", None) if gone else None
            if isinstance(record, Step) and _is_under_way(record, reads, key, told):
                return None
            if told is None:
                return _differs(key, "unknown", told)
            if digest_record(key, raw) != told.digest:
                return _differs(key, "changed", told)
            found = _index_problem(reads, record)
            if found is None and isinstance(record, Proposal):
                return self._decision_problem(reads, record, key, told)
            return found
        except StoreCorrupt as damage:
            return Difference(record=key, problem="unreadable", text=str(damage), event=told.event if told else None)

    def _decision_problem(self, reads: Reads, p: Proposal, key: str, told: Told) -> Difference | None:
        """What is wrong with how a proposal was decided: it was changed in the store before, and then written again."""
        if p.decision is None or p.decision.by == "policy":
            return None
        try:
            log = self._log_of(reads, p.run)
            check_logged(reads, p, log)
            if signatures.is_signed_only():
                check_withdrawals(reads, self._store_id, log, p)
        except (StoreCorrupt, Untrusted) as wrong:
            return Difference(record=key, problem="changed", text=str(wrong), event=told.event)
        return None

    def _log_of(self, reads: Reads, run: str) -> RunLog:
        """The log of a run; the newest is kept, since a run's proposals follow each other."""
        if reads is not self._store:
            return RunLog(reads, run)  # as it is in this transaction
        if self._log is None or self._log[0] != run:
            self._log = (run, RunLog(reads, run))
        return self._log[1]

    def _blobs(self) -> Iterator[Difference]:
        """Buffers that are not what their hash says."""
        start, stop = span("blob/")
        sha, content = "", hashlib.sha256()
        while True:
            page = self._store.scan(start, stop, limit=_PAGE)
            for key, piece in page:
                if key.split("/")[1] != sha:
                    yield from self._blob_problem(sha, content.hexdigest())
                    sha, content = key.split("/")[1], hashlib.sha256()
                content.update(piece)
            if len(page) < _PAGE:
                yield from self._blob_problem(sha, content.hexdigest())
                return
            start = page[-1][0] + "\0"

    def _policies(self) -> Iterator[Difference]:
        """Texts of policies that are not what their hash says."""
        start, stop = span(policytexts.PREFIX)
        for key, _ in self._store.scan(start, stop):
            try:
                policytexts.text(self._store, key.removeprefix(policytexts.PREFIX))
            except StoreCorrupt as damage:
                yield Difference(record=key, problem="changed", text=str(damage))

    def _blob_problem(self, sha: str, found: str) -> Iterator[Difference]:
        if sha in ("", found) or not self._store.scan(*span(f"blob/{sha}/"), limit=1):  # removed meanwhile
            return
        text = f"the buffer {sha[:12]} of a saved state is damaged: its content has another hash"
        yield Difference(record=f"blob/{sha}", problem="changed", text=text)


def _state_problem(reads: Reads, key: str) -> Difference | None:
    """What is wrong with a run's state. One that was saved between pauses is compared with the note of that."""
    run = key.partition("/")[2]
    envelope, saved, digest = snapshots.newest(reads, run)
    if envelope is None or saved is None:
        return _differs(key, "unknown", None)
    event = chain.newest_state(reads, run)
    if digest != saved.digest:
        return _differs(key, "changed", Told(saved.digest, event.n, event.type) if event is not None else None)
    for sha in snapshots.named(reads, run):
        if reads.get(f"blobref/{sha}/{run}") is None or reads.get(f"blob/{sha}/000000") is None:
            text = f"the buffer {sha[:12]} of the saved state of run {run} is missing"
            return Difference(record=f"blob/{sha}", problem="missing", text=text)
    return None


def _is_under_way(step: Step, reads: Reads, key: str, told: Told | None) -> bool:
    """Whether this is a call that was begun and has not ended, of which no event tells.

    A call that is done is never made again, so after its event it cannot be under way.
    """
    run = key.split("/")[1]
    if (
        step.status != "started"
        or step.result is not None
        or rows.step_key(run, step.key) != key
        or step.idempotency_key != rows.idempotency_key(run, step.key)
        or reads.get(f"run/{run}") is None
    ):
        return False
    if told is None:
        return True
    ended = chain.at(reads, told.event)
    return ended is not None and rows.converted(ended.data, StepEnd, f"event {told.event}").status == "failed"


def _index_problem(reads: Reads, record: Record | None) -> Difference | None:
    """Whether the store's lists have the record: what they do not have is not shown, asked or continued."""
    entries: list[tuple[str, str]] = []
    if isinstance(record, Run):
        entries = [(rows.made_key(record), record.id), (rows.name_key(record), record.id)]
    elif isinstance(record, Proposal):
        place = rows.open_key(record) if record.status == "open" else rows.closed_key(record)
        due = rows.due_key(record)
        entries = [(rows.list_key(record), record.id), (place, record.id)]
        entries += [] if due is None else [(due, record.id)]
    elif isinstance(record, Workspace):
        entries = [(f"{rows.opened_prefix(record.run)}{record.ordinal:06d}", record.id)]
        entries += [] if record.status == "closed" else [(rows.writing_key(record), record.id)]
    elif isinstance(record, notebooks.Known):
        entries = [(notebooks.path_key(record.path), record.id)]
    for key, id_ in entries:
        if reads.get(key) != id_.encode():
            text = f"the list entry {key}, which names {id_}, is missing or was changed"
            return Difference(record=key, problem="missing", text=text)
    return None


_SENTENCES = {
    "changed": "is not what the audit log says: it was changed in the store",
    "missing": "is missing, and the audit log says that it is there",
    "unknown": "is in the store, and the audit log never says so",
}


def _differs(key: str, problem: Literal["changed", "missing", "unknown"], told: Told | None) -> Difference:
    kind, _, rest = key.partition("/")
    what = {
        "snapshot": "the saved state of run",
        "marked": "the state of a comment on",
        "happened": "the list entry",
        "notebook": "the path of notebook",
    }.get(kind, kind)
    told_by = f" (event {told.event}, {told.type})" if told is not None else ""
    text = f"{what} {rest} {_SENTENCES[problem]}{told_by}"
    return Difference(record=key, problem=problem, text=text, event=told.event if told else None)


prepare_structs(globals())
