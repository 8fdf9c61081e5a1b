"""`channels.toml`: what is taken, what is refused, and that no message shows a URL."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from hitl_nb.review.notifications.channels import ChannelsError, channels_file, load_channels

SECRET = "mailto://ada:hunter2@example.org"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "channels.toml"


def write(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text)
    file.chmod(mode)
    return file


def test_people_groups_and_requesters_have_channels(file: Path) -> None:
    text = f"""
        ada = {{ urls = ["{SECRET}", "slack://A/B/C"], digest = "1h" }}
        "@finance" = {{ urls = ["json://hook"] }}
        requester = {{ urls = ["json://hook"], digest = "90m" }}
    """
    found = load_channels(write(file, text))
    assert found is not None
    assert list(found) == ["ada", "@finance", "requester"]
    assert found["ada"].digest == timedelta(hours=1)
    assert found["requester"].digest == timedelta(minutes=90)
    assert found["ada"].services() == ("0:mailto", "1:slack")
    assert found["ada"].find_url("0:mailto") == SECRET
    assert found["ada"].find_url("0:slack") is None
    assert "hunter2" not in repr(found)


def test_without_the_file_there_are_no_channels(file: Path) -> None:
    assert load_channels(file) is None


def test_it_is_in_jupyters_configuration_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    assert channels_file() == tmp_path / "channels.toml"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    with pytest.raises(ChannelsError, match=f"chmod 600 {file}"):
        load_channels(write(file, f'ada = {{ urls = ["{SECRET}"] }}', mode))


def test_a_link_is_refused(file: Path, tmp_path: Path) -> None:
    write(tmp_path / "real", "")
    file.symlink_to(tmp_path / "real")
    with pytest.raises(ChannelsError, match="is a link"):
        load_channels(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(file: Path) -> None:
    os.chown(write(file, ""), 12345, -1)
    with pytest.raises(ChannelsError, match="must belong to you"):
        load_channels(file)


def test_a_folder_is_refused(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ChannelsError, match="not a plain file"):
        load_channels(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'ada = "{SECRET}"', "channel 'ada': it is a text; write"),
        ("ada = 1", "channel 'ada': it is a number, boolean or date"),
        ("ada = {}", "channel 'ada': urls is missing or empty"),
        ("ada = { urls = [] }", "urls is missing or empty"),
        (f'ada = {{ urls = "{SECRET}" }}', "urls is missing or empty"),
        (f'ada = {{ urls = ["{SECRET}", "hunter2"] }}', "URL 2 of 2 is not a URL"),
        (f'ada = {{ urls = ["{SECRET}", 3] }}', "URL 2 of 2 is not a URL"),
        (f'ada = {{ urls = ["{SECRET}"], digests = "1h" }}', "unknown key 'digests'; known are urls and digest"),
        (f'\nada = {{ urls = ["json://a"], "{SECRET}" = 1 }}', "channel 'ada': an unknown key in line 2; known are"),
        ('ada = { urls = ["json://a"], xoxb-hunter2 = 1 }', "an unknown key in line 1"),
        (f'ada = {{ urls = ["json://a"], "\\u{ord(SECRET[0]):04x}{SECRET[1:]}" = 1 }}', "an unknown key in it"),
        (f'\n\n"{SECRET}" = "ada"', "a channel in line 3: it is a text"),
        (f'[ada."{SECRET}"]', "an unknown key in line 1"),
        (
            f'ada = {{ urls = ["{SECRET}"], digest = "1 h" }}',
            "digest is not a duration; write a number and s, m, h or d",
        ),
        (f'ada = {{ urls = ["{SECRET}"], digest = 60 }}', "digest is not a duration"),
        (f'"@" = {{ urls = ["{SECRET}"] }}', "it has no name"),
        (f'\n\nada = {{ urls = ["{SECRET}"', "is not TOML, at its end"),
        (f"\n\nada = urls {SECRET} hunter2\n", "is not TOML, at line 3"),
        (f'ada = {{ urls = ["{SECRET}"] }}\nada = {{ urls = ["{SECRET}"] }}', "is not TOML, at"),
        ("ada = " + "[" * 5000, "is not TOML"),
    ],
)
def test_what_does_not_fit_is_named_and_no_url_is_shown(file: Path, text: str, message: str) -> None:
    with pytest.raises(ChannelsError) as refused:
        load_channels(write(file, text))
    assert message in str(refused.value)
    assert str(file) in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None or "hunter2" not in repr(refused.value.__cause__)


def test_bytes_that_are_no_text_are_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    file.chmod(0o600)
    with pytest.raises(ChannelsError, match="not UTF-8"):
        load_channels(file)
