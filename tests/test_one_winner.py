"""One decision, one resume: whoever comes second, at whatever moment, changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from hitl_nb.store import open_store
from hitl_nb.store.ledger import Ledger

SETUP = """
%load_ext hitl_nb
import os
import hitl_nb as hitl

@hitl.step
def send(text):
    with open("effects.txt", "a") as file:
        file.write(text + "\\n")
    os.mkfifo("began")          # the other process finds that somebody is at work ...
    open("go on").read()        # ... and this one stays there until it is told to go on
"""
AGENT = """%%agent letters
decision = hitl.checkpoint("Dear Ann", title="Letter to Ann")
send(decision.value)
"""


class Desk:
    """A notebook whose agent waits, already decided, and whose next statement blocks until told to go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notebook = folder / "letters.ipynb"
        cells = [nbformat.v4.new_code_cell(SETUP), nbformat.v4.new_code_cell(AGENT)]
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

    def start(self, name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hitl_nb.cli", "run", str(self.notebook), "-o", str(self.folder / name)]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def decide(self) -> None:
        (proposal,) = self.ledger.inbox()
        self.ledger.decide(proposal.id, "approve", reviewer="ann")

    def release(self) -> None:
        (self.folder / "go on").open("w").close()

    def effects(self) -> list[str]:
        return (self.folder / "effects.txt").read_text().splitlines()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_of_two_headless_runs_one_resumes(desk: Desk) -> None:
    assert desk.start("paused.ipynb").wait(120) == 75
    desk.decide()
    both = [desk.start(f"{i}.ipynb") for i in range(2)]
    # The winner stays in its step until it is released, so the first to end is the loser.
    ended = _first_to_end(both)
    said, _ = ended.communicate()
    assert ended.returncode == 1, said
    assert "RunClaimed" in said or "being run by" in said
    desk.release()
    (winner,) = [process for process in both if process is not ended]
    said, _ = winner.communicate(timeout=120)
    assert winner.returncode == 0, said
    assert desk.effects() == ["Dear Ann"]


def test_of_two_kernels_one_resumes(desk: Desk) -> None:
    kernels = [start_new_kernel(env=desk.environment, cwd=str(desk.folder)) for _ in range(2)]
    try:
        for _, client in kernels:
            assert _execute(client, SETUP)["status"] == "ok"
        first, second = (client for _, client in kernels)
        assert _execute(first, AGENT)["ename"] == "Paused"
        desk.decide()
        running = [client.execute(AGENT) for client in (first, second)]
        reply = _first_reply([first, second], running)
        assert reply["ename"] == "RunClaimed"
        assert (
            f"pid {kernels[0][0].provisioner.pid}" in reply["evalue"]
            or f"{kernels[1][0].provisioner.pid}" in reply["evalue"]
        )
        desk.release()
        reply = _first_reply([first, second], running)
        assert reply["status"] == "ok"
        assert desk.effects() == ["Dear Ann"]
        assert desk.ledger.runs()[0].status == "finished"
    finally:
        for manager, client in kernels:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _first_to_end(processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    pid, status = os.waitpid(-1, 0)
    ended = next(process for process in processes if process.pid == pid)
    ended.returncode = os.waitstatus_to_exitcode(status)
    return ended


def _execute(client: Any, code: str) -> dict[str, Any]:
    return dict(client.execute_interactive(code, timeout=60, output_hook=lambda message: None)["content"])


def _first_reply(clients: list[Any], requests: list[str]) -> dict[str, Any]:
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
