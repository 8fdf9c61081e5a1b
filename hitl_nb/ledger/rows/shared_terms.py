"""Fast decoding of many stored proposals: equal terms (review rules) of successive proposals are decoded only once.

Most questions of one agent have the same terms. The terms are the last field of a stored proposal. If the bytes of a
proposal end like those of the previous one, both have the same terms. Then only the part before the terms is decoded.
"""

from __future__ import annotations

import msgspec

from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Proposal, Terms

_TERMS_FIELD = b',"terms":'


class ProposalReader:
    """Decoder for the stored bytes of several proposals, given one after the other.

    Proposals with the same terms share one `Terms` object.
    """

    def __init__(self) -> None:
        self._end = b""
        self._terms: Terms | None = None

    def read_proposal(self, raw: bytes, proposal_id: str) -> Proposal:
        """Decode a stored proposal.

        Args:
            raw: The stored bytes.
            proposal_id: Id of the proposal.

        Raises:
            StoreCorrupt: The bytes are damaged, or are those of another proposal.
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
        """Decode the terms at the end of the previous proposal. Called when a second proposal has the same end.

        Returns None if the end of the bytes is not a complete JSON object. Then `"terms"` was found inside a nested
        object, and not as the last field of the proposal.
        """
        try:
            self._terms = msgspec.json.decode(self._end[len(_TERMS_FIELD) : -1], type=Terms)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._end = b""
        return self._terms
