"""The ipywidgets panel, driven as a person does: by the controls' values and the buttons."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import ipywidgets
import msgspec
import pandas as pd
import pydantic
import pytest

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.notebook.panel.controls import make_stylesheet
from hitl_nb.notebook.panel.panel import ProposalPanel
from hitl_nb.records import Proposal, Question, Snapshot, new_id
from hitl_nb.review.doubt_texts import RESULT_LABEL
from hitl_nb.storage.memory import MemoryStore
from tests.indoubt import in_doubt


class Tier(enum.Enum):
    BASIC = "basic"
    VIP = "vip"


class Refund(pydantic.BaseModel):
    order: str = pydantic.Field(title="Order number", description="As on the invoice")
    amount: float
    count: int
    express: bool = False
    tier: Tier = Tier.BASIC
    note: str | None = None
    lines: list[int] = []


def iterate_widgets(widget: Any, *, hidden: bool = True) -> Iterator[Any]:
    if hidden or widget.layout.display != "none":
        yield widget
        for child in getattr(widget, "children", ()):
            yield from iterate_widgets(child, hidden=hidden)


class Words(HTMLParser):
    """What HTML shows: its text, removed text as [-...-] and added text as {+...+}; and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"style", "title"}
        self.text += {"del": "[-", "ins": "{+", "div": "\n"}.get(tag, "")

    def handle_endtag(self, tag: str) -> None:
        self.text += {"del": "-]", "ins": "+}"}.get(tag, "")

    def handle_data(self, data: str) -> None:
        self.text += data


class Shown:
    """A panel and a person's way around it."""

    def __init__(self, ledger: Ledger, *questions: Question, check: Any = None, reviewer: str = "alice") -> None:
        self.ledger = ledger
        run, claim = ledger.runs.open(agent=new_id(), notebook="n.ipynb")
        self.proposals = ledger.runs.pause(claim, Snapshot(envelope=b"state"), questions).proposals
        self.run = run.id
        self.done = 0
        self.check, self.reviewer = check, reviewer
        self.reopen_panel()

    def reopen_panel(self) -> None:
        """A new panel, as after a kernel restart."""
        proposals = [self.ledger.proposals.load(p.id) for p in self.proposals]
        self.panel = ProposalPanel(
            self.ledger, proposals, reviewer=self.reviewer, on_decided=self._count_finish, check=self.check
        )

    def _count_finish(self) -> None:
        self.done += 1

    def widgets(self) -> Iterator[Any]:
        return iterate_widgets(self.panel.widget)

    def visible(self) -> Iterator[Any]:
        """Those that can be seen: neither they nor anything around them is hidden."""
        return iterate_widgets(self.panel.widget, hidden=False)

    def control(self, name: str, nth: int = 0) -> Any:
        found = [w for w in self.widgets() if name in (getattr(w, "description", None), getattr(w, "tooltip", None))]
        return found[nth]

    def click(self, name: str, nth: int = 0) -> None:
        self.control(name, nth).click()

    def buttons(self) -> set[str]:
        """Those that can be pressed."""
        kinds = (w for w in self.visible() if isinstance(w, ipywidgets.Button))
        return {b.description for b in kinds if not b.disabled}

    def texts(self) -> str:
        """All that stands there and cannot be edited."""
        shown = (w for w in self.visible() if isinstance(w, ipywidgets.Label) or getattr(w, "disabled", False))
        return "\n".join(str(w.value) for w in shown if hasattr(w, "value") and not isinstance(w, ipywidgets.HTML))

    def changes(self) -> str:
        """What is shown as HTML: changes, and closed cards."""
        return "\n".join(Words(w.value).text for w in self.visible() if isinstance(w, ipywidgets.HTML) and w.tooltip)

    def reject(self, reason: str = "", nth: int = 0) -> None:
        """Open the form of "Reject…", write the reason, and send it."""
        self.click("Reject…", nth)
        self.control("Why", nth).value = reason
        self.click("Reject", nth)

    def record(self, nth: int = 0) -> Proposal:
        return self.ledger.proposals.load(self.proposals[nth].id)

    def decision(self, nth: int = 0) -> tuple[str, Any, str | None, str] | None:
        d = self.record(nth).decision
        return None if d is None else (d.action, d.value, d.reason, d.reviewer)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    store = MemoryStore()
    yield Ledger(store)
    store.close()


