"""The model and the orders of the LangGraph example, `support.ipynb`.

Without `HITL_NB_MODEL`, a fake model answers, so that the notebook needs no key and no network, and gives the same
result each time. With it (such as `openai:gpt-5-mini`), LangChain asks that model.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall, ToolCallChunk, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

ORDERS = {
    "70311": {"customer": "Mira Novak", "email": "mira@example.com", "paid": [129.0, 129.0], "parcel": "lost"},
}
LETTER = """My parcel (order 70311) never came, and my bank shows two payments of 129 EUR.
Please send the money back. Mira Novak"""
EMAIL = """Dear Mira Novak,

we are sorry: your parcel was lost, and order 70311 was charged twice. We have sent {amount:.2f} EUR back to your card.

Kind regards,
your shop"""


def make_model() -> BaseChatModel:
    """Return the model that the environment names, or the fake one."""
    name = os.environ.get("HITL_NB_MODEL")
    if name:
        from langchain.chat_models import init_chat_model

        return init_chat_model(name)
    return FakeModel()


class FakeModel(BaseChatModel):
    """A fake model, for this one letter: it looks the order up, refunds one payment, writes, and says what it did."""

    @property
    def _llm_type(self) -> str:
        return "fake"

    def bind_tools(self, tools: Any, **more: Any) -> Any:
        """Return the model itself: it knows the tools of the example."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **more: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=answer(messages))])

    def _stream(self, messages: list[BaseMessage], *args: Any, **more: Any) -> Iterator[ChatGenerationChunk]:
        made = answer(messages)
        for word in re.findall(r"\S+\s*", str(made.content)):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        calls = [
            ToolCallChunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=n)
            for n, call in enumerate(made.tool_calls)
        ]
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=calls))


def answer(messages: list[BaseMessage]) -> AIMessage:
    """Return what a model would say next."""
    results = [one for one in messages if isinstance(one, ToolMessage)]
    if not results:
        call = ToolCall(name="look_up", args={"order": "70311"}, id="call-1")
        return AIMessage(content="I look up the order.", tool_calls=[call])
    if len(results) == 1:
        return AIMessage(
            content="The parcel is lost and the order was paid twice. I refund one payment and write to the customer.",
            tool_calls=[
                ToolCall(name="refund", args={"order": "70311", "amount": 129.0}, id="call-2"),
                ToolCall(
                    name="send_email",
                    args={"to": "mira@example.com", "text": EMAIL.format(amount=129.0)},
                    id="call-3",
                ),
            ],
        )
    said = [(one.name, one.text.rpartition("Tool response:\n")[2]) for one in results[1:]]
    return AIMessage(content="Done. " + " ".join(f"{name}: {text}." for name, text in said))
