"""A client of the Agent Client Protocol whose permission questions are proposals: prints what the agent was answered.

Usage: client.py STORE CALL, where CALL is the JSON text for the agent. With the input "cancel" it cancels the turn,
with "kill" it kills the agent.
"""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import acp

from hitl_nb.integrations.acp import JupyterAiCards


class Persona:
    name = "Claude in chat"


class ChatClient(acp.Client):
    """What `JupyterAiCards` expects of the client of Jupyter AI."""

    def __init__(self) -> None:
        self._personas_by_session = {"s1": Persona()}

    async def stop_streaming(self, session_id: str) -> None:
        await self.connection.cancel(session_id=session_id)

    async def prompt_and_reply(self, session_id: str, prompt: str) -> Any:
        return await self.connection.prompt(prompt=[acp.text_block(prompt)], session_id=session_id)

    async def end_session(self, session_id: str) -> None:
        print("ended", flush=True)


class Client(JupyterAiCards, ChatClient):
    store_url = sys.argv[1]

    async def session_update(self, session_id: str, update: Any, **more: Any) -> None:
        print(update.content.text, flush=True)


async def main() -> None:
    client = Client()
    agent = str(Path(__file__).with_name("agent.py"))
    async with acp.spawn_agent_process(client, sys.executable, agent) as (connection, process):
        await connection.initialize(protocol_version=acp.PROTOCOL_VERSION)
        session = (await connection.new_session(cwd="/", mcp_servers=[])).session_id
        client.connection = connection
        turn = asyncio.ensure_future(client.prompt_and_reply(session, sys.argv[2]))
        told = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
        await asyncio.wait([turn, told], return_when=asyncio.FIRST_COMPLETED)
        if told.done() and not told.result():  # no more commands
            await turn
        if told.done() and told.result() == "cancel\n":
            await client.stop_streaming(session)
            await turn
        elif told.done() and told.result() == "kill\n":
            process.kill()
            await process.wait()
    await client.end_session("s1")


asyncio.run(main())
