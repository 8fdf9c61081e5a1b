"""Open boto3 clients and resources again, with their service, region, endpoint, options and credentials.

Credentials that boto3 found by itself (environment, profile, role) are never saved; boto3 searches for them again. At
the pause, a second client is made from the description and compared with the first. A client that was made with
arguments that cannot be read from it is refused.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

from hitl_nb.engine.refusals import NotSavedError, type_of
from hitl_nb.engine.reopening.httpclients import read_attributes
from hitl_nb.engine.reopening.reopen_recipes import ReopenRecipe
from hitl_nb.engine.reopening.secrets import replace_secrets, restore_secrets

_KEYS = ("access_key", "secret_key", "token")
_ARGUMENTS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_OWN = "it was made with arguments that it does not show, or has event handlers of its own"
_HTTP = ("_verify", "_cert_file", "_key_file", "_max_pool_connections", "_socket_options")
_UNSIGNED = "unsigned requests"
_FEATURE = re.compile(r" m/\S+")
"""Matches the part of a user agent that lists the features used so far."""


def _describe_client(client: Any) -> dict[str, Any]:
    return _describe_boto_object(client, of_resource="Resource" in (client.meta.config.user_agent_extra or ""))


def _describe_boto_object(client: Any, *, of_resource: bool) -> dict[str, Any]:
    """Describe the arguments of a client, as data for `_open_client`.

    Args:
        client: The client.
        of_resource: True: the client belongs to a boto3 resource, so it has additional event handlers.

    Raises:
        NotSavedError: A client that is opened from this description differs from `client`.
    """
    about: dict[str, Any] = {
        "of_resource": of_resource,
        "service": client.meta.service_model.service_name,
        "region": client.meta.region_name,
        "api_version": None,
        "endpoint": None,
        "use_ssl": True,
        "verify": None,
        "options": {},
        "profile": None,
        "keys": _read_explicit_keys(client),
    }
    session, plain = _open_with_same_credentials(about, client)
    old, new = _read_options(client), _read_options(plain)
    about["options"] = {
        name: _UNSIGNED if _is_unsigned(value) else replace_secrets(value)
        for name, value in old.items()
        if name not in ("user_agent", "region_name") and value != new.get(name)
    }
    verify = client._endpoint.http_session._verify
    if verify != plain._endpoint.http_session._verify:
        about["verify"] = verify
    if client.meta.service_model.api_version != plain.meta.service_model.api_version:
        about["api_version"] = client.meta.service_model.api_version
    url, told = client.meta.endpoint_url, _read_comparable_state(client)
    ways: list[dict[str, Any]] = [{}, {"use_ssl": False}, {"endpoint": replace_secrets(url)}]
    for way in ways if url != plain.meta.endpoint_url else ways[:1]:
        if _read_comparable_state(_open_client({**about, **way}, session)) == told:
            return {**about, **way}
    raise NotSavedError(_OWN)


def _open_with_same_credentials(about: dict[str, Any], client: Any) -> tuple[Any, Any]:
    """Open a boto3 session that has the same credentials as a client.

    Args:
        about: Description of the client. `about["profile"]` is set to the profile with these credentials, or stays
            None for the default session.
        client: The client.

    Returns:
        The session, and a client of this session.

    Raises:
        NotSavedError: No profile has these credentials.
    """
    session = _open_session(None)
    plain = _open_client(about, session)
    if about["keys"] is not None or _identify_credentials(client) == _identify_credentials(plain):
        return session, plain
    for about["profile"] in session.available_profiles:
        other = _open_session(about["profile"])
        plain = _open_client(about, other)
        if _identify_credentials(plain) == _identify_credentials(client):
            return other, plain
    raise NotSavedError("it has credentials that cannot be found again")


def _read_explicit_keys(client: Any) -> list[Any] | None:
    """Return the credentials that the program passed as arguments, with secrets replaced.

    None if boto3 found the credentials itself.
    """
    found = _read_credentials(client)
    if found is None or found.method != "explicit":
        return None
    return [value and replace_secrets(value, inside=False) for value in (getattr(found, name) for name in _KEYS)]


def _read_credentials(client: Any) -> Any:
    return client._request_signer._credentials


def _identify_credentials(client: Any) -> Any:
    """Return a value that is equal for equal credentials: their source and access key.

    Temporary credentials have a new key each time, so they are identified by their source and class. None: no
    credentials.
    """
    found = _read_credentials(client)
    if found is None:
        return None
    return found.method, found.access_key if type_of(found).__name__ == "Credentials" else type_of(found).__name__


def _read_options(client: Any) -> dict[str, Any]:
    return {name: value for name, value in read_attributes(client.meta.config).items() if name[0] != "_"}


def _is_unsigned(value: Any) -> bool:
    return value is importlib.import_module("botocore").UNSIGNED


def _read_comparable_state(client: Any) -> dict[str, Any]:
    """Return the data of a client by which it is compared with the client that is opened again: name -> value."""
    http = client._endpoint.http_session
    emitter = client.meta.events._emitter
    return {
        "attributes": read_attributes(client).keys(),
        "class": (type_of(client).__name__, [base.__qualname__ for base in type_of(client).__mro__]),
        "service": (client.meta.service_model.service_name, client.meta.service_model.api_version),
        "place": (client.meta.region_name, client.meta.endpoint_url, client.meta.partition),
        "key": _identify_credentials(client),
        "options": _read_options(client) | {"user_agent": _FEATURE.sub("", client.meta.config.user_agent)},
        "http": [type_of(http), *(getattr(http, name) for name in _HTTP), str(http._timeout)],
        "proxies": read_attributes(http._proxy_config),
        "handlers": sorted(_iterate_handlers(emitter._handlers._root)),
    }


def _iterate_handlers(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield `(event, name of the handler)` for the event handlers of a client.

    Args:
        node: A node of the tree in which botocore keeps the handlers.
        path: Name of the event at the parent node; empty for the root.
    """
    path = f"{path}.{node['chunk']}"
    for part in node["values"] or ():
        for handler in part:
            yield path, getattr(handler, "__qualname__", type_of(handler).__qualname__)
    for child in node["children"].values():
        yield from _iterate_handlers(child, path)


