"""`propose`: a tool for chat agents. It shows an editable proposal to people, and returns their decision.

The permission question of a chat agent has no place for edits. A tool has: the agent calls it with what it wants to
write or do, and continues with what people made of it. Jupyter's MCP server is the package
jupyter-server-mcp. It finds the tool by the entry point `jupyter_server_mcp.tools`, and offers it to chat agents.

A client of MCP may give up a call that takes long. So a call that people have not decided yet returns a ticket, and the
agent calls again with it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import hitl_nb as hitl

TOOLS = ["hitl_nb.integrations.chat_tools:propose"]
"""Value of the entry point: the tools, as "module:function"."""
WAIT_SECONDS = 45.0
"""Longest time that one call waits. Clients of MCP often give up a call after a minute."""
MAX_KEPT = 100
"""Number of decisions that are kept for agents that ask for one again."""
AGENT = "chat agent"
"""Name of the agent, shown to people."""

_waiting: dict[str, asyncio.Task[hitl.Decision]] = {}
"""Ticket -> the task that holds the question open. The ticket is the id of the first proposal."""


async def propose(
    title: str = "",
    value: Any = None,
    kind: Literal["text", "markdown", "code", "json", "table", "plan"] | None = None,
    context: str | None = None,
    ticket: str | None = None,
) -> dict[str, Any]:
    """Propose something to the people of this notebook server, and return what they decided.

    Use it before you write, send, delete or deploy something that a person should see first. People may approve it,
    edit it, reject it or answer with a message. Continue with the returned value, not with yours.

    If the result says "waiting", call this tool again with the ticket only. Ask about each thing once.

    Args:
        title: Name of the proposal, one line, for example "Reply to Ann".
        value: Content of the proposal: a text, or JSON.
        kind: How people see and edit the value. None: chosen by the value.
        context: Information that people need to decide, as Markdown.
        ticket: The ticket of a call that returned "waiting". Leave out everything else then.

    Returns:
        {"status": "waiting", "ticket": ..., "message": ...}, or {"status": "decided", "action": "approve", "edit",
        "reject" or "respond", "value": the value to continue with, "reason": ..., "message": ...}.

    Raises:
        ValueError: The ticket is not known, or there is no title.
    """
    if ticket is None:
        ticket, task = await _ask(title, value, kind, context)
    else:
        task = _find_task(ticket)
    await asyncio.wait([task], timeout=WAIT_SECONDS)
    if not task.done():
        message = f"Nobody has decided yet. Call propose(ticket={ticket!r}) again to wait for the decision."
        return {"status": "waiting", "ticket": ticket, "message": message}
    return _describe_decision(task.result())


async def _ask(title: str, value: Any, kind: Any, context: str | None) -> tuple[str, asyncio.Task[hitl.Decision]]:
    """Ask people, and return the ticket and the task that waits for the decision."""
    if not title.strip():
        raise ValueError("propose() needs a title, or the ticket of an earlier call")
    asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(_hold(hitl.held(value, title=title, kind=kind, context=context, agent=AGENT), asked))
    await asyncio.wait([asked, task], return_when=asyncio.FIRST_COMPLETED)
    if not asked.done():
        task.result()  # raises why the question could not be asked
    _waiting[asked.result()] = task
    for old in [known for known, one in _waiting.items() if one.done()][:-MAX_KEPT]:
        del _waiting[old]
    return asked.result(), task


async def _hold(question: Any, asked: asyncio.Future[str]) -> hitl.Decision:
    async with question:
        asked.set_result(question.id)
        return await question.decided()


def _find_task(ticket: str) -> asyncio.Task[hitl.Decision]:
    task = _waiting.get(ticket)
    if task is None:
        raise ValueError(
            f"there is no proposal with the ticket {ticket!r}: a restart of the server withdraws its questions. "
            "Propose it again, with title and value"
        )
    return task


def _describe_decision(decision: hitl.Decision) -> dict[str, Any]:
    messages = {
        "approve": "It was approved as it is.",
        "edit": "It was approved with edits: continue with the returned value.",
        "reject": "It was rejected: do not do it.",
        "respond": "Somebody answered in place of a decision: do not do it as proposed.",
    }
    return {
        "status": "decided",
        "action": decision.action,
        "by": decision.by,
        "value": decision.value,
        "reason": decision.reason,
        "message": messages[decision.action],
    }
