"""`held()`: a question that a program holds open while it waits for the decision.

It is for programs that cannot end and continue in another process, such as a chat agent that asks for a permission.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

import msgspec

from hitl_nb.agent_api.checkpoint import proposal
from hitl_nb.agent_api.outside_runs import find_program
from hitl_nb.engine.questions.answers import AnswerReader
from hitl_nb.engine.questions.guardrail_looks import run_guardrails
from hitl_nb.engine.questions.judgment import judge_questions, require_people_again
from hitl_nb.engine.run.cell_run import get_ledger
from hitl_nb.errors import HitlError, RunClaimed
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.records import ACTIONS, Action, KindName, Proposal, Run
from hitl_nb.review.decision import Decision, LiveQuestion
from hitl_nb.review.decision_expiry import explain_expiry
from hitl_nb.review.policy_files.policy_files import load_policy
from hitl_nb.review.programs.inbox import decided
from hitl_nb.review.review_arguments import OnDeadline
from hitl_nb.scripted_review.reviewer import attending_reviewer
from hitl_nb.storage import Store

if TYPE_CHECKING:
    from hitl_nb.review.policy_files.policy_files import Policy

T = TypeVar("T")

_POSITION = "held"
_LEFT = "the program no longer waits for an answer"


def held(
    value: Any,
    *,
    title: str,
    agent: str | None = None,
    kind: KindName | None = None,
    context: Mapping[str, Any] | str | None = None,
    schema: Any = None,
    options: Sequence[Any] | None = None,
    allow: Sequence[Action] = ACTIONS,
    reasons: Sequence[str] = (),
    tags: Sequence[str] = (),
    confidence: float | None = None,
    guardrails: Sequence[Callable[..., Any]] = (),
    reviewers: Sequence[str] | None = None,
    quorum: int = 1,
    deadline: timedelta | datetime | None = None,
    on_deadline: OnDeadline = "wait",
    policy: Policy | None = None,
    store: Store | None = None,
) -> HeldQuestion:
    """Return a question that this program holds open while it waits: `async with hitl.held(...) as question`.

    People are asked when the `async with` block begins. `await question` waits for the decision. The program must stay
    alive: when the block ends without a decision, or when the process dies, the question is withdrawn. In an agent use
    `checkpoint`: its question survives the process.

    Args:
        value: The proposed value, as for `checkpoint`.
        title: Name of the proposal, one line.
        agent: Name of the one who asks, shown to people. None: the name of the program.
        kind: How the value is shown and edited. None: chosen by the value's type.
        context: Information that the reviewer needs (evidence), as for `checkpoint`.
        schema: JSON Schema, pydantic model or type that an edited value must satisfy.
        options: For kind "choice", the values to choose from.
        allow: Actions that a reviewer may take.
        reasons: Reasons that a reviewer may choose instead of writing one.
        tags: Words that policies can test.
        confidence: How sure the agent is, from 0 to 1. None: unknown.
        guardrails: Functions marked with `@guardrail` that check the value first.
        reviewers: Names of people or groups ("@finance") who may decide. None: anyone who may decide in this store.
        quorum: Number of people who must approve.
        deadline: When the clock acts: a time after the question is asked, or an aware datetime. None: never.
        on_deadline: Action of the clock at the deadline. "wait": keep waiting.
        policy: Rules for this question, in addition to the store's policy.
        store: The store, from `open_store`. None: this user's store.

    Raises:
        ValueError: An argument has an invalid value.
        TypeError: An argument has a wrong type.
    """
    if agent is not None and (not isinstance(agent, str) or not agent.strip()):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise ValueError(f"agent must be the name of the one who asks, not {agent!r}")
    asked = proposal(
        value,
        title=title,
        kind=kind,
        context=context,
        schema=schema,
        options=options,
        allow=allow,
        reasons=reasons,
        tags=tags,
        confidence=confidence,
        guardrails=guardrails,
        reviewers=reviewers,
        quorum=quorum,
        deadline=deadline,
        on_deadline=on_deadline,
        policy=policy,
    )
    asked.question = msgspec.structs.replace(asked.question, position=_POSITION)
    return HeldQuestion(asked, agent, store)


class HeldQuestion:
    """A question that this program holds open. Use it in one `async with` block.

    Args:
        asked: The question.
        agent: Name of the one who asks; None: the name of the program.
        store: The store; None: this user's store.
    """

    def __init__(self, asked: LiveQuestion, agent: str | None, store: Store | None) -> None:
        self._asked = asked
        self._agent = agent
        self._store = store
        self._lock = threading.Lock()
        self._work: _HeldRun | None = None
        self._left = False

    @property
    def id(self) -> str:
        """Id of the proposal."""
        return self.proposal.id

    @property
    def proposal(self) -> Proposal:
        """The proposal as it was asked. It changes if an edit could not be used, and people are asked again."""
        return self._find_work().proposal

    async def __aenter__(self) -> Self:
        """Ask people, unless a policy decides.

        Raises:
            HitlError: The question is in use already.
            PolicyError: A policy cannot be used.
            StoreError: The store cannot be written.
        """
        if self._work is not None or self._left:
            raise HitlError("a held question is asked once; call hitl.held(...) again")
        try:
            await _call(self._open)
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(self, *raised: object) -> None:
        """Withdraw the question if its decision was not used."""
        await self._leave()

    def __await__(self) -> Generator[Any, None, Decision]:
        return self.decided().__await__()

    async def decided(self, *, timeout: float | None = None) -> Decision:  # noqa: ASYNC109 - waiting without a limit is the default
        """Wait for the decision, and return it as `checkpoint` does. A second call returns the same decision.

        If an edit cannot be used, for example because a guardrail objects, people are asked again.

        Args:
            timeout: Most seconds to wait; 0: only look. None (default): no limit.

        Raises:
            TimeoutError: Nobody has decided after `timeout` seconds. The question is still open.
            HitlError: The question was withdrawn: the run was cancelled, or the `async with` block has ended.
            StoreCorrupt: The decision is not the one in the audit log.
        """
        work = self._find_work()
        end = None if timeout is None else time.monotonic() + timeout
        while work.decision is None:
            self._refuse_left(work)
            left = None if end is None else max(0.0, end - time.monotonic())
            found = await decided(work.proposal, timeout=left, store=work.ledger.store)
            await _call(self._use, work, found)
        return work.decision

    def _open(self) -> None:
        with self._lock:
            if self._left:
                return  # the task was cancelled before this thread began
            ledger = get_ledger(self._store)
            home = find_program(ledger)
            agent = self._agent.strip() if self._agent else Path(home).stem or "program"
            self._work = _HeldRun(ledger, *ledger.held.open(agent=agent, notebook=home, label="program"), self._asked)
            self._work.ask(again=False)

    def _use(self, work: _HeldRun, found: Proposal) -> None:
        with self._lock:
            self._refuse_left(work)
            if found.id == work.proposal.id and work.decision is None:
                work.use(found)

    async def _leave(self) -> None:
        from anyio import CancelScope

        with CancelScope(shield=True):
            await _call(self._close)

    def _close(self) -> None:
        with self._lock:
            self._left = True
            if self._work is not None:
                self._work.leave()

    def _find_work(self) -> _HeldRun:
        if self._work is None:
            raise HitlError("the question is not asked yet: use `async with hitl.held(...) as question`")
        return self._work

    def _refuse_left(self, work: _HeldRun) -> None:
        if self._left and work.decision is None:
            raise HitlError(f"the question {work.proposal.title!r} was withdrawn: its `async with` block has ended")


class _HeldRun:
    """The run of one held question: it asks, uses the decision, and ends.

    Attributes:
        ledger, claim, run_record: The records of the store, the claim of this process, and the record of the run.
        proposal: The proposal that was asked last.
        decision: The decision that the program uses; None: not yet.
    """

    proposal: Proposal

    def __init__(self, ledger: Ledger, run: Run, claim: Claim, asked: LiveQuestion) -> None:
        self.ledger, self.run_record, self.claim = ledger, run, claim
        self.decision: Decision | None = None
        self._asked = asked
        self.judged: Callable[[list[Proposal]], None] = _show_nothing
        self.objected: Callable[[str], None] = _show_nothing
        self._answers = AnswerReader(self)

    def ask(self, *, again: bool) -> None:
        """Let the policies judge the question, and ask people if they must decide.

        Args:
            again: Whether people were asked before; a policy does not pass the question then.

        Raises:
            RunClaimed: The run was cancelled.
        """
        ledger, asked = self.ledger, self._asked
        run_guardrails([asked], ledger, self.run_record)
        judged = judge_questions([asked], ledger, self.run_record)
        if again and judged.plans is not None:
            judged = require_people_again(judged, judged.plans, [True])
        more: dict[str, Any] = judged.make_ledger_arguments(ledger) | {"blobs": asked.blobs}
        if judged.is_decided:
            [self.proposal] = ledger.policies.record_verdicts(self.claim, [asked.question], **more)
            self._accept()
            return
        self.run_record, self.proposal = ledger.held.ask(self.claim, asked.question, **more)
        reviewer = attending_reviewer(ledger, self.run_record.notebook)
        if reviewer is not None:
            reviewer.answer_proposals(ledger, [self.proposal])

    def use(self, found: Proposal) -> None:
        """Use the decision on the proposal. If it cannot be used, ask people again.

        Args:
            found: The proposal, which is no longer open.

        Raises:
            HitlError: The run was cancelled.
        """
        if found.status != "decided":
            self._refuse_cancelled()
        own = self._asked.review.policy
        policy = load_policy(self.run_record.notebook, *((own,) if own is not None else ()))
        try:
            self.run_record, self.proposal = self.ledger.held.resume(self.claim, policy)
            if self.proposal.status == "expired":
                self._answers.expired = explain_expiry(self.ledger, self.run_record)
            if not self._accept():
                self.ask(again=True)
        except RunClaimed:
            self._refuse_cancelled()

    def leave(self) -> None:
        """End the run, if it has not ended."""
        if self.decision is not None:
            return
        try:
            self.ledger.held.withdraw(self.claim, _LEFT)
        except RunClaimed:
            self.ledger.claims.release(self.claim)  # somebody cancelled it before

    def _accept(self) -> bool:
        """Use the decision of `self.proposal`, and end the run. False if the decision cannot be used."""
        decisions = self._answers.use_decisions([self._asked], [self.proposal])
        if decisions is None:
            return False
        self.ledger.held.finish(self.claim)
        [self.decision] = decisions
        return True

    def _refuse_cancelled(self) -> NoReturn:
        events = self.ledger.audit.read_run_events(self.run_record.id)
        ends = [event for event in events if event.type == "run.cancelled"]
        by = f"{ends[-1].actor} cancelled it" if ends else "its run has ended"
        raise HitlError(f"the question {self.proposal.title!r} was withdrawn: {by}") from None


def _show_nothing(_: object) -> None:
    """Do nothing: the program has no outputs. The decision says what a policy or guardrail found."""


async def _call(function: Callable[..., T], *args: Any) -> T:
    """Call a function that blocks in a thread of its own, so that the event loop is free."""
    from anyio import CapacityLimiter, to_thread

    return await to_thread.run_sync(function, *args, limiter=CapacityLimiter(1))
