"""The model of the examples: a plain function by default, a real model if the environment names one.

Install `hitl_nb[model]`, and set `HITL_NB_MODEL` to the name of a model (such as `openai:gpt-5-mini`) and the
provider's key in the environment. Then `write` asks that model, through Pydantic AI. Otherwise it returns the example's
own text, so that the notebooks need no key and no network, and give the same result each time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass
class Written:
    """A text, with the model's confidence from 0 to 1."""

    text: str
    confidence: float


async def write(instructions: str, facts: str, otherwise: str) -> str:
    """Write a text about `facts`. Return `otherwise` if no model is named."""
    name = os.environ.get("HITL_NB_MODEL")
    if not name:
        return otherwise
    from pydantic_ai import Agent

    return (await Agent(name, instructions=instructions).run(facts)).output


async def write_rated(instructions: str, facts: str, otherwise: Written) -> Written:
    """Write a text as `write` does, with the model's confidence. Return `otherwise` if no model is named."""
    name = os.environ.get("HITL_NB_MODEL")
    if not name:
        return otherwise
    from pydantic_ai import Agent

    rated = f"{instructions} Say with a number from 0 to 1 how sure you are that this is what the customer asked for."
    found = (await Agent(name, instructions=rated, output_type=Written).run(facts)).output
    return Written(found.text, min(max(found.confidence, 0.0), 1.0))
