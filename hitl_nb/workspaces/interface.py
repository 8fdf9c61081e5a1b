"""The interface of a workspace: the methods with which an agent or a script writes a document together with people.

Two classes implement the interface. `LocalWorkspace` belongs to the run of an agent and writes to the store.
`RemoteWorkspace` belongs to a plain script and writes through a Jupyter server. `tests/workspaces/test_conformance.py`
tests that the same calls have the same results in both classes.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol

from hitl_nb.drafts.agent_writer import PATIENCE_SECONDS, Written
from hitl_nb.records import ACTIONS, Action
from hitl_nb.review.comment_threads import AgentComment
from hitl_nb.review.decision import Decision
from hitl_nb.review.review_arguments import OnDeadline


class AgentWorkspace(Protocol):
    """A document that people see and edit while an agent or a script (the *author program*) writes it.

    `workspace()` opens the document. At the end of the `with` block, the document is closed for good. If the block ends
    with an exception, the document stays open, so that the failed run or script can continue inside the block later.
    Each call takes effect once, even if the run or the script is started again.

    The workspace of a run can be used only inside the agent that opened the workspace; elsewhere all methods raise
    NotInAgent. The methods of a script's workspace raise ServerError if the server does not answer, does not support
    the call, or does not allow it. In both cases, all methods raise RunClaimed after another process has taken over the
    run or has opened the script's document.

    Attributes:
        id: Id of the document.
    """

    id: str

    def __enter__(self) -> AgentWorkspace: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def title(self) -> str:
        """Title of the document."""
        ...

    @property
    def text(self) -> str:
        """The current text of the document.

        After an approval or an edit (the decision that `wait_until_done` returns), this is exactly the decided text,
        until the agent writes again.
        """
        ...

    def comments(self, open: bool | None = None) -> list[AgentComment]:  # noqa: A002
        """Return the comments on the document, oldest first.

        Args:
            open: True: only open comments. False: only settled ones, which are resolved, accepted or dismissed. None
                (default): all comments.
        """
        ...

    def append(self, part: str | Iterable[str] | AsyncIterable[str], *, patience: float = PATIENCE_SECONDS) -> Any:
        """Add text at the end of the document, as new paragraphs.

        A stream (an iterable of texts) is written part by part, as the parts arrive; people can write meanwhile. If the
        stream raises an exception, or the process dies, the text written so far stays in the document. When the run or
        script makes the same call again, the stream continues after that text. If the repeated stream yields another
        text than before, the text in the document is corrected.

        Args:
            part: A str; an iterable of str, such as a generator of tokens; or an async iterable of str.
            patience: Maximum number of seconds to wait if text must be corrected in a paragraph in which a person is
                writing.

        Returns:
            Written.done. Written.suggested if a correction became a suggestion, because a person did not stop writing
            in the same paragraph. For an async iterable, an awaitable of this result.

        Raises:
            WorkspaceClosed: The document is closed for good.
            TypeError: `part` is neither a str nor an iterable of str.
        """
        ...

    def replace(self, old: str | AgentComment, new: str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Replace a text of the document by `new`.

        If a person has just written in the same paragraph, the call waits until the person stops writing. After
        `patience` seconds, the replacement becomes a suggestion by the agent.

        Args:
            old: A text that occurs exactly once, or a comment, whose quoted text is replaced.
            new: The new text.
            patience: Maximum number of seconds to wait.

        Returns:
            Written.done if the text was replaced, Written.suggested if the replacement became a suggestion.

        Raises:
            TextGone: The old text does not occur exactly once.
            UnknownComment: The document has no such comment.
            WorkspaceClosed: The document is closed for good.
        """
        ...

    def suggest(self, old: str | AgentComment, new: str, why: str = "") -> AgentComment:
        """Add a suggestion that people can accept or dismiss.

        Args:
            old: A text that occurs exactly once, or a comment, whose quoted text would be replaced.
            new: The suggested text.
            why: Reason for the suggestion, shown to people. Default: no reason.

        Returns:
            The suggestion, which is a comment.

        Raises:
            TextGone: The old text does not occur exactly once.
            UnknownComment: The document has no such comment.
        """
        ...

    def reply(self, comment: AgentComment | str, text: str) -> AgentComment:
        """Answer a comment.

        Args:
            comment: The comment, or its id.
            text: The answer.

        Returns:
            The answer, as a comment.

        Raises:
            UnknownComment: The document has no such comment.
        """
        ...

    def resolve(self, comment: AgentComment | str) -> AgentComment:
        """Mark a comment as resolved.

        Args:
            comment: The comment, or its id.

        Returns:
            The comment with its new state.

        Raises:
            UnknownComment: The document has no such comment.
            AlreadySettled: The comment is already resolved, accepted or dismissed.
        """
        ...

    def accept(self, comment: AgentComment | str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Make the change that a comment suggests, and mark the suggestion as accepted.

        Args:
            comment: The comment with the suggestion, or its id.
            patience: Maximum number of seconds to wait while a person writes in the same paragraph.

        Returns:
            Written.done if the change was made. Written.suggested if a person did not stop writing; then the document
            is unchanged, and the suggestion stays open.

        Raises:
            AlreadySettled: The suggestion is already resolved, accepted or dismissed.
            TextGone: The quoted text does not occur exactly once.
            UnknownComment: The document has no such comment.
            WorkspaceClosed: The document is closed for good.
            ValueError: The comment has no suggestion.
        """
        ...

    def wait_until_done(
        self,
        *,
        title: str | None = None,
        context: Mapping[str, Any] | str | None = None,
        allow: Sequence[Action] = ACTIONS,
        deadline: timedelta | datetime | None = None,
        on_deadline: OnDeadline = "wait",
    ) -> Decision:
        """Ask people to decide whether the document is done. A run pauses until people decide; a script blocks.

        People can edit the document until somebody decides. The decision sets the status of the document to "done".
        From then on nobody can write into the document until the agent writes again. After an approval or an edit,
        `text` is exactly the decided text.

        Args:
            title: Title of the proposal. None (default): the title of the workspace.
            context: Information for the reviewer: Markdown text, or a mapping of facts. None (default): none.
            allow: The actions that the reviewer may take: "approve", "edit", "reject" and "respond". Default: all four.
            deadline: When `on_deadline` is applied: a duration from now, or an aware datetime. None (default): never.
            on_deadline: Action at the deadline: "wait" (default: people can still decide), "reject", "approve" or
                "escalate".

        Returns:
            The decision. A policy can say who may decide, but this question is always decided by people.

        Raises:
            CannotPause: The run cannot pause at this line.
            WorkspaceClosed: The document is closed for good.
            PolicyError: A policy file cannot be used.
            TypeError: An argument has a wrong type.
            ValueError: An argument has a wrong value.
        """
        ...
