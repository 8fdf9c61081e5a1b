"""The checkpointer for LangGraph: the kit's own tests, and those where the kit is blind to lost data."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest

import hitl_nb as hitl
from hitl_nb.storage import Store

pytest.importorskip("langgraph", reason="langgraph is not installed: pip install 'hitl_nb[langgraph]'")
kit = pytest.importorskip(
    "langgraph.checkpoint.conformance", reason="langgraph-checkpoint-conformance is not installed"
)

from langgraph.channels import DeltaChannel  # noqa: E402
from langgraph.checkpoint.base import empty_checkpoint  # noqa: E402
from langgraph.checkpoint.serde.types import ERROR  # noqa: E402
from langgraph.graph import END, START, StateGraph  # noqa: E402
from langgraph.types import Command, Send, interrupt  # noqa: E402

from hitl_nb.integrations.langgraph import HitlSaver  # noqa: E402

KIT_TESTS = 81


@pytest.fixture(params=["memory", "diskcache"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    url = f"memory:{tmp_path.name}" if request.param == "memory" else f"diskcache://{tmp_path}/s"
    made = hitl.open_store(url)
    yield made
    made.close()


def config(thread: str = "t", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


def put(saver: HitlSaver, where: Any, values: dict[str, Any] | None = None, **metadata: Any) -> Any:
    """Put a checkpoint after the one that `where` names, with new versions of these channels."""
    checkpoint = empty_checkpoint()
    versions: dict[str, Any] = {name: saver.get_next_version(None, None) for name in values or {}}
    checkpoint |= {"channel_values": dict(values or {}), "channel_versions": dict(versions)}  # type: ignore[typeddict-item]
    more: Any = {"source": "loop", "step": 1, "parents": {}, **metadata}
    return saver.put(where, checkpoint, more, versions)


def keys(store: Store) -> list[str]:
    return [key for key, _ in store.scan("ext/lg/", "ext/lg0")]


# The kit


def test_the_kit_passes_whole(store: Store) -> None:
    @kit.checkpointer_test(name="HitlSaver")
    async def make() -> AsyncIterator[HitlSaver]:
        yield HitlSaver(store)

    report = asyncio.run(kit.validate(make))
    failures = [one for result in report.results.values() for one in result.failures]
    assert failures == []
    assert sum(result.tests_passed for result in report.results.values()) == KIT_TESTS


# What the kit does not see


def test_a_write_that_was_made_is_kept_and_an_error_is_replaced(store: Store) -> None:
    saver = HitlSaver(store)
    where = put(saver, config())
    saver.put_writes(where, [("a", "first"), (ERROR, "old")], "task")
    saver.put_writes(where, [("a", "second"), (ERROR, "new"), ("b", 3)], "task")
    found = saver.get_tuple(where)
    assert found is not None
    assert found.pending_writes == [("task", ERROR, "new"), ("task", "a", "first"), ("task", "b", 3)]


def test_writes_come_in_the_order_in_which_tasks_ran(store: Store) -> None:
    saver = HitlSaver(store)
    where = put(saver, config())
    for task, path in (("a", "~2"), ("z", "~1"), ("m", "")):
        saver.put_writes(where, [(f"{n:02}", task) for n in range(12)], task, path)
    found = saver.get_tuple(where)
    assert found is not None
    assert found.pending_writes == [(task, f"{n:02}", task) for task in "mza" for n in range(12)]


def test_two_forks_have_values_of_their_own(store: Store) -> None:
    saver = HitlSaver(store)
    root = put(saver, config(), {"a": 0})
    forks = [put(saver, root, {"a": n}) for n in (1, 2)]
    found = [saver.get_tuple(one) for one in (root, *forks)]
    assert [one and one.checkpoint["channel_values"]["a"] for one in found] == [0, 1, 2]
    assert saver.get_next_version("00000000000000000000000000000009.x", None) > "00000000000000000000000000000009.x"
    assert saver.get_next_version(9, None).startswith(f"{10:032}.")


def test_versions_stay_unique_where_pythons_random_numbers_repeat(store: Store) -> None:
    import random

    saver, made = HitlSaver(store), set[str]()
    for _ in range(2):
        random.seed(1)  # as a resumed run does
        made.add(saver.get_next_version("1.x", None))
    assert len(made) == 2


class Notes(TypedDict):
    notes: Annotated[list[str], DeltaChannel(lambda state, writes: state + [one for w in writes for one in w])]  # type: ignore[valid-type]
    count: Annotated[int, operator.add]


def delta_graph(saver: HitlSaver) -> Any:
    builder = StateGraph(Notes)
    builder.add_node("note", lambda state: {"notes": [f"n{state['count']}"], "count": 1})
    builder.add_edge(START, "note")
    builder.add_conditional_edges("note", lambda state: "note" if state["count"] < 9 else END)
    return builder.compile(checkpointer=saver)


def test_pruning_keeps_the_checkpoints_that_a_delta_channel_is_made_from(store: Store) -> None:
    saver = HitlSaver(store)
    graph = delta_graph(saver)
    before = graph.invoke({"notes": [], "count": 0}, config())["notes"]
    assert len(before) == 9
    saver.prune(["t"])
    assert graph.get_state(config()).values["notes"] == before
    assert graph.invoke({"notes": ["more"], "count": -1}, config())["notes"][:10] == [*before, "more"]


def test_pruning_deletes_what_nothing_needs(store: Store) -> None:
    saver = HitlSaver(store)
    where = config()
    for n in range(4):
        where = put(saver, where, {"a": f"value {n}"}, run_id=f"run{n}")
        saver.put_writes(where, [("a", n)], "task")
    saver.prune(["t"])
    found = saver.get_tuple(config())
    assert found is not None
    assert (found.checkpoint["channel_values"], found.pending_writes) == ({"a": "value 3"}, [("task", "a", 3)])
    assert sorted(key.split("/")[2] for key in keys(store)) == ["b", "c", "r", "w"]
    saver.prune(["t"], strategy="delete")
    assert keys(store) == []
    with pytest.raises(ValueError, match="strategy"):
        saver.prune(["t"], strategy="newest")


def test_deleting_leaves_no_record_behind(store: Store) -> None:
    saver = HitlSaver(store)
    first = put(saver, config(), {"a": 1}, run_id="r1")
    second = put(saver, first, {"a": 2}, run_id="r2")
    for where in (first, second):
        saver.put_writes(where, [("a", 1)], "task")
    saver.delete_for_runs(["r1"])
    assert sorted(key.split("/")[2] for key in keys(store)) == ["b", "c", "r", "w"]
    saver.delete_thread("t")
    assert keys(store) == []


def test_a_copied_thread_has_everything_and_a_life_of_its_own(store: Store) -> None:
    saver = HitlSaver(store)
    graph = delta_graph(saver)
    graph.invoke({"notes": [], "count": 0}, config(), interrupt_after=["note"])
    where = saver.get_tuple(config())
    assert where is not None
    saver.put_writes(where.config, [("notes", ["pending"])], "task")
    saver.copy_thread("t", "copy")
    old, new = ([*saver.list(config(thread))] for thread in ("t", "copy"))
    assert [one.checkpoint for one in new] == [one.checkpoint for one in old]
    assert [one.pending_writes for one in new] == [one.pending_writes for one in old]
    saver.delete_thread("t")
    assert graph.get_state(config("copy")).values["notes"] == ["n0"]


def test_names_of_any_form_are_kept_apart(store: Store) -> None:
    saver = HitlSaver(store)
    threads = ["", "/", "a/b", "a", "ä/ö ü", "=", "%2F", "x" * 2000, "x" * 2001]
    for thread in threads:
        put(saver, config(thread), {"a/b": thread, "": 1})
    for thread in threads:
        found = saver.get_tuple(config(thread))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"a/b": thread, "": 1}
    assert {one.config["configurable"]["thread_id"] for one in saver.list(None)} == set(threads)  # type: ignore[typeddict-item]


def test_changed_records_are_refused_before_anything_is_built(store: Store) -> None:
    saver = HitlSaver(store)
    put(saver, config(), {"a": "value 1"})
    put(saver, config("other"), {"a": "value 2"})
    theirs, mine = (key for key in keys(store) if key.startswith("ext/lg/b/"))
    for planted in (store.get(theirs), (store.get(mine) or b"").replace(b"value", b"VALUE")):
        store.transact(lambda tx, planted=planted: tx.put(mine, planted or b""))
        with pytest.raises(hitl.Untrusted):
            saver.get_tuple(config())
        with pytest.raises(hitl.Untrusted):
            list(saver.list(config()))


def test_a_checkpoint_that_is_deleted_while_it_is_read_is_gone_not_empty(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver = HitlSaver(store)
    where = put(saver, config(), {"a": 1})
    read, records = saver.records.get, saver.records

    def delete_first(key: str) -> bytes | None:
        if key.startswith("b/"):
            saver.delete_thread("t")
        return read(key)

    monkeypatch.setattr(records, "get", delete_first)
    assert saver.get_tuple(where) is None


# Graphs


class Order(TypedDict):
    log: Annotated[list[str], operator.add]


def order_graph(saver: HitlSaver) -> Any:
    builder = StateGraph(Order)
    builder.add_node("split", lambda state: {"log": ["split"]})
    builder.add_node("ask", lambda one: {"log": [f"{one['n']}:{interrupt(one['n'])}"]})
    builder.add_node("end", lambda state: {"log": ["end"]})
    builder.add_edge(START, "split")
    builder.add_conditional_edges("split", lambda state: [Send("ask", {"n": n}) for n in range(3)])
    builder.add_edge("ask", "end")
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("durability", ["exit", "async", "sync"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_graph_goes_on_where_another_process_left_it(durability: str, is_async: bool, store: Store) -> None:
    def call(given: Any) -> Any:
        graph = order_graph(HitlSaver(store))  # nothing but the store is kept
        if is_async:
            return asyncio.run(graph.ainvoke(given, config(), durability=durability))
        return graph.invoke(given, config(), durability=durability)

    asked = call({"log": ["start"]})["__interrupt__"]
    assert sorted(one.value for one in asked) == [0, 1, 2]
    first = next(one for one in asked if one.value == 1)
    left = call(Command(resume={first.id: "yes"}))["__interrupt__"]
    assert sorted(one.value for one in left) == [0, 2]
    done = call(Command(resume={one.id: "no" for one in left}))
    assert done["log"] == ["start", "split", "0:no", "1:yes", "2:no", "end"]


def test_the_store_is_opened_at_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_NB_STORE", "nonsense:")
    saver = HitlSaver()
    with pytest.raises(ValueError, match="nonsense"):
        saver.get_tuple(config())
    monkeypatch.setenv("HITL_NB_STORE", "memory:first-use")
    assert saver.get_tuple(config()) is None
