"""The verdicts of policies, and questions that a policy decides without asking a person.

Such a question is stored as a decided proposal, so that people can see it. The run does not pause for it. The proposal
is stored under the position in the run's code at which the question was asked. When the code is executed again, for
example after a crash, the run finds the decision at this position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.decision_verification import verify_decision
from hitl_nb.ledger.decisions.objections import note_objections
from hitl_nb.ledger.open.evidence_blobs import put_pictures
from hitl_nb.ledger.open.judged_questions import is_decided, new_questions
from hitl_nb.ledger.open.questions import count_passed, read_facts, record_policies_used, record_policy_verdict
from hitl_nb.ledger.open.terms_renewal import replace_terms
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.records import Facts, GuardrailResult, Proposal, Question, Terms
from hitl_nb.storage.interface import Store, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy, Plan


class Policies:
    """The decisions by policies and the results of guardrails in a store, and the texts of the policies.

    Args:
        store: The store of the proposals and policies.
        store_id: Id of the store, for the check of signatures.
        claims: Rights of this process to execute runs (claims). Writes of a run are checked against them.
    """

    def __init__(self, store: Store, store_id: str, claims: Claims) -> None:
        self._store = store
        self._store_id = store_id
        self._claims = claims

    def record_verdicts(
        self,
        claim: Claim,
        questions: Sequence[Question],
        plans: Sequence[Plan],
        *,
        facts: Facts | None = None,
        policy: MergedPolicy | None = None,
        blobs: Sequence[bytes] = (),
    ) -> list[Proposal]:
        """Record, durably, that a policy passes or blocks these questions. The run does not pause.

        Args:
            claim: This process's exclusive right to execute the run.
            questions: The questions.
            plans: Verdict of the policy for each question; all of them must pass or block.
            facts: Facts that the policy used in addition to the questions. None (default): the current time and the
                run's labels.
            policy: The merged policy, whose text is stored if the store does not have it. None (default): it has the
                text already.
            blobs: The bytes of the pictures that the questions show. Default: none, or the store has them.

        Returns:
            The decided proposals, in the order of `questions`.

        Raises:
            RunClaimed: Another process has taken over the run.
            ValueError: A verdict requires that people are asked, or the text of a policy is neither given nor stored.
        """
        found = new_questions(questions, plans, claim.run)
        if not all(is_decided(plan) for plan in plans):
            raise ValueError("a question that people are asked needs a pause: use runs.pause")

        def work(transaction: Transaction) -> list[Proposal]:
            run = rows.load_run(transaction, claim.run)
            record_policies_used(transaction, run, found, policy, claim.owner)
            run = msgspec.structs.replace(run, passed=run.passed + count_passed(found))
            put_pictures(transaction, run.id, questions, blobs)
            known, records = read_facts(transaction, run, facts), rows.put_run(transaction, run)
            new = [(q.proposal(run, known, pause=0, ordinal=n), q) for n, q in enumerate(found)]
            return [record_policy_verdict(transaction, proposal, q, records) for proposal, q in new]

        return self._claims.write(claim, work)

    def list_passed(self, run_id: str, floor: str = "") -> list[Proposal]:
        """Return the proposals that policies decided in a run without a pause, oldest first.

        Every decision is compared with the audit log. If only decisions with a server's signature count
        (`HITL_NB_SIGNED_ONLY`), the list is empty, because no server signs a policy's decision. The run then judges the
        questions again.

        Args:
            run_id: Id of the run.
            floor: First position in the run's code; proposals at earlier positions are left out. Default: all.

        Raises:
            StoreCorrupt: A decision is not the one in the audit log.
            Untrusted: A signature is not of a known server.
        """
        if signatures.is_signed_only():
            return []
        found = rows.load_passed(self._store, run_id, floor)
        for proposal in found:
            verify_decision(self._store, self._store_id, proposal)
        return sorted(found, key=lambda p: p.decision.event if p.decision is not None else 0)

    def note_objections(self, claim: Claim, proposal: Proposal, objections: Sequence[GuardrailResult]) -> None:
        """Record, once, that the run uses an edited value although guardrails (automatic checks) object to it.

        Args:
            claim: This process's exclusive right to execute the run.
            proposal: The proposal that was decided by the edit.
            objections: Results of the guardrails that object.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        self._claims.write(claim, lambda tx: note_objections(tx, claim, proposal, objections))

    def renew_terms(
        self, seen: Proposal, terms: Terms, *, policy: MergedPolicy | None, actor: str, why: str
    ) -> Proposal:
        """Replace the terms (review rules) of an open proposal, after the policy files have changed.

        Args:
            seen: The proposal as it was when the new terms were computed.
            terms: The new terms.
            policy: The merged policy that the new terms come from; None: there is no policy any more.
            actor: User or process that renews the terms, for the audit log event.
            why: The reason, for the audit log event.

        Returns:
            The proposal with the new terms.

        Raises:
            AlreadyDecided: The proposal is no longer open.
            StaleDraft: The proposal's terms or value have changed since `seen`.
        """
        return self._store.transact(lambda tx: replace_terms(tx, seen, terms, policy=policy, actor=actor, why=why))

    def load(self, sha256: str) -> MergedPolicy | None:
        """Return the merged policy whose text has this SHA-256 (hex); None if the store does not have it.

        Raises:
            StoreCorrupt: The stored text was changed.
        """
        from hitl_nb.policies.rules.rules import decode_merged_policy

        raw = policytexts.read_policy_text(self._store, sha256)
        return None if raw is None else decode_merged_policy(raw)

    def keep(self, policy: MergedPolicy) -> None:
        """Store the text of a merged policy, unless the store has it already."""
        if policytexts.read_policy_text(self._store, policy.sha256) is None:
            self._store.transact(lambda tx: policytexts.keep_policy_text(tx, policy))
