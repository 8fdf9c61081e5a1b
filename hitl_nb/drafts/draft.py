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
from hitl_nb.kinds.questions import as_text
from hitl_nb.ledger.documents.update_log import Folded, Update, UpdateLog, update
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.records import Kind, Proposal, Workspace
from hitl_nb.storage.interface import Store

if TYPE_CHECKING:
    from pycrdt import Doc

FOLD = 1000
"""Updates after which a log is folded."""


@dataclass(frozen=True)
class Loaded:
    """A document as it was read: what it holds, up to the `n`-th update, and how many of them are not folded."""

    doc: Doc[Any]
    n: int
    loose: int


class Draft:
    """One draft. Documents that it returns belong to the thread that asked for them.

    Args:
        store: where the proposal, or the workspace, is.
        id: the document's id.
        kind, proposed: of the value, as the agent proposed it.
    """

    def __init__(self, store: Store, id: str, kind: Kind, proposed: Any) -> None:  # noqa: A002
        self.id = id
        self.kind: Kind = kind
        self.proposed = proposed
        self.log = UpdateLog(store, id)

    @classmethod
    def of(cls, store: Store, p: Proposal) -> Draft:
        """The draft of a proposal; of one about a workspace, the workspace's document."""
        w = rows.load_workspace(store, p.document) if p.document else None
        return cls.within(store, w) if w is not None else cls(store, p.id, p.kind, p.value)

    @classmethod
    def within(cls, store: Store, w: Workspace) -> Draft:
        """The document of a workspace, which begins with its template."""
        return cls(store, w.id, w.kind, w.template)

    def value(self) -> Any:
        """What the draft says, as JSON: what was proposed, if nobody wrote. A text that is no value yet is that text.

        Raises StoreCorrupt.
        """
        return self.says(self.load().doc) if self.log.last() else self.proposed

    def says(self, doc: Doc[Any]) -> Any:
        """What this document says."""
        return document.value_of(doc, self.kind, self.proposed)

    def edited(self) -> bool:
        """Whether the draft says something else than what was proposed."""
        return not document.same(self.value(), self.proposed)

    def load(self, upto: int | None = None, *, client: int | None = None) -> Loaded:
        """The document as it is, or as it was after the update `upto`. Raises StoreCorrupt.

        What is written into it is the CRDT peer `client`'s; a new one's if it is left out.
        """
        from pycrdt import Doc

        doc: Doc[Any] = Doc(client_id=client)
        folded = self.log.folded()
        n = start = 0
        with doc.transaction():  # one for all: after each, the whole of a long text would be put together again
            if folded is not None and (upto is None or folded.n <= upto):
                self.apply(doc, folded.n, folded.data)
                n = start = folded.n
            for number, one in self.log.since(start):
                if upto is not None and number > upto:
                    break
                self.apply(doc, number, one.data)
                n = number
        if n == 0 and (first := document.begun(self.kind, self.proposed)) is not None:
            doc.apply_update(first)
        return Loaded(doc, n, n - start)

    def begin(self) -> None:
        """Put what was proposed into the log, durably, unless it is there. Raises StoreError."""
        if self.log.last() == 0 and (first := document.begun(self.kind, self.proposed)) is not None:
            self.log.begin(update(first, ""))

    def write(self, value: Any, author: str, name: str = "", *, doc: Doc[Any] | None = None) -> None:
        """Let the draft say `value`, durably: what differs is written, as `author`'s. Raises StoreError.

        What it differs from is what the author sees: `doc`, which then says `value` too, or the draft as it is now.
        """
        self.begin()
        doc = self.load().doc if doc is None else doc
        made = changes(doc, lambda: document.write(doc, self.kind, self.proposed, value))
        if made:
            self.log.submit(lambda tx: [self.log.add(tx, update(one, author, name)) for one in made]).result()

    def fold(self) -> None:
        """Pack the log."""
        loaded = self.load()
        if loaded.loose:
            self.log.fold(Folded(loaded.n, loaded.doc.get_update()))

    def history(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Update]]:
        """At most `limit` updates that follow the `after`-th, with their numbers, oldest first. Raises StoreCorrupt."""
        found: list[tuple[int, Update]] = []
        for entry in self.log.since(after):
            found.append(entry)
            if len(found) == limit:
                break
        return found

    def apply(self, doc: Doc[Any], n: int, data: bytes) -> None:
        """Apply the n-th update to a document. Raises StoreCorrupt if it is none."""
        try:
            doc.apply_update(data)
        except ValueError as damage:
            raise StoreCorrupt(f"update {n} of the draft {self.id} is damaged: {damage}") from None


def changes(doc: Doc[Any], work: Callable[[], None]) -> list[bytes]:
    """The updates that `work` makes in a document."""
    made: list[bytes] = []
    subscription = doc.observe(lambda event: made.append(event.update))
    try:
        work()
    finally:
        doc.unobserve(subscription)
    return [one for one in made if one != NOTHING]


def draft_text(p: Proposal, value: Any) -> str:
    """What a draft says, as text; a text that is no value yet is that text."""
    return value if isinstance(value, str) and not isinstance(p.value, str) else as_text(p, value)


NOTHING = b"\x00\x00"
"""The update that brings nothing."""
