"""Routes of the review: the server's status, proposals, drafts, comments, decisions."""

from __future__ import annotations

from hitl_nb.server.api.route import DECIDE, LARGE, READ, WRITE, Route
from hitl_nb.server.base.context import Lane
from hitl_nb.server.calls import comments, drafts, proposals, server_status
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages.request import RawRequest, read_body, read_query
from hitl_nb.server.messages.request_weights import (
    are_some_large,
    is_about_something_large,
    is_large_list,
    is_large_pause,
    is_on_large_document,
)
from hitl_nb.server.messages.response_types.base import ResponseStruct
from hitl_nb.server.messages.response_types.comments import CommentList, CommentResponse, CommentStateResponse
from hitl_nb.server.messages.response_types.proposals import (
    AssigneeResponse,
    BulkDecisionResponse,
    DecisionResponse,
    DraftSaved,
    EditCheck,
    FlagResponse,
    PauseResponse,
    ProposalCounts,
    ProposalDetail,
    ProposalPage,
)
from hitl_nb.server.messages.response_types.server_status import StatusResponse
from hitl_nb.server.overviews.proposal_counts import count_proposals
from hitl_nb.server.overviews.proposal_lists import list_proposals


def _list_lane(sent: RawRequest) -> Lane:
    """Return the thread pool for a list of proposals: "lists" if it needs the index in memory, else "records"."""
    try:
        wanted = read_query(bodies.ProposalQuery, sent.query)
    except ValueError:
        return "records"  # the query is decoded again there, which reports the error
    return "lists" if isinstance(wanted, bodies.ProposalQuery) and wanted.is_open and wanted.needs_index else "records"


def _decision_lane(sent: RawRequest) -> Lane:
    """Return the thread pool for a decision: "checks" for an edit, whose value must be checked, else "records"."""
    try:
        action = read_body(bodies.DecisionAction, sent.body).action
    except ValueError:
        return "records"  # the body is decoded again there, which reports the error
    return "checks" if action == "edit" else "records"


REVIEW_ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "status",
        *READ,
        server_status.get_status,
        StatusResponse,
        "Show the server, its store and your permissions",
    ),
    Route(
        "GET",
        "proposals",
        *READ,
        list_proposals,
        ProposalPage,
        "List open proposals, oldest first or in another order, or closed ones; search them",
        query=bodies.ProposalQuery,
        errors=(404,),
        lane=_list_lane,
        is_large=is_large_list,
    ),
    Route(
        "GET",
        "proposals/counts",
        *READ,
        count_proposals,
        ProposalCounts,
        "Count the proposals and runs of the inbox's views",
        query=bodies.CountQuery,
        lane="lists",
    ),
    Route(
        "GET",
        "proposals/{id}",
        *READ,
        proposals.get_proposal,
        ProposalDetail,
        "Show one proposal in full",
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "GET",
        "proposals/{id}/evidence/{sha}",
        *READ,
        proposals.get_picture,
        ResponseStruct,
        "Get a picture that a proposal shows as evidence",
        lane="values",
        is_picture=True,
    ),
    Route(
        "GET",
        "pauses",
        *READ,
        proposals.get_pause,
        PauseResponse,
        "Show the proposals of a cell's pause",
        query=bodies.PauseQuery,
        errors=(404, 409),
        lane="values",
        is_large=is_large_pause,
    ),
    Route(
        "POST",
        "proposals/{id}/check",
        *READ,
        proposals.check_proposed_edit,
        EditCheck,
        "Check an edit without saving it",
        body=bodies.DraftValueRequest,
        limit=LARGE,
        errors=(422,),
        lane="checks",
        is_large=is_about_something_large,
    ),
    Route(
        "PUT",
        "proposals/{id}/draft",
        *WRITE,
        drafts.save_draft,
        DraftSaved,
        "Save the draft",
        body=bodies.DraftValueRequest,
        limit=LARGE,
        errors=(409,),
        lane="drafts",
        is_large=is_about_something_large,
    ),
    Route(
        "DELETE",
        "proposals/{id}/draft",
        *WRITE,
        drafts.reset_draft,
        DraftSaved,
        "Reset the draft to the agent's version",
        errors=(409,),
        lane="drafts",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/comments",
        *WRITE,
        comments.add_comment,
        CommentResponse,
        "Comment on a proposal",
        body=bodies.CommentRequest,
        is_large=is_about_something_large,
    ),
    Route(
        "GET",
        "documents/{id}/comments",
        *READ,
        comments.list_comments,
        CommentList,
        "List the comments on a document, and the people who may be mentioned",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "documents/{id}/comments",
        *WRITE,
        comments.add_comment,
        CommentResponse,
        "Comment on a document or a range of it, answer a comment, or suggest a change",
        body=bodies.CommentRequest,
        is_large=is_about_something_large,
    ),
    Route(
        "PUT",
        "comments/{id}/state",
        *WRITE,
        comments.change_comment_state,
        CommentStateResponse,
        "Resolve a comment, or accept or dismiss a suggestion. If `changed` is true, edit the document accordingly.",
        body=bodies.CommentStateRequest,
        errors=(409,),
        is_large=is_on_large_document,
    ),
    Route(
        "PUT",
        "proposals/{id}/assignee",
        *WRITE,
        proposals.assign_proposal,
        AssigneeResponse,
        "Assign a proposal to a person",
        body=bodies.AssigneeRequest,
        errors=(409,),
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/decision",
        *DECIDE,
        proposals.decide,
        DecisionResponse,
        "Decide one proposal",
        body=bodies.DecisionRequest,
        limit=LARGE,
        errors=(409, 422),
        lane=_decision_lane,
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/undo",
        *DECIDE,
        proposals.undo_approval,
        DecisionResponse,
        "Take one's own vote back, while the proposal is open",
        body=bodies.EmptyRequest,
        errors=(409,),
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/flag",
        *DECIDE,
        proposals.flag_outcome,
        FlagResponse,
        "Say that the approval of a proposal was wrong. The decision stays as it is",
        body=bodies.FlagRequest,
        errors=(409,),
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "decisions",
        *DECIDE,
        proposals.decide_many,
        BulkDecisionResponse,
        "Decide several proposals: all of them, or none",
        body=bodies.BulkDecisionRequest,
        errors=(404, 409),
        is_large=are_some_large,
    ),
)
