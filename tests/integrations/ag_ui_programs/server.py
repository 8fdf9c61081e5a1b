"""A server of AG-UI without a network: answers one request, and prints its events.

Usage: server.py REQUEST USER, where REQUEST is the JSON text of a `RunAgentInput`.
"""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from ag_ui.core import RunAgentInput

import hitl_nb as hitl
from hitl_nb.integrations.ag_ui import events


def note(text: str) -> None:
    with Path(os.environ["NOTES"]).open("a") as file:
        file.write(f"{text}\n")


@hitl.agent
def refunds(request: dict[str, Any]) -> Any:
    order = request["messages"][-1]["content"]
    note(f"begin {order}")
    if order == "broken":
        raise OSError("the secret of the server")
    first = hitl.checkpoint({"order": order, "amount": 12}, title=f"Refund {order}")
    note(f"{first.action} {first.value}")
    second = hitl.checkpoint("Dear customer", title="Send the letter", allow=["approve", "reject"])
    note(f"{second.action} the letter, by {second.reviewer}")
    return f"{first.action}, {second.action}"


async def main() -> None:
    request = RunAgentInput.model_validate_json(sys.argv[1])
    async for event in events(refunds, request, user=sys.argv[2]):
        print(event.model_dump_json(by_alias=True), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
