"""Loops over what libraries make, as their documentation shows them: each item comes once, through every pause."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exact.pausing import Paused, begin, go_on, same

from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.refusals import NotSavedError
from hitl_nb.errors import HitlError


@pytest.fixture(autouse=True)
def main() -> Iterator[None]:
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


PANDAS = """
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 1, 3], "b": list("xyzw"), "c": [1.0, 2, 3, 4]}, index=[5, 6, 7, 8])
"""
POLARS = """
import polars as pl
df = pl.DataFrame({"foo": [1, 3, 5], "bar": ["ham", "spam", "jam"]})
"""

LOOPS = {
    "DataFrame.iterrows": (PANDAS, "for i, row in df.iterrows(): tell(i, ask(row.b), row.a)"),
    "iterrows of an edited frame": (
        PANDAS,
        'for i, row in df.iterrows():\n    df.loc[8, "b"] = ""\n    df.loc[i, "a"] = ask(row.a + 1)\ntell(df)',
    ),
    "enumerate(iterrows)": (PANDAS, "for n, (i, row) in enumerate(df.iterrows(), 1): tell(n, i, ask(row.b))"),
    "iterrows begun by next": (
        PANDAS,
        "rows = df.iterrows()\nfirst = next(rows)\ntell(ask(first[0]))\nfor i, row in rows: tell(i, ask(row.b))",
    ),
    "DataFrame.itertuples": (PANDAS, 'for row in df.itertuples(name="Row"): tell(row, ask(row.b), row.Index)'),
    "DataFrame.items": (PANDAS, "for name, column in df.items(): tell(name, ask(len(column)), list(column))"),
    "Series.items": (PANDAS, "for i, value in df.b.items(): tell(i, ask(value))"),
    "columns together": (PANDAS, 'for a, b in zip(df["a"], df["b"]): tell(ask(a), b)'),
    "a column of texts": (PANDAS, "for b in df.b: tell(ask(b))"),
    "an index": (PANDAS, "for i in df.index: tell(ask(i))\nfor i in df.columns: tell(ask(i))"),
    "groupby": (PANDAS, 'for key, part in df.groupby("a"): tell(key, ask(len(part)), part.to_dict())'),
    "groupby of two": (PANDAS, 'for (a, b), part in df.groupby(["a", "b"]): tell(a, b, ask(len(part)))'),
    "groupby of one in a list": (PANDAS, 'for (key,), part in df.groupby(["a"]): tell(key, ask(len(part)))'),
    "groupby of a column": (PANDAS, 'for key, part in df.groupby("a")["c"]: tell(key, ask(part.sum()))'),
    "groupby of a Series": (PANDAS, "for key, part in df.c.groupby(df.a): tell(key, ask(part.sum()))"),
    "arrays of pandas": (
        "import pandas as pd\n",
        """
for x in pd.Series(pd.date_range("2026-01-01", periods=2)): tell(ask(x))
for x in pd.array([1, None]): tell(ask(x))
for x in pd.Categorical(["a", "b"]): tell(ask(x))
for x in pd.MultiIndex.from_product([[1, 2], ["a"]]): tell(ask(x))
for x in pd.arrays.IntervalArray.from_breaks([0, 1, 2]): tell(ask(x))
for x in pd.Series([1.5, 2.5], dtype="double[pyarrow]"): tell(ask(x))
for x in pd.period_range("2026-01", periods=2, freq="M"): tell(ask(x))
for i, x in pd.Series(["a", None, "c"]).items(): tell(i, ask(x))
""",
    ),
    "in generators of the notebook": (
        PANDAS,
        """
def texts():
    for i, row in df.iterrows(): yield row.b
def rows(): yield from df.iterrows()
for b in texts(): tell(ask(b))
for i, row in rows(): tell(i, ask(row.b))
tell([ask(row.b) for i, row in df.iterrows()])
for b in (row.b for i, row in df.iterrows()): tell(ask(b))
class Agent:
    def __init__(self): self.rows = df.itertuples(index=False)
    def step(self): return next(self.rows).b
agent = Agent()
for _ in range(3): tell(ask(agent.step()))
""",
    ),
    "left and entered again": (
        PANDAS,
        """
