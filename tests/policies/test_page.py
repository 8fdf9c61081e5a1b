"""The reference page names every key of the grammar, what it is if left out, and how terms of several rules merge."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from hitl_nb.policies.documents import documents
from hitl_nb.policies.documents.documents import PolicyDocument, UnresolvedRule
from hitl_nb.policies.documents.merged_policy import Rule
from hitl_nb.records import Terms

PAGE = Path(__file__).parents[2].joinpath("docs", "reference", "policy-file.md").read_text("utf-8")
TOP, RULE, OFFICE = documents._TOP_KEYS, documents._RULE_KEYS, documents._OFFICE_KEYS
OF_THE_RECORD = {"policy", "rules"}
"""Fields of terms that no key of a file is."""


def tables(heading: str) -> dict[str, list[str]]:
    """The rows of the first table behind a heading, by each name in their first cell."""
    lines = PAGE[PAGE.index(heading) :].splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("|---"))
    found: dict[str, list[str]] = {}
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`\[*(\w+)\]*`", cells[0]):
            found[name] = cells
    return found


def test_every_key_of_a_file_is_on_the_page() -> None:
    named = tables("## The keys of the file")
    assert set(named) == set(TOP)
    assert {name for name, cells in named.items() if not cells[2]} == set()
    assert all(f"`{key} = " in PAGE or f"{key} = " in named["office"][1] for key in OFFICE)


def test_every_key_of_a_rule_is_on_the_page_with_what_it_is_if_left_out() -> None:
    named = tables("## The keys of a rule")
    assert set(named) == set(RULE)
    assert {name for name, cells in named.items() if len(cells) != 3 or not cells[2]} == set()


def test_every_term_is_on_the_page_with_how_several_are_put_together() -> None:
    named = tables("The terms of all `ask` rules")
    assert set(Terms.__struct_fields__) - OF_THE_RECORD <= set(named)
    assert "allow" in named
    assert all(cells[1] for cells in named.values())


def test_no_key_is_read_that_the_grammar_does_not_list() -> None:
    """The lists above are the grammar: what a document and a rule hold beside them is not written in a file."""
    assert {one.name for one in fields(PolicyDocument)} - set(TOP) == {"source", "organisation", "rules"}
    assert {one.name for one in fields(UnresolvedRule)} - set(RULE) == {"where", "scopes", "condition"}
    assert set(Rule.__struct_fields__) - set(RULE) - set(TOP) == {"source"}
