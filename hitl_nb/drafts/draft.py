"""A draft: a proposal's value while people edit it, as a document that all of them write at once.

The log of its updates is the document (`ledger/documents/update_log.py`), and what it looks like is `document.py`'s. It
is begun with what was proposed, in bytes that are the same whoever begins it, and no text is ever put into it as a
whole. Readers who only want to know what it says change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hitl_nb.drafts import document
from hitl_nb.errors import StoreCorrupt
from hitl_nb.kinds.questions import format_value
from hitl_nb.ledger.documents.update_log import CompactedDocument, Update, UpdateLog, new_update
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.records import KindName, Proposal, Workspace
from hitl_nb.storage.interface import Store

if TYPE_CHECKING:
    from pycrdt import Doc

COMPACT_AFTER_UPDATES = 1000
"""Updates after which a log is folded."""


@dataclass(frozen=True)
class LoadedDocument:
    """A document as it was read: what it holds, up to the `n`-th update, and how many of them are not folded."""

    doc: Doc[Any]
    last_update: int
    uncompacted: int


class Draft:
    """One draft. Documents that it returns belong to the thread that asked for them.

    Args:
        store: where the proposal, or the workspace, is.
        id: the document's id.
        kind, proposed: of the value, as the agent proposed it.
    """

    def __init__(self, store: Store, id: str, kind: KindName, proposed: Any) -> None:  # noqa: A002
        self.id = id
        self.kind: KindName = kind
        self.proposed = proposed
        self.log = UpdateLog(store, id)

    @classmethod
    def for_proposal(cls, store: Store, proposal: Proposal) -> Draft:
        """The draft of a proposal; of one about a workspace, the workspace's document."""
        workspace = rows.load_workspace(store, proposal.document) if proposal.document else None
        return (
            cls.for_workspace(store, workspace)
            if workspace is not None
            else cls(store, proposal.id, proposal.kind, proposal.value)
        )

    @classmethod
    def for_workspace(cls, store: Store, workspace: Workspace) -> Draft:
        """The document of a workspace, which begins with its template."""
        return cls(store, workspace.id, workspace.kind, workspace.template)

    def read_value(self) -> Any:
        """What the draft says, as JSON: what was proposed, if nobody wrote. A text that is no value yet is that text.

        Raises StoreCorrupt.
        """
        return self.value_in(self.load().doc) if self.log.last_number() else self.proposed

    def value_in(self, doc: Doc[Any]) -> Any:
        """What this document says."""
        return document.read_value(doc, self.kind, self.proposed)

    def has_edits(self) -> bool:
        """Whether the draft says something else than what was proposed."""
        return not document.are_equal(self.read_value(), self.proposed)

    def load(self, upto: int | None = None, *, client: int | None = None) -> LoadedDocument:
        """The document as it is, or as it was after the update `upto`. Raises StoreCorrupt.

        What is written into it is the CRDT peer `client`'s; a new one's if it is left out.
        """
        from pycrdt import Doc

        doc: Doc[Any] = Doc(client_id=client)
        folded = self.log.newest_compacted()
        n = start = 0
        with doc.transaction():  # one for all: after each, the whole of a long text would be put together again
            if folded is not None and (upto is None or folded.n <= upto):
                self.apply_update(doc, folded.n, folded.data)
                n = start = folded.n
            for number, one in self.log.updates_after(start):
                if upto is not None and number > upto:
                    break
                self.apply_update(doc, number, one.data)
                n = number
        if n == 0 and (first := document.initial_update(self.kind, self.proposed)) is not None:
            doc.apply_update(first)
        return LoadedDocument(doc, n, n - start)

    def write_initial(self) -> None:
        """Put what was proposed into the log, durably, unless it is there. Raises StoreError."""
        if self.log.last_number() == 0 and (first := document.initial_update(self.kind, self.proposed)) is not None:
            self.log.begin(new_update(first, ""))

    def write_value(self, value: Any, author: str, name: str = "", *, doc: Doc[Any] | None = None) -> None:
        """Let the draft say `value`, durably: what differs is written, as `author`'s. Raises StoreError.

        What it differs from is what the author sees: `doc`, which then says `value` too, or the draft as it is now.
        """
        self.write_initial()
        doc = self.load().doc if doc is None else doc
        made = capture_updates(doc, lambda: document.write_value(doc, self.kind, self.proposed, value))
        if made:
            self.log.submit(lambda tx: [self.log.add(tx, new_update(one, author, name)) for one in made]).result()

    def compact_log(self) -> None:
        """Pack the log."""
        loaded = self.load()
        if loaded.uncompacted:
            self.log.compact(CompactedDocument(loaded.last_update, loaded.doc.get_update()))

    def updates_after(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Update]]:
        """At most `limit` updates that follow the `after`-th, with their numbers, oldest first. Raises StoreCorrupt."""
        found: list[tuple[int, Update]] = []
        for entry in self.log.updates_after(after):
            found.append(entry)
            if len(found) == limit:
                break
        return found

    def apply_update(self, document: Doc[Any], n: int, data: bytes) -> None:
        """Apply the n-th update to a document. Raises StoreCorrupt if it is none."""
        try:
            document.apply_update(data)
        except ValueError as damage:
            raise StoreCorrupt(f"update {n} of the draft {self.id} is damaged: {damage}") from None


def capture_updates(document: Doc[Any], work: Callable[[], None]) -> list[bytes]:
    """The updates that `work` makes in a document."""
    made: list[bytes] = []
    subscription = document.observe(lambda event: made.append(event.update))
    try:
        work()
    finally:
        document.unobserve(subscription)
    return [one for one in made if one != EMPTY_UPDATE]


def format_draft(proposal: Proposal, value: Any) -> str:
    """What a draft says, as text; a text that is no value yet is that text."""
    return value if isinstance(value, str) and not isinstance(proposal.value, str) else format_value(proposal, value)


EMPTY_UPDATE = b"\x00\x00"
"""The update that brings nothing."""
