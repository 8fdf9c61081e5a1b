"""Notebooks run without a browser: what is written, what is refused, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hitl_nb.errors import HitlError
from hitl_nb.headless.run_notebook import parse_agent_name, run_notebook
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.review.decide_from_text import decide_from_text
from hitl_nb.storage import open_store


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"diskcache://{tmp_path}/store"


def notebook(path: Path, *sources: str, tags: list[str] | None = None) -> Path:
    cells = [new_markdown_cell("# A story", id="story", metadata={"mine": True})]
    cells += [new_code_cell(s, id=f"c{i}", metadata={"tags": tags or []}) for i, s in enumerate(sources)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel, "mine": [1]}), path)
    return path


def outputs(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    return ["".join(o.get("text", "") for o in c.outputs) for c in cells if c.cell_type == "code"]


AGENT = """%%agent ask
decision = hitl.checkpoint("Dear Ms Doe", title="Send the email")
print("sent:", decision.value)"""
LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"


def test_outputs_go_into_the_notebook_and_the_rest_stays(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "print('hello')", "x = 2\nx + 3")
    path.chmod(0o640)
    seen: list[tuple[int, int]] = []
    result = run_notebook(path, store=store, on_cell=lambda *at: seen.append(at))
    assert (result.status, result.open, result.error) == ("finished", (), None)
    assert seen == [(1, 2), (2, 2)]
    after = nbformat.read(path, as_version=4)
    assert [c.id for c in after.cells] == ["story", "c0", "c1"]
    assert after.metadata.mine == [1]
    assert after.cells[0].metadata == {"mine": True}
    assert after.cells[1].metadata == {"tags": []}
    assert after.cells[1].outputs[0].text == "hello\n"
    assert after.cells[2].outputs[0].data["text/plain"] == "5"
    assert after.cells[2].execution_count == 2
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".tmp"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="sockets in files are of POSIX")
@pytest.mark.parametrize(("length", "transport"), [(1, "ipc"), (100, "tcp")])
def test_no_other_process_can_take_a_port_of_the_kernel(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch, length: int, transport: str
) -> None:
    """It listens on sockets in files, unless their path would be too long for a socket; none is left behind."""
    source = "from ipykernel.connect import get_connection_info\nprint(get_connection_info(unpack=True)['transport'])"
    path = notebook(tmp_path / "a.ipynb", source)
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        runtime = Path(short, "r" * length)
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
        assert run_notebook(path, store=store).status == "finished"
        assert outputs(path) == [f"{transport}\n"]
        assert [*runtime.glob("kernel-*")] == []


def test_output_elsewhere_leaves_the_notebook_alone(tmp_path: Path, store: str) -> None:
    path = notebook(
        tmp_path / "a.ipynb", "import os; print(os.path.basename(os.getcwd()), os.environ['HITL_NB_NOTEBOOK'])"
    )
    before = path.read_bytes()
    result = run_notebook(path, tmp_path / "out.ipynb", store=store)
    assert result.path == tmp_path / "out.ipynb"
    assert path.read_bytes() == before
    assert outputs(result.path) == [f"{tmp_path.name} {path}\n"]


def test_restart_left_in_a_file_does_not_begin_again(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", LOAD, AGENT.replace("ask", "ask --restart", 1))
    assert run_notebook(path, store=store).status == "waiting"
    decide_from_text(Ledger(open_store(store)), run_notebook(path, store=store).open[0].id, "approve")
    assert run_notebook(path, store=store).status == "finished"
    assert outputs(path)[1] == "sent: Dear Ms Doe\n"
    assert len(Ledger(open_store(store)).runs.list_newest()) == 1


def test_a_link_to_a_notebook_stays_a_link(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "print(1)")
    link = tmp_path / "link.ipynb"
    link.symlink_to(path)
    run_notebook(link, store=store)
    assert link.is_symlink()
    assert outputs(path) == ["1\n"]


def test_a_failing_cell_is_named_and_the_rest_not_run(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "print('one')", "1 / 0", "print('three')")
    result = run_notebook(path, store=store)
    assert result.status == "failed"
    assert result.error == "cell 3: ZeroDivisionError: division by zero"
    assert outputs(path) == ["one\n", "", ""]
    assert nbformat.read(path, as_version=4).cells[2].outputs[0].ename == "ZeroDivisionError"


def test_a_dead_kernel_is_a_failed_run(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "print('one')", "import os\nos.kill(os.getpid(), 9)")
    result = run_notebook(path, store=store)
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.startswith("cell 3: the kernel died")
    assert outputs(path)[0] == "one\n"


def test_a_cell_that_takes_too_long(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "import time\ntime.sleep(600)")
    result = run_notebook(path, store=store, timeout=1)
    assert (result.status, result.error) == ("failed", "cell 2: it took longer than 1 s")


def test_pauses_decides_and_goes_on(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", LOAD, AGENT, "print('after')")
    result = run_notebook(path, store=store)
    assert result.status == "waiting"
    assert [p.title for p in result.open] == ["Send the email"]
    paused = nbformat.read(path, as_version=4).cells
    assert not [o for c in paused if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]
    assert outputs(path)[2] == ""
    again = run_notebook(path, store=store)
    assert [p.id for p in again.open] == [p.id for p in result.open]
    decide_from_text(Ledger(open_store(store)), result.open[0], "edit", "Dear Mr Roe")
    last = run_notebook(path, store=store)
    assert (last.status, last.open, last.error) == ("finished", (), None)
    assert "sent: Dear Mr Roe" in outputs(path)[1]
    assert outputs(path)[2] == "after\n"
    assert run_notebook(path, store=store).status == "finished"
    assert "sent: Dear Mr Roe" in outputs(path)[1]


def test_a_kernel_that_dies_behind_a_decision_still_shows_it(tmp_path: Path, store: str) -> None:
    trap = "if not Path('died').exists():\n    Path('died').touch()\n    os.kill(os.getpid(), 9)"
    path = notebook(tmp_path / "a.ipynb", f"{LOAD}\nimport os\nfrom pathlib import Path", f"{AGENT}\n{trap}")
    asked = run_notebook(path, store=store).open[0]
    decide_from_text(Ledger(open_store(store)), asked, "approve")
    assert run_notebook(path, store=store).status == "failed"
    assert (tmp_path / "died").exists()
    assert run_notebook(path, store=store).status == "finished"
    card, *rest = nbformat.read(path, as_version=4).cells[2].outputs
    assert card.data["text/plain"] == "Approved: Send the email"
    assert "".join(output.text for output in rest).startswith("sent: Dear Ms Doe")


def test_a_cell_tagged_raises_exception_does_not_hold_up_the_rest(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", LOAD, AGENT, "print('after')", tags=["raises-exception"])
    result = run_notebook(path, store=store)
    assert result.status == "waiting"
    assert outputs(path)[2] == "after\n"


def test_works_inside_a_running_loop(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "print('hello')")

    async def caller() -> str:
        return run_notebook(path, store=store).status

    assert asyncio.run(caller()) == "finished"


def wait_for(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_kernel_outlives_the_command(tmp_path: Path, store: str, stop: signal.Signals) -> None:
    path = notebook(
        tmp_path / "a.ipynb",
        "print('one')",
        "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)",
    )
    command = [sys.executable, "-m", "hitl_nb.cli", "run", str(path), "--store", store]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    note = tmp_path / "pid"
    wait_for(lambda: note.exists() and note.read_text())
    kernel = psutil.Process(int(note.read_text()))
    process.send_signal(stop)
    assert process.wait(60) != 0
    kernel.wait(60)
    assert outputs(path)[0] == "one\n"


def test_being_killed_at_any_moment_leaves_a_whole_notebook(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", *["print('x' * 100_000)"] * 30)
    script = (
        "import sys, nbformat, pathlib\nfrom hitl_nb.headless.notebook_files import write_notebook\n"
        "p = pathlib.Path(sys.argv[1]); nb = nbformat.read(p, as_version=4)\n"
        "while True:\n nb.metadata.n = nb.metadata.get('n', 0) + 1\n write_notebook(nb, p)\n print(flush=True)"
    )
    for more in range(5):
        process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(3 + more):
            process.stdout.readline()
        process.kill()
        process.wait()
        nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no notebook"),
        (b"not json", "is not a notebook: it is not JSON"),
        (b"\xff\xfe\x00", "is not a notebook: it is not UTF-8 text"),
        (b"[1, 2]", "is not a notebook"),
        (b"{}", "is not a notebook"),
        (json.dumps({"nbformat": 4, "nbformat_minor": 5}).encode(), "is not a notebook"),
        (
            json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}).encode(),
            "has notebook format 3",
        ),
    ],
)
def test_what_is_no_notebook_is_refused(tmp_path: Path, store: str, content: bytes | None, says: str) -> None:
    path = tmp_path / "a.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HitlError, match=says) as caught:
        run_notebook(path, store=store)
    assert "\n" not in str(caught.value)
    assert content is None or path.read_bytes() == content


def test_other_bad_arguments(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "1")
    with pytest.raises(HitlError, match="is a folder"):
        run_notebook(tmp_path, store=store)
    with pytest.raises(ValueError, match="timeout must be a number of seconds above 0, not 0"):
        run_notebook(path, store=store, timeout=0)
    with pytest.raises(HitlError, match=r"the folder .*nowhere does not exist"):
        run_notebook(path, tmp_path / "nowhere" / "b.ipynb", store=store)
    with pytest.raises(HitlError, match="out of a kernel's reach"):
        run_notebook(path, store="memory:")
    with pytest.raises(ValueError, match="gopher"):
        run_notebook(path, store="gopher://x")


def test_an_unknown_kernel(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "1")
    raw = json.loads(path.read_text())
    raw["metadata"]["kernelspec"]["name"] = "no-such-kernel"
    path.write_text(json.dumps(raw))
    with pytest.raises(HitlError, match="asks for the kernel 'no-such-kernel', which is not installed"):
        run_notebook(path, store=store)


def test_agent_names_must_differ(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "%%agent mail\n1", "2", "%%agent --key order mail\n3")
    with pytest.raises(HitlError, match="two agents named 'mail', in cells 2 and 4"):
        run_notebook(path, store=store)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("%%agent mail", "mail"),
        ("\n\n%%agent  mail --restart\nx", "mail"),
        ("%%agent --key 'a b' --wait 3 mail", "mail"),
        ('%%agent --key "a b" mail', "mail"),
        ("%%agents mail", None),
        ("%%agent", None),
        ("x = '''\n%%agent mail'''", None),
        ("", None),
    ],
)
def test_agent_name(source: str, name: str | None) -> None:
    assert parse_agent_name(source) == name


def test_two_at_once_leave_a_whole_notebook(tmp_path: Path, store: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "print('hello')", "print('x' * 10_000)")
    threads = [threading.Thread(target=run_notebook, args=(path,), kwargs={"store": store}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs(path)[0] == "hello\n"
    assert [p.name for p in tmp_path.glob("*.ipynb*")] == ["a.ipynb"]
    assert not list(tmp_path.glob(".a.ipynb*"))
