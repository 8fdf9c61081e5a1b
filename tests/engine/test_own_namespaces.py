"""Functions with a namespace of their own share its variables with it after a resume, as they did before."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk

ASK = "hitl.checkpoint(1, title='Go on?')\n"
SOURCE = """n = 0
items = []
def inc():
    global n
    n += 1
    items.append(n)
    return n
def get():
    return n
"""
EXEC = f"source = {SOURCE!r}\n"
IN_DICT = f"{EXEC}space = {{}}\nexec(source, space)\ninc = space['inc']\ninc()\n"
LOADED = (
    "import importlib.util\nspec = importlib.util.spec_from_file_location('counter', 'counter.py')\n"
    "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\n"
)

SHARED = {
    "dict": (
        IN_DICT,
        "inc()\nx = space['n'], space['items'], space['get'](), inc.__globals__ is space, space['inc'] is inc",
        (2, [1, 2], 2, True, True),
    ),
    "dict alone": (f"{IN_DICT}del inc\n", "space['inc']()\nspace['n'] += 5\nx = space['get']()", 7),
    "functions alone": (f"{IN_DICT}get = space['get']\ndel space\n", "inc()\nx = get()", 2),
    "function first": (f"inc = None\n{IN_DICT}", "inc()\nx = space['n'], space['inc'] is inc", (2, True)),
    "in an object": (
        (
            f"{EXEC}class Held:\n    pass\nh = Held()\nh.space = {{}}\nexec(source, h.space)\n"
            "h.inc = h.space['inc']\nh.inc()\n"
        ),
        "h.inc()\nx = h.space['n'], h.space['get']()",
        (2, 2),
    ),
    "class": (
        (
            "space = {}\nexec('n = 0\\nclass A:\\n    def __init__(self):\\n        global n\\n        n += 1'"
            ", space)\na = space['A']()\n"
        ),
        "b = space['A']()\nx = space['n'], type(a) is space['A']",
        (2, True),
    ),
    "module": (f"{LOADED}module.inc()\n", "module.inc()\nx = module.n, module.items, module.get()", (2, [1, 2], 2)),
    "setting of a module": (f"{LOADED}get = module.get\n", "module.n = 9\nx = get(), module.get is get", (9, True)),
    "module made by hand": (
        f"{EXEC}import types\nmodule = types.ModuleType('made')\nexec(source, vars(module))\nmodule.inc()\n",
        "module.inc()\nx = module.n, module.get(), module.inc.__globals__ is vars(module)",
        (2, 2, True),
    ),
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    (tmp_path / "counter.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return Desk()


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("kind", SHARED)
def test_a_namespace_is_shared_after_a_resume(desk: Desk, kind: str, fresh: bool) -> None:
    before, after, expected = SHARED[kind]
    source = f"{before}{ASK}y = 1\n{ASK}{after}\n"
    for _ in range(2):
        assert desk.run(source).status == "waiting"
        desk.answer()
        if fresh:
            desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == expected


def test_what_is_not_read_of_a_namespace_needs_not_be_saved(desk: Desk) -> None:
    before = "import threading\nspace = {'lock': threading.Lock()}\nspace['lock'].acquire()\n"
    source = f"{before}exec('def f(): return 1\\ndef g(): return f()', space)\ng = space['g']\n{ASK}x = g()"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == 1


FINALIZED = {
    "variable": ("h = Handle()\n", ["h (Handle) has a __del__ method"]),
    "inside": ("held = {'a': [Handle()]}\n", ["held['a'][0] (Handle) has a __del__ method"]),
    "many": ("held = [Handle() for _ in range(300)]\n", ["held[0] (Handle) and 299 more of its class have a __del__"]),
    "inherited": ("class More(Handle):\n    pass\nh = More()\n", ["h (More) has a __del__ method"]),
    "in an agent": (
        "@hitl.agent\ndef act():\n    h = Handle()\n    {ask}    return h\nact()\n",
        ["an object (Handle) has"],
    ),
    "none": ("h = object()\n", []),
    "of a library": ("import tempfile, io\nh = io.StringIO('a')\n", []),
}


@pytest.mark.parametrize("kind", FINALIZED)
def test_the_card_names_objects_that_act_when_they_end(desk: Desk, kind: str) -> None:
    made, expected = FINALIZED[kind]
    ends = "class Handle:\n    def __del__(self):\n        pass\n"
    outcome = desk.run(f"{ends}{made.replace('{ask}', ASK)}{ASK}held_on = globals().get('h'), globals().get('held')")
    notes = [note for note in outcome.proposals[0].notes if "__del__" in note]
    assert len(notes) == len(expected)
    for note, start in zip(notes, expected, strict=True):
        assert note.startswith(start)
        assert note.endswith("it runs when this process ends, and again where the agent continues")
