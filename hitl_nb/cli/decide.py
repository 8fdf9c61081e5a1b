"""Decisions from the command line: `hitl-nb approve`, `edit`, `reject` and `respond`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hitl_nb.cli import output as out
from hitl_nb.cli.inbox import describe_progress_of, read_draft_text
from hitl_nb.errors import HitlError
from hitl_nb.records import SCRIPT, Action, Proposal
from hitl_nb.settings import EDITOR, VISUAL

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

WAITS_ELSEWHERE = "the agent is waiting in another window"
"""Says to people, after the decision on a held question, that nobody has to continue the run."""


def decide(ledger: Ledger, seen: Proposal | str, action: Action, text: str | None, reason: str | None) -> None:
    """Decide a proposal, and print what happens next.

    Args:
        ledger: The records of the store.
        seen: The proposal as the person saw it, or its id.
        action: The decision.
        text: Text of the new value, or the message to the agent.
        reason: Reason of the person.
    """
    from hitl_nb.review import doubt_texts as doubts
    from hitl_nb.review.decide_from_text import decide_from_text
    from hitl_nb.review.terms_sentences import ACTION_WORDS, format_still_needed

    done = decide_from_text(ledger, seen, action, text, reason=reason)
    said = ACTION_WORDS[action]
    run = ledger.runs.load(done.run)
    if done.status == "open":
        out.print_note(f"{said}: {done.title} ({format_still_needed(done, describe_progress_of(ledger, done))})")
        return
    if done.doubt is not None:
        said = doubts.describe_doubt_outcome(done).lower()
    if run.status == "cancelled":
        out.print_note(
            f"{said}: {done.title} ({Path(done.notebook).name} says so when it is run; --restart starts it again)"
        )
        return
    left = run.open
    then = f"{left} of its pause still open" if left else _describe_next_step(done)
    out.print_note(f"{said}: {done.title} ({then})")


def _describe_next_step(done: Proposal) -> str:
    """Return what continues the run of a decided proposal."""
    if done.held:
        return WAITS_ELSEWHERE
    if done.notebook.startswith(SCRIPT):
        return "its script continues"
    return f"run {Path(done.notebook).name} again to continue"


def make_doubt_answer(seen: Proposal, happened: str, result: str | None) -> str:
    """Return a person's answer to the question whether a call took effect, as JSON text for the decision.

    Args:
        seen: The proposal with the question.
        happened: The argument of `--happened`: "yes", "no" or "stop".
        result: The argument of `--result`: the result of the call; None if it is not given.
    """
    from hitl_nb.review.doubt_texts import make_answer

    if seen.doubt is None:
        raise typer.BadParameter(f"--happened is for a question whether an effect happened; {seen.title!r} is none")
    return json.dumps(make_answer(happened, result, seen))


def edit_in_editor(ledger: Ledger, proposal: Proposal) -> str:
    """Open the text of the draft, or of the proposal, in the person's editor, and return the edited text.

    Raises:
        HitlError: There is no editor, it failed, or the text was not changed.
    """
    from hitl_nb.kinds.registry import find_kind

    command = VISUAL.read() or EDITOR.read()
    if not command:
        raise HitlError("neither VISUAL nor EDITOR is set; set one, or use --value or --file")
    kind = find_kind(proposal.kind)
    before = kind.format(proposal.value)
    with tempfile.TemporaryDirectory(prefix="hitl-nb-") as folder:
        file = Path(folder, f"{proposal.id}{kind.file_suffix}")
        file.write_text(read_draft_text(ledger, proposal) or before, encoding="utf-8")
        try:
            code = subprocess.run([*shlex.split(command), str(file)], check=False).returncode
        except OSError as e:
            raise HitlError(f"cannot start the editor {command!r}: {e.strerror}") from None
        if code != 0:
            raise HitlError(f"the editor ended with code {code}; nothing was decided")
        after = read_file_text(file)
    if kind.keeps_last_line_end and not before.endswith("\n"):
        after = after.removesuffix("\n")  # editors add a line end at the end of a file
    if after == before:
        raise HitlError("nothing was changed, so nothing was decided; use `hitl-nb approve` to approve it as it is")
    return after


def read_file_text(file: Path) -> str:
    """Return the text of a file, or of the standard input for "-".

    Raises:
        HitlError: The file cannot be read, or is not UTF-8 text.
    """
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise HitlError(f"{file} is not UTF-8 text") from None
    except OSError as e:
        raise HitlError(f"cannot read {file}: {e.strerror}") from None
