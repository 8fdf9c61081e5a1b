"""The parts of a list's rows that are not in the proposals' records: short texts, changes of drafts, open comments.

They are kept in memory, because a list of many rows would otherwise read several more records for each row. They are
renewed when the audit log has an event about the proposal, or when its draft has a new update.
"""

from __future__ import annotations

import hashlib
import re
import threading
from typing import NamedTuple, TypeVar

import msgspec

from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import AGENT, Proposal
from hitl_nb.server.lists.log_follower import LoggedChanges
from hitl_nb.server.lists.one_line import short_text, summarize_value
from hitl_nb.server.lists.searchable_text import read_numbers
from hitl_nb.server.lists.value_changes import NO_CHANGES, ValueChange, find_value_changes
from hitl_nb.storage import chunked_values

T = TypeVar("T")

MAX_CACHED = 20_000
"""Number of proposals whose parts are kept. With more, all are forgotten and read again."""
MAX_NUMBERS = 12
"""Number of numbers of one value that a row has."""
_MAX_DOCUMENT_BYTES = 256 << 10
_DIGITS = re.compile(r"\d+")


class DraftChanges(NamedTuple):
    """How the draft of an open proposal, or the value of a decision, differs from the proposed value.

    Attributes:
        total: Number of changes; None if the draft was edited, but is too long to compare.
        first: The first changes.
        people: Display names of the people who have edited the draft, newest edit first. Empty for a decision.
    """

    total: int | None = 0
    first: tuple[ValueChange, ...] = ()
    people: tuple[str, ...] = ()


UNEDITED = DraftChanges()
"""Changes of a draft that is equal to the proposed value."""


class OpenComments(NamedTuple):
    """Numbers of the comments and of the suggestions on a document that are open."""

    comments: int = 0
    suggestions: int = 0


class _Texts(NamedTuple):
    """Parts that only depend on the proposal's record. `revision` is the revision of that record."""

    revision: int
    summary: str
    alike: str
    numbers: dict[str, float]


class _KnownDraft(NamedTuple):
    """Changes of a draft, as of a version of the store of drafts and of an update of the draft.

    `question` has id and revision of the proposal with whose value the draft was compared. A workspace may ask again
    with another value, and the document then has no new update.

    `people` has the display names of everybody who has edited the draft, oldest edit first.
    """

    version: int = -1
    last_update: int = 0
    question: tuple[str, int] = ("", 0)
    people: tuple[str, ...] = ()
    changes: DraftChanges = UNEDITED


