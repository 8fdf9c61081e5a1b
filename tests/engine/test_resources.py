"""What cannot be saved is opened again, found by name, left out, or the reason not to pause: never made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from desk import Desk, effects

from hitl_nb.engine.missing_names import explain_missing
from hitl_nb.errors import CannotPause, HitlError

ASK = "hitl.checkpoint(1, title='T')\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk()


def go_on(desk: Desk, source: str, *before: str) -> None:
    """Decide, and continue in a new kernel in which the cells `before` were run."""
    desk.answer()
    desk.new_kernel()
    for cell in before:
        desk.cell(cell)
    desk.run(source)


CLIENT = """
class Client:
    def __init__(self, *names):
        effect("connect", *names)
        self.names = names
        self.said = []
    def __reduce__(self):
        raise TypeError("a connection")
"""


def test_a_resource_is_opened_once_with_the_arguments_as_they_were_saved(desk: Desk) -> None:
    source = (
        "where = ['a']\nclient = hitl.resource(Client, 'db', where)\nother = [client]\n"
        f"where.append('b')\n{ASK}same = other[0] is client and client.names[1] is where\n"
    )
    desk.cell(CLIENT)
    notes = [*desk.run(source).proposals[0].notes]
    assert notes == ["client (Client) is opened again when the agent continues in another process"]
    go_on(desk, source, CLIENT)
    assert desk.ns["same"] is True
    assert effects() == ["connect('db', ['a', 'b'])"]


def test_a_resource_within_an_object_leaves_the_rest_of_it_as_it_was(desk: Desk) -> None:
    source = f"bot.said.append('hello')\n{ASK}bot.said.append(bot.client.names)\n"
    cell = (
        f"{CLIENT}\nclass Bot:\n    def __init__(self):\n"
        "        self.client = hitl.resource(Client, 'db')\n        self.said = []\n"
    )
    desk.cell(cell)
    source = "bot = Bot()\n" + source
    assert desk.run(source).proposals[0].notes[0].startswith("bot.client (Client) is opened again")
    go_on(desk, source)
    assert desk.ns["bot"].said == ["hello", ("db",)]
    assert effects() == ["connect('db',)"]


def test_a_resource_that_nothing_reads_is_not_opened(desk: Desk) -> None:
    source = f"client = hitl.resource(Client, 'db')\n{ASK}x = 'client' in globals()\nclient\n"
    source = source.replace("\nclient\n", "\n")
    desk.cell(CLIENT)
    desk.run(source)
    go_on(desk, source, CLIENT)
    assert effects() == []
    assert desk.ns["x"] is False


def test_a_step_of_a_resource_comes_from_the_record(desk: Desk) -> None:
    cell = (
        f"{CLIENT}\n@hitl.step\ndef open_ticket(what):\n    effect('open', what)\n    return what * 2\n"
        "def desk_of(what):\n    return Client(open_ticket(what), open_ticket('x'))\n"
    )
    source = (
        f"one, two = hitl.resource(desk_of, 'a'), hitl.resource(desk_of, 'b')\n{ASK}{ASK}x = one.names, two.names\n"
    )
    desk.cell(cell)
    desk.run(source)
    for _ in range(2):
        go_on(desk, source, cell)
        assert [e for e in effects() if e.startswith("open")] == []
    assert desk.ns["x"] == (("aa", "xx"), ("bb", "xx"))


def test_a_resource_in_an_agent_function(desk: Desk) -> None:
    source = f"@hitl.agent\ndef f():\n    c = hitl.resource(Client, 'db')\n    {ASK}    return c.names\nx = f()\n"
    desk.cell(CLIENT)
    desk.run(source)
    go_on(desk, source, CLIENT)
    assert desk.ns["x"] == ("db",)


def test_a_factory_that_fails_leaves_the_run_as_it_was(desk: Desk) -> None:
    cell = "import pathlib\ndef connect(name):\n    if not pathlib.Path(name).exists(): raise OSError('no ' + name)\n"
    cell += f"    return Client(name)\n{CLIENT}"
    source = f"c = hitl.resource(connect, 'db')\n{ASK}x = c.names\n"
    Path("db").touch()
    desk.cell(cell)
    desk.run(source)
    Path("db").unlink()
    with pytest.raises(HitlError, match=r"hitl\.resource\(connect, \.\.\.\) raised OSError: no db"):
        go_on(desk, source, cell)
    assert desk.record().status == "ready"
    Path("db").touch()
    desk.run(source)
    assert desk.ns["x"] == ("db",)


def test_a_secret_is_saved_as_the_name_of_its_variable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "sk-very-secret")
    source = f"c = hitl.resource(Client, 'sk-very-secret')\n{ASK}x = c.names\n"
    desk.cell(CLIENT)
    desk.run(source.replace("'sk-very-secret'", "__import__('os').environ['OUR_KEY']"))
    source = source.replace("'sk-very-secret'", "__import__('os').environ['OUR_KEY']")
    assert not any(b"very-secret" in value for _, value in desk.ledger.store.scan("", "\U0010ffff"))
    monkeypatch.delenv("OUR_KEY")
    with pytest.raises(HitlError, match="OUR_KEY is not set here"):
        go_on(desk, source, CLIENT)
    monkeypatch.setenv("OUR_KEY", "sk-another-one")
    desk.run(source)
    assert desk.ns["x"] == ("sk-another-one",)


def test_a_live_object_is_found_by_its_name(desk: Desk) -> None:
    cell = f"{CLIENT}\ngraph = hitl.live(Client('graph'))\n"
    source = f"box = [graph]\n{ASK}x = box[0] is graph\n"
    desk.cell(cell)
    desk.run(source)
    with pytest.raises(HitlError, match=r"graph \(Client\).*run the cell with `graph = hitl\.live\(Client"):
        go_on(desk, source)
    desk.cell(cell)
    desk.run(source)
    assert desk.ns["x"] is True


def test_an_object_that_the_agent_marked_is_found_by_its_name_after_each_pause(desk: Desk) -> None:
    cell = f"{CLIENT}\ngraph = Client('graph')\n"
    source = f"box = [hitl.live(graph)]\n{ASK}{ASK}x = box[0] is graph\n"
    desk.cell(cell)
    desk.run(source)
    for _ in range(2):
        go_on(desk, source, cell)
    assert desk.ns["x"] is True


def test_a_live_object_without_a_name_is_refused(desk: Desk) -> None:
    desk.cell(CLIENT)
    with pytest.raises(CannotPause, match=r"box\[0\] \(a Client\).*has no name"):
        desk.run(f"box = [hitl.live(Client('graph'))]\n{ASK}box\n")


@pytest.mark.parametrize(
    ("read", "error"), [("cur", NameError), ("globals()['cur']", KeyError), ("(lambda: cur)()", NameError)]
)
def test_reading_a_name_that_was_left_out_says_so(desk: Desk, read: str, error: type[Exception]) -> None:
    source = f"import sqlite3\ncur = sqlite3.connect(':memory:').cursor()\n{ASK}name = 'cur'\neval({read!r})\n"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    with pytest.raises(error) as caught:
        desk.run(source)
    assert any("cur (a Cursor) was not saved when the agent paused at line 3" in n for n in caught.value.__notes__)


def test_code_that_may_read_any_name_has_those_that_its_texts_name(desk: Desk) -> None:
    desk.cell("a, b, rows = 1, 2, (c for c in 'ab')")
    source = f"{ASK}x = eval('a + 1')\n"
    [proposal] = desk.run(source).proposals
    assert not any("rows" in note for note in proposal.notes)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == 2
    assert "b" not in desk.ns


def test_the_note_about_a_name_outlives_the_run(desk: Desk) -> None:
    source = f"import sqlite3\ncur = sqlite3.connect(':memory:').cursor()\n{ASK}{ASK}"
    desk.run(source)
    for _ in range(2):
        desk.answer()
        desk.new_kernel()
        desk.run(source)
    desk.new_kernel()
    desk.run(source)  # the day after: it is finished, and the cells below read the name
    error = NameError("name 'cur' is not defined", name="cur")
    explain_missing(error, desk.ns)
    assert "cur (a Cursor) was not saved when the agent paused" in error.__notes__[0]


REFUSED: dict[str, tuple[str, str]] = {
    "future": (
        "from concurrent.futures import ThreadPoolExecutor as P\np = P(1)\nf = p.submit(int)\np.shutdown()\n",
        r"f \(a Future\)",
    ),
    "executor": ("from concurrent.futures import ThreadPoolExecutor as P\nf = P(1)\n", r"f \(a ThreadPoolExecutor\)"),
    "process": ("import subprocess\nf = subprocess.Popen(['true'])\nf.wait()\n", r"f \(a Popen\).*started once"),
    "thread": ("import threading\nf = threading.Thread(target=int)\n", r"f \(a Thread\)"),
    "cursor": ("import sqlite3\nf = sqlite3.connect(':memory:').cursor()\n", r"f \(a Cursor\).*fetch its rows"),
    "queue": ("import queue\nf = queue.Queue()\n", r"f \(a Queue\).*into a list"),
    "simple queue": ("import queue\nf = queue.SimpleQueue()\n", r"f \(a SimpleQueue\).*into a list"),
    "memory": ("import sqlite3\nf = sqlite3.connect(':memory:')\n", r"f \(a Connection\).*in memory"),
    "written file": ("f = open('x.txt', 'w')\n", r"f \(a TextIOWrapper\).*open for writing.*close it"),
    "transaction": (
        (
            "import sqlite3\nf = sqlite3.connect('x.db')\nf.execute('create table t(a)')\n"
            "f.execute('insert into t values (1)')\n"
        ),
        r"f \(a Connection\).*inside a transaction",
    ),
    "temporary directory": (
        "import tempfile\nf = tempfile.TemporaryDirectory()\n",
        r"f \(a TemporaryDirectory\).*tempfile\.mkdtemp\(\), keep the path",
    ),
    "function": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.create_function('double', 1, lambda n: 2 * n)\n",
        r"f \(a Connection\).*a function of its own, double",
    ),
    "collation": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.create_collation('back', lambda a, b: (a < b) - (a > b))\n",
        r"f \(a Connection\).*a collation of its own, back",
    ),
    "function in place of another": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.create_function('lower', 1, lambda text: text)\n",
        r"f \(a Connection\).*a function of its own, lower",
    ),
    "like in place of another": (
        (
            "import sqlite3\nf = sqlite3.connect('x.db')\n"
            "for n in (2, 3):\n    f.create_function('like', n, lambda *texts: 1)\n"
        ),
        r"f \(a Connection\).*a function of its own, like",
    ),
    "trace": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.set_trace_callback(print)\n",
        r"f \(a Connection\).*a trace callback.*set_trace_callback\(None\)",
    ),
    "authorizer": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.set_authorizer(lambda *about: sqlite3.SQLITE_OK)\n",
        r"f \(a Connection\).*an authorizer.*set_authorizer\(None\)",
    ),
    "progress": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.set_progress_handler(lambda: 0, 10)\n",
        r"f \(a Connection\).*a progress handler.*set_progress_handler\(None, 0\)",
    ),
    "temporary table": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.execute('create temp table t(a)')\n",
        r"f \(a Connection\).*temporary tables",
    ),
    "path": (
        (
            "import threading\nclass Order: pass\nclass Desk: pass\nf = Desk()\nf.orders = [Order(), Order()]\n"
            "f.orders[1].lock = threading.Lock()\nf.orders[1].lock.acquire()\n"
        ),
        r"f\.orders\[1\]\.lock \(a lock\).*somebody holds it",
    ),
    "hook": (
        "class Bad:\n    def __getstate__(self): raise ZeroDivisionError('never')\nf = {'a': [Bad()]}\n",
        r"f\['a'\]\[0\] \(a Bad\).*ZeroDivisionError: never",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_still_is_read_is_refused_by_name_and_path(desk: Desk, name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(CannotPause, match=sentence) as caught:
        desk.run(f"{make}{ASK}f\n")
    assert f"line {make.count(chr(10)) + 1}:" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert desk.keys("proposal/") == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_cell_that_never_asks_does_not_fail(desk: Desk, name: str) -> None:
    make, _ = REFUSED[name]
    assert desk.run(f"{make}f\n").status == "finished"


OPENED: dict[str, tuple[str, str, Any]] = {
    "database": (
        (
            "import sqlite3\nf = sqlite3.connect('x.db', isolation_level=None, timeout=2, detect_types=1)\n"
            "f.row_factory = sqlite3.Row\n"
            "f.execute('create table t(a)')\nf.execute('insert into t values (5)')\nalso = f\n"
        ),
        (
            "also is f, tuple(f.execute('select a from t').fetchone()), f.isolation_level,"
            " f.row_factory is sqlite3.Row, f.execute('pragma busy_timeout').fetchone()[0]"
        ),
        (True, (5,), None, True, 2000),
    ),
    "settings": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.execute('pragma ignore_check_constraints = 1')\n",
        "f.execute('pragma ignore_check_constraints').fetchone()",
        (1,),
    ),
    "case": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.execute('pragma case_sensitive_like = 1')\n",
        "f.execute(\"select 'a' like 'A', 'a' like 'a'\").fetchone()",
        (0, 1),
    ),
    "case as usual": (
        (
            "import sqlite3\nf = sqlite3.connect('x.db')\nf.execute('pragma case_sensitive_like = 1')\n"
            "f.execute('pragma case_sensitive_like = 0')\n"
        ),
        "f.execute(\"select 'a' like 'A', 'a' like 'a'\").fetchone()",
        (1, 1),
    ),
    "callbacks that were taken off": (
        (
            "import sqlite3\nf = sqlite3.connect('x.db')\nf.set_trace_callback(print)\nf.set_trace_callback(None)\n"
            "f.set_authorizer(print)\nf.set_authorizer(None)\n"
        ),
        "f.execute('select 1').fetchone()",
        (1,),
    ),
    "attached": (
        "import sqlite3\nf = sqlite3.connect('x.db')\nf.execute(\"attach 'y.db' as other\")\n",
        "[row[1] for row in f.execute('pragma database_list')]",
        ["main", "other"],
    ),
    "read only": (
        (
            "import sqlite3\nc = sqlite3.connect('x.db')\nc.execute('create table t(a)')\nc.close()\n"
            "f = sqlite3.connect('file:x.db?mode=ro', uri=True)\nf.execute(\"attach 'y.db' as other\")\n"
        ),
        "attempt(f, 'insert into t values (1)'), attempt(f, 'create table other.t(a)')",
        ("attempt to write a readonly database", "done"),
    ),
    "read only, attached, empty": (
        (
            "import sqlite3\nsqlite3.connect('x.db').execute('pragma user_version = 3').close()\n"
            "f = sqlite3.connect('y.db', uri=True)\nf.execute(\"attach 'file:x.db?mode=ro' as other\")\n"
        ),
        "attempt(f, 'create table other.t(a)'), attempt(f, 'create table t(a)')",
        ("attempt to write a readonly database", "done"),
    ),
    "text file": (
        "import pathlib\npathlib.Path('x').write_text('a\\nb\\nc\\n')\nf = open('x')\nf.readline()\n",
        "f.read()",
        "b\nc\n",
    ),
    "text file in a loop": (
        "import pathlib\npathlib.Path('x').write_text('äa\\nb\\nc\\n')\nf = open('x')\nfor line in f: break\n",
        "f.read()",
        "b\nc\n",
    ),
    "line ends": (
        "import pathlib\npathlib.Path('x').write_bytes(b'a\\r\\nb\\r\\n')\nf = open('x', newline='')\nf.readline()\n",
        "f.read()",
        "b\r\n",
    ),
    "binary file": (
        "import pathlib\npathlib.Path('x').write_bytes(b'abc')\nf = open('x', 'rb')\nf.read(1)\n",
        "f.read()",
        b"bc",
    ),
    "closed file": ("f = open('x', 'w')\nf.close()\n", "f.closed", True),
    "locks": (
        (
            "import threading\nf = [threading.Lock(), threading.RLock(), threading.Condition(), threading.Event(),"
            " threading.Semaphore(3)]\nf[3].set()\n"
        ),
        "[lock.acquire(False) for lock in f[:3]], f[3].is_set(), [f[4].acquire(False) for _ in range(4)]",
        ([True] * 3, True, [True, True, True, False]),
    ),
    "logger": ("import logging\nf = logging.getLogger('shop')\n", "f is logging.getLogger('shop')", True),
}


ATTEMPT = """
def attempt(con, statement):
    try:
        con.execute(statement)
    except Exception as error:
        return str(error)
    return "done"
