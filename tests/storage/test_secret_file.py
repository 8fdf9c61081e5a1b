"""The files that hold keys: made once, whole, durable, private; never in the place that a link names."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from hitl_nb.engine.snapshot import signing as seal
from hitl_nb.errors import Untrusted
from hitl_nb.storage import secret_file as secretfile
from hitl_nb.storage.secret_file import UnsafeFile, read_or_create_secret

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and directories that can be synced")


def test_it_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "key"
    assert read_or_create_secret(path, b"one") == b"one"
    assert read_or_create_secret(path, b"two") == b"one"
    assert [one.name for one in path.parent.iterdir()] == ["key"]


@posix
def test_it_is_private_and_durable_with_the_folders_that_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())), sync(fd))[1]
    )
    path = tmp_path / "new" / "folder" / "key"
    read_or_create_secret(path, b"one")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {str(tmp_path), str(tmp_path / "new"), str(path.parent)} <= set(synced)
    assert any(".key-" in one for one in synced)
    synced.clear()
    read_or_create_secret(path, b"two")  # whoever made it may have died before it was durable
    assert synced == [str(path.parent)]


MAKE = "import sys, pathlib, secrets; from hitl_nb.storage.secret_file import read_or_create_secret; sys.stdin.read(); "
MAKE += "print(read_or_create_secret(pathlib.Path(sys.argv[1]), secrets.token_bytes(32)).hex())"


def test_processes_that_make_it_at_once_have_one(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    command = [sys.executable, "-c", MAKE, str(path)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    made = {one.communicate("")[0] for one in started}
    assert made == {path.read_bytes().hex() + "\n"}


@posix
@pytest.mark.parametrize("made", ["a link", "a dangling link", "a folder", "a pipe", "open to others"])
def test_what_is_no_private_file_is_refused(tmp_path: Path, made: str) -> None:
    path, target = tmp_path / "key", tmp_path / "target"
    if made == "a folder":
        path.mkdir()
    elif made == "a pipe":
        os.mkfifo(path, 0o600)
    elif made == "open to others":
        path.write_bytes(b"x" * 32)
        path.chmod(0o644)
    else:
        path.symlink_to(target)
        if made == "a link":
            target.write_bytes(b"x" * 32)
            target.chmod(0o600)
    with pytest.raises(UnsafeFile):
        read_or_create_secret(path, b"mine")
    assert target.exists() == (made == "a link")


@pytest.mark.parametrize("size", [0, 31, 33, 100_000])
def test_a_key_that_was_cut_short_is_named_and_nothing_is_checked_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    secretfile.place_file(tmp_path / "hitl_nb" / "key", secrets.token_bytes(size))
    with pytest.raises(Untrusted, match="not a key of hitl_nb"):
        seal.seal("place", {}, b"")
