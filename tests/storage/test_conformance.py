"""What every store promises, whatever is underneath: each backend that is installed runs all of it."""

from __future__ import annotations

import functools
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hitl_nb.errors import StoreError, StoreFull
from hitl_nb.storage import open_store
from hitl_nb.storage.backends import find_backend, is_shared, list_backends
from hitl_nb.storage.interface import MAX_VALUE_BYTES, Store, Transaction

LONG = 30.0
"""Seconds after which a test that waits for another thread has failed."""

counter = itertools.count()


@pytest.fixture(params=sorted(list_backends()))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return find_backend(request.param).temporary_url(tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url)
    yield store
    store.close()


def make_put(pairs: dict[str, bytes]) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        for key, value in pairs.items():
            tx.put(key, value)

    return work


class Held:
    """Keeps the writer inside a transaction, so that what is submitted meanwhile is one batch."""

    def __init__(self, store: Store) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self.future = store.submit(self._work)
        assert self.reached.wait(LONG)

    def _work(self, tx: Transaction) -> None:
        tx.put("held", b"")
        self.reached.set()
        assert self.go.wait(LONG)


def test_put_get_overwrite_delete(store: Store) -> None:
    assert store.get("a") is None
    store.transact(make_put({"a": b"1", "b": b""}))
    store.transact(make_put({"a": b"2"}))
    assert (store.get("a"), store.get("b")) == (b"2", b"")
    store.transact(lambda tx: tx.delete("a"))
    store.transact(lambda tx: tx.delete("never there"[:5]))
    assert (store.get("a"), store.get("b")) == (None, b"")


def test_the_result_of_the_work_is_returned(store: Store) -> None:
    assert store.transact(lambda tx: 42) == 42
    assert store.submit(lambda tx: "x").result(LONG) == "x"


def test_scan_is_ordered_and_half_open(store: Store) -> None:
    keys = ["a/1", "a/10", "a/2", "a/A", "a/~", "a0", "b"]
    store.transact(make_put({key: key.encode() for key in reversed(keys)}))
    inside = [(key, key.encode()) for key in sorted(keys)]
    assert store.scan("a/1", "b") == inside[:-1]
    assert store.scan("a/1", "b\0") == inside
    assert store.scan("a/1", "b", reverse=True) == inside[-2::-1]
    assert store.scan("a/1", "b", limit=2) == inside[:2]
    assert store.scan("a/1", "b", limit=2, reverse=True) == inside[-2:-4:-1]
    assert store.scan("a/1", "b", limit=0) == store.scan("b", "a") == store.scan("c", "d") == []
    assert store.scan("", "\U0010ffff") == inside


@pytest.mark.parametrize("reverse", [False, True])
def test_pages_by_cursor(store: Store, reverse: bool) -> None:
    keys = [f"k/{n:03d}" for n in range(25)]
    store.transact(make_put(dict.fromkeys(keys, b"v")))
    start, stop, found = "k/", "k0", list[str]()
    while page := store.scan(start, stop, limit=4, reverse=reverse):
        found += [key for key, _ in page]
        start, stop = (start, page[-1][0]) if reverse else (page[-1][0] + "\0", stop)
    assert found == sorted(keys, reverse=reverse)


def test_a_transaction_sees_its_own_writes(store: Store) -> None:
    store.transact(make_put({"k/1": b"old", "k/2": b"old", "k/3": b"old"}))

    def work(tx: Transaction) -> None:
        tx.put("k/0", b"new")
        tx.put("k/2", b"new")
        tx.delete("k/3")
        assert (tx.get("k/0"), tx.get("k/2"), tx.get("k/3")) == (b"new", b"new", None)
        assert tx.scan("k/", "k0") == [("k/0", b"new"), ("k/1", b"old"), ("k/2", b"new")]
        assert tx.scan("k/", "k0", limit=1, reverse=True) == [("k/2", b"new")]
        assert tx.scan("k/1", "k0", limit=1) == [("k/1", b"old")]

    store.transact(work)


