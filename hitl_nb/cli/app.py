"""`hitl-nb`: run notebooks, list and decide proposals, and maintain the store, from a terminal or a script.

Results for programs are printed to standard output, messages for people to standard error, so that `hitl-nb inbox
--json | jq` always works. Exit codes: 0 done; 75 (the system's "try again later") if a notebook waits for a decision; 1
for an error; 2 for wrong usage. The docstrings of commands are their help texts.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hitl_nb.cli import notify as cli_notify
from hitl_nb.cli import output as out
from hitl_nb.cli import policy as cli_policy
from hitl_nb.cli.decide import decide, edit_in_editor, make_doubt_answer, read_file_text
from hitl_nb.cli.inbox import (
    add_inbox_commands,
    describe_progress_of,
    full_proposal_json,
    note_unwatched,
)
from hitl_nb.cli.options import Json, Store, bad_url_is_bad_usage, open_ledger
from hitl_nb.cli.people import add_people_commands
from hitl_nb.cli.runs import add_run_commands
from hitl_nb.cli.watch import wait_for_settling, watch
from hitl_nb.errors import HitlError
from hitl_nb.records import Event

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

EXIT_WAITING = 75
"""Exit code of `run` if a person has to decide first (EX_TEMPFAIL of sysexits.h)."""

_OUTPUT_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""Errors of writing to standard output that are reported here. They name no file. Typer handles a closed pipe itself.
"""


class _Commands(TyperGroup):
    """A group of commands that reports errors of hitl_nb as one line that says what to do."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and report its errors."""
        try:
            return super().invoke(ctx)
        except HitlError as e:
            out.print_note(f"hitl-nb: {' '.join(str(e).split())}")
            raise typer.Exit(1) from None
        except OSError as e:
            if e.errno not in _OUTPUT_ERRNOS or e.filename is not None:
                raise
            out.print_note(f"hitl-nb: the output cannot be written: {e.strerror}")
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run notebooks whose agents pause for a person, list open proposals, and decide them.",
)


def _open_ids(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return (id, title) of the open proposals whose id begins with `incomplete`, for shell completion.

    Empty if the store cannot be opened.
    """
    try:
        waiting = open_ledger(ctx.params.get("store")).proposals.list_open(limit=100)
    except (HitlError, typer.BadParameter):
        return []
    return [(proposal.id, proposal.title) for proposal in waiting if proposal.id.startswith(incomplete)]


Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="A proposal's id, or its beginning.", autocompletion=_open_ids, show_default=False
    ),
]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="The reason; kept with the decision.")]


def main() -> None:
    """Run the `hitl-nb` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # print the number of a character that the terminal lacks
    app(prog_name="hitl-nb")


@app.command()
def run(
    notebook: Annotated[Path, typer.Argument(help="The notebook (.ipynb).", show_default=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here instead of in place.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.001, help="Seconds that one cell may take.")] = None,
    json: Json = False,
    store: Store = None,
) -> None:
    """Run a notebook in a fresh kernel; its agents continue where they stopped.

    Exit code 0: finished. 75: an agent waits for a decision; the open proposals are printed. 1: a cell failed.
    """
    from hitl_nb import run_notebook

    with bad_url_is_bad_usage():
        ledger = open_ledger(store)
    signal.signal(signal.SIGTERM, _exit_on_signal)
    source = str(notebook.resolve())
    wait_for_settling(ledger, source)
    while True:
        with _progress(notebook.name) as step:
            result = run_notebook(notebook, output, store=store, on_cell=step, timeout=timeout)
        if result.status != "waiting" or not wait_for_settling(ledger, source):
            break
    note_unwatched(ledger)
    if json:
        found = [full_proposal_json(ledger, proposal) for proposal in result.open]
        out.print_document({"status": result.status, "open": found, "error": result.error})
    elif result.open:
        out.print_proposals(result.open, [describe_progress_of(ledger, proposal) for proposal in result.open])
    for text in result.notes:
        out.print_note(text)
    if result.status == "failed":
        out.print_note(f"hitl-nb: {notebook.name} failed in {result.error}")
        raise typer.Exit(1)
    if result.status == "waiting":
        out.print_note(
            f"{notebook.name} waits; decide with hitl-nb approve, edit, reject or respond, then run it again"
        )
        raise typer.Exit(EXIT_WAITING)
    out.print_note(f"{notebook.name} finished")


add_inbox_commands(app, Id)
add_run_commands(app)
add_people_commands(app, Id)
app.add_typer(cli_notify.app, name="notify")
app.add_typer(cli_policy.app, name="policy")
app.command()(watch)


@app.command()
def approve(proposal: Id, reason: Reason = None, store: Store = None) -> None:
    """Approve a proposal as it is."""
    decide(open_ledger(store), proposal, "approve", None, reason)


@app.command()
def edit(
    proposal: Id,
    value: Annotated[str | None, typer.Option(metavar="TEXT", help="The new value.")] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read the new value from FILE (- for input).")
    ] = None,
    editor: Annotated[bool, typer.Option("--editor", help="Edit it in $VISUAL or $EDITOR.")] = False,
    happened: Annotated[
        str | None, typer.Option(metavar="yes|no|stop", help="Whether an effect in doubt happened, or stop the run.")
    ] = None,
    result: Annotated[
        str | None, typer.Option(metavar="JSON", help="The result of the call, if it happened (text or JSON).")
    ] = None,
    reason: Reason = None,
    store: Store = None,
) -> None:
    """Approve a proposal with changes.

    For text, markdown and code the value is taken as it is. For every other kind it is JSON, or CSV for tables.
    """
    if [value is not None, file is not None, editor, happened is not None].count(True) != 1:
        raise typer.BadParameter("give the new value with exactly one of --value, --file, --editor and --happened")
    if result is not None and happened is None:
        raise typer.BadParameter("--result goes with --happened yes")
    ledger = open_ledger(store)
    seen = ledger.proposals.load(proposal)
    if happened is not None:
        value = make_doubt_answer(seen, happened, result)
    if file is not None:
        value = read_file_text(file)
    elif editor and seen.status == "open":
        value = edit_in_editor(ledger, seen)
    decide(ledger, seen, "edit", value, reason)


