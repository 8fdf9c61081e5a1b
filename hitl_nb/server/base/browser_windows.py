"""Find out whether a request was made by a standalone page or by another page of the server, such as JupyterLab.

The standalone page shows one proposal or workspace in a browser window of its own. In JupyterLab, scripts in the HTML
of a trusted output have all rights of JupyterLab's page. So no information of a request can show whether a person or
such a script made it. Requests of the standalone page can be recognized by a page token. The page receives the token
when a browser loads it as the document of a window. A token is valid only for the proposal or workspace that this page
shows, so a leaked token does not help with another decision. The browser reports in the header `Sec-Fetch-Dest`, which
no script can set, how it loads a page. So a page that a script fetches, frames or embeds gets no token. If a script
opens the page in a new window, the header `Cross-Origin-Opener-Policy` separates this window from the script before the
page loads.

Two gaps remain. Users may be able to install a service worker for the server's root, for example through a proxy to
their programs. Such a service worker can read the page. And a program that is not a browser but has the login cookie
can send any header.
"""

from __future__ import annotations

import json
from typing import Any

PAGE_HEADER = "X-Hitl-Page"
"""Request header in which the standalone page sends its page token with every call of the API."""
ISOLATION_HEADER = ("Cross-Origin-Opener-Policy", "same-origin")
"""Response header that separates the page's window from the page that opened the window.

The windows stay connected if the other page has the same header.
"""
_COOKIE_DAYS = 0.5
"""How long a page token is valid, in days."""
_COOKIE_NAME = "hitl_nb_page"


def make_page_token(handler: Any, shown: str) -> str:
    """Return a page token, which proves that later requests come from the page that this request loads.

    Args:
        handler: The handler of the request that loads the page.
        shown: Id of the proposal or workspace that the page shows.

    Returns:
        The signed token. "" if a script or another page could read this page, and so the token.
    """
    asked = handler.request.headers
    alone = asked.get("Sec-Fetch-Dest") == "document" and asked.get("Sec-Fetch-Mode") == "navigate"
    if not alone or _shares_windows(handler):
        return ""
    return handler.create_signed_value(_COOKIE_NAME, json.dumps([handler.current_user.username, shown])).decode()


def find_page(handler: Any, username: str) -> str:
    """Find the standalone page that made a request, by the page token in the request's header.

    Args:
        handler: The handler of the request.
        username: The user of the request; a token that was made for another user is ignored.

    Returns:
        Id of the proposal or workspace that the page shows. "" if the request has no valid token, so that another page
        may have made it.
    """
    given: str | None = handler.request.headers.get(PAGE_HEADER)
    said: bytes | None = (
        handler.get_signed_cookie(_COOKIE_NAME, given, max_age_days=_COOKIE_DAYS, min_version=2) if given else None
    )
    user, shown = json.loads(said) if said else ("", "")
    return shown if user == username else ""


def _shares_windows(handler: Any) -> bool:
    """Return whether other pages of this server could access the standalone page's window if they open it.

    That is the case if the server's settings give all pages a `Cross-Origin-Opener-Policy`.
    """
    headers: dict[str, Any] = handler.settings.get("headers", {})
    return any(name.lower() == ISOLATION_HEADER[0].lower() for name in headers)
