"""Who decided or said something, and how that is known: in the same words wherever it is shown.

A name proves nothing by itself: any program of this user can write one. So a person's name stands without a remark
only where a server that this process knows has signed that they logged in.
"""

from __future__ import annotations

from hitl_nb.ledger.decisions import signatures
from hitl_nb.policies.terms.decision_check import find_recorded_completing_vote
from hitl_nb.records import (
    AGENT,
    AttestedRecord,
    Comment,
    DecisionRecord,
    Known,
    Proposal,
    Speaker,
    Surface,
    VoteRecord,
)

SHARED_WINDOW_NOTE = ", in a window where notebooks' HTML runs"
"""Said of a login's decision that was not made in the page of its own: script of the same origin can decide so too."""
POLICY_REVIEWER = "policy:"
"""What stands before the ids of rules where a policy is who decided."""


def identify_reviewer(store_id: str, proposal: Proposal) -> Known | None:
    """How it is known who decided a proposal, its signature checked; None if nobody has.

    What a signature does not vouch for is not believed: a login that the server cannot have seen counts as a token.
    """
    made = proposal.decision
    if made is None:
        return None
    if made.signature is not None and not _is_signed(store_id, proposal, made):
        return "unsigned" if made.by == "person" else made.by
    return identify_checked_reviewer(made)


def identify_voter(store_id: str, proposal: Proposal, vote: VoteRecord) -> Known:
    """How it is known who gave a vote on a proposal, its signature checked."""
    if vote.by == "script":
        return "script"
    if vote.signature is None or not signatures.is_vote_signed(store_id, proposal, vote):
        return "unsigned"
    return "token" if vote.authn == "login" and not signatures.logins_are_possible() else vote.authn or "unsigned"


def _is_signed(store_id: str, proposal: Proposal, made: DecisionRecord) -> bool:
    """Whether a known server signed the decision: under terms, the vote that completed it, in whose name it is."""
    if proposal.terms is None:
        return signatures.is_decision_signed(store_id, proposal, made)
    vote = find_recorded_completing_vote(proposal)
    return vote is not None and signatures.is_vote_signed(store_id, proposal, vote)


def identify_checked_reviewer(made: DecisionRecord) -> Known:
    """`identify_reviewer` of a decision that `Ledger.proposals` gave, which has checked its signature."""
    return made.by if made.by != "person" else identify_checked_voter(made)


def identify_checked_voter(said: DecisionRecord | VoteRecord) -> Known:
    """How it is known which person said it, the signature being checked already."""
    if said.signature is None:
        return "unsigned"
    if said.authn == "login" and not signatures.logins_are_possible():
        return "token"
    return said.authn or "unsigned"


def identify_speaker(store_id: str, document: str, said: AttestedRecord, user: str) -> Speaker:
    """How it is known who said something about a document, or what became of a comment; its signature is checked."""
    if said.signature is None:
        return "agent" if user.startswith(AGENT) else "unsigned"
    if said.authn is None or not signatures.is_statement_signed(store_id, document, said):
        return "unsigned"
    return "token" if said.authn == "login" and not signatures.logins_are_possible() else said.authn


def format_speaker(user: str, name: str, known: Speaker) -> str:
    """Who said something, and how that is known, in words for people."""
    match known:
        case "login":
            return format_user(user, name)
        case "token" | "anonymous":
            return f"{format_user(user, name)}, a guest"
        case "agent":
            return f"the agent {user.removeprefix(AGENT)}"
        case "unsigned":
            return f"{format_user(user, name)} (unsigned: any program of this user can say so)"


def format_author(comment: Comment) -> str:
    """Who said a comment, in words for people."""
    return format_speaker(comment.author, comment.author_name, comment.known)


def format_user(user: str, name: str) -> str:
    """People may change the names they are shown with, so the user name is told too."""
    shown = " ".join(name.split())
    return f"{shown} ({user})" if shown and shown != user else user


def format_decider(made: DecisionRecord | VoteRecord, known: Known | None) -> str:
    """Who made a decision or voted, and how that is known, in words for people."""
    return format_person(made.reviewer, made.reviewer_name, known, made.surface)


def format_person(reviewer: str, name: str, known: Known | None, surface: Surface | None) -> str:
    """`format_decider`, of what is recorded about them. In the extension it is `identity` in `view/state.ts`."""
    match known:
        case "login":
            who = format_user(reviewer, name)
            return f"{who}, logged in" if surface == "page" else f"{who}, logged in{SHARED_WINDOW_NOTE}"
        case "token":
            return "a guest (the server knows its token only)"
        case "anonymous":
            return "a guest (not logged in)"
        case "policy":
            return f"the policy {reviewer.removeprefix(POLICY_REVIEWER)}"
        case "deadline":
            return "the deadline"
        case "script":
            # The name is that of the script, where it voted in a person's name.
            return f"the script {name}, as {reviewer}" if name else f"the script {reviewer}"
        case _:
            return f"{reviewer} (unsigned: any program of this user can say so)"
