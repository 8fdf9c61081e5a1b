"""A lease: the exclusive right of one process to use something that is no run, such as a thread of a framework."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from hitl_nb.engine.run.cell_run import get_ledger
from hitl_nb.storage import Store


@contextmanager
def hold_lease(name: str, *, label: str = "process", store: Store | None = None) -> Generator[None]:
    """Hold the exclusive right to use `name` while the `with` block runs.

    It is a claim like that of a run: a heartbeat keeps it, and the death of the process ends it. The same process
    cannot take it twice at a time, either.

    Args:
        name: Name of what is used, shown to people, for example "the thread 5678".
        label: Role of this process, shown to people.
        store: The store, from `open_store`. None (default): this user's store.

    Raises:
        RunClaimed: A living process has the right. The block was not executed.
    """
    claims = get_ledger(store).claims
    claim = claims.acquire_lease(name, label)
    try:
        yield
    finally:
        claims.release(claim)
