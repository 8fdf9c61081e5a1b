"""Responses about the server and its user."""

from __future__ import annotations

from hitl_nb.records import Authn
from hitl_nb.server.messages.response_types.base import ResponseStruct
from hitl_nb.structs import prepare_structs


class UserInfo(ResponseStruct):
    """The user of the request. `username` is the identity; users may change their display names."""

    username: str
    display_name: str


class Permissions(ResponseStruct):
    """Permissions of the user."""

    decide: bool


class StatusResponse(ResponseStruct):
    """The server, its store, and whether the user may decide, or why not.

    `api` is the version of the API; a page that uses another one decides nothing. `store` is the store's URL.
    `assurance` is how much this installation can promise about a reviewer's identity. `votes_as` is the name under
    which the user votes if a policy says who may. `headless`: whether the server can run notebooks by itself.
    `watched`: whether a process acts when deadlines pass.
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
