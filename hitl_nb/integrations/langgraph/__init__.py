"""LangGraph and LangChain on hitl_nb: a checkpointer over the store, and `review()` of interrupts.

Tested with langgraph 1.2 and langchain 1.5. Install it with `pip install "hitl_nb[langgraph]"`.
"""

from hitl_nb.integrations.langgraph.review import review
from hitl_nb.integrations.langgraph.saver import HitlSaver

__all__ = ["HitlSaver", "review"]
