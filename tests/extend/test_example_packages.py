"""The packages of `examples/extend` are installed with pip, without network, and used from end to end."""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest
from typer.testing import CliRunner

import hitl_nb as hitl
from hitl_nb.cli.app import app
from hitl_nb.drafts.draft import Draft
from hitl_nb.engine.run import resume
from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, get_ledger, run_cell
from hitl_nb.engine.run.resume import RunOutcome
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.errors import HitlError, InvalidEdit
from hitl_nb.kinds import installed_kinds
from hitl_nb.kinds.questions import build_question, check_edit
from hitl_nb.kinds.registry import KINDS, find_kind
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.notebook.panel.panel import ProposalPanel
from hitl_nb.policies.documents.documents import read_policy_document
from hitl_nb.server.api.large_requests import answer_json
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.base.context import HitlNb, ServerContext
from hitl_nb.server.base.identity import Person
from hitl_nb.server.messages.request import RawRequest
from hitl_nb.storage import backends, open_store

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "extend"
PACKAGES = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))
AGENT = "decision = hitl.checkpoint(refund, title='Refund', kind='money')\npaid = decision.value"
ui: Any = importlib.import_module("ipywidgets")


def clear_caches() -> None:
    backends._list_registered.cache_clear()
    installed_kinds._list_registered.cache_clear()
    installed_kinds._load_kind.cache_clear()


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the packages are installed in; pip needs no network for it."""
    folder = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder)]
    subprocess.run([*command, *(str(EXAMPLES / name) for name in PACKAGES)], check=True, timeout=300)
    return folder


@pytest.fixture
def packages_folder(target: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The packages in this process, as long as a test runs."""
    monkeypatch.syspath_prepend(str(target))
    clear_caches()
    yield target
    clear_caches()
    for name in [name for name in sys.modules if name.startswith("hitl_nb_example_")]:
        del sys.modules[name]


def test_a_package_is_one_module_and_its_metadata() -> None:
    assert PACKAGES == ["file_notifier", "money_kind", "onefile_store"]
    for name in PACKAGES:
        names = [path.name for path in (EXAMPLES / name).iterdir() if not path.name.startswith(("_", "."))]
        assert sorted(names)[1:] == ["pyproject.toml"], names


# -- the kind


