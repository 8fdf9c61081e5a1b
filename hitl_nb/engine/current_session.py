"""The session whose code is running. The functions that agents call get it from here.

A *session* is a live run: it pauses, saves and resumes the code of one agent.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from hitl_nb.errors import NotInAgent

if TYPE_CHECKING:
    from hitl_nb.engine.run.session import Session

running_session: ContextVar[Session | None] = ContextVar("hitl_nb_session", default=None)


def current_session() -> Session | None:
    """Return the session whose code is running; None outside of an agent."""
    return running_session.get()


def require_session(what: str) -> Session:
    """Return the session whose code is running.

    Args:
        what: Name of the function that was called, for the error message.

    Raises:
        NotInAgent: The calling code does not run in an agent.
    """
    session = running_session.get()
    if session is None:
        raise NotInAgent(
            f"{what} was called outside an agent: put the code into a %%agent cell, or into a function "
            "marked @hitl.agent and started with .run(...)"
        )
    return session
