"""`with` blocks that a run pauses in: left once, and the process is as it was in between."""

from __future__ import annotations

import decimal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exact.pausing import Paused, begin, go_on, same

from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.refusals import NotSavedError


@pytest.fixture(autouse=True)
def main() -> Iterator[None]:
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


HEAD = """
from contextlib import *
import sys
@contextmanager
def shown(n):
    tell("enter", n)
    try: yield n * 2
    except KeyError as e: tell("caught", e)
    finally: tell("exit", n)
@contextmanager
def asks(n):
    tell("enter", n, ask("before"))
    try:
        yield n * 2
        tell("after", ask("a"))
    except KeyError as e:
        tell("caught", ask("b"), e, sys.exc_info()[0])
        if n > 5: raise
        if n > 4: raise ValueError("other") from e
    finally:
        tell("exit", n, ask("c"))
class Manager:
    def __enter__(self): tell("in"); return self
    def __exit__(self, *args): tell("out", args[0]); return args[0] is not TypeError
class Asks:
    def __enter__(self): tell("in", ask(1)); return self
    def __exit__(self, kind, value, traceback): tell("out", ask(2), kind, value); return True
"""

KEPT = {
    "a class": "with Manager() as m:\n    tell(ask(1))\n    raise ValueError\ntell('end')",
    "two": "with Manager() as a, Manager() as b: tell(ask(1), a is b)",
    "a class that asks": "with Asks() as m:\n    tell('body')\n    raise ValueError(7)\nwith Asks(): pass",
    "a function": "with shown(1) as x, shown(2):\n    tell(ask(x))\n    raise KeyError(3)",
    "in a loop of a function": (
        "def work():\n    for i in range(3):\n        with shown(i) as x:\n            if ask(x) == 2: continue\n"
        "            if x == 4: return 'returned'\ntell(work())"
    ),
    "a function that asks": "with asks(1) as x: tell('body', x)",
    "a function that asks about an error": "with asks(1): raise KeyError(4)",
    "a function that asks and raises again": (
        "try:\n    with asks(6): raise KeyError(4)\nexcept KeyError as e: tell('outer', e, e.__context__, e.__cause__)"
    ),
    "a function that asks and raises another": (
        "try:\n    with asks(5): raise KeyError(4)\nexcept ValueError as e: tell('outer', e, repr(e.__cause__))"
    ),
    "functions that ask, and a return": "def work():\n    with asks(1), asks(2) as b: return ask(b)\ntell(work())",
    "suppress": "with suppress(KeyError):\n    tell(ask(1))\n    {}[1]\ntell('on')",
    "nullcontext": "with nullcontext(5) as n: tell(ask(n))",
    "closing": "class R:\n    def close(self): tell('closed')\nwith closing(R()) as r: tell(ask(1))",
    "ExitStack": (
        "with ExitStack() as stack:\n    values = [stack.enter_context(shown(i)) for i in range(3)]\n"
        "    stack.callback(tell, 'callback', 1)\n    stack.enter_context(suppress(ZeroDivisionError))\n"
        "    tell(ask(values))\n    1 / 0\ntell('end')"
    ),
    "a recorded warning": (
        "import warnings\nwith warnings.catch_warnings(record=True) as found:\n    warnings.simplefilter('always')\n"
        "    warnings.warn('one')\n    ask(1)\n    warnings.warn('two')\ntell([str(w.message) for w in found])"
    ),
    "a filter": (
        "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('error')\n    ask(1)\n"
        "    try: warnings.warn('x')\n    except UserWarning as e: tell(e)"
    ),
    "redirect_stdout": (
        "import io\nout, inner = io.StringIO(), io.StringIO()\nwith redirect_stdout(out):\n    print('a'); ask(1)\n"
        "    with redirect_stdout(inner): print('b'); ask(2); print('c')\n    print('d')\n"
        "tell(out.getvalue(), inner.getvalue())"
    ),
    "decimal.localcontext": (
        "import decimal\nD = decimal.Decimal\nwith decimal.localcontext() as ctx:\n    ctx.prec = 42; ask(1)\n"
        "    tell(D(1) / 3); ctx.prec = 7; tell(D(1) / 3)\n"
        "    with decimal.localcontext(prec=2): ask(2); tell(D(1) / 3); ask(3)\n    tell(D(1) / 3)\ntell(D(1) / 3)"
    ),
    "np.errstate": (
        "import numpy as np\nwith np.errstate(divide='ignore'):\n    with np.errstate(over='raise'):\n"
        "        ask(1); tell(np.geterr()); ask(2)\n    tell(np.geterr())\ntell(np.geterr())"
    ),
    "pd.option_context": (
        "import pandas as pd\nshow = lambda: tell(pd.get_option('display.max_rows'))\n"
        "with pd.option_context('display.max_rows', 10, 'display.max_columns', 5):\n    ask(1); show()\n"
        "    with pd.option_context('display.max_rows', 7): ask(2); show(); ask(3)\n    show()\nshow()"
    ),
    "np.printoptions": (
        "import numpy as np\nx = np.array([1 / 3])\nwith np.printoptions(precision=2):\n    tell(x); ask(1); tell(x)\n"
        "    with np.printoptions(precision=3): ask(1); tell(x)\n    tell(x)\ntell(x)"
    ),
    "pl.Config": (
        "import polars as pl\ndf = pl.DataFrame({'a': range(9)})\nwith pl.Config(tbl_rows=2, ascii_tables=True) as c:\n"
        "    ask(1); tell(df)\n    c.set_tbl_rows(3); ask(2); tell(df)\ntell(df)"
    ),
    "chdir": "import os\nwith chdir('/'): ask(1); tell(os.getcwd())\ntell(os.getcwd())",
    "effects in a manager of the notebook": (
        "import io, numpy as np\n@contextmanager\ndef quiet():\n"
        "    with np.errstate(all='ignore'), redirect_stdout(io.StringIO()): yield\n"
        "with quiet(): ask(1); tell(np.geterr(), type(sys.stdout).__name__)\ntell(np.geterr()['divide'])"
    ),
    "effects in an ExitStack": (
        "import numpy as np\nwith ExitStack() as stack:\n    stack.enter_context(np.errstate(all='ignore'))\n"
        "    stack.enter_context(shown(1))\n    ask(1); tell(np.geterr())\ntell(np.geterr()['divide'])"
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_block_is_entered_and_left_once(name: str) -> None:
    paused = same(HEAD + KEPT[name])
    assert not paused.made_again


@pytest.mark.parametrize("name", KEPT)
def test_a_save_changes_nothing(name: str) -> None:
    saved = Paused()
    saved.only_saves = True
    assert saved.run(HEAD + KEPT[name]).said == Paused().native(HEAD + KEPT[name]).said


PROCESS = """
import warnings, io, decimal, os, numpy as np, pandas as pd
from contextlib import *
with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), chdir("/"):
    warnings.simplefilter("error")
    with decimal.localcontext(prec=3), np.errstate(all="ignore"), pd.option_context("display.max_rows", 3):
        ask(1)
        tell(decimal.getcontext().prec)
"""


def test_the_process_is_as_it_was_while_the_run_is_paused() -> None:
    import numpy as np
    import pandas as pd

    def look(pause: int = 0) -> None:
        seen.append(
            (
                list(warnings.filters),
                (warnings.showwarning, sys.stdout, sys.stderr, Path.cwd()),
                (decimal.getcontext().prec, np.geterr(), pd.get_option("display.max_rows")),
            )
        )

    seen: list[Any] = []
    look()
    Paused(look).run(PROCESS)
    look()
    assert len(seen) == 3
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]


def test_in_a_new_process(forks: Any) -> None:
    source = (
        "import warnings, io, sys, decimal, os\nfrom contextlib import *\n"
        "@contextmanager\ndef cell():\n    with chdir('/'): yield ask(0)\n"
        "with warnings.catch_warnings(record=True) as found, redirect_stdout(io.StringIO()) as out, cell():\n"
        "    warnings.simplefilter('always'); warnings.warn('one'); print('a')\n"
        "    with decimal.localcontext(prec=3) as ctx:\n        ask(1); warnings.warn('two'); print('b')\n"
        "        tell(decimal.Decimal(1) / 3, ctx is decimal.getcontext(), os.getcwd())\n"
        "tell([str(w.message) for w in found], out.getvalue(), decimal.getcontext().prec)"
    )
    native = Paused().native(source)
    state, is_over = begin(source)
    while not is_over:
        state, is_over = forks(go_on, source, state)
    assert state[3] == native.said


REFUSED = {
    "a directory for a while": ("import tempfile\nwith tempfile.TemporaryDirectory() as d:\n    ask(1)", "line 2"),
    "a lock": ("import threading\nx = 1\nwith threading.Lock():\n\n    ask(1)", "line 3"),
    "a file to write": ("import tempfile\nwith open(tempfile.mktemp(), 'w') as f: ask(1)", "open for writing"),
    "a string cache": ("import polars as pl\nwith pl.StringCache(): ask(1)", "StringCache"),
    "in a function of the notebook": (
        (
            "import threading\nfrom contextlib import *\n@contextmanager\ndef f():\n    with threading.Lock(): yield\n"
            "with f():\n    ask(1)"
        ),
        "line 5",
    ),
    "in an ExitStack": (
        (
            "import tempfile\nfrom contextlib import *\nwith ExitStack() as s:\n"
            "    s.enter_context(tempfile.TemporaryDirectory())\n    ask(1)"
        ),
        r"line 3.*TemporaryDirectory",
    ),
    "a stream of the user's": (
        "import tempfile\nfrom contextlib import *\nwith open(tempfile.mktemp(), 'w') as f, redirect_stdout(f): ask(1)",
        "",
    ),
    "a generator of a library": (
        "import importlib.resources as r, json\nwith r.as_file(r.files(json) / 'tool.py') as p: ask(1)",
        "line 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_others_are_refused_with_line_and_way_out(name: str) -> None:
    source, found = REFUSED[name]
    with pytest.raises((CannotSave, NotSavedError), match=found):
        Paused().run(source)
