"""Routes of policies, and of people's own figures and absences."""

from __future__ import annotations

from hitl_nb.server.api.route import DECIDE, READ, Route
from hitl_nb.server.calls import people, policies
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages.response_types.policies import AbsenceResponse, AppliedPolicy, VotingFigures

PEOPLE_ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "policy",
        *READ,
        policies.get_policy,
        AppliedPolicy,
        "Show the policy files and rules that apply to a notebook",
        query=bodies.PolicyQuery,
    ),
    Route(
        "GET",
        "people/me/figures",
        *READ,
        people.show_figures,
        VotingFigures,
        "Show figures of your own votes",
        lane="values",
    ),
    Route(
        "GET",
        "people/me/away",
        *READ,
        people.get_absence,
        AbsenceResponse,
        "Show whether you are away, and who votes in your place",
    ),
    Route(
        "PUT",
        "people/me/away",
        *DECIDE,
        people.set_absence,
        AbsenceResponse,
        "Set until when you are away, and who votes in your place",
        body=bodies.AbsenceRequest,
    ),
)
