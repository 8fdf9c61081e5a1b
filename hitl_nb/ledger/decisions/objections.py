"""Objections of guardrails (automatic checks) to an edited value that a run uses although they object.

The reviewers saw the objection and decided all the same. Guardrails check an edit after the decision was made and
signed, so an objection is an event of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.policies.terms.vote_counts import hash_value
from hitl_nb.records import GuardrailResult, Proposal
from hitl_nb.storage.interface import Transaction

OVERRULED = "guardrail.overruled"


def note_objections(
    transaction: Transaction, claim: Claim, proposal: Proposal, objections: Sequence[GuardrailResult]
) -> None:
    """Record, once, that a run uses an edited value although guardrails object to it.

    Args:
        transaction: A transaction that has checked the claim.
        claim: This process's exclusive right to execute the run.
        proposal: The proposal that was decided by the edit.
        objections: Results of the guardrails that object.
    """
    made = proposal.decision
    assert made is not None
    for event in itertools.takewhile(lambda one: one.n > made.event, chain.iterate_run_events(transaction, claim.run)):
        if (event.type, event.proposal) == (OVERRULED, proposal.id):
            return  # recorded by a process that ended before the run had used the edit
    data = {
        "value_sha256": hash_value(made.value),
        "guardrails": [{"name": g.name, "version": g.version, "message": g.message} for g in objections],
    }
    chain.append_event(transaction, OVERRULED, actor=claim.owner, run=claim.run, proposal=proposal.id, data=data)