def test_others_see_nothing_before_the_commit(store: Store) -> None:
    store.transact(make_put({"a": b"before"}))
    reached, go = threading.Event(), threading.Event()

    def work(tx: Transaction) -> None:
        tx.put("a", b"after")
        tx.put("b", b"after")
        reached.set()
        assert go.wait(LONG)

    future = store.submit(work)
    assert reached.wait(LONG)
    try:
        assert (store.get("a"), store.scan("a", "c")) == (b"before", [("a", b"before")])
    finally:
        go.set()
    future.result(LONG)
    assert store.scan("a", "c") == [("a", b"after"), ("b", b"after")]


def test_work_that_raises_is_undone_alone(store: Store) -> None:
    class Odd(BaseException):
        pass

    def fail(tx: Transaction) -> None:
        tx.put("shared", b"wrong")
        tx.put("own", b"wrong")
        tx.delete("first")
        raise Odd("why")

    held = Held(store)
    futures: list[Future[Any]] = [
        store.submit(make_put({"first": b"1", "shared": b"right"})),
        store.submit(fail),
        store.submit(lambda tx: tx.put("last", tx.get("shared") or b"")),
    ]
    held.go.set()
    with pytest.raises(Odd, match="why"):
        futures[1].result(LONG)
    futures[2].result(LONG)
    assert store.scan("", "~") == [("first", b"1"), ("held", b""), ("last", b"right"), ("shared", b"right")]
    with pytest.raises(Odd):
        store.transact(fail)
    assert store.get("own") is None


def test_work_that_writes_a_lot_is_undone_alone_too(store: Store) -> None:
    """More than a store may keep in memory until the commit."""

    def fill(letter: str, fails: bool) -> Callable[[Transaction], None]:
        def work(tx: Transaction) -> None:
            tx.delete("gone")
            for n in range(12):
                tx.put(f"large/{n:02d}", letter.encode() * MAX_VALUE_BYTES)
                assert (tx.get("large/00"), tx.get("gone")) == (letter.encode() * MAX_VALUE_BYTES, None)
            tx.put("small", letter.encode())
            tx.delete("large/03")
            keys = [key for key, _ in tx.scan("large/", "large0")]
            assert keys == [f"large/{n:02d}" for n in range(12) if n != 3]
            assert tx.scan("large/", "large0", limit=1, reverse=True)[0][0] == "large/11"
            if fails:
                raise ZeroDivisionError

        return work

    store.transact(make_put({"gone": b"", "large/00": b"before", "small": b"before"}))
    held = Held(store)
    before = store.submit(make_put({"first": b"1", "small": b"2"}))
    failed = store.submit(fill("x", fails=True))
    seen = store.submit(lambda tx: [tx.get("large/00"), tx.get("small"), tx.get("gone"), tx.get("large/01")])
    held.go.set()
    with pytest.raises(ZeroDivisionError):
        failed.result(LONG)
    before.result(LONG)
    assert seen.result(LONG) == [b"before", b"2", b"", None]
    assert [key for key, _ in store.scan("", "~")] == ["first", "gone", "held", "large/00", "small"]
    store.transact(fill("y", fails=False))
    assert [key for key, _ in store.scan("large/", "large0")] == [f"large/{n:02d}" for n in range(12) if n != 3]
    assert (store.get("gone"), store.get("small"), store.get("large/11")) == (None, b"y", b"y" * MAX_VALUE_BYTES)


def test_scans_see_what_a_batch_has_written(store: Store) -> None:
    store.transact(make_put({f"k/{n}": b"old" for n in range(6)}))
    held = Held(store)

    def work(tx: Transaction) -> None:
        tx.delete("k/0")
        tx.delete("k/1")
        tx.put("k/2", b"new")
        tx.put("k/9", b"new")

    store.submit(work)

    def look(tx: Transaction) -> list[Any]:
        tx.delete("k/9")
        tx.put("k/30", b"own")
        return [
            tx.scan("k/", "k0", limit=2),
            tx.scan("k/", "k0", limit=2, reverse=True),
            tx.scan("k/3", "k/4"),
            tx.scan("k/", "k0", limit=0),
            len(tx.scan("k/", "k0")),
        ]

    seen = store.submit(look)
    held.go.set()
    assert seen.result(LONG) == [
        [("k/2", b"new"), ("k/3", b"old")],
        [("k/5", b"old"), ("k/4", b"old")],
        [("k/3", b"old"), ("k/30", b"own")],
        [],
        5,
    ]


