"""Stored records: runs, proposals, decisions, events. All are immutable, and each one has a JSON form.

Times are aware datetimes in UTC. The value of a proposal is plain JSON data here; `kinds/questions.py` converts Python
objects to JSON and back. Import every name from this package: snapshots contain the names of these classes as
`hitl_nb.records.<name>`.
"""

from __future__ import annotations

from hitl_nb.pickled_names import name_in_facade
from hitl_nb.records.base import Record, canonical_json, fingerprint, new_id, now
from hitl_nb.records.documents import Anchor, AttestedRecord, Comment, NonNegativeInt, PieceId, Position, Workspace
from hitl_nb.records.evidence import (
    ChartBlock,
    DiffBlock,
    EvidenceBlock,
    EvidenceColumn,
    FactBlock,
    ImageBlock,
    LinkBlock,
    MarkdownBlock,
    TableBlock,
    TreeBlock,
)
from hitl_nb.records.proposals import (
    DecisionRecord,
    Doubt,
    GuardrailResult,
    OutcomeFlag,
    Proposal,
    Question,
    effect_happened,
    proposal_json,
)
from hitl_nb.records.runs import Event, Run, Snapshot, Statement, Step, run_json
from hitl_nb.records.terms import Facts, Need, Office, Terms, TimelineStep, VoteRecord
from hitl_nb.records.vocabulary import (
    ACTIONS,
    AGENT,
    CHANGED_SINCE,
    COMMENT_STATES,
    FORMAT,
    RUN_TRANSITIONS,
    SCRIPT,
    Action,
    Authn,
    By,
    CommentState,
    GuardrailVerdict,
    Identity,
    KindName,
    Known,
    PolicyVerdict,
    ProposalStatus,
    RunStatus,
    ShownInNotices,
    Speaker,
    Surface,
    TimelineAction,
    WorkspaceStatus,
)
from hitl_nb.structs import prepare_structs

__all__ = [
    "ACTIONS",
    "AGENT",
    "CHANGED_SINCE",
    "COMMENT_STATES",
    "FORMAT",
    "RUN_TRANSITIONS",
    "SCRIPT",
    "Action",
    "Anchor",
    "AttestedRecord",
    "Authn",
    "By",
    "ChartBlock",
    "Comment",
    "CommentState",
    "DecisionRecord",
    "DiffBlock",
    "Doubt",
    "Event",
    "EvidenceBlock",
    "EvidenceColumn",
    "FactBlock",
    "Facts",
    "GuardrailResult",
    "GuardrailVerdict",
    "Identity",
    "ImageBlock",
    "KindName",
    "Known",
    "LinkBlock",
    "MarkdownBlock",
    "Need",
    "NonNegativeInt",
    "Office",
    "OutcomeFlag",
    "PieceId",
    "PolicyVerdict",
    "Position",
    "Proposal",
    "ProposalStatus",
    "Question",
    "Record",
    "Run",
    "RunStatus",
    "ShownInNotices",
    "Snapshot",
    "Speaker",
    "Statement",
    "Step",
    "Surface",
    "TableBlock",
    "Terms",
    "TimelineAction",
    "TimelineStep",
    "TreeBlock",
    "VoteRecord",
    "Workspace",
    "WorkspaceStatus",
    "canonical_json",
    "effect_happened",
    "fingerprint",
    "new_id",
    "now",
    "proposal_json",
    "run_json",
]

name_in_facade(globals())
prepare_structs(globals())
