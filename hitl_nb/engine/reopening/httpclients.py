"""httpx clients: opened again with what their state tells of their arguments.

A client is made a second time at the pause and compared, down to its connection pools: one that was made with arguments
that it does not show is refused.
"""

from __future__ import annotations

import base64
import importlib
import ssl
import sys
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any

from hitl_nb.engine.refusals import NotSaved, type_of
from hitl_nb.engine.reopening.client_certificates import has_certificate
from hitl_nb.engine.reopening.reopening import Recipe
from hitl_nb.engine.reopening.secrets import names_secret, with_secrets, without_secrets

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token", "cookie"})
_OPTIONS = ("follow_redirects", "max_redirects", "event_hooks", "trust_env")
_OWN = "it was made with arguments that it does not show, such as a proxy, mounts or a transport of its own"


def _describe(client: Any) -> dict[str, Any]:
    if client.is_closed:
        raise NotSaved("it is closed", "make another one after the checkpoint, or do not read this one")
    headers: list[tuple[str, Any]] = []
    params: list[tuple[str, Any]] = []
    secrets: dict[str, Any] = {}
    encoding = client.headers.encoding
    for name, value in [(key.decode(encoding), value.decode(encoding)) for key, value in client.headers.raw]:
        replaced = without_secrets(value)
        headers.append((name, replaced))
        if name.lower() in SECRET_HEADERS:
            secrets[name] = replaced
    for name, value in client.params.multi_items():
        replaced = without_secrets(value)
        params.append((name, replaced))
        if names_secret(name):
            secrets[f"?{name}"] = replaced
    url = without_secrets(str(client.base_url))
    if client.base_url.password:
        secrets["base_url"] = url
    user, password = _basic_auth(client.auth)
    if password is not None:
        secrets["auth"] = password
    about: dict[str, Any] = {
        "cls": type_of(client),
        "base_url": url,
        "params": params,
        "headers": headers,
        "user": user,
        "secrets": secrets,
        "cookies": _cookies(client.cookies.jar),
        "timeout": client.timeout.as_dict(),
        "default_encoding": client._default_encoding,
        "options": {name: getattr(client, name) for name in _OPTIONS},
        "transport": _transport(client),
        "explicit": False,
    }
    for about["explicit"] in (False, True):
        if _told(client) == _told(_open(about)):
            return about
    raise NotSaved(_OWN)


def _basic_auth(auth: Any) -> tuple[str | None, Any]:
    """User and password, the latter without secrets. Raises NotSaved."""
    if auth is None:
        return None, None
    if type_of(auth).__name__ != "BasicAuth" or auth._auth_header[:6] != "Basic ":
        raise NotSaved(f"its auth ({type_of(auth).__name__}) is an object of its own")
    user, _, password = base64.b64decode(auth._auth_header[6:]).decode().partition(":")
    return user, without_secrets(password, inside=False)


def _cookies(jar: Any) -> list[dict[str, Any]]:
    if type_of(jar) is not CookieJar or type_of(jar._policy) is not DefaultCookiePolicy:
        raise NotSaved("it has a cookie jar of its own")
    return [{name.removeprefix("_"): value for name, value in attributes_of(cookie).items()} for cookie in jar]


def _pool(transport: Any) -> Any:
    """The connection pool of a transport of httpx's own. Raises NotSaved."""
    pool = getattr(transport, "_pool", None)
    kinds = ("HTTPTransport", "AsyncHTTPTransport")
    if type_of(transport).__name__ not in kinds or not type_of(transport).__module__.startswith("httpx"):
        raise NotSaved(f"it has a transport of its own ({type_of(transport).__name__})")
    if pool is None or attributes_of(transport).keys() != {"_pool"}:
        raise NotSaved(_OWN)
    return pool


def _transport(client: Any) -> dict[str, Any]:
    pool = _pool(client._transport)
    context = pool._ssl_context
    if has_certificate(context):
        raise NotSaved("it has a client certificate")
    most = pool._max_connections
    return {
        "verify": context is None or context.verify_mode != ssl.CERT_NONE,
        "http1": pool._http1,
        "http2": pool._http2,
        "retries": pool._retries,
        "uds": pool._uds,
        "local_address": pool._local_address,
        "limits": (None if most == sys.maxsize else most, pool._max_keepalive_connections, pool._keepalive_expiry),
    }


