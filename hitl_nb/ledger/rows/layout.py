"""Keys of all stored records and index entries. `stored_records.py` reads and writes the records.

meta/format                                   {format, store_id}
meta/events                                   {n, h}: the newest event and its hash
event/<n>                                     Event, exactly as hashed
run/<run>                                     Run
made/<microseconds>-<run>                     index: runs by age
name/<notebook>/<agent>/<key>/<generation>    index: runs by name (the parts hashed)
claim/<run>                                   ClaimRecord
snapshot/<run>, blobs/<run>                   envelope; the blobs that it names
saved/<run>                                   SavedState: its number and digest, if it was saved between two pauses
blob/<sha256>/<n>, blobref/<sha256>/<run>     a buffer, in pieces; the runs that use it
step/<run>/<key>                              Step
proposal/<proposal>                           Proposal
asked/<run>/<pause>/<ordinal>                 index: a run's proposals in order
passed/<run>/<position>/<proposal>            index: those that a policy decided and the run did not pause for
due/<microseconds>-<proposal>                 index: open proposals with a timer, by the time of the next action
due/<microseconds>-away-<user>                a user (hashed) goes away or comes back (see `seat_rechecks.py`)
policy/<sha256>                               the text of a merged policy (see `policy_texts.py`)
policyof/<run>/<sha256>                       index: the policies that a run has used
open/<microseconds>-<ordinal>-<proposal>      index: the inbox, oldest first
closed/<microseconds>-<proposal>              index: closed proposals by time of decision (superseded: of asking)
workspace/<workspace>                         Workspace
opened/<run>/<ordinal>                        index: a run's workspaces in order
writing/<microseconds>-<workspace>            index: workspaces that are not closed, by age
comment/<document>/<n>                        Comment, as it was made (n of its event)
marked/<document>/<n>                         CommentStateChange: a later change of a comment's state
happened/<run>/<n>                            index: the events of a run, without those of single steps;
                                              the value is "state" if the event saved the run's state
notebook/<notebook id>, notebookat/<path>     KnownNotebook: its id and path; index: its id by its path (hashed)
moved/<notebook>/<microseconds>               NotebookRename: the new path of the notebook (hashed)
notice/<microseconds>-<notice>                Notice: a message for one addressee, by the time of its next try
watching/<token>                              Heartbeat: a process that watches timelines and sends notices
away/<user>                                   Away: a user's absences and deputies (see `absences.py`)
assignedat/<user>                             time of the last automatic assignment of a question to a user
cursor/<name>                                 CursorRecord: how far a program has read the log (see `event_reader.py`)
chunk/<token>/<n>                             pieces of values above MAX_VALUE_BYTES
update/<document>/<n>, folded/<document>      a draft's document (in `Store.drafts`, see `update_log.py`)
write/<document>/..., writer/<document>       an agent's writes into it (in `Store.drafts`, see `agent_writes.py`)
"""

from __future__ import annotations

import functools
import hashlib
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from hitl_nb.errors import StoreCorrupt
from hitl_nb.policies.terms.timeline import next_due_time
from hitl_nb.records import Proposal, Run, Workspace

