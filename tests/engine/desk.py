"""One agent cell at a desk: run it, decide, close the kernel and open another, look at what the store has."""

from __future__ import annotations

import asyncio
import linecache
from typing import Any

import world

import hitl_nb as hitl
from hitl_nb.engine.run import held_states as holding
from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, run_cell
from hitl_nb.engine.run.resume import RunOutcome
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.engine.tracebacks import trim_traceback
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Run, new_id
from hitl_nb.storage import open_store


class Desk:
    """Attributes:
    ns: the namespace of the kernel that is open.
    cells: what was run in this kernel beside the agent.
    """

    def __init__(self, url: str | None = None) -> None:
        self.shown = RunDisplay()
        self.ledger = Ledger(open_store(url or f"memory:{new_id()}"))
        self.new_kernel()

    def new_kernel(self) -> None:
        """All live objects are gone."""
        holding.held_states.clear()
        self.ns = world._namespace(hitl)
        self.cells: list[str] = []
        world.journal.clear()

    def cell(self, source: str) -> None:
        """Run an ordinary cell."""
        name = f"<cell {len(self.cells)} {id(self.ns)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), self.ns)
        self.cells.append(source)

    def run(self, source: str, *, name: str = "agent", flags: int = 0, **options: Any) -> RunOutcome:
        """Run the agent cell."""
        linecache.cache[world.FILE] = (len(source), None, source.splitlines(True), world.FILE)
        unit = compile_cell(source, world.FILE, flags)
        saver = Saver(self.ns)
        try:
            return asyncio.run(
                run_cell(self.ledger, AgentCell("nb", name, "", unit, self.ns), saver, self.shown, **options)
            )
        except BaseException as error:  # noqa: BLE001 - raised again
            raise trim_traceback(error) from error.__cause__

    def answer(self, action: str = "approve", value: Any = None, *, name: str = "agent") -> Proposal:
        """Decide the first open proposal."""
        p = self.open(name)[0]
        reason = "because" if action == "reject" else None
        return self.ledger.proposals.decide(p.id, action, value=value, reviewer="ann", reason=reason)

    def open(self, name: str = "agent") -> list[Proposal]:
        run = self.record(name)
        return (
            [p for p in self.ledger.proposals.list_of_run(run.id, run.pauses) if p.status == "open"]
            if run.pauses
            else []
        )

    def record(self, name: str = "agent") -> Run:
        run = self.ledger.runs.find(agent=name, notebook="nb")
        assert run is not None
        return run

    def keys(self, prefix: str = "") -> list[str]:
        """Keys of the store."""
        return [key for key, _ in self.ledger.store.scan(prefix, prefix + "\U0010ffff")]


def effects() -> list[str]:
    """What happened since the kernel was started, as "name(arguments)"."""
    return [f"{name}{arguments}" for name, arguments in world.journal]
