"""Pydantic AI on hitl_nb: `reviewed()` runs an agent, and people decide its calls of tools.

Tested with pydantic-ai-slim 2.68. Install it with `pip install "hitl_nb[pydantic-ai]"`.
"""

from hitl_nb.integrations.pydantic_ai.review import reviewed

__all__ = ["reviewed"]
