"""`%%agent` and `%hitl` in real kernels, without a browser: what is run, shown, recorded, refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from hitl_nb.headless.run_notebook import run_notebook
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.server.overviews.cell_source import read_cell_source
from hitl_nb.storage import open_store

LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"
ASK = "%%agent ask\nprint('before')\nd = hitl.checkpoint('Dear Ann', title='Letter')\nprint(d.action, d.value)"
FINISHED = "application/vnd.hitl-nb.finished+json"
PAUSED = "Paused: Letter (waiting for a decision)"
PRESS = """from ipywidgets.widgets.widget import _instances
next(w for w in _instances.values() if getattr(w, "description", "") == {!r}).click()"""


@dataclass
class Ran:
    """What one cell did: its reply, and its outputs in nbformat's shapes."""

    reply: dict[str, Any] = field(default_factory=dict[str, Any])
    outputs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def add(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "clear_output":
            self.outputs.clear()
        elif kind == "update_display_data":
            for one in self.outputs:
                if one.get("transient") == content["transient"]:
                    one["data"] = content["data"]
        elif kind == "stream" and self.outputs and self.outputs[-1].get("name") == content["name"]:
            self.outputs[-1]["text"] += content["text"]
        elif kind in ("stream", "display_data", "execute_result", "error"):
            self.outputs.append({"output_type": kind, **content})

    @property
    def text(self) -> str:
        """All of it as plain text, panels left out."""
        parts: list[str] = []
        for one in self.outputs:
            data = one.get("data", {})
            if "application/vnd.jupyter.widget-view+json" not in data:
                parts.append(one.get("text") or data.get("text/plain") or "\n".join(one.get("traceback", ())))
        return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(part.rstrip("\n") for part in parts))

    @property
    def kinds(self) -> list[str]:
        return [one["output_type"] for one in self.outputs]