class RowParts:
    """The parts of rows that were read before, by proposal and by document.

    The methods may be called on several threads. Then a part may be read twice.
    """

    def __init__(self) -> None:
        self._texts: dict[str, _Texts] = {}
        self._drafts: dict[str, _KnownDraft] = {}
        self._comments: dict[str, OpenComments] = {}
        self._comments_lock = threading.Lock()
        self._renewals = 0
        self._decisions: dict[str, DraftChanges] = {}

    def forget(self, changes: LoggedChanges) -> None:
        """Forget the parts about which the audit log has new events."""
        if changes.is_everything:
            self._texts = {}
            self._drafts = {}  # versions of the store of drafts are comparable for one opened store only
        for proposal in changes.proposals:
            self._texts.pop(proposal, None)
        with self._comments_lock:
            self._renewals += 1
            if changes.is_everything:
                self._comments = {}
            for document in changes.documents:
                self._comments.pop(document, None)

    def summary(self, proposal: Proposal) -> str:
        """Return one line of text about the proposed value."""
        return self._find_texts(proposal).summary

    def similarity_key(self, proposal: Proposal) -> str:
        """Return a key that is equal for similar proposals.

        It is equal for two proposals if agent, kind, schema and policy are equal, and if the titles differ at most in
        numbers. The values may differ.
        """
        return self._find_texts(proposal).alike

    def numbers(self, proposal: Proposal) -> dict[str, float]:
        """Return the first numbers in the proposed value by path, at most `MAX_NUMBERS`.

        The paths of a tool call's arguments have no "arguments/".
        """
        return self._find_texts(proposal).numbers

    def _find_texts(self, proposal: Proposal) -> _Texts:
        found = self._texts.get(proposal.id)
        if found is None or found.revision != proposal.revision:
            found = _Texts(
                proposal.revision, summarize_value(proposal), _similarity_key(proposal), _first_numbers(proposal)
            )
            _keep(self._texts, proposal.id, found)
        return found

    def draft_changes(self, ledger: Ledger, proposal: Proposal, version: int) -> DraftChanges:
        """Return how the draft of an open proposal differs from the proposed value.

        Args:
            ledger: The ledger.
            proposal: The proposal.
            version: Version of the store of drafts, read before this call.
        """
        document = proposal.document or proposal.id
        known = self._drafts.get(document, _KnownDraft())
        question = (proposal.id, proposal.revision)
        if (known.version, known.question) == (version, question):
            return known.changes
        draft = Draft.for_proposal(ledger.store, proposal)
        last = draft.log.last_number()
        if last != known.last_update or (known.people and known.question != question):
            people = _add_editors(known.people, draft, known.last_update)
            known = _KnownDraft(version, last, question, people, _read_changes(ledger, draft, proposal, people))
        _keep(self._drafts, document, known._replace(version=version, question=question))
        return known.changes

    def decided_changes(self, proposal: Proposal) -> DraftChanges:
        """Return how the value of a decision differs from the proposed value. A decision never changes."""
        made = proposal.decision
        if made is None or made.action != "edit" or proposal.doubt is not None:
            return UNEDITED
        found = self._decisions.get(proposal.id)
        if found is None:
            found = DraftChanges(*find_value_changes(proposal, made.value))
            _keep(self._decisions, proposal.id, found)
        return found

    def open_comments(self, ledger: Ledger, proposal: Proposal) -> OpenComments:
        """Return the numbers of open comments and suggestions on a proposal's document. Answers are not counted."""
        document = proposal.document or proposal.id
        found = self._comments.get(document)
        if found is None:
            renewals = self._renewals
            threads = [
                one for one in ledger.comments.list_on_document(document) if not one.thread and one.state == "open"
            ]
            suggestions = sum(1 for one in threads if one.suggestion is not None)
            found = OpenComments(len(threads) - suggestions, suggestions)
            with self._comments_lock:
                if renewals == self._renewals:  # else what was read may be older than an event that was handled
                    _keep(self._comments, document, found)
        return found


def _first_numbers(proposal: Proposal) -> dict[str, float]:
    found = read_numbers(proposal, MAX_NUMBERS, in_lists=False)  # a choice of orders has no place for each item
    return {path: number for path, number in found.items() if path and not path.startswith("arguments/")}


def _similarity_key(proposal: Proposal) -> str:
    terms = proposal.terms
    policy = () if terms is None else (terms.rules, [need.text for need in terms.needs])
    title = _DIGITS.sub("#", proposal.title)
    key = msgspec.json.encode((proposal.agent, proposal.kind, title, policy, proposal.schema))
    return hashlib.blake2b(key, digest_size=6).hexdigest()


def _add_editors(people: tuple[str, ...], draft: Draft, after: int) -> tuple[str, ...]:
    """Return the display names of the people who have edited a draft, oldest edit first.

    Args:
        people: The people who made the updates up to number `after`.
        draft: The draft.
        after: Number of an update.
    """
    names = dict.fromkeys(people)
    for _, update in draft.log.updates_after(after):
        if update.author and not update.author.startswith(AGENT):
            name = short_text(update.name or update.author)
            names.pop(name, None)
            names[name] = None
    return tuple(names)


def _read_changes(ledger: Ledger, draft: Draft, proposal: Proposal, people: tuple[str, ...]) -> DraftChanges:
    """Read a draft that people have edited, and compare it with the proposed value. A long draft is not read."""
    names = tuple(reversed(people))
    if not names:
        return UNEDITED
    key = f"folded/{draft.id}"
    folded = ledger.store.drafts.get(key)
    if folded is not None and chunked_values.whole_size(key, folded) > _MAX_DOCUMENT_BYTES:
        return DraftChanges(None, (), names)
    found = find_value_changes(proposal, draft.read_value())
    return UNEDITED if found == NO_CHANGES else DraftChanges(found.total, found.first, names)


def _keep(kept: dict[str, T], key: str, part: T) -> None:
    if len(kept) >= MAX_CACHED:
        kept.clear()
    kept[key] = part
