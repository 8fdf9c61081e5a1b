"""Decisions written down beforehand: what answers checkpoints in tests and CI, where nobody looks.

A script is a file, `NAME.decisions.json` beside `NAME.ipynb`, and the environment variable `HITL_NB_REVIEWER`
(`script:FILE`) names the one that answers, so that kernels and worker processes inherit it:

    {"version": 1, "decisions": [{"agent": "refunds", "title": "Order *", "action": "edit", "value": "Dear ..."}]}

Each entry answers one proposal: the first unused one whose agent and title match. The agent really pauses, and what
was decided stands in the store like any other decision; so after a crash the entries used are known from there.
"writing", beside "decisions", is what people do in workspaces meanwhile (`hands.py`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from hitl_nb.errors import HitlError, InvalidEdit, Unanswered
from hitl_nb.records import Action, Proposal, Run, Workspace
from hitl_nb.review.hands import Hand, Hands
from hitl_nb.store.ledger import Ledger
from hitl_nb.values import check_edit

from .. import jsontext as json

ENVIRONMENT = "HITL_NB_REVIEWER"
VERSION = 1

_Name = tuple[int, str, str, str]
"""What identifies a run across its generations: ledger, notebook, agent, key."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One decision of a script.

    Attributes:
        agent, title: which proposals it answers; `*` stands for any characters.
        action: "approve", "edit", "reject" or "respond".
        value: for "edit" the edited value as JSON, for "respond" the message.
        reason: kept with the decision.
    """

    agent: str = "*"
    title: str = "*"
    action: Action
    value: Any = msgspec.UNSET
    reason: str | None = None

    def matches(self, proposal: Proposal) -> bool:
        return _matches(self.agent, proposal.agent) and _matches(self.title, proposal.title)


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1]
    decisions: list[Entry] = []
    writing: list[Hand] = []


class Script:
    """The entries of one file, and which of them are used.

    A run that was started anew is answered anew: what an older generation used is free again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        found = read(path) if path.exists() else Lines([], [])
        self.entries = found.decisions
        self._hands = found.writing
        self._used: dict[_Name, tuple[str, list[int]]] = {}
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
                self.entries[i].action,
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
            if _matches(hand.agent, workspace.agent) and _matches(hand.title, workspace.title)
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
        raise Unanswered(_missing(p, self.path))

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
        for run, found in decided(ledger, notebook):
            for p in found:
                if p.decision is not None and p.decision.by == "script" and p.decision.reviewer == self.path.name:
                    with suppress(Unanswered):  # the file was changed since
                        self._take(self._taken(ledger, run), p, p.decision.action)


def current() -> Script | None:
    """The script that answers in this process, or None if people do. Raises HitlError if it cannot be read."""
    named = os.environ.get(ENVIRONMENT)
    if not named:
        return None
    kind, _, path = named.partition(":")
    if kind != "script" or not path:
        raise HitlError(f"{ENVIRONMENT} must be script:FILE, with a file as in NAME.decisions.json, not {named!r}")
    file = Path(path).absolute()
    return _script(file, file.stat().st_mtime_ns if file.exists() else 0)


@lru_cache(maxsize=16)
def _script(path: Path, changed: int) -> Script:
    return Script(path)


@dataclass(frozen=True)
class Lines:
    """What a script's file has."""

    decisions: list[Entry]
    writing: list[Hand]


def read(path: Path) -> Lines:
    """The entries of a script file. Raises HitlError that says what is wrong with it."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise HitlError(f"cannot read {path}: {error.strerror}") from None
    return parse(raw, path.name)


def parse(raw: bytes, name: str) -> Lines:
    """The entries of a script's JSON; `name` is for messages. Raises HitlError."""
    try:
        found = msgspec.json.decode(raw, type=_Document)
    except msgspec.DecodeError as error:
        raise HitlError(
            f'{name} is no script of decisions: {error}; expected is {{"version": {VERSION}, "decisions": '
            '[{"agent": ..., "title": ..., "action": ..., "value": ..., "reason": ...}, ...]}'
        ) from None
    for number, entry in enumerate(found.decisions):
        if wrong := _wrong(entry):
            raise HitlError(f"{name}: decisions[{number}] {wrong}")
    for number, hand in enumerate(found.writing):
        if wrong := hand.wrong():
            raise HitlError(f"{name}: writing[{number}] {wrong}")
    return Lines(found.decisions, found.writing)


