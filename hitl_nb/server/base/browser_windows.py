"""Find out in which browser window a request was made: in a standalone page, or anywhere else in the server's origin.

Scripts in the HTML of a trusted output have all rights of JupyterLab's page, so no information that JupyterLab has
can tell the two apart. The standalone page can be recognized: it receives a page token when a browser loads it as the
document of a window. A token is valid only for what that page shows, so a leaked token does not help with another
decision. The browser reports how it loads the page in `Sec-Fetch-Dest`, which no script can set. A page that a script
fetches, frames or embeds gets no token. `Cross-Origin-Opener-Policy` separates a window that a script opened from that
script before the page loads.

Two gaps remain. If users can install a service worker for the server's root (for example through a proxy to their
programs), it can read the page. And a program outside of browsers that has the login cookie can send any header.
"""

from __future__ import annotations

import json
from typing import Any

PAGE_HEADER = "X-Hitl-Page"
"""Request header in which the page sends its token with every call."""
ISOLATION_HEADER = ("Cross-Origin-Opener-Policy", "same-origin")
"""Separates the page's window from the page that opened it, unless the opener has the same policy."""
_COOKIE_DAYS = 0.5
"""How long a page token is valid, in days."""
_COOKIE_NAME = "hitl_nb_page"


def make_page_token(handler: Any, shown: str) -> str:
    """Return a token proving that later calls come from the page that this request loads.

    Args:
        handler: The handler of the request that loads the page.
        shown: Id of the proposal or workspace that the page shows.

    Returns:
        The signed token; "" if another script or page could read this page.
    """
    asked = handler.request.headers
    alone = asked.get("Sec-Fetch-Dest") == "document" and asked.get("Sec-Fetch-Mode") == "navigate"
    if not alone or _shares_windows(handler):
        return ""
    return handler.create_signed_value(_COOKIE_NAME, json.dumps([handler.current_user.username, shown])).decode()


def find_page(handler: Any, username: str) -> str:
    """Return the id of what the standalone page shows in which this user's request was made.

    Args:
        handler: The handler of the request.
        username: The user; a token that was made for another user is ignored.

    Returns:
        The id; "" if the request may have been made elsewhere.
    """
    given: str | None = handler.request.headers.get(PAGE_HEADER)
    said: bytes | None = (
        handler.get_signed_cookie(_COOKIE_NAME, given, max_age_days=_COOKIE_DAYS, min_version=2) if given else None
    )
    user, shown = json.loads(said) if said else ("", "")
    return shown if user == username else ""


def _shares_windows(handler: Any) -> bool:
    """Return whether this server's other pages have the same opener policy, so that their windows stay connected."""
    headers: dict[str, Any] = handler.settings.get("headers", {})
    return any(name.lower() == ISOLATION_HEADER[0].lower() for name in headers)
