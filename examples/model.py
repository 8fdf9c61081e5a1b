"""The model behind the examples: a plain function by default, a real one where the environment names one.

With `pip install 'hitl_nb[model]'`, the name of a model in `HITL_NB_MODEL` (such as `openai:gpt-5-mini`) and that
provider's key in the environment, `write` asks that model, through Pydantic AI. Otherwise it gives back what the
example would say itself, so that the notebooks need no key and no network, and say the same each time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass
class Written:
    """A text, and how sure the model is of it, from 0 to 1."""

    text: str
    confidence: float


async def write(instructions: str, facts: str, otherwise: str) -> str:
    """A text about `facts`; `otherwise` where no model is named."""
    name = os.environ.get("HITL_NB_MODEL")
    if not name:
        return otherwise
    from pydantic_ai import Agent

    return (await Agent(name, instructions=instructions).run(facts)).output


async def write_rated(instructions: str, facts: str, otherwise: Written) -> Written:
    """The same, with how sure the model is; `otherwise` where no model is named."""
    name = os.environ.get("HITL_NB_MODEL")
    if not name:
        return otherwise
    from pydantic_ai import Agent

    rated = f"{instructions} Say with a number from 0 to 1 how sure you are that this is what the customer asked for."
    found = (await Agent(name, instructions=rated, output_type=Written).run(facts)).output
    return Written(found.text, min(max(found.confidence, 0.0), 1.0))
