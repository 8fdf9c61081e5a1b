"""F15: one decision, one resume. Whoever comes second, at whatever moment, changes nothing, and is told who was."""

from __future__ import annotations

import os
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from hitl_nb.errors import AlreadyDecided
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open import decision_submission as submission
from hitl_nb.records import Question, Snapshot
from hitl_nb.storage import open_store
from tests.commands import Command, Commands

# Two deciders


def deciders(url: str) -> tuple[list[str], list[str], Any]:
    """Eight people decide at the same moment: who was told "done", what the others were told, what is kept."""
    store = open_store(url)
    ledger = Ledger(store)
    _, claim = ledger.runs.open(agent="refunds", notebook="nb")
    (asked,) = ledger.runs.pause(
        claim, Snapshot(envelope=b"s"), [Question(title="t", kind="json", value=0, position="1")]
    ).proposals
    barrier = threading.Barrier(8)
    won, told = list[str](), list[str]()

    def decide(name: str) -> None:
        barrier.wait()
        try:
            ledger.proposals.decide(asked.id, "edit", value=name, reviewer=name)
            won.append(name)
        except AlreadyDecided as error:
            told.append(str(error))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, [f"reviewer-{n}" for n in range(8)]))
    kept = ledger.proposals.load(asked.id).decision
    store.close()
    return won, told, kept


def test_of_eight_deciders_one_wins_and_the_others_are_told_who(tmp_path: Path) -> None:
    for number in range(5):
        won, told, kept = deciders(f"diskcache://{tmp_path}/{number}")
        assert [kept.reviewer] == [kept.value] == won
        assert len(told) == 7
        assert all(f"{won[0]} (unsigned) edited and approved it" in one for one in told)


def test_control_without_a_look_at_what_was_decided_all_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = submission.record_decision

    def blind(tx: Any, p: Any, *about: Any) -> Any:
        run = tx.get(f"run/{p.run}")
        assert run is not None
        waiting = msgspec.json.decode(run) | {"status": "waiting", "open": 1}
        tx.put(f"run/{p.run}", msgspec.json.encode(waiting))
        return real(tx, msgspec.structs.replace(p, status="open", decision=None), *about)

    monkeypatch.setattr(submission, "record_decision", blind)
    won, _, _ = deciders(f"diskcache://{tmp_path}/store")
    assert len(won) == 8


# Two kernels, two commands

SETUP = """
%load_ext hitl_nb
import os
import hitl_nb as hitl

@hitl.step
def send(text):
    with open("effects.txt", "a") as file:
        file.write(text + "\\n")
    if os.path.exists("began"):
        return                  # somebody else is at work: this must not happen
    os.mkfifo("began")          # the other process finds that somebody is at work ...
    open("go on").read()        # ... and this one stays there until it is told to go on
"""
UNCLAIMED = """
from hitl_nb.ledger.runs.claims import Claims
Claims.check_free = lambda self, reads, run: None
"""
AGENT = """%%agent letters
decision = hitl.checkpoint("Dear Ann", title="Letter to Ann")
send(decision.value)
"""


class Desk:
    """A notebook whose agent waits, already decided, and whose next statement blocks until told to go on."""

    def __init__(self, folder: Path, *, broken: bool = False) -> None:
        self.folder = folder
        self.setup = SETUP.replace("@hitl.step\n", "") + UNCLAIMED if broken else SETUP
        self.notebook = folder / "letters.ipynb"
        cells = [nbformat.v4.new_code_cell(self.setup), nbformat.v4.new_code_cell(AGENT)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), self.notebook)
        hidden = ("CI", "PYTEST_CURRENT_TEST", "HITL_NB_NOTEBOOK")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        self.environment = {
            **kept,
            "HITL_NB_STORE": f"diskcache://{folder}/store",
            "JUPYTER_DATA_DIR": str(folder / "data"),
        }
        self.ledger = Ledger(open_store(self.environment["HITL_NB_STORE"]))
        os.mkfifo(folder / "go on")

    def start(self, commands: Commands, name: str) -> Command:
        words = ["run", str(self.notebook), "-o", str(self.folder / name)]
        return commands.start(words, cwd=self.folder, env=self.environment)

    def decide(self) -> None:
        (proposal,) = self.ledger.proposals.list_open()
        self.ledger.proposals.decide(proposal.id, "approve", reviewer="ann")

    def release(self) -> None:
        (self.folder / "go on").open("w").close()

    def effects(self) -> list[str]:
        return (self.folder / "effects.txt").read_text().splitlines()


