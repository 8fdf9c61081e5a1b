"""Starting a run, or going on with it: what running an agent cell, or `agent.run(...)`, means each time.

no run yet, --restart     a new one, from the first statement
waiting                   the same proposals, again
ready (all decided)       on behind the checkpoint
failed, or its process died
                          on from the statement that did not finish
finished                  what it recorded, its variables put back; on, if statements were added below
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import HitlError, Paused
from ..records import Proposal, Run, new_id
from ..review import script
from ..store import open_store
from ..store.base import Store
from ..store.ledger import Claim, Ledger
from .loading import Loaded, Saved, load, open_snapshot
from .machine import Machine
from .pickling import notebook_name, resolve
from .positions import restored
from .session import Pending, Session, place
from .stack import Frame
from .state import Saver, frame_entry
from .units import CellUnit, FunctionUnit, Unit

if TYPE_CHECKING:
    from .agents import Agent


@dataclass
class Cell:
    """An agent cell, ready to run.

    Attributes:
        notebook, agent, key: what identifies its run.
        label: who runs it, for people ("kernel", "hitl-nb run").
    """

    notebook: str
    agent: str
    key: str
    unit: CellUnit
    ns: dict[str, Any]
    label: str = "kernel"


class Shown:
    """What a run shows while it works. A driver overrides this to print, display and record."""

    def display(self, value: Any) -> None:
        """The value of the cell's last expression."""

    def outputs(self) -> list[Any]:
        """What was shown so far, as JSON."""
        return []

    def replay(self, outputs: list[Any]) -> None:
        """Show again what an earlier try recorded."""

    def decided(self, proposals: list[Proposal]) -> None:
        """The decisions that the run goes on with."""


@dataclass
class Outcome:
    """How running a cell ended: "finished", or "waiting" with its open proposals."""

    status: str
    run: Run
    proposals: list[Proposal] = field(default_factory=list[Proposal])
    notes: list[str] = field(default_factory=list[str])
    result: Any = None


@dataclass
class _Held:
    """The live objects of a paused run, used as long as this process still has them."""

    envelope: bytes
    loaded: Loaded


_held: dict[str, _Held] = {}
_ledgers: dict[int, Ledger] = {}


def ledger_of(store: Store | None = None) -> Ledger:
    """The ledger over a store (by default the one of this user), one per open store."""
    store = store or open_store()
    ledger = _ledgers.get(id(store))
    if ledger is None or ledger.store is not store:
        _ledgers[id(store)] = ledger = Ledger(store)
    return ledger


async def run_cell(
    ledger: Ledger, cell: Cell, saver: Saver, shown: Shown, *, restart: bool = False, as_recorded: bool = False
) -> Outcome:
    """Run an agent cell from where its run stands.

    Raises:
        CellChanged, RunClaimed, Untrusted, WrongPython, StoreError: before any of its code runs.
        What the cell's code raises.
    """
    run = None if restart else ledger.find_run(agent=cell.agent, notebook=cell.notebook, key=cell.key)
    if run is None:
        run, claim = ledger.open_run(agent=cell.agent, notebook=cell.notebook, key=cell.key, label=cell.label)
        machine = Machine([Frame(cell.unit, cell.ns)], display=shown.display)
        session = Session(ledger, run, claim, machine, saver, source=cell.unit.program.source, outputs=shown.outputs)
        return await _work(session, cell.ns)
    _not_cancelled(run, "--restart runs it anew")
    saved = _saved(ledger, run)
    if run.status == "waiting":
        shown.replay(saved.outputs if saved else [])
        return Outcome("waiting", run, _open(ledger, run), saved.notes if saved else [])
    unit = (
        CellUnit(cell.agent, saved.source, ast.parse(saved.source), cell.unit.filename)
        if as_recorded and saved
        else cell.unit
    )
    if run.status == "finished" and saved is not None:
        return await _finished(ledger, run, saved, cell, unit, saver, shown)
    return await _go_on(ledger, run, saved, cell, unit, saver, shown)


async def _finished(
    ledger: Ledger, run: Run, saved: Saved, cell: Cell, unit: CellUnit, saver: Saver, shown: Shown
) -> Outcome:
    """Put back what a finished run left; go on if there is more to run now."""
    loaded = _loaded(run, saved, cell.ns, saver)
    frame = restored(loaded.stack[0], unit, cell.ns, _recorded(cell))
    if frame.pc < len(unit.program.ops):
        return await _go_on(ledger, run, saved, cell, unit, saver, shown)
    shown.replay(saved.outputs)
    return Outcome("finished", run)


