"""`c.HitlNb.policy`: the policy files of the organisation, for all kernels of a server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from traitlets.config import Config

from hitl_nb import settings
from hitl_nb.review.policy_files.policy_files import FILE_NAME, load_policy
from hitl_nb.server.base.context import HitlNb
from hitl_nb.server.extension import export_policy

RULE = '[[rule]]\nid = "{}"\ndo = "ask"\n'


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (settings.POLICY.name, settings.ROOT.name):
        monkeypatch.setenv(name, "")  # so that they are taken back
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_kernels_get_the_files_and_the_root(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("exclusive = true\n" + RULE.format("a"))
    (tmp_path / "b.toml").write_text(RULE.format("b"))
    (tmp_path / FILE_NAME).write_text(RULE.format("above"))
    root = tmp_path / "root"
    (root / "work").mkdir(parents=True)
    (root / FILE_NAME).write_text(RULE.format("root"))
    options = HitlNb(config=Config({"HitlNb": {"policy": [str(tmp_path / "a.toml"), "b.toml"]}}))
    assert export_policy(options.policy, root) == ""
    assert os.environ[settings.POLICY.name].split(os.pathsep) == [str(tmp_path / "a.toml"), str(tmp_path / "b.toml")]
    policy = load_policy(str(root / "work" / "x.ipynb"))
    assert policy is not None
    assert [rule.id for rule in policy.rules] == ["a", "b", "root"]
    assert policy.exclusive


def test_without_the_setting_the_environment_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.POLICY.name, str(tmp_path / "missing.toml"))
    assert "missing.toml: the policy file cannot be read" in export_policy(HitlNb().policy, tmp_path)
    assert os.environ[settings.POLICY.name] == str(tmp_path / "missing.toml")
