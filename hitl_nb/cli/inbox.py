"""`hitl-nb inbox` and `hitl-nb show`: open proposals, decisions of policies, and one proposal in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from hitl_nb.cli import output as out
from hitl_nb.cli.options import Json, Limit, Store, open_ledger
from hitl_nb.evidence.json_blocks import list_blocks
from hitl_nb.records import Proposal, proposal_json

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.review.progress import Viewer

_PAGE_SIZE = 200
"""Number of proposals that are read together."""

After = Annotated[str | None, typer.Option(metavar="ID", help="Only proposals that are listed after this one.")]
Mine = Annotated[bool, typer.Option("--mine", help="Only proposals that you may decide, those assigned to you first.")]
Passed = Annotated[bool, typer.Option("--passed", help="Proposals that a policy passed or blocked, newest first.")]


def add_inbox_commands(app: typer.Typer, proposal_id: Any) -> None:
    """Add the commands `inbox` and `show` to the application.

    Args:
        app: The application.
        proposal_id: Type of the argument for a proposal's id.
    """

    @app.command()
    def inbox(
        limit: Limit = 100,
        after: After = None,
        mine: Mine = False,
        passed: Passed = False,
        json: Json = False,
        store: Store = None,
    ) -> None:
        """List the proposals that wait for a decision, oldest first; or the decisions of policies."""
        if mine and passed:
            raise typer.BadParameter(
                "use one of them: decisions of a policy wait for nobody", param_hint="--mine --passed"
            )
        ledger = open_ledger(store)
        if passed:
            found = _list_passed(ledger, limit + 1, after)
        else:
            found = (
                _list_mine(ledger, limit + 1, after)
                if mine
                else ledger.proposals.list_open(limit=limit + 1, after=after)
            )
        more, found = len(found) > limit, found[:limit]
        if json:
            out.print_document({"proposals": [full_proposal_json(ledger, proposal) for proposal in found]})
        elif passed:
            out.print_passed(found)
        else:
            out.print_proposals(found, [describe_progress_of(ledger, proposal) for proposal in found])
        if not found and not json:
            out.print_note(_EMPTY_MESSAGES[(mine, passed)])
        if more:
            out.print_note(f"there is more: --after {found[-1].id}")
        note_unwatched(ledger)

    def show(proposal: str, json: Json = False, store: Store = None) -> None:
        """Show one proposal in full."""
        ledger = open_ledger(store)
        p = ledger.proposals.load(proposal)
        if json:
            out.print_document(full_proposal_json(ledger, p))
        else:
            comments = ledger.comments.list_on_document(p.document or p.id)
            out.print_proposal(
                p, read_draft_text(ledger, p), comments, ledger.reviewers.identify(p), describe_progress_of(ledger, p)
            )

    show.__annotations__["proposal"] = proposal_id
    app.command()(show)


_EMPTY_MESSAGES = {
    (False, False): "nothing waits for a decision",
    (True, False): "nothing waits for you",
    (False, True): "no policy has passed or blocked anything",
}


def full_proposal_json(ledger: Ledger, proposal: Proposal) -> dict[str, Any]:
    """Return the JSON document of a proposal, as `--json` prints it."""
    return {
        **proposal_json(proposal, ledger.reviewers.identify(proposal)),
        "evidence": msgspec.to_builtins(list_blocks(proposal)),
        **msgspec.to_builtins(describe_progress_of(ledger, proposal)),
    }


def describe_progress_of(ledger: Ledger, proposal: Proposal) -> dict[str, Any]:
    """Return why people are asked about a proposal, which votes it needs and has, and its next deadline.

    The dictionary is that of `review.progress.describe_progress`, for the user who runs this command.
    """
    from hitl_nb.review.progress import describe_progress, load_current_people, voter_identities

    return describe_progress(
        proposal, load_current_people(ledger, proposal), _current_viewer(), voter_identities(ledger, proposal)
    )


def _current_viewer() -> Viewer:
    from hitl_nb.review.decide_from_text import reviewer_name
    from hitl_nb.review.progress import Viewer

    return Viewer(reviewer_name())


def _list_mine(ledger: Ledger, limit: int, after: str | None) -> list[Proposal]:
    """List the proposals that this person may decide. Those assigned to this person come first.

    All open proposals are read.

    Args:
        ledger: The ledger.
        limit: Maximum number of proposals to return.
        after: Id of the last proposal of the previous page; None: the first page.
    """
    from hitl_nb.review.progress import load_current_people, may_decide

    me, found = _current_viewer(), list[Proposal]()
    while page := ledger.proposals.list_open(limit=_PAGE_SIZE, after=found[-1].id if found else None):
        found += page
    own = [proposal for proposal in found if may_decide(proposal, load_current_people(ledger, proposal), me)]
    own.sort(key=lambda p: p.assignee != me.user)
    last = None if after is None else ledger.proposals.load(after).id
    start = next((n + 1 for n, proposal in enumerate(own) if proposal.id == last), 0)
    return own[start : start + limit]


def _list_passed(ledger: Ledger, limit: int, after: str | None) -> list[Proposal]:
    found: list[Proposal] = []
    while len(found) < limit and (
        page := ledger.proposals.list_closed(status="decided", limit=_PAGE_SIZE, after=after)
    ):
        found += [proposal for proposal in page if proposal.decision is not None and proposal.decision.by == "policy"]
        after = page[-1].id
    return found[:limit]


def read_draft_text(ledger: Ledger, proposal: Proposal) -> str | None:
    """Return the text of the open proposal's draft; None if it equals the proposed value."""
    from hitl_nb.drafts.document import are_equal
    from hitl_nb.drafts.draft import Draft, format_draft

    draft = Draft.for_proposal(ledger.store, proposal).read_value() if proposal.status == "open" else proposal.value
    return None if are_equal(draft, proposal.value) else format_draft(proposal, draft)


def note_unwatched(ledger: Ledger) -> None:
    """Print a note if open proposals have deadlines and no process watches them."""
    from hitl_nb.ledger.open.watchers import UNWATCHED_MESSAGE

    if ledger.watchers.are_missing(ledger.now()):
        out.print_note(UNWATCHED_MESSAGE)
