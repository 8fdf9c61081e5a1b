"""Open sessions of requests and clients of OpenAI and Anthropic again, with the arguments that can be read from them.

At the pause, a second client is made from the description and compared with the first. A client that was made with
arguments that cannot be read from it is refused.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from hitl_nb.engine.refusals import NotSavedError, type_of
from hitl_nb.engine.reopening.httpclients import SECRET_HEADERS
from hitl_nb.engine.reopening.reopen_recipes import ReopenRecipe
from hitl_nb.engine.reopening.secrets import replace_secrets, restore_secrets

_OWN = "it was made with arguments that it does not show"


def _is_exposed(about: dict[str, Any]) -> bool:
    return any(isinstance(about["secrets"].get(name), str) for name in about["secrets"])


# -- requests


def _describe_session(session: Any) -> dict[str, Any]:
    state = session.__getstate__()
    if any(type_of(one).__name__ != "HTTPAdapter" for one in state["adapters"].values()):
        raise NotSavedError("it has an adapter of its own")
    if _read_attributes(session).keys() - state.keys():
        raise NotSavedError("it has attributes of its own")
    about = {name: value for name, value in state.items() if name not in ("headers", "auth", "cookies")}
    auth = state["auth"]
    basic = importlib.import_module("requests.auth").HTTPBasicAuth
    if type_of(auth) is basic:
        auth = (auth.username, auth.password)
    is_pair = type_of(auth) is tuple and len(auth) == 2
    secrets: dict[str, Any] = {}
    for name, value in state["headers"].items():
        if name.lower() in SECRET_HEADERS:
            secrets[name] = replace_secrets(value)
    if is_pair:
        secrets["auth"] = replace_secrets(auth[1], inside=False)
    return {
        "state": replace_secrets(about),
        "headers": replace_secrets(dict(state["headers"])),
        "auth": (auth[0], secrets["auth"]) if is_pair else auth,
        "cookies": state["cookies"],
        "secrets": secrets,
    }


def _open_session(about: dict[str, Any]) -> Any:
    session = importlib.import_module("requests").Session()
    session.__setstate__({**restore_secrets(about["state"]), "auth": restore_secrets(about["auth"])})
    session.headers.clear()
    session.headers.update(restore_secrets(about["headers"]))
    session.cookies = about["cookies"]
    return session


# -- openai and anthropic

_SHOWN = {
    "api_key": "api_key",
    "admin_api_key": "admin_api_key",
    "auth_token": "auth_token",
    "webhook_secret": "webhook_secret",
    "webhook_key": "webhook_key",
    "organization": "organization",
    "project": "project",
    "timeout": "timeout",
    "max_retries": "max_retries",
    "default_headers": "_custom_headers",
    "default_query": "_custom_query",
}
"""Argument -> the attribute of a client from which the argument is read."""
_SECRETS = ("api_key", "admin_api_key", "auth_token", "webhook_secret", "webhook_key")


def _describe_model_client(client: Any) -> dict[str, Any]:
    cls = type_of(client)
    inner = type_of(client._client)
    if inner.__name__ not in ("SyncHttpxClientWrapper", "AsyncHttpxClientWrapper"):
        raise NotSavedError("it has an HTTP client of its own")
    known = inspect.signature(cls.__init__).parameters
    about = {
        argument: getattr(client, attribute)
        for argument, attribute in _SHOWN.items()
        if argument in known and getattr(client, attribute, None) is not None
    }
    about["base_url"] = str(client.base_url)
    secrets = {name: replace_secrets(about.pop(name), inside=False) for name in _SECRETS if name in about}
    headers = replace_secrets(dict(about.pop("default_headers", {})))
    described = {"cls": cls, "arguments": about, "headers": headers, "secrets": secrets}
    _check_same_client(client, _open_model_client(described))
    return described


def _open_model_client(about: dict[str, Any]) -> Any:
    arguments = {**about["arguments"], **restore_secrets(about["secrets"])}
    if about["headers"]:
        arguments["default_headers"] = restore_secrets(about["headers"])
    return about["cls"](**arguments)


def _check_same_client(client: Any, again: Any) -> None:
    """Compare a client with one that was made from its description.

    Raises:
        NotSavedError: They differ.
    """
    old, new = _read_attributes(client), _read_attributes(again)
    for name, value in old.items():
        if name not in new:
            if not isinstance(inspect.getattr_static(type_of(client), name, None), functools.cached_property):
                raise NotSavedError(f"it has an attribute of its own, {name}")
        elif name not in _NOT_COMPARED and not _is_same(value, new[name]):
            raise NotSavedError(_OWN)


_NOT_COMPARED = frozenset({"_client", "_timeout_overridden", "_base_url_was_default", "_unchosen_base_url"})


def _read_attributes(obj: object) -> dict[str, Any]:
    return dict(vars(obj))


def _is_same(old: Any, new: Any) -> bool:
    if all(isinstance(value, Mapping) for value in (old, new)):
        return dict(old) == dict(new)
    kind = type_of(old)
    return kind is type_of(new) and (old == new or kind.__eq__ is object.__eq__)


def _list_cookie_names(about: dict[str, Any]) -> list[str]:
    return [cookie.name for cookie in about["cookies"]]


REQUESTS = ReopenRecipe(_describe_session, _open_session, is_exposed=_is_exposed, cookies=_list_cookie_names)
MODEL = ReopenRecipe(_describe_model_client, _open_model_client, is_exposed=_is_exposed)
