"""What people say about a proposal before it is decided: comments, and whose it is to decide.

Neither changes what is asked, so a proposal's revision stays and nobody's decision becomes stale by it.
"""

from __future__ import annotations

import msgspec

from hitl_nb.errors import UnknownProposal
from hitl_nb.records import Comment, Proposal, new_id, now
from hitl_nb.store import chain, large, rows
from hitl_nb.store.base import Reads, Store, Transaction
from hitl_nb.store.waiting import refuse_closed

LONGEST = 10_000
"""Longest comment, in characters."""


class Discussion:
    """The comments on a store's proposals, and who they are assigned to."""

    store: Store

    def comment(self, proposal_id: str, text: str, *, author: str, author_name: str = "") -> Comment:
        """Add a comment, durably. `proposal_id` is the full id. Raises UnknownProposal; ValueError for a bad text."""
        text = text.strip()
        if not 1 <= len(text) <= LONGEST:
            raise ValueError(f"a comment has 1 to {LONGEST} characters, not {len(text)}")
        made = Comment(id=new_id(), proposal=proposal_id, author=author, author_name=author_name, text=text, at=now())

        def work(tx: Transaction) -> Comment:
            p = _known(tx, proposal_id)
            data = {"id": made.id, "text": text}
            n = chain.append(tx, "comment", actor=author, run=p.run, proposal=p.id, data=data)
            large.put(tx, f"comment/{p.id}/{n:012d}", made.json())
            return made

        return self.store.transact(work)

    def comments(self, proposal_id: str) -> list[Comment]:
        """A proposal's comments, oldest first. `proposal_id` is the full id."""
        return comments_on(self.store, proposal_id) if rows.is_id(proposal_id) else []

    def assign(self, proposal_id: str, assignee: str | None, *, actor: str) -> Proposal:
        """Say whose an open proposal is to decide, or nobody's (None). `proposal_id` is the full id.

        Raises UnknownProposal, AlreadyDecided.
        """

        def work(tx: Transaction) -> Proposal:
            p = _known(tx, proposal_id)
            refuse_closed(p)
            p = msgspec.structs.replace(p, assignee=assignee)
            large.replace(tx, f"proposal/{p.id}", p.json())
            chain.append(tx, "assigned", actor=actor, run=p.run, proposal=p.id, data={"assignee": assignee})
            return p

        return self.store.transact(work)


def comments_on(reads: Reads, proposal_id: str) -> list[Comment]:
    """The comments on a proposal, oldest first."""
    found = reads.scan(*large.span(f"comment/{proposal_id}/"))
    return [rows.decode(large.whole(reads, key, raw), Comment, key) for key, raw in found]


def _known(reads: Reads, proposal_id: str) -> Proposal:
    p = rows.load_proposal(reads, proposal_id) if rows.is_id(proposal_id) else None
    if p is None:
        raise UnknownProposal(f"there is no proposal {proposal_id!r} in this store")
    return p
