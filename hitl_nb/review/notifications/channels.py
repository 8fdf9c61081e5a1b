"""Notification channels: how each person or group is notified, read from `channels.toml`.

The file is in Jupyter's configuration directory. Examples of its entries:

    ada = { urls = ["mailto://..."], digest = "1h" }
    "@finance" = { urls = ["slack://..."] }

The URLs have the format of Apprise (the library that sends notifications) and contain passwords. So only the file's
owner may be able to read it. No message, event or log has a URL or any part of a URL except its scheme. A key that may
be a secret is not shown either.
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
    """Error: `channels.toml` cannot be used. The message says why and how to correct it, and never shows a URL."""


@dataclass(frozen=True)
class Channel:
    """The way in which one addressee is notified: an entry of `channels.toml`.

    Attributes:
        name: A user name, a group ("@finance"), "anyone" or "requester" (the people who started or continued the run).
        urls: Apprise URLs of the services to send to. They are secrets.
        digest: Maximum time that a notice waits for other notices, so that one message has them all. None: each notice
            is sent immediately.
    """

    name: str
    urls: tuple[str, ...] = field(repr=False)
    digest: timedelta | None = None

    def services(self) -> tuple[str, ...]:
        """Return a name for each URL of the channel: its position and its scheme, such as "0:mailto".

        The rest of a URL is secret.
        """
        return tuple(f"{n}:{read_scheme(url)}" for n, url in enumerate(self.urls))

    def find_url(self, service: str) -> str | None:
        """Return the URL of a service that `services()` has named before.

        None if the file was changed meanwhile and has another URL at this position.
        """
        return dict(zip(self.services(), self.urls, strict=True)).get(service)


def channels_file() -> Path:
    """Return the path of `channels.toml` in Jupyter's configuration directory. The file may not exist."""
    return Path(jupyter_config_dir(), "channels.toml")


def load_channels(file: Path | None = None) -> dict[str, Channel] | None:
    """Read the notification channels from `channels.toml`.

    Args:
        file: The file to read. Default: `channels_file()`.

    Returns:
        The channels by their names. None if there is no file.

    Raises:
        ChannelsError: The file cannot be read, other users can read it, or its content is invalid.
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
    """Return the scheme of a URL in lower case, such as "mailto". It is the only part that may be shown.

    "?" if the URL has no scheme.
    """
    found = _SCHEME.match(url)
    return found[1].lower() if found else "?"


def check_public_url(url: str) -> str:
    """Check the URL of the server with which links in messages begin, and return it without a "/" at its end.

    "" for an empty URL.

    Raises:
        ValueError: It is not an http or https URL with a host, or it has a query, a fragment, a user name or a
            password.
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
    """Return the line of a key in the file's text, as "in line 3", or "in it" if no line has the key.

    Such a key is not shown itself, because it may be a secret that was written on the wrong side of the "=".
    """
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
