"""A script's `wait_until_done` through a server: its deadline, the policy of its folder, and the server's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_votes_api import Api

import hitl_nb as hitl
from hitl_nb import settings
from hitl_nb.errors import PolicyError
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.ledger.rows import requesters
from hitl_nb.records import Proposal
from hitl_nb.review.policy_files import policy_files
from hitl_nb.review.policy_files.renewal import renew_all
from hitl_nb.review.policy_files.script_policies import PolicyText, merge_script_policies
from hitl_nb.workspaces import http_client as calls
from hitl_nb.workspaces import remote
from tests.policies.casework import T0

TWO = """
version = 1
[groups]
leads = ["bo", "cy"]
[[rule]]
id = "two"
do = "ask"
needs = ["2 of @leads"]
fresh = "1h"
"""
BLOCK = """
version = 1
[[rule]]
id = "never"
kind = "markdown"
do = "block"
"""


class Script:
    """A script in this process; where it would sleep until people decide, the next of `acts` happens."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.api, self.folder = api, folder
        self.acts: list[Callable[[], Any]] = []

    def sleep(self, seconds: float) -> None:
        self.acts.pop(0)()

    def run(self, **asked: Any) -> Any:
        with hitl.workspace("Report", server="http://127.0.0.1:1", token="t", name="nightly") as doc:
            doc.append("Hello.")
            decision = doc.wait_until_done(**asked)
            doc.append(f"{decision.action} by {decision.by}.")
            return decision

    def write(self, text: str) -> None:
        (self.folder / policy_files.FILE_NAME).write_text(text)

    def open_proposal(self) -> Proposal:
        (p,) = self.api.ledger.proposals.list_open()
        return p

    def approve(self, *users: str) -> None:
        for user in users:
            assert self.api.decide(user, self.open_proposal())[0] == 200


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv(settings.CLOCK.name, T0.isoformat())
    monkeypatch.setattr(judged, "now", lambda: T0)
    monkeypatch.setattr(requesters, "_os_user", lambda uid: "ada")
    monkeypatch.delenv(settings.POLICY.name, raising=False)
    for name in ("served", "scripts"):
        (tmp_path / name / ".git").mkdir(parents=True)
    api = Api(tmp_path / "served")
    found = Script(api, tmp_path / "scripts")

    def call(self: calls.ServerClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
        status, said = api.call("ada", method, path, body)
        return self._parse_answer(status, calls.json.dumps(said).encode())

    monkeypatch.setattr(calls.ServerClient, "request", call)
    monkeypatch.setattr(remote.time, "sleep", found.sleep)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(found.folder / "nightly.py"), raising=False)
    yield found
    assert api.ledger.audit.verify().ok
    assert found.acts == []
    api.desk.close()


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setenv(settings.CLOCK.name, (T0 + by).isoformat())


@pytest.mark.parametrize("deadline", [timedelta(hours=4), T0 + timedelta(hours=4)])
def test_a_deadline_decides(script: Script, monkeypatch: pytest.MonkeyPatch, deadline: Any) -> None:
    def pass_time() -> None:
        assert script.open_proposal().deadline == T0 + timedelta(hours=4)
        later(monkeypatch, timedelta(hours=5))
        script.api.ledger.timers.run_due_steps()

    script.acts = [pass_time]
    decision = script.run(deadline=deadline, on_deadline="reject")
    assert (decision.action, decision.by) == ("reject", "deadline")


