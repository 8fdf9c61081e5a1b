"""The error for a stack that cannot be saved."""

from __future__ import annotations


class CannotSave(Exception):
    """The stack of the run cannot be saved at its present position. The message names the part that prevents it."""
