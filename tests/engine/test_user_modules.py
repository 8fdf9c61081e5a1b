"""What a run changes in the user's own modules is saved where it is plain data, and named where it is not."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk

import hitl_nb as hitl

ASK = "hitl.checkpoint(1, title='T')\n"
HELPERS = """
import functools, threading
CACHE, RATE, OTHER = {}, 1, [0]
lock = threading.Lock()
calls = []
def look(k): return CACHE.get(k), RATE
def set_rate(n):
    global RATE
    RATE = n
class Box:
    items = []
class Registry:
    _one = None
    def __new__(cls):
        if cls._one is None:
            cls._one = super().__new__(cls)
            cls._one.items = []
        return cls._one
actions = {}
def register(f):
    actions[f.__name__] = f
    return f
@functools.lru_cache
def slow(n):
    calls.append(n)
    return [n]
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (tmp_path / "my_helpers.py").write_text(HELPERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Desk()
    sys.modules.pop("my_helpers", None)


def another_kernel(desk: Desk, cell: str = "") -> None:
    sys.modules.pop("my_helpers", None)
    desk.new_kernel()
    if cell:
        desk.cell(cell)


CHANGES = {
    "globals": ("h.CACHE['a'] = 1\nh.set_rate(2)\n", "h.look('a'), h.RATE", ((1, 2), 2)),
    "class attribute": ("h.Box.items.append(5)\nh.Box.n = 1\n", "h.Box.items, h.Box.n", ([5], 1)),
    "singleton": ("r = h.Registry()\nr.items.append(1)\n", "h.Registry() is r, h.Registry().items", (True, [1])),
    "functions of the notebook": (
        "@h.register\ndef act(x): return x + 1\n",
        "h.actions['act'](1), h.actions['act'] is act",
        (2, True),
    ),
    "results of a cached function": ("r = h.slow(2)\n", "h.slow(2) is r, h.calls", (True, [2])),
    "shared, not changed": ("from my_helpers import CACHE\n", "CACHE.update(b=2), h.look('b')", (None, (2, 1))),
    "shared and changed": (
        "from my_helpers import CACHE\nCACHE['a'] = 1\n",
        "CACHE is h.CACHE, CACHE",
        (True, {"a": 1}),
    ),
}


@pytest.mark.parametrize("is_imported_above", [True, False])
@pytest.mark.parametrize("name", CHANGES)
def test_what_a_run_changed_in_a_module_comes_back(desk: Desk, name: str, is_imported_above: bool) -> None:
    change, read, expected = CHANGES[name]
    above, inside = ("import my_helpers as h\n", "") if is_imported_above else ("", "import my_helpers as h\n")
    source = f"{inside}{change}{ASK}{ASK}x = ({read})\n"
    desk.cell(above)
    desk.run(source)
    for _ in range(2):
        desk.answer()
        another_kernel(desk, above)
        desk.run(source)
    assert desk.ns["x"] == expected


def test_a_module_that_the_run_did_not_change_is_as_its_file_says_now(desk: Desk, tmp_path: Path) -> None:
    source = f"import my_helpers as h\nh.CACHE['a'] = 1\n{ASK}x = h.RATE, h.OTHER, h.CACHE\n"
    desk.run(source)
    desk.answer()
    # Of another size: Python takes its cached bytecode for a file of the same size and second.
    edited = HELPERS.replace("CACHE, RATE, OTHER = {}, 1, [0]", "CACHE, RATE, OTHER = {}, 7, [8]")
    (tmp_path / "my_helpers.py").write_text(f"{edited}# edited\n")
    another_kernel(desk)
    desk.run(source)
    assert desk.ns["x"] == (7, [8], {"a": 1})


def test_what_is_no_plain_data_is_named(desk: Desk) -> None:
    desk.run(f"import my_helpers as h, threading\nh.lock = threading.Lock()\nh.OTHER.append(iter([]))\n{ASK}")
    (note,) = desk.open()[0].notes
    assert "my_helpers.OTHER (a list), my_helpers.lock (a lock)" in note


def test_a_module_that_is_marked_as_live_is_left_alone(desk: Desk) -> None:
    source = f"import my_helpers as h\nhitl.live(h)\nh.set_rate(2)\n{ASK}x = h.RATE\n"
    desk.run(source)
    desk.answer()
    another_kernel(desk, "import my_helpers as h")
    desk.run(source)
    assert desk.ns["x"] == 1


def test_a_module_that_is_gone_is_an_error_and_the_run_waits(desk: Desk, tmp_path: Path) -> None:
    source = f"import my_helpers as h\nh.set_rate(2)\ndel h\n{ASK}x = 1\n"
    desk.cell("import my_helpers as above")
    desk.run(source)
    desk.answer()
    (tmp_path / "my_helpers.py").rename(tmp_path / "gone.txt")
    another_kernel(desk)
    with pytest.raises((hitl.HitlError, ImportError)):
        desk.run(source)
    (tmp_path / "gone.txt").rename(tmp_path / "my_helpers.py")
    desk.run(source)
    assert sys.modules["my_helpers"].RATE == 2


FROM_A_PATH = {
    "registered first": "sys.modules['my_helpers'] = h\nspec.loader.exec_module(h)\n",
    "registered behind": "spec.loader.exec_module(h)\nsys.modules['my_helpers'] = h\n",
    "load_module": "h = spec.loader.load_module()\n",
}


@pytest.mark.parametrize("how", FROM_A_PATH)
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_a_module_that_is_loaded_from_its_path(desk: Desk, tmp_path: Path, how: str) -> None:
    source = (
        "import sys, importlib.util as u\n"
        f"spec = u.spec_from_file_location('my_helpers', {str(tmp_path / 'my_helpers.py')!r})\n"
        f"h = u.module_from_spec(spec)\n{FROM_A_PATH[how]}"
        f"h.set_rate(2)\nh.CACHE['a'] = 1\n{ASK}x = h.RATE, h.CACHE\n"
    )
    desk.run(source)
    desk.answer()
    another_kernel(desk)
    desk.run(source)
    assert desk.ns["x"] == (2, {"a": 1})


GONE = "import hitl_nb as hitl\n@hitl.agent\ndef act(n):\n    return hitl.checkpoint(n, title='M').value + 1\n"


@pytest.mark.parametrize(
    ("said", "is_deleted"),
    [
        ("from my_helpers import act\n{}x = act(1)\n", True),
        ("from my_helpers import act\n{}x = act(1)\n", False),
        ("import my_helpers\n{}x = my_helpers.act(1)\n", True),
    ],
)
def test_what_is_gone_from_a_module_is_said_and_nothing_is_lost(
    desk: Desk, tmp_path: Path, said: str, is_deleted: bool
) -> None:
    source, file = said.format("hitl.checkpoint(0, title='C')\n"), tmp_path / "my_helpers.py"
    file.write_text(GONE)
    for _ in range(2):
        desk.run(source)
        desk.answer()
        another_kernel(desk)
    file.unlink() if is_deleted else file.write_text("other = 1\n")
    with pytest.raises(hitl.HitlError, match=r"my_helpers.*put the module back.*--restart"):
        desk.run(source)
    assert desk.record().status == "ready"
    file.write_text(GONE)
    another_kernel(desk)
    desk.run(source)
    assert desk.ns["x"] == 2


def test_a_frame_whose_source_is_not_there_is_refused_before_anything_runs(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_helpers.py").write_text(GONE)
    source = "from my_helpers import act\nx = act(1)\n"
    desk.run(source)
    desk.answer()
    with monkeypatch.context() as patch:
        patch.setattr("hitl_nb.engine.position.frames.continuations.find_unit", lambda key: None)
        with pytest.raises(hitl.HitlError, match=r"continue it with the hitl_nb that saved it, or .*--restart"):
            desk.run(source)
    assert desk.record().status == "ready"
    desk.run(source)
    assert desk.ns["x"] == 2


def test_a_warning_of_an_imported_module_names_the_line_that_imports(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "an_old_module.py").write_text(
        "import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)\n"
    )
    (tmp_path / "its_importer.py").write_text("import an_old_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    desk.run("done = 1")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        importlib.import_module("its_importer")
    assert [(Path(one.filename), one.lineno) for one in seen] == [(tmp_path / "its_importer.py", 1)]
