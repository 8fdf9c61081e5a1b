"""A room: a draft's document in memory, and those who are connected to it.

What somebody types is checked, applied, and written to the log; only then do the others see it, and is its author told
that it is safe. The room is made from the log and never the other way round, so it can be dropped at any moment.
Everything in it happens on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from tornado.log import app_log

from hitl_nb.drafts.crdt.update_validation import Known, adds, check, state_vector
from hitl_nb.drafts.draft import FOLD, NOTHING, Draft, changes
from hitl_nb.errors import StoreError
from hitl_nb.ledger.documents.readers import Reader, saw
from hitl_nb.ledger.documents.update_log import Folded, Update, update
from hitl_nb.server.live import sync_protocol as wire
from hitl_nb.server.live.presence import Presence, States

if TYPE_CHECKING:
    from pycrdt import Doc

LARGEST = 32 << 20
"""Largest document, as one update, in bytes."""


class Refused(Exception):
    """A connection is to be closed with this code, and a sentence."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(reason)


class Member(Protocol):
    """Somebody's connection."""

    username: str
    name: str
    user: dict[str, Any]
    may_write: bool

    def say(self, message: bytes) -> None:
        """Send a message, unless the connection has gone."""
        ...

    def mention(self, message: bytes) -> None:
        """Send news of who is here, unless the browser lags; once it has caught up it is told of everybody."""
        ...

    def leave(self, code: int, reason: str) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True)
class Begun:
    """What a room starts from. `whole` is the document as one update."""

    draft: Draft
    whole: bytes
    n: int
    loose: int
    readers: list[Reader]


