"""What was decided on a notebook, as the entries of a decisions file that decides it again."""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.records import Action, Proposal, Run
from hitl_nb.review.decision_file import Entry
from hitl_nb.store.ledger import Ledger


def record_entries(ledger: Ledger, notebook: str) -> list[Entry]:
    """What was decided on a notebook's newest runs, as the entries that decide it again."""
    found = [p for _, proposals in decided_proposals(ledger, notebook) for p in proposals]
    return [
        Entry(
            agent=p.agent,
            title=p.title,
            action=_repeated_action(p),
            value=_repeated_value(p) if _repeated_action(p) in ("edit", "respond") else msgspec.UNSET,
            reason=p.decision.reason,
        )
        for p in sorted(found, key=lambda p: (p.created_at, p.ordinal))
        if p.decision is not None and p.decision.by in ("person", "script") and not asks_about_crash(p)
    ]


def decided_proposals(ledger: Ledger, notebook: str) -> list[tuple[Run, list[Proposal]]]:
    """The newest run of each agent and key of a notebook, oldest first, with what was decided in it."""
    newest: dict[tuple[str, str], Run] = {}
    before: str | None = None
    while page := ledger.runs(notebook=notebook, before=before):
        before = page[-1].id
        for run in page:
            newest.setdefault((run.agent, run.key), run)
    return [(r, [p for p in ledger.proposals(r.id) if p.status == "decided"]) for r in reversed(newest.values())]


def asks_about_crash(proposal: Proposal) -> bool:
    """Whether it asks what came of a step whose process died: a question that another run does not have."""
    return proposal.doubt is not None


def _repeated_action(proposal: Proposal) -> Action:
    """What decides it again. In a workspace people wrote before they decided, so it is the text that counts."""
    assert proposal.decision is not None
    wrote = proposal.document and proposal.decision.action == "approve" and "edit" in proposal.allow
    return "edit" if wrote else proposal.decision.action


def _repeated_value(proposal: Proposal) -> Any:
    assert proposal.decision is not None
    return proposal.value if proposal.decision.action == "approve" else proposal.decision.value
