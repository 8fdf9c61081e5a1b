"""The call that lists proposals: open ones in several orders, closed ones newest first.

Open proposals in their usual order (oldest first) are read from the store, page by page. For a search or another order,
the index in memory is used, which has all open proposals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Proposal, now
from hitl_nb.server.lists.open_index import OpenEntry, due_time
from hitl_nb.server.lists.searchable_text import has_words, read_numbers, split_words
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import ProposalQuery
from hitl_nb.server.messages.response_types.proposals import ProposalPage
from hitl_nb.server.overviews.proposal_queries import find_words, has_seat, matches_query

_SCAN_PAGE_SIZE = 200
"""Minimum number of proposals that are read at once if only some of them match the query."""
_MAX_SCANNED = 2000
"""Maximum number of closed proposals that one request reads. Then the page ends, though it is not full."""


def list_proposals(request: ApiRequest) -> ProposalPage:
    """Return a page of the proposals that match the query."""
    wanted: ProposalQuery = request.query
    audience = Audience.from_request(request)
    if wanted.is_open and wanted.needs_index:
        found, total, following = _list_from_index(request.ledger, wanted, audience)
    else:
        found, following = _list_page(request.ledger, wanted, audience)
        total = None
    shown = [answers.proposal_summary(request.context, request.ledger, proposal, audience) for proposal in found]
    return ProposalPage(proposals=shown, next=following, total=total)


# From the index


def _list_from_index(
    ledger: Ledger, wanted: ProposalQuery, audience: Audience
) -> tuple[list[Proposal], int, str | None]:
    """Return a page of open proposals, the number of all that match, and the cursor of the next page."""
    ledger.timers.run_due_steps_quietly()
    found = _find_entries(ledger, wanted, audience)
    key = _make_sort_key(wanted, audience.viewer.user)
    found.sort(key=key)
    start = 0 if wanted.cursor is None else _find_position(ledger, audience, found, wanted.cursor, key)
    page = found[start : start + wanted.limit]
    read = (rows.load_proposal(ledger.store, entry.proposal.id) for entry in page)
    shown = [proposal for proposal in read if proposal is not None and proposal.status == "open"]
    return shown, len(found), page[-1].proposal.id if len(found) > start + len(page) else None


def _find_entries(ledger: Ledger, wanted: ProposalQuery, audience: Audience) -> list[OpenEntry]:
    at, words = now(), split_words(wanted.search or "")
    needs_drafts = bool(words) or wanted.edited is not None
    found = [
        entry
        for entry in audience.rows.list_open(drafts=needs_drafts)
        if (not words or has_words(f"{entry.text}\n{entry.comments}\n{entry.draft}", words))
        and matches_query(entry.proposal, wanted, at)
        and (wanted.mine is None or has_seat(entry.proposal, audience))
    ]
    if wanted.edited is None:
        return found
    return [entry for entry in found if entry.update and _is_edited(ledger, audience, entry)]


def _is_edited(ledger: Ledger, audience: Audience, entry: OpenEntry) -> bool:
    proposal = rows.load_proposal(ledger.store, entry.proposal.id)
    return proposal is not None and audience.rows.read_extras(proposal).draft.total != 0


def _make_sort_key(wanted: ProposalQuery, user: str) -> Callable[[OpenEntry], Any]:
    """Return the function that gives the sort key of an entry. With `mine`, entries assigned to the user come first."""
    order, _, path = (wanted.sort or "oldest").partition(":")
    mine = wanted.mine is not None

    def own_key(entry: OpenEntry) -> Any:
        match order:
            case "due":
                return (not entry.proposal.overdue, entry.due is None, entry.due, entry.order)
            case "agent":
                return (entry.proposal.agent.casefold(), entry.order)
            case "amount":
                number = entry.numbers.get(path)
                return (number is None, -(number or 0.0), entry.order)
            case "newest":
                return _DescendingText(entry.order)
            case _:
                return entry.order

    return lambda entry: (mine and entry.proposal.assignee != user, own_key(entry))


class _DescendingText(str):
    """A text that sorts in descending order."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def _find_position(
    ledger: Ledger, audience: Audience, found: list[OpenEntry], cursor: str, key: Callable[[OpenEntry], Any]
) -> int:
    """Return the index of the first entry behind the one with the id `cursor`, which may be closed since."""
    for i, entry in enumerate(found):
        if entry.proposal.id == cursor:
            return i + 1
    last = audience.rows.find_closed(cursor)
    if last is None:
        proposal = ledger.proposals.load(cursor)
        last = OpenEntry(proposal, layout.open_key(proposal), due_time(proposal), read_numbers(proposal), "")
    at = key(last)
    return next((i for i, entry in enumerate(found) if at < key(entry)), len(found))


