"""What policies and guardrails say about the questions of a run, before people are asked and about what they edit.

Guardrails find facts, policies decide on facts. Nothing here writes to the store: `session.py` records what was judged.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import msgspec

from .. import values
from ..errors import InvalidEdit, PolicyError
from ..records import Comment, Facts, Proposal, Question, Run
from ..review.policy_files import Policy, load_policy
from .callkeys import inside_call
from .decision import Asked, Decision, decision_on, encode_now
from .guarding import reason_of, run_guards
from .pending import Pending

if TYPE_CHECKING:  # imported where something is judged: a process without policies needs none of it
    from ..policies.rules import CallTerms, MergedPolicy, Plan
    from ..store.ledger import Ledger
    from .session import Session

NOT_USED = "The last edit was not used: "
EXPIRED = "The last decision was not used: "
"""What notes begin with that say why a question is asked again."""


@dataclass(frozen=True)
class Judged:
    """What was said about some questions.

    Attributes:
        plans: one for each; None if no policy and no argument says anything: people are asked, without terms.
        facts: what was decided on, beside the questions themselves.
        policies: the merged policies that were used.
    """

    plans: list[Plan] | None = None
    facts: Facts | None = None
    policies: tuple[MergedPolicy, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether nobody needs to be asked: all of them pass, or are blocked."""
        return self.plans is not None and all(one.verdict != "ask" for one in self.plans)

    def asks(self, count: int) -> list[bool]:
        """Of each of `count` questions, whether people are asked."""
        return [True] * count if self.plans is None else [one.verdict == "ask" for one in self.plans]

    def arguments(self, ledger: Ledger) -> dict[str, Any]:
        """What the ledger is told when it records this."""
        if self.plans is None:
            return {}
        for policy in self.policies[1:]:
            ledger.keep_policy(cast("Any", policy))  # its hash is a cached property, which no protocol can have
        return {"plans": self.plans, "facts": self.facts, "policy": next(iter(self.policies), None)}


NOT_JUDGED = Judged()


