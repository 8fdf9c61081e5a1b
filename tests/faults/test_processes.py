"""F2, F9, F13: processes that are killed, interrupted, or open a new store all at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from processes import LONG, output, start

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store
from hitl_nb.storage.disk.store import DiskStore

long = pytest.mark.faults_long


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


# F2: kill -9 of processes that count together

COUNT = """
    def count_with(store):
        def work(tx):
            n = int(tx.get("n") or b"0") + 1
            tx.put("n", b"%d" % n)
            tx.put(f"by/{n:09d}", b"%d" % os.getpid())
            return n
        return store.transact(work)
"""
COUNT_BLINDLY = """
    def count_with(store):
        n = int(store.get("n") or b"0") + 1
        store.transact(lambda tx: (tx.put("n", b"%d" % n), tx.put(f"by/{n:09d}", b"%d" % os.getpid())))
        return n
"""
COUNTERS = """
    import diskcache, filelock, hitl_nb.storage.disk.store
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:  # each line starts a counter, and is the file it keeps its account in
        pid = os.fork()
        if pid == 0:
            account = os.open(line.strip(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            store = open_store(url)
            while True:
                os.write(account, b"%d\\n" % count_with(store))
        print(pid, flush=True)
"""


class Counters:
    """Eight processes that count in one store; each keeps an account of the numbers that it was given."""

    def __init__(self, root: Path, counting: str) -> None:
        self.accounts = root.parent
        self.server = start(COUNTERS, root, breaks=counting, stdin=subprocess.PIPE)
        self.pids: list[int] = []
        self.started = 0

    def start(self) -> None:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(f"{self.accounts}/account-{self.started}\n")
        self.server.stdin.flush()
        self.started += 1
        self.pids.append(int(self.server.stdout.readline()))

    def numbers(self) -> list[int]:
        """Every number that was acknowledged; a line that is not whole was not written to its end."""
        files = self.accounts.glob("account-*")
        return [int(line) for file in files for line in file.read_text().split("\n")[:-1]]

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self.pids.remove(pid)

    def stop(self) -> None:
        for pid in list(self.pids):
            self.kill(pid)
        assert self.server.stdin is not None
        self.server.stdin.close()
        self.server.wait(LONG)


def count_killed(root: Path, counting: str, kills: int) -> list[str]:
    """Let eight processes count, kill them at random, start others; what is wrong in the end."""
    dice = random.Random(kills)
    counters = Counters(root, counting)
    try:
        for _ in range(8):
            counters.start()
        for _ in range(kills):
            enough = len(counters.numbers()) + dice.randint(1, 60)
            while len(counters.numbers()) < enough:
                time.sleep(0.001)
            counters.kill(dice.choice(counters.pids))
            counters.start()
    finally:
        counters.stop()
    given = Counter(counters.numbers())
    store = DiskStore(root)
    kept = [int(key.removeprefix("by/")) for key, _ in store.scan("by/", "by0")]
    last = int(store.get("n") or b"0")
    store.close()
    problems = [f"{n} was given {times} times" for n, times in given.items() if times > 1]
    problems += [f"{n} was acknowledged and is gone" for n in given.keys() - set(kept)]
    return problems + ([] if kept == list(range(1, last + 1)) else ["there are gaps"])


@pytest.mark.parametrize("kills", [16, pytest.param(200, marks=long)])
def test_kill_9_of_processes_that_count_together(root: Path, kills: int) -> None:
    assert count_killed(root, COUNT, kills) == []


def test_control_counting_without_a_transaction_is_caught(root: Path) -> None:
    assert any("times" in problem for problem in count_killed(root, COUNT_BLINDLY, 4))


def test_drafts_survive_kill_9_and_are_synced_soon(root: Path) -> None:
    script = """
    from hitl_nb.storage.disk import database
    real = os.fsync
    def fsync(fd): real(fd); os.write(1, os.path.basename(os.readlink(f"/proc/self/fd/{fd}")).encode() + b"\\n")
    os.fsync = fsync
    open_store(url).drafts.transact(lambda tx: tx.put("k", b"typed"))
    threading.Event().wait()
    """
    process = start(script, root)
    assert process.stdout is not None
    assert process.stdout.readline() == "cache.db-wal\n"
    process.kill()
    process.wait()
    store = DiskStore(root)
    assert store.drafts.get("k") == b"typed"
    store.close()


# F9: a storm of interrupts

SAVE = """
    store = open_store(url)
    def save(key): store.transact(lambda tx: tx.put(key, b"v"))
    def load(key): return store.get(key)
"""
SAVE_ON_THE_MAIN_THREAD = """
    import diskcache
    cache = diskcache.Cache(root + "/journal", sqlite_synchronous=2)
    def save(key):
        with cache.transact(): cache.set(key, b"v")
    def load(key): return cache.get(key)
"""
STORM = """
    import sqlite3
    acknowledged, calls, stopping, interrupts, failed = [], 0, False, 0, 0
    def storm():
        global stopping
        for _ in range(STRIKES):
            time.sleep(random.uniform(0.0002, 0.002)); os.kill(os.getpid(), signal.SIGINT)
        stopping = True
    thread = threading.Thread(target=storm)
    def go():
        global calls
        while not stopping:
            calls += 1
            key = f"k/{calls}"
            save(key)
            acknowledged.append(key)
    while not stopping:
        try:
            if not thread.ident: thread.start()
            go()
        except KeyboardInterrupt: interrupts += 1
        except Exception:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            failed, stopping = failed + 1, True
    thread.join()
    if "store" in globals(): store.transact(lambda tx: None)  # ends what was submitted but interrupted
    con = sqlite3.connect(root + "/journal/cache.db", timeout=0, isolation_level=None)
    try: con.execute("BEGIN IMMEDIATE"); con.execute("ROLLBACK"); left = "nothing open"
    except sqlite3.OperationalError as error: left = str(error)
    lost = len([key for key in acknowledged if load(key) is None])
    wind = "storm" if interrupts > STRIKES / 8 else f"breeze of {interrupts}"
    print(f"{left}, {lost} lost and {failed} failed in a {wind}", flush=True)
    os._exit(0)
"""


def run_storm(root: Path, strikes: int, saving: str) -> str:
    return output(start(STORM.replace("STRIKES", str(strikes)), root, breaks=saving)).strip()


@pytest.mark.parametrize("strikes", [400, pytest.param(2000, marks=long)])
def test_interrupts_leave_no_transaction_open(root: Path, strikes: int) -> None:
    assert run_storm(root, strikes, SAVE) == "nothing open, 0 lost and 0 failed in a storm"


def test_control_transactions_on_the_main_thread_stay_open(root: Path) -> None:
    storms = (
        run_storm(root.with_name(f"store-{n}"), 400, SAVE_ON_THE_MAIN_THREAD) for n in range(5)
    )  # one may miss it
    assert any(storm.startswith("database is locked") for storm in storms)


# F13: all open it for the first time at once

OPENERS = """
    import diskcache, filelock, hitl_nb.storage.disk.store
    print("ready", flush=True)
    for line in sys.stdin:
        store = open_store("diskcache://" + line.strip())
        ledger = Ledger(store)
        run, claim = ledger.runs.open(agent=str(os.getpid()), notebook="nb")
        ledger.claims.release(claim)
        store.close()
        print(ledger.store_id, run.id, flush=True)
"""
MARKED_UNSEEN = """
    from hitl_nb.ledger.rows import store_format as formats
    from hitl_nb.records import new_id
    def mark(store):
        fresh = formats._FormatMark(format=formats.PLAIN, store_id=new_id())
        store.transact(lambda tx: tx.put("meta/format", fresh.json()))
        return fresh.store_id
    formats.store_id = mark
"""


def first_opens(root: Path, rounds: int, breaks: str) -> list[str]:
    """Eight processes open one new store after the other, all at once; what is wrong with each."""
    openers = [start(OPENERS, root, breaks=breaks, stdin=subprocess.PIPE) for _ in range(8)]
    problems: list[str] = []
    try:
        assert [read_line(opener) for opener in openers] == ["ready"] * 8
        for number in range(rounds):
            place = root.with_name(f"store-{number}")
            for opener in openers:
                assert opener.stdin is not None
                opener.stdin.write(f"{place}\n")
            for opener in openers:
                assert opener.stdin is not None
                opener.stdin.flush()
            told = [read_line(opener).split() for opener in openers]
            store = open_store(f"diskcache://{place}")
            ledger = Ledger(store)
            if {one for one, _ in told} != {ledger.store_id}:
                problems.append(f"{place} has several ids")
            if {run for _, run in told} != {
                run.id for run in ledger.runs.list_newest()
            } or not ledger.audit.verify().ok:
                problems.append(f"{place} lost runs")
            store.close()
    finally:
        for opener in openers:
            opener.kill()
            opener.wait()
    return problems


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("rounds", [12, pytest.param(100, marks=long)])
def test_a_new_store_opened_by_eight_processes_at_once(root: Path, rounds: int) -> None:
    assert first_opens(root, rounds, "") == []


def test_control_a_store_marked_without_looking_has_several_ids(root: Path) -> None:
    assert any("several ids" in problem for problem in first_opens(root, 2, MARKED_UNSEEN))
