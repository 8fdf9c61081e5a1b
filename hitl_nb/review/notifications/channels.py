"""Notification channels, from `channels.toml` in Jupyter's configuration directory.

    ada = { urls = ["mailto://..."], digest = "1h" }
    "@finance" = { urls = ["slack://..."] }

The URLs have Apprise's format and contain passwords. So only the file's owner may be able to read it. No message, event
or log has a URL or any part of one except its scheme. A key that may be a secret is not shown either.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from jupyter_core.paths import jupyter_config_dir

from hitl_nb.errors import HitlError
from hitl_nb.storage.secret_file import UnsafeFile, read_private_file

_MAX_FILE_BYTES = 1 << 20
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,39})://.")
_INTERVAL = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_KEY = re.compile(r"[a-z_-]{1,20}")
_NAME = re.compile(r"@?[a-z][a-z0-9_.-]{0,19}")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LINE = re.compile(r"at line (\d+)")


class ChannelsError(HitlError):
    """`channels.toml` cannot be used. The message says why and how to correct it, and never shows a URL."""


@dataclass(frozen=True)
class Channel:
    """How one addressee is notified.

    Attributes:
        name: A user name, a group ("@finance"), "anyone" or "requester".
        urls: Apprise URLs; secrets.
        digest: Maximum time that a notice waits for others to share one message. None: each is sent immediately.
    """

    name: str
    urls: tuple[str, ...] = field(repr=False)
    digest: timedelta | None = None

    def services(self) -> tuple[str, ...]:
        """Return a name for each URL that shows only its position and its scheme: "0:mailto"."""
        return tuple(f"{n}:{read_scheme(url)}" for n, url in enumerate(self.urls))

    def find_url(self, service: str) -> str | None:
        """Return the URL of a service; None if the file has changed and has another URL there."""
        return dict(zip(self.services(), self.urls, strict=True)).get(service)


def channels_file() -> Path:
    """Return the path of the configuration file."""
    return Path(jupyter_config_dir(), "channels.toml")


def load_channels(file: Path | None = None) -> dict[str, Channel] | None:
    """Read the channels by their names; None if there is no file.

    Args:
        file: The file to read. Default: `channels_file()`.

    Raises:
        ChannelsError: The file cannot be used.
    """
    path = channels_file() if file is None else file
    try:
        raw = read_private_file(path, _MAX_FILE_BYTES + 1)
    except UnsafeFile as unsafe:
        raise ChannelsError(str(unsafe)) from None
    except OSError as error:
        raise ChannelsError(f"{path} cannot be read: {error.strerror}") from None
    if raw is None:
        return None
    if len(raw) > _MAX_FILE_BYTES:
        raise ChannelsError(f"{path} has more than {_MAX_FILE_BYTES} bytes")
    try:
        text = raw.decode()
        return {name: _parse_channel(path, text, name, entry) for name, entry in tomllib.loads(text).items()}
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = _LINE.search(str(error))  # show only the line number: the rest of the message may quote the file
        where = f"line {line[1]}" if line else "its end"
        raise ChannelsError(
            f'{path} is not TOML, at {where}; an entry is: ada = {{ urls = ["mailto://..."] }}'
        ) from None
    except UnicodeDecodeError:
        raise ChannelsError(f"{path} is not UTF-8 text") from None


def read_scheme(url: str) -> str:
    """Return the scheme of a URL in lower case: the only part that may be shown. "?" if there is none."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else "?"


def check_public_url(url: str) -> str:
    """Return `url` without a "/" at its end, if links can begin with it; "" for an empty one.

    Raises:
        ValueError: Links cannot begin with this URL.
    """
    if not url:
        return ""
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname or found.query or found.fragment:
        raise ValueError(
            f"the public URL must be http:// or https:// and a host, such as https://hub.example/user/ada/, not {url!r}"
        )
    if found.username is not None or found.password is not None:
        raise ValueError("the public URL must not have a user name or password: every message would show it")
    return url.rstrip("/")


def _parse_channel(path: Path, text: str, name: str, entry: Any) -> Channel:
    def wrong(what: str, mend: str) -> ChannelsError:
        which = f"channel {name!r}" if _NAME.fullmatch(name) else f"a channel {_find_line(text, name)}"
        return ChannelsError(f"{path}: {which}: {what}; {mend}")

    if not name.strip() or name != name.strip() or name == "@":
        raise wrong("it has no name", 'name a user ("ada"), a group ("@finance"), "anyone" or "requester"')
    if not isinstance(entry, dict):
        raise wrong(f"it is a {_check_name(entry)}", 'write { urls = ["..."] }')
    fields = cast("Mapping[str, Any]", entry)
    unknown = [key for key in fields if key not in ("urls", "digest")]
    if unknown:
        key = unknown[0]
        shown = f"unknown key {key!r}" if _KEY.fullmatch(key) else f"an unknown key {_find_line(text, key)}"
        raise wrong(shown, "known are urls and digest")
    urls: Any = fields.get("urls")
    if not isinstance(urls, list) or not urls:
        raise wrong("urls is missing or empty", 'write urls = ["mailto://..."]')
    for n, url in enumerate(cast("list[Any]", urls), 1):
        if not isinstance(url, str) or not _SCHEME.match(url):
            raise wrong(
                f"URL {n} of {len(cast('list[Any]', urls))} is not a URL", "a URL begins with a scheme: slack://..."
            )
    return Channel(name, tuple(cast("list[str]", urls)), _parse_interval(fields.get("digest"), wrong))


def _find_line(text: str, key: str) -> str:
    """Return the line of a key that is not shown, because it may be a secret that was written on the wrong side."""
    found = next((n for n, line in enumerate(text.splitlines(), 1) if key and key in line), None)
    return "in it" if found is None else f"in line {found}"


def _parse_interval(text: Any, wrong: Any) -> timedelta | None:
    if text is None:
        return None
    found = _INTERVAL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise wrong("digest is not a duration", 'write a number and s, m, h or d: "1h"')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _check_name(value: object) -> str:
    return "list" if isinstance(value, list) else "text" if isinstance(value, str) else "number, boolean or date"
