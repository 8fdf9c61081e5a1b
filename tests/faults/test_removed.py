"""The directory of the store is removed or replaced while a run is paused: an error says so; nothing is lost unseen."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from desk import Desk, effects

from hitl_nb.errors import StoreError
from hitl_nb.storage.disk.database import Database
from hitl_nb.storage.disk.store import DiskStore
from hitl_nb.storage.interface import Transaction

SOURCE = "answer = hitl.checkpoint('Dear Ann', title='Letter').value\neffect('send', answer)\n"


def put(key: str) -> Callable[[Transaction], None]:
    return lambda tx: tx.put(key, b"")


@pytest.mark.parametrize("gone", ["", "journal", "journal/cache.db", "journal/cache.db-wal", "journal.lock"])
def test_removal_while_open_is_an_error_and_not_a_silent_loss(store: DiskStore, root: Path, gone: str) -> None:
    store.transact(put("k"))
    target = root / gone
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match="removed or replaced"):
            store.transact(put("k2"))
    if not target.suffix:
        for read in (lambda: store.get("k"), lambda: store.scan("a", "z"), store.version):
            with pytest.raises(StoreError, match="removed or replaced"):
                read()
    store.close()
    again = DiskStore(root)
    assert again.get("k2") is None
    again.transact(put("k2"))
    again.close()


def test_replacement_while_open_is_an_error(store: DiskStore, root: Path) -> None:
    root.rename(root.with_name("moved"))
    other = DiskStore(root)
    with pytest.raises(StoreError, match="removed or replaced"):
        store.transact(put("k"))
    with pytest.raises(StoreError, match="removed or replaced"):
        store.get("k")
    assert other.get("k") is None
    other.close()


def removed_while_paused(root: Path) -> tuple[Desk, str]:
    """A kernel whose agent is paused, and what it says when the agent is run again and the store is gone."""
    desk = Desk(f"diskcache://{root}")
    assert desk.run(SOURCE).status == "waiting"
    shutil.rmtree(root)
    try:
        return desk, desk.run(SOURCE).status
    except StoreError as error:
        return desk, str(error)


def test_a_paused_agent_says_that_its_store_is_gone(root: Path) -> None:
    desk, said = removed_while_paused(root)
    assert "was removed or replaced" in said
    assert not root.exists()  # no new, empty store in its place
    assert effects() == []
    desk.ledger.store.close()


def test_a_paused_agent_goes_on_when_its_store_is_put_back(root: Path) -> None:
    desk = Desk(f"diskcache://{root}")
    desk.run(SOURCE)
    root.rename(root.with_name("moved"))
    with pytest.raises(StoreError):
        desk.answer()
    root.with_name("moved").rename(root)
    desk.answer()
    assert desk.run(SOURCE).status == "finished"
    assert effects() == ["send('Dear Ann',)"]
    desk.ledger.store.close()


def test_control_without_a_look_at_the_files_it_seems_to_wait(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "refuse_if_gone", lambda self: None)
    monkeypatch.setattr(Database, "_refuse_if_replaced", lambda self: None)
    desk, said = removed_while_paused(root)
    assert said == "waiting"
    desk.ledger.store.close()
