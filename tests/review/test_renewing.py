"""`hitl-nb policy apply`: open proposals under the policy files as they are now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hitl_nb.cli.app import app
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.rules.combined_terms import CallTerms
from hitl_nb.policies.rules.rules import make_plan
from hitl_nb.records import Facts, Proposal, Question, Snapshot, now
from hitl_nb.review.policy_files.policy_files import load_policy
from hitl_nb.storage import open_store

POLICY = """
version = 1
identity = "local"
[groups]
finance = [{people}]
[[rule]]
id = "refund"
kind = "json"
when = 'value > 10'
do = {do!r}
{needs}
"""
NEEDS = 'needs = ["{count} of @finance"]'


class Desk:
    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(open_store(None))
        self.folder = folder

    def write(self, *people: str, count: int = 1, do: str = "ask") -> None:
        names = ", ".join(f'"{one}"' for one in people)
        needs = NEEDS.format(count=count) if do == "ask" else ""
        self.folder.joinpath("hitl-policy.toml").write_text(POLICY.format(people=names, needs=needs, do=do))

    def ask(self, **call: Any) -> Proposal:
        notebook = str(self.folder / "a.ipynb")
        _, claim = self.ledger.runs.open(agent="refunds", notebook=notebook)
        question, facts, policy = (
            Question(title="Refund", kind="json", value=40),
            Facts(now=now()),
            load_policy(notebook),
        )
        more = {"call": CallTerms(**call)} if call else {}
        made = make_plan(policy, question, facts, agent="refunds", notebook=notebook, **more)
        snapshot = Snapshot(envelope=b"x")
        return self.ledger.runs.pause(claim, snapshot, [question], plans=[made], facts=facts, policy=policy).proposals[
            0
        ]

    def apply(self) -> list[tuple[str, str]]:
        said = CliRunner().invoke(app, ["policy", "apply", "--json"])
        assert said.exit_code == 0, said.output
        assert self.ledger.audit.verify().ok
        return [(one["outcome"], one["why"]) for one in json.loads(said.stdout)["proposals"]]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/store")
    monkeypatch.delenv("HITL_NB_POLICY", raising=False)
    (tmp_path / "nb" / ".git").mkdir(parents=True)
    return Desk(tmp_path / "nb")


def people(p: Proposal) -> list[tuple[str, ...]]:
    assert p.terms is not None
    return [need.people for need in p.terms.needs]


def test_who_decides_is_who_the_files_say_now(desk: Desk) -> None:
    desk.write("ada", "bo")
    p = desk.ask()
    assert desk.apply() == [("same", "")]
    desk.write("cy", "dan", count=2)
    assert desk.apply() == [("renewed", "")]
    renewed = desk.ledger.proposals.load(p.id)
    assert people(renewed) == [("cy", "dan")]
    assert renewed.terms.policy == load_policy(p.notebook).sha256
    assert desk.ledger.policies.load(renewed.terms.policy) is not None
    event = desk.ledger.audit.read_events()[-1]
    assert (event.type, event.data["needs"]) == ("terms.changed", ["2 of @finance"])
    assert desk.apply() == [("same", "")]


def test_what_the_call_asked_for_stays(desk: Desk) -> None:
    desk.write("ada")
    p = desk.ask(reviewers=("eve",))
    before = people(p)
    desk.write("cy")
    desk.apply()
    assert sorted(people(desk.ledger.proposals.load(p.id))) == sorted(
        [("cy",) if one == ("ada",) else one for one in before]
    )


@pytest.mark.parametrize(("do", "said"), [("pass", "lets it pass"), ("block", "blocks it")])
def test_nothing_is_decided_by_a_file(desk: Desk, do: str, said: str) -> None:
    desk.write("ada")
    p = desk.ask()
    desk.write("ada", do=do)
    ((outcome, why),) = desk.apply()
    assert (outcome, said in why) == ("left", True)
    assert desk.ledger.proposals.load(p.id) == p


def test_a_file_with_an_error_leaves_all_as_it_is(desk: Desk) -> None:
    desk.write("ada")
    p = desk.ask()
    desk.write("ada", count=3)
    ((outcome, why),) = desk.apply()
    assert (outcome, "refund" in why) == ("left", True)
    assert desk.ledger.proposals.load(p.id) == p
