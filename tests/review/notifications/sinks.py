"""Local services that take notices: webhooks that answer as told, a mail server, a port where nobody listens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.freeport import find_free_port


class Webhook:
    """Answers each POST with `status`; `bodies` and `ids` are what came."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.bodies: list[dict[str, Any]] = []
        self.ids: list[str] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                sink.bodies.append(json.loads(raw))
                sink.ids.append(self.headers["X-Hitl-Id"] or "")
                self.send_response(sink.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"json://127.0.0.1:{self._server.server_port}/hook-secret"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def webhook(status: int = 200) -> Iterator[Webhook]:
    sink = Webhook(status)
    try:
        yield sink
    finally:
        sink.close()


class Mailbox:
    """What `aiosmtpd` calls; `mails` is what came."""

    def __init__(self) -> None:
        self.mails: list[Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[str, Mailbox]]:
    from aiosmtpd.controller import Controller

    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=find_free_port())
    controller.start()
    try:
        address = f"127.0.0.1:{controller.port}"
        yield f"mailto://{address}?smtp=127.0.0.1&mode=insecure&from=hitl@example.org&to=ada@example.org", box
    finally:
        controller.stop()


def closed_port() -> str:
    return f"json://127.0.0.1:{find_free_port()}/nobody"