def written(entries: Iterable[Entry], writing: Iterable[Hand] = ()) -> str:
    """The text of a script file with these entries, one a line where they are short."""
    hands = _listed(writing)
    before = f'"writing": [\n  {hands}\n], ' if hands else ""
    return f'{{"version": {VERSION}, {before}"decisions": [\n  {_listed(entries)}\n]}}\n'


def _listed(entries: Iterable[Entry | Hand]) -> str:
    return ",\n  ".join(json.dumps(msgspec.to_builtins(e), ensure_ascii=False) for e in entries)


def recorded(ledger: Ledger, notebook: str) -> list[Entry]:
    """What was decided on a notebook's newest runs, as the entries that decide it again."""
    found = [p for _, proposals in decided(ledger, notebook) for p in proposals]
    return [
        Entry(
            agent=p.agent,
            title=p.title,
            action=_again(p),
            value=_text(p) if _again(p) in ("edit", "respond") else msgspec.UNSET,
            reason=p.decision.reason,
        )
        for p in sorted(found, key=lambda p: (p.created_at, p.ordinal))
        if p.decision is not None and p.decision.by in ("person", "script") and not asks_about_crash(p)
    ]


def decided(ledger: Ledger, notebook: str) -> list[tuple[Run, list[Proposal]]]:
    """The newest run of each agent and key of a notebook, oldest first, with what was decided in it."""
    newest: dict[tuple[str, str], Run] = {}
    before: str | None = None
    while page := ledger.runs(notebook=notebook, before=before):
        before = page[-1].id
        for run in page:
            newest.setdefault((run.agent, run.key), run)
    return [(r, [p for p in ledger.proposals(r.id) if p.status == "decided"]) for r in reversed(newest.values())]


def _again(p: Proposal) -> Action:
    """What decides it again. In a workspace people wrote before they decided, so it is the text that counts."""
    assert p.decision is not None
    return "edit" if p.document and p.decision.action == "approve" and "edit" in p.allow else p.decision.action


def _text(p: Proposal) -> Any:
    assert p.decision is not None
    return p.value if p.decision.action == "approve" else p.decision.value


def asks_about_crash(p: Proposal) -> bool:
    """Whether it asks what came of a step whose process died: a question that another run does not have."""
    return p.doubt is not None


def _missing(p: Proposal, path: Path) -> str:
    action = p.allow[0]
    entry = Entry(agent=p.agent, title=p.title, action=action, value="..." if action == "respond" else msgspec.UNSET)
    if action == "edit":
        entry = msgspec.structs.replace(entry, value=p.value)
    line = json.dumps(msgspec.to_builtins(entry), ensure_ascii=False)
    where = f"add to {path.name}" if path.exists() else f"write {path.name} beside the notebook"
    document = line if path.exists() else f'{{"version": {VERSION}, "decisions": [{line}]}}'
    others = ", ".join(f'"{other}"' for other in p.allow[1:])
    return (
        f"the agent {p.agent!r} waits for a decision on {p.title!r}, and there is no entry for it; {where}:\n"
        f"  {document}\n"
        + (f'(or another action: {others}; "edit" and "respond" take a "value")\n' if others else "")
        + "or decide it in JupyterLab and write the file with `hitl-nb record`"
    )


def unanswered(p: Proposal) -> Unanswered:
    """The error of a pause in a test run that has no script at all."""
    return Unanswered(
        f"the agent {p.agent!r} waits for a decision on {p.title!r}, and in a test run there is nobody to decide it; "
        f"run it with `pytest --nbval`, or set {ENVIRONMENT}=script:NAME.decisions.json"
    )


def _wrong(entry: Entry) -> str:
    given = entry.value is not msgspec.UNSET
    if entry.action == "edit" and not given:
        return 'is an "edit" without a "value"'
    if entry.action == "respond" and not (isinstance(entry.value, str) and entry.value.strip()):
        return 'is a "respond" whose "value" is not the message (a string)'
    if entry.action in ("approve", "reject") and given:
        return f'is a "{entry.action}" with a "value"; use "edit" to change what is proposed'
    return ""


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
