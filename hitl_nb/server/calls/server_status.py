"""The status of the server, and what the user may do."""

from __future__ import annotations

from hitl_nb.server.base.identity import ASSURANCE, decision_refusal, voting_name
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.response_types.server_status import Permissions, StatusResponse, UserInfo

API_VERSION = 1


def get_status(request: ApiRequest) -> StatusResponse:
    """Return the versions, the store, and the permissions of the user."""
    from hitl_nb import __version__

    why = decision_refusal(request.context, request.person)
    return StatusResponse(
        version=__version__,
        api=API_VERSION,
        store=request.ledger.store.url,
        server=request.context.id,
        assurance=ASSURANCE,
        authn=request.person.authn,
        user=UserInfo(username=request.person.username, display_name=request.person.display_name),
        votes_as=voting_name(request.context, request.person),
        may=Permissions(decide=why is None),
        decide_refused=why,
        headless=bool(request.context.settings.headless),
        watched=request.context.watches_deadlines or bool(request.ledger.watchers.list_running(request.ledger.now())),
    )
