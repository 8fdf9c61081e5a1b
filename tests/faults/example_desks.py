"""Examples as something to break: a copy of its own, its effects counted, its kernel found and killed."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import nbformat
import psutil

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.review.decide_from_text import decide_from_text
from hitl_nb.storage import open_store
from tests.commands import Commands

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
WAITING = 75


class Desk:
    """A copy of an example, with a store and a world of its own.

    Attributes:
        commands: runs the commands that are not to be killed.
        decided: every decision that was acknowledged, by proposal.
    """

    example: ClassVar[str]
    steps: ClassVar[dict[str, str]] = {}
    """The steps that a person is asked about when nobody knows how they ended, and the effect of each."""
    happens: ClassVar[dict[str, int]] = {}
    """To how many things each effect happens when everything is approved."""
    says: ClassVar[str]
    """What the summary has in it in the end."""

    def __init__(self, folder: Path, commands: Commands, model_seconds: float = 0) -> None:
        self.commands = commands
        shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("demo.py", "__pycache__", "*.jsonl", ".*"))
        self.folder = folder
        self.notebook = folder / f"{self.example}.ipynb"
        self._forget_outputs()
        self.log = folder / "effects.jsonl"
        self.decided: dict[str, Proposal] = {}
        self.environment = {
            **{k: v for k, v in os.environ.items() if k != "HITL_NB_MODEL"},
            "HITL_NB_STORE": f"diskcache://{folder}/store",
            "JUPYTER_DATA_DIR": str(folder / "jupyter"),
            f"{self.example.upper()}_EFFECTS": str(self.log),
            "REFUNDS_MODEL_SECONDS": str(model_seconds),
        }

    def _forget_outputs(self) -> None:
        """The example comes with those of a run that somebody else had."""
        notebook = nbformat.read(self.notebook, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, self.notebook)

    # Running

    def start(self) -> subprocess.Popen[str]:
        """Start the notebook in processes of its own, to be killed."""
        return subprocess.Popen(
            [sys.executable, "-m", "hitl_nb.cli", "run", str(self.notebook)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> int:
        done = self.commands.run(["run", str(self.notebook)], cwd=Path.cwd(), env=self.environment)
        assert done.returncode in (0, WAITING), done.stdout + done.stderr
        return done.returncode

    def hitl(self, *words: str) -> str:
        done = self.commands.run(words, cwd=Path.cwd(), env=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def finish(self) -> None:
        """Run and decide until nothing waits any more."""
        for _ in range(100):
            if self.run() == 0:
                return
            self.decide()
        raise AssertionError("the notebook does not finish")

    # Deciding

    def list_waiting(self) -> list[dict[str, Any]]:
        return json.loads(self.hitl("inbox", "--json"))["proposals"]

    def ledger(self) -> Ledger:
        return Ledger(open_store(self.environment["HITL_NB_STORE"]))

    def decide(self) -> None:
        """Approve what waits; look up what is in doubt."""
        ledger = self.ledger()
        for proposal in ledger.proposals.list_open():
            found = self.looked_up(proposal.title) if proposal.title.startswith("Did ") else None
            if found is None:
                done = decide_from_text(ledger, proposal, "approve")
            else:
                done = decide_from_text(ledger, proposal, "edit", json.dumps(found))
            self.decided[done.id] = done

    def looked_up(self, title: str) -> dict[str, Any]:
        """What a person finds out about a call that is in doubt."""
        doubt = re.match(r"Did (\w+)\('([^']+)'", title)
        assert doubt is not None, title
        effect, about = self.steps[doubt[1]], doubt[2]
        found = [e for e in self.effects() if (e["effect"], e["about"]) == (effect, about)]
        return {"happened": True, "result": found[0].get("receipt")} if found else {"happened": False}

    # What happened

    def effects(self) -> list[dict[str, Any]]:
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def lines(self) -> int:
        """How many things have happened so far."""
        return self.log.read_bytes().count(b"\n") if self.log.exists() else 0

    def things(self, effect: str) -> Counter[str]:
        return Counter(line["about"] for line in self.effects() if line["effect"] == effect)

    def calls(self) -> Counter[str]:
        """Model calls as their provider counts them: one an idempotency key."""
        return Counter(
            about for about, _ in {(e["about"], e["key"]) for e in self.effects() if e["effect"] == "model call"}
        )

    def counts(self) -> dict[str, Counter[str]]:
        """How often each effect happened to each thing."""
        return {effect: self.calls() if effect == "model call" else self.things(effect) for effect in self.happens}

    def twice(self) -> list[str]:
        """What happened more than once."""
        return [f"{effect} {about}" for effect, things in self.counts().items() for about, n in things.items() if n > 1]

    def read_printed(self) -> dict[str, str]:
        cells = nbformat.read(self.notebook, as_version=4).cells
        return {
            c.id: "".join(o.get("text", "") for o in c.outputs) for c in cells if c.cell_type == "code"
        }  # fmt: skip

    def check_everything_happened_once(self) -> None:
        nbformat.validate(nbformat.read(self.notebook, as_version=4))
        assert self.says in self.read_printed()["summary"]
        assert self.twice() == []
        assert {effect: len(things) for effect, things in self.counts().items()} == self.happens

    def check_no_decision_was_lost(self) -> None:
        ledger = self.ledger()
        assert {one: ledger.proposals.load(one) for one in self.decided} == self.decided
        assert ledger.audit.verify().ok


class Refunds(Desk):
    """An agent in a cell, with a loop."""

    example = "refunds"
    steps = {"send_refund": "refund", "send_email": "email"}
    happens = {"refund": 34, "email": 41, "model call": 34}
    says = "refunded"

    def orders(self) -> dict[str, str | None]:
        sys.path.insert(0, str(EXAMPLES))
        try:
            from refund_desk import read_requests
        finally:
            sys.path.remove(str(EXAMPLES))
        return {request.id: request.order for request in read_requests(EXAMPLES / "data/requests.csv")}


class Duplicates(Desk):
    """An agent that is an ordinary class, with methods and generators."""

    example = "duplicates"
    steps = {"merge_accounts": "merge", "send_email": "email"}
    happens = {"merge": 16, "email": 16, "model call": 16}
    says = "30 contacts were 14 people."


class Release(Desk):
    """Gates, files and a git repository; what is deployed a second time is an error here."""

    example = "release"
    says = (
        "released 1.1.0\n   staging: slug.pyz\nproduction: slug.pyz\n"
        "v1.0.0: The first one\n\nv1.1.0: - Take accents off"
    )

    def __init__(self, folder: Path, commands: Commands) -> None:
        super().__init__(folder, commands)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.environment["TMPDIR"] = str(self.temporary)
        _replace(self.notebook, "shutil.copy2(app, place)", DEPLOY_ONCE)
        _replace(folder / "hitl-policy.toml", "undo = ", "# ")
        with (folder / "release_desk.py").open("a", encoding="utf-8") as file:
            file.write(NOTE_COMMANDS)

    def looked_up(self, title: str) -> dict[str, Any]:
        (home,) = self.temporary.glob("hitl-nb-release-*")
        if title.startswith("Did to_staging("):  # the gate's call as a whole
            changes = ["Take accents off instead of dropping the letter", "Say how to use it"]
            return {"happened": (home / "staging" / "slug.pyz").exists(), "result": ["1.1.0", changes]}
        place = re.match(r"Did deploy\(.*/(staging|production)'\)", title)
        if place is not None:
            return {"happened": (home / place[1] / "slug.pyz").exists(), "result": f"slug.pyz is on {place[1]}"}
        assert title.startswith("Did tag("), title
        return {"happened": (home / "repository/.git/refs/tags/v1.1.0").exists(), "result": "tagged v1.1.0"}


DEPLOY_ONCE = "Path(place, app.name).hardlink_to(shutil.copy2(app, tempfile.mkdtemp()))"

NOTE_COMMANDS = """

