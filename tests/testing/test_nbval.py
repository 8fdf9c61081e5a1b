"""Notebooks with paused agents under `pytest --nbval`: they pass as often as one likes, and fail where they should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from hitl_nb.headless.run_notebook import run_notebook
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.review.decide_from_text import decide_from_text
from hitl_nb.storage import open_store

LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"
AGENT = """%%agent letters
sent = []
for order in ["A1", "B2"]:
    print("writing about", order)
    decision = hitl.checkpoint(f"Dear {order}", title=f"Letter {order}")
    if decision.approved:
        sent.append(decision.value)
print("done")
sent"""
ENTRIES = [
    {"agent": "letters", "title": "Letter A1", "action": "edit", "value": "Dear Ms Doe", "reason": "by name"},
    {"title": "Letter *", "action": "reject", "reason": "not her"},
]


@dataclass
class Folder:
    """A folder of notebooks, validated by a pytest of its own."""

    path: Path
    temporary: Path
    found: str = field(default="", repr=False)

    def notebook(self, name: str, *sources: str) -> Path:
        file = self.path / f"{name}.ipynb"
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        cells = [new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), file)
        return file

    def decisions(self, name: str, *entries: dict[str, Any]) -> Path:
        file = self.path / f"{name}.decisions.json"
        file.write_text(json.dumps({"version": 1, "decisions": list(entries)}))
        return file

    def validate(self, *arguments: str) -> int:
        ours = ("no:cacheprovider", "no:schemathesis", "no:hypothesispytest")  # slow to import, and nothing to do there
        plugins = [f"-p{plugin}" for plugin in ours]
        command = [sys.executable, "-m", "pytest", *plugins, "--nbval", "--color=no", "-vv", *arguments]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HITL_NB_", "PYTEST_", "CI"))}
        env |= {"TMPDIR": str(self.temporary), "COLUMNS": "200"}
        done = subprocess.run(command, cwd=self.path, env=env, capture_output=True, text=True, check=False)
        self.found = done.stdout + done.stderr
        return done.returncode

    def files(self) -> list[str]:
        """What is there, but for the folder that pytest itself keeps for its workers."""
        found = (str(file) for root in (self.path, self.temporary) for file in root.rglob("*"))
        return sorted(file for file in found if "/pytest-of-" not in file)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    for name in ("notebooks", "tmp"):
        (tmp_path / name).mkdir()
    return Folder(tmp_path / "notebooks", tmp_path / "tmp")


@pytest.fixture(scope="module")
def recorded_notebook(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A notebook whose outputs are those of a run that a person decided."""
    path = tmp_path_factory.mktemp("recorded")
    file = Folder(path, path).notebook("recorded", LOAD, AGENT, "len(sent)")
    url = f"diskcache://{path}/store"
    ledger = Ledger(open_store(url))
    decide_from_text(ledger, run_notebook(file, store=url).open[0], "edit", "Dear Ms Doe", reason="by name")
    decide_from_text(ledger, run_notebook(file, store=url).open[0], "reject", reason="not her")
    assert run_notebook(file, store=url).status == "finished"
    return file.read_bytes()


@pytest.fixture
def make_decided(folder: Folder, recorded_notebook: bytes) -> Callable[[str], Path]:
    """Makes such a notebook, and its decisions file."""

    def make(name: str) -> Path:
        file = folder.path / f"{name}.ipynb"
        file.write_bytes(recorded_notebook)
        folder.decisions(name, *ENTRIES)
        return file

    return make


def test_what_people_decided_and_what_a_script_decides_are_the_same(
    folder: Folder, make_decided: Callable[[str], Path]
) -> None:
    saved = make_decided("letters").read_text()
    assert "Approved with edits: Letter A1" in saved
    before = folder.files()
    for _ in range(2):
        assert folder.validate() == 0, folder.found
        assert "3 passed" in folder.found
        assert folder.files() == before


def test_in_any_order_and_in_parallel(folder: Folder, make_decided: Callable[[str], Path]) -> None:
    for name in ("first", "second", "third"):
        make_decided(name)
    (folder.path / "shuffling.py").write_text(
        "import random\n\ndef pytest_collection_modifyitems(items):\n    random.Random(7).shuffle(items)\n"
    )
    before = folder.files()
    assert folder.validate("-n", "2", "--dist", "worksteal", "third.ipynb", "first.ipynb") == 0, folder.found
    assert folder.validate("-n", "2", "-p", "shuffling", "-p", "no:randomly") == 0, folder.found
    assert "9 passed" in folder.found
    assert [file for file in folder.files() if "__pycache__" not in file] == before


