"""Policies in real runs: what passes, is blocked or is asked, and that it stays so after a crash and in opaque code."""

from __future__ import annotations

import ast
import asyncio
import linecache
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import world
from desk import Desk, effects
from forks import ChildDied, Forks

import hitl_nb as hitl
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.ledger.rows import requesters
from hitl_nb.records import Proposal, new_id
from hitl_nb.review.timeline import build_timeline

REFUNDS = """
version = 1
identity = "local"
fallback = ["lea"]
[groups]
finance = ["ann", "bo"]
[[rule]]
id = "small"
when = "value.amount <= 50"
do = "pass"
[[rule]]
id = "vip"
when = '"vip" in tags'
do = "ask"
[[rule]]
id = "big"
when = "value.amount > 100"
do = "ask"
needs = ["1 of @finance"]
[[rule]]
id = "embargo"
when = 'value.country in ["XX"]'
do = "block"
"""


class Told(RunDisplay):
    """What the run shows of policies."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.objections: list[str] = []

    def show_objection(self, text: str) -> None:
        self.objections.append(text)

    def show_verdicts(self, proposals: list[Proposal]) -> None:
        self.lines += [(p.title, p.decision.action) for p in proposals if p.decision]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The policy file that applies."""
    path = tmp_path / "policy.toml"
    path.write_text(REFUNDS)
    monkeypatch.setenv("HITL_NB_POLICY", str(path))
    monkeypatch.setattr(requesters, "os_user", lambda: "ann")  # who decides at the desk
    return path


@pytest.fixture
def desk(file: Path) -> Desk:
    desk = Desk()
    desk.shown = Told()
    return desk


def passed(desk: Desk) -> list[Proposal]:
    return desk.ledger.policies.list_passed(desk.record().id)


def outcomes(desk: Desk) -> list[tuple[str, str, str]]:
    found = [p.decision for p in passed(desk)]
    return [(d.action, d.by, d.reviewer) for d in found if d]


REFUND = """
def pay(amount, country="DE", **more):
    value = {"amount": amount, "country": country} if country else {"amount": amount}
    return hitl.checkpoint(value, title=f"Refund {amount}", **more)
"""
ASK = 'd = hitl.checkpoint(%s, title="Refund", %s)\neffect("went on", d.action, d.by, d.rules)\n'


def ask(desk: Desk, value: dict[str, Any], more: str = "", name: str = "agent") -> tuple[str, tuple[str, ...]]:
    """The verdict on one refund, and the rules that it came from."""
    world.journal.clear()
    outcome = desk.run(ASK % (value, more), name=name)
    if outcome.status == "waiting":
        terms = outcome.proposals[0].terms
        return "ask", terms.rules if terms is not None else ()
    run = desk.record(name)
    p = desk.ledger.policies.list_passed(run.id)[0]
    assert p.decision is not None
    assert p.terms is not None
    assert effects() == [f"went on{(p.decision.action, 'policy', p.terms.rules)}"]
    return {"approve": "pass", "reject": "block"}[p.decision.action], p.terms.rules


VERDICTS = [
    ({"amount": 40, "country": "DE"}, "", ("pass", ("small",))),
    ({"amount": 40, "country": "DE"}, 'tags=("vip",)', ("ask", ("vip",))),
    ({"amount": 40}, "", ("ask", ("embargo",))),
    ({"country": "DE"}, "", ("ask", ("big",))),
    ({"amount": 40, "country": "XX"}, 'tags=("vip",)', ("block", ("embargo",))),
    ({"amount": 80, "country": "DE"}, "", ("ask", ())),
]


@pytest.mark.parametrize(("value", "more", "verdict"), VERDICTS, ids=[f"vector 4, {n}" for n in range(6)])
def test_verdicts(desk: Desk, value: dict[str, Any], more: str, verdict: tuple[str, tuple[str, ...]]) -> None:
    assert ask(desk, value, more) == verdict
    assert desk.ledger.audit.verify().ok


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ('return hitl.escalate("look at it")', "ask"),
        ('raise OSError("no network")', "ask"),
        ("return 'fine'", "ask"),
        ('return hitl.block("never")', "block"),
        ("return None", "pass"),
    ],
    ids=["vector 5, escalates", "vector 5, raises", "vector 5, returns text", "vector 5, blocks", "vector 5, passes"],
)
def test_guardrails_decide_beside_rules(desk: Desk, body: str, verdict: str) -> None:
    desk.cell(f"def iban(value, facts):\n    {body}\n")
    assert ask(desk, {"amount": 40, "country": "DE"}, "guardrails=(iban,)")[0] == verdict
    p = (desk.open() or passed(desk))[0]
    assert [r.name for r in p.guardrails] == ["iban"]
    if verdict != "pass":
        assert any("iban" in why for why in p.why)


# -- nothing passes unseen, and it is found again


LOOP = """
got = []
for n in range(100):
    d = hitl.checkpoint({"amount": n % 50, "country": "DE"}, title=f"Refund {n}")
    got.append(d.by)
"""


