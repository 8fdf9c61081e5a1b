"""A room: the document of one draft in memory, and the connections of the browsers in which the draft is open.

The document is a CRDT of Yjs: browsers send *updates*, which can be applied in any order. The store has a log of all
updates of a draft. An update from a browser is checked, applied to the document, and written to the log. Only then it
is sent to the other browsers and acknowledged to its author. The document is built from the log, so the room can be
dropped at any moment. All methods run on the event loop.
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
    """The server must close a browser's connection.

    Args:
        code: WebSocket close code.
        reason: Reason for people; also the message of this error.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(reason)


class Member(Protocol):
    """Connection of one browser to a room.

    Attributes:
        username: User name of the browser's user.
        name: Display name of the user.
        user: JSON object about the user for other browsers: "username", "name", initials, color and picture.
    """

    username: str
    name: str
    user: dict[str, Any]

    @property
    def may_write(self) -> bool:
        """Whether the user may change the document now."""
        ...

    def send(self, message: bytes) -> None:
        """Send a binary message. Does nothing if the connection is closed."""
        ...

    def send_if_idle(self, message: bytes) -> None:
        """Send a presence message, unless the browser has many unread messages.

        In that case, the browser gets all presence states after it has read the other messages.
        """
        ...

    def leave(self, code: int, reason: str) -> None:
        """Close the connection with a WebSocket close code and a reason."""
        ...


@dataclass(frozen=True)
class RoomState:
    """State of a draft, from which a room is built.

    Attributes:
        draft: The draft.
        document_update: The whole document as one update.
        last_update: Number of the last update of the log that is in the document.
        uncompacted: Number of updates in the log since its last compaction (which replaces many updates by one).
        readers: People who have read the draft.
    """

    draft: Draft
    document_update: bytes
    last_update: int
    uncompacted: int
    readers: list[DraftReader]


class Room:
    """One document in memory, and the connections to it. A member is a connection.

    Args:
        begun: State of the draft at the beginning.
        read: Function that builds the index of a document, which is needed to check updates. Its argument is the
            document as one update. This is slow for a large document, so only members that write wait for the index.
        failed: Function that is called with the room and the error if the log cannot be read or written.
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
        """Add a connection. Send it the document's state vector, the list of readers and all presence states.

        With the state vector (the numbers of the changes that the document has), a browser finds the changes that only
        the browser has.
        """
        self.members.add(member)
        member.send(wire.encode_sync_request(self._doc.get_state()))
        member.send(wire.encode_readers(_reader_list(self._readers)))
        self.send_presence(member)

    def send_presence(self, member: Member) -> None:
        """Send the presence states of all browsers in the room to a member."""
        if here := self._presence.all_states():
            member.send(wire.encode_awareness(here))

    def leave(self, member: Member) -> None:
        """Remove a connection, and send the other members that its browser has left."""
        self.members.discard(member)
        if news := self._presence.remove_connection(member):
            self._broadcast_presence(news)

    async def handle_message(self, member: Member, message: bytes) -> bool:
        """Handle one message from a browser.

        Args:
            member: The sender.
            message: The binary message; `sync_protocol.py` describes the format.

        Returns:
            True if the message contained an update, which is now durable. False if it contained no update.

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
        """Return the index of the document, with which updates are checked. The first call builds it; others wait.

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
        """Apply an update from a browser, write it to the log, and send it to the other members, in this order.

        Args:
            member: The sender.
            data: The update.
            asked: Whether the update is a reply to the server's request, not a new edit.

        Raises:
            ConnectionRefused: The member may not write, the document would be too large, or the log cannot be written.
            ValueError: The update does not belong into a draft.
        """
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
        """Apply updates to the document. Return the changes that the document did not have, as one update.

        The result is b"" if the document already had all changes.
        """

        def work() -> None:
            with self._doc.transaction():
                for one in data:
                    self._doc.apply_update(one)

        made = capture_updates(self._doc, work)
        return made[0] if made else b""

    def _is_known_update(self, data: bytes, known: DocumentIndex) -> bool:
        """Return whether the document already has all changes of an update.

        A browser's reply always contains all deletions that were ever made, so it is rarely empty.
        """
        from pycrdt import Doc

        if has_new_items(data, known):
            return False
        copy: Doc[Any] = Doc()
        copy.apply_update(self._doc.get_update())
        return not capture_updates(copy, lambda: copy.apply_update(data))

    async def _await_log(self) -> None:
        """Wait until all changes of the document are in the log.

        Raises:
            ConnectionRefused: An update could not be logged.
        """
        if self._writing:
            done, _ = await asyncio.wait(set(self._writing))
            if broken := next((one.exception() for one in done if one.exception()), None):
                raise ConnectionRefused(1011, str(broken))

    def _advance_log_position(self) -> None:
        """Increase `_last_update` to the number up to which all updates of the log are in the document."""
        while self._last_update + 1 in self._own_numbers:
            self._last_update += 1
            self._own_numbers.remove(self._last_update)
            self._uncompacted += 1

    def last_applied(self) -> int:
        """Return the number up to which all updates of the log are in the document."""
        return self._last_update

    async def apply_logged_updates(self, found: list[tuple[int, Update]]) -> None:
        """Apply updates that other processes logged, and send them to all members.

        Args:
            found: Numbers of updates in the log, and the updates. Updates that are in the document are ignored.

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
        """Return the whole document as one update, to replace the updates of the log (compaction).

        Args:
            at_least: Minimum number of updates since the last compaction.

        Returns:
            The document, and the number of the last update in it. None if there are fewer updates than `at_least`, or
            if an update is being written.
        """
        if self._uncompacted < at_least or self._writing or self._own_numbers:
            return None
        self._uncompacted = 0
        return CompactedDocument(self._last_update, self._doc.get_update())

    async def _update_presence(self, member: Member, states: AwarenessStates) -> None:
        news = self._presence.update_states(member, member.user, states)
        if not news:
            return
        # The author gets the states, too, because browsers close a connection on which no message arrives.
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
        """Send a message to all members, because browsers connect again if no message arrives for too long."""
        self._broadcast(wire.encode_readers(_reader_list(self._readers)))

    def close(self, code: int, reason: str) -> None:
        """Close the connections of all members, with a WebSocket close code and a reason for people."""
        for member in list(self.members):
            member.leave(code, reason)


def _reader_list(found: dict[str, DraftReader]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) for one in found.values()]