@pytest.mark.parametrize("lazies", [{1, 2, 3, 4}, {1, 3}, {4}, {1}])
def test_one_threads_work_is_committed_in_order(store: Store, lazies: set[int]) -> None:
    def append(n: int) -> Callable[[Transaction], None]:
        return lambda tx: tx.put("log", (tx.get("log") or b"") + b"%d" % n)

    futures = [store.submit(append(n), lazy=n in lazies) for n in range(6)]
    for future in futures:
        future.result(LONG)
    assert store.get("log") == b"012345"


def test_read_modify_write_of_many_threads_is_serialisable(store: Store) -> None:
    def add(tx: Transaction) -> int:
        n = int(tx.get("n") or b"0") + 1
        tx.put("n", b"%d" % n)
        return n

    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda _: store.transact(add), range(400)))
    assert sorted(seen) == list(range(1, 401))
    assert store.get("n") == b"400"


@pytest.mark.parametrize("key", [1, None, b"k", ("k",)])
def test_keys_of_another_type_are_refused(store: Store, key: Any) -> None:
    for work in (lambda tx: tx.put(key, b""), lambda tx: tx.get(key), lambda tx: tx.delete(key)):
        with pytest.raises(TypeError, match="key must be a str"):
            store.transact(work)
    with pytest.raises(TypeError, match="key must be a str"):
        store.get(key)
    with pytest.raises(TypeError, match="start must be a str"):
        store.scan(key, "z")
    with pytest.raises(TypeError, match="stop must be a str"):
        store.transact(lambda tx: tx.scan("a", key))