def test_a_missing_decision_is_named_with_the_entry_to_add(folder: Folder, make_decided: Callable[[str], Path]) -> None:
    make_decided("letters")
    (folder.path / "letters.decisions.json").unlink()
    assert folder.validate() == 1
    assert "waits for a decision on 'Letter A1', but there is no entry for it" in folder.found
    assert "write letters.decisions.json beside the notebook" in folder.found
    document = next(line for line in folder.found.splitlines() if line.strip().startswith('{"version"'))
    assert json.loads(document)["decisions"] == [{"agent": "letters", "title": "Letter A1", "action": "approve"}]

    folder.decisions("letters", ENTRIES[0])
    assert folder.validate() == 1
    assert "waits for a decision on 'Letter B2', but there is no entry for it; add to letters.decisions.json" in (
        folder.found
    )
    entry = next(line for line in folder.found.splitlines() if line.strip().startswith('{"agent"'))
    folder.decisions("letters", ENTRIES[0], {**json.loads(entry), "action": "reject", "reason": "not her"})
    assert folder.validate() == 0, folder.found


def test_a_changed_output_fails(folder: Folder, make_decided: Callable[[str], Path]) -> None:
    make_decided("letters")
    folder.decisions("letters", {**ENTRIES[0], "value": "Dear Mr Doe"}, ENTRIES[1])
    assert folder.validate() == 1
    assert "Cell outputs differ" in folder.found
    assert "Mr Doe" in folder.found


def test_an_entry_that_does_not_fit_and_a_file_that_is_none(folder: Folder) -> None:
    folder.notebook("letters", LOAD, AGENT)
    folder.decisions("letters", {"action": "edit", "value": 5})
    assert folder.validate() == 1
    assert "letters.decisions.json: the entry for 'Letter A1' cannot be used" in folder.found
    folder.decisions("letters", {"action": "accept"})
    assert folder.validate() == 1
    assert "letters.decisions.json is not a decisions file: Invalid enum value 'accept'" in folder.found


def test_notebooks_without_agents_and_other_tests_are_left_alone(folder: Folder) -> None:
    run = folder.notebook("plain", "import os\nprint(1 + 1)")
    run_notebook(run, store=f"diskcache://{folder.temporary.parent}/store")
    (folder.path / "test_env.py").write_text(
        "import os\n\ndef test_it():\n    assert 'HITL_NB_STORE' not in os.environ\n"
    )
    assert folder.validate() == 0, folder.found
    assert "2 passed" in folder.found


DRAWS = """%%agent draws
import random
import numpy as np
random.seed(7)
np.random.seed(7)
print(random.random(), np.random.rand())
for round_ in range(2):
    decision = hitl.checkpoint(f"round {round_}", title=f"Draw {round_}")
    print(random.random(), np.random.rand(), random.gauss(0, 1))"""


def test_numbers_drawn_after_a_pause_are_those_of_the_recorded_run(tmp_path: Path, folder: Folder) -> None:
    file = folder.notebook("draws", LOAD, DRAWS, "print(random.random())")
    url = f"diskcache://{tmp_path}/store"
    ledger = Ledger(open_store(url))
    for _ in range(2):
        decide_from_text(ledger, run_notebook(file, store=url).open[0], "approve")
    assert run_notebook(file, store=url).status == "finished"
    hitl_nb = Path(sys.executable).with_name("hitl-nb")
    env = {**os.environ, "HITL_NB_STORE": url}
    subprocess.run([hitl_nb, "record", str(file)], cwd=folder.path, env=env, check=True, capture_output=True)
    for _ in range(2):
        assert folder.validate() == 0, folder.found


