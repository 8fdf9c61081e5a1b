"""Operations of an agent on the document of a workspace: edits, comments, and reads that are recorded.

The operations are allowed while the agent's process holds the claim of its run (the exclusive right to execute it). The
module is used for agents in a kernel (`workspaces/local_operations.py`), and for scripts that write through a server
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
    """Operations of one agent on one document.

    Args:
        ledger: The ledger.
        claim: Claim of the agent's run. All methods raise RunClaimed after another process has taken the run.
        agent: Name of the agent.
        document: Id of the workspace.
    """

    def __init__(self, ledger: Ledger, claim: Claim, agent: str, document: str) -> None:
        self.ledger = ledger
        self.claim = claim
        self.agent = agent
        self.document = document

    def make_writer(self) -> AgentWriter:
        """Return a writer for the document. It recognizes writes that earlier attempts of the run have made."""
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
        """Record that the agent is about to write. A document that was marked as done is opened for writing again.

        Args:
            inside: True if the run is inside the workspace's `with` block. Then the workspace is reopened even if an
                earlier attempt had left the block and so closed it.

        Returns:
            The workspace, open for writing.

        Raises:
            WorkspaceClosed: The workspace is closed permanently.
        """
        return self.ledger.begin_writing(self.claim, self.document, inside=inside)

    def load_comment(self, comment: str) -> Comment:
        """Return a comment on the document.

        Raises:
            UnknownComment: The document has no comment with this id.
        """
        for one in self.ledger.list_comments(self.document):
            if one.id == comment:
                return one
        raise UnknownComment(f"there is no comment {comment!r} on this document; read its comments again")

    def find_commented_text(self, comment: str) -> TextFinder:
        """Return a function that finds the text on which a comment was made.

        Raises:
            UnknownComment: The document has no comment with this id.
        """
        about = self.load_comment(comment)
        return locate_quote(about.quote, about.anchor, exactly=False)

    def suggest(self, what: Suggestion, why: str, name: str) -> Comment:
        """Add a suggestion as a comment. If a comment with this id exists already, it is returned unchanged.

        Args:
            what: The suggestion.
            why: The comment's text.
            name: Id of the comment.
        """
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
        """Answer a comment. If a comment with this id exists already, it is returned unchanged.

        Args:
            comment: Id of the comment to answer.
            text: The answer.
            name: Id of the answer.
        """
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
        """Resolve a comment, or accept or dismiss a suggestion. Return the comment."""
        return self.ledger.change_comment_state(
            self.document, comment, state, actor=AGENT + self.agent, actor_name=self.agent, claim=self.claim
        ).comment

    def record_once(self, key: str, read: Callable[[], bytes]) -> bytes:
        """Return the result of `read` from the first call with this key; later calls return the recorded bytes."""
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
    """Return the text of a workspace: the decided text if nobody changed it since, otherwise the draft's text."""
    agreed = ledger.find_decided_text(workspace)
    return Draft.for_workspace(ledger.store, workspace).read_value() if agreed is None else agreed


def comment_id(key: str) -> str:
    """Return the id of a comment for a key; the same key always gives the same id."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest())[:12].decode().lower()
