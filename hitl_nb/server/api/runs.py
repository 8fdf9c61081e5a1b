"""The calls about runs and the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from hitl_nb.errors import HitlError, RunClaimed
from hitl_nb.records import SCRIPT
from hitl_nb.review.timeline import timeline as entries_of
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import Log, WhichRuns
from hitl_nb.structs import prepare_structs

PAGE = 1000
"""Events that an export reads at once."""


def runs(asked: Asked) -> dict[str, Any]:
    wanted: WhichRuns = asked.query
    if wanted.orphaned:
        return _orphans(asked, wanted)
    found = asked.ledger.runs(
        notebook=wanted.notebook,
        agent=wanted.agent,
        status=wanted.status,
        limit=wanted.limit,
        before=wanted.cursor,
    )
    return {
        "runs": [answers.run(asked.desk, r) for r in found],
        "next": found[-1].id if len(found) == wanted.limit else None,
    }


def _orphans(asked: Asked, wanted: WhichRuns) -> dict[str, Any]:
    """The runs whose notebook is gone; all of them are looked at, whatever the page."""
    found = asked.ledger.orphans(lambda path: Path(path).exists())
    after = next((i + 1 for i, r in enumerate(found) if r.id == wanted.cursor), 0)
    chosen = [
        r
        for r in found[after:]
        if wanted.notebook in (None, r.notebook)
        and wanted.agent in (None, r.agent)
        and wanted.status in (None, r.status)
    ]
    page = chosen[: wanted.limit]
    return {
        "runs": [{**answers.run(asked.desk, r), "orphaned": True} for r in page],
        "next": page[-1].id if len(chosen) > len(page) else None,
    }


def run(asked: Asked) -> dict[str, Any]:
    r = asked.ledger.run(asked.id)
    found = asked.ledger.proposals(r.id, r.pauses) if r.pauses else []
    audience = Audience.of(asked)
    return {
        "run": answers.run(asked.desk, r),
        "proposals": [answers.summary(asked.desk, asked.ledger, p, audience) for p in found],
    }


def timeline(asked: Asked) -> dict[str, Any]:
    r = asked.ledger.run(asked.id)
    return {"run": answers.run(asked.desk, r), "entries": msgspec.to_builtins(entries_of(asked.ledger, r.id))}


def resume(asked: Asked) -> dict[str, Any]:
    """Grant one browser the right to go on with a run."""
    r = asked.ledger.run(asked.id)
    if r.notebook.startswith(SCRIPT):
        raise HitlError(f"run {r.id} ({r.agent}) is a script's, which goes on by itself; if it has ended, run it again")
    if r.status not in ("ready", "failed"):
        raise HitlError(f"run {r.id} ({r.agent}) is {r.status}; only one that is ready or failed can go on")
    holder = asked.desk.grants.take(r.id, r.pauses, asked.body.browser)
    if holder != asked.body.browser:
        raise RunClaimed(f"another browser window goes on with run {r.id} ({r.agent})", owner=holder)
    if asked.who.authn == "login":  # other names are made up by the server and name nobody
        asked.ledger.add_requester(r.id, asked.who.username)
    return {"granted": True, "run": answers.run(asked.desk, r)}


def run_headless(asked: Asked) -> dict[str, Any]:
    """Run a decided agent's notebook on the server, if it is configured to."""
    r = asked.ledger.run(asked.id)
    if not asked.desk.settings.headless and not r.notebook.startswith(SCRIPT):
        raise HitlError(
            "this server is not configured to run notebooks by itself (c.HitlNb.headless = True); open the notebook, "
            f"or run: hitl-nb run {r.notebook}"
        )
    granted = resume(asked)
    asked.desk.headless.start(r.id, r.notebook)
    return granted


def cancel(asked: Asked) -> dict[str, Any]:
    return {"run": answers.run(asked.desk, asked.ledger.cancel(asked.id, actor=asked.who.username))}


def adopt(asked: Asked) -> dict[str, Any]:
    notebook = asked.desk.notebook(asked.body.path)
    if not notebook.endswith(".ipynb") or not Path(notebook).is_file():
        raise HitlError(f"there is no notebook {asked.body.path}")
    return {"run": answers.run(asked.desk, asked.ledger.adopt(asked.id, notebook, actor=asked.who.username))}


def forget(asked: Asked) -> dict[str, Any]:
    """Remove all generations of the run's agent and key, in its notebook or script."""
    r = asked.ledger.run(asked.id)
    actor = asked.who.username
    return {"forgotten": asked.ledger.forget(agent=r.agent, notebook=r.notebook, key=r.key, actor=actor)}


def events(asked: Asked) -> dict[str, Any]:
    wanted: Log = asked.query
    found = asked.ledger.events(after=wanted.after, limit=wanted.limit)
    return {"events": msgspec.to_builtins(found), "next": found[-1].n if len(found) == wanted.limit else None}


def export(asked: Asked) -> tuple[bytes, int | None]:
    """One page of the log, an event's exact bytes a line, and what the next page comes after; None for the end."""
    after = asked.query.after
    found = asked.ledger.raw_events(after=after, limit=PAGE)
    lines = b"".join(raw + b"\n" for raw in found)
    return lines, _number(found[-1], after + PAGE) if len(found) == PAGE else None


class _Numbered(msgspec.Struct):
    n: int


def _number(raw: bytes, default: int) -> int:
    """The number an event says it has; `default` for a damaged one, since it is exported as it is."""
    try:
        return max(msgspec.json.decode(raw, type=_Numbered).n, default)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return default


def verify(asked: Asked) -> dict[str, Any]:
    return msgspec.to_builtins(asked.ledger.verify())


prepare_structs(globals())
