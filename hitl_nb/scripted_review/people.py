"""Scripted people who edit a workspace in a test.

    {"version": 1, "writing": [
      {"title": "Penguins", "after": "## Islands", "person": "ann", "type": " of 2008", "behind": "expedition"},
      {"title": "Penguins", "after": "## Islands", "person": "bob", "comment": "Which year?", "quote": "expedition"}
    ], "decisions": [{"title": "Penguins", "action": "approve"}]}

To *play* an entry of "writing" is to make the edit or comment that it describes. The entries are played in the order of
the file, each once per run. An entry is played after the agent has written, as soon as the document contains the text
in "after". The edit is recorded like any other, so a run that continues after a crash does not make it again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence

import msgspec

from hitl_nb.drafts.agent_writer import AgentWriter, TextFinder, locate_quote, make_suggestion
from hitl_nb.drafts.draft import Draft
from hitl_nb.drafts.text_view import TextPage, TextRange
from hitl_nb.errors import HitlError, TextGone
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Workspace
from hitl_nb.structs import prepare_structs


class ScriptedEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One edit or comment of a scripted person in a workspace: an entry of "writing" in a decisions file.

    Attributes:
        agent: Name of the agents in whose workspaces the edit is made; `*` matches any characters.
        title: Title of these workspaces; `*` matches any characters.
        person: Name of the person.
        after: Text that the document must contain before the edit is made; "" for no condition.
        type: Text to write: at the end, `behind` a text that occurs once, or `instead` of such a text.
        behind: Text after which `type` is written.
        instead: Text that `type` replaces.
        comment: Text of a comment; about `quote`, if that is given.
        suggest: Text that is suggested instead of `quote`.
        quote: Text that the comment or suggestion is about.
    """

    agent: str = "*"
    title: str = "*"
    person: str = "script"
    after: str = ""
    type: str | None = None
    behind: str | None = None
    instead: str | None = None
    comment: str | None = None
    suggest: str | None = None
    quote: str = ""

    def find_mistake(self) -> str:
        """Return a message about the mistake in this entry; "" if it is valid."""
        if self.type is None and self.comment is None and self.suggest is None:
            return 'does nothing; give it "type", "comment" or "suggest"'
        if self.type is not None and (self.comment is not None or self.suggest is not None):
            return 'has "type" and a comment or suggestion; make two entries of it'
        if self.behind is not None and self.instead is not None:
            return 'has "behind" and "instead"; give only one of them'
        if self.suggest is not None and not self.quote:
            return 'has "suggest" without the "quote" that it replaces'
        return ""


class ScriptedPeople:
    """Makes the scripted edits and comments of one decisions file in one workspace (a shared document).

    Args:
        ledger: Ledger of the workspace.
        workspace: The workspace.
        name: Name of the file, for messages.
        hands: The file's entries for this workspace, each as (number in the file, entry).
        epoch: Fencing number of the run's claim (the right to execute the run): a write with an old number is
            refused.
        check: Raises RunClaimed if another process has taken the run.
    """

    def __init__(
        self,
        ledger: Ledger,
        workspace: Workspace,
        name: str,
        hands: Sequence[tuple[int, ScriptedEdit]],
        *,
        epoch: int,
        check: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._workspace = workspace
        self._draft = Draft.for_workspace(ledger.store, workspace)
        self._name = name
        self._edits = hands
        self._epoch = epoch
        self._check = check

    def play(self) -> list[int]:
        """Make the edits and comments of all entries whose text in "after" is in the document, each once.

        Returns:
            The numbers of the entries whose text is missing, so that they still wait.

        Raises:
            HitlError: An edit cannot be made, because the text that it is about does not occur exactly once.
        """
        waiting: list[int] = []
        for number, hand in self._edits:
            writing = self._make_writer(hand)
            key = f"script/{number}"
            if writing.outcome_of(key) is not None:
                continue
            page = TextPage(self._draft)
            if hand.after not in page.said:
                waiting.append(number)
                continue
            try:
                self._perform(hand, writing, key, page)
            except TextGone as missing:
                raise HitlError(f"{self._name}: writing[{number}] cannot be done: {missing}") from None
        return waiting

    def _make_writer(self, hand: ScriptedEdit) -> AgentWriter:
        return AgentWriter(
            self._ledger.store,
            self._draft,
            author=hand.person,
            name=hand.person,
            epoch=self._epoch,
            check=self._check,
        )

    def _perform(self, hand: ScriptedEdit, writing: AgentWriter, key: str, page: TextPage) -> None:
        if hand.type is not None:
            writing.replace(key, _find_place(hand), hand.type, patience=None)
            return
        what = make_suggestion(page, locate_quote(hand.quote)(page), hand.suggest or "") if hand.quote else None
        self._ledger.comments.add(
            self._workspace.id,
            hand.comment or "",
            author=hand.person,
            author_name=hand.person,
            quote=what.quote if what else "",
            prefix=what.prefix if what else "",
            suffix=what.suffix if what else "",
            anchor=what.anchor if what else None,
            suggestion=hand.suggest,
            id=_comment_id(self._workspace.id, key),
        )
        writing.commit_write(key, [])


def _find_place(hand: ScriptedEdit) -> TextFinder:
    """Return a function that finds the range of a document's text that a scripted edit replaces.

    Args:
        hand: The scripted edit. If it only inserts text, the range is empty.
    """
    if hand.instead is not None:
        return locate_quote(hand.instead)
    if hand.behind is None:
        return lambda page: TextRange(len(page.said), len(page.said))
    find = locate_quote(hand.behind)
    return lambda page: TextRange(find(page).end, find(page).end)


def _comment_id(document: str, key: str) -> str:
    """Return the id for the comment that an entry of a decisions file adds to a document.

    The same entry always gives the same id, so a repeated entry adds no second comment.

    Args:
        document: Id of the document.
        key: Key of the entry in the run.
    """
    return base64.b32encode(hashlib.sha256(f"{document}/{key}".encode()).digest())[:12].decode().lower()


prepare_structs(globals())
