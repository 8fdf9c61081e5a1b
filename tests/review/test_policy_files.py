"""Which policy files apply, that they are read again, and that a bad one is never left out."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import hitl_nb as hitl
from hitl_nb import settings
from hitl_nb.errors import PolicyError
from hitl_nb.policies.documents.merged_policy import MergedPolicy
from hitl_nb.review.policy_files.policy_files import (
    FILE_NAME,
    MAX_BYTES,
    find_policy_files,
    load_policy,
)


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(settings.POLICY.name, raising=False)
    monkeypatch.delenv(settings.ROOT.name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def write(folder: Path, *ids: str, name: str = FILE_NAME, top: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(top + "".join(f'[[rule]]\nid = "{one}"\ndo = "ask"\n' for one in ids))
    return file


def load(notebook: Path, *more: hitl.Policy) -> MergedPolicy:
    policy = load_policy(str(notebook), *more)
    assert policy is not None
    return policy


def ids(notebook: Path, *more: hitl.Policy) -> list[str]:
    return [rule.id for rule in load(notebook, *more).rules]


def test_without_files_there_is_no_policy(tmp_path: Path) -> None:
    assert load_policy(str(tmp_path / "a.ipynb")) is None


def test_files_up_to_the_first_folder_with_git(tmp_path: Path) -> None:
    for n, folder in enumerate(["", "repo", "repo/a", "repo/a/b"]):
        write(tmp_path / folder, f"r{n}")
    (tmp_path / "repo" / ".git").mkdir()
    assert ids(tmp_path / "repo" / "a" / "b" / "x.ipynb") == ["r1", "r2", "r3"]
    assert ids(tmp_path / "repo" / "x.ipynb") == ["r1"]
    assert [found.path.parent.name for found in find_policy_files(str(tmp_path / "repo" / "a" / "x.ipynb"))] == [
        *("a", "repo")
    ]


def test_files_up_to_the_servers_root_or_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for n, folder in enumerate([tmp_path, home, home / "work", home / "work" / "a"]):
        write(folder, f"r{n}")
    notebook = home / "work" / "a" / "x.ipynb"
    assert ids(notebook) == ["r1", "r2", "r3"]
    monkeypatch.setenv(settings.ROOT.name, str(home / "work"))
    assert ids(notebook) == ["r2", "r3"]


def test_outside_of_all_limits_only_the_own_folder_counts(tmp_path: Path) -> None:
    write(tmp_path, "above")
    write(tmp_path / "a", "own")
    assert ids(tmp_path / "a" / "x.ipynb") == ["own"]


def test_files_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = write(tmp_path / "org", "a", name="a.toml", top="exclusive = true\n")
    b = write(tmp_path / "org", "b", name="b.toml")
    write(tmp_path / "work", "c")
    monkeypatch.setenv(settings.POLICY.name, os.pathsep.join([str(a), str(b), ""]))
    assert ids(tmp_path / "work" / "x.ipynb") == ["a", "b", "c"]
    assert load(tmp_path / "work" / "x.ipynb").exclusive
    monkeypatch.setenv(settings.POLICY.name, str(tmp_path / "missing.toml"))
    with pytest.raises(PolicyError, match=r"missing\.toml: .* cannot be read: No such file.*HITL_NB_POLICY"):
        load_policy(str(tmp_path / "work" / "x.ipynb"))


def test_a_file_that_is_named_and_found_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "a")
    monkeypatch.setenv(settings.POLICY.name, str(file))
    assert ids(tmp_path / "x.ipynb", hitl.policy(file)) == ["a"]
    write(tmp_path, "a", top="exclusive = true\n")
    assert load(tmp_path / "x.ipynb").exclusive


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    notebook = tmp_path / "x.ipynb"
    write(tmp_path, "a")
    first = load(notebook)
    assert load(notebook) is first  # nothing is read or merged again
    write(tmp_path, "b")
    assert ids(notebook) == ["b"]
    assert load(notebook).sha256 != first.sha256
    (tmp_path / FILE_NAME).unlink()
    assert load_policy(str(notebook)) is None


def test_a_bad_file_is_never_left_out_nor_half_applied(tmp_path: Path) -> None:
    notebook = tmp_path / "x.ipynb"
    file = write(tmp_path, "a")
    load_policy(str(notebook))
    for content, says in [
        (b"version = 2", "version is 2"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"#" * (MAX_BYTES + 1), "is larger than"),
        (b'[[rule]]\nid = "a"\ndo = "pass"\n[[rule]]\nid = "b"', "line 5, rule b: do is missing"),
    ]:
        file.write_bytes(content)
        for _ in range(2):
            with pytest.raises(PolicyError, match=says):
                load_policy(str(notebook))
    file.unlink()
    file.mkdir()
    with pytest.raises(PolicyError, match="cannot be read: Is a directory"):
        load_policy(str(notebook))
    file.rmdir()
    file.symlink_to(tmp_path / "gone.toml")
    with pytest.raises(PolicyError, match="cannot be read: No such file"):
        load_policy(str(notebook))


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a", top="\ufeff")
    assert ids(tmp_path / "x.ipynb") == ["a"]


def test_rules_of_a_call(tmp_path: Path) -> None:
    notebook = tmp_path / "x.ipynb"
    write(tmp_path, "a", top='[groups]\nfinance = ["ada"]\n')
    more = hitl.policy(
        {
            "rule": [{"id": "b", "do": "ask", "needs": ("1 of @finance",), "timeline": ["4wh reject"]}],
            "office": {"holidays": [date(2026, 12, 25)]},
        }
    )
    assert ids(notebook, more) == ["a", "b"]
    assert load(notebook, more) is load(notebook, pickle.loads(pickle.dumps(more)))
    assert load(tmp_path / "x.ipynb", more).rules[1].needs[0].people == ("ada",)
    file = write(tmp_path / "other", "c", name="more.toml")
    assert ids(notebook, hitl.policy(str(file))) == ["a", "c"]
    write(tmp_path / "other", "d", name="more.toml")
    held = hitl.policy(file)
    assert ids(notebook, held) == ["a", "d"]
    file.unlink()
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(str(notebook), held)


def test_a_bad_policy_of_a_call_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"hitl.policy, rule a: unknown key 'wen'; did you mean when\?"):
        hitl.policy({"rule": [{"id": "a", "wen": "True", "do": "ask"}]})
    with pytest.raises(PolicyError, match="cannot be read"):
        hitl.policy(tmp_path / "missing.toml")
    with pytest.raises(PolicyError, match="unknown key 1"):
        hitl.policy({1: 2})
    with pytest.raises(TypeError, match="policy is a int; it must be a path or a mapping"):
        hitl.policy(3)


def test_a_name_that_is_no_path_means_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a")
    monkeypatch.chdir(tmp_path)
    policy = load_policy("desk.refunds")
    assert policy is not None
    assert policy == load_policy(str(tmp_path))


class Table(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)


def test_any_mapping_sequence_and_text_is_taken(tmp_path: Path) -> None:
    office = {"days": "Mon-Fri", "hours": "09:00-17:00", "holidays": (date(2026, 12, 25),)}
    rule = {"id": "a", "title": np.str_("x*"), "do": np.str_("ask"), "needs": ("1 of @f",), "allow": ("approve",)}
    plain = {"groups": {"f": ["ada"]}, "office": office, "rule": [{**rule, "title": "x*", "do": "ask"}]}
    for content in (
        MappingProxyType({**plain, "rule": (MappingProxyType(rule),), "groups": MappingProxyType({"f": ("ada",)})}),
        Table({**plain, "rule": [Table(rule)], "office": Table(office), np.str_("groups"): Table({"f": ["ada"]})}),
    ):
        given = hitl.policy(content)
        assert pickle.loads(pickle.dumps(given)) == given
        found, expected = load_policy(str(tmp_path), given), load_policy(str(tmp_path), hitl.policy(plain))
        assert found is not None
        assert expected is not None
        assert found.sha256 == expected.sha256


ENDLESS: dict[str, Any] = {"rule": []}
ENDLESS["rule"].append(ENDLESS)
RULE = {"id": "a", "do": "ask"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        *(
            ({"rule": [RULE | more]}, "hitl.policy, rule a: ")
            for more in (
                {"title": "a\ud800"},
                {"when": "title == '\ud800'"},
                {"needs": ["1 of \udc80"]},
                {"timeline": ["1h remind \ud800"]},
                {"\ud800": 1},
                {"batch": np.int64(3)},
                {"batch": math.nan},
                {"batch": 10**5000},
                {"four_eyes": np.bool_(True)},
                {"needs": {"1 of ada"}},
                {"allow": frozenset({"approve"})},
                {"fresh": timedelta(hours=4)},
                {"fresh": math.inf},
                {"when": date(2026, 1, 1)},
                {"title": b"x"},
            )
        ),
        ({"rule": [{**RULE, "id": "\ud800"}]}, "hitl.policy, rule 1: "),
        ({"groups": {"f\ud800": ["ada"]}}, "hitl.policy: "),
        ({"groups": {"f": {"ada"}}}, "hitl.policy, [groups]: "),
        ({"groups": {1: ["ada"]}}, "hitl.policy, [groups]: the key 1 is a int"),
        ({("a",): 1}, "hitl.policy: unknown key ('a',)"),
        ({"fallback": ["\udc80"]}, "hitl.policy: "),
        ({"version": Decimal(1)}, "hitl.policy: version"),
        ({"version": 10**5000}, "hitl.policy: "),
        ({"rule": np.array([RULE])}, "hitl.policy: rule"),
        (
            {"office": {"days": "Mon-Fri", "hours": "09:00-17:00", "holidays": [np.datetime64("2026-01-01")]}},
            "hitl.pol",
        ),
        (ENDLESS, "hitl.policy, rule 1: it is nested more than"),
    ],
)
def test_what_no_policy_can_hold_is_refused_in_a_sentence(content: Any, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        hitl.policy(content)
    assert str(refused.value).startswith(said)
    assert str(refused.value).encode()


def test_numbers_that_are_too_large_and_names_that_are_no_text_are_refused_in_files(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("version = " + "1" * 5000)
    with pytest.raises(PolicyError, match="this is not TOML"):
        hitl.policy(path)
    odd = tmp_path / os.fsdecode(b"p\xff.toml")
    odd.write_text("version = 1")
    with pytest.raises(PolicyError, match="half a character"):
        hitl.policy(odd)