# --- deciding -------------------------------------------------------------------------------------------------------


def test_approve_decides_what_was_proposed(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("Dear A", title="Reply", context={"order": "5678", "n": [1]}))
    lines = shown.texts().split("\n")
    agent = shown.proposals[0].agent
    assert lines[:2] == ["Reply", "Your decision"]
    assert lines[2].startswith(f"text · {agent} · n.ipynb · asked 20")
    assert lines[3:5] == ["Evidence", "Proposal"]
    assert "order5678" in shown.changes()
    assert "n [1]" in shown.changes()
    assert shown.buttons() == {"Approve", "Reject…", "Answer…", "Approve with a reason…"}
    shown.click("Approve")
    assert shown.decision() == ("approve", None, None, "alice")
    assert shown.done == 1
    assert shown.buttons() == {"Show"}
    assert shown.changes().startswith("\n✓ Approved Reply\nalice (unsigned) · 20")
    assert "Evidence" not in shown.texts()
    shown.click("Show")
    assert shown.control("Proposed value").disabled
    assert "Evidence" in shown.texts()
    assert "order5678" in shown.changes()
    shown.click("Hide")
    assert "Evidence" not in shown.texts()
    assert "order5678" not in shown.changes()
    shown.click("Reject")
    assert shown.done == 1
    assert shown.decision() == ("approve", None, None, "alice")


def test_an_edit_is_shown_as_changes_and_decided(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("Dear A\nbye", title="Reply"))
    shown.control("Proposed value").value = "Dear B\nbye"
    assert "Dear [-A-]{+B+}" in shown.changes()
    assert "1 paragraph without changes." in shown.changes()
    assert "Proposal · 1 change" in shown.texts()
    assert "Edited" in shown.texts()
    assert {"Approve with edits", "Take back all changes"} <= shown.buttons()
    assert "Approve" not in shown.buttons()
    shown.click("Approve with a reason…")
    shown.control("Reason").value = " softer "
    shown.click("Approve with this reason")
    assert shown.decision() == ("edit", "Dear B\nbye", "softer", "alice")
    assert "✎ Approved with edits Reply" in shown.changes()
    assert "Dear [-A-]{+B+} · “softer”" in shown.changes()


def test_reject_and_answer_open_a_form_that_keeps_what_was_typed(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("x", title="A"), build_question("y", title="B"))
    assert "Reject" not in shown.buttons()
    shown.control("Proposed value").value = "x y"
    shown.click("Reject…")
    assert "Reject “A”" in shown.texts()
    assert "Why? The agent continues with what you write." in shown.texts()
    assert "Your 1 change stays in the history, the agent does not get it." in shown.texts()
    shown.control("Why").value = "no"
    shown.click("Cancel", 1)
    assert "Reject “A”" not in shown.texts()
    shown.click("Reject…")
    assert shown.control("Why").value == "no"
    shown.click("Reject")
    assert (shown.decision(), shown.done) == (("reject", None, "no", "alice"), 0)
    assert "✗ Rejected A" in shown.changes()
    assert "“no”" in shown.changes()
    shown.click("Answer…", 1)
    assert "The agent gets this text in place of a decision." in shown.texts()
    shown.click("Send the answer", 1)
    assert shown.decision(1) is None
    assert "Write the answer first." in shown.texts()
    shown.control("Answer", 1).value = "which order?"
    shown.click("Send the answer", 1)
    assert (shown.decision(1), shown.done) == (("respond", "which order?", None, "alice"), 1)
    assert "↩ Answered B" in shown.changes()
    assert "“which order?”" in shown.changes()


def test_a_reason_that_the_agents_author_offers_is_taken_with_a_click(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("x", title="A", reasons=["Too expensive", "Wrong\u202e customer"]))
    assert "Wrong\u202e customer" not in {getattr(w, "description", "") for w in shown.widgets()}
    assert "Too expensive" not in shown.buttons()
    shown.click("Reject…")
    assert "Too expensive" in shown.buttons()
    shown.click("Too expensive")
    shown.click("Reject")
    assert shown.decision() == ("reject", None, "Too expensive", "alice")


