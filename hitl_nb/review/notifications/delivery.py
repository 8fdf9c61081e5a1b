"""Send one message through the services of a channel, with Apprise.

Each service has its own thread, so that one that hangs delays neither the others nor the end of the process. Log
records of Apprise and its HTTP client on these threads are dropped, because they may contain parts of a URL.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hitl_nb.review.notifications.channels import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TIMEOUT_SECONDS = 20.0
"""Maximum time to wait for the services of one message, in seconds."""
ID_HEADER = "X-Hitl-Id"
"""Header with the ids of the message's notices, for services that take headers. Same ids mean a repeated message."""
APPRISE_MISSING = 'notifications need Apprise: pip install "hitl_nb[notify]"'

_SLICE_SECONDS = 0.2
_NO_ANSWER = f"no answer within {TIMEOUT_SECONDS:.0f} seconds"
_THREAD_NAME = "hitl_nb-notify"
_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")
_WITH_HEADERS = ("custom_json", "custom_form", "custom_xml", "email")


def can_post() -> bool:
    """Return whether Apprise is installed."""
    return find_spec("apprise") is not None


def post_message(
    channel: Channel,
    services: Sequence[str],
    title: str,
    body: str,
    id_: str,
    goes_on: Callable[[], bool] = lambda: True,
) -> dict[str, str]:
    """Send a message through some services of a channel.

    Args:
        channel: The channel.
        services: Services of the channel, as `Channel.services` names them.
        title: Title of the message.
        body: Text of the message.
        id_: Value of `ID_HEADER`.
        goes_on: Called while waiting; False stops the wait.

    Returns:
        For each service "" if it accepted the message, otherwise why not, without any part of an address.
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
    """Describe a failure that Apprise reports, without anything that could be a part of a URL."""
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
