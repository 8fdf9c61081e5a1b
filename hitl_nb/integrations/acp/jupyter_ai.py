"""`JupyterAiCards`: the permission questions of Jupyter AI's chat agents become proposals.

Jupyter AI asks in the chat, and its buttons also allow a call for always. A persona with a client of this class asks
with a card instead.
"""

from __future__ import annotations

from typing import Any

from hitl_nb.integrations.acp.permissions import PermissionCards


class JupyterAiCards(PermissionCards):
    """Base class for the client of a persona of Jupyter AI; tested with jupyter-ai-acp-client 0.3.3.

    Put it before the client of Jupyter AI: `class Client(JupyterAiCards, JaiAcpClient)`. A persona uses the class if
    its attribute `acp_client_class` is this class. "Stop" in the chat, and a next message, withdraw open questions.
    """

    def name_agent(self, session_id: str) -> str | None:
        """Return the name of the persona of a session."""
        persona = getattr(self, "_personas_by_session", {}).get(session_id)
        return self.agent_name or getattr(persona, "name", None)

    async def prompt_and_reply(self, session_id: str, *args: Any, **kwargs: Any) -> Any:
        """Send a message to the agent. Open questions of the message before are withdrawn."""
        self.withdraw_permissions(session_id)
        other: Any = super()
        return await other.prompt_and_reply(session_id, *args, **kwargs)

    async def stop_streaming(self, session_id: str) -> None:
        """Stop the agent. Its open questions are withdrawn."""
        self.withdraw_permissions(session_id)
        other: Any = super()
        await other.stop_streaming(session_id)

    async def end_session(self, session_id: str) -> None:
        """End a session. Its open questions are withdrawn."""
        self.withdraw_permissions(session_id)
        other: Any = super()
        await other.end_session(session_id)
