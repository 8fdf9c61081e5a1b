"""What an edit changes, in the terms of each kind of value."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from hitl_nb.kinds.changes.labels import field_label, resolve_schema_part
from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.questions import build_question, check_edit, list_changes
from hitl_nb.review.card.changes_html import brief_changes_html, changes_html


def changes_of(value: Any, edit: Any, **more: Any) -> Changes:
    question = build_question(value, title="t", **more)
    return list_changes(question, check_edit(question, edit))


def lines(changes: Changes) -> list[str]:
    """Each part as text: its sign and label, and removed words as [-...-], added words as {+...+}."""
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return [
        " ".join(
            one for one in (part.sign, part.label, "".join(marks[s.mark].format(s.text) for s in part.spans)) if one
        )
        for part in changes.parts
    ]


def test_a_text_is_compared_by_word_and_paragraphs_without_changes_are_counted() -> None:
    before = "Dear Ada,\n\nwe are sorry. If it isn't there by 5.30 pm, write.\n\nBye"
    after = "Dear Ada,\n\nwe are sorry that it took so long. If it isn't there by 6.30 pm, write.\n\nBye"
    changes = changes_of(before, after)
    assert lines(changes) == ["we are sorry{+ that it took so long+}. If it isn't there by [-5.30-]{+6.30+} pm, write."]
    assert (changes.count, changes.rest) == (2, "2 paragraphs without changes")


def test_words_that_stand_together_are_one_change() -> None:
    changes = changes_of("the quick brown fox sleeps", "one slow grey cat sleeps")
    assert lines(changes) == ["[-the quick brown fox-]{+one slow grey cat+} sleeps"]
    assert changes.count == 1


def test_code_is_compared_by_line_with_its_words_marked() -> None:
    head = "".join(f"import m{n}\n" for n in range(9))
    changes = changes_of(f"{head}q = q.mean()\nend", f"{head}q = q.median(numeric_only=True)\nend", kind="code")
    assert lines(changes) == [
        "7 import m6",
        "8 import m7",
        "9 import m8",
        "− 10 q = [-q.mean-]()",
        "+ 10 q = {+q.median+}({+numeric_only=True+})",
        "11 end",
    ]
    assert (changes.count, changes.rest) == (1, "6 lines without changes not shown")


def test_json_is_compared_by_path() -> None:
    before = {"model": {"name": "m", "t": 0.7}, "tools": ["a", "b"], "limits": {"per day": 50}, "text": "a\nb"}
    after = {"model": {"name": "m", "t": 0.2}, "tools": ["a", "new", "b"], "limits": {}, "text": "a\nc"}
    changes = changes_of(before, after)
    assert lines(changes) == [
        "model.t [-0.7-]{+0.2+}",
        "+ tools[1] {+new+}",
        "− limits.per day [-50-]",
        "text [-a\nb-]{+a\nc+}",
    ]
    assert (changes.count, changes.rest) == (4, "3 values are as proposed")


def test_a_form_has_the_titles_of_its_fields_and_long_texts_by_word() -> None:
    address = {"properties": {"city": {"title": "City"}}}
    schema = {"properties": {"sum": {"title": "Amount"}, "to": {"title": "Address", "$ref": "#/$defs/a"}, "note": {}}}
    long = "Thank you for writing to us about order 40215. " * 3
    before = {"sum": 1299, "to": {"city": "Ulm"}, "note": f"{long}We refund 10 EUR today."}
    after = {"sum": 1199, "to": {"city": "Bonn"}, "note": f"{long}We refund 12 EUR today."}
    changes = changes_of(before, after, schema={**schema, "$defs": {"a": address}})
    assert lines(changes)[:2] == ["Amount [-1299-]{+1199+}", "Address › City [-Ulm-]{+Bonn+}"]
    assert lines(changes)[2].startswith("note … ")
    assert lines(changes)[2].endswith("We refund [-10-]{+12+} EUR today.")


def test_a_tool_call_has_the_names_of_its_arguments() -> None:
    before = {"name": "send", "arguments": {"to": "all", "subject": "hi"}}
    changes = changes_of(before, {"name": "send", "arguments": {"to": "ada", "subject": "hi"}}, kind="tool_call")
    assert lines(changes) == ["to [-all-]{+ada+}"]
    assert changes.count == 1


def test_a_table_has_its_cells_and_rows() -> None:
    frame = pd.DataFrame({"id": [7, 8, 9, 10], "paid": ["a", "b", None, "d"]})
    question = build_question(frame, title="t")
    rows = [[7, "a"], [9, "x"], [10, "d"], [11, "new"]]
    changes = list_changes(question, check_edit(question, {"columns": question.value["columns"], "rows": rows}))
    assert lines(changes) == ["− Row 2 [-8 · b-]", "~ Row 2, paid [-null-]{+x+}", "+ Row 4 {+11 · new+}"]
    assert (changes.count, changes.rest) == (3, "2 rows are as proposed")


def test_rows_before_and_behind_a_change_are_numbered_and_counted_and_a_sign_of_zero_is_a_change() -> None:
    question = build_question(pd.DataFrame({"id": range(6), "x": [0.0, 0.0, 1.5, 2.5, 0.0, None]}), title="t")
    rows = [[0, 0.0], [1, 0.0], [3, 2.5], [4, -0.0], [5, None]]
    changes = list_changes(question, {"columns": question.value["columns"], "rows": rows})
    assert lines(changes) == ["− Row 3 [-2 · 1.5-]", "~ Row 4, x [-0.0-]{+-0.0+}"]
    assert (changes.count, changes.rest) == (2, "4 rows are as proposed")


def test_a_plan_has_signs_for_added_removed_and_moved_steps() -> None:
    before = ["Back up table users", "Drop column address", "Vacuum", "Reindex", {"do": "x"}]
    after = ["Back up table users", "Tell the team", "Reindex", "Drop column address_old", {"do": "x"}]
    changes = changes_of(before, after, kind="plan")
    assert lines(changes) == [
        "1. Back up table users",
        "+ 2. {+Tell the team+}",
        "3. Reindex",
        "↓ 4. Drop column [-address-]{+address_old+}",
        "− [-Vacuum-]",
        '5. {"do": "x"}',
    ]
    assert (changes.count, changes.rest) == (3, "3 steps are as proposed")


def test_a_choice_has_the_agents_option_and_yours() -> None:
    assert lines(changes_of("Ulm", "Bonn", options=["Ulm", "Bonn"])) == ["[-Ulm-]{+Bonn+}"]


@pytest.mark.parametrize(
    ("value", "more"),
    [("x", {}), ({"a": 1}, {}), (["x"], {"kind": "plan"}), ("x", {"kind": "code"}), (pd.DataFrame({"a": [1]}), {})],
)
def test_without_a_change_there_is_nothing(value: Any, more: dict[str, Any]) -> None:
    question = build_question(value, title="t", **more)
    changes = list_changes(question, question.value)
    assert (changes.count, changes.parts, changes_html(changes), brief_changes_html(changes)) == (0, (), "", "")


@pytest.mark.parametrize("kind", ["json", "plan", "tool_call", "table"])
def test_a_draft_that_is_no_value_yet_is_compared_as_text(kind: str) -> None:
    values: dict[str, Any] = {
        "json": {"a": 1},
        "plan": ["a"],
        "tool_call": {"name": "t", "arguments": {}},
        "table": pd.DataFrame({"a": [1]}),
    }
    changes = list_changes(build_question(values[kind], title="t", kind=kind), "half {")
    assert changes.count > 0
    assert "half {" in str(changes.parts)


def test_a_long_text_of_one_word_repeated_is_compared_in_time() -> None:
    assert changes_of("a b " * 15_000, "b a " * 14_000).count >= 1  # without a bound it takes minutes


def test_the_html_is_escaped_and_says_what_it_leaves_out() -> None:
    before = {f"<b>{n}</b>": n for n in range(300)}
    shown = changes_html(changes_of(before, {name: n + 1 for name, n in before.items()}))
    assert "&lt;b&gt;1&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert "100 more parts not shown here." in shown
    brief = brief_changes_html(changes_of(before, {name: n + 1 for name, n in before.items()}))
    assert brief.endswith(", 298 more changes")
    hostile = changes_html(changes_of("a <i>\u202e", "b <i>\u202e </del>"))
    assert "\u202e" not in hostile
    assert "<i>" not in hostile
    assert hostile.count("</del>") == hostile.count("<del ")


@pytest.mark.parametrize("kind", ["code", "text", "json"])
def test_a_long_gap_of_spaces_beside_a_change_is_shortened(kind: str) -> None:
    before = "timeout = 10" + " " * 130 + "# seconds until the call is given up"
    value: Any = {"a": before} if kind == "json" else before
    edit: Any = {"a": before.replace("10", "20")} if kind == "json" else before.replace("10", "20")
    changes = changes_of(value, edit, kind=kind)
    assert changes.count == 1
    for html in (changes_html(changes), brief_changes_html(changes)):
        assert "20" in html


def test_the_name_of_a_field_does_not_need_all_alternatives_of_the_schema() -> None:
    """Expanding them takes 8**5 steps for each name, and 14**5 is seconds."""
    node: dict[str, Any] = {"type": "object", "properties": {"x": {"title": "X", "type": "integer"}}}
    node["anyOf"] = [{"$ref": "#/$defs/node"}] * 200
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    assert field_label(("x",), schema) == "X"
    assert resolve_schema_part({"anyOf": "no list"}, {}) == {"anyOf": "no list"}
