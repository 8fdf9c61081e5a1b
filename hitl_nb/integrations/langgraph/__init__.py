"""LangGraph and LangChain on hitl_nb: a checkpointer over the store, `review()` of interrupts, and steps in agents.

Tested with langgraph 1.2 and langchain 1.5. Install it with `pip install "hitl_nb[langgraph]"`.
"""

from typing import TYPE_CHECKING, Any

from hitl_nb.integrations.langgraph.review import review
from hitl_nb.integrations.langgraph.saver import HitlSaver

if TYPE_CHECKING:
    from hitl_nb.integrations.langgraph.step_recorder import StepRecorder

__all__ = ["HitlSaver", "StepRecorder", "review"]


def __getattr__(name: str) -> Any:
    """Import `StepRecorder` at its first use: it needs all of LangChain's agents, and graphs do not."""
    if name == "StepRecorder":
        from hitl_nb.integrations.langgraph.step_recorder import StepRecorder

        return StepRecorder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
