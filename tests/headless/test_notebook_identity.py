"""Which notebook a kernel runs: none gets a run of another one, whoever executes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from nbformat.v4 import new_code_cell, new_notebook

import hitl_nb as hitl
from hitl_nb.headless.executors import parse_named_notebooks
from hitl_nb.headless.notebook_identity import follow_notebook, read_file_id
from hitl_nb.headless.run_notebook import run_notebook
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.notebook.ipython.magics import load_ipython_extension, unload_ipython_extension
from hitl_nb.records import Question, Run, Snapshot
from hitl_nb.storage import open_store

LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"
ASK = "%%agent mail\nd = hitl.checkpoint(text, title='Send?')\nprint('sent', d.value)"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Of a store that kernels use, too."""
    store = f"diskcache://{tmp_path.parent}/{tmp_path.name}.store"
    monkeypatch.setenv("HITL_NB_STORE", store)
    for name in ("CI", "HITL_NB_NOTEBOOK", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Ledger(open_store(store))


def write(path: Path, *sources: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cells = [new_code_cell(source) for source in (LOAD, *sources)]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def printed_text(notebook: Any) -> str:
    """What a notebook's cells printed, and the errors that they ended with."""
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(o.text if o.output_type == "stream" else o.get("evalue", "") for o in shown)


def execute(client: nbclient.NotebookClient) -> str:
    env = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}  # where nobody would decide
    try:
        client.execute(env=env)
    except nbclient.exceptions.CellExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    return printed_text(client.nb)


def plainly(path: Path) -> str:
    """Execute a notebook with a client that tells the kernel no path."""
    return execute(nbclient.NotebookClient(nbformat.read(path, 4)))


def approve(ledger: Ledger) -> None:
    for p in ledger.proposals.list_open():
        ledger.proposals.decide(p.id, "approve", reviewer="ann")


def of(ledger: Ledger, path: Path) -> str | None:
    run = ledger.runs.find(agent="mail", notebook=str(path))
    return run.status if run is not None else None


def test_a_kernel_finds_the_one_notebook_with_its_cells(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "deep" / "a.ipynb", "text = 'Welcome'\n", "", ASK, "print('end')")
    write(tmp_path / "b.ipynb", "text = 'Pay up'", ASK)
    (tmp_path / "broken.ipynb").write_text('{"cells": [{"cell_ty')
    assert plainly(path).startswith("Paused")
    assert of(ledger, path) == "waiting"
    approve(ledger)
    assert plainly(path) == "sent Welcome\nend\n"


def test_of_two_that_begin_alike_neither_gets_a_run(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK, "print('a')")
    other = write(tmp_path / "b.ipynb", "text = 'Welcome'", ASK, "print('b')")
    refused = plainly(path)
    assert refused.startswith("UnknownNotebook: hitl_nb cannot tell which notebook this kernel runs")
    assert all(word in refused for word in (str(path), str(other), "HITL_NB_NOTEBOOK", "%hitl notebook PATH"))
    assert ledger.runs.list_newest() == []


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("python /bin/jupyter-nbconvert --execute --inplace a.ipynb", ["a.ipynb"]),
        ("python /bin/jupyter-nbconvert --execute a.ipynb --output b.ipynb", ["a.ipynb"]),
        ("python /bin/jupyter-nbconvert --execute --output=b.ipynb a", ["a.ipynb"]),
        ("python /bin/jupyter-nbconvert --execute --stdin --stdout", []),
        ("python -m nbconvert --execute gone.ipynb", []),
        ("python /bin/jupyter execute a.ipynb b.ipynb", ["a.ipynb", "b.ipynb"]),
        ("python /bin/papermill a.ipynb out.ipynb -p n 1", ["out.ipynb"]),
        ("python /bin/papermill - out.ipynb", []),
        ("python /bin/jupyter-console", []),
        ("python script.py", None),
        ("python script.py a.ipynb out.ipynb", ["a.ipynb", "out.ipynb"]),
    ],
)
def test_a_command_line_names_the_notebooks_that_are_executed(
    tmp_path: Path, line: str, named: list[str] | None
) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        (tmp_path / name).touch()
    assert parse_named_notebooks(line.split(), tmp_path) == (named and [tmp_path / name for name in named])


def test_a_notebook_from_standard_input_gets_no_run_of_a_file_with_its_cells(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK)
    env = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    command = [sys.executable, "-m", "nbconvert", "--execute", "--stdin", "--stdout", "--to", "notebook"]
    with path.open() as file:
        done = subprocess.run(command, stdin=file, env=env, capture_output=True, text=True, check=False)
    assert "no notebook that the program which executes it names has the cells" in done.stderr
    assert ledger.runs.list_newest() == []


