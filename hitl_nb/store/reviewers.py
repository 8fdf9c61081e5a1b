"""Who decided, and how that is known: said in the same words wherever a decision is shown.

A name proves nothing by itself: any program of this user can write one. So a person's name stands without a remark
only where a server that this process knows has signed that they logged in.
"""

from __future__ import annotations

from hitl_nb.records import DecisionRecord, Known, Proposal
from hitl_nb.store import signatures

REACHABLE = ", in a window where notebooks' HTML runs"
"""Said of a login's decision that was not made in the page of its own: script of the same origin can decide so too."""


def how_known(store_id: str, p: Proposal) -> Known | None:
    """How it is known who decided a proposal, its signature checked; None if nobody has.

    What a signature does not vouch for is not believed: a login that the server cannot have seen counts as a token.
    """
    made = p.decision
    if made is None:
        return None
    if made.signature is not None and not signatures.is_signed(store_id, p, made):
        return "unsigned" if made.by == "person" else made.by
    return known_if_checked(made)


def known_if_checked(made: DecisionRecord) -> Known:
    """`how_known` of a decision that `Ledger.proposals` gave, which has checked its signature."""
    if made.by != "person":
        return made.by
    if made.signature is None:
        return "unsigned"
    if made.authn == "login" and not signatures.logins_are_possible():
        return "token"
    return made.authn or "unsigned"


def decider(made: DecisionRecord, known: Known | None) -> str:
    """Who made a decision, and how that is known, in words for people."""
    match known:
        case "login":
            name = " ".join(made.reviewer_name.split())
            who = f"{name} ({made.reviewer})" if name and name != made.reviewer else made.reviewer
            return f"{who}, logged in" if made.surface == "page" else f"{who}, logged in{REACHABLE}"
        case "token":
            return "a guest (the server knows its token only)"
        case "anonymous":
            return "a guest (not logged in)"
        case "policy":
            return f"the policy {made.reviewer}"
        case "deadline":
            return "the deadline"
        case "script":
            return f"the script {made.reviewer}"
        case _:
            return f"{made.reviewer} (unsigned: any program of this user can say so)"
