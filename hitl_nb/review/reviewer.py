"""Decisions written down beforehand answer checkpoints in tests and CI, where nobody looks.

The environment variable `HITL_NB_REVIEWER` (`script:FILE`) names the decisions file that answers, so that kernels and
worker processes inherit it. The agent really pauses, and each decision is recorded in the store like any other, so
after a crash the entries that were used are known from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import msgspec

from hitl_nb.errors import HitlError, InvalidEdit, Unanswered
from hitl_nb.records import Action, Proposal, Run, Workspace
from hitl_nb.review.decision_file import (
    VERSION,
    DecisionFile,
    Entry,
    format_entry,
    matches_pattern,
    read_file,
)
from hitl_nb.review.decision_recording import decided_proposals
from hitl_nb.review.hands import Hands
from hitl_nb.store.ledger import Ledger
from hitl_nb.values import check_edit

ENVIRONMENT = "HITL_NB_REVIEWER"

_RunName = tuple[int, str, str, str]
"""What identifies a run across its generations: ledger, notebook, agent, key."""


class DecisionFileReviewer:
    """Answers proposals with the entries of one decisions file, and knows which of them are used.

    An entry answers one proposal: the first unused one whose agent and title match. For a run that was started afresh,
    the entries that an older generation used are free again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        found = read_file(path) if path.exists() else DecisionFile()
        self.entries = found.decisions
        self._hands = found.writing
        self._used: dict[_RunName, tuple[str, list[int]]] = {}
        self._recalled: set[tuple[int, str]] = set()

    @property
    def unused(self) -> list[Entry]:
        """The entries that have answered nothing so far."""
        used = {i for _, taken in self._used.values() for i in taken}
        return [entry for i, entry in enumerate(self.entries) if i not in used]

    def answer(self, ledger: Ledger, proposals: Sequence[Proposal]) -> None:
        """Decide the open proposals of one pause; all of them, or none.

        Raises:
            Unanswered: there is no entry for one of them; the message has the entry to add.
            HitlError: an entry does not fit its proposal.
        """
        waiting = [p for p in proposals if p.status == "open"]
        if not waiting:
            return
        run = ledger.run(waiting[0].run)
        self._recall(ledger, run.notebook)
        taken = self._taken(ledger, run)
        kept = len(taken)
        try:
            values = [self._value(p, self._take(taken, p)) for p in waiting]
        except HitlError:
            del taken[kept:]
            raise
        for p, i, value in zip(waiting, taken[kept:], values, strict=True):
            ledger.decide(
                p.id,
                cast(Action, self.entries[i].action),
                value=value,
                reason=self.entries[i].reason,
                reviewer=self.path.name,
                by="script",
                fingerprint=p.fingerprint,
                revision=p.revision,
            )

    def write_along(
        self, ledger: Ledger, workspace: Workspace, *, epoch: int, check: Callable[[], None], at_end: bool = False
    ) -> None:
        """Let the script's people do what they have to in a workspace that the agent has just written into.

        Args:
            epoch, check: those of the run's claim (see `Writing`).
            at_end: the agent asks whether it is done, so nobody may still wait for something.

        Raises HitlError for an entry that cannot be done, or that waits in vain.
        """
        hands = [
            (number, hand)
            for number, hand in enumerate(self._hands)
            if matches_pattern(hand.agent, workspace.agent) and matches_pattern(hand.title, workspace.title)
        ]
        waiting = Hands(ledger, workspace, self.path.name, hands, epoch=epoch, check=check).play() if hands else []
        if waiting and at_end:
            raise HitlError(
                f"{self.path.name}: writing[{waiting[0]}] waits for {self._hands[waiting[0]].after!r}, and the agent "
                f"asks whether {workspace.title!r} is done without having written that"
            )

    def _taken(self, ledger: Ledger, run: Run) -> list[int]:
        """The entries that answered this run, by number."""
        name = (id(ledger), run.notebook, run.agent, run.key)
        if name not in self._used or self._used[name][0] != run.id:
            self._used[name] = (run.id, [])
        return self._used[name][1]

    def _take(self, taken: list[int], p: Proposal, action: Action | None = None) -> Entry:
        used = {i for _, numbers in self._used.values() for i in numbers}
        for i, entry in enumerate(self.entries):
            if i not in used and entry.matches(p) and action in (None, entry.action):
                taken.append(i)
                return entry
        raise Unanswered(missing_entry(p, self.path))

    def _value(self, p: Proposal, entry: Entry) -> Any:
        if entry.action not in p.allow:
            raise HitlError(
                f"{self.path.name} answers {p.title!r} with {entry.action!r}, and it allows {', '.join(p.allow)}"
            )
        if entry.action != "edit":
            return None if entry.value is msgspec.UNSET else entry.value
        try:
            return check_edit(p, entry.value)
        except InvalidEdit as error:
            raise HitlError(f"{self.path.name}: the entry for {p.title!r} cannot be used: {error}") from None

    def _recall(self, ledger: Ledger, notebook: str) -> None:
        """Know the entries that this script used before, in a process that is gone."""
        if (id(ledger), notebook) in self._recalled:
            return
        self._recalled.add((id(ledger), notebook))
        for run, found in decided_proposals(ledger, notebook):
            for p in found:
                if p.decision is not None and p.decision.by == "script" and p.decision.reviewer == self.path.name:
                    with suppress(Unanswered):  # the file was changed since
                        self._take(self._taken(ledger, run), p, p.decision.action)


def reviewer_from_environment() -> DecisionFileReviewer | None:
    """The reviewer that answers in this process, or None if people do. Raises HitlError if its file is unusable."""
    named = os.environ.get(ENVIRONMENT)
    if not named:
        return None
    kind, _, path = named.partition(":")
    if kind != "script" or not path:
        raise HitlError(f"{ENVIRONMENT} must be script:FILE, with a file as in NAME.decisions.json, not {named!r}")
    file = Path(path).absolute()
    return _open_reviewer(file, file.stat().st_mtime_ns if file.exists() else 0)


def unanswered_pause(proposal: Proposal) -> Unanswered:
    """The error of a pause in a test run that has no decisions file at all."""
    return Unanswered(
        f"the agent {proposal.agent!r} waits for a decision on {proposal.title!r}, and in a test run there is nobody "
        f"to decide it; run it with `pytest --nbval`, or set {ENVIRONMENT}=script:NAME.decisions.json"
    )


@lru_cache(maxsize=16)
def _open_reviewer(path: Path, changed: int) -> DecisionFileReviewer:
    return DecisionFileReviewer(path)


def missing_entry(p: Proposal, path: Path) -> str:
    """What to say where no entry answers a proposal: the entry to add."""
    action = p.allow[0]
    entry = Entry(agent=p.agent, title=p.title, action=action, value="..." if action == "respond" else msgspec.UNSET)
    if action == "edit":
        entry = msgspec.structs.replace(entry, value=p.value)
    line = format_entry(entry)
    where = f"add to {path.name}" if path.exists() else f"write {path.name} beside the notebook"
    document = line if path.exists() else f'{{"version": {VERSION}, "decisions": [{line}]}}'
    others = ", ".join(f'"{other}"' for other in p.allow[1:])
    return (
        f"the agent {p.agent!r} waits for a decision on {p.title!r}, and there is no entry for it; {where}:\n"
        f"  {document}\n"
        + (f'(or another action: {others}; "edit" and "respond" take a "value")\n' if others else "")
        + "or decide it in JupyterLab and write the file with `hitl-nb record`"
    )