class Judge:
    """Decides the questions of one session, as far as nobody has to be asked.

    Attributes:
        expired: why what the run's last pause asked has expired; "" if it has not.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.expired = ""

    def use(
        self,
        asked: Sequence[Asked],
        found: Sequence[Proposal | None],
        comments: Sequence[Sequence[Comment]] | None = None,
    ) -> list[Decision] | None:
        """The decisions that answer these questions; None if one is missing or cannot be used, as notes then say.

        `comments` are those on each, if they were read already.
        """
        session = self.session
        decided = [p for p in found if p is not None and p.status == "decided"]
        if len(decided) < len(found):
            for one, p in zip(asked, found, strict=True):
                if p is not None and p.status == "expired":
                    _add_notes(one, EXPIRED + self.expired)
            return None
        try:
            said = comments if comments is not None else [session.comments_on(p) for p in decided]
            decisions = [decision_on(*one) for one in zip(asked, decided, said, strict=True)]
        except InvalidEdit as error:
            add_note(asked, error)
            return None
        refused = [self._refuses_edit(*one) for one in zip(asked, decisions, decided, strict=True)]
        if any(refused):
            return None
        passed = [p for p in decided if not p.pause]
        if passed:
            session.judged(passed)
        return decisions

    def decide(self, pending: Pending, found: Sequence[Proposal | None], *, exact: bool) -> list[Decision]:
        """The decisions, where policies make those that are not on record, and nobody has to be asked.

        Args:
            found: what is on record of each question; if all are there, none can be used. If anybody has to be asked,
                all of the questions are asked; a policy passes none then that people were asked before.

        Raises Paused, CannotPause, PolicyError.
        """
        session, asked = self.session, pending.asked
        usable = [p if p is not None and p.status == "decided" and not (exact and p.pause) else None for p in found]
        if None not in usable:
            usable = [None] * len(asked)
        new = [one for one, p in zip(asked, usable, strict=True) if p is None]
        again = [p is not None and _was_asked(p) for p in found]
        look(new, session.ledger, session.run_record)
        with session.turn:
            session.check_going()
            judged = self.judge(new, [repeated for repeated, p in zip(again, usable, strict=True) if p is None])
            if judged.is_decided:
                recorded = iter(self._record(new, judged))
                decided = [next(recorded) if p is None else p for p in usable]
                said = [() if p is None else session.comments_on(p) for p in usable]
                return [decision_on(*one) for one in zip(asked, decided, said, strict=True)]
        look(asked, session.ledger, session.run_record)
        with session.turn:
            session.check_going()
            all_judged = judged if len(new) == len(asked) else self.judge(asked, again)
            return session.pause(pending, exact=exact, judged=all_judged)

    def judge(self, asked: Sequence[Asked], again: Sequence[bool] | None = None) -> Judged:
        """What policies say about questions that guardrails have looked at; `again`: which were asked before."""
        session = self.session
        judged = judge(asked, session.ledger, session.run_record)
        return judged if judged.plans is None or not any(again or ()) else ask_again(judged, judged.plans, again or ())

    def _record(self, asked: Sequence[Asked], judged: Judged) -> list[Proposal]:
        session = self.session
        questions = [one.question for one in asked]
        found = session.ledger.record_verdicts(session.claim, questions, **judged.arguments(session.ledger))
        session.judged(found)
        return found

    def _refuses_edit(self, asked: Asked, decision: Decision, decided: Proposal) -> bool:
        """Let guardrails look at what people edited; whether they are asked again, with the reason in a note."""
        session = self.session
        if decided.pause != session.run_record.pauses:
            return False  # the run has used it
        try:
            edited = asked.as_edited(decision.value) if decision.action == "edit" else asked
        except Exception as error:  # noqa: BLE001  # of the agent's functions of the arguments; people are told, and asked
            _add_notes(asked, f"{NOT_USED}the call cannot be proposed with it: {type(error).__name__}: {error}")
            return True
        why = refused_edit(edited, decision, decided, session.ledger, session.run_record) or refused_call(
            asked, edited, decided, session.run_record
        )
        if why:
            before = [note for note in decided.notes if note.startswith(NOT_USED)]
            _add_notes(asked, *before, NOT_USED + why)
        return bool(why)


def look(asked: Sequence[Asked], ledger: Ledger, run: Run) -> None:
    """Run the guardrails of the questions on their values, and record with each question what they found.

    Raises CannotPause if a guardrail asks.
    """
    for one in asked:
        guards = one.review.guardrails
        if not guards or one.question.guardrails:
            continue
        shown = _facts_for_guardrails(one.question, ledger, run)
        with _apart(one.question.position):
            found = run_guards(guards, one.original, shown, lambda one=one: encode_now(one))
        one.question = msgspec.structs.replace(one.question, guardrails=found)


def judge(asked: Sequence[Asked], ledger: Ledger, run: Run) -> Judged:
    """What policies say about questions that guardrails have looked at. Raises PolicyError."""
    found: dict[Policy | None, MergedPolicy | None] = {}
    for one in asked:
        own = one.review.policy
        if own not in found:
            found[own] = load_policy(run.notebook, *((own,) if own is not None else ()))
    merged = [found[one.review.policy] for one in asked]
    if not any(
        policy is not None or one.review.has_terms or one.review.guardrails
        for policy, one in zip(merged, asked, strict=True)
    ):
        return NOT_JUDGED
    from ..policies.rules import plan

    facts = Facts(now=ledger.now(), labels=run.labels)
    names: dict[str, Any] = {"agent": run.agent, "notebook": run.notebook, "requesters": run.requesters}
    plans = [
        plan(policy, one.question, facts, call=_call_terms(one), **names)
        for policy, one in zip(merged, asked, strict=True)
    ]
    return Judged(plans, facts, tuple({policy.sha256: policy for policy in merged if policy is not None}.values()))


def ask_again(judged: Judged, plans: Sequence[Plan], again: Sequence[bool]) -> Judged:
    """The same, where people are asked those questions that were asked before: a policy does not pass them now."""
    changed = [
        replace(one, verdict="ask") if repeated and one.verdict == "pass" else one
        for one, repeated in zip(plans, again, strict=True)
    ]
    return replace(judged, plans=changed)


def refused_edit(asked: Asked, decision: Decision, decided: Proposal, ledger: Ledger, run: Run) -> str:
    """Why the value that people made of a question cannot be used, as guardrails see it; "" if it can.

    A guardrail that only escalates, with a reason that these people were shown, has had its look by a person.
    """
    guards = asked.review.guardrails
    if decision.action != "edit" or not guards:
        return ""
    facts = _facts_for_guardrails(asked.question, ledger, run)
    with _apart(asked.question.position):
        found = run_guards(guards, decision.value, facts, lambda: values.ask(decision.value, title="edit").value)
    shown = {reason_of(one) for one in decided.guardrails if one.verdict == "escalate"}
    refused = [
        reason_of(one)
        for one in found
        if one.verdict == "block" or (one.verdict == "escalate" and not _was_shown(reason_of(one), shown, decided))
    ]
    return "; ".join(refused)


def refused_call(asked: Asked, edited: Asked, decided: Proposal, run: Run) -> str:
    """Why the call that people made of a call cannot be used, as policies see it; "" if it can.

    What follows from the value alone was judged when they edited it. Here it is what a gate makes of the arguments.
    Raises PolicyError for a file that cannot be used.
    """
    if _said(edited) == _said(asked):
        return ""
    from ..policies.rules import judge_edited_call

    own = edited.review.policy
    policy = load_policy(run.notebook, *((own,) if own is not None else ()))
    question = msgspec.structs.replace(edited.question, guardrails=decided.guardrails)
    try:
        found = judge_edited_call(policy, decided, question, call=_call_terms(edited), requesters=run.requesters)
    except PolicyError as error:
        return str(error)
    if found is None:
        return ""
    needs = " and ".join(need.text for need in found.terms.needs) if found.terms is not None else ""
    says = "the policy blocks that" if found.verdict == "block" else f"that takes {needs}"
    rules = f" ({', '.join(found.rules)})" if found.rules else ""
    return f"with these arguments it is {edited.question.title!r}, and {says}{rules}"


def _said(asked: Asked) -> tuple[Any, ...]:
    """What a policy may decide on, or is told, beside the value."""
    question, review = asked.question, asked.review
    return question.title, question.tags, question.confidence, replace(review, guardrails=())


def _was_asked(p: Proposal) -> bool:
    """Whether people were asked it; a policy that decided it beside others may do so again."""
    return p.decision is None or p.decision.by != "policy"


def _was_shown(reason: str, shown: set[str], decided: Proposal) -> bool:
    return reason in shown or any(note.startswith(NOT_USED) and reason in note for note in decided.notes)


def _call_terms(asked: Asked) -> CallTerms | None:
    review = asked.review
    if not review.has_terms:
        return None
    from ..policies.rules import CallTerms

    return CallTerms(review.reviewers, review.quorum, review.deadline, review.on_deadline)


def _facts_for_guardrails(question: Question, ledger: Ledger, run: Run) -> dict[str, Any]:
    """What a guardrail is told beside the value; nothing in it belongs to the question itself."""
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
def _apart(position: str) -> Generator[None]:
    """Steps that a guardrail calls are counted apart: it is not called again where its question was decided."""
    token = inside_call.set(f"{hashlib.sha256(f'guardrails {position}'.encode()).hexdigest()[:12]}:")
    try:
        yield
    finally:
        inside_call.reset(token)


def add_note(questions: Sequence[Asked], error: InvalidEdit) -> None:
    """Say with the questions, which are asked again, why the last edit cannot be used."""
    note = f"{NOT_USED}{error}"
    for asked in questions:
        context = asked.question.context
        if isinstance(context, dict):
            context = {**context, "note": note}  # pyright: ignore[reportUnknownVariableType]
        else:
            context = f"{context}\n\n{note}" if context else note
        asked.question = msgspec.structs.replace(asked.question, context=context)


def _add_notes(asked: Asked, *notes: str) -> None:
    said = dict.fromkeys((*asked.question.notes, *notes))
    asked.question = msgspec.structs.replace(asked.question, notes=tuple(said))