# From the store


def _list_page(ledger: Ledger, wanted: ProposalQuery, audience: Audience) -> tuple[list[Proposal], str | None]:
    """Return a page of the proposals that match a query, and the cursor of the next page.

    If the query has `mine`, only open proposals that the reader may decide are returned. Proposals that are assigned to
    the reader come first.
    """
    if wanted.mine is None or not wanted.is_open:
        return _scan_proposals(ledger, wanted, lambda p: True, wanted.cursor, wanted.limit)
    user = audience.viewer.user
    found: list[Proposal] = []
    cursor = wanted.cursor
    if cursor is None or ledger.proposals.load(cursor).assignee == user:
        found, _ = _scan_proposals(
            ledger, wanted, lambda p: p.assignee == user and has_seat(p, audience), cursor, wanted.limit
        )
        cursor = None
    if len(found) < wanted.limit:
        left = wanted.limit - len(found)
        found += _scan_proposals(ledger, wanted, lambda p: p.assignee != user and has_seat(p, audience), cursor, left)[
            0
        ]
    return found, found[-1].id if len(found) == wanted.limit else None


def _scan_proposals(
    ledger: Ledger, wanted: ProposalQuery, fits: Callable[[Proposal], bool], after: str | None, limit: int
) -> tuple[list[Proposal], str | None]:
    """Return the proposals that match a query, by reading pages of the ledger until enough proposals match.

    Args:
        ledger: The ledger to read.
        wanted: The query.
        fits: Additional condition: returns whether a proposal is wanted.
        after: Id of the proposal after which to begin; None for the first page.
        limit: Maximum number of proposals to return.

    Returns:
        The proposals, and the id after which the next page begins; None at the end.
    """
    at = now()
    size = max(limit, _SCAN_PAGE_SIZE) if wanted.is_picky else limit
    found: list[Proposal] = []
    scanned = 0
    while True:
        page = _read_page(ledger, wanted, size, after)
        for proposal in page:
            if _is_past(proposal, wanted, at):
                return found, None
            after = proposal.id
            if (
                matches_query(proposal, wanted, at)
                and fits(proposal)
                and (wanted.is_open or find_words(ledger, proposal, wanted.search))
            ):
                found.append(proposal)
            if len(found) == limit:
                return found, after
        scanned += len(page)
        if len(page) < size:
            return found, None
        if not wanted.is_open and scanned >= _MAX_SCANNED:
            return found, after


def _is_past(proposal: Proposal, wanted: ProposalQuery, at: Any) -> bool:
    """Return whether no later proposal of the list can match, because of its age or the time of its decision.

    Open proposals are sorted oldest first. Closed ones are sorted newest first, by the time of their decision.
    """
    if wanted.is_open:
        return wanted.older_than is not None and (at - proposal.created_at).total_seconds() < wanted.older_than
    made = proposal.decision
    return wanted.since is not None and (proposal.created_at if made is None else made.decided_at) < wanted.since


def _read_page(ledger: Ledger, wanted: ProposalQuery, size: int, after: str | None) -> list[Proposal]:
    if wanted.is_open:
        return ledger.proposals.list_open(notebook=wanted.notebook, agent=wanted.agent, limit=size, after=after)
    return ledger.proposals.list_closed(
        status=wanted.closed_status,
        notebook=wanted.notebook,
        agent=wanted.agent,
        reviewer=wanted.reviewer,
        limit=size,
        after=after,
    )
