"""The linter of prose: what each rule reports, what it lets pass, and the exit code of the command."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def prose_lint() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prose_lint", ROOT / "tools" / "prose_lint.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository without files: the linter reads the files that git knows."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "hitl_nb").mkdir()
    (tmp_path / "extension" / "src").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    return tmp_path


def rules_in(prose_lint: ModuleType, source: str, suffix: str = ".py") -> list[str]:
    texts = prose_lint.READERS[suffix](Path(f"file{suffix}"), source)
    return [problem.rule for text in texts for problem in prose_lint.check_text(text)]


def words(count: int) -> str:
    return " ".join(["word"] * count)


@pytest.mark.parametrize(
    "sentence",
    [
        "The agent goes on after the decision.",
        "The label stands before the field.",
        "The state comes to nothing.",
        "The value is another.",
        "Whoever votes, the rule holds.",
        "The room hears an update.",
        "The rest is done in one go.",
    ],
)
def test_idioms_are_reported(prose_lint: ModuleType, sentence: str) -> None:
    assert "phrase" in rules_in(prose_lint, f'"""{sentence}"""')


@pytest.mark.parametrize(
    "sentence",
    [
        "The agent continues after the decision.",
        "The two values are another pair.",
        "Nobody comes to an agreement.",
        "A `goes on` in code is a name.",
        "The button “Go on” belongs to others.",
        "The label 'goes on' and the label \\\"go on\\\" are quoted.",
    ],
)
def test_plain_words_and_quotations_pass(prose_lint: ModuleType, sentence: str) -> None:
    assert rules_in(prose_lint, f'"""{sentence}"""') == []


@pytest.mark.parametrize("sentence", ["What the agent returned.", "Who decides is unknown.", "**What it is** is text."])
def test_a_sentence_whose_subject_is_what_or_who_is_reported(prose_lint: ModuleType, sentence: str) -> None:
    assert rules_in(prose_lint, f'"""{sentence}"""') == ["subject"]
    assert rules_in(prose_lint, f'"""A first sentence. {sentence}"""') == ["subject"]


@pytest.mark.parametrize(
    "sentence",
    [
        "What did it return?",
        "What did it return? (text, number or JSON)",
        "Who decided, and\nwhen?",
        "What's new, 2026?!",
        "Say what it is.",
        "Whole.",
    ],
)
def test_questions_and_other_sentences_pass(prose_lint: ModuleType, sentence: str) -> None:
    assert rules_in(prose_lint, f'"""{sentence}"""') == []


def test_a_sentence_has_at_most_25_words(prose_lint: ModuleType) -> None:
    assert rules_in(prose_lint, f'"""{words(25)}."""') == []
    assert rules_in(prose_lint, f'"""{words(26)}."""') == ["long"]


def test_sentences_end_at_points_and_at_items_of_lists(prose_lint: ModuleType) -> None:
    assert rules_in(prose_lint, f'"""{words(20)}. 3 {words(20)}. *The* {words(20)}."""') == []
    assert rules_in(prose_lint, f"1. {words(20)}\n2. {words(20)}\n- {words(20)}\n", ".md") == []
    assert rules_in(prose_lint, f'"""First.\n\nArgs:\n    name: {words(20)}\n    other: {words(20)}\n"""') == []
    assert rules_in(prose_lint, f'"""{words(20)}\n{words(20)}."""') == ["long"]


def test_a_quotation_over_two_lines_counts_as_one_word(prose_lint: ModuleType) -> None:
    assert rules_in(prose_lint, f'# A message: "{words(20)}\n# {words(20)}" is quoted.\n') == []
    assert rules_in(prose_lint, f'# A screen of 5" and {words(20)}\n# {words(20)} of 7" is no quotation.\n') == ["long"]


def test_code_names_in_a_row_count_as_one_word(prose_lint: ModuleType) -> None:
    names = ", ".join(f"`name{n}`" for n in range(30))
    assert rules_in(prose_lint, f"It has {names} and `last`.\n", ".md") == []
    assert rules_in(prose_lint, f"It has {', '.join(['name'] * 30)}.\n", ".md") == ["long"]


def test_the_target_of_a_link_is_no_text(prose_lint: ModuleType) -> None:
    assert rules_in(prose_lint, f"{words(20)} [page](docs/what-goes-on/a-b/c-d/e/f/g/h.md).\n", ".md") == []
    assert rules_in(prose_lint, "Read how [it goes on](docs/page.md).\n", ".md") == ["phrase"]


def test_rows_of_a_table_are_short_texts_of_their_own(prose_lint: ModuleType) -> None:
    rows = "\n".join(f"    name{n}    {words(8)}" for n in range(5))
    assert rules_in(prose_lint, f'"""Names.\n\n{rows}\n"""') == []
    assert rules_in(prose_lint, f'"""Names.\n\n{rows}\n    more    it goes on\n"""') == ["phrase"]
    assert rules_in(prose_lint, f'"""Names.\n\n    name    {words(26)}\n"""') == ["long"]


def test_code_in_strings_is_no_prose(prose_lint: ModuleType) -> None:
    columns = ", ".join(f"column{n} INTEGER" for n in range(30))
    assert rules_in(prose_lint, f'TABLE = "CREATE TABLE Cache ({columns})"') == []
    assert rules_in(prose_lint, f'UPSERT = f"{{rows}} ON CONFLICT(key) DO UPDATE SET {columns}"') == []
    assert rules_in(prose_lint, f'NOTE = "The table has {columns}"') == ["long"]
    fields = ", ".join(f"field{n}=None" for n in range(30))
    assert rules_in(prose_lint, f'SOURCE = "make(1, dict({fields}), lambda value: value)"') == []
    assert rules_in(prose_lint, f'SOURCE = "make it of {fields}"') == ["long"]
    assert rules_in(prose_lint, 'NOTE = "# the run goes on"') == ["phrase"]


def test_style_sheets_and_keys_of_dictionaries_are_no_prose(prose_lint: ModuleType) -> None:
    sheet = "<style>\n.a { " + "margin: 4px 0; " * 20 + "}\n</style>"
    assert rules_in(prose_lint, f'SHEET = """{sheet}"""') == []
    assert rules_in(prose_lint, f'"""Fields: {words(30)}; a name: a value; a name: a value;"""') == ["long"]
    assert rules_in(prose_lint, 'PHRASES = {"in one go": "say together, please"}') == []
    assert rules_in(prose_lint, 'PHRASES = {"together": "all in one go"}') == ["phrase"]


def test_comments_messages_and_user_interface_texts_are_read(prose_lint: ModuleType) -> None:
    assert rules_in(prose_lint, "# The run\n# goes on here.\n") == ["phrase"]
    assert rules_in(prose_lint, 'raise ValueError(f"the run {run} goes on")') == ["phrase"]
    assert rules_in(prose_lint, "/** What it returns. */\nconst a = 1; // it goes on\n", ".ts") == ["subject", "phrase"]
    assert rules_in(prose_lint, "trans.__('The agent goes on');\nconst b = 'goes on';\n", ".tsx") == ["phrase"]
    assert rules_in(prose_lint, "Text.\n\n```python\n# it goes on\n```\n", ".md") == []


def test_a_problem_has_the_line_of_its_sentence(prose_lint: ModuleType) -> None:
    (text,) = prose_lint.python_texts(Path("a.py"), '\n"""First line.\n\nWhat is here. It\ngoes on.\n"""\n')
    assert [(problem.line, problem.rule) for problem in prose_lint.check_text(text)] == [(5, "phrase"), (4, "subject")]


def test_the_files_are_those_of_git_in_the_given_paths(prose_lint: ModuleType, root: Path) -> None:
    (root / "hitl_nb" / "runs.py").write_text('"""It goes on."""\n')
    (root / "docs" / "page.md").write_text("It goes on.\n")
    (root / "notes.md").write_text("It goes on.\n")
    assert prose_lint.find_problems(root, []) == []
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    assert [problem.path for problem in prose_lint.find_problems(root, [])] == ["docs/page.md", "hitl_nb/runs.py"]
    assert [problem.path for problem in prose_lint.find_problems(root, ["docs"])] == ["docs/page.md"]


def test_the_command_says_where_and_fails(
    prose_lint: ModuleType, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prose_lint, "ROOT", root)
    (root / "hitl_nb" / "runs.py").write_text('"""Runs.\n\nA run goes on.\n"""\n')
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    assert prose_lint.main([]) == 1
    assert capsys.readouterr().out == "hitl_nb/runs.py:3: 'goes on': continue (phrase)\n"
    assert prose_lint.main(["--count"]) == 1
    assert capsys.readouterr().out.split() == ["phrase", "1", "hitl_nb/runs.py"]
    (root / "hitl_nb" / "runs.py").write_text('"""Runs.\n\nA run continues.\n"""\n')
    assert prose_lint.main([]) == 0
    assert capsys.readouterr().out == ""
