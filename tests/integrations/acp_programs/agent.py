"""An agent of the Agent Client Protocol that asks for the permission to call a tool, and tells what it was answered."""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

import acp
from acp import schema

KINDS = ("allow_once", "allow_always", "reject_once", "reject_always")


class Asker(acp.Agent):
    """Asks once for each prompt: the text of the prompt has the fields of the tool call, and the offered options."""

    def on_connect(self, conn: Any) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **more: Any) -> Any:
        return schema.InitializeResponse(protocol_version=protocol_version)

    async def new_session(self, cwd: str, **more: Any) -> Any:
        return schema.NewSessionResponse(session_id="s1")

    async def prompt(self, prompt: list[Any], session_id: str, **more: Any) -> Any:
        told = json.loads(prompt[0].text)
        options = [
            schema.PermissionOption(option_id=f"id-{kind}", name=kind, kind=kind) for kind in told.pop("offered", KINDS)
        ]
        call = schema.ToolCallUpdate(tool_call_id="c1", **told)
        answer = await self.client.request_permission(session_id=session_id, tool_call=call, options=options)
        text = json.dumps(answer.outcome.model_dump(mode="json"))
        await self.client.session_update(session_id=session_id, update=acp.update_agent_message_text(text))
        return schema.PromptResponse(stop_reason="end_turn")

    async def cancel(self, session_id: str, **more: Any) -> None:
        pass


if __name__ == "__main__":
    print("agent", os.getpid(), file=sys.stderr, flush=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(acp.run_agent(Asker()))
