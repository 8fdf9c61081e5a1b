"""The other examples as their reader meets them: each answer a person may give leads to what the story says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

import hitl_nb as hitl
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.review.decide_from_text import decide_from_text
from hitl_nb.storage import open_store
from hitl_nb.testing import ScriptedReviewer

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))


class Story:
    """A copy of one example, with a store, a world and a temporary directory of its own."""

    def __init__(self, name: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("__pycache__", "*.jsonl", ".*"))
        self.notebook = folder / f"{name}.ipynb"
        self.store = f"diskcache://{folder}/store"
        self.world = folder / "world.jsonl"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        patch.setenv("TMPDIR", str(self.temporary))
        patch.setenv("EXCHANGE_EFFECTS", str(self.world))
        for variable in ("HITL_NB_MODEL", "HITL_NB_REVIEWER"):
            patch.delenv(variable, raising=False)
        self.ledger = Ledger(open_store(self.store))

    def waits(self) -> Proposal:
        """Run the notebook up to its next question."""
        run = hitl.run_notebook(self.notebook, store=self.store)
        assert (run.status, run.error) == ("waiting", None)
        assert self.ledger.audit.verify().ok
        return run.open[0]

    def ends(self) -> None:
        run = hitl.run_notebook(self.notebook, store=self.store)
        assert (run.status, run.error) == ("finished", None)
        assert self.ledger.audit.verify().ok

    def decide(self, seen: Proposal, action: Any, value: Any = None, reason: str | None = None) -> None:
        as_it_is = value is None or action == "respond" or seen.kind == "markdown"
        decide_from_text(self.ledger, seen, action, value if as_it_is else json.dumps(value), reason=reason)

    def effects(self) -> list[dict[str, Any]]:
        text = self.world.read_text(encoding="utf-8") if self.world.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def read_outputs(self, cell: str) -> str:
        return json.dumps(next(c for c in nbformat.read(self.notebook, as_version=4).cells if c.id == cell).outputs)

    def read_text(self, cell: str) -> str:
        found = next(c for c in nbformat.read(self.notebook, as_version=4).cells if c.id == cell)
        return "".join(o.get("text") or o["data"]["text/plain"] for o in found.outputs)


@pytest.fixture
def exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    return Story("exchange", tmp_path / "shop", monkeypatch)


def test_exchange_approved(exchange: Story) -> None:
    asked = exchange.waits()
    assert asked.value["outcome"] == "exchange"
    assert "3 days late" in asked.context["return window"]
    assert "VIP, with us for 4 years" in asked.context["customer"]
    exchange.decide(asked, "approve")
    exchange.ends()
    parcel, email = exchange.effects()
    assert (parcel["effect"], parcel["order"], parcel["sku"]) == ("parcel", "51877", "FJELL-BOOT-40")
    assert (email["to"], email["text"]) == ("nadia.rahman@example.com", asked.value["email"])

    exchange.ends()  # the day after: nothing is sent again
    assert len(exchange.effects()) == 2
    assert exchange.read_text("summary").startswith("approved as proposed")


def test_exchange_denied(exchange: Story) -> None:
    exchange.decide(exchange.waits(), "reject", reason="the boots were worn")
    exchange.ends()
    (email,) = exchange.effects()
    assert "we cannot exchange" in email["text"]
    assert "worn" not in email["text"]  # a reason is for colleagues
    assert "reason: the boots were worn" in exchange.read_text("summary")


def test_exchange_modified_on_the_command_line(exchange: Story) -> None:
    asked = exchange.waits()
    value = {"outcome": "store credit", "amount": 149.0, "email": "Dear Nadia, please take 149 EUR of store credit."}
    words = ["edit", asked.id, "--value", json.dumps(value), "--store", exchange.store]
    subprocess.run([sys.executable, "-m", "hitl_nb.cli", *words], check=True, capture_output=True)
    exchange.ends()
    credit, email = exchange.effects()
    assert (credit["effect"], credit["customer"], credit["amount"]) == ("store credit", "C-1029", 149.0)
    assert email["text"] == value["email"]


def test_exchange_talked_over(exchange: Story) -> None:
    """An answer, then a change that leaves the email behind: each leads to a better question, and nothing is sent."""
    first = exchange.waits()
    for wrong in ({"amount": 500}, {"amount": 20}, {"outcome": "store credit"}, {"outcome": "gift"}, {"email": "Hi"}):
        with pytest.raises(hitl.InvalidEdit):
            exchange.decide(first, "edit", {**first.value, **wrong})
    exchange.decide(first, "respond", "offer her store credit")

    second = exchange.waits()
    assert (second.value["outcome"], second.value["amount"]) == ("store credit", 149.0)
    exchange.decide(second, "edit", {**second.value, "outcome": "refund", "amount": 120.0})

    third = exchange.waits()
    assert (third.value["outcome"], third.value["amount"]) == ("refund", 120.0)
    assert "120.00 EUR" in third.value["email"]
    assert exchange.effects() == []
    exchange.decide(third, "approve")
    exchange.ends()
    assert [(line["effect"], line.get("amount")) for line in exchange.effects()] == [("refund", 120.0), ("email", None)]


def test_exchange_that_nobody_decides(exchange: Story) -> None:
    """The policy reminds, asks the lead too, and says no after a week; that is nobody's decision."""
    with ScriptedReviewer([{"action": "wait"}] * 3):
        exchange.ends()
    assert exchange.read_text("summary").startswith("denied\nreason: nobody decided in time (7d reject)")
    assert [line["effect"] for line in exchange.effects()] == ["email"]
    [asked] = exchange.ledger.proposals.list_of_run(exchange.ledger.runs.list_newest()[0].id)
    assert asked.decision is not None
    assert (asked.decision.by, asked.widened, asked.why) == (
        "deadline",
        ("lea",),
        ('goodwill: context["days late"] > 0', "unsure-exchange: confidence < 0.8"),
    )


