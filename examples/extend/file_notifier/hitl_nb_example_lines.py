"""Messages to reviewers as lines of JSON in a file: `lines:///absolute/path`."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from hitl_nb.review.notifications.notifiers import Message, NotSent


class LinesNotifier:
    """The notifier of `lines:` URLs. Several processes may send, so each message is appended with one write."""

    @classmethod
    def send(cls, url: str, message: Message) -> None:
        """See `Notifier.send`. A message can come twice with the same id."""
        line = json.dumps({"id": message.id, "title": message.title, "body": message.body})
        try:
            with Path(urlsplit(url).path).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            raise NotSent(f"the file cannot be written: {error.strerror}") from None  # the URL is a secret
