"""In which window of a browser a request was made: in the page of its own, or anywhere else in the server's origin.

Script in the HTML of a trusted output has all rights of JupyterLab's page, so nothing that JupyterLab knows can tell
the two apart. The page of its own can be told: it is handed a pass when a browser loads it as the document of a window.
The browser says so (`Sec-Fetch-Dest`), which no script can: what a script fetches, frames or embeds gets no pass. And a
window that a script opened is cut off from it by `Cross-Origin-Opener-Policy`, before the page is in it.

What is left: a server that lets its users serve a service worker for its root (as a proxy to their programs does) lets
that read the page; and a program outside of browsers, that has the login's cookie, can say what it likes.
"""

from __future__ import annotations

from typing import Any

from hitl_nb.records import Surface

HEADER = "X-Hitl-Page"
"""What the page sends with every call: its pass."""
APART = ("Cross-Origin-Opener-Policy", "same-origin")
"""Separates the page's window from the page that opened it, unless that has the same policy itself."""
_DAYS = 1
"""How long a pass is good for."""
_NAME = "hitl_nb_page"


def make_pass(handler: Any) -> str:
    """What shows that a call comes from the page that this request loads; "" if something else may read the page."""
    asked = handler.request.headers
    alone = asked.get("Sec-Fetch-Dest") == "document" and asked.get("Sec-Fetch-Mode") == "navigate"
    if not alone or _shares_windows(handler):
        return ""
    return handler.create_signed_value(_NAME, handler.current_user.username).decode()


def find_surface(handler: Any, username: str) -> Surface:
    """Where a request of this user was made."""
    given: str | None = handler.request.headers.get(HEADER)
    said: bytes | None = handler.get_signed_cookie(_NAME, given, max_age_days=_DAYS, min_version=2) if given else None
    return "page" if said == username.encode() else "shared"


def _shares_windows(handler: Any) -> bool:
    """Whether this server's other pages have the page's policy too, which keeps windows of theirs together with it."""
    headers: dict[str, Any] = handler.settings.get("headers", {})
    return any(name.lower() == APART[0].lower() for name in headers)
