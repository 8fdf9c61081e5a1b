"""Decisions that a server signed: what a kernel accepts of them, and what not."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb import settings
from hitl_nb.errors import HitlError, StoreCorrupt, Untrusted
from hitl_nb.ledger.decisions.reviewers import format_decider
from hitl_nb.ledger.decisions.signatures import (
    ReviewerAttestation,
    SigningKey,
    decision_message,
)
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Comment, DecisionRecord, Proposal, Question, Snapshot
from hitl_nb.storage.memory import MemoryStore


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.delenv(settings.SERVER_KEY.name, raising=False)
    monkeypatch.delenv(settings.SIGNED_ONLY.name, raising=False)
    monkeypatch.delenv(settings.SERVER_LOGINS.name, raising=False)
    return tmp_path


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MemoryStore())


def ask_question(ledger: Ledger) -> Proposal:
    _, claim = ledger.runs.open(agent="refunds", notebook="/refunds.ipynb")
    questions = [Question(title="Refund order 5678", kind="json", value={"amount": 120})]
    return ledger.runs.pause(claim, Snapshot(envelope=b""), questions).proposals[0]


def sign_decision(ledger: Ledger, p: Proposal, key: SigningKey, **more: Any) -> Proposal:
    attest = ReviewerAttestation(key, "Ann", "login", "A0")
    return ledger.proposals.decide(p.id, "edit", value={"amount": 9}, reviewer="ann", attestation=attest, **more)


def test_a_signed_decision_is_used_and_says_how_the_reviewer_was_known(ledger: Ledger) -> None:
    p = ask_question(ledger)
    sign_decision(ledger, p, SigningKey.of_this_user())
    (read,) = ledger.proposals.list_of_run(p.run)
    assert read.decision is not None
    assert (read.decision.reviewer_name, read.decision.authn, read.decision.assurance) == ("Ann", "login", "A0")
    assert ledger.audit.read_events()[-1].data["signature"] == read.decision.signature
    assert ledger.audit.verify().ok


def test_the_key_is_this_users_alone_and_stays_the_same(home: Path) -> None:
    key = SigningKey.of_this_user()
    assert stat.S_IMODE((home / "hitl_nb" / "server_key").stat().st_mode) == 0o600
    assert SigningKey.of_this_user().public == key.public
    assert sorted(path.name for path in (home / "hitl_nb").iterdir()) == ["server_key", "server_key.pub"]


def test_a_key_that_others_can_read_is_not_used(home: Path) -> None:
    SigningKey.of_this_user()
    (home / "hitl_nb" / "server_key").chmod(0o644)
    with pytest.raises(HitlError, match="readable by nobody else"):
        SigningKey.of_this_user()


def forge_decision(ledger: Ledger, p: Proposal, change: Callable[[DecisionRecord], DecisionRecord]) -> None:
    """Change a decision in the store, with an audit log made to fit: by somebody who can write all of the store."""

    def work(tx: Any) -> None:
        stored = rows.load_proposal(tx, p.id)
        assert stored is not None
        assert stored.decision is not None
        made = change(stored.decision)
        event = chain.read_event(tx, made.event)
        assert event is not None
        data = {
            **event.data,
            "action": made.action,
            "reason": made.reason,
            "value_sha256": _digest(made.value),
            "signature": made.signature,
            "authn": made.authn,
        }
        tx.put(f"event/{made.event:012d}", msgspec.structs.replace(event, data=data, actor=made.reviewer).json())
        tx.put(f"proposal/{p.id}", msgspec.structs.replace(stored, decision=made).json())

    ledger.store.transact(work)


def _digest(value: Any) -> str:
    import hashlib

    from hitl_nb.records import canonical_json

    return hashlib.sha256(canonical_json(value)).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: msgspec.structs.replace(d, value={"amount": 9000}),
        lambda d: msgspec.structs.replace(d, reviewer="mallory"),
        lambda d: msgspec.structs.replace(d, reason="fine"),
        lambda d: msgspec.structs.replace(d, authn="token"),
        lambda d: msgspec.structs.replace(d, signature="AAAA"),
        lambda d: msgspec.structs.replace(d, signature="not base64 é"),
    ],
    ids=["value", "reviewer", "reason", "authn", "signature", "garbage"],
)
def test_a_signed_decision_that_was_changed_is_refused_even_if_the_log_was_made_to_fit(
    ledger: Ledger, change: Callable[[DecisionRecord], DecisionRecord]
) -> None:
    p = ask_question(ledger)
    sign_decision(ledger, p, SigningKey.of_this_user())
    forge_decision(ledger, p, change)
    with pytest.raises(Untrusted, match="not signed by a server that this kernel knows"):
        ledger.proposals.list_of_run(p.run)


def test_taking_the_signature_off_the_record_alone_is_seen(ledger: Ledger) -> None:
    p = ask_question(ledger)
    decided = sign_decision(ledger, p, SigningKey.of_this_user())
    assert decided.decision is not None
    bare = msgspec.structs.replace(decided.decision, signature=None)
    ledger.store.transact(lambda tx: tx.put(f"proposal/{p.id}", msgspec.structs.replace(decided, decision=bare).json()))
    with pytest.raises(StoreCorrupt):
        ledger.proposals.list_of_run(p.run)


def test_another_servers_key_is_refused_unless_it_is_pinned(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "other"))
    other = SigningKey.of_this_user()
    p = ask_question(ledger)
    sign_decision(ledger, p, other)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "mine"))
    mine = SigningKey.of_this_user()
    with pytest.raises(Untrusted):
        ledger.proposals.list_of_run(p.run)
    monkeypatch.setenv(settings.SERVER_KEY.name, f"{mine.public}, {other.public}")
    assert ledger.proposals.list_of_run(p.run)[0].status == "decided"


def test_a_signature_is_good_for_one_store_one_proposal_and_one_revision(ledger: Ledger) -> None:
    p = ask_question(ledger)
    decided = sign_decision(ledger, p, SigningKey.of_this_user())
    assert decided.decision is not None
    said = decision_message(ledger.store_id, decided, decided.decision, p.revision)
    assert said != decision_message("another", decided, decided.decision, p.revision)
    assert said != decision_message(ledger.store_id, decided, decided.decision, p.revision + 1)
    moved = msgspec.structs.replace(decided, id="aaaaaaaaaaaa")
    assert said != decision_message(ledger.store_id, moved, decided.decision, p.revision)


def test_where_only_signed_decisions_count_a_bare_one_is_refused(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = ask_question(ledger)
    ledger.proposals.decide(p.id, "approve", reviewer="ann")
    assert ledger.proposals.list_of_run(p.run)[0].status == "decided"
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    with pytest.raises(Untrusted, match="not taken through a server"):
        ledger.proposals.list_of_run(p.run)


# --- how it is known who decided ------------------------------------------------------------------------------------


def decider_text(ledger: Ledger, p: Proposal) -> str:
    shown = ledger.proposals.load(p.id)
    assert shown.decision is not None
    return format_decider(shown.decision, ledger.reviewers.identify(shown))


def changed_record(ledger: Ledger, p: Proposal, **fields: Any) -> None:
    """Change the decision's record behind the ledger's back, as any program of this user can."""
    shown = ledger.proposals.load(p.id)
    assert shown.decision is not None
    changed = msgspec.structs.replace(shown, decision=msgspec.structs.replace(shown.decision, **fields))
    ledger.store.transact(lambda tx: tx.put(f"proposal/{p.id}", changed.json()))


def test_a_login_that_a_known_server_signed_is_a_persons_decision(ledger: Ledger) -> None:
    p = ask_question(ledger)
    sign_decision(ledger, p, SigningKey.of_this_user())
    assert decider_text(ledger, p) == "Ann (ann), logged in, in a window where notebooks' HTML runs"


def test_a_login_in_the_page_of_its_own_needs_no_remark(ledger: Ledger) -> None:
    p = ask_question(ledger)
    attest = ReviewerAttestation(SigningKey.of_this_user(), "Ann", "login", "A0", "page")
    ledger.proposals.decide(p.id, "approve", reviewer="ann", attestation=attest)
    assert decider_text(ledger, p) == "Ann (ann), logged in"
    assert ledger.proposals.list_of_run(p.run)[0].status == "decided"


@pytest.mark.parametrize("authn", ["token", "anonymous"])
def test_who_did_not_log_in_is_a_guest(ledger: Ledger, authn: Any) -> None:
    p = ask_question(ledger)
    attest = ReviewerAttestation(SigningKey.of_this_user(), "Ann", authn, "A0")
    ledger.proposals.decide(p.id, "approve", reviewer="ann", attestation=attest)
    assert decider_text(ledger, p).startswith("a guest (")
    assert "ann" not in decider_text(ledger, p).lower()


def test_a_login_is_not_believed_where_nobody_can_log_in(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    p = ask_question(ledger)
    sign_decision(ledger, p, SigningKey.of_this_user())
    monkeypatch.setenv(settings.SERVER_LOGINS.name, "0")
    assert decider_text(ledger, p) == "a guest (the server knows its token only)"


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("person", "ann (unsigned: any program of this user can say so)"),
        ("policy", "the policy ann"),
        ("deadline", "the deadline"),
        ("script", "the script ann"),
    ],
)
def test_what_nobody_signed_never_reads_like_a_persons_login(ledger: Ledger, by: Any, words: str) -> None:
    p = ask_question(ledger)
    ledger.proposals.decide(p.id, "approve", reviewer="ann", by=by)
    assert decider_text(ledger, p) == words


@pytest.mark.parametrize(
    "fields",
    [
        {"reviewer": "bob"},
        {"reviewer_name": "Bob"},
        {"authn": "token"},
        {"assurance": "A2"},
        {"assurance": None},
        {"surface": "page"},
        {"surface": None},
        {"signature": None},
        {"signature": "AAAA"},
        {"value": {"amount": 10_000}},
        {"reason": "because"},
        {"action": "approve", "value": None},
    ],
    ids=str,
)
def test_a_record_that_was_changed_is_not_a_persons_decision(ledger: Ledger, fields: dict[str, Any]) -> None:
    p = ask_question(ledger)
    sign_decision(ledger, p, SigningKey.of_this_user())
    changed_record(ledger, p, **fields)
    assert "(unsigned" in decider_text(ledger, p)
    with pytest.raises((StoreCorrupt, Untrusted)):
        ledger.proposals.list_of_run(p.run)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"text": "pay them"},
        {"author": "bob"},
        {"author_name": "Bob"},
        {"suggestion": "all of it"},
        {"signature": None, "known": "login"},
        {"surface": None},
        {"authn": "token"},
    ],
    ids=str,
)
def test_a_comment_is_a_persons_as_long_as_nobody_changes_it(ledger: Ledger, fields: dict[str, Any]) -> None:
    p = ask_question(ledger)
    attest = ReviewerAttestation(SigningKey.of_this_user(), "Ann", "login", "A0")
    about: dict[str, Any] = {"quote": "120", "anchor": {"start": {"tname": "source"}, "end": {"tname": "source"}}}
    made = ledger.comments.add(p.id, "why?", author="ann", author_name="Ann", attestation=attest, **about)
    assert made.known == "login"
    ((key, raw),) = ledger.store.scan(f"comment/{p.id}/", f"comment/{p.id}/~")
    changed = msgspec.structs.replace(msgspec.json.decode(raw, type=Comment), **fields)
    ledger.store.transact(lambda tx: tx.put(key, changed.json()))
    (found,) = ledger.comments.list_on_document(p.id)
    assert found.known == ("unsigned" if fields else "login")


def test_what_became_of_a_comment_is_known_as_the_comment_is(ledger: Ledger) -> None:
    p, other = ask_question(ledger), ask_question(ledger)
    attest = ReviewerAttestation(SigningKey.of_this_user(), "Ann", "login", "A0")
    said = ledger.comments.add(p.id, "why?", author="ann", attestation=attest)
    ledger.comments.change_state(p.id, said.id, "resolved", actor="ann", attestation=attest)
    assert [(one.known, one.state_known) for one in ledger.comments.list_on_document(p.id)] == [("login", "login")]
    (key, raw), (at, marked) = (
        ledger.store.scan(f"{kind}/{p.id}/", f"{kind}/{p.id}/~")[0] for kind in ("comment", "marked")
    )
    moved = msgspec.structs.replace(msgspec.json.decode(raw, type=Comment), proposal=other.id)
    ledger.store.transact(lambda tx: tx.put(key.replace(p.id, other.id), moved.json()))
    ledger.store.transact(lambda tx: tx.put(at.replace(p.id, other.id), marked))
    assert [(one.known, one.state_known) for one in ledger.comments.list_on_document(other.id)] == [
        ("unsigned", "unsigned")
    ]
    ledger.comments.change_state(p.id, said.id, "open", actor="ann")
    assert [(one.known, one.state_known) for one in ledger.comments.list_on_document(p.id)] == [("login", "unsigned")]


@pytest.mark.parametrize("assurance", ["A1", "A4", "", "gold"])
def test_an_assurance_that_no_server_can_give_is_not_believed_though_it_is_signed(
    ledger: Ledger, assurance: str
) -> None:
    p = ask_question(ledger)
    ledger.proposals.decide(
        p.id,
        "approve",
        reviewer="ann",
        attestation=ReviewerAttestation(SigningKey.of_this_user(), "Ann", "login", assurance),
    )
    assert "(unsigned" in decider_text(ledger, p)
    with pytest.raises(Untrusted):
        ledger.proposals.list_of_run(p.run)


@pytest.mark.parametrize("by", ["person", "policy", "deadline", "script"])
def test_where_only_signed_decisions_count_no_unsigned_one_does(
    ledger: Ledger, by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = ask_question(ledger)
    ledger.proposals.decide(p.id, "approve", reviewer="ann", by=by)
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    with pytest.raises(Untrusted, match="not taken through a server"):
        ledger.proposals.list_of_run(p.run)


def test_who_comes_later_is_told_that_the_first_is_unsigned(ledger: Ledger) -> None:
    p = ask_question(ledger)
    ledger.proposals.decide(p.id, "approve", reviewer="ann")
    with pytest.raises(HitlError, match=r"already decided: ann \(unsigned\) approved it"):
        ledger.proposals.decide(p.id, "reject", reviewer="bob")
