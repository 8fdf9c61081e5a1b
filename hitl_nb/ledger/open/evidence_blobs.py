"""The pictures of evidence blocks, stored once by their hash, inside a transaction.

`evidence/<sha256>` has the bytes. `evidenceof/<sha256>/<run>` says that a question of the run shows the picture. A
picture is removed when the last run that shows it is removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from hitl_nb.errors import StoreCorrupt
from hitl_nb.records import ImageBlock, Question
from hitl_nb.storage import chunked_values
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import StoreReader, Transaction

EVIDENCE_PREFIX = "evidence/"


def list_pictures(question: Question) -> dict[str, ImageBlock]:
    """Return the pictures that a question shows: SHA-256 (hex) -> the first block of the picture."""
    found: dict[str, ImageBlock] = {}
    for block in question.evidence:
        if isinstance(block, ImageBlock):
            found.setdefault(block.sha256, block)
    return found


def put_pictures(transaction: Transaction, run_id: str, questions: Iterable[Question], blobs: Sequence[bytes]) -> None:
    """Store the pictures of questions, unless the store has them already.

    Args:
        transaction: The transaction in which the questions are stored.
        run_id: Id of the run that asks.
        questions: The questions.
        blobs: The bytes of their pictures. Pictures that the store has may be missing.

    Raises:
        ValueError: A picture is neither given nor stored.
    """
    named = {sha for question in questions for sha in list_pictures(question)}
    given = {hashlib.sha256(blob).hexdigest(): blob for blob in blobs} if named else {}
    for sha in sorted(named):
        key = f"{EVIDENCE_PREFIX}{sha}"
        if transaction.get(key) is None:
            if sha not in given:
                raise ValueError(f"the picture {sha[:12]} of a question is neither given nor stored")
            chunked_values.put_new(transaction, key, given[sha])
        transaction.put(f"evidenceof/{sha}/{run_id}", b"")


def remove_pictures(transaction: Transaction, run_id: str, questions: Iterable[Question]) -> None:
    """Remove the pictures of a removed run's questions, except those that questions of other runs show."""
    for sha in sorted({sha for question in questions for sha in list_pictures(question)}):
        transaction.delete(f"evidenceof/{sha}/{run_id}")
        if not transaction.scan(*prefix_range(f"evidenceof/{sha}/"), limit=1):
            chunked_values.delete_chunked(transaction, f"{EVIDENCE_PREFIX}{sha}")


def read_picture(reads: StoreReader, sha: str) -> bytes | None:
    """Return the bytes of a picture; None if the store does not have it.

    Raises:
        StoreCorrupt: The stored bytes do not have this hash.
    """
    data = chunked_values.get_whole(reads, f"{EVIDENCE_PREFIX}{sha}")
    if data is not None and hashlib.sha256(data).hexdigest() != sha:
        raise StoreCorrupt(f"the stored picture {sha[:12]} is damaged: its content has another hash")
    return data
