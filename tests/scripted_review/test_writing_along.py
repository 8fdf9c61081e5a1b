"""The people of a script: they type, comment and suggest in workspaces while the agent writes, each once."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

import hitl_nb as hitl
from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.scripted_review.decision_file import DecisionFile, format_document
from hitl_nb.scripted_review.decision_recording import record_entries
from hitl_nb.storage import open_store
from hitl_nb.testing import ScriptedReviewer


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"diskcache://{tmp_path}/store"
    monkeypatch.setenv("HITL_NB_STORE", url)
    return url


@hitl.agent
def report(sections: list[str]) -> Any:
    heard = []
    with hitl.workspace("Report", template="# Report") as doc:
        for section in sections:
            asked = doc.comments(open=True)
            heard.append([(c.author, c.text, c.quote) for c in asked])
            doc.append(f"## {section}\n\nWritten by the agent." + "".join(f" As {c.author} asked." for c in asked))
            for comment in asked:
                if comment.suggestion is None:
                    doc.resolve(comment)
                else:
                    doc.accept(comment, patience=0)
        decision = doc.wait_until_done()
    return doc.text, heard, decision.action, decision.value == doc.text


def run(*sections: str, key: str = "1") -> Any:
    return asyncio.run(report.run(list(sections), key=key))


DONE = {"title": "Report", "action": "approve"}


def test_they_type_and_comment_and_the_agent_takes_it_into_the_next_section() -> None:
    writing = [
        {"person": "ann", "after": "## One", "type": " And by Ann.", "behind": "by the agent."},
        {"person": "bob", "after": "## One", "comment": "More numbers", "quote": "Written"},
        {"person": "ann", "after": "## Two", "type": "The ", "instead": "# "},
    ]
    with ScriptedReviewer([DONE], writing=writing[:2]):
        done = run("One", "Two")
    text, heard, action, agreed = done.result
    assert text == (
        "# Report\n\n## One\n\nWritten by the agent. And by Ann.\n\n## Two\n\nWritten by the agent. As bob asked."
    )
    assert heard == [[], [("bob", "More numbers", "Written")]]
    assert (action, agreed) == ("approve", True)


def test_it_is_known_who_wrote_what(store: str) -> None:
    with ScriptedReviewer([DONE], writing=[{"person": "ann", "type": "Hello. "}]):
        run("One")
    ledger = Ledger(open_store(store))
    (workspace,) = ledger.workspaces.list_of_run(ledger.runs.list_newest()[0].id)
    assert [one.author for _, one in Draft.for_workspace(ledger.store, workspace).updates_after()] == [
        "",
        "ann",
        "agent:report",
    ]


def test_a_suggestion_is_made_and_the_agent_accepts_it() -> None:
    writing = [{"after": "## One", "suggest": "Begun", "quote": "Written", "comment": "plainer"}]
    with ScriptedReviewer([DONE], writing=writing):
        done = run("One", "Two")
    assert done.result[0].startswith("# Report\n\n## One\n\nBegun by the agent.")


def test_nothing_is_played_again_when_the_run_is(store: str) -> None:
    writing = [{"person": "ann", "after": "## One", "type": " Once."}, {"after": "## One", "comment": "once"}]
    with ScriptedReviewer([], writing=writing), pytest.raises(hitl.Unanswered):
        run("One")
    with ScriptedReviewer([DONE], writing=writing):
        done = run("One")
    assert done.result[0].count("Once.") == 1
    ledger = Ledger(open_store(store))
    (workspace,) = ledger.workspaces.list_of_run(ledger.runs.list_newest()[0].id)
    assert len(ledger.comments.list_on_document(workspace.id)) == 1


@pytest.mark.parametrize(
    ("hand", "said"),
    [
        ({"after": "## Never", "type": "x"}, r"writing\[0\] waits for '## Never'"),
        ({"type": "x", "behind": "nowhere"}, r"writing\[0\] cannot be done: .*'nowhere'"),
        ({"person": "ann"}, r"writing\[0\] does nothing"),
        ({"type": "x", "behind": "a", "instead": "b"}, "give only one of them"),
        ({"type": "x", "comment": "y"}, "make two entries"),
        ({"suggest": "x"}, 'without the "quote"'),
    ],
)
def test_what_cannot_be_done_is_told(hand: dict[str, Any], said: str) -> None:
    def attempt() -> None:
        with ScriptedReviewer([DONE], writing=[hand]):
            failed = run("One")
            raise hitl.HitlError(failed.error or "it went on")

    with pytest.raises(hitl.HitlError, match=said):
        attempt()


def test_what_is_recorded_leads_to_the_same_text(store: str, tmp_path: Path) -> None:
    with ScriptedReviewer([DONE], writing=[{"person": "ann", "type": " by Ann"}]):
        done = run("One")
    ledger = Ledger(open_store(store))
    entries = record_entries(ledger, ledger.runs.list_newest()[0].notebook)
    file = tmp_path / "again.decisions.json"
    file.write_text(format_document(DecisionFile(entries)))
    assert json.loads(file.read_text())["decisions"][0]["value"] == done.result[0]
    os.environ["HITL_NB_STORE"] = f"diskcache://{tmp_path}/other"
    with ScriptedReviewer(file):
        assert run("One").result[0] == done.result[0]
