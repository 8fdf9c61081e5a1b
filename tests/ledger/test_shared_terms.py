"""Neighbours under the same terms share them, and whatever a row holds is read as if it were read alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb.errors import StoreCorrupt
from hitl_nb.ledger.rows.shared_terms import ProposalReader
from hitl_nb.records import Need, Proposal, Terms

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
TERMS = [Terms(needs=(Need(count=2, people=("ada", "bo"), text='2 of ada, bo,"terms":{}'),)), Terms(undo=5.0), None]
VALUES: list[Any] = ["x", ',"terms":{}}', {"a": 1, "terms": {"undo": 5.0}}, [{"terms": {}}]]


def proposal(value: Any, terms: Terms | None, **changes: Any) -> Proposal:
    about: dict[str, Any] = {"run": "run", "agent": "a", "notebook": "n.ipynb", "pause": 1, "fingerprint": ""}
    made = Proposal(title="t", kind="json", value=value, id="abc", created_at=AT, terms=terms, **about)
    return msgspec.structs.replace(made, **changes)


def old(p: Proposal) -> bytes:
    """A row of before the terms were the last field."""
    fields = msgspec.to_builtins(p)
    return msgspec.json.encode({"terms": fields.pop("terms"), **fields})


def forge_row(p: Proposal) -> bytes:
    """A row that ends as one with terms does, one bracket too deep."""
    return p.json()[:-1] + b',"x":{"y":1' + msgspec.json.encode({"y": 1, "terms": TERMS[1]})[6:]


SPELLINGS = [Proposal.json, old, forge_row, lambda p: p.json() + b" ", lambda p: p.json()[:-1]]


def read_alone(raw: bytes) -> Proposal | None:
    try:
        return msgspec.json.decode(raw, type=Proposal)
    except msgspec.DecodeError:
        return None


@given(st.lists(st.tuples(st.sampled_from(VALUES), st.sampled_from(TERMS), st.sampled_from(SPELLINGS)), max_size=8))
def test_rows_are_read_as_each_alone(rows: list[tuple[Any, Terms | None, Any]]) -> None:
    reader = ProposalReader()
    for value, terms, spell in rows:
        raw = spell(proposal(value, terms))
        alone = read_alone(raw)
        if alone is None:
            with pytest.raises(StoreCorrupt):
                reader.read_proposal(raw, "abc")
        else:
            assert reader.read_proposal(raw, "abc") == alone


def test_neighbours_share_their_terms() -> None:
    reader = ProposalReader()
    found = [reader.read_proposal(proposal(n, TERMS[0]).json(), "abc") for n in range(4)]
    assert [p.value for p in found] == [0, 1, 2, 3]
    assert found[1].terms is found[2].terms is found[3].terms
    assert found[0].terms == found[1].terms == TERMS[0]


def test_a_row_of_another_proposal_is_damage() -> None:
    reader = ProposalReader()
    reader.read_proposal(proposal(1, TERMS[0]).json(), "abc")
    with pytest.raises(StoreCorrupt, match="another proposal"):
        reader.read_proposal(proposal(1, TERMS[0]).json(), "abd")
