"""The total size of the evidence blocks of one question, and blocks that are shortened to it."""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.evidence.json_blocks import tree_block
from hitl_nb.evidence.texts import cut_text
from hitl_nb.records import DiffBlock, EvidenceBlock, MarkdownBlock, TableBlock, TreeBlock

MAX_BLOCKS_BYTES = 4_000_000
"""Maximum size of all blocks of a question as JSON, in bytes, without pictures. Later blocks are shortened."""


class BlockBudget:
    """The bytes that the next blocks of a question may have."""

    def __init__(self) -> None:
        self._left = MAX_BLOCKS_BYTES

    def fit(self, block: EvidenceBlock) -> EvidenceBlock:
        """Return a block, or the beginning of it if there are not enough bytes left, and take its size.

        A shortened block says how much of it is shown. Facts, links and pictures are small, and are not shortened.
        """
        left = max(self._left, 0)
        if _measure(block) > left:
            block = _shorten_block(block, left)
        self._left -= _measure(block)
        return block


def _measure(part: Any) -> int:
    return len(msgspec.json.encode(part))


def _shorten_block(block: EvidenceBlock, size: int) -> EvidenceBlock:
    """Return the beginning of a block, with about `size` bytes at most."""
    match block:
        case TableBlock():
            return msgspec.structs.replace(block, rows=_take_rows(block, size))
        case MarkdownBlock():
            text, _ = cut_text(block.text, _scale(block.text, block, size))
            return msgspec.structs.replace(block, text=text, cut=True)
        case DiffBlock():
            before, _ = cut_text(block.before, _scale(block.before, block, size))
            after, _ = cut_text(block.after, _scale(block.after, block, size))
            return msgspec.structs.replace(block, before=before, after=after, cut=True)
        case TreeBlock():
            return tree_block(block.name, block.value, size)
        case _:
            return block


def _take_rows(block: TableBlock, size: int) -> tuple[tuple[str | None, ...], ...]:
    left, kept = size - _measure(msgspec.structs.replace(block, rows=())), 0
    for row in block.rows:
        left -= _measure(row) + 1
        if left < 0:
            break
        kept += 1
    return block.rows[:kept]


def _scale(text: str, block: EvidenceBlock, size: int) -> int:
    """Return how many characters of a text are kept, so that its block has `size` bytes."""
    return len(text) * size // _measure(block)