def test_only_what_is_allowed_is_offered(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("x", title="A", allow=("approve", "reject")))
    assert shown.buttons() == {"Approve", "Reject…", "Approve with a reason…"}
    assert shown.control("Proposed value").disabled
    shown.click("Send the answer")
    assert shown.decision() is None


def test_approve_all(ledger: Ledger) -> None:
    shown = Shown(ledger, *(build_question("x", title=t) for t in "ABC"))
    assert "Approve all 3" in shown.buttons()
    shown.reject(nth=1)
    shown.control("Proposed value").value = "y"
    shown.click("Approve all 2")
    assert "You edited 'A'" in shown.texts()
    assert shown.decision(2) is None
    shown.click("Take back all changes")
    shown.click("Approve all 2")
    assert [shown.decision(i) and shown.decision(i)[0] for i in range(3)] == ["approve", "reject", "approve"]
    assert (shown.done, shown.buttons()) == (1, {"Show"})


def test_approve_all_is_offered_for_several_only(ledger: Ledger) -> None:
    assert "Approve all 1" not in Shown(ledger, build_question("x", title="A")).buttons()
    assert (
        "Approve all 2"
        not in Shown(
            ledger, build_question("x", title="A"), build_question("x", title="B", allow=("reject",))
        ).buttons()
    )


def test_who_was_first_is_said(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("x", title="A"))
    ledger.proposals.decide(shown.proposals[0].id, "reject", reason="mine", reviewer="bob")
    shown.click("Approve")
    assert "bob" in shown.texts()
    assert "✗ Rejected A" in shown.changes()
    assert "bob (unsigned)" in shown.changes()
    assert "“mine”" in shown.changes()
    assert (shown.done, shown.buttons()) == (1, {"Show"})


def test_approve_all_says_who_was_first_and_goes_on_with_the_rest(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("x", title="A"), build_question("x", title="B"))
    ledger.proposals.decide(shown.proposals[0].id, "reject", reviewer="bob")
    shown.click("Approve all 2")
    assert "bob" in shown.texts()
    assert shown.decision(1) is None
    shown.click("Approve", 1)
    assert shown.done == 1


def draft(shown: Shown) -> Any:
    """What the first proposal's draft says."""
    return Draft.for_proposal(shown.ledger.store, shown.proposals[0]).read_value()


# --- drafts ---------------------------------------------------------------------------------------------------------


def test_typing_is_saved_and_a_new_panel_starts_from_it(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("Dear A", title="A"), build_question({"a": 1}, title="B"))
    assert draft(shown) == "Dear A"
    shown.control("Proposed value").value = "Dear A and B"
    shown.control("Proposed value", 1).value = '{"a": '
    shown.reopen_panel()
    assert shown.control("Proposed value").value == "Dear A and B"
    assert shown.control("Proposed value", 1).value == '{"a": '
    assert {"Approve with edits", "Take back all changes"} <= shown.buttons()
    shown.click("Take back all changes")
    assert draft(shown) == "Dear A"
    assert shown.control("Proposed value").value == "Dear A"


def test_half_typed_fields_and_cells_survive_too(ledger: Ledger) -> None:
    frame = pd.DataFrame({"n": [1, 2]})
    shown = Shown(
        ledger, build_question(Refund(order="1", amount=1.5, count=2), title="A"), build_question(frame, title="T")
    )
    shown.control("Lines").value = "[1, "
    shown.control("n, row 1").value = "1x"
    shown.reopen_panel()
    assert shown.control("Lines").value == "[1, "
    assert shown.control("n, row 1").value == "1x"
    shown.click("Approve with edits")
    shown.click("Approve with edits", 1)
    assert shown.decision() is shown.decision(1) is None
    assert 'rows/0/n: must be a whole number, not "1x"' in shown.texts()


# --- kinds ----------------------------------------------------------------------------------------------------------