@app.command()
def reject(
    proposal: Id,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="The reason; the agent is told.", show_default=False)],
    store: Store = None,
) -> None:
    """Reject a proposal; the agent continues without it."""
    decide(open_ledger(store), proposal, "reject", None, reason)


@app.command()
def respond(
    proposal: Id,
    message: Annotated[str, typer.Option(metavar="TEXT", help="The message to the agent.", show_default=False)],
    reason: Reason = None,
    store: Store = None,
) -> None:
    """Answer the agent with a message, without a decision on the value."""
    decide(open_ledger(store), proposal, "respond", message, reason)


@app.command()
def record(
    notebook: Annotated[Path, typer.Argument(help="The notebook (.ipynb).", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here instead of beside the notebook.")
    ] = None,
    store: Store = None,
) -> None:
    """Write a notebook's decisions to its .decisions.json, so that it runs to its end under pytest --nbval."""
    from hitl_nb.scripted_review.decision_file import format_document, read_file
    from hitl_nb.scripted_review.decision_recording import record_file

    source = notebook.resolve()
    if not source.is_file() or source.suffix != ".ipynb":
        raise HitlError(f"there is no notebook {notebook}")
    ledger = open_ledger(store)
    file = record_file(ledger, str(source))
    if file is None:
        raise HitlError(f"nothing was decided on {source.name} in this store; run it and decide first")
    target = output or source.with_suffix(".decisions.json")
    writing = read_file(target).writing if target.exists() else []
    _replace_file(target, format_document(replace(file, writing=writing)))
    waiting = len(ledger.proposals.list_open(notebook=str(source)))
    then = f"; {waiting} more wait for a decision" if waiting else ""
    out.print_note(f"{len(file.decisions)} decisions written to {target.name}{then}")


@app.command()
def audit(
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check that no event and no record was changed or removed.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the log as JSON lines, byte for byte as hashed (- for output)."),
    ] = None,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Export only the events of this run.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Export as CSV, for spreadsheets.")] = False,
    json: Json = False,
    store: Store = None,
) -> None:
    """Show the audit log: who decided what, when and why.

    Exit code 1 if the log, or a record that it covers, was changed.
    """
    if export is not None and (verify or json):
        raise typer.BadParameter("--export excludes --verify and --json")
    if export is None and (run is not None or as_csv):
        raise typer.BadParameter("--run and --csv need --export")
    ledger = open_ledger(store)
    found = ledger.audit.verify()
    if export is not None:
        _export(ledger, export, run, as_csv=as_csv)
    elif json:
        log = {} if verify else {"events": [_list_builtins(e) for page in _iterate_pages(ledger) for e in page]}
        checked = {"verified": found.ok, "problem": found.problem, "differs": _list_builtins(found.differs)}
        out.print_document({**log, **checked})
    elif not verify:
        for page in _iterate_pages(ledger):
            out.print_events(page, lambda event: _describe_actor(ledger, event))
    if not found.ok and not found.differs:
        raise HitlError(f"the audit log was changed: {found.problem}")
    for one in found.differs:
        out.print_note(one.text)
    if not found.ok:
        raise HitlError("the store differs from the audit log; keep a copy of its folder, then restore a backup")
    out.print_note(f"{found.events} events, unbroken; every record matches them")