def test_refunds_asks_again_where_an_edit_leaves_the_email_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFUNDS_EFFECTS", str(tmp_path / "effects.jsonl"))
    story = Story("refunds", tmp_path / "desk", monkeypatch)
    asked = story.waits()
    assert (asked.title, asked.why) == ("Refund order 40215", ("large-refund: context.euros > 100",))
    assert "Passed by policy: Refund order 40312 (routine-refund)" in story.read_outputs("agent")
    story.decide(asked, "edit", {**asked.value, "amount": 1199.0})
    again = story.waits()
    assert again.title == asked.title
    assert "the email does not name the amount that is paid, 1199.00 EUR" in "".join(again.notes)
    assert '"refund", "about": "40215"' not in (tmp_path / "effects.jsonl").read_text(encoding="utf-8")


def test_duplicates_decided_another_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decided about one pair decides which pairs the generator, in the middle of its list, still finds."""
    monkeypatch.setenv("DUPLICATES_EFFECTS", str(tmp_path / "effects.jsonl"))
    story = Story("duplicates", tmp_path / "desk", monkeypatch)
    asked = story.waits()
    assert (asked.title, asked.why) == ("Merge C-15 into C-05", ("possible-duplicate: confidence < 0.95",))
    assert asked.context["the model says"] == "'Lea Roth' and 'Kai Roth', same email, same town"
    entries = [
        {"title": "Merge C-15 into C-05", "action": "edit", "value": {**asked.value, "phone": "0221 555 0119"}},
        *({"title": f"Merge {pair}", "action": "reject"} for pair in ("C-16 into C-07", "C-26 into C-10")),
        *({"title": f"Merge {pair}", "action": "approve"} for pair in ("C-23 into C-01", "C-24 into C-02")),
        {"title": "Merge C-05 into C-03", "action": "reject", "reason": "she works there"},  # they share a number now
        {"title": "Merge C-25 into C-03", "action": "respond", "value": "ask them both"},
        *({"title": f"Merge {pair}", "action": "reject"} for pair in ("C-25 into C-05", "C-19 into C-09")),
        {"title": "Merge C-28 into C-20", "action": "reject"},
    ]
    with ScriptedReviewer(entries):
        story.ends()
    said = story.read_text("agent")
    assert "C-05 C-15  one person, somebody said" in said
    assert "C-03 C-25  two people: ask them both" in said
    assert "C-03 C-05  two people: she works there" in said
    assert story.read_text("summary").startswith("30 contacts were 19 people.")


def test_invoices_that_are_all_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOICES_EFFECTS", str(tmp_path / "effects.jsonl"))
    story = Story("invoices", tmp_path / "desk", monkeypatch)
    story.world = tmp_path / "effects.jsonl"
    asked = story.waits()
    assert (asked.title, asked.value["arguments"]["iban"][:2]) == ("Call pay", "DE")
    assert story.effects() == []  # the payment that passed is made with the others of its turn
    with ScriptedReviewer([{"title": "Call pay", "action": "reject"}] * 2 + [{"action": "reject"}] * 2):
        story.ends()
    assert [line["invoice"] for line in story.effects()] == ["NP-2210"]
    assert "77-18: not paid" in story.read_text("summary")


@pytest.mark.skipif(shutil.which("git") is None, reason="the example needs git")
def test_release_stopped_before_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story("release", tmp_path / "desk", monkeypatch)
    asked = story.waits()
    call = asked.value
    assert (call["name"], call["arguments"]["version"]) == ("to_staging", "1.1.0")
    with pytest.raises(hitl.InvalidEdit, match="version"):
        story.decide(asked, "edit", {**call, "arguments": {**call["arguments"], "version": "next"}})
    (home,) = story.temporary.glob("hitl-nb-release-*")
    assert not any((home / "staging").iterdir())
    story.decide(asked, "edit", {**call, "arguments": {**call["arguments"], "version": "2.0.0"}})

    asked = story.waits()
    assert (asked.title, asked.context["staging says"]) == ("Release 2.0.0 to production", "version 2.0.0")
    assert [file.name for file in (home / "staging").iterdir()] == ["slug.pyz"]
    assert not any((home / "production").iterdir())
    story.decide(asked, "reject", reason="not on a Friday")

    for _ in range(2):  # the second time, everything is recorded and the directory gone
        story.ends()
        said = story.read_text("summary")
        assert "not released: not on a Friday" in said
        assert "production: empty" in said
        assert "v2.0.0" not in said
        assert story.read_text("tidy") == "left behind: nothing\n"
        assert not any(story.temporary.glob("hitl-nb-release-*"))


def test_clean_data_with_rows_struck_and_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("palmerpenguins")
    story = Story("clean_data", tmp_path / "desk", monkeypatch)
    asked = story.waits()
    table = asked.value
    rows = {row[0]: row for row in table["rows"]}
    assert len(rows) == 15
    for place, wrong in ((4, "male"), (0, 344), (2, "Comments")):
        with pytest.raises(hitl.InvalidEdit):
            story.decide(asked, "edit", {**table, "rows": [[*rows[8][:place], wrong, *rows[8][place + 1 :]]]})
    changed = [
        rows[8],
        [*rows[11][:4], "MALE", "seen on the nest"],
        [*rows[293][:4], "48.0", "the field sheet says so"],
        [20, *rows[10][1:]],  # a slip: row 20 is another bird
    ]
    story.decide(asked, "edit", {**table, "rows": changed})
    story.ends()
    assert "3 applied\nnot applied: row 20 is PAL0708 Adelie N11A1" in story.read_text("agent")
    counts = dict(re.findall(r"(?m)^(\D+?) +\d+ +(\d+)$", story.read_text("summary")))
    assert counts["without a sex"] == "9"
    assert counts["empty measurements"] == "8"
    assert counts["doubtful measurements"] == "3"


@pytest.mark.parametrize("name", NAMES)
def test_committed_as_run(name: str) -> None:
    """Each notebook is committed with the outputs of a whole run, and with the decisions that led to them."""
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = json.dumps([cell.outputs for cell in code])
    assert "waiting for a decision" not in outputs
    assert not re.search(r"/(home|tmp|root|Users|work)/", outputs)
    entries = json.loads((EXAMPLES / f"{name}.decisions.json").read_text(encoding="utf-8"))["decisions"]
    decided = re.findall(r'hitl-who\\">(?!the policy)', outputs)
    assert sum(entry.get("action") != "wait" for entry in entries) == len(decided)
    assert notebook.metadata.kernelspec.name == "python3"
