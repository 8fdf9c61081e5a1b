"""Notification services that other packages add, by the scheme of a channel's URL.

A package adds one with an entry point `scheme = "module:Class"` in the group `hitl_nb.notifiers`. The class has the
method of `Notifier`, and is imported at the first message. Messages to URLs with another scheme are sent with Apprise.
An added service is used even if Apprise has a service with the same scheme.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from hitl_nb.errors import HitlError

ENTRY_POINT_GROUP = "hitl_nb.notifiers"


class NotSent(HitlError):
    """A notifier could not send a message.

    The text says why, for `hitl-nb notify test`. It must not have any part of the URL, which may contain a password.
    """


@dataclass(frozen=True)
class Message:
    """A message to one addressee.

    Attributes:
        id: Ids of the notices in it, joined with ",". A message that comes again has the same id.
        title: The title, one line.
        body: The text; several lines.
    """

    id: str
    title: str
    body: str


class Notifier(Protocol):
    """A class that sends messages to one service."""

    @classmethod
    def send(cls, url: str, message: Message) -> None:
        """Send a message. Called on a thread of its own; after 20 seconds the message counts as not sent.

        Args:
            url: The URL in `channels.toml`; a secret.
            message: The message. Text that agents wrote is shortened and has no mentions, links and markup in it.

        Raises:
            NotSent: The service did not accept the message. It is tried again later, as after any other error.
        """
        ...


def is_registered(scheme: str) -> bool:
    """Return whether an installed package has a notifier for this scheme."""
    return scheme in _list_registered()


def send_with_notifier(scheme: str, url: str, message: Message) -> str:
    """Send a message with the notifier of another package.

    Args:
        scheme: The scheme of `url`; it is registered.
        url: URL of the service; a secret.
        message: The message.

    Returns:
        "" if the service accepted the message, otherwise why not.
    """
    named, *others = _list_registered()[scheme]
    if others:
        return (
            f"several packages have a notifier for {scheme}:// ({', '.join([named, *others])}); uninstall all but one"
        )
    try:
        notifier = _load_class(named)
    except (ImportError, AttributeError) as error:
        return f"the notifier {named} for {scheme}:// cannot be loaded: {error}"
    try:
        notifier.send(url, message)
    except NotSent as error:
        return str(error) or "the service did not accept it"
    except Exception as error:  # noqa: BLE001 - a plugin's bug; its message may have the URL, and the notice is sent again
        return f"the notifier {named} for {scheme}:// failed with {type(error).__name__}"
    return ""


@functools.cache
def _load_class(named: str) -> type[Notifier]:
    module, _, name = named.partition(":")
    return cast("type[Notifier]", getattr(import_module(module), name))


@functools.cache
def _list_registered() -> dict[str, tuple[str, ...]]:
    """Return the "module:Class" of the notifiers by their scheme; several if packages have the same scheme."""
    from importlib.metadata import entry_points

    found: dict[str, dict[str, None]] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(point.name.lower(), {})[point.value] = None
    return {scheme: tuple(named) for scheme, named in found.items()}