def test_a_hundred_pass_and_all_are_on_record(desk: Desk) -> None:
    assert desk.run(LOOP).status == "finished"
    run = desk.record()
    assert (run.passed, run.pauses, desk.ns["got"]) == (100, 0, ["policy"] * 100)
    assert outcomes(desk) == [("approve", "policy", "policy:small")] * 100
    assert len({p.position for p in passed(desk)}) == 100
    events = [e.type for e in desk.ledger.audit.read_events(limit=1000)]
    assert events.count("decision") == 100
    assert events.count("policy.used") == 1
    assert desk.ledger.audit.verify().ok


CRASH = """
import os
for n in range(6):
    d = hitl.checkpoint({"amount": n, "country": "DE"}, title=f"Refund {n}", guardrails=(counted,))
    if n == 3 and crashes():
        os.kill(os.getpid(), 9)
    %s
print("end", d.by)
"""


def crash_run(url: str, source: str, policy: str) -> Any:
    """Run the agent in a new process, where guardrails write down that they were called."""
    import os

    os.environ["HITL_NB_POLICY"] = policy
    log = Path(policy).with_suffix(".log")
    desk = Desk(url)
    desk.cell(
        "from pathlib import Path\n"
        f"log = Path({str(log)!r})\n"
        "def counted(value):\n"
        '    log.open("a").write(f"{value}\\n")\n'
        "def sub(n, **more):\n"
        '    return hitl.checkpoint({"amount": n, "country": "DE"}, title=f"Refund {n}", **more)\n'
        "def crashes():\n"  # no variable: a run continues with the values that it began with
        '    return log.with_suffix(".crash").exists()\n'
    )
    outcome = desk.run(source)
    run = desk.record()
    found = desk.ledger.policies.list_passed(run.id)
    return outcome.status, run.passed, len(found), log.read_text().count("\n"), desk.ledger.audit.verify().ok


OPAQUE = """
import os
def all_of_them():
    seen = []
    for n in range(6):
        seen.append(sub(n, guardrails=(counted,)).by)
        if n == 3 and crashes():
            os.kill(os.getpid(), 9)
    return seen
got = list(map(lambda _: all_of_them(), [0]))
"""


@pytest.mark.parametrize("source", [CRASH % "", CRASH % "effect('did', n)", OPAQUE], ids=["exact", "effects", "opaque"])
def test_what_passed_before_a_crash_is_not_judged_again(file: Path, forks: Forks, source: str) -> None:
    url, crash = f"diskcache://{file.parent}/store", file.with_suffix(".crash")
    crash.touch()
    with pytest.raises(ChildDied):
        forks(crash_run, url, source, str(file))
    crash.unlink()
    file.write_text('version = 1\n[[rule]]\nid = "all"\ndo = "pass"\n')  # judged again, it would pass by another rule
    status, count, found, calls, ok = forks(crash_run, url, source, str(file))
    assert (status, count, found, calls, ok) == ("finished", 6, 6, 6, True)


def test_opaque_code_that_pauses_uses_what_passed(desk: Desk) -> None:
    desk.cell(REFUND)
    source = "got = list(map(lambda n: pay(n).by, (10, 200, 20)))"
    assert desk.run(source).status == "waiting"
    assert outcomes(desk) == [("approve", "policy", "policy:small")]
    desk.answer()
    desk.new_kernel()
    desk.cell(REFUND)
    assert desk.run(source).status == "finished"
    assert desk.ns["got"] == ["policy", "person", "policy"]
    assert [p.title for p in passed(desk)] == ["Refund 10", "Refund 20"]
    assert desk.record().passed == 2


def test_code_that_asks_something_else_is_judged_again(desk: Desk) -> None:
    desk.cell("import world\n" + REFUND)
    world.outside["amount"] = 10
    source = "got = list(map(lambda n: pay(n or world.outside['amount']).by, (0, 200)))"
    desk.run(source)
    desk.answer()
    world.outside["amount"] = 300
    outcome = desk.run(source)
    assert outcome.status == "waiting"
    assert outcome.proposals[0].title == "Refund 300"


@pytest.mark.parametrize("source", ["[%s for _ in range(1)]", "(lambda: [%s])()"], ids=["comprehension", "lambda"])
def test_what_passed_before_a_pause_is_not_asked_again(desk: Desk, source: str) -> None:
    desk.cell("import world\n" + REFUND)
    world.outside["amount"] = 10
    source = "got = " + source % "[pay(world.outside['amount']).by, pay(200).by]"
    assert desk.run(source).status == "waiting"
    desk.answer()
    world.outside["amount"] = 300
    assert desk.run(source).status == "finished"
    assert desk.ns["got"] == [["policy", "person"]]
    assert [p.title for p in passed(desk)] == ["Refund 10"]


# -- beside one another


