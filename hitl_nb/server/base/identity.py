"""Identify the user of a request, determine how the server knows this user, and whether the user may decide.

`username` is the identity; users may change their display names. If a request has only the server's token, the server
does not know the user, and makes up an anonymous name. The authorizer of JupyterHub checks neither action nor resource.
So this module checks permissions too, in addition to the server's `Authorizer`.
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
        username: The user name, which is the identity.
        display_name: Name shown to people; users may change it.
        authn: How the server knows the user. "login": the user logged in. "token": the request has only the server's
            token. "anonymous": the user has a cookie that proves no login.
        page: Id of the proposal or workspace of the standalone page that made the request; "" if the request was not
            made by a standalone page.
        is_admin: Whether the user may write the resource "hitl:admin". False if the call did not ask.
    """

    username: str
    display_name: str
    authn: Authn
    page: str = ""
    is_admin: bool = False


def identify_user(handler: Any) -> Person:
    """Return the user who made a request.

    Args:
        handler: The Jupyter handler of the request, which Jupyter has authenticated.
    """
    user = handler.current_user
    if handler.token_authenticated:
        authn: Authn = "token"
    else:
        authn = "login" if _is_login(handler.identity_provider, user.username) else "anonymous"
    page = windows.find_page(handler, user.username)
    return Person(user.username, user.display_name or user.name or user.username, authn, page)


def lets_log_in(provider: Any) -> bool:
    """Return whether a user with a login cookie has certainly logged in, and did not only know the server's token.

    Jupyter's own identity provider has one password for all users. Its cookie proves a login only if the server has a
    password and no token, because people could type the token instead. Any other provider has its own logins: True.

    Args:
        provider: The server's `IdentityProvider`.
    """
    return not _is_jupyter_provider(provider) or (bool(getattr(provider, "hashed_password", "")) and not provider.token)


def _is_login(provider: Any, username: str) -> bool:
    """Return whether a cookie with this user name proves a login.

    Jupyter's own provider makes up the names of all users. With another provider, a made-up name is not a login.
    """
    return lets_log_in(provider) and is_made_up(username) is _is_jupyter_provider(provider)


def _is_jupyter_provider(provider: Any) -> bool:
    from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider

    return type(provider) in (IdentityProvider, PasswordIdentityProvider)


def decision_refusal(context: ServerContext, who: Person) -> str | None:
    """Return a sentence that says why a user may not decide on this server; None if the user may decide.

    Policies of proposals are not considered here.

    Args:
        context: State of the server, with the options that restrict decisions.
        who: The user.
    """
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
    """Return the name under which a user votes on proposals whose policy names people.

    On a server that belongs to one user, every person who knows its token or password is this user. If Jupyter made up
    the name of the user, the result is the name of the operating system's user. A made-up name would differ in each
    browser, and no policy could name it.

    Args:
        context: State of the server.
        who: The user.
    """
    is_nameless = who.authn != "login" or is_made_up(who.username)
    return os_user() if context.is_single_user and is_nameless else who.username


def attest_reviewer(context: ServerContext, ledger: Ledger, who: Person, *about: str) -> ReviewerAttestation:
    """Return the attestation that is signed and recorded with a user's decision or comment.

    The attestation says how the server knows the user, and in which page (the *surface*) the user decided: "page" for
    the standalone page, "shared" for any other page. The surface is "page" only if the standalone page that made the
    request shows all proposals and documents in `about`.

    Args:
        context: State of the server; its key signs.
        ledger: The ledger to read.
        who: The user.
        *about: Ids of the proposals or documents of the decision or comment.
    """
    in_page = bool(who.page) and all(one == who.page or _is_shown(ledger, one, who.page) for one in about)
    return ReviewerAttestation(context.key, who.display_name, who.authn, ASSURANCE, "page" if in_page else "shared")


def _is_shown(ledger: Ledger, about: str, page: str) -> bool:
    """Return whether a standalone page shows a proposal or document.

    A workspace and the proposal that asks whether it is done are shown in the same page.

    Args:
        ledger: The ledger to read.
        about: Id of the proposal or document.
        page: Id of the proposal or workspace for which the page was opened.
    """
    return _document_of(ledger, about) == _document_of(ledger, page)


def _document_of(ledger: Ledger, record_id: str) -> str:
    try:
        proposal = ledger.proposals.load(record_id)
    except UnknownProposal:
        return record_id
    return proposal.document or proposal.id
