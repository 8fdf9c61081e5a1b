"""`hitl-nb inbox` and `hitl-nb show`: what waits, what a policy decided, and one proposal in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from hitl_nb.cli import output as out
from hitl_nb.cli.options import Json, Limit, Store, open_ledger
from hitl_nb.records import Proposal, public_proposal

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.review.progress import Viewer

_PAGE = 200
"""Proposals that are read at once."""

After = Annotated[str | None, typer.Option(metavar="ID", help="Only what is listed after this proposal.")]
Mine = Annotated[bool, typer.Option("--mine", help="Only what you may decide, first what is assigned to you.")]
Passed = Annotated[bool, typer.Option("--passed", help="What a policy passed or blocked, newest first.")]


def add_inbox_commands(app: typer.Typer, proposal_id: Any) -> None:
    """Add the commands to `hitl-nb`; `proposal_id` is the type of its argument for a proposal's id."""

    @app.command()
    def inbox(  # pyright: ignore[reportUnusedFunction]
        limit: Limit = 100,
        after: After = None,
        mine: Mine = False,
        passed: Passed = False,
        json: Json = False,
        store: Store = None,
    ) -> None:
        """What waits for a decision, oldest first; or what a policy decided."""
        if mine and passed:
            raise typer.BadParameter("what a policy decided waits for nobody", param_hint="--mine --passed")
        ledger = open_ledger(store)
        if passed:
            found = _passed(ledger, limit + 1, after)
        else:
            found = _mine(ledger, limit + 1, after) if mine else ledger.inbox(limit=limit + 1, after=after)
        more, found = len(found) > limit, found[:limit]
        if json:
            out.document({"proposals": [told(ledger, p) for p in found]})
        elif passed:
            out.passed(found)
        else:
            out.proposals(found, [described(ledger, p) for p in found])
        if not found and not json:
            out.note(_NOTHING[(mine, passed)])
        if more:
            out.note(f"there is more: --after {found[-1].id}")
        note_unwatched(ledger)

    def show(proposal: str, json: Json = False, store: Store = None) -> None:
        """One proposal in full."""
        ledger = open_ledger(store)
        p = ledger.proposal(proposal)
        if json:
            out.document(told(ledger, p))
        else:
            comments = ledger.comments(p.document or p.id)
            out.proposal(p, draft_text_of(ledger, p), comments, ledger.how_known(p), described(ledger, p))

    show.__annotations__["proposal"] = proposal_id
    app.command()(show)


_NOTHING = {
    (False, False): "nothing waits for a decision",
    (True, False): "nothing waits for you",
    (False, True): "no policy has passed or blocked anything",
}


def told(ledger: Ledger, p: Proposal) -> dict[str, Any]:
    """P, as `--json` prints it."""
    return {**public_proposal(p, ledger.how_known(p)), **msgspec.to_builtins(described(ledger, p))}


def described(ledger: Ledger, p: Proposal) -> dict[str, Any]:
    from hitl_nb.review.progress import describe, people_of, vote_known

    return describe(p, people_of(ledger, p), _viewer(), vote_known(ledger, p))


def _viewer() -> Viewer:
    from hitl_nb.review.decide_from_text import reviewer_name
    from hitl_nb.review.progress import Viewer

    return Viewer(reviewer_name())


def _mine(ledger: Ledger, limit: int, after: str | None) -> list[Proposal]:
    """What this person may decide, those first that are assigned to them; all that waits is looked at."""
    from hitl_nb.review.progress import may, people_of

    me, found = _viewer(), list[Proposal]()
    while page := ledger.inbox(limit=_PAGE, after=found[-1].id if found else None):
        found += page
    own = [p for p in found if may(p, people_of(ledger, p), me)["decide"]]
    own.sort(key=lambda p: p.assignee != me.user)
    last = None if after is None else ledger.proposal(after).id
    start = next((n + 1 for n, p in enumerate(own) if p.id == last), 0)
    return own[start : start + limit]


def _passed(ledger: Ledger, limit: int, after: str | None) -> list[Proposal]:
    found: list[Proposal] = []
    while len(found) < limit and (page := ledger.closed(status="decided", limit=_PAGE, after=after)):
        found += [p for p in page if p.decision is not None and p.decision.by == "policy"]
        after = page[-1].id
    return found[:limit]


def draft_text_of(ledger: Ledger, p: Proposal) -> str | None:
    """What somebody has typed into the open proposal so far, if it differs from what was proposed."""
    from hitl_nb.drafts.document import same
    from hitl_nb.drafts.draft import Draft, draft_text

    draft = Draft.of(ledger.store, p).value() if p.status == "open" else p.value
    return None if same(draft, p.value) else draft_text(p, draft)


def note_unwatched(ledger: Ledger) -> None:
    from hitl_nb.ledger.open.watchers import UNWATCHED

    if ledger.is_unwatched(ledger.now()):
        out.note(UNWATCHED)
