"""Sending one message through the services of a channel, by Apprise.

Each service is sent to on a thread of its own, so that one that hangs holds up neither the others nor the end of the
process. What Apprise and its HTTP client log on these threads is dropped: it may have parts of a URL.
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
"""Most that is waited for the services of one message."""
ID_HEADER = "X-Hitl-Id"
"""Names the notices that a message is made of, where a service takes headers: of two with the same one is a copy."""
APPRISE_MISSING = 'notifications need Apprise: pip install "hitl_nb[notify]"'

_SLICE_SECONDS = 0.2
_NO_ANSWER = f"no answer within {TIMEOUT_SECONDS:.0f} seconds"
_THREAD_NAME = "hitl_nb-notify"
_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")
_WITH_HEADERS = ("custom_json", "custom_form", "custom_xml", "email")


def can_post() -> bool:
    """Whether Apprise is installed."""
    return find_spec("apprise") is not None


def post_message(
    channel: Channel,
    services: Sequence[str],
    title: str,
    body: str,
    id_: str,
    goes_on: Callable[[], bool] = lambda: True,
) -> dict[str, str]:
    """Send a message; by service "" if it was taken, else why not, in words that show no address.

    Args:
        services: which of the channel's (`Channel.services`).
        id_: what `ID_HEADER` says.
        goes_on: asked while it is waited; False ends that.
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
    # No time limit of Apprise's: it would send on a thread that the process waits for when it ends.
    asset = apprise.AppriseAsset(
        app_id="hitl_nb",
        app_desc="hitl_nb",
        async_mode=False,
        service_timeout=0,
        storage_mode="memory",
        allow_templates=False,
        pgp_autogen=False,
        pem_autogen=False,
        image_url_mask="",  # messages show no picture of another server
    )
    try:
        service = apprise.Apprise.instantiate(url, asset=asset)
        if not service:
            return "Apprise knows no such service, or the URL is not as it should be"
        if type(service).__module__.split("plugins.")[-1].startswith(_WITH_HEADERS):
            service.headers[ID_HEADER] = id_
        sender = apprise.Apprise(asset=asset)
        if not sender.add(service):
            return "Apprise does not take this URL"
        result = sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    except Exception:  # noqa: BLE001 - a plugin's bug; its message may have the URL, and the notice is tried again
        return "the service's plugin failed"
    if result.status == apprise.AppriseResultStatus.SUCCESS:
        return ""
    return "nothing to send to" if result.status == apprise.AppriseResultStatus.NOMATCH else _describe_failure(result)


def _describe_failure(result: Any) -> str:
    """What Apprise says of a failure, but for anything that could be a part of a URL."""
    said = " ".join(entry.message for one in result.results for attempt in one.attempts for entry in attempt.logs)
    status = _STATUS.search(said)
    if status is not None:
        return f"it answered with status {status[1]}"
    return "it cannot be reached" if "onnection error" in said else "the service did not take it"


def _silence_loggers() -> None:
    logging.getLogger("apprise").propagate = False  # a filter would keep the reasons of failures from us, too
    for name in ("urllib3.connectionpool", "urllib3.util.retry", "requests"):
        logger = logging.getLogger(name)
        if _is_foreign_record not in logger.filters:
            logger.addFilter(_is_foreign_record)


def _is_foreign_record(record: logging.LogRecord) -> bool:
    return record.threadName != _THREAD_NAME
