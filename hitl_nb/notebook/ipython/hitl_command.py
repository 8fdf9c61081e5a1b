"""The magic `%hitl`: show the inbox and the runs of the store in the notebook, and decide proposals."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from hitl_nb.engine.run.cell_run import get_ledger
from hitl_nb.errors import HitlError, UnknownRun
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import format_value
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import ACTIONS, Action, Run
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.review.decide_from_text import decide_from_text, reviewer_name
from hitl_nb.review.progress import Viewer, describe_progress, load_current_people, voter_identities
from hitl_nb.review.static_html import describe_outcome
from hitl_nb.review.terms_sentences import format_still_needed, review_sections
from hitl_nb.storage import open_store

if TYPE_CHECKING:
    from hitl_nb.notebook.ipython.agent_cells import AgentCells

_USAGE = (
    "usage: %hitl [inbox] | runs | show ID | approve ID [REASON] | edit ID VALUE | reject ID REASON | "
    "respond ID MESSAGE | widget NAME | resume NAME | forget NAME | adopt RUN | cancel RUN | notebook [PATH]"
)


def hitl_command(cells: AgentCells, line: str) -> Any:
    """Execute a `%hitl` line.

    Args:
        cells: The agent cells of the shell.
        line: The line after `%hitl`.

    Returns:
        A coroutine for `resume`, otherwise None.

    Raises:
        UsageError: The line is not a valid command.
        HitlError: The command failed.
    """
    words = line.split(None, 1)
    name, rest = (words[0], words[1] if len(words) > 1 else "") if words else ("inbox", "")
    command = _COMMANDS.get(name)
    if command is None:
        raise UsageError(f"%hitl: there is no command {name!r}; {_USAGE}")
    return command(cells, rest)


def _open_ledger() -> Ledger:
    return get_ledger(open_store())


def _show_inbox(cells: AgentCells, rest: str) -> None:
    found = _open_ledger().proposals.list_open()
    _make_table(
        ("id", "title", "kind", "agent"),
        [(proposal.id, proposal.title, proposal.kind, proposal.agent) for proposal in found],
        "nothing waits",
    )


def _show_runs(cells: AgentCells, rest: str) -> None:
    found = _open_ledger().runs.list_newest()
    _make_table(
        ("id", "agent", "status", "open", "key"), [(r.id, r.agent, r.status, r.open, r.key) for r in found], "no runs"
    )


def _show_proposal(cells: AgentCells, rest: str) -> None:
    proposal = _open_ledger().proposals.load(_require_one(rest, "show ID"))
    print(
        f"{show_hidden_characters(proposal.title)}\n{proposal.kind}, {describe_outcome(proposal)}, agent "
        f"{proposal.agent}"
    )
    if proposal.context:
        print(
            "\n"
            + show_hidden_characters(
                proposal.context if isinstance(proposal.context, str) else format_value("json", proposal.context)
            )
        )
    ledger = _open_ledger()
    for heading, lines in review_sections(
        proposal,
        describe_progress(
            proposal, load_current_people(ledger, proposal), Viewer(reviewer_name()), voter_identities(ledger, proposal)
        ),
    ):
        print(f"\n{heading}:\n" + "\n".join(f"  {show_hidden_characters(line)}" for line in lines))
    if proposal.doubt is None:
        print("\n" + show_hidden_characters(format_value(proposal, proposal.value)))
        return
    for name, text in doubts.list_facts(proposal.doubt):
        print(f"{name}: {show_hidden_characters(text)}")
    for word, says, then, _ in doubts.list_choices(proposal.doubt):
        print(
            f"%hitl edit {proposal.id} {word}{' RESULT' if word == 'yes' else ''}: "
            f"{show_hidden_characters(f'{says}. {then}')}"
        )


def _make_decide_command(action: Action) -> Callable[[AgentCells, str], None]:
    def command(cells: AgentCells, rest: str) -> None:
        words = rest.split(None, 1)
        if not words:
            raise UsageError(f"%hitl {action} needs an ID; {_USAGE}")
        text = words[1].strip() if len(words) > 1 else None
        takes_text = action in ("edit", "respond")
        proposal = decide_from_text(
            _open_ledger(), words[0], action, text if takes_text else None, reason=None if takes_text else text
        )
        if proposal.status == "open":
            ledger = _open_ledger()
            needed = format_still_needed(proposal, describe_progress(proposal, load_current_people(ledger, proposal)))
            print(f"{show_hidden_characters(proposal.title)}: {show_hidden_characters(needed)}")
            return
        print(f"{describe_outcome(proposal)}: {show_hidden_characters(proposal.title)}")

    return command


def _show_widget(cells: AgentCells, rest: str) -> None:
    name = _require_one(rest, "widget NAME")
    place = cells.places.get(name)
    if place is None:
        raise UsageError(f"%hitl widget: run the cell `%%agent {name}` first")
    run = _find_run(place.ledger, name, place.cell.notebook, place.cell.key)
    if run.status != "waiting":
        raise HitlError(f"the agent {name!r} waits for nothing: it is {run.status}")
    cells.show_panel(place, place.ledger.proposals.list_of_run(run.id, run.pauses))


def _resume_agent(cells: AgentCells, rest: str) -> Any:
    return cells.resume(_require_one(rest, "resume NAME"))


def _forget_agent(cells: AgentCells, rest: str) -> None:
    name = _require_one(rest, "forget NAME")
    ledger = _open_ledger()
    count = ledger.runs.forget(agent=name, notebook=cells.notebook.resolve_path(ledger))
    cells.places.pop(name, None)
    if not count:
        raise UnknownRun(f"no run of an agent {name!r} in this notebook; `%hitl runs` lists them")
    print(f"forgot {count} run{'s' if count != 1 else ''} of {name}")


def _adopt_run(cells: AgentCells, rest: str) -> None:
    ledger = _open_ledger()
    run = ledger.notebooks.adopt_run(
        _require_one(rest, "adopt RUN"), cells.notebook.resolve_path(ledger), actor=reviewer_name()
    )
    print(f"run {run.id} ({run.agent}) belongs to this notebook now; run its cell to continue")


def _cancel_run(cells: AgentCells, rest: str) -> None:
    run = _open_ledger().runs.cancel(_require_one(rest, "cancel RUN"), actor=reviewer_name())
    print(f"run {run.id} ({run.agent}) is cancelled")


def _set_notebook(cells: AgentCells, rest: str) -> None:
    if rest.strip():
        cells.notebook.set_path(_require_one(rest, "notebook PATH"))
    print(show_hidden_characters(cells.notebook.resolve_path(_open_ledger())))


def _find_run(ledger: Ledger, name: str, notebook: str, key: str) -> Run:
    run = ledger.runs.find(agent=name, notebook=notebook, key=key)
    if run is None:
        raise UnknownRun(f"no run of an agent {name!r} in this notebook; `%hitl runs` lists them")
    return run


def _require_one(rest: str, usage: str) -> str:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"%hitl {usage}: {error} in {rest!r}; {_USAGE}") from None
    if len(words) != 1:
        raise UsageError(f"%hitl {usage}: one word expected, {len(words)} given; {_USAGE}")
    return words[0]


def _make_table(columns: tuple[str, ...], rows: list[tuple[Any, ...]], empty: str) -> None:
    if not rows:
        print(empty)
        return
    texts = [columns, *([show_hidden_characters(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(columns))]
    for row in texts:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


_COMMANDS: dict[str, Callable[[Any, str], Any]] = {
    "inbox": _show_inbox,
    "runs": _show_runs,
    "show": _show_proposal,
    **{action: _make_decide_command(action) for action in ACTIONS},
    "widget": _show_widget,
    "resume": _resume_agent,
    "forget": _forget_agent,
    "adopt": _adopt_run,
    "cancel": _cancel_run,
    "notebook": _set_notebook,
}
