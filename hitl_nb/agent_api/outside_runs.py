"""Runs of `@agent` functions: `await agent.run(..., key=...)` starts a run, or continues the run with this key.

Such runs need no agent cell, so they also work in scripts and services.
"""

from __future__ import annotations

import functools
import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from hitl_nb.engine.run.cell_run import get_ledger, refuse_cancelled
from hitl_nb.engine.run.held_states import held_states
from hitl_nb.engine.run.resume import (
    RunCode,
    RunDisplay,
    RunOutcome,
    continue_run,
    open_saved_state,
    start_run,
)
from hitl_nb.engine.snapshot.loader import load_snapshot
from hitl_nb.engine.snapshot.saver import Saver, UnsavedResult
from hitl_nb.errors import HitlError
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, new_id
from hitl_nb.scripted_review.reviewer import attending_reviewer

if TYPE_CHECKING:
    from hitl_nb.agent_api.agents import Agent


@dataclass
class AgentRun:
    """State of a run of an `@agent` function.

    Attributes:
        id: Id of the run.
        key: Name of the run. Pass it to `.run(..., key=...)` to continue, in this process or another.
        status: "finished" or "waiting".
        result: The function's result, once finished.
        open: The proposals that the run waits for.
    """

    id: str
    key: str
    status: str
    result: Any = None
    open: list[Proposal] = field(default_factory=list[Proposal])


home_finders: list[Callable[[Ledger], str]] = []
"""Functions that return the path of this process's notebook. The IPython integration adds one; the last is used."""


def find_home(agent: Agent, ledger: Ledger) -> str:
    """Return the notebook, module or script to which the runs of an `@agent` function belong.

    It is a part of a run's identity, together with the agent's name and the key.

    Args:
        agent: The agent.
        ledger: The records of the store.

    Returns:
        The function's module, or the path of the notebook, script or folder that defines the function.

    Raises:
        UnknownNotebook: A notebook defines the function, and this kernel does not know the notebook's path.
    """
    return find_program(ledger) if agent.__module__ == "__main__" else str(agent.__module__)


def find_program(ledger: Ledger) -> str:
    """Return the path of the notebook, script or folder of this process's main program.

    Args:
        ledger: The records of the store.

    Raises:
        UnknownNotebook: The program is a notebook, and this kernel does not know its path.
    """
    if home_finders:
        return home_finders[-1](ledger)
    script_file = getattr(sys.modules.get("__main__"), "__file__", None)
    return str(Path(script_file).resolve() if script_file else Path.cwd())


_sources: WeakKeyDictionary[Any, tuple[CodeType, str]] = WeakKeyDictionary()
"""Function -> (its code object, its source). A cache: finding the source takes a tenth of the time of a pause."""


def read_agent_source(agent: Agent) -> str:
    """Return the source of an agent's function, as it was when the function's current code was first read."""
    function: Any = agent.function
    code, source = _sources.get(function, (None, ""))
    if code is not function.__code__:
        source = textwrap.dedent(inspect.getsource(function))
        _sources[function] = function.__code__, source
    return source


async def run_agent(agent: Agent, args: tuple[Any, ...], kwargs: dict[str, Any], key: str | None) -> AgentRun:
    """Start a run of an agent, or continue the agent's run with this key, until it has finished or waits.

    If this process has a decisions file (`HITL_NB_REVIEWER`), its entries answer the proposals, and the run continues.

    Args:
        agent: The agent.
        args: Positional arguments of its function.
        kwargs: Keyword arguments of its function.
        key: Name of the run; None: a new random key.

    Returns:
        The state of the run: its id, status, result and open proposals.

    Raises:
        ValueError: `key` is empty or no str.
        RunClaimed: Another process executes this run.
    """
    if key is not None and (not isinstance(key, str) or not key):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise ValueError(f"key must be a non-empty str that names this run, not {key!r}")
    key = key or new_id()
    ledger = get_ledger()
    reviewer = attending_reviewer(ledger, find_home(agent, ledger))
    outcome = await _run_to_outcome(agent, args, kwargs, key)
    while reviewer is not None and outcome.status == "waiting":
        reviewer.answer_proposals(ledger, outcome.proposals)
        outcome = await _run_to_outcome(agent, args, kwargs, key)
    waits = [p for p in outcome.proposals if p.status == "open"]
    return AgentRun(outcome.run.id, key, outcome.status, outcome.result, waits)


async def _run_to_outcome(agent: Agent, args: tuple[Any, ...], kwargs: dict[str, Any], key: str) -> RunOutcome:
    ledger, ns, shown = get_ledger(), agent.function.__globals__, RunDisplay()
    name, home, saver = agent.__qualname__, find_home(agent, ledger), Saver(ns)
    code = RunCode(
        functools.partial(agent.function, *args, **kwargs), ns, read_agent_source(agent), function=agent.function
    )
    run = ledger.runs.find(agent=name, notebook=home, key=key)
    if run is None or run.superseded:
        inspect.signature(agent.function).bind(*args, **kwargs)  # raises for wrong arguments before a run is created
        opened = ledger.runs.open(agent=name, notebook=home, key=key, label="process")
        return await start_run(ledger, opened, code, saver, shown)
    refuse_cancelled(run, "use another key")
    if run.status == "waiting":
        return RunOutcome("waiting", run, ledger.proposals.list_of_run(run.id, run.pauses))
    saved = open_saved_state(ledger, run) if run.status == "finished" else None
    if saved is not None:
        held_states.pop(run.id, None)  # another process finished it
        result = load_snapshot(
            saved, dict(ns), special=saver.find_special
        ).result  # the variables of the agent's module are kept
        if isinstance(result, UnsavedResult):
            raise HitlError(f"the run {key!r} of {name} finished, and its result is gone: {result.sentence}")
        return RunOutcome("finished", run, result=result)
    return await continue_run(ledger, run, code, saver, shown, "process")
