"""Evidence blocks of JSON: facts, Markdown, tables of equal objects, and trees.

A `context` that is only JSON is stored alone. Its blocks are made when they are shown, so older records have them, too.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

import msgspec

from hitl_nb.evidence.tables import table_of_objects
from hitl_nb.evidence.texts import cut_text, format_json
from hitl_nb.records import EvidenceBlock, FactBlock, MarkdownBlock, Question, TreeBlock, canonical_json

MAX_TREE_BYTES = 200_000
"""Approximate maximum size of a tree as JSON, in bytes. Of a larger tree the first parts are kept."""
_MAX_EXACT = 1 << 53
"""Largest integer that JavaScript holds exactly."""
_MAX_FACT_CHARS = 2_000
"""A longer text on one line is shown as Markdown, which can be unfolded."""


def list_blocks(question: Question) -> tuple[EvidenceBlock, ...]:
    """Return the evidence blocks of a question or proposal: the stored ones, or those of its JSON context."""
    return question.evidence or context_blocks(question.context)


def context_blocks(context: Any) -> tuple[EvidenceBlock, ...]:
    """Return the blocks of a context that is only JSON: a text, an object, or None.

    Args:
        context: The context as plain JSON data.
    """
    if context is None:
        return ()
    if isinstance(context, dict):
        return tuple(json_block(name, value) for name, value in cast("dict[str, Any]", context).items())
    return (_markdown_block("", context) if isinstance(context, str) else json_block("", context),)


def json_block(name: str, value: Any) -> EvidenceBlock:
    """Return the block of one JSON value.

    Args:
        name: Name of the value; "" if it has none.
        value: Plain JSON data.
    """
    if isinstance(value, str) and (len(value) > _MAX_FACT_CHARS or "\n" in value.strip()):
        return _markdown_block(name, value)
    if not isinstance(value, dict | list):
        return FactBlock(name=name, value=None if value is None else format_json(value))
    table = table_of_objects(name, cast("Any", value))
    return table if table is not None else tree_block(name, cast("Any", value))


def _markdown_block(name: str, text: str) -> MarkdownBlock:
    shown, is_cut = cut_text(text)
    return MarkdownBlock(name=name, text=shown, cut=is_cut)


def tree_block(name: str, value: Any, size: int = MAX_TREE_BYTES) -> TreeBlock:
    """Return the block of nested JSON, with at most about `size` bytes of it."""
    copier = _TreeCopier(size)
    return TreeBlock(name=name, value=copier.copy(value), cut=copier.is_cut)


class _TreeCopier:
    """Copies JSON until a number of bytes is used up."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.is_cut = False

    def copy(self, value: Any) -> Any:
        """Copy a JSON value. Further items of lists and objects are left out once the bytes are used up."""
        if isinstance(value, dict):
            kept: dict[str, Any] = {}
            for key, item in cast("dict[str, Any]", value).items():
                if not self._pay(len(key.encode()) + 4):
                    break
                kept[key] = self.copy(item)
            return kept
        if isinstance(value, list):
            items: list[Any] = []
            for item in cast("list[Any]", value):
                if not self._pay(1):
                    break
                items.append(self.copy(item))
            return items
        if isinstance(value, str):
            shown, is_cut = cut_text(value, max(self._left, 0))
            self.is_cut |= is_cut
            self._left -= len(shown.encode()) + 2
            return shown
        if type(value) is int and abs(value) >= _MAX_EXACT:
            value = str(value)
        self._left -= len(format_json(value))
        return value

    def _pay(self, size: int) -> bool:
        """Take `size` from the bytes that are left; return False if there are none."""
        if self._left <= 0:
            self.is_cut = True
            return False
        self._left -= size
        return True


def hash_evidence(question: Question) -> list[str]:
    """Return the SHA-256 (hex) of everything that a question's context shows, for the audit log.

    One hash per stored block, over its canonical JSON; the block of a picture contains the hash of the picture. Without
    stored blocks: one hash of the context. No hash if there is no context.
    """
    parts: list[Any] = [msgspec.to_builtins(block) for block in question.evidence]
    if not parts and question.context is not None:
        parts = [question.context]
    return [hashlib.sha256(canonical_json(part)).hexdigest() for part in parts]


def add_named_text(question: Question, name: str, text: str) -> Question:
    """Return the question with a text added to its context, such as a note about an earlier answer."""
    context: Any = question.context
    if isinstance(context, dict):
        context = {**cast("dict[str, Any]", context), name: text}
    else:
        context = f"{context}\n\n{text}" if context else text
    blocks = (*question.evidence, json_block(name, text)) if question.evidence else ()
    return msgspec.structs.replace(question, context=context, evidence=blocks)
