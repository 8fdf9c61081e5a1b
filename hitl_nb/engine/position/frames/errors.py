"""What reading and restoring a stack raise."""

from __future__ import annotations


class CannotSave(Exception):
    """The stack cannot be saved here; the message says what of it."""
