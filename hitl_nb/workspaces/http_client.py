"""HTTP client for plain scripts: calls the hitl_nb API of a Jupyter server with the server's address and a token.

All calls are idempotent: a repeated call has no further effect. So a call is sent again, with growing pauses, while the
server restarts or the network is down.
"""

from __future__ import annotations

import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from hitl_nb import errors, settings
from hitl_nb import json_text as json
from hitl_nb.errors import HitlError, InvalidEdit, RunClaimed, ServerError

TIMEOUT_SECONDS = 60.0
"""Maximum time for one answer, in seconds."""
FIRST, OUTAGE = 5.0, 300.0
"""Seconds for which a call is repeated without an answer: FIRST before the server's first answer, OUTAGE after it."""
_LONGEST_PAUSE = 5.0
_RESTARTING = (502, 503, 504)


class ServerClient:
    """Connection of a script to a Jupyter server.

    Args:
        url: Address of the server, as Jupyter prints it: with or without `?token=` and the application's path.
        token: Token of the server. None (default): the token in the address, else the environment variable
            JUPYTER_TOKEN.
        pause: Function that waits for a number of seconds.
        ticks: Function that returns the time of a clock in seconds.

    Raises:
        ValueError: The address or the token is invalid.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        pause: Callable[[float], None] = time.sleep,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"server must be an address such as http://127.0.0.1:8888, not {url.partition('?')[0]!r}")
        named = parse_qs(parts.query).get("token", [""])[0]
        path = re.sub(r"/(lab|tree|doc|notebooks)(/.*)?$", "", parts.path).rstrip("/")
        self.address = f"{parts.scheme}://{parts.netloc.rsplit('@')[-1]}{path}"
        self._token = token or named or settings.JUPYTER_TOKEN.read()
        if not self._token.isascii() or not self._token.isprintable():
            raise ValueError("token has characters that cannot be in a token; copy it again")
        self._pause = pause
        self._ticks = ticks
        self._answered = False
        self._opener = urllib.request.build_opener(_RedirectRefuser)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request to the API, and return the decoded JSON object of the answer.

        Args:
            method: HTTP method, such as "POST".
            path: Path below `hitl_nb/api/`, such as "workspaces".
            body: JSON body; None (default) for a request without a body.

        Raises:
            ServerError: The server does not answer, does not support the call, or does not allow it with this token.
            HitlError: The server refused the call. The error has the class that the server's answer names, such as
                `WorkspaceClosed`.
            ValueError: The server refused an argument.
        """
        until = self._ticks() + (OUTAGE if self._answered else FIRST)
        pause = 0.1
        while True:
            status, raw, why = self._send(method, f"hitl_nb/api/{path}", body)
            gone = status == 0 or status in _RESTARTING
            if not gone:
                self._answered = True
                return self._parse_answer(status, raw)
            if self._ticks() >= until or why.endswith(_CERTIFICATE):
                if status == 503:
                    return self._parse_answer(status, raw)
                raise ServerError(f"the server {self.address} does not answer: {why}; start it, then run this again")
            self._pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, bytes, str]:
        """Send a request once.

        Returns:
            HTTP status, body of the answer, and a description of the failure ("" if there is none). The status is 0 if
            there is no answer.
        """
        raw = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"token {self._token}"
        request = urllib.request.Request(f"{self.address}/{path}", raw, headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, answer.read(), ""
        except urllib.error.HTTPError as refused:
            try:
                return refused.code, refused.read(), f"HTTP {refused.code}"
            except (OSError, HTTPException) as broken:
                return 0, b"", str(broken) or type(broken).__name__
        except (OSError, HTTPException) as broken:
            reason = getattr(broken, "reason", broken)
            certificate = _CERTIFICATE if isinstance(reason, ssl.SSLCertVerificationError) else ""
            return 0, b"", (str(reason) or type(broken).__name__) + certificate

    def _parse_answer(self, status: int, raw: bytes) -> dict[str, Any]:
        """Return the JSON object of an answer with status 200. For any other answer, raise an error as in `request`."""
        said = _parse_object(raw)
        if status == 200 and said is not None:
            return said
        told = said or {}
        name, message = str(told.get("error")), str(told.get("message"))
        if status in (401, 403):
            raise ServerError(self._explain_forbidden(message))
        known: Any = getattr(errors, name, None)
        if known is RunClaimed:
            raise RunClaimed(message, str(told.get("owner", "")))
        if isinstance(known, type) and issubclass(known, HitlError) and known is not InvalidEdit:
            raise known(message)
        if status in (400, 413):
            raise ValueError(message)
        if status in (404, 405):
            raise ServerError(
                f"the server {self.address} has no hitl_nb that scripts can write through: install the current version "
                "in its environment, and restart the server"
            )
        if status >= 500:
            raise ServerError(f"the server {self.address} failed (HTTP {status}); see its log")
        raise ServerError(
            f"the server {self.address} does not answer like a Jupyter server (HTTP {status}); give the server's own "
            "address, not that of a login page"
        )

    def _explain_forbidden(self, message: str) -> str:
        status, _, _ = self._send("GET", "api/me", None)
        if status != 200:
            given = "this token" if self._token else "calls without a token"
            return f"the server {self.address} does not accept {given}; `jupyter server list` shows a server's token"
        return f"the server {self.address} does not let this token do that: {message}"


def _parse_object(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object that the bytes of an answer contain; None if they contain something else."""
    try:
        said: Any = json.loads(raw)
    except ValueError:
        return None
    return cast("dict[str, Any]", said) if isinstance(said, dict) else None


_CERTIFICATE = " (its certificate is not trusted here)"


class _RedirectRefuser(urllib.request.HTTPRedirectHandler):
    """Handler for urllib that follows no redirect, because the token must not be sent to another server."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Refuse a redirect by returning None. Then urllib raises an HTTPError."""
