"""Agents of the Agent Client Protocol: a real agent process asks over stdio, and people decide in another process."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hitl_nb as hitl
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.storage import Store, open_store
from tests.ui.environments import python_of

ROOT = Path(__file__).parents[2]
CALL = {"title": "Remove the build", "kind": "execute", "raw_input": {"command": "rm -rf build"}}
SECONDS = 60.0
"""A safety net, never part of a check."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"diskcache://{tmp_path / 'store'}")
    yield made
    made.close()


class Chat:
    """A client with its agent, in processes of their own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.started: list[subprocess.Popen[str]] = []

    def ask(self, **call: Any) -> subprocess.Popen[str]:
        client = Path(__file__).parent / "acp_programs" / "client.py"
        program = subprocess.Popen(
            [python_of("agents"), str(client), self.store.url, json.dumps({**CALL, **call})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.started.append(program)
        return program

    def until_asked(self) -> Proposal:
        while not (found := hitl.inbox(store=self.store)):
            assert self.started[-1].poll() is None, "the client ended without a question"
            self.store.wait(self.store.version(), 0.5)
        return found[0]


@pytest.fixture
def chat(store: Store) -> Iterator[Chat]:
    made = Chat(store)
    yield made
    for program in made.started:
        program.kill()
        program.communicate()


def read_outcome(program: subprocess.Popen[str], told: str | None = None) -> Any:
    text, _ = program.communicate(told, timeout=SECONDS)
    assert program.returncode == 0, text
    *answers, ended = text.splitlines()
    assert ended == "ended"
    return [json.loads(one) for one in answers]


@pytest.mark.parametrize(("action", "option"), [("approve", "id-allow_once"), ("reject", "id-reject_once")])
def test_a_decision_chooses_the_option_for_once(action: Any, option: str, chat: Chat) -> None:
    program = chat.ask(
        locations=[{"path": "/x/build"}],
        content=[
            {"type": "diff", "path": "/x/a.txt", "oldText": "one", "newText": "two"},
            {"type": "content", "content": {"type": "text", "text": "why"}},
        ],
    )
    shown = chat.until_asked()
    assert (shown.title, shown.value, shown.agent, shown.allow) == (
        *("Remove the build", {"command": "rm -rf build"}, "Claude in chat"),
        ("approve", "reject"),
    )
    assert shown.tags == ("acp", "acp:execute")
    assert {"tool", "files", "content 1", "content 2"} <= {block.name for block in shown.evidence or ()} | set(
        shown.context or ()
    )
    hitl.decide(shown, action, reviewer="ann", store=chat.store)
    assert read_outcome(program) == [{"outcome": "selected", "option_id": option, "field_meta": None}]


@pytest.mark.parametrize(
    ("offered", "allow"), [(["allow_always", "reject_once"], ("reject",)), (["allow_once"], ("approve",))]
)
def test_only_what_the_agent_offers_for_once_can_be_decided(offered: list[str], allow: Any, chat: Chat) -> None:
    chat.ask(offered=offered)
    assert chat.until_asked().allow == allow


def test_an_agent_that_offers_nothing_for_once_is_refused_without_a_question(chat: Chat) -> None:
    [answer] = read_outcome(chat.ask(offered=["allow_always", "reject_always"]), "")
    assert answer["outcome"] == "cancelled"
    assert Ledger(chat.store).runs.list_newest() == []


def test_a_cancelled_turn_withdraws_the_question(chat: Chat) -> None:
    program = chat.ask()
    shown = chat.until_asked()
    [answer] = read_outcome(program, "cancel\n")
    assert answer["outcome"] == "cancelled"
    assert Ledger(chat.store).proposals.load(shown.id).status == "superseded"


def test_a_run_that_is_cancelled_elsewhere_is_a_cancelled_question(chat: Chat) -> None:
    program = chat.ask()
    Ledger(chat.store).runs.cancel(chat.until_asked().run, actor="ann")
    [answer] = read_outcome(program)
    assert answer["outcome"] == "cancelled"


def test_the_question_of_an_agent_that_died_is_withdrawn(chat: Chat) -> None:
    program = chat.ask()
    shown = chat.until_asked()
    assert read_outcome(program, "kill\n") == []
    assert Ledger(chat.store).proposals.load(shown.id).status == "superseded"
