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

from hitl_nb.drafts.crdt.update_validation import DocumentIndex, has_new_items, state_vector, validate_update
from hitl_nb.drafts.draft import COMPACT_AFTER_UPDATES, EMPTY_UPDATE, Draft, capture_updates
from hitl_nb.errors import StoreError
from hitl_nb.ledger.documents.readers import DraftReader, record_reading
from hitl_nb.ledger.documents.update_log import CompactedDocument, Update, new_update
from hitl_nb.server.live import sync_protocol as wire
from hitl_nb.server.live.presence import AwarenessStates, Presence

if TYPE_CHECKING:
    from pycrdt import Doc

MAX_DOCUMENT_BYTES = 32 << 20
"""Largest document, as one update, in bytes."""


class ConnectionRefused(Exception):
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

    def send(self, message: bytes) -> None:
        """Send a message, unless the connection has gone."""
        ...

    def send_if_idle(self, message: bytes) -> None:
        """Send news of who is here, unless the browser lags; once it has caught up it is told of everybody."""
        ...

    def leave(self, code: int, reason: str) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True)
class RoomState:
    """What a room starts from. `document_update` is the document as one update."""

    draft: Draft
    document_update: bytes
    last_update: int
    uncompacted: int
    readers: list[DraftReader]


class Room:
    """One document, and those connected to it.

    Args:
        read: reads what a document holds, which takes a while if it is large: only who writes waits for that.
        failed: is told when the log cannot be read, or written.
    """

    def __init__(
        self,
        begun: RoomState,
        read: Callable[[bytes], Awaitable[DocumentIndex]],
        failed: Callable[[Room, StoreError], None],
    ) -> None:
        from pycrdt import Doc

        self.draft = begun.draft
        self.members: set[Member] = set()
        self._on_store_failure = failed
        self._doc: Doc[Any] = Doc()
        self._doc.apply_update(begun.document_update)
        self._read = read
        self._reading: asyncio.Future[DocumentIndex] | None = None
        self._size = len(begun.document_update)
        self._last_update = begun.last_update
        self._own_numbers: set[int] = set()
        self._uncompacted = begun.uncompacted
        self._writing: set[asyncio.Future[int]] = set()
        self._presence = Presence()
        self._readers = {one.username: one for one in begun.readers}

    def join(self, member: Member) -> None:
        self.members.add(member)
        member.send(wire.encode_sync_request(self._doc.get_state()))
        member.send(wire.encode_readers(_reader_list(self._readers)))
        self.send_presence(member)

    def send_presence(self, member: Member) -> None:
        """Tell somebody who is here."""
        if here := self._presence.all_states():
            member.send(wire.encode_awareness(here))

    def leave(self, member: Member) -> None:
        self.members.discard(member)
        if news := self._presence.remove_connection(member):
            self._broadcast_presence(news)

    async def handle_message(self, member: Member, message: bytes) -> bool:
        """Do what a message says; whether it carried an update, which is safe now.

        Raises Refused if the connection is to be closed, ValueError for what is no message.
        """
        match wire.decode_message(message):
            case wire.SyncRequest(state):
                state_vector(state)
                missing = self._doc.get_update(state)
                await self._await_log()
                member.send(wire.encode_sync_reply(missing))
            case wire.SyncUpdate(data, asked):
                await self._apply_client_update(member, data, asked)
                return True
            case wire.AwarenessUpdate(states):
                await self._update_presence(member, states)
            case wire.AwarenessQuery():
                member.send(wire.encode_awareness(self._presence.all_states()))
        return False

    async def _document_index(self) -> DocumentIndex:
        """What the document holds, once that is read. Raises Refused if it cannot be."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read(self._doc.get_update()))
        try:
            return await asyncio.shield(self._reading)
        except StoreError as broken:
            self._on_store_failure(self, broken)
            raise ConnectionRefused(1011, str(broken)) from None

    async def _apply_client_update(self, member: Member, data: bytes, asked: bool) -> None:
        """Apply an update, log it, and tell the others: in this order."""
        if data == EMPTY_UPDATE:
            return
        known = await self._document_index()
        if not member.may_write:
            if asked and self._is_known_update(data, known):
                return
            raise ConnectionRefused(4403, "you may read this draft, not write it")
        if self._size + len(data) > MAX_DOCUMENT_BYTES:
            self._size = len(self._doc.get_update())
            if self._size + len(data) > MAX_DOCUMENT_BYTES:
                raise ConnectionRefused(
                    4413, f"the document would be larger than {MAX_DOCUMENT_BYTES >> 20} MB; the last edit was not kept"
                )
        validate_update(data, known)
        news = self._apply_updates(data)
        if not news:
            await self._await_log()  # it may be what somebody else has just brought
            return
        self._size += len(news)
        try:
            written = asyncio.wrap_future(self.draft.log.append(new_update(news, member.username, member.name)))
            self._writing.add(written)
            try:
                n = await written
            finally:
                self._writing.discard(written)
        except StoreError as broken:
            self._on_store_failure(self, broken)
            raise ConnectionRefused(1011, str(broken)) from None
        if n > self._last_update:  # it has not been found in the log meanwhile
            self._own_numbers.add(n)
        self._broadcast(wire.encode_update(news), but=member)
        self._advance_log_position()

    def _apply_updates(self, *data: bytes) -> bytes:
        """Put updates into the document; what they brought that was not there."""

        def work() -> None:
            with self._doc.transaction():
                for one in data:
                    self._doc.apply_update(one)

        made = capture_updates(self._doc, work)
        return made[0] if made else b""

    def _is_known_update(self, data: bytes, known: DocumentIndex) -> bool:
        """Whether an update brings nothing new: browsers name all that was ever deleted in each of their answers."""
        from pycrdt import Doc

        if has_new_items(data, known):
            return False
        copy: Doc[Any] = Doc()
        copy.apply_update(self._doc.get_update())
        return not capture_updates(copy, lambda: copy.apply_update(data))

    async def _await_log(self) -> None:
        """Wait until all that is in the document is in the log. Raises Refused if it cannot be."""
        if self._writing:
            done, _ = await asyncio.wait(set(self._writing))
            if broken := next((one.exception() for one in done if one.exception()), None):
                raise ConnectionRefused(1011, str(broken))

    def _advance_log_position(self) -> None:
        """Move on to the last update up to which all are in the document, and fold the log now and then."""
        while self._last_update + 1 in self._own_numbers:
            self._last_update += 1
            self._own_numbers.remove(self._last_update)
            self._uncompacted += 1

    def last_applied(self) -> int:
        """The number of the last update up to which all are in the document."""
        return self._last_update

    async def apply_logged_updates(self, found: list[tuple[int, Update]]) -> None:
        """Take in what was found in the log, and tell everybody.

        Raises Refused if the log cannot be read, ValueError for what no draft of ours has.
        """
        known = await self._document_index()
        new = {n: one.data for n, one in found if n > self._last_update and n not in self._own_numbers}
        for data in new.values():
            validate_update(data, known)
        # As one: browsers draw once for it, however fast a kernel writes.
        if news := self._apply_updates(*new.values()):
            self._size += len(news)
            self._broadcast(wire.encode_update(news))
        self._own_numbers.update(new)
        self._advance_log_position()

    def document_to_compact(self, at_least: int = COMPACT_AFTER_UPDATES) -> CompactedDocument | None:
        """The document to fold the log with, if it has grown by so many updates and nothing is being written."""
        if self._uncompacted < at_least or self._writing or self._own_numbers:
            return None
        self._uncompacted = 0
        return CompactedDocument(self._last_update, self._doc.get_update())

    async def _update_presence(self, member: Member, states: AwarenessStates) -> None:
        news = self._presence.update_states(member, member.user, states)
        if not news:
            return
        # To its author too: browsers take a connection on which nothing arrives for dead.
        self._broadcast_presence(news)
        if any(state is not None and state.get("visible") is True for _, _, state in news):
            await self._record_reader(member)

    async def _record_reader(self, member: Member) -> None:
        before = self._readers.get(member.username)
        reader = record_reading(member.username, member.name, before)
        if reader is before:
            return
        self._readers[member.username] = reader
        self._broadcast(wire.encode_readers(_reader_list(self._readers)))
        try:
            await asyncio.wrap_future(self.draft.log.submit(reader.write_to(self.draft.id)))
        except StoreError as broken:
            app_log.warning("hitl_nb could not keep who has read the draft %s: %s", self.draft.id, broken)

    def _broadcast(self, message: bytes, but: Member | None = None) -> None:
        for member in list(self.members):
            if member is not but:
                member.send(message)

    def _broadcast_presence(self, news: AwarenessStates) -> None:
        message = wire.encode_awareness(news)
        for member in list(self.members):
            member.send_if_idle(message)

    def send_keepalive(self) -> None:
        """Say something: browsers take a connection on which nothing arrives for dead, and ask anew."""
        self._broadcast(wire.encode_readers(_reader_list(self._readers)))

    def close(self, code: int, reason: str) -> None:
        """Send everybody away."""
        for member in list(self.members):
            member.leave(code, reason)


def _reader_list(found: dict[str, DraftReader]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) for one in found.values()]
