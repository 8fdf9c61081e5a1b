"""Who decided or said something, and how that is known: in the same words wherever it is shown.

A name proves nothing by itself: any program of this user can write one. So a person's name stands without a remark
only where a server that this process knows has signed that they logged in.
"""

from __future__ import annotations

from hitl_nb.ledger.decisions import signatures
from hitl_nb.policies.terms.decision_check import completing_vote
from hitl_nb.records import AGENT, Comment, DecisionRecord, Known, Proposal, Speaker, Surface, Vote, Vouched

REACHABLE = ", in a window where notebooks' HTML runs"
"""Said of a login's decision that was not made in the page of its own: script of the same origin can decide so too."""
POLICY = "policy:"
"""What stands before the ids of rules where a policy is who decided."""


def how_known(store_id: str, p: Proposal) -> Known | None:
    """How it is known who decided a proposal, its signature checked; None if nobody has.

    What a signature does not vouch for is not believed: a login that the server cannot have seen counts as a token.
    """
    made = p.decision
    if made is None:
        return None
    if made.signature is not None and not _is_signed(store_id, p, made):
        return "unsigned" if made.by == "person" else made.by
    return known_if_checked(made)


def vote_known(store_id: str, p: Proposal, vote: Vote) -> Known:
    """How it is known who gave a vote on a proposal, its signature checked."""
    if vote.by == "script":
        return "script"
    if vote.signature is None or not signatures.is_vote_signed(store_id, p, vote):
        return "unsigned"
    return "token" if vote.authn == "login" and not signatures.logins_are_possible() else vote.authn or "unsigned"


def _is_signed(store_id: str, p: Proposal, made: DecisionRecord) -> bool:
    """Whether a known server signed the decision: under terms, the vote that completed it, in whose name it is."""
    if p.terms is None:
        return signatures.is_signed(store_id, p, made)
    vote = completing_vote(p)
    return vote is not None and signatures.is_vote_signed(store_id, p, vote)


def known_if_checked(made: DecisionRecord) -> Known:
    """`how_known` of a decision that `Ledger.proposals` gave, which has checked its signature."""
    return made.by if made.by != "person" else known_voter(made)


def known_voter(said: DecisionRecord | Vote) -> Known:
    """How it is known which person said it, the signature being checked already."""
    if said.signature is None:
        return "unsigned"
    if said.authn == "login" and not signatures.logins_are_possible():
        return "token"
    return said.authn or "unsigned"


def known_speaker(store_id: str, document: str, said: Vouched, user: str) -> Speaker:
    """How it is known who said something about a document, or what became of a comment; its signature is checked."""
    if said.signature is None:
        return "agent" if user.startswith(AGENT) else "unsigned"
    if said.authn is None or not signatures.is_said(store_id, document, said):
        return "unsigned"
    return "token" if said.authn == "login" and not signatures.logins_are_possible() else said.authn


def speaker(user: str, name: str, known: Speaker) -> str:
    """Who said something, and how that is known, in words for people."""
    match known:
        case "login":
            return named(user, name)
        case "token" | "anonymous":
            return f"{named(user, name)}, a guest"
        case "agent":
            return f"the agent {user.removeprefix(AGENT)}"
        case "unsigned":
            return f"{named(user, name)} (unsigned: any program of this user can say so)"


def author(comment: Comment) -> str:
    """Who said a comment, in words for people."""
    return speaker(comment.author, comment.author_name, comment.known)


def named(user: str, name: str) -> str:
    """People may change the names they are shown with, so the user name is told too."""
    shown = " ".join(name.split())
    return f"{shown} ({user})" if shown and shown != user else user


def decider(made: DecisionRecord | Vote, known: Known | None) -> str:
    """Who made a decision or voted, and how that is known, in words for people."""
    return person(made.reviewer, made.reviewer_name, known, made.surface)


def person(reviewer: str, name: str, known: Known | None, surface: Surface | None) -> str:
    """`decider`, of what is recorded about them. In the extension it is `identity` in `view/state.ts`."""
    match known:
        case "login":
            who = named(reviewer, name)
            return f"{who}, logged in" if surface == "page" else f"{who}, logged in{REACHABLE}"
        case "token":
            return "a guest (the server knows its token only)"
        case "anonymous":
            return "a guest (not logged in)"
        case "policy":
            return f"the policy {reviewer.removeprefix(POLICY)}"
        case "deadline":
            return "the deadline"
        case "script":
            # The name is that of the script, where it voted in a person's name.
            return f"the script {name}, as {reviewer}" if name else f"the script {reviewer}"
        case _:
            return f"{reviewer} (unsigned: any program of this user can say so)"
