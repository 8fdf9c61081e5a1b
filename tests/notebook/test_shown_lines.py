"""What IPython shows of an error in instrumented code: the line that failed."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from hitl_nb.engine.instrument import install, uninstall
from hitl_nb.notebook.ipython.tracebacks import ShownTracebacks

CELLS = {
    "in a loop": "def f(a):\n    for v in a:\n        abs(v)\n        1 / 0\nf([1])\n",
    "in a finally": "def f(a):\n    try:\n        1 / 0\n    finally:\n        abs(1)\nf([1])\n",
}


@pytest.mark.parametrize("name", CELLS)
def test_the_line_that_failed_is_shown_in_a_kernel(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = sys.modules["__main__"]
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell: Any = InteractiveShell(config=config)
    sys.modules["__main__"] = main
    shell.compile.get_code_name = lambda raw, transformed, number: "/no/such/folder/cell.py"  # as ipykernel names it
    shown = ShownTracebacks(shell)
    install(shell)
    shell.run_cell(CELLS[name])
    text = capsys.readouterr().out
    uninstall(shell)
    shown.remove()
    assert "get_records" not in vars(shell.InteractiveTB)
    assert [line.split()[2:] for line in text.splitlines() if line.startswith("-") and "1 / 0" in line] == [
        ["1", "/", "0"]
    ]
