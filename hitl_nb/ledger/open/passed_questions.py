"""What a policy decides without asking anybody: recorded as decided proposals, so that nothing passes unseen.

A run does not pause for such a question. Its proposal stands at its position, where the run finds it again after a
crash, and when code is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.decisions import verify_decision
from hitl_nb.ledger.open.judged_questions import is_decided, new_questions
from hitl_nb.ledger.open.questions import count_passed, read_facts, record_policies_used, record_policy_verdict
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.runs.claims import Claim, Claims
from hitl_nb.records import Facts, Proposal, Question
from hitl_nb.storage.interface import Store, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy, Plan


class PassedProposals:
    """The proposals of a store that nobody was asked about, and the policies that decided them."""

    store: Store
    store_id: str
    _claims: Claims

    def record_policy_verdicts(
        self,
        claim: Claim,
        questions: Sequence[Question],
        plans: Sequence[Plan],
        *,
        facts: Facts | None = None,
        policy: MergedPolicy | None = None,
    ) -> list[Proposal]:
        """Record, durably, that a policy passes or blocks these questions; the run does not pause. In order.

        Args:
            plans: of each question; all of them pass or block.
            facts: what the policy decided on beside the questions; the store's time and the run's labels if left out.
            policy: the merged policy, whose text is kept along with them if it is not yet.

        Raises RunClaimed if the run was taken over; ValueError for a plan that asks, or a policy that is not kept.
        """
        found = new_questions(questions, plans, claim.run)
        if not all(is_decided(plan) for plan in plans):
            raise ValueError("a question that people are asked needs a pause: use pause_run")

        def work(transaction: Transaction) -> list[Proposal]:
            run = rows.load_run(transaction, claim.run)
            record_policies_used(transaction, run, found, policy, claim.owner)
            run = msgspec.structs.replace(run, passed=run.passed + count_passed(found))
            known, records = read_facts(transaction, run, facts), rows.put_run(transaction, run)
            new = [(q.proposal(run, known, pause=0, ordinal=n), q) for n, q in enumerate(found)]
            return [record_policy_verdict(transaction, proposal, q, records) for proposal, q in new]

        return self._claims.write(claim, work)

    def list_passed(self, run_id: str, floor: str = "") -> list[Proposal]:
        """What policies decided in a run without a pause, at positions that are not below `floor`, oldest first.

        Every decision is checked as those of `Ledger.proposals` are. Where only signed decisions count there are none:
        a policy's is signed by nobody, so the run judges again. Raises StoreCorrupt, Untrusted.
        """
        if signatures.is_signed_only():
            return []
        found = rows.load_passed(self.store, run_id, floor)
        for proposal in found:
            verify_decision(self.store, self.store_id, proposal)
        return sorted(found, key=lambda p: p.decision.event if p.decision is not None else 0)

    def load_policy(self, sha256: str) -> MergedPolicy | None:
        """The merged policy with this hash; None if it is not kept. Raises StoreCorrupt if its text was changed."""
        from hitl_nb.policies.rules.rules import decode_merged_policy

        raw = policytexts.read_policy_text(self.store, sha256)
        return None if raw is None else decode_merged_policy(raw)

    def keep_policy(self, policy: MergedPolicy) -> None:
        """Keep the text of a merged policy, unless it is there."""
        if policytexts.read_policy_text(self.store, policy.sha256) is None:
            self.store.transact(lambda tx: policytexts.keep_policy_text(tx, policy))
