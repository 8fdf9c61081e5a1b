"""How reviewers and authors were identified, and texts about it for people, which are the same in all places.

A name alone proves nothing, because any program of this user can write one. So the name of a person is shown without a
remark only if a known server has signed that the person was logged in. A server is *known* if this process has its
public key (see `signatures.py`).
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
"""Remark for a decision of a person who was logged in, but did not decide in the separate review page.

In other pages of the server, a script in a notebook's HTML can make such a decision too.
"""
POLICY_REVIEWER = "policy:"
"""Prefix of the reviewer's name if a policy has decided; the ids of the rules follow."""


def identify_reviewer(store_id: str, proposal: Proposal) -> Known | None:
    """Check the signature of a proposal's decision, and return how the reviewer was identified.

    Only identities that a known server has signed count. If the server has no logins, "login" counts as "token".

    Returns:
        "login", "token", "anonymous" or "unsigned" for a person; "policy", "deadline" or "script" if no person decided.
        None: the proposal is not decided.
    """
    made = proposal.decision
    if made is None:
        return None
    if made.signature is not None and not _is_signed(store_id, proposal, made):
        return "unsigned" if made.by == "person" else made.by
    return identify_checked_reviewer(made)


def identify_voter(store_id: str, proposal: Proposal, vote: VoteRecord) -> Known:
    """Check the signature of a vote on a proposal, and return how the voter was identified.

    Returns:
        "login", "token", "anonymous" or "unsigned" for a person; "script" for a vote of a decisions file.
    """
    if vote.by == "script":
        return "script"
    if vote.signature is None or not signatures.is_vote_signed(store_id, proposal, vote):
        return "unsigned"
    return "token" if vote.authn == "login" and not signatures.logins_are_possible() else vote.authn or "unsigned"


def _is_signed(store_id: str, proposal: Proposal, made: DecisionRecord) -> bool:
    """Return whether a known server signed the decision of a proposal.

    With terms (review rules), the vote that completed the decision must be signed.
    """
    if proposal.terms is None:
        return signatures.is_decision_signed(store_id, proposal, made)
    vote = find_recorded_completing_vote(proposal)
    return vote is not None and signatures.is_vote_signed(store_id, proposal, vote)


def identify_checked_reviewer(made: DecisionRecord) -> Known:
    """Return how the reviewer of a decision was identified, without checking the signature.

    The caller has checked it already, as `Proposals.list_of_run` does. The values are those of `identify_reviewer`.
    """
    return made.by if made.by != "person" else identify_checked_voter(made)


def identify_checked_voter(said: DecisionRecord | VoteRecord) -> Known:
    """Return how a person was identified, for a decision or vote whose signature the caller has checked already.

    Returns:
        "login", "token", "anonymous" or "unsigned".
    """
    if said.signature is None:
        return "unsigned"
    if said.authn == "login" and not signatures.logins_are_possible():
        return "token"
    return said.authn or "unsigned"


def identify_speaker(store_id: str, document: str, said: AttestedRecord, user: str) -> Speaker:
    """Check the signature of a comment, or of a state change, and return how the author was identified.

    Args:
        store_id: Id of the store.
        document: Id of the document.
        said: The comment, or the change of a comment's state.
        user: User name of the author; for an agent, `AGENT` and its name.

    Returns:
        "login", "token", "anonymous" or "unsigned" for a person; "agent" for an agent.
    """
    if said.signature is None:
        return "agent" if user.startswith(AGENT) else "unsigned"
    if said.authn is None or not signatures.is_statement_signed(store_id, document, said):
        return "unsigned"
    return "token" if said.authn == "login" and not signatures.logins_are_possible() else said.authn


def format_speaker(user: str, name: str, known: Speaker) -> str:
    """Return the name of a comment's author, and how the author was identified, as text for people.

    Args:
        user: User name; for an agent, `AGENT` and its name.
        name: Display name.
        known: How the author was identified, from `identify_speaker`.
    """
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
    """Return the name of a comment's author, and how the author was identified, as text for people."""
    return format_speaker(comment.author, comment.author_name, comment.known)


def format_user(user: str, name: str) -> str:
    """Return a display name with the user name in brackets: "Ada Lovelace (ada)".

    Without a display name, only the user name is returned.

    The user name is shown too, because people can change their display names.
    """
    shown = " ".join(name.split())
    return f"{shown} ({user})" if shown and shown != user else user


def format_decider(made: DecisionRecord | VoteRecord, known: Known | None) -> str:
    """Return the name of a reviewer or voter, and how the person was identified, as text for people.

    Args:
        made: The decision or vote.
        known: How the person was identified, from `identify_reviewer` or `identify_voter`. None: not at all.
    """
    return format_person(made.reviewer, made.reviewer_name, known, made.surface)


def format_person(reviewer: str, name: str, known: Known | None, surface: Surface | None) -> str:
    """Return the name of a person who decided, and how the person was identified, as text for people.

    The JupyterLab extension has the same texts in `identity` of `view/state.ts`.

    Args:
        reviewer: User name; for a policy, `POLICY_REVIEWER` and the ids of its rules.
        name: Display name. If a script has decided for the person, the name of the script.
        known: How the person was identified; None: not at all.
        surface: Kind of browser page in which the decision was made (see `Surface`); None: unknown.
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
