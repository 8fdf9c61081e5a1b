"""Inputs, the names that an agent cell only reads: the run keeps its own, the notebook keeps the notebook's."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from desk import Desk

from hitl_nb.engine.call_keys.fingerprints import fingerprint_value
from hitl_nb.errors import CellChanged, InputChanged

ASK = "d = hitl.checkpoint('go', title='Go?')\n"


class Notebook(Desk):
    """A desk whose kernel is restarted, and whose cells above are run again, before the agent is."""

    def restart(self, above: str) -> None:
        self.new_kernel()
        self.cell(above)

    def notes(self) -> tuple[str, ...]:
        return self.open()[0].notes


@pytest.fixture
def nb() -> Notebook:
    return Notebook()


def test_a_changed_input_is_not_put_back_and_is_named(nb: Notebook) -> None:
    nb.cell("limit = 5")
    cell = ASK + "used = limit"
    nb.run(cell)
    nb.restart("limit = 9")
    nb.run(cell)
    (note,) = nb.notes()
    assert note.startswith("Changed since this agent began: limit was 5 and is 9 now.")
    assert "--restart" in note
    assert "--key" in note
    assert nb.ns["limit"] == 9
    nb.restart("limit = 5")
    nb.run(cell)
    assert nb.notes() == ()
    nb.answer()
    nb.restart("limit = 9")
    nb.run(cell)
    assert (nb.ns["used"], nb.ns["limit"]) == (5, 9)


def test_a_kernel_that_lives_on_keeps_the_notebooks_value_too(nb: Notebook) -> None:
    nb.cell("limit = 5")
    cell = ASK + "used = limit\n" + ASK + "again = limit"
    nb.run(cell)
    nb.cell("limit = 9")
    nb.answer()
    nb.run(cell)
    assert (nb.ns["used"], nb.ns["limit"]) == (5, 9)
    nb.answer()
    nb.run(cell)
    assert (nb.ns["again"], nb.ns["limit"]) == (5, 9)


def test_a_run_that_fails_leaves_the_notebooks_value(nb: Notebook) -> None:
    nb.cell("limit = 5")
    cell = ASK + "used = limit\n1 / (limit - 5)"
    nb.run(cell)
    nb.answer()
    nb.restart("limit = 9")
    with pytest.raises(ZeroDivisionError):
        nb.run(cell)
    assert (nb.ns["used"], nb.ns["limit"]) == (5, 9)


@pytest.mark.parametrize(
    ("above", "change", "read"),
    [
        ("log = [1]", "log.append(2)", "log"),
        ("log = {'a': [1]}", "log['a'].append(2)", "log"),
        ("log = {'a': 1}", "log['b'] = 2", "log"),
        ("class Helper:\n    def __init__(self): self.said = []\nlog = Helper()", "log.said.append(2)", "log.said"),
        ("import types\nlog = types.SimpleNamespace(n=1)", "log.n = 2", "log.n"),
        ("import types\nlog = types.SimpleNamespace(said=[])", "log.said.append(2)", "log.said"),
        ("log = []\nstate = {'log': log}", "state['log'].append(2)", "log"),
        ("import pandas as pd\nlog = pd.DataFrame({'a': [1]})", "log.loc[0, 'a'] = 2", "log['a'].tolist()"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_the_cell_changes_is_its_state(nb: Notebook, above: str, change: str, read: str, when: str) -> None:
    nb.cell(above)
    cell = f"{change}\n{ASK}print({read})" if when == "before" else f"print({read})\n{ASK}{change}"
    nb.run(cell)
    expected = eval(read, nb.ns) if when == "before" else None
    nb.restart(above)
    nb.answer()
    nb.run(cell)
    found = eval(read, nb.ns)
    assert found == (expected if when == "before" else found)
    nb.restart(above)
    assert found != eval(read, dict(nb.ns))
    nb.run(cell)  # finished
    assert eval(read, nb.ns) == found
    nb.run(cell)  # and once more, in this kernel
    assert eval(read, nb.ns) == found


def finish(nb: Notebook, above: str, cell: str) -> None:
    nb.cell(above)
    nb.run(cell)
    nb.answer()
    nb.run(cell)


def test_a_finished_run_is_not_used_for_other_values(nb: Notebook) -> None:
    cell = "d = hitl.checkpoint({'order': order, 'amount': amount}, title='Refund?')"
    finish(nb, "order, amount = 7, 10", cell)
    nb.restart("order, amount = 8, 9999")
    with pytest.raises(InputChanged, match="order was 7 and is 8 now") as raised:
        nb.run(cell)
    assert isinstance(raised.value, CellChanged)
    assert raised.value.names == ("amount", "order")
    assert "--restart" in str(raised.value)
    assert "--key" in str(raised.value)
    assert (nb.ns["order"], nb.ns["amount"]) == (8, 9999)
    assert "d" not in nb.ns or nb.ns["d"].value["order"] == 7
    assert nb.run(cell, as_recorded=True).status == "finished"
    assert (nb.ns["d"].value["order"], nb.ns["order"]) == (7, 8)
    assert nb.run(cell, restart=True).status == "waiting"


@pytest.mark.parametrize(
    ("above", "again", "cell"),
    [
        ("limit = 5\nn = 1", "limit = 5\nn = 2", "x = limit"),
        ("limit = 5", "limit = 5", "f = lambda limit: limit"),
        ("f = lambda n: n", "f = lambda n: n + 1", "x = f(1)"),
        ("import time\nnow = time.time()", "import time\nnow = time.time() + 60", "x = now"),
        ("import datetime as t\nnow = t.datetime.now()", "import datetime as t\nnow = t.datetime.now()", "x = now"),
        ("import uuid\nn = uuid.uuid4()", "import uuid\nn = uuid.uuid4()", "x = n"),
        ("names = {'a', 'b', 'c'}", "names = {'c', 'b', 'a'}", "x = len(names)"),
        ("import threading\nlock = threading.Lock()", "import threading\nlock = threading.Lock()", "x = lock.locked()"),
        (
            "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2], 'b': ['x', None]})",
            "import pandas as pd\ndf = pd.DataFrame({'b': ['x', None], 'a': [1, 2]})[['a', 'b']]",
            "x = len(df)",
        ),
    ],
)
def test_what_did_not_change_or_was_not_read_raises_nothing(nb: Notebook, above: str, again: str, cell: str) -> None:
    cell = ASK + cell if "lock" not in cell else cell + "\n" + ASK + "del lock"
    finish(nb, above, cell)
    nb.restart(again)
    assert nb.run(cell).status == "finished"


@pytest.mark.parametrize(
    ("above", "again", "cell"),
    [
        ("limit = 5\ndef check(n): return n < limit", "limit = 9\ndef check(n): return n < limit", "x = check(1)"),
        # Of a function it is not known which statements ran: it counts as read whole.
        (
            "limit = 5\ndebug = 0\ndef check():\n    if limit > 9:\n        print(debug)",
            "limit = 5\ndebug = 1\ndef check():\n    if limit > 9:\n        print(debug)",
            "check()",
        ),
        ("a = {'x': [1, {'y': 2}]}", "a = {'x': [1, {'y': 3}]}", "x = a['x']"),
        ("import decimal as m\na = m.Decimal('1.0')", "import decimal as m\na = m.Decimal('2.0')", "x = a"),
        (
            "import pandas as pd\na = pd.DataFrame({'a': [1, 2]})",
            "import pandas as pd\na = pd.DataFrame({'a': [1, 3]})",
            "x = len(a)",
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: int\na = A(1)",
            "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: int\na = A(2)",
            "x = a.n",
        ),
    ],
)
def test_what_was_read_and_changed_raises(nb: Notebook, above: str, again: str, cell: str) -> None:
    cell = ASK + cell
    finish(nb, above, cell)
    nb.restart(again)
    with pytest.raises(InputChanged):
        nb.run(cell)


def test_a_secret_is_not_shown(nb: Notebook) -> None:
    nb.cell("api_key = 'sk-one'")
    nb.run(ASK + "use = api_key")
    nb.restart("api_key = 'sk-two'")
    nb.run(ASK + "use = api_key")
    assert "api_key" in nb.notes()[0]
    assert "sk-" not in nb.notes()[0]


def test_an_input_that_the_notebook_does_not_have_is_left_there(nb: Notebook) -> None:
    nb.cell("limit = 5")
    nb.run(ASK + "used = limit")
    nb.answer()
    nb.new_kernel()
    nb.run(ASK + "used = limit")
    assert (nb.ns["used"], nb.ns["limit"]) == (5, 5)


def test_a_very_large_input_is_compared_by_its_size() -> None:
    large = list(range(300_000))
    assert not fingerprint_value(large).comparable
    assert fingerprint_value(large) == fingerprint_value(list(range(300_000)))
    assert fingerprint_value(large) != fingerprint_value([*large, 1])


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    code = (
        "from hitl_nb.engine.call_keys.fingerprints import fingerprint_value\n"
        "print(fingerprint_value({'a': {'x', 'y', 'z'}, 'b': [frozenset('abc'), 1.5, None, float('nan')]}))"
    )
    prints: set[Any] = set()
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        prints.add(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout)
    assert len(prints) == 1


BRANCHES = (
    "if {test}:\n    x = big",
    "if not {test}:\n    pass\nelse:\n    x = big",
    "if not {test}:\n    pass\nelif 1:\n    x = big",
    "if {test}:\n    " + ASK + "    x = big",
    "for i in range({test}):\n    x = big",
    "for i in range({test}):\n    " + ASK + "    x = big",
    "for i in range(1):\n    if not {test}:\n        break\nelse:\n    x = big",
    "n = {test}\nwhile n > 0:\n    n -= 1\n    x = big",
    "try:\n    1 / (1 - {test})\nexcept ZeroDivisionError:\n    x = big",
    "try:\n    1 / {test}\nexcept ZeroDivisionError:\n    pass\nelse:\n    x = big",
    "match {test}:\n    case 1:\n        x = big",
    "match {test}:\n    case n if int(n):\n        x = big",
    "if {test}:\n    x = (lambda: big)()",
    "if {test}:\n    with open('/dev/null'):\n        x = big",
)


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("when", ["before", "behind", "both"])
@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("has_run", [False, True])
def test_what_only_a_branch_reads_is_read_if_that_has_run(
    nb: Notebook, branch: str, when: str, is_restarted: bool, has_run: bool
) -> None:
    branch = branch.format(test=int(has_run))
    cell = (ASK if when != "before" else "") + branch + "\n" + (ASK if when != "behind" else "")
    nb.cell("big = [1]")
    while nb.run(cell).status == "waiting":
        if is_restarted:
            nb.restart("big = [1]")
        nb.answer()
    nb.cell("big = [2]")
    if has_run:
        with pytest.raises(InputChanged, match="big was"):
            nb.run(cell)
    else:
        assert nb.run(cell).status == "finished"


def test_of_a_cell_edited_since_all_branches_count(nb: Notebook) -> None:
    cell = ASK + "if int(0):\n    x = big\n"
    nb.cell("big = [1]")
    nb.run(cell)
    nb.answer()
    nb.run(cell + "y = 1\n")
    nb.cell("big = [2]")
    with pytest.raises(InputChanged):
        nb.run(cell + "y = 1\n")


def test_a_loop_edited_between_two_turns_has_read_what_it_read(nb: Notebook) -> None:
    turn = "    " + ASK.replace("'Go?'", "f'Go {i}?'")
    before = "for i in range(2):\n    if i == 0:\n        x = big\n" + turn
    after = before + "    if i == 5:\n        y = big\n"
    nb.cell("big = [1]")
    nb.run(before)
    nb.answer()
    nb.run(after)
    nb.answer()
    assert nb.run(after).status == "finished"
    nb.cell("big = [2]")
    with pytest.raises(InputChanged):
        nb.run(after)


def test_a_branch_that_ran_before_statements_were_added_below(nb: Notebook) -> None:
    cell = "for i in range(2):\n    if i:\n        x = big\n" + ASK
    nb.cell("big = [1]")
    nb.run(cell)
    nb.answer()
    assert nb.run(cell).status == "finished"
    nb.run(cell + ASK)
    nb.answer()
    assert nb.run(cell + ASK).status == "finished"
    nb.restart("big = [2]")
    with pytest.raises(InputChanged):
        nb.run(cell + ASK)
