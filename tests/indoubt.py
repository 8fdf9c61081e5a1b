"""The question that the engine asks about an effect in doubt, for tests of those who show and answer it."""

from __future__ import annotations

from datetime import UTC, datetime

from hitl_nb.agent_api.steps import StepFunction
from hitl_nb.engine.questions.doubts import build_doubt_question
from hitl_nb.records import Question, Step


def in_doubt(amount: str = "12.50", returns: type | None = str) -> Question:
    """Whether `pay(...)` happened, which returns a `returns`; None: it does not say."""

    def pay(amount: float) -> None: ...

    pay.__qualname__ = "pay"
    pay.__annotations__ = {} if returns is None else {"return": returns}
    step = Step(
        key=f"000000001/{amount}",
        name="pay",
        status="started",
        idempotency_key="0123456789abcdef",
        call=f"pay({amount})",
        arguments={"amount": amount},
        module="__main__",
        started_at=datetime(2026, 5, 1, 12, 4, 27, tzinfo=UTC),
    )
    ns = {"__name__": "__main__", "pay": StepFunction(pay)}
    return build_doubt_question(step, ns, noticed=datetime(2026, 5, 1, 12, 4, 31, tzinfo=UTC), died=True).question
