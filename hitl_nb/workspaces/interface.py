"""The interface of a workspace: what an agent's code calls, wherever the document is.

`LocalWorkspace` belongs to the run of an agent and writes to the store. `RemoteWorkspace` belongs to a plain script and
writes through a Jupyter server. `tests/workspaces/test_conformance.py` runs the same calls on both.
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
    """A document that people see and edit while the agent writes it. Created by `workspace()`.

    Leaving the `with` block closes the document for good, unless an exception leaves it: a run or script that failed
    continues inside the block. Each call takes effect once, even if the run or the script is started again.

    The workspace of a run can be used only inside the agent that opened it; elsewhere its methods raise NotInAgent.
    Those of a script raise ServerError if the server does not answer, does not support the call, or does not allow it.
    Both raise RunClaimed after another process has taken the run, or has opened the script's document.

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
        """The current text. From a decision until the agent's next write, this is exactly the decided text."""
        ...

    def comments(self, open: bool | None = None) -> list[AgentComment]:  # noqa: A002
        """Return the comments on the document, oldest first.

        Args:
            open: True for open comments only, False for settled ones only, None for all.
        """
        ...

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
        ...

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
            UnknownComment: The document has no such comment.
            WorkspaceClosed: The document is closed for good.
        """
        ...

    def suggest(self, old: str | AgentComment, new: str, why: str = "") -> AgentComment:
        """Add a suggestion that people can accept or dismiss.

        Args:
            old: A text that occurs exactly once, or a comment, whose quoted text would be replaced.
            new: The suggested text.
            why: Reason for the suggestion.

        Raises:
            TextGone: The old text does not occur exactly once.
            UnknownComment: The document has no such comment.
        """
        ...

    def reply(self, comment: AgentComment | str, text: str) -> AgentComment:
        """Answer a comment, given as an object or by its id.

        Raises:
            UnknownComment: The document has no such comment.
        """
        ...

    def resolve(self, comment: AgentComment | str) -> AgentComment:
        """Mark a comment as resolved.

        Raises:
            UnknownComment: The document has no such comment.
            AlreadySettled: The comment was settled before.
        """
        ...

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
        """Ask people whether the document is done. A run pauses here until they decide; a script blocks.

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
        ...
