"""Identity of reviewers and authors, and its text for people, which is the same wherever it is shown.

A name alone proves nothing: any program of this user can write one. So a person's name is shown without a remark only
if a server that this process knows has signed that the person logged in.
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
"""Remark for a decision after a login that was not made in the separate page. There, a script of the same origin can
make such a decision too."""
POLICY_REVIEWER = "policy:"
"""Prefix before the ids of the rules if a policy is the reviewer."""


def identify_reviewer(store_id: str, proposal: Proposal) -> Known | None:
    """Check the signature of a proposal's decision, and return how its reviewer was identified.

    Only signed identities count. A login on a server without logins counts as a token.

    Returns:
        The kind of identification; None if the proposal is not decided.
    """
    made = proposal.decision
    if made is None:
        return None
    if made.signature is not None and not _is_signed(store_id, proposal, made):
        return "unsigned" if made.by == "person" else made.by
    return identify_checked_reviewer(made)


def identify_voter(store_id: str, proposal: Proposal, vote: VoteRecord) -> Known:
    """Check the signature of a vote on a proposal, and return how its voter was identified."""
    if vote.by == "script":
        return "script"
    if vote.signature is None or not signatures.is_vote_signed(store_id, proposal, vote):
        return "unsigned"
    return "token" if vote.authn == "login" and not signatures.logins_are_possible() else vote.authn or "unsigned"


def _is_signed(store_id: str, proposal: Proposal, made: DecisionRecord) -> bool:
    """Return whether a known server signed the decision; under terms, the vote that completed it."""
    if proposal.terms is None:
        return signatures.is_decision_signed(store_id, proposal, made)
    vote = find_recorded_completing_vote(proposal)
    return vote is not None and signatures.is_vote_signed(store_id, proposal, vote)


def identify_checked_reviewer(made: DecisionRecord) -> Known:
    """Return how a reviewer was identified, for a decision with a checked signature (`Proposals.list_of_run`)."""
    return made.by if made.by != "person" else identify_checked_voter(made)


def identify_checked_voter(said: DecisionRecord | VoteRecord) -> Known:
    """Return how a person was identified, for a decision or vote with a checked signature."""
    if said.signature is None:
        return "unsigned"
    if said.authn == "login" and not signatures.logins_are_possible():
        return "token"
    return said.authn or "unsigned"


def identify_speaker(store_id: str, document: str, said: AttestedRecord, user: str) -> Speaker:
    """Check the signature of a comment or a state change, and return how its author was identified.

    Args:
        store_id: Id of the store.
        document: Id of the document.
        said: The comment, or the change of a comment's state.
        user: User name of the author.
    """
    if said.signature is None:
        return "agent" if user.startswith(AGENT) else "unsigned"
    if said.authn is None or not signatures.is_statement_signed(store_id, document, said):
        return "unsigned"
    return "token" if said.authn == "login" and not signatures.logins_are_possible() else said.authn


def format_speaker(user: str, name: str, known: Speaker) -> str:
    """Return the author's name and the kind of identification as text for people."""
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
    """Return the author of a comment as text for people."""
    return format_speaker(comment.author, comment.author_name, comment.known)


def format_user(user: str, name: str) -> str:
    """Return a display name with the user name, because people may change their display names."""
    shown = " ".join(name.split())
    return f"{shown} ({user})" if shown and shown != user else user


def format_decider(made: DecisionRecord | VoteRecord, known: Known | None) -> str:
    """Return the reviewer or voter and the kind of identification as text for people."""
    return format_person(made.reviewer, made.reviewer_name, known, made.surface)


def format_person(reviewer: str, name: str, known: Known | None, surface: Surface | None) -> str:
    """Return the text of `format_decider` for recorded data. The extension has the same in `view/state.ts`: `identity`.

    Args:
        reviewer: User name.
        name: Display name.
        known: How the person was identified; None: not at all.
        surface: The page or window in which the decision was made; None: unknown.
    """
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
            # If a script voted in a person's name, `name` is the name of the script.
            return f"the script {name}, as {reviewer}" if name else f"the script {reviewer}"
        case _:
            return f"{reviewer} (unsigned: any program of this user can say so)"