async def _go_on(
    ledger: Ledger, run: Run, saved: Saved | None, cell: Cell, unit: CellUnit, saver: Saver, shown: Shown
) -> Outcome:
    before = run
    run, claim = ledger.claim(run.id, label=cell.label)
    try:
        saved = _saved(ledger, run)
        if saved is None:
            machine = Machine([Frame(unit, cell.ns)], display=shown.display)
            pending: Pending | None = None
        else:
            machine, pending = _machine(run, before.status, saved, cell.ns, unit, saver, _recorded(cell), shown)
        session = _session(ledger, run, claim, machine, saver, unit.program.source, shown.outputs, before.status)
        decided = ledger.proposals(run.id, run.pauses) if before.status == "ready" else []
        if saved is not None:
            shown.replay(saved.outputs)
        if decided:
            shown.decided(decided)
        if pending is not None:
            machine.pending = session.completed(pending, ledger.proposals(run.id, run.pauses))
    except BaseException as error:
        _step_back(ledger, claim, before, error)
        raise
    return await _work(session, cell.ns)


def _step_back(ledger: Ledger, claim: Claim, before: Run, error: BaseException) -> None:
    """What stopped a run from going on changed nothing in it: it stands where it stood."""
    ledger.hand_back(claim, before.status)


async def _work(session: Session, ns: dict[str, Any]) -> Outcome:
    machine, run_id = session.machine, session.run_record.id
    try:
        result = await session.run()
    except Paused:
        _hold(session, ns)
        run = session.ledger.run(run_id)
        return Outcome("waiting", run, session.proposals, session.saver.notes)
    except BaseException:
        _hold(session, ns)
        raise
    finally:
        _clear(machine, ns)
    _hold(session, ns)
    return Outcome("finished", session.run_record, result=result)


def _hold(session: Session, ns: dict[str, Any]) -> None:
    """Keep the live objects: in this process the run goes on with them, not with copies."""
    machine = session.machine
    if any(b.kind in ("finally", "with", "awith") for f in machine.stack for b in f.blocks) and machine.paused is None:
        _held.pop(session.run_record.id, None)  # unwinding changed them; the snapshot has them as they were
        return
    stack = [frame_entry(frame) for frame in machine.stack]
    variables = {name: ns[name] for name in session.saver.saved_names if name in ns}
    loaded = Loaded(variables, stack, session.pending, machine.result, machine.done)
    _held[session.run_record.id] = _Held(session.envelope, loaded)


def _clear(machine: Machine, ns: dict[str, Any]) -> None:
    prefixes = tuple(f".{f.unit.program.prefix}:" for f in machine.stack if isinstance(f.unit, CellUnit))
    for name in [n for n in ns if n.startswith(prefixes)] if prefixes else []:
        del ns[name]


def _saved(ledger: Ledger, run: Run) -> Saved | None:
    found = ledger.snapshot(run.id)
    return open_snapshot(place(ledger, run.id), *found) if found is not None else None


def _loaded(run: Run, saved: Saved, ns: dict[str, Any], saver: Saver) -> Loaded:
    """The state of a run: the live objects of this process if it has them, else loaded from the snapshot."""
    held = _held.get(run.id)
    if held is None or held.envelope != saved.envelope:
        return load(saved, ns, special=saver.find_special)
    for name, value in held.loaded.variables.items():
        if notebook_name(ns.get(name), ns) is None:
            ns[name] = value
    return held.loaded


def _machine(
    run: Run,
    status: str,
    saved: Saved,
    ns: dict[str, Any],
    unit: Unit,
    saver: Saver,
    recorded: Callable[[str], Unit],
    shown: Shown,
) -> tuple[Machine, Pending | None]:
    loaded = _loaded(run, saved, ns, saver)
    retry = status == "failed"
    stack: list[Frame] = []
    for entry in loaded.stack:
        if entry[0] == "cell" or entry is loaded.stack[0]:
            stack.append(restored(entry, unit, ns, recorded, retry=retry))
        else:
            agent = _current_definition(entry[1], ns)
            stack.append(
                restored(
                    entry,
                    agent.unit,
                    agent.function.__globals__,
                    lambda s, a=agent: FunctionUnit(a.function, a, s),
                    retry=retry,
                )
            )
    machine = Machine(stack, display=shown.display)
    machine.tick = loaded.tick
    machine.result = loaded.result
    return machine, loaded.pending


def _current_definition(agent: Any, ns: dict[str, Any]) -> Any:
    """The agent as the notebook defines it now: a function that was mended is used mended."""
    found = resolve(agent.__qualname__, ns) if agent.__module__ == ns.get("__name__") else None
    return found if type(found) is type(agent) else agent


