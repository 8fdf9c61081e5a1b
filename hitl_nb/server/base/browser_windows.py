"""In which window of a browser a request was made: in the page of its own, or anywhere else in the server's origin.

Script in the HTML of a trusted output has all rights of JupyterLab's page, so nothing that JupyterLab knows can tell
the two apart. The page of its own can be told: it is handed a pass when a browser loads it as the document of a window.
A pass is good for what that page shows, and for nothing else, so one that leaks is of no use for another decision.
The browser says so (`Sec-Fetch-Dest`), which no script can: what a script fetches, frames or embeds gets no pass. And a
window that a script opened is cut off from it by `Cross-Origin-Opener-Policy`, before the page is in it.

What is left: a server that lets its users serve a service worker for its root (as a proxy to their programs does) lets
that read the page; and a program outside of browsers, that has the login's cookie, can say what it likes.
"""

from __future__ import annotations

import json
from typing import Any

PAGE_HEADER = "X-Hitl-Page"
"""What the page sends with every call: its pass."""
ISOLATION_HEADER = ("Cross-Origin-Opener-Policy", "same-origin")
"""Separates the page's window from the page that opened it, unless that has the same policy itself."""
_COOKIE_DAYS = 0.5
"""How long a pass is good for."""
_COOKIE_NAME = "hitl_nb_page"


def make_page_token(handler: Any, shown: str) -> str:
    """What shows that a call comes from the page that this request loads; "" if something else may read the page.

    `shown` is the id of the proposal or workspace that the page shows.
    """
    asked = handler.request.headers
    alone = asked.get("Sec-Fetch-Dest") == "document" and asked.get("Sec-Fetch-Mode") == "navigate"
    if not alone or _shares_windows(handler):
        return ""
    return handler.create_signed_value(_COOKIE_NAME, json.dumps([handler.current_user.username, shown])).decode()


def find_page(handler: Any, username: str) -> str:
    """The id of what the page shows that this user's request was made in; "" if it may have been made elsewhere."""
    given: str | None = handler.request.headers.get(PAGE_HEADER)
    said: bytes | None = (
        handler.get_signed_cookie(_COOKIE_NAME, given, max_age_days=_COOKIE_DAYS, min_version=2) if given else None
    )
    user, shown = json.loads(said) if said else ("", "")
    return shown if user == username else ""


def _shares_windows(handler: Any) -> bool:
    """Whether this server's other pages have the page's policy too, which keeps windows of theirs together with it."""
    headers: dict[str, Any] = handler.settings.get("headers", {})
    return any(name.lower() == ISOLATION_HEADER[0].lower() for name in headers)
