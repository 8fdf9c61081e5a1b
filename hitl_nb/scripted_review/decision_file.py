"""Format of the file in which decisions are written beforehand: `NAME.decisions.json` beside `NAME.ipynb`.

    {"version": 1, "clock": "2026-01-05T09:00:00Z", "decisions": [
      {"agent": "refunds", "title": "Order 1", "action": "edit", "value": "Dear ...", "reason": "by name"},
      {"agent": "refunds", "title": "Order 2", "votes": [
        {"as": "bo", "action": "approve"}, {"as": "cy", "action": "approve"}]},
      {"agent": "refunds", "title": "Order 3", "action": "wait"}]}

An entry answers one proposal: with an action, with the votes of named people, or by moving the clock ("wait").
`reviewer.py` uses the entries. "writing", beside "decisions", has edits of people in workspaces (`people.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from hitl_nb import json_text as json
from hitl_nb.errors import HitlError
from hitl_nb.records import Action, Proposal
from hitl_nb.scripted_review.people import ScriptedEdit
from hitl_nb.structs import prepare_structs

VERSION = 1

DEFAULT_CLOCK = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""Time that policies see if a file has no "clock": a Monday morning."""

EXPECTED_FORMAT = (
    '{"version": 1, "decisions": [{"agent": ..., "title": ..., "action": ..., "value": ..., "reason": ...}, ...]}. '
    'If named people vote, an entry has "votes": [{"as": ..., "action": ...}, ...] instead of "action". Beside '
    '"decisions", "clock" sets the time, and "requesters" names people for four eyes'
)

EntryAction = Literal["approve", "edit", "reject", "respond", "wait"]


class VoteEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The vote of one person, in an entry of a decisions file.

    Attributes:
        reviewer: User name of the voter; "as" in the file.
        action: "approve", "edit", "reject" or "respond".
        value: For "edit" the edited value as JSON, for "respond" the message.
        reason: Reason that is stored with the vote.
    """

    reviewer: str = msgspec.field(name="as")
    action: Action
    value: Any = msgspec.UNSET
    reason: str | None = None

    def find_mistake(self) -> str:
        """Return a message about the mistake in this vote; "" if it is valid."""
        if not self.reviewer:
            return 'has an empty "as"; name the person who votes'
        return _find_value_mistake(self.action, self.value)


class DecisionEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of a decisions file: an answer to a proposal. It has either an action or votes.

    Attributes:
        agent: Name of the agents whose proposals the entry answers; `*` matches any characters.
        title: Title of the proposals that the entry answers; `*` matches any characters.
        action: "approve", "edit", "reject" or "respond" decides the proposal without regard to the policy; "wait" moves
            the clock to the next step of the proposal's timeline.
        value: For "edit" the edited value as JSON, for "respond" the message.
        reason: Reason that is stored with the decision.
        votes: Votes of named people, as the policy needs them, in this order.
    """

    agent: str = "*"
    title: str = "*"
    action: EntryAction | msgspec.UnsetType = msgspec.UNSET
    value: Any = msgspec.UNSET
    reason: str | None = None
    votes: list[VoteEntry] | msgspec.UnsetType = msgspec.UNSET

    def matches(self, proposal: Proposal) -> bool:
        """Return whether the entry may answer this proposal: the agent's name and the title match."""
        return matches_pattern(self.agent, proposal.agent) and matches_pattern(self.title, proposal.title)

    def find_mistake(self) -> str:
        """Return a message about the mistake in this entry; "" if the entry is valid.

        The message is a part of a sentence that begins with the entry's number.
        """
        if self.votes is not msgspec.UNSET:
            return self._find_mistake_in_votes(self.votes)
        if self.action is msgspec.UNSET:
            return ': has neither "action" nor "votes"; give it one of them'
        if self.action == "wait":
            given = self.value is not msgspec.UNSET or self.reason is not None
            return ' is a "wait" with a "value" or "reason"; remove it: nobody decides' if given else ""
        mistake = _find_value_mistake(self.action, self.value)
        return f" {mistake}" if mistake else ""

    def _find_mistake_in_votes(self, votes: list[VoteEntry]) -> str:
        if self.action is not msgspec.UNSET:
            return ' has "action" and "votes"; give each person\'s action in their vote'
        if self.value is not msgspec.UNSET or self.reason is not None:
            return ' has "votes" and a "value" or "reason" beside them; move that into the vote that it belongs to'
        if not votes:
            return ' has an empty "votes"; write {"as": NAME, "action": ...} for each person'
        for number, vote in enumerate(votes):
            if mistake := vote.find_mistake():
                return f".votes[{number}] {mistake}"
        return ""