def test_a_model_is_a_form_with_messages_at_the_fields(ledger: Ledger) -> None:
    proposed = Refund(order="5678", amount=49.9, count=1)
    shown = Shown(ledger, build_question(proposed, title="Refund"))
    assert "As on the invoice" in shown.texts()
    assert shown.control("As on the invoice").description == "Order number"
    kinds = {"Amount": "FloatText", "Count": "IntText", "Express": "Checkbox", "Tier": "Dropdown", "Lines": "Textarea"}
    assert {name: type(shown.control(name)).__name__ for name in kinds} == kinds
    shown.control("Amount").value = 20
    shown.control("Express").value = True
    shown.control("Tier").value = 1
    shown.control("Note").value = "sorry"
    shown.control("Lines").value = "[1, 2"
    assert "must be JSON" in shown.texts()
    shown.click("Approve with edits")
    assert shown.decision() is None
    shown.control("Lines").value = '[1, "x"]'
    assert '1: must be a whole number, not "x"' in shown.texts()
    shown.control("Lines").value = "[1, 2]"
    assert "must be" not in shown.texts()
    shown.click("Approve with edits")
    changed = {"amount": 20.0, "express": True, "tier": "vip", "note": "sorry", "lines": [1, 2]}
    edited = {"order": "5678", "count": 1, **changed}
    assert shown.decision() == ("edit", edited, None, "alice")


def test_an_untouched_form_is_no_edit(ledger: Ledger) -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "number"},
            "b": {"type": ["integer", "null"]},
            "c": {"type": "string"},
            "d": {"type": "boolean"},
            "e": {"enum": ["x", 1]},
            "f": {"$ref": "#/$defs/f"},
            "g": {},
            "h": {"type": "integer"},
            "i": {"type": ["string", "null"]},
        },
        "$defs": {"f": {"type": "array"}},
    }
    for value in (
        {"a": 5, "b": None, "c": "", "d": True, "e": 1, "f": [1], "g": {"x": 1.0}, "h": 2**60, "i": None, "more": "x"},
        {},
        {"a": "wrong", "e": "gone", "c": "two\nlines", "h": 1.5, "i": ""},
    ):
        shown = Shown(ledger, build_question(value, title="A", schema=schema))
        assert shown.changes() == ""
        assert "Approve" in shown.buttons()


def test_optional_fields_can_be_filled_and_emptied(ledger: Ledger) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string"}}, "required": ["s"]}
    shown = Shown(ledger, build_question({"s": "x"}, title="A", schema=schema))
    shown.control("n").value = "5"
    shown.control("s").value = ""
    shown.click("Approve with edits")
    assert shown.decision() == ("edit", {"s": "", "n": 5}, None, "alice")


def test_a_tool_call_is_its_name_and_a_form(ledger: Ledger) -> None:
    call = {"name": "pay", "arguments": {"to": "A", "amount": 5, "urgent": False, "meta": {"a": 1}}}
    shown = Shown(ledger, build_question(call, title="Pay", kind="tool_call"))
    assert shown.control("Tool").value == "pay"
    shown.control("to").value = "B"
    shown.control("amount").value = 7
    shown.click("Approve with edits")
    edited = {"name": "pay", "arguments": {"to": "B", "amount": 7, "urgent": False, "meta": {"a": 1}}}
    assert shown.decision() == ("edit", edited, None, "alice")


def test_a_plan_is_a_step_a_line(ledger: Ledger) -> None:
    steps = ["look", {"do": "it"}, '"quoted"', " spaced", "two\nlines", ""]
    shown = Shown(ledger, build_question(steps, title="Plan", kind="plan"))
    area = shown.control("Steps, one per line")
    assert "Approve" in shown.buttons()
    area.value = "look twice\n\n" + area.value
    shown.click("Approve with edits")
    assert shown.decision() == ("edit", ["look twice", *steps], None, "alice")
    shown = Shown(ledger, build_question(["a"], title="Plan", kind="plan"))
    shown.control("Steps, one per line").value = '{"do": '
    shown.click("Approve with edits")
    assert shown.decision() is None


def test_a_choice_is_radio_buttons(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("1", title="Pick", options=["1", 1, {"a": 2}]))
    radio = next(w for w in shown.widgets() if isinstance(w, ipywidgets.RadioButtons))
    assert [text for text, _ in radio.options] == ['"1" (the agent’s choice)', "1", '{"a": 2}']
    radio.index = 1
    assert shown.changes().strip() == "[-1-] {+1+}"
    shown.click("Approve with edits")
    assert shown.decision() == ("edit", 1, None, "alice")


