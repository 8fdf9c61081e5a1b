"""`tools/structure.py` finds circles, full folders and long files of the engine; this repository has none of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "structure.py"


def check(root: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, str(TOOL), str(root)], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def make(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_this_repository() -> None:
    assert check(ROOT) == (0, "")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {
                "hitl_nb/low/one.py": "from hitl_nb.low.two import x",
                "hitl_nb/low/two.py": "from hitl_nb.low.one import y",
            },
            "files import each other: hitl_nb/low/one.py, hitl_nb/low/two.py",
        ),
        (
            {"hitl_nb/low/one.py": "from . import two", "hitl_nb/low/two.py": "def f():\n    from .one import y\n"},
            "files import each other: hitl_nb/low/one.py, hitl_nb/low/two.py",
        ),
        (
            {
                "hitl_nb/low/one.py": "from hitl_nb.high.one import x",
                "hitl_nb/high/one.py": "",
                "hitl_nb/high/two.py": "from hitl_nb.low.two import x",
                "hitl_nb/low/two.py": "",
            },
            "folders import each other: hitl_nb/high -> hitl_nb/low",
        ),
        (
            {
                "hitl_nb/a/b/one.py": "from hitl_nb.a.two import x",
                "hitl_nb/a/two.py": "",
                "hitl_nb/a/three.py": "import hitl_nb.a.b.one",
            },
            "folders import each other: hitl_nb/a -> hitl_nb/a/b",
        ),
        (
            {
                "extension/src/a/one.ts": "import { x } from '../b/two';",
                "extension/src/b/two.tsx": "import type { y } from '../a';",
                "extension/src/a/index.ts": "",
            },
            "folders import each other: extension/src/a -> extension/src/b",
        ),
        ({f"hitl_nb/full/file_{n}.py": "" for n in range(14)}, "hitl_nb/full holds 14 files, more than 13"),
        ({f"extension/src/full/file_{n}.ts": "" for n in range(14)}, "extension/src/full holds 14 files, more than 13"),
        (
            {"hitl_nb/engine/run/long.py": "x = 1\n" * 401},
            "hitl_nb/engine/run/long.py has 401 lines, more than 400: split it",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, files: dict[str, str], said: str) -> None:
    code, text = check(make(tmp_path, files))
    assert code == 1
    assert said in text


def test_types_are_no_circle_and_full_packages_and_files_are_allowed(tmp_path: Path) -> None:
    files = {
        "hitl_nb/low/one.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hitl_nb.low.two\n",
        "hitl_nb/low/two.py": "from hitl_nb.low.one import y",
        "hitl_nb/full/__init__.py": "",
        **{f"hitl_nb/full/file_{n}.py": "" for n in range(13)},
        "hitl_nb/engine/as_long_as_it_may_be.py": "x = 1\n" * 400,
        "hitl_nb/values/long.py": "x = 1\n" * 401,
        "extension/src/one.ts": "import { x } from './a/two';",
        "extension/src/a/two.ts": "",
    }
    assert check(make(tmp_path, files)) == (0, "")
