"""Responses about policies, and about the votes and absences of the reader."""

from __future__ import annotations

import msgspec

from hitl_nb.records import PolicyVerdict
from hitl_nb.server.messages.response_types.base import At, Count, ResponseStruct
from hitl_nb.structs import prepare_structs


class PolicyFileInfo(ResponseStruct):
    """A policy file; `organisation`: whether it comes from the server's settings, not from a folder."""

    path: str
    organisation: bool


class PolicyRule(ResponseStruct):
    """A policy rule: scope by name ("tool", "agent" ...), condition ("": always), verdict, and who must agree."""

    id: str
    source: str
    scope: dict[str, str]
    when: str
    do: PolicyVerdict
    needs: list[str]
    four_eyes: bool
    timeline: list[str]


class AppliedPolicy(ResponseStruct):
    """The policy files that apply to a notebook, and their merged rules.

    `problem` says why they cannot be used; then the notebook's agents stop where they would ask. `sha256` and `default`
    are null if no policy applies. `ignored` lists parts without effect because the organisation's policy is exclusive.
    """

    files: list[PolicyFileInfo]
    problem: str | None
    sha256: str | None
    default: PolicyVerdict | None
    rules: list[PolicyRule]
    ignored: list[str]


class VotingFigures(ResponseStruct):
    """Figures of the reader's own votes of the last month; a figure is null if there are too few votes for it.

    `timed`: number of votes with a known duration. `fast`: share of those that took less time than reading the value.
    `approvals_in_a_row`: how many of the newest votes are approvals, without another vote between them.
    `chance`: how many approvals in a row chance explains, given how often the person approves.
    """

    votes: Count
    timed: Count
    median_seconds: float | None
    fast: float | None
    approvals_in_a_row: Count
    chance: Count | None
    last_hour: Count


class AbsenceInfo(ResponseStruct):
    """Start and end of an absence, and the person who votes instead; null: nobody."""

    start: At = msgspec.field(name="from")
    until: At
    to: str | None


class AbsenceResponse(ResponseStruct):
    """The reader's absence; null if it has ended or was never set."""

    away: AbsenceInfo | None


prepare_structs(globals())
