"""The rooms of a server: one room for each draft that is open in a browser.

A draft's log in the store has all updates (changes) of the draft. A room is built from this log when the first browser
joins. The room is dropped when the last browser leaves, or when the log cannot be written. While a browser is
connected, the logs are polled for updates that kernels and other servers have written.
"""

from __future__ import annotations

import asyncio
import time

from tornado.log import app_log

from hitl_nb.drafts.crdt.update_validation import DocumentIndex
from hitl_nb.drafts.draft import COMPACT_AFTER_UPDATES
from hitl_nb.errors import StoreCorrupt, StoreError, UnknownProposal
from hitl_nb.ledger.documents.readers import list_readers
from hitl_nb.ledger.documents.update_log import CompactedDocument
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.base.context import ServerContext
from hitl_nb.server.base.document_lookup import find_draft
from hitl_nb.server.live.room import ConnectionRefused, Member, Room, RoomState

POLL_SECONDS = 0.1
"""Seconds between two checks of the logs for updates of other processes."""
KEEPALIVE_SECONDS = 20.0
"""Seconds after which a message is sent to every browser, even if nothing changed."""


class Rooms:
    """The open rooms of one server, and the task that polls their logs.

    Args:
        context: State of the server.
    """

    def __init__(self, context: ServerContext) -> None:
        self._desk = context
        self._rooms: dict[str, asyncio.Task[Room]] = {}
        self._task: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self._folding: set[asyncio.Task[None]] = set()

    async def enter(self, document: str, member: Member) -> Room:
        """Add a connection to the room of a draft. If there is no room, open one.

        Args:
            document: Id of the proposal or workspace that has the draft.
            member: The connection.

        Returns:
            The room.

        Raises:
            ConnectionRefused: There is no such draft, or it cannot be changed any more.
            StoreError: The log cannot be read.
        """
        while True:
            opening = self._rooms.get(document)
            if opening is None:
                opening = self._rooms[document] = asyncio.create_task(self._open(document))
            try:
                room = await asyncio.shield(opening)
            except (ConnectionRefused, StoreError):
                self._forget(document, opening)
                raise
            if self._rooms.get(document) is opening:  # the room was not dropped meanwhile
                room.join(member)
                if self._task is None:
                    self._task = asyncio.create_task(self._poll_logs())
                    self._task.add_done_callback(self._on_task_end)
                return room

    def leave(self, room: Room, member: Member) -> None:
        """Remove a connection from a room. If it was the last one, drop the room and compact the draft's log.

        Compaction replaces many updates of the log by one.
        """
        room.leave(member)
        if not room.members and room in self._open_rooms():
            del self._rooms[room.draft.id]
            if folded := room.document_to_compact(at_least=1):
                task = asyncio.create_task(self._compact_log(room, folded))
                self._folding.add(task)
                task.add_done_callback(self._folding.discard)
        if not self._rooms and self._task is not None:
            self._task.cancel()
            self._task = None

    def poll_now(self) -> None:
        """Poll the store now instead of at the next interval, because this server has just written into it.

        A draft whose proposal was decided is found in this way, and its room is closed.
        """
        self._look_now.set()

    async def _open(self, document: str) -> Room:
        try:
            begun = await self._desk.run_in_lane(lambda ledger: _load_room(ledger, document))
        except UnknownProposal:
            raise ConnectionRefused(4404, "there is no such draft") from None
        if isinstance(begun, str):
            raise ConnectionRefused(4409, begun)
        return Room(
            begun, lambda whole: self._desk.run_in_lane(lambda _: _index_document(whole)), self._on_store_failure
        )

    def _on_store_failure(self, room: Room, error: StoreError) -> None:
        """Drop a room whose log cannot be read or written.

        The browsers connect again, and send those updates again that were not yet written to the log.
        """
        self._close_room(room, 1011, str(error))

    def _close_room(self, room: Room, code: int, reason: str) -> None:
        if room in self._open_rooms():  # a new room may have been opened for the same document
            del self._rooms[room.draft.id]
        room.close(code, reason)

    def _forget(self, document: str, opening: asyncio.Task[Room]) -> None:
        if self._rooms.get(document) is opening:
            del self._rooms[document]

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """Close all rooms if the task that polls the logs has failed. The browsers connect again.

        Without this task, people would not see the changes that other processes write.
        """
        if not task.cancelled() and task.exception() is not None:
            app_log.error("the rooms of hitl_nb failed", exc_info=task.exception())
            self._task = None
            for room in self._open_rooms():
                self._close_room(room, 1011, "this server's rooms failed; connecting again")

    def _open_rooms(self) -> list[Room]:
        opened = [one for one in self._rooms.values() if one.done() and not one.cancelled() and not one.exception()]
        return [one.result() for one in opened]

    async def _poll_logs(self) -> None:
        drafts = journal = -1
        said = time.monotonic()
        while True:
            if time.monotonic() - said > KEEPALIVE_SECONDS:
                said = time.monotonic()
                for room in self._open_rooms():
                    room.send_keepalive()
            is_asked = self._look_now.is_set()
            self._look_now.clear()  # also if the store fails: this loop must not run without a pause then
            try:
                now = await self._desk.run_in_lane(
                    lambda ledger: (ledger.store.drafts.version(), ledger.store.version())
                )
                if now[0] != drafts:
                    await asyncio.gather(*map(self._catch_up, self._open_rooms()))
                if now[1] != journal or is_asked:
                    await self._close_decided()
                drafts, journal = now
            except StoreError:
                drafts = journal = -1  # read again at the next poll; writers get the error from their own updates
            try:
                await asyncio.wait_for(self._look_now.wait(), POLL_SECONDS)
            except TimeoutError:
                continue

    async def _catch_up(self, room: Room) -> None:
        log, n = room.draft.log, room.last_applied()
        found = await self._desk.run_in_lane(lambda _: list(log.updates_after(n)))
        try:
            await room.apply_logged_updates(found)
        except ConnectionRefused:
            return  # the room was dropped
        except ValueError as wrong:
            self._close_room(room, 1011, f"the log of this draft has unexpected content: {wrong}")
            return
        if folded := room.document_to_compact():
            await self._compact_log(room, folded)

    async def _compact_log(self, room: Room, folded: CompactedDocument) -> None:
        try:
            await self._desk.run_in_lane(lambda _: room.draft.log.compact(folded))
        except StoreError as broken:
            app_log.warning("hitl_nb could not compact the log of the draft %s: %s", room.draft.id, broken)

    async def _close_decided(self) -> None:
        for room in self._open_rooms():
            try:
                found = await self._desk.run_in_lane(lambda ledger, one=room.draft.id: find_draft(ledger, one))
            except UnknownProposal:
                self._close_room(room, 4404, "this draft no longer exists: its run was removed")
                continue
            if found.closed_reason:
                self._close_room(room, 4409, found.closed_reason)


