"""Responses about the server and its user."""

from __future__ import annotations

from hitl_nb.records import Authn
from hitl_nb.server.messages.response_types.base import ResponseStruct
from hitl_nb.structs import prepare_structs


class UserInfo(ResponseStruct):
    """The user who made the request. `username` is the identity; users may change their display names."""

    username: str
    display_name: str


class Permissions(ResponseStruct):
    """Permissions of the user on this server. `decide` is true if the user may decide proposals."""

    decide: bool


class StatusResponse(ResponseStruct):
    """The server, its store, and the user who made the request.

    `api` is the version of the API; a page that was made for another version must not decide. `store` is the URL of the
    store, and `server` an id of the server. `assurance` is the strength of the evidence about a reviewer's identity.
    `votes_as` is the name under which the user votes if a policy names people. `decide_refused` says why the user may
    not decide; null if the user may. `headless` is true if the server can execute notebooks by itself. `watched` is
    true if a process applies deadlines.
    """

    version: str
    api: int
    store: str
    server: str
    assurance: str
    authn: Authn
    user: UserInfo
    votes_as: str
    may: Permissions
    decide_refused: str | None
    headless: bool
    watched: bool


prepare_structs(globals())
