"""The check of a page's size, for all lists that callers read page by page."""

from __future__ import annotations


def check_limit(limit: int) -> None:
    """Check the size of a page.

    Raises:
        ValueError: `limit` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be 1 or more, not {limit}")
