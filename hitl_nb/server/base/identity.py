"""Who asks, how the server knows them, and whether they may decide.

`username` is the identity; display names may be edited by their owners. A bare token names nobody: the server makes up
an anonymous user. JupyterHub's authorizer looks at neither action nor resource, so what a person may do is asked here
too, not only of the `Authorizer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hitl_nb.errors import UnknownProposal
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.requesters import os_user
from hitl_nb.policies.terms.seats import is_made_up
from hitl_nb.records import Authn
from hitl_nb.server.base import browser_windows as windows
from hitl_nb.server.base.context import ServerContext

ASSURANCE = "A0"
"""What is promised about a decision: evidence against accidents, not against code of the server's own user."""


@dataclass(frozen=True)
class Person:
    """Who made a request.

    Attributes:
        authn: how the server knows.
        page: the id of what the page of its own shows that the request was made in; "" for a request from elsewhere.
    """

    username: str
    display_name: str
    authn: Authn
    page: str = ""


def identify_user(handler: Any) -> Person:
    """The person behind an authenticated request."""
    user = handler.current_user
    if handler.token_authenticated:
        authn: Authn = "token"
    else:
        authn = "login" if _is_login(handler.identity_provider, user.username) else "anonymous"
    page = windows.find_page(handler, user.username)
    return Person(user.username, user.display_name or user.name or user.username, authn, page)


def lets_log_in(provider: Any) -> bool:
    """Whether an identity provider can tell people from those who know the server's token.

    Jupyter's own knows one password. A cookie stands for it only if there is no token, which may have been typed
    instead; any other provider has ways of its own.
    """
    return not _is_jupyter_provider(provider) or (bool(getattr(provider, "hashed_password", "")) and not provider.token)


def _is_login(provider: Any, username: str) -> bool:
    """Whether a login cookie of this name stands for a login. Jupyter's own provider makes up all names."""
    return lets_log_in(provider) and is_made_up(username) is _is_jupyter_provider(provider)


def _is_jupyter_provider(provider: Any) -> bool:
    from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider

    return type(provider) in (IdentityProvider, PasswordIdentityProvider)


def decision_refusal(context: ServerContext, who: Person) -> str | None:
    """Why this person may not decide, in a sentence; None if they may."""
    allowed = context.settings.reviewers
    if allowed:
        return (
            None if who.username in allowed and who.authn == "login" else f"{who.username} is not among the reviewers"
        )
    tokens = context.settings.allow_token_decisions
    if who.authn != "login" and not (context.is_single_user if tokens is None else tokens):
        return (
            "this server accepts decisions only from people who logged in, and you are known by its token alone; "
            "c.HitlNb.allow_token_decisions = True changes that"
        )
    return None


def voting_name(context: ServerContext, who: Person) -> str:
    """Under which name this person votes where a policy names people.

    On a server of one user, a person who knows its token or its password is that user: in two browsers the same one,
    and who started what it runs. A name that Jupyter made up would have no seat, and be somebody else in each browser.
    """
    is_nameless = who.authn != "login" or is_made_up(who.username)
    return os_user() if context.is_single_user and is_nameless else who.username


def attest_reviewer(context: ServerContext, ledger: Ledger, who: Person, *about: str) -> ReviewerAttestation:
    """What is recorded, and signed, with what this person says about proposals or documents."""
    in_page = bool(who.page) and all(one == who.page or _is_shown(ledger, one, who.page) for one in about)
    return ReviewerAttestation(context.key, who.display_name, who.authn, ASSURANCE, "page" if in_page else "shared")


def _is_shown(ledger: Ledger, about: str, page: str) -> bool:
    """Whether the page of one thing shows the other too: a workspace, and a question whether it is done."""
    return _document_of(ledger, about) == _document_of(ledger, page)


def _document_of(ledger: Ledger, id: str) -> str:  # noqa: A002
    try:
        proposal = ledger.load_proposal(id)
    except UnknownProposal:
        return id
    return proposal.document or proposal.id
