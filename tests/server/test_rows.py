"""Rows of the list of proposals: what they say about the value, the draft, the comments and the reader."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hitl_nb.records import Snapshot
from tests.indoubt import in_doubt


def row(server: Any, agent: str) -> dict[str, Any]:
    (found,) = server.call("GET", f"proposals?agent={agent}")[1]["proposals"]
    detail = server.call("GET", f"proposals/{found['id']}")[1]
    extras = ("summary", "alike", "numbers", "edits", "draft_changes", "edited_by", "open_comments", "gone")
    for name in (*extras, "own_request"):
        assert detail[name] == found[name], name  # so that a row can be renewed from one proposal
    assert detail.get("about") == found.get("about")
    return found


INVOICE = {"supplier": "Globex", "amount": 310.0, "urgent": True, "note": None, "terms": "net 30"}
CALL = {"name": "pay", "arguments": {"to": "Ann", "amount": 12.5}}
TABLE: Any = pd.DataFrame({"id": [1, 2, 3], "name": ["a", "b", "c"]})
PLAN = ["Back up", "drop column", "reindex", "tell Bo"]


LINES: list[tuple[Any, dict[str, Any], str]] = [
    ("Dear Ann,\n\n  thank you.", {}, "Dear Ann, thank you."),
    (INVOICE, {}, "Globex · 310.0 · urgent: yes · net 30"),
    (CALL, {"kind": "tool_call"}, "Ann · 12.5"),
    (TABLE, {}, "3 rows × 2 columns"),  # as on paper
    (TABLE[:1], {}, "1 row × 2 columns"),
    (PLAN, {"kind": "plan"}, "4 steps · Back up, drop column, reindex"),
    ("canary", {"options": ["canary", "all"]}, "canary"),
    (["x", 2, {"a": 1}], {}, '3 items · x · 2 · {"a": 1}'),
    ({"a": {"b": "\u202eevil"}}, {}, '{"b": "⟨U+202E⟩evil"}'),
    (17, {}, "17"),
    ([], {}, "0 items"),
    ({}, {}, ""),
]


@pytest.mark.parametrize(("value", "asked", "line"), LINES)
def test_a_row_shows_the_value_as_people_read_it(server: Any, value: Any, asked: dict[str, Any], line: str) -> None:
    agent = f"lines{abs(hash((str(value), line)))}"
    server.pause_run(value, agent=agent, **asked)
    assert row(server, agent)["summary"] == line


NUMBERS: list[tuple[Any, dict[str, Any], dict[str, float]]] = [
    (INVOICE, {}, {"amount": 310.0}),
    (CALL, {"kind": "tool_call"}, {"amount": 12.5}),
    ({"customer": {"age": 41}, "total": "12.50"}, {}, {"customer/age": 41.0, "total": 12.5}),
    ({f"n{i:02}": i for i in range(40)}, {}, {f"n{i:02}": float(i) for i in range(12)}),
    ({"lines": [{"price": 5}, 6], "total": 7}, {}, {"total": 7.0}),  # too many to choose from
    (17, {}, {}),
]


@pytest.mark.parametrize(("value", "asked", "numbers"), NUMBERS)
def test_a_row_has_the_first_numbers(server: Any, value: Any, asked: dict[str, Any], numbers: dict[str, float]) -> None:
    agent = f"numbers{abs(hash(str(value)))}"
    server.pause_run(value, agent=agent, **asked)
    assert row(server, agent)["numbers"] == numbers


def test_a_long_value_is_cut_after_a_word(server: Any) -> None:
    server.pause_run("word " * 100_000, agent="longline")
    server.pause_run({str(i): ["x" * 50] * 50 for i in range(2000)}, agent="longobject")
    for agent in ("longline", "longobject"):
        said = row(server, agent)["summary"]
        assert len(said) <= 120
        assert said.endswith("…")
    assert row(server, "longline")["summary"].endswith("word…")


def edit(server: Any, agent: str, value: Any, edited: Any, **asked: Any) -> dict[str, Any]:
    (p,) = server.pause_run(value, agent=agent, **asked)
    assert (row(server, agent)["edits"], row(server, agent)["edited_by"]) == (0, [])
    assert server.call("PUT", f"proposals/{p.id}/draft", {"value": edited})[0] == 200
    return row(server, agent)


def changes(found: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(one["label"], one["before"], one["after"]) for one in found["draft_changes"]]


def test_a_row_shows_the_changes_of_the_draft_and_who_made_them(server: Any) -> None:
    found = edit(server, "editform", INVOICE, {**INVOICE, "amount": 301.0, "note": "paid late"})
    assert found["edits"] == 2
    assert changes(found) == [("amount", "310.0", "301.0"), ("note", "null", "paid late")]
    assert len(found["edited_by"]) == 1
    (p,) = server.ledger.proposals.list_open(agent="editform")
    assert server.call("DELETE", f"proposals/{p.id}/draft")[0] == 200
    again = row(server, "editform")
    assert (again["edits"], again["draft_changes"], again["edited_by"]) == (0, [], [])


def test_a_decided_row_shows_what_the_decision_changed(server: Any) -> None:
    for agent, action, more in (("changed", "edit", {"value": INVOICE | {"amount": 301.0}}), ("kept", "approve", {})):
        (p,) = server.pause_run(INVOICE, agent=agent)
        version = {"revision": p.revision, "fingerprint": p.fingerprint}
        status, _ = server.call("POST", f"proposals/{p.id}/decision", {"action": action, **version, **more})
        assert status == 200
    found = {p["agent"]: p for p in server.call("GET", "proposals?status=closed")[1]["proposals"]}
    assert found["changed"]["edits"] == 1
    assert found["changed"]["draft_changes"] == [{"label": "amount", "before": "310.0", "after": "301.0"}]
    assert (found["kept"]["edits"], found["kept"]["draft_changes"]) == (0, [])


def test_at_most_three_changes_are_shown_and_all_are_counted(server: Any) -> None:
    value = {str(i): i for i in range(9)}
    found = edit(server, "many", value, {name: number + 1 for name, number in value.items()})
    assert (found["edits"], len(found["draft_changes"])) == (9, 3)


def test_changes_of_the_other_kinds(server: Any) -> None:
    found = edit(server, "edittext", "Dear Ann, thank you for it", "Dear Bo, thank you")
    assert (found["edits"], changes(found)[0]) == (2, ("", "Ann", "Bo"))
    shown = server.pause_run(TABLE, agent="shape")[0].value
    found = edit(server, "edittable", TABLE, {**shown, "rows": [[1, "a"], [2, "z"]]})
    assert (found["edits"], changes(found)) == (2, [("Row 2, name", "b", "z"), ("Row 3", "3 · c", None)])
    found = edit(server, "editplan", PLAN, ["Back up", "reindex", "tell Bo", "tell Cy", "rest"], kind="plan")
    assert found["edits"] == 3
    assert changes(found)[0] == ("", "drop column", None)
    found = edit(server, "editchoice", "canary", "all", options=["canary", "all"])
    assert [(before, after) for _, before, after in changes(found)] == [("canary", "all")]


def test_a_draft_that_is_no_value_yet_or_is_long_is_edited_all_the_same(server: Any) -> None:
    found = edit(server, "unfinished", INVOICE, "{ not json")
    assert (found["edits"], found["edits"] is not None) != (0, True)
    long = "word " * 100_000
    found = edit(server, "longdraft", long, long + "more")
    assert (found["edits"], found["draft_changes"], len(found["edited_by"])) == (None, [], 1)


def test_a_row_counts_open_comments_and_suggestions(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="discussed")
    assert row(server, "discussed")["open_comments"] == {"comments": 0, "suggestions": 0}
    first = server.call("POST", f"proposals/{p.id}/comments", {"text": "why?"})[1]["comment"]
    server.ledger.comments.add(p.id, "an answer", author="bo", thread=first["id"])
    server.ledger.comments.add(p.id, "", author="bo", quote="Ann", suggestion="Anna")
    assert row(server, "discussed")["open_comments"] == {"comments": 1, "suggestions": 1}
    server.ledger.comments.change_state(p.id, first["id"], "resolved", actor="bo")
    assert row(server, "discussed")["open_comments"] == {"comments": 0, "suggestions": 1}


def test_a_question_about_an_effect_says_so(server: Any) -> None:
    _, claim = server.ledger.runs.open(agent="aboutdoubt", notebook=str(server.folder / "letters.ipynb"))
    server.ledger.runs.pause(claim, Snapshot(envelope=b"state"), [in_doubt("12.50")])
    found = row(server, "aboutdoubt")
    assert (found["about"], found["summary"]) == ("effect", "The kernel died while it was called")
    server.pause_run("x", agent="noeffect")
    assert "about" not in row(server, "noeffect")


def test_a_row_says_that_the_cell_or_the_notebook_is_gone(server: Any) -> None:
    (asked,) = server.pause_run("Dear Ann", agent="movers")
    file = Path(asked.notebook)
    at = asked.created_at.timestamp()
    for source, later, gone in (
        ("%%agent movers", 10, None),
        ("x = 1", -10, None),  # saved before it was asked: the cell may not be saved yet
        ("x = 1", 20, "cell"),
        (None, 30, "notebook"),
    ):
        if source is None:
            file.unlink()
        else:
            cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
            file.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
            os.utime(file, (at + later, at + later))
        assert row(server, "movers")["gone"] == gone
    server.ledger.proposals.decide(asked.id, action="approve", reviewer="ann")
    assert server.call("GET", f"proposals/{asked.id}")[1]["gone"] is None  # nothing waits for the notebook any more