TOGETHER = """
found = hitl.checkpoint_all([
    hitl.proposal({"amount": 10, "country": "DE"}, title="Small"),
    hitl.proposal({"amount": 200, "country": "DE"}, title="Big"),
    hitl.proposal({"amount": 10, "country": "XX"}, title="Embargo"),
])
got = [(d.title, d.action, d.by) for d in found]
"""


@pytest.mark.parametrize("opaque", [False, True])
def test_a_pass_and_a_block_beside_a_question(desk: Desk, opaque: bool) -> None:
    source = TOGETHER
    if opaque:
        source = "def ask():\n" + "".join(f"    {line}\n" for line in TOGETHER.splitlines()) + "    return got\n"
        source += "got = list(map(lambda _: ask(), [0]))[0]\n"
    outcome = desk.run(source)
    assert [(p.title, p.status, p.decision and p.decision.by) for p in outcome.proposals] == [
        ("Small", "decided", "policy"),
        ("Big", "open", None),
        ("Embargo", "decided", "policy"),
    ]
    assert (outcome.run.open, outcome.run.passed, passed(desk)) == (1, 1, [])
    desk.answer()
    assert desk.run(source).status == "finished"
    assert desk.ns["got"] == [
        ("Small", "approve", "policy"),
        ("Big", "approve", "person"),
        ("Embargo", "reject", "policy"),
    ]
    assert desk.ledger.audit.verify().ok


def test_all_that_passes_needs_no_pause(desk: Desk) -> None:
    desk.run(TOGETHER.replace("200", "20"))
    assert desk.record().pauses == 0
    assert [d[0] for d in outcomes(desk)] == ["approve", "approve", "reject"]


GATE = """
def size(value, facts):
    if value["arguments"]["amount"] > 1000:
        return hitl.block("above 1000")
@hitl.gate(title="Refund {amount}", guardrails=(size,), tags=lambda amount: ("large",) if amount > 500 else ())
def refund(amount):
    effect("refund", amount)
    return amount
"""


def test_a_gate_passes_runs_once_and_raises_what_is_blocked(desk: Desk, file: Path) -> None:
    file.write_text(
        'version = 1\n[[rule]]\nid = "tool"\ntool = "refund"\nwhen = "arguments.amount <= 5000"\ndo = "pass"'
    )
    desk.cell(GATE)
    source = "a = refund(10)\ntry:\n    refund(2000)\nexcept hitl.Rejected as error:\n    text = str(error)\n"
    assert desk.run(source).status == "finished"
    assert effects() == ["refund(10,)"]
    assert desk.ns["a"] == 10
    assert desk.ns["text"] == (
        "the policy guardrail size rejected 'Refund 2000': blocked by policy: guardrail size: above 1000"
    )
    assert [(p.tool, p.tags) for p in passed(desk)] == [("refund", ()), ("refund", ("large",))]


def test_a_gate_that_fails_behind_a_pass_is_not_judged_again(desk: Desk, file: Path) -> None:
    file.write_text('version = 1\ndefault = "pass"')
    desk.cell(
        "import world\n@hitl.gate(title='Refund')\ndef refund(amount):\n"
        "    effect('try', amount)\n    return 1 / world.outside['n']\n"
    )
    world.outside["n"] = 0
    with pytest.raises(ZeroDivisionError):
        desk.run("a = refund(10)")
    world.outside["n"] = 1
    assert desk.run("a = refund(10)").status == "finished"
    assert effects() == ["try(10,)", "try(10,)"]
    assert len(passed(desk)) == 1


# -- people edit, and guardrails look again


EDITED = """
def size(value, facts):
    if value["amount"] > 1000:
        return hitl.block("above 1000")
    if value["amount"] > 500:
        return hitl.escalate("above 500")
"""
EDITS = {
    "exact": (
        'd = hitl.checkpoint({"amount": 200, "country": "DE"}, title="R", guardrails=(size,))\n'
        "amount, why = d.value, d.why\n"
    ),
    "opaque": (
        "def ask():\n"
        '    return hitl.checkpoint({"amount": 200, "country": "DE"}, title="R", guardrails=(size,)).value\n'
        "amount = list(map(lambda _: ask(), [0]))[0]\n"
    ),
}


