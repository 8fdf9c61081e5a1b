"""Workspace of an agent: a document that the agent and people write together, section by section.

The object holds only the document's id; the text is in the store. So a run that pauses inside the `with` block can
continue in any process, and people can write while no kernel runs.

Each write is made exactly once, even if the run continues after a crash. Values that opaque code reads are recorded
(`local_operations.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

import msgspec

from hitl_nb.drafts.agent_writer import PATIENCE_SECONDS, TextFinder, Written, locate_quote
from hitl_nb.drafts.draft import Draft
from hitl_nb.engine.current_session import require_session
from hitl_nb.engine.live.steps_under_way import in_step
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.engine.run.session import Session
from hitl_nb.engine.snapshot.saver import StoreBackedContext
from hitl_nb.errors import HitlError
from hitl_nb.kinds import questions as values
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import ACTIONS, Action
from hitl_nb.records import Workspace as Record
from hitl_nb.review.comment_threads import AgentComment
from hitl_nb.review.decision import Decision, LiveQuestion
from hitl_nb.review.review_arguments import OnDeadline, check_review
from hitl_nb.scripted_review.reviewer import reviewer_from_environment
from hitl_nb.workspaces import local_operations as sharing
from hitl_nb.workspaces.local_operations import RecordedWrite


@name_in_package
class LocalWorkspace(StoreBackedContext):
    """A document that people see and edit while the agent writes it. Created by `workspace()`.

    Leaving the `with` block closes the document for good, unless an exception leaves it: a run that failed continues
    inside the block. The object can be used only inside the agent that opened it. Methods raise NotInAgent elsewhere,
    and RunClaimed after another process has taken the run.
    """

    def __init__(self, id: str) -> None:  # noqa: A002
        self.id = id

    def __repr__(self) -> str:
        return f"<workspace {self.id}>"

    def __enter__(self) -> LocalWorkspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            session = require_session("the end of a workspace")
            session.ledger.close_workspace(session.claim, self.id)

    # Reading

    @property
    def title(self) -> str:
        """Title of the document."""
        return self._read_record("workspace.title").title

    @property
    def text(self) -> str:
        """The current text. From a decision until the agent's next write, this is exactly the decided text."""
        session = require_session("workspace.text")
        return sharing.read_text(self.id) if session.live.is_direct else sharing.recorded_text(self.id)

    def comments(self, open: bool | None = None) -> list[AgentComment]:  # noqa: A002
        """Return the comments on the document, oldest first.

        Args:
            open: True for open comments only, False for settled ones only, None for all.
        """
        session = require_session("workspace.comments()")
        direct = session.live.is_direct
        found = sharing.read_comments(self.id) if direct else sharing.recorded_comments(self.id)
        return [one for one in found if open in (None, one.open)]

    # Writing

    def append(self, part: str | Iterable[str] | AsyncIterable[str], *, patience: float = PATIENCE_SECONDS) -> Any:
        """Add text at the end, as new paragraphs. A stream is written as it arrives, while people write around it.

        The text of a stream that raised, or whose process died, stays. When the same call is made again, it continues
        after that text.

        Args:
            part: A str; an iterable of str, such as a generator of tokens; or an async iterable of str.
            patience: Seconds to wait for people if text of an interrupted stream must be corrected where they write.

        Returns:
            Written.done; for an async iterable, an awaitable of it. Written.suggested if a repeated stream brings
            other text, and people did not stop writing there.

        Raises:
            WorkspaceClosed: The document is closed for good.
            TypeError: `part` is not text.
        """
        given: Any = part
        if not isinstance(given, (Iterable, AsyncIterable)) or isinstance(given, (bytes, bytearray)):
            raise TypeError(f"append takes a str, or an iterable of str, not {type(given).__name__}")
        write = self._begin_write("append")
        if isinstance(part, AsyncIterable):
            return self._append_stream(write, part, patience)
        return self._notify_script(sharing.append_text(write, part, patience))

    async def _append_stream(self, write: RecordedWrite, part: AsyncIterable[str], patience: float) -> Written:
        return self._notify_script(await sharing.append_stream(write, part, patience))

    def _notify_script(self, written: Written) -> Written:
        """In a test with a decisions file, let the scripted people react to the write."""
        let_script_write(require_session("workspace"), self.id)
        return written

    def replace(self, old: str | AgentComment, new: str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Replace a text by `new`.

        If a person has just written there, the call waits for them. After `patience` seconds the replacement becomes
        a suggestion by the agent.

        Args:
            old: A text that occurs exactly once, or a comment, whose quoted text is replaced.
            new: The new text.
            patience: Maximum number of seconds to wait.

        Returns:
            Written.done or Written.suggested.

        Raises:
            TextGone: The old text does not occur exactly once.
            WorkspaceClosed: The document is closed for good.
        """
        find = self._make_find(old)
        write = self._begin_write("replace")
        return self._notify_script(write.run(lambda writing, key: writing.replace(key, find, new, patience)))

    def suggest(self, old: str | AgentComment, new: str, why: str = "") -> AgentComment:
        """Add a suggestion that people can accept or dismiss.

        Args:
            old: A text that occurs exactly once, or a comment, whose quoted text would be replaced.
            new: The suggested text.
            why: Reason for the suggestion.

        Raises:
            TextGone: The old text does not occur exactly once.
        """
        self._require_writable_session("suggest")
        return sharing.suggest(self.id, self._make_find(old), new, why)

    def reply(self, comment: AgentComment | str, text: str) -> AgentComment:
        """Answer a comment, given as an object or by its id.

        Raises:
            UnknownComment: The document has no such comment.
        """
        self._require_writable_session("reply")
        return sharing.reply(self.id, _get_comment_id(comment), text)

    def resolve(self, comment: AgentComment | str) -> AgentComment:
        """Mark a comment as resolved.

        Raises:
            UnknownComment: The document has no such comment.
            AlreadySettled: The comment was settled before.
        """
        self._require_writable_session("resolve")
        return sharing.resolve(self.id, _get_comment_id(comment))

    def accept(self, comment: AgentComment | str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Make the change that a comment suggests, and mark the suggestion as accepted.

        Args:
            comment: The comment or its id.
            patience: Seconds to wait while a person writes there.

        Returns:
            Written.done; Written.suggested if a person did not stop writing. Then the suggestion stays open.

        Raises:
            AlreadySettled: Somebody settled the suggestion before.
            TextGone: The quoted text does not occur exactly once.
            UnknownComment: The document has no such comment.
            WorkspaceClosed: The document is closed for good.
            ValueError: The comment has no suggestion.
        """
        self._require_writable_session("accept")
        return self._notify_script(sharing.accept(self.id, _get_comment_id(comment), patience))

    # Deciding

    def wait_until_done(
        self,
        *,
        title: str | None = None,
        context: Mapping[str, Any] | str | None = None,
        allow: Sequence[Action] = ACTIONS,
        deadline: timedelta | datetime | None = None,
        on_deadline: OnDeadline = "wait",
    ) -> Decision:
        """Ask people whether the document is done. The run pauses here until they decide.

        People can write until they decide. Their decision sets the document's status to done. Nobody can write into it
        until the agent writes again. `.text` is then exactly the decided text.

        Args:
            title: Title of the proposal. Default: the title of the workspace.
            context: As for `checkpoint`.
            allow: As for `checkpoint`.
            deadline: As for `checkpoint`.
            on_deadline: As for `checkpoint`.

        Returns:
            The decision. A policy may say who decides, but it never passes this question without people.

        Raises:
            CannotPause: The run cannot pause here.
            WorkspaceClosed: The document is closed for good.
            PolicyError: A policy file cannot be used.
            TypeError: An argument has a wrong type.
            ValueError: An argument has a wrong value.
        """
        session = require_session("workspace.wait_until_done()")
        exact = session.live.begin_call(LocalWorkspace.wait_until_done)
        review = check_review(deadline=deadline, on_deadline=on_deadline, allow=allow)
        record = session.ledger.load_workspace(self.id)
        let_script_write(session, self.id, at_end=True)
        text = sharing.read_text(self.id) if exact else sharing.recorded_text(self.id)
        question = values.build_question(
            text, title=title or record.title, kind=record.kind, context=context, allow=allow
        )
        question = msgspec.structs.replace(question, document=self.id)
        done = _PendingWorkspace([LiveQuestion(question, text, review=review)], self.id)
        return session.questions.ask(done, exact=exact, name="workspace.done")

    # Implementation

    def _read_record(self, what: str) -> Record:
        return require_session(what).ledger.load_workspace(self.id)

    def _require_writable_session(self, name: str) -> Session:
        """Return the session, after checking that it may write now.

        Raises:
            NotInAgent: There is no session.
            HitlError: The call is inside a step.
            Paused: The run is pausing.
        """
        session = require_session(f"workspace.{name}()")
        session.check_not_paused()
        step = in_step.get()
        if step is not None:
            raise HitlError(
                f"workspace.{name}() was called inside the step {step}(): a step is recorded as a whole; "
                "return the text from the step, and write it outside of it"
            )
        return session

    def _begin_write(self, name: str) -> RecordedWrite:
        session = self._require_writable_session(name)
        session.live.begin_call(None)
        return RecordedWrite(self.id, session, session.live.name_call(f"workspace.{name}"))

    def _make_find(self, old: str | AgentComment) -> TextFinder:
        """Return a function that finds the text to replace: a given text, or the text that a comment is about."""
        if isinstance(old, str):
            return locate_quote(old)
        return sharing.make_coauthor(require_session("workspace.replace()"), self.id).find_commented_text(old.id)


class _PendingWorkspace(PendingCall):
    """The pending question whether a document is done."""

    def __init__(self, asked: list[LiveQuestion], workspace: str) -> None:
        super().__init__(asked)
        self.workspace = workspace

    def complete(self, decisions: list[Decision]) -> Decision:
        """Return the decision, after setting the document's text to the decided text."""
        ledger = require_session("workspace.wait_until_done()").ledger
        record = ledger.load_workspace(self.workspace)
        agreed = ledger.find_decided_text(record)
        if record.status == "done" and record.proposal == decisions[0].proposal_id and agreed is not None:
            decided = ledger.load_proposal(record.proposal).decision
            name = decided.reviewer_name if decided is not None else ""
            Draft.for_workspace(ledger.store, record).write_value(agreed, decisions[0].reviewer, name)
        return decisions[0]


def let_script_write(session: Session, document: str, *, at_end: bool = False) -> None:
    """In a test with a decisions file, let the scripted people do what is due in this document.

    Args:
        session: The session of the run.
        document: Id of the document.
        at_end: Whether the agent asks if the document is done, so that no scripted edit may be left over.
    """
    reviewer = reviewer_from_environment()
    if reviewer is not None:
        ledger, claim = session.ledger, session.claim
        check: Callable[[], None] = lambda: ledger.check_claim(claim)  # noqa: E731
        reviewer.perform_edits(ledger, ledger.load_workspace(document), epoch=claim.epoch, check=check, at_end=at_end)


def _get_comment_id(comment: AgentComment | str) -> str:
    return comment if isinstance(comment, str) else comment.id
