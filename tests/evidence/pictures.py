"""Pictures of few bytes, made here, for tests of evidence."""

from __future__ import annotations

import struct
import zlib


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 1, height: int = 1, color: bytes = b"\xff\x00\x00") -> bytes:
    """A PNG of one color. A picture of more than 1000 pixels claims its size and has no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = (b"\0" + color * width) * height if width * height <= 1000 else b""
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


SCRIPTED_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="20" '
    'onload="window.evidenceRan=1"><script>window.evidenceRan=1;top.evidenceRan=1</script>'
    '<image xlink:href="http://127.0.0.1:9/evil.png" width="9" height="9"/><rect width="40" height="20"/></svg>'
)