for k, part in df.groupby("a"):
    for i, row in part.iterrows():
        if ask(i) == 6: break
        tell(i, row.b)
    else: tell("all", k)
    try:
        for row in part.itertuples():
            if ask(row.a) == 2: raise KeyError(k)
    except KeyError as e: tell("caught", e)
""",
    ),
    "rolling": (PANDAS, "for window in df.c.rolling(2): tell(ask(window.sum()))"),
    "resample": (
        PANDAS,
        (
            'ts = pd.Series(range(4), pd.date_range("2026-01-01", periods=4, freq="12h"))\n'
            'for day, part in ts.resample("D"): tell(day, ask(part.sum()))'
        ),
    ),
    "polars iter_rows": (POLARS, "for row in df.iter_rows(): tell(ask(row))\ntell([row[1] for row in df.iter_rows()])"),
    "polars iter_rows named": (POLARS, 'for row in df.iter_rows(named=True): tell(ask(row["foo"]), row["bar"])'),
    "polars iter_slices": (POLARS, "for part in df.iter_slices(n_rows=2): tell(ask(part.height), part.rows())"),
    "polars iter_columns": (POLARS, "for column in df.iter_columns(): tell(ask(column.name), column.to_list())"),
    "polars group_by": (
        POLARS,
        'for name, data in df.group_by("foo", maintain_order=True): tell(ask(name), data.rows())',
    ),
    "polars Series": (POLARS, 'for x in df["bar"]: tell(ask(x))'),
    "re.finditer": (
        "import re\n",
        (
            'text = "He was carefully disguised but captured quickly by police."\n'
            'for m in re.finditer(r"\\w+ly\\b", text): tell(ask(m.start()), "%02d-%02d: %s" % (*m.span(), m[0]))'
        ),
    ),
    "matches with names": (
        "import re\n",
        'for n, m in enumerate(re.finditer(r"(?P<key>\\w)=(\\d?)", "a=1 b= c=3")): tell(n, ask(m["key"]), m.groups())',
    ),
    "empty matches": ("import re\n", 'for m in re.compile("x*").finditer("axbxx", 1): tell(ask(m.span()))'),
    "tqdm": (
        "import io, tqdm\nscreen = io.StringIO()\n",
        (
            'bar = tqdm.tqdm("abc", file=screen, mininterval=0)\n'
            'for c in bar:\n    bar.set_description(f"Processing {c}")\n    tell(ask(c), bar.n)\ntell(bar.n)'
        ),
    ),
    "tqdm by hand": (
        "import io, tqdm\nscreen = io.StringIO()\n",
        "with tqdm.tqdm(total=100, file=screen) as bar:\n    for i in range(3): bar.update(ask(10)); tell(bar.n)",
    ),
    "bars in bars": (
        "from tqdm.auto import tqdm, trange\n",
        (
            'for x in tqdm("ab", desc="outer"):\n    for y in trange(2, leave=False): tell(x, ask(y))\n'
            "for x in tqdm(range(2), disable=True): tell(ask(x))"
        ),
    ),
    "tqdm of iterrows": (
        PANDAS,
        (
            "import io, tqdm\n"
            "for i, row in tqdm.tqdm(df.iterrows(), total=len(df), file=io.StringIO()): tell(i, ask(row.b))"
        ),
    ),
    "array": ("import numpy as np\na = np.arange(6).reshape(2, 3)\n", "for row in a: tell(ask(row.tolist()))"),
    "array.flat": ("import numpy as np\na = np.arange(6).reshape(2, 3)\n", "for x in a.T.flat: tell(ask(int(x)))"),
    "np.nditer": ("import numpy as np\na = np.arange(6).reshape(2, 3)\n", "for x in np.nditer(a): tell(ask(int(x)))"),
    "np.nditer that writes": (
        "import numpy as np\na = np.arange(6).reshape(2, 3)\n",
        (
            'with np.nditer(a, op_flags=["readwrite"]) as it:\n'
            "    for x in it:\n        x[...] = 2 * x\n        tell(ask(int(x)))\ntell(a.tolist())"
        ),
    ),
    "np.nditer with its index": (
        "import numpy as np\na = np.arange(6).reshape(2, 3)\n",
        'it = np.nditer(a, flags=["multi_index"])\nfor x in it: tell(ask(int(x)), it.multi_index)',
    ),
    "np.ndenumerate": (
        "import numpy as np\na = np.array([[1, 2], [3, 4]])\n",
        "for index, x in np.ndenumerate(a): tell(index, ask(int(x)))\nfor index in np.ndindex(2, 2): tell(ask(index))",
    ),
    "dicts": (
        "d = dict(a=1, b=2, c=3)\n",
        (
            'for k in d: tell(ask(k))\nfor k, v in d.items():\n    d["c"] = 7\n    tell(ask(k), v)\n'
            "for v in d.values(): tell(ask(v))\nfor k in reversed(d): tell(ask(k))"
        ),
    ),
    "a dict that grows": (
        "d = dict(a=1, b=2)\n",
        "try:\n    for k in d:\n        d[k + k] = ask(1)\n        ask(2)\nexcept RuntimeError as e: tell(e)",
    ),
    "an iterator in its own dict": (
        "class Holder: pass\nh = Holder()\nd = {'h': h, 'x': 1, 'y': 2}\n",
        "h.it = iter(d)\nnext(h.it)\ntell(ask(1))\ntell(next(h.it), ask(2))\ntell(list(h.it))",
    ),
    "itertools": (
        "from itertools import *\n",
        (
            'for i, x in zip(count(5, 2), chain("ab", [1])): tell(ask(i), x)\n'
            'for p in product("ab", repeat=2): tell(ask(p))\nfor x in islice(cycle("abc"), 1, 8, 3): tell(ask(x))\n'
            'for k, g in groupby("aab"):\n    for x in g: tell(k, ask(x))\n'
            'for a, b in zip_longest("ab", "c", fillvalue="-"): tell(ask(a), b)\n'
            'for a, b in pairwise("abc"): tell(ask(a), b)\nfor p in permutations("abc", 2): tell(ask(p))'
        ),
    ),
    "generators in them": (
        "def letters():\n    for x in 'abc':\n        tell('made', x)\n        yield x\n",
        (
            "for i, (a, b) in enumerate(zip(letters(), map(str.upper, letters()))): tell(i, ask(a), b)\n"
            "for x in filter(None, reversed([1, 0, 2])): tell(ask(x))\nsquares = (x * x for x in range(3))\n"
            "for x in squares: tell(ask(x))"
        ),
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_each_item_comes_once(name: str) -> None:
    before, loop = LOOPS[name]
    paused = same(before + loop)
    assert not paused.made_again


@pytest.mark.parametrize("name", ["enumerate(iterrows)", "DataFrame.itertuples", "groupby", "polars iter_rows named"])
def test_each_item_comes_once_in_a_function(name: str) -> None:
    before, loop = LOOPS[name]
    body = "\n".join("    " + line for line in loop.splitlines())
    paused = same(f"{before}def work(df):\n{body}\nwork(df)\ntell('end')")
    assert not paused.made_again


@pytest.mark.parametrize("name", LOOPS)
def test_a_save_changes_nothing(name: str) -> None:
    """Saved without a pause, the run has its own iterators still."""
    source = "".join(LOOPS[name])
    native, saved = Paused().native(source), Paused()
    saved.only_saves = True
    saved.run(source)
    assert saved.said == native.said
    assert saved.pauses == native.pauses


ELSEWHERE = {
    "iterrows": "import pandas as pd\nfor i, row in pd.DataFrame({'b': ['x', 'y']}).iterrows(): tell(i, ask(row.b))",
    "finditer": "import re\nfor m in re.finditer('a', 'banana'): tell(ask(m.span()))",
    "walk": "import os\nfor top, dirs, files in os.walk(os.path.dirname(os.__file__) + '/json'): tell(ask(len(files)))",
    "csv": "import csv\nfor row in csv.reader(['a b', 'c d', 'e f'], delimiter=' '): tell(ask(row))",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_every_other_pause_is_continued_in_a_new_process(name: str, forks: Any) -> None:
    source = ELSEWHERE[name]
    native = Paused().native(source)
    state, is_over = begin(source)
    is_new = True
    while not is_over:
        state, is_over = forks(go_on, source, state) if is_new else go_on(source, state)
        is_new = not is_new
    assert state[3] == native.said


# -- files


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "".join(f"{i},{c}\n" for i, c in enumerate("abcdefghij")))
    return path


FILES = {
    "lines": "with open(path) as f:\n    for line in f: tell(ask(line))",
    "lines of bytes": 'with open(path, "rb") as f:\n    for i, line in enumerate(f, 1): tell(i, ask(line))',
    "readline": "with open(path) as f:\n    while line := f.readline(): tell(ask(line))",
    "csv.reader": (
        "import csv\nwith open(path, newline='') as f:\n    reader = csv.reader(f)\n    header = next(reader)\n"
        "    for row in reader: tell(ask(row), reader.line_num)"
    ),
    "csv.DictReader": (
        "import csv\nwith open(path, newline='') as f:\n    for row in csv.DictReader(f): tell(ask(row['a']), row['b'])"
    ),
    "read_csv in parts": (
        "import pandas as pd\nwith pd.read_csv(path, chunksize=4) as reader:\n"
        "    for chunk in reader: tell(ask(len(chunk)), chunk.to_dict())"
    ),
    "read_csv, part by part": (
        "import pandas as pd\nreader = pd.read_csv(path, iterator=True)\ntell(reader.get_chunk(2).a.tolist())\n"
        "ask(1)\ntell(reader.get_chunk(5).a.tolist())\nask(2)\ntell(reader.get_chunk(5).to_dict())"
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_on_where_it_was(name: str, table: Path) -> None:
    paused = same(f"path = {str(table)!r}\n{FILES[name]}")
    assert not paused.made_again


@pytest.mark.parametrize("name", ["lines", "csv.reader", "csv.DictReader"])
def test_a_file_that_has_grown_is_read_to_its_end(name: str, table: Path) -> None:
    text = table.read_text()

    def grow(pause: int) -> None:
        if pause == 1:
            table.write_text(text + "99,z\n")

    paused = Paused(grow).run(f"path = {str(table)!r}\n{FILES[name]}")
    assert "99" in paused.said[-1]


@pytest.mark.parametrize("name", ["lines", "read_csv in parts"])
def test_a_file_that_is_shorter_is_refused(name: str, table: Path) -> None:
    program = Paused(lambda pause: table.write_text("a,b\n"))
    with pytest.raises(HitlError, match="gone or shorter"):
        program.run(f"path = {str(table)!r}\n{FILES[name]}")


# -- directories


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/x.txt", "a/deep/y.txt", "b/z.csv", "skip/no.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    return tmp_path


WALKS = {
    "Path.glob": 'found = []\nfor p in Path(d).glob("*/*"): found.append(ask(p.name))\ntell(sorted(found))',
    "Path.rglob": 'found = []\nfor p in Path(d).rglob("*.txt"): found.append(ask(p.name))\ntell(sorted(found))',
    "Path.iterdir": "found = []\nfor p in Path(d).iterdir(): found.append(ask(p.name))\ntell(sorted(found))",
    "glob.iglob": (
        "import glob\nfound = []\n"
        'for p in glob.iglob(d + "/**/*.txt", recursive=True): found.append(ask(p))\ntell(sorted(found))'
    ),
    "os.walk": (
        "for top, dirs, files in os.walk(d):\n    dirs.sort()\n    if 'skip' in dirs: dirs.remove('skip')\n"
        "    tell(os.path.relpath(top, d), ask(sorted(files)), dirs)"
    ),
    "os.walk from below": (
        "total = 0\nfor top, dirs, files in os.walk(d, topdown=False):\n"
        "    total += ask(sum(os.path.getsize(os.path.join(top, name)) for name in files))\ntell(total)"
    ),
    "os.scandir": (
        "found = []\nwith os.scandir(d) as it:\n    for entry in it:\n"
        "        if not entry.name.startswith('.') and entry.is_dir(): found.append((ask(entry.name), entry.path))\n"
        "tell(sorted(found))"
    ),
}


@pytest.mark.parametrize("name", WALKS)
def test_a_walk_is_continued(name: str, folder: Path) -> None:
    paused = same(f"import os\nfrom pathlib import Path\nd = {str(folder)!r}\n{WALKS[name]}")
    assert not paused.made_again


@pytest.mark.parametrize("name", WALKS)
def test_a_save_does_not_change_a_walk(name: str, folder: Path) -> None:
    source = f"import os\nfrom pathlib import Path\nd = {str(folder)!r}\n{WALKS[name]}"
    saved = Paused()
    saved.only_saves = True
    assert saved.run(source).said == Paused().native(source).said


@pytest.mark.parametrize("name", FILES)
def test_a_save_does_not_change_a_file(name: str, table: Path) -> None:
    source = f"path = {str(table)!r}\n{FILES[name]}"
    saved = Paused()
    saved.only_saves = True
    assert saved.run(source).said == Paused().native(source).said


def test_a_walk_sees_what_changed_in_directories_it_had_not_read(folder: Path) -> None:
    def change(pause: int) -> None:
        if pause == 1:
            (folder / "a" / "later.txt").write_text("1")

    for name in "ab":  # a directory is listed when the walk comes to it, as natively
        (folder / name / "later.txt").unlink(missing_ok=True)
    source = f"import os\nd = {str(folder)!r}\n{WALKS['os.walk']}"
    paused = Paused(change).run(source)
    assert "['later.txt', 'x.txt']" in paused.said[1]


def test_a_listing_is_of_the_moment_it_was_read(folder: Path) -> None:
    def change(pause: int) -> None:
        if pause == 1:
            for path in folder.glob("*/*.*"):
                path.unlink()
            (folder / "b").rmdir()
            (folder / "new").mkdir()

    source = (
        f"import os\nd = {str(folder)!r}\nfound = []\n"
        "for entry in os.scandir(d): found.append((ask(entry.name), entry.is_dir()))\ntell(sorted(found))"
    )
    assert Paused(change).run(source).said == ["[('a', True), ('b', True), ('skip', True)]"]


# -- refusals


REFUSED = {
    "an iterator of re.finditer by itself": (
        "import re\nit = re.finditer('a', 'banana')\nask(1)",
        r"list\(re.finditer",
    ),
    "a scandir that is not read": ("import os\nit = os.scandir('/')\nask(1)", r"os.listdir"),
    "a file to write": ("import tempfile\nf = open(tempfile.mktemp(), 'w')\nask(1)", "open for writing"),
    "read_csv from memory": (
        "import io, pandas as pd\nfor c in pd.read_csv(io.StringIO('a\\n1\\n2\\n'), chunksize=1): ask(1)",
        "list of the parts",
    ),
    "nditer with buffers": (
        "import numpy as np\nfor x in np.nditer(np.ones((2, 3)), flags=['external_loop'], order='F'): ask(1)",
        "np.ndenumerate",
    ),
    "a question inside what a bar asks": (
        "import tqdm\ndef gen():\n    for x in 'ab': yield ask(x)\nfor x in tqdm.tqdm(gen()): pass",
        "its item would be lost",
    ),
    "a dict with other keys": (
        "d = dict(a=1, b=2)\nfor k in d:\n    if k == 'a': del d['a']; d['c'] = 1\n    ask(1)",
        r"list\(\.\.\.\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_says_the_way_out(name: str) -> None:
    source, way = REFUSED[name]
    with pytest.raises((CannotSave, NotSavedError), match=way):
        Paused().run(source)


def test_another_version_of_a_library_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hitl_nb.engine.position.iterators import library_sources

    def change(pause: int) -> None:
        library_sources._units_by_source.clear()
        monkeypatch.setattr(library_sources.linecache, "getlines", lambda *args: ["another\n"])

    source = f"import os\nd = {str(folder)!r}\nfor top, dirs, files in os.walk(d): ask(1)"
    with pytest.raises(HitlError, match="install the version of os"):
        Paused(change).run(source)


def test_a_bar_comes_back_where_it_was() -> None:
    source = "import tqdm\nfor x in tqdm.tqdm([1, 2, 3], desc='work', file=screen, mininterval=0): ask(x)"
    import io

    screen = io.StringIO()
    program = Paused(variables={"screen": screen})
    program.run(source)
    drawn = program.values["screen"].getvalue()
    texts = re.findall(r"work: +(\d+)%", drawn)
    assert texts[-1:] == ["100"], drawn
    assert {"33", "67"} <= set(texts)
    assert texts == sorted(texts, key=int), "drawn again from its start"


def test_items_of_a_dict_are_read_when_they_come() -> None:
    """The source itself is saved, not a copy of its items."""
    said = same("d = dict(a=1, b=2)\nfor k, v in d.items():\n    d['b'] = ask(9)\n    tell(k, v)").said
    assert said == ["a 1", "b 9"]
