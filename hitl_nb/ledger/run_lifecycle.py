"""Runs over a store: open, claim, save, pause, finish, remove.

Every method is one transaction: all of its writes are saved, or none. A *claim* is the exclusive right of one process
to execute a run (`ledger/runs/claims.py`). Every write of a run carries its claim, and is refused after another process
has taken over the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_nb.ledger.decisions import decision_freshness as freshness
from hitl_nb.ledger.decisions.decision_verification import load_verified_proposals
from hitl_nb.ledger.documents import update_log as updates
from hitl_nb.ledger.open import questions as asking
from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.open.judged_questions import is_decided, new_questions
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.page_limits import check_limit
from hitl_nb.ledger.rows.requesters import current_requesters
from hitl_nb.ledger.rows.run_lists import iterate_newest
from hitl_nb.ledger.run_removal import remove_runs
from hitl_nb.ledger.runs import snapshots
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.ledger.runs.decision_usage import has_used_decisions
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.ledger.runs.run_end import end_run, restore_status
from hitl_nb.ledger.runs.run_start import restart_run, resume_run
from hitl_nb.ledger.runs.snapshots import RunState
from hitl_nb.records import Facts, Proposal, Question, Run, RunStatus, Snapshot, Statement, new_id, now
from hitl_nb.storage.interface import Store, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy, Plan

_PAGE_SIZE = 200


class ClaimedState(NamedTuple):
    """A claimed run, and the data that it needs to resume.

    Attributes:
        run: The run, with the status "running".
        claim: The claim, which every write of the run needs.
        state: The saved state; None if the run was never saved.
        asked: The proposals of the run's last pause, in order.
    """

    run: Run
    claim: Claim
    state: RunState | None
    asked: list[Proposal]


class PausedRun(NamedTuple):
    """The result of a pause.

    Attributes:
        run: The run, which now waits for decisions.
        proposals: The proposals of the pause, in the order of the questions.
    """

    run: Run
    proposals: list[Proposal]


class Runs:
    """The runs of a store.

    Args:
        store: The store of the runs.
        store_id: Id of the store, for the check of signatures.
        claims: Rights of this process to execute runs (claims). Writes of a run are checked against them.
        timers: Automatic actions on open proposals. Due actions are taken before a run is read, claimed or paused.
    """

    def __init__(self, store: Store, store_id: str, claims: Claims, timers: ProposalTimers) -> None:
        self._store = store
        self._store_id = store_id
        self._claims = claims
        self._timers = timers

    # Find

    def find(self, *, agent: str, notebook: str, key: str = "") -> Run | None:
        """Return the newest run with this agent, notebook and key; None if there is none."""
        self._timers.run_due_steps_quietly()
        return rows.newest_run(self._store, notebook, agent, key)

    def load(self, run_id: str) -> Run:
        """Return the run with this id.

        Raises:
            UnknownRun: No run has this id.
        """
        self._timers.run_due_steps_quietly()
        return rows.load_run(self._store, run_id)

    def list_newest(
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
            notebook: Path of a notebook; only its runs are returned. None (default): all notebooks.
            agent: Name of an agent; only its runs are returned. None (default): all agents.
            status: Only runs with this status are returned. None (default): any status.
            limit: Most runs to return, 1 or more.
            before: Id of a run; only older runs are returned. None (default): begin with the newest run.

        Raises:
            UnknownRun: No run has the id `before`.
            ValueError: `limit` is below 1.
        """
        self._timers.run_due_steps_quietly()
        check_limit(limit)
        last = None if before is None else rows.load_run(self._store, before)
        page = limit if notebook is agent is status is None else max(limit, _PAGE_SIZE)
        found = (
            run
            for run in iterate_newest(self._store, before=last, page=page)
            if notebook in (None, run.notebook) and agent in (None, run.agent) and status in (None, run.status)
        )
        return list(islice(found, limit))

    def load_snapshot(self, run_id: str) -> RunState | None:
        """Return a run's saved state; None if it was never saved.

        Raises:
            Untrusted: The stored state is missing, or is not the one that was saved last.
            StoreCorrupt: A stored record is damaged.
        """
        return snapshots.load_state(self._store, run_id)

    # Open and claim

    def open(
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
        """Start a new run of an agent and claim it for this process.

        The previous run with the same notebook, agent and key is cancelled, unless it is finished. Its open proposals
        are closed without a decision.

        Args:
            agent: Name of the agent.
            notebook: Path of the notebook.
            key: Key that tells several runs of one agent apart. Default: "".
            label: Role of this process, shown to people.
            wait: If True, and a process on another machine executes the previous run, wait up to OWNER_TIMEOUT_SECONDS
                (15 s) to see whether it is alive.
            notebook_id: Id in the metadata of the notebook file. The store uses it for the notebook unless another
                notebook has this id. Default: a new id.
            restarted: Digest of the cell's code, if its `--restart` starts the run. Default: "".

        Returns:
            The run and its claim.

        Raises:
            RunClaimed: Another living process executes the previous run.
        """
        self._timers.run_due_steps_quietly()
        new = new_id()
        named: dict[str, Any] = {"agent": agent, "notebook": notebook, "key": key, "notebook_id": notebook_id}
        named |= {"restarted": restarted, "at": now(), "requesters": current_requesters()}

        def last_run() -> str:
            last = rows.newest_run(self._store, notebook, agent, key)
            return last.id if last else ""

        return self._claims.acquire(
            lambda tx, owner: restart_run(tx, new, self._claims, owner, **named),
            label,
            target=new,
            watched=last_run if wait else None,
        )

    def claim(self, run_id: str, *, label: str = "kernel", wait: bool = False) -> tuple[Run, Claim]:
        """Claim a run, so that this process may execute it.

        The run must be ready, failed or finished, or its last process must have died. It gets the status "running". The
        claim is durable when this returns. A process on another machine counts as dead after 15 s without a heartbeat.
        Without `wait`, the time between several calls counts.

        Args:
            run_id: Id of the run.
            label: Role of this process, shown to people.
            wait: If True, and a process on another machine has the claim, wait up to OWNER_TIMEOUT_SECONDS (15 s) to
                see whether it is alive.

        Returns:
            The run and its claim.

        Raises:
            RunClaimed: Another living process executes the run.
            HitlError: The run waits for decisions or is cancelled.
            UnknownRun: No run has this id.
        """
        self._timers.run_due_steps_quietly()
        return self._claims.acquire(
            lambda tx, owner: resume_run(tx, run_id, self._claims, owner)[:2],
            label,
            target=run_id,
            watched=(lambda: run_id) if wait else None,
        )

    def claim_saved(self, run_id: str, *, label: str = "kernel", policy: MergedPolicy | None = None) -> ClaimedState:
        """Claim a run for this process, and return its saved state and the checked proposals of its last pause.

        A decision is not used if it is older than its terms allow, or if `policy` forbids it. Then all decided
        proposals of the pause get the status "expired", and the run has to ask these questions again. The claim and all
        reads are one transaction: if an error is raised, nothing is claimed.

        Args:
            run_id: Id of the run.
            label: Role of this process, shown to people.
            policy: The current merged policy; None: no policy.

        Raises:
            RunClaimed: Another living process executes the run.
            HitlError: The run waits for decisions or is cancelled.
            UnknownRun: No run has this id.
            Untrusted: The saved state is not the newest one, or a signature is not of a known server.
            StoreCorrupt: A decision or the saved state was changed in the store.
        """
        self._timers.run_due_steps_quietly()
        found: list[tuple[RunState | None, list[Proposal]]] = []

        def work(transaction: Transaction, owner: ProcessIdentity) -> tuple[Run, Claim]:
            run, claim, before = resume_run(transaction, run_id, self._claims, owner)
            asked = load_verified_proposals(transaction, self._store_id, run.id, run.pauses) if run.pauses else []
            if before == "ready" or (before == "running" and asked and not has_used_decisions(transaction, run)):
                asked = freshness.expire_decisions(transaction, run, asked, policy, claim.owner)
            found[:] = [(snapshots.read_state(transaction, self._store, run.id), asked)]
            return run, claim

        run, claim = self._claims.acquire(work, label, target=run_id, watched=None)
        return ClaimedState(run, claim, *found[0])

    # Write under a claim

    def save_snapshot(self, claim: Claim, snapshot: Snapshot) -> None:
        """Save the run's state durably, between two pauses.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        self._claims.write(claim, lambda tx: snapshots.put_snapshot_between_pauses(tx, claim, snapshot))

    def pause(
        self,
        claim: Claim,
        snapshot: Snapshot,
        questions: Sequence[Question],
        *,
        statements: Sequence[Statement] = (),
        plans: Sequence[Plan] | None = None,
        facts: Facts | None = None,
        policy: MergedPolicy | None = None,
        blobs: Sequence[bytes] = (),
    ) -> PausedRun:
        """Save the run's state, store its questions as proposals, and end its claim, in one transaction.

        Args:
            claim: This process's exclusive right to execute the run. It ends with this call.
            snapshot: The state of the run.
            questions: The questions to ask; at least one that a person has to decide.
            statements: Statements that took long since the run's last event, for the display of its timeline.
            plans: Verdict of a policy for each question. A question that the policy passes or blocks is stored as a
                decided proposal. None (default): no policy.
            facts: Facts that the policy used in addition to the questions. None (default): the current time and the
                run's labels.
            policy: The merged policy, whose text is stored if the store does not have it. None (default): no policy.
            blobs: The bytes of the pictures that the questions show. Default: none, or the store has them.

        Returns:
            The waiting run, and the proposals in the order of `questions`.

        Raises:
            RunClaimed: Another process has taken over the run.
            ValueError: There is no question, the policy decides all of them, or a value is not JSON.
            WorkspaceClosed: A question is about a closed workspace.
        """
        self._timers.run_due_steps_quietly()
        found = new_questions(questions, plans, claim.run)
        if all(is_decided(q.plan) for q in found):
            raise ValueError("nobody is asked anything: use policies.record_verdicts, and continue without a pause")
        more: dict[str, Any] = {"statements": statements, "facts": facts, "policy": policy, "blobs": blobs}
        return PausedRun(
            *self._claims.write_last(claim, lambda tx: asking.pause_run(tx, claim, found, snapshot, **more))
        )

    def finish(self, claim: Claim, snapshot: Snapshot, *, statements: Sequence[Statement] = ()) -> Run:
        """Save the final state, record that the run has finished, and end its claim.

        Args:
            claim: This process's exclusive right to execute the run. It ends with this call.
            snapshot: The final state of the run.
            statements: Statements that took long since the run's last event, for the display of its timeline.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        return self._claims.write_last(claim, lambda tx: end_run(tx, claim, "finished", snapshot, None, statements))

    def fail(self, claim: Claim, snapshot: Snapshot | None, error: str, *, statements: Sequence[Statement] = ()) -> Run:
        """Record that the run failed, and end its claim.

        Args:
            claim: This process's exclusive right to execute the run. It ends with this call.
            snapshot: The state of the run. None: the last saved state stays.
            error: The error as text.
            statements: Statements that took long since the run's last event, for the display of its timeline.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        return self._claims.write_last(claim, lambda tx: end_run(tx, claim, "failed", snapshot, error, statements))

    def restore_status(self, claim: Claim, status: RunStatus) -> None:
        """End a claim under which no code was executed, and give the run the status that it had before the claim.

        Args:
            claim: This process's exclusive right to execute the run. It ends with this call.
            status: The status of the run before it was claimed.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        self._claims.write_last(claim, lambda tx: restore_status(tx, claim, status))

    # Change from outside

    def cancel(self, run_id: str, *, actor: str) -> Run:
        """Cancel a run permanently. A process that executes the run can no longer write.

        Open proposals of the run are closed without a decision. No effect on a cancelled run.

        Args:
            run_id: Id of the run.
            actor: User or process that cancels it, for the audit log event.

        Returns:
            The cancelled run.

        Raises:
            UnknownRun: No run has this id.
            HitlError: The run is finished.
        """

        def work(transaction: Transaction) -> Run:
            run = rows.load_run(transaction, run_id)
            return run if run.status == "cancelled" else cancel_run(transaction, run, actor=actor)

        return self._store.transact(work)

    def forget(self, *, agent: str, notebook: str, key: str | None = None, actor: str | None = None) -> int:
        """Remove all runs with this agent, notebook and key, with all their records.

        Their events stay in the audit log, and a new event lists the removed runs.

        Args:
            agent: Name of the agent.
            notebook: Path of the notebook.
            key: Key of the run. None (default): the runs of every key.
            actor: User or process that removes them, for the audit log event. None (default): this process.

        Returns:
            Number of removed runs.

        Raises:
            RunClaimed: A living process executes one of the runs.
        """
        named: dict[str, Any] = {"agent": agent, "notebook": notebook, "key": key}
        named["actor"] = str(ProcessIdentity.current("kernel")) if actor is None else actor
        ids, drafts = self._store.transact(lambda tx: remove_runs(tx, check_free=self._claims.check_free, **named))
        updates.delete_logs(self._store, drafts)
        return len(ids)
