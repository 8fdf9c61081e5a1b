"""The session whose code is running: what agents call asks for it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from hitl_nb.errors import NotInAgent

if TYPE_CHECKING:
    from hitl_nb.engine.run.session import Session

running_session: ContextVar[Session | None] = ContextVar("hitl_nb_session", default=None)


def current_session() -> Session | None:
    """Get the session whose code is running, if any."""
    return running_session.get()


def require_session(what: str) -> Session:
    """Get the session whose code is running.

    Raises:
        NotInAgent: No run is in progress here.
    """
    session = running_session.get()
    if session is None:
        raise NotInAgent(
            f"{what} was called outside an agent: put the code into a %%agent cell, or into a function "
            "marked @hitl.agent and started with .run(...)"
        )
    return session
