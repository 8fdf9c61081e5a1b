"""Debuggers, interrupts, coverage, reloading: what people do with the functions of a notebook."""

from __future__ import annotations

import bdb
import contextlib
import io
import os
import pdb  # noqa: T100  # its own tests
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from instrument.shells import Shell

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.tree.scopes import INLINED_COMPREHENSIONS
from hitl_nb.engine.instrument import install, instrument_function, uninstall


@pytest.fixture(scope="module")
def shells() -> Iterator[tuple[Shell, Shell]]:
    main = sys.modules["__main__"]
    made = Shell(is_hooked=False), Shell(is_hooked=True)
    sys.modules["__main__"] = main
    yield made
    for shell in made:
        shell.close()


FUNCTIONS = """
def inner(x):
    y = abs(x)
    for i in range(2):
        y += max(i, 1)
    return y

class Box:
    def held(self, x):
        with open("/dev/null") as file:
            return [inner(v) for v in range(x)]

def outer(x):
    z = inner(x) + len(
        Box().held(2))
    try:
        z += inner(z) / 0
    except ZeroDivisionError:
        z += 1
    return z
"""


def run_debugger(shell: Shell, commands: list[str], cell: str) -> list[str]:
    """What pdb prints while a cell runs under it."""
    out = io.StringIO()
    shell.run_all([FUNCTIONS])
    bdb.Breakpoint.clearBreakpoints()
    debugger = pdb.Pdb(stdin=io.StringIO("\n".join(commands) + "\n"), stdout=out, nosigint=True, readrc=False)
    debugger.use_rawinput = False
    debugger.prompt = ""
    shell.shell.user_ns["debugger"] = debugger
    tracing = sys.gettrace()
    try:
        shell.run(cell)
    finally:
        sys.settrace(tracing)
    text = out.getvalue().replace(os.environ.get("PYTHONPATH", "\0"), "")
    return [line for line in text.splitlines() if "IPython" not in line]


STEPS = (
    ["step"] * 14 + ["where", "p x, y", "next"] * 2 + ["up", "p x, z if 'z' in dir() else 0", "down", "args", "return"]
)


@pytest.mark.parametrize(
    "commands", [STEPS, ["break inner", "continue", "p x", "next", "list", "continue"], ["next"] * 30]
)
def test_pdb_stops_at_the_same_lines(shells: tuple[Shell, Shell], commands: list[str]) -> None:
    native, hooked = (
        run_debugger(shell, [*commands, "continue"] * 1, "debugger.runcall(outer, 1)") for shell in shells
    )
    assert len(native) > 5
    assert hooked == native


