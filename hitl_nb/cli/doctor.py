"""`hitl-nb doctor`: checks of the conditions that hitl_nb's promises depend on, with advice for each failed check.

The store is opened in the usual way, which restores the settings that can be restored. Then the settings are read again
through a second, read-only connection, so that the report shows the settings on the disk.
"""

from __future__ import annotations

import platform
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from hitl_nb.errors import HitlError, StoreCorrupt
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.proposal_lists import iterate_stuck
from hitl_nb.review.notifications.channels import ChannelsError, load_channels
from hitl_nb.review.notifications.delivery import find_missing
from hitl_nb.settings import STORE
from hitl_nb.storage import open_store
from hitl_nb.storage.urls import store_directory

_DISKCACHE_VERSION = "5.6.3"
_FRONT_ENDS = ("jupyterlab", "notebook")
_NEEDED_PACKAGES = ("ipykernel", "ipython", "ipywidgets", "nbclient", "nbformat", "pydantic", "msgspec", "cloudpickle")

# Settings that must never differ in a store, and the damage if they do.
_SETTINGS: dict[str, tuple[object, str]] = {
    "eviction_policy": ("none", "old decisions would be deleted to make room"),
    "cull_limit": (0, "old decisions would be deleted to make room"),
}


@dataclass(frozen=True)
class DoctorFinding:
    """Result of one check.

    Attributes:
        state: "ok", "note" (works, but has a limit that the user should know) or "wrong".
        subject: The thing that was checked.
        found: The state in which it was found.
        fix: Advice; empty if there is no problem.
    """

    state: Literal["ok", "note", "wrong"]
    subject: str
    found: str
    fix: str = ""

    def json(self) -> dict[str, str]:
        """Return this finding as a JSON object."""
        return {"state": self.state, "what": self.subject, "found": self.found, "mend": self.fix}


def examine_installation(url: str | None) -> list[DoctorFinding]:
    """Run all checks and return their findings, in order.

    Raises:
        ValueError: The store's URL is invalid.
    """
    return [
        *_check_versions(),
        _check_sqlite(sqlite3.sqlite_version_info),
        *_check_front_ends(),
        *_check_channels(),
        *_check_store(url),
    ]


