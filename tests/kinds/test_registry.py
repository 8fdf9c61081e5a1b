"""The tables of kinds, in Python and in TypeScript, have the same kinds, and nobody else compares their names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hitl_nb.kinds.interface import Kind
from hitl_nb.kinds.registry import DEFAULT_KIND, KINDS, find_kind, text_kinds
from hitl_nb.notebook.panel.editors import EDITORS
from hitl_nb.server.api.openapi import build_document

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "extension" / "src"

COMPARED = {
    "hitl_nb/records/proposals.py": "rules can name the tool of a tool_call",
    "hitl_nb/policies/rules/verdicts.py": "conditions can read the arguments of a tool_call",
    "hitl_nb/policies/documents/exact_numbers.py": "conditions read the numbers of a table by its columns",
    "hitl_nb/review/guardrails.py": "guardrails look at the names of a table's columns, not at their types",
    "hitl_nb/storage/disk/database_schema.py": "a table of SQLite",
    "hitl_nb/values/tables.py": "a type of columns",
}
"""Files that compare a `kind` with a name that is a kind's, each with what it is about."""


def entries(file: str, table: str) -> dict[str, str]:
    """The entries `['name', ...]` of a TypeScript table, by name."""
    text = (SOURCE / file).read_text(encoding="utf-8")
    body = text[text.index(f"{table} = new Map<") :].split("\n]);")[0]
    return dict(re.findall(r"^  \['(\w+)', (.*)\],?$", body, re.MULTILINE))


def test_every_kind_has_an_entry_in_every_table_under_its_own_name() -> None:
    assert {name: kind.name for name, kind in KINDS.items()} == {name: name for name in KINDS}
    assert list(EDITORS) == list(KINDS)
    assert list(entries("components/editors/registry.tsx", "EDITORS")) == list(KINDS)


def test_browsers_share_drafts_in_the_same_form() -> None:
    named = {name: form.strip("'") for name, form in entries("drafts/sharing-forms.ts", "SHARING_FORMS").items()}
    assert {name: kind.sharing_form for name, kind in KINDS.items()} == {
        name: named.get(name, "parts") for name in KINDS
    }
    assert set(named) <= set(KINDS)


def test_browsers_edit_the_same_kinds_as_texts() -> None:
    drawn = entries("components/editors/registry.tsx", "EDITORS")
    assert sorted(name for name, entry in drawn.items() if entry.startswith("textEditor(")) == text_kinds()


def test_the_api_describes_the_same_kinds() -> None:
    schemas = build_document()["components"]["schemas"]
    listed = {name: one["properties"]["kind"]["enum"] for name, one in schemas.items() if is_about_values(one)}
    assert listed.pop("RemoteWorkspaceRequest") == text_kinds()
    assert set(listed) >= {"ProposalSummary", "ProposalDetail", "WorkspaceDetail"}
    assert all(names == sorted(KINDS) for names in listed.values())


def is_about_values(schema: dict[str, dict[str, dict[str, list[str]]]]) -> bool:
    return "markdown" in schema.get("properties", {}).get("kind", {}).get("enum", ())


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_every_member(name: str) -> None:
    kind = KINDS[name]
    members = {*Kind.__annotations__, *(name for name in vars(Kind) if not name.startswith("_"))}
    assert [member for member in sorted(members) if not hasattr(kind, member)] == []


def test_one_module_a_kind() -> None:
    assert {type(kind).__module__ for kind in KINDS.values()} == {f"hitl_nb.kinds.{name}" for name in KINDS}
    assert KINDS["json"] is DEFAULT_KIND


def test_an_unknown_kind_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"kind is 'picture'; accepted are text, markdown, code, json, table, "):
        find_kind("picture")


def test_nobody_else_compares_the_names_of_kinds() -> None:
    found: set[str] = set()
    for file in (ROOT / "hitl_nb").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and asks_for_kind(node.left):
                named = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
                if set(named) & set(KINDS):
                    found.add(file.relative_to(ROOT).as_posix())
    assert found == set(COMPARED)
    scripts = {file: file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.ts*")}
    names = "|".join(KINDS)
    assert [file for file, text in scripts.items() if re.search(rf"[kK]ind [!=]== '({names})'", text)] == []


def asks_for_kind(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "kind") or (
        isinstance(node, ast.Name) and node.id == "kind"
    )