def _run(*words, _run=_run, **options):
    with open(os.environ["RELEASE_EFFECTS"], "a") as file:
        file.write(json.dumps({"effect": "command", "about": words[0]}) + "\\n")
    return _run(*words, **options)


import json
"""


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def kernel_of(process: subprocess.Popen[str]) -> psutil.Process | None:
    """The kernel that `hitl-nb run` has started, once there is one."""
    while process.poll() is None:
        try:
            for child in psutil.Process(process.pid).children():
                if "ipykernel_launcher" in " ".join(child.cmdline()):
                    return child
        except psutil.Error:
            continue
        time.sleep(0.02)
    return None


def strike(desk: Desk, process: subprocess.Popen[str], kernel: psutil.Process, dice: random.Random) -> bool:
    """Kill the kernel at a random moment (or the command with it); False if it had ended before."""
    began, before = time.monotonic(), desk.lines()
    if dice.random() < 0.25:
        time.sleep(dice.uniform(0, 2.5))  # anywhere: while it starts, restores, pauses, shuts down
    else:
        enough = before + dice.randint(1, 2)
        while process.poll() is None and desk.lines() < enough:
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.03))
    both, others = dice.random() < 0.5, _children(kernel)
    moment = {"after": time.monotonic() - began, "lines": [before, desk.lines()], "kernel": kernel.pid, "both": both}
    with (desk.folder / "kills.jsonl").open("a") as log:
        log.write(json.dumps(moment) + "\n")
    try:
        if both:
            process.kill()
        kernel.kill()
    except psutil.NoSuchProcess:
        return False
    psutil.wait_procs(others, timeout=30)  # a command of git's, which ends on its own
    return True


def _children(kernel: psutil.Process) -> list[psutil.Process]:
    try:
        return kernel.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
