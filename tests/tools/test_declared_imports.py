"""`tools/declared_imports.py` finds imports that nothing declares, in both languages, and this repository has none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "declared_imports.py"

PROJECT = """
[project]
name = "hitl_nb"
dependencies = ["jupyter_client>=8", "ipython>=8,<10 ; python_version > '3'"]
[project.optional-dependencies]
tables = ["pandas>=2"]
test = ["hitl_nb[tables]", "pyzmq"]
bench = ["Play.Wright[all]"]
"""
PACKAGE = {
    "dependencies": {"yjs": "^13.0.0", "@lumino/widgets": "^2.0.0"},
    "devDependencies": {"@rspack/core": "^2.0.0"},
}


def check(root: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, str(TOOL), str(root)], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def make(root: Path, files: dict[str, str]) -> Path:
    made = {"pyproject.toml": PROJECT, "extension/package.json": json.dumps(PACKAGE), **files}
    for path, text in made.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_this_repository() -> None:
    assert check(ROOT) == (0, "")


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("hitl_nb/one.py", "import tornado.web", "hitl_nb/one.py imports tornado, and pyproject.toml does not declare"),
        ("hitl_nb/one.py", "def f():\n    from traitlets import Int", "imports traitlets"),
        ("hitl_nb/one.py", "if True:\n    import pandas", "imports pandas"),
        ("hitl_nb/one.py", "def f():\n    import zmq", "imports zmq, and pyproject.toml does not declare pyzmq"),
        ("hitl_nb/one.py", "import helper", "imports helper"),
        ("hitl_nb/integrations/other/one.py", "import pandas", "imports pandas"),
        (
            "tests/test_one.py",
            "import play_wright",
            "imports play_wright, and pyproject.toml does not declare play-wright",
        ),
        ("benchmarks/one.py", "import pandas", "imports pandas"),
        ("extension/src/a/one.ts", "import { x } from '@rspack/core';", "declare it in dependencies"),
        ("extension/src/one.tsx", 'import {\n  x\n} from "react/jsx";', "extension/src/one.tsx imports react, and"),
        ("extension/src/one.ts", "const x = await import('@lumino/other/lib/x');", "imports @lumino/other, and"),
        ("extension/tests/one.spec.ts", "jest.mock('react');", "package.json does not declare it in devDependencies"),
        ("extension/page.build.mjs", "here('node_modules/process/browser.js')", "imports process, and"),
    ],
)
def test_what_is_not_declared_is_said(tmp_path: Path, path: str, text: str, said: str) -> None:
    code, told = check(make(tmp_path, {path: text, "tests/helper.py": ""}))
    assert code == 1
    assert said in told


def test_what_is_declared_may_be_imported(tmp_path: Path) -> None:
    files = {
        "hitl_nb/one.py": "import os\nimport IPython\nfrom jupyter_client import x\nfrom hitl_nb.two import y",
        "hitl_nb/two.py": "def y():\n    import pandas",
        "hitl_nb/integrations/tables/one.py": "import pandas",
        "tests/test_one.py": "import zmq\nimport pandas\nimport helper\nimport hitl_nb",
        "tests/helper.py": "",
        "benchmarks/one.py": "import play_wright",
        "extension/src/one.ts": "import * as Y from 'yjs';\nimport '@lumino/widgets/x';\nimport { two } from './two';",
        "extension/src/two.tsx": '<p>Taken from "what was said"</p>',
        "extension/tests/one.spec.ts": "import { x } from '@rspack/core';\nimport 'node:fs';",
    }
    assert check(make(tmp_path, files)) == (0, "")
