"""Send one message through the services of a channel, with Apprise or with a notifier of another package.

A channel is an entry of `channels.toml`; each of its URLs is a service. Each service has its own thread, so that a
service that hangs delays neither the others nor the end of the process. Log records of Apprise and its HTTP client on
these threads are dropped, because they may contain parts of a URL.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_nb.review.notifications.channels import Channel, read_scheme
from hitl_nb.review.notifications.notifiers import ENTRY_POINT_GROUP, Message, is_registered, send_with_notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

TIMEOUT_SECONDS = 20.0
"""Maximum time to wait for the services of one message, in seconds."""
ID_HEADER = "X-Hitl-Id"
"""Header with the ids of the message's notices, for services that take headers. A repeated message has the same ids."""

_SLICE_SECONDS = 0.2
_NO_ANSWER = f"no answer within {TIMEOUT_SECONDS:.0f} seconds"
_THREAD_NAME = "hitl_nb-notify"
_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")
_WITH_HEADERS = ("custom_json", "custom_form", "custom_xml", "email")
_ANY_SERVICE = ("http", "https", "?")
"""Schemes that do not name a service. Apprise finds the service of a web address by its host."""


class MissingNotifiers(NamedTuple):
    """Services that channels name and that this environment cannot send to.

    Attributes:
        problem: The problem as a sentence.
        fix: The packages to install, as a sentence.
        stops_all: Whether no message at all is sent, so that another sender may send it.
    """

    problem: str
    fix: str
    stops_all: bool


def find_missing(channels: Iterable[Channel]) -> MissingNotifiers | None:
    """Find the services of channels for which neither Apprise nor another package is installed.

    Imports Apprise if it is needed, which takes about 0.2 s.

    Returns:
        The missing services; None if there are none.
    """
    found = dict.fromkeys(read_scheme(url) for channel in channels for url in channel.urls)
    unknown = [scheme for scheme in found if not is_registered(scheme)]
    if unknown and not _has_apprise():
        return MissingNotifiers(
            f"Apprise is not installed: nobody is notified ({_join_schemes(unknown)})",
            'notifications need Apprise: pip install "hitl_nb[notify]"; a service that Apprise does not have needs the '
            f"package with its notifier (entry point group {ENTRY_POINT_GROUP})",
            stops_all=True,
        )
    missing = [scheme for scheme in unknown if not _is_known_to_apprise(scheme)]
    if not missing:
        return None
    return MissingNotifiers(
        f"no notifier is installed for {_join_schemes(missing)} in channels.toml: messages to it fail",
        f"install the package that registers {_join_names(missing)} in the entry point group {ENTRY_POINT_GROUP}, then "
        "start the server or `hitl-nb watch` again; or correct the URL",
        stops_all=False,
    )


def _join_schemes(schemes: Sequence[str]) -> str:
    return ", ".join(f"{scheme}://" for scheme in schemes)


def _join_names(schemes: Sequence[str]) -> str:
    return " and ".join(f'"{scheme}"' for scheme in schemes)


def _has_apprise() -> bool:
    return find_spec("apprise") is not None


def _is_known_to_apprise(scheme: str) -> bool:
    apprise: Any = import_module("apprise")
    return scheme in _ANY_SERVICE or scheme in apprise.NotificationManager()


def post_message(
    channel: Channel,
    services: Sequence[str],
    title: str,
    body: str,
    id_: str,
    goes_on: Callable[[], bool] = lambda: True,
) -> dict[str, str]:
    """Send a message through some services (URLs) of a channel, and wait until they accept it, at most 20 seconds.

    Args:
        channel: The channel.
        services: Names of the services, as `Channel.services` returns them.
        title: Title of the message.
        body: Text of the message.
        id_: Value of the header `ID_HEADER`: the ids of the notices in the message.
        goes_on: Called while waiting. If it returns False, the wait ends.

    Returns:
        For each service "" if it accepted the message, otherwise the reason as a text without any part of a URL.
    """
    failed = dict.fromkeys(services, _NO_ANSWER)

    def work(service: str, url: str) -> None:
        why = _send_to(url, title, body, id_)
        failed[service] = why

    threads: list[threading.Thread] = []
    for service in services:
        url = channel.find_url(service)
        if url is None:
            failed[service] = "it is no longer in channels.toml"
        else:
            threads.append(threading.Thread(target=work, args=(service, url), name=_THREAD_NAME, daemon=True))
    for thread in threads:
        thread.start()
    end = time.monotonic() + TIMEOUT_SECONDS
    for thread in threads:
        while thread.is_alive() and goes_on() and (left := end - time.monotonic()) > 0:
            thread.join(min(left, _SLICE_SECONDS))
    return dict(failed)


def _send_to(url: str, title: str, body: str, id_: str) -> str:
    scheme = read_scheme(url)
    if is_registered(scheme):
        return send_with_notifier(scheme, url, Message(id_, title, body))
    if (missing := find_missing([Channel("", (url,))])) is not None:
        return f"{missing.problem}; {missing.fix}"
    return _send_with_apprise(url, title, body, id_)


def _send_with_apprise(url: str, title: str, body: str, id_: str) -> str:
    apprise: Any = import_module("apprise")
    _silence_loggers()
    # No time limit from Apprise: with one it would send on a thread that keeps the process from ending.
    asset = apprise.AppriseAsset(
        app_id="hitl_nb",
        app_desc="hitl_nb",
        async_mode=False,
        service_timeout=0,
        storage_mode="memory",
        allow_templates=False,
        pgp_autogen=False,
        pem_autogen=False,
        image_url_mask="",  # messages must not load a picture from another server
    )
    try:
        service = apprise.Apprise.instantiate(url, asset=asset)
        if not service:
            return "Apprise does not know this service, or the URL is invalid"
        if type(service).__module__.split("plugins.")[-1].startswith(_WITH_HEADERS):
            service.headers[ID_HEADER] = id_
        sender = apprise.Apprise(asset=asset)
        if not sender.add(service):
            return "Apprise does not accept this URL"
        result = sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    except Exception:  # noqa: BLE001 - a plugin's bug; its message may have the URL, and the notice is sent again
        return "the service's plugin failed"
    if result.status == apprise.AppriseResultStatus.SUCCESS:
        return ""
    return "nothing to send to" if result.status == apprise.AppriseResultStatus.NOMATCH else _describe_failure(result)


def _describe_failure(result: Any) -> str:
    """Return the reason of a failure that Apprise reports, as a text without anything that could be a part of a URL."""
    said = " ".join(entry.message for one in result.results for attempt in one.attempts for entry in attempt.logs)
    status = _STATUS.search(said)
    if status is not None:
        return f"it answered with status {status[1]}"
    return "it cannot be reached" if "onnection error" in said else "the service did not accept it"


def _silence_loggers() -> None:
    logging.getLogger("apprise").propagate = False  # a filter would also hide the reasons of failures from us
    for name in ("urllib3.connectionpool", "urllib3.util.retry", "requests"):
        logger = logging.getLogger(name)
        if _is_foreign_record not in logger.filters:
            logger.addFilter(_is_foreign_record)


def _is_foreign_record(record: logging.LogRecord) -> bool:
    return record.threadName != _THREAD_NAME