def test_a_small_table_is_a_grid(ledger: Ledger) -> None:
    frame = pd.DataFrame({"id": [7, 8], "due": [dt.date(2026, 1, 1), None], "text": ["", 'a "b"\nc']})
    shown = Shown(ledger, build_question(frame, title="T"))
    assert "Approve" in shown.buttons()
    shown.control("due, row 2").value = "soon"
    assert "rows/1/due: must be a date" in shown.texts()
    shown.control("due, row 2").value = "2026-02-01"
    shown.click("Remove row 1")
    shown.click("Add an empty row at the end")
    shown.click("Approve with edits")
    assert shown.decision() is None
    shown.control("id, row 2", 1).value = "9"
    shown.click("Approve with edits")
    decision = shown.decision()
    assert decision is not None
    assert decision[1]["rows"] == [[8, "2026-02-01", 'a "b"\nc'], [9, None, None]]


def test_a_large_table_is_csv(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question(pd.DataFrame({"n": range(201)}), title="T"))
    area = shown.control("Proposed value")
    assert area.value.startswith("n\n0\n1\n")
    area.value = "n\n5\nx"
    assert 'rows/1/n: must be a whole number, not "x"' in shown.texts()
    shown.reopen_panel()
    area = shown.control("Proposed value")
    assert area.value == "n\n5\nx"
    area.value = "n\n5\n6"
    shown.click("Approve with edits")
    assert shown.record().decision.value["rows"] == [[5], [6]]


# --- checks and safety ----------------------------------------------------------------------------------------------


def test_the_agents_own_check_is_asked_before_deciding(ledger: Ledger) -> None:
    def check(p: Proposal, value: Any) -> None:
        if value["order"] == "void":
            raise InvalidEdit({"order": "unknown order"})

    shown = Shown(ledger, build_question(Refund(order="1", amount=1.5, count=2), title="A"), check=check)
    shown.control("Order number").value = "void"
    shown.click("Approve with edits")
    assert shown.decision() is None
    assert "unknown order" in shown.texts()
    shown.control("Order number").value = "2"
    assert "unknown order" not in shown.texts()
    shown.click("Approve with edits")
    assert shown.decision() is not None


@dataclasses.dataclass
class Mail:
    body: str


HOSTILE = "<script>alert(1)</script> $x$ \u202e"


def test_what_an_agent_wrote_is_never_markup(ledger: Ledger) -> None:
    values: list[tuple[Any, dict[str, Any]]] = [
        (HOSTILE, {"context": HOSTILE}),
        ({HOSTILE: HOSTILE}, {"context": {HOSTILE: HOSTILE}}),
        (Mail(HOSTILE), {"schema": {"properties": {"body": {"title": HOSTILE, "description": HOSTILE}}}}),
        ({"name": HOSTILE, "arguments": {HOSTILE: HOSTILE}}, {"kind": "tool_call"}),
        (pd.DataFrame({HOSTILE: [HOSTILE]}), {}),
        (HOSTILE, {"options": [HOSTILE, "x"]}),
    ]
    for value, more in values:
        shown = Shown(ledger, build_question(value, title=HOSTILE, **more))
        assert "⟨U+202E⟩" in shown.texts()
        check_no_markup(shown)


def test_what_is_shown_of_hostile_changes_is_never_markup(ledger: Ledger) -> None:
    changed = "<b>now</b> \u202e</div>"
    values: list[tuple[Any, dict[str, Any], Callable[[Shown], None]]] = [
        (HOSTILE, {}, lambda shown: setattr(shown.control("Proposed value"), "value", changed)),
        (HOSTILE, {"kind": "code"}, lambda shown: setattr(shown.control("Proposed value"), "value", changed)),
        (Mail(HOSTILE), {}, lambda shown: setattr(shown.control("Body"), "value", changed)),
        (Mail(HOSTILE * 3), {}, lambda shown: setattr(shown.control("Body"), "value", changed)),
        (
            {"name": HOSTILE, "arguments": {"to": HOSTILE}},
            {"kind": "tool_call"},
            lambda shown: setattr(shown.control("to"), "value", changed),
        ),
        ([HOSTILE], {"kind": "plan"}, lambda shown: setattr(shown.control("Steps, one per line"), "value", changed)),
        (pd.DataFrame({HOSTILE: [HOSTILE, "x"]}), {}, lambda shown: shown.click("Remove row 1")),
    ]
    for value, more, edit in values:
        shown = Shown(ledger, build_question(value, title=HOSTILE, **more), build_question(value, title="B", **more))
        edit(shown)
        assert "⟨U+202E⟩" in shown.changes()
        check_no_markup(shown)
        shown.click("Approve with edits")
        assert shown.decision()[0] == "edit"
        shown.control("Why", 1).value = HOSTILE
        shown.click("Reject", 1)
        check_no_markup(shown)


