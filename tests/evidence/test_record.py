"""Evidence in the store: recorded with the question, kept over a restart, in the log, and removed with the last run."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb.engine.run import held_states
from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, get_ledger, run_cell
from hitl_nb.engine.run.resume import RunOutcome
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.errors import StoreCorrupt, UnknownProposal
from hitl_nb.evidence.context import convert_context
from hitl_nb.evidence.json_blocks import add_named_text, hash_evidence
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, FactBlock, Proposal, Question, Snapshot, canonical_json
from hitl_nb.storage import open_store
from hitl_nb.storage.memory import MemoryStore
from tests.evidence.pictures import png
from tests.policies.casework import terms

SOURCE = """
import hitl_nb as hitl
from tests.evidence.pictures import png
looks = looks + 1
early = hitl.proposal("later", title="Later", context={"dot": hitl.image(png(2, 2), alt="A square")})
first = hitl.checkpoint(
    {"amount": 5},
    title="Refund",
    context={"who": "Ann", "dot": hitl.image(png(), alt="A dot"), "note": hitl.markdown("# Hi")},
)
second = hitl.checkpoint_all([early])
"""


def question(title: str, *pictures: bytes) -> tuple[Question, tuple[bytes, ...]]:
    import hitl_nb as hitl

    shown = convert_context({f"p{i}": hitl.image(one, alt="x") for i, one in enumerate(pictures)} | {"who": "Ann"})
    return build_question("x", title=title, context=shown.context, evidence=shown.blocks), shown.blobs


def ask(ledger: Ledger, agent: str, *pictures: bytes) -> Proposal:
    _, claim = ledger.runs.open(agent=agent, notebook="n")
    asked, blobs = question("Letter", *pictures)
    return ledger.runs.pause(claim, Snapshot(envelope=b"s"), [asked], blobs=blobs).proposals[0]


def pictures_in(ledger: Ledger) -> list[str]:
    keys = [key for key, _ in ledger.store.scan("evidence", "evidence~")]
    return [key for key in keys if key.startswith(("evidence/", "evidenceof/"))]


def test_an_agent_asks_with_evidence_and_continues_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    ledger = get_ledger(open_store(f"memory:{tmp_path.name}"))

    def run(ns: dict[str, Any]) -> RunOutcome:
        cell = AgentCell("n", "a", "", compile_cell(SOURCE, "<cell>"), ns)
        return asyncio.run(run_cell(ledger, cell, Saver(ns), RunDisplay()))

    (asked,) = run({"__name__": "__main__", "looks": 0}).proposals
    assert [block.name for block in asked.evidence] == ["who", "dot", "note"]
    assert asked.context == {"who": "Ann", "dot": "(image: A dot)", "note": "# Hi"}
    sha = hashlib.sha256(png()).hexdigest()
    assert ledger.proposals.read_picture(asked.id, sha) == ("image/png", png())
    ledger.proposals.decide(asked.id, "approve", reviewer="ann")

    held_states.held_states.clear()  # as another process: everything comes from the store
    ns: dict[str, Any] = {"__name__": "__main__", "looks": 0}
    (later,) = run(ns).proposals
    assert ns["looks"] == 1
    # `early` was made before the first pause, and its picture was saved with it.
    assert ledger.proposals.read_picture(later.id, hashlib.sha256(png(2, 2)).hexdigest()) == ("image/png", png(2, 2))
    ledger.proposals.decide(later.id, "approve", reviewer="ann")
    held_states.held_states.clear()
    ns = {"__name__": "__main__", "looks": 0}
    assert run(ns).status == "finished"
    assert (ns["looks"], ns["first"].value, ns["second"][0].value) == (1, {"amount": 5}, "later")


def test_hashes_of_all_blocks_are_in_the_log_and_not_in_the_fingerprint() -> None:
    ledger = Ledger(MemoryStore())
    shown = ask(ledger, "a", png())
    (event,) = [one for one in ledger.audit.read_events() if one.type == "run.paused"]
    (told,) = event.data["proposals"]
    assert told["evidence"] == hash_evidence(shown)
    assert told["evidence"][0] == hashlib.sha256(canonical_json(msgspec.to_builtins(shown.evidence[0]))).hexdigest()
    assert len(told["evidence"]) == 2
    plain, _ = question("Letter", png(), png(2, 2))
    assert hash_evidence(plain) != told["evidence"]
    assert ask(Ledger(MemoryStore()), "a").fingerprint != ""


def test_a_context_of_json_has_one_hash_and_no_context_has_none() -> None:
    ledger = Ledger(MemoryStore())
    for title, context in (("one", {"a": 1}), ("none", None)):
        _, claim = ledger.runs.open(agent=title, notebook="n")
        ledger.runs.pause(claim, Snapshot(envelope=b"s"), [build_question("x", title=title, context=context)])
    told = [one.data["proposals"][0] for one in ledger.audit.read_events() if one.type == "run.paused"]
    assert told[0]["evidence"] == [hashlib.sha256(b'{"a":1}').hexdigest()]
    assert "evidence" not in told[1]


def test_a_picture_is_stored_once_and_removed_with_the_last_run_that_shows_it() -> None:
    ledger = Ledger(MemoryStore())
    large = png() + b"\0" * 3_000_000
    first, second = ask(ledger, "a", large, png()), ask(ledger, "b", large)
    sha, small = (hashlib.sha256(one).hexdigest() for one in (large, png()))
    assert sum(key.startswith("evidence/") for key in pictures_in(ledger)) == 2
    assert ledger.runs.forget(agent="a", notebook="n") == 1
    assert ledger.proposals.read_picture(second.id, sha)[1] == large
    assert pictures_in(ledger) == [f"evidence/{sha}", f"evidenceof/{sha}/{second.run}"]
    with pytest.raises(UnknownProposal):
        ledger.proposals.read_picture(first.id, small)
    ledger.runs.forget(agent="b", notebook="n")
    assert pictures_in(ledger) == []
    assert [key for key, _ in ledger.store.scan("chunk/", "chunk0")] == []


def test_a_run_that_asks_again_keeps_its_pictures_until_all_its_questions_are_removed() -> None:
    ledger = Ledger(MemoryStore())
    ask(ledger, "a", png())
    again = ask(ledger, "a", png())  # cancels the run before
    sha = hashlib.sha256(png()).hexdigest()
    assert ledger.proposals.read_picture(again.id, sha)[1] == png()
    assert ledger.audit.verify().ok
    assert ledger.runs.forget(agent="a", notebook="n") == 2
    assert pictures_in(ledger) == []


def test_a_question_that_a_policy_passes_keeps_its_evidence() -> None:
    ledger = Ledger(MemoryStore())
    _, claim = ledger.runs.open(agent="a", notebook="n")
    asked, blobs = question("Letter", png())
    plan = Plan("pass", ("small",), (), msgspec.structs.replace(terms(), policy=""), ACTIONS)
    (passed,) = ledger.policies.record_verdicts(claim, [asked], [plan], blobs=blobs)
    assert ledger.proposals.read_picture(passed.id, hashlib.sha256(png()).hexdigest())[1] == png()
    ledger.runs.cancel(passed.run, actor="ann")
    ledger.runs.forget(agent="a", notebook="n")
    assert pictures_in(ledger) == []


def test_a_pause_without_the_bytes_of_a_picture_stores_nothing() -> None:
    ledger = Ledger(MemoryStore())
    _, claim = ledger.runs.open(agent="a", notebook="n")
    asked, _ = question("Letter", png())
    with pytest.raises(ValueError, match="neither given nor stored"):
        ledger.runs.pause(claim, Snapshot(envelope=b"s"), [asked])
    assert ledger.proposals.list_open() == []


def test_a_picture_that_was_changed_in_the_store_is_noticed() -> None:
    ledger = Ledger(MemoryStore())
    asked = ask(ledger, "a", png())
    sha = hashlib.sha256(png()).hexdigest()
    assert ledger.audit.verify().ok
    ledger.store.transact(lambda tx: tx.put(f"evidence/{sha}", png(2, 2)))
    with pytest.raises(StoreCorrupt, match="damaged"):
        ledger.proposals.read_picture(asked.id, sha)
    assert [one.record for one in ledger.audit.verify().differs] == [f"evidence/{sha}"]
    ledger.store.transact(lambda tx: tx.delete(f"evidence/{sha}"))
    with pytest.raises(StoreCorrupt, match="missing"):
        ledger.proposals.read_picture(asked.id, sha)


def test_a_picture_of_another_proposal_is_not_given() -> None:
    ledger = Ledger(MemoryStore())
    one, other = ask(ledger, "a", png()), ask(ledger, "b", png(2, 2))
    sha = hashlib.sha256(png()).hexdigest()
    assert ledger.proposals.read_picture(one.id, sha)[1] == png()
    with pytest.raises(UnknownProposal, match="does not show"):
        ledger.proposals.read_picture(other.id, sha)


def test_a_note_about_an_answer_is_shown_beside_the_evidence() -> None:
    asked, _ = question("Letter", png())
    noted = add_named_text(asked, "note", "Not used: too much")
    assert noted.context["note"] == "Not used: too much"
    assert noted.evidence == (*asked.evidence, FactBlock(name="note", value="Not used: too much"))
    plain = build_question("x", title="t", context="Look")
    assert add_named_text(plain, "note", "n").context == "Look\n\nn"
    assert add_named_text(build_question("x", title="t"), "note", "n").context == "n"
