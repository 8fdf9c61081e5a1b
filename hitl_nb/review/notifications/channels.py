"""Where people are told: `channels.toml` in Jupyter's configuration directory.

    ada = { urls = ["mailto://..."], digest = "1h" }
    "@finance" = { urls = ["slack://..."] }

The URLs are Apprise's and hold passwords. So the file must be readable by its owner alone, and no URL, nor any part of
one but its scheme, is in a message, an event or a log. A key that may be a secret is not shown either.
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
    """`channels.toml` cannot be used: the message says why and how to mend it, and never shows a URL."""


@dataclass(frozen=True)
class Channel:
    """How one addressee is told.

    Attributes:
        name: a user name, a group ("@finance"), "anyone" or "requester".
        urls: Apprise's URLs; secrets.
        digest: how long a notice may wait so that several become one message; None: each is sent at once.
    """

    name: str
    urls: tuple[str, ...] = field(repr=False)
    digest: timedelta | None = None

    def services(self) -> tuple[str, ...]:
        """A name for each URL that tells nothing of it but its place and its scheme: "0:mailto"."""
        return tuple(f"{n}:{read_scheme(url)}" for n, url in enumerate(self.urls))

    def find_url(self, service: str) -> str | None:
        """The URL that a service stands for; None if the file has another one in its place by now."""
        return dict(zip(self.services(), self.urls, strict=True)).get(service)


def channels_file() -> Path:
    """Where the channels are configured."""
    return Path(jupyter_config_dir(), "channels.toml")


def load_channels(file: Path | None = None) -> dict[str, Channel] | None:
    """The channels by their names; None if there is no such file. Raises ChannelsError."""
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
        line = _LINE.search(str(error))  # the rest of the message may quote the file
        where = f"line {line[1]}" if line else "its end"
        raise ChannelsError(
            f'{path} is not TOML, at {where}; an entry is: ada = {{ urls = ["mailto://..."] }}'
        ) from None
    except UnicodeDecodeError:
        raise ChannelsError(f"{path} is not UTF-8 text") from None


def read_scheme(url: str) -> str:
    """What stands before "://", in small letters: the one part of a URL that may be shown."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else "?"


def check_public_url(url: str) -> str:
    """`url`, if links can begin with it; "" for none. Raises ValueError."""
    if not url:
        return ""
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname or found.query or found.fragment:
        raise ValueError(
            f"the public URL must be http:// or https:// and a host, as https://hub.example/user/ada/; got {url!r}"
        )
    if found.username is not None or found.password is not None:
        raise ValueError("the public URL has a user name or password in it: every message would show it")
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
            raise wrong(f"URL {n} of {len(cast('list[Any]', urls))} is no URL", "it begins with a scheme: slack://...")
    return Channel(name, tuple(cast("list[str]", urls)), _parse_interval(fields.get("digest"), wrong))


def _find_line(text: str, key: str) -> str:
    """In which line a key is that is not shown: it may be a secret that was put on the wrong side."""
    found = next((n for n, line in enumerate(text.splitlines(), 1) if key and key in line), None)
    return "in it" if found is None else f"in line {found}"


def _parse_interval(text: Any, wrong: Any) -> timedelta | None:
    if text is None:
        return None
    found = _INTERVAL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise wrong("digest is no duration", 'write a number and s, m, h or d: "1h"')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _check_name(value: object) -> str:
    return "list" if isinstance(value, list) else "text" if isinstance(value, str) else "number, boolean or date"
