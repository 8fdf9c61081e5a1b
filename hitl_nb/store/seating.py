"""Who is away changes while questions wait: whether those who are there can still decide them is looked at again."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial

from hitl_nb.errors import StoreBusy, StoreCorrupt, StoreFull, UnknownRun
from hitl_nb.policies.seats import explain_stuck
from hitl_nb.policies.terms import Change, ask_fallback
from hitl_nb.store import clock, formats, rows, waiting
from hitl_nb.store.base import Transaction
from hitl_nb.store.changes import write_change
from hitl_nb.store.due import ACTOR
from hitl_nb.store.people import Absences, Away, find_people


class Seating(Absences):
    """Who is away, of a store, and what that means for its open proposals."""

    def set_away(self, user: str, start: datetime | None, until: datetime | None, to: str | None = None) -> Away:
        """`Absences.set_away`; the fallback is asked at once where nobody who is there can decide any more."""
        said = super().set_away(user, start, until, to)
        self.look_who_is_there(actor=user)
        return said

    def look_who_is_there(self, *, actor: str = ACTOR) -> int:
        """Look again at what waits under terms, since who is away has changed; how many proposals changed with it.

        Where nobody who is there can decide, the fallback is asked, and people are told; where somebody can again, it
        is not marked any more. What cannot be looked at now, or is damaged, is left to whoever looks next.
        """
        changed = 0
        with suppress(StoreBusy, StoreFull, StoreCorrupt, UnknownRun):
            if formats.has_terms(self.store):
                for p in list(waiting.under_terms(self.store)):
                    changed += self.store.transact(partial(_look, proposal_id=p.id, actor=actor))
        return changed


def _look(tx: Transaction, *, proposal_id: str, actor: str) -> int:
    p = rows.load_proposal(tx, proposal_id)
    if p is None or p.status != "open" or p.terms is None or p.settles_at is not None:
        return 0
    at = clock.store_now(tx)
    people = find_people(tx, p, at)
    why = explain_stuck(p, people)
    if bool(why) == bool(p.stuck):
        return 0
    change = ask_fallback(Change(p) if why else Change(p, (("proposal.unstuck", {}),)), people)
    write_change(tx, change, actor=actor, at=at)
    return 1