def _open_client(about: dict[str, Any], session: Any = None) -> Any:
    session = session or _open_session(about["profile"])
    if about["of_resource"]:
        return session.resource(about["service"], **_make_arguments(about)).meta.client
    return session.client(about["service"], **_make_arguments(about))


def _open_session(profile: str | None) -> Any:
    return importlib.import_module("boto3").Session(profile_name=profile)


def _make_arguments(about: dict[str, Any]) -> dict[str, Any]:
    unsigned: Any = importlib.import_module("botocore").UNSIGNED
    config: Any = importlib.import_module("botocore.config").Config
    options = {n: unsigned if v == _UNSIGNED else v for n, v in restore_secrets(about["options"]).items()}
    return {
        "region_name": about["region"],
        "api_version": about["api_version"],
        "endpoint_url": restore_secrets(about["endpoint"]),
        "use_ssl": about["use_ssl"],
        "verify": about["verify"],
        "config": config(**options) if options else None,
        **dict(zip(_ARGUMENTS, restore_secrets(about["keys"] or [None] * 3), strict=True)),
    }


# -- resources


def _describe_resource(resource: Any) -> dict[str, Any]:
    meta = resource.meta
    about: dict[str, Any] = {
        "client": _describe_boto_object(meta.client, of_resource=True),
        "name": meta.resource_model.name,
        "is_service": meta.resource_model.name == meta.service_name,
        "identifiers": [getattr(resource, name) for name in meta.identifiers],
        "data": meta.data,
    }
    if type_of(_open_resource(about)).__qualname__ != type_of(resource).__qualname__:
        raise NotSavedError("it cannot be made from its service alone")
    return about


def _open_resource(about: dict[str, Any]) -> Any:
    of_client = about["client"]
    service = _open_session(of_client["profile"]).resource(of_client["service"], **_make_arguments(of_client))
    if about["is_service"]:
        return service
    made = getattr(service, about["name"])(*about["identifiers"])
    made.meta.data = about["data"]
    return made


def _is_exposed(about: dict[str, Any]) -> bool:
    return any(isinstance(value, str) for value in (about["keys"] or ())[1:])


CLIENT = ReopenRecipe(_describe_client, _open_client, is_exposed=_is_exposed)
RESOURCE = ReopenRecipe(_describe_resource, _open_resource, is_exposed=lambda about: _is_exposed(about["client"]))
