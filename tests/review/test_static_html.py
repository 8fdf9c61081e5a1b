"""What a paused cell shows without a kernel, an extension or scripts."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import msgspec
import pandas as pd
import pytest

from hitl_nb.kinds.questions import build_question
from hitl_nb.kinds.table import MAX_ROWS
from hitl_nb.records import Action, DecisionRecord, Proposal, Workspace
from hitl_nb.review.static_html import proposals_bundle, proposals_html, proposals_text, workspace_bundle


def make_proposal(value: Any = "Dear A", title: str = "Reply to A", **arguments: Any) -> Proposal:
    question = build_question(value, title=title, **arguments)
    fields = {name: getattr(question, name) for name in question.__struct_fields__}
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Proposal(
        **fields,
        id="abcdefgh",
        run="runidrun",
        agent="mail",
        notebook="/home/a/n.ipynb",
        pause=1,
        fingerprint="f",
        created_at=when,
    )


def with_decision(
    p: Proposal, action: Action, value: Any = None, reason: str | None = None, who: str = "alice"
) -> Proposal:
    when = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    decision = DecisionRecord(
        action=action, value=value, reason=reason, reviewer=who, decided_at=when, fingerprint=p.fingerprint
    )
    return msgspec.structs.replace(p, status="decided", decision=decision)


class Text(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("proposal", "line"),
    [
        (make_proposal(), "Paused: Reply to A (waiting for a decision)"),
        (with_decision(make_proposal(), "approve"), "Approved: Reply to A"),
        (with_decision(make_proposal(), "edit", "Dear B"), "Approved with edits: Reply to A"),
        (with_decision(make_proposal(), "reject"), "Rejected: Reply to A"),
        (with_decision(make_proposal(), "respond", "why?"), "Responded: Reply to A"),
        (msgspec.structs.replace(make_proposal(), status="expired"), "Expired: Reply to A"),
        (msgspec.structs.replace(make_proposal(), status="superseded"), "Superseded: Reply to A"),
    ],
)
def test_the_plain_text_is_one_line_a_proposal(proposal: Proposal, line: str) -> None:
    assert proposals_text([proposal]) == line
    assert proposals_text([proposal, proposal]) == f"{line}\n{line}"


@pytest.mark.parametrize(
    ("proposal", "words"),
    [
        (make_proposal(), ["Reply to A Waits for 1 person", "text · mail"]),
        (
            with_decision(make_proposal(), "approve"),
            ["✓ Approved Reply to A", "alice (unsigned: any program of this user can say so), 2026-05-06"],
        ),
        (with_decision(make_proposal(), "edit", "Dear B"), ["✎ Approved with edits Reply to A", "Dear AB"]),
        (with_decision(make_proposal(), "reject", reason="no\nreceipt"), ["✗ Rejected Reply to A", "“no receipt”"]),
        (with_decision(make_proposal(), "respond", "why?"), ["↩ Answered Reply to A", "“why?”"]),
        (msgspec.structs.replace(make_proposal(), status="expired"), ["○ Asked again Reply to A"]),
        (msgspec.structs.replace(make_proposal(), status="superseded"), ["○ Withdrawn Reply to A"]),
    ],
)
def test_the_html_has_the_words_of_the_card_and_a_decided_one_is_closed(proposal: Proposal, words: list[str]) -> None:
    page = Text(proposals_html([proposal]))
    assert page.tags.count("details") == page.tags.count("summary") == (proposal.status != "open")
    for word in words:
        assert word in page.text
    assert page.text.index(words[0]) < page.text.index("Proposal")


def test_the_order_is_head_terms_evidence_proposal_and_decision() -> None:
    proposal = msgspec.structs.replace(make_proposal(context={"order": 5678}), notes=("a note",), why=("it is new",))
    text = Text(proposals_html([with_decision(proposal, "edit", "Dear B", "softer")])).text
    places = [text.index(one) for one in ("Reply", "it is new", "Evidence", "5678", "Proposal", "Changes", "Reason")]
    assert places == sorted(places)


@dataclasses.dataclass
class Mail:
    body: str


HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(1)">\'"&</pre></span>\u202e'


@pytest.mark.parametrize(
    "proposal",
    [
        make_proposal(HOSTILE, title=HOSTILE, context=HOSTILE),
        make_proposal(HOSTILE, kind="code", context={HOSTILE: HOSTILE}),
        make_proposal(HOSTILE, options=[HOSTILE, "x"]),
        make_proposal({HOSTILE: [HOSTILE]}),
        make_proposal(Mail(HOSTILE)),
        make_proposal({"name": HOSTILE, "arguments": {"a": HOSTILE}}, kind="tool_call"),
        make_proposal([HOSTILE, {"a": HOSTILE}], kind="plan"),
        make_proposal(pd.DataFrame({HOSTILE: [HOSTILE, None]})),
        with_decision(make_proposal(), "edit", HOSTILE, HOSTILE, HOSTILE),
        with_decision(make_proposal(), "respond", HOSTILE),
    ],
)
def test_what_anybody_wrote_is_shown_as_text(proposal: Proposal) -> None:
    page = proposals_html([proposal])
    shown = Text(page)
    assert "<script>alert(1)</script>" in shown.text.replace("\\", "")
    assert not {"script", "img", "a", "iframe", "form"} & set(shown.tags)
    assert shown.attributes <= {"class", "style"}
    assert "\u202e" not in page
    assert "⟨U+202E⟩" in page


def test_who_and_when_stand_only_in_the_span_and_nothing_else_changes_from_run_to_run() -> None:
    page = proposals_html([with_decision(make_proposal(), "edit", "Dear B", "softer")])
    assert (
        '<span class="hitl-who">alice (unsigned: any program of this user can say so), 2026-05-06 07:08:09 UTC</span>'
        in page
    )
    masked = re.sub(r'<span class="hitl-who">.*?</span>', "", page)
    for private in ("alice", "2026", "abcdefgh", "runidrun", "n.ipynb", "/home"):
        assert private not in masked
    script = with_decision(make_proposal(), "edit", "Dear B", "softer", who="script")
    assert re.sub(r'<span class="hitl-who">.*?</span>', "", proposals_html([script])) == masked


def test_the_way_to_decide_the_changes_and_the_reason_are_shown() -> None:
    waiting = Text(proposals_html([make_proposal(context={"order": 5678})])).text
    assert "hitl-nb inbox" in waiting
    assert "5678" in waiting
    done = Text(proposals_html([with_decision(make_proposal(), "edit", "Dear B", "softer")])).text
    assert "Dear AB" in done
    changed = proposals_html([with_decision(make_proposal(), "edit", "Dear B", "softer")])
    assert re.search(r"Dear <del [^>]*>A</del><ins [^>]*>B</ins>", changed)
    assert "softer" in done
    assert "hitl-nb inbox" not in done


def test_a_table_is_a_table_and_says_what_it_leaves_out() -> None:
    page = proposals_html([make_proposal(pd.DataFrame({"n": range(MAX_ROWS + 5)}))])
    assert Text(page).tags.count("tr") == MAX_ROWS + 1
    assert "and 5 more rows" in page


def test_the_bundle_names_agent_and_pause_only() -> None:
    found = proposals_bundle("mail", 2, [make_proposal()])
    assert found["application/vnd.hitl-nb.proposal+json"] == {"version": 1, "agent": "mail", "pause": 2}
    assert set(found) == {"application/vnd.hitl-nb.proposal+json", "text/html", "text/plain"}
    of_a_key = proposals_bundle("mail", 2, [make_proposal()], "5678")
    assert of_a_key["application/vnd.hitl-nb.proposal+json"] == {
        "version": 1,
        "agent": "mail",
        "pause": 2,
        "key": "5678",
    }


def test_a_workspace_is_its_title_and_what_it_began_with_escaped() -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    w = Workspace(
        id="abcdefgh",
        run="runidrun",
        agent="mail",
        notebook="/home/a/n.ipynb",
        ordinal=2,
        title="<b>Report</b>",
        kind="markdown",
        template="<script>x</script>",
        position="p",
        created_at=when,
        updated_at=when,
    )
    made = workspace_bundle("mail", w)
    assert made["application/vnd.hitl-nb.workspace+json"] == {"version": 1, "agent": "mail", "workspace": 2}
    assert made["text/plain"] == "Workspace: <b>Report</b>"
    page = Text(made["text/html"])
    assert {"b", "script"} & set(page.tags) == set()
    assert "2026" not in made["text/html"]
    assert workspace_bundle("mail", w, "k")["application/vnd.hitl-nb.workspace+json"]["key"] == "k"
