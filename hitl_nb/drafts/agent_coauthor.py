"""An agent at work on the document of a workspace, under its run's claim: it writes, says something, recalls.

For agents in a kernel (`workspaces/local_operations.py`) and for scripts that write through a server
(`server/api/remote_workspaces.py`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from hitl_nb.drafts.agent_writer import AgentWriter, Suggestion, TextFinder, locate_quote
from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import UnknownComment
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.runs.claims import Claim
from hitl_nb.records import AGENT, Comment, CommentState, Workspace
from hitl_nb.storage.interface import Transaction


class AgentCoauthor:
    """One agent and one document.

    Args:
        agent: the agent's name.
        document: the workspace's id.

    What it does raises RunClaimed once the run was taken over.
    """

    def __init__(self, ledger: Ledger, claim: Claim, agent: str, document: str) -> None:
        self.ledger = ledger
        self.claim = claim
        self.agent = agent
        self.document = document

    def make_writer(self) -> AgentWriter:
        """Its writes; those that were made are known there."""
        ledger, claim = self.ledger, self.claim
        return AgentWriter(
            ledger.store,
            Draft.for_workspace(ledger.store, ledger.load_workspace(self.document)),
            author=AGENT + self.agent,
            name=self.agent,
            epoch=claim.epoch,
            check=lambda: ledger.check_claim(claim),
        )

    def begin_writing(self, *, inside: bool = False) -> Workspace:
        """It is about to write: a document that was done is open again. Raises WorkspaceClosed."""
        return self.ledger.begin_writing(self.claim, self.document, inside=inside)

    def load_comment(self, comment: str) -> Comment:
        """A comment on the document. Raises UnknownComment."""
        for one in self.ledger.list_comments(self.document):
            if one.id == comment:
                return one
        raise UnknownComment(f"there is no comment {comment!r} on this document; read its comments again")

    def find_commented_text(self, comment: str) -> TextFinder:
        """Finds the text that a comment is about. Raises UnknownComment."""
        about = self.load_comment(comment)
        return locate_quote(about.quote, about.anchor, exactly=False)

    def suggest(self, what: Suggestion, why: str, name: str) -> Comment:
        """Put a suggestion to people, under an id; one that is there already stays as it is."""
        return self.ledger.add_comment(
            self.document,
            why,
            author=AGENT + self.agent,
            author_name=self.agent,
            quote=what.quote,
            prefix=what.prefix,
            suffix=what.suffix,
            anchor=what.anchor,
            suggestion=what.text,
            id=name,
            claim=self.claim,
        )

    def reply(self, comment: str, text: str, name: str) -> Comment:
        """Answer a comment, under an id; an answer that is there already stays as it is."""
        return self.ledger.add_comment(
            self.document,
            text,
            author=AGENT + self.agent,
            author_name=self.agent,
            thread=comment,
            id=name,
            claim=self.claim,
        )

    def change_comment_state(self, comment: str, state: CommentState) -> Comment:
        """Say what became of a comment."""
        return self.ledger.change_comment_state(
            self.document, comment, state, actor=AGENT + self.agent, actor_name=self.agent, claim=self.claim
        ).comment

    def record_once(self, key: str, read: Callable[[], bytes]) -> bytes:
        """What `read` returns, the first time that it is asked under this key; from then on the same."""
        writing = self.make_writer()
        known = writing.writes.read_recorded(key)
        if known is not None:
            return known
        found = read()

        def work(transaction: Transaction) -> bytes:
            writing.writes.require_newest_epoch(transaction)
            return writing.writes.record_once(transaction, key, found)

        self.ledger.check_claim(self.claim)
        return writing.draft.log.submit(work).result()


def workspace_text(ledger: Ledger, workspace: Workspace) -> str:
    """What stands in a workspace now, or what people agreed to and nobody has changed since."""
    agreed = ledger.find_decided_text(workspace)
    return Draft.for_workspace(ledger.store, workspace).read_value() if agreed is None else agreed


def comment_id(key: str) -> str:
    """The id of a comment that is made for this key."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest())[:12].decode().lower()
