"""Edits that take more people than decided them: asked again under the terms of both, and used once both agree."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, effects

from hitl_nb.ledger.decisions.signatures import ReviewerAttestation, SigningKey
from hitl_nb.ledger.rows import requesters
from hitl_nb.records import Proposal

RULES = """
version = 1
fallback = ["lea"]
[groups]
support = ["ann", "sam"]
[[rule]]
id = "deletes"
tool = "delete"
do = "ask"
needs = ["1 of @support"]
timeline = ["4h reject"]
fresh = "8h"
[[rule]]
id = "production"
when = '"production" in tags'
do = "ask"
needs = ["2 of bo, cy"]
timeline = ["1h remind", "2h reject"]
fresh = "2h"
batch = 1
show = "summary"
"""
GATED = """
def tags_of(table): return ["production"] if table == "prod" else []
class Tables:
    @hitl.gate(title="Delete {rows} of {table}", tags=tags_of)
    def delete(self, table: str, rows: int = 1): return effect("deleted", table, rows)
@hitl.gate(title="Delete {rows} of {table}", tags=tags_of)
async def delete(table: str, rows: int = 1): return effect("deleted", table, rows)
tables = Tables()
"""
CALLS = {
    "exact": 'tables.delete("scratch")\n',
    "opaque": '[one("scratch") for one in [tables.delete]]\n',
    "async": 'await delete("scratch")\n',
}
PROD = {"name": "delete", "arguments": {"table": "prod", "rows": 1}}
WHY = "The last edit was not used: with these arguments it is 'Delete 1 of prod', and that takes "
BOTH = "1 of @support and 2 of bo, cy (deletes, production)"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(RULES)
    monkeypatch.setenv("HITL_NB_POLICY", str(path))
    return path


@pytest.fixture
def desk(file: Path) -> Desk:
    desk = Desk()
    desk.cell(GATED)
    return desk


def run(desk: Desk, source: str) -> list[Proposal] | None:
    """What is open then; None if the run has finished."""
    outcome = desk.run(source, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return desk.open() if outcome.status == "waiting" else None


def vote(desk: Desk, user: str, action: Any, value: Any = None) -> str:
    attest = ReviewerAttestation(SigningKey.of_this_user(), user, "login", "A0", "page")
    return desk.ledger.proposals.decide(
        desk.open()[0].id, action, value=value, reviewer=user, attestation=attest
    ).status


@pytest.mark.parametrize("source", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("fresh_kernel", [False, True], ids=["same", "new"])
def test_an_edit_that_takes_more_people_is_used_once_these_agree(desk: Desk, source: str, fresh_kernel: bool) -> None:
    first = run(desk, source)
    assert first is not None
    vote(desk, "ann", "edit", PROD)
    asked = run(desk, source)
    assert asked is not None
    terms = asked[0].terms
    assert terms is not None
    assert [need.text for need in terms.needs] == ["1 of @support", "2 of bo, cy"]
    assert terms.rules == ("deletes", "production")
    assert [step.text for step in terms.timeline] == ["1h remind", "2h reject"]
    assert (terms.fresh, terms.batch, terms.show) == (2 * 3600.0, 1, "title")
    assert asked[0].value == {"name": "delete", "arguments": {"table": "scratch", "rows": 1}}
    assert asked[0].notes[-1] == WHY + BOTH
    assert asked[0].why[-1].startswith(f"{WHY}{BOTH}; they are asked too")
    assert (vote(desk, "ann", "edit", PROD), effects()) == ("open", [])
    assert (vote(desk, "bo", "approve"), vote(desk, "cy", "approve")) == ("open", "decided")
    if fresh_kernel:
        desk.new_kernel()
        desk.cell(GATED)
    assert run(desk, source) is None
    assert effects() == ["deleted('prod', 1)"]
    assert desk.ledger.audit.verify().ok


def test_a_rejection_by_either_counts_and_the_proposed_call_takes_both(desk: Desk) -> None:
    run(desk, CALLS["exact"])
    vote(desk, "ann", "edit", PROD)
    run(desk, CALLS["exact"])
    assert vote(desk, "sam", "approve") == "open"  # the stricter of both, whatever they decide
    assert vote(desk, "bo", "reject") == "decided"


def test_reviewers_of_the_call_are_asked_too_without_a_policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HITL_NB_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    desk = Desk()
    who = 'reviewers=lambda amount: ("fi",) if amount > 100 else None'
    desk.cell(f'@hitl.gate(title="Pay {{amount}}", {who})\ndef pay(amount: int): return effect("paid", amount)\n')
    much = {"name": "pay", "arguments": {"amount": 400}}
    asked = run(desk, "pay(40)\n")
    assert asked is not None
    assert asked[0].terms is None
    desk.answer("edit", much)
    asked = run(desk, "pay(40)\n")
    assert asked is not None
    assert asked[0].terms is not None
    assert [need.text for need in asked[0].terms.needs] == ["1 of anyone", "1 of fi"]
    assert vote(desk, "ann", "edit", much) == "open"
    assert vote(desk, "fi", "approve") == "decided"
    assert run(desk, "pay(40)\n") is None
    assert effects() == ["paid(400,)"]


def test_what_nobody_could_meet_together_is_said_and_asked_as_before(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requesters, "os_user", lambda: "ann")
    rules = RULES.replace('needs = ["2 of bo, cy"]', 'needs = ["1 of bo, cy"]\nfour_eyes = true')
    file.write_text(
        rules.replace('"ann", "sam"', '"ann"').replace('fallback = ["lea"]', "").replace("tool =", "title =")
    )
    file.write_text(file.read_text().replace('title = "delete"', 'title = "* of scratch"'))
    run(desk, CALLS["exact"])
    vote(desk, "ann", "edit", PROD)
    asked = run(desk, CALLS["exact"])
    assert asked is not None
    assert "nobody can meet '1 of @support'" in asked[0].notes[-1]
    assert asked[0].terms is not None
    assert [need.text for need in asked[0].terms.needs] == ["1 of @support"]
