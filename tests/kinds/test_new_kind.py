"""A new kind is one class in the registry, and an entry in each front end that has an editor for it.

The kind "image" is added to the tables here, and to nothing else. An agent then proposes one; it is shown, edited and
decided in the panel, on the command line and through the REST API, and the agent gets an object of its own type.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import hitl_nb as hitl
from hitl_nb.cli.app import app
from hitl_nb.drafts.draft import Draft
from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, get_ledger, run_cell
from hitl_nb.engine.run.resume import RunOutcome
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.errors import InvalidEdit, StoreCorrupt
from hitl_nb.kinds.json import JsonKind
from hitl_nb.kinds.questions import build_question, check_edit
from hitl_nb.kinds.registry import KINDS
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.notebook.panel.editors import EDITORS
from hitl_nb.notebook.panel.panel import ProposalPanel
from hitl_nb.notebook.panel.value_editor import ValueEditor
from hitl_nb.policies.documents.documents import read_policy_document
from hitl_nb.records import Proposal, Question, Snapshot
from hitl_nb.review.static_html import proposals_bundle
from hitl_nb.server.api.large_requests import answer_json
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.base.context import HitlNb, ServerContext
from hitl_nb.server.base.identity import Person
from hitl_nb.server.messages.request import RawRequest
from hitl_nb.storage import open_store

ui: Any = import_module("ipywidgets")

PNG = b"\x89PNG\r\n\x1a\n"
AGENT = "decision = hitl.checkpoint(picture, title='Publish the picture')\npublished = decision.value"


@dataclass(frozen=True)
class Picture:
    png: bytes
    alt: str


class ImageKind(JsonKind):
    """A picture with a text for those who do not see it; only that text can be edited."""

    name = "image"

    def detect(self, value: Any, options: Any) -> bool:
        return options is None and isinstance(value, Picture)

    def encode(self, value: Any) -> tuple[str, Any, None]:
        if not isinstance(value, Picture):
            raise TypeError(f"value is a {type(value).__name__}; kind='image' takes a Picture")
        return "image", {"alt": value.alt, "png": base64.b64encode(value.png).decode()}, None

    def check(self, question: Question, value: Any) -> Any:
        if not isinstance(value, dict) or set(value) != {"alt", "png"}:
            raise InvalidEdit({"": 'must be an object with "alt" and "png"'})
        if not value["alt"].strip():
            raise InvalidEdit({"alt": "must say what the picture shows"})
        if value["png"] != question.value["png"]:
            raise InvalidEdit({"png": "cannot be edited"})
        try:
            base64.b64decode(value["png"], validate=True)
        except binascii.Error:
            raise InvalidEdit({"png": "must be base64"}) from None
        return value

    def restore(
        self,
        question: Question,
        value: Any,
        original: Any,
        options: Sequence[Any] | None,
        adapters: Mapping[str, Any],
    ) -> Any:
        return Picture(base64.b64decode(value["png"]), value["alt"])

    def parse_text(self, question: Question, text: str, check: Callable[[Any], Any]) -> Any:
        return check({**question.value, "alt": text.removeprefix("picture: ").rstrip("\n")})

    def format(self, value: Any) -> str:
        return f"picture: {value['alt']}"

    def summarize(self, value: Any, length: int) -> str:
        return self.format(value)[:length]

    def to_html(self, question: Question) -> str:
        return f'<img alt="{escape(question.value["alt"])}" src="data:image/png;base64,{question.value["png"]}">'


class AltEditor(ValueEditor):
    """The panel's editor: a line with the text."""

    def __init__(self, proposal: Proposal, value: Any) -> None:
        super().__init__()
        self._value = value
        self.line = ui.Text(value["alt"])
        self.controls = [self.line]
        self.widget.children = (self.line,)

    def read_value(self) -> Any:
        return {**self._value, "alt": self.line.value}

    def read_draft(self) -> Any:
        return self.read_value()


@pytest.fixture(autouse=True)
def image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setitem(KINDS, "image", ImageKind())
    monkeypatch.setitem(EDITORS, "image", AltEditor)


