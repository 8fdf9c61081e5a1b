"""Sending a message through Apprise: what each service answers, and that no URL is told."""

from __future__ import annotations

import logging
import threading

import pytest

from hitl_nb.review.notifications import delivery
from hitl_nb.review.notifications.channels import Channel
from hitl_nb.review.notifications.delivery import post_message
from tests.review.notifications.sinks import closed_port, mail_server, webhook


def test_vector_37_each_service_says_for_itself_whether_it_took_the_message() -> None:
    with webhook() as good, webhook(500) as bad, mail_server() as (mail, box):
        channel = Channel("ada", (good.url, bad.url, mail, closed_port()))
        why = post_message(channel, channel.services(), "Waiting", "A line\nhttp://here/hitl_nb/review/abc", "id1,id2")
        assert why == {
            "0:json": "",
            "1:json": "it answered with status 500",
            "2:mailto": "",
            "3:json": "it cannot be reached",
        }
        assert (good.ids, bad.ids) == (["id1,id2"], ["id1,id2"])
        assert good.bodies[0]["title"] == "Waiting"
        assert good.bodies[0]["message"] == "A line\nhttp://here/hitl_nb/review/abc"
        (got,) = box.mails
        assert (got["Subject"], got["X-Hitl-Id"], got["To"]) == ("Waiting", "id1,id2", "ada@example.org")
        # Only the failed are tried again.
        bad.status = 200
        assert post_message(channel, ["1:json"], "Waiting", "A line", "id1") == {"1:json": ""}
        assert (len(good.bodies), len(bad.bodies), len(box.mails)) == (1, 2, 1)


@pytest.mark.parametrize("url", ["https://nosuchservice.example/hook", "slack://", "json://"])
def test_a_url_that_apprise_does_not_take_is_a_failure(url: str) -> None:
    why = post_message(Channel("ada", (url,)), Channel("ada", (url,)).services(), "t", "b", "i")
    assert list(why.values()) == ["Apprise does not know this service, or the URL is invalid"]


def test_a_service_that_is_gone_from_the_file_is_a_failure() -> None:
    assert post_message(Channel("ada", ("json://127.0.0.1:1",)), ["1:mailto"], "t", "b", "i") == {
        "1:mailto": "it is no longer in channels.toml"
    }


def test_a_service_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.05)

    def hang(url: str, title: str, body: str, id_: str) -> str:
        if url.startswith("slack"):
            release.wait(30)
        return ""

    monkeypatch.setattr(delivery, "_send_to", hang)
    channel = Channel("ada", ("slack://a", "json://b"))
    try:
        assert post_message(channel, channel.services(), "t", "b", "i") == {
            "0:slack": "no answer within 20 seconds",
            "1:json": "",
        }
    finally:
        release.set()


def test_no_part_of_a_url_is_logged() -> None:
    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    seen: list[str] = []
    root, handler = logging.getLogger(), Kept()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with webhook() as good, webhook(500) as bad:
            channel = Channel("ada", (good.url, bad.url, closed_port().replace("nobody", "hook-secret")))
            post_message(channel, channel.services(), "t", "b", "i")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "hook-secret" not in " ".join(seen)
    assert "secret" not in repr(channel)
