"""The task of a graph in which code runs. A task is one execution of a node in one step of the graph."""

from __future__ import annotations

from langgraph.config import get_config


def find_task() -> tuple[str, object] | None:
    """Return the current task as (its id, an object that is another one each time the task is executed).

    LangGraph makes the id from the checkpoint before the task. So it is the same when the task is executed again. None:
    no graph runs here.
    """
    try:
        own = get_config().get("configurable", {})
    except RuntimeError:
        return None
    namespace, scratchpad = own.get("checkpoint_ns"), own.get("__pregel_scratchpad")
    return (namespace, scratchpad) if namespace and scratchpad is not None else None
