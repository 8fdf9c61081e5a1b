"""What a run changes of the process comes back with it, and nothing else is touched."""

from __future__ import annotations

import decimal
import importlib
import json
import keyword
import logging
import os
import random
import shutil
import string
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from desk import Desk
from forks import Forks
from same import ways

from hitl_nb.engine.snapshot.process import library_changes as libraries
from hitl_nb.engine.snapshot.process.process_state import ProcessState
from hitl_nb.errors import CannotPause, HitlError

pd: Any = importlib.import_module("pandas")
ASK = 'd = hitl.checkpoint("go", title="Go?")\n'


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(autouse=True)
def same_process_after() -> Iterator[None]:
    """Each test leaves the process as it found it."""
    directory, path, context = Path.cwd(), list(sys.path), decimal.getcontext().copy()
    with warnings.catch_warnings():
        yield
    os.chdir(directory)
    sys.path[:] = path
    decimal.setcontext(context)
    pd.reset_option("display.max_rows")
    pd.reset_option("display.precision")


def continue_elsewhere(desk: Desk, source: str, disturb: str = "pass") -> dict[str, Any]:
    """Run to the pause, let another process be there, and run to the end: what the cell has then."""
    assert desk.run(source).status == "waiting"
    desk.answer()
    desk.new_kernel()
    exec(disturb, {})
    assert desk.run(source).status == "finished"
    return desk.ns


