"""Open httpx clients again, with the arguments that can be read from them.

At the pause, a second client is made from these arguments, and both are compared, including their connection pools. A
client that was made with arguments that cannot be read from it is refused.
"""

from __future__ import annotations

import base64
import importlib
import ssl
import sys
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any

from hitl_nb.engine.refusals import NotSavedError, type_of
from hitl_nb.engine.reopening.client_certificates import has_certificate
from hitl_nb.engine.reopening.reopen_recipes import ReopenRecipe
from hitl_nb.engine.reopening.secrets import names_secret, replace_secrets, restore_secrets

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token", "cookie"})
_OPTIONS = ("follow_redirects", "max_redirects", "event_hooks", "trust_env")
_OWN = "it was made with arguments that it does not show, such as a proxy, mounts or a transport of its own"


def _describe_client(client: Any) -> dict[str, Any]:
    if client.is_closed:
        raise NotSavedError("it is closed", "make another one after the checkpoint, or do not read this one")
    headers: list[tuple[str, Any]] = []
    params: list[tuple[str, Any]] = []
    secrets: dict[str, Any] = {}
    encoding = client.headers.encoding
    for name, value in [(key.decode(encoding), value.decode(encoding)) for key, value in client.headers.raw]:
        replaced = replace_secrets(value)
        headers.append((name, replaced))
        if name.lower() in SECRET_HEADERS:
            secrets[name] = replaced
    for name, value in client.params.multi_items():
        replaced = replace_secrets(value)
        params.append((name, replaced))
        if names_secret(name):
            secrets[f"?{name}"] = replaced
    url = replace_secrets(str(client.base_url))
    if client.base_url.password:
        secrets["base_url"] = url
    user, password = _read_basic_auth(client.auth)
    if password is not None:
        secrets["auth"] = password
    about: dict[str, Any] = {
        "cls": type_of(client),
        "base_url": url,
        "params": params,
        "headers": headers,
        "user": user,
        "secrets": secrets,
        "cookies": _describe_cookies(client.cookies.jar),
        "timeout": client.timeout.as_dict(),
        "default_encoding": client._default_encoding,
        "options": {name: getattr(client, name) for name in _OPTIONS},
        "transport": _describe_transport(client),
        "explicit": False,
    }
    for about["explicit"] in (False, True):
        if _read_comparable_state(client) == _read_comparable_state(_open_client(about)):
            return about
    raise NotSavedError(_OWN)


def _read_basic_auth(auth: Any) -> tuple[str | None, Any]:
    """Return the user and the password, with secrets replaced; (None, None) for a client without authentication.

    Raises:
        NotSavedError: It is another kind of authentication than user and password.
    """
    if auth is None:
        return None, None
    if type_of(auth).__name__ != "BasicAuth" or auth._auth_header[:6] != "Basic ":
        raise NotSavedError(f"its auth ({type_of(auth).__name__}) is an object of its own")
    user, _, password = base64.b64decode(auth._auth_header[6:]).decode().partition(":")
    return user, replace_secrets(password, inside=False)


def _describe_cookies(jar: Any) -> list[dict[str, Any]]:
    if type_of(jar) is not CookieJar or type_of(jar._policy) is not DefaultCookiePolicy:
        raise NotSavedError("it has a cookie jar of its own")
    return [{name.removeprefix("_"): value for name, value in read_attributes(cookie).items()} for cookie in jar]


def _find_pool(transport: Any) -> Any:
    """Return the connection pool of one of httpx's own transports.

    Raises:
        NotSavedError: The transport is of another class, or has attributes that are not known here.
    """
    pool = getattr(transport, "_pool", None)
    kinds = ("HTTPTransport", "AsyncHTTPTransport")
    if type_of(transport).__name__ not in kinds or not type_of(transport).__module__.startswith("httpx"):
        raise NotSavedError(f"it has a transport of its own ({type_of(transport).__name__})")
    if pool is None or read_attributes(transport).keys() != {"_pool"}:
        raise NotSavedError(_OWN)
    return pool


def _describe_transport(client: Any) -> dict[str, Any]:
    pool = _find_pool(client._transport)
    context = pool._ssl_context
    if has_certificate(context):
        raise NotSavedError("it has a client certificate")
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


def _read_comparable_state(client: Any) -> dict[str, Any]:
    """Return the data of a client by which it is compared with the client that is opened again: name -> value."""
    auth = client.auth and client.auth._auth_header
    return {
        "attributes": read_attributes(client).keys(),
        "plain": (
            str(client.base_url),
            client.timeout,
            client.params,
            client.headers.raw,
            client.headers.encoding,
            auth,
        ),
        "cookies": [vars(cookie) for cookie in client.cookies.jar],
        "pool": _read_comparable_pool_state(client._transport),
        "mounts": [
            (pattern.pattern, one and _read_comparable_pool_state(one)) for pattern, one in client._mounts.items()
        ],
    }


def _read_comparable_pool_state(transport: Any) -> dict[str, Any]:
    pool = _find_pool(transport)
    found = {name: value for name, value in read_attributes(pool).items() if not _is_of_pool(name)}
    proxy = getattr(pool, "_proxy_url", None)
    told = {
        "_ssl_context": _describe_tls(pool._ssl_context),
        "_proxy_url": proxy and (proxy.scheme, proxy.host, proxy.port),
    }
    return {**found, **told, "cls": type_of(pool)}


def _is_of_pool(name: str) -> bool:
    """Return True if an attribute of a connection pool is its internal state, which is not compared."""
    return (
        name.startswith(("_connections", "_requests", "_optional", "_network_backend")) or name == "_proxy_ssl_context"
    )


def _describe_tls(context: Any) -> Any:
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


def read_attributes(obj: object) -> dict[str, Any]:
    """Return the attributes of an object as a dict."""
    return dict(vars(obj))


def _open_client(about: dict[str, Any]) -> Any:
    httpx: Any = importlib.import_module("httpx")
    secrets, of = restore_secrets(about["secrets"]), about["transport"]
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
        base_url=restore_secrets(about["base_url"]),
        params=[tuple(pair) for pair in restore_secrets(about["params"])],
        cookies=jar,
        timeout=httpx.Timeout(**about["timeout"]),
        auth=None if about["user"] is None else (about["user"], secrets["auth"]),
        default_encoding=about["default_encoding"],
        **{**transport, **about["options"]},
    )
    client.headers.clear()
    client.headers.update(httpx.Headers(restore_secrets(about["headers"])))
    return client


_LIMITS = ("max_connections", "max_keepalive_connections", "keepalive_expiry")


def _list_cookie_names(about: dict[str, Any]) -> list[str]:
    return [cookie["name"] for cookie in about["cookies"]]


def _is_exposed(about: dict[str, Any]) -> bool:
    return any(isinstance(value, str) for value in about["secrets"].values())


HTTPX = ReopenRecipe(_describe_client, _open_client, is_exposed=_is_exposed, cookies=_list_cookie_names)
