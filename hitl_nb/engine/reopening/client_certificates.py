"""Record which TLS contexts loaded a client certificate, because this cannot be read from a context."""

from __future__ import annotations

import functools
import ssl
from typing import Any
from weakref import WeakSet

_contexts_with_certificate: WeakSet[ssl.SSLContext] = WeakSet()


def watch_certificates() -> None:
    """Record each TLS context that loads a client certificate, from now on."""
    load: Any = ssl.SSLContext.load_cert_chain
    if hasattr(load, "__wrapped__"):
        return

    @functools.wraps(load)
    def load_cert_chain(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
        _contexts_with_certificate.add(self)
        load(self, *args, **kwargs)

    ssl.SSLContext.load_cert_chain = load_cert_chain


def has_certificate(context: object) -> bool:
    """Return True if a TLS context has loaded a client certificate since `watch_certificates` was called."""
    return isinstance(context, ssl.SSLContext) and context in _contexts_with_certificate