_ClockTime = Annotated[datetime, msgspec.Meta(tz=True)]


class _FileContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1]
    clock: str | None = None
    requesters: tuple[str, ...] = ()
    decisions: list[DecisionEntry] = []
    writing: list[ScriptedEdit] = []


@dataclass(frozen=True)
class DecisionFile:
    """The content of a decisions file, with which tests answer the proposals of agents.

    Attributes:
        decisions: The entries, in order.
        writing: Edits of people in workspaces.
        clock: Time for policies; aware, UTC.
        requesters: User names of those who started the agents. A policy with four eyes does not let them decide. Empty
            unless the file names them, so that votes count the same for every user who runs the notebook.
    """

    decisions: list[DecisionEntry] = field(default_factory=list[DecisionEntry])
    writing: list[ScriptedEdit] = field(default_factory=list[ScriptedEdit])
    clock: datetime = DEFAULT_CLOCK
    requesters: tuple[str, ...] = ()


def read_file(path: Path) -> DecisionFile:
    """Read a decisions file.

    Raises:
        HitlError: The file cannot be read or is invalid; the message names the entry and how to correct it.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise HitlError(f"cannot read {path}: {error.strerror}") from None
    return parse_document(raw, path.name)


def parse_document(raw: bytes, name: str) -> DecisionFile:
    """Parse the JSON of a decisions file.

    Args:
        raw: The JSON.
        name: Name of the file, for messages.

    Raises:
        HitlError: The JSON is invalid.
    """
    try:
        found = msgspec.json.decode(raw, type=_FileContent)
    except msgspec.DecodeError as error:
        raise HitlError(f"{name} is not a decisions file: {error}; expected is {EXPECTED_FORMAT}") from None
    for number, entry in enumerate(found.decisions):
        if mistake := entry.find_mistake():
            raise HitlError(f"{name}: decisions[{number}]{mistake}")
    for number, hand in enumerate(found.writing):
        if mistake := hand.find_mistake():
            raise HitlError(f"{name}: writing[{number}] {mistake}")
    return DecisionFile(found.decisions, found.writing, _parse_clock(found.clock, name), found.requesters)


def format_document(file: DecisionFile) -> str:
    """Return the text of a decisions file, with one entry per line."""
    clock = "" if file.clock == DEFAULT_CLOCK else f'"clock": {json.dumps(format_clock(file.clock))}, '
    names = f'"requesters": {json.dumps(list(file.requesters), ensure_ascii=False)}, ' if file.requesters else ""
    hands = f'"writing": [\n  {_format_lines(file.writing)}\n], ' if file.writing else ""
    return f'{{"version": {VERSION}, {clock}{names}{hands}"decisions": [\n  {_format_lines(file.decisions)}\n]}}\n'


def format_entry(entry: DecisionEntry | ScriptedEdit) -> str:
    """Return an entry of a decisions file as a line of JSON."""
    return json.dumps(msgspec.to_builtins(entry), ensure_ascii=False)


def format_clock(at: datetime) -> str:
    """Return a time in the format of "clock" in a decisions file: "2026-01-05T09:00:00Z"."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def matches_pattern(pattern: str, text: str) -> bool:
    """Return whether the whole `text` matches `pattern`, in which `*` matches any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _format_lines(entries: Iterable[DecisionEntry | ScriptedEdit]) -> str:
    return ",\n  ".join(map(format_entry, entries))


def _parse_clock(text: str | None, name: str) -> datetime:
    if text is None:
        return DEFAULT_CLOCK
    try:
        return msgspec.convert(text, _ClockTime).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise HitlError(
            f'{name}: "clock" is {text!r}, which is not a time with a time zone; write it as in '
            f'"{format_clock(DEFAULT_CLOCK)}"'
        ) from None


def _find_value_mistake(action: Action, value: Any) -> str:
    given = value is not msgspec.UNSET
    if action == "edit" and not given:
        return 'is an "edit" without a "value"'
    if action == "respond" and not (isinstance(value, str) and value.strip()):
        return 'is a "respond" whose "value" is not the message (a string)'
    if action in ("approve", "reject") and given:
        return f'is a "{action}" with a "value"; use "edit" to change what is proposed'
    return ""


prepare_structs(globals())
