"""Identify the user behind a request, how the server knows them, and whether they may decide.

`username` is the identity; users may edit their display names. A bare token names no user: the server makes up an
anonymous one. JupyterHub's authorizer checks neither action nor resource, so permissions are checked here too, not
only by the `Authorizer`.
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
"""Assurance level of a decision: evidence against accidents, not against code that runs as the server's own user."""


@dataclass(frozen=True)
class Person:
    """The user who made a request.

    Attributes:
        username: The identity.
        display_name: Name shown to people; users may edit it.
        authn: How the server knows the user.
        page: Id of what the standalone page shows in which the request was made; "" for a request from elsewhere.
    """

    username: str
    display_name: str
    authn: Authn
    page: str = ""


def identify_user(handler: Any) -> Person:
    """Return the user behind an authenticated request."""
    user = handler.current_user
    if handler.token_authenticated:
        authn: Authn = "token"
    else:
        authn = "login" if _is_login(handler.identity_provider, user.username) else "anonymous"
    page = windows.find_page(handler, user.username)
    return Person(user.username, user.display_name or user.name or user.username, authn, page)


def lets_log_in(provider: Any) -> bool:
    """Return whether an identity provider can tell users apart from anybody who knows the server's token.

    Jupyter's own provider knows one password. Its cookie proves a login only if there is no token, which could have
    been typed instead. Any other provider has its own logins.
    """
    return not _is_jupyter_provider(provider) or (bool(getattr(provider, "hashed_password", "")) and not provider.token)


def _is_login(provider: Any, username: str) -> bool:
    """Return whether a cookie with this name proves a login. Jupyter's own provider makes up all names."""
    return lets_log_in(provider) and is_made_up(username) is _is_jupyter_provider(provider)


def _is_jupyter_provider(provider: Any) -> bool:
    from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider

    return type(provider) in (IdentityProvider, PasswordIdentityProvider)


def decision_refusal(context: ServerContext, who: Person) -> str | None:
    """Return a sentence that says why this user may not decide; None if they may."""
    allowed = context.settings.reviewers
    if allowed:
        return (
            None if who.username in allowed and who.authn == "login" else f"{who.username} is not among the reviewers"
        )
    tokens = context.settings.allow_token_decisions
    if who.authn != "login" and not (context.is_single_user if tokens is None else tokens):
        return (
            "this server accepts decisions only from people who are logged in, but you are known only by its token. "
            "To allow your decisions, set c.HitlNb.allow_token_decisions = True"
        )
    return None


def voting_name(context: ServerContext, who: Person) -> str:
    """Return the name under which this user votes if a policy names people.

    On a single-user server, anybody who knows its token or password is the user who runs it, and has the same name in
    every browser. A name that Jupyter made up would have no seat in a policy, and would differ in each browser.
    """
    is_nameless = who.authn != "login" or is_made_up(who.username)
    return os_user() if context.is_single_user and is_nameless else who.username


def attest_reviewer(context: ServerContext, ledger: Ledger, who: Person, *about: str) -> ReviewerAttestation:
    """Return the attestation that is recorded and signed with a user's decision or comment.

    Args:
        context: State of the server; its key signs.
        ledger: The ledger to read.
        who: The user.
        *about: Ids of the proposals or documents concerned. The surface is "page" only if the standalone page of the
            request shows all of them.
    """
    in_page = bool(who.page) and all(one == who.page or _is_shown(ledger, one, who.page) for one in about)
    return ReviewerAttestation(context.key, who.display_name, who.authn, ASSURANCE, "page" if in_page else "shared")


def _is_shown(ledger: Ledger, about: str, page: str) -> bool:
    """Return whether the standalone page of `page` also shows `about`: a workspace and its review share a page."""
    return _document_of(ledger, about) == _document_of(ledger, page)


def _document_of(ledger: Ledger, record_id: str) -> str:
    try:
        proposal = ledger.proposals.load(record_id)
    except UnknownProposal:
        return record_id
    return proposal.document or proposal.id
