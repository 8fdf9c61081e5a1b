"""The linter of names: what it reports, what it allows, and that this repository passes it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def name_lint() -> ModuleType:
    spec = importlib.util.spec_from_file_location("name_lint", ROOT / "tools" / "name_lint.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "hitl_nb").mkdir()
    (tmp_path / "extension" / "src").mkdir(parents=True)
    return tmp_path


def list_problems(name_lint: ModuleType, root: Path) -> list[tuple[str, str, str]]:
    return [(problem.path, problem.name, problem.rule) for problem in name_lint.find_problems(root)]


@pytest.mark.parametrize("source", ["def told(): ...", "class Judged: ...", "class A:\n    def _known(self): ..."])
def test_a_participle_alone_is_no_name(name_lint: ModuleType, root: Path, source: str) -> None:
    (root / "hitl_nb" / "runs.py").write_text(source)
    assert [rule for _, _, rule in list_problems(name_lint, root)] == ["participle"]


@pytest.mark.parametrize(
    "source", ["def is_told(): ...", "def read(): ...", "class Feed: ...", "class StringSetting: ..."]
)
def test_nouns_and_verbs_with_objects_are_names(name_lint: ModuleType, root: Path, source: str) -> None:
    (root / "hitl_nb" / "runs.py").write_text(source)
    assert list_problems(name_lint, root) == []


def test_functions_of_tests_are_read_and_programs_of_users_are_not(name_lint: ModuleType, root: Path) -> None:
    (root / "tests" / "cases" / "programs").mkdir(parents=True)
    (root / "tests" / "test_runs.py").write_text("class Told:\n    def asked(self, p): ...\n")
    (root / "tests" / "cases" / "programs" / "loop.py").write_text("def told(): ...")
    assert list_problems(name_lint, root) == [("tests/test_runs.py", "asked", "participle")]


@pytest.mark.parametrize(
    "source",
    [
        "export function told(): void {\n}\n",
        "const told = (text: string): string => text;\n",
        "function read() {\n  const told = async () => 1;\n}\n",
        "class Log {\n  private async told(text: string): Promise<void> {\n  }\n}\n",
    ],
)
@pytest.mark.parametrize("folder", ["src", "tests"])
def test_functions_and_methods_of_typescript_are_read(
    name_lint: ModuleType, root: Path, source: str, folder: str
) -> None:
    (root / "extension" / folder).mkdir(exist_ok=True)
    (root / "extension" / folder / "log.ts").write_text(source)
    assert list_problems(name_lint, root) == [(f"extension/{folder}/log.ts", "told", "participle")]


def test_calls_and_properties_of_typescript_are_no_definitions(name_lint: ModuleType, root: Path) -> None:
    source = (
        "class Log {\n  get told(): string {\n    return '';\n  }\n}\ndescribe('x', () => {\n  told(1, {\n  });\n});\n"
    )
    (root / "extension" / "src" / "log.ts").write_text(source)
    assert list_problems(name_lint, root) == []


def test_files_are_named_by_nouns(name_lint: ModuleType, root: Path) -> None:
    (root / "hitl_nb" / "judging.py").write_text("")
    (root / "extension" / "src" / "spelling.ts").write_text("")
    assert [(name, rule) for _, name, rule in list_problems(name_lint, root)] == [
        ("spelling", "participle"),
        ("judging", "participle"),
    ]


def test_two_classes_of_one_name_are_reported_both(name_lint: ModuleType, root: Path) -> None:
    (root / "hitl_nb" / "runs.py").write_text("class Entry: ...")
    (root / "hitl_nb" / "steps.py").write_text("class _Entry: ...")
    assert list_problems(name_lint, root) == [
        ("hitl_nb/runs.py", "Entry", "homonym"),
        ("hitl_nb/steps.py", "_Entry", "homonym"),
    ]


def test_an_interface_and_its_class_are_one_thing(name_lint: ModuleType, root: Path) -> None:
    source = root / "extension" / "src" / "draft.ts"
    source.write_text("export interface IDraft {}\nexport class Draft implements IDraft {}\n")
    assert list_problems(name_lint, root) == []
    source.write_text("export interface IDraft {}\nexport class Draft {}\n")
    assert [rule for _, _, rule in list_problems(name_lint, root)] == ["homonym", "homonym"]


def test_parameters_and_fields_have_words_as_names(name_lint: ModuleType, root: Path) -> None:
    (root / "hitl_nb" / "runs.py").write_text("class Run:\n    p: int\n    n: int\n\ndef find_run(w, i): ...\n")
    assert [name for _, name, _ in list_problems(name_lint, root)] == ["Run.p", "find_run(w)"]


def test_a_name_of_another_interface_is_allowed(name_lint: ModuleType, root: Path) -> None:
    (root / "hitl_nb" / "files.py").write_text("class File:\n    def read(self): ...\n    def closed(self): ...\n")
    assert list_problems(name_lint, root) == []


def test_the_command_says_where_and_fails(
    name_lint: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "hitl_nb" / "runs.py").write_text("\ndef told(): ...\n")
    assert name_lint.main([str(root)]) == 1
    assert capsys.readouterr().out.startswith("hitl_nb/runs.py:2: told:")
    (root / "hitl_nb" / "runs.py").write_text("")
    assert name_lint.main([str(root)]) == 0


def test_this_repository_passes(name_lint: ModuleType) -> None:
    assert [problem.format_line() for problem in name_lint.find_problems(ROOT)] == []