@pytest.mark.parametrize("key", ["", "a b", "a\0", "é", "a\n", "\ud800", "x" * 1025])
def test_keys_outside_the_grammar_are_refused(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        store.transact(lambda tx: tx.put(key, b""))
    with pytest.raises(ValueError, match="printable ASCII"):
        store.get(key)


def test_limits_are_checked(store: Store) -> None:
    with pytest.raises(ValueError, match="limit must not be negative"):
        store.scan("a", "b", limit=-1)
    with pytest.raises(TypeError, match="limit must be an int"):
        store.scan("a", "b", limit="1")


@pytest.mark.parametrize("value", ["text", None, bytearray(b"x"), memoryview(b"x"), 1])
def test_values_of_another_type_are_refused(store: Store, value: Any) -> None:
    with pytest.raises(TypeError, match="value of k must be bytes"):
        store.transact(lambda tx: tx.put("k", value))
    assert store.get("k") is None


def test_values_have_a_largest_size(store: Store) -> None:
    store.transact(make_put({"k": bytes(MAX_VALUE_BYTES)}))
    with pytest.raises(StoreFull, match="chunks"):
        store.transact(make_put({"k": bytes(MAX_VALUE_BYTES + 1)}))
    assert store.get("k") == bytes(MAX_VALUE_BYTES)


def test_a_transaction_is_over_when_its_work_has_returned(store: Store) -> None:
    kept: list[Transaction] = []
    store.transact(kept.append)
    for call in (
        lambda tx: tx.put("k", b""),
        lambda tx: tx.delete("k"),
        lambda tx: tx.get("k"),
        lambda tx: tx.scan("a", "z"),
    ):
        with pytest.raises(StoreError, match="over"):
            call(kept[0])
        with pytest.raises(StoreError, match="over"):
            store.transact(lambda tx, call=call: call(kept[0]))
    assert store.get("k") is None


def test_the_store_itself_is_refused_inside_a_transaction(store: Store) -> None:
    for call in (lambda: store.transact(make_put({})), lambda: store.get("k"), lambda: store.scan("a", "b")):
        with pytest.raises(RuntimeError, match="use the transaction itself"):
            store.transact(lambda tx, call=call: call())
    store.transact(make_put({"k": b"still works"}))


def test_a_done_callback_may_use_the_store(store: Store) -> None:
    seen: list[bytes | None] = []
    called = threading.Event()
    held = Held(store)
    future = store.submit(make_put({"k": b"1"}))
    future.add_done_callback(lambda _: (seen.append(store.get("k")), called.set()))
    held.go.set()
    assert called.wait(LONG)
    assert seen == [b"1"]


def test_a_cancelled_future_is_never_run(store: Store) -> None:
    held = Held(store)
    future = store.submit(make_put({"k": b""}))
    assert future.cancel()
    held.go.set()
    store.transact(make_put({}))
    assert future.cancelled()
    assert store.get("k") is None


def test_drafts_are_apart_and_close_with_the_store(store: Store) -> None:
    drafts = store.drafts
    assert store.drafts is drafts
    assert drafts.drafts is drafts
    drafts.transact(make_put({"k": b"draft"}))
    assert (store.get("k"), drafts.get("k")) == (None, b"draft")
    held = Held(store)
    drafts.transact(make_put({"k": b"typed while a decision is made"}))
    held.go.set()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        drafts.get("k")


def test_version_changes_with_commits_only(store: Store) -> None:
    first = store.version()
    assert store.version() == first
    store.transact(lambda tx: tx.get("k"))
    assert store.wait(first, 0) == first
    with pytest.raises(ZeroDivisionError):
        store.transact(lambda tx: (tx.put("k", b""), 1 // 0))
    assert store.version() == first
    store.transact(make_put({"k": b""}))
    second = store.version()
    assert second != first
    store.drafts.transact(make_put({"k": b""}))
    assert store.version() == second
    assert store.wait(first, LONG) == second


def test_wait_ends_with_a_commit(store: Store) -> None:
    first = store.version()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.wait, first, LONG)
        store.transact(make_put({"k": b""}))
        assert waiting.result(LONG) != first


def test_wait_ends_when_the_store_is_closed(store: Store) -> None:
    first = store.version()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.wait, first, LONG)
        store.close()
        with pytest.raises(StoreError, match="closed"):
            waiting.result(LONG)


def test_every_repeats_until_it_is_cancelled(store: Store) -> None:
    ran = threading.Semaphore(0)

    def beat(tx: Transaction) -> None:
        tx.put("beats", b"%d" % (int(tx.get("beats") or b"0") + 1))
        ran.release()

    cancel = store.repeat_every(0.001, beat)
    for _ in range(5):
        assert ran.acquire(timeout=LONG)
    cancel()
    store.transact(make_put({}))
    beats = int(store.get("beats") or b"0")
    assert beats >= 4
    other = threading.Semaphore(0)
    stop = store.repeat_every(0.001, lambda tx: other.release())
    for _ in range(5):
        assert other.acquire(timeout=LONG)
    stop()
    assert int(store.get("beats") or b"0") <= beats + 1


def test_an_exception_ends_the_repetition(store: Store) -> None:
    runs: list[int] = []

    def fail(tx: Transaction) -> None:
        runs.append(1)
        tx.put("k", b"")
        raise ZeroDivisionError

    store.repeat_every(0.001, fail)
    clock = threading.Semaphore(0)
    stop = store.repeat_every(0.001, lambda tx: clock.release())
    for _ in range(10):
        assert clock.acquire(timeout=LONG)
    stop()
    assert runs == [1]
    assert store.get("k") is None


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_every_needs_a_time(store: Store, seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be above 0"):
        store.repeat_every(seconds, lambda tx: None)


def test_every_goes_on_beside_lazy_work(store: Store) -> None:
    ran = threading.Event()
    store.repeat_every(0.001, lambda tx: ran.set())
    future = store.submit(make_put({"k": b""}), lazy=True)
    assert ran.wait(LONG)
    future.result(LONG)


def test_close_finishes_what_was_submitted(store: Store, url: str) -> None:
    futures = [store.submit(make_put({f"k/{n}": b""}), lazy=True) for n in range(600)]
    store.close()
    store.close()
    assert all(future.done() and future.exception() is None for future in futures)
    for call in (
        lambda: store.get("k/0"),
        lambda: store.scan("a", "b"),
        lambda: store.transact(make_put({})),
        lambda: store.submit(make_put({})),
        lambda: store.version(),
        lambda: store.wait(0, 1),
        lambda: store.drafts,
        lambda: store.repeat_every(1, lambda tx: None),
    ):
        with pytest.raises(StoreError, match="closed"):
            call()
    if is_shared(url):
        again = open_store(url)
        assert len(again.scan("k/", "k0")) == 600
        again.close()


def test_one_open_store_for_a_url(store: Store, url: str) -> None:
    assert store.url == url
    assert open_store(url) is store
    store.close()
    again = open_store(url)
    assert again is not store
    assert open_store(url) is again
    again.close()


def test_exit_of_the_interpreter_flushes(url: str) -> None:
    if not is_shared(url):
        pytest.skip("nothing is left of it to look at")
    script = (
        "import sys; from hitl_nb.storage import open_store; s = open_store(sys.argv[1])\n"
        "for n in range(300): s.submit(lambda tx, n=n: tx.put(f'k/{n}', b''), lazy=True)\n"
        "s.drafts.submit(lambda tx: tx.put('d', b'1'), lazy=True)"
    )
    subprocess.run([sys.executable, "-c", script, url], check=True, timeout=60)
    store = open_store(url)
    assert len(store.scan("k/", "k0")) == 300
    assert store.drafts.get("d") == b"1"
    store.close()


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from("abcdefgh"), st.binary(max_size=3)), max_size=6
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.tuples(OPERATIONS, st.booleans(), st.booleans()), max_size=8))
def test_equals_a_dict(store: Store, batches: list[tuple[list[tuple[str, str, bytes]], bool, bool]]) -> None:
    space, model = f"{next(counter)}/", dict[str, bytes]()

    def run(operations: list[tuple[str, str, bytes]], fails: bool) -> Callable[[Transaction], None]:
        def work(tx: Transaction) -> None:
            for name, key, value in operations:
                if name == "put":
                    tx.put(space + key, value)
                else:
                    tx.delete(space + key)
            if fails:
                raise KeyError

        return work

    futures: list[Future[None]] = []
    for operations, fails, lazy in batches:
        futures.append(store.submit(run(operations, fails), lazy=lazy))
        for name, key, value in () if fails else operations:
            if name == "put":
                model[space + key] = value
            else:
                model.pop(space + key, None)
    assert [future.exception(LONG) is not None for future in futures] == [fails for _, fails, _ in batches]
    assert store.scan(space, space + "~") == sorted(model.items())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(
        st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans(), st.integers(1, 4), st.booleans()), max_size=8),
        max_size=5,
    )
)
def test_a_range_read_in_a_transaction_has_what_it_wrote(
    store: Store, requests: list[list[tuple[str, bool, int, bool]]]
) -> None:
    space, model = f"{next(counter)}/", dict[str, bytes]()

    def work(operations: list[tuple[str, bool, int, bool]], tx: Transaction) -> None:
        for key, puts, limit, reverse in operations:
            if puts:
                tx.put(space + key, b"1")
                model[space + key] = b"1"
            else:
                tx.delete(space + key)
                model.pop(space + key, None)
            found = tx.scan(space + "b", space + "h", limit=limit, reverse=reverse)
            inside = [pair for pair in sorted(model.items(), reverse=reverse) if space + "b" <= pair[0] < space + "h"]
            assert found == inside[:limit]

    futures = [store.submit(functools.partial(work, operations)) for operations in requests]
    assert [future.exception(LONG) for future in futures] == [None] * len(requests)