_MAX_KEY_CHARS = 512
"""Longest step key that is stored in readable form, well below the longest key of a store."""
_SPECIAL_CHARACTERS = re.compile(r"[^A-Za-z0-9_.~-]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_id(text: str) -> bool:
    """Return whether `text` can be an id, or the beginning of one."""
    return re.fullmatch("[a-z2-7]{1,12}", text) is not None


def decode_index_id(key: str, raw: bytes) -> str:
    """Return the id in the value `raw` of the index entry `key`.

    Raises:
        StoreCorrupt: The value is not an id.
    """
    text = raw.decode("ascii", "replace")
    if not is_id(text):
        raise StoreCorrupt(f"the stored index entry {key} is damaged: it names {text[:40]!r}")
    return text


def run_age_key(run: Run) -> str:
    """Return the key of a run in the index by age."""
    return f"made/{sortable_time(run.created_at)}-{run.id}"


def open_key(proposal: Proposal) -> str:
    """Return the key of a proposal in the index of open proposals."""
    return f"open/{sortable_time(proposal.created_at)}-{proposal.ordinal:06d}-{proposal.id}"


def asked_key(proposal: Proposal) -> str:
    """Return the key of a proposal in the list of its run's asked proposals."""
    return f"{asked_prefix(proposal.run, proposal.pause)}{proposal.ordinal:06d}"


def asked_prefix(run_id: str, pause: int | None = None) -> str:
    """Return the prefix of the list of a run's asked proposals; with `pause`, of one pause."""
    return f"asked/{run_id}/" if pause is None else f"asked/{run_id}/{pause:06d}/"


def passed_prefix(run_id: str) -> str:
    """Return the prefix of the list of a run's proposals that policies decided without a pause."""
    return f"passed/{run_id}/"


def list_key(proposal: Proposal) -> str:
    """Return the key of a proposal in one of its run's lists: asked, or decided by a policy without a pause."""
    return (
        asked_key(proposal)
        if proposal.pause
        else f"{passed_prefix(proposal.run)}{position_key(proposal.position)}/{proposal.id}"
    )


def _escape(found: re.Match[str]) -> str:
    return _quote_character(found[0])


@functools.lru_cache(maxsize=256)
def _quote_character(character: str) -> str:
    return quote(character, safe="")


@functools.lru_cache(maxsize=256)
def step_key(run_id: str, key: str) -> str:
    """Return the stored key of a step; `key` is its key within the run."""
    return f"step/{run_id}/{position_key(key)}"


def position_key(position: str) -> str:
    """Encode a position in a run as a part of a key, with the same sort order."""
    place = _SPECIAL_CHARACTERS.sub(_escape, position)  # all other characters stay the same in quote()
    if len(place) > _MAX_KEY_CHARS:  # the beginning of a position determines its order
        place = f"{quote(position[:9], safe='')}-{hashlib.sha256(position.encode()).hexdigest()}"
    return place


def step_idempotency_key(run_id: str, key: str) -> str:
    """Return the idempotency key of a step for external services: the same on every try of the call."""
    return hashlib.sha256(f"hitl/step/v1\0{run_id}\0{key}".encode()).hexdigest()[:32]


def name_prefix(notebook: str, agent: str | None = None, key: str | None = None) -> str:
    """Return the prefix of the index by name: of a notebook's runs, or of one agent's, or of one key's."""
    parts = [part for part in (notebook, agent, key) if part is not None]
    return "name/" + "".join(hashlib.sha256(part.encode()).hexdigest()[:24] + "/" for part in parts)


def name_key(run: Run) -> str:
    """Return the key of a run in the index by name."""
    return f"{name_prefix(run.notebook, run.agent, run.key)}{run.generation:08d}"


def load_run(reads: StoreReader, run_id: str) -> Run:
    """Return the run with this id.

    Raises:
        UnknownRun: No run has this id.
        StoreCorrupt: The record is damaged, or is of another run.
    """
    raw = chunked_values.get_whole(reads, f"run/{run_id}") if is_id(run_id) else None
    if raw is None:
        raise UnknownRun(f"there is no run {run_id!r} in this store; `hitl-nb runs` lists them")
    run = decode_record(raw, Run, f"run/{run_id}")
    if run.id != run_id:
        raise StoreCorrupt(f"the stored record run/{run_id} is of another run, {run.id!r}")
    return run


def newest_run(reads: StoreReader, notebook: str, agent: str, key: str) -> Run | None:
    """Return the newest generation of a named run; None if there is none."""
    found = reads.scan(*prefix_range(name_prefix(notebook, agent, key)), limit=1, reverse=True)
    return load_run(reads, decode_index_id(*found[0])) if found else None


def put_record(transaction: Transaction, key: str, record: Record, *, new: bool = False) -> Digests:
    """Store a record.

    Args:
        transaction: The transaction to write in.
        key: Key of the record.
        record: The record.
        new: If True, the key must have no value yet, which saves a read. Default: False.

    Returns:
        The digest of the record, for the event that describes it.
    """
    raw = record.json()
    (chunked_values.put_new if new else chunked_values.put_any)(transaction, key, raw)
    return {key: digest_record(key, raw)}


def add_run(transaction: Transaction, run: Run) -> Digests:
    """Store a new run with its index entries; return its digest for the event."""
    transaction.put(run_age_key(run), run.id.encode())
    transaction.put(name_key(run), run.id.encode())
    return put_run(transaction, run)


def put_run(transaction: Transaction, run: Run) -> Digests:
    """Store a changed run; return its digest for the event."""
    return put_record(transaction, f"run/{run.id}", run)


def delete_run(transaction: Transaction, run: Run) -> None:
    """Remove a run and its index entries."""
    transaction.delete(run_age_key(run))
    transaction.delete(name_key(run))
    chunked_values.delete_chunked(transaction, f"run/{run.id}")


def with_status(run: Run, status: RunStatus, **changes: Any) -> Run:
    """Return the run with another status and other changed fields.

    Raises:
        HitlError: The run cannot change to this status.
    """
    if status not in RUN_TRANSITIONS[run.status]:
        raise HitlError(f"run {run.id} ({run.agent}) is {run.status} and cannot become {status}; start a new run")
    return msgspec.structs.replace(run, status=status, updated_at=now(), **changes)


def load_step(reads: StoreReader, run_id: str, key: str) -> Step | None:
    """Return the record of a step; None if it was never started."""
    place = step_key(run_id, key)
    raw = chunked_values.get_whole(reads, place)
    return None if raw is None else decode_record(raw, Step, place)


def load_proposals(reads: StoreReader, run_id: str, pause: int | None = None) -> list[Proposal]:
    """Return a run's asked proposals in order; with `pause`, those of one pause."""
    found = (load_proposal(reads, one) for one in find_proposals(reads, run_id, pause))
    return [proposal for proposal in found if proposal is not None]


def find_proposals(reads: StoreReader, run_id: str, pause: int | None = None) -> list[str]:
    """Return the ids of the proposals of `load_proposals`."""
    return [decode_index_id(*entry) for entry in reads.scan(*prefix_range(asked_prefix(run_id, pause)))]


def load_passed(reads: StoreReader, run_id: str, floor: str = "") -> list[Proposal]:
    """Return a run's proposals that a policy decided without a pause.

    Args:
        reads: The store, or a transaction.
        run_id: Id of the run.
        floor: Only proposals at this position or later. Default: all.

    Raises:
        StoreCorrupt: An index entry does not name such a proposal.
    """
    start, stop = prefix_range(passed_prefix(run_id))
    found: list[Proposal] = []
    for key, raw in reads.scan(start + _position_key(floor), stop):
        proposal = load_proposal(reads, decode_index_id(key, raw))
        if proposal is None or proposal.run != run_id or list_key(proposal) != key:
            raise StoreCorrupt(f"the stored index entry {key} is damaged: it does not name a proposal of this place")
        found.append(proposal)
    return found


def load_proposal(reads: StoreReader, proposal_id: str) -> Proposal | None:
    """Return the proposal with this full id; None if there is none."""
    raw = chunked_values.get_whole(reads, f"proposal/{proposal_id}")
    return None if raw is None else read_proposal(raw, proposal_id)


def read_proposal(raw: bytes, proposal_id: str) -> Proposal:
    """Decode the row of a proposal.

    Raises:
        StoreCorrupt: The row is damaged, or is of another proposal.
    """
    proposal = decode_record(raw, Proposal, f"proposal/{proposal_id}")
    if proposal.id != proposal_id:
        raise StoreCorrupt(f"the stored record proposal/{proposal_id} is of another proposal, {proposal.id!r}")
    return proposal


def add_proposal(transaction: Transaction, proposal: Proposal) -> Digests:
    """Store a new proposal with its index entries; return its digest for the event."""
    transaction.put(list_key(proposal), proposal.id.encode())
    transaction.put(open_key(proposal) if proposal.status == "open" else closed_key(proposal), proposal.id.encode())
    _update_due(transaction, None, due_key(proposal), proposal.id)
    return put_record(transaction, f"proposal/{proposal.id}", proposal, new=True)


def put_proposal(transaction: Transaction, proposal: Proposal) -> Digests:
    """Store a changed proposal and update its timer; return its digest for the event."""
    if proposal.terms is not None:
        before = load_proposal(transaction, proposal.id)
        _update_due(transaction, None if before is None else due_key(before), due_key(proposal), proposal.id)
    return put_record(transaction, f"proposal/{proposal.id}", proposal)


def due_key(proposal: Proposal) -> str | None:
    """Return the key of a proposal in the index of timers; None if no action is planned.

    A proposal that a decisions file answers has no entry: its timeline follows the clock of that file.
    """
    at = next_due_time(proposal) if proposal.terms is not None and proposal.asked_at is None else None
    return None if at is None else f"due/{sortable_time(at)}-{proposal.id}"


def closed_key(proposal: Proposal) -> str:
    """Return the key of a proposal in the index of closed proposals.

    The time in the key is the time of the decision; for a superseded proposal, the time when it was asked.
    """
    closed_at = proposal.decision.decided_at if proposal.decision else proposal.created_at
    return f"closed/{sortable_time(closed_at)}-{proposal.id}"


def workspace_prefix(run_id: str) -> str:
    """Return the prefix of the list of a run's workspaces."""
    return f"opened/{run_id}/"


def writing_key(workspace: Workspace) -> str:
    """Return the key of a workspace in the index of workspaces that are not closed."""
    return f"writing/{sortable_time(workspace.created_at)}-{workspace.id}"


def index_time(key: str) -> datetime:
    """Return the time in the key of an index entry `<index>/<microseconds>-...`.

    Raises:
        StoreCorrupt: The key has no time.
    """
    return _EPOCH + timedelta(microseconds=index_microseconds(key))


def index_microseconds(key: str) -> int:
    """Return the time in the key of an index entry as whole microseconds since 1970 (UTC).

    Raises:
        StoreCorrupt: The key has no time.
    """
    text = key.partition("/")[2][:18]
    if len(text) != 18 or text[17] != "-" or not text[:17].isdecimal():
        raise StoreCorrupt(f"the stored index entry {key} is damaged: it begins with no time")
    return int(text[:17])


def sortable_time(at: datetime) -> str:
    """Return a time as 17 digits that sort by time (microseconds since 1970, UTC).

    A time before 1970 or after the year 5138 becomes the nearest time in this range.
    """
    return f"{min(max((at - _EPOCH) // timedelta(microseconds=1), 0), 10**17 - 1):017d}"
