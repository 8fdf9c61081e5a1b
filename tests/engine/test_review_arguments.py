"""Review arguments of checkpoints and gates: what is refused, in which words, and what becomes of the others."""

from __future__ import annotations

import math
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import hitl_nb as hitl
from hitl_nb.agent_api.labels import check_labels
from hitl_nb.review.review_arguments import NO_REVIEW, Review, check_review


def check(value: Any) -> None:
    return None


HOUR = timedelta(hours=1)
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "confidence above 1": ({"confidence": 1.2}, ValueError, "confidence must be a number from 0 to 1, not 1.2"),
    "confidence below 0": ({"confidence": -0.1}, ValueError, "confidence must be"),
    "confidence NaN": ({"confidence": math.nan}, ValueError, "confidence must be a number from 0 to 1, not nan"),
    "confidence a bool": ({"confidence": True}, TypeError, "confidence .* not bool"),
    "confidence a text": ({"confidence": "0.9"}, TypeError, "confidence .* not str"),
    "confidence a list": ({"confidence": [1]}, TypeError, "confidence .* not list"),
    "tags one text": ({"tags": "vip"}, TypeError, "tags must be a sequence of words"),
    "tags with a space": ({"tags": ("very important",)}, ValueError, "tags must be words"),
    "tags empty": ({"tags": ("",)}, ValueError, "tags must be words"),
    "tags numbers": ({"tags": (1,)}, TypeError, "tags must be words .* not int"),
    "guardrails one function": ({"guardrails": check}, TypeError, "guardrails must be a sequence of functions"),
    "guardrails text": ({"guardrails": ("iban",)}, TypeError, r"guardrails\[0\] must be a function .* not a str"),
    "guardrails a class": ({"guardrails": (int,)}, TypeError, r"guardrails\[0\] must be a function"),
    "guardrails twice": ({"guardrails": (check, check)}, ValueError, r"guardrails\[1\] has the name 'check'"),
    "guardrails no arguments": ({"guardrails": (lambda: None,)}, TypeError, r"guardrails\[0\] must take \(value\)"),
    "reviewers one text": ({"reviewers": "ada"}, TypeError, "reviewers must be a sequence of user names and groups"),
    "reviewers nobody": ({"reviewers": ()}, ValueError, "reviewers must name somebody"),
    "reviewers empty group": ({"reviewers": ("@",)}, ValueError, "'@' is neither"),
    "quorum 0": ({"quorum": 0}, ValueError, "quorum must be 1 or more, not 0"),
    "quorum a bool": ({"quorum": True}, TypeError, "quorum must be an int"),
    "quorum a float": ({"quorum": 1.5}, TypeError, "quorum must be an int"),
    "deadline naive": ({"deadline": datetime(2026, 1, 5)}, ValueError, "deadline .* 2026-01-05T00:00:00 has no time"),  # noqa: DTZ001
    "deadline a number": ({"deadline": 3600}, TypeError, "deadline must be a timedelta or an aware datetime, not int"),
    "deadline past": ({"deadline": timedelta(0)}, ValueError, "deadline must be in the future"),
    "deadline NaT": ({"deadline": pd.NaT}, TypeError, "deadline must be a timedelta or an aware datetime, not NaT"),
    "deadline beyond all calendars": (
        {"deadline": datetime.max.replace(tzinfo=timezone(-HOUR))},
        ValueError,
        "deadline must be a time of the years 1 to 9999",
    ),
    "quorum of a crowd": ({"quorum": 10**30}, ValueError, "nobody could meet it"),
    "on_deadline unknown": ({"deadline": HOUR, "on_deadline": "explode"}, ValueError, "wait, reject, approve, escal"),
    "on_deadline alone": ({"on_deadline": "reject"}, ValueError, "on_deadline='reject' needs a deadline"),
    "approve for several": (
        {"deadline": HOUR, "on_deadline": "approve", "quorum": 2},
        ValueError,
        'on_deadline="approve" cannot be combined with quorum=2',
    ),
    "approve not allowed": (
        {"deadline": HOUR, "on_deadline": "approve", "allow": ("reject",)},
        ValueError,
        "on_deadline='approve' needs 'approve' in allow",
    ),
    "policy a dict": ({"policy": {}}, TypeError, r"policy must be made with hitl.policy\(...\), not dict"),
}


@pytest.mark.parametrize(("given", "error", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_argument_is_refused_by_name(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        hitl.proposal("x", title="t", **given)
    if given.get("guardrails") is not check:  # of a gate, a function of the call's arguments
        with pytest.raises(error, match=message):
            hitl.gate(**given)(lambda to: None)


def test_a_gate_checks_what_its_functions_return_at_each_call() -> None:
    @hitl.gate(confidence=lambda amount: amount / 10, deadline=lambda amount: HOUR, on_deadline="reject")
    def refund(amount: float) -> None: ...

    with pytest.raises(ValueError, match=r"confidence must be a number from 0 to 1, not 2\.0"):
        refund._propose_call((20,), {})
    question = refund._propose_call((5,), {}).asked[0].question
    assert question.confidence == 0.5


def test_one_guardrail_is_no_function_of_the_arguments() -> None:
    with pytest.raises(TypeError, match="guardrails must be a sequence of functions"):
        hitl.gate(guardrails=hitl.guardrail(check))(lambda to: None)


def test_good_arguments_are_facts_of_the_question() -> None:
    asked = hitl.proposal("x", title="t", tags=["vip", "eu", "vip"], confidence=Decimal("0.5"))
    assert asked.question.tags == ("vip", "eu")
    assert asked.question.confidence == 0.5
    when = datetime.now(UTC) + HOUR
    review = hitl.proposal("x", title="t", reviewers=["ada", "@finance"], quorum=2, deadline=when).review
    assert (review.reviewers, review.quorum, review.deadline) == (("ada", "@finance"), 2, when)
    for given, kept in ((pd.Timestamp(when), when), (pd.Timedelta(HOUR), HOUR)):  # they can be stored as these only
        found = hitl.proposal("x", title="t", deadline=given).review.deadline
        assert (type(found), found) == (type(kept), kept)


def test_labels_are_texts() -> None:
    prompt = "You are a refund agent.\n" * 10
    found = check_labels({"model": "m-3", "prompt": prompt, "temperature": 0.2, "strict": True})
    assert found["model"] == "m-3"
    assert found["prompt"].startswith("sha256:")
    assert len(found["prompt"]) == 7 + 64
    assert (found["temperature"], found["strict"]) == ("0.2", "true")
    with pytest.raises(TypeError, match="the label model must be a text, a number or a bool, not list"):
        check_labels({"model": ["m"]})
    with pytest.raises(ValueError, match="must be an identifier"):
        check_labels({"a b": "c"})


def test_labels_are_of_a_run() -> None:
    with pytest.raises(hitl.NotInAgent):
        hitl.labels(model="m-3")


def test_a_saved_state_has_a_name_in_place_of_arguments_that_were_not_given() -> None:
    assert check_review() is NO_REVIEW
    assert check_review(tags=[]) == NO_REVIEW
    saved = pickle.dumps(NO_REVIEW)
    assert pickle.loads(saved) is NO_REVIEW
    assert len(saved) < 80
    some = check_review(tags=("vip",), quorum=2)
    assert pickle.loads(pickle.dumps(some)) == some == Review(tags=("vip",), quorum=2)
