"""Runs over a store: open, claim, save, pause, finish, forget. The rest of hitl_nb uses only `Ledger`.

Every method is one transaction: all of its writes are saved, or none. Writes of a run carry their claim and are refused
after another process has taken over the run (`ledger/runs/claims.py`).
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
    """A claimed run and the data that it resumes with.

    Attributes:
        run: The run, with the status "running".
        claim: The claim; every write of the run needs it.
        state: The saved state; None if the run was never saved.
        asked: The proposals of the run's last pause, in order.
    """

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
        store: The store of the records. A new store is marked with its format and a random id.
        clock: Function that returns monotonic seconds, for the timeouts of claims.

    Raises:
        StoreRefused: A newer version of hitl_nb has written the store.

    Attributes:
        store: The store of the records.
        store_id: Permanent id of this store. Signatures are bound to it.
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
        """Start a new generation of the named run and claim it for this process.

        The previous generation is cancelled unless it is finished, and its open proposals are superseded.

        Args:
            agent: Name of the agent.
            notebook: Path of the notebook.
            key: Key that tells several runs of one agent apart. Default: "".
            label: Role of this process, shown to people.
            wait: If True, block up to OWNER_TIMEOUT_SECONDS (15 s) for an owner on another host.
            notebook_id: The id in the notebook's file. The store uses it for the notebook unless another notebook has
                it already.
            restarted: See `Run`.

        Returns:
            The run and its claim.

        Raises:
            RunClaimed: Another living process runs the previous generation.
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
        """Return the newest generation of the named run; None if there is none."""
        return rows.newest_run(self.store, notebook, agent, key)

    @after_due_steps
    def load_run(self, run_id: str) -> Run:
        """Return the run with this id.

        Raises:
            UnknownRun: No run has this id.
        """
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
        """Return runs, newest first.

        Args:
            notebook: Only runs of this notebook. None (default): of all.
            agent: Only runs of this agent. None (default): of all.
            status: Only runs with this status. None (default): with any.
            limit: Most runs to return, 1 or more.
            before: Id of a run; only older runs are returned. None (default): begin with the newest run.

        Raises:
            UnknownRun: No run has the id `before`.
            ValueError: `limit` is below 1.
        """
        check_limit(limit)
        stop = "made0" if before is None else rows.run_age_key(self.load_run(before))
        page = limit if notebook is agent is status is None else max(limit, _PAGE_SIZE)
        found: list[Run] = []
        while pairs := self.store.scan("made/", stop, limit=page, reverse=True):
            for entry in pairs:
                try:
                    run = rows.load_run(self.store, rows.decode_index_id(*entry))
                except UnknownRun:
                    continue  # the run was forgotten after the index was read
                if notebook in (None, run.notebook) and agent in (None, run.agent) and status in (None, run.status):
                    found.append(run)
                if len(found) == limit:
                    return found
            stop = pairs[-1][0]
        return found

    @after_due_steps
    def claim(self, run_id: str, *, label: str = "kernel", wait: bool = False) -> tuple[Run, Claim]:
        """Acquire the exclusive right to run a run that is ready, failed or finished, or whose owner has died.

        The claim is durable when this returns, and the run has the status "running". An owner on another machine counts
        as dead after 15 s without a heartbeat. Without `wait`, later calls continue to measure this time.

        Args:
            run_id: Id of the run.
            label: Role of this process, shown to people.
            wait: If True, block up to OWNER_TIMEOUT_SECONDS (15 s) for an owner on another host.

        Returns:
            The run and its claim.

        Raises:
            RunClaimed: Another living process owns the run.
            HitlError: The run waits for decisions or is cancelled.
            UnknownRun: No run has this id.
        """
        return self._claim(run_id, label, wait, _read_no_state)

    @after_due_steps
    def claim_saved(self, run_id: str, *, label: str = "kernel", policy: MergedPolicy | None = None) -> ClaimedState:
        """Claim a run as `claim` does, and read its saved state and the checked proposals of its last pause.

        Decisions that are older than their terms allow, or that `policy` forbids, are not used. In that case all
        proposals of the pause have the status "expired", and their questions have to be asked again.

        The claim and all reads are one transaction: if this raises, nothing is claimed.

        Args:
            run_id: Id of the run.
            label: Role of this process, shown to people.
            policy: The current merged policy; None: without a policy.

        Raises:
            RunClaimed, HitlError, UnknownRun: As for `claim`.
            Untrusted: The saved state is not the newest one, or a signature is not of a known server.
            StoreCorrupt: A decision or the saved state was changed in the store.
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
        """Record that a person started or continued the run. Under a four-eyes rule this person may not decide on it.

        Args:
            run_id: Id of the run.
            user: User name of the person.
            actor: Name for the event of the user or process that reports this. Default: `user`.

        Raises:
            UnknownRun: No run has this id.
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
        """Release the claim. Idempotent. No effect if another process has taken over the run."""
        self._claims.release(claim)

    def save_snapshot(self, claim: Claim, snapshot: Snapshot) -> None:
        """Save the run's state between pauses, durably.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        self._claims.write(claim, lambda tx: snapshots.put_snapshot_between_pauses(tx, claim, snapshot))

    def forget_restart(self, run_id: str) -> Run:
        """Record that the cell of a run that `--restart` began was run without the flag.

        Returns:
            The changed run.
        """
        return self.store.transact(lambda tx: clear_restart(tx, run_id))

    def label_run(self, claim: Claim, labels: Mapping[str, str]) -> Run:
        """Add labels to the run; they replace labels with the same names.

        Returns:
            The changed run.

        Raises:
            RunClaimed: Another process has taken over the run.
            ValueError: The run would have more labels than allowed.
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
        """Pause the run as `pause_run` does, and return only the proposals, in order."""
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
        """Save the run's state, ask the questions and release the run, in one transaction.

        Args:
            claim: The claim of the run; it ends.
            snapshot: The state of the run.
            questions: The questions to ask; at least one that a person has to decide.
            statements: Slow statements since the run's last event; the event of the pause keeps them for the timeline.
            plans: The verdict of a policy for each question. Questions that the policy passes or blocks are recorded as
                decided, beside the others. None (default): no policy.
            facts: As for `record_policy_verdicts`.
            policy: As for `record_policy_verdicts`.

        Returns:
            The waiting run, and the proposals in the order of `questions`.

        Raises:
            RunClaimed: Another process has taken over the run.
            ValueError: There is no question, nobody is asked, or a value is not JSON.
            WorkspaceClosed: A question is about a closed workspace.
        """
        found = new_questions(questions, plans, claim.run)
        if all(is_decided(q.plan) for q in found):
            raise ValueError("nobody is asked anything: use record_policy_verdicts, and continue without a pause")
        more: dict[str, Any] = {"statements": statements, "facts": facts, "policy": policy}
        return self._claims.write_last(claim, lambda tx: asking.pause_run(tx, claim, found, snapshot, **more))

    def finish(self, claim: Claim, snapshot: Snapshot, *, statements: Sequence[Statement] = ()) -> Run:
        """Save the final state, record that the run has finished, and release it.

        Args:
            claim: The claim of the run; it ends.
            snapshot: The final state of the run.
            statements: Slow statements since the run's last event, for the timeline.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        return self._end_run(claim, "finished", snapshot, None, statements)

    def fail(self, claim: Claim, snapshot: Snapshot | None, error: str, *, statements: Sequence[Statement] = ()) -> Run:
        """Record that the run failed, and release it.

        Args:
            claim: The claim of the run; it ends.
            snapshot: The state of the run. None: the last saved state stays.
            error: The error as text.
            statements: Slow statements since the run's last event, for the timeline.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        return self._end_run(claim, "failed", snapshot, error, statements)

    def restore_status(self, claim: Claim, status: RunStatus) -> None:
        """Release a claim under which no code has run: the run gets back its status from before the claim.

        Args:
            claim: The claim of the run; it ends.
            status: The status of the run before it was claimed.

        Raises:
            RunClaimed: Another process has taken over the run.
        """

        def work(transaction: Transaction) -> None:
            run = rows.load_run(transaction, claim.run)
            records = rows.put_run(transaction, msgspec.structs.replace(run, status=status, updated_at=now()))
            chain.append_event(
                transaction, "run.handed_back", actor=claim.owner, run=run.id, data={"to": status}, records=records
            )
            claims.end_claim(transaction, run.id)

        self._claims.write_last(claim, work)

    def load_snapshot(self, run_id: str) -> RunState | None:
        """Return the run's saved state; None if it was never saved.

        Raises:
            Untrusted: The stored state is not the one that was saved last.
            StoreCorrupt: A stored record is damaged.
        """
        return snapshots.load_state(self.store, run_id)

    def cancel(self, run_id: str, *, actor: str) -> Run:
        """Cancel a run permanently. Its open proposals are superseded, and its owner, if any, can no longer write.

        No effect on a cancelled run.

        Args:
            run_id: Id of the run.
            actor: User or process that cancels it, for the event.

        Returns:
            The cancelled run.

        Raises:
            UnknownRun: No run has this id.
            HitlError: The run is finished.
        """

        def work(transaction: Transaction) -> Run:
            run = rows.load_run(transaction, run_id)
            return run if run.status == "cancelled" else cancel_run(transaction, run, actor=actor)

        return self.store.transact(work)

    def forget(self, *, agent: str, notebook: str, key: str | None = None, actor: str | None = None) -> int:
        """Remove all generations of the named run and all their records.

        The events stay, and a new event lists the removed runs.

        Args:
            agent: Name of the agent.
            notebook: Path of the notebook.
            key: Key of the run. None (default): the runs of every key.
            actor: User or process that removes them, for the event. None (default): this process.

        Returns:
            Number of removed runs.

        Raises:
            RunClaimed: A living process runs one of them.
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
        """Return the store's time: this machine's time, but never before the newest event.

        The environment variable `HITL_NB_CLOCK` sets a fixed time instead.

        Raises:
            HitlError: The value of `HITL_NB_CLOCK` is not a time.
        """
        return clock.store_now(self.store)

    def read_events(self, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return at most `limit` events with a number above `after`, in order.

        Raises:
            ValueError: `limit` is below 1.
            StoreCorrupt: A stored event is damaged.
        """
        check_limit(limit)
        return [rows.decode_record(raw, Event, f"event {n}") for n, raw in chain.read_events(self.store, after, limit)]

    def read_raw_events(self, *, after: int = 0, limit: int = 1000) -> list[bytes]:
        """Return the events of `read_events` as the exact bytes that are hashed, for export.

        Raises:
            ValueError: `limit` is below 1.
        """
        check_limit(limit)
        return [raw for _, raw in chain.read_events(self.store, after, limit)]

    def run_events(self, run_id: str, *, limit: int = 2000) -> list[Event]:
        """Return the newest `limit` events of a run, oldest first.

        Without the events of steps, which `list_steps` returns, and without the decisions of policies.

        Raises:
            ValueError: `limit` is below 1.
        """
        check_limit(limit)
        return chain.events_of_run(self.store, run_id, limit) if rows.is_id(run_id) else []

    def newest_event_number(self) -> int:
        """Return the number of the newest event; 0 if there is none."""
        return chain.read_head(self.store).n

    def verify(self) -> Verification:
        """Check the whole log, and every record against it.

        The check covers two things. No event was edited, removed, reordered or cut off. And every run, proposal,
        decision, comment, step, workspace and saved state agrees with the newest event about it.

        Returns:
            The result, with the first problem and the records that differ.
        """
        return verification.verify_log(self.store)

    # Helpers

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
    """Read nothing, for a claim without a state."""


def _delete_run(transaction: Transaction, run: Run) -> list[str]:
    """Remove a run and all its records except the documents; return the ids of the documents."""
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
