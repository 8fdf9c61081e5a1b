"""Everyday programs, run as people run them: a new process at every pause, decisions from the command line.

Each file of `programs/` stands for a kind of fault. What ran before a pause must not run again, what people decided
must arrive, and where an exact resume cannot be had, the pause is refused with a sentence before anything is asked.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.cases.program_file import Program, read_program
from tests.commands import Commands, kill_with_children

HERE = Path(__file__).parent
PROGRAMS = [read_program(path) for path in sorted((HERE / "programs").glob("*.py"))]
RUN_SECONDS = 90
"""How long one run of a notebook may take."""

STARTED = ("identity", "process state")
"""Kinds whose commands are started as people start them: what a fork has from the process that it was forked from
(its command line, what is imported) may matter to them."""


class Folder:
    """An empty folder with a store of its own, in which one case is run.

    Attributes:
        commands: what runs `hitl-nb` commands; None to start each with an interpreter of its own.
        seconds: the limit of one command.
    """

    def __init__(self, folder: Path, commands: Commands | None, seconds: float = RUN_SECONDS) -> None:
        self.folder = folder
        self.commands = commands
        self.seconds = seconds
        self.notebook = folder / "case.ipynb"
        scripts = Path(sys.executable).parent
        self.env = {
            **os.environ,
            "HITL_NB_STORE": f"diskcache://{folder.parent / (folder.name + '.store')}",
            "HOME": str(folder.parent / "home"),
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(HERE / "path"), str(HERE.parent.parent), os.environ.get("PYTHONPATH")))
            ),
        }
        for name in ("CI", "PYTEST_CURRENT_TEST", "HITL_NB_REVIEWER", "JUPYTER_DATA_DIR", "XDG_DATA_HOME"):
            self.env.pop(name, None)
        (folder.parent / "home").mkdir()

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there, which may use `commands`."""
        servers = self.commands.addresses if self.commands is not None else []
        env = {**self.env, "COMMAND_SERVERS": " ".join(map(str, servers))}
        options: dict[str, Any] = {"cwd": self.folder, "env": env, "pass_fds": servers, "start_new_session": True}
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options) as process:
            try:
                out, err = process.communicate(timeout=self.seconds)
            except subprocess.TimeoutExpired:
                kill_with_children(process.pid)
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def cli(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a `hitl-nb` command there."""
        if self.commands is None:
            return self.call("hitl-nb", *args)
        return self.commands.run(args, cwd=self.folder, env=self.env, seconds=self.seconds)

    def write(self, program: Program) -> None:
        """Write the case's notebook."""
        sources = ["%load_ext hitl_nb\nimport hitl_nb as hitl"]
        sources += [f"%%agent {agent}\n{source}" if agent else source for agent, source in program.cells]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        cells = [new_code_cell(source) for source in sources]
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), self.notebook)

    def change(self, program: Program, what: dict[str, Any]) -> None:
        """Edit a cell, or move the notebook."""
        if "move" in what:
            target = self.folder / what["move"]
            target.parent.mkdir(exist_ok=True)
            self.notebook = self.notebook.rename(target)
            return
        index, source = what["cell"], what["source"]
        agent = program.cells[index][0]
        notebook = nbformat.read(self.notebook, 4)
        notebook.cells[index + 1].source = f"%%agent {agent}\n{source}" if agent else source
        nbformat.write(notebook, self.notebook)

    def open(self) -> list[dict[str, Any]]:
        """The open proposals, in the order in which they are decided."""
        listed = json.loads(self.cli("inbox", "--json").stdout)["proposals"]
        return sorted((p for p in listed if p["status"] == "open"), key=lambda p: (p["created_at"], p["title"]))

    def decide(self, ident: str, action: str, value: Any) -> None:
        """Decide one proposal on the command line."""
        given = {
            "approve": [],
            "edit": ["--value", value if isinstance(value, str) else json.dumps(value)],
            "reject": ["--reason", str(value)],
            "respond": ["--message", str(value)],
        }[action]
        done = self.cli(action, ident, *given)
        assert done.returncode == 0, done.stderr

    def read_stdout(self) -> str:
        """All standard output that the notebook holds."""
        cells = [cell for cell in nbformat.read(self.notebook, 4).cells if cell.cell_type == "code"]
        streams = [output for cell in cells for output in cell.outputs if output.output_type == "stream"]
        return "".join(output.text for output in streams if output.name == "stdout")


def _comparable(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _run_notebook(program: Program, folder: Folder) -> None:
    folder.write(program)
    waiting = list(program.decisions)
    runs, asked = 0, False
    while True:
        runs += 1
        done = folder.cli("run", str(folder.notebook.relative_to(folder.folder)))
        said = done.stdout + done.stderr
        if done.returncode == 1 and program.error is not None and re.search(program.error, said):
            return
        if done.returncode == 1 and program.may_refuse and not asked and "CannotPause" in said:
            return
        assert done.returncode in (0, 75), said
        for proposal in folder.open() if done.returncode == 75 else []:
            asked = True
            assert waiting, f"asked again: {proposal['title']}"
            folder.decide(proposal["id"], *waiting.pop(0))
        if runs in program.changes:
            folder.change(program, program.changes[runs])
        elif done.returncode == 0:
            break
    assert not waiting, f"never asked: {waiting}"
    assert _comparable(folder.read_stdout()) in [_comparable(one) for one in program.outputs]


def _run_script(program: Program, folder: Folder) -> None:
    done = folder.call(sys.executable, str(program.path))
    assert _comparable(done.stdout) in [_comparable(one) for one in program.outputs], done.stderr


def _parameters() -> list[Any]:
    return [pytest.param(program, id=program.path.stem) for program in PROGRAMS]


@pytest.mark.parametrize("program", _parameters())
def test_program(program: Program, commands: Commands, tmp_path: Path) -> None:
    if program.needs and importlib.util.find_spec(program.needs) is None:
        pytest.fail(f"this case needs {program.needs}, which the test environment has to install")
    (tmp_path / "work").mkdir()
    folder = Folder(tmp_path / "work", None if program.kind in STARTED else commands)
    if program.is_script:
        _run_script(program, folder)
    else:
        _run_notebook(program, folder)
