"""A room: a draft's document in memory, and the connections of those who have it open.

An edit is checked, applied, and written to the log. Only then is it sent to the others, and acknowledged to its author.
The room is built from the log, never the reverse, so it can be dropped at any moment. All methods run on the event
loop.
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
"""Maximum size of a document, encoded as one update, in bytes."""


class ConnectionRefused(Exception):
    """A connection must be closed. `code` is the WebSocket close code; the message is the reason."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(reason)


class Member(Protocol):
    """Connection of one user to a room."""

    username: str
    name: str
    user: dict[str, Any]
    may_write: bool

    def send(self, message: bytes) -> None:
        """Send a message, unless the connection has been closed."""
        ...

    def send_if_idle(self, message: bytes) -> None:
        """Send a presence message, unless the browser lags; it gets all states when it has caught up."""
        ...

    def leave(self, code: int, reason: str) -> None:
        """Close the connection with a WebSocket close code and a reason."""
        ...


@dataclass(frozen=True)
class RoomState:
    """State from which a room is built.

    Attributes:
        draft: The draft.
        document_update: The whole document as one update.
        last_update: Number of the last logged update in the document.
        uncompacted: Number of logged updates since the log was last compacted.
        readers: Those who have read the draft.
    """

    draft: Draft
    document_update: bytes
    last_update: int
    uncompacted: int
    readers: list[DraftReader]


class Room:
    """One document, and the connections to it.

    Args:
        begun: State to start from.
        read: Indexes the document, given as one update. This is slow for a large document; only writers wait for it.
        failed: Called when the log cannot be read or written.
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
        """Add a connection, and send it the document's state vector, the readers and all presence states."""
        self.members.add(member)
        member.send(wire.encode_sync_request(self._doc.get_state()))
        member.send(wire.encode_readers(_reader_list(self._readers)))
        self.send_presence(member)

    def send_presence(self, member: Member) -> None:
        """Send a member the presence states of all browsers."""
        if here := self._presence.all_states():
            member.send(wire.encode_awareness(here))

    def leave(self, member: Member) -> None:
        """Remove a connection, and tell the others that its browsers have left."""
        self.members.discard(member)
        if news := self._presence.remove_connection(member):
            self._broadcast_presence(news)

    async def handle_message(self, member: Member, message: bytes) -> bool:
        """Handle one protocol message.

        Args:
            member: The sender.
            message: The message, as described in `sync_protocol`.

        Returns:
            True if it contained an update and that update is now durable.

        Raises:
            ConnectionRefused: The connection must be closed.
            ValueError: The message is malformed.
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
        """Return the index of the document; wait until it has been built.

        Raises:
            ConnectionRefused: The document cannot be indexed.
        """
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read(self._doc.get_update()))
        try:
            return await asyncio.shield(self._reading)
        except StoreError as broken:
            self._on_store_failure(self, broken)
            raise ConnectionRefused(1011, str(broken)) from None

    async def _apply_client_update(self, member: Member, data: bytes, asked: bool) -> None:
        """Apply an update, log it, and send it to the others, in this order."""
        if data == EMPTY_UPDATE:
            return
        known = await self._document_index()
        if not member.may_write:
            if asked and self._is_known_update(data, known):
                return
            raise ConnectionRefused(4403, "you may read this draft, but not change it")
        if self._size + len(data) > MAX_DOCUMENT_BYTES:
            self._size = len(self._doc.get_update())
            if self._size + len(data) > MAX_DOCUMENT_BYTES:
                raise ConnectionRefused(
                    4413, f"the document would be larger than {MAX_DOCUMENT_BYTES >> 20} MB; the last edit was not kept"
                )
        validate_update(data, known)
        news = self._apply_updates(data)
        if not news:
            await self._await_log()  # another member may have sent the same update, which may not be durable yet
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
        if n > self._last_update:  # polling the log has not found it meanwhile
            self._own_numbers.add(n)
        self._broadcast(wire.encode_update(news), but=member)
        self._advance_log_position()

    def _apply_updates(self, *data: bytes) -> bytes:
        """Apply updates to the document. Return the part that was new, as one update; b"" if nothing was."""

        def work() -> None:
            with self._doc.transaction():
                for one in data:
                    self._doc.apply_update(one)

        made = capture_updates(self._doc, work)
        return made[0] if made else b""

    def _is_known_update(self, data: bytes, known: DocumentIndex) -> bool:
        """Return whether an update adds nothing. Each reply of a browser lists all deletions ever made."""
        from pycrdt import Doc

        if has_new_items(data, known):
            return False
        copy: Doc[Any] = Doc()
        copy.apply_update(self._doc.get_update())
        return not capture_updates(copy, lambda: copy.apply_update(data))

    async def _await_log(self) -> None:
        """Wait until the log has everything that is in the document.

        Raises:
            ConnectionRefused: An update could not be logged.
        """
        if self._writing:
            done, _ = await asyncio.wait(set(self._writing))
            if broken := next((one.exception() for one in done if one.exception()), None):
                raise ConnectionRefused(1011, str(broken))

    def _advance_log_position(self) -> None:
        """Move `_last_update` to the last number up to which all updates are in the document."""
        while self._last_update + 1 in self._own_numbers:
            self._last_update += 1
            self._own_numbers.remove(self._last_update)
            self._uncompacted += 1

    def last_applied(self) -> int:
        """Return the number of the last update up to which all updates are in the document."""
        return self._last_update

    async def apply_logged_updates(self, found: list[tuple[int, Update]]) -> None:
        """Apply updates that other processes logged, and send them to all members.

        Args:
            found: Updates with their numbers in the log.

        Raises:
            ConnectionRefused: The log cannot be read.
            ValueError: An update does not belong into a draft.
        """
        known = await self._document_index()
        new = {n: one.data for n, one in found if n > self._last_update and n not in self._own_numbers}
        for data in new.values():
            validate_update(data, known)
        # Apply all together, so that browsers redraw once, however fast a kernel writes.
        if news := self._apply_updates(*new.values()):
            self._size += len(news)
            self._broadcast(wire.encode_update(news))
        self._own_numbers.update(new)
        self._advance_log_position()

    def document_to_compact(self, at_least: int = COMPACT_AFTER_UPDATES) -> CompactedDocument | None:
        """Return the document to compact the log with; None if it is too early.

        Args:
            at_least: Minimum number of updates since the last compaction.

        Returns:
            None if there are fewer updates, or if an update is being written.
        """
        if self._uncompacted < at_least or self._writing or self._own_numbers:
            return None
        self._uncompacted = 0
        return CompactedDocument(self._last_update, self._doc.get_update())

    async def _update_presence(self, member: Member, states: AwarenessStates) -> None:
        news = self._presence.update_states(member, member.user, states)
        if not news:
            return
        # Also sent to its author: browsers take a connection on which nothing arrives for dead.
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
            app_log.warning("hitl_nb could not store who has read the draft %s: %s", self.draft.id, broken)

    def _broadcast(self, message: bytes, but: Member | None = None) -> None:
        for member in list(self.members):
            if member is not but:
                member.send(message)

    def _broadcast_presence(self, news: AwarenessStates) -> None:
        message = wire.encode_awareness(news)
        for member in list(self.members):
            member.send_if_idle(message)

    def send_keepalive(self) -> None:
        """Send any message, because browsers reconnect if a connection is silent for too long."""
        self._broadcast(wire.encode_readers(_reader_list(self._readers)))

    def close(self, code: int, reason: str) -> None:
        """Close the connections of all members."""
        for member in list(self.members):
            member.leave(code, reason)


def _reader_list(found: dict[str, DraftReader]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) for one in found.values()]
