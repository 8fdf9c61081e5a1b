"""Values that say how they are shown in `context`: `hitl.markdown`, `hitl.image`, `hitl.link` and `hitl.diff`."""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from hitl_nb import json_text as json
from hitl_nb.evidence.pictures import Picture, read_picture_file, take_picture
from hitl_nb.evidence.texts import clean_text
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.pickled_names import name_in_package
from hitl_nb.values.json_values import with_article
from hitl_nb.values.typed_values import encode_value

_MAX_URL_CHARS = 2_000


@name_in_package
@dataclass(frozen=True)
class ShownMarkdown:
    """A text that is shown as Markdown. Made by `hitl.markdown`."""

    text: str


@name_in_package
@dataclass(frozen=True)
class ShownImage:
    """A picture with its description. Made by `hitl.image`."""

    picture: Picture
    alt: str


@name_in_package
@dataclass(frozen=True)
class ShownLink:
    """A link to a page. Made by `hitl.link`."""

    url: str
    text: str
    host: str


@name_in_package
@dataclass(frozen=True)
class ShownDiff:
    """Two versions of a text. Made by `hitl.diff`."""

    before: str
    after: str


def markdown(text: str) -> ShownMarkdown:
    """Show a text as Markdown in `context`, also if it has only one line.

    Args:
        text: The Markdown. HTML in it is shown as text, and nothing is loaded from other sites.

    Returns:
        A value of the mapping `context`, for example `context={"summary": hitl.markdown(text)}`.

    Raises:
        TypeError: `text` is not a str.
    """
    return ShownMarkdown(_require_text(text, "text"))


def image(x: Any, alt: str = "") -> ShownImage:
    """Show a picture in `context`. The picture is made now: later changes of `x` are not shown.

    Args:
        x: A matplotlib figure or axes, a PIL image, an Altair chart, or bytes of a PNG, JPEG or WebP picture. Also the
            `pathlib.Path` of a file (".svg", too), or an object that notebooks display as a picture. At most 4 MB.
        alt: Description of the picture in one sentence, for people who cannot see it. A warning is issued if it is
            missing.

    Returns:
        A value of the mapping `context`, for example `context={"receipt": hitl.image(scan, alt="The receipt")}`.

    Raises:
        TypeError: `x` is not a picture.
        ValueError: The picture is too large, or in another format.
    """
    alt = _require_text(alt, "alt")
    kind = cast("type[Any]", type(x))
    taken = read_picture_file(cast("os.PathLike[str]", x), "x") if isinstance(x, os.PathLike) else take_picture(x, "x")
    if taken is None:
        raise TypeError(
            f"x is {with_article(kind.__name__)}; hitl.image takes a matplotlib figure, a PIL image, bytes of a PNG, "
            "JPEG or WebP picture, or the pathlib.Path of a file"
        )
    if not alt.strip():
        warn_without_alt("hitl.image(...)")
    return ShownImage(taken, alt.strip())


def link(url: str, text: str = "") -> ShownLink:
    """Show a link in `context`. People see the host beside the text.

    Args:
        url: The address, which begins with "https://" or "http://".
        text: The text of the link. Default: the address.

    Returns:
        A value of the mapping `context`, for example `context={"order": hitl.link(url, "Order 40215")}`.

    Raises:
        TypeError: An argument is not a str.
        ValueError: `url` is not an address of the web.
    """
    url, text = _require_text(url, "url"), _require_text(text, "text")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ValueError(f"url is {url[:80]!r}, which is no address: {error}") from None
    is_plain = url.isascii() and url.isprintable() and not any(c in url for c in ' \\"<>')
    if parts.scheme not in ("http", "https") or not host or not is_plain or len(url) > _MAX_URL_CHARS:
        raise ValueError(
            f"url is {show_hidden_characters(url)[:80]!r}; it must be an http or https address in ASCII, of at most "
            f"{_MAX_URL_CHARS} characters"
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError("url contains a user name or password; remove it: people could take it for the host")
    return ShownLink(url, text or url, host)


def diff(before: Any, after: Any) -> ShownDiff:
    """Show the differences of two versions in `context`.

    Args:
        before: The old version: a text, or a value that `checkpoint` can propose.
        after: The new version.

    Returns:
        A value of the mapping `context`, for example `context={"changes": hitl.diff(old, new)}`.

    Raises:
        TypeError: A value cannot be shown as text.
    """
    return ShownDiff(_format_version(before, "before"), _format_version(after, "after"))


def warn_without_alt(what: str) -> None:
    """Warn the author of an agent that a picture has no description. The warning names the author's line.

    Args:
        what: Name of the picture.
    """
    frame, level = sys._getframe(1), 2  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("hitl_nb."):
        frame, level = frame.f_back, level + 1
    warnings.warn(
        f'{what} has no alt text: people who cannot see the picture cannot decide. Give one: hitl.image(x, alt="...")',
        stacklevel=level,
    )


def _format_version(value: Any, path: str) -> str:
    if isinstance(value, str):
        return clean_text(value)
    shown: Any = encode_value(value, path)[0]
    return json.dumps(shown, ensure_ascii=False, indent=2)


def _require_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is {with_article(cast('type[Any]', type(value)).__name__)}; it must be a str")
    return clean_text(value)