@pytest.mark.parametrize("source", EDITS.values(), ids=EDITS.keys())
def test_guardrails_look_at_edits(desk: Desk, source: str) -> None:
    desk.cell(EDITED)
    desk.run(source)
    for amount, why in ((2000, "above 1000"), (3000, "above 1000"), (600, "above 500")):
        desk.answer("edit", {"amount": amount, "country": "DE"})
        outcome = desk.run(source)
        assert outcome.status == "waiting"
        assert outcome.proposals[0].value == {"amount": 200, "country": "DE"}
        assert outcome.proposals[0].notes[-1] == f"The last edit was not used: the guardrail size says: {why}"
        assert outcome.proposals[0].terms is not None
        assert outcome.proposals[0].terms.rules == ("big",)
        [again] = outcome.proposals
        [before] = desk.ledger.proposals.list_of_run(again.run, again.pause - 1)  # the card offers its edit again
        assert (before.position, before.ordinal, before.kind) == (again.position, again.ordinal, again.kind)
        assert before.decision is not None
        assert before.decision.value == {"amount": amount, "country": "DE"}
    desk.answer("edit", {"amount": 600, "country": "DE"})  # they were told, so a person has looked
    assert desk.run(source).status == "finished"
    assert desk.ns["amount"] == {"amount": 600, "country": "DE"}
    objects = "the guardrail size still objects to the edited value, as who decided was told: above 500"
    assert cast("Told", desk.shown).objections == [f"R: {objects}"]
    [event] = [e for e in desk.ledger.audit.read_events() if e.type == "guardrail.overruled"]
    assert event.data is not None
    assert event.data["guardrails"] == [{"name": "size", "version": "", "message": "above 500"}]
    entries = [entry.what for entry in build_timeline(desk.ledger, desk.record().id) if entry.type == "policy"]
    assert entries == ["used as edited, though guardrails object: R (size: above 500)"]
    assert desk.ledger.audit.verify().ok
    if "why" in desk.ns:
        assert desk.ns["why"][-1] == objects


def test_what_guardrails_object_to_is_said_once_however_often_the_run_fails_behind_it(desk: Desk) -> None:
    desk.cell(EDITED + "\ndef ask():\n    return hitl.checkpoint(200, title='R', guardrails=(odd,)).value\n")
    desk.cell("def odd(value): return hitl.escalate('odd') if value % 2 else None\n")
    source = "amount = list(map(lambda _: ask() + missing, [0]))[0]\n"
    desk.run(source)
    desk.answer("edit", 201)
    assert desk.run(source).status == "waiting"  # nobody was shown this reason
    desk.answer("edit", 201)
    for _ in range(2):
        with pytest.raises(NameError):
            desk.run(source)
    events = [e for e in desk.ledger.audit.read_events() if e.type == "guardrail.overruled"]
    assert len(events) == 1


EDITED_CALLS = """
version = 1
identity = "local"
[[rule]]
id = "production"
when = '"production" in tags'
do = "ask"
needs = ["2 of bo, cy"]
[[rule]]
id = "audit"
title = "Delete * of *_audit"
do = "block"
"""
GATED = """
import asyncio
def tags_of(table): return ["production"] if {"prod": True, "scratch": False, "pay_audit": False}[table] else []
class Tables:
    @hitl.gate(title="Delete {rows} of {table}", tags=tags_of)
    def delete(self, table: str, rows: int = 1): return effect("deleted", table, rows)
@hitl.gate(title="Delete {rows} of {table}", tags=tags_of)
async def delete(table: str, rows: int = 1): return effect("deleted", table, rows)
tables = Tables()
"""
GATED_CALLS = {
    "exact": 'tables.delete("scratch")\n',
    "opaque": 'list(map(tables.delete, ["scratch"]))\n',
    "async": 'await delete("scratch")\n',
}


@pytest.mark.parametrize("source", GATED_CALLS.values(), ids=GATED_CALLS.keys())
def test_what_a_gate_makes_of_edited_arguments_is_judged_again(desk: Desk, file: Path, source: str) -> None:
    file.write_text(EDITED_CALLS)
    desk.cell(GATED)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    desk.run(source, flags=flags)
    for table, why in (
        ("pay_audit", "with these arguments it is 'Delete 1 of pay_audit', and the policy blocks that (audit)"),
        ("other", "the call cannot be proposed with it: KeyError: 'other'"),
    ):
        desk.answer("edit", {"name": "delete", "arguments": {"table": table, "rows": 1}})
        outcome = desk.run(source, flags=flags)
        assert outcome.status == "waiting"
        assert outcome.proposals[0].notes[-1] == f"The last edit was not used: {why}"
        assert effects() == []  # what takes more people is in test_asked_again.py
    desk.answer("edit", {"name": "delete", "arguments": {"table": "scratch", "rows": 7}})
    assert desk.run(source, flags=flags).status == "finished"
    assert effects() == ["deleted('scratch', 7)"]


def test_what_people_were_asked_does_not_pass_when_it_is_asked_again(desk: Desk, file: Path) -> None:
    desk.cell(EDITED)
    desk.run(EDITS["exact"])
    desk.answer("edit", {"amount": 2000, "country": "DE"})
    file.write_text('version = 1\ndefault = "pass"')
    assert desk.run(EDITS["exact"]).status == "waiting"


# -- a decision is used only while it holds


FRESH = """
version = 1
[[rule]]
id = "big"
when = "value.amount > 100"
do = "ask"
fresh = "4h"
[[rule]]
id = "small"
when = "value.amount <= 50"
do = "pass"
"""
HELD = {
    "exact": """
effect("before")
found = hitl.checkpoint_all([hitl.proposal({"amount": n}, title=f"R{n}") for n in (200, 300, 10)])
effect("after", *[d.action for d in found])
""",
    "opaque": """
def ask():
    return hitl.checkpoint_all([hitl.proposal({"amount": n}, title=f"R{n}") for n in (200, 300, 10)])
found = list(map(lambda _: ask(), [0]))[0]
effect("after", *[d.action for d in found])
""",
}


