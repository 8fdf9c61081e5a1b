"""`inbox()`, `decide()` and `decided()`: for programs that show proposals to people and bring back their decisions.

A chat bot or a web page of one's own needs no more than these. Decisions are stored in the same way as by
`hitl-nb approve` and `%hitl`. They are bound to the proposal as the person saw it. They have no proof of the person's
identity (`known` is "unsigned"), because only a server that knows its users can sign a decision.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.questions import check_edit, encode_as_kind
from hitl_nb.ledger.decisions.decisions import refuse_changed
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import ACTIONS, Action, Proposal
from hitl_nb.review.decide_from_text import decide_seen, require_allowed
from hitl_nb.storage import Store, open_store
from hitl_nb.values.json_values import to_json

WAIT_SECONDS = 0.5
"""Most seconds that `decided` waits for the store before it looks again, so that a deadline counts in time."""

_Seen = Mapping[str, Any]


def inbox(
    *,
    notebook: str | None = None,
    agent: str | None = None,
    limit: int = 50,
    after: Proposal | str | None = None,
    store: Store | None = None,
) -> list[Proposal]:
    """Return the proposals that wait for a decision, oldest first.

    Args:
        notebook: Path of a notebook, script or module; only its proposals are returned. None (default): all.
        agent: Name of an agent; only its proposals are returned. None (default): all.
        limit: Most proposals to return, 1 or more.
        after: The last proposal of the previous page, or its id. None (default): begin with the oldest one.
        store: The store, from `open_store`. None (default): this user's store.

    Returns:
        The proposals. Pass one to `decide` as the person saw it.

    Raises:
        UnknownProposal: No proposal has the id `after`.
        ValueError: `limit` is below 1.
        StoreError: The store cannot be read.
    """
    last = after.id if isinstance(after, Proposal) else after
    return _open_ledger(store).proposals.list_open(notebook=notebook, agent=agent, limit=limit, after=last)


def decide(
    proposal: Proposal | str,
    action: Action,
    value: Any = None,
    *,
    reviewer: str,
    reason: str | None = None,
    seen: _Seen | None = None,
    store: Store | None = None,
) -> Proposal:
    """Store a person's decision on a proposal. It counts only for the proposal that this person saw.

    The decision is durable when this returns; the run resumes when it is run again. If a policy requires several
    people, this is a vote, and the returned proposal may still be open. A program that decides without a person must
    not use this function: write a policy for that.

    Args:
        proposal: The proposal as the person saw it, from `inbox` or `run.open`. Or its id; then give `seen`.
        action: "approve", "edit", "reject" or "respond".
        value: For "edit" the new value, in the type that was proposed or as JSON. For "respond" the message.
            Otherwise None.
        reviewer: Name of the person who decides.
        reason: Reason of the person. None (default): no reason.
        seen: Mapping with the "revision" and the "fingerprint" that the person saw, for example the JSON document of
            `hitl-nb show --json`. Needed if `proposal` is an id.
        store: The store, from `open_store`. None (default): this user's store.

    Returns:
        The proposal with its decision or with the new vote.

    Raises:
        AlreadyDecided: The proposal was decided before; the error names the reviewer and the decision.
        StaleDraft: The proposal has changed since the person saw it; nothing was decided.
        InvalidEdit: The edited value is not valid; the error has a message for each field.
        NotAReviewer: The policy does not allow this person to decide.
        UnknownProposal: No proposal has this id.
        HitlError: The proposal does not allow the action.
        TypeError, ValueError: The arguments are wrong, or `seen` is missing.
    """
    _check_arguments(action, value, reviewer)
    ledger = _open_ledger(store)
    shown = proposal if isinstance(proposal, Proposal) else _load_seen(ledger, proposal, seen)
    if shown.status == "open":
        require_allowed(shown, action)
        if action == "edit":
            value = _check_value(shown, value)
    return decide_seen(ledger, shown, action, value, reason=reason, reviewer=reviewer.strip())


async def decided(
    proposal: Proposal | str,
    *,
    timeout: float | None = None,  # noqa: ASYNC109 - waiting without a limit is the default
    store: Store | None = None,
) -> Proposal:
    """Wait until a proposal is no longer open, and return it.

    The event loop is free meanwhile. To cancel the waiting has no effect on the proposal.

    Args:
        proposal: The proposal, or its id.
        timeout: Most seconds to wait; 0: only look. None (default): no limit.
        store: The store, from `open_store`. None (default): this user's store.

    Returns:
        The proposal. Its `status` is "decided", with the decision in `decision`, or "expired" or "superseded" if the
        run no longer asks. The decision was compared with the audit log.

    Raises:
        TimeoutError: The proposal is still open after `timeout` seconds.
        UnknownProposal: No proposal has this id.
        StoreCorrupt: The decision is not the one in the audit log.
    """
    from anyio import CapacityLimiter, to_thread

    ledger = _open_ledger(store)
    proposal_id = proposal.id if isinstance(proposal, Proposal) else proposal
    end, thread = None if timeout is None else time.monotonic() + timeout, CapacityLimiter(1)
    while True:
        version = await to_thread.run_sync(ledger.store.version, limiter=thread)
        found = await to_thread.run_sync(_load_verified, ledger, proposal_id, limiter=thread)
        if found.status != "open":
            return found
        left = WAIT_SECONDS if end is None else min(WAIT_SECONDS, end - time.monotonic())
        if left <= 0:
            raise TimeoutError(f"{found.title!r} ({found.id}) is still open after {timeout} s")
        await to_thread.run_sync(ledger.store.wait, version, left, abandon_on_cancel=True, limiter=thread)


def _open_ledger(store: Store | None) -> Ledger:
    return Ledger(store or open_store())


def _load_verified(ledger: Ledger, proposal_id: str) -> Proposal:
    """Return a proposal. If it is no longer open, its decision is compared with the audit log."""
    found = ledger.proposals.load(proposal_id)
    if found.status == "open":
        return found
    return next(one for one in ledger.proposals.list_of_run(found.run, found.pause) if one.id == found.id)


def _check_arguments(action: Any, value: Any, reviewer: Any) -> None:
    if action not in ACTIONS:
        raise ValueError(f"action must be one of {', '.join(ACTIONS)}, not {action!r}")
    if not isinstance(reviewer, str) or not reviewer.strip():
        raise ValueError(f"reviewer must be the name of the person who decides, not {reviewer!r}")
    if action == "respond" and (not isinstance(value, str) or not value.strip()):
        raise ValueError("a response needs a message: a str that is not empty")
    if action in ("approve", "reject") and value is not None:
        raise ValueError(f"{action!r} takes no value; give the text as the reason")


def _load_seen(ledger: Ledger, proposal_id: str, seen: _Seen | None) -> Proposal:
    """Return the proposal with this id, if it is still the one that the person saw."""
    if not isinstance(proposal_id, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise TypeError(f"proposal must be a proposal or its id, not {type(proposal_id).__name__}")
    revision, fingerprint = (None, None) if seen is None else (seen.get("revision"), seen.get("fingerprint"))
    if type(revision) is not int or not isinstance(fingerprint, str):
        raise TypeError(
            "a decision on an id needs seen={'revision': ..., 'fingerprint': ...}: it counts only for what the person "
            "saw. Or pass the proposal itself"
        )
    found = ledger.proposals.load(proposal_id)
    if found.status == "open":
        refuse_changed(found, fingerprint, revision)
    return found


def _check_value(proposal: Proposal, value: Any) -> Any:
    """Return the JSON of an edited value, which may be JSON or an object of the proposed type.

    Raises:
        InvalidEdit: The value is not valid for the proposal.
    """
    try:
        plain = to_json(value)
    except (TypeError, ValueError):
        try:
            plain = encode_as_kind(value, proposal.kind)
        except (TypeError, ValueError) as error:
            raise InvalidEdit({"": str(error)}) from None
    return check_edit(proposal, plain)