KINDS = """import dataclasses, datetime as dt, enum, uuid
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
import numpy as np
import pandas as pd

class Size(enum.Enum):
    S = "small"
    L = "large"

class Line(NamedTuple):
    sku: str
    price: Decimal

@dataclasses.dataclass
class Mail:
    to: str
    file: bytes

def values():
    return {
        "decimal": Decimal("9.90"), "aware": dt.datetime(2024, 5, 1, tzinfo=dt.timezone.utc),
        "naive": dt.datetime(2024, 5, 1), "date": dt.date(2024, 5, 1), "span": dt.timedelta(days=1),
        "uuid": uuid.UUID(int=7), "path": Path("may.csv"), "size": Size.L, "tuple": (1, "a", 2.5), "set": {1, 2},
        "frozen": frozenset({3}), "line": Line("x", Decimal(1)), "mail": Mail("ann", b"\\xff"),
        "ages": {1: "a", 2: "b"}, "nan": float("nan"), "inf": [1.0, float("-inf")], "f32": np.float32(0.1),
        "i8": np.int8(5), "array": np.array([[1.5, np.nan]]),
        "stamp": pd.Timestamp("2024-05-01", tz="Europe/Berlin"), "delta": pd.Timedelta("1h"),
    }

series = pd.Series([1.5, None], name="score", index=pd.date_range("2024-01-01", periods=2))
frame = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "d": [Decimal("1.1"), None], "c": ["a", "b"]})
frame["c"] = frame["c"].astype("category")
"""
KINDS_AGENT = """%%agent kinds
asked = [(values(), "Values"), (series, "Series"), (frame, "Frame")]
proposals = [hitl.proposal(v, title=f"{t} {n}", context={"all": values()}) for n in "AB" for v, t in asked]
found = [d.value for d in hitl.checkpoint_all(proposals)]
print(*found, found[5].dtypes, sep="\\n")"""
EDIT = {
    "decimal": "12.50",
    "aware": "2024-06-01T10:00:00Z",
    "naive": "2024-06-01 10:30",
    "date": "2024-06-02",
    "span": "P2D",
    "uuid": "00000000-0000-0000-0000-000000000009",
    "path": "x.csv",
    "size": "small",
    "tuple": [2, "b", 3],
    "set": [8, 9],
    "frozen": [4],
    "line": {"sku": "y", "price": "2.50"},
    "mail": {"to": "bo", "file": {"base64": "AAE="}},
    "ages": {"1": "c", "7": "d"},
    "nan": "Infinity",
    "inf": ["NaN", 3],
    "f32": 0.2,
    "i8": 7,
    "array": [["NaN", 2], [3, 4]],
    "stamp": "2024-06-01T10:00:00.000000002+02:00",
    "delta": "PT2H",
}
GIVEN = """{'decimal': Decimal('12.50'), 'aware': datetime.datetime(2024, 6, 1, 10, 0, tzinfo=datetime.timezone.utc), \
'naive': datetime.datetime(2024, 6, 1, 10, 30), 'date': datetime.date(2024, 6, 2), 'span': datetime.timedelta(days=2), \
'uuid': UUID('00000000-0000-0000-0000-000000000009'), 'path': PosixPath('x.csv'), 'size': <Size.S: 'small'>, \
'tuple': (2, 'b', 3.0), 'set': {8, 9}, 'frozen': frozenset({4}), 'line': Line(sku='y', price=Decimal('2.50')), \
'mail': Mail(to='bo', file=b'\\x00\\x01'), 'ages': {1: 'c', 7: 'd'}, 'nan': inf, 'inf': [nan, 3.0], \
'f32': np.float32(0.2), 'i8': np.int8(7), 'array': array([[nan,  2.],
       [ 3.,  4.]]), 'stamp': Timestamp('2024-06-01 10:00:00.000000002+0200', tz='Europe/Berlin'), \
'delta': Timedelta('0 days 02:00:00')}
"""


def test_values_of_many_types_are_decided_and_recorded(tmp_path: Path, folder: Folder) -> None:
    file = folder.notebook("kinds", LOAD, KINDS, KINDS_AGENT)
    url = f"diskcache://{tmp_path}/store"
    ledger = Ledger(open_store(url))
    edits = {
        "Values B": json.dumps(EDIT),
        "Series B": "index,score\n2024-01-01T00:00:00,2.5\n",
        "Frame B": "n,d,c\n,9.90,b\n7,,b\n",
    }
    for p in run_notebook(file, store=url).open:
        decide_from_text(ledger, p, "edit" if p.title in edits else "approve", edits.get(p.title))
    assert run_notebook(file, store=url).status == "finished"
    shown = "".join(o["text"] for o in nbformat.read(file, 4).cells[2].outputs if o.output_type == "stream")
    assert GIVEN in shown
    hitl_nb = Path(sys.executable).with_name("hitl-nb")
    env = {**os.environ, "HITL_NB_STORE": url}
    subprocess.run([hitl_nb, "record", str(file)], cwd=folder.path, env=env, check=True, capture_output=True)
    assert folder.validate() == 0, folder.found