def check_no_markup(shown: Shown) -> None:
    for widget in shown.widgets():
        if isinstance(widget, ipywidgets.HTML) and widget.value != make_stylesheet().value:
            evidence = {"table", "tr", "th", "td", "pre"}
            assert Words(widget.value).tags <= {"div", "span", "strong", "del", "ins"} | evidence
            assert "\u202e" not in widget.value
            assert {"mathjax_ignore", "tex2jax_ignore"} <= set(widget._dom_classes)
        assert not isinstance(widget, (ipywidgets.HTMLMath, ipywidgets.Output))
        assert not getattr(widget, "description_allow_html", False)
        if isinstance(widget, ipywidgets.Label):
            assert {"mathjax_ignore", "tex2jax_ignore"} <= set(widget._dom_classes)
        assert not {"$", "\u202e"} & set(str(getattr(widget, "description", "")))


def test_hidden_characters_are_shown(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("Dear A", title="A"))
    assert shown.control("Hidden characters").layout.display == "none"
    shown.control("Proposed value").value = "Dear\u200b A"
    assert "Dear⟨U+200B⟩ A" in shown.control("Hidden characters").value
    assert "Dear{+⟨U+200B⟩+} A" in shown.changes()


def test_long_values_are_compared_when_they_are_decided(ledger: Ledger) -> None:
    long = "word " * 5000
    shown = Shown(ledger, build_question(long, title="A"))
    assert "Approve" in shown.buttons()
    shown.control("Proposed value").value = long + "!"
    assert "too long to compare while you type (more than 20,000 characters)" in shown.texts()
    assert draft(shown) == long + "!"
    shown.click("Approve with edits")
    assert "{+!+}" in shown.changes()
    schema = {"properties": {"n": {"minimum": 0, "type": "integer"}}}
    shown = Shown(ledger, build_question({"text": long, "n": 1}, title="A", schema=schema))
    shown.control("n").value = -1
    assert "⚠" not in shown.texts()
    shown.click("Approve with edits")
    assert shown.decision() is None
    assert "⚠ -1 is less than the minimum of 0" in shown.texts()


def test_text_areas_grow_with_their_text(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("Dear A", title="A"))
    area = shown.control("Proposed value")
    assert area.rows == 3
    area.value = "line\n" * 9
    assert area.rows == 10
    area.value = "line\n" * 900
    assert area.rows == 20
    assert shown.control("Why").rows == 2


def test_approve_all_is_bound_to_what_was_shown(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question("x", title="A"), build_question("y", title="B"))
    other = msgspec.structs.replace(shown.proposals[1], revision=7)
    shown.panel = ProposalPanel(ledger, [shown.proposals[0], other], reviewer="alice", on_decided=shown._count_finish)
    shown.click("Approve all 2")
    assert "None was decided: " in shown.texts()
    assert "has changed since it was shown" in shown.texts()
    assert shown.decision() is shown.decision(1) is None
    shown.click("Approve all 2")
    assert shown.done == 1


def test_close_takes_the_panel_away_and_keeps_the_draft(ledger: Ledger) -> None:
    shown = Shown(
        ledger,
        build_question("x", title="A"),
        build_question({"name": "t", "arguments": {"a": 1}}, title="B", kind="tool_call"),
    )
    shown.control("Proposed value").value = "y"
    before = list(shown.widgets())
    shown.panel.close()
    assert all(widget.comm is None for widget in before)
    assert draft(shown) == "y"


