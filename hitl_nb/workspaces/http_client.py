"""Calls of a Jupyter server's hitl_nb API from a plain script, which knows its address and a token.

Whatever is asked for here may be asked for again: so while the server restarts, or the network is down, it is, with
growing pauses.
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
"""Seconds that one answer may take."""
FIRST, OUTAGE = 5.0, 300.0
"""Seconds for which it is tried again: before the server has answered once, and then."""
_LONGEST_PAUSE = 5.0
_RESTARTING = (502, 503, 504)


class ServerClient:
    """A Jupyter server as a script sees it.

    Args:
        url: its address, as Jupyter prints it: with or without `?token=`, and the application's path.
        token: if left out, that of the address, else JUPYTER_TOKEN's.
        pause, ticks: how time passes.

    Raises ValueError for what is no address, or no token.
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
            raise ValueError("token has characters that no token has; copy it again")
        self._pause = pause
        self._ticks = ticks
        self._answered = False
        self._opener = urllib.request.build_opener(_RedirectRefuser)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call of the API: its answer.

        Raises ServerError if the server does not answer, or answers as one that cannot do this or does not let this
        token do it; HitlError, ValueError as the server refuses it.
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
        """The answer's status and body, or 0 and why there is none."""
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
        """What the answer says. Raises what it says went wrong."""
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
                f"the server {self.address} has no hitl_nb that scripts can write through: install a current one in "
                "its environment, and restart it"
            )
        if status >= 500:
            raise ServerError(f"the server {self.address} failed (HTTP {status}); its log says why")
        raise ServerError(
            f"the server {self.address} does not answer as Jupyter does (HTTP {status}); give its own address, "
            "not that of a login page"
        )

    def _explain_forbidden(self, message: str) -> str:
        status, _, _ = self._send("GET", "api/me", None)
        if status != 200:
            given = "this token" if self._token else "calls without a token"
            return f"the server {self.address} does not accept {given}; `jupyter server list` shows a server's token"
        return f"the server {self.address} does not let this token do that: {message}"


def _parse_object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object that an answer is; None for anything else."""
    try:
        said: Any = json.loads(raw)
    except ValueError:
        return None
    return cast("dict[str, Any]", said) if isinstance(said, dict) else None


_CERTIFICATE = " (its certificate is not trusted here)"


class _RedirectRefuser(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the token is for this server alone."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None
