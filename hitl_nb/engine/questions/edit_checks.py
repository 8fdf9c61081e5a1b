"""Checks of an answer by guardrails and policies: can the run use the value that people edited?

A *guardrail* is a function of the user that looks at a value, and passes it, blocks it, or escalates it (a person must
decide). A *gate* asks people before a tool is called; they may edit the arguments. *Terms* are the conditions of a
question: who decides, how many people, and by when.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.engine.questions.guardrail_looks import run_guardrails_on_edit
from hitl_nb.errors import PolicyError
from hitl_nb.records import GuardrailResult, Proposal, Run
from hitl_nb.review.decision import Decision, LiveQuestion
from hitl_nb.review.guardrail_checks import explain_result
from hitl_nb.review.policy_files.policy_files import load_policy

if TYPE_CHECKING:  # imported by the functions that need it: a process without policies needs none of it
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.policies.rules.edit_review import FurtherTerms
    from hitl_nb.policies.rules.rules import CallTerms, Plan

NOT_USED_PREFIX = "The last edit was not used: "
"""Prefix of the notes that say why a question is asked again. The extension knows it too (`refused-edit.tsx`)."""


@dataclass(frozen=True)
class AnswerCheck:
    """The result of the check whether the run can use people's answer to a question.

    Attributes:
        refusal: Why the answer cannot be used; "" if it can.
        further: Terms for people who must agree in addition. If they do, the refused answer can be used. None: there
            are no such people.
        objections: Objections of guardrails (checks of the value) that the deciding people had seen. The answer is used
            despite them.
    """

    refusal: str = ""
    further: FurtherTerms | None = None
    objections: tuple[GuardrailResult, ...] = ()


def check_answer(asked: LiveQuestion, decision: Decision, decided: Proposal, ledger: Ledger, run: Run) -> AnswerCheck:
    """Check whether an answer can be used.

    Guardrails (functions that check a value) look at the edited value. If the question is about a call of a tool,
    policies judge the call with the edited arguments.

    Args:
        asked: The question.
        decision: The answer.
        decided: The record of the question and its answer.
        ledger: Reads the records of the store.
        run: The record of the run.

    Raises:
        CannotPause: A guardrail asks a question.
        PolicyError: A policy file cannot be used.
    """
    try:
        edited = asked.ask_edited(decision.value) if decision.action == "edit" else asked
    except Exception as error:  # noqa: BLE001  # from the agent's own functions: people see the error and are asked again
        return AnswerCheck(f"the call cannot be proposed with it: {type(error).__name__}: {error}")
    refused, objections = _ask_guardrails(edited, decision, decided, ledger, run)
    why, further = _judge_call(asked, edited, decided, run)
    return AnswerCheck("; ".join(filter(None, (refused, why))), further, () if refused or why else objections)


def _ask_guardrails(
    asked: LiveQuestion, decision: Decision, decided: Proposal, ledger: Ledger, run: Run
) -> tuple[str, tuple[GuardrailResult, ...]]:
    """Run the guardrails (functions that check a value) of a question on the value that people edited.

    If a guardrail escalates with a reason that the deciding people had seen, a person has looked at that reason. The
    value is then not refused for it.

    Args:
        asked: The question for the edited value.
        decision: The answer. Without an edit, nothing is checked.
        decided: The record of the question and its answer.
        ledger: Reads the records of the store.
        run: The record of the run.

    Returns:
        (why the value cannot be used, or ""; the results that people had seen and that are therefore accepted).
    """
    if decision.action != "edit" or not asked.review.guardrails:
        return "", ()
    found = run_guardrails_on_edit(asked, decision.value, ledger, run)
    shown = {explain_result(one) for one in decided.guardrails if one.verdict == "escalate"}
    known = [one for one in found if one.verdict == "escalate" and _was_shown(explain_result(one), shown, decided)]
    refused = [explain_result(one) for one in found if one.verdict != "pass" and one not in known]
    return "; ".join(refused), tuple(known)


def describe_objection(one: GuardrailResult) -> str:
    """Return a sentence for people: a guardrail objects to an edited value, but the value is used.

    Args:
        one: The result of the guardrail.
    """
    return f"the guardrail {one.name} still objects to the edited value, as who decided was told: {one.message}"


def _judge_call(
    asked: LiveQuestion, edited: LiveQuestion, decided: Proposal, run: Run
) -> tuple[str, FurtherTerms | None]:
    """Check by policies whether a tool may be called with the arguments that people edited.

    The policies judge the question that would have been asked for these arguments. If its title, tags and settings are
    the same as before, nothing is checked.

    Args:
        asked: The question that people were asked.
        edited: The question for the edited arguments.
        decided: The record of `asked` and its answer.
        run: The record of the run.

    Returns:
        (why the call cannot be made, or ""; the terms for people who must agree in addition, or None).
    """
    if edited is asked or _list_policy_inputs(edited) == _list_policy_inputs(asked):
        return "", None
    from hitl_nb.policies.rules.rules import judge_edited_call

    own = edited.review.policy
    policy = load_policy(run.notebook, *((own,) if own is not None else ()))
    question = msgspec.structs.replace(edited.question, guardrails=decided.guardrails)
    try:
        found = judge_edited_call(policy, decided, question, call=read_call_terms(edited), requesters=run.requesters)
        if found is None:
            return "", None
        return _explain_plan(edited, decided, found, run)
    except PolicyError as error:
        return str(error), None


def _explain_plan(edited: LiveQuestion, decided: Proposal, found: Plan, run: Run) -> tuple[str, FurtherTerms | None]:
    rules = f" ({', '.join(found.rules)})" if found.rules else ""
    if found.terms is None or found.verdict == "block":
        return f"with these arguments it is {edited.question.title!r}, and the policy blocks that{rules}", None
    from hitl_nb.policies.rules.edit_review import FurtherTerms, refuse_impossible
    from hitl_nb.policies.terms.seats import format_need

    refuse_impossible(decided.terms, found.terms, run.requesters)
    needs = " and ".join(map(format_need, found.terms.needs))
    why = f"with these arguments it is {edited.question.title!r}, and that takes {needs}{rules}"
    return why, FurtherTerms(
        found.terms, found.allow, f"{NOT_USED_PREFIX}{why}; they are asked too, so it can be made again"
    )


def read_call_terms(asked: LiveQuestion) -> CallTerms | None:
    """Return who decides a question, and by when, as the arguments of its `checkpoint` call say.

    None if the call has no such arguments.
    """
    review = asked.review
    if not review.has_terms:
        return None
    from hitl_nb.policies.rules.rules import CallTerms

    return CallTerms(review.reviewers, review.quorum, review.deadline, review.on_deadline)


def _list_policy_inputs(asked: LiveQuestion) -> tuple[Any, ...]:
    """Return the parts of a question, other than its value, from which a policy may decide."""
    question, review = asked.question, asked.review
    return question.title, question.tags, question.confidence, replace(review, guardrails=())


def _was_shown(reason: str, shown: set[str], decided: Proposal) -> bool:
    return reason in shown or any(note.startswith(NOT_USED_PREFIX) and reason in note for note in decided.notes)
