"""The check of the `limit` argument of functions that return lists page by page."""

from __future__ import annotations


def check_limit(limit: int) -> None:
    """Raise an error if `limit`, the most items of one page, is below 1.

    Raises:
        ValueError: `limit` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be 1 or more, not {limit}")
