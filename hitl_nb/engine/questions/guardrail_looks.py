"""Calls of guardrails for the questions of a run: before a question is asked, and after people have edited the value.

A guardrail is a function of the user that looks at a value, and passes it, blocks it, or escalates it (a person must
decide).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.engine.call_keys.call_keys import inside_call
from hitl_nb.kinds import questions as values
from hitl_nb.records import GuardrailResult, Question, Run
from hitl_nb.review.decision import LiveQuestion, encode_original
from hitl_nb.review.guardrail_checks import run_guards

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger


def run_guardrails(asked: Sequence[LiveQuestion], ledger: Ledger, run: Run) -> None:
    """Run the guardrails (functions that check a value) of each question, and add their results to the question.

    Questions that have results already are skipped.

    Args:
        asked: The questions; they are changed.
        ledger: Gives the time.
        run: The record of the run. Guardrails get the names of the agent and notebook, and the labels.

    Raises:
        CannotPause: A guardrail asks a question.
    """
    for one in asked:
        guards = one.review.guardrails
        if not guards or one.question.guardrails:
            continue
        shown = _list_guardrail_facts(one.question, ledger, run)
        with _count_steps_apart(one.question.position):
            found = run_guards(guards, one.original, shown, lambda one=one: encode_original(one))
        one.question = msgspec.structs.replace(one.question, guardrails=found)


def run_guardrails_on_edit(asked: LiveQuestion, value: Any, ledger: Ledger, run: Run) -> tuple[GuardrailResult, ...]:
    """Run the guardrails (functions that check a value) of a question on the value that people edited.

    Args:
        asked: The question.
        value: The edited value, as a Python object.
        ledger: Gives the time.
        run: The record of the run.

    Returns:
        The results, one for each guardrail.

    Raises:
        CannotPause: A guardrail asks a question.
    """
    facts = _list_guardrail_facts(asked.question, ledger, run)
    with _count_steps_apart(asked.question.position):
        return run_guards(
            asked.review.guardrails, value, facts, lambda: values.build_question(value, title="edit").value
        )


def _list_guardrail_facts(question: Question, ledger: Ledger, run: Run) -> dict[str, Any]:
    """Return the facts that a guardrail gets in addition to the value, such as title and tags, by name.

    Changes that a guardrail makes to them do not change the question.
    """
    return {
        "kind": question.kind,
        "title": question.title,
        "tool": question.tool,
        "tags": list(question.tags),
        "confidence": question.confidence,
        "context": copy.deepcopy(question.context),
        "agent": run.agent,
        "notebook": run.notebook,
        "labels": dict(run.labels),
        "now": ledger.now(),
    }


@contextmanager
def _count_steps_apart(position: str) -> Generator[None]:
    """Number the steps that are called inside the `with` block separately from other steps.

    The block calls guardrails. If the question is already decided when the code is executed again, they are not called.
    So their steps must not count in the numbers of other steps.

    Args:
        position: Name under which the question is recorded.
    """
    token = inside_call.set(f"{hashlib.sha256(f'guardrails {position}'.encode()).hexdigest()[:12]}:")
    try:
        yield
    finally:
        inside_call.reset(token)