GENERATORS = {
    "random": (
        "import random\nrandom.seed(3)\na = random.random()\n",
        "b = random.random()",
        "import random; random.seed()",
    ),
    "numpy": (
        "import numpy\nnumpy.random.seed(3)\na = numpy.random.normal()\n",
        "b = numpy.random.normal()",
        "import numpy; numpy.random.seed()",
    ),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_continues_in_another_process(desk: Desk, name: str) -> None:
    before, after, disturb = GENERATORS[name]
    expected: dict[str, Any] = {}
    exec(before + after, expected)
    ns = continue_elsewhere(desk, before + ASK + after, disturb)
    assert (ns["a"], ns["b"]) == (expected["a"], expected["b"])


def test_a_generator_continues_over_several_pauses_in_a_loop(desk: Desk) -> None:
    source = "import numpy as np\nnp.random.seed(1)\nxs = []\n"
    source += f"for i in range(3):\n    xs.append(np.random.rand())\n    {ASK}"
    for _ in range(3):
        assert desk.run(source).status == "waiting"
        desk.answer()
        desk.new_kernel()
        np.random.seed(99)
    assert desk.run(source).status == "finished"
    assert desk.ns["xs"] == list(np.random.RandomState(1).rand(3))


def test_a_generator_continues_in_the_kernel_where_other_cells_used_it(desk: Desk) -> None:
    source = f"import random\nrandom.seed(5)\n{ASK}x = random.random()"
    desk.run(source)
    desk.answer()
    random.seed(6)
    desk.run(source)
    assert desk.ns["x"] == random.Random(5).random()


def test_a_generator_that_the_run_did_not_use_is_left_alone(desk: Desk) -> None:
    source = f"{ASK}x = 1"
    random.seed(1)
    desk.run(source)
    desk.answer()
    random.seed(2)
    desk.run(source)
    assert random.random() == random.Random(2).random()


def test_what_an_earlier_pause_saved_is_saved_by_a_later_one(desk: Desk) -> None:
    source = f"import decimal\ndecimal.getcontext().prec = 50\n{ASK}{ASK}x = decimal.Decimal(1) / 3"
    for _ in range(2):
        assert desk.run(source).status == "waiting"
        desk.answer()
        desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert len(str(desk.ns["x"])) == 52
    decimal.getcontext().prec = 9
    desk.new_kernel()
    assert desk.run(source + "\ny = decimal.Decimal(1) / 3").status == "finished"
    assert len(str(desk.ns["y"])) == 52


def test_the_working_directory_comes_back(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("here")
    source = f"import os\nos.chdir({str(tmp_path)!r})\n{ASK}text = open('x.txt').read()"
    assert continue_elsewhere(desk, source, "import os; os.chdir('/')")["text"] == "here"


def test_a_working_directory_that_is_gone_is_an_error_and_the_run_waits(desk: Desk, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    source = f"import os\nos.chdir({str(gone)!r})\n{ASK}x = os.getcwd()"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    os.chdir(tmp_path)
    gone.rmdir()
    with pytest.raises(HitlError, match=r"working directory to .*gone.*make the directory"):
        desk.run(source)
    assert desk.record().status == "ready"
    gone.mkdir()
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == str(gone)


def test_additions_to_the_search_path_are_there_before_variables_are_loaded(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "thingmaker.py").write_text("class Thing:\n    n = 7\n")
    source = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nsys.path.append('/nowhere')\n"
    source += f"from thingmaker import Thing\nt = Thing()\n{ASK}n = t.n"
    before = list(sys.path)
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    sys.path[:] = before
    del sys.modules["thingmaker"]
    assert desk.run(source).status == "finished"
    assert desk.ns["n"] == 7
    assert sys.path == [str(tmp_path), *before, "/nowhere"]


def test_warnings_filters_come_back(desk: Desk) -> None:
    before = list(warnings.filters)
    source = f"import warnings\nwarnings.simplefilter('error', UserWarning)\n{ASK}warnings.warn('x')"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    warnings.filters[:] = before
    with pytest.raises(UserWarning):
        desk.run(source)


def test_pandas_options_come_back_and_only_those_that_were_set(desk: Desk) -> None:
    source = f"import pandas as pd\npd.set_option('display.max_rows', 7)\n{ASK}n = pd.get_option('display.max_rows')"
    disturb = "import pandas as pd; pd.set_option('display.max_rows', 60); pd.set_option('display.precision', 3)"
    assert continue_elsewhere(desk, source, disturb)["n"] == 7
    assert pd.get_option("display.precision") == 3


def test_a_change_that_was_undone_is_not_saved() -> None:
    state = ProcessState()
    context = decimal.getcontext()
    before = context.prec
    context.prec = 50
    assert "decimal" in state.find_changes()
    context.prec = before
    assert "decimal" not in state.find_changes()


# -- what is not saved


def notes_and_missing(desk: Desk, source: str, disturb: Callable[[], None]) -> tuple[str, list[str]]:
    """What the pause says to the reviewer, and what a process says that lacks something."""
    [proposal] = desk.run(source).proposals
    desk.answer()
    desk.new_kernel()
    disturb()
    said: list[str] = []
    desk.shown.show_notes = said.extend
    assert desk.run(source).status == "finished"
    return " ".join(proposal.notes), said


def test_environment_variables_are_named_without_their_values(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFUND_KEY", raising=False)
    source = f"import os\nos.environ['REFUND_KEY'] = 's3cret'\n{ASK}x = os.environ.get('REFUND_KEY')"
    notes, said = notes_and_missing(desk, source, lambda: monkeypatch.delenv("REFUND_KEY"))
    assert "REFUND_KEY" in notes
    assert ["REFUND_KEY" in sentence for sentence in said] == [True]
    assert "s3cret" not in notes + said[0]


def test_a_process_that_has_the_variable_says_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFUND_KEY", raising=False)
    source = f"import os\nos.environ['REFUND_KEY'] = 's3cret'\n{ASK}x = 1"
    _, said = notes_and_missing(desk, source, lambda: monkeypatch.setenv("REFUND_KEY", "other"))
    assert said == []
    monkeypatch.undo()


def test_logging_that_was_set_up_is_named(desk: Desk) -> None:
    logger = logging.getLogger("orders")
    source = f"import logging\nlogging.getLogger('orders').setLevel(logging.DEBUG)\n{ASK}x = 1"
    notes, said = notes_and_missing(desk, source, lambda: logger.setLevel(logging.NOTSET))
    assert "orders (DEBUG)" in notes
    assert ["orders (DEBUG)" in sentence for sentence in said] == [True]


LACKING = {
    "a handler": (lambda logger: logger.removeHandler(logger.handlers[1]), "orders (without its NullHandler)"),
    "a level": (lambda logger: logger.setLevel(logging.ERROR), "orders (level DEBUG, not ERROR)"),
    "all": (
        lambda logger: (logger.handlers.clear(), logger.setLevel(logging.NOTSET)),
        "orders (DEBUG, StreamHandler, NullHandler)",
    ),
}


@pytest.mark.parametrize("kind", LACKING)
def test_what_a_logger_lacks_is_named(desk: Desk, kind: str) -> None:
    change, said_of_it = LACKING[kind]
    logger = logging.getLogger("orders")
    source = (
        "import logging\nlogger = logging.getLogger('orders')\nlogger.setLevel(logging.DEBUG)\n"
        f"logger.addHandler(logging.StreamHandler())\nlogger.addHandler(logging.NullHandler())\n{ASK}x = 1"
    )
    try:
        _, said = notes_and_missing(desk, source, lambda: change(logger))
    finally:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
    assert [said_of_it in sentence for sentence in said] == [True]


@pytest.mark.parametrize("name", ["path", "str(path)", "[{'file': path}]"])
def test_temporary_files_that_the_state_names(
    desk: Desk, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = (
        "import tempfile, pathlib\nfolder = tempfile.mkdtemp()\npath = pathlib.Path(folder) / 'a.csv'\n"
        f"path.write_text('1')\nheld = {name}\n{ASK}x = held"
    )
    removed: list[str] = []

    def remove() -> None:
        for folder in tmp_path.glob("tmp*/a.csv"):
            shutil.rmtree(folder.parent)
            removed.append(str(folder))

    notes, said = notes_and_missing(desk, source, remove)
    assert "those named by folder, held, path" in notes
    assert not any(file in notes for file in removed)  # outputs of a notebook are compared from run to run
    assert ["gone" in sentence for sentence in said] == [True]


def test_a_run_that_changed_nothing_around_it_says_nothing(desk: Desk) -> None:
    assert desk.run(f"x = 'plain'\n{ASK}y = x").proposals[0].notes == ()


def test_a_finished_run_is_shown_also_where_its_directory_is_gone(desk: Desk, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    source = f"import os\nos.chdir({str(gone)!r})\nx = 1"
    assert desk.run(source).status == "finished"
    os.chdir(tmp_path)
    gone.rmdir()
    desk.new_kernel()
    said: list[str] = []
    desk.shown.show_notes = said.extend
    assert desk.run(source).status == "finished"
    assert ["working directory" in sentence for sentence in said] == [True]


SETTINGS = {
    "numpy errors": ("import numpy\nnumpy.seterr(over='ignore')\n", "numpy.geterr()['over']"),
    "numpy printing": (
        "import numpy\nnumpy.set_printoptions(precision=2, formatter={'float': lambda x: f'<{x:.1f}>'})\n",
        "str(numpy.array([1.234]))",
    ),
    "locale": ("import locale\nlocale.setlocale(locale.LC_TIME, 'C.UTF-8')\n", "locale.setlocale(locale.LC_TIME)"),
    "signals": (
        (
            "import signal\ndef stop(number, frame): pass\nsignal.signal(signal.SIGUSR1, stop)\n"
            "signal.signal(signal.SIGUSR2, signal.SIG_IGN)\n"
        ),
        "signal.getsignal(signal.SIGUSR1) is stop, signal.getsignal(signal.SIGUSR2).name",
    ),
    "recursion": ("import sys\nsys.setrecursionlimit(5123)\n", "sys.getrecursionlimit()"),
    "digits": ("import sys\nsys.set_int_max_str_digits(5000)\n", "sys.get_int_max_str_digits()"),
    "dialects": (
        "import csv\ncsv.register_dialect('semi', delimiter=';')\ncsv.unregister_dialect('excel-tab')\n",
        "csv.get_dialect('semi').delimiter, csv.list_dialects()",
    ),
    "file types": ("import mimetypes\nmimetypes.add_type('text/x-a', '.agt')\n", "mimetypes.guess_type('a.agt')"),
    "adapters": (
        (
            "import sqlite3\nclass Point: pass\nsqlite3.register_adapter(Point, lambda p: 'point')\n"
            "sqlite3.register_converter('point', lambda raw: raw + b'!')\n"
        ),
        (
            "sqlite3.connect(':memory:', detect_types=sqlite3.PARSE_COLNAMES)"
            ".execute('select ? as \"p [point]\"', (Point(),)).fetchone()"
        ),
    ),
    "time zone": (
        "import os, time\nos.environ['TZ'] = 'Asia/Tokyo'\ntime.tzset()\n",
        "time.tzname, os.environ['TZ']",
    ),
    "socket": ("import socket\nsocket.setdefaulttimeout(3.5)\n", "socket.getdefaulttimeout()"),
    "umask": ("import os\nos.umask(0o077)\n", "os.umask(0o077)"),
    "temporary folder": ("import os, tempfile\ntempfile.tempdir = os.path.abspath('t')\n", "tempfile.gettempdir()"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_comes_back_in_another_process(forks: Forks, tmp_path: Path, name: str) -> None:
    change, read = SETTINGS[name]
    source = f"{change}hitl.checkpoint(1, title='T')\nhitl.checkpoint(2, title='T')\nx = repr(({read}))\n"
    assert ways(forks, source, tmp_path, name.replace(" ", "-"))


def test_what_is_stored_does_not_depend_on_what_a_cell_replaced(desk: Desk) -> None:
    source = (
        "import json\nreal = json.dumps, json.loads\njson.dumps = lambda *a, **k: 'patched'\n"
        f"json.loads = lambda *a, **k: 'patched'\ntry:\n    {ASK}finally:\n    json.dumps, json.loads = real\n"
    )
    dumps, loads = json.dumps, json.loads
    try:
        assert desk.run(source).status == "waiting"
        desk.answer(action="edit", value="stop")
        desk.new_kernel()
        json.dumps = json.loads = lambda *a, **k: "patched"
        assert desk.run(source).status == "finished"
    finally:
        json.dumps, json.loads = dumps, loads
    assert desk.ns["d"].value == "stop"


# -- what is assigned in libraries

IN_LIBRARIES = {
    "a function of a module": ("import time\ntime.time = lambda: 3.0\n", "time.time"),
    "by setattr": ("import time\nsetattr(time, 'sleep', max(str, str, key=id))\n", "time.sleep"),
    "by setattr in a loop": ("import json\nfor n in ('dumps', 'loads'):\n    setattr(json, n, max)\n", "json.*"),
    "a method of a class": ("import pandas as pd\npd.DataFrame.total = lambda df: 1\n", "pandas.DataFrame.total"),
    "a class by itself": ("from fractions import Fraction\nFraction.unit = property(str)\n", "fractions.Fraction.unit"),
    "data": ("import string\nstring.key = 's3cret'\n", "string.key"),
    "in a function": ("def patch():\n    import random as r\n    r.uniform = min\npatch()\n", "random.uniform"),
    "an item": ("import keyword\nkeyword.names = {}\nkeyword.names['a'] = 1\n", "keyword.names['a']"),
    "a module": ("import sys, json\nsys.modules['another'] = json\n", "sys.modules['another']"),
    "a handler of errors": (
        "import codecs\ncodecs.register_error('mine', lambda e: ('', e.end))\n",
        "codecs.register_error",
    ),
    "the same by its name": ("from codecs import register_error as r\nr('mine', len)\n", "codecs.register_error"),
    "an end of the process": ("import atexit\n@atexit.register\ndef bye(): pass\n", "atexit.register"),
    "an accessor": (
        "import pandas as pd\n@pd.api.extensions.register_series_accessor('geo')\nclass G: pass\n",
        "pandas.register_series_accessor",
    ),
}


@pytest.fixture
def same_libraries_after() -> Iterator[Callable[[], None]]:
    """Puts back what `IN_LIBRARIES` assigns."""
    monkeypatch = pytest.MonkeyPatch()
    for owner, name in (
        ("time", "time"),
        ("time", "sleep"),
        ("json", "dumps"),
        ("json", "loads"),
        ("random", "uniform"),
    ):
        module = sys.modules[owner]
        monkeypatch.setattr(module, name, getattr(module, name))
    for target, name in (
        (pd.DataFrame, "total"),
        (pd.Series, "geo"),
        (Fraction, "unit"),
        (string, "key"),
        (keyword, "names"),
    ):
        monkeypatch.setattr(target, name, None, raising=False)
    monkeypatch.setitem(sys.modules, "another", keyword)
    yield monkeypatch.undo
    monkeypatch.undo()


@pytest.mark.parametrize("name", IN_LIBRARIES)
def test_what_is_assigned_in_a_library_is_named(
    desk: Desk, name: str, same_libraries_after: Callable[[], None]
) -> None:
    source, written = IN_LIBRARIES[name]
    notes, said = notes_and_missing(desk, f"{source}{ASK}x = 1", same_libraries_after)
    assert f" {written};" in f" {notes.replace(' is not saved', '')};"
    assert "s3cret" not in notes
    if "with" not in notes:  # a call of this process is not missing in it
        assert [written in sentence for sentence in said] == ([] if written == "json.*" else [True])


def test_a_call_is_missing_only_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = libraries.LibraryChanges(called=["atexit.register"], process="another")
    assert "atexit.register" in libraries.describe_lost_changes(changes)[0]


@pytest.mark.parametrize(
    "source",
    [
        "import time\nreal = time.time\ntime.time = len\ntime.time = real\n",
        "class C: pass\nc = C()\nc.x, C.y = 1, 2\nc.items = {}\nc.items['a'] = 1\n",
        "import pandas as pd\npd.options.display.max_rows = 7\n",
        "import sys\nsys.path = sys.path\n",
        "if 0:\n    import time\n    time.time = len\n",
    ],
)
def test_what_was_put_back_or_is_saved_is_not_named(desk: Desk, source: str) -> None:
    assert desk.run(f"{source}{ASK}x = 1").proposals[0].notes == ()


@pytest.mark.parametrize("key", ["'made_here'", "m.__name__", "str(m.__name__)"])
def test_a_module_that_no_import_finds_is_refused(desk: Desk, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_here", None)  # so that it is taken out again
    source = f"import sys, types\nm = types.ModuleType('made_here')\nsys.modules[{key}] = m\n{ASK}x = 1\n"
    with pytest.raises(CannotPause, match=r"line 4: sys\.modules\['made_here'\].*a \.py file.*in a cell above"):
        desk.run(source)
    assert desk.open() == []


# -- what a `with` block set

BLOCKS = {
    "decimal": (
        (
            "import decimal\ndecimal.getcontext().prec = 11\nwith decimal.localcontext(prec=5):\n"
            f"    {ASK}    a = decimal.getcontext().prec\nb = decimal.getcontext().prec"
        ),
        lambda: decimal.getcontext().prec,
        (5, 11, 11),
    ),
    "a decimal context of the run's own": (
        (
            f"import decimal\nwith decimal.localcontext() as c:\n    c.prec = 7\n    {ASK}"
            "    a = decimal.getcontext().prec\nb = decimal.getcontext().prec"
        ),
        lambda: decimal.getcontext().prec,
        (7, 28, 28),
    ),
    "numpy's print options": (
        (
            f"import numpy as np\nwith np.printoptions(precision=3):\n    {ASK}"
            "    a = np.get_printoptions()['precision']\nb = np.get_printoptions()['precision']"
        ),
        lambda: np.get_printoptions()["precision"],
        (3, 8, 8),
    ),
    "pandas' options": (
        (
            f"import pandas as pd\nwith pd.option_context('display.max_rows', 5):\n    {ASK}"
            "    a = pd.get_option('display.max_rows')\nb = pd.get_option('display.max_rows')"
        ),
        lambda: pd.get_option("display.max_rows"),
        (5, 60, 60),
    ),
}


@pytest.mark.parametrize("is_same", [True, False])
@pytest.mark.parametrize("name", BLOCKS)
def test_what_a_block_set_is_as_natively(desk: Desk, name: str, is_same: bool) -> None:
    source, look, (inside, outside, at_the_end) = BLOCKS[name]
    desk.run(source)
    assert look() == at_the_end  # the block is not entered while the run is paused
    desk.answer()
    if not is_same:
        desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert (desk.ns["a"], desk.ns["b"], look()) == (inside, outside, at_the_end)


@pytest.mark.parametrize(
    ("manager", "made"),
    [
        ("decimal.localcontext(prec=n)", "decimal.ContextManager"),
        ("np.errstate(divide='raise')", "numpy.errstate"),
        ("np.printoptions(precision=n)", "printoptions"),
    ],
)
@pytest.mark.parametrize("body", ["await asyncio.gather(f(5), f(6))", "t = asyncio.create_task(g(5))\nawait f(3, t)"])
def test_a_block_of_a_task_of_its_own_is_refused(desk: Desk, manager: str, made: str, body: str) -> None:
    source = (
        "import asyncio, decimal, numpy as np\nend = asyncio.Event()\n"
        f"async def g(n):\n    with {manager}: await end.wait()\n"
        f"async def f(n, t=None):\n    await asyncio.sleep(0)\n    if t is None:\n        with {manager}: {ASK}"
        f"    else:\n        {ASK}        end.set()\n        await t\n{body}"
    )
    with pytest.raises(CannotPause, match=f"a task or generator is inside `with .*{made}.*leave"):
        desk.run(source)
    assert desk.open() == []