# --- effects in doubt -----------------------------------------------------------------------------------------------


def test_nothing_is_chosen_for_an_effect_in_doubt_and_the_button_says_what_follows(ledger: Ledger) -> None:
    shown = Shown(ledger, in_doubt())
    radio = shown.control("Did it happen?")
    assert radio.value is None
    assert shown.buttons() == set()
    assert shown.control("Continue").disabled
    assert "In doubt" in shown.texts().split("\n")
    for part in ("pay(12.50)", "amount = 12.50", "12:04:27 UTC", "0123456789abcdef"):
        assert part in shown.texts()
    said = {"yes": "Continue as if it happened", "no": "Call pay(12.50) again", "stop": "Stop the run"}
    for word, button in said.items():
        radio.value = word
        assert shown.buttons() == {button}
    assert Draft.for_proposal(ledger.store, shown.record()).read_value() == {"happened": None}
    shown.reopen_panel()
    assert shown.control("Did it happen?").value is None


@pytest.mark.parametrize(
    ("word", "result", "value", "status"),
    [
        ("yes", "r-88213", {"happened": True, "result": "r-88213"}, "ready"),
        ("yes", "88213", {"happened": True, "result": "88213"}, "ready"),
        ("no", "", {"happened": False}, "ready"),
        ("stop", "", {"happened": "stop"}, "cancelled"),
    ],
)
def test_each_answer_about_an_effect_is_taken(ledger: Ledger, word: str, result: str, value: Any, status: str) -> None:
    shown = Shown(ledger, in_doubt())
    shown.control("Did it happen?").value = word
    shown.control(RESULT_LABEL).value = result
    (button,) = shown.buttons()
    shown.click(button)
    decided = shown.decision()
    assert decided is not None
    assert decided[:2] == ("edit", value)
    assert ledger.runs.load(shown.run).status == status
    assert shown.done == 1


def test_a_result_of_another_type_is_refused_at_the_card(ledger: Ledger) -> None:
    shown = Shown(ledger, in_doubt(returns=int))
    shown.control("Did it happen?").value = "yes"
    shown.control(RESULT_LABEL).value = "much"
    shown.click("Continue as if it happened")
    assert shown.decision() is None
    assert "must be a whole number" in shown.texts()


def test_several_effects_in_doubt_are_not_approved_together(ledger: Ledger) -> None:
    shown = Shown(ledger, in_doubt("1"), in_doubt("2"))
    assert shown.buttons() == set()


def test_a_changed_field_says_what_it_was_and_is_taken_back(ledger: Ledger) -> None:
    long = "We thank you for writing to us about this order, and refund 10 EUR."
    shown = Shown(ledger, build_question(Refund(order="5678", amount=49.9, count=1, note=long), title="Refund"))
    assert "Take back" not in shown.buttons()
    shown.control("Amount").value = 20
    shown.control("Note").value = long.replace("10", "12")
    assert "was [-49.9-]" in shown.changes()
    assert "[-10-]{+12+} EUR." in shown.changes()
    assert "Proposal · 2 changes" in shown.texts()
    shown.click("Take back: Amount")
    assert shown.control("Amount").value == 49.9
    assert "49.9" not in shown.changes()
    assert draft(shown)["amount"] == 49.9
    shown.control("Amount").value = 21  # the new control is watched, too
    assert draft(shown)["amount"] == 21
    shown.click("Take back: Amount")
    shown.click("Take back: Note")
    assert "Approve" in shown.buttons()


def test_a_removed_row_is_listed_and_put_back_at_its_place(ledger: Ledger) -> None:
    shown = Shown(ledger, build_question(pd.DataFrame({"id": [7, 8, 9], "paid": ["a", "b", "c"]}), title="T"))
    shown.click("Remove row 2")
    shown.control("paid, row 1").value = "x"
    assert "− 2 [-8 · b-]" in shown.changes()
    assert "~ Row 1, paid  [-a-] {+x+}" in shown.changes()
    shown.click("Put row 2 back")
    assert "Put row 2 back" not in shown.buttons()
    assert draft(shown)["rows"] == [[7, "x"], [8, "b"], [9, "c"]]
