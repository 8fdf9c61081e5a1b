"""Errors of reading and restoring a stack."""

from __future__ import annotations


class CannotSave(Exception):
    """The stack cannot be saved here; the message names the part that prevents it."""
