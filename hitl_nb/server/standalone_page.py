"""The standalone page: shows one proposal or workspace at an address of its own, in any browser, without JupyterLab.

The HTML contains only the id of the proposal or workspace. The page's script reads the content over the API, which
checks every permission again. Only scripts of this package run in the page. No other page can embed the standalone page
in a frame or access its window (see `server/base/browser_windows.py`).
"""

from __future__ import annotations

import secrets
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from hitl_nb.server.base import browser_windows as windows

STATIC_FOLDER = Path(__file__).parent / "static"
"""Folder with the page's script and styles, which `extension/page.build.mjs` builds."""
_ID = "(?P<id>[A-Za-z0-9_-]{1,64})"
_YEAR_SECONDS = 365 * 24 * 60 * 60
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src data:; font-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
)
_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<title>Review</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{base}hitl_nb/static/page.css">
<script src="{base}hitl_nb/static/page.js" defer></script>
</head>
<body>
<div id="hitl-page" data-base="{base}" data-id="{id}" data-of="{of}" data-nonce="{nonce}" data-pass="{given}"></div>
<noscript>Reviewing needs JavaScript.</noscript>
</body>
</html>
"""


class PageHandler(JupyterHandler):
    """Serves the standalone page of one proposal or workspace."""

    def initialize(self, of: str) -> None:
        """Set what the page shows.

        Args:
            of: "proposal" or "workspace".
        """
        self.of = of

    @cached_property
    def nonce(self) -> str:
        """Random value of this response that the content security policy requires in style elements."""
        return secrets.token_urlsafe(16)

    @property
    def content_security_policy(self) -> str:
        """The page's content security policy: which scripts, styles and connections the browser allows.

        The text editor (CodeMirror) creates style elements, which are allowed because they have the nonce.
        """
        return _CONTENT_SECURITY_POLICY.format(nonce=self.nonce)

    def set_default_headers(self) -> None:
        """Set the security headers, and forbid browsers to cache the page."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", self.content_security_policy)  # overrides the server's settings
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header(*windows.ISOLATION_HEADER)

    @web.authenticated
    async def get(self, id: str) -> None:  # noqa: A002  # the route's name for it
        """Send the HTML of the page.

        The status is 403 if the user may not read proposals, and 503 if the page's script is not installed.

        Args:
            id: Id of the proposal or workspace. The page is also sent if there is none; its script reports that.
        """
        user = self.current_user
        if not await ensure_async(self.authorizer.is_authorized(self, user, "read", "hitl:proposals")):
            self._send_error(403, "You may not read hitl:proposals.")
            return
        if not (STATIC_FOLDER / "page.js").is_file():
            self._send_error(503, "The page's script is missing in this installation: run npm run build.")
            return
        _ = self.xsrf_token  # reading it sets the cookie that the page's calls need
        told = {
            "base": self.base_url,
            "id": id,
            "of": self.of,
            "nonce": self.nonce,
            "given": windows.make_page_token(self, id),
        }
        self._write_text(_HTML.format_map({name: escape(one) for name, one in told.items()}))

    def _send_error(self, status: int, message: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self._write_text(message)

    def _write_text(self, text: str) -> None:
        self.finish(text)  # pyright: ignore[reportUnknownMemberType]  # Tornado's own


class StaticHandler(JupyterHandler, web.StaticFileHandler):  # pyright: ignore[reportIncompatibleMethodOverride]  # Jupyter's own mix
    """Serves the page's script and styles.

    The script is split into chunks. The file name of a chunk contains a hash of its content, so browsers may keep
    chunks for a year without asking again.
    """

    def set_extra_headers(self, path: str) -> None:
        """Set how long browsers may keep the file `path`: a chunk for a year; other files are checked at each use."""
        kept = f"private, max-age={_YEAR_SECONDS}, immutable"
        self.set_header("Cache-Control", kept if ".chunk." in path else "no-cache")

    @web.authenticated
    async def get(self, path: str, include_body: bool = True) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # Tornado's order
        """Send a file."""
        await web.StaticFileHandler.get(self, path, include_body)

    @web.authenticated
    async def head(self, path: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as above
        """Send the headers of a file."""
        await web.StaticFileHandler.head(self, path)


def page_handlers() -> list[tuple[str, type[JupyterHandler], dict[str, Any]]]:
    """Return the Tornado handlers of the standalone pages and of their static files.

    Returns:
        For each handler: pattern of the path below the server's base URL, handler class, arguments of `initialize`.
    """
    return [
        (f"/hitl_nb/review/{_ID}", PageHandler, {"of": "proposal"}),
        (f"/hitl_nb/workspace/{_ID}", PageHandler, {"of": "workspace"}),
        ("/hitl_nb/static/(.*)", StaticHandler, {"path": str(STATIC_FOLDER)}),
    ]
