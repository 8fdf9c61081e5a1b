"""Reading many proposals: neighbours under the same terms share one object of them, which is read once.

The questions of one agent mostly wait under the same terms. These are the last field of a proposal's row, so the row
that ends as the one before has the same, and only what stands before them is read.
"""

from __future__ import annotations

import msgspec

from hitl_nb.ledger.rows import layout as rows
from hitl_nb.records import Proposal, Terms

_TERMS_FIELD = b',"terms":'


class ProposalReader:
    """Reads rows of proposals one after the other."""

    def __init__(self) -> None:
        self._end = b""
        self._terms: Terms | None = None

    def read_proposal(self, raw: bytes, proposal_id: str) -> Proposal:
        """The proposal that a row holds. Raises StoreCorrupt if it is none, or another one."""
        if self._end and raw.endswith(self._end):
            terms = self._terms or self._read_terms()
            if terms is not None:
                proposal = rows.read_proposal(raw[: -len(self._end)] + b"}", proposal_id)
                msgspec.structs.force_setattr(proposal, "terms", terms)
                return proposal
        proposal = rows.read_proposal(raw, proposal_id)
        self._end = b"" if proposal.terms is None else raw[raw.rfind(_TERMS_FIELD) :]
        self._terms = None
        return proposal

    def _read_terms(self) -> Terms | None:
        """The terms at the end of the row before, once a second row ends so; None if they were not its last field.

        If they are a whole object here, they are a field of the row's own object: one further in would leave a bracket.
        """
        try:
            self._terms = msgspec.json.decode(self._end[len(_TERMS_FIELD) : -1], type=Terms)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._end = b""
        return self._terms
