"""`%hitl`: the inbox and the runs of the store, without leaving the notebook."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from hitl_nb.engine.run.cell_run import ledger_of
from hitl_nb.errors import HitlError, UnknownRun
from hitl_nb.kinds.questions import as_text, visible
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import ACTIONS, Action, Run
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.review.decide_from_text import decide, reviewer_name
from hitl_nb.review.progress import Viewer, describe, people_of, vote_known
from hitl_nb.review.static_html import outcome
from hitl_nb.review.terms_sentences import parts, still_needed
from hitl_nb.storage import open_store

if TYPE_CHECKING:
    from hitl_nb.notebook.ipython.agent_cells import AgentCells

_USAGE = (
    "usage: %hitl [inbox] | runs | show ID | approve ID [REASON] | edit ID VALUE | reject ID REASON | "
    "respond ID MESSAGE | widget NAME | resume NAME | forget NAME | adopt RUN | cancel RUN | notebook [PATH]"
)


def hitl_command(cells: AgentCells, line: str) -> Any:
    """Carry out a `%hitl` line. Raises UsageError, or what the command raises."""
    words = line.split(None, 1)
    name, rest = (words[0], words[1] if len(words) > 1 else "") if words else ("inbox", "")
    command = _COMMANDS.get(name)
    if command is None:
        raise UsageError(f"%hitl: there is no command {name!r}; {_USAGE}")
    return command(cells, rest)


def _ledger() -> Ledger:
    return ledger_of(open_store())


def _inbox(cells: AgentCells, rest: str) -> None:
    found = _ledger().inbox()
    _table(("id", "title", "kind", "agent"), [(p.id, p.title, p.kind, p.agent) for p in found], "nothing waits")


def _runs(cells: AgentCells, rest: str) -> None:
    found = _ledger().runs()
    _table(
        ("id", "agent", "status", "open", "key"), [(r.id, r.agent, r.status, r.open, r.key) for r in found], "no runs"
    )


def _show(cells: AgentCells, rest: str) -> None:
    p = _ledger().proposal(_one(rest, "show ID"))
    print(f"{visible(p.title)}\n{p.kind}, {outcome(p)}, agent {p.agent}")
    if p.context:
        print("\n" + visible(p.context if isinstance(p.context, str) else as_text("json", p.context)))
    ledger = _ledger()
    for heading, lines in parts(p, describe(p, people_of(ledger, p), Viewer(reviewer_name()), vote_known(ledger, p))):
        print(f"\n{heading}:\n" + "\n".join(f"  {visible(line)}" for line in lines))
    if p.doubt is None:
        print("\n" + visible(as_text(p, p.value)))
        return
    for name, text in doubts.facts(p.doubt):
        print(f"{name}: {visible(text)}")
    for word, says, then, _ in doubts.choices(p.doubt):
        print(f"%hitl edit {p.id} {word}{' RESULT' if word == 'yes' else ''}: {visible(f'{says}. {then}')}")


def _decide(action: Action) -> Callable[[AgentCells, str], None]:
    def command(cells: AgentCells, rest: str) -> None:
        words = rest.split(None, 1)
        if not words:
            raise UsageError(f"%hitl {action} needs an ID; {_USAGE}")
        text = words[1].strip() if len(words) > 1 else None
        takes_text = action in ("edit", "respond")
        p = decide(_ledger(), words[0], action, text if takes_text else None, reason=None if takes_text else text)
        if p.status == "open":
            ledger = _ledger()
            print(f"{visible(p.title)}: {visible(still_needed(p, describe(p, people_of(ledger, p))))}")
            return
        print(f"{outcome(p)}: {visible(p.title)}")

    return command


def _widget(cells: AgentCells, rest: str) -> None:
    name = _one(rest, "widget NAME")
    place = cells.places.get(name)
    if place is None:
        raise UsageError(f"%hitl widget: run the cell `%%agent {name}` first")
    run = _run(place.ledger, name, place.cell.notebook, place.cell.key)
    if run.status != "waiting":
        raise HitlError(f"the agent {name!r} waits for nothing: it is {run.status}")
    cells.show_panel(place, place.ledger.proposals(run.id, run.pauses))


def _resume(cells: AgentCells, rest: str) -> Any:
    return cells.resume(_one(rest, "resume NAME"))


def _forget(cells: AgentCells, rest: str) -> None:
    name = _one(rest, "forget NAME")
    ledger = _ledger()
    count = ledger.forget(agent=name, notebook=cells.notebook.current(ledger))
    cells.places.pop(name, None)
    if not count:
        raise UnknownRun(f"no run of an agent {name!r} in this notebook; `%hitl runs` lists them")
    print(f"forgot {count} run{'s' if count != 1 else ''} of {name}")


def _adopt(cells: AgentCells, rest: str) -> None:
    ledger = _ledger()
    run = ledger.adopt(_one(rest, "adopt RUN"), cells.notebook.current(ledger), actor=reviewer_name())
    print(f"run {run.id} ({run.agent}) belongs to this notebook now; run its cell to go on")


def _cancel(cells: AgentCells, rest: str) -> None:
    run = _ledger().cancel(_one(rest, "cancel RUN"), actor=reviewer_name())
    print(f"run {run.id} ({run.agent}) is cancelled")


def _notebook(cells: AgentCells, rest: str) -> None:
    if rest.strip():
        cells.notebook.tell(_one(rest, "notebook PATH"))
    print(visible(cells.notebook.current(_ledger())))


def _run(ledger: Ledger, name: str, notebook: str, key: str) -> Run:
    run = ledger.find_run(agent=name, notebook=notebook, key=key)
    if run is None:
        raise UnknownRun(f"no run of an agent {name!r} in this notebook; `%hitl runs` lists them")
    return run


def _one(rest: str, usage: str) -> str:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"%hitl {usage}: {error} in {rest!r}; {_USAGE}") from None
    if len(words) != 1:
        raise UsageError(f"%hitl {usage}: one word expected, {len(words)} given; {_USAGE}")
    return words[0]


def _table(columns: tuple[str, ...], rows: list[tuple[Any, ...]], empty: str) -> None:
    if not rows:
        print(empty)
        return
    texts = [columns, *([visible(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(columns))]
    for row in texts:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


_COMMANDS: dict[str, Callable[[Any, str], Any]] = {
    "inbox": _inbox,
    "runs": _runs,
    "show": _show,
    **{action: _decide(action) for action in ACTIONS},
    "widget": _widget,
    "resume": _resume,
    "forget": _forget,
    "adopt": _adopt,
    "cancel": _cancel,
    "notebook": _notebook,
}
