"""`hitl-nb policy`: show the policy that applies, check policy files, and try a changed file on earlier questions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from hitl_nb.cli import output as out
from hitl_nb.cli.options import Json, Store, open_ledger
from hitl_nb.errors import HitlError, PolicyError

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.policies.documents.merged_policy import MergedPolicy, Rule
    from hitl_nb.policies.rules.replay import ReplayResult
    from hitl_nb.records import Proposal

_PAGE_SIZE = 500
_MAX_SHOWN = 20
"""Maximum number of proposals with a changed verdict that are listed. `--json` has all."""

app = typer.Typer(no_args_is_help=True, help="Show, check and try review policies, and apply changed ones.")


@app.command("show")
def show_policy(
    notebook: Annotated[
        Path | None, typer.Argument(help="A notebook, or a folder. Default: the current folder.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Show the policy files that apply to a notebook, and their combined rules."""
    from hitl_nb.review.policy_files.policy_files import find_policy_files, load_policy

    if notebook is not None and not notebook.exists():
        raise HitlError(f"there is no notebook or folder {notebook.absolute()}")
    place = str((notebook or Path.cwd()).absolute())
    files, policy = find_policy_files(place), load_policy(place)
    if json:
        found = [{"path": str(file.path), "organisation": file.organisation} for file in files]
        merged = None if policy is None else msgspec.to_builtins(policy)
        out.print_document({"files": found, "sha256": policy.sha256 if policy else None, "policy": merged})
        return
    if policy is None:
        out.print_note(f"no policy applies to {place}: every checkpoint asks, and anyone who may decide decides alone")
        return
    _print_rules(policy)
    for file in files:
        out.print_note(f"file: {file.path}{' (of HITL_NB_POLICY)' if file.organisation else ''}")
    out.print_note(
        f"where no rule matches: {policy.default}{'; exclusive' if policy.exclusive else ''}; {policy.sha256[:12]}"
    )
    for text in policy.ignored:
        out.print_note(f"does not count, since the policy of HITL_NB_POLICY is exclusive: {text}")


