"""`workspace()`: a document that the agent and people write together, section by section.

The object is only the document's id. What stands in it is in the store, so a run that pauses inside of the with block
goes on with it in any process, and people write on while no kernel runs.

Each write is made once, also by a run that goes on after a crash; what opaque code reads is recorded
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
    """What `workspace()` returns: a document that people see and edit while the agent writes it.

    Leave its with block, and it is closed for good; it stays open if that is left by an exception, since a run that
    failed goes on inside of it. It can only be used inside of the agent that opened it: NotInAgent is raised elsewhere,
    and RunClaimed once the run was taken over.
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
        return self._read_record("workspace.title").title

    @property
    def text(self) -> str:
        """What stands there now; what people agreed to, from their decision on until the agent writes again."""
        session = require_session("workspace.text")
        return sharing.read_text(self.id) if session.live.is_direct else sharing.recorded_text(self.id)

    def comments(self, open: bool | None = None) -> list[AgentComment]:  # noqa: A002
        """What was said about the document, oldest first; only what is still open, or only what is not, if asked so."""
        session = require_session("workspace.comments()")
        direct = session.live.is_direct
        found = sharing.read_comments(self.id) if direct else sharing.recorded_comments(self.id)
        return [one for one in found if open in (None, one.open)]

    # Writing

    def append(self, part: str | Iterable[str] | AsyncIterable[str], *, patience: float = PATIENCE_SECONDS) -> Any:
        """Add text at the end, as paragraphs of its own; a stream as it comes, also while people write around it.

        Args:
            part: a str; an iterable of str, such as a generator of tokens; or an async one.
            patience: seconds that it waits for people who write where a stream that was cut off has to be corrected.

        Returns Written.done; of an async iterable, an awaitable of it. What a stream had brought before it raised, or
        before its process died, stays, and is gone on with when this very call is made again: Written.suggested if
        the text is another one then and people did not stop writing there.

        Raises WorkspaceClosed, TypeError.
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
        """In a test, the people of the script hear of what was written."""
        let_script_write(require_session("workspace"), self.id)
        return written

    def replace(self, old: str | AgentComment, new: str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Put `new` in place of `old`, a text that stands there once, or the text that a comment is about.

        Where a person has just written, it waits for them, at most `patience` seconds, and then becomes a suggestion
        of the agent's: Written.suggested.

        Raises TextGone, WorkspaceClosed.
        """
        find = self._make_find(old)
        write = self._begin_write("replace")
        return self._notify_script(write.run(lambda writing, key: writing.replace(key, find, new, patience)))

    def suggest(self, old: str | AgentComment, new: str, why: str = "") -> AgentComment:
        """Suggest `new` in place of `old`, for people to accept or not. Raises TextGone."""
        self._require_writable_session("suggest")
        return sharing.suggest(self.id, self._make_find(old), new, why)

    def reply(self, comment: AgentComment | str, text: str) -> AgentComment:
        """Answer a comment. Raises UnknownComment."""
        self._require_writable_session("reply")
        return sharing.reply(self.id, _get_comment_id(comment), text)

    def resolve(self, comment: AgentComment | str) -> AgentComment:
        """Say that a comment is dealt with. Raises UnknownComment, AlreadySettled."""
        self._require_writable_session("resolve")
        return sharing.resolve(self.id, _get_comment_id(comment))

    def accept(self, comment: AgentComment | str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Do what a comment suggests, and say that it is accepted.

        If somebody does not stop writing there, it stays as it is, a suggestion: Written.suggested.

        Raises AlreadySettled if somebody else was first, TextGone, UnknownComment, WorkspaceClosed; ValueError if it
        suggests nothing.
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
        """Ask people whether the document is done: the run pauses here, and this call returns their decision.

        Until then they write on. With their decision the document is done, and nobody writes into it until the agent
        does. `.text` is then exactly what they decided.

        Args:
            title: of the proposal; the workspace's own if left out.
            context, allow, deadline, on_deadline: as for `checkpoint`. A policy never passes this question, though it
                may say who decides it.

        Raises CannotPause, WorkspaceClosed, PolicyError, TypeError, ValueError.
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

    # How it is done

    def _read_record(self, what: str) -> Record:
        return require_session(what).ledger.load_workspace(self.id)

    def _require_writable_session(self, name: str) -> Session:
        """The session, if it may write now. Raises NotInAgent, HitlError inside of a step, Paused."""
        session = require_session(f"workspace.{name}()")
        session.check_not_paused()
        step = in_step.get()
        if step is not None:
            raise HitlError(
                f"workspace.{name}() was called inside the step {step}(): a step is recorded as a whole; "
                "let it return the text, and write that outside of it"
            )
        return session

    def _begin_write(self, name: str) -> RecordedWrite:
        session = self._require_writable_session(name)
        session.live.begin_call(None)
        return RecordedWrite(self.id, session, session.live.name_call(f"workspace.{name}"))

    def _make_find(self, old: str | AgentComment) -> TextFinder:
        """Finds what is to be replaced: a text, or what a comment is about."""
        if isinstance(old, str):
            return locate_quote(old)
        return sharing.make_coauthor(require_session("workspace.replace()"), self.id).find_commented_text(old.id)


class _PendingWorkspace(PendingCall):
    """Whether a document is done."""

    def __init__(self, asked: list[LiveQuestion], workspace: str) -> None:
        super().__init__(asked)
        self.workspace = workspace

    def complete(self, decisions: list[Decision]) -> Decision:
        """The decision; the document comes to say what was decided, if it says something else."""
        ledger = require_session("workspace.wait_until_done()").ledger
        record = ledger.load_workspace(self.workspace)
        agreed = ledger.find_decided_text(record)
        if record.status == "done" and record.proposal == decisions[0].proposal_id and agreed is not None:
            decided = ledger.load_proposal(record.proposal).decision
            name = decided.reviewer_name if decided is not None else ""
            Draft.for_workspace(ledger.store, record).write_value(agreed, decisions[0].reviewer, name)
        return decisions[0]


def let_script_write(session: Session, document: str, *, at_end: bool = False) -> None:
    """Where a script stands in for people, let them do what they do in this document now."""
    reviewer = reviewer_from_environment()
    if reviewer is not None:
        ledger, claim = session.ledger, session.claim
        check: Callable[[], None] = lambda: ledger.check_claim(claim)  # noqa: E731
        reviewer.perform_edits(ledger, ledger.load_workspace(document), epoch=claim.epoch, check=check, at_end=at_end)


def _get_comment_id(comment: AgentComment | str) -> str:
    return comment if isinstance(comment, str) else comment.id