def test_of_two_headless_runs_one_resumes(tmp_path: Path, commands: Commands) -> None:
    desk = Desk(tmp_path)
    loser, winner, said = two_runs(desk, commands)
    assert loser.returncode == 1, said
    assert "RunClaimed" in said or "being run by" in said
    desk.release()
    said = winner.communicate(timeout=120)
    assert winner.returncode == 0, said
    assert desk.effects() == ["Dear Ann"]


@pytest.mark.faults_long
def test_control_of_two_headless_runs_without_claims_and_steps_both_send(tmp_path: Path, commands: Commands) -> None:
    desk = Desk(tmp_path, broken=True)
    _, other, _ = two_runs(desk, commands)
    desk.release()
    other.communicate(timeout=120)
    assert desk.effects() == ["Dear Ann"] * 2


def two_runs(desk: Desk, commands: Commands) -> tuple[Command, Command, str]:
    """Two commands that go on at once: the one that ends first, the other, and what the first said."""
    assert desk.start(commands, "paused.ipynb").wait(120) == 75
    desk.decide()
    both = [desk.start(commands, f"{i}.ipynb") for i in range(2)]
    # The winner stays in its step until it is released, so the first to end is the loser.
    ended = _first_to_end(both)
    said = "".join(ended.communicate())
    (other,) = [process for process in both if process is not ended]
    return ended, other, said


def test_of_two_kernels_one_resumes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    told, pids, last = two_kernels(desk)
    assert told["ename"] == "RunClaimed"
    assert any(f"pid {pid}" in told["evalue"] for pid in pids)
    assert last["status"] == "ok"
    assert desk.effects() == ["Dear Ann"]
    assert desk.ledger.runs.list_newest()[0].status == "finished"


@pytest.mark.slow
def test_control_of_two_kernels_without_claims_and_steps_both_send(tmp_path: Path) -> None:
    desk = Desk(tmp_path, broken=True)
    two_kernels(desk)
    assert desk.effects() == ["Dear Ann"] * 2


def two_kernels(desk: Desk) -> tuple[dict[str, Any], list[int], dict[str, Any]]:
    """Two kernels that go on at once: the first reply, the kernels' process ids, the other reply."""
    kernels = [start_new_kernel(env=desk.environment, cwd=str(desk.folder)) for _ in range(2)]
    try:
        for _, client in kernels:
            assert _execute(client, desk.setup)["status"] == "ok"
        clients = [client for _, client in kernels]
        assert _execute(clients[0], AGENT)["ename"] == "Paused"
        desk.decide()
        running = [client.execute(AGENT) for client in clients]
        told = _next_reply(clients, running)
        desk.release()
        return told, [manager.provisioner.pid for manager, _ in kernels], _next_reply(clients, running)
    finally:
        for manager, client in kernels:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _first_to_end(processes: list[Command]) -> Command:
    ended: queue.SimpleQueue[Command] = queue.SimpleQueue()

    def wait_for(process: Command) -> None:
        process.wait()
        ended.put(process)

    for process in processes:
        threading.Thread(target=wait_for, args=(process,), daemon=True).start()
    return ended.get(timeout=120)


def _execute(client: Any, code: str) -> dict[str, Any]:
    return dict(client.execute_interactive(code, timeout=60, output_hook=lambda message: None)["content"])


def _next_reply(clients: list[Any], requests: list[str]) -> dict[str, Any]:
    """The next reply that any of the kernels sends to one of `requests`."""
    import zmq

    poller = zmq.Poller()
    for client in clients:
        poller.register(client.shell_channel.socket, zmq.POLLIN)
    while True:
        for ready, _ in poller.poll(120_000):
            client = next(c for c in clients if c.shell_channel.socket is ready)
            message = client.get_shell_msg(timeout=10)
            if message["parent_header"].get("msg_id") in requests:
                return dict(message["content"])