@app.command("check")
def check_files(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Policy files. Default: those that apply to the current folder.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Check policy files for errors, and for rules that probably mean something else.

    A file is checked together with the files that apply to its folder. If it is a changed copy of one of them, with a
    rule of the same id, it replaces that file. Exit code 1: a file has an error.
    """
    from hitl_nb.review.policy_files.policy_files import load_policy, try_policy_file

    found: list[MergedPolicy] = []
    errors: list[str] = []
    for file in files or [None]:
        place = str(Path.cwd() if file is None else file.absolute().parent)
        wrong = _errors_in(place, file)
        if not wrong:
            policy = load_policy(place) if file is None else try_policy_file(place, file)[0]
            found += [policy] if policy else []
        errors += [one for one in wrong if one not in errors]
    warnings = list(dict.fromkeys(text for policy in found for text in _iterate_warnings(policy)))
    if json:
        out.print_document({"errors": errors, "warnings": warnings})
    else:
        out.print_table(
            ("", "what"), [*(("error", text) for text in errors), *(("warning", text) for text in warnings)]
        )
        if not errors:
            rules = len({(rule.source, rule.id) for policy in found for rule in policy.rules})
            out.print_note(f"no errors: {rules} rules" if found else "no policy file applies here")
    if errors:
        raise typer.Exit(1)


@app.command("test")
def replay_past(
    file: Annotated[Path, typer.Argument(metavar="NEW.toml", help="The changed policy file.", show_default=False)],
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only questions that are at most this old: 30d, 12h.")
    ] = None,
    json: Json = False,
    store: Store = None,
) -> None:
    """Show what a changed policy file would have said about all earlier questions.

    The recorded facts are used; no code runs. Each proposal is judged by the files that apply to its notebook. Files
    that have a rule of the same id as NEW.toml are replaced by it.

    Exit code 1: the file has an error, or would refuse a checkpoint.
    """
    from hitl_nb.policies.rules.replay import count_unknown, count_verdicts

    oldest = _time_before(since)
    found = _replay_all(open_ledger(store), file, oldest)
    verdicts, unknown = count_verdicts(found), count_unknown(found)
    if json:
        out.print_document(_test_document(found))
    else:
        _print_verdicts(verdicts)
        changed = [one for one in found if one.old != one.new]
        rows = [
            (one.proposal.id, one.proposal.title, one.proposal.agent, one.old, one.new, "; ".join(one.why))
            for one in changed[:_MAX_SHOWN]
        ]
        if rows:
            out.print_table(("id", "title", "agent", "then", "now", "why"), rows, named=True)
        if len(changed) > _MAX_SHOWN:
            out.print_note(f"... and {len(changed) - _MAX_SHOWN} more with another verdict; --json has all")
        for name, count in unknown.items():
            out.print_note(f"rule {name} could not be decided for {count} of {len(found)}")
        if not found:
            out.print_note("nothing was asked in that time" if since else "nothing was asked yet")
    if any(one.new == "error" for one in found):
        raise typer.Exit(1)


@app.command("apply")
def renew_open_terms(json: Json = False, store: Store = None) -> None:
    """Put open proposals under the current policy files: who decides them, and until when.

    Votes of people who may no longer decide are dropped. If the remaining votes are enough, they decide. Nothing else
    is decided.
    """
    from hitl_nb.review.decide_from_text import reviewer_name
    from hitl_nb.review.policy_files.renewal import renew_all

    found = list(renew_all(open_ledger(store), actor=reviewer_name()))
    if json:
        told = [{"id": one.proposal.id, "outcome": one.outcome, "why": one.why} for one in found]
        out.print_document({"proposals": told})
        return
    changed = [one for one in found if one.outcome != "same"]
    rows = ((one.proposal.id, one.proposal.title, one.outcome, one.why) for one in changed)
    if changed:
        out.print_table(("id", "title", "", "why"), rows)
    renewed = sum(one.outcome in ("renewed", "decided") for one in found)
    out.print_note(f"the terms of {renewed} of {len(found)} open proposals with terms have changed")


def _errors_in(place: str, tried: Path | None) -> list[str]:
    """List all errors in the policy files that apply to a folder, as texts.

    Args:
        place: The folder.
        tried: A further file that is checked together with the others. None: no further file.
    """
    from hitl_nb.review.policy_files.policy_files import (
        PolicyFile,
        find_errors_together,
        find_file_errors,
        find_policy_files,
    )

    looked_at = find_policy_files(place)
    path = None if tried is None else Path(os.path.expanduser(tried)).absolute()  # noqa: PTH111 - unlike Path.expanduser, it accepts unknown users
    if path is not None and all(one.path != path for one in looked_at):
        looked_at.append(PolicyFile(path, organisation=True))
    wrong = [error for file in looked_at for error in find_file_errors(file)]
    return [str(error) for error in wrong or find_errors_together(place, tried)]


def _print_rules(policy: MergedPolicy) -> None:
    out.print_table(
        ("id", "verdict", "applies to", "when", "terms", "file"),
        [(rule.id, rule.do, _format_scope(rule), rule.when, _format_terms(rule), rule.source) for rule in policy.rules],
    )


def _format_scope(rule: Rule) -> str:
    from hitl_nb.policies.documents.documents import SCOPES

    return ", ".join(f"{name} {getattr(rule, name)}" for name in SCOPES if getattr(rule, name) is not None)


def _format_terms(rule: Rule) -> str:
    said = [need.text for need in rule.needs] + [step.text for step in rule.timeline]
    said += [name.replace("_", " ") for name in ("four_eyes", "blind") if getattr(rule, name)]
    said += [f"{name} {getattr(rule, name):g}s" for name in ("fresh", "undo") if getattr(rule, name) is not None]
    said += [f"batch {rule.batch}"] if rule.batch is not None else []
    said += [f"allow {' '.join(rule.allow)}"] if rule.allow is not None else []
    return ", ".join(said)


def _iterate_warnings(policy: MergedPolicy) -> Iterator[str]:
    from hitl_nb.policies.documents.conditions import compile_condition

    for rule in policy.rules:
        read = sorted(compile_condition(rule.when).names & {"value", "arguments"}) if rule.when else []
        if read and not _format_scope(rule):
            what = "also matches" if rule.do == "pass" else "asks about"
            yield (
                f"{rule.source}, rule {rule.id}: it reads {' and '.join(read)} without a scope, so it {what} every "
                "other kind of question that has this or where it is unknown; add tool, kind, title, agent or notebook"
            )
    for text in policy.ignored:
        yield f"{text} does not count, since the policy of HITL_NB_POLICY is exclusive"


def _time_before(since: str | None) -> datetime | None:
    from hitl_nb.policies.documents.grammar import parse_duration
    from hitl_nb.records import now

    if since is None:
        return None
    try:
        return now() - timedelta(seconds=parse_duration(since)[0])
    except PolicyError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None


def _replay_all(ledger: Ledger, file: Path, oldest: datetime | None) -> list[ReplayResult]:
    """Apply a changed policy file to all earlier proposals. Return the results, the newest proposal first.

    Args:
        ledger: The ledger.
        file: The changed file.
        oldest: Proposals created before this time are skipped. None: all proposals.
    """
    from hitl_nb.policies.rules.replay import replay_proposal
    from hitl_nb.review.policy_files.policy_files import try_policy_file

    by_notebook: dict[str, MergedPolicy] = {}
    try_policy_file(str(file.absolute().parent), file)  # an invalid file is an error even if there is no proposal
    found: list[ReplayResult] = []
    for proposal in _all_proposals(ledger):
        if oldest is not None and proposal.created_at < oldest:
            continue
        if proposal.notebook not in by_notebook:
            by_notebook[proposal.notebook] = try_policy_file(proposal.notebook, file)[0]
        found.append(replay_proposal(by_notebook[proposal.notebook], proposal))
    return sorted(found, key=lambda one: one.proposal.created_at, reverse=True)


def _all_proposals(ledger: Ledger) -> Iterator[Proposal]:
    for read in (ledger.proposals.list_open, ledger.proposals.list_closed):
        after: str | None = None
        while page := read(limit=_PAGE_SIZE, after=after):
            yield from page
            after = page[-1].id


def _print_verdicts(verdicts: dict[Any, int]) -> None:
    """Print a table of counts, with old verdicts as rows and new verdicts as columns."""
    from hitl_nb.policies.rules.replay import REPLAY_OUTCOMES

    olds = [old for old in REPLAY_OUTCOMES if any(old == o for o, _ in verdicts)]
    rows: list[Sequence[object]] = [(old, *(verdicts.get((old, new), 0) for new in REPLAY_OUTCOMES)) for old in olds]
    out.print_table(("then \\ now", *REPLAY_OUTCOMES), rows, named=True)


def _test_document(found: Sequence[ReplayResult]) -> dict[str, Any]:
    from hitl_nb.policies.rules.replay import count_unknown, count_verdicts

    table: dict[str, dict[str, int]] = {}
    for (old, new), count in count_verdicts(found).items():
        table.setdefault(old, {})[new] = count
    changed = [
        {
            "id": one.proposal.id,
            "title": one.proposal.title,
            "agent": one.proposal.agent,
            "old": one.old,
            "new": one.new,
            "rules": list(one.rules),
            "why": list(one.why),
        }
        for one in found
        if one.old != one.new
    ]
    return {"proposals": len(found), "verdicts": table, "unknown": count_unknown(found), "changed": changed}
