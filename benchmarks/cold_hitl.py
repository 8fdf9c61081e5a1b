"""A script with an agent: `start N` pauses runs 0 to N-1, `resume K` goes on with run K. See `cold.py`."""

import asyncio
import sys

import hitl_nb as hitl


@hitl.agent
def refund(order: int) -> None:
    decision = hitl.checkpoint(f"Dear Ann, your refund for order {order} is on its way.", title="Refund")
    print("went on with", decision.action, flush=True)


command, number = sys.argv[1], int(sys.argv[2])
for order in range(number) if command == "start" else [number]:
    asyncio.run(refund.run(order, key=str(order)))
