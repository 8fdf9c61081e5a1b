"""Formats of pictures in evidence: PNG, JPEG, WebP and SVG. Only the beginning of a picture is read.

Browsers draw the pictures. So this module refuses everything that could harm a browser. That is any other
format, a picture of very many pixels, and an SVG with entities, which can grow without limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

MAX_PICTURE_BYTES = 4_000_000
"""Maximum size of a picture, in bytes."""
MAX_PIXELS = 40_000_000
"""Maximum number of pixels that a picture may claim. Browsers need four bytes for each of them."""

SVG = "image/svg+xml"
MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp", SVG)
"""Media types of all pictures that are stored and served."""

_PNG_MARK = b"\x89PNG\r\n\x1a\n"
_SVG_PROLOG = tuple(
    re.compile(part, re.DOTALL)
    for part in (rb"\xef\xbb\xbf|\s+", rb"<\?xml[^>]*\?>", rb"<!--.*?-->", rb"<!DOCTYPE\s+svg[^>\[]*>")
)
_SVG_ELEMENT = re.compile(rb"<svg[\s/>]")
_MAX_PROLOG_BYTES = 10_000
"""Number of bytes in which the element of an SVG must begin."""


class PictureInfo(NamedTuple):
    """Media type of a picture, and its size in pixels (0: unknown), as its beginning says."""

    media_type: str
    width: int = 0
    height: int = 0


def read_picture_info(data: bytes) -> PictureInfo | None:
    """Return the media type and the size in pixels of a PNG, JPEG or WebP picture; None for other bytes.

    Bytes are recognized by their beginning. SVG is text and is not recognized here: see `check_svg`.
    """
    reader = next((read for mark, read in _READERS if data.startswith(mark)), None)
    return None if reader is None else reader(data)


def check_picture(data: bytes, path: str) -> PictureInfo:
    """Check that bytes are a picture that browsers can draw without harm, and return what its beginning says.

    Args:
        data: The bytes of a PNG, JPEG or WebP picture.
        path: Name of the picture, for messages.

    Raises:
        ValueError: The bytes are another format, too long, or claim more than `MAX_PIXELS` pixels.
    """
    info = read_picture_info(data)
    if info is None:
        raise ValueError(f"{path} is not a PNG, JPEG or WebP picture; convert it to one of these")
    check_size(len(data), path)
    if info.width == 0 or info.height == 0:
        raise ValueError(f"{path} is a picture that does not say its size in pixels; save it with another program")
    check_pixels(info.width, info.height, path)
    return info


def check_svg(data: bytes, path: str) -> PictureInfo:
    """Check an SVG picture, and return its media type.

    Scripts in it are not removed: it is only ever drawn as an image, in which browsers execute and load nothing.

    Args:
        data: The SVG as UTF-8 text.
        path: Name of the picture, for messages.

    Raises:
        ValueError: The text is not SVG, is too long, or has entities.
    """
    check_size(len(data), path)
    if b"<!ENTITY" in data.upper():
        raise ValueError(f"{path} is an SVG with entities, which can grow without limit; remove them")
    if not _begins_with_svg(data[:_MAX_PROLOG_BYTES]):
        raise ValueError(f"{path} is not an SVG picture: it does not begin with <svg")
    return PictureInfo(SVG)


def _begins_with_svg(text: bytes) -> bool:
    """Return whether the first element is `svg`.

    The parts before it are matched one by one: one pattern for all of them needs exponential time for some texts.
    """
    at = 0
    while found := next((match for part in _SVG_PROLOG if (match := part.match(text, at))), None):
        at = found.end()
    return _SVG_ELEMENT.match(text, at) is not None


def check_size(size: int, path: str) -> None:
    """Raise ValueError if a picture has more than `MAX_PICTURE_BYTES` bytes."""
    if size > MAX_PICTURE_BYTES:
        raise ValueError(
            f"{path} is a picture of {size:,} bytes, above the limit of {MAX_PICTURE_BYTES:,}; make it smaller"
        )


def check_pixels(width: int, height: int, path: str) -> None:
    """Raise ValueError if a picture has more than `MAX_PIXELS` pixels."""
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"{path} is a picture of {width:,} x {height:,} pixels, above the limit of {MAX_PIXELS:,}; make it smaller"
        )


def _read_png(data: bytes) -> PictureInfo:
    return PictureInfo("image/png", int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))


def _read_jpeg(data: bytes) -> PictureInfo:
    """Read the segments of a JPEG until the one with the size."""
    at = 2
    # Decoders skip other bytes between segments.
    while (at := data.find(b"\xff", at)) >= 0 and at + 9 <= len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return PictureInfo(
                "image/jpeg", int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
            )
        at += 1 if marker == 0xFF else 2 + max(length, 2)
    return PictureInfo("image/jpeg")


def _read_webp(data: bytes) -> PictureInfo | None:
    if data[8:12] != b"WEBP":
        return None
    match data[12:16]:
        case b"VP8X":
            width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        case _:
            return None
    return PictureInfo("image/webp", width, height)


_READERS: tuple[tuple[bytes, Callable[[bytes], PictureInfo | None]], ...] = (
    (_PNG_MARK, _read_png),
    (b"\xff\xd8\xff", _read_jpeg),
    (b"RIFF", _read_webp),
)
