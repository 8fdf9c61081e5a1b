"""Commands of `hitl-nb` for runs: list runs, stop one, give one to another notebook, remove an agent's runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_nb.cli import output as out
from hitl_nb.cli.options import Json, Limit, Store, open_ledger
from hitl_nb.errors import HitlError, UnknownRun
from hitl_nb.records import run_json

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, as `hitl-nb runs` shows it.", show_default=False)
]


def add_run_commands(app: typer.Typer) -> None:
    """Add the commands `runs`, `adopt`, `cancel` and `forget` to the application."""
    for command in (runs, adopt, cancel, forget):
        app.command()(command)


def runs(
    orphaned: Annotated[bool, typer.Option("--orphaned", help="Only runs whose notebook is gone.")] = False,
    limit: Limit = 100,
    json: Json = False,
    store: Store = None,
) -> None:
    """List the runs, newest first."""
    ledger = open_ledger(store)
    found = ledger.notebooks.list_orphans(_exists_at)[:limit] if orphaned else ledger.runs.list_newest(limit=limit)
    if json:
        more = {"orphaned": True} if orphaned else {}
        out.print_document({"runs": [{**run_json(r), **more} for r in found]})
        return
    out.print_runs(found)
    if orphaned and found:
        out.print_note("hitl-nb adopt RUN NOTEBOOK gives one to a notebook; hitl-nb cancel and hitl-nb forget drop it")
    elif not found:
        out.print_note("every run's notebook is there" if orphaned else "no agent has run yet")


def adopt(
    run: RunId,
    notebook: Annotated[Path, typer.Argument(help="The notebook (.ipynb) that continues it.", show_default=False)],
    store: Store = None,
) -> None:
    """Give a run to a notebook that was moved or renamed."""
    target = notebook.resolve()
    if not target.is_file() or target.suffix != ".ipynb":
        raise HitlError(f"there is no notebook {notebook}")
    adopted = open_ledger(store).notebooks.adopt_run(run, str(target), actor=_actor_name())
    out.print_note(f"run {adopted.id} ({adopted.agent}) belongs to {target.name} now; run that notebook to continue")


def cancel(run: RunId, store: Store = None) -> None:
    """Stop a run for good; its open proposals are withdrawn."""
    stopped = open_ledger(store).runs.cancel(run, actor=_actor_name())
    out.print_note(f"run {stopped.id} ({stopped.agent}) is cancelled")


def forget(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The agent's name.", show_default=False)],
    notebook: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The notebook's path, or script:NAME. Needed if several have this agent."),
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Only the runs with this key.")] = None,
    store: Store = None,
) -> None:
    """Remove the runs of an agent with all their records. The audit log stays."""
    ledger = open_ledger(store)
    place = _find_place(ledger, agent, notebook)
    count = ledger.runs.forget(agent=agent, notebook=place, key=key, actor=_actor_name())
    if not count:
        raise UnknownRun(f"no run of an agent {agent!r} with the key {key!r} in {place}; `hitl-nb runs` lists them")
    out.print_note(f"forgot {count} run{'s' if count != 1 else ''} of {agent} in {place}")


def _find_place(ledger: Ledger, agent: str, notebook: str | None) -> str:
    """Return the notebook (or `script:NAME`) that has the runs of an agent.

    Args:
        ledger: The ledger.
        agent: The agent's name.
        notebook: The argument of `--notebook`; None if not given.

    Raises:
        UnknownRun: There is no such run.
        HitlError: Several notebooks have an agent of this name.
    """
    places: dict[str, None] = {}
    before: str | None = None
    while page := ledger.runs.list_newest(agent=agent, before=before):
        places.update(dict.fromkeys(run.notebook for run in page))
        before = page[-1].id
    if notebook is not None:
        named = (notebook, str(Path(notebook).resolve()))
        places = {place: None for place in places if place in named}
    if not places:
        where = f" of {notebook}" if notebook else ""
        raise UnknownRun(f"no run of an agent {agent!r}{where}; `hitl-nb runs` lists them")
    if len(places) > 1:
        raise HitlError(f"{len(places)} places have an agent {agent!r}: name one with --notebook: {', '.join(places)}")
    return next(iter(places))


def _exists_at(path: str) -> bool:
    return Path(path).exists()


def _actor_name() -> str:
    from hitl_nb.review.decide_from_text import reviewer_name

    return reviewer_name()
