"""What a cell shows of what policies decide: a line each, in order with what is printed, and once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from hitl_nb.headless.run_notebook import run_notebook
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.requesters import os_user
from hitl_nb.notebook.ipython.passed_lines import PassedLines
from hitl_nb.records import By, DecisionRecord, GuardrailResult, Need, Proposal, Terms, now
from hitl_nb.review.static_html import proposals_bundle, proposals_html, proposals_text, verdict_bundle
from hitl_nb.storage import open_store

POLICY = """
version = 1
identity = "local"
[groups]
finance = ["ann"]
[[rule]]
id = "small"
when = "value.amount <= 50"
do = "pass"
[[rule]]
id = "big"
when = "value.amount > 100"
do = "ask"
needs = ["1 of @finance"]
[[rule]]
id = "embargo"
when = "value.amount == 0"
do = "block"
"""


def make_proposal(action: Any = "approve", by: By = "policy", **more: Any) -> Proposal:
    """A decided proposal; an open one, if `action` is None."""
    record = DecisionRecord(action=action, reviewer="policy:small", decided_at=now(), by=by, fingerprint="")
    fields = {
        "title": "Refund <1>",
        "kind": "json",
        "value": {"amount": 1},
        "id": "a" * 12,
        "run": "r" * 12,
        "agent": "pay",
        "notebook": "nb",
        "pause": 0,
        "fingerprint": "",
        "created_at": now(),
        "position": "000000001/0.0/checkpoint/0",
        "status": "open" if action is None else "decided",
        "decision": None if action is None else record,
    }
    return Proposal(**(fields | more))


SMALL = Terms(policy="p", rules=("small",))


@pytest.mark.parametrize(
    ("p", "line", "shown"),
    [
        (make_proposal(terms=SMALL), "Passed by policy: Refund <1> (small)", "Passed by policy"),
        (make_proposal(terms=Terms(policy="p")), "Passed by policy: Refund <1> (default)", "Passed by policy"),
        (
            make_proposal("reject", terms=Terms(rules=("a", "b"))),
            "Blocked by policy: Refund <1> (a, b)",
            "Blocked by policy",
        ),
        (
            make_proposal("reject", terms=Terms(), guardrails=(GuardrailResult(name="iban", verdict="block"),)),
            "Blocked by policy: Refund <1> (guardrail iban)",
            "Blocked by policy",
        ),
        (
            make_proposal("reject", by="deadline", terms=SMALL),
            "Rejected by deadline: Refund <1>",
            "Rejected by the deadline",
        ),
        (
            make_proposal("approve", by="deadline", terms=SMALL),
            "Approved by deadline: Refund <1>",
            "Approved by the deadline",
        ),
        (make_proposal("approve", by="person", terms=SMALL), "Approved: Refund <1>", "Approved"),
        (make_proposal(None), "Paused: Refund <1> (waiting for a decision)", "Waits for 1 person"),
        (
            make_proposal(None, terms=Terms(policy="p")),
            "Paused: Refund <1> (waiting for a decision)",
            "Waits for 1 person",
        ),
        (make_proposal(None, terms=SMALL), "Paused: Refund <1> (waiting for 1 person: small)", "Waits for 1 person"),
        (
            make_proposal(
                None, terms=Terms(rules=("big",), needs=(Need(text="1 of @finance"), Need(count=2, text="2 of anyone")))
            ),
            "Paused: Refund <1> (waiting for 1 of @finance and 2 people: big)",
            "Waits for 1 of @finance and 2 people",
        ),
        (
            make_proposal(None, terms=Terms(needs=(Need(text="1 of cy"),))),
            "Paused: Refund <1> (waiting for 1 of cy)",
            "Waits for 1 of cy",
        ),
    ],
)
def test_one_line_says_what_became_of_it_and_by_which_rule(p: Proposal, line: str, shown: str) -> None:
    assert proposals_text([p]) == line
    page = proposals_html([p])
    assert f"{shown}</" in page
    assert "Refund &lt;1&gt;" in page
    for rule in p.terms.rules if p.terms else ():
        assert rule in page


def test_a_decision_of_no_person_never_reads_like_ones() -> None:
    by_policy, by_clock = (
        proposals_html([make_proposal(terms=SMALL)]),
        proposals_html([make_proposal("reject", by="deadline")]),
    )
    for found, who in ((by_policy, "the policy small, "), (by_clock, "the deadline, ")):
        assert found.count(f'<span class="hitl-who">{who}') == found.count('<span class="hitl-who">') == 1
    assert (
        proposals_bundle("pay", 1, [make_proposal(terms=SMALL)])["application/vnd.hitl-nb.proposal+json"]["version"]
        == 1
    )
    assert set(verdict_bundle(make_proposal(terms=SMALL))) == {"text/plain", "text/html"}


def test_of_one_rule_five_are_shown_and_the_rest_is_counted() -> None:
    lines = PassedLines()
    at = [f"{n:09d}/0.0/checkpoint/0" for n in range(40)]
    assert [lines.needs_own_line(make_proposal(terms=SMALL, position=p)) for p in at[:7]] == [True] * 5 + [False] * 2
    assert lines.needs_own_line(make_proposal(terms=Terms(rules=("other",)), position=at[8]))
    assert lines.needs_own_line(make_proposal("reject", terms=SMALL, position=at[9]))
    lines = PassedLines(lines.dump_counts())
    assert not lines.needs_own_line(make_proposal("reject", terms=SMALL, position=at[9]))  # told before
    assert not lines.needs_own_line(make_proposal(terms=SMALL, position=at[10]))
    assert [one["text/plain"] for one in lines.list_rest()] == ["... and 3 more passed by policy (small)"]
    assert not lines.needs_own_line(make_proposal(terms=SMALL, position=at[11]))
    assert [one["text/plain"] for one in lines.list_rest()] == ["... and 1 more passed by policy (small)"]
    lines.begin()
    assert lines.needs_own_line(make_proposal(terms=SMALL, position=at[12]))
    assert lines.list_rest() == []


AGENT = """%%agent pay
for n in [1, 0, 2, 3, 4, 5, 6, 7, 900, 8]:
    print("round", n)
    d = hitl.checkpoint({"amount": n}, title=f"Refund {n}")