def approve_and_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch, **later: float) -> None:
    """Approve what is open, and let so much time pass."""
    for p in desk.open():
        desk.ledger.proposals.decide(p.id, "approve", reviewer="ann")
    last = max(p.decision.decided_at for p in desk.ledger.proposals.list_of_run(desk.record().id) if p.decision)
    monkeypatch.setenv("HITL_NB_CLOCK", (last + timedelta(**later)).isoformat())
    world.journal.clear()


@pytest.mark.parametrize("source", HELD.values(), ids=["vector 23, exact", "vector 23, opaque"])
def test_a_decision_that_is_too_old_is_asked_again(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    file.write_text(FRESH)
    desk.run(source)
    approve_and_wait(desk, monkeypatch, hours=4, seconds=1)
    outcome = desk.run(source)
    assert (outcome.status, effects()) == ("waiting", [])
    assert [(p.title, p.status) for p in outcome.proposals] == [("R200", "open"), ("R300", "open"), ("R10", "decided")]
    for p in outcome.proposals[:2]:
        assert p.notes[-1].startswith("The last decision was not used: the decision on 'R200' could be used until")
    assert "decision.expired" in [e.type for e in desk.ledger.audit.read_events()]
    approve_and_wait(desk, monkeypatch, hours=4)
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert effects() == ["after('approve', 'approve', 'approve')"]
    assert desk.ledger.audit.verify().ok


@pytest.mark.parametrize("source", HELD.values(), ids=HELD)
def test_a_decision_that_became_too_old_after_a_crash_is_asked_again(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """A process continued the run and died before it recorded anything."""
    file.write_text(FRESH)
    desk.run(source)
    approve_and_wait(desk, monkeypatch, hours=1)
    desk.ledger.claims.release(desk.ledger.runs.claim_saved(desk.record().id).claim)
    assert desk.record().status == "running"
    approve_and_wait(desk, monkeypatch, hours=4, seconds=1)
    desk.new_kernel()
    outcome = desk.run(source)
    assert (outcome.status, effects()) == ("waiting", [])
    approve_and_wait(desk, monkeypatch, hours=1)
    assert desk.run(source).status == "finished"
    assert effects() == ["after('approve', 'approve', 'approve')"]
    assert desk.ledger.audit.verify().ok


@pytest.mark.parametrize("source", HELD.values(), ids=["vector 24, exact", "vector 24, opaque"])
def test_what_a_tightened_policy_blocks_is_rejected_by_it(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    file.write_text(FRESH)
    before = desk.run(source).proposals[0].terms
    approve_and_wait(desk, monkeypatch, hours=1)
    file.write_text(FRESH.replace('do = "ask"\nfresh = "4h"', 'do = "block"'))
    assert desk.run(source).status == "finished"
    assert effects() == ["after('reject', 'reject', 'approve')"]
    assert [d.by for d in desk.ns["found"]] == ["policy"] * 3
    event = next(e for e in desk.ledger.audit.read_events() if e.type == "decision.expired")
    assert event.data is not None
    assert before is not None
    then, now_ = event.data["policy"]["then"], event.data["policy"]["now"]
    assert then == before.policy
    assert now_ not in ("", then)
    assert desk.ledger.audit.verify().ok


NARROWER = 'id = "big"\nallow = ["edit", "reject"]'
OWN_REQUEST = 'id = "big"\nfour_eyes = true'


@pytest.mark.parametrize(
    ("rule", "why"),
    [(NARROWER, "does not allow people to approve it"), (OWN_REQUEST, "asks for other people")],
    ids=["allow", "four eyes"],
)
def test_what_a_tightened_policy_no_longer_allows_is_asked_again(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch, rule: str, why: str
) -> None:
    file.write_text(FRESH)
    desk.run(HELD["exact"])
    approve_and_wait(desk, monkeypatch, hours=1)
    file.write_text(FRESH.replace('id = "big"', rule))
    outcome = desk.run(HELD["exact"])
    assert (outcome.status, effects()) == ("waiting", [])
    [p, _] = desk.open()
    assert p.notes[-1].startswith("The last decision was not used: the policy has changed since 'R200' was decided")
    assert f"{why} (big)" in p.notes[-1]
    assert p.allow == (("edit", "reject") if rule == NARROWER else ("approve", "edit", "reject", "respond"))
    assert desk.ledger.audit.verify().ok


def test_a_policy_that_is_only_laxer_changes_nothing(desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(FRESH)
    desk.run(HELD["exact"])
    approve_and_wait(desk, monkeypatch, hours=1)
    file.write_text('version = 1\ndefault = "pass"')
    assert desk.run(HELD["exact"]).status == "finished"
    assert [d.by for d in desk.ns["found"]] == ["person", "person", "policy"]


def test_a_bad_file_stops_a_run_that_would_continue(desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run(HELD["exact"])
    approve_and_wait(desk, monkeypatch)
    file.write_text("version = 2")
    with pytest.raises(hitl.PolicyError):
        desk.run(HELD["exact"])
    assert (desk.record().status, effects()) == ("ready", [])
    file.write_text(REFUNDS.replace("value.country", "value.amount"))
    assert desk.run(HELD["exact"]).status == "finished"


# -- guardrails


def test_a_guardrail_cannot_ask(desk: Desk) -> None:
    desk.cell(
        "def asks(value):\n"
        "    try:\n        hitl.checkpoint(1, title='Inner')\n    except Exception:\n        return hitl.passed()\n"
    )
    with pytest.raises(hitl.CannotPause, match=r"a checkpoint inside the guardrail asks\(\) cannot pause"):
        desk.run("hitl.checkpoint({'amount': 10, 'country': 'DE'}, title='Outer', guardrails=(asks,))")
    with pytest.raises(hitl.CannotPause, match="inside the guardrail"):
        desk.run(
            "def asks(v):\n    hitl.checkpoint(1, title='Inner')\n"
            "hitl.checkpoint({'amount': 10, 'country': 'DE'}, title='Outer', guardrails=(asks,))",
            name="other",
        )
    desk.cell(
        "from concurrent.futures import ThreadPoolExecutor\ndef asks(v):\n    with ThreadPoolExecutor() as pool:\n"
        "        pool.submit(hitl.checkpoint, {'amount': 10, 'country': 'DE'}, title='Inner').exception()\n"
    )
    with pytest.raises(hitl.CannotPause, match="inside the guardrail"):
        desk.run("hitl.checkpoint({'amount': 10, 'country': 'DE'}, title='Outer', guardrails=(asks,))", name="third")
    assert passed(desk) == []


def test_a_guardrail_that_changes_the_value_asks_and_the_value_stays(desk: Desk) -> None:
    desk.cell("def clears(value):\n    value['amount'] = 1\n")
    source = "d = hitl.checkpoint({'amount': 40, 'country': 'DE'}, title='R', guardrails=(clears,))"
    assert desk.run(source).proposals[0].guardrails[0].message.startswith("it changed the value")
    desk.answer()
    desk.run(source)
    assert desk.ns["d"].value == {"amount": 40, "country": "DE"}


def test_steps_of_a_guardrail_are_not_mixed_up_with_others(desk: Desk) -> None:
    desk.cell(
        "@hitl.step\ndef fetch(what):\n    effect('fetch', what)\n    return what\n"
        "def known(value):\n    return hitl.passed() if fetch('guardrail') else None\n"
        "def work():\n"
        "    a = hitl.checkpoint({'amount': 10, 'country': 'DE'}, title='A', guardrails=(known,)).by\n"
        "    b = fetch('work')\n"
        "    return a, b, hitl.checkpoint({'amount': 200, 'country': 'DE'}, title='B').by\n"
    )
    desk.run("got = [work() for _ in range(1)]")
    desk.answer()
    desk.run("got = [work() for _ in range(1)]")
    assert desk.ns["got"] == [("policy", "work", "person")]
    assert effects() == ["fetch('guardrail',)", "fetch('work',)"]


# -- facts of the run


def test_labels_are_kept_before_the_next_question_and_after_resume(desk: Desk, file: Path) -> None:
    file.write_text("version = 1\n[[rule]]\nid = 'old'\nwhen = 'labels.model == \"m-2\"'\ndo = 'pass'\n")
    source = "hitl.labels(model='m-3', size=3)\nx = hitl.checkpoint(1, title='A')\nhitl.labels(model='m-2')\n"
    source += "y = hitl.checkpoint(2, title='B').by\n"
    p = desk.run(source).proposals[0]
    assert p.facts is not None
    assert p.facts.labels == desk.record().labels == {"model": "m-3", "size": "3"}
    desk.answer()
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert desk.ns["y"] == "policy"
    assert desk.record().labels == {"model": "m-2", "size": "3"}
    assert desk.ledger.audit.verify().ok
    assert [e.data for e in desk.ledger.audit.read_events() if e.type == "run.labeled"] == [
        {"labels": {"model": "m-3", "size": "3"}},
        {"labels": {"model": "m-2"}},
    ]


# -- what a call says about its review


TERMS = """
import ast
import asyncio
import linecache
import sys
from datetime import timedelta
d = hitl.checkpoint({"amount": 80, "country": "DE"}, title="R", reviewers=("cy", "@finance"), quorum=2,
                    deadline=timedelta(hours=4), on_deadline="reject", confidence=0.4)
"""


DECIMALS = """
version = 1
identity = "local"
[[rule]]
id = "small"
tool = "pay"
when = "arguments.amount <= 50.10"
do = "pass"
[[rule]]
id = "big"
tool = "pay"
when = "arguments.amount > 100"
do = "ask"
needs = ["1 of bo"]
"""
PAY_EXACTLY = """
from decimal import Decimal
@hitl.gate(title="Pay {amount}")
def pay(amount%s): return effect("paid", amount)
"""


@pytest.mark.parametrize("annotation", ["", ": Decimal"])
def test_amounts_that_are_decimals_are_compared_as_numbers(desk: Desk, file: Path, annotation: str) -> None:
    file.write_text(DECIMALS)
    desk.cell(PAY_EXACTLY % annotation)
    source = 'pay(Decimal("50.10"))\npay(Decimal("50.11"))\n'
    [p] = desk.run(source).proposals
    assert effects() == ["paid(Decimal('50.10'),)"]
    assert p.terms is not None
    assert (p.title, p.terms.rules) == ("Pay 50.11", ())
    p = desk.answer("edit", {"name": "pay", "arguments": {"amount": "100.01"}})
    assert p.status == "open"
    assert p.terms is not None
    assert [need.text for need in p.terms.needs] == ["1 of anyone", "1 of bo"]


def test_a_call_brings_terms(desk: Desk) -> None:
    p = desk.run(TERMS).proposals[0]
    assert p.terms is not None
    assert [(n.count, set(n.people), n.text) for n in p.terms.needs] == [(2, {"cy", "ann", "bo"}, "2 of cy, @finance")]
    assert [(s.does, s.seconds) for s in p.terms.timeline] == [("reject", 4 * 3600)]
    assert p.confidence == 0.4


def test_terms_of_a_call_do_not_make_anybody_asked(desk: Desk) -> None:
    assert desk.run(TERMS.replace("80", "40")).status == "finished"


def test_a_call_brings_rules(desk: Desk) -> None:
    rule = {"version": 1, "rule": [{"id": "mine", "when": "value.amount < 90", "do": "pass"}]}
    source = f"d = hitl.checkpoint({{'amount': 80, 'country': 'DE'}}, title='R', policy=hitl.policy({rule}))"
    desk.run(source)
    assert desk.ns["d"].rules == ("mine",)
    assert desk.ns["d"].why == ("mine: value.amount < 90",)


# -- what cannot be used


def test_a_bad_file_stops_the_agent_and_nothing_is_stored(desk: Desk, file: Path) -> None:
    file.write_text("version = 1\n[[rule]]\nid = 'x'\nwhen = 'value.clear()'\n")
    with pytest.raises(hitl.PolicyError, match=r"policy\.toml"):
        desk.run("effect('before')\nhitl.checkpoint({'amount': 1, 'country': 'DE'}, title='R')")
    assert passed(desk) == desk.open() == []
    file.write_text(REFUNDS)
    assert desk.run("effect('before')\nhitl.checkpoint({'amount': 1, 'country': 'DE'}, title='R')").status == "finished"
    assert effects() == ["before()"]


def test_a_need_that_nobody_can_meet_is_refused_at_the_checkpoint(desk: Desk) -> None:
    with pytest.raises(hitl.PolicyError, match="quorum is 3"):
        desk.run("hitl.checkpoint(1, title='R', reviewers=('ada', 'bo'), quorum=3)")
    assert desk.record().pauses == 0


def test_four_eyes_without_a_second_person_is_refused_at_the_checkpoint(desk: Desk, file: Path) -> None:
    """Vector 15."""
    file.write_text('version = 1\n[[rule]]\nid = "two"\ndo = "ask"\nneeds = ["2 of ann, bo"]\nfour_eyes = true\n')
    with pytest.raises(hitl.PolicyError):
        desk.run("hitl.checkpoint(1, title='R')")
    assert desk.record().pauses == 0


def test_steps_in_doubt_and_workspaces_never_pass(desk: Desk, file: Path) -> None:
    file.write_text('version = 1\ndefault = "pass"')
    outcome = desk.run("with hitl.workspace('Report') as w:\n    w.append('text')\n    d = w.wait_until_done()\n")
    assert outcome.status == "waiting"


# -- principle 11


def test_without_a_policy_nothing_is_recorded_of_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Principle 11."""
    monkeypatch.delenv("HITL_NB_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    desk = Desk()
    p = desk.run("hitl.checkpoint(1, title='R')").proposals[0]
    shown = msgspec.to_builtins(p)
    empty: dict[str, Any] = {"facts": None, "why": [], "terms": None, "votes": [], "tags": [], "confidence": None}
    assert {name: list(v) if isinstance(v := shown[name], tuple) else v for name in empty} == empty
    assert desk.keys("policy") == desk.keys("passed/") == []
    assert b'"format":1' in (desk.ledger.store.get("meta/format") or b"").replace(b" ", b"")
    tagged = desk.run("hitl.checkpoint(1, title='R', tags=('a',))", name="b").proposals[0]
    assert (tagged.tags, tagged.terms, tagged.facts) == (("a",), None, None)


# -- where else questions are asked


SIDE_BY_SIDE = """
@hitl.gate(title="Refund {n}", key=lambda n: n)
async def refund(n):
    effect("refund", n)
    return n
async def refund_all():
    return await asyncio.gather(*[refund(n) for n in (1, 2, 900, 3)])
got = await refund_all()
"""


def test_calls_side_by_side_pass_while_another_is_asked(desk: Desk, file: Path) -> None:
    file.write_text('version = 1\n[[rule]]\nid = "small"\nwhen = "arguments.n <= 50"\ndo = "pass"\n')
    desk.cell("import asyncio")
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    outcome = desk.run(SIDE_BY_SIDE, flags=flags)
    assert [p.title for p in outcome.proposals] == ["Refund 900"]
    desk.answer()
    assert desk.run(SIDE_BY_SIDE, flags=flags).status == "finished"
    assert desk.ns["got"] == [1, 2, 900, 3]
    assert sorted(effects()) == sorted(f"refund({n},)" for n in (1, 2, 900, 3))
    assert desk.record().passed == len(passed(desk)) == 3


THREADS = """
def pay(n):
    return hitl.checkpoint({"amount": n, "country": "DE"}, title=f"Refund {n}", key=n, guardrails=(slow,)).by
def pay_all():
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(pay, range(4)))
got = pay_all()
"""


def test_guardrails_of_several_threads_run_at_once(desk: Desk) -> None:
    desk.cell(
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "together = threading.Barrier(4, timeout=30)\ndef slow(value):\n    together.wait()\n"
    )
    assert desk.run(THREADS).status == "finished"
    assert desk.ns["got"] == ["policy"] * 4
    assert desk.record().passed == 4


DOUBT = """
@hitl.step
def pay(n):
    effect("pay", n)
    raise KeyboardInterrupt
pay(1)
"""


def test_whether_a_step_happened_is_asked_under_every_policy(desk: Desk, file: Path) -> None:
    rules = {"pass": 'version = 1\ndefault = "pass"', "block": 'version = 1\n[[rule]]\nid = "all"\ndo = "block"'}
    for name, text in rules.items():
        file.write_text(text)
        name = "pass" if "pass" in text else "block"
        with pytest.raises(KeyboardInterrupt):
            desk.run(DOUBT, name=name)
        outcome = desk.run(DOUBT, name=name)
        assert (outcome.status, outcome.proposals[0].title) == ("waiting", "Did pay(1) happen?")


def test_a_workspace_has_a_deadline(desk: Desk) -> None:
    source = (
        "from datetime import timedelta\nwith hitl.workspace('Report') as w:\n    w.append('text')\n"
        "    d = w.wait_until_done(deadline=timedelta(hours=1), on_deadline='reject')\n"
    )
    p = desk.run(source).proposals[0]
    assert p.terms is not None
    assert [(s.does, s.seconds) for s in p.terms.timeline] == [("reject", 3600)]


def test_a_deadline_that_decides_is_the_deadlines(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "from datetime import timedelta\n"
        "@hitl.gate(title='Refund', deadline=lambda n: timedelta(hours=n), on_deadline='reject')\n"
        "def refund(n):\n    effect('refund')\n"
        "try:\n    refund(2)\nexcept hitl.Rejected as error:\n    text = str(error)\n"
    )
    p = desk.run(source).proposals[0]
    monkeypatch.setenv("HITL_NB_CLOCK", (p.created_at + timedelta(hours=2, seconds=1)).isoformat())
    assert desk.run(source).status == "finished"
    assert desk.ns["text"].startswith("the deadline rejected 'Refund'")
    assert effects() == []
    decided = desk.ledger.proposals.load(p.id).decision
    assert decided is not None
    assert (decided.by, decided.reviewer) == ("deadline", "deadline")


def test_an_agent_outside_of_notebooks_has_the_policy_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HITL_NB_POLICY", raising=False)
    monkeypatch.setenv("HITL_NB_STORE", f"memory:{new_id()}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "script.py"), raising=False)
    (tmp_path / "hitl-policy.toml").write_text('version = 1\n[[rule]]\nid = "here"\nwhen = "value < 5"\ndo = "pass"\n')
    space: dict[str, Any] = {"hitl": hitl, "__name__": "__main__"}
    source = "@hitl.agent\ndef ask(n):\n    return hitl.checkpoint(n, title='N').rules\n"
    linecache.cache["<script>"] = (len(source), None, source.splitlines(True), "<script>")
    exec(compile(source, "<script>", "exec"), space)
    run = asyncio.run(space["ask"].run(1))
    assert (run.status, run.result) == ("finished", ("here",))
    assert asyncio.run(space["ask"].run(9)).status == "waiting"


def test_a_guardrail_that_cannot_be_saved_is_named(desk: Desk) -> None:
    desk.cell(
        "def made(numbers):\n    def counting(value):\n        return next(numbers) and None\n    return counting\n"
        "guard = made(n for n in range(9))\n"
    )
    with pytest.raises(hitl.CannotPause) as caught:
        desk.run("hitl.checkpoint({'amount': 200, 'country': 'DE'}, title='R', guardrails=(guard,))")
    assert "generator" in str(caught.value)