class Run:
    """An agent that proposes a refund, and the people who look at it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        url = f"memory:{folder.name}"
        monkeypatch.setenv("HITL_NB_STORE", url)
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(folder))
        self.money: Any = importlib.import_module("hitl_nb_example_money").Money
        self.ledger = get_ledger(open_store(url))
        self.context = ServerContext(HitlNb(), folder, SigningKey.of_this_user(), alone=True)
        self.open_kernel()
        self.proposal = self.execute().proposals[0]

    def open_kernel(self) -> None:
        resume.held_states.clear()
        self.namespace: dict[str, Any] = {"__name__": "__main__", "hitl": hitl}
        self.namespace["refund"] = self.money(Decimal("12.50"), "EUR")

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

    def decide_in_panel(self) -> None:
        panel = ProposalPanel(self.ledger, [self.proposal], reviewer="ann", on_decided=lambda: None)
        widgets = list(find_widgets(panel.widget))
        area = next(one for one in widgets if isinstance(one, ui.Textarea) and "12.50" in one.value)
        area.value = area.value.replace("12.50", "10.00")
        next(one for one in widgets if getattr(one, "description", "") == "Approve with edits").click()

    def decide_on_command_line(self) -> None:
        self.command("edit", self.proposal.id, "--value", '{"amount": "10.00", "currency": "EUR"}')

    def decide_through_api(self) -> None:
        now = self.call("GET", "proposals/{id}")
        edited = {**now["value"], "amount": "10.00"}
        body = {"action": "edit", "value": edited, "revision": now["revision"], "fingerprint": now["fingerprint"]}
        self.call("POST", "proposals/{id}/decision", body)


def find_widgets(widget: Any) -> Any:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from find_widgets(child)


@pytest.fixture
def run(packages_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


@pytest.mark.parametrize("way", [Run.decide_in_panel, Run.decide_on_command_line, Run.decide_through_api])
def test_a_value_of_the_kind_is_proposed_edited_and_decided(run: Run, way: Callable[[Run], None]) -> None:
    assert (run.proposal.kind, run.proposal.value) == ("money", {"amount": "12.50", "currency": "EUR"})
    way(run)
    run.open_kernel()
    assert run.execute().status == "finished"
    assert run.namespace["paid"] == run.money(Decimal("10.00"), "EUR")
    assert (run.namespace["decision"].action, run.ledger.audit.verify().ok) == ("edit", True)


def test_it_is_shown_as_the_package_says(run: Run) -> None:
    (listed,) = run.call("GET", "proposals")["proposals"]
    assert (listed["kind"], listed["summary"]) == ("money", "12.50 EUR")
    assert '"amount": "12.50"' in run.command("show", run.proposal.id)
    edited = {"amount": "11.00", "currency": "EUR"}
    run.call("PUT", "proposals/{id}/draft", {"value": edited})
    assert Draft.for_proposal(run.ledger.store, run.proposal).read_value() == edited
    assert '+  "amount": "11.00"' in run.call("POST", "proposals/{id}/check", {"value": edited})["changes"]


def test_its_rules_refuse_an_edit(run: Run) -> None:
    for wrong, path in (({"amount": "0"}, "amount"), ({"amount": "much"}, "amount"), ({"currency": "USD"}, "currency")):
        with pytest.raises(InvalidEdit) as caught:
            check_edit(run.proposal, {**run.proposal.value, **wrong})
        assert list(caught.value.fields) == [path]
    assert read_policy_document('[[rule]]\nid = "money"\nkind = "money"\ndo = "ask"\n', "hitl-policy.toml")


def test_installing_it_changes_no_question_that_does_not_name_it(packages_folder: Path) -> None:
    money = importlib.import_module("hitl_nb_example_money").Money(Decimal("12.50"), "EUR")
    assert build_question(money, title="T").kind == "json"
    assert build_question(money, title="T", kind="money").kind == "money"
    assert "money" not in list(KINDS)
    with pytest.raises(ValueError, match="kind is 'picture'; accepted are text, markdown, "):
        find_kind("picture")


def test_a_kind_that_front_ends_cannot_edit_is_refused(
    packages_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "odd_kinds.py").write_text(
        "from hitl_nb.kinds.json import JsonKind\n"
        "from hitl_nb.kinds.text import TextKind\n"
        "class Poem(TextKind):\n    name = 'poem'\n"
        "class Bare:\n    name = 'bare'\n"
        "class Other(JsonKind):\n    name = 'another'\n"
    )
    entries = {"poem": "odd_kinds:Poem", "bare": "odd_kinds:Bare", "other": "odd_kinds:Other", "json": "odd_kinds:Bare"}
    register(tmp_path, "odd", {**entries, "gone": "odd_kinds:Gone"})
    for name, message in (
        ("poem", r"has text_format = 'plain'; it must be 'json'"),
        ("bare", "has no .*text_format"),
        ("other", r"has name = 'another'; it must be 'other'"),
        ("gone", "cannot be loaded"),
    ):
        with pytest.raises(HitlError, match=f"the kind '{name}' of an installed package .*{message}"):
            find_kind(name)
    assert type(find_kind("json")).__module__ == "hitl_nb.kinds.json"  # which is not replaced
    register(tmp_path, "again", {"money": "odd_kinds:Poem"})
    with pytest.raises(HitlError, match="two packages register the kind 'money'"):
        find_kind("money")


def register(folder: Path, package: str, entries: dict[str, str]) -> None:
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {named}\n" for name, named in entries.items())
    (metadata / "entry_points.txt").write_text(f"[{installed_kinds.ENTRY_POINT_GROUP}]\n{lines}")
    clear_caches()


# -- the storage backend


@pytest.mark.slow
def test_the_backend_passes_the_conformance_tests(target: Path) -> None:
    options = ["-q", "-k", "onefile", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"]
    environment = {**os.environ, "PYTHONPATH": f"{target}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "pytest", "tests/storage/test_conformance.py", *options]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert ran.returncode == 0, ran.stdout
    assert int(ran.stdout.split(" passed")[0].rsplit(maxsplit=1)[-1]) >= 50, ran.stdout


NOTEBOOK = [
    "%load_ext hitl_nb\nimport hitl_nb as hitl",
    "%%agent letters\nprint('before')\ndecision = hitl.checkpoint('Dear Ann', title='Letter')\nprint(decision.value)",
]


@pytest.mark.slow
def test_a_notebook_pauses_and_resumes_in_a_store_of_the_backend(target: Path, tmp_path: Path) -> None:
    notebook = tmp_path / "letters.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in NOTEBOOK]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{target}{os.pathsep}{ROOT}",
        "HITL_NB_STORE": f"onefile://{tmp_path}/records.db",
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    command = functools.partial(
        subprocess.run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    hitl_nb = [sys.executable, "-m", "hitl_nb.cli"]
    ran = command([*hitl_nb, "run", str(notebook)])
    assert ran.returncode == 75, ran.stderr
    (waiting,) = json.loads(command([*hitl_nb, "inbox", "--json"]).stdout)["proposals"]
    decided = command([*hitl_nb, "edit", waiting["id"], "--value", "Dear Bob"])
    assert decided.returncode == 0, decided.stderr
    ran = command([*hitl_nb, "run", str(notebook)])
    assert ran.returncode == 0, ran.stderr
    outputs = nbformat.read(notebook, as_version=4).cells[1].outputs
    assert "".join(one.get("text", "") for one in outputs) == "before\nDear Bob\n"
    assert command([*hitl_nb, "audit", "--verify"]).returncode == 0


# -- the notifier


def test_the_notifier_gets_messages(packages_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notifiers = pytest.importorskip("hitl_nb.review.notifications.notifiers")
    notifiers._list_registered.cache_clear()
    notifiers._load_class.cache_clear()
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    channels, file = tmp_path / "channels.toml", tmp_path / "messages"
    channels.write_text(f'ada = {{ urls = ["lines://{file}"] }}\nbo = {{ urls = ["lines://{tmp_path}"] }}\n')
    channels.chmod(0o600)
    sent = CliRunner().invoke(app, ["notify", "test", "ada"], prog_name="hitl-nb")
    assert (sent.exit_code, sent.stdout) == (0, "lines\tyes\t\n")
    assert "This is a test message to the channel ada." in json.loads(file.read_text())["body"]
    refused = CliRunner().invoke(app, ["notify", "test", "bo"], prog_name="hitl-nb")
    assert refused.exit_code == 1
    assert "the file cannot be written" in refused.output
    assert str(tmp_path) not in refused.output
    notifiers._list_registered.cache_clear()
