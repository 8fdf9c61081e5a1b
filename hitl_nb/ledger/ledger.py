"""The ledger: the records of hitl_nb over a store, as one service for each kind of record.

Outside of this folder, hitl_nb reads and writes records only through `Ledger` and its services. Every method of a
service that writes is one transaction: all of its writes are saved, or none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from hitl_nb.ledger.audit import Audit
from hitl_nb.ledger.comments import Comments
from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.open.held_questions import HeldQuestions
from hitl_nb.ledger.open.notice_sending import NoticeOutbox
from hitl_nb.ledger.open.policy_verdicts import Policies
from hitl_nb.ledger.open.watchers import DeadlineWatchers
from hitl_nb.ledger.proposals import Proposals
from hitl_nb.ledger.remote_clients import RemoteClients
from hitl_nb.ledger.reviewers import Reviewers
from hitl_nb.ledger.rows import store_clock
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.run_facts import RunFacts
from hitl_nb.ledger.run_lifecycle import ClaimedState, PausedRun, Runs
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.ledger.runs.notebook_moves import Notebooks
from hitl_nb.ledger.runs.steps import Steps
from hitl_nb.ledger.verification import Verification
from hitl_nb.ledger.workspaces import Workspaces
from hitl_nb.storage.interface import Store

__all__ = ["Claim", "ClaimedState", "Ledger", "PausedRun", "Verification"]


class Ledger:
    """The records of a store. Each attribute is a service for one kind of records; all of them share the store.

    Args:
        store: The store of the records. A new store is marked with its format and a random id.
        clock: Function that returns the time of a monotonic clock in seconds, for the timeouts of claims.

    Raises:
        StoreRefused: A newer version of hitl_nb has written the store.

    Attributes:
        store: The store of the records.
        store_id: Permanent id of this store. Signatures contain the id, so a signed record is not valid in another
            store.
        claims: Claims (exclusive rights to execute a run) of this process: check, release, write under a claim.
        runs: Runs: open, claim, save, pause, finish, cancel, forget.
        run_facts: Labels, requesters, the restart mark, and notes of runs.
        steps: Recorded calls of runs.
        notebooks: Paths and ids of notebooks; runs of notebooks that were moved.
        proposals: Proposals: find, list, assign, decide.
        policies: Decisions by policies and guardrails; texts of policies.
        held: Questions that a program holds open while it waits for the decision.
        timers: Automatic actions on open proposals at planned times, such as reminders and deadlines.
        reviewers: How reviewers were identified, and their absences.
        notices: Notifications for people that wait to be sent, for programs that send them.
        watchers: Processes that take automatic actions and send notifications.
        comments: Comments on documents.
        workspaces: Workspaces.
        remote_clients: Runs of scripts that write through a server.
        audit: The audit log and its verification.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self.store_id = formats.store_id(store)
        self.claims = Claims(store, clock)
        self.timers = ProposalTimers(store, self.claims)
        self.runs = Runs(store, self.store_id, self.claims, self.timers)
        self.run_facts = RunFacts(store, self.claims, self.timers)
        self.steps = Steps(store, self.claims)
        self.notebooks = Notebooks(store, self.claims, list_runs=self.runs.list_newest)
        self.proposals = Proposals(store, self.store_id, self.timers)
        self.policies = Policies(store, self.store_id, self.claims)
        self.held = HeldQuestions(store, self.store_id, self.claims, self.timers)
        self.reviewers = Reviewers(store, self.store_id, self.timers)
        self.notices = NoticeOutbox(store)
        self.watchers = DeadlineWatchers(store, self.timers)
        self.comments = Comments(store, self.store_id, self.claims)
        self.workspaces = Workspaces(store, self.store_id, self.claims)
        self.remote_clients = RemoteClients(store, self.claims)
        self.audit = Audit(store)

    def now(self) -> datetime:
        """Return the current time for timelines and deadlines, aware, in UTC.

        It is this machine's time, or the time of the newest event of the store if that is later. `HITL_NB_CLOCK`, or a
        decisions file with its own clock, replaces this time.

        Raises:
            HitlError: The value of `HITL_NB_CLOCK` is not a time.
        """
        return store_clock.store_now(self.store)