@app.command()
def doctor(json: Json = False, store: Store = None) -> None:
    """Check the store, its settings and the versions, and say how to fix each problem.

    Exit code 1 if there is a problem.
    """
    from hitl_nb.cli.doctor import examine_installation

    with bad_url_is_bad_usage():
        findings = examine_installation(store)
    if json:
        out.print_document({"findings": [f.json() for f in findings]})
    else:
        out.print_table(("", "what", "found", "what to do"), ((f.state, f.subject, f.found, f.fix) for f in findings))
    if any(f.state == "wrong" for f in findings):
        raise typer.Exit(1)


def _replace_file(file: Path, text: str) -> None:
    """Replace `file` by a file with `text`, in one step.

    Raises:
        HitlError: The file cannot be written.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        draft.unlink(missing_ok=True)
        with draft.open("x", encoding="utf-8", newline="\n") as fresh:  # "x": never follows a link with this name
            fresh.write(text)
        draft.replace(file)
    except OSError as e:
        raise HitlError(f"cannot write {file}: {e.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _describe_actor(ledger: Ledger, event: Event) -> str:
    """Describe the actor of an event. For a decision, say also how the identity of the person is known."""
    from hitl_nb.ledger.decisions.reviewers import format_decider

    if event.type == "decision" and event.proposal is not None:
        try:
            proposal = ledger.proposals.load(event.proposal)
        except HitlError:
            return f"{event.actor} (unsigned)"
        if proposal.decision is not None:
            return format_decider(proposal.decision, ledger.reviewers.identify(proposal))
    return event.actor


def _iterate_pages(ledger: Ledger) -> Iterator[list[Event]]:
    from hitl_nb.ledger.event_reader import EventReader, MemoryCursor

    reader = EventReader(ledger.store, MemoryCursor())
    while page := reader.poll():
        yield page
        reader.mark_handled(page[-1])


def _export(ledger: Ledger, file: Path, run: str | None, *, as_csv: bool) -> None:
    from hitl_nb.ledger.audit import format_export

    run_id = None if run is None else ledger.runs.load(run).id
    after: int | None = 0
    try:
        with sys.stdout.buffer if str(file) == "-" else file.open("wb") as sink:
            while after is not None:
                page, following = ledger.audit.export(run_id, after=after)
                sink.write(format_export(page, as_csv=as_csv, is_first=after == 0))
                after = following
            sink.flush()
    except OSError as e:
        raise HitlError(f"cannot write {file}: {e.strerror}") from None


def _list_builtins(event: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(event)


@contextmanager
def _progress(name: str) -> Generator[Callable[[int, int], None] | None]:
    """Show a progress bar on standard error if that is a terminal.

    Yields:
        The function to call at each cell as `step(number, total)`; None without a terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def step(number: int, total: int) -> None:
            bar.update(task, completed=number - 1, total=total)

        yield step


def _exit_on_signal(number: int, frame: object) -> None:
    """Handle SIGTERM like Ctrl-C, so that the kernel is shut down."""
    raise KeyboardInterrupt
