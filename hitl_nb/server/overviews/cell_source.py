"""The recorded source of an agent's cell, for people who put a deleted cell back into its notebook."""

from __future__ import annotations

from typing import Any, NamedTuple

from hitl_nb import json_text as json
from hitl_nb.engine.snapshot.signing import unseal
from hitl_nb.errors import Untrusted, WrongPython
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.runs.snapshots import newest_envelope, state_place
from hitl_nb.records import Run

_MAGIC_LINE = "# %%agent"
_HEADER_START = 42
"""Number of bytes before the header of a signed state: see `engine/snapshot/signing.py`."""


class CellSource(NamedTuple):
    """The recorded source of a cell.

    Attributes:
        source: The source, beginning with `%%agent`; None if no cell was recorded.
        is_signed: Whether this user's key has signed the state with the source, and it is the newest state of the run.
        previous_cell: Id of the cell that was before it in the notebook. "": it was the first cell. None: not known.
    """

    source: str | None
    is_signed: bool
    previous_cell: str | None = None


def read_cell_source(ledger: Ledger, run: Run) -> CellSource:
    """Return the source of an agent's cell as the run's newest saved state has it. Nothing is executed or unpickled.

    The lines of the cell are as IPython transforms them, so a line such as `!ls` is a call of `get_ipython()`.
    """
    envelope, saved, digest = newest_envelope(ledger.store, run.id)
    if envelope is None:
        return CellSource(None, False)
    source, previous_cell = _read_header(envelope)
    if source is None or not source.startswith(_MAGIC_LINE):
        return CellSource(None, False)
    is_newest = saved is not None and saved.digest == digest
    return CellSource(
        source.removeprefix("# "),
        is_newest and saved is not None and _is_signed(state_place(ledger.store_id, run.id, saved), envelope),
        previous_cell,
    )


def _read_header(envelope: bytes) -> tuple[str | None, str | None]:
    """Return the source and the previous cell in the header of a saved state. The signature is not checked.

    Both are None if the header is damaged.
    """
    size = int.from_bytes(envelope[_HEADER_START - 4 : _HEADER_START], "big")
    try:
        header: Any = json.loads(envelope[_HEADER_START : _HEADER_START + size])
        source, previous = header["source"], header.get("previous_cell")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, None
    return (source if isinstance(source, str) else None), (previous if isinstance(previous, str) else None)


def _is_signed(place: str, envelope: bytes) -> bool:
    try:
        unseal(place, envelope)
    except WrongPython:
        return True  # the signature is checked before the versions
    except Untrusted:
        return False
    return True
