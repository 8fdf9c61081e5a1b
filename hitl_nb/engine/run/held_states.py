"""Memory of the live objects of the runs that this process has executed.

The process that paused a run continues it with these objects, and not with copies from the snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hitl_nb.engine.run.session import Session
from hitl_nb.engine.snapshot.loader import LoadedState, OpenedSnapshot, load_snapshot
from hitl_nb.engine.snapshot.pickles.defined_names import find_defined_name, find_notebook_name
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.records import Run


@dataclass
class HeldState:
    """The live objects of a run that this process has executed, and the snapshot with the same state.

    Attributes:
        place: Name under which the store has the snapshot.
        envelope: Signed header of the snapshot.
        loaded: The live objects, in the form in which a loaded snapshot has its objects.
        cell: (notebook, name of the agent).
        is_finished: True if the run has finished. The notebook then has its variables, and the cell may be run again.
    """

    place: str
    envelope: bytes
    loaded: LoadedState
    cell: tuple[str, str]
    is_finished: bool


MAX_HELD_STATES = 64
"""Number of runs whose live objects are kept. Other runs continue from their snapshots, as in any other process."""

held_states: dict[str, HeldState] = {}
"""Id of a run -> its live objects; the newest is last."""


def load_state(run: Run, saved: OpenedSnapshot, ns: dict[str, Any], saver: Saver) -> LoadedState:
    """Restore the state of a run, and return it.

    The live objects are used if this process has them and no other process has continued the run since. Otherwise the
    objects are loaded from the snapshot.

    Args:
        run: The record of the run.
        saved: The run's snapshot.
        ns: Namespace of the notebook; the saved variables are put into it.
        saver: Restores the state of the process (such as the working directory) and of modules.
    """
    saver.process.must_restore = run.status != "finished"
    saver.definitions.own |= saved.own
    if saver.previous_cell is None:
        saver.previous_cell = saved.previous_cell
    live = held_states.get(run.id)
    if live is None or live.envelope != saved.envelope or _has_other_classes(live.loaded, saved, ns):
        held_states.pop(run.id, None)  # another process has continued the run, or its classes are defined again
        loaded = load_snapshot(
            saved,
            ns,
            special=saver.find_special,
            prepare=saver.process.restore_places,
            put_back=saver.definitions.restore_slots,
        )
        saver.modules.restore_slots(loaded.modules)
    else:
        loaded = live.loaded
        for name, value in loaded.variables.items():
            if name in saved.own or not _is_defined_again(name, value, ns):
                ns[name] = value
        saver.definitions.carry_over(loaded.definitions)
        saver.modules.carry_over(loaded.modules)
        saver.process.restore_places(loaded.process)
    saver.process.restore(loaded.process)
    return loaded


def _has_other_classes(loaded: LoadedState, saved: OpenedSnapshot, ns: dict[str, Any]) -> bool:
    """Return whether the notebook has redefined a class of which the saved state has objects.

    Live objects would keep the old class, and the next save would save the old class with them, for every later kernel
    too. Objects that are loaded from the snapshot get the new class.
    """
    return any(
        isinstance(definition, type) and root not in saved.own and ns.get(root) is not definition
        for root, (definition, _) in loaded.definitions.items()
        if find_notebook_name(ns.get(root), ns) == root
    )


def _is_defined_again(name: str, value: Any, ns: dict[str, Any]) -> bool:
    """Return whether the notebook has defined a function or class again since it was saved.

    The saved one is then not used.

    Args:
        name: Name in the namespace.
        value: The saved function, class or other value.
        ns: Namespace of the notebook.
    """
    return find_defined_name(value, ns) == name and find_notebook_name(ns.get(name), ns) == name


def hold_state(session: Session, status: str) -> None:
    """Keep the live objects of a run in memory, so that this process continues the run with them and not with copies.

    Of the finished runs of an agent cell, only the last one is kept: running the cell again gives the notebook its
    variables back. Nothing is kept if an `@agent` function has failed or finished, or if generators or context managers
    were ended. The next try then continues from the snapshot.

    Args:
        session: The work of this process on the run, which has just ended.
        status: How it ended: "waiting", "finished" or "failed".
    """
    run, position = session.run_record, session.saves.position
    held_states.pop(run.id, None)
    if position is None or (status == "failed" and not session.failed_at_position):
        return  # the error has changed the objects on its way out; the snapshot has the right state
    of_cell, finished = session.is_of_cell, status == "finished"
    if not of_cell and status != "waiting":
        return
    saver, saves = session.saver, session.saves
    tasks = position.stack.tasks
    if (
        saver.generators
        or position.stack.running_frames
        or (tasks is not None and tasks.unfinished_tasks)
        or any(one.effect is not None for one in saver.entered)
    ):
        return
    cell = run.notebook, run.agent
    for other in [one for one, live in held_states.items() if finished and live.is_finished and live.cell == cell]:
        del held_states[other]
    loaded = LoadedState(
        saves.variables, position.stack, position.counts, saver.process.saved, saves.pending, position.result
    )
    loaded.definitions = saver.definitions.saved
    loaded.modules = saver.modules.saved
    held_states[run.id] = HeldState(saves.place, saves.envelope, loaded, cell, finished)
    while len(held_states) > MAX_HELD_STATES:
        del held_states[next(iter(held_states))]
