"""Checks of input that are the same for every store: keys, values of bounded size, and ranges of keys.

A key is plain ASCII, so that all backends sort keys alike and no character in a key needs quoting.
"""

from __future__ import annotations

import re

from hitl_nb.errors import StoreFull
from hitl_nb.storage.interface import MAX_VALUE_BYTES

_KEY_PATTERN = re.compile(r"[!-~]{1,1024}")


def check_key(key: object) -> None:
    """Check that `key` is a valid key: 1 to 1024 printable ASCII characters without spaces.

    Raises:
        TypeError: `key` is not a str.
        ValueError: `key` has another form.
    """
    if type(key) is not str:
        raise TypeError(f"key must be a str, not {type(key).__name__}")
    if _KEY_PATTERN.fullmatch(key) is None:
        raise ValueError(f"key must be 1 to 1024 printable ASCII characters without spaces, not {key[:80]!r}")


def check_value(key: str, value: object) -> None:
    """Check that `value` is valid: bytes of at most `MAX_VALUE_BYTES`.

    Args:
        key: Key of the value, for the message.
        value: The value.

    Raises:
        TypeError: `value` is not bytes.
        StoreFull: `value` is longer than `MAX_VALUE_BYTES`.
    """
    if type(value) is not bytes:
        raise TypeError(f"value of {key} must be bytes, not {type(value).__name__}")
    if len(value) > MAX_VALUE_BYTES:
        raise StoreFull(f"value of {key} has {len(value)} bytes, the limit is {MAX_VALUE_BYTES}; store it in chunks")


def check_range(start: object, stop: object, limit: object) -> None:
    """Check the bounds and the limit of a scan.

    Raises:
        TypeError: `start` or `stop` is not a str, or `limit` is not an int or None.
        ValueError: `limit` is negative.
    """
    for name, bound in (("start", start), ("stop", stop)):
        if type(bound) is not str:
            raise TypeError(f"{name} must be a str, not {type(bound).__name__}")
    if limit is not None and type(limit) is not int:
        raise TypeError(f"limit must be an int or None, not {type(limit).__name__}")
    if limit is not None and limit < 0:
        raise ValueError(f"limit must not be negative, got {limit}")
