"""People of a script who write along in a workspace: what they type and say, and what they wait for.

    {"version": 1, "writing": [
      {"title": "Penguins", "after": "## Islands", "person": "ann", "type": " of 2008", "behind": "expedition"},
      {"title": "Penguins", "after": "## Islands", "person": "bob", "comment": "Which year?", "quote": "expedition"}
    ], "decisions": [{"title": "Penguins", "action": "approve"}]}

An entry is played once in a run, in the order of the file, when the agent has written and the text has what the entry
waits for. It is kept like any other write, so a run that goes on after a crash does not play it again.
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
    """Something that a person of a script does.

    Attributes:
        agent, title: in which workspaces; `*` stands for any characters.
        person: who it is.
        after: what the document must have before; "" is there from the beginning.
        type: what is typed: at the end, `behind` a text that stands there once, or `instead` of one.
        comment: what is said, about `quote` if that is given.
        suggest: what is suggested in place of `quote`.
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
        """What is wrong with this entry, or ""."""
        if self.type is None and self.comment is None and self.suggest is None:
            return 'does nothing; give it "type", "comment" or "suggest"'
        if self.type is not None and (self.comment is not None or self.suggest is not None):
            return "types and comments at once; make two entries of it"
        if self.behind is not None and self.instead is not None:
            return 'has "behind" and "instead"; one of them says where'
        if self.suggest is not None and not self.quote:
            return 'suggests something without the "quote" that it is to replace'
        return ""


class ScriptedPeople:
    """The people of one script in one workspace.

    Args:
        name: of the script, for messages.
        hands: its entries that are about this workspace, with their numbers in the file.
        epoch, check: those of the run's claim (see `AgentWriter`).
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
        """Do what is to be done now; the entries that still wait. Raises HitlError for one that cannot be done."""
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
        self._ledger.add_comment(
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
    """Where it is typed."""
    if hand.instead is not None:
        return locate_quote(hand.instead)
    if hand.behind is None:
        return lambda page: TextRange(len(page.said), len(page.said))
    find = locate_quote(hand.behind)
    return lambda page: TextRange(find(page).end, find(page).end)


def _comment_id(document: str, key: str) -> str:
    """The same on every try."""
    return base64.b32encode(hashlib.sha256(f"{document}/{key}".encode()).digest())[:12].decode().lower()


prepare_structs(globals())
