"""Frames of the WebSocket that carries the messages of all drafts that are open in one browser window.

For each draft the browser opens a *channel* to the draft's room, and chooses its number. Each new channel of a
WebSocket has a larger number than all channels before it. So a message for a channel that was just closed can be told
from a message for a channel that was never opened.

Binary frames, in both directions: the number of the channel, then one message of `sync_protocol.py`.

Text frames are JSON:

    {"type": "open", "channel": 1, "draft": "..."}  browser: open a channel to the room of a draft

    {"type": "close", "channel": 1}  browser: close a channel

    {"type": "closed", "channel": 1, "code": 4404, "reason": "..."}  server: a channel was refused or closed
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hitl_nb.server.live import sync_protocol as wire
from hitl_nb.structs import prepare_structs

MAX_PREFIX_BYTES = 8
"""Maximum size of the channel number in a binary frame, in bytes."""
_MAX_CONTROL_CHARS = 1000
"""Maximum length of a text frame."""

ChannelNumber = Annotated[int, msgspec.Meta(ge=1, le=wire.MAX_NUMBER)]


class ControlMessage(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """Base of the JSON messages about channels. The field `type` in JSON has the kind of the message."""

    channel: ChannelNumber


class OpenChannel(ControlMessage, tag="open"):
    """Request of a browser to open a channel to the room of a draft.

    `draft` is the id of the proposal or workspace that has the draft.
    """

    draft: str


class CloseChannel(ControlMessage, tag="close"):
    """Request of a browser to close a channel. Messages that it sent before are still handled."""


class ChannelClosed(ControlMessage, tag="closed"):
    """Message of the server: it has closed a channel, or refused to open it.

    `code` has the meaning of a WebSocket close code. `reason` is a sentence for people.
    """

    code: int
    reason: str


def decode_control(text: str) -> OpenChannel | CloseChannel:
    """Decode a text frame from a browser.

    Raises:
        ValueError: The text is not a message that browsers may send.
    """
    if len(text) > _MAX_CONTROL_CHARS:
        raise ValueError(f"a text of {len(text)} characters is too long")
    try:
        return msgspec.json.decode(text, type=OpenChannel | CloseChannel)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"it is not a message about a channel: {wrong}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValueError("it is text, but not valid JSON") from None


def encode_closed(channel: int, code: int, reason: str) -> str:
    """Encode the message that a channel was closed or refused, as the content of a text frame."""
    return msgspec.json.encode(ChannelClosed(channel=channel, code=code, reason=reason)).decode()


def split_frame(frame: bytes) -> tuple[int, bytes]:
    """Return the channel number of a binary frame, and the message.

    Raises:
        ValueError: The number is incomplete or too large.
    """
    return wire.split_number(frame)


def join_frame(channel: int, message: bytes) -> bytes:
    """Return the binary frame for a message of a channel."""
    return wire.encode_number(channel) + message


prepare_structs(globals())