"""


@pytest.mark.parametrize("name", OPENED)
def test_what_is_only_a_connection_is_opened_again(desk: Desk, name: str) -> None:
    make, read, expected = OPENED[name]
    source = f"{ATTEMPT}{make}{ASK}x = ({read})\n"
    desk.run(source)
    go_on(desk, source)
    assert desk.ns["x"] == expected


def test_a_pause_changes_no_count_of_a_connection_and_a_new_one_is_told(desk: Desk) -> None:
    counts = "f.total_changes, f.execute('select last_insert_rowid()').fetchone()"
    source = (
        "import sqlite3\nf = sqlite3.connect('x.db', detect_types=3)\nf.execute('create table t(a)')\n"
        f"f.execute('insert into t values (1)')\nf.commit()\n{ASK}x = ({counts})\n"
    )
    assert (
        "its counts (total_changes, changes(), last_insert_rowid()) begin at 0"
        in desk.run(source).proposals[0].notes[0]
    )
    desk.answer()
    desk.run(source)  # in the same kernel
    assert desk.ns["x"] == (1, (1,))


def test_a_file_that_is_shorter_now_is_refused_on_resume(desk: Desk) -> None:
    source = f"f = open('x')\nf.readline()\n{ASK}y = f.read()\n"
    Path("x").write_text("a\nb\n")
    desk.run(source)
    Path("x").write_text("a\n")
    with pytest.raises(HitlError, match="gone or shorter"):
        go_on(desk, source)
    assert desk.record().status == "ready"
    Path("x").write_text("a\nb\nc\n")
    desk.run(source)
    assert desk.ns["y"] == "b\nc\n"


def test_a_loop_over_a_file_asks_in_each_round(desk: Desk) -> None:
    Path("x").write_text("a\nb\nc\n")
    source = f"lines = []\nwith open('x') as f:\n    for line in f:\n        {ASK}        lines.append(line)\n"
    desk.run(source)
    for _ in range(3):
        go_on(desk, source)
    assert desk.ns["lines"] == ["a\n", "b\n", "c\n"]


def test_an_engine_is_opened_again_with_its_arguments(desk: Desk) -> None:
    source = (
        "import sqlalchemy as sa\nf = sa.create_engine('sqlite:///x.db', pool_size=3, isolation_level='AUTOCOMMIT',"
        " connect_args={'timeout': 2})\n"
        "with f.connect() as c: c.exec_driver_sql('create table t(a)'); c.exec_driver_sql('insert into t values (5)')\n"
        f"kept = [f]\n{ASK}x = kept[0] is f, f.pool.size()\n"
        "with f.connect() as c: y = c.exec_driver_sql('select a from t').scalar(), c.connection.isolation_level\n"
        "with f.connect() as c: z = c.exec_driver_sql('pragma busy_timeout').scalar()\n"
    )
    assert desk.run(source).proposals[0].notes[0].startswith("f (sqlalchemy.engine.base.Engine) is opened again")
    desk.answer()
    desk.new_kernel()
    Path("x.db").rename("y.db")
    with pytest.raises(HitlError, match=r"x\.db is gone"):
        desk.run(source)
    Path("y.db").rename("x.db")
    desk.run(source)
    assert (desk.ns["x"], desk.ns["y"], desk.ns["z"]) == ((True, 3), (5, None), 2000)


ENGINES = {
    "memory": "f = sa.create_engine('sqlite://')\n",
    "creator": "f = sa.create_engine('sqlite://', creator=lambda: None)\n",
    "listener": "f = sa.create_engine('sqlite:///x.db')\n@sa.event.listens_for(f, 'connect')\ndef on(*a): pass\n",
    "static": "f = sa.create_engine('sqlite:///x.db', poolclass=sa.pool.StaticPool)\n",
    "json": "f = sa.create_engine('sqlite:///x.db', json_serializer=str)\n",
    "connection": "e = sa.create_engine('sqlite:///x.db')\nf = e.connect()\n",
}


@pytest.mark.parametrize("name", ENGINES)
def test_other_engines_are_refused(desk: Desk, name: str) -> None:
    Path("x.db").touch()
    with pytest.raises(CannotPause, match=r"f \(a (Engine|Connection)\) cannot be saved"):
        desk.run(f"import sqlalchemy as sa\n{ENGINES[name]}{ASK}f\n")


def is_stored(desk: Desk, text: bytes) -> bool:
    return any(text in value for _, value in desk.ledger.store.scan("", "\U0010ffff"))


def test_a_session_comes_back_with_its_key_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "very-secret-1")
    source = (
        "import os, requests\nf = requests.Session()\n"
        "f.headers['Authorization'] = 'Bearer ' + os.environ['OUR_TOKEN']\n"
        "f.headers['X-Team'] = 'shop'\nf.auth = ('ann', os.environ['OUR_TOKEN'])\nf.cookies.set('a', 'b')\n"
        f"{ASK}x = f.headers['authorization'], f.headers['X-Team'], f.auth, f.cookies.get('a')\n"
    )
    notes = desk.run(source).proposals[0].notes
    assert notes[0].startswith("f (requests.sessions.Session) is opened again")
    assert not any("key or password" in note for note in notes)
    assert not is_stored(desk, b"very-secret-1")
    monkeypatch.setenv("OUR_TOKEN", "very-secret-2")
    go_on(desk, source)
    assert desk.ns["x"] == ("Bearer very-secret-2", "shop", ("ann", "very-secret-2"), "b")


def test_the_environment_is_not_saved_with_an_agent_that_imports_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "sk-from-the-environment")
    source = f"from os import environ\nimport os\n{ASK}same = environ is os.environ, environ['SHOP_KEY']\n"
    desk.run(source)
    assert not is_stored(desk, b"sk-from-the-environment")
    desk.answer()
    desk.new_kernel()
    monkeypatch.setenv("SHOP_KEY", "sk-another")
    desk.run(source)
    assert desk.ns["same"] == (True, "sk-another")


def test_a_password_that_no_variable_has_is_told(desk: Desk) -> None:
    source = f"import requests\nf = requests.Session()\nf.auth = ('ann', 'hidden')\n{ASK}x = f.auth\n"
    notes = desk.run(source).proposals[0].notes
    assert any(note.startswith("f (requests.sessions.Session) has a key or password that is saved") for note in notes)


CLIENTS = {
    "session with an adapter": (
        "import requests, requests.adapters as a\nclass Mine(a.HTTPAdapter): pass\n"
        "f = requests.Session()\nf.mount('https://', Mine())\n"
    ),
    "kind of session": "import requests\nclass Mine(requests.Session): pass\nf = Mine()\n",
    "kind of connection": "import sqlite3\nclass C(sqlite3.Connection): pass\nf = sqlite3.connect('x.db', factory=C)\n",
}


@pytest.mark.parametrize("name", CLIENTS)
def test_other_clients_are_refused(desk: Desk, name: str) -> None:
    with pytest.raises(CannotPause, match=r"f \(a .*\) cannot be saved.*hitl\.resource"):
        desk.run(f"{CLIENTS[name]}{ASK}f\n")


@pytest.mark.parametrize("kind", ["openai.OpenAI", "openai.AsyncOpenAI", "anthropic.Anthropic"])
def test_a_model_client_comes_back(desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = kind.partition(".")[0]
    monkeypatch.setenv("OUR_KEY", "very-secret-1")
    source = (
        f"import os, {module}\nf = {kind}(api_key=os.environ['OUR_KEY'], base_url='http://x/v1', timeout=7,"
        f" max_retries=5, default_headers={{'X-Team': 'shop'}})\nm = f.models\n"
        f"{ASK}x = f.api_key, str(f.base_url), f.timeout, f.max_retries, f.default_headers['X-Team'], m._client is f\n"
    )
    desk.run(source)
    assert not is_stored(desk, b"very-secret-1")
    monkeypatch.setenv("OUR_KEY", "very-secret-2")
    go_on(desk, source)
    assert desk.ns["x"] == ("very-secret-2", "http://x/v1/", 7, 5, "shop", True)
    own = f"{module}.DefaultAsyncHttpxClient()" if "Async" in kind else f"{module}.DefaultHttpxClient()"
    with pytest.raises(CannotPause, match="HTTP client of its own"):
        desk.run(f"import {module}\nf = {kind}(api_key='k', http_client={own})\n{ASK}f\n", name="other")