class Room:
    """One document, and those connected to it.

    Args:
        read: reads what a document holds, which takes a while if it is large: only who writes waits for that.
        failed: is told when the log cannot be read, or written.
    """

    def __init__(
        self, begun: Begun, read: Callable[[bytes], Awaitable[Known]], failed: Callable[[Room, StoreError], None]
    ) -> None:
        from pycrdt import Doc

        self.draft = begun.draft
        self.members: set[Member] = set()
        self._failed = failed
        self._doc: Doc[Any] = Doc()
        self._doc.apply_update(begun.whole)
        self._read = read
        self._reading: asyncio.Future[Known] | None = None
        self._size = len(begun.whole)
        self._n = begun.n
        self._ours: set[int] = set()
        self._loose = begun.loose
        self._writing: set[asyncio.Future[int]] = set()
        self._presence = Presence()
        self._readers = {one.username: one for one in begun.readers}

    def join(self, member: Member) -> None:
        self.members.add(member)
        member.say(wire.lacks(self._doc.get_state()))
        member.say(wire.readers(_shown(self._readers)))
        self.introduce(member)

    def introduce(self, member: Member) -> None:
        """Tell somebody who is here."""
        if here := self._presence.all():
            member.say(wire.present(here))

    def leave(self, member: Member) -> None:
        self.members.discard(member)
        if news := self._presence.leave(member):
            self._mention(news)

    async def hear(self, member: Member, message: bytes) -> bool:
        """Do what a message says; whether it carried an update, which is safe now.

        Raises Refused if the connection is to be closed, ValueError for what is no message.
        """
        match wire.read(message):
            case wire.Lacks(state):
                state_vector(state)
                missing = self._doc.get_update(state)
                await self._written()
                member.say(wire.answer(missing))
            case wire.Brings(data, asked):
                await self._take(member, data, asked)
                return True
            case wire.Present(states):
                await self._present(member, states)
            case wire.WhoIsHere():
                member.say(wire.present(self._presence.all()))
        return False

    async def _known(self) -> Known:
        """What the document holds, once that is read. Raises Refused if it cannot be."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read(self._doc.get_update()))
        try:
            return await asyncio.shield(self._reading)
        except StoreError as broken:
            self._failed(self, broken)
            raise Refused(1011, str(broken)) from None

    async def _take(self, member: Member, data: bytes, asked: bool) -> None:
        """Apply an update, log it, and tell the others: in this order."""
        if data == NOTHING:
            return
        known = await self._known()
        if not member.may_write:
            if asked and self._has(data, known):
                return
            raise Refused(4403, "you may read this draft, not write it")
        if self._size + len(data) > LARGEST:
            self._size = len(self._doc.get_update())
            if self._size + len(data) > LARGEST:
                raise Refused(4413, f"the document would be larger than {LARGEST >> 20} MB; the last edit was not kept")
        check(data, known)
        news = self._apply(data)
        if not news:
            await self._written()  # it may be what somebody else has just brought
            return
        self._size += len(news)
        try:
            written = asyncio.wrap_future(self.draft.log.append(update(news, member.username, member.name)))
            self._writing.add(written)
            try:
                n = await written
            finally:
                self._writing.discard(written)
        except StoreError as broken:
            self._failed(self, broken)
            raise Refused(1011, str(broken)) from None
        if n > self._n:  # it has not been found in the log meanwhile
            self._ours.add(n)
        self._tell(wire.brings(news), but=member)
        self._count()

    def _apply(self, *data: bytes) -> bytes:
        """Put updates into the document; what they brought that was not there."""

        def work() -> None:
            with self._doc.transaction():
                for one in data:
                    self._doc.apply_update(one)

        made = changes(self._doc, work)
        return made[0] if made else b""

    def _has(self, data: bytes, known: Known) -> bool:
        """Whether an update brings nothing new: browsers name all that was ever deleted in each of their answers."""
        from pycrdt import Doc

        if adds(data, known):
            return False
        copy: Doc[Any] = Doc()
        copy.apply_update(self._doc.get_update())
        return not changes(copy, lambda: copy.apply_update(data))

    async def _written(self) -> None:
        """Wait until all that is in the document is in the log. Raises Refused if it cannot be."""
        if self._writing:
            done, _ = await asyncio.wait(set(self._writing))
            if broken := next((one.exception() for one in done if one.exception()), None):
                raise Refused(1011, str(broken))

    def _count(self) -> None:
        """Move on to the last update up to which all are in the document, and fold the log now and then."""
        while self._n + 1 in self._ours:
            self._n += 1
            self._ours.remove(self._n)
            self._loose += 1

    def behind(self) -> int:
        """The number of the last update up to which all are in the document."""
        return self._n

    async def catch_up(self, found: list[tuple[int, Update]]) -> None:
        """Take in what was found in the log, and tell everybody.

        Raises Refused if the log cannot be read, ValueError for what no draft of ours has.
        """
        known = await self._known()
        new = {n: one.data for n, one in found if n > self._n and n not in self._ours}
        for data in new.values():
            check(data, known)
        # As one: browsers draw once for it, however fast a kernel writes.
        if news := self._apply(*new.values()):
            self._size += len(news)
            self._tell(wire.brings(news))
        self._ours.update(new)
        self._count()

    def to_fold(self, at_least: int = FOLD) -> Folded | None:
        """The document to fold the log with, if it has grown by so many updates and nothing is being written."""
        if self._loose < at_least or self._writing or self._ours:
            return None
        self._loose = 0
        return Folded(self._n, self._doc.get_update())

    async def _present(self, member: Member, states: States) -> None:
        news = self._presence.hear(member, member.user, states)
        if not news:
            return
        # To its author too: browsers take a connection on which nothing arrives for dead.
        self._mention(news)
        if any(state is not None and state.get("visible") is True for _, _, state in news):
            await self._read_by(member)

    async def _read_by(self, member: Member) -> None:
        before = self._readers.get(member.username)
        reader = saw(member.username, member.name, before)
        if reader is before:
            return
        self._readers[member.username] = reader
        self._tell(wire.readers(_shown(self._readers)))
        try:
            await asyncio.wrap_future(self.draft.log.submit(reader.put(self.draft.id)))
        except StoreError as broken:
            app_log.warning("hitl_nb could not keep who has read the draft %s: %s", self.draft.id, broken)

    def _tell(self, message: bytes, but: Member | None = None) -> None:
        for member in list(self.members):
            if member is not but:
                member.say(message)

    def _mention(self, news: States) -> None:
        message = wire.present(news)
        for member in list(self.members):
            member.mention(message)

    def stay(self) -> None:
        """Say something: browsers take a connection on which nothing arrives for dead, and ask anew."""
        self._tell(wire.readers(_shown(self._readers)))

    def close(self, code: int, reason: str) -> None:
        """Send everybody away."""
        for member in list(self.members):
            member.leave(code, reason)


def _shown(found: dict[str, Reader]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) for one in found.values()]
