"""Runs of plain scripts: programs that write into a workspace through a Jupyter server, without a store of their own.

Such a run is identified by the name of the script and the title of the workspace. The script may be on another machine,
so the server cannot check whether its process is alive. So the claim of the run (the exclusive right to write) always
belongs to the script that opened the run last. The script proves this with a token that it sends in every request.
Requests of a script that opened the run earlier are refused. Any server over the same store can handle the requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.errors import HitlError, RunClaimed, WorkspaceClosed
from hitl_nb.ledger.decisions import decision_freshness as freshness
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.requesters import with_requesters
from hitl_nb.ledger.runs import claim_records
from hitl_nb.ledger.runs.claim_records import Claim, ClaimRecord
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.ledger.runs.run_start import start_run
from hitl_nb.records import SCRIPT, Run, new_id, now
from hitl_nb.storage.interface import Store, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy


class RemoteClients:
    """The runs of scripts in a store.

    Args:
        store: The store of the runs.
        claims: Claims of this process.
    """

    def __init__(self, store: Store, claims: Claims) -> None:
        self._store = store
        self._claims = claims

    def open_run(
        self, script: ProcessIdentity, *, name: str, title: str, caller: dict[str, str], restart: bool = False
    ) -> Run:
        """Continue the last run with this script name and title, or start a new one.

        From now on, only `script` may write under this run.

        Args:
            script: Process and token of the script. A second call with the same token returns the same run.
            name: Name of the script.
            title: Title of the workspace.
            caller: The user of the request and how the server identified them, for the audit log events.
            restart: If True, start a new run after a cancelled one too. Default: False.

        Returns:
            The run.

        Raises:
            HitlError: The last run was cancelled, and `restart` is False.
        """
        born, new, notebook = now(), new_id(), SCRIPT + name

        def work(transaction: Transaction) -> Run:
            last = rows.newest_run(transaction, notebook, name, title)
            if last is not None and _is_held_by(claim_records.newest_claim(transaction, last.id), script.token):
                return last
            if last is not None and last.status == "cancelled" and not restart:
                raise HitlError(f"the run of {name!r} for {title!r} was cancelled; restart=True starts a new run")
            if last is not None and last.status in ("waiting", "ready"):  # the decision is for this run
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

        return self._store.transact(work)

    def is_current(self, run_id: str, token: str) -> bool:
        """Return whether the script with this token opened the run last."""
        return _is_held_by(claim_records.newest_claim(self._store, run_id), token)

    def require_claim(self, run_id: str, token: str) -> Claim:
        """Return the claim of the script with this token, if the script opened the run last.

        Raises:
            RunClaimed: Another script has opened the run since.
            UnknownRun: No run has this id.
            HitlError: The run does not belong to a script.
        """
        held = _require_held_claim(
            claim_records.newest_claim(self._store, run_id), rows.load_run(self._store, run_id), token
        )
        return Claim(run_id, held.epoch, str(held.owner))

    def claim(self, run_id: str, token: str, caller: dict[str, str], policy: MergedPolicy | None = None) -> Claim:
        """Return a claim under which a script can write.

        If people have decided the question of the run, the run continues: it gets the status "running".

        When the run continues, decisions that are too old, or that `policy` forbids, get the status "expired". Their
        questions have to be asked again.

        Args:
            run_id: Id of the run.
            token: Token of the script.
            caller: The user of the request and how the server identified them, for the audit log events.
            policy: The current merged policy. None (default): no policy.

        Raises:
            RunClaimed: Another script has opened the run since.
            HitlError: The run waits for a decision or was cancelled, or does not belong to a script.
            WorkspaceClosed: The run has ended.
            UnknownRun: No run has this id.
        """
        held = claim_records.newest_claim(self._store, run_id)
        if held is not None and _is_held_by(held, token) and not held.released:
            return Claim(run_id, held.epoch, str(held.owner))

        def work(transaction: Transaction) -> Claim:
            run = rows.load_run(transaction, run_id)
            held = _require_held_claim(claim_records.newest_claim(transaction, run_id), run, token)
            if not held.released:
                return Claim(run_id, held.epoch, str(held.owner))
            if run.status == "finished":
                raise WorkspaceClosed(f"the workspace {run.key!r} is closed for good; run the script again for another")
            if run.status == "cancelled":
                raise HitlError(
                    f"the run of {run.agent!r} for {run.key!r} was cancelled; restart=True starts a new run"
                )
            if run.status == "waiting":
                raise HitlError(
                    f"{run.agent!r} has asked whether {run.key!r} is done and waits for the answer, so it cannot write "
                    "anything new there now. Decide the question, or start a new run with restart=True"
                )
            return self._resume_run(transaction, run, held.owner, caller, policy)

        return self._store.transact(work)

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
    """Return the identity of a script as the owner of a claim, from data that the script itself has sent.

    No program can check whether this process is alive.

    Args:
        name: Name of the script.
        host: Host name that the script reports.
        pid: Process id that the script reports.
        token: Token that the script sends with every call.
    """
    return ProcessIdentity(host=SCRIPT, name=host, pid=pid, started="", label=f"script {name}", token=token)


def _known_requesters(caller: dict[str, str]) -> tuple[str, ...]:
    """Return the caller's user name if the server identified the caller by login; empty otherwise."""
    return (caller["user"],) if caller.get("authn") == "login" else ()


def _is_held_by(held: ClaimRecord | None, token: str) -> bool:
    return held is not None and held.owner.host == SCRIPT and held.owner.token == token


def _require_held_claim(held: ClaimRecord | None, run: Run, token: str) -> ClaimRecord:
    """Return the claim `held` if it belongs to the script with this token.

    Raises:
        HitlError: The run does not belong to a script.
        RunClaimed: The claim belongs to another script, or there is none.
    """
    if not run.notebook.startswith(SCRIPT):
        raise HitlError(f"the run of {run.agent!r} is no script's: its own process alone writes there")
    if held is None or not _is_held_by(held, token):
        by = str(held.owner) if held is not None else "nobody"
        raise RunClaimed(
            f"the workspace {run.key!r} of {run.agent!r} was opened again by {by}, which continues it. Nothing was "
            "written. Stop this script; a different script needs a different `name`",
            owner=by,
        )
    return held