def test_the_clock_approves_where_the_call_says_so(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    script.acts = [lambda: later(monkeypatch, timedelta(hours=5))]
    decision = script.run(deadline=timedelta(hours=4), on_deadline="approve")
    assert (decision.action, decision.by, decision.value) == ("approve", "deadline", "Hello.")


def test_what_makes_no_sense_is_refused_before_anything_is_asked(script: Script) -> None:
    with pytest.raises(ValueError, match="needs a deadline"):
        script.run(on_deadline="reject")
    with pytest.raises(PolicyError, match="fallback"):
        script.run(deadline=timedelta(hours=1), on_deadline="escalate")
    assert script.api.ledger.proposals.list_open() == []


def test_the_policy_of_the_scripts_folder_says_who_decides(script: Script) -> None:
    script.write(TWO)
    seen: list[Proposal] = []
    script.acts = [
        lambda: script.approve("bo"),
        lambda: seen.append(script.open_proposal()),
        lambda: script.approve("cy"),
    ]
    decision = script.run()
    assert [vote.reviewer for vote in decision.votes] == ["bo", "cy"]
    assert (decision.rules, decision.action) == (("two",), "approve")
    terms = seen[0].terms
    assert terms is not None
    kept = script.api.ledger.policies.load(terms.policy)
    assert kept is not None
    assert kept.sources == (f"nightly: {script.folder / policy_files.FILE_NAME}",)


def test_terms_stay_as_they_were_when_it_was_asked(script: Script) -> None:
    script.write(TWO)

    def loosen() -> None:
        script.write(TWO.replace("2 of", "1 of"))
        assert [one.outcome for one in renew_all(script.api.ledger, actor="ada")] == ["left"]

    script.acts = [loosen, lambda: script.approve("bo", "cy")]
    assert [vote.reviewer for vote in script.run().votes] == ["bo", "cy"]


def test_the_policy_of_the_server_applies_too(script: Script) -> None:
    script.write(TWO)
    served = Path(script.api.desk.notebook_file("")) / policy_files.FILE_NAME
    served.write_text('version = 1\n[[rule]]\nid = "dee"\ndo = "ask"\nneeds = ["1 of dee"]\n')
    script.acts = [lambda: script.approve("bo", "cy"), lambda: script.approve("dee")]
    assert script.run().rules == ("dee", "two")


def test_a_policy_blocks_and_the_script_continues(script: Script) -> None:
    script.write(BLOCK)
    decision = script.run()
    assert (decision.action, decision.by, decision.why) == ("reject", "policy", ("never: kind is markdown",))


def test_a_decision_that_the_policy_forbids_by_now_is_asked_for_again(script: Script) -> None:
    def tighten() -> None:
        script.approve("bo")
        script.write(TWO)

    seen: list[Proposal] = []
    script.acts = [tighten, lambda: seen.append(script.open_proposal()), lambda: script.approve("bo", "cy")]
    script.write(TWO.replace("2 of @leads", "1 of bo"))
    assert script.run().rules == ("two",)
    (note,) = seen[0].notes
    assert note.startswith("The last decision was not used: the policy has changed since 'Report' was decided")


def test_a_decision_is_too_old_also_for_a_script_that_was_ended(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end() -> None:
        script.approve("bo", "cy")
        raise KeyboardInterrupt

    script.write(TWO)
    script.acts = [end]
    with pytest.raises(KeyboardInterrupt):
        script.run()
    later(monkeypatch, timedelta(hours=2))
    remote._open.clear()
    script.acts = [lambda: script.approve("bo", "cy")]
    script.run()
    assert [p.status for p in script.api.ledger.proposals.list_of_run(script.api.ledger.runs.list_newest()[0].id)] == [
        "expired",
        "decided",
    ]


def test_an_exclusive_policy_of_the_server_limits_what_a_script_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = '[[rule]]\nid = "{}"\ndo = "ask"\n{}\n'
    by_clock = PolicyText("/s.toml", "exclusive = true\n" + rule.format("s", 'timeline = ["1h approve"]'), True)
    org = tmp_path / "org.toml"
    org.write_text(rule.format("o", ""))
    monkeypatch.setenv(settings.POLICY.name, str(org))
    merged = merge_script_policies(str(tmp_path), "nightly", [by_clock])
    assert merged is not None
    assert [len(one.timeline) for one in merged.rules] == [0, 1]
    org.write_text("exclusive = true\n" + rule.format("o", ""))
    merged = merge_script_policies(str(tmp_path), "nightly", [by_clock])
    assert merged is not None
    assert [len(one.timeline) for one in merged.rules] == [0, 0]
    assert merged.ignored == ("nightly: /s.toml: rule s, that it approves by itself",)


def test_a_file_that_both_have_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(settings.POLICY.name, raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / policy_files.FILE_NAME).write_text(TWO)
    merged = merge_script_policies(str(tmp_path), "nightly", [PolicyText("/clone/hitl-policy.toml", TWO)])
    assert merged is not None
    assert merged.sources == (str(tmp_path / policy_files.FILE_NAME),)
    with pytest.raises(PolicyError, match=r"nightly: /clone/hitl-policy\.toml"):
        merge_script_policies(str(tmp_path), "nightly", [PolicyText("/clone/hitl-policy.toml", TWO + "# another")])
