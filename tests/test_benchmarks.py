"""The benchmarks' own machinery: a table, and one JSON document. What they measure is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def benchmarks(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", "--only", "starting", "--rounds", "2", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_table_has_a_line_for_each_fact() -> None:
    printed = benchmarks().splitlines()
    assert printed[0].split() == ["ours", "beside", "ratio", "target"]
    assert printed[1].startswith("import hitl_nb, over bare Python")
    assert printed[1].split()[-1] in ("met", "MISSED")
    assert "Targets missed: " in printed[-1]


def test_json_is_one_document_with_the_same_facts() -> None:
    document = json.loads(benchmarks("--json"))
    assert document["machine"]["cores"] > 0
    for line in document["lines"]:
        assert {"what", "ours", "peer", "ratio", "target", "met", "unit"} <= line.keys()
        assert line["met"] is (line["ours"] <= line["peer"])
