"""Ports for servers that tests start."""

from __future__ import annotations

import random
import socket


def find_free_port() -> int:
    """A port that nobody listens on, outside of those that the system gives out.

    A server takes some seconds until it listens. Meanwhile a kernel or another test could be given the same port.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
