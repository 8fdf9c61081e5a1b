"""Keys of all stored records and index entries. `stored_records.py` reads and writes the records.

The left column below has the form of a key; names in angle brackets are replaced. The right column has the content of
the value, which is a record of this class. "index" means that the value is only the id of a record. A user name, path
or name that is *hashed* is replaced by the beginning of its SHA-256.

meta/format                                   {format, store_id}
meta/events                                   {n, h}: the newest event and its hash
event/<n>                                     Event, exactly as hashed
run/<run>                                     Run
made/<microseconds>-<run>                     index: runs by age
name/<notebook>/<agent>/<key>/<generation>    index: runs by name (the parts hashed)
held/<run>                                    index: held questions whose program waits for the decision
claim/<run>, claim/lease-<hash>               ClaimRecord, of a run or of a lease (named by the hash)
ext/<extension>/...                           a sealed record of an extension (see `extend/sealed_records.py`)
snapshot/<run>, blobs/<run>                   envelope; the blobs that it names
saved/<run>                                   SavedState: number and digest of a state saved between two pauses
blob/<sha256>/<n>, blobref/<sha256>/<run>     a buffer, in pieces; the runs that use it
step/<run>/<key>                              Step
proposal/<proposal>                           Proposal
asked/<run>/<pause>/<ordinal>                 index: a run's proposals in order
passed/<run>/<position>/<proposal>            index: a run's proposals that a policy decided without a pause
evidence/<sha256>                             a picture that questions show (see `evidence_blobs.py`)
evidenceof/<sha256>/<run>                     index: the runs whose questions show a picture; empty values
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
HELD_PREFIX = "held/"
"""Beginning of the keys in the index of held questions."""
_SPECIAL_CHARACTERS = re.compile(r"[^A-Za-z0-9_.~-]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_id(text: str) -> bool:
    """Return whether `text` can be an id, or the first characters of one: 1 to 12 characters of `a-z2-7`.

    The store is not read, so there may be no record with this id.
    """
    return re.fullmatch("[a-z2-7]{1,12}", text) is not None


def decode_index_id(key: str, raw: bytes) -> str:
    """Return the id that is the value of an index entry.

    Args:
        key: Key of the index entry, for the error message.
        raw: The stored value.

    Raises:
        StoreCorrupt: The value is not an id.
    """
    text = raw.decode("ascii", "replace")
    if not is_id(text):
        raise StoreCorrupt(f"the stored index entry {key} is damaged: it names {text[:40]!r}")
    return text


def run_age_key(run: Run) -> str:
    """Return the key of a run in the index of all runs, which is sorted by the time of creation."""
    return f"made/{sortable_time(run.created_at)}-{run.id}"


def held_key(run_id: str) -> str:
    """Return the key of a held question's run in the index of those whose program waits for the decision."""
    return f"{HELD_PREFIX}{run_id}"


def open_key(proposal: Proposal) -> str:
    """Return the key of a proposal in the index of open proposals, which is sorted by age."""
    return f"open/{sortable_time(proposal.created_at)}-{proposal.ordinal:06d}-{proposal.id}"


def asked_key(proposal: Proposal) -> str:
    """Return the key of a proposal in the list of proposals that its run has asked, in their order."""
    return f"{asked_prefix(proposal.run, proposal.pause)}{proposal.ordinal:06d}"


def asked_prefix(run_id: str, pause: int | None = None) -> str:
    """Return the beginning of the keys in the list of proposals that a run has asked.

    Args:
        run_id: Id of the run.
        pause: Number of a pause; only the keys of its proposals begin so. None (default): all pauses of the run.
    """
    return f"asked/{run_id}/" if pause is None else f"asked/{run_id}/{pause:06d}/"


def passed_prefix(run_id: str) -> str:
    """Return the beginning of the keys in the list of a run's proposals that policies decided without a pause."""
    return f"passed/{run_id}/"


def list_key(proposal: Proposal) -> str:
    """Return the key of a proposal in one of the two lists of its run.

    One list has the proposals that the run asked in its pauses. The other one has those that a policy decided without a
    pause (`pause` is 0).
    """
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
    """Return the key at which a step is stored.

    Args:
        run_id: Id of the run.
        key: Key of the step within the run (`Step.key`).
    """
    return f"step/{run_id}/{position_key(key)}"


def position_key(position: str) -> str:
    """Encode a position in a run's code as a part of a store key. Encoded positions sort as the positions do.

    Special characters are percent-encoded. Of a very long position, only the beginning is kept, followed by a hash.
    """
    place = _SPECIAL_CHARACTERS.sub(_escape, position)  # quote() leaves all other characters unchanged
    if len(place) > _MAX_KEY_CHARS:  # the beginning of a position determines its order
        place = f"{quote(position[:9], safe='')}-{hashlib.sha256(position.encode()).hexdigest()}"
    return place


def step_idempotency_key(run_id: str, key: str) -> str:
    """Return the idempotency key of a step, which the user's code can send to external services.

    It is the same each time the call is tried, so the service can recognize a repeated request.

    Args:
        run_id: Id of the run.
        key: Key of the step within the run (`Step.key`).
    """
    return hashlib.sha256(f"hitl/step/v1\0{run_id}\0{key}".encode()).hexdigest()[:32]


def name_prefix(notebook: str, agent: str | None = None, key: str | None = None) -> str:
    """Return the beginning of the keys in the index of runs by name, where a name is (notebook, agent, key).

    Args:
        notebook: Path of the notebook.
        agent: Name of the agent. None (default): the runs of all agents of the notebook.
        key: Key of the run. None (default): the runs of every key.
    """
    parts = [part for part in (notebook, agent, key) if part is not None]
    return "name/" + "".join(hashlib.sha256(part.encode()).hexdigest()[:24] + "/" for part in parts)


def name_key(run: Run) -> str:
    """Return the key of a run in the index of runs by name: notebook, agent, key and generation."""
    return f"{name_prefix(run.notebook, run.agent, run.key)}{run.generation:08d}"


def due_key(proposal: Proposal) -> str | None:
    """Return the key of a proposal in the index of due actions, which is sorted by the time of the next action.

    Returns:
        The key; None if no automatic action is planned. A proposal that a decisions file answers has no entry, because
        its timeline follows the clock of that file.
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
    """Return the beginning of the keys in the list of a run's workspaces."""
    return f"opened/{run_id}/"


def writing_key(workspace: Workspace) -> str:
    """Return the key of a workspace in the index of workspaces that are not closed."""
    return f"writing/{sortable_time(workspace.created_at)}-{workspace.id}"


def index_time(key: str) -> datetime:
    """Return the time that a key of the form `<index>/<microseconds>-...` contains, aware, in UTC.

    Raises:
        StoreCorrupt: The key does not have this form.
    """
    return _EPOCH + timedelta(microseconds=index_microseconds(key))


def index_microseconds(key: str) -> int:
    """Return the number that a key of the form `<index>/<microseconds>-...` contains: microseconds since 1970 (UTC).

    Raises:
        StoreCorrupt: The key does not have this form.
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
