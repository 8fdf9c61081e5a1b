"""A draft: the value of a proposal while people edit it, as a CRDT document that several people can change together.

The document is stored as a log of updates (`ledger/documents/update_log.py`); `document.py` defines its layout. It
starts with the proposed value, encoded in the same bytes by every process, so that no text is ever inserted twice.
Reading a draft does not change it. *Compacting* a log replaces its updates by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hitl_nb.drafts import document
from hitl_nb.errors import StoreCorrupt
from hitl_nb.kinds.questions import format_value
from hitl_nb.ledger.documents.update_log import CompactedDocument, Update, UpdateLog, new_update
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import KindName, Proposal, Workspace
from hitl_nb.storage.interface import Store

if TYPE_CHECKING:
    from pycrdt import Doc

COMPACT_AFTER_UPDATES = 1000
"""Number of updates after which a log is compacted."""


@dataclass(frozen=True)
class LoadedDocument:
    """A document that was loaded from its log.

    Attributes:
        doc: The document.
        last_update: Number of the last update in it.
        uncompacted: Number of updates since the log was last compacted.
    """

    doc: Doc[Any]
    last_update: int
    uncompacted: int


class Draft:
    """The draft of one proposal or workspace. A document that a method returns may be used only on the calling thread.

    Args:
        store: Store of the proposal or workspace.
        id: Id of the document.
        kind: Kind of the value.
        proposed: The value that the agent proposed.
    """

    def __init__(self, store: Store, id: str, kind: KindName, proposed: Any) -> None:  # noqa: A002  # the record's name for it
        self.id = id
        self.kind: KindName = kind
        self.proposed = proposed
        self.log = UpdateLog(store, id)

    @classmethod
    def for_proposal(cls, store: Store, proposal: Proposal) -> Draft:
        """Return the draft of a proposal. If the proposal belongs to a workspace, it is the workspace's draft."""
        workspace = rows.load_workspace(store, proposal.document) if proposal.document else None
        return (
            cls.for_workspace(store, workspace)
            if workspace is not None
            else cls(store, proposal.id, proposal.kind, proposal.value)
        )

    @classmethod
    def for_workspace(cls, store: Store, workspace: Workspace) -> Draft:
        """Return the draft of a workspace. It starts with the workspace's template."""
        return cls(store, workspace.id, workspace.kind, workspace.template)

    def read_value(self) -> Any:
        """Return the draft's value as JSON.

        Returns:
            The proposed value if nobody has edited it. If the typed text is not yet a valid value, this text.

        Raises:
            StoreCorrupt: The log is damaged.
        """
        return self.value_in(self.load().doc) if self.log.last_number() else self.proposed

    def value_in(self, doc: Doc[Any]) -> Any:
        """Return the value of a CRDT document that has the layout of this draft, as `read_value` returns it."""
        return document.read_value(doc, self.kind, self.proposed)

    def has_edits(self) -> bool:
        """Return True if the draft's value differs from the proposed value."""
        return not document.are_equal(self.read_value(), self.proposed)

    def load(self, upto: int | None = None, *, client: int | None = None) -> LoadedDocument:
        """Load the document from the log.

        Args:
            upto: Number of the last update to apply; None for all updates.
            client: CRDT client id for changes that will be made in the document; None for a new one.

        Raises:
            StoreCorrupt: The log is damaged.
        """
        from pycrdt import Doc

        doc: Doc[Any] = Doc(client_id=client)
        folded = self.log.newest_compacted()
        n = start = 0
        with doc.transaction():  # one transaction, because pycrdt rebuilds a long text after each transaction
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
        """Write the proposed value to the log, durably. Nothing is done if the log has updates already.

        Raises:
            StoreError: The log cannot be read or written.
        """
        if self.log.last_number() == 0 and (first := document.initial_update(self.kind, self.proposed)) is not None:
            self.log.begin(new_update(first, ""))

    def write_value(self, value: Any, author: str, name: str = "", *, doc: Doc[Any] | None = None) -> None:
        """Change the draft to `value`, durably. Only differences are written.

        Args:
            value: The new value.
            author: Author of the updates.
            name: Display name of the author.
            doc: The document that the author sees. The differences are computed relative to it, and it is changed too.
                None: the current draft.

        Raises:
            StoreError: The log cannot be read or written.
            ValueError: The draft's kind cannot hold the value.
        """
        self.write_initial()
        doc = self.load().doc if doc is None else doc
        made = capture_updates(doc, lambda: document.write_value(doc, self.kind, self.proposed, value))
        if made:
            self.log.submit(lambda tx: [self.log.add(tx, new_update(one, author, name)) for one in made]).result()

    def compact_log(self) -> None:
        """Replace the updates in the log by one update.

        Nothing is done if the log has no new updates since the last time.
        """
        loaded = self.load()
        if loaded.uncompacted:
            self.log.compact(CompactedDocument(loaded.last_update, loaded.doc.get_update()))

    def updates_after(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Update]]:
        """Return the updates whose numbers are greater than `after`, as pairs (number, update), the oldest first.

        At most `limit` updates are returned.

        Raises:
            StoreCorrupt: The log is damaged.
        """
        found: list[tuple[int, Update]] = []
        for entry in self.log.updates_after(after):
            found.append(entry)
            if len(found) == limit:
                break
        return found

    def apply_update(self, document: Doc[Any], n: int, data: bytes) -> None:
        """Apply update number `n` to a document.

        Raises:
            StoreCorrupt: The data is not an update.
        """
        try:
            document.apply_update(data)
        except ValueError as damage:
            raise StoreCorrupt(f"update {n} of the draft {self.id} is damaged: {damage}") from None


def capture_updates(document: Doc[Any], work: Callable[[], None]) -> list[bytes]:
    """Call `work`, which changes a document, and return the updates that the change causes."""
    made: list[bytes] = []
    subscription = document.observe(lambda event: made.append(event.update))
    try:
        work()
    finally:
        document.unobserve(subscription)
    return [one for one in made if one != EMPTY_UPDATE]


def format_draft(proposal: Proposal, value: Any) -> str:
    """Return a draft's value as text. A text that is not yet a valid value is returned unchanged."""
    return value if isinstance(value, str) and not isinstance(proposal.value, str) else format_value(proposal, value)


EMPTY_UPDATE = b"\x00\x00"
"""The update without any content."""
