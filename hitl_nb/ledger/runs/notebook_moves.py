"""Moving of runs when their notebook was renamed, moved, copied or replaced.

A run belongs to the path of a notebook. This module keeps the paths of runs equal to the paths of the files.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath

import msgspec

from hitl_nb.errors import HitlError
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.runs import notebook_ids as notebooks
from hitl_nb.ledger.runs import notebook_renames as moves
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.records import Run
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import Store, Transaction

_PAGE_SIZE = 200


class Notebooks:
    """The notebooks of a store: their paths and ids, and the runs that belong to them.

    Args:
        store: The store of the runs.
        claims: Claims of this process, for the check that no other process executes a run.
        list_runs: The method `Runs.list_newest`, which returns runs page by page, newest first.
    """

    def __init__(self, store: Store, claims: Claims, list_runs: Callable[..., list[Run]]) -> None:
        self._store = store
        self._claims = claims
        self._list_runs = list_runs

    def rename(self, old_notebook: str, new_notebook: str) -> int:
        """Move a notebook's runs and open proposals to its new path.

        If the new path has runs already, the moved runs become the newer ones, and unfinished old ones are cancelled.
        Kernels that still have the old path find the new one with `find_current_path`.

        Args:
            old_notebook: Previous path of the notebook.
            new_notebook: New path of the notebook.

        Returns:
            Number of moved runs.

        Raises:
            RunClaimed: A living process executes a run at the new path that would be cancelled.
        """

        def work(transaction: Transaction) -> int:
            moved = notebooks.move_notebook_id(transaction, old_notebook, new_notebook)
            _record_rename(transaction, old_notebook, new_notebook, moved)
            return self._move_runs(transaction, old_notebook, new_notebook)

        return 0 if old_notebook == new_notebook else self._store.transact(work)

    def find_current_path(self, notebook: str, since: datetime) -> str:
        """Return the current path of the notebook that was at the path `notebook` at the time `since`.

        Args:
            notebook: Path of the notebook at the time `since`.
            since: Time with time zone, for example the start of a kernel. Earlier renames are ignored.
        """
        return moves.current_path(self._store, notebook, since)

    def list_in(self, folder: str) -> list[str]:
        """Return the paths of the notebooks below a folder that have runs. Every run of the store is read.

        Args:
            folder: Path of the folder; notebooks in its sub-folders are included.
        """
        inside = folder.rstrip("/") + "/"
        return list(dict.fromkeys(run.notebook for run in self._all_runs() if run.notebook.startswith(inside)))

    def find_id(self, notebook: str) -> str:
        """Return the id that the notebook file at this path should have in its metadata.

        Returns:
            The id; "" if the store knows no notebook at this path.
        """
        found = notebooks.find_at_path(self._store, notebook)
        return found.id if found is not None else ""

    def find_marked_id(self, notebook: str) -> str:
        """Return the id of the notebook at this path, if the file had this id when it was last read.

        Returns:
            The id; "" if no notebook is known at this path, or if its file was never read with the id in it.
        """
        found = notebooks.find_at_path(self._store, notebook)
        return found.id if found is not None and found.seen else ""

    def find_former_path(self, notebook: str, notebook_id: str, is_gone: Callable[[str, str], bool]) -> str | None:
        """Return the path at which the store still has the runs of a notebook file that was moved.

        Args:
            notebook: Current path of the file.
            notebook_id: Id in the metadata of the file.
            is_gone: Function of a path and an id. It returns True if the notebook with this id is no longer at this
                path.

        Returns:
            The former path. None if the file was not moved or is a copy. Also None if the store has a notebook at the
            current path whose id was never seen in its file (`KnownNotebook.seen`).
        """
        known = notebooks.find_by_id(self._store, notebook_id)
        here = notebooks.find_at_path(self._store, notebook)
        if known is None or known.path == notebook or not is_gone(known.path, notebook_id):
            return None
        return known.path if here is None or here.seen else None

    def recognize(self, notebook: str, notebook_id: str, is_gone: Callable[[str, str], bool]) -> None:
        """Compare a notebook file with the store, and move runs if the file was moved.

        If the notebook with this id is still at its old path, the file is a copy, and no runs are moved. If the file
        has replaced another notebook, the runs of that notebook get the path `<notebook>#<id>`. From there, `adopt_run`
        can move them to a notebook.

        Args:
            notebook: Current path of the file.
            notebook_id: Id in the metadata of the file. If it is "", this call has no effect.
            is_gone: Function of a path and an id. It returns True if the notebook with this id is no longer at this
                path.

        Raises:
            RunClaimed: A living process executes a run that would be cancelled at its new path.
        """
        if not notebook_id:
            return
        here = notebooks.find_at_path(self._store, notebook)
        if here is not None and here.id == notebook_id:
            if not here.seen:
                self._store.transact(lambda tx: _record_seen_id(tx, notebook_id))
            return
        if here is not None and not here.seen:
            return  # the file still has the id of the notebook that it was copied from
        old = self.find_former_path(notebook, notebook_id, is_gone)

        def work(transaction: Transaction) -> None:
            if here is not None:
                aside = f"{notebook}#{here.id}"
                _log_notebook_id(
                    transaction,
                    "notebook.replaced",
                    notebooks.move_notebook_id(transaction, notebook, aside),
                    {"from": notebook, "to": aside},
                )
                self._move_runs(transaction, notebook, aside)
            if old is not None:
                _record_rename(
                    transaction,
                    old,
                    notebook,
                    notebooks.move_notebook_id(transaction, old, notebook)
                    | notebooks.mark_id_seen(transaction, notebook_id),
                )
                self._move_runs(transaction, old, notebook)

        if here is not None or old is not None:
            self._store.transact(work)

    def list_orphans(self, is_there: Callable[[str], bool]) -> list[Run]:
        """Return the runs whose notebook file no longer exists, newest first. Every run of the store is read.

        Args:
            is_there: Function that gets a path and returns whether a notebook is at this path. It is called once per
                path.
        """
        found: dict[str, bool] = {}
        return [run for run in self._all_runs() if _is_orphan(run, found, is_there)]

    def adopt_run(self, run_id: str, notebook: str, *, actor: str) -> Run:
        """Move one run to another notebook. Earlier runs of the same agent and key stay at the old path.

        Args:
            run_id: Id of the run.
            notebook: Path of the notebook that gets the run.
            actor: User or process, for the audit log event.

        Returns:
            The moved run.

        Raises:
            UnknownRun: No run has this id.
            RunClaimed: A living process executes the run.
            HitlError: The run does not belong to a notebook, or the new notebook has an unfinished run of the same
                agent and key.
        """

        def work(transaction: Transaction) -> Run:
            run = rows.load_run(transaction, run_id)
            if not is_notebook_path(run.notebook):
                raise HitlError(f"run {run.id} ({run.agent}) is no notebook's but of {run.notebook}; it stays there")
            if run.notebook == notebook:
                return run
            self._claims.check_free(transaction, run)
            last = rows.newest_run(transaction, notebook, run.agent, run.key)
            if last is not None and last.status not in ("finished", "cancelled"):
                raise HitlError(
                    f"{notebook} has a run of {run.agent!r} of its own that is {last.status}: {last.id}; "
                    f"`hitl-nb cancel {last.id}` stops it, then run {run.id} can be adopted"
                )
            notebook_id, known = notebooks.ensure_notebook_id(transaction, notebook)
            return _move_run(transaction, run, notebook, notebook_id, actor, known)

        return self._store.transact(work)

    def _move_runs(self, transaction: Transaction, old: str, new: str) -> int:
        found = transaction.scan(*chunked_values.prefix_range(layout.name_prefix(old)))
        for entry in found:
            run = rows.load_run(transaction, layout.decode_index_id(*entry))
            last = rows.newest_run(transaction, new, run.agent, run.key)
            if last is not None and last.status not in ("finished", "cancelled"):
                self._claims.check_free(transaction, last)
                cancel_run(transaction, last, actor="rename")
            _move_run(transaction, run, new, run.notebook_id, "rename")
        return len(found)

    def _all_runs(self) -> list[Run]:
        found: list[Run] = []
        while page := self._list_runs(before=found[-1].id if found else None, limit=_PAGE_SIZE):
            found += page
        return found


def is_notebook_path(place: str) -> bool:
    """Return whether `Run.notebook` is the absolute path of a notebook file (`.ipynb`).

    False for runs of scripts, modules and folders. A replaced notebook's path with `#<id>` at the end counts as a
    notebook.
    """
    path, _, aside = place.partition(f"{notebooks.SUFFIX}#")
    named = f"{path}{notebooks.SUFFIX}" if aside else place
    return named.endswith(notebooks.SUFFIX) and PurePath(named).is_absolute()


def _is_orphan(run: Run, found: dict[str, bool], is_there: Callable[[str], bool]) -> bool:
    if run.notebook not in found:
        found[run.notebook] = not is_notebook_path(run.notebook) or is_there(run.notebook)
    return not found[run.notebook]


def _move_run(
    transaction: Transaction, run: Run, notebook: str, notebook_id: str, actor: str, known: Digests | None = None
) -> Run:
    """Move a run, its open proposals and its workspaces to another notebook, and append an event.

    Args:
        transaction: The transaction to write in.
        run: The run.
        notebook: Path of the new notebook. The run becomes the newest one there of its agent and key.
        notebook_id: Id of the new notebook.
        actor: User or process that the audit log event names.
        known: Digest of the new notebook's record by its key, for the audit log event. None (default): no such record.

    Returns:
        The moved run.
    """
    last = rows.newest_run(transaction, notebook, run.agent, run.key)
    transaction.delete(layout.name_key(run))
    generation = max(run.generation, last.generation + 1 if last else 1)
    data = {"from": run.notebook, "to": notebook}
    run = msgspec.structs.replace(run, notebook=notebook, notebook_id=notebook_id, generation=generation)
    transaction.put(layout.name_key(run), run.id.encode())
    records = rows.put_run(transaction, run) | (known or {})
    for proposal in rows.load_proposals(transaction, run.id, run.pauses):
        if proposal.status == "open":
            records |= rows.put_proposal(transaction, msgspec.structs.replace(proposal, notebook=notebook))
    for workspace in rows.load_workspaces(transaction, run.id):
        records |= rows.put_workspace(transaction, msgspec.structs.replace(workspace, notebook=notebook))
    chain.append_event(transaction, "run.moved", actor=actor, run=run.id, data=data, records=records)
    return run


def _record_rename(transaction: Transaction, old: str, new: str, moved: Digests) -> None:
    data = {"from": old, "to": new}
    _log_notebook_id(transaction, "notebook.renamed", moves.record_rename(transaction, old, new) | moved, data)


def _record_seen_id(transaction: Transaction, notebook_id: str) -> None:
    records = notebooks.mark_id_seen(transaction, notebook_id)
    if records:
        _log_notebook_id(transaction, "notebook.identified", records, {"notebook": notebook_id})


def _log_notebook_id(transaction: Transaction, type_: str, records: Digests, data: dict[str, str]) -> None:
    chain.append_event(transaction, type_, actor=str(ProcessIdentity.current("kernel")), data=data, records=records)
