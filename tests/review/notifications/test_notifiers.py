"""Services of other packages: found by the scheme of a channel's URL, and like Apprise's in all else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hitl_nb.review.notifications import delivery, notifiers
from hitl_nb.review.notifications.channels import Channel
from hitl_nb.review.notifications.delivery import find_missing, post_message
from tests.review.notifications.sinks import webhook

PAGER = """
import json
from pathlib import Path

from hitl_nb.review.notifications.notifiers import Message, NotSent

class Pager:
    @classmethod
    def send(cls, url: str, message: Message) -> None:
        if "busy" in url:
            raise NotSent("the pager is busy")
        if "buggy" in url:
            raise KeyError(url)
        said = {"url": url, "id": message.id, "title": message.title, "body": message.body}
        with Path(url.removeprefix("pager://").removeprefix("slack://")).open("a") as file:
            file.write(json.dumps(said) + "\\n")
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package on the path whose metadata registers notifiers."""
    monkeypatch.syspath_prepend(str(tmp_path))
    caches = (notifiers._list_registered, notifiers._load_class)

    def install(package: str, **entries: str) -> None:
        (tmp_path / f"{package}.py").write_text(PAGER)
        metadata = tmp_path / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{scheme} = {named}\n" for scheme, named in entries.items())
        (metadata / "entry_points.txt").write_text(f"[{notifiers.ENTRY_POINT_GROUP}]\n{lines}")
        for cache in caches:
            cache.cache_clear()

    yield install
    for cache in caches:
        cache.cache_clear()


def post(*urls: str) -> list[str]:
    channel = Channel("ada", urls)
    return list(post_message(channel, channel.services(), "Waiting", "A line\nAnother", "id1,id2").values())


def test_another_package_sends_beside_apprise(install: Install, tmp_path: Path) -> None:
    install("pagers", pager="pagers:Pager")
    sent = tmp_path / "sent"
    with webhook() as hook:
        assert post(f"pager://{sent}", hook.url) == ["", ""]
        assert hook.ids == ["id1,id2"]
    expected = {"url": f"pager://{sent}", "id": "id1,id2", "title": "Waiting", "body": "A line\nAnother"}
    assert json.loads(sent.read_text()) == expected


def test_what_a_notifier_says_is_reported_and_nothing_of_a_url(install: Install) -> None:
    install("pagers", pager="pagers:Pager", gone="pagers:NoSuchClass", away="pagers.missing:Pager")
    why = post("pager://busy", "pager://buggy:hunter2", "gone://x", "away://x")
    assert why[0] == "the pager is busy"
    assert why[1] == "the notifier pagers:Pager for pager:// failed with KeyError"
    assert why[2].startswith("the notifier pagers:NoSuchClass for gone:// cannot be loaded: ")
    assert why[3].startswith("the notifier pagers.missing:Pager for away:// cannot be loaded: ")


def test_a_notifier_is_used_in_place_of_apprise(install: Install, tmp_path: Path) -> None:
    install("slackers", slack="slackers:Pager")
    sent = tmp_path / "sent"
    assert post(f"slack://{sent}") == [""]
    assert sent.exists()


def test_two_packages_with_one_scheme_are_refused(install: Install) -> None:
    install("pagers", pager="pagers:Pager")
    install("beepers", pager="beepers:Pager")
    (why,) = post("pager://x")
    assert "several packages have a notifier for pager://" in why
    assert "pagers:Pager" in why
    assert "beepers:Pager" in why


def test_apprise_is_not_needed_where_all_notifiers_are_of_other_packages(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_has_apprise", lambda: False)
    sent = tmp_path / "sent"
    channel = Channel("ada", (f"pager://{sent}",))
    missing = find_missing([channel])
    assert missing is not None
    assert missing.stops_all
    assert "pager://" in missing.problem
    install("pagers", pager="pagers:Pager")
    assert find_missing([channel]) is None
    assert post(f"pager://{sent}") == [""]


def test_a_scheme_that_nobody_has_says_what_to_install(install: Install) -> None:
    (why,) = post("pager://user:hunter2@host")
    assert 'install the package that registers "pager" in the entry point group hitl_nb.notifiers' in why
    assert "hunter2" not in why
    install("pagers", pager="pagers:Pager")
    assert find_missing([Channel("ada", ("pager://x", "json://x", "https://hooks.example/x"))]) is None


def test_a_notifier_is_imported_only_when_a_message_is_sent_to_it(install: Install, tmp_path: Path) -> None:
    install("pagers", pager="pagers:Pager")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from hitl_nb.review.notifications import delivery\n"
        "from hitl_nb.review.notifications.channels import Channel\n"
        "assert 'importlib.metadata' not in sys.modules\n"
        "assert delivery.find_missing([Channel('ada', ('pager://x',))]) is None\n"
        "sys.exit('pagers' in sys.modules or 'apprise' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
