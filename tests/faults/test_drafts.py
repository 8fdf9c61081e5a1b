"""Drafts while servers die: killed as four people type, unable to write the log, and two of them over one store.

Everybody types words of their own, each there once. What was acknowledged must be in the log at once; what was typed,
also while no server was there, must be in everybody's document once they are connected again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store

sys.path.append(str(Path(__file__).parents[1] / "server"))

from hitl_nb_server import Server
from peer import Peer, Window
from tornado.websocket import WebSocketClosedError

SEED = int(os.environ.get("HITL_NB_SEED", "5"))
PACE = 0.006
"""Seconds between two keystrokes of one person."""
EARLY = """
import threading
from concurrent.futures import Future
from hitl_nb.ledger.documents.update_log import UpdateLog
append = UpdateLog.append
def early(self, update):
    done = Future()
    done.set_result(self.last_number() + 1)
    threading.Timer(0.3, append, (self, update)).start()
    return done
UpdateLog.append = early
"""
"""A server that says "saved", and writes the log later."""


class Typist(Peer):
    """Somebody who types words and takes some of them out again, and notes what was acknowledged."""

    def __init__(self, server: Server, document: str, name: str, chance: random.Random) -> None:
        super().__init__(server.port, server.token, document)
        self.name, self.chance = name, chance
        self.count = 0
        self.words: list[str] = []
        self.notes: list[tuple[int, str, bool]] = []
        """With which message since the connection was made a word was sent, and whether it was typed or taken out."""

    async def keystroke(self) -> None:
        """Type a word between two others, or take one out."""
        text = str(self.text)
        if len(self.words) > 3 and self.chance.random() < 0.2:
            word = self.words.pop(self.chance.randrange(len(self.words)))
            at = text.index(f" {word} ") + 1
            work = lambda: self.text.__delitem__(slice(at, at + len(word) + 1))  # noqa: E731 - one of two actions
        else:
            self.count += 1
            word = f"{self.name}{self.count}"
            self.words.append(word)
            at = self.chance.choice([i + 1 for i, letter in enumerate(text) if letter == " "])
            work = lambda: self.text.insert(at, f"{word} ")  # noqa: E731 - one of two actions
        self.notes.append((self.sent + 1, word, word in self.words))
        with contextlib.suppress(WebSocketClosedError):
            await self.edit(work)

    async def type(self) -> None:
        """Type until the connection is gone."""
        while self.closed is None:
            await self.keystroke()
            await asyncio.sleep(PACE * self.chance.random() * 2)

    def find_lost(self, there: set[str]) -> list[str]:
        """What was acknowledged, and is not so in the log."""
        said = {word: typed for message, word, typed in self.notes if message <= self.saved}
        open_ = {word for message, word, _ in self.notes if message > self.saved}
        return [word for word, typed in said.items() if word not in open_ and typed != (word in there)]

    async def reconnect(self, server: Server) -> None:
        """Connect to a server, with the document that this one has."""
        self.window = Window.to_server(server.port, server.token)
        await self.join()
        # All that there was is in the answer to what the server lacks, which is the first message.
        self.notes = [(1, word, typed) for _, word, typed in self.notes]


def words(text: str) -> Counter[str]:
    return Counter(word for word in text.split(" ") if word)


async def all_have_all(people: list[Typist]) -> list[str]:
    """Wait until all that was typed is safe and everywhere; what is wrong in the end."""
    wanted = words("begun end") + Counter(word for one in people for word in one.words)
    for one in people:
        await one.safe()
        assert one.closed is None, one.closed
    texts = set[str]()
    for one in people:
        with contextlib.suppress(TimeoutError):
            await one.until(lambda one=one: words(str(one.text)) == wanted)
        texts.add(str(one.text))
    found = words(str(people[0].text))
    problems = [f"{word}: {found[word]} times" for word in wanted | found if found[word] != wanted[word]]
    return problems + ([] if len(texts) == 1 else ["their documents differ"])


def kill_servers(folder: Path, rounds: int, seed: int = SEED, acknowledged: int = 0) -> list[str]:
    """Kill a server again and again while four people type in one draft; what was lost, or is there twice.

    It is not killed before so many messages of one of them were acknowledged.
    """
    chance = random.Random(seed)
    server = Server(folder)
    (p,) = server.pause_run(" begun end ", agent="killed")
    people = [Typist(server, p.id, name, random.Random(f"{seed} {name}")) for name in "abcd"]
    problems: list[str] = []

    async def play() -> None:
        nonlocal server
        for one in people:
            await one.join()
        for n in range(rounds):
            enough = [one.count + chance.randint(3, 40) for one in people]
            async with asyncio.TaskGroup() as tasks:
                for one in people:
                    tasks.create_task(one.type())
                first = chance.randrange(len(people))
                one = people[first]
                await one.until(lambda one=one, n=enough[first]: one.count >= n and one.saved >= acknowledged)
                server.close()
                for one in people:
                    await one.until(lambda one=one: one.closed is not None)
            problems.extend(find_lost(n))
            for one in people:
                one.cut_connection()
                for _ in range(chance.randint(0, 3)):  # nobody is there, and they type on
                    await one.keystroke()
            server = Server(folder)
            for one in chance.sample(people, len(people)):
                await one.reconnect(server)
            problems.extend(f"round {n}, in the end: {problem}" for problem in await all_have_all(people))

    def find_lost(n: int) -> list[str]:
        ledger = Ledger(open_store(f"diskcache://{folder}/store"))
        there = set(words(Draft.for_proposal(ledger.store, ledger.proposals.load(p.id)).read_value()))
        ledger.store.close()
        return [f"round {n}: {word} was acknowledged" for one in people for word in one.find_lost(there)]

    try:
        asyncio.run(play())
    finally:
        server.close()
    return problems


@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.faults_long)])
def test_a_server_killed_while_four_people_type(tmp_path: Path, rounds: int) -> None:
    assert kill_servers(tmp_path, rounds) == []


def test_control_a_server_that_acknowledges_before_it_writes_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text(EARLY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    assert any("was acknowledged" in problem for problem in kill_servers(tmp_path, 1, acknowledged=5))


def test_a_log_that_cannot_be_written_sends_everybody_away_and_loses_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path)
    (p,) = server.pause_run(" begun end ", agent="full")
    people = [Typist(server, p.id, name, random.Random(f"{SEED} {name}")) for name in "abcd"]

    async def sent_away(one: Typist) -> None:
        await one.until(lambda: one.closed is not None)
        assert one.closed is not None
        assert one.closed[0] == 1011, one.closed
        assert "no room left" in one.closed[1], one.closed

    async def play() -> None:
        for one in people:
            await one.join()
        async with asyncio.TaskGroup() as tasks:
            for one in people:
                tasks.create_task(one.type())
            await people[0].until(lambda: people[0].count > 20)
            limit(server, (tmp_path / "store/drafts/cache.db-wal").stat().st_size)
            for one in people:
                await sent_away(one)
        there = set(words(Draft.for_proposal(server.ledger.store, p).read_value()))
        assert [one.find_lost(there) for one in people] == [[]] * 4
        for one in people:  # they type on, and try again, with the disk still full
            await one.keystroke()
            await one.connect()
            await sent_away(one)
            assert one.saved == 0
        limit(server, resource.RLIM_INFINITY)
        for one in people:
            await one.reconnect(server)
        assert await all_have_all(people) == []

    try:
        asyncio.run(play())
    finally:
        server.close()


def limit(server: Server, size: int) -> None:
    """Let the server write no file beyond this size."""
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    servers = Server(tmp_path), Server(tmp_path)
    yield servers
    for server in servers:
        server.close()


def test_two_servers_and_a_kernel_write_one_draft(two: tuple[Server, Server]) -> None:
    one, other = two
    (p,) = one.pause_run(" begun end ", agent="two")
    people = [Typist((one, other)[i % 2], p.id, name, random.Random(f"{SEED} {name}")) for i, name in enumerate("abcd")]
    kernels = [f"kernel{n}" for n in range(20)]

    def write_as_a_kernel() -> None:
        draft = Draft.for_proposal(one.ledger.store, p)
        for word in kernels:
            doc = draft.load().doc
            draft.write_value(f"{draft.value_in(doc)}{word} ", "agent", doc=doc)

    async def play() -> None:
        for peer in people:
            await peer.join()
        async with asyncio.TaskGroup() as tasks:
            typing = [tasks.create_task(type_keystrokes(peer, 60)) for peer in people]
            await asyncio.to_thread(write_as_a_kernel)
            await asyncio.gather(*typing)
        people[0].words += kernels  # they are to be everywhere too
        assert await all_have_all(people) == []
        os.kill(one.process.pid, 9)
        await people[0].until(lambda: people[0].closed is not None)
        for peer in people:
            peer.cut_connection()
            await peer.keystroke()
            await peer.reconnect(other)
        assert await all_have_all(people) == []

    asyncio.run(play())


async def type_keystrokes(one: Typist, count: int) -> None:
    for _ in range(count):
        await one.keystroke()
        await asyncio.sleep(PACE)
