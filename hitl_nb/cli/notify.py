"""`hitl-nb notify`: list the channels for notifications, and send a test message to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hitl_nb.cli import output as out
from hitl_nb.cli.options import Json
from hitl_nb.errors import HitlError

if TYPE_CHECKING:
    from hitl_nb.review.notifications.channels import Channel

app = typer.Typer(no_args_is_help=True, help="List and test the notification channels of channels.toml.")


@app.command("list")
def list_channels(json: Json = False) -> None:
    """List the channels: names and services, without their URLs."""
    from hitl_nb.review.notifications.delivery import find_missing

    found = _load_channels_or_exit().values()
    if (missing := find_missing(found)) is not None:
        out.print_note(f"{missing.problem}; {missing.fix}")
    if json:
        shown = [{"name": one.name, "services": _channel_schemes(one), "digest": _digest_seconds(one)} for one in found]
        out.print_document({"channels": shown})
        return
    out.print_table(
        ("name", "services", "digest"),
        ((one.name, ", ".join(_channel_schemes(one)), str(one.digest) if one.digest else "") for one in found),
    )


@app.command("test")
def send_test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A channel's name.", show_default=False)],
    json: Json = False,
) -> None:
    """Send a test message to a channel, and report the result. Exit code 1 if a service did not accept it."""
    from hitl_nb.records import new_id
    from hitl_nb.review.notifications import delivery

    channels = _load_channels_or_exit()
    if name not in channels:
        raise HitlError(f"there is no channel {name!r}; there are {', '.join(channels) or 'none'}")
    channel = channels[name]
    if (missing := delivery.find_missing([channel])) is not None and missing.stops_all:
        raise HitlError(f"{missing.problem}; {missing.fix}")
    title, body = "Test of hitl_nb", f"This is a test message to the channel {name}. Nothing waits for you."
    why = delivery.post_message(channel, channel.services(), title, body, new_id())
    schemes = dict(zip(channel.services(), _channel_schemes(channel), strict=True))
    if json:
        sent = [{"service": schemes[one], "sent": not text, "message": text} for one, text in why.items()]
        out.print_document({"channel": name, "services": sent})
    else:
        out.print_table(("service", "sent", "why not"), ((schemes[s], "no" if t else "yes", t) for s, t in why.items()))
    if any(why.values()):
        raise typer.Exit(1)


def _load_channels_or_exit() -> dict[str, Channel]:
    from hitl_nb.review.notifications.channels import channels_file, load_channels

    found = load_channels()
    if found is None:
        raise HitlError(f"there is no {channels_file()}: write channels there, then chmod 600 it")
    return found


def _channel_schemes(channel: Channel) -> list[str]:
    from hitl_nb.review.notifications.channels import read_scheme

    return [read_scheme(url) for url in channel.urls]


def _digest_seconds(channel: Channel) -> float | None:
    return channel.digest.total_seconds() if channel.digest else None
