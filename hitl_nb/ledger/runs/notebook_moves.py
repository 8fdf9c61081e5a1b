"""Runs of notebooks that were renamed, moved, copied or removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath

import msgspec

from hitl_nb.errors import HitlError
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.runs import notebook_ids as notebooks
from hitl_nb.ledger.runs import notebook_renames as moves
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.ledger.runs.process import Owner
from hitl_nb.records import Run
from hitl_nb.storage import chunked as large
from hitl_nb.storage.interface import Store, Transaction

_PAGE = 200


class Moving:
    """The part of the ledger that knows where notebooks are."""

    store: Store
    _claims: Claims

    # Given by Ledger
    runs: Callable[..., list[Run]]

    def rename(self, old_notebook: str, new_notebook: str) -> int:
        """Let a notebook's runs and open proposals follow it to its new path; how many runs moved.

        Runs already known at the new path become earlier generations, as if each agent had been started anew. Kernels
        that know the notebook by its old path find it through `where_is`.
        Raises RunClaimed if a living process runs one of those.
        """

        def work(tx: Transaction) -> int:
            moved = notebooks.move(tx, old_notebook, new_notebook)
            _note(tx, old_notebook, new_notebook, moved)
            return self._take_along(tx, old_notebook, new_notebook)

        return 0 if old_notebook == new_notebook else self.store.transact(work)

    def where_is(self, notebook: str, since: datetime) -> str:
        """The path now of the notebook that was at `notebook` at the time `since`."""
        return moves.follow(self.store, notebook, since)

    def notebooks_in(self, folder: str) -> list[str]:
        """The notebooks below a folder that have runs. It looks at every run."""
        inside = folder.rstrip("/") + "/"
        return list(dict.fromkeys(run.notebook for run in self._all_runs() if run.notebook.startswith(inside)))

    def notebook_id(self, notebook: str) -> str:
        """The id that the notebook at this path has to carry in its metadata; "" if it never had a run."""
        found = notebooks.at(self.store, notebook)
        return found.id if found is not None else ""

    def marked_id(self, notebook: str) -> str:
        """The id with which the file at this path was read last; "" if it was never read with the id of its runs."""
        found = notebooks.at(self.store, notebook)
        return found.id if found is not None and found.seen else ""

    def moved_from(self, notebook: str, notebook_id: str, is_gone: Callable[[str, str], bool]) -> str | None:
        """Where the runs of a notebook still are that was moved to `notebook`; None if it was not moved.

        Args:
            notebook_id: the id in the file at `notebook`.
            is_gone: whether the notebook with an id (second) is no longer at a path (first).
        """
        known = notebooks.by_id(self.store, notebook_id)
        here = notebooks.at(self.store, notebook)
        if known is None or known.path == notebook or not is_gone(known.path, notebook_id):
            return None
        return known.path if here is None or here.seen else None

    def recognise(self, notebook: str, notebook_id: str, is_gone: Callable[[str, str], bool]) -> None:
        """Take the runs of a notebook to the path where its file, with this id in it, was found.

        A file whose id belongs to a notebook that is still at its old path is a copy, and takes nothing. Runs of
        another notebook whose file was replaced by this one are put aside, where they can be adopted. The arguments are
        those of `moved_from`. Raises RunClaimed if a living process runs one that has to be moved.
        """
        if not notebook_id:
            return
        here = notebooks.at(self.store, notebook)
        if here is not None and here.id == notebook_id:
            if not here.seen:
                self.store.transact(lambda tx: _see(tx, notebook_id))
            return
        if here is not None and not here.seen:
            return  # its file still has the id of the notebook that it was copied from
        old = self.moved_from(notebook, notebook_id, is_gone)

        def work(tx: Transaction) -> None:
            if here is not None:
                aside = f"{notebook}#{here.id}"
                _log_id(tx, "notebook.replaced", notebooks.move(tx, notebook, aside), {"from": notebook, "to": aside})
                self._take_along(tx, notebook, aside)
            if old is not None:
                _note(tx, old, notebook, notebooks.move(tx, old, notebook) | notebooks.see(tx, notebook_id))
                self._take_along(tx, old, notebook)

        if here is not None or old is not None:
            self.store.transact(work)

    def orphans(self, is_there: Callable[[str], bool]) -> list[Run]:
        """The runs whose notebook is gone, newest first. It looks at every run.

        Args:
            is_there: whether there is a notebook at a path; asked once a path.
        """
        found: dict[str, bool] = {}
        return [run for run in self._all_runs() if _is_orphan(run, found, is_there)]

    def adopt(self, run_id: str, notebook: str, *, actor: str) -> Run:
        """Give a run to a notebook, with its earlier generations left where they are.

        Raises UnknownRun; RunClaimed if a living process runs it; HitlError if it belongs to no notebook, or if the
        notebook has a run of the same agent and key that is not over.
        """

        def work(tx: Transaction) -> Run:
            run = rows.load_run(tx, run_id)
            if not names_notebook(run.notebook):
                raise HitlError(f"run {run.id} ({run.agent}) is no notebook's but of {run.notebook}; it stays there")
            if run.notebook == notebook:
                return run
            self._claims.check_free(tx, run)
            last = rows.newest_run(tx, notebook, run.agent, run.key)
            if last is not None and last.status not in ("finished", "cancelled"):
                raise HitlError(
                    f"{notebook} has a run of {run.agent!r} of its own that is {last.status}: {last.id}; "
                    f"`hitl-nb cancel {last.id}` stops it, then run {run.id} can be adopted"
                )
            notebook_id, known = notebooks.ensure(tx, notebook)
            return _move(tx, run, notebook, notebook_id, actor, known)

        return self.store.transact(work)

    def _take_along(self, tx: Transaction, old: str, new: str) -> int:
        found = tx.scan(*large.span(rows.name_prefix(old)))
        for entry in found:
            run = rows.load_run(tx, rows.id_at(*entry))
            last = rows.newest_run(tx, new, run.agent, run.key)
            if last is not None and last.status not in ("finished", "cancelled"):
                self._claims.check_free(tx, last)
                cancel_run(tx, last, actor="rename")
            _move(tx, run, new, run.notebook_id, "rename")
        return len(found)

    def _all_runs(self) -> list[Run]:
        found: list[Run] = []
        while page := self.runs(before=found[-1].id if found else None, limit=_PAGE):
            found += page
        return found


def names_notebook(place: str) -> bool:
    """Whether runs of this place belong to a notebook's file, not to a script, a module or a folder."""
    path, _, aside = place.partition(f"{notebooks.SUFFIX}#")
    named = f"{path}{notebooks.SUFFIX}" if aside else place
    return named.endswith(notebooks.SUFFIX) and PurePath(named).is_absolute()