def _session(
    ledger: Ledger,
    run: Run,
    claim: Claim,
    machine: Machine,
    saver: Saver,
    source: str,
    outputs: Callable[[], list[Any]],
    status: str,
) -> Session:
    floor = f"{machine.tick + 1:09d}"
    known = [
        step
        for step in ledger.steps(run.id, start=floor)
        if not (status == "failed" and step.status == "failed" and step.key.startswith(floor))
    ]
    session = Session(ledger, run, claim, machine, saver, source=source, outputs=outputs, known=known)
    for proposal in reversed(_since(ledger, run, floor)):
        if proposal.status == "decided":
            session.answered.setdefault(proposal.position, []).append(proposal)
    return session


def _since(ledger: Ledger, run: Run, floor: str) -> list[Proposal]:
    """Proposals asked by the operation at the position, newest first: a resume reads these, not the whole history."""
    found: list[Proposal] = []
    for pause in range(run.pauses, 0, -1):
        asked = ledger.proposals(run.id, pause)
        found += reversed(asked)
        if any(p.position < floor for p in asked):
            break
    return found


def _recorded(cell: Cell) -> Callable[[str], Unit]:
    return lambda source: CellUnit(cell.agent, source, ast.parse(source), cell.unit.filename)


def _open(ledger: Ledger, run: Run) -> list[Proposal]:
    return ledger.proposals(run.id, run.pauses)


def _not_cancelled(run: Run, way: str) -> None:
    if run.status == "cancelled":
        raise HitlError(f"the run of {run.agent!r} was cancelled; {way}")


# -- agents outside notebooks


@dataclass
class AgentRun:
    """A run of an `@agent` function.

    Attributes:
        status: "finished" or "waiting".
        result: what the function returned, once finished.
        open: the proposals it waits for.
        key: pass it to `.run(..., key=...)` to go on, in this process or another.
    """

    id: str
    key: str
    status: str
    result: Any = None
    open: list[Proposal] = field(default_factory=list[Proposal])


here: list[str] = []
"""The notebook of this process, if it has one; the notebook driver sets it."""


def home_of(agent: Agent) -> str:
    """What runs of an `@agent` function belong to: its module, or the notebook, script or folder that defines it."""
    if agent.__module__ != "__main__":
        return str(agent.__module__)
    if here:
        return here[-1]
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return str(Path(script).resolve() if script else Path.cwd())


async def run_agent(agent: Agent, args: tuple[Any, ...], kwargs: dict[str, Any], key: str | None) -> AgentRun:
    """See `Agent.run`."""
    if key is not None and (not isinstance(key, str) or not key):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"key must be a non-empty str that names this run, not {key!r}")
    key = key or new_id()
    state = await _run_agent(agent, args, kwargs, key)
    reviewer = script.current()
    while reviewer is not None and state.status == "waiting":
        reviewer.answer(ledger_of(), state.open)
        state = await _run_agent(agent, args, kwargs, key)
    return state


async def _run_agent(agent: Agent, args: tuple[Any, ...], kwargs: dict[str, Any], key: str) -> AgentRun:
    ledger, ns, shown = ledger_of(), agent.function.__globals__, Shown()
    name, home = agent.__qualname__, home_of(agent)
    saver = Saver(ns)
    run = ledger.find_run(agent=name, notebook=home, key=key)
    if run is None:
        frame = agent.frame(args, kwargs)
        run, claim = ledger.open_run(agent=name, notebook=home, key=key, label="process")
        machine = Machine([frame])
        session = Session(ledger, run, claim, machine, saver, source=agent.unit.program.source)
        return _state(await _work(session, ns), key)
    _not_cancelled(run, "use another key")
    if run.status == "waiting":
        return AgentRun(run.id, key, "waiting", open=[p for p in _open(ledger, run) if p.status == "open"])
    saved = _saved(ledger, run)
    if run.status == "finished" and saved is not None:
        return AgentRun(run.id, key, "finished", result=_loaded(run, saved, ns, saver).result)
    before = run
    run, claim = ledger.claim(run.id, label="process")
    try:
        saved = _saved(ledger, run)
        pending: Pending | None = None
        if saved is None:
            machine = Machine([agent.frame(args, kwargs)])
        else:
            machine, pending = _machine(
                run,
                before.status,
                saved,
                ns,
                agent.unit,
                saver,
                lambda s: FunctionUnit(agent.function, agent, s),
                shown,  # type: ignore[arg-type]
            )
        session = _session(ledger, run, claim, machine, saver, agent.unit.program.source, list, before.status)
        if pending is not None:
            machine.pending = session.completed(pending, ledger.proposals(run.id, run.pauses))
    except BaseException as error:
        _step_back(ledger, claim, before, error)
        raise
    return _state(await _work(session, ns), key)


def _state(outcome: Outcome, key: str) -> AgentRun:
    waits = [p for p in outcome.proposals if p.status == "open"]
    return AgentRun(outcome.run.id, key, outcome.status, outcome.result, waits)
