"""Runs over a store: open, claim, save, pause, finish, forget. `Ledger` is all that the rest of hitl_nb sees.

Every method is one transaction: what it tells the store happens whole, or not at all. Writes of a run carry the
claim they are made under and are refused once the run was taken over (`ledger/runs/claims.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from hitl_nb.errors import HitlError, UnknownRun
from hitl_nb.ledger import verification
from hitl_nb.ledger.comments import Discussion
from hitl_nb.ledger.decisions import decision_freshness as freshness
from hitl_nb.ledger.decisions.notices import forget_notices
from hitl_nb.ledger.decisions.objections import Objections
from hitl_nb.ledger.documents import update_log as updates
from hitl_nb.ledger.open import questions as asking
from hitl_nb.ledger.open.absence_changes import Absences
from hitl_nb.ledger.open.due_actions import after_due_steps
from hitl_nb.ledger.open.judged_questions import is_decided, new_questions
from hitl_nb.ledger.open.notice_sending import NoticeOutbox
from hitl_nb.ledger.open.passed_questions import PassedProposals
from hitl_nb.ledger.open.questions import statements_data
from hitl_nb.ledger.open.terms_renewal import TermsRenewal
from hitl_nb.ledger.open.watchers import DeadlineWatchers
from hitl_nb.ledger.proposals import ProposalLedger, check_limit
from hitl_nb.ledger.remote_clients import RemoteClients
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.rows.requesters import current_requesters, with_requesters
from hitl_nb.ledger.rows.run_labels import label_run
from hitl_nb.ledger.rows.run_restarts import clear_restart
from hitl_nb.ledger.rows.run_start import start_run
from hitl_nb.ledger.runs import claims, snapshots
from hitl_nb.ledger.runs import notebook_ids as notebooks
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.ledger.runs.claims import Claim, Claims
from hitl_nb.ledger.runs.decision_usage import has_used_decisions
from hitl_nb.ledger.runs.notebook_moves import NotebookLocations
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.ledger.runs.snapshots import RunState
from hitl_nb.ledger.runs.steps import Steps
from hitl_nb.ledger.verification import Verification
from hitl_nb.ledger.workspaces import Workspaces
from hitl_nb.records import Event, Facts, Proposal, Question, Run, RunStatus, Snapshot, Statement, new_id, now
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import Store, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy, Plan

__all__ = ["Claim", "Ledger", "Verification"]

_PAGE_SIZE = 200


class ClaimedState(NamedTuple):
    """A run that was claimed, and what it resumes with. `asked` has the proposals of its last pause, in order."""

    run: Run
    claim: Claim
    state: RunState | None
    asked: list[Proposal]


class Ledger(
    Steps,
    ProposalLedger,
    PassedProposals,
    Objections,
    Discussion,
    Workspaces,
    RemoteClients,
    NotebookLocations,
    Absences,
    TermsRenewal,
    NoticeOutbox,
    DeadlineWatchers,
):
    """The runs, steps, proposals, workspaces and events of a store.

    Args:
        store: where they live; a new one is marked with its format and a random id.
        clock: monotonic seconds.

    Raises StoreRefused for a store that a newer hitl_nb has written.

    Attributes:
        store_id: names this store for good; what is signed is bound to it.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self.store_id = formats.store_id(store)
        self._claims = Claims(store, clock)

    # Runs

    @after_due_steps
    def open_run(
        self,
        *,
        agent: str,
        notebook: str,
        key: str = "",
        label: str = "kernel",
        wait: bool = False,
        notebook_id: str = "",
        restarted: str = "",
    ) -> tuple[Run, Claim]:
        """Start a new generation of the named run, claimed by this process.

        The generation before it is cancelled unless it is finished, and its open proposals are superseded.
        `notebook_id` is the id in the notebook's file, which becomes its id here unless another notebook has it.
        `restarted`: see `Run`.
        Raises RunClaimed if a living process runs it (with `wait`, see `claim`).
        """
        born, new, requesters = now(), new_id(), current_requesters()

        def work(transaction: Transaction, owner: ProcessIdentity) -> tuple[Run, Claim]:
            last = rows.newest_run(transaction, notebook, agent, key)
            if last is not None:
                self._claims.check_free(transaction, last)
                if last.status not in ("finished", "cancelled"):
                    cancel_run(transaction, last, actor=str(owner))
            known, records = notebooks.ensure_notebook_id(transaction, notebook, notebook_id)
            named: dict[str, Any] = {"agent": agent, "notebook": notebook, "notebook_id": known, "key": key}
            named["restarted"] = restarted
            run = start_run(
                transaction,
                new,
                last,
                **named,
                caller=None,
                at=born,
                actor=str(owner),
                requesters=requesters,
                also=records,
            )
            return run, self._claims.write_claim(transaction, msgspec.structs.replace(run, epoch=0), owner)

        def last_run() -> str:
            last = rows.newest_run(self.store, notebook, agent, key)
            return last.id if last else ""

        return self._claims.acquire(work, label, target=new, watched=last_run if wait else None)

    @after_due_steps
    def find_run(self, *, agent: str, notebook: str, key: str = "") -> Run | None:
        """The newest generation of the named run."""
        return rows.newest_run(self.store, notebook, agent, key)

    @after_due_steps
    def load_run(self, run_id: str) -> Run:
        """The run with this id. Raises UnknownRun."""
        return rows.load_run(self.store, run_id)

    @after_due_steps
    def list_runs(
        self,
        *,
        notebook: str | None = None,
        agent: str | None = None,
        status: RunStatus | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[Run]:
        """At most `limit` runs, newest first, older than the run `before`. Raises UnknownRun."""
        check_limit(limit)
        stop = "made0" if before is None else rows.run_age_key(self.load_run(before))
        page = limit if notebook is agent is status is None else max(limit, _PAGE_SIZE)
        found: list[Run] = []
        while pairs := self.store.scan("made/", stop, limit=page, reverse=True):
            for entry in pairs:
                try:
                    run = rows.load_run(self.store, rows.decode_index_id(*entry))
                except UnknownRun:
                    continue  # forgotten between the index and here
                if notebook in (None, run.notebook) and agent in (None, run.agent) and status in (None, run.status):
                    found.append(run)
                if len(found) == limit:
                    return found
            stop = pairs[-1][0]
        return found

    @after_due_steps
    def claim(self, run_id: str, *, label: str = "kernel", wait: bool = False) -> tuple[Run, Claim]:
        """Take the right to run a run that is ready, failed, finished, or whose owner is gone; it is running then.

        Raises RunClaimed if the owner lives. Of an owner on another machine that is known only after 15 s
        without a heartbeat: with `wait` this call stays for them, without, later calls go on watching.
        Raises HitlError for a run that waits for decisions or is cancelled, UnknownRun.
        """
        return self._claim(run_id, label, wait, _read_no_state)

    @after_due_steps
    def claim_saved(self, run_id: str, *, label: str = "kernel", policy: MergedPolicy | None = None) -> ClaimedState:
        """`claim`, with what the run resumes with: its saved state, and what its last pause asked, decisions checked.

        A decision that is older than its terms allow, or that `policy` (as it is now) forbids, is not used: all that
        the pause asked comes with the status "expired" then, and has to be asked again.

        It is all read in one transaction. Raises what `claim`, `snapshot` and `proposals` do, and claims nothing then.
        """
        found: list[tuple[RunState | None, list[Proposal]]] = []

        def read_saved(transaction: Transaction, run: Run, before: RunStatus, claim: Claim) -> None:
            asked = self.read_proposals(transaction, run.id, run.pauses) if run.pauses else []
            if before == "ready" or (before == "running" and asked and not has_used_decisions(transaction, run)):
                asked = freshness.expire_decisions(transaction, run, asked, policy, claim.owner)
            found[:] = [(snapshots.read_state(transaction, self.store, run.id), asked)]

        run, claim = self._claim(run_id, label, False, read_saved)
        return ClaimedState(run, claim, *found[0])

    def _claim(
        self, run_id: str, label: str, wait: bool, read: Callable[[Transaction, Run, RunStatus, Claim], None]
    ) -> tuple[Run, Claim]:
        def work(transaction: Transaction, owner: ProcessIdentity) -> tuple[Run, Claim]:
            run = rows.load_run(transaction, run_id)
            if run.status == "waiting":
                decisions = "1 decision" if run.open == 1 else f"{run.open} decisions"
                raise HitlError(f"run {run.id} ({run.agent}) waits for {decisions}; `hitl-nb inbox` shows them")
            before = run.status
            held = self._claims.write_claim(transaction, run, owner)
            run = with_requesters(rows.with_status(run, "running", epoch=held.epoch, error=None), current_requesters())
            data = {"from": before, "epoch": held.epoch}
            records = rows.put_run(transaction, run)
            chain.append_event(transaction, "run.resumed", actor=held.owner, run=run.id, data=data, records=records)
            read(transaction, run, before, held)
            return run, held

        return self._claims.acquire(work, label, target=run_id, watched=(lambda: run_id) if wait else None)

    def add_requester(self, run_id: str, user: str, *, actor: str = "") -> None:
        """Note that a person asked for the run, or to continue it: with four eyes they do not decide on it.

        `actor` is who says so; the person, if left out. Raises UnknownRun.
        """
        if user in self.load_run(run_id).requesters:
            return

        def work(transaction: Transaction) -> None:
            run = rows.load_run(transaction, run_id)
            if user not in run.requesters:
                records = rows.put_run(transaction, with_requesters(run, (user,)))
                data = {"requester": user}
                chain.append_event(
                    transaction, "run.requested", actor=actor or user, run=run_id, data=data, records=records
                )

        self.store.transact(work)

    def release(self, claim: Claim) -> None:
        """Give the claim back. Idempotent; fine, too, for one that was taken over."""
        self._claims.release(claim)

    def save_snapshot(self, claim: Claim, snapshot: Snapshot) -> None:
        """Keep the run's state between pauses. Raises RunClaimed if it was taken over."""
        self._claims.write(claim, lambda tx: snapshots.put_snapshot_between_pauses(tx, claim, snapshot))

    def forget_restart(self, run_id: str) -> Run:
        """Note that the cell of a run that `--restart` began was run without the flag; the run then."""
        return self.store.transact(lambda tx: clear_restart(tx, run_id))

    def label_run(self, claim: Claim, labels: Mapping[str, str]) -> Run:
        """Add labels to the run, in place of those of the same names; the run then.

        Raises RunClaimed if it was taken over, ValueError for more labels than a run may have.
        """
        return self._claims.write(claim, lambda tx: label_run(tx, claim.run, labels, claim.owner))

    def pause(
        self,
        claim: Claim,
        snapshot: Snapshot,
        questions: Sequence[Question],
        *,
        statements: Sequence[Statement] = (),
    ) -> list[Proposal]:
        """The proposals of `pause_run`."""
        return self.pause_run(claim, snapshot, questions, statements=statements)[1]

    @after_due_steps
    def pause_run(
        self,
        claim: Claim,
        snapshot: Snapshot,
        questions: Sequence[Question],
        *,
        statements: Sequence[Statement] = (),
        plans: Sequence[Plan] | None = None,
        facts: Facts | None = None,
        policy: MergedPolicy | None = None,
    ) -> tuple[Run, list[Proposal]]:
        """Keep the state, ask the questions and let go of the run; the run as it waits, and the proposals, in order.

        Args:
            statements: those that took long since the run's last event; kept with this one, for its timeline.
            plans: what a policy says of each question; those that it passes or blocks are recorded decided, beside
                the others.
            facts, policy: as of `record_policy_verdicts`.

        Raises RunClaimed if the run was taken over; ValueError for no question, or for a value that is not JSON;
        WorkspaceClosed for a question about a workspace that is closed.
        """
        found = new_questions(questions, plans, claim.run)
        if all(is_decided(q.plan) for q in found):
            raise ValueError("nobody is asked anything: use record_policy_verdicts, and continue without a pause")
        more: dict[str, Any] = {"statements": statements, "facts": facts, "policy": policy}
        return self._claims.write_last(claim, lambda tx: asking.pause_run(tx, claim, found, snapshot, **more))

    def finish(self, claim: Claim, snapshot: Snapshot, *, statements: Sequence[Statement] = ()) -> Run:
        """Keep the final state and let go of the run. Raises RunClaimed if it was taken over."""
        return self._end_run(claim, "finished", snapshot, None, statements)

    def fail(self, claim: Claim, snapshot: Snapshot | None, error: str, *, statements: Sequence[Statement] = ()) -> Run:
        """Record that the run failed, and let go of it; without `snapshot` its last one stays. Raises RunClaimed."""
        return self._end_run(claim, "failed", snapshot, error, statements)

    def restore_status(self, claim: Claim, status: RunStatus) -> None:
        """Give the claim back, nothing having run: the run has the status again that it was claimed from."""

        def work(transaction: Transaction) -> None:
            run = rows.load_run(transaction, claim.run)
            records = rows.put_run(transaction, msgspec.structs.replace(run, status=status, updated_at=now()))
            chain.append_event(
                transaction, "run.handed_back", actor=claim.owner, run=run.id, data={"to": status}, records=records
            )
            claims.end_claim(transaction, run.id)

        self._claims.write_last(claim, work)

    def load_snapshot(self, run_id: str) -> RunState | None:
        """The run's saved state; None if never saved. Raises Untrusted if it is not the one that was saved last."""
        return snapshots.load_state(self.store, run_id)

    def cancel(self, run_id: str, *, actor: str) -> Run:
        """Stop a run for good: its open proposals are superseded, and its owner, if any, can write no more.

        Raises UnknownRun; HitlError for a finished run. A cancelled one stays as it is.
        """

        def work(transaction: Transaction) -> Run:
            run = rows.load_run(transaction, run_id)
            return run if run.status == "cancelled" else cancel_run(transaction, run, actor=actor)

        return self.store.transact(work)

    def forget(self, *, agent: str, notebook: str, key: str | None = None, actor: str | None = None) -> int:
        """Remove all generations of the named run (of every key, if None) and what hangs on them; how many there were.

        The events stay, and one more says what was forgotten. Raises RunClaimed if a living process runs one.
        """
        by = str(ProcessIdentity.current("kernel")) if actor is None else actor

        def work(transaction: Transaction) -> tuple[list[str], list[str]]:
            found = transaction.scan(*chunked_values.prefix_range(rows.name_prefix(notebook, agent, key)))
            gone = [rows.load_run(transaction, rows.decode_index_id(*entry)) for entry in found]
            for run in gone:
                self._claims.check_free(transaction, run)
            drafts = [document for run in gone for document in _delete_run(transaction, run)]
            ids = [run.id for run in gone]
            forget_notices(transaction, ids)
            if ids:
                data = {"agent": agent, "notebook": notebook, "key": key, "runs": ids}
                chain.append_event(transaction, "run.forgotten", actor=by, data=data)
            return ids, drafts

        ids, drafts = self.store.transact(work)
        updates.delete_logs(self.store, drafts)
        return len(ids)

    # Events

    def now(self) -> datetime:
        """The store's time: this machine's, but never before the newest event. `HITL_NB_CLOCK` makes it stand still.

        Raises HitlError for a value of that which is no time.
        """
        return clock.store_now(self.store)

    def read_events(self, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """At most `limit` events whose number follows `after`, in order."""
        check_limit(limit)
        return [rows.decode_record(raw, Event, f"event {n}") for n, raw in chain.read_events(self.store, after, limit)]

    def read_raw_events(self, *, after: int = 0, limit: int = 1000) -> list[bytes]:
        """The same as the exact bytes that are hashed, for export."""
        check_limit(limit)
        return [raw for _, raw in chain.read_events(self.store, after, limit)]

    def run_events(self, run_id: str, *, limit: int = 2000) -> list[Event]:
        """The newest `limit` events of a run, oldest first, without those of its steps (see `steps`)."""
        check_limit(limit)
        return chain.events_of_run(self.store, run_id, limit) if rows.is_id(run_id) else []

    def newest_event_number(self) -> int:
        """The number of the newest event; 0 if there is none."""
        return chain.read_head(self.store).n

    def verify(self) -> Verification:
        """Check the whole log, and every record against it.

        No event was edited, removed, reordered or cut off, and what the store has of runs, proposals, decisions,
        comments, steps, workspaces and saved states is what the newest event about it says.
        """
        return verification.verify_log(self.store)

    # How it is done

    def _end_run(
        self,
        claim: Claim,
        status: RunStatus,
        snapshot: Snapshot | None,
        error: str | None,
        statements: Sequence[Statement],
    ) -> Run:
        def work(transaction: Transaction) -> Run:
            run = rows.with_status(rows.load_run(transaction, claim.run), status, error=error)
            records = snapshots.put_snapshot(transaction, run.id, snapshot) if snapshot is not None else {}
            records |= rows.put_run(transaction, run)
            if status == "finished":
                standing.close_all(transaction, run.id, claim.owner)
            failed = {} if error is None else {"error": error}
            saved = {} if snapshot is None else {"pause": run.pauses, "epoch": claim.epoch}
            data = {**failed, **saved, **statements_data(statements)} or None
            chain.append_event(transaction, f"run.{status}", actor=claim.owner, run=run.id, data=data, records=records)
            claims.end_claim(transaction, run.id)
            return run

        return self._claims.write_last(claim, work)


def _read_no_state(*_: object) -> None:
    """A claim of which nothing else is asked."""


def _delete_run(transaction: Transaction, run: Run) -> list[str]:
    """Remove a run and all that hangs on it, but the documents; the ids of those."""
    asked, written = rows.load_proposals(transaction, run.id), rows.load_workspaces(transaction, run.id)
    for proposal in (*asked, *rows.load_passed(transaction, run.id)):
        rows.delete_proposal(transaction, proposal)
    for workspace in written:
        rows.delete_workspace(transaction, workspace)
    for place, _ in transaction.scan(*chunked_values.prefix_range(f"step/{run.id}/")):
        chunked_values.delete_chunked(transaction, place)
    policytexts.delete_policy_uses(transaction, run.id)
    snapshots.delete_state(transaction, run.id)
    claims.delete_claim(transaction, run.id)
    chain.delete_run_list(transaction, run.id)
    rows.delete_run(transaction, run)
    return [one.id for one in (*asked, *written)]