class Kernel:
    """A kernel of a notebook, spoken to as a front end does."""

    def __init__(self, notebook: Path, store: str, **more: str) -> None:
        hidden = ("CI", "PYTEST_CURRENT_TEST", "HITL_NB_NOTEBOOK")
        env = {k: v for k, v in os.environ.items() if k not in hidden}
        self.ledger = Ledger(open_store(store))
        self.manager = KernelManager(kernel_name="python3")
        env |= {"HITL_NB_STORE": store, "JPY_SESSION_NAME": str(notebook), **more}
        self.manager.start_kernel(cwd=str(notebook.parent), env=env)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.kept: dict[str, list[dict[str, Any]]] = {}

    def run(self, code: str, cell: str | None = None, *, meanwhile: Callable[[Ran], None] | None = None) -> Ran:
        """Run a cell to its end. `meanwhile` is called after each of its outputs."""
        content: dict[str, Any] = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
        }
        message = self.client.session.msg("execute_request", content | {"stop_on_error": True})
        message["metadata"] = {"cellId": cell} if cell else {}
        self.client.shell_channel.send(message)
        self.last = message["header"]["msg_id"]
        ran = self.collect(meanwhile)
        ran.reply = self._reply()
        return ran

    def _reply(self) -> dict[str, Any]:
        """The reply to the last cell; late ones, to the questions whether the kernel is up, are passed over."""
        while (message := self.client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != self.last:
            continue
        return message["content"]

    def collect(self, meanwhile: Callable[[Ran], None] | None = None, of: str | None = None) -> Ran:
        """What comes out of a cell (the last one) until the kernel is idle in its name."""
        ran = Ran()
        while True:
            message = self._next(of or self.last)
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return ran
            ran.add(kind, content)
            if meanwhile is not None:
                meanwhile(ran)

    def _next(self, cell: str) -> dict[str, Any]:
        """The next message that a cell caused; those of other cells are kept until they are asked for."""
        while not self.kept.get(cell):
            message = self.client.get_iopub_msg(timeout=60)
            self.kept.setdefault(message["parent_header"].get("msg_id", ""), []).append(message)
        return self.kept[cell].pop(0)

    def open(self) -> list[Proposal]:
        return self.ledger.proposals.list_open()

    def approve(self) -> None:
        for p in self.open():
            self.ledger.proposals.decide(p.id, "approve", reviewer="ann")

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    """Starts kernels of the notebook a.ipynb; the extension is loaded."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    kernels: list[Kernel] = []

    def start_kernel(**more: str) -> Kernel:
        kernels.append(Kernel(tmp_path / "a.ipynb", f"diskcache://{tmp_path}/store", **more))
        assert kernels[-1].run(LOAD).reply["status"] == "ok"
        return kernels[-1]

    yield start_kernel
    for kernel in kernels:
        kernel.close()


@pytest.fixture
def kernel(start: Callable[..., Kernel]) -> Kernel:
    return start()


# --- the line -------------------------------------------------------------------------------------------------------


def test_a_bad_line_is_answered_with_one_sentence(kernel: Kernel) -> None:
    for line, said in {
        "": "%%agent needs a NAME, unique in the notebook; usage: %%agent NAME [--key",
        "a b": "%%agent: unrecognized arguments: b; usage",
        "a --fast": "%%agent: unrecognized arguments: --fast; usage",
        "a/b": "NAME must be a word of letters, digits, '-', '_' and '.', not 'a/b'",
        "a --wait soon": "--wait: invalid float value: 'soon'; usage",
        "a --wait -1": "--wait must be a number of seconds >= 0, not -1.0",
        "a --restart --as-recorded": "give only one",
        "a --key": "expected one argument",
        "a --key missing": "--key missing raised NameError",
        "a --key [1]": "--key must give a non-empty str or an int, and [1] is [1]",
        "a --store ftp://x": "ftp",
        'a --key "x': "No closing quotation",
    }.items():
        ran = kernel.run(f"%%agent {line}\nprint('ran')")
        assert ran.reply["status"] == "error", line
        assert said in ran.text, line
        assert "Traceback" not in ran.text, line
        assert "ran\n" not in ran.text, line
    assert kernel.ledger.runs.list_newest() == []


def test_names_are_unique_in_a_notebook(kernel: Kernel) -> None:
    assert kernel.run(ASK, "cell-1").reply["ename"] == "Paused"
    ran = kernel.run("%%agent ask\nprint('another')", "cell-2")
    assert "another cell of this notebook is the agent 'ask' already" in ran.text
    assert PAUSED in kernel.run(ASK, "cell-1").text
    assert PAUSED in kernel.run(ASK, "cell-3").text  # the same cell, cut and pasted


def test_the_cell_before_the_agents_cell_is_recorded_for_people_who_put_it_back(
    start: Callable[..., Kernel], tmp_path: Path
) -> None:
    kernel = start()

    def save_and_run(*ids: str, run: str | None = None) -> Any:
        cells = [{"cell_type": "code", "id": one, "source": "x = 1", "metadata": {}, "outputs": []} for one in ids]
        document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (tmp_path / "a.ipynb").write_text(json.dumps(document))
        assert kernel.run(ASK, run).reply["ename"] == "Paused"
        (found,) = kernel.ledger.runs.list_newest()
        return read_cell_source(kernel.ledger, found).previous_cell

    assert save_and_run("load", "ask", "end", run="ask") == "load"
    kernel.ledger.runs.forget(agent="ask", notebook=str(tmp_path / "a.ipynb"))
    assert save_and_run("ask", "end", run="ask") == ""
    kernel.ledger.runs.forget(agent="ask", notebook=str(tmp_path / "a.ipynb"))
    assert save_and_run("load", "end", run="ask") is None  # the file was not saved since the cell was made
    kernel.ledger.runs.forget(agent="ask", notebook=str(tmp_path / "a.ipynb"))
    assert save_and_run("load", "ask", run=None) is None


def named_pauses(ran: Any) -> list[Any]:
    """The pauses that a cell's outputs name."""
    mime = "application/vnd.hitl-nb.proposal+json"
    return [one["data"][mime] for one in ran.outputs if mime in one.get("data", {})]


def test_one_run_per_key(kernel: Kernel) -> None:
    code = "%%agent each --key order\nd = hitl.checkpoint(order, title=f'Order {order}')\nprint('done', order)"
    for order in (1, 2):
        kernel.run(f"order = {order}")
        paused = kernel.run(code)
        assert paused.reply["ename"] == "Paused"
        assert named_pauses(paused) == [{"version": 1, "agent": "each", "pause": 1, "key": str(order)}]
    assert [p.title for p in kernel.open()] == ["Order 1", "Order 2"]
    kernel.approve()
    for order in (1, 2):
        kernel.run(f"order = {order}")
        ended = kernel.run(code)
        assert f"done {order}" in ended.text
        assert named_pauses(ended) == [{"version": 1, "agent": "each", "pause": 1, "key": str(order)}]
    assert sorted(run.key for run in kernel.ledger.runs.list_newest()) == ["1", "2"]


def test_restart_runs_it_anew(kernel: Kernel) -> None:
    kernel.run(ASK)
    first = kernel.open()[0]
    assert PAUSED in kernel.run(ASK.replace("ask", "ask --restart")).text
    assert kernel.ledger.proposals.load(first.id).status == "superseded"
    assert len(kernel.open()) == 1


def test_restart_does_not_begin_again_what_was_decided(kernel: Kernel) -> None:
    cell = ASK.replace("ask", "ask --restart")
    kernel.run(cell)
    run = kernel.ledger.runs.list_newest()[0].id
    kernel.approve()
    assert "approve Dear Ann" in kernel.run(cell).text
    assert [one.id for one in kernel.ledger.runs.list_newest()] == [run]
    assert PAUSED in kernel.run(cell).text, "a finished run begins again"
    assert len(kernel.ledger.runs.list_newest()) == 2


def test_where_a_decided_run_cannot_continue_restart_names_the_way_out(kernel: Kernel) -> None:
    cell = ASK.replace("ask", "ask --restart")
    kernel.run(cell)
    kernel.approve()
    changed = cell.replace("'before'", "'BEFORE'")
    ran = kernel.run(changed)
    assert ran.reply["ename"] == "CellChanged"
    assert "`%hitl cancel RUN`" in ran.text
    kernel.run(f"%hitl cancel {kernel.ledger.runs.list_newest()[0].id}")
    assert PAUSED in kernel.run(changed).text


def test_restart_left_in_a_cell_continues_in_a_new_kernel(start: Callable[..., Kernel]) -> None:
    cell = ASK.replace("ask", "ask --restart") + "\nhitl.checkpoint(2, title='Second')\n"
    kernel = start()
    assert "has begun this run" not in kernel.run(cell).text
    kernel.close()
    kernel = start()
    shown = kernel.run(cell).text
    assert "before\n" in shown
    assert PAUSED in shown
    assert "--restart has begun this run of ask before, and it has not finished: it continues" in shown
    kernel.approve()
    assert "approve Dear Ann" in kernel.run(cell).text
    kernel.approve()
    shown = kernel.run(cell).text
    assert "approve Dear Ann" in shown
    assert shown.count("has begun this run") == 1
    assert len(kernel.ledger.runs.list_newest()) == 1


def test_a_cell_that_failed_before_it_asked_says_that_restart_loses_nothing(kernel: Kernel) -> None:
    lost = "Nothing was asked or recorded in this run yet, so --restart loses nothing."
    assert "NameError" in kernel.run("%%agent typo\nx = 1\ny = absent\n").text
    assert lost in kernel.run("%%agent typo\nx = 2\ny = x\n").text
    assert kernel.run("%%agent typo --restart\nx = 2\ny = x\nprint(y)\n").text == "2"
    kernel.run(ASK)
    kernel.approve()
    assert lost not in kernel.run(ASK.replace("'before'", "'BEFORE'")).text


def test_a_changed_cell_is_refused_or_goes_on_as_recorded(kernel: Kernel) -> None:
    kernel.run(ASK)
    kernel.approve()
    changed = ASK.replace("'before'", "'BEFORE'")
    ran = kernel.run(changed)
    assert ran.reply["ename"] == "CellChanged"
    assert "-print('before')" in ran.text
    assert "+print('BEFORE')" in ran.text
    assert "the cell's first line is then `%%agent ask --as-recorded` or `%%agent ask --restart`" in ran.text
    assert "%tb" not in ran.text
    assert "hitl_nb/" not in ran.text
    ran = kernel.run(changed.replace("ask", "ask --as-recorded"))
    assert "before" in ran.text
    assert "approve Dear Ann" in ran.text


def test_comments_and_the_rest_of_a_cell_may_change(kernel: Kernel) -> None:
    kernel.run(ASK)
    kernel.approve()
    ran = kernel.run(ASK.replace("print('before')", "print('before')  # a comment\n") + "\nprint('more')")
    assert "approve Dear Ann\nmore" in ran.text


def test_wait_holds_the_cell_until_somebody_decides(kernel: Kernel, tmp_path: Path) -> None:
    def decide(ran: Ran) -> None:
        if PAUSED in ran.text and kernel.open():
            command = [sys.executable, "-m", "hitl_nb.cli", "approve", kernel.open()[0].id]
            store = f"diskcache://{tmp_path}/store"
            subprocess.run(command, env={**os.environ, "HITL_NB_STORE": store}, check=True, capture_output=True)

    ran = kernel.run(ASK.replace("ask", "ask --wait 60"), meanwhile=decide)
    assert ran.reply["status"] == "ok"
    assert "approve Dear Ann" in ran.text
    assert PAUSED not in ran.text
    assert kernel.run(ASK.replace("%%agent ask", "%%agent other --wait 0.01")).reply["ename"] == "Paused"


# --- a cell like any other ------------------------------------------------------------------------------------------


def test_await_magics_and_shell_work_inside(kernel: Kernel) -> None:
    code = """%%agent mixed
import asyncio
print(await asyncio.sleep(0, "awaited"))
d = hitl.checkpoint("x", title="Go on")
here = %pwd
!echo from the shell {d.value}
async with asyncio.timeout(5):
    print(here == __import__("os").getcwd())
"""
    assert "awaited" in kernel.run(code).text
    kernel.approve()
    ran = kernel.run(code)
    assert ran.reply["status"] == "ok", ran.text
    assert "from the shell x" in ran.text
    assert ran.text.endswith("True")


def test_the_last_value_is_shown_under_the_cells_number(kernel: Kernel) -> None:
    ran = kernel.run("%%agent value\n[1, 2]")
    result = ran.outputs[-1]
    assert (result["output_type"], result["data"]["text/plain"]) == ("execute_result", "[1, 2]")
    number = result["execution_count"]
    assert number == ran.reply["execution_count"]
    assert kernel.run(f"Out[{number}] == _{number} == [1, 2]").text == "True"
    assert kernel.run("%%agent quiet\n[1, 2];").outputs == []


def test_a_decision_in_the_panel_goes_on_under_the_cells_number(kernel: Kernel) -> None:
    asked = kernel.run(ASK + "\nd.value")
    cell = kernel.last
    kernel.run("1 + 1")
    kernel.run(PRESS.format("Approve"))
    kernel.run("2 + 2")
    ran = kernel.collect(of=cell)
    assert "before" in ran.text
    assert "approve Dear Ann" in ran.text
    assert ran.outputs[-1]["execution_count"] == asked.reply["execution_count"]


def test_errors_show_the_users_own_lines(kernel: Kernel) -> None:
    ran = kernel.run("%%agent wrong\nx = 1\n\nx / 0")
    number = ran.reply["execution_count"]
    assert f"Cell In[{number}], line 4" in ran.text
    assert "----> 4 x / 0" in ran.text
    assert "hitl_nb/" not in ran.text
    ran = kernel.run("%%agent syntax\nx = = 1")
    assert "SyntaxError" in ran.text
    assert "line 2" in ran.text
    assert "hitl_nb/" not in ran.text
    assert kernel.ledger.runs.find(agent="syntax", notebook=str(kernel.ledger.runs.list_newest()[0].notebook)) is None


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("kind", "sleep", "call"), [("", "time.sleep", "nap()"), ("async ", "await asyncio.sleep", "await nap()")]
)
def test_an_interrupted_agent_goes_on(kernel: Kernel, kind: str, sleep: str, call: str) -> None:
    nap = (
        f"import asyncio, os, time\n{kind}def nap():\n    print('napping')\n"
        f"    while not os.path.exists('go'):\n        {sleep}(0.1)"
    )
    assert kernel.run(nap).reply["status"] == "ok"
    code = f"%%agent patient\nprint('once')\nprint('waiting', flush=True)\n{call}\nprint('gone on')"
    sent: list[bool] = []

    def interrupt(ran: Ran) -> None:
        if "waiting" in ran.text and not sent:
            sent.append(True)
            kernel.manager.interrupt_kernel()

    ran = kernel.run(code, meanwhile=interrupt)
    assert ran.reply["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert "hitl_nb/" not in ran.text
    kernel.run("open('go', 'w').close()")
    ran = kernel.run(code)
    assert ran.reply["status"] == "ok", ran.text
    assert ran.text.count("once") == 1
    assert ran.text.count("napping") == 1 or kind
    assert "gone on" in ran.text


def test_interrupting_what_a_decision_started(kernel: Kernel) -> None:
    kernel.run(
        "%%agent long\nd = hitl.checkpoint('x', title='T')\nprint('busy', flush=True)\nimport time\ntime.sleep(60)"
    )
    cell = kernel.last
    kernel.run(PRESS.format("Approve"))
    sent: list[bool] = []

    def interrupt(ran: Ran) -> None:
        if "busy" in ran.text and not sent:
            sent.append(True)
            kernel.manager.interrupt_kernel()

    ran = kernel.collect(interrupt, of=cell)
    assert "KeyboardInterrupt" in ran.text
    assert kernel.run("'alive'").text == "'alive'"


# --- pauses ---------------------------------------------------------------------------------------------------------


def test_a_pause_stops_the_queue_without_a_red_line(kernel: Kernel) -> None:
    kernel.run("1 / 0")
    ran = kernel.run(ASK)
    assert ran.reply["status"] == "error"
    assert (ran.reply["ename"], ran.reply["traceback"]) == ("Paused", [])
    assert "error" not in ran.kinds
    bundle = next(one["data"] for one in ran.outputs if "text/html" in one.get("data", {}))
    assert bundle["application/vnd.hitl-nb.proposal+json"] == {"version": 1, "agent": "ask", "pause": 1}
    assert bundle["text/plain"] == PAUSED
    assert "widget" in str(ran.outputs[-1]["data"].keys())


def test_in_a_test_run_an_open_pause_is_an_error(start: Callable[..., Kernel]) -> None:
    kernel = start(PYTEST_CURRENT_TEST="test_x")
    ran = kernel.run(ASK)
    assert ran.kinds[-1] == "error"
    assert ran.reply["ename"] == "Unanswered"
    assert "the agent 'ask' waits for a decision on 'Letter', but a test run has nobody to decide it" in ran.text


def test_what_was_shown_is_shown_again_in_a_new_kernel(start: Callable[..., Kernel]) -> None:
    code = """%%agent shows
import sys
from IPython.display import HTML, clear_output, display
print("cleared")
clear_output()
print("out")
print("err", file=sys.stderr)
handle = display("first", display_id=True)
display(HTML("<b>bold</b>"))
handle.update("second")
d = hitl.checkpoint("x", title="T")
print("after")
"last"
"""
    kernel = start()
    paused = kernel.run(code)
    kernel.approve()
    again = start()
    notes = [[], ["Nothing was run again"], ["Nothing was run again"]]
    for ran in (again.run(code), again.run(code), start().run(code)):
        assert ran.reply["status"] == "ok", ran.text
        expected = ["out", "err", "'second'", "<IPython.core.display.HTML object>", "Approved: T", "after", "'last'"]
        shown = ran.text.split("\n")
        assert shown[:7] == expected
        assert [line.partition(":")[0] for line in shown[7:]] == notes.pop(0)
        assert [one["name"] for one in ran.outputs if one["output_type"] == "stream"][:2] == ["stdout", "stderr"]
        assert any(one.get("data", {}).get("text/html") == "<b>bold</b>" for one in ran.outputs)
    assert "cleared" not in paused.text


def test_outputs_of_interleaved_agents_are_not_mixed_up(kernel: Kernel) -> None:
    one = """%%agent one
import asyncio
d = hitl.checkpoint("x", title="One")
print("one")
while "ready" not in globals():
    await asyncio.sleep(0.001)
print("one again")
"""
    two = "%%agent two\nprint('two')\nready = await asyncio.sleep(0.01)\nawait asyncio.sleep(0.05)\nprint('two again')"
    kernel.run(one)
    cell = kernel.last
    kernel.run(PRESS.format("Approve"))
    assert kernel.run(two).text.split("\n") == ["two", "two again"]
    assert kernel.collect(of=cell).text.split("\n") == ["Approved: One", "one", "one again"]
    assert kernel.run(one).text.split("\n")[:3] == ["Approved: One", "one", "one again"]
    assert kernel.run(two).text.split("\n")[:2] == ["two", "two again"]


def test_a_full_disk_is_a_sentence_and_pausing_works_once_there_is_room(kernel: Kernel) -> None:
    pytest.importorskip("resource")
    kernel.run(
        "import resource, os\nsoft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)\nbig = os.urandom(3_000_000)"
    )
    kernel.run("resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))")
    code = "%%agent full\nmine = big + b'x'\n"
    code += "d = hitl.checkpoint('x', title='T')\nprint(len(mine))"
    ran = kernel.run(code)
    kernel.run("resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))")
    assert ran.reply["ename"] == "StoreFull"
    assert "no room left for the store" in ran.text
    assert "----> 3 d = hitl.checkpoint" in ran.text
    assert "hitl_nb/" not in ran.text
    assert kernel.open() == []
    assert kernel.run(code).reply["ename"] == "Paused"


# --- %hitl ----------------------------------------------------------------------------------------------------------


def test_the_commands(kernel: Kernel) -> None:
    assert kernel.run("%hitl").text == "nothing waits"
    assert kernel.run("%hitl runs").text == "no runs"
    kernel.run(ASK)
    asked = kernel.open()[0]
    assert re.search(rf"{asked.id}\s+Letter\s+text\s+ask", kernel.run("%hitl inbox").text)
    assert "waiting" in kernel.run("%hitl runs").text
    assert "Dear Ann" in kernel.run(f"%hitl show {asked.id[:5]}").text
    assert any("widget" in str(one["data"]) for one in kernel.run("%hitl widget ask").outputs)
    assert kernel.run(f"%hitl edit {asked.id} Dear Bob").text == "Approved with edits: Letter"
    ran = kernel.run("%hitl resume ask")
    assert ran.reply["status"] == "ok"
    assert "edit Dear Bob" in ran.text
    assert kernel.run("%hitl forget ask").text == "forgot 1 run of ask"
    assert kernel.run("%hitl runs").text == "no runs"


def test_bad_commands_are_answered_with_one_sentence(kernel: Kernel) -> None:
    kernel.run(ASK)
    asked = kernel.open()[0]
    for line, said in {
        "dance": "%hitl: there is no command 'dance'; usage: %hitl [inbox] | runs",
        "show": "%hitl show ID: one word expected, 0 given",
        "show zzzz": "there is no proposal 'zzzz' in this store",
        "approve": "%hitl approve needs an ID",
        f"edit {asked.id}": "an edit of 'Letter' needs the new value",
        f"respond {asked.id}": "a response to 'Letter' needs a message",
        "widget nobody": "run the cell `%%agent nobody` first",
        "resume nobody": "no run of an agent 'nobody' in this notebook",
        "forget nobody": "no run of an agent 'nobody' in this notebook",
        'show "x': "No closing quotation",
    }.items():
        ran = kernel.run(f"%hitl {line}")
        assert ran.reply["status"] == "error", line
        assert said in ran.text, line
        assert "hitl_nb/" not in ran.text, line
    assert kernel.ledger.proposals.load(asked.id).status == "open"
    kernel.run(f"%hitl reject {asked.id} too soon")
    ran = kernel.run(f"%hitl approve {asked.id}")
    assert "already decided" in ran.text
    assert "too soon" in ran.text


# --- loading --------------------------------------------------------------------------------------------------------


def test_it_chains_other_handlers_and_leaves_as_it_came(kernel: Kernel) -> None:
    setup = """%unload_ext hitl_nb
ip = get_ipython()
before = (list(ip.input_transformers_post), ip.showtraceback)
ip.set_custom_exc((ZeroDivisionError,), lambda shell, etype, value, tb, tb_offset=None: print("mine:", value))
handlers = ip.custom_exceptions
%load_ext hitl_nb
%load_ext hitl_nb"""
    assert kernel.run(setup).reply["status"] == "ok"
    assert "mine: division by zero" in kernel.run("1 / 0").text
    assert "mine: division by zero" in kernel.run("%%agent zero\n1 / 0").text
    assert kernel.run(ASK).reply["ename"] == "Paused"
    check = """%unload_ext hitl_nb
print(before == (list(ip.input_transformers_post), ip.showtraceback), ip.custom_exceptions == handlers)
print(ip.find_cell_magic("agent"), ip.find_line_magic("hitl"))"""
    assert kernel.run(check).text == "True True\nNone None"
    assert "mine" in kernel.run("1 / 0").text


def test_a_terminal_pauses_too(tmp_path: Path) -> None:
    script = tmp_path / "story.py"
    script.write_text(f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for code in ({LOAD!r}, {ASK!r}, "p = hitl.open_store()", "%hitl", {ASK!r}):
    result = shell.run_cell(code, store_history=True)
    print("=", result.success)
from hitl_nb.ledger.ledger import Ledger
ledger = Ledger(shell.user_ns["p"])
ledger.proposals.decide(ledger.proposals.list_open()[0].id, "approve", reviewer="ann")
print("=", shell.run_cell({ASK!r}, store_history=True).success)
""")
    env = {k: v for k, v in os.environ.items() if k not in ("CI", "PYTEST_CURRENT_TEST")}
    env |= {
        "HITL_NB_STORE": f"diskcache://{tmp_path}/store",
        "JUPYTER_DATA_DIR": str(tmp_path),
        "IPYTHONDIR": str(tmp_path),
    }
    done = subprocess.run([sys.executable, script], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    marks = [line for line in done.stdout.splitlines() if line.startswith("=")]
    assert marks == ["= True", "= False", "= True", "= True", "= False", "= True"]
    assert "Traceback" not in done.stdout + done.stderr
    assert "approve Dear Ann" in done.stdout


# --- exported -------------------------------------------------------------------------------------------------------


def test_the_exported_notebook_tells_the_whole_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    path, store = tmp_path / "a.ipynb", f"diskcache://{tmp_path}/store"
    notebooks: Any = nbformat
    notebooks.write(notebooks.v4.new_notebook(cells=[notebooks.v4.new_code_cell(c) for c in (LOAD, ASK)]), path)
    run_notebook(path, store=store)
    ledger = Ledger(open_store(store))
    ledger.proposals.decide(
        ledger.proposals.list_open()[0].id, "edit", value="Dear Bob", reason="wrong name", reviewer="carol"
    )
    assert run_notebook(path, store=store).status == "finished"
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--no-prompt", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    page = (tmp_path / "a.html").read_text()
    body = page[page.index("<main") :]
    for said in ("Approved with edits", "Letter", ">Ann</del>", ">Bob</ins>", "carol", "wrong name"):
        assert said in body, said
    assert body.index("before") < body.index("Approved with edits") < body.index("edit Dear Bob")
    assert "<script" not in body.split("</main>")[0]


# --- workspaces -----------------------------------------------------------------------------------------------------

REPORT = """%%agent report --key area
print('before')
with hitl.workspace('Report', template='# North') as doc:
    doc.append('Sales rose.')
    decided = doc.wait_until_done().value
print('after', decided)"""


def test_a_workspace_is_shown_once_where_it_was_opened_and_decided_like_any_proposal(kernel: Kernel) -> None:
    mime = "application/vnd.hitl-nb.workspace+json"
    kernel.run("area = 'north'")
    shown: list[dict[str, Any]] = []
    for _ in range(2):
        paused = kernel.run(REPORT)
        assert paused.text == "before\nWorkspace: Report\nPaused: Report (waiting for a decision)"
        shown = [one["data"] for one in paused.outputs if mime in one.get("data", {})]
        assert [one[mime] for one in shown] == [{"version": 1, "agent": "report", "workspace": 1, "key": "north"}]
    assert "# North" in shown[0]["text/html"]
    kernel.approve()
    ended = kernel.run(REPORT)
    decided = "Workspace: Report\nApproved: Report\nafter # North\n\nSales rose."
    assert ended.text == f"before\n{decided}"
    again = kernel.run(REPORT)
    assert again.text.startswith(f"before\n{decided}\nNothing was run again")
    mime = "application/vnd.hitl-nb.finished+json"
    assert [one["data"][mime] for one in again.outputs if mime in one.get("data", {})] == [
        {"version": 1, "agent": "report", "key": "north"}
    ]


def test_a_finished_agent_that_is_executed_again_says_so_and_can_be_started_over(kernel: Kernel) -> None:
    kernel.run(ASK)
    kernel.approve()
    kernel.run(ASK)
    run = kernel.ledger.runs.list_newest()[0]
    again = kernel.run(ASK)
    (shown,) = (data for one in again.outputs if (data := one.get("data", {}).get(FINISHED)))
    assert shown == {"version": 1, "agent": "ask"}
    kernel.ledger.run_facts.start_over(run.id, actor="ada")
    assert PAUSED in kernel.run(ASK).text
    newest = kernel.ledger.runs.list_newest()[0]
    assert (newest.id != run.id, newest.status) == (True, "waiting")
    kernel.ledger.run_facts.start_over(newest.id, actor="ada")
    assert "the agent 'ask' was started over; execute its cell" in kernel.run("%hitl resume ask").text


def test_opaque_code_that_is_made_again_shows_its_workspace_once(kernel: Kernel) -> None:
    kernel.run(
        "def write():\n"
        "    with hitl.workspace('Report') as doc:\n"
        "        doc.append('One.')\n"
        "        return doc.wait_until_done().value"
    )
    code = "%%agent report\ndone = [write() for _ in range(1)]\nprint(done)"
    assert kernel.run(code).text == "Workspace: Report\nPaused: Report (waiting for a decision)"
    kernel.approve()
    assert kernel.run(code).text == "Workspace: Report\nApproved: Report\n['One.']"


@pytest.mark.parametrize("magic", ["%%time", "%%capture out"])
def test_another_cell_magic_above_is_refused_and_says_what_works(kernel: Kernel, magic: str) -> None:
    ran = kernel.run(f"{magic}\n{ASK}")
    assert f"below {magic.split()[0]} the cell cannot pause" in ran.text
    assert "line magics, such as %time STATEMENT, work" in ran.text
    assert "Traceback" not in ran.text
    ran = kernel.run("%%agent timed\n%time x = sum(range(3))\nprint(x)")
    assert "Wall time" in ran.text
    assert ran.text.endswith("3")
