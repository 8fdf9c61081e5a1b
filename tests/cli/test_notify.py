"""`hitl-nb notify`: which channels there are, and whether they work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hitl_nb.cli.app import app
from hitl_nb.review.notifications import delivery
from tests.review.notifications.sinks import webhook


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    return tmp_path / "channels.toml"


def write(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o600)


def notify(*words: str) -> Result:
    return CliRunner().invoke(app, ["notify", *words], prog_name="hitl-nb")


def test_the_channels_are_listed_without_their_urls(file: Path) -> None:
    write(file, 'ada = { urls = ["mailto://a:hunter2@b.example", "slack://A/B/C"], digest = "1h" }')
    assert notify("list").stdout == "ada\tmailto, slack\t1:00:00\n"
    shown = notify("list", "--json").stdout
    assert json.loads(shown) == {"channels": [{"name": "ada", "services": ["mailto", "slack"], "digest": 3600.0}]}
    assert "hunter2" not in shown


def test_a_test_message_says_what_each_service_answered(file: Path) -> None:
    with webhook() as good, webhook(500) as bad:
        write(file, f'ada = {{ urls = ["{good.url}"] }}\nbo = {{ urls = ["{good.url}", "{bad.url}"] }}')
        works = notify("test", "ada")
        assert (works.exit_code, works.stdout) == (0, "json\tyes\t\n")
        assert good.bodies[0]["message"] == "This is a test message to the channel ada. Nothing waits for you."
        fails = notify("test", "bo", "--json")
    assert fails.exit_code == 1
    assert json.loads(fails.stdout)["services"] == [
        {"service": "json", "sent": True, "message": ""},
        {"service": "json", "sent": False, "message": "it answered with status 500"},
    ]
    assert "hook-secret" not in works.output + fails.output


@pytest.mark.parametrize(
    ("text", "words", "says"),
    [
        (None, ("list",), "chmod 600"),
        ('ada = { urls = ["json://x"] }', ("test", "bo"), "there is no channel 'bo'; there are ada"),
        ("ada = 1", ("test", "ada"), "channel 'ada'"),
    ],
)
def test_what_is_wrong_is_one_line(file: Path, text: str | None, words: tuple[str, ...], says: str) -> None:
    if text is not None:
        write(file, text)
    result = notify(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr


def test_without_apprise_it_says_what_to_install(file: Path, monkeypatch: Any) -> None:
    write(file, 'ada = { urls = ["json://x"] }')
    monkeypatch.setattr(delivery, "_has_apprise", lambda: False)
    for words in (("test", "ada"), ("list",)):
        assert 'pip install "hitl_nb[notify]"' in notify(*words).stderr


def test_a_service_that_nobody_knows_is_named_with_what_to_install(file: Path) -> None:
    with webhook() as good:
        write(file, f'ada = {{ urls = ["{good.url}", "pager://user:hunter2@host"] }}')
        tested, listed = notify("test", "ada", "--json"), notify("list")
    assert (tested.exit_code, listed.exit_code) == (1, 0)
    assert [one["sent"] for one in json.loads(tested.stdout)["services"]] == [True, False]
    for text in (json.loads(tested.stdout)["services"][1]["message"], listed.stderr):
        assert "no notifier is installed for pager:// in channels.toml" in text
        assert 'install the package that registers "pager" in the entry point group hitl_nb.notifiers' in text
    assert "hunter2" not in tested.output + listed.output
