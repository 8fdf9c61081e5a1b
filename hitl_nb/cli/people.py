"""`hitl-nb undo`, `flag` and `away`: take a vote back, say that one was wrong, and name a deputy while away."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from hitl_nb.cli import output as out
from hitl_nb.cli.options import Json, Store, open_ledger

_TIME_HELP = "A date (its midnight), or a date and a time: 2026-01-05, 2026-01-05T09:00, 2026-01-05T09:00+01:00."
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help=f"Start. Default: now. {_TIME_HELP}")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Until when.")]
To = Annotated[str | None, typer.Option(metavar="USER", help="User who votes in your place. Default: nobody.")]
FlagReason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="A description of the mistake; it is kept in the log.")
]
Back = Annotated[bool, typer.Option("--back", help="You are not away, neither now nor later.")]


def add_people_commands(app: typer.Typer, proposal_id: Any) -> None:
    """Add the commands `undo`, `flag` and `away` to the application.

    Args:
        app: The application.
        proposal_id: Type of the argument for a proposal's id.
    """

    def undo(proposal: str, store: Store = None) -> None:
        """Take your vote back, while other votes are needed, or as long as the policy allows it."""
        from hitl_nb.review.decide_from_text import reviewer_name

        done = open_ledger(store).proposals.undo_approval(proposal, reviewer=reviewer_name())
        out.print_note(f"taken back: {done.proposal.title}; it waits for a decision again")

    undo.__annotations__["proposal"] = proposal_id
    app.command()(undo)

    def flag(proposal: str, reason: FlagReason, store: Store = None) -> None:
        """Say that what was approved was wrong. The decision and its run stay as they are; the log keeps it."""
        from hitl_nb.review.decide_from_text import reviewer_name

        if not reason.strip():
            raise typer.BadParameter("say what was wrong", param_hint="--reason")
        done = open_ledger(store).proposals.flag_outcome(proposal, reason=reason, reviewer=reviewer_name())
        out.print_note(f"marked as wrong: {done.title}")

    flag.__annotations__["proposal"] = proposal_id
    app.command()(flag)

    @app.command()
    def away(
        start: From = None,
        until: Until = None,
        to: To = None,
        back: Back = False,
        json: Json = False,
        store: Store = None,
    ) -> None:
        """Say until when you are away and who votes in your place. Without options: show your current entry."""
        from hitl_nb.review.decide_from_text import reviewer_name

        if back and (start or until or to):
            raise typer.BadParameter("--back cannot be combined with another option", param_hint="--back")
        if until is None and (start or to):
            raise typer.BadParameter("say until when you are away", param_hint="--until")
        ledger, user = open_ledger(store), reviewer_name()
        if back or until is not None:
            try:
                ledger.reviewers.set_away(user, _parse_time(start), _parse_time(until), to)
            except ValueError as wrong:
                raise typer.BadParameter(str(wrong)) from None
        said = ledger.reviewers.find_absence(user)
        if json:
            known = None if said is None else {"from": said.start, "until": said.until, "to": said.to}
            out.print_document(msgspec.to_builtins({"user": user, "away": known}))
        elif said is None:
            out.print_note(f"{user} is not away")
        else:
            deputy = f"{said.to} votes in their place" if said.to else "nobody votes in their place"
            out.print_note(
                f"{user} is away from {out.format_time(said.start)} to {out.format_time(said.until)}; {deputy}"
            )


def _parse_time(text: str | None) -> datetime | None:
    """Parse a date or time that a person typed. Without a time zone, this machine's time zone is used. None for None.

    Raises:
        ValueError: The text is not a date or time.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time; write 2026-01-05, 2026-01-05T09:00 or 2026-01-05T09:00+01:00") from None
