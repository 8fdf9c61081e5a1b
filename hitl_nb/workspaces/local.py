"""Workspace of an agent's run: a document that the agent and people write together.

The object has only the id of the document; the text is in the store. So a run that pauses inside the `with` block can
continue in any process, and people can write while no kernel runs.

Each write is made exactly once, even if the run continues after a crash. A run cannot continue in the middle of
*opaque code*: such code is executed again from its beginning. Texts and comments that opaque code reads are recorded,
so that it reads the same values again (`local_operations.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

import msgspec

from hitl_nb.drafts.agent_writer import PATIENCE_SECONDS, Written
from hitl_nb.drafts.draft import Draft
from hitl_nb.engine.current_session import require_session
from hitl_nb.engine.live.steps_under_way import in_step
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.engine.run.session import Session
from hitl_nb.engine.snapshot.saver import StoreBackedContext
from hitl_nb.errors import HitlError
from hitl_nb.evidence.context import convert_context
from hitl_nb.kinds import questions as values
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import ACTIONS, Action
from hitl_nb.review.comment_threads import AgentComment
from hitl_nb.review.decision import Decision, LiveQuestion
from hitl_nb.review.review_arguments import OnDeadline, check_review
from hitl_nb.scripted_review.reviewer import reviewer_from_environment
from hitl_nb.workspaces import local_operations as operations
from hitl_nb.workspaces.arguments import check_parts, comment_id_of, describe_target
from hitl_nb.workspaces.commands import Append, Replace


@name_in_package
class LocalWorkspace(StoreBackedContext):
    """A workspace that belongs to the run of an agent: implements `AgentWorkspace` with the store.

    Args:
        id: Id of the document.
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
            session.ledger.workspaces.close(session.claim, self.id)

    # Reading

    @property
    def title(self) -> str:
        """Title of the document."""
        return require_session("workspace.title").ledger.workspaces.load(self.id).title

    @property
    def text(self) -> str:
        """The current text of the document; implements `AgentWorkspace.text`."""
        session = require_session("workspace.text")
        return operations.read_text(self.id) if session.live.is_direct else operations.recorded_text(self.id)

    def comments(self, open: bool | None = None) -> list[AgentComment]:  # noqa: A002
        """Return the comments on the document; implements `AgentWorkspace.comments`."""
        session = require_session("workspace.comments()")
        direct = session.live.is_direct
        found = operations.read_comments(self.id) if direct else operations.recorded_comments(self.id)
        return [one for one in found if open in (None, one.open)]

    # Writing

    def append(self, part: str | Iterable[str] | AsyncIterable[str], *, patience: float = PATIENCE_SECONDS) -> Any:
        """Add text at the end of the document; implements `AgentWorkspace.append`."""
        check_parts(part)
        session, key = self._begin_write("append")
        if isinstance(part, str):
            written = operations.write(session, self.id, Append(key, part), patience)
        elif isinstance(part, AsyncIterable):
            return self._append_async(session, key, part, patience)
        else:
            written = operations.append_parts(operations.make_coauthor(session, self.id), key, part, patience)
        return self._notify_script(written)

    async def _append_async(self, session: Session, key: str, parts: AsyncIterable[str], patience: float) -> Written:
        coauthor = operations.make_coauthor(session, self.id)
        return self._notify_script(await operations.append_async_parts(coauthor, key, parts, patience))

    def replace(self, old: str | AgentComment, new: str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Replace a text of the document; implements `AgentWorkspace.replace`."""
        session, key = self._begin_write("replace")
        command = Replace(key, new, **describe_target(old))
        return self._notify_script(operations.write(session, self.id, command, patience))

    def suggest(self, old: str | AgentComment, new: str, why: str = "") -> AgentComment:
        """Add a suggestion for people; implements `AgentWorkspace.suggest`."""
        self._require_writable_session("suggest")
        target = describe_target(old)
        return operations.suggest(self.id, new, target.get("old"), target.get("comment"), why)

    def reply(self, comment: AgentComment | str, text: str) -> AgentComment:
        """Answer a comment; implements `AgentWorkspace.reply`."""
        self._require_writable_session("reply")
        return operations.reply(self.id, comment_id_of(comment), text)

    def resolve(self, comment: AgentComment | str) -> AgentComment:
        """Mark a comment as resolved; implements `AgentWorkspace.resolve`."""
        self._require_writable_session("resolve")
        return operations.resolve(self.id, comment_id_of(comment))

    def accept(self, comment: AgentComment | str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Make the change that a comment suggests; implements `AgentWorkspace.accept`."""
        self._require_writable_session("accept")
        return self._notify_script(operations.accept(self.id, comment_id_of(comment), patience))

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
        """Pause the run until people decide whether the document is done; implements `AgentWorkspace.wait_until_done`.

        The decision is returned when the run continues, possibly in another process.
        """
        session = require_session("workspace.wait_until_done()")
        exact = session.live.begin_call(LocalWorkspace.wait_until_done)
        review = check_review(deadline=deadline, on_deadline=on_deadline, allow=allow)
        record = session.ledger.workspaces.load(self.id)
        let_script_write(session, self.id, at_end=True)
        text = operations.read_text(self.id) if exact else operations.recorded_text(self.id)
        shown = convert_context(context)
        question = values.build_question(
            text,
            title=title or record.title,
            kind=record.kind,
            context=shown.context,
            evidence=shown.blocks,
            allow=allow,
        )
        question = msgspec.structs.replace(question, document=self.id)
        done = _PendingWorkspace([LiveQuestion(question, text, review=review, blobs=shown.blobs)], self.id)
        return session.questions.ask(done, exact=exact, name="workspace.done")

    # Implementation

    def _require_writable_session(self, name: str) -> Session:
        """Return the session of the current run, after checking that the run may write into a document now.

        Args:
            name: Name of the method that is called, for error messages.

        Raises:
            NotInAgent: The call is outside of an agent.
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

    def _begin_write(self, name: str) -> tuple[Session, str]:
        """Return the session of the current run, and the key that identifies the next call of the method `name`.

        The key is the same when the run makes this call again after a resume.

        Raises:
            NotInAgent: The call is outside of an agent.
            HitlError: The call is inside a step.
            Paused: The run is pausing.
        """
        session = self._require_writable_session(name)
        session.live.begin_call(None)
        return session, session.live.name_call(f"workspace.{name}")

    def _notify_script(self, written: Written) -> Written:
        """In a test with a decisions file, make the edits that are due after this write. Return `written` unchanged."""
        let_script_write(require_session("workspace"), self.id)
        return written


class _PendingWorkspace(PendingCall):
    """A call of `wait_until_done` that waits for the decision of people.

    Args:
        asked: The question whether the document is done, as a list with one item.
        workspace: Id of the document.
    """

    def __init__(self, asked: list[LiveQuestion], workspace: str) -> None:
        super().__init__(asked)
        self.workspace = workspace

    def complete(self, decisions: list[Decision]) -> Decision:
        """Return the decision. After an approval or an edit, the document's text is first set to the decided text.

        Args:
            decisions: A list with one item, the decision on the question.
        """
        ledger = require_session("workspace.wait_until_done()").ledger
        record = ledger.workspaces.load(self.workspace)
        agreed = ledger.workspaces.find_decided_text(record)
        if record.status == "done" and record.proposal == decisions[0].proposal_id and agreed is not None:
            decided = ledger.proposals.load(record.proposal).decision
            name = decided.reviewer_name if decided is not None else ""
            Draft.for_workspace(ledger.store, record).write_value(agreed, decisions[0].reviewer, name)
        return decisions[0]


def let_script_write(session: Session, document: str, *, at_end: bool = False) -> None:
    """In a test with a decisions file, make the edits and comments of the file that are due in a document.

    Without a decisions file, this function does nothing.

    Args:
        session: The session of the run.
        document: Id of the document.
        at_end: True if the agent asks whether the document is done. Then each edit in the file must have been made.
    """
    reviewer = reviewer_from_environment()
    if reviewer is not None:
        ledger, claim = session.ledger, session.claim
        check: Callable[[], None] = lambda: ledger.claims.check(claim)  # noqa: E731
        reviewer.perform_edits(ledger, ledger.workspaces.load(document), epoch=claim.epoch, check=check, at_end=at_end)