print("end", d.by)"""
FIRST = """round 1
Passed by policy: Refund 1 (small)
round 0
Blocked by policy: Refund 0 (embargo)
round 2
Passed by policy: Refund 2 (small)
round 3
Passed by policy: Refund 3 (small)
round 4
Passed by policy: Refund 4 (small)
round 5
Passed by policy: Refund 5 (small)
round 6
round 7
round 900
... and 2 more passed by policy (small)
"""
PAUSED = FIRST + "Paused: Refund 900 (waiting for 1 of @finance: big)"
DONE = FIRST + "Approved: Refund 900\nround 8\nPassed by policy: Refund 8 (small)\nend policy"
OPAQUE = """%%agent opaque
def pay(n):
    return hitl.checkpoint({"amount": n}, title=f"Refund {n}").by
got = [[pay(n) for n in (1, 2, 900, 3)] for _ in range(1)]"""
OPAQUE_DONE = """Passed by policy: Refund 1 (small)
Passed by policy: Refund 2 (small)
Approved: Refund 900
Passed by policy: Refund 3 (small)"""


def text_of(cell: Any) -> str:
    parts = [one.get("text") or one.get("data", {}).get("text/plain", "") for one in cell.outputs]
    return "\n".join(part.rstrip("\n") for part in parts if part)


def test_a_notebook_shows_each_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    for hidden in ("CI", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(hidden, raising=False)
    (tmp_path / "hitl-policy.toml").write_text(POLICY.replace('"ann"', f'"{os_user()}"'))
    load = nbformat.v4.new_code_cell("%load_ext hitl_nb\nimport hitl_nb as hitl")
    exact, opaque = (nbformat.v4.new_code_cell(source) for source in (AGENT, OPAQUE))
    exact.metadata["tags"] = ["raises-exception"]  # the next cell runs although this one waits
    path, store = tmp_path / "a.ipynb", f"diskcache://{tmp_path}/store"
    nbformat.write(nbformat.v4.new_notebook(cells=[load, exact, opaque]), path)
    first = run_notebook(path, store=store)
    assert (first.status, first.error) == ("waiting", None)
    assert text_of(nbformat.read(path, as_version=4).cells[1]) == PAUSED
    ledger = Ledger(open_store(store))
    for p in ledger.proposals.list_open():
        ledger.proposals.decide(p.id, "approve", reviewer=os_user())
    again = run_notebook(path, store=store)
    assert (again.status, again.error) == ("finished", None)
    assert [text_of(cell) for cell in nbformat.read(path, as_version=4).cells[1:]] == [DONE, OPAQUE_DONE]
