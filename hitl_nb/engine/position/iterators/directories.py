"""Results of `os.scandir` as data. The rest of a listing is read from the directory at the pause.

Changes of the directory after that do not matter: a listing shows the directory at one moment in any case.
"""

from __future__ import annotations

import os
import stat
from sys import getrefcount
from typing import Any

from hitl_nb.engine.compile.runtime import runtime
from hitl_nb.engine.position.frames.errors import CannotSave


class DirectoryListing:
    """The listing that a `for` loop reads in place of the result of `os.scandir`.

    Args:
        entries: entries that were read from the directory and not given to the loop yet; they come first.
        iterator: the result of `os.scandir` that gives the other entries; None: there are no others.
    """

    def __init__(self, entries: list[Any], iterator: Any = None) -> None:
        self._entries, self._iterator = entries[::-1], iterator

    def __iter__(self) -> DirectoryListing:
        return self

    def __next__(self) -> Any:
        if self._entries:
            return self._entries.pop()
        if self._iterator is None:
            raise StopIteration
        return next(self._iterator)

    def __enter__(self) -> DirectoryListing:
        return self

    def __exit__(self, *args: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the iterator, and drop all entries that are left."""
        self._entries.clear()
        if self._iterator is not None:
            self._iterator.close()

    def take_rest(self) -> list[Any]:
        """Read all remaining entries from the directory, and return them in order. The loop still gets them, too."""
        if self._iterator is not None:
            self._entries[:0] = list(self._iterator)[::-1]
        return self._entries[::-1]

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the pickle form of the listing (see `object.__reduce__`). It contains the remaining entries."""
        return DirectoryListing, (self.take_rest(),)


_listings: dict[int, tuple[Any, DirectoryListing]] = {}
"""The listings, by the `id` of their iterator, which supports no weak references. Unused iterators are removed."""


def open_listing(iterator: Any) -> DirectoryListing:
    """Return the listing that a loop reads in place of a result of `os.scandir`.

    For the same result, each call returns the same listing.

    Args:
        iterator: the result of `os.scandir`.
    """
    for key in [key for key, (raw, listing) in _listings.items() if _is_unreferenced(raw, listing)]:
        del _listings[key]
    found = _listings.get(id(iterator))
    if found is None:
        found = _listings[id(iterator)] = iterator, DirectoryListing([], iterator)
    return found[1]


def _is_unreferenced(raw: Any, listing: DirectoryListing) -> bool:
    """Return whether only the table of listings refers to an iterator and its listing, so that both can be removed.

    The reference counts that are compared also include the names and calls in this module, and the listing's reference
    to its iterator.

    Args:
        raw: the result of `os.scandir`.
        listing: its listing.
    """
    return getrefcount(raw) <= 5 and getrefcount(listing) <= 4


def reduce_scandir(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of a result of `os.scandir`, as in `with os.scandir(...) as it`.

    It restores the `DirectoryListing` that the loop over the result reads.

    Raises:
        CannotSave: No loop reads it yet.
    """
    found = _listings.get(id(value))
    if found is None:
        raise CannotSave("an os.scandir(...) that no loop reads yet; use list(os.scandir(...)) or os.listdir(...)")
    return _return_unchanged, (found[1],)


def _return_unchanged(listing: DirectoryListing) -> DirectoryListing:
    return listing


class VanishedEntry:
    """A directory entry whose file no longer exists or has changed its kind, with the saved attributes.

    It has the methods of `os.DirEntry`.

    Args:
        path: path of the file.
        name: name of the file.
        kinds: whether it was a directory, a file, a symbolic link.
        inode: its inode.
    """

    def __init__(self, path: str, name: str, kinds: tuple[bool, bool, bool], inode: int) -> None:
        self.path, self.name = path, name
        self._kinds, self._inode = kinds, inode

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Return whether the entry was a directory."""
        return self._kinds[0] and (follow_symlinks or not self._kinds[2])

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Return whether the entry was a file."""
        return self._kinds[1] and (follow_symlinks or not self._kinds[2])

    def is_symlink(self) -> bool:
        """Return whether the entry was a symbolic link."""
        return self._kinds[2]

    def inode(self) -> int:
        """Return the inode that the entry had."""
        return self._inode

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return the current status of the path."""
        return os.stat(self.path, follow_symlinks=follow_symlinks)  # noqa: PTH116 - as it is given


def reduce_entry(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of an `os.DirEntry` (as of `object.__reduce__`): its path, name, kinds and inode."""
    try:
        kinds = value.is_dir(), value.is_file(), value.is_symlink()
    except OSError:
        kinds = False, False, False
    return make_entry, (value.path, value.name, kinds, value.inode())


def make_entry(path: Any, name: Any, kinds: tuple[bool, bool, bool], inode: int) -> Any:
    """Make a directory entry from its saved attributes.

    Returns:
        The entry that the directory has now, if it is still of the same kind; otherwise a `VanishedEntry`.
    """
    try:
        about = os.lstat(path)
        with os.scandir(os.path.dirname(path) or ".") as listing:  # noqa: PTH120 - as scandir writes paths
            entry = next((each for each in listing if each.name == name), None)
    except OSError:
        entry = None
    else:
        is_same = stat.S_ISLNK(about.st_mode) == kinds[2] and entry is not None and entry.is_dir() == kinds[0]
        if is_same and entry.path == path:  # type: ignore[union-attr]  # `is_same`: an entry
            return entry
    return VanishedEntry(path, name, kinds, inode)


with os.scandir("/") as _listing:
    runtime.openers[type(_listing)] = open_listing