def test_agents_of_a_notebook_that_is_run_by_magic_are_refused() -> None:
    shell = InteractiveShell()
    load_ipython_extension(shell)
    try:
        cell = "%%agent mail\nprint(1)"
        assert shell.transform_cell(cell).startswith("await ")
        shell.user_ns["__file__"] = "/somewhere/other.ipynb"
        with pytest.raises(UsageError, match=r"hitl-nb run other\.ipynb"):
            shell.transform_cell(cell)
        assert shell.transform_cell("print(1)") == "print(1)\n"
    finally:
        unload_ipython_extension(shell)


def test_voila_says_which_page_a_kernel_is_for(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a b.ipynb", "text = 'Welcome'", ASK)
    other = write(tmp_path / "b.ipynb", "text = 'Welcome'", ASK)
    env = {**os.environ, "SERVER_SOFTWARE": "voila/0.5.9", "SCRIPT_NAME": "/voila/render/a%20b.ipynb"}
    env.pop("PYTEST_CURRENT_TEST", None)
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        nbclient.NotebookClient(nbformat.read(path, 4)).execute(env=env)
    assert [of(ledger, one) for one in (path, other)] == ["waiting", None]


def test_a_notebook_that_is_no_file_gets_no_run(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK)
    made = nbformat.read(path, 4)
    made.cells[1].source = "text = 'Pay up'"
    assert execute(nbclient.NotebookClient(made)).startswith("UnknownNotebook")
    assert ledger.runs.list_newest() == []


def test_a_notebook_that_names_itself(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "%hitl notebook reports/x.ipynb", "text = 'Welcome'", ASK)
    write(tmp_path / "b.ipynb", "%hitl notebook reports/y.ipynb", "text = 'Welcome'", ASK)
    assert plainly(path).startswith("Paused")
    assert of(ledger, tmp_path / "reports" / "x.ipynb") == "waiting"
    approve(ledger)
    assert plainly(path).endswith("sent Welcome\n")
    assert plainly(tmp_path / "b.ipynb").startswith("Paused")


def test_our_client_tells_the_kernel(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK)
    other = write(tmp_path / "b.ipynb", "text = 'Welcome'", ASK)
    assert execute(hitl.NotebookClient(nbformat.read(path, 4), path)).startswith("Paused")
    approve(ledger)
    assert execute(hitl.NotebookClient(nbformat.read(path, 4), "a.ipynb")) == "sent Welcome\n"
    assert execute(hitl.NotebookClient(nbformat.read(other, 4), other)).startswith("Paused")
    assert [of(ledger, one) for one in (path, other)] == ["finished", "waiting"]


def test_a_notebook_that_executes_another_one_does_not_lend_its_name(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = write(tmp_path / "inner.ipynb", "text = 'Pay up'", ASK)
    outer = write(
        tmp_path / "outer.ipynb",
        "text = 'Welcome'",
        ASK,
        "import nbclient, nbformat\nnb = nbformat.read('inner.ipynb', 4)\n"
        "nbclient.NotebookClient(nb, allow_errors=True).execute()\n"
        "print([o.get('ename') for o in nb.cells[2].outputs if 'ename' in o])",
    )
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert run_notebook(outer).status == "waiting"
    approve(ledger)
    assert run_notebook(outer).status == "finished"
    assert [of(ledger, one) for one in (outer, inner)] == ["finished", "waiting"]


def test_the_papermill_engine_tells_the_kernel(tmp_path: Path, ledger: Ledger) -> None:
    papermill = pytest.importorskip("papermill")
    from hitl_nb.headless.papermill_engine import Engine

    papermill.engines.papermill_engines.register("hitl_nb", Engine)
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK)
    engine: dict[str, Any] = {"engine_name": "hitl_nb", "progress_bar": False}
    with pytest.raises(papermill.PapermillExecutionError):
        papermill.execute_notebook(path, "one.ipynb", {"x": 1}, **engine)
    approve(ledger)
    done = papermill.execute_notebook(path, "one.ipynb", {"x": 1}, **engine)
    assert printed_text(done) == "sent Welcome\n"
    with pytest.raises(papermill.PapermillExecutionError):
        papermill.execute_notebook(path, "two.ipynb", {"x": 2}, cwd=str(tmp_path.parent), **engine)
    assert [of(ledger, tmp_path / name) for name in ("one.ipynb", "two.ipynb")] == ["finished", "waiting"]
    with pytest.raises(hitl.UnknownNotebook, match="no file"):
        papermill.execute_notebook(path, None, **engine)


def test_a_run_follows_its_notebook_and_a_copy_begins_its_own(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK)
    assert run_notebook(path).status == "waiting"
    run = ledger.runs.list_newest()[0]
    assert nbformat.read(path, 4).metadata.hitl_nb == {"id": run.notebook_id}
    copy = tmp_path / "copy.ipynb"
    copy.write_bytes(path.read_bytes())
    assert run_notebook(copy).status == "waiting"
    assert nbformat.read(copy, 4).metadata.hitl_nb.id not in ("", run.notebook_id)
    moved = tmp_path / "sub" / "b.ipynb"
    moved.parent.mkdir()
    path.rename(moved)
    ledger.proposals.decide(ledger.proposals.list_of_run(run.id)[0].id, "approve", reviewer="ann")
    assert run_notebook(moved).status == "finished"
    assert [of(ledger, one) for one in (moved, copy)] == ["finished", "waiting"]


def begin(ledger: Ledger, path: Path) -> None:
    """What `hitl-nb run`, and a new kernel that is told `path`, do first."""
    follow_notebook(ledger, str(path), read_file_id(path))


def pause_run(ledger: Ledger, path: Path) -> Run:
    """A run of the notebook at `path` that waits, whose id is in the file."""
    run, claim = ledger.runs.open(agent="mail", notebook=str(path))
    ledger.runs.pause(claim, Snapshot(envelope=b"x"), [Question(title="Send?", kind="text", value="hello")])
    notebook = nbformat.read(path, 4)
    notebook.metadata["hitl_nb"] = {"id": ledger.notebooks.find_id(str(path))}
    nbformat.write(notebook, path)
    begin(ledger, path)
    return ledger.runs.load(run.id)


def test_a_new_notebook_at_the_path_of_a_moved_one_gets_none_of_its_runs(tmp_path: Path, ledger: Ledger) -> None:
    path, moved = write(tmp_path / "a.ipynb", ASK), tmp_path / "b.ipynb"
    run = pause_run(ledger, path)
    path.rename(moved)
    write(path, ASK)
    with pytest.raises(hitl.UnknownNotebook, match=r"it may be that notebook, moved") as refused:
        begin(ledger, path)
    assert str(moved) in str(refused.value)
    begin(ledger, moved)
    assert ledger.runs.load(run.id).notebook == str(moved)
    begin(ledger, path)
    assert ledger.runs.find(agent="mail", notebook=str(path)) is None


def test_a_notebook_that_lost_its_id_keeps_its_runs(tmp_path: Path, ledger: Ledger) -> None:
    path, copy = write(tmp_path / "a.ipynb", ASK), tmp_path / "b.ipynb"
    run = pause_run(ledger, path)
    copy.write_bytes(path.read_bytes())
    write(path, ASK)
    with pytest.raises(hitl.UnknownNotebook):
        begin(ledger, path)
    write(copy, ASK)
    begin(ledger, path)
    assert ledger.runs.load(run.id).notebook == str(path)


def test_two_notebooks_that_swap_their_names_keep_their_runs(tmp_path: Path, ledger: Ledger) -> None:
    paths = [write(tmp_path / name, ASK) for name in ("a.ipynb", "b.ipynb")]
    runs = [pause_run(ledger, path) for path in paths]
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        path.write_bytes(content)
    for path in paths:
        begin(ledger, path)
    assert [ledger.runs.load(run.id).notebook for run in runs] == [str(path) for path in reversed(paths)]


def test_a_notebook_that_was_run_without_a_browser_is_known_by_its_id(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK)
    assert run_notebook(path).status == "waiting"
    assert ledger.notebooks.find_marked_id(str(path)) == nbformat.read(path, 4).metadata.hitl_nb.id


def test_output_elsewhere_is_another_notebook(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK)
    run_notebook(path)
    before = path.read_bytes()
    out = tmp_path / "out.ipynb"
    waiting = run_notebook(path, out)
    assert (waiting.status, waiting.notes) == ("waiting", ())  # the file carries its id already
    assert path.read_bytes() == before
    assert "hitl_nb" not in nbformat.read(out, 4).metadata
    approve(ledger)
    assert run_notebook(out).status == "waiting"
    assert run_notebook(path, out).status == "finished"
    assert os.fspath(out) in {run.notebook for run in ledger.runs.list_newest()}


def test_a_notebook_that_is_not_written_cannot_be_followed_and_that_is_said(tmp_path: Path, ledger: Ledger) -> None:
    path = write(tmp_path / "a.ipynb", "text = 'Welcome'", ASK)
    (note,) = run_notebook(path, tmp_path / "out.ipynb").notes
    assert note.startswith("a.ipynb is not written with -o")
    assert "hitl-nb adopt RUN NOTEBOOK" in note
