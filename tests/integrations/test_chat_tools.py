"""`propose`, the tool for chat agents: an editable proposal, and a ticket for clients that do not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import hitl_nb as hitl
from hitl_nb.integrations import chat_tools


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/s")
    yield
    hitl.open_store().close()


async def decide(action: Any, value: Any = None, **more: Any) -> None:
    def decide_first() -> None:
        store = hitl.open_store()
        while True:
            version = store.version()
            if waiting := hitl.inbox():
                hitl.decide(waiting[0], action, value, reviewer="ann", **more)
                return
            store.wait(version, 30)

    await asyncio.to_thread(decide_first)


def test_the_agent_gets_what_people_made_of_it() -> None:
    async def ask() -> list[Any]:
        call = asyncio.create_task(chat_tools.propose("Reply to Ann", "Dear Ann", context="She wrote *twice*."))
        await decide("edit", "Dear Ann, sorry", reason="politer")
        second = asyncio.create_task(chat_tools.propose("Drop rows", {"rows": 3}))
        await decide("reject", reason="keep them")
        return [await call, await second]

    edited, rejected = asyncio.run(ask())
    assert (edited["status"], edited["action"], edited["by"]) == ("decided", "edit", "person")
    assert (edited["value"], edited["reason"]) == ("Dear Ann, sorry", "politer")
    assert (rejected["action"], rejected["value"], rejected["reason"]) == ("reject", None, "keep them")


def test_a_call_that_takes_long_returns_a_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_tools, "WAIT_SECONDS", 0)

    async def ask() -> list[Any]:
        first = await chat_tools.propose("Reply to Ann", "Dear Ann")
        again = await chat_tools.propose(ticket=first["ticket"])
        await decide("approve")
        monkeypatch.setattr(chat_tools, "WAIT_SECONDS", 30)
        return [first, again, *[await chat_tools.propose(ticket=first["ticket"]) for _ in range(2)]]

    first, again, decided, same = asyncio.run(ask())
    assert first["status"] == again["status"] == "waiting"
    assert first["ticket"] == again["ticket"]
    assert (decided["action"], decided["value"]) == ("approve", "Dear Ann")
    assert same == decided  # a client that lost the answer may ask again


def test_bad_calls_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="needs a title, or the ticket"):
        asyncio.run(chat_tools.propose())
    with pytest.raises(ValueError, match="a restart of the server withdraws its questions"):
        asyncio.run(chat_tools.propose(ticket="gone"))
    with pytest.raises(ValueError, match="title"):
        asyncio.run(chat_tools.propose("two\nlines", "x"))
    assert hitl.inbox() == []


def test_jupyters_mcp_server_finds_it() -> None:
    (found,) = entry_points(group="jupyter_server_mcp.tools", name="hitl_nb")
    (spec,) = found.load()
    module, name = spec.split(":")
    assert getattr(__import__(module, fromlist=[name]), name) is chat_tools.propose