def _told(client: Any) -> dict[str, Any]:
    """What can be compared of a client, all that is not compared otherwise."""
    auth = client.auth and client.auth._auth_header
    return {
        "attributes": attributes_of(client).keys(),
        "plain": (
            str(client.base_url),
            client.timeout,
            client.params,
            client.headers.raw,
            client.headers.encoding,
            auth,
        ),
        "cookies": [vars(cookie) for cookie in client.cookies.jar],
        "pool": _pool_told(client._transport),
        "mounts": [(pattern.pattern, one and _pool_told(one)) for pattern, one in client._mounts.items()],
    }


def _pool_told(transport: Any) -> dict[str, Any]:
    pool = _pool(transport)
    found = {name: value for name, value in attributes_of(pool).items() if not _is_of_pool(name)}
    proxy = getattr(pool, "_proxy_url", None)
    told = {"_ssl_context": _tls(pool._ssl_context), "_proxy_url": proxy and (proxy.scheme, proxy.host, proxy.port)}
    return {**found, **told, "cls": type_of(pool)}


def _is_of_pool(name: str) -> bool:
    """Whether an attribute of a connection pool is how it works, and no argument."""
    return (
        name.startswith(("_connections", "_requests", "_optional", "_network_backend")) or name == "_proxy_ssl_context"
    )


def _tls(context: Any) -> Any:
    if context is None:
        return None
    names = (
        "protocol",
        "verify_mode",
        "check_hostname",
        "options",
        "minimum_version",
        "maximum_version",
        "verify_flags",
    )
    ciphers = [one["name"] for one in context.get_ciphers()]
    settings = [getattr(context, name) for name in (*names, "post_handshake_auth", "keylog_filename")]
    return type_of(context), settings, ciphers, sorted(context.get_ca_certs(binary_form=True))


_TLS = (
    *("protocol", "verify_mode", "check_hostname", "options", "minimum_version", "maximum_version", "verify_flags"),
    *("post_handshake_auth", "keylog_filename"),
)


def attributes_of(obj: object) -> dict[str, Any]:
    """The attributes of an object, of any types."""
    return dict(vars(obj))


def _open(about: dict[str, Any]) -> Any:
    httpx: Any = importlib.import_module("httpx")
    secrets, of = with_secrets(about["secrets"]), about["transport"]
    transport = {
        **{name: of[name] for name in ("verify", "http1", "http2")},
        "limits": httpx.Limits(**dict(zip(_LIMITS, of["limits"], strict=True))),
        "trust_env": about["options"]["trust_env"],
    }
    if about["explicit"]:
        kind = httpx.AsyncHTTPTransport if about["cls"].__name__ == "AsyncClient" else httpx.HTTPTransport
        more = {name: of[name] for name in ("retries", "uds", "local_address")}
        transport = {"transport": kind(**transport, **more)}
    jar = CookieJar()
    for cookie in about["cookies"]:
        jar.set_cookie(Cookie(**cookie))
    client = about["cls"](
        base_url=with_secrets(about["base_url"]),
        params=[tuple(pair) for pair in with_secrets(about["params"])],
        cookies=jar,
        timeout=httpx.Timeout(**about["timeout"]),
        auth=None if about["user"] is None else (about["user"], secrets["auth"]),
        default_encoding=about["default_encoding"],
        **{**transport, **about["options"]},
    )
    client.headers.clear()
    client.headers.update(httpx.Headers(with_secrets(about["headers"])))
    return client


_LIMITS = ("max_connections", "max_keepalive_connections", "keepalive_expiry")


def _cookie_names(about: dict[str, Any]) -> list[str]:
    return [cookie["name"] for cookie in about["cookies"]]


def _is_exposed(about: dict[str, Any]) -> bool:
    return any(isinstance(value, str) for value in about["secrets"].values())


HTTPX = Recipe(_describe, _open, is_exposed=_is_exposed, cookies=_cookie_names)
