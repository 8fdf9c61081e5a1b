"""Guardrails look at the questions of a run before they are asked, and at what people edited.

See `guardrail_checks.py`.
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
    """Run the guardrails of the questions on their values, and record with each question what they found.

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
    """Run the guardrails of a question on the value that people edited.

    Raises:
        CannotPause: A guardrail asks a question.
    """
    facts = _list_guardrail_facts(asked.question, ledger, run)
    with _count_steps_apart(asked.question.position):
        return run_guards(
            asked.review.guardrails, value, facts, lambda: values.build_question(value, title="edit").value
        )


def _list_guardrail_facts(question: Question, ledger: Ledger, run: Run) -> dict[str, Any]:
    """Copy the facts that a guardrail is given beside the value. Changing them does not change the question."""
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
    """Steps that a guardrail calls are counted apart: it is not called again where its question was decided."""
    token = inside_call.set(f"{hashlib.sha256(f'guardrails {position}'.encode()).hexdigest()[:12]}:")
    try:
        yield
    finally:
        inside_call.reset(token)