def test_debugging_after_an_error(shells: tuple[Shell, Shell], monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [FUNCTIONS, "def wrong(a):\n    b = abs(a)\n    return inner(b) + b.nothing", "wrong(1)", "%debug"]
    seen: list[str] = []
    for shell in shells:
        monkeypatch.setattr("sys.stdin", io.StringIO("p a, b\nargs\nup\nwhere\nq\n"))
        with contextlib.suppress(OSError):
            seen.append(shell.run_all(cells)[-1].text)
    assert seen[0] == seen[1]
    assert "(1, 1)" in seen[0]


def test_an_interrupt_ends_a_loop(shells: tuple[Shell, Shell]) -> None:
    cell = (
        "def spin(n):\n    while True:\n        for i in range(n):\n            abs(i)\n"
        "            [abs(j) for j in range(3)]\nspin(10)"
    )
    for shell in shells:
        shell.shell.user_ns["before"] = None
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        seen = shell.run(cell)
        timer.join()
        assert seen.error == "KeyboardInterrupt: "
        assert "spin(10)" in seen.text


def test_coverage_sees_the_same_lines(tmp_path: Path) -> None:
    coverage = pytest.importorskip("coverage")
    path = tmp_path / "covered.py"
    path.write_text(FUNCTIONS)
    names: dict[str, Any] = {}
    exec(compile(FUNCTIONS, str(path), "exec"), names)
    found: list[Any] = []
    tracing = sys.gettrace()
    for changes in (False, True):
        if changes:
            for function in (names["inner"], names["outer"], names["Box"].held):
                function.__code__ = instrument_function(function)
        tracer = coverage.Coverage(data_file=None, branch=True, include=[str(path)])
        tracer.start()
        try:
            names["outer"](2)
        finally:
            tracer.stop()
            sys.settrace(tracing)
        data = tracer.get_data()
        found.append((sorted(data.lines(str(path))), sorted(data.arcs(str(path)))))
    assert len(found[0][0]) > 10
    line = 1 + FUNCTIONS[: FUNCTIONS.index("[")].count("\n")
    framed = {(-line, line), (line, -line)} if "<listcomp>" in INLINED_COMPREHENSIONS else set[tuple[int, int]]()
    lines, arcs = found[0]
    assert found[1] == (lines, sorted({*arcs, *framed}))  # Python 3.12 has no frame for a comprehension; here it has


def test_functions_defined_before_the_extension_is_loaded() -> None:
    main = sys.modules["__main__"]
    shell = Shell(is_hooked=False)
    sys.modules["__main__"] = main
    cells = [
        FUNCTIONS,
        "from __future__ import annotations\ndef typed(a: Nowhere):\n    def g(b: There): return abs(b)\n    return g",
        "def made(k):\n    def closed(x):\n        nonlocal k\n        k += abs(x)\n        return k\n    return closed",  # noqa: E501
        "c = made(1)",
        "def slowly(n):\n    for i in range(n):\n        yield abs(i)\nbegun = slowly(3); next(begun)",
        "two = (lambda: abs(1)), (lambda: abs(2))",
        "sep = lambda: len('\x1c\x0c')\nnative = lambda: abs(1)  # hitl: native",
        "def left(): # hitl: native\n    return abs(1)",
    ]
    shell.run_all(cells)
    names = shell.shell.user_ns
    install(shell.shell)
    try:
        for name in ("inner", "outer", "typed", "made", "c", "slowly"):
            assert find_code(names[name].__code__) is not None, name
        assert find_code(names["Box"].held.__code__) is not None
        assert find_code(names["typed"](1).__code__) is not None
        assert [find_code(f.__code__) is not None for f in names["two"]] == [True, True]
        assert find_code(names["left"].__code__) is None
        assert find_code(names["begun"].gi_code) is None
        assert [f() for f in names["two"]] == [1, 2]
        assert (names["c"](1), names["c"](2)) == (2, 4)
        assert list(names["begun"]) == [1, 2]
        assert list(names["slowly"](2)) == [0, 1]
        assert names["typed"](1).__annotations__ == {"b": "There"}
        assert names["sep"]() == 2
    finally:
        uninstall(shell.shell)
    assert type(shell.shell.compile).__name__ == "CachingCompiler"
    assert "hitl" not in str(shell.shell.compile.__dict__)
    shell.run("def after(): return abs(1)")
    assert find_code(names["after"].__code__) is None
    assert names["outer"](1) > 0
    shell.close()


def test_loading_twice_and_unloading_twice() -> None:
    main = sys.modules["__main__"]
    shell = Shell(is_hooked=True)
    sys.modules["__main__"] = main
    kind = shell.shell.compile.__class__
    install(shell.shell)
    assert shell.shell.compile.__class__ is kind
    uninstall(shell.shell)
    uninstall(shell.shell)
    install(shell.shell)
    shell.run("def f(): return abs(1)")
    assert find_code(shell.shell.user_ns["f"].__code__) is not None
    shell.close()


def test_autoreload(shells: tuple[Shell, Shell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for number, shell in enumerate(shells):
        path = tmp_path / f"reloaded{number}.py"
        path.write_text("def f():\n    return 'first'\n")
        shell.run_all(
            ["%load_ext autoreload\n%autoreload 2", f"import reloaded{number} as m\ndef g(): return m.f(), abs(1)"]
        )
        assert shell.run("g()").result == "('first', 1)"
        path.write_text("def f():\n    return 'second one'\n")
        os.utime(path, (1, 2_000_000_000))
        assert shell.run("g()").result == "('second one', 1)"
        shell.run("%autoreload 0")


def test_a_transformer_of_trees_changes_what_it_changes(shells: tuple[Shell, Shell]) -> None:
    import ast

    class Doubled(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            return ast.copy_location(ast.Constant(node.value * 2), node) if type(node.value) is int else node

    transformer = Doubled()
    results: list[str] = []
    for shell in shells:
        shell.run_all([])
        shell.shell.ast_transformers.append(transformer)
        results += [shell.run("def f():\n    return abs(1), 's'\nf(), 3").result]
        shell.shell.ast_transformers.remove(transformer)
    assert results == ["((2, 's'), 6)"] * 2


def test_a_fault_of_the_instrumenter_keeps_no_cell_from_running(
    shells: tuple[Shell, Shell], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_always(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("broken")

    monkeypatch.setattr("hitl_nb.engine.instrument.shells.instrument_source", fail_always)
    seen = shells[1].run_all(["def f():\n    return abs(1)\nf()"])[0]
    assert seen.result == "1"
    assert "could not instrument a cell (AssertionError: broken)" in seen.text


def test_functions_of_a_notebook_that_is_run_in_this_one(shells: tuple[Shell, Shell], tmp_path: Path) -> None:
    formats: Any = nbformat
    cell = formats.v4.new_code_cell("def helped(x):\n    return abs(x) + 1\nhelped(1)")
    formats.write(formats.v4.new_notebook(cells=[cell]), tmp_path / "helpers.ipynb")
    native, hooked = (shell.run_all([f"%run {tmp_path}/helpers.ipynb", "helped(-2)"]) for shell in shells)
    assert hooked == native
    assert hooked[1].result == "3"
    assert find_code(shells[1].shell.user_ns["helped"].__code__) is not None