def _check_versions() -> Iterator[DoctorFinding]:
    yield DoctorFinding("ok", "hitl_nb", f"{_installed_version('hitl_nb') or 'not installed, run from its folder'}")
    yield DoctorFinding("ok", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    found = _installed_version("diskcache")
    if found == _DISKCACHE_VERSION:
        yield DoctorFinding("ok", "diskcache", found)
    else:
        yield DoctorFinding(
            "wrong",
            "diskcache",
            str(found),
            f"its file layout is relied on: pip install diskcache=={_DISKCACHE_VERSION}",
        )
    missing = [name for name in _NEEDED_PACKAGES if _installed_version(name) is None]
    if missing:
        yield DoctorFinding(
            "wrong", "libraries", f"{', '.join(missing)} not installed", f"pip install {' '.join(missing)}"
        )
    else:
        yield DoctorFinding(
            "ok", "libraries", ", ".join(f"{name} {_installed_version(name)}" for name in _NEEDED_PACKAGES)
        )


def _check_sqlite(found: tuple[int, int, int]) -> DoctorFinding:
    """Check whether this SQLite can corrupt the WAL at a checkpoint during a restart (sqlite.org/wal.html)."""
    text = ".".join(map(str, found))
    mended = found >= (3, 51, 3) or (3, 50, 7) <= found < (3, 51) or (3, 44, 6) <= found < (3, 45)
    if mended:
        return DoctorFinding("ok", "SQLite", text)
    return DoctorFinding(
        "note",
        "SQLite",
        f"{text} has the WAL-reset bug (fixed in 3.51.3)",
        "hitl_nb works around it; let no other program write to or checkpoint the store (Litestream, cron)",
    )


def _check_front_ends() -> Iterator[DoctorFinding]:
    found = [f"{name} {_installed_version(name)}" for name in _FRONT_ENDS if _installed_version(name)]
    if found:
        yield DoctorFinding("ok", "front ends", ", ".join(found))
    else:
        mend = "pip install 'hitl_nb[lab]', unless another front end starts kernels in this environment"
        yield DoctorFinding("note", "front ends", "neither JupyterLab nor Notebook is installed here", mend)


def _check_store(url: str | None) -> Iterator[DoctorFinding]:
    origin = "--store" if url is not None else STORE.name if STORE.read() else "the default"
    try:
        store = open_store(url)
        ledger = Ledger(store)
        drafts = store.drafts  # opening repairs a store whose creation was interrupted by a killed process
    except HitlError as e:
        yield DoctorFinding(
            "wrong", "store", f"cannot be opened: {e}", f"fix that, or name another store (from {origin})"
        )
        return
    yield DoctorFinding("ok", "store", f"{drafts.url} (from {origin})")
    if store.url.startswith("diskcache:"):
        folder = store_directory(store.url)
        yield from _check_folder(folder)
        for database in sorted(folder.glob("*/cache.db")):
            yield _check_settings(database)
    yield from _check_watchers(ledger)
    yield from _check_stuck(ledger)
    checked = ledger.audit.verify()
    mend = "keep a copy of the store's folder, then compare with an exported log or a backup"
    if checked.ok or checked.differs:
        yield DoctorFinding("ok", "audit log", f"{checked.events} events, unbroken")
    else:
        yield DoctorFinding("wrong", "audit log", checked.problem or "broken", mend)
    if checked.ok:
        yield DoctorFinding("ok", "records", "every record matches the audit log")
    for one in checked.differs:
        yield DoctorFinding("wrong", "records", one.text, mend)


def _check_watchers(ledger: Ledger) -> Iterator[DoctorFinding]:
    watchers = ledger.watchers.list_running(ledger.now())
    if watchers:
        yield DoctorFinding("ok", "deadlines", f"watched by {', '.join(map(str, watchers))}")
    elif ledger.timers.has_planned_steps():
        mend = "start a Jupyter server with hitl_nb, or run `hitl-nb watch`"
        yield DoctorFinding("note", "deadlines", "nobody watches them, and a proposal with a deadline waits", mend)


def _check_stuck(ledger: Ledger) -> Iterator[DoctorFinding]:
    mend = "name others in the policy's `fallback` for the next time; `hitl-nb cancel` stops a run that cannot continue"
    with suppress(StoreCorrupt):  # the comparison with the log reports the damage
        for proposal in iterate_stuck(ledger.store):
            yield DoctorFinding(
                "wrong", "stuck", f"nobody may decide {proposal.title!r} ({proposal.id}): {proposal.stuck}", mend
            )


def _check_channels() -> Iterator[DoctorFinding]:
    try:
        found = load_channels()
    except ChannelsError as error:
        yield DoctorFinding("wrong", "channels", str(error), "fix the file; until then nobody is notified")
        return
    missing = None if found is None else find_missing(found.values())
    if missing is not None:
        yield DoctorFinding("wrong", "channels", missing.problem, missing.fix)
    elif found is not None:
        yield DoctorFinding("ok", "channels", ", ".join(found) or "none")


def _check_folder(folder: Path) -> Iterator[DoctorFinding]:
    found = folder.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        yield DoctorFinding("wrong", "folder", f"{folder} is open to other users ({mode:04o})", f"chmod 700 {folder}")
    else:
        yield DoctorFinding("ok", "folder", f"{folder} ({mode:04o})")


def _check_settings(database: Path) -> DoctorFinding:
    name = f"settings of {database.parent.name}"
    try:
        connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
        try:
            held: dict[str, Any] = dict(connection.execute("SELECT key, value FROM Settings"))
            journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as e:
        return DoctorFinding(
            "wrong", name, f"cannot be read: {e}", "keep a copy of the store's folder and restore a backup"
        )
    for key, (wanted, why) in _SETTINGS.items():
        if held.get(key) != wanted:
            mend = f"another program changed it, and {why}: stop that program, then open the store again to restore it"
            return DoctorFinding("wrong", name, f"{key} is {held.get(key)!r}, not {wanted!r}", mend)
    if journal != "wal":
        return DoctorFinding(
            "wrong", name, f"journal mode is {journal!r}, not 'wal'", "stop the program that changed it"
        )
    return DoctorFinding("ok", name, f"nothing is evicted, WAL, synchronous {held.get('sqlite_synchronous')}")


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
