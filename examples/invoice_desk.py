"""Helper functions of the accounts office: the emails and orders, and a stand-in for the model.

The notebook `invoices.ipynb` imports this. The agent and its tools are in the notebook itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic_ai import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo

Call = tuple[str, str, dict[str, Any]]
"""A call that the stand-in asks for: its id, the name of the tool, and the arguments."""
Told = dict[str, ToolReturnPart]
"""The results of the tools, by the ids of the calls."""


def read_desk(path: str | Path) -> dict[str, Any]:
    """Read the emails and orders of the accounts office."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def stand_in(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Say what a rather careless model would say in its next turn, were there one."""
    turns = [_read_emails, _find_orders, _pay, _write, _report]
    number = sum(isinstance(message, ModelResponse) for message in messages)
    told = {part.tool_call_id: part for one in messages for part in one.parts if isinstance(part, ToolReturnPart)}
    said = turns[min(number, len(turns) - 1)](told)
    if isinstance(said, str):
        return ModelResponse(parts=[TextPart(said)])
    return ModelResponse(parts=[ToolCallPart(tool, arguments, key) for key, tool, arguments in said])


_INVOICES = {
    "1": ("NP-2210", "PO-301", "DE21 3704 0044 0532 0130 00", 240.0),
    "2": ("77-18", "PO-302", "DE75 5121 0800 1245 1261 99", 1190.0),
    "3": ("KK-904", "PO-303", "LT60 1010 0123 4567 8901", 310.0),
}
"""The content of the emails: invoice, order, account and amount."""


def _read_emails(told: Told) -> list[Call]:
    return [(f"email-{number}", "read_email", {"number": number}) for number in _INVOICES]


def _find_orders(told: Told) -> list[Call]:
    return [(f"order-{number}", "find_order", {"order": order}) for number, (_, order, _, _) in _INVOICES.items()]


def _pay(told: Told) -> list[Call]:
    return [
        (f"pay-{number}", "pay", {"invoice": invoice, "order": order, "iban": iban, "amount": amount})
        for number, (invoice, order, iban, amount) in _INVOICES.items()
    ]


def _write(told: Told) -> list[Call]:
    calls: list[Call] = []
    for number, (invoice, order, _, amount) in _INVOICES.items():
        paid = told[f"pay-{number}"]
        if paid.outcome == "denied":
            text = f"We have not paid invoice {invoice}. {str(paid.content).partition('Reason: ')[2]}"
        elif f"{amount:.2f}" not in str(paid.content):
            text = f"We have paid a part of invoice {invoice}: not all of order {order} arrived in good condition."
        else:
            continue
        calls.append((f"write-{number}", "write_to_supplier", {"order": order, "text": text}))
    return calls


def _report(told: Told) -> str:
    made = [part.content for key, part in told.items() if key[:3] in ("pay", "wri") and part.outcome != "denied"]
    unpaid = [_INVOICES[key[-1]][0] for key, part in told.items() if key[:3] == "pay" and part.outcome == "denied"]
    return "\n".join(f"- {line}" for line in [*made, *(f"{invoice}: not paid" for invoice in unpaid)])
