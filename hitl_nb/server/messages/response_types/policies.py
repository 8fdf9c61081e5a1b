"""Responses about policies, and about the votes and absences of the reader."""

from __future__ import annotations

import msgspec

from hitl_nb.records import PolicyVerdict
from hitl_nb.server.messages.response_types.base import At, Count, ResponseStruct
from hitl_nb.structs import prepare_structs


class PolicyFileInfo(ResponseStruct):
    """A policy file. `organisation` is true if the server's settings name it, false if it was found in a folder."""

    path: str
    organisation: bool


class PolicyRule(ResponseStruct):
    """A rule of a policy.

    `source` is the file of the rule. `scope` restricts the rule: names "tool", "agent", "notebook", "kind" and "title"
    with their patterns. `when` is the condition; "" means always. `do` is the verdict: "pass" (nobody is asked), "ask",
    or "block". `needs` says in words how many of which people must agree. If `four_eyes` is true, the people who
    started the run may not decide. `timeline` has the timed actions in words.
    """

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

    `problem` says why the files cannot be used; then agents of the notebook stop at each question. It is null if there
    is no problem. `sha256` and `default` are the hash and the default verdict of the merged policy; they are null if no
    policy applies. `ignored` lists parts that have no effect because the organisation's policy is exclusive.
    """

    files: list[PolicyFileInfo]
    problem: str | None
    sha256: str | None
    default: PolicyVerdict | None
    rules: list[PolicyRule]
    ignored: list[str]


class VotingFigures(ResponseStruct):
    """Figures about the reader's own votes of the last 30 days. A figure is null if it cannot be computed.

    `votes` is the number of votes, and `timed` the number of votes with a known duration. `median_seconds` is the
    median of these durations. `fast` is the share of timed votes that took less time than reading the value takes.
    `approvals_in_a_row` is the number of approvals since the last other vote. `chance` is how many approvals in a row
    can be explained by chance, given how often the reader approves. `last_hour` is the number of votes of the last
    hour.
    """

    votes: Count
    timed: Count
    median_seconds: float | None
    fast: float | None
    approvals_in_a_row: Count
    chance: Count | None
    last_hour: Count


class AbsenceInfo(ResponseStruct):
    """Start and end of an absence. `to` is the user name of the person who votes instead; null means nobody."""

    start: At = msgspec.field(name="from")
    until: At
    to: str | None


class AbsenceResponse(ResponseStruct):
    """The reader's absence. `away` is null if the absence has ended or was never set."""

    away: AbsenceInfo | None


prepare_structs(globals())