def _is_orphan(run: Run, found: dict[str, bool], is_there: Callable[[str], bool]) -> bool:
    if run.notebook not in found:
        found[run.notebook] = not names_notebook(run.notebook) or is_there(run.notebook)
    return not found[run.notebook]


def _move(tx: Transaction, run: Run, notebook: str, notebook_id: str, actor: str, known: Digests | None = None) -> Run:
    """Put `run` under another notebook, as the newest generation there; `known` has the digest of the notebook's id."""
    last = rows.newest_run(tx, notebook, run.agent, run.key)
    tx.delete(rows.name_key(run))
    generation = max(run.generation, last.generation + 1 if last else 1)
    data = {"from": run.notebook, "to": notebook}
    run = msgspec.structs.replace(run, notebook=notebook, notebook_id=notebook_id, generation=generation)
    tx.put(rows.name_key(run), run.id.encode())
    records = rows.put_run(tx, run) | (known or {})
    for p in rows.load_proposals(tx, run.id, run.pauses):
        if p.status == "open":
            records |= rows.put_proposal(tx, msgspec.structs.replace(p, notebook=notebook))
    for w in rows.load_workspaces(tx, run.id):
        records |= rows.put_workspace(tx, msgspec.structs.replace(w, notebook=notebook))
    chain.append(tx, "run.moved", actor=actor, run=run.id, data=data, records=records)
    return run


def _note(tx: Transaction, old: str, new: str, moved: Digests) -> None:
    data = {"from": old, "to": new}
    _log_id(tx, "notebook.renamed", moves.note(tx, old, new) | moved, data)


def _see(tx: Transaction, notebook_id: str) -> None:
    records = notebooks.see(tx, notebook_id)
    if records:
        _log_id(tx, "notebook.identified", records, {"notebook": notebook_id})


def _log_id(tx: Transaction, type_: str, records: Digests, data: dict[str, str]) -> None:
    chain.append(tx, type_, actor=str(Owner.here("kernel")), data=data, records=records)
