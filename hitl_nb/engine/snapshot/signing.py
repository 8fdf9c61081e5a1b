"""Sign and check data that is trusted when it is read: pickles, and records of extensions (*portable* data).

A sealed blob has an HMAC-SHA256 over its place in the store and its content. The key can be read by this user only, and
is kept outside the store (as nbformat's notary keeps its `notebook_secret`). The signature is checked before anything
is unpickled. So a snapshot that was edited, planted or moved to another run is refused.

Portable data is no pickle of the engine, so any version of Python may read it. Its header says "portable" in place of
the version of Python. A reader says which of both it expects, and refuses the other.

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

FORMAT = 7
"""Format number of snapshots and of results of steps. It is raised when older data can no longer be loaded."""

PORTABLE_FORMAT = 1
"""Format number of the header of portable data."""

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
_PORTABLE: dict[str, Any] = {"portable": True, "format": PORTABLE_FORMAT}
_PORTABLE_HEADER = json.dumps(_PORTABLE, separators=(",", ":")).encode()


def seal(place: str, header: dict[str, Any], body: bytes, *, portable: bool = False) -> bytes:
    """Sign `header` and `body` for one place in the store.

    Args:
        place: Names the store, the run and the role of the data, for example a snapshot or the result of a step.
        header: JSON data. The versions of Python and of the format are added.
        body: The data.
        portable: True: the data is no pickle of the engine, so it is not bound to this version of Python. Default:
            False.

    Returns:
        The sealed blob.
    """
    made_by = _PORTABLE if portable else {"python": PYTHON, "format": FORMAT}
    bare = _PORTABLE_HEADER if portable else _BARE_HEADER
    about = json.dumps({**header, **made_by}, separators=(",", ":")).encode() if header else bare
    return b"".join((_MAGIC, _compute_mac(place, about, body), struct.pack(">I", len(about)), about, body))


def unseal(
    place: str, blob: bytes, *, sealed_here: bool = False, portable: bool = False
) -> tuple[dict[str, Any], bytes]:
    """Check the signature of a sealed blob, then its versions of Python and of the format.

    Args:
        place: The place for which the blob was signed, as for `seal`.
        blob: The sealed blob.
        sealed_here: True: this process made exactly these bytes for this place and remembers them, so the signature is
            not checked again.
        portable: Whether the blob must have been sealed as portable data, as for `seal`.

    Returns:
        The header and the body.

    Raises:
        Untrusted: The blob is not signed by this user's key for this place, or not as the kind of data that
            `portable` says.
        WrongPython: It is signed, but by another Python version, or by a version of hitl_nb with another format.
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
            "nothing in it was executed. If you do not need it, run the agent again with --restart"
        )
    header = json.loads(about)
    if header.get("portable", False) is not portable:
        raise Untrusted(f"{place} was sealed as another kind of data; nothing in it was executed")
    if not portable and header["python"] != PYTHON:
        raise WrongPython(
            f"{place} was saved by {header['python']} and this is {PYTHON}. Continue with {header['python']}, "
            "or run the agent again with --restart"
        )
    number = header.get("format") or 0
    if number != (expected := PORTABLE_FORMAT if portable else FORMAT):
        raise WrongPython(
            f"{place} was saved by another version of hitl_nb (format {number}, this one has {expected}), "
            "and nothing in it was executed: install that version to finish this run, or begin it again with --restart"
        )
    return header, body


def find_key_path() -> Path:
    """Return the path of the signing key: `hitl_nb/key` in Jupyter's data directory."""
    return _find_key_path(*_read_places())


@lru_cache(maxsize=4)
def _find_key_path(*_: str | bytes | None) -> Path:
    """Return the path of the key. Cached by the environment variables that Jupyter's data directory depends on."""
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
    """Return an HMAC object with the key at `path`. Cached, because making it takes longer than signing a small record.

    Raises:
        Untrusted: The file is not a key, or other users can change it.
        StoreError: The file cannot be read or written.
    """
    try:
        key = read_or_create_secret(path, secrets.token_bytes(KEY_SIZE))
    except UnsafeFile as unsafe:
        raise Untrusted(f"{unsafe}; nothing was executed") from unsafe
    except OSError as broken:
        raise StoreError(f"the key that saved states are signed with, {path}: {broken.strerror}") from broken
    if len(key) != KEY_SIZE:
        raise Untrusted(
            f"{path} is not a key of hitl_nb ({len(key)} bytes, not {KEY_SIZE}). No saved state can be checked, and "
            "nothing was executed. Restore the file from a backup, or delete it and run the agents again with --restart"
        )
    return hmac.new(key, digestmod="sha256")
