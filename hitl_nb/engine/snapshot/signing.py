"""Signing of data that will be unpickled.

A sealed blob carries an HMAC-SHA256 over its place in the store and its content. The key can be read by this user only,
and is kept outside the store (as nbformat's notary keeps its `notebook_secret`). The signature is checked before
anything is loaded, so a snapshot that was edited, planted or moved to another run is refused.

Layout: magic (6 bytes), HMAC (32), header length (4, big endian), header (JSON), body.
"""

from __future__ import annotations

import hmac
import secrets
import struct
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from hitl_nb import json_text as json
from hitl_nb import settings
from hitl_nb.errors import StoreError, Untrusted, WrongPython
from hitl_nb.storage.secret_file import UnsafeFile, read_or_create_secret

FORMAT = 6
"""Of snapshots and of results of steps: it rises when older ones can no longer be loaded."""

KEY_SIZE = 32
_MAGIC = b"HITL1\n"
_FIRST_BLOCK = struct.pack(">Q", 12) + b"hitl/seal/v1"
_PLACES = (
    *("JUPYTER_DATA_DIR", "JUPYTER_PLATFORM_DIRS", "JUPYTER_CONFIG_DIR"),
    *("HOME", "USERPROFILE", "XDG_DATA_HOME", "APPDATA"),
)
"""Environment variables that Jupyter's data directory depends on."""
_read_places = settings.raw_reader(_PLACES)
PYTHON = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"
_BARE_HEADER = json.dumps({"python": PYTHON, "format": FORMAT}, separators=(",", ":")).encode()


def seal(place: str, header: dict[str, Any], body: bytes) -> bytes:
    """Sign `header` and `body` for one place in the store (`place` names store, run and role)."""
    made_by = {"python": PYTHON, "format": FORMAT}
    about = json.dumps({**header, **made_by}, separators=(",", ":")).encode() if header else _BARE_HEADER
    return b"".join((_MAGIC, _compute_mac(place, about, body), struct.pack(">I", len(about)), about, body))


def unseal(place: str, blob: bytes, *, sealed_here: bool = False) -> tuple[dict[str, Any], bytes]:
    """Check the signature, then the versions of Python and of the format; the header and the body.

    `sealed_here`: this process made these very bytes for this place, and remembers them; no signature tells more.

    Raises:
        Untrusted: not signed by this user's key for this place.
        WrongPython: signed, but by another Python version, or by a version of hitl_nb with another format.
    """
    start = len(_MAGIC) + 36
    if len(blob) < start or blob[: len(_MAGIC)] != _MAGIC:
        raise Untrusted(f"{place} is not a sealed record of hitl_nb; nothing in it was executed")
    length = int.from_bytes(blob[start - 4 : start], "big")
    about, body = blob[start : start + length], blob[start + length :]
    signed = sealed_here or hmac.compare_digest(blob[len(_MAGIC) : start - 4], _compute_mac(place, about, body))
    if not signed:
        raise Untrusted(
            f"{place} is not signed by your key ({find_key_path()}): it was changed, or saved by another user; "
            "nothing in it was executed. Run the agent anew with --restart if you do not need it"
        )
    header = json.loads(about)
    if header["python"] != PYTHON:
        raise WrongPython(
            f"{place} was saved by {header['python']} and this is {PYTHON}: go on with {header['python']}, "
            "or run the agent anew with --restart"
        )
    number = header.get("format") or 0
    if number != FORMAT:
        raise WrongPython(
            f"{place} was saved by another version of hitl_nb (format {number}, this one has {FORMAT}), "
            "and nothing in it was executed: install that version to finish this run, or begin it again with --restart"
        )
    return header, body


def find_key_path() -> Path:
    """Find the path of the key: `hitl_nb/key` in Jupyter's data directory."""
    return _find_key_path(*_read_places())


@lru_cache(maxsize=4)
def _find_key_path(*_: str | bytes | None) -> Path:
    """Find the path of the key, looked up again only when the environment names another place."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "hitl_nb" / "key"


def _compute_mac(place: str, about: bytes, body: bytes) -> bytes:
    first = place.encode()
    sizes = (struct.pack(">Q", len(part)) for part in (first, about, body))
    mac = _make_keyed_hash(find_key_path()).copy()
    mac.update(b"".join((_FIRST_BLOCK, next(sizes), first, next(sizes), about, next(sizes), body)))
    return mac.digest()


@lru_cache(maxsize=4)
def _make_keyed_hash(path: Path) -> hmac.HMAC:
    """Make the keyed hash with the key at `path`: setting it up takes longer than signing a small record."""
    try:
        key = read_or_create_secret(path, secrets.token_bytes(KEY_SIZE))
    except UnsafeFile as unsafe:
        raise Untrusted(f"{unsafe}; nothing was executed") from unsafe
    except OSError as broken:
        raise StoreError(f"the key that saved states are signed with, {path}: {broken.strerror}") from broken
    if len(key) != KEY_SIZE:
        raise Untrusted(
            f"{path} is not a key of hitl_nb ({len(key)} bytes, not {KEY_SIZE}), so nothing that was saved can be "
            "checked, and nothing was executed; restore the file from a backup, or remove it and run your agents anew "
            "with --restart"
        )
    return hmac.new(key, digestmod="sha256")
