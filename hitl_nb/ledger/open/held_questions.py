"""Held questions: a program asks, and waits for the decision in the same process.

A held question is a run that nobody has to continue. It has one claim from its start to its end. If the process ends,
the question is withdrawn (`ledger/runs/held_runs.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hitl_nb.ledger.decisions.decision_freshness import expire_decisions
from hitl_nb.ledger.decisions.decision_verification import load_verified_proposals
from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.open.judged_questions import new_questions
from hitl_nb.ledger.open.questions import pause_run
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.requesters import current_requesters
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.ledger.runs.held_runs import end_held_run
from hitl_nb.ledger.runs.run_end import end_run
from hitl_nb.ledger.runs.run_start import restart_run
from hitl_nb.records import Facts, Proposal, Question, Run, Snapshot, new_id, now
from hitl_nb.storage.interface import Store, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy, Plan


class HeldQuestions:
    """The questions of a store that programs hold open while they wait for the decision.

    Args:
        store: The store of the runs.
        store_id: Id of the store, for the check of signatures.
        claims: Rights of this process to execute runs (claims). Every write of a run is checked against them.
        timers: Automatic actions on open proposals. Due actions are taken before a question is asked.
    """

    def __init__(self, store: Store, store_id: str, claims: Claims, timers: ProposalTimers) -> None:
        self._store = store
        self._store_id = store_id
        self._claims = claims
        self._timers = timers

    def open(self, *, agent: str, notebook: str, label: str) -> tuple[Run, Claim]:
        """Start the run of a held question, and claim it for this process until it ends.

        Args:
            agent: Name of the agent, shown to people.
            notebook: Path of the notebook or program that asks.
            label: Role of this process, shown to people.
        """
        self._timers.run_due_steps_quietly()
        id_ = new_id()  # also the key: several questions of one program are side by side
        named: dict[str, Any] = {"agent": agent, "notebook": notebook, "key": id_, "notebook_id": "", "restarted": ""}
        named |= {"at": now(), "requesters": current_requesters(), "held": True}
        return self._claims.acquire(
            lambda tx, owner: restart_run(tx, id_, self._claims, owner, **named), label, target=id_, watched=None
        )

    def ask(
        self,
        claim: Claim,
        question: Question,
        *,
        blobs: Sequence[bytes] = (),
        plans: Sequence[Plan] | None = None,
        facts: Facts | None = None,
        policy: MergedPolicy | None = None,
    ) -> tuple[Run, Proposal]:
        """Ask people the question, in one transaction. The claim does not end.

        Args:
            claim: This process's claim of the run.
            question: The question.
            blobs: The bytes of the pictures that the question shows. Default: none, or the store has them.
            plans: The verdict of a policy: people are asked under its terms. None (default): no policy.
            facts: Facts that the policy used. None (default): the current time and the run's labels.
            policy: The merged policy, whose text is stored if the store does not have it. None (default): no policy.

        Returns:
            The waiting run, and the proposal.

        Raises:
            RunClaimed: The run was cancelled.
        """
        self._timers.run_due_steps_quietly()
        found, empty = new_questions([question], plans, claim.run), Snapshot(envelope=b"")
        more: dict[str, Any] = {"statements": (), "facts": facts, "policy": policy, "blobs": blobs}
        run, [proposal] = self._claims.write(claim, lambda tx: pause_run(tx, claim, found, empty, **more))
        return run, proposal

    def resume(self, claim: Claim, policy: MergedPolicy | None) -> tuple[Run, Proposal]:
        """Continue the run with the decision, which is compared with the audit log.

        Args:
            claim: This process's claim of the run.
            policy: The current merged policy; None: no policy.

        Returns:
            The run with the status "running", and its decided proposal. The proposal has the status "expired" if the
            decision is too old, or if `policy` forbids it: the question has to be asked again.

        Raises:
            RunClaimed: The run was cancelled.
            StoreCorrupt: The decision was changed in the store.
            Untrusted: A signature is not of a known server.
        """

        def work(transaction: Transaction) -> tuple[Run, Proposal]:
            run = rows.with_status(rows.load_run(transaction, claim.run), "running")
            asked = load_verified_proposals(transaction, self._store_id, run.id, run.pauses)
            data = {"from": "ready", "epoch": claim.epoch}
            records = rows.put_run(transaction, run)
            chain.append_event(transaction, "run.resumed", actor=claim.owner, run=run.id, data=data, records=records)
            [proposal] = expire_decisions(transaction, run, asked, policy, claim.owner)
            return run, proposal

        return self._claims.write(claim, work)

    def finish(self, claim: Claim) -> None:
        """Record that the program uses the decision, and end the run with its claim.

        Raises:
            RunClaimed: The run was cancelled. The decision must not be used.
        """
        self._claims.write_last(claim, lambda tx: end_run(tx, claim, "finished", None, None, ()))

    def withdraw(self, claim: Claim, why: str) -> None:
        """Cancel the run, because the program does not wait any more. An open question is withdrawn.

        Args:
            claim: This process's claim of the run.
            why: Reason, if the question was not decided.

        Raises:
            RunClaimed: The run has ended already.
        """

        def work(transaction: Transaction) -> None:
            end_held_run(transaction, rows.load_run(transaction, claim.run), actor=claim.owner, why=why)

        self._claims.write_last(claim, work)
