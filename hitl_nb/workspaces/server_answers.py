"""Convert the JSON of a server's answers into the comments and decisions that the calls of a script return."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from hitl_nb import records
from hitl_nb.review.comment_threads import AgentComment, thread_comments
from hitl_nb.review.decision import Decision, Vote


def parse_comments(found: Any) -> list[AgentComment]:
    """Return the comments that begin a thread, each with the replies to it.

    Args:
        found: All comments and replies, as decoded JSON: a list of dicts.
    """
    return list(thread_comments(msgspec.convert(found, list[records.Comment])))


def parse_decision(proposal: Mapping[str, Any]) -> Decision:
    """Return the decision on a proposal.

    Args:
        proposal: The decided proposal, as decoded JSON of a server's answer (`ProposalDetail`).
    """
    made = proposal["decision"]
    return Decision(
        action=made["action"],
        value=proposal["value"] if made["action"] == "approve" else made["value"],
        original=proposal["value"],
        reason=made["reason"],
        reviewer=made["reviewer"],
        decided_at=msgspec.convert(made["decided_at"], datetime),
        proposal_id=proposal["id"],
        by=made["by"],
        known=made["known"],
        title=proposal["title"],
        difference=proposal["changes"],
        comments=tuple(parse_comments(proposal["comments"])),
        votes=tuple(_parse_vote(one) for one in proposal.get("votes", ())),
        rules=tuple(proposal.get("rules", ())),
        why=tuple(proposal.get("why", ())),
    )


def _parse_vote(vote_data: Mapping[str, Any]) -> Vote:
    at, known = msgspec.convert(vote_data["at"], datetime), vote_data.get("known", "unsigned")
    return Vote(vote_data["reviewer"], vote_data["action"], vote_data["reason"], at, vote_data["seat"], known)
