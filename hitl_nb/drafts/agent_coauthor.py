"""Operations of an agent on the document of a workspace: edits, comments, and reads that are recorded.

The operations are allowed while the agent's process holds the claim of its run (the exclusive right to execute it).
`workspaces/commands.py` executes commands with this module, for agents in a kernel and for scripts that write through a
server.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from hitl_nb.drafts.agent_writer import AgentWriter, Suggestion, TextFinder, Written, locate_quote
from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import UnknownComment
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.records import AGENT, Comment, CommentState, Workspace
from hitl_nb.storage.interface import Transaction


class AgentCoauthor:
    """Operations of one agent on one document.

    Args:
        ledger: The ledger.
        claim: Claim of the agent's run. All methods raise RunClaimed after another process has taken the run.
        agent: Name of the agent.
        document: Id of the workspace.
        inside: Whether the run is inside the workspace's `with` block. Then the workspace is reopened for a write even
            if an earlier attempt had left the block and so closed it.
        scope: Prefix of a key that makes it unique among all runs. None (default): the run's id.
    """

    def __init__(
        self,
        ledger: Ledger,
        claim: Claim,
        agent: str,
        document: str,
        *,
        inside: bool = False,
        scope: str | None = None,
    ) -> None:
        self.ledger = ledger
        self.claim = claim
        self.agent = agent
        self.document = document
        self.inside = inside
        self._scope = f"{claim.run}/" if scope is None else scope

    def make_writer(self) -> AgentWriter:
        """Return a writer for the document. Writes that an earlier try of the run has made are not made again."""
        ledger, claim = self.ledger, self.claim
        return AgentWriter(
            ledger.store,
            Draft.for_workspace(ledger.store, ledger.workspaces.load(self.document)),
            author=AGENT + self.agent,
            name=self.agent,
            epoch=claim.epoch,
            check=lambda: ledger.claims.check(claim),
        )

    def begin_writing(self) -> Workspace:
        """Record that the agent is about to write. A document that was marked as done is opened for writing again.

        Returns:
            The workspace, open for writing.

        Raises:
            WorkspaceClosed: The workspace is closed permanently.
        """
        return self.ledger.workspaces.begin_writing(self.claim, self.document, inside=self.inside)

    def start_write(self, key: str, *, can_be_suggested: bool = True) -> AgentWriter | Written:
        """Announce a write, unless a write with the same key was made before. A document marked as done is reopened.

        Args:
            key: Key of the write; the same on every try.
            can_be_suggested: Whether an earlier try may have made a suggestion without recording its result.

        Returns:
            A writer, if the write has to be made now; the recorded result, if the write was made before.

        Raises:
            WorkspaceClosed: The workspace is closed permanently.
        """
        writer = self.make_writer()
        known = writer.outcome_of(key)
        if known is not None:
            return known
        self.begin_writing()
        if can_be_suggested and self.find_comment(self.name_comment(key)) is not None:
            return writer.mark_suggested(key)
        return writer

    def finish_write(self, key: str, writer: AgentWriter, outcome: Written | Suggestion) -> Written:
        """Return the result of a write. A result that is a suggestion is first added to the document as a comment.

        Args:
            key: Key of the write.
            writer: The writer that `start_write` returned.
            outcome: The writer's result.
        """
        if isinstance(outcome, Written):
            return outcome
        self.suggest(outcome, "", self.name_comment(key))
        return writer.mark_suggested(key)

    def name_comment(self, key: str) -> str:
        """Return the id of the comment that a command with this key makes."""
        return comment_id(f"{self._scope}{key}")

    def find_comment(self, comment: str) -> Comment | None:
        """Return the comment on the document with this id; None if there is none."""
        return next((one for one in self.ledger.comments.list_on_document(self.document) if one.id == comment), None)

    def load_comment(self, comment: str) -> Comment:
        """Return a comment on the document.

        Raises:
            UnknownComment: The document has no comment with this id.
        """
        found = self.find_comment(comment)
        if found is None:
            raise UnknownComment(f"there is no comment {comment!r} on this document; read its comments again")
        return found

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
        return self.ledger.comments.add(
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
        return self.ledger.comments.add(
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
        return self.ledger.comments.change_state(
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

        self.ledger.claims.check(self.claim)
        return writing.draft.log.submit(work).result()


def workspace_text(ledger: Ledger, workspace: Workspace) -> str:
    """Return the text of a workspace: the decided text if nobody changed it since, otherwise the draft's text."""
    agreed = ledger.workspaces.find_decided_text(workspace)
    return Draft.for_workspace(ledger.store, workspace).read_value() if agreed is None else agreed


def comment_id(key: str) -> str:
    """Return the id of a comment for a key; the same key always gives the same id."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest())[:12].decode().lower()