class Run:
    """An agent that proposes a picture, and the people who look at it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        url = f"memory:{folder.name}"
        monkeypatch.setenv("HITL_NB_STORE", url)
        self.ledger = get_ledger(open_store(url))
        self.context = ServerContext(HitlNb(), folder, SigningKey.of_this_user(), alone=True)
        self.namespace: dict[str, Any] = {"__name__": "__main__", "hitl": hitl, "picture": Picture(PNG, "a cat")}
        self.proposal = self.execute().proposals[0]

    def execute(self) -> RunOutcome:
        cell = AgentCell("n", "a", "", compile_cell(AGENT, "<cell>"), self.namespace)
        return asyncio.run(run_cell(self.ledger, cell, Saver(self.namespace), RunDisplay()))

    def command(self, *words: str) -> str:
        ran = CliRunner().invoke(app, [*words], prog_name="hitl-nb")
        assert ran.exit_code == 0, ran.output
        return ran.stdout

    def call(self, method: str, path: str, body: Any = None) -> Any:
        route = next(one for one in ROUTES if (one.method, one.path) == (method, path))
        sent = RawRequest(Person("ann", "Ann", "login"), self.proposal.id, {}, json.dumps(body).encode())
        return json.loads(answer_json(self.context, self.ledger, route, sent))

    def decide_in_panel(self, alt: str) -> None:
        panel = ProposalPanel(self.ledger, [self.proposal], reviewer="ann", on_decided=lambda: None)
        widgets = list(find_widgets(panel.widget))
        next(one for one in widgets if isinstance(one, ui.Text) and one.value == "a cat").value = alt
        assert any("a cat</del>" in str(getattr(one, "value", "")) for one in widgets)  # the changes
        next(one for one in widgets if getattr(one, "description", "") == "Approve with edits").click()

    def decide_on_command_line(self, alt: str) -> None:
        self.command("edit", self.proposal.id, "--value", alt)

    def decide_through_api(self, alt: str) -> None:
        now = self.call("GET", "proposals/{id}")
        edited = {**now["value"], "alt": alt}
        body = {"action": "edit", "value": edited, "revision": now["revision"], "fingerprint": now["fingerprint"]}
        self.call("POST", "proposals/{id}/decision", body)


def find_widgets(widget: Any) -> Any:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from find_widgets(child)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


@pytest.mark.parametrize("way", [Run.decide_in_panel, Run.decide_on_command_line, Run.decide_through_api])
def test_it_is_proposed_edited_and_decided(run: Run, way: Callable[[Run, str], None]) -> None:
    assert (run.proposal.kind, run.proposal.codec) == ("image", "image")
    way(run, "a sleeping cat")
    assert run.execute().status == "finished"
    assert run.namespace["published"] == Picture(PNG, "a sleeping cat")
    assert (run.namespace["decision"].action, run.namespace["decision"].original) == ("edit", Picture(PNG, "a cat"))


def test_it_is_approved_as_it_is(run: Run) -> None:
    run.command("approve", run.proposal.id)
    assert run.execute().status == "finished"
    assert run.namespace["published"] is run.namespace["picture"]


def test_it_is_shown_as_its_own_text_and_html(run: Run) -> None:
    bundle = proposals_bundle("a", 1, [run.proposal])
    assert f'<img alt="a cat" src="data:image/png;base64,{base64.b64encode(PNG).decode()}">' in bundle["text/html"]
    assert "Publish the picture" in bundle["text/plain"]
    assert "picture: a cat" in run.command("show", run.proposal.id)
    assert json.loads(run.command("inbox", "--json"))["proposals"][0]["kind"] == "image"
    shown = run.call("GET", "proposals/{id}")
    assert (shown["kind"], shown["text"]) == ("image", "picture: a cat")
    (listed,) = run.call("GET", "proposals")["proposals"]
    assert (listed["kind"], listed["summary"]) == ("image", "picture: a cat")


def test_its_draft_is_shared_and_its_changes_are_shown(run: Run) -> None:
    edited = {**run.proposal.value, "alt": "a dog"}
    run.call("PUT", "proposals/{id}/draft", {"value": edited})
    assert Draft.for_proposal(run.ledger.store, run.proposal).read_value() == edited
    checked = run.call("POST", "proposals/{id}/check", {"value": edited})
    assert "-picture: a cat\n+picture: a dog" in checked["changes"]


def test_its_own_rules_refuse_an_edit(run: Run) -> None:
    for wrong, path in (({"alt": " "}, "alt"), ({"png": ""}, "png")):
        with pytest.raises(InvalidEdit) as caught:
            check_edit(run.proposal, {**run.proposal.value, **wrong})
        assert list(caught.value.fields) == [path]
    with pytest.raises(TypeError, match="kind='image' takes a Picture"):
        build_question("a cat", title="T", kind="image")


def test_a_policy_can_name_it() -> None:
    rule = '[[rule]]\nid = "pictures"\nkind = "{}"\ndo = "ask"\n'
    assert read_policy_document(rule.format("image"), "hitl-policy.toml")
    with pytest.raises(hitl.PolicyError, match="'video' is not a kind"):
        read_policy_document(rule.format("video"), "hitl-policy.toml")


def test_where_the_kind_is_not_known_the_record_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(open_store("memory:unknown-kind"))
    _, claim = ledger.runs.open(agent="a", notebook="n")
    question = build_question(Picture(PNG, "a cat"), title="T")
    (proposal,) = ledger.runs.pause(claim, Snapshot(envelope=b"x"), [question]).proposals
    monkeypatch.delitem(KINDS, "image")
    with pytest.raises(StoreCorrupt, match="there is no kind 'image' of values here"):
        ledger.proposals.load(proposal.id)
