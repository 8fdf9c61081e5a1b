"""Runs of plain scripts: programs elsewhere that have no store, only a server's address, through which they write.

Such a run belongs to the script's name and the workspace's title. No process holds its claim: whether a script lives
cannot be seen from here, so the one that opened the run last has it, by a token of its own that comes with every call.
What an earlier one still sends is refused, and any server over the store may do the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.errors import HitlError, RunClaimed, WorkspaceClosed
from hitl_nb.ledger.decisions import decision_freshness as freshness
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.requesters import with_requesters
from hitl_nb.ledger.rows.run_start import start_run
from hitl_nb.ledger.runs import claims
from hitl_nb.ledger.runs.claims import Claim, ClaimRecord, Claims
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.records import SCRIPT, Run, new_id, now
from hitl_nb.storage.interface import Store, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy


class RemoteClients:
    """The runs of scripts in a store."""

    store: Store
    _claims: Claims

    def open_script(
        self, script: ProcessIdentity, *, name: str, title: str, caller: dict[str, str], restart: bool = False
    ) -> Run:
        """Go on with the script's run for this title, or begin one; `script` alone writes from now on.

        Args:
            script: the process, and the token that it is known by; opened by it again, it is the same run.
            caller: who asked for it and how they are known, for the events.
            restart: begin anew after a run that was cancelled, too.

        Raises HitlError for a run that was cancelled, without `restart`.
        """
        born, new, notebook = now(), new_id(), SCRIPT + name

        def work(transaction: Transaction) -> Run:
            last = rows.newest_run(transaction, notebook, name, title)
            if last is not None and _is_held_by(claims.newest_claim(transaction, last.id), script.token):
                return last
            if last is not None and last.status == "cancelled" and not restart:
                raise HitlError(f"the run of {name!r} for {title!r} was cancelled; restart=True begins anew")
            if last is not None and last.status in ("waiting", "ready"):  # it is this one that gets the decision
                waits = msgspec.structs.replace(
                    last, epoch=self._claims.write_remote_claim(transaction, last, script, released=True).epoch
                )
                rows.put_run(transaction, waits)
                return waits
            if last is not None and last.status not in ("finished", "cancelled"):
                self._resume_run(transaction, last, script, caller)
                return rows.load_run(transaction, last.id)
            names: dict[str, Any] = {"agent": name, "notebook": notebook, "key": title}
            run = start_run(
                transaction,
                new,
                last,
                **names,
                at=born,
                actor=str(script),
                caller=caller,
                requesters=_known_requesters(caller),
            )
            self._claims.write_remote_claim(transaction, msgspec.structs.replace(run, epoch=0), script)
            return run

        return self.store.transact(work)

    def is_script(self, run_id: str, token: str) -> bool:
        """Whether the run was opened last by the script with this token."""
        return _is_held_by(claims.newest_claim(self.store, run_id), token)

    def require_script_claim(self, run_id: str, token: str) -> Claim:
        """The claim that this script had last. Raises RunClaimed if another one has opened the run since."""
        held = _require_held_claim(claims.newest_claim(self.store, run_id), rows.load_run(self.store, run_id), token)
        return Claim(run_id, held.epoch, str(held.owner))

    def claim_for_script(
        self, run_id: str, token: str, caller: dict[str, str], policy: MergedPolicy | None = None
    ) -> Claim:
        """What this script may write under; a run that people have decided on is running then.

        A decision that is too old then, or that `policy` (as it is now) forbids, expires: see `Ledger.claim_saved`.

        Raises RunClaimed if another script has opened the run since; HitlError if it waits for a decision, or was
        cancelled; WorkspaceClosed if it has ended; UnknownRun.
        """
        held = claims.newest_claim(self.store, run_id)
        if held is not None and _is_held_by(held, token) and not held.released:
            return Claim(run_id, held.epoch, str(held.owner))

        def work(transaction: Transaction) -> Claim:
            run = rows.load_run(transaction, run_id)
            held = _require_held_claim(claims.newest_claim(transaction, run_id), run, token)
            if not held.released:
                return Claim(run_id, held.epoch, str(held.owner))
            if run.status == "finished":
                raise WorkspaceClosed(f"the workspace {run.key!r} is closed for good; run the script again for another")
            if run.status == "cancelled":
                raise HitlError(f"the run of {run.agent!r} for {run.key!r} was cancelled; restart=True begins anew")
            if run.status == "waiting":
                raise HitlError(
                    f"{run.agent!r} has asked whether {run.key!r} is done and waits for the answer, so it cannot write "
                    "anything new there now; decide, or begin anew with restart=True"
                )
            return self._resume_run(transaction, run, held.owner, caller, policy)

        return self.store.transact(work)

    def _resume_run(
        self,
        transaction: Transaction,
        run: Run,
        script: ProcessIdentity,
        caller: dict[str, str],
        policy: MergedPolicy | None = None,
    ) -> Claim:
        claim = self._claims.write_remote_claim(transaction, run, script)
        run_is = with_requesters(
            rows.with_status(run, "running", epoch=claim.epoch, error=None), _known_requesters(caller)
        )
        records = rows.put_run(transaction, run_is)
        data: dict[str, Any] = {"from": run.status, "epoch": claim.epoch, **caller}
        chain.append_event(transaction, "run.resumed", actor=str(script), run=run.id, data=data, records=records)
        if run.status == "ready":
            freshness.expire_decisions(
                transaction, run_is, rows.load_proposals(transaction, run.id, run.pauses), policy, claim.owner
            )
        return claim


def script_identity(name: str, *, host: str, pid: int, token: str) -> ProcessIdentity:
    """A script's process, as it tells of itself; no process that could be asked whether it lives."""
    return ProcessIdentity(host=SCRIPT, name=host, pid=pid, started="", label=f"script {name}", token=token)


def _known_requesters(caller: dict[str, str]) -> tuple[str, ...]:
    """The person whom the server knew by login as the caller, if it did."""
    return (caller["user"],) if caller.get("authn") == "login" else ()


def _is_held_by(held: ClaimRecord | None, token: str) -> bool:
    return held is not None and held.owner.host == SCRIPT and held.owner.token == token


def _require_held_claim(held: ClaimRecord | None, run: Run, token: str) -> ClaimRecord:
    """The claim, if it is this script's. Raises RunClaimed; HitlError for a run that is no script's."""
    if not run.notebook.startswith(SCRIPT):
        raise HitlError(f"the run of {run.agent!r} is no script's: its own process alone writes there")
    if held is None or not _is_held_by(held, token):
        by = str(held.owner) if held is not None else "nobody"
        raise RunClaimed(
            f"the workspace {run.key!r} of {run.agent!r} was opened again by {by}, which goes on with it: nothing was "
            "written, and this script should stop; another script needs another `name`",
            owner=by,
        )
    return held
