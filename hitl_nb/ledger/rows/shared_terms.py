"""Fast reading of many proposals: neighbours with the same terms share one object, which is decoded once.

Most questions of one agent have the same terms. The terms are the last field of a proposal's row. So if a row has the
same end as the previous row, it has the same terms, and only the part before them is decoded.
"""

from __future__ import annotations

import msgspec

from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Proposal, Terms

_TERMS_FIELD = b',"terms":'


class ProposalReader:
    """A reader of proposals' rows, one after the other."""

    def __init__(self) -> None:
        self._end = b""
        self._terms: Terms | None = None

    def read_proposal(self, raw: bytes, proposal_id: str) -> Proposal:
        """Decode the row of a proposal.

        Raises:
            StoreCorrupt: The row is damaged, or is of another proposal.
        """
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
        """Decode the terms at the end of the previous row, when a second row has the same end.

        Returns None if the terms were not the last field of the row. A text that is a complete object here is a field
        of the row's own object. After a more deeply nested field, a bracket would be left over.
        """
        try:
            self._terms = msgspec.json.decode(self._end[len(_TERMS_FIELD) : -1], type=Terms)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._end = b""
        return self._terms
