"""The OpenAI Agents SDK on hitl_nb: `reviewed()` runs an agent, and people decide the calls of its tools.

Tested with openai-agents 0.24. Install it with `pip install "hitl_nb[openai-agents]"`.
"""

from hitl_nb.integrations.openai_agents.review import reviewed

__all__ = ["reviewed"]
