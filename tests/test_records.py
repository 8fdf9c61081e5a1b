"""Records: JSON in and out, fingerprints, canonical JSON, transitions."""

from __future__ import annotations

import json
from datetime import UTC, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb.records import (
    RUN_TRANSITIONS,
    Anchor,
    Comment,
    DecisionRecord,
    Event,
    PieceId,
    Position,
    Proposal,
    Run,
    Step,
    canonical_json,
    fingerprint,
    new_id,
    now,
    proposal_json,
    run_json,
)

AT = now()
RUN = Run(id="r" * 12, agent="refunds", notebook="a.ipynb", created_at=AT, updated_at=AT)
PROPOSAL = Proposal(
    title="Refund order 5678",
    kind="json",
    value={"amount": 2**70, "currency": "EUR"},
    schema={"type": "object"},
    options=[1, None],
    context={"why": "above the limit"},
    allow=("approve", "reject"),
    position="3/1",
    id="p" * 12,
    run=RUN.id,
    agent="refunds",
    notebook="a.ipynb",
    pause=1,
    fingerprint="f",
    created_at=AT,
    decision=DecisionRecord(action="approve", reviewer="ada", decided_at=AT, fingerprint="f"),
)
STEP = Step(key="1", name="pay", status="done", idempotency_key="k", result=b"\x00\xff", started_at=AT)
COMMENT = Comment(
    id="c" * 12,
    proposal="p" * 12,
    author="ada",
    text="why?",
    at=AT,
    anchor=Anchor(
        start=Position(tname="source", assoc=0),
        end=Position(type=None, item=PieceId(client=2**53 - 1, clock=0), assoc=-1),
    ),
    suggestion="",
    mentions=("bob",),
)
EVENT = Event(n=1, at=AT, type="decision", actor="ada", data={"action": "approve"})

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("record", [RUN, PROPOSAL, STEP, EVENT, COMMENT], ids=lambda r: type(r).__name__)
def test_a_record_survives_json(record: msgspec.Struct) -> None:
    assert msgspec.json.decode(record.json(), type=type(record)) == record


@given(json_values)
def test_the_fingerprint_of_a_stored_value_is_that_of_the_value_asked(value: object) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(value))
    assert fingerprint("r", "1", "json", "t", stored) == fingerprint("r", "1", "json", "t", value)


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert (
        canonical_json({"b": 1, "a": ["é", 1.5]})
        == canonical_json({"a": ["é", 1.5], "b": 1})
        == '{"a":["é",1.5],"b":1}'.encode()
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {"deep": [float("-inf")]}])
def test_canonical_json_refuses_what_json_cannot_say(bad: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(bad)


@pytest.mark.parametrize(
    "other",
    [
        ("q", "1", "text", "t", "v"),
        ("r", "2", "text", "t", "v"),
        ("r", "1", "markdown", "t", "v"),
        ("r", "1", "text", "u", "v"),
        ("r", "1", "text", "t", "w"),
        ("r", "1", "text", "tv", ""),
    ],
)
def test_another_question_has_another_fingerprint(other: tuple[str, str, str, str, str]) -> None:
    assert fingerprint(*other) != fingerprint("r", "1", "text", "t", "v")


def test_ids_are_opaque_and_distinct() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 12 and set(one) <= set("abcdefghijklmnopqrstuvwxyz234567") for one in ids)


def test_now_is_aware_and_utc() -> None:
    assert now().tzinfo is UTC
    assert now() - AT < timedelta(days=1)


def test_transitions_stay_among_the_known_states_and_cancelled_is_the_end() -> None:
    assert all(after <= set(RUN_TRANSITIONS) for after in RUN_TRANSITIONS.values())
    assert RUN_TRANSITIONS["cancelled"] == frozenset()


def test_the_public_documents_have_the_promised_fields() -> None:
    p, r = proposal_json(PROPOSAL), run_json(RUN)
    assert {
        "id",
        "title",
        "kind",
        "status",
        "agent",
        "notebook",
        "run",
        "pause",
        "value",
        "context",
        "revision",
    } <= set(p)
    assert {"created_at", "deadline", "decision"} <= set(p)
    assert p["decision"].keys() >= {"action", "value", "reason", "reviewer", "decided_at", "by"}
    assert r.keys() >= {"id", "agent", "notebook", "generation", "status", "pauses", "open", "created_at", "updated_at"}
    assert json.loads(json.dumps(p, default=str))["value"]["amount"] == 2**70
    assert str(r["created_at"]).endswith("Z")