def _load_room(ledger: Ledger, document: str) -> RoomState | str:
    """Return the state of a draft, from which its room is built. For a closed draft, return a sentence with the reason.

    Raises:
        UnknownProposal: No proposal or workspace with a draft has this id.
    """
    found = find_draft(ledger, document)
    if found.draft.id != document:
        raise UnknownProposal(f"there is no document {document}")  # `document` was only a part of an id
    if found.closed_reason:
        return found.closed_reason
    draft = found.draft
    draft.write_initial()
    loaded = draft.load()
    whole = loaded.doc.get_update()
    if loaded.uncompacted >= COMPACT_AFTER_UPDATES:
        draft.log.compact(CompactedDocument(loaded.last_update, whole))
    loose = 0 if loaded.uncompacted >= COMPACT_AFTER_UPDATES else loaded.uncompacted
    return RoomState(draft, whole, loaded.last_update, loose, list_readers(ledger.store, document))


def _index_document(whole: bytes) -> DocumentIndex:
    """Return the index of a document, with which updates are checked. `whole` is the document as one update.

    Raises:
        StoreCorrupt: The document has content that does not belong into a draft.
    """
    try:
        return DocumentIndex.from_update(whole)
    except ValueError as wrong:
        raise StoreCorrupt(f"the log of this draft has unexpected content: {wrong}") from None
